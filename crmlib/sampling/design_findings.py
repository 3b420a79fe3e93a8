"""The sampling decision in sentences: page one of the design report."""

import pandas as pd

from crmlib.findings import Finding
from crmlib.sampling.decision import Decision, half_width_with_nonresponse
from crmlib.sampling.drawing import DrawnSample
from crmlib.sampling.frames import FrameCheck
from crmlib.sampling.sizes import SampleSize


def design_findings(
    decision: Decision,
    size: SampleSize,
    drawn: DrawnSample,
    check: FrameCheck,
    *,
    purpose: str,
    confidence: float,
    response_rate: float,
    unit: str,
    money: str,
) -> list[Finding]:
    """Findings of the design report: what to do, why so, what was rejected, how good the frame is.

    Parameters
    ----------
    decision : Decision
    size : SampleSize
        Interviews needed.
    drawn : DrawnSample
        The invitations.
    check : FrameCheck
    purpose : str
        What the survey is for, in words.
    confidence, response_rate : float
        As planned, fractions.
    unit, money : str
        Unit of the survey's answer ("points") and of money, for the sentences.

    Returns
    -------
    list of Finding
    """
    return [
        decision_finding(decision, size, drawn, purpose, confidence, response_rate, unit, money),
        reason_finding(decision, size, drawn, response_rate, unit),
        rejected_finding(decision, money),
        frame_finding(check),
    ]


def decision_finding(
    decision: Decision,
    size: SampleSize,
    drawn: DrawnSample,
    purpose: str,
    confidence: float,
    response_rate: float,
    unit: str,
    money: str,
) -> Finding:
    """Method, numbers, precision and cost."""
    row = taken(decision)
    half = with_nonresponse(row, size, drawn)
    return Finding(
        f"Invite {len(drawn.units):,} by the method “{decision.chosen}” to get {size.n:,} "
        f"interviews; the mean will be right to ±{half:.3g} {unit} with {confidence:.0%} "
        f"confidence, for about {row['cost']:,.0f} {money}.",
        f"Purpose: {purpose}. Asked for: ±{decision.margin:g} {unit}. "
        f"{drawn.audit['frame_rows']:,} units can be drawn; {response_rate:.0%} are expected to "
        "answer. The list of those to invite, in the order of release, lies beside this report.",
    )


def taken(decision: Decision) -> pd.Series:
    """Row of the design that is taken."""
    return decision.table[decision.table["design"] == decision.chosen].iloc[0]


def with_nonresponse(row: pd.Series, size: SampleSize, drawn: DrawnSample) -> float:
    """Half-width of a design when as many answer as are needed of those invited."""
    return half_width_with_nonresponse(
        row["half_width"],
        row["design_effect"],
        size.n,
        len(drawn.units),
        drawn.audit["frame_rows"],
    )


def reason_finding(
    decision: Decision, size: SampleSize, drawn: DrawnSample, response_rate: float, unit: str
) -> Finding:
    """What the chosen design gains, from draws of this very frame, and how to report it."""
    row = taken(decision)
    effect = row["design_effect"]
    detail = "Found by drawing thousands of samples from your own list. "
    if 0.9 <= effect <= 1.1:
        text = "It is as precise as a simple random sample, and no method does better at the cost."
    elif effect > 1:
        text = f"Its variance is {effect:.1f} times a simple random sample's, at less cost."
    else:
        text = (
            f"If everybody answers, the method is worth {1 / effect:.1f} times as many interviews."
        )
        detail += (
            f"With {response_rate:.0%} answering, chance decides who does and most of the gain is "
            f"lost (±{with_nonresponse(row, size, drawn):.3g} instead of "
            f"±{row['half_width']:.3g} {unit}), unless the answers are weighted by what the list "
            "was sorted or divided by. "
        )
    if row["report_by"] == "own formula":
        return Finding(text, f"{detail}Report by the method's own formula.")
    half, right = row["reported_naive_width"] / 2, row["reported_design_coverage"]
    return Finding(
        text,
        f"{detail}Report by the usual formula, ±{half:.3g} {unit}: it is on the safe side, while "
        f"intervals by the method's own formula were right in {right:.0%} of the samples only.",
    )


def rejected_finding(decision: Decision, money: str) -> Finding:
    """What was rejected and why."""
    others = decision.table[decision.table["design"] != decision.chosen]
    reasons = [
        f"{row['design']} ({row['cost']:,.0f} {money}): {row['verdict']}"
        for _, row in others.iterrows()
    ]
    return Finding(
        f"{len(others)} other methods were tried and rejected.", "; ".join(reasons) + "."
    )


def frame_finding(check: FrameCheck) -> Finding:
    """How good the list is."""
    usable, rows = int(check.usable.sum()), len(check.usable)
    wrong = check.checks[(check.checks["severity"] != "good") & (check.checks["rows"] > 0)]
    found = [f"{row['check']} ({row['rows']:,} rows)" for _, row in wrong.iterrows()]
    text = f"{usable:,} of the {rows:,} rows of the list can be drawn."
    if pd.notna(check.revenue_coverage):
        text = text[:-1] + f"; they stand for {check.revenue_coverage:.0%} of the revenue."
    detail = f"To look at: {', '.join(found)}." if found else "Nothing wrong was found in it."
    return Finding(text, f"{detail} Who cannot be drawn cannot be spoken for.")
