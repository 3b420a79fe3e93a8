"""Was such a warning right before? Past days foretold from the days before them, and what came."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from crmlib.columns import Array
from crmlib.intervals import wilson_interval
from crmlib.segmentation.area_under_curve import area_interval, areas
from crmlib.segmentation.leaving_model import LeavingModel, fit_leaving

LEAST_OF_EACH = 10
"""Customers that left, and that stayed, without which nothing is learned or tested."""

CALIBRATION_GROUPS = 5

ALL_SIGNS, SIMPLE = "all signs", "days since the last purchase"
METHODS = (ALL_SIGNS, SIMPLE)


@dataclass(frozen=True)
class Foretold:
    """Customers of the past days that could be foretold, a row for each customer and day.

    Attributes
    ----------
    rows : DataFrame
        customer_id, date, silence, left, and the probability of leaving by each method.
    numbers : DataFrame
        The signs of these rows, from `sign_numbers`.
    days : DataFrame
        date; learned_from, learned_left: customers of the days before it, and who left of them.
    """

    rows: pd.DataFrame
    numbers: pd.DataFrame
    days: pd.DataFrame


def foretell(signs: pd.DataFrame, numbers: pd.DataFrame) -> Foretold:
    """Foretell every past day from the days before it alone."""
    left = signs["left"].to_numpy(dtype=bool)
    found = [pd.DataFrame(columns=["customer_id", "date", "silence", "left", *METHODS])]
    days = []
    for day in np.sort(signs["date"].unique()):
        before, on_day = (signs["date"] < day).to_numpy(), (signs["date"] == day).to_numpy()
        if not enough(left[before]):
            continue
        rows = signs.loc[on_day, ["customer_id", "date", "silence"]].assign(left=left[on_day])
        for method in METHODS:
            model = fitted(numbers[before], left[before], signs["customer_id"][before], method)
            rows[method] = model.probability(picked(numbers[on_day], method))
        found.append(rows)
        days.append({"date": day, "learned_from": before.sum(), "learned_left": left[before].sum()})
    table = pd.concat(found[1:]) if len(found) > 1 else found[0]
    return Foretold(table, numbers.loc[table.index], pd.DataFrame(days))


def enough(left: NDArray[np.bool_]) -> bool:
    """Whether there are enough that left and that stayed to learn or to judge from."""
    return bool(min(left.sum(), (~left).sum()) >= LEAST_OF_EACH)


def picked(numbers: pd.DataFrame, method: str) -> Array:
    """Numbers of the signs that a method goes by."""
    return numbers[["days"] if method == SIMPLE else list(numbers)].to_numpy(dtype=np.float64)


def fitted(
    numbers: pd.DataFrame, left: NDArray[np.bool_], customers: "pd.Series[Any]", method: str
) -> LeavingModel:
    """Fit the model of a method."""
    codes = pd.factorize(customers)[0].astype(np.int64)
    return fit_leaving(picked(numbers, method), left, codes)


def areas_of(foretold: Foretold, confidence: float) -> pd.DataFrame:
    """Areas under the curve of both methods, and how much larger that of all signs is."""
    rows = foretold.rows
    left = rows["left"].to_numpy(dtype=bool)
    codes = pd.factorize(rows["customer_id"])[0].astype(np.int64)
    scores = np.array([rows[ALL_SIGNS], rows["silence"]], dtype=np.float64)
    area, covariance = areas(scores, left, codes)
    smaller = int(min(left.sum(), (~left).sum()))
    found = []
    for k, method in enumerate(METHODS):
        low, high = area_interval(area[k], covariance[k, k], smaller, confidence)
        found.append((method, "area under the curve", area[k], low, high, len(rows)))
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    half = norm.ppf(0.5 + confidence / 2) * np.sqrt(np.maximum(variance, 0.0))
    more = area[0] - area[1]
    found.append((ALL_SIGNS, "larger area", more, more - half, more + half, len(rows)))
    return pd.DataFrame(found, columns=["method", "measure", "estimate", "low", "high", "n"])


def chosen(foretold: Foretold, larger: pd.DataFrame, past: NDArray[np.bool_]) -> tuple[str, str]:
    """Name the method that the list goes by, and say why.

    Parameters
    ----------
    foretold : Foretold
    larger : DataFrame
        From `areas_of`.
    past : ndarray of bool
        Who left of the customers of all past days.
    """
    if not enough(past):
        return "", (
            f"On the past days that could be looked at {int(past.sum()):,} customers left and "
            f"{int((~past).sum()):,} stayed; from fewer than {LEAST_OF_EACH} of either nothing "
            "can be learned."
        )
    if not enough(foretold.rows["left"].to_numpy(dtype=bool)):
        return "", (
            "There are too few past days, or too few that left on them, to test a list before it "
            f"is used: {LEAST_OF_EACH} that left and as many that stayed are needed, and as many "
            "again on earlier days to learn from."
        )
    more = larger.iloc[-1]
    between = f"{more['estimate']:+.3f} ({more['low']:+.3f} to {more['high']:+.3f})"
    between = between.replace("-", "−")
    if more["low"] > 0:
        return ALL_SIGNS, (
            "All signs together told who left better than the days since the last purchase: area "
            f"under the curve {between}."
        )
    return SIMPLE, (
        "All signs together did not tell it better than the days since the last purchase alone: "
        f"area under the curve {between}. The list goes by these days."
    )


def with_lists(foretold: Foretold, method: str, warn_from: float) -> pd.DataFrame:
    """Mark who would have been warned of, and as many of each day by the other method.

    Of as many by days since the last purchase those silent longest are taken, by all signs those
    most likely to leave; ties by customer_id.
    """
    rows = foretold.rows
    used = method or ALL_SIGNS
    other = SIMPLE if used == ALL_SIGNS else ALL_SIGNS
    rows = rows.assign(warned=rows[used].to_numpy(dtype=np.float64) >= warn_from)
    ranked_by = "silence" if other == SIMPLE else other
    order = rows.sort_values(["date", ranked_by, "customer_id"], ascending=[True, False, True])
    place = order.groupby("date").cumcount()
    size = order.groupby("date")["warned"].transform("sum")
    return rows.assign(warned_other=(place < size).reindex(rows.index).astype(bool))


def accuracy_of(
    lists: pd.DataFrame, larger: pd.DataFrame, method: str, confidence: float
) -> pd.DataFrame:
    """Precision, recall, lift and area of the list used and of the other method's."""
    left = lists["left"].to_numpy(dtype=bool)
    used = method or ALL_SIGNS
    marks = {used: "warned", (SIMPLE if used == ALL_SIGNS else ALL_SIGNS): "warned_other"}
    found = []
    for name in METHODS:
        warned = lists[marks[name]].to_numpy(dtype=bool)
        found.append(list_quality(warned, left, confidence).assign(method=name))
        found.append(larger[(larger["method"] == name) & (larger["measure"] != "larger area")])
    return pd.concat([*found, larger.iloc[[-1]]], ignore_index=True)[list(larger)]


def list_quality(
    warned: NDArray[np.bool_], left: NDArray[np.bool_], confidence: float
) -> pd.DataFrame:
    """Precision, recall and lift of a list, with intervals.

    Precision is the share of those warned of that left, recall the share of those that left that
    had been warned of, both with Wilson's interval, and lift precision over the share of all that
    left. With p1 and p0 the shares that left of those on the list (n1) and off it (n0), the
    variance of its logarithm is ``a² ((1 - p1) / (n1 p1) + (1 - p0) / (n0 p0))``, a one less the
    recall, by the delta method.

    Parameters
    ----------
    warned, left : ndarray of bool, shape (n,)
    confidence : float

    Returns
    -------
    DataFrame
        measure, estimate, low, high, n (that the measure is a share of).
    """
    n, n1, leavers = len(left), int(warned.sum()), int(left.sum())
    hits = int((warned & left).sum())
    z = float(norm.ppf(0.5 + confidence / 2))
    sizes = np.array([n1, leavers], dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = hits / sizes
        low, high = wilson_interval(share, sizes, z)
        lift = share[0] * n / leavers if leavers else np.nan
        on, off = np.float64(n1 - hits) / (n1 * hits), np.float64(0)
        if leavers > hits:
            off = np.float64(n - n1 - leavers + hits) / ((n - n1) * (leavers - hits))
        error = (1 - share[1]) * np.sqrt(on + off)
        ends = lift * np.exp(z * error * np.array([-1.0, 1.0]))
    return pd.DataFrame(
        {
            "measure": ["precision", "recall", "lift"],
            "estimate": [*share, lift],
            "low": [*low, ends[0]],
            "high": [*high, ends[1]],
            "n": [n1, leavers, n],
        }
    )


def signs_table(
    foretold: Foretold, past: pd.DataFrame, numbers: pd.DataFrame, confidence: float
) -> pd.DataFrame:
    """How well each sign alone told it on the test days, and what it adds to the others."""
    left = foretold.rows["left"].to_numpy(dtype=bool)
    codes = pd.factorize(foretold.rows["customer_id"])[0].astype(np.int64)
    odds = odds_of(past, numbers, confidence)
    rows = []
    for name in numbers.columns:
        values = foretold.numbers[name].to_numpy(dtype=np.float64)
        known = np.isfinite(values)
        area, covariance = areas(values[None, known], left[known], codes[known])
        smaller = int(min(left[known].sum(), (~left[known]).sum()))
        low, high = area_interval(area[0], covariance[0, 0], smaller, confidence)
        rows.append({"sign": name, "area": area[0], "low": low, "high": high, "n": known.sum()})
    table = pd.DataFrame(rows)
    return table.assign(odds=odds[:, 0], odds_low=odds[:, 1], odds_high=odds[:, 2])


def telling(signs: pd.DataFrame) -> list[str]:
    """Signs that by themselves told on past days who would leave, the best first.

    Parameters
    ----------
    signs : DataFrame
        From `signs_table`. A sign tells where the whole interval of its area lies above chance.
    """
    told = signs[signs["low"] > 0.5].sort_values("area", ascending=False, kind="stable")
    return [str(name) for name in told["sign"]]


def odds_of(past: pd.DataFrame, numbers: pd.DataFrame, confidence: float) -> Array:
    """Odds ratio of one standard deviation of each sign, with its interval."""
    left = past["left"].to_numpy(dtype=bool)
    if not enough(left):
        return np.full((numbers.shape[1], 3), np.nan)
    model = fitted(numbers, left, past["customer_id"], ALL_SIGNS)
    middle = model.coefficients[1:]
    half = norm.ppf(0.5 + confidence / 2) * np.sqrt(np.diag(model.covariance)[1:])
    return np.asarray(np.exp(np.column_stack([middle, middle - half, middle + half])))


def calibration_of(foretold: Foretold, method: str, confidence: float) -> pd.DataFrame:
    """Hold the probabilities of the test days against what came, in groups of like probability."""
    columns = ["group", "customers", "expected", "left", "share", "low", "high"]
    rows = foretold.rows
    if not method or rows.empty:
        return pd.DataFrame(columns=columns)
    place = np.empty(len(rows), dtype=np.int64)
    order = np.lexsort((rows["customer_id"], rows[method].to_numpy(dtype=np.float64)))
    place[order] = np.arange(len(rows))
    groups = rows.groupby(place * CALIBRATION_GROUPS // len(rows))
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "expected": groups[method].mean(),
            "left": groups["left"].sum().astype(np.int64),
        }
    )
    return with_share(table, confidence).assign(group=np.arange(1, len(table) + 1))[columns]


def tests_table(lists: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """One row for each test day: who was there and left, who was warned of and how rightly."""
    columns = ["date", "learned_from", "learned_left", "customers", "left", "warned", "right"]
    columns.append("right_other")
    if days.empty:
        return pd.DataFrame(columns=columns)
    rows = lists.assign(
        left=lists["left"].astype(bool),
        right=lists["warned"] & lists["left"].astype(bool),
        right_other=lists["warned_other"] & lists["left"].astype(bool),
    )
    sums = rows.groupby("date")[["left", "warned", "right", "right_other"]].sum()
    sums.insert(0, "customers", rows.groupby("date").size())
    return days.merge(sums.reset_index(), on="date")[columns]


def single_table(singles: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """How many left of those with a single purchase, by day and in all."""
    left = singles["left"].astype(bool)
    counts = left.groupby(singles["date"]).agg(customers="size", left="sum").reset_index()
    total = pd.DataFrame({"date": [pd.NaT], "customers": [len(left)], "left": [int(left.sum())]})
    table = pd.concat([counts, total], ignore_index=True) if len(counts) else total
    return with_share(table.astype({"left": np.int64}), confidence)


def with_share(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Add the share that left, with Wilson's interval."""
    n = table["customers"].to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = table["left"].to_numpy(dtype=np.float64) / n
        low, high = wilson_interval(share, n, float(norm.ppf(0.5 + confidence / 2)))
    return table.reset_index(drop=True).assign(share=share, low=low, high=high)
