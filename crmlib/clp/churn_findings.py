"""What a manager should know about losing customers: page one of the churn-loss report."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib.clp.churn import ValueAtRisk
from crmlib.clp.retention_gain import LEAST_LOST
from crmlib.findings import Finding, amount, counted, listed

Row = dict[Hashable, Any]

ALIKE = 0.01
"""Difference of shares that is none."""

MANY = 0.1
"""Share of customers from which on what is taken of them is said."""

WIDE = 0.2
"""Length of a range of shares from which on no number is named within it."""

MODEL_WORDS = {
    "constant": "one retention for all",
    "by tenure": "retention by tenure as observed",
    "shifted beta-geometric": "the shifted beta-geometric model",
}


@dataclass(frozen=True)
class ChurnWords:
    """What the sentences are written with.

    Attributes
    ----------
    period, money : str
        Units of time and money.
    periods : int
        Periods looked ahead.
    left_after : int
        Quiet periods after which a customer counts as lost.
    points : float
        Customers more to keep a year, a fraction.
    watched : int
        Longest tenure after which it was seen who buys again.
    """

    period: str
    money: str
    periods: int
    left_after: int
    points: float
    watched: int

    @property
    def ahead(self) -> str:
        """The periods looked ahead, in words."""
        return (
            f"the next {self.periods} {self.period}s"
            if self.periods > 1
            else (f"the next {self.period}")
        )


def churn_findings(
    gain: pd.DataFrame,
    longer: pd.DataFrame,
    values: pd.DataFrame,
    risk: ValueAtRisk,
    losses: pd.DataFrame,
    newcomers: pd.DataFrame,
    check: pd.DataFrame,
    *,
    model: str,
    acquisition_cost: float | None,
    words: ChurnWords,
) -> list[Finding]:
    """Findings of the churn-loss report: who stays, what leaves, what keeping more is worth.

    Parameters
    ----------
    gain : DataFrame
        From `retention_gain`.
    longer : DataFrame
        From `retention_gain` over longer times, with a column years.
    values : DataFrame
        From `customer_values`, by the model the findings go by.
    risk : ValueAtRisk
        Of their losses.
    losses : DataFrame
        Sums of `customer_values` by each model: model, value, expected_loss.
    newcomers : DataFrame
        From `new_customer_value`.
    check : DataFrame
        From `retention_check`.
    model : str
        The model of retention that the findings go by, from `best_model`.
    acquisition_cost : float or None
        What winning a customer costs, where it is known.
    words : ChurnWords

    Returns
    -------
    list of Finding

    Notes
    -----
    Intervals are those from the lowest to the highest end of the models of `standing_models`.
    """
    ways = standing_models(check, gain)
    ranged = over_models(gain, ways)
    by_model = ranged[ranged["model"] == model]
    new = over_models(newcomers, ways)
    return [
        stay_finding(gain, values, check, model, words),
        loss_finding(values, risk, losses[losses["model"].isin(ways)], by_model, words),
        gain_finding(by_model, longer[longer["model"] == model], words),
        pays_finding(by_model, new[new["model"] == model], acquisition_cost, words),
        trust_finding(gain, check, model, words),
    ]


def best_model(check: pd.DataFrame, gain: pd.DataFrame) -> str:
    """Name the model of retention that would have erred least, of those the data determine.

    By customers, not by profit: that errs for other reasons too. Where models foresaw the same
    number of customers, profit decides between them.
    """
    known = check[check["model"].isin(gain["model"])].dropna(subset="expected_stayed")
    if known.empty:
        return "by tenure"
    error = missed(known).round(6)
    order = pd.DataFrame({"customers": error, "profit": known["error_percent"].abs()})
    return str(known.loc[order.sort_values(["customers", "profit"]).index[0], "model"])


def missed(check: pd.DataFrame) -> pd.Series:
    """Share of the customers of then that a model foresaw wrongly: too many or too few stayed."""
    return (check["expected_stayed"] - check["stayed"]).abs() / check["customers"]


def standing_models(check: pd.DataFrame, gain: pd.DataFrame) -> list[str]:
    """Models of retention that the past does not refute; all where it refutes every one."""
    models = list(gain["model"].unique())
    refuted = check.loc[check["refuted"].astype(bool), "model"]
    return [model for model in models if model not in set(refuted)] or models


def over_models(table: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Give every interval the lowest and the highest end that it has by some models."""
    among, found = table[table["model"].isin(models)], table.copy()
    alike = ["kept_bring"] if "kept_bring" in table else []
    for name in table.columns:
        if not name.endswith(("low", "high")):
            continue
        how = "min" if name.endswith("low") else "max"
        if alike:
            ends = among.groupby("kept_bring")[name].agg(how)
            found[name] = found["kept_bring"].map(ends)
        else:
            found[name] = among[name].agg(how)
    return found


def stay_range(gain: pd.DataFrame, check: pd.DataFrame) -> tuple[float, float]:
    """Range of the share that is still there after a year.

    From the lowest to the highest end of the models that stand, each wider by what it missed.
    """
    rows = gain.drop_duplicates("model").set_index("model").loc[standing_models(check, gain)]
    past = missed(check.set_index("model")).reindex(rows.index).fillna(0.0)
    low, high = (rows["stay_low"] - past).min(), (rows["stay_high"] + past).max()
    return max(float(low), 0.0), min(float(high), 1.0)


def of_hundred(share: float) -> str:
    """Write a share as so many of 100, with a digit where it is small or nearly all."""
    percent = 100 * share
    return f"{percent:.0f}" if 5 <= percent <= 95 else f"{percent:.1f}"


def stay_finding(
    gain: pd.DataFrame, values: pd.DataFrame, check: pd.DataFrame, model: str, words: ChurnWords
) -> Finding:
    """How many customers stay for a year, and how right such a number was before."""
    row = gain[gain["model"] == model].iloc[0]
    here, lost = int(row["customers"]), int(row["lost"])
    seen = (
        f"Customers of today bought in the last {counted(words.left_after, words.period)}: "
        f"{here:,} of {here + lost:,}; {lost:,} are lost."
    )
    if np.isnan(row["stay"]):
        return Finding(
            "How many customers stay cannot be said: too few have left so far, or too few bought "
            "again.",
            f"{seen} At least {LEAST_LOST} must have left, and some bought again, for an answer.",
        )
    low, high = stay_range(gain, check)
    ends = [f"{100 * end:.0f}" for end in (low, high)]
    if high - low > WIDE:
        text = (
            f"Of 100 customers of today between {ends[0]} and {ends[1]} will still be customers in "
            "a year: how long customers stay cannot be said more closely from this table."
        )
    else:
        text = (
            f"Of 100 customers of today about {100 * row['stay']:.0f} will still be customers in a "
            f"year (likely {ends[0]} to {ends[1]}{beyond_words(values, words)})."
        )
    return Finding(
        f"{text}{past_words(check, model, words)}",
        " ".join(filter(None, [seen, gone_words(values), models_words(gain, check)])),
    )


def past_words(check: pd.DataFrame, model: str, words: ChurnWords) -> str:
    """What the same reckoning said before of how many stay, and how many did."""
    past = check[check["model"] == model].dropna(subset="stayed")
    if past.empty:
        return " Whether such a number was right before is not known."
    row = past.iloc[0]
    said, came = (100 * row[name] / row["customers"] for name in ("expected_stayed", "stayed"))
    time = counted(int(row["periods"]), words.period)
    return f" The same reckoning said {said:.0f} for the last {time}; {came:.0f} stayed."


def gone_words(values: pd.DataFrame) -> str:
    """How many of today's customers will not buy again."""
    gone = (1 - values["still_here"]).sum()
    if gone < 0.5:
        return ""
    return f"About {gone:,.0f} of the {len(values):,} are probably gone already."


def beyond_words(values: pd.DataFrame, words: ChurnWords) -> str:
    """On what the answer hangs where many are customers for longer than any could be watched."""
    beyond = values["tenure"] >= words.watched
    if beyond.mean() < MANY:
        return ""
    return (
        f", if the {beyond.sum():,} who are past the {counted(words.watched, words.period)} that "
        "could be watched stay as before"
    )


def models_words(gain: pd.DataFrame, check: pd.DataFrame) -> str:
    """What the range is made from, and what each model says."""
    rows, ways = gain.drop_duplicates("model"), standing_models(check, gain)
    parts = [
        f"{100 * row['stay']:.0f} by {MODEL_WORDS[row['model']]}" for _, row in rows.iterrows()
    ]
    text = f"It is {listed(parts)}"
    if np.ptp(rows["stay"]) < ALIKE:
        text = "All ways to see retention say so"
    if check["stayed"].isna().all():
        return f"{text}; none could be tested on the past."
    refuted = [MODEL_WORDS[model] for model in rows["model"] if model not in ways]
    if refuted:
        return f"{text}; the past refutes, and the range leaves out, {listed(refuted)}."
    if check["refuted"].astype(bool).all():
        return f"{text}; the past refutes all: the range is wider by what they missed."
    return f"{text}; the past refutes none."


def loss_finding(
    values: pd.DataFrame,
    risk: ValueAtRisk,
    losses: pd.DataFrame,
    gain: pd.DataFrame,
    words: ChurnWords,
) -> Finding:
    """What the customers that leave within a year take with them."""
    if gain["stay"].isna().all():
        return Finding("What the customers that leave within a year will take cannot be said.", "")
    total, expected = values["value"].sum(), values["expected_loss"].sum()
    if total <= 0:
        return Finding(
            "The customers of today bring no profit, so losing them costs none.",
            "Look at what they cost before spending on keeping them.",
        )
    scale = risk.table["exceeded_loss"].iloc[0]
    held = largest_words(values["value"].nlargest(10), total)
    detail = f"Who is probably gone already is not counted. {held}"
    low, high = losses["expected_loss"].min(), losses["expected_loss"].max()
    if high > 1.5 * low:
        return Finding(
            f"Customers that leave within a year take between {about(low)} and {about(high)} "
            f"{words.money} of profit of {words.ahead} with them: it hangs on how long customers "
            "stay.",
            detail,
        )
    return Finding(
        f"Customers that leave within a year take about {about(expected)} {words.money} of profit "
        f"with them, {expected / total:.0%} of what all of today bring in {words.ahead}; with a "
        f"chance of {risk.level:.0%}, more than {about(scale)}.",
        f"{detail} A cause that drives out many at once would make it worse.",
    )


def about(number: float) -> str:
    """Write money with the two digits that such sums can be known to."""
    if not number:
        return "0"
    rounded = float(f"{number:.2g}")
    return amount(rounded, rounded) if abs(number) >= 10 else price(rounded, rounded)


def largest_words(largest: pd.Series, value: float) -> str:
    """How much of the value the largest customers hold."""
    held = f"{largest.sum() / value:.0%} of the value"
    if len(largest) < 10:
        return f"All of it hangs on {counted(len(largest), 'customer')}."
    return f"The ten largest customers hold {held}."


def gain_finding(gain: pd.DataFrame, longer: pd.DataFrame, words: ChurnWords) -> Finding:
    """What keeping more customers is worth, here."""
    others, lost = kept_rows(gain)
    more = f"{of_hundred(words.points).removesuffix('.0')} of 100 customers more each year"
    if np.isnan(others["gain_percent"]):
        why = "it is not known how many stay"
        if others["value"] <= 0:
            why = "the customers of today bring no profit"
        return Finding(f"What keeping {more} is worth cannot be said: {why}.", "")
    text = (
        f"Keeping {more} is worth about {about(others['gain'])} {words.money} in "
        f"{words.ahead}: {percent_words(others)} more profit, if those kept bring as much as the "
        "others"
    )
    if np.isfinite(lost["gain_percent"]):
        text += f", and {percent_words(lost)}, if they go on as those lost did"
    return Finding(f"{text}.", f"{capped_words(others, words)}{longer_words(longer)}")


def kept_rows(gain: pd.DataFrame) -> tuple[Row, Row]:
    """The rows of one model: those kept bring as much as the others, and as those lost."""
    by_kept = gain.set_index("kept_bring").to_dict("index")
    return by_kept["as the others"], by_kept["as those lost"]


def percent_words(row: Row) -> str:
    """Write the gain as a percentage with its interval: 5.0% (4.1 to 5.7)."""
    low, high = signed(row["gain_percent_low"]), signed(row["gain_percent_high"])
    return f"{signed(row['gain_percent'])}% ({low} to {high})"


def signed(number: float) -> str:
    """Write a number with two digits at most and a true minus sign."""
    return f"{number:.{0 if abs(number) >= 10 else 1}f}".replace("-", "−")


def capped_words(row: Row, words: ChurnWords) -> str:
    """Say where fewer can be kept than asked for."""
    if row["raised"] < 1:
        return ""
    return f"Only {of_hundred(1 - row['retention'])} of 100 leave, so no more can be kept. "


def longer_words(longer: pd.DataFrame) -> str:
    """How the gain grows with the time looked ahead, against the figure that is quoted."""
    rows = longer[(longer["kept_bring"] == "as the others")].dropna(subset="gain_percent")
    quoted = "The 25 to 85% often quoted count all years to come, in other industries."
    if rows.empty:
        return quoted
    parts = [
        f"{row['gain_percent']:.0f}% over {counted(int(row['years']), 'year')}"
        for _, row in rows.iterrows()
    ]
    return f"{quoted} On these customers it is {listed(parts)}."


def pays_finding(
    gain: pd.DataFrame,
    newcomers: pd.DataFrame,
    acquisition_cost: float | None,
    words: ChurnWords,
) -> Finding:
    """What a programme, and winning a customer, may cost."""
    if gain["stay"].isna().all():
        return Finding("What keeping or winning a customer may cost cannot be said.", "")
    new = newcomers.iloc[0]
    detail = new_words(new, acquisition_cost, words)
    others, lost = kept_rows(gain)
    known = [row for row in (lost, others) if np.isfinite(row["affordable"])]
    known.sort(key=lambda row: row["affordable"])
    if not known or max(row["affordable"] for row in known) <= 0:
        return Finding("What a programme to keep customers may cost cannot be said.", detail)
    first, *second = [
        f"{about(row['affordable'])} {words.money} "
        f"({about(row['affordable_low'])} to {about(row['affordable_high'])})"
        for row in known
    ]
    text = f"A programme that keeps so many may cost at most {first} for each customer and year"
    if second:
        text += f", or {second[0]} if they bring as much as the others"
    return Finding(f"{text}.", detail)


def price(number: float, scale: float) -> str:
    """Write money for one customer, with cents where it is little."""
    digits = f"{number:,.2f}" if abs(scale) < 100 else amount(number, scale)
    return digits.replace("-", "−")


def new_words(new: pd.Series, cost: float | None, words: ChurnWords) -> str:
    """What a customer won today brings, which winning one may cost at most."""
    between = f" ({about(new['low'])} to {about(new['high'])})" if np.isfinite(new["low"]) else ""
    worth = f"{about(new['value'])} {words.money} in {words.ahead}{between}"
    if cost is None:
        if new["value"] <= 0:
            return f"A customer won today brings about {worth}: winning one does not pay."
        return f"Winning a customer may cost at most what one won today brings: about {worth}."
    return (
        f"A customer won today brings about {worth}."
        f"{cost_words(cost, new['break_even_share'], words)}"
    )


def cost_words(cost: float, break_even: float, words: ChurnWords) -> str:
    """From which retention on winning a customer pays."""
    spent = f" Winning one for {price(cost, cost)} {words.money}"
    if np.isnan(break_even):
        return f"{spent} does not come back in {words.ahead}, even if all stayed."
    if break_even < 0.01:
        return f"{spent} comes back even if hardly any stays for a year."
    return f"{spent} comes back if {of_hundred(break_even)} of 100 or more stay the first year."


def trust_finding(
    gain: pd.DataFrame, check: pd.DataFrame, model: str, words: ChurnWords
) -> Finding:
    """How the same reckoning did on the past, and what hangs on the model of retention."""
    row = check[check["model"] == model]
    hinges = hinge_words(gain)
    if row.empty or row["error_percent"].isna().item():
        return Finding(
            "Whether such figures would have been right in the past is not known.", hinges
        )
    past = row.iloc[0]
    error = past["error_percent"]
    side = f"{abs(error):.0f}% too {'high' if error > 0 else 'low'}"
    text = (
        f"Made {counted(int(past['periods']), words.period)} ago, the same reckoning of profit "
        f"would have been {side if abs(error) >= 0.5 else 'right'}: "
        f"{amount(past['expected_profit'], past['profit'])} {words.money} from the customers of "
        f"then; {amount(past['profit'], past['profit'])} came."
    )
    if abs(error) > 25:
        text += " Do not plan with its sums of money."
    back = (
        f"Of {counted(int(past['customers']), 'customer')}, {past['expected_back']:,.0f} were to "
        f"buy again; {past['back']:,} did."
    )
    return Finding(text, f"{back} {hinges}".strip())


def hinge_words(gain: pd.DataFrame) -> str:
    """The gain by each way to see retention."""
    rows = gain[gain["kept_bring"] == "as the others"].dropna(subset="gain_percent")
    if len(rows) < 2:
        return ""
    parts = [
        f"{signed(row['gain_percent'])}% by {MODEL_WORDS[row['model']]}"
        for row in rows.to_dict("records")
    ]
    return f"The gain is {listed(parts)}."
