"""Who is about to leave: several signs in one probability, tried out on days of the past."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.leaving_model import LeavingModel
from crmlib.segmentation.rhythm import span
from crmlib.segmentation.warning_check import (
    ALL_SIGNS,
    accuracy_of,
    areas_of,
    calibration_of,
    chosen,
    fitted,
    foretell,
    picked,
    signs_table,
    single_table,
    telling,
    tests_table,
    with_lists,
)
from crmlib.segmentation.warning_signs import sign_numbers, warning_signs
from crmlib.transaction_rows import (
    check_profit_source,
    day_of,
    money_rows,
)

MOST_DAYS = 6
"""Days of the past that are looked at."""

UNUSUAL = 0.1
"""Probability of a silence below which it is named as a reason."""

SELDOM = 3
"""Purchases up to which their number is named as a reason."""

HALVED = -1 / 3
"""Change of spending that means less than half: (1/2 - 1) / (1/2 + 1)."""

LONG = 0.75
"""Share of customers that are silent for shorter, from which on days alone are a reason."""

TOGETHER = "no single sign; all together"


@dataclass(frozen=True)
class ChurnWarning:
    """Who is about to leave, and how right such a list has been.

    Attributes
    ----------
    customers : DataFrame
        One row per customer that has bought and not left yet, those warned of first and then by
        what is to be lost: customer_id; warned; probability (of leaving within the days looked
        ahead) with low and high (by what the model leaves open); at_stake (probability times
        profit_year, nothing where that is below zero); reasons (what is unusual about it, in
        words, of signs that by themselves told on past days who would leave; no other sign is a
        reason); sign (of these reasons the one that told best; "" where there is none); answer
        ("probability", or why there is none); purchases; profit_year (of the last 365 days); the
        further signs of `warning_signs`.
    accuracy : DataFrame
        method ("all signs" or "days since the last purchase"), measure (precision, recall, lift,
        area under the curve), estimate, low, high, n. The last row is how much larger the area
        of all signs is. Of all test days together; the list of the method not used has as many
        customers as that of the other.
    signs : DataFrame
        sign; area with low and high on the test days (0.5 is chance) and n; odds (how many times
        larger the odds of leaving are one standard deviation of it higher, the other signs
        alike) with odds_low and odds_high.
    calibration : DataFrame
        Customers of the test days in five groups by probability: group, customers, expected
        (mean probability), left, share with low and high.
    tests : DataFrame
        A row for each test day: date; learned_from, learned_left; customers, left; warned, right;
        right_other: of as many by the other method, who left.
    single : DataFrame
        Customers with a single purchase, by day and (last row, no date) in all: date, customers,
        left, share with low and high. Their own rhythm cannot be said.
    method : str
        What the list goes by: all signs only where these told it better than the days since the
        last purchase, which decide otherwise; "" where no list could be tested.
    note : str
        Why, in a sentence or two.
    gone : int
        Customers silent for ``left_after`` days or more: they have left already.
    ahead, left_after : int
    warn_from : float
    as_of : Timestamp
    """

    customers: pd.DataFrame
    accuracy: pd.DataFrame
    signs: pd.DataFrame
    calibration: pd.DataFrame
    tests: pd.DataFrame
    single: pd.DataFrame
    method: str
    note: str
    gone: int
    ahead: int
    left_after: int
    warn_from: float
    as_of: pd.Timestamp

    @property
    def warned(self) -> pd.DataFrame:
        """Rows of ``customers`` that are warned of, the most money at stake first."""
        return self.customers[self.customers["warned"]]

    @property
    def ranked(self) -> pd.DataFrame:
        """Rows of ``warned``; where there are none, of all customers with a probability."""
        table = self.customers
        return table[table["warned"] if table["warned"].any() else table["probability"].notna()]


def warning_days(
    transactions: Any,
    *,
    as_of: dt.date | str | None = None,
    ahead: int = 180,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
) -> list[pd.Timestamp]:
    """Days on which `churn_warning` looks at the customers, today last.

    As far apart as is looked ahead, at most six of them before today, and none before the first
    purchase is as long ago.

    Raises
    ------
    InputError
        As `churn_warning`.
    """
    rows = money_rows(transactions, customer, date, amount, None)
    return days_between(*span(rows, (customer, date, amount)), as_of, ahead)


def churn_warning(
    transactions: Any,
    complaints: Any = None,
    *,
    decline: pd.DataFrame | None = None,
    as_of: dt.date | str | None = None,
    ahead: int = 180,
    left_after: int = 90,
    warn_from: float = 0.5,
    confidence: float = 0.95,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
) -> ChurnWarning:
    """Find customers that are about to leave, by signs that told it in the past.

    To leave within the days looked ahead is to buy nothing in the last ``left_after`` of them.
    Customers that had bought on two days or more and had not been silent for as long are looked
    at as they were on several past days: silence against their own rhythm, days since the last
    purchase, number of purchases, fall of their spending, probability of decline, complaints
    lately, and complaints that stopped while they bought less. Who left is known of these days.
    Each of them is foretold by a logistic regression from the days before it alone, so that no
    test knows what came after. The days since the last purchase, by a regression of their own,
    are the simple rule to beat. The list of today is made with what all past days taught.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row a purchase, or a line of one.
    complaints : DataFrame, Ibis table or tables.CheckedTable, optional
        customer_id and date.
    decline : DataFrame, optional
        customer_id, date and decline: the probability that the life cycle has turned down, on
        every day of `warning_days`, found from what was known on it.
    as_of : date or str, optional
        Last day that counts; that of the last purchase when not given.
    ahead : int
        Days looked ahead.
    left_after : int
        Days without a purchase that mean left, at most as many as are looked ahead.
    warn_from : float
        Probability of leaving from which on a customer is warned of.
    confidence : float
        Level of the intervals.
    customer, date, amount, cost : str
        Columns of the transactions. Profit is amount less cost.
    margin_rate : float, optional
        Profit as a share of the amount, where there is no cost column. With neither, revenue
        stands for profit.

    Returns
    -------
    ChurnWarning

    Raises
    ------
    InputError
        An argument cannot be used, a column is not there, a cell is empty, there is no purchase,
        or a day is still to come.

    Notes
    -----
    Areas under the curve as DeLong, DeLong and Clarke-Pearson (1988), by customer as Obuchowski
    (1997); shares with Wilson's interval. A customer leaves once and may stay on several test
    days: the intervals of shares take rows as independent. The better of two methods looks a
    little better than it is, because it was chosen by the test that it is told with.
    """
    check_warning(ahead, left_after, warn_from, confidence)
    if cost is not None or margin_rate is not None:
        check_profit_source(cost, margin_rate)
    rows = money_rows(transactions, customer, date, amount, cost)
    first, last = span(rows, (customer, date, amount, *([cost] if cost else [])))
    days = days_between(first, last, as_of, ahead)
    rows = rows.filter(rows["day"] <= days[-1].date())
    terms = {"ahead": ahead, "left_after": left_after}
    signs = warning_signs(rows, complaints, decline, days, **terms, margin_rate=margin_rate)
    numbers = sign_numbers(signs)
    repeated = (signs["purchases"] > 1).to_numpy()
    before = (signs["date"] < days[-1]).to_numpy()
    past, learned = signs[repeated & before], numbers[repeated & before]
    left = past["left"].to_numpy(dtype=bool)
    foretold = foretell(past, learned)
    larger = areas_of(foretold, confidence)
    method, note = chosen(foretold, larger, left)
    model = fitted(learned, left, past["customer_id"], method) if method else None
    lists = with_lists(foretold, method, warn_from)
    by_sign = signs_table(foretold, past, learned, confidence)
    chances = probabilities(signs[~before], numbers[~before], model, method, confidence)
    return ChurnWarning(
        customers=listed(signs[~before], chances, telling(by_sign), method, warn_from),
        accuracy=accuracy_of(lists, larger, method, confidence),
        signs=by_sign,
        calibration=calibration_of(foretold, method, confidence),
        tests=tests_table(lists, foretold.days),
        single=single_table(signs[~repeated & before], confidence),
        method=method,
        note=note,
        gone=customers_of(rows) - int((~before).sum()),
        **terms,
        warn_from=warn_from,
        as_of=days[-1],
    )


def check_warning(ahead: int, left_after: int, warn_from: float, confidence: float) -> None:
    """Refuse values that mean nothing.

    Raises
    ------
    InputError
        With the value, and what to write.
    """
    if left_after < 1:
        raise InputError(
            f"left_after={left_after}: write the days without a purchase that mean left."
        )
    if ahead < left_after:
        raise InputError(
            f"ahead={ahead} is shorter than left_after={left_after}: within {ahead} days nobody "
            f"can be seen to be silent for {left_after}. Look further ahead."
        )
    for value, name in ((warn_from, "warn_from"), (confidence, "confidence")):
        if not 0 < value < 1:
            hint = f" Did you mean {value / 100:g}?" if 1 < value < 100 else ""
            raise InputError(f"{name}={value:g} is not a fraction between 0 and 1.{hint}")


def days_between(
    first: pd.Timestamp, last: pd.Timestamp, as_of: dt.date | str | None, ahead: int
) -> list[pd.Timestamp]:
    """Days as far apart as is looked ahead, the last day that counts at the end.

    Raises
    ------
    InputError
        When nothing is looked ahead, or the last day is no day, lies before the first purchase or
        is still to come.
    """
    if ahead < 1:
        raise InputError(f"ahead={ahead}: write the days to look ahead.")
    try:
        end = last if as_of is None else day_of(as_of, "as_of")
    except ValueError as error:
        raise InputError(f"as_of={as_of} is not a day. Write it as 2025-12-31.") from error
    if end < first:
        raise InputError(f"as_of is {end.date()}, before the first purchase on {first.date()}.")
    if end > pd.Timestamp(dt.date.today()):
        raise InputError(
            f"as_of is {end.date()}, which is still to come: everybody would seem silent until "
            "then. Give the last day the data cover."
        )
    steps = min(max((end - first).days // ahead - 1, 0), MOST_DAYS)
    return [end - pd.Timedelta(days=ahead * k) for k in range(steps, -1, -1)]


def probabilities(
    now: pd.DataFrame,
    numbers: pd.DataFrame,
    model: LeavingModel | None,
    method: str,
    confidence: float,
) -> pd.DataFrame:
    """Probability of leaving of customers of today, with its interval; missing where not said."""
    said = (now["purchases"] > 1).to_numpy()
    found = pd.DataFrame(np.nan, index=now.index, columns=["probability", "low", "high"])
    if model is not None and said.any():
        taken = picked(numbers[said], method)
        ends = model.interval(taken, confidence)
        found.loc[said] = np.column_stack([model.probability(taken), *ends])
    return found


def listed(
    now: pd.DataFrame, chances: pd.DataFrame, told: list[str], method: str, warn_from: float
) -> pd.DataFrame:
    """Customers of today with their probabilities, those warned of first."""
    warned = chances["probability"] >= warn_from
    why = "probability" if method else "cannot say: no test on the past"
    table = pd.DataFrame(
        {
            "customer_id": now["customer_id"],
            "warned": warned,
            **chances,
            "at_stake": (chances["probability"] * now["profit_year"].clip(lower=0.0)).round(2),
            **reasons(now, told, warned, method),
            "answer": np.where(now["purchases"] > 1, why, "cannot say: one purchase only"),
        }
    ).join(now.drop(columns=["customer_id", "left", "date"]))
    return table.sort_values(
        ["warned", "at_stake", "silence_probability", "customer_id"],
        ascending=[False, False, True, True],
        kind="stable",
        ignore_index=True,
    )


def reasons(
    now: pd.DataFrame, told: list[str], warned: "pd.Series[bool]", method: str
) -> dict[str, list[str]]:
    """What is unusual about each customer, in words, and the sign of it that told best.

    Only signs that told on past days who would leave (``told``, the best first) are a reason.
    Who is warned of without one has all of them together, or the days since the last purchase
    where the list goes by these alone.
    """
    found = unusual(now)
    if "silence" in told and "days" in told:
        # Said once: against the customer's own rhythm.
        own = found["silence"]
        found["days"] = [d if not s else "" for d, s in zip(found["days"], own, strict=True)]
    kept = [[(name, words) for words in found[name]] for name in told]
    rows = [[pair for pair in row if pair[1]] for row in zip(*kept, strict=True)]
    rows = rows or [[] for _ in range(len(now))]
    days = [f"silent for {days} days" for days in now["silence"]]
    rest = [TOGETHER if method == ALL_SIGNS else words for words in days]
    return {
        "reasons": [
            "; ".join(words for _, words in row) or (other if named else "")
            for row, named, other in zip(rows, warned, rest, strict=True)
        ],
        "sign": [row[0][0] if row else "" for row in rows],
    }


def unusual(now: pd.DataFrame) -> dict[str, list[str]]:
    """What each sign shows of each customer, in words; "" where it shows nothing unusual."""
    longest = now["silence"].quantile(LONG) if len(now) else np.nan
    found = {
        "silence": _words(now, now["silence_probability"] < UNUSUAL, _silent_words),
        "days": _words(now, now["silence"] > longest, _long_words),
        "purchases": _words(now, now["purchases"].between(2, SELDOM), _seldom_words),
        "spending": _words(
            now, now["spending_change"] < HALVED, lambda row: "buys less than half as before"
        ),
    }
    if "decline" in now:
        turned = now["decline"] > 0.5
        found["decline"] = _words(now, turned, lambda row: "life cycle has turned down")
    if "given_up" in now:
        found["given up"] = _words(now, now["given_up"].astype(bool), _given_up_words)
        found["complaints"] = _words(now, now["complaints_lately"] > 1, _complaint_words)
    return found


def _words(now: pd.DataFrame, marked: "pd.Series[Any]", say: Any) -> list[str]:
    words = np.full(len(now), "", dtype=object)
    places = np.flatnonzero(marked.fillna(False).to_numpy(dtype=bool))
    for place, row in zip(places, now.iloc[places].to_dict("records"), strict=True):
        words[place] = say(row)
    return list(words)


def _silent_words(row: dict[str, Any]) -> str:
    usual = f", usually {row['usual_gap']:.0f} apart" if np.isfinite(row["usual_gap"]) else ""
    return f"silent for {row['silence']} days{usual}"


def _long_words(row: dict[str, Any]) -> str:
    return f"silent for {row['silence']} days, longer than three in four customers"


def _seldom_words(row: dict[str, Any]) -> str:
    return f"only {row['purchases']} purchases so far"


def _given_up_words(row: dict[str, Any]) -> str:
    return f"{row['complaints_year']} complaints in a year, none for {row['silent_days']:.0f} days"


def _complaint_words(row: dict[str, Any]) -> str:
    return f"{row['complaints_lately']} complaints in 90 days"


def customers_of(rows: Any) -> int:
    """Count customers with a purchase."""
    bought = rows.filter(rows["revenue_cents"] > 0)
    counted = tables.as_frame(bought.aggregate(customers=bought["customer_id"].nunique()))
    return int(counted["customers"].iloc[0])
