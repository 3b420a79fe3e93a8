"""What tells a segment from the other customers: means, shares and sizes of effects."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import Array, column_of, numbers_of
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.segmentation.effect_sizes import relative_effect

Mask = NDArray[np.bool_]


def segment_profiles(
    customers: pd.DataFrame,
    features: Sequence[str],
    *,
    segment: str = "segment",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare every segment with all other customers, feature by feature.

    Parameters
    ----------
    customers : DataFrame
        One row a customer.
    features : sequence of str
        Columns of numbers, or of categories (text, true and false).
    segment : str
        Column with the segment; customers without one do not count.
    confidence : float

    Returns
    -------
    DataFrame
        One row per segment and feature, and for categories per level: segment, feature, level
        (missing for numbers), customers (of the segment with a value), mean, median (numbers),
        share (of the level), rest (mean or share of the others), difference, low, high,
        effect_size, effect_low, effect_high. NaN where a segment, or the rest, is too small.

    Raises
    ------
    InputError
        A column is not there, or holds values too large or too small to reckon with.

    Notes
    -----
    The difference of means has Welch's interval, that of shares Newcombe's (1998, method 10).
    The effect size is Cliff's delta: the probability that a customer of the segment is above one
    of the rest, less that of being below, -1 to 1. It is 0.5 where three of four such pairs have
    the segment's customer above, is not moved by a few very large customers, and for a share is
    the difference itself. Its interval is that of `relative_effect`, which is ``(delta + 1) / 2``.
    Segments made of a feature differ in it by construction: intervals
    then say how exactly the difference is known, and are no test of whether there is one.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions. Statistics in Medicine 17, 873-890.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence}: write a share between 0 and 1, such as 0.95.")
    belongs = column_of(customers, segment)
    known = belongs.notna().to_numpy()
    names = belongs[known].astype(str).to_numpy(dtype=object)
    rows = []
    for name in sorted(set(names), key=_numeric_last):
        inside = names == name
        for feature in features:
            if is_category(column_of(customers, feature)):
                found = _of_category(column_of(customers, feature)[known], inside, confidence)
            else:
                values = numbers_of(customers, feature, "a feature")[known]
                refuse_extreme(feature, values)
                found = [_of_number(values, inside, confidence)]
            rows += [{"segment": name, "feature": feature} | row for row in found]
    return pd.DataFrame(rows, columns=COLUMNS)


LARGEST = 1e50
"""Number beyond which squares and their sums may be too large for a computer."""

COLUMNS = [
    "segment",
    "feature",
    "level",
    "customers",
    "mean",
    "median",
    "share",
    "rest",
    "difference",
    "low",
    "high",
    "effect_size",
    "effect_low",
    "effect_high",
]


def refuse_extreme(name: str, values: Array) -> None:
    """Refuse numbers whose squares a computer does not hold."""
    most = float(np.nanmax(np.abs(values), initial=0.0))
    if most > LARGEST or 0 < most < 1 / LARGEST:
        raise InputError(
            f'The value of column "{name}" farthest from zero is {most:g}. Write it in a unit in '
            f"which that is between {1 / LARGEST:g} and {LARGEST:g}."
        )


def is_category(values: "pd.Series") -> bool:
    """Whether a column holds categories: text, or true and false."""
    return bool(
        pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values)
    ) and not bool(values.isna().all())


def _numeric_last(name: str) -> tuple[int, float, str]:
    """Sort "2" before "10", and words after numbers."""
    return (0, float(name), "") if name.isdecimal() else (1, 0.0, name)


def _of_number(values: Array, inside: Mask, confidence: float) -> dict[str, object]:
    own, rest = values[inside & ~np.isnan(values)], values[~inside & ~np.isnan(values)]
    low, high = welch_interval(own, rest, confidence)
    delta, *ends = cliffs_delta(own, rest, confidence)
    mean, other = (float(v.mean()) if len(v) else np.nan for v in (own, rest))
    return {
        "level": None,
        "customers": len(own),
        "mean": mean,
        "median": float(np.median(own)) if len(own) else np.nan,
        "share": np.nan,
        "rest": other,
        "difference": mean - other,
        "low": low,
        "high": high,
        "effect_size": delta,
        "effect_low": ends[0],
        "effect_high": ends[1],
    }


def _of_category(values: "pd.Series", inside: Mask, confidence: float) -> list[dict[str, object]]:
    known = values.notna().to_numpy()
    words = values.astype(str).to_numpy(dtype=object)
    rows = []
    for level in sorted(set(words[known])):
        has = words == level
        n, m = int((inside & known).sum()), int((~inside & known).sum())
        share = float(has[inside & known].mean()) if n else np.nan
        other = float(has[~inside & known].mean()) if m else np.nan
        low, high = newcombe_interval(share, n, other, m, confidence)
        rows.append(
            {
                "level": level,
                "customers": n,
                "mean": np.nan,
                "median": np.nan,
                "share": share,
                "rest": other,
                "difference": share - other,
                "low": low,
                "high": high,
                "effect_size": share - other,
                "effect_low": low,
                "effect_high": high,
            }
        )
    return rows


def welch_interval(own: Array, rest: Array, confidence: float) -> tuple[float, float]:
    """Interval of a difference of means with variances that differ; NaN below two values each.

    Checked against scipy's `ttest_ind` with ``equal_var=False``.
    """
    if min(len(own), len(rest)) < 2:
        return np.nan, np.nan
    parts = [v.var(ddof=1) / len(v) for v in (own, rest)]
    variance = sum(parts)
    difference = float(own.mean() - rest.mean())
    if variance <= 0:
        return difference, difference
    freedom = variance**2 / sum(
        part**2 / (len(v) - 1) for part, v in zip(parts, (own, rest), strict=True)
    )
    arm = float(stats.t.isf((1 - confidence) / 2, freedom) * np.sqrt(variance))
    return difference - arm, difference + arm


def newcombe_interval(
    share: float, n: int, other: float, m: int, confidence: float
) -> tuple[float, float]:
    """Interval of a difference of two shares, from Wilson's of each (Newcombe 1998, method 10)."""
    if min(n, m) < 1:
        return np.nan, np.nan
    z = float(stats.norm.isf((1 - confidence) / 2))
    (l1, u1), (l2, u2) = wilson_interval(share, n, z), wilson_interval(other, m, z)
    difference = share - other
    return (
        float(difference - np.hypot(share - l1, u2 - other)),
        float(difference + np.hypot(u1 - share, other - l2)),
    )


def cliffs_delta(own: Array, rest: Array, confidence: float) -> tuple[float, float, float]:
    """Probability of being above a customer of the rest less that of being below, with interval.

    Returns
    -------
    tuple of float
        Delta, lower and upper end; NaN where one side is too small.
    """
    effect = relative_effect(own, rest, confidence)
    return 2 * effect.estimate - 1, 2 * effect.low - 1, 2 * effect.high - 1
