"""Whether segments are of use: big enough, relevant, reachable, different, stable over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from crmlib.columns import Array, Codes, codes_of, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.intervals import wilson_interval
from crmlib.multiple_testing import holm, stretch
from crmlib.segmentation.concentration import student_interval, total_is_clear
from crmlib.segmentation.effect_sizes import (
    Effect,
    adjusted_rand_effect,
    cramers_v,
    relative_effect,
)
from crmlib.segmentation.segment_verdicts import (
    CRITERIA,
    difference_verdicts,
    reach_verdicts,
    relevance_verdicts,
    size_verdicts,
    stability_verdicts,
)

MOST_VALUES = 50
"""Values of an attribute up to which it can tell who is meant; names and numbers have more."""

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class SegmentCriteria:
    """Segments held against five criteria.

    Attributes
    ----------
    verdicts : DataFrame
        segment, criterion, verdict (yes, no, cannot say) and reason.
    sizes : DataFrame
        segment, customers, customers_share; and, where profit is known, profit, profit_share with
        low and high, mean_profit, and above_share with low, high and p_adjusted: in how many of
        100 pairs a customer of the segment brings more than one of the others.
    differences : DataFrame
        segment, feature, mean and median inside, of the others; above_share with low and high;
        p_adjusted, missing where the segments were made from the feature (made_from).
    associations : DataFrame
        segment, attribute, customers, cramers_v with low and high, p_adjusted.
    reach : DataFrame
        segment, attribute, value, customers (with the value), inside (of these, in the segment),
        inside_share with low and high, and lift with lift_low and lift_high: how many times as
        often as among all customers.
    staying : DataFrame
        segment, before (customers in it before that still are customers), stayed, stayed_share
        with low and high. Segments there were only before come last, with nobody stayed. Empty
        where no earlier segments were given.
    agreement : Effect
        Adjusted Rand index of the segments before and now; NaN where none were given.
    confidence : float
    """

    verdicts: pd.DataFrame
    sizes: pd.DataFrame
    differences: pd.DataFrame
    associations: pd.DataFrame
    reach: pd.DataFrame
    staying: pd.DataFrame
    agreement: Effect
    confidence: float

    @property
    def table(self) -> pd.DataFrame:
        """Verdicts, one row a segment and one column a criterion."""
        wide = self.verdicts.pivot_table(
            index="segment", columns="criterion", values="verdict", aggfunc="first", sort=False
        )
        return (
            wide[[name for name in CRITERIA if name in wide]]
            .reset_index()
            .rename_axis(columns=None)
        )


def segment_criteria(
    customers: pd.DataFrame,
    segment: str,
    *,
    profit: str | None = None,
    features: Sequence[str] = (),
    made_from: Sequence[str] = (),
    attributes: Sequence[str] = (),
    before: str | None = None,
    least_customers: int = 30,
    least_profit_share: float = 0.05,
    confidence: float = 0.95,
    seed: int = 1,
) -> SegmentCriteria:
    """Ask of every segment whether it is worth a treatment of its own.

    - big enough: ``least_customers`` at least, and ``least_profit_share`` of the profit.
    - relevant: its customers bring more, or less, profit than the others.
    - reachable: what is known of a customer before the first purchase (region, type, channel) tells
      who belongs to it. Customers of today can be written to by name; those still to be won cannot.
    - different: it behaves unlike the others in a feature at least.
    - stable: who was in it before still is.

    A verdict is yes or no where the whole interval lies on one side of the threshold, and "cannot
    say" where it does not, or where what is needed was not given.

    Parameters
    ----------
    customers : DataFrame
        One row per customer.
    segment : str
        Column with its segment. Segments are told in their sorted order.
    profit : str, optional
        Column with its profit, or what stands for it.
    features : sequence of str
        Columns of numbers by which segments may differ.
    made_from : sequence of str
        Those of the features, or others, that the segments were made from. Such differ because
        they were cut to: their effect sizes count, but a test would only find the cut.
    attributes : sequence of str
        Columns with classes known beforehand; an empty cell is a class, "not known".
    before : str, optional
        Column with the segment at an earlier date, made by the same rule; empty for those who were
        no customers then. 1, 1.0 and "1" are the same segment.
    least_customers : int
    least_profit_share : float
        What is too small for a treatment of its own, a fraction.
    confidence : float
        Level of the intervals. Those of one criterion hold together with it (Bonferroni).
    seed : int
        Of the bootstrap of the adjusted Rand index.

    Returns
    -------
    SegmentCriteria

    Raises
    ------
    InputError
        There is only one segment, a column is missing or cannot be used, none of the segments
        before is one of today, or a minimum is no number that can be met.

    Notes
    -----
    Differences of feature and profit are measured by the share of pairs in which the one of the
    segment is above (Brunner and Munzel 2000). They do not hang on the scale or on a few huge
    customers. Thresholds are those of Vargha and Delaney (2000): a difference in profit counts
    from 0.56 (or 0.44) on, which is small; one in a feature from 0.64 (or 0.36) on, which is
    medium, as the best of several is looked for. p-values are Holm's over all tests of a
    criterion. Lifts have Wilson's intervals, longer for the number of values looked at in all.

    A share of profit has Student's interval from the influence of every customer, on the logit
    scale where nobody brings a loss. That alone finds a segment too small where its sample has
    missed the few huge customers. So the interval is Wilson's at least, with the number of
    customers n that gives the variance where money varies about the mean of the segment, and of
    the others, as much as about that of all: (sum of money)² / sum of money², times
    p (1 - p) / (s (1 - s)) for the part p of the customers with the share s; without this factor
    where there are losses. In simulations at 95 % (lognormal money, sigma 1 to 2, 300 to 3,000
    customers, 3 to 30 % of them in the segment by lot; with losses too) the interval was below the
    true share in at most 3 % of samples, above it in at most 2 %. Where money varies far more in
    the segment than in the others, or it is a dozen customers, it is below in 4 to 7 %: these may
    be called too small wrongly. No interval is given where losses leave the sum of all less than
    three standard errors above zero.
    """
    _check(least_customers, least_profit_share, confidence)
    codes, names = _segments(customers, segment)
    differing = _differences(customers, codes, names, features, made_from, confidence)
    associations = _associations(customers, codes, names, attributes, confidence)
    reach = _reach(customers, codes, names, attributes, confidence)
    sizes = _sizes(customers, codes, names, profit, confidence)
    staying, agreement = _staying(customers, segment, before, names, confidence, seed)
    minimum = least_customers, least_profit_share
    found = [
        size_verdicts(sizes, *minimum),
        relevance_verdicts(sizes),
        reach_verdicts(names, associations, reach),
        difference_verdicts(sizes, differing),
        stability_verdicts(names, staying),
    ]
    return SegmentCriteria(
        verdicts=_by_segment(pd.concat(found), names),
        sizes=sizes,
        differences=differing,
        associations=associations,
        reach=reach,
        staying=staying,
        agreement=agreement,
        confidence=confidence,
    )


def _check(least_customers: int, least_profit_share: float, confidence: float) -> None:
    if least_customers < 1:
        raise InputError(f"least_customers={least_customers}: a segment has 1 customer or more.")
    for name, share in (
        ("least_profit_share", least_profit_share),
        ("confidence", confidence),
    ):
        if not 0 < share < 1:
            hint = f" Did you mean {share / 100:g}?" if 1 <= share < 100 else ""
            raise InputError(f"{name}={share:g} is not a fraction between 0 and 1.{hint}")


def _segments(customers: pd.DataFrame, segment: str) -> tuple[Codes, list[object]]:
    """Number of every customer's segment, and the segments in sorted order."""
    if customers.empty:
        raise InputError("The table has no customers.")
    codes, values = codes_of(customers, segment)
    order = sorted(range(len(values)), key=lambda i: _sort_key(values[i]))
    if len(order) < 2:
        raise InputError(
            f'Column "{segment}": there is one segment only, of '
            f"{counted(len(customers), 'customer')}, so there is nothing to compare. Such a base "
            "is treated as a whole."
        )
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[codes], [values[i] for i in order]


def _sort_key(value: object) -> tuple[int, float, str]:
    """Sort numbers, also those written as text, before words."""
    text = str(value)
    return (0, float(text), "") if text.replace(".", "", 1).isdecimal() else (1, 0.0, text)


def _quantile(confidence: float, number: int) -> float:
    """Standard normal quantile with which ``number`` intervals hold together."""
    return float(stats.norm.isf((1 - confidence) / 2)) * stretch(confidence, max(number, 1))


def _together(confidence: float, number: int) -> float:
    """Level of each of so many intervals that are to hold together."""
    return 1 - (1 - confidence) / max(number, 1)


# Size and profit


def _sizes(
    customers: pd.DataFrame,
    codes: Codes,
    names: list[object],
    profit: str | None,
    confidence: float,
) -> pd.DataFrame:
    counts = np.bincount(codes)
    table = pd.DataFrame(
        {"segment": names, "customers": counts, "customers_share": counts / len(codes)}
    )
    if profit is None:
        return table
    money = _known(customers, profit, "profits")
    held = np.bincount(codes, weights=money)
    table["profit"] = held
    level = _together(confidence, len(names))
    ends = [_share_of_total(money, codes == i, level) for i in range(len(names))]
    table[["profit_share", "profit_share_low", "profit_share_high"]] = ends
    table["mean_profit"] = held / counts
    effects = [
        relative_effect(money[codes == i], money[codes != i], level) for i in range(len(names))
    ]
    return _with_effects(table, effects, "above_share")


def _share_of_total(money: Array, inside: Array, confidence: float) -> tuple[float, float, float]:
    """Share of a sum with its interval; NaN where the sum may be zero or less.

    On either side the longer of Student's, and of Wilson's with an effective number of customers:
    see the notes of `segment_criteria`.
    """
    if not total_is_clear(money):
        return np.nan, np.nan, np.nan
    relative = money / money.mean()
    share = float(relative[inside].sum() / len(money))
    low, high, _ = student_interval(share, (inside - share) * relative, confidence)
    effective = len(money) ** 2 / (relative @ relative)
    if money.min() >= 0 and 0 < share < 1:
        arm = (high - share) / (share * (1 - share))
        low, high = (float(end) for end in expit(logit(share) + np.array([-arm, arm])))
        part = inside.mean()
        effective *= part * (1 - part) / (share * (1 - share))
    quantile = float(stats.norm.isf((1 - confidence) / 2))
    by_lot = wilson_interval(min(max(share, 0.0), 1.0), effective, quantile)
    return share, min(low, float(by_lot[0])), max(high, float(by_lot[1]))


def _known(customers: pd.DataFrame, column: str, what: str) -> Array:
    values = numbers_of(customers, column, what)
    missing = np.flatnonzero(~np.isfinite(values))
    if len(missing):
        raise InputError(
            f'Column "{column}": {len(missing):,} values are missing; '
            f"{rows_named(customers, missing)}. Fill them in, or leave these customers out."
        )
    return values


def _with_effects(table: pd.DataFrame, effects: list[Effect], name: str) -> pd.DataFrame:
    """Columns of effect sizes, with p-values adjusted for their number."""
    found = pd.DataFrame(effects, columns=["estimate", "low", "high", "p_value"], dtype=float)
    table[name] = found["estimate"].to_numpy()
    table["low"], table["high"] = found["low"].to_numpy(), found["high"].to_numpy()
    table["p_adjusted"] = holm(found["p_value"].to_numpy())
    return table


# What makes it different


def _differences(
    customers: pd.DataFrame,
    codes: Codes,
    names: list[object],
    features: Sequence[str],
    made_from: Sequence[str],
    confidence: float,
) -> pd.DataFrame:
    rows, effects = [], []
    level = _together(confidence, len(features) * len(names))
    for feature in features:
        values = _known(customers, feature, "values of a feature")
        for i, name in enumerate(names):
            inside, others = values[codes == i], values[codes != i]
            rows.append((name, feature, inside.mean(), others.mean(), np.median(inside)))
            effect = relative_effect(inside, others, level)
            effects.append(effect._replace(p_value=np.nan) if feature in made_from else effect)
    columns = ["segment", "feature", "mean", "mean_of_others", "median"]
    table = _with_effects(pd.DataFrame(rows, columns=columns), effects, "above_share")
    table["made_from"] = table["feature"].isin(list(made_from))
    return _by_segment(table, names)


def _by_segment(table: pd.DataFrame, names: list[object]) -> pd.DataFrame:
    """Rows of a table in the order of their segments."""
    order = table["segment"].map({name: i for i, name in enumerate(names)})
    return table.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)


# Who can be told beforehand


def _classes(customers: pd.DataFrame, attribute: str) -> pd.Series:
    values = column_of(customers, attribute)
    plain = values.astype(object).map(_plain)
    kept = plain.where(values.notna(), NOT_KNOWN).astype(str)
    different = kept.nunique()
    if different > MOST_VALUES:
        raise InputError(
            f'Column "{attribute}": {different:,} different values among {len(kept):,} customers '
            f"do not tell whom to address. Give attributes with at most {MOST_VALUES} classes."
        )
    return kept


def _associations(
    customers: pd.DataFrame,
    codes: Codes,
    names: list[object],
    attributes: Sequence[str],
    confidence: float,
) -> pd.DataFrame:
    rows, effects = [], []
    level = _together(confidence, len(attributes) * len(names))
    for i, name in enumerate(names):
        for attribute in attributes:
            counts = pd.crosstab(codes == i, _classes(customers, attribute)).to_numpy()
            rows.append((name, attribute, len(codes)))
            effects.append(cramers_v(counts, level))
    table = pd.DataFrame(rows, columns=["segment", "attribute", "customers"])
    return _with_effects(table, effects, "cramers_v")


def _reach(
    customers: pd.DataFrame,
    codes: Codes,
    names: list[object],
    attributes: Sequence[str],
    confidence: float,
) -> pd.DataFrame:
    columns = ["segment", "attribute", "value", "customers", "inside"]
    tables = []
    for attribute in attributes:
        counts = pd.crosstab(codes, _classes(customers, attribute)).rename_axis("segment")
        long = counts.reset_index().melt("segment", var_name="value", value_name="inside")
        long["customers"] = long["value"].map(counts.sum())
        tables.append(long.assign(attribute=attribute))
    if not tables:
        return pd.DataFrame(columns=columns)
    found = pd.concat(tables, ignore_index=True).sort_values("segment", kind="stable")
    base = np.bincount(codes)[found["segment"]] / len(codes)
    share = (found["inside"] / found["customers"]).to_numpy()
    ends = wilson_interval(share, found["customers"].to_numpy(), _quantile(confidence, len(found)))
    found["segment"] = [names[i] for i in found["segment"]]
    found = found[columns].assign(inside_share=share, low=ends[0], high=ends[1])
    found = found.assign(lift=share / base, lift_low=ends[0] / base, lift_high=ends[1] / base)
    return found.reset_index(drop=True)


# Who stays


def _staying(
    customers: pd.DataFrame,
    segment: str,
    before: str | None,
    names: list[object],
    confidence: float,
    seed: int,
) -> tuple[pd.DataFrame, Effect]:
    columns = ["segment", "before", "stayed", "stayed_share", "low", "high"]
    nothing = Effect(np.nan, np.nan, np.nan, np.nan)
    if before is None:
        return pd.DataFrame(columns=columns), nothing
    known = column_of(customers, before).notna().to_numpy()
    if not known.any():
        return pd.DataFrame(columns=columns), nothing
    then, now = (
        customers.loc[known, column].astype(object).map(_plain) for column in (before, segment)
    )
    gone = _only_before(then, names, before)
    counts = pd.crosstab(then.map(str), now.map(str))
    texts = [str(_plain(name)) for name in [*names, *gone]]
    counts = counts.reindex(index=texts, columns=texts, fill_value=0)
    stayed, total = np.diag(counts), counts.sum(axis=1).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        share = stayed / total
        low, high = wilson_interval(share, total, _quantile(confidence, len(names)))
    cells = ([*names, *gone], total, stayed, share, low, high)
    table = pd.DataFrame(dict(zip(columns, cells, strict=True)))
    return table, adjusted_rand_effect(counts.to_numpy(), confidence=confidence, seed=seed)


def _only_before(then: pd.Series, names: list[object], before: str) -> list[object]:
    """Segments that there were before and are no more, in sorted order."""
    today = {str(_plain(name)) for name in names}
    earlier = {str(value): value for value in then}
    if not today & set(earlier):
        raise InputError(
            f'Column "{before}": none of its segments ({listed(sorted(earlier))}) is one of today '
            f"({listed(names)}). Give the same names to the same segments."
        )
    return sorted((value for text, value in earlier.items() if text not in today), key=_sort_key)


def _plain(value: object) -> object:
    """Write a whole number as one, so that 1 and 1.0 are the same; anything else as it is."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return int(value)
    return value
