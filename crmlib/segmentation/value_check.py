"""Would the value matrix have been right? Its classes of the past against what came."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from crmlib.columns import Array, Codes, codes_of, column_of
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.segmentation.tiers import BELOW_ZERO
from crmlib.segmentation.value_matrix import (
    CLASSES,
    Cut,
    ValueMatrix,
    check_level,
    known_numbers,
    value_classes,
    value_matrix,
)

BY_FORECAST, BY_PAST = "value matrix", "best so far"

FROM_PAST = "errors at days of the past"
"""What ranges of the classes rest on where there is a past."""

LEAST = 10
"""Different customers that a share, or the difference of two rules, must rest on for an interval.

As for McNemar's test, whose normal approximation wants ten pairs that differ.
"""


@dataclass(frozen=True)
class ValueCheck:
    """The matrix at days of the past, and what came.

    Attributes
    ----------
    classes : DataFrame
        One row per origin and class: origin, value_class, customers, current, potential, came
        (sums), above (customers who came to lie above the cut of the potential), above_share with
        low_share and high_share (Wilson's interval; NaN without customers).
    rules : DataFrame
        Two rows: rule ("value matrix": those of classes II and IV, "best so far": as many with the
        highest current value), chosen (over all origins), above (of them, came to lie above the
        cut), above_share, low_share, high_share, came (sum), more_share (than "best so far"),
        more_low_share, more_high_share. No rows where nobody was in classes II and IV. Intervals
        are missing where they would rest on fewer than ten different customers.
    origins : int
    """

    classes: pd.DataFrame
    rules: pd.DataFrame
    origins: int


def value_check(
    past: pd.DataFrame,
    *,
    current: str,
    potential: str,
    came: str,
    origin: str,
    cut: Cut = "break_even",
    current_cut: float | None = None,
    potential_cut: float | None = None,
    customer: str = "customer_id",
    confidence: float = 0.95,
) -> ValueCheck:
    """Put customers of the past into classes with what was known then, and look what came.

    Parameters
    ----------
    past : DataFrame
        One row per origin (a day of the past) and customer.
    current, potential, came : str
        Columns with what it brought before the origin, what was forecast then, and what came in
        the time that was forecast.
    origin : str
        Column that tells the days apart.
    cut, current_cut, potential_cut, customer, confidence
        As of `value_matrix`; quantiles are taken anew at each origin.

    Returns
    -------
    ValueCheck

    Raises
    ------
    InputError
        As `value_matrix`; and when there is no row.

    Notes
    -----
    The rules choose the same number of customers at each origin, so that their hits compare.
    Intervals of the rules allow for a customer standing in several origins: with e_g the sum over
    a customer's rows of hits less share times chosen, the variance of the share is
    ``G / (G - 1) sum of e_g^2 / n^2`` over G customers and n chosen (Cochran 1977, section 6.3).
    That is normal only for many customers: the share has no interval where fewer than ten
    different customers were chosen, the difference none where the rules hit differently with
    fewer than ten (a customer whom each picked at one of two origins cancels out).
    """
    check_level(confidence)
    if not len(past):
        raise InputError("There is no forecast of the past to check the value matrix with.")
    known_numbers(past, came, "what came")
    judged = []
    for day, rows in past.groupby(column_of(past, origin), sort=True):
        found = value_matrix(
            rows,
            current=current,
            potential=potential,
            cut=cut,
            current_cut=current_cut,
            potential_cut=potential_cut,
            customer=customer,
        )
        then = found.customers.assign(origin=day, came=rows[came].to_numpy())
        codes = value_classes(
            then["current"].to_numpy(),
            then["potential"].to_numpy(),
            found.current_cut,
            found.potential_cut,
        )
        # Of then it is asked what came of class I even where all were in it.
        then["value_class"] = np.array(CLASSES, dtype=object)[codes]
        then["above"] = then["came"] > found.potential_cut
        judged.append(then)
    table = pd.concat(judged, ignore_index=True)
    return ValueCheck(
        classes=by_class(table, confidence),
        rules=rules_compared(table, confidence),
        origins=len(judged),
    )


def by_class(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """What came of each class at each origin."""
    found = table.groupby(["origin", "value_class"]).agg(
        customers=("came", "size"),
        current=("current", "sum"),
        potential=("potential", "sum"),
        came=("came", "sum"),
        above=("above", "sum"),
    )
    n = found["customers"].to_numpy(dtype=float)
    found["above_share"] = found["above"] / n
    quantile = float(norm.isf((1 - confidence) / 2))
    ends = wilson_interval(found["above_share"].to_numpy(), n, quantile)
    found["low_share"], found["high_share"] = ends
    every = pd.MultiIndex.from_product(
        [sorted(set(table["origin"])), CLASSES], names=["origin", "value_class"]
    )
    counts = ["customers", "current", "potential", "came", "above"]
    found = found.reindex(every)
    found[counts] = found[counts].fillna(0)
    return found.astype({"customers": np.int64, "above": np.int64}).reset_index()


def rules_compared(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Hits of the matrix, and of as many customers chosen by what they brought."""
    names = ["rule", "chosen", "above", "above_share", "low_share", "high_share", "came"]
    names += ["more_share", "more_low_share", "more_high_share"]
    by_forecast = table["value_class"].isin(["II", "IV"])
    if not by_forecast.any():
        return pd.DataFrame(columns=names)
    ranked = table.sort_values(["current", "customer_id"], ascending=[False, True])
    place = ranked.groupby("origin").cumcount().reindex(table.index)
    by_past = place < by_forecast.groupby(table["origin"]).transform("sum")
    customer, _ = codes_of(table, "customer_id")
    chosen: dict[str, Array] = {
        rule: np.asarray(picks, dtype=np.float64)
        for rule, picks in {BY_FORECAST: by_forecast, BY_PAST: by_past}.items()
    }
    came = np.asarray(table["above"], dtype=np.float64)
    rows = []
    for rule, picked in chosen.items():
        share, low, high = clustered_ratio(picked * came, picked, customer, confidence)
        if different(picked, customer) < LEAST:
            low = high = np.nan
        gained = came * (picked - chosen[BY_PAST])
        more = clustered_ratio(gained, picked, customer, confidence)
        if rule != BY_PAST and different(gained, customer) < LEAST:
            more = (more[0], np.nan, np.nan)
        sums = (int(picked.sum()), int((picked * came).sum()))
        money = float((picked * table["came"]).sum())
        ends = np.clip([low, high], 0.0, 1.0)
        rows.append((rule, *sums, share, *ends, money, *more))
    return pd.DataFrame(rows, columns=names)


def different(values: Array, customer: Codes) -> int:
    """Customers whose values do not add up to nothing."""
    return int(np.count_nonzero(np.bincount(customer, values)))


def clustered_ratio(
    above: Array, below: Array, cluster: Codes, confidence: float
) -> tuple[float, float, float]:
    """Ratio of two sums with an interval, rows of a cluster going together; see `value_check`."""
    ratio, n_clusters = float(above.sum() / below.sum()), int(cluster.max()) + 1
    if n_clusters < 2:
        return ratio, np.nan, np.nan
    sums = np.bincount(cluster, above - ratio * below)
    error = np.sqrt(n_clusters / (n_clusters - 1) * (sums**2).sum()) / below.sum()
    half = float(norm.isf((1 - confidence) / 2) * error)
    return ratio, ratio - half, ratio + half


def class_outlook(matrix: ValueMatrix, check: ValueCheck | None = None) -> pd.DataFrame:
    """What each class brings and is to bring, and how far off that may be.

    Parameters
    ----------
    matrix : ValueMatrix
    check : ValueCheck, optional
        Of the same cut at days of the past.

    Returns
    -------
    DataFrame
        One row per class: value_class, name, customers, current, potential, low, high, basis.
        With a check low to high is where the class would end if it were as far off, per customer,
        as the same class was at any of those days (at least the potential itself is inside).
        Without one the intervals of the customers are added up as if these decided independently
        of each other, which makes too little of what hits all at once. NaN where neither says.
    """
    table = matrix.classes[["value_class", "name", "customers", "current", "potential"]].copy()
    ends = [added_interval(matrix, name) for name in table["value_class"]]
    basis = "intervals of customers"
    if check is not None:
        ends = [range_from_past(row, check) for _, row in table.iterrows()]
        basis = FROM_PAST
    table["low"], table["high"] = np.array(ends, dtype=float).T
    table["basis"] = np.where(table["low"].notna(), basis, "not known")
    return table


def added_interval(matrix: ValueMatrix, value_class: str) -> tuple[float, float]:
    """Interval of the sum over a class, its customers taken as independent."""
    rows = matrix.customers[matrix.customers["value_class"] == value_class]
    if rows["low"].isna().any() or not len(rows):
        return np.nan, np.nan
    total = rows["potential"].sum()
    below = np.sqrt((np.maximum(rows["potential"] - rows["low"], 0) ** 2).sum())
    above = np.sqrt((np.maximum(rows["high"] - rows["potential"], 0) ** 2).sum())
    return float(total - below), float(total + above)


def range_from_past(row: "pd.Series[float]", check: ValueCheck) -> tuple[float, float]:
    """Where a class would end with the errors per customer that it had at days of the past."""
    past = check.classes[check.classes["value_class"] == row["value_class"]]
    past = past[past["customers"] > 0]
    if past.empty or not row["customers"]:
        return np.nan, np.nan
    error = (past["came"] - past["potential"]) / past["customers"] * row["customers"]
    low, high = min(error.min(), 0.0), max(error.max(), 0.0)
    return float(row["potential"] + low), float(row["potential"] + high)


def with_below_zero(
    outlook: pd.DataFrame, tier_table: pd.DataFrame, past: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Outlook with a last row for the customers below zero, of whatever class they are.

    Parameters
    ----------
    outlook : DataFrame
        From `class_outlook`.
    tier_table : DataFrame
        ``tiers`` of `Tiers`.
    past : DataFrame, optional
        From `below_zero_check`: the errors of then, per customer, make the range.

    Returns
    -------
    DataFrame
        ``outlook``, with a row "below zero" where there are such customers.
    """
    row = tier_table[tier_table["tier"] == BELOW_ZERO].iloc[0]
    if not row["customers"]:
        return outlook
    low = high = np.nan
    if past is not None and past["customers"].sum():
        error = (past["came"] - past["potential"]).sum() / past["customers"].sum()
        low = float(row["potential"] + min(error * row["customers"], 0.0))
        high = float(row["potential"] + max(error * row["customers"], 0.0))
    added = {"value_class": BELOW_ZERO, "name": "make them pay", "low": low, "high": high}
    added |= {name: row[name] for name in ("customers", "current", "potential")}
    added["basis"] = "not known" if np.isnan(low) else FROM_PAST
    return pd.concat([outlook, pd.DataFrame([added])], ignore_index=True)
