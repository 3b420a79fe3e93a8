"""What a manager should know about what customers do: page one of the behaviour report."""

import numpy as np
import pandas as pd

from crmlib.findings import Finding, amount, counted, listed
from crmlib.segmentation.assignment_rules import AssignmentRules
from crmlib.segmentation.number_of_segments import STABLE
from crmlib.segmentation.rfm_segments import rfm_segment_summary
from crmlib.segmentation.segment_criteria import SegmentCriteria
from crmlib.segmentation.segment_migration import GONE, SegmentMigration
from crmlib.segmentation.segment_verdicts import why_no_shares

GOOD = ("Champions", "Potential Loyalist", "Loyal Customers")
FADING = ("Can't Lose Them", "At Risk", "Need Attention", "About To Sleep", "Lost")
FIRST_TO_CALL = ("Can't Lose Them", "At Risk")

TELLING = 0.33
"""Cliff's delta from which on a difference names a segment (medium, Romano and others 2006)."""

SHAKY = 0.6
"""Agreement of samples below which, at the low end of their range, segments are in doubt."""

ALIKE = 0.05
"""Difference of shares of money for the same share of customers that is none."""

MOST = {
    "recency": ("silent longest", "bought last"),
    "tenure": ("customers longest", "customers shortest"),
    "frequency": ("most orders", "fewest orders"),
    "monetary": ("most revenue", "least revenue"),
    "order_value": ("largest orders", "smallest orders"),
    "orders_per_active_month": ("order most often", "order least often"),
    "revenue_per_active_month": ("most a month", "least a month"),
    "quiet_share": ("most quiet months", "fewest quiet months"),
    "returned_share": ("return most", "return least"),
    "discounted_share": ("most at a discount", "least at a discount"),
    "lines": ("most product lines", "fewest product lines"),
}
"""What a segment is called that is above, or below, all others in a feature."""

NEEDED = ("big enough", "relevant", "different", "stable")
"""What a segment must be for a treatment of its own; today's customers are reached by name."""


def segment_names(profiles: pd.DataFrame) -> dict[str, str]:
    """Names for numbered segments: what they are most, or least, of all.

    Parameters
    ----------
    profiles : DataFrame
        `Segmentation.profiles` of numbers: segment, feature, mean, effect_size.

    Returns
    -------
    dict
        From number to a name that begins with it, "1: largest orders, order most often". At most
        two features, the most telling first; "in between" where it is at no end of any.
    """
    means = profiles.pivot_table(index="segment", columns="feature", values="mean", sort=False)
    names = {}
    for segment, rows in profiles.groupby("segment", sort=False):
        order = rows["effect_size"].abs().sort_values(ascending=False, kind="stable").index
        telling = rows.loc[order][rows.loc[order, "effect_size"].abs() >= TELLING]
        words = [_end_words(means[row["feature"]], segment, row) for _, row in telling.iterrows()]
        said = ", ".join([word for word in words if word][:2]) or _between(telling)
        names[str(segment)] = f"{segment}: {said}"
    return names


def _between(telling: pd.DataFrame) -> str:
    """Words for a segment at no end of any feature."""
    if telling.empty:
        return "in between"
    first = telling.iloc[0]
    plain = str(first["feature"]).removesuffix("_share").replace("_", " ")
    return f"in between, {plain} rather {'high' if first['effect_size'] > 0 else 'low'}"


def _end_words(means: pd.Series, segment: object, row: pd.Series) -> str:
    """Words where the segment is at one end of a feature, on the side it differs to."""
    feature = str(row["feature"])
    plain = feature.removesuffix("_share").replace("_", " ")
    most, least = MOST.get(feature, (f"most {plain}", f"least {plain}"))
    if row["effect_size"] > 0 and means.idxmax() == segment:
        return most
    return least if row["effect_size"] < 0 and means.idxmin() == segment else ""


def rfm_finding(customers: pd.DataFrame, money: str) -> Finding:
    """Who buys, who fades, by recency, frequency and monetary value.

    Scores compare with the other customers and say nothing of days, so the days are told beside
    them. To be spoken to are only those whose silence is long for themselves too.

    Parameters
    ----------
    customers : DataFrame
        `RfmScores.table` with unusually_silent, from `unusually_silent`.
    money : str
        Unit of money.
    """
    rated = rfm_segment_summary(customers).set_index("segment")
    if len(rated) == 1:
        return Finding(
            f"All {counted(len(customers), 'customer')} are in one named segment, "
            f"{_quoted([*rated.index])}: "
            "by how lately, how often and how much they buy they are hardly told apart.",
            _first_to_call(customers, money),
        )
    good, fading = (customers[customers["segment"].isin(names)] for names in (GOOD, FADING))
    text = (
        f"Of {counted(len(customers), 'customer')}, {_part(good, rated)} buy more often and bought "
        f"more recently than most of the others{_silent(good)}; {_part(fading, rated)} bought "
        f"longer ago than most, or little{_silent(fading)}."
    )
    return Finding(text, _first_to_call(customers, money))


def _first_to_call(customers: pd.DataFrame, money: str) -> str:
    """Whom to speak to: those behind the others and behind their own rhythm."""
    parts, revenue, behind, called = [], 0.0, 0, 0
    for name in FIRST_TO_CALL:
        rows = customers[customers["segment"] == name]
        late = rows[rows["unusually_silent"]]
        behind, called = behind + len(rows), called + len(late)
        if len(late):
            days = counted(round(late["recency"].median()), "day")
            ago = f"half silent for {days} or more"
            parts.append(f"{len(late):,} of {len(rows):,} in {name} ({ago})")
            revenue += float(late["monetary"].sum())
    if not behind:
        return "Nobody who used to bring much is behind the others now."
    if not parts:
        return (
            f"The {counted(behind, 'customer')} in {listed(list(FIRST_TO_CALL))} are behind the "
            "others, but nobody is silent for longer than its own rhythm explains."
        )
    rest = " For the others it is ordinary." if called < behind else ""
    return (
        f"To be spoken to first, silent for longer than their own rhythm explains: "
        f"{listed(parts)}, who brought {amount(revenue, revenue)} {money} of revenue.{rest}"
    )


def _silent(rows: pd.DataFrame) -> str:
    """Days since the last purchase in the middle, in brackets."""
    if rows.empty:
        return ""
    return f" (half {counted(round(rows['recency'].median()), 'day')} ago or more)"


def _part(rows: pd.DataFrame, rated: pd.DataFrame) -> str:
    """Share of customers and of revenue of some segments."""
    chosen = rated.loc[rated.index.isin(rows["segment"])]
    said = f"{chosen['customer_share'].sum():.0%}"
    if chosen["revenue_share"].notna().any():
        said += f" (with {chosen['revenue_share'].sum():.0%} of the revenue)"
    return said


def kinds_finding(choice: pd.DataFrame, k: int, note: str, other_way: float) -> Finding:
    """Whether habits show kinds of customers, and how many.

    Parameters
    ----------
    choice : DataFrame
        `Segmentation.choice`.
    k : int
        Segments found.
    note : str
        By what, and among whom, from `segment_basis`.
    other_way : float
        Adjusted Rand index with the segments of the other method. Where it is below `STABLE`, or
        samples agree to less than `SHAKY` at worst, the headline says so.
    """
    if k < 2:
        return Finding(
            "What customers do shows no kinds of customers: they differ by degrees.",
            f"{note} No number of them was found again in other samples and stood apart. The "
            "named segments below are cut by rule, not found.",
        )
    row = choice[choice["k"] == k].iloc[0]
    agreed = "" if np.isnan(other_way) else f"; by another method to {other_way:.2f}"
    doubts = [f"another method cuts elsewhere (agreement {other_way:.2f} of 1)"] * bool(
        other_way < STABLE
    )
    if row["stability_low"] < SHAKY:
        doubts.append(f"other samples of customers may {'too' if doubts else 'cut elsewhere'}")
    text = f"What customers do shows {k} kinds of customers."
    if doubts:
        text = (
            f"Customers can be cut into {k} groups by what they do, but {listed(doubts)}: take "
            "them for ranges in one crowd rather than for kinds."
        )
    return Finding(
        text,
        f"{note} Found again in other samples to {row['stability']:.2f} "
        f"({row['stability_low']:.2f} to {row['stability_high']:.2f}){agreed}; 1 is wholly.",
    )


def money_finding(sizes: pd.DataFrame, money_is: str) -> Finding:
    """Which segment brings most for its size, and which least.

    Parameters
    ----------
    sizes : DataFrame
        `SegmentCriteria.sizes`.
    money_is : str
        What the money is: profit of the last 365 days.
    """
    if sizes["profit_share"].isna().any():
        return Finding(
            f"Which segment brings how much of the {money_is} cannot be said: "
            f"{why_no_shares(sizes['profit'])}.",
            "",
        )
    weight = sizes["profit_share"] / sizes["customers_share"]
    if weight.max() - weight.min() < ALIKE:
        return Finding(
            f"Every segment brings of the {money_is} what its number of customers would.", ""
        )
    of_all = f"of the {counted(int(sizes['customers'].sum()), 'customer')} compared"
    best, worst = (sizes.iloc[int(place)] for place in (weight.argmax(), weight.argmin()))
    return Finding(
        f"“{best['segment']}” brings {best['profit_share']:.0%} of the {money_is} "
        f"({best['profit_share_low']:.0%} to {best['profit_share_high']:.0%}) with "
        f"{best['customers_share']:.0%} {of_all}; “{worst['segment']}” "
        f"{worst['profit_share']:.0%} with {worst['customers_share']:.0%}.",
        "",
    )


def worth_finding(criteria: SegmentCriteria) -> Finding:
    """Which segments are worth a treatment of their own, and what the others lack.

    Parameters
    ----------
    criteria : SegmentCriteria
    """
    table = criteria.table.set_index("segment")
    passed = [str(name) for name in table.index if (table.loc[name, list(NEEDED)] == "yes").all()]
    verb = {0: "none is", 1: "1 is"}.get(len(passed), f"{len(passed)} are")
    text = f"Of {counted(len(table), 'segment')}, {verb} shown to be big enough, "
    text += "to differ in profit and habits, and to last"
    text += f": {_quoted(passed)}." if passed else "."
    details = [_lacking(table), _no_more(criteria.staying, table), _reach_words(table)]
    return Finding(text, " ".join(filter(None, details)))


def _quoted(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(f'“{name}”' for name in names[:4])} and {len(names) - 4} more"
    return listed([f"“{name}”" for name in names])


def _lacking(table: pd.DataFrame) -> str:
    """Of every criterion, how many segments fail and of how many it cannot be said."""
    parts = []
    for criterion in NEEDED:
        failed, open_ = ((table[criterion] == said).sum() for said in ("no", "cannot say"))
        said = [f"no for {failed}"] * bool(failed) + [f"not known for {open_}"] * bool(open_)
        parts += [f"{criterion}: {' and '.join(said)}"] * bool(said)
    return f"{'; '.join(parts).capitalize()}." if parts else ""


def _no_more(staying: pd.DataFrame, table: pd.DataFrame) -> str:
    """Segments that nobody is in any more."""
    if staying.empty:
        return ""
    gone = staying.loc[~staying["segment"].isin(table.index), "segment"]
    return f"Nobody is in {_quoted([str(name) for name in gone])} any more." if len(gone) else ""


def _reach_words(table: pd.DataFrame) -> str:
    reached = table["reachable"]
    if (reached == "cannot say").all():
        return ""
    yes = int((reached == "yes").sum())
    told = f"{counted(yes, 'segment')} can" if yes else "no segment is shown that can"
    return f"Before the first purchase {told} be told by what is known of customers."


def rules_finding(rules: AssignmentRules) -> Finding:
    """How well a person can tell the segment by a few questions.

    Parameters
    ----------
    rules : AssignmentRules
    """
    ours, guess = rules.accuracy.iloc[0], rules.accuracy.iloc[1]
    between = f"({100 * ours['low_share']:.0f} to {100 * ours['high_share']:.0f})"
    if ours["low_share"] <= guess["right_share"]:
        return Finding(
            f"A few questions do not tell the segment: they are right for "
            f"{100 * ours['right_share']:.0f} of 100 customers {between}, always naming the "
            f"largest for {100 * guess['right_share']:.0f}.",
            "",
        )
    best = rules.rules.sort_values(["low_share", "customers"], ascending=False).iloc[0]
    return Finding(
        f"A salesperson can tell the segment by {counted(len(rules.rules), 'rule')} and is right "
        f"for {100 * ours['right_share']:.0f} of 100 customers {between}; always naming the "
        f"largest would be for {100 * guess['right_share']:.0f}.",
        f"The surest: {best['when']}: “{best['segment']}”.",
    )


def use_findings(
    criteria: SegmentCriteria | None, rules: AssignmentRules | None, money_is: str
) -> list[Finding]:
    """What segments bring, are worth and are told by; one sentence where there is one group.

    Parameters
    ----------
    criteria : SegmentCriteria or None
    rules : AssignmentRules or None
        None where all customers are in one group.
    money_is : str
        As of `money_finding`.
    """
    if criteria is None or rules is None:
        return [Finding("One group: the named segments do not part the customers either.", "")]
    return [money_finding(criteria.sizes, money_is), worth_finding(criteria), rules_finding(rules)]


def moves_finding(migration: SegmentMigration, days: int, money: str) -> Finding:
    """Who moved down out of valuable segments, and whether more than before.

    Parameters
    ----------
    migration : SegmentMigration
        With money.
    days : int
        Length of the two stretches of time compared.
    money : str
        Unit of money.
    """
    alarms = migration.alarms
    stretch = f"the last {days:,} days against the {days:,} before"
    if alarms.empty:
        return Finding(f"Nobody moved down out of a valuable segment, {stretch}.", "")
    n, brought = int(alarms["customers"].sum()), alarms["money"].sum()
    first = alarms.iloc[0]
    to = f"{'is' if first['customers'] == 1 else 'are'} {first['to_segment']} now"
    if first["to_segment"] == GONE:
        to = "bought nothing more"
    detail = (
        f"Most money: of {first['from_customers']:,} {first['from_segment']}, "
        f"{first['customers']:,} {to} ({first['low']:.0%} to {first['high']:.0%})."
    )
    moved = "customer has" if n == 1 else "customers have"
    return Finding(
        f"{n:,} {moved} moved down or away out of the valuable segments, {stretch}; they had "
        f"brought {amount(brought, brought)} {money} of revenue before.",
        f"{detail} {_unusual_words(alarms)}",
    )


def _unusual_words(alarms: pd.DataFrame) -> str:
    known = alarms["unusual"].dropna()
    if known.empty:
        return (
            "Whether that is more than usual cannot be said: the purchases do not go back so far."
        )
    more = int(known.sum())
    if not more:
        return "No such move is shown to be more frequent than a stretch earlier."
    verb = "is" if more == 1 else "are"
    return (
        f"{more} of {counted(len(known), 'such move')} {verb} more frequent than a stretch earlier."
    )
