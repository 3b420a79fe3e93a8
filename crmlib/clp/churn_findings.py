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
    """

    period: str
    money: str
    periods: int
    left_after: int
    points: float

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
        From `customer_values`, by the same model.
    risk : ValueAtRisk
        Of these values.
    newcomers : DataFrame
        From `new_customer_value`.
    check : DataFrame
        From `retention_check`.
    model : str
        The model of retention that the findings go by.
    acquisition_cost : float or None
        What winning a customer costs, where it is known.
    words : ChurnWords

    Returns
    -------
    list of Finding
    """
    by_model = gain[gain["model"] == model]
    return [
        stay_finding(gain, values, model, words),
        loss_finding(values, risk, int(by_model["lost"].iloc[0]), words),
        gain_finding(by_model, longer[longer["model"] == model], words),
        pays_finding(by_model, newcomers[newcomers["model"] == model], acquisition_cost, words),
        trust_finding(gain, check, model, words),
    ]


def best_model(check: pd.DataFrame, gain: pd.DataFrame) -> str:
    """Name the model of retention that would have erred least, of those the data determine."""
    known = check[check["model"].isin(gain["model"])].dropna(subset="error_percent")
    if known.empty:
        return "by tenure"
    return str(known["model"].iloc[int(known["error_percent"].abs().argmin())])


def of_hundred(share: float) -> str:
    """Write a share as so many of 100, with a digit where it is small or nearly all."""
    percent = 100 * share
    return f"{percent:.0f}" if 5 <= percent <= 95 else f"{percent:.1f}"


def stay_finding(
    gain: pd.DataFrame, values: pd.DataFrame, model: str, words: ChurnWords
) -> Finding:
    """How many customers stay for a year."""
    row = gain[gain["model"] == model].iloc[0]
    here, lost = int(row["customers"]), int(row["lost"])
    quiet = (1 - values["still_here"]).sum()
    seen = (
        f"Seen in {counted(here + lost, 'customer')}, of whom {lost:,} are lost: without a "
        f"purchase for {words.left_after} {words.period}s."
    )
    already = f"Of the {here:,} others about {quiet:,.0f} will not buy again either."
    if np.isnan(row["retention"]):
        return Finding(
            "How many customers stay cannot be said: too few have left so far.",
            f"{seen} At least {LEAST_LOST} are needed for an answer.",
        )
    low, high = of_hundred(row["retention_low"]), of_hundred(row["retention_high"])
    return Finding(
        f"Of 100 customers who still buy, about {of_hundred(row['retention'])} stay for another "
        f"year (likely {low} to {high}).",
        f"{seen} {already}{otherwise_words(gain, row)}",
    )


def otherwise_words(gain: pd.DataFrame, row: pd.Series) -> str:
    """How many stay by the other models, where these are outside the interval."""
    others = gain.drop_duplicates("model")
    outside = (others["retention"] < row["retention_low"]) | (
        others["retention"] > row["retention_high"]
    )
    if not outside.any():
        return ""
    parts = [
        f"{of_hundred(other['retention'])} by {MODEL_WORDS[other['model']]}"
        for _, other in others[outside].iterrows()
    ]
    return f" This hangs on how retention is seen: it is {listed(parts)}."


def loss_finding(values: pd.DataFrame, risk: ValueAtRisk, lost: int, words: ChurnWords) -> Finding:
    """What the customers lost within a year take with them."""
    row = risk.table.iloc[0]
    if row["value"] <= 0:
        return Finding(
            "The customers of today bring no profit, so losing them costs none.",
            "Look at what they cost before spending on keeping them.",
        )
    if lost < LEAST_LOST:
        return Finding("What the customers lost within a year will take cannot be said.", "")
    scale = row["exceeded_loss"]
    largest = values["value_if_here"].nlargest(10)
    return Finding(
        f"Customers lost within a year take about {amount(row['expected_loss'], scale)} "
        f"{words.money} of profit with them, {row['expected_share']:.0%} of what all would bring "
        f"in {words.ahead}; with a chance of {risk.level:.0%}, more than {amount(scale, scale)}.",
        f"{largest_words(largest, row['value'])} Customers are taken to leave independently; a "
        "cause that drives out many at once would make it worse.",
    )


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
        why = "it is not known how many are lost"
        if others["value"] <= 0:
            why = "the customers of today bring no profit"
        return Finding(f"What keeping {more} is worth cannot be said: {why}.", "")
    text = (
        f"Keeping {more} is worth about {amount(others['gain'], others['gain'])} {words.money} in "
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
    """Write a number with one digit and a true minus sign."""
    return f"{number:.1f}".replace("-", "−")


def capped_words(row: Row, words: ChurnWords) -> str:
    """Say where fewer can be kept than asked for."""
    if row["raised"] < 1:
        return ""
    return f"Only {of_hundred(1 - row['retention'])} of 100 are lost, so no more can be kept. "


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
    new = newcomers.iloc[0]
    value, low, high = (price(new[name], new["value"]) for name in ("value", "low", "high"))
    between = f" ({low} to {high})" if np.isfinite(new["low"]) else ""
    worth = f"A customer won today brings about {value} {words.money} in {words.ahead}{between}."
    detail = f"{worth}{cost_words(acquisition_cost, new['break_even_share'], words)}"
    others, lost = kept_rows(gain)
    known = [row for row in (lost, others) if np.isfinite(row["affordable"])]
    known.sort(key=lambda row: row["affordable"])
    if not known or max(row["affordable"] for row in known) <= 0:
        return Finding("What a programme to keep customers may cost cannot be said.", detail)
    scale = max(row["affordable_high"] for row in known)
    first, *second = [
        f"{price(row['affordable'], scale)} {words.money} "
        f"({price(row['affordable_low'], scale)} to {price(row['affordable_high'], scale)})"
        for row in known
    ]
    text = f"A programme that keeps so many may cost at most {first} for each customer and year"
    if second:
        text += f", or {second[0]} where they bring more"
    return Finding(f"{text}.", detail)


def price(number: float, scale: float) -> str:
    """Write money for one customer, with cents where it is little."""
    digits = f"{number:,.2f}" if abs(scale) < 100 else amount(number, scale)
    return digits.replace("-", "−")


def cost_words(cost: float | None, break_even: float, words: ChurnWords) -> str:
    """From which retention on winning a customer pays."""
    if cost is None:
        return ""
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
    side = "high" if error > 0 else "low"
    text = (
        f"Made {counted(int(past['periods']), words.period)} ago, the same reckoning would have "
        f"been {abs(error):.0f}% too {side}: "
        f"{amount(past['expected_profit'], past['profit'])} {words.money} from the customers of "
        f"then; {amount(past['profit'], past['profit'])} came."
    )
    if abs(error) > 25:
        text += " Do not plan with its sums of money."
    back = (
        f"Of {counted(int(past['customers']), 'customer')}, {past['expected_back']:,.0f} were to "
        f"buy again; {past['back']:,} did."
    )
    return Finding(text, f"{back} {hinges}")


def hinge_words(gain: pd.DataFrame) -> str:
    """Whether the way to see retention changes the answer."""
    rows = gain[gain["kept_bring"] == "as the others"].dropna(subset="gain_percent")
    if len(rows) < 2:
        return ""
    parts = [
        f"{signed(row['gain_percent'])}% by {MODEL_WORDS[row['model']]}"
        for _, row in rows.iterrows()
    ]
    spread = rows["gain_percent"].max() - rows["gain_percent"].min()
    alike = spread <= (rows["gain_percent_high"] - rows["gain_percent_low"]).max()
    verdict = "hangs little on" if alike else "hangs on"
    return f"The gain {verdict} how retention is seen: {listed(parts)}."
