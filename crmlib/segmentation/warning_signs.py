"""Signs that a customer is about to leave, as they could be seen on several days of the past."""

from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.columns import column_of
from crmlib.errors import InputError
from crmlib.segmentation.complaints_silence import LATELY, YEAR, complaints_silence
from crmlib.segmentation.rhythm import (
    day_number,
    gaps_by_day,
    numbers_of_days,
    rhythm_on,
)

BEFORE = 3 * LATELY
"""Days before the last 90 that spending is held against."""

LEAST_LIKELY = 1e-6
"""Probability below which a silence counts as no more unusual."""


def warning_signs(
    rows: Any,
    complaints: Any,
    decline: pd.DataFrame | None,
    days: list[pd.Timestamp],
    *,
    ahead: int,
    left_after: int,
    margin_rate: float | None = None,
) -> pd.DataFrame:
    """See on each of some days what every customer of then showed.

    Parameters
    ----------
    rows : Ibis table
        From `money_rows`.
    complaints : DataFrame, Ibis table, tables.CheckedTable or None
        customer_id and date.
    decline : DataFrame or None
        customer_id, date (one of ``days``) and decline, the probability that the customer's life
        cycle has turned down, found from what was known on that day.
    days : list of Timestamp
        The last is today: what follows it is not known.
    ahead : int
        Days looked ahead.
    left_after : int
        Days without a purchase that mean left.
    margin_rate : float, optional
        Profit as a share of the amount, where rows have no cost.

    Returns
    -------
    DataFrame
        By date and customer_id, who had bought and was not silent for ``left_after`` days: what
        `rhythm_on` finds; profit_year (of the last 365 days); spending_change (of the last 90 days
        against the 270 before, from -1 for nothing any more to 1 for all of it new, less the
        median of all customers, as out of season all buy less; missing in the first 180 days);
        complaints as `complaints_silence` has them; decline; left (whether the last
        ``left_after`` of the days looked ahead passed without a purchase; missing on the last
        day).
    """
    gaps = gaps_by_day(rows, days)
    signs = pd.concat([rhythm_on(on_day) for _, on_day in gaps.groupby("date")], ignore_index=True)
    money = money_by_day(rows, days, (ahead, left_after), margin_rate)
    signs = signs.merge(money, on=["date", "customer_id"], how="left")
    signs = signs[signs["silence"] < left_after].reset_index(drop=True)
    signs["spending_change"] = spending_change(signs)
    signs["left"] = signs["left"].astype(object).where(signs["date"] < days[-1], None)
    if complaints is not None and len(signs):
        signs = signs.join(complaints_silence(complaints, signs))
    if decline is not None:
        signs = signs.merge(checked_decline(decline, days), on=["date", "customer_id"], how="left")
    return signs.drop(columns=["recent", "before", "gap_days", "log_gaps"])


def checked_decline(decline: pd.DataFrame, days: list[pd.Timestamp]) -> pd.DataFrame:
    """Probabilities of decline with their days; of days without any it is not known.

    Raises
    ------
    InputError
        A column or the last day is not there, a customer stands twice on a day, or a number is no
        probability.
    """
    found = pd.DataFrame(
        {name: column_of(decline, name) for name in ("customer_id", "date", "decline")}
    )
    found["date"] = pd.to_datetime(found["date"]).astype("datetime64[s]")
    if len(found) and not (found["date"] == days[-1]).any():
        raise InputError(
            f'decline has no rows for {days[-1].date()} in its column "date". Find the '
            "probabilities of decline for the days that warning_days lists."
        )
    if found.duplicated(["customer_id", "date"]).any():
        raise InputError("decline has a customer twice on the same date. Keep one row of each.")
    known = found["decline"].dropna()
    if ((known < 0) | (known > 1)).any():
        raise InputError('Column "decline" holds numbers outside 0 to 1; probabilities are meant.')
    return found


def money_by_day(
    rows: Any, days: list[pd.Timestamp], ends: tuple[int, int], margin_rate: float | None
) -> pd.DataFrame:
    """Revenue lately and before, profit of the year, and who was gone at the end: one query."""
    ahead, left_after = ends
    numbered = rows.mutate(number=day_number(rows["day"]))
    number, revenue, profit = (
        numbered[name] for name in ("number", "revenue_cents", "profit_cents")
    )
    sums: dict[str, Any] = {}
    for k, day in enumerate(numbers_of_days(days)):
        lately, before = day - LATELY, day - LATELY - BEFORE
        end = day + ahead
        at_end = (number > end - left_after) & (number <= end) & (revenue > 0)
        sums |= {
            f"recent_{k}": revenue.sum(where=(number > lately) & (number <= day)),
            f"before_{k}": revenue.sum(where=(number > before) & (number <= lately)),
            f"profit_{k}": profit.sum(where=(number > day - YEAR) & (number <= day)),
            f"later_{k}": at_end.sum(),
        }
    found = tables.as_frame(numbered.group_by("customer_id").aggregate(**sums)).fillna(0)
    margin = 1.0 if margin_rate is None else margin_rate
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "date": pd.Series(day, index=found.index, dtype="datetime64[s]"),
                    "customer_id": found["customer_id"],
                    "recent": found[f"recent_{k}"].astype(np.int64) / 100,
                    "before": found[f"before_{k}"].astype(np.int64) / 100,
                    "profit_year": found[f"profit_{k}"].astype(np.int64) * margin / 100,
                    "left": found[f"later_{k}"].astype(np.int64) == 0,
                }
            )
            for k, day in enumerate(days)
        ],
        ignore_index=True,
    )


def spending_change(signs: pd.DataFrame) -> "pd.Series[Any]":
    """Change of spending lately, less the median of all customers of the day.

    ``(x - y) / (x + y)`` with x the revenue of the last 90 days and y that of 90 days of the 270
    before, or of as many of them as the customer has been one. Refunds do not make it less than
    nothing.
    """
    age = (signs["date"] - signs["first_day"]).dt.days.to_numpy() + 1
    length = np.minimum(age - LATELY, BEFORE)
    recent = np.maximum(signs["recent"].to_numpy(dtype=np.float64), 0.0)
    before = np.maximum(signs["before"].to_numpy(dtype=np.float64), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        before = before * LATELY / length
        change = (recent - before) / (recent + before)
    known = pd.Series(np.where(length >= LATELY, change, np.nan), index=signs.index)
    return known - known.groupby(signs["date"]).transform("median")


def sign_numbers(signs: pd.DataFrame) -> pd.DataFrame:
    """Signs as the model takes them: each the higher, the worse; missing where it cannot be said.

    silence: how unusual it is against the customer's own rhythm, ``-log10`` of its probability;
    days: logarithm of one more than the days since the last purchase; spending: its fall;
    decline; complaints: lately; given up: ``-log10`` of the probability of so long a silence of
    complaints, for who complained, stopped and buys less.
    """
    unusual = signs["silence_probability"].clip(lower=LEAST_LIKELY)
    found = {
        "silence": -np.log10(unusual),
        "days": np.log1p(signs["silence"]),
        "purchases": -np.log(signs["purchases"]),
        "spending": -signs["spending_change"],
    }
    if "decline" in signs:
        found["decline"] = signs["decline"].astype(float)
    if "given_up" in signs:
        found["complaints"] = np.sqrt(signs["complaints_lately"].astype(float))
        chance = -np.log10(signs["silence_by_chance"].clip(lower=LEAST_LIKELY))
        found["given up"] = chance.where(signs["given_up"].astype(bool), 0.0)
    return pd.DataFrame(found)
