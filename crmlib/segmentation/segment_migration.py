"""Who moved from which segment to which between two dates, and the moves worth an alarm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.columns import Array, Codes, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval

ALIKE = 1e-9
"""Difference of means, as a part of what customers bring or cost on average, that is rounding."""

NEW = "(new)"
"""Where customers come from who are in the later table only."""

GONE = "(gone)"
"""Where customers go who are in the earlier table only."""


@dataclass(frozen=True)
class SegmentMigration:
    """Moves of customers between segments.

    Attributes
    ----------
    table : DataFrame
        One row per segment before and after, also where nobody moved: from_segment, to_segment,
        direction ("up", "down", "same", "new", "gone"), customers, from_customers (all those of
        the segment before), share with low and high (of those; missing for an empty segment) and,
        where there is money, money (of those who moved, before).
    alarms : DataFrame
        Moves down, or away, that somebody made out of a valuable segment, the most money (else
        the most customers) first: from_segment, to_segment, customers, from_customers, share,
        low, high, money where there is any; and earlier_customers, earlier_from_customers,
        earlier_share, difference with difference_low and difference_high, p_value,
        p_adjusted and unusual (True: more than in the earlier migration), all missing where
        there is none to compare with.
    segments : DataFrame
        One row per segment, best first: rank, segment, before, after (customers), stayed (share of
        those before) and, where there is money, money and mean_money before; valuable.
    confidence : float
    false_discovery : float
    """

    table: pd.DataFrame
    alarms: pd.DataFrame
    segments: pd.DataFrame
    confidence: float
    false_discovery: float


def segment_migration(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    customer: str = "customer_id",
    segment: str = "segment",
    best_first: Sequence[Any],
    money: str | None = None,
    earlier: SegmentMigration | None = None,
    confidence: float = 0.95,
    false_discovery: float = 0.05,
) -> SegmentMigration:
    """Count the moves between the segments of two dates, and find those worth an alarm.

    An alarm is a move to a worse segment, or away, out of a valuable one: one whose customers
    bring more on average than all customers do or, where no money is given, one of the better
    half of the segments. With an earlier migration to compare with, of a stretch of time as long,
    it says whether more customers make the move than used to.

    Parameters
    ----------
    before, after : DataFrame
        One row per customer at the earlier and at the later date, segmented by the same rule:
        scores by quantiles move everybody when others change, so take thresholds of the earlier
        date as fixed ones for the later.
    customer, segment : str
        Their columns.
    best_first : sequence
        All segments from the best to the worst, such as `RFM_BEST_FIRST`. Money alone would not
        do: customers at risk have brought much, and who returns from there has not moved down.
    money : str, optional
        Column of ``before`` with what a customer brings: revenue or profit.
    earlier : SegmentMigration, optional
        The migration up to, or before, the earlier date.
    confidence : float
        Level of the intervals.
    false_discovery : float
        Share of alarms called unusual that may be chance.

    Returns
    -------
    SegmentMigration

    Raises
    ------
    InputError
        A column is not there, a customer or segment is missing, a customer is there twice, nobody
        is in a table, customers are numbers in one table and text in the other, best_first is not
        all segments, or a share is not within 0 and 1.

    Notes
    -----
    Shares have Wilson's interval. A move is compared with the earlier one by Fisher's exact test,
    one-sided (more than before), over all alarms adjusted after Benjamini and Hochberg (1995);
    the difference of the shares has Newcombe's (1998) interval from the two of Wilson. Many
    customers are in both migrations; the test takes the moves as independent, which holds where
    what a customer did then says nothing more about it now than its segment does.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the
    Royal Statistical Society B 57, 289-300.
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions. Statistics in Medicine 17, 873-890.
    """
    for name, share in (("confidence", confidence), ("false_discovery", false_discovery)):
        if not 0 < share < 1:
            raise InputError(f"{name}={share:g} is not between 0 and 1.")
    old, new = _segments_of(before, customer, segment), _segments_of(after, customer, segment)
    _check_same_names(old.index, new.index, customer)
    worth = None
    if money is not None:
        worth = pd.Series(_money_of(before, money), index=old.index)
    ranked = _ranked(old, new, best_first)
    counts, sums = _crossed(old, new, worth, ranked)
    quantile = float(stats.norm.isf((1 - confidence) / 2))
    table = _move_table(counts, sums, ranked, quantile)
    rounding = 0.0 if worth is None else ALIKE * float(worth.abs().mean())
    segments = _segment_table(counts, sums, ranked, rounding)
    alarms = _alarms(table, segments, earlier, quantile, false_discovery)
    return SegmentMigration(table, alarms, segments, confidence, false_discovery)


def share_difference(
    moved: Array, n: Array, moved_earlier: Array, n_earlier: Array, quantile: float
) -> tuple[Array, Array, Array]:
    """Difference of two independent shares with Newcombe's interval.

    ``d - sqrt((p - l)^2 + (U - q)^2)`` and ``d + sqrt((u - p)^2 + (q - L)^2)`` with d = p - q,
    Wilson's interval l, u of p and L, U of q (method 10 of Newcombe 1998).

    Parameters
    ----------
    moved, n, moved_earlier, n_earlier : ndarray
        Number and what it is of, now and earlier.
    quantile : float
        1.96 for 95 %.

    Returns
    -------
    tuple of ndarray
        Difference, lower and upper end.
    """
    p, q = moved / n, moved_earlier / n_earlier
    low, high = wilson_interval(p, n, quantile)
    low_earlier, high_earlier = wilson_interval(q, n_earlier, quantile)
    down = np.hypot(p - low, high_earlier - q)
    up = np.hypot(high - p, q - low_earlier)
    return p - q, p - q - down, p - q + up


def more_than_earlier(moved: Array, n: Array, moved_earlier: Array, n_earlier: Array) -> Array:
    """Fisher's exact p-value, one-sided, of a share that is no higher than the earlier one.

    Parameters
    ----------
    moved, n, moved_earlier, n_earlier : ndarray
        Number and what it is of, now and earlier.

    Returns
    -------
    ndarray
    """
    return np.asarray(stats.hypergeom.sf(moved - 1, n + n_earlier, moved + moved_earlier, n))


def _segments_of(table: pd.DataFrame, customer: str, segment: str) -> pd.Series:
    """Segment by customer, both complete and every customer once."""
    for name in (customer, segment):
        missing = np.flatnonzero(column_of(table, name).isna())
        if len(missing):
            raise InputError(f'Column "{name}" is empty in {rows_named(table, missing)}.')
    if table.empty:
        raise InputError("Nobody is in one of the tables, so there are no moves to count.")
    ids = table[customer]
    repeated = ids.duplicated()
    if repeated.any():
        raise InputError(
            f"Customer {ids[repeated].iloc[0]} is in a table more than once. Give one row a "
            "customer."
        )
    taken = {NEW, GONE} & set(table[segment].unique())
    if taken:
        raise InputError(f'A segment is called "{taken.pop()}", which means something else here.')
    return pd.Series(table[segment].to_numpy(), index=pd.Index(ids.to_numpy()))


def _check_same_names(old: pd.Index, new: pd.Index, customer: str) -> None:
    """Refuse numbers that are to be found among texts: everybody would be gone, and new."""
    if old.isin(new).any():
        return
    kinds = [pd.api.types.is_numeric_dtype(ids.infer_objects()) for ids in (old, new)]
    if kinds[0] != kinds[1] or set(old.map(str)) & set(new.map(str)):
        raise InputError(
            f'Column "{customer}": no customer of the earlier table, such as {old.tolist()[0]!r}, '
            f"is in the later one, which has {new.tolist()[0]!r}. Write customers alike, as "
            "numbers or as text."
        )


def _money_of(before: pd.DataFrame, money: str) -> Array:
    values = numbers_of(before, money, "what a customer brings")
    missing = np.flatnonzero(~np.isfinite(values))
    if len(missing):
        raise InputError(f'Column "{money}" has no finite number in {rows_named(before, missing)}.')
    return values


def _ranked(old: pd.Series, new: pd.Series, best_first: Sequence[Any]) -> list[Any]:
    """All segments, the best first."""
    ranked = list(best_first)
    if len(set(ranked)) < len(ranked):
        raise InputError("best_first names a segment twice.")
    found = dict.fromkeys([*old.unique(), *new.unique()])
    unknown = [name for name in found if name not in set(ranked)]
    if unknown:
        raise InputError(f"best_first must name every segment; it lacks {listed(unknown)}.")
    return ranked


def _crossed(
    old: pd.Series, new: pd.Series, worth: pd.Series | None, ranked: list[Any]
) -> tuple[Codes, Array | None]:
    """Customers, and their money, by segment before (last: new) and after (last: gone)."""
    k = len(ranked)
    place = pd.Index(ranked)
    everybody = old.index.append(new.index[~new.index.isin(old.index)])

    def places(of: pd.Series) -> Any:
        row = of.index.get_indexer(everybody)
        known = place.get_indexer(of.to_numpy())
        return np.where(row < 0, k, known[np.maximum(row, 0)])

    cell = places(old) * (k + 1) + places(new)
    counts = np.bincount(cell, minlength=(k + 1) ** 2).reshape(k + 1, k + 1).astype(np.int64)
    if worth is None:
        return counts, None
    values = worth.reindex(everybody, fill_value=0.0).to_numpy()
    sums = np.bincount(cell, weights=values, minlength=(k + 1) ** 2).astype(np.float64)
    return counts, sums.reshape(k + 1, k + 1)


def _move_table(
    counts: Codes, sums: Array | None, ranked: list[Any], quantile: float
) -> pd.DataFrame:
    k = len(ranked)
    row, column = (axis.ravel() for axis in np.indices((k + 1, k + 1)))
    n = counts.sum(axis=1)[row]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = counts.ravel() / n
        low, high = wilson_interval(share, n, quantile)
    direction = np.select(
        [row == k, column == k, row == column, column < row], ["new", "gone", "same", "up"], "down"
    )
    table = pd.DataFrame(
        {
            "from_segment": np.array([*ranked, NEW], dtype=object)[row],
            "to_segment": np.array([*ranked, GONE], dtype=object)[column],
            "direction": direction,
            "customers": counts.ravel(),
            "from_customers": n,
            "share": share,
            "low": low,
            "high": high,
        }
    )
    if sums is not None:
        table["money"] = sums.ravel()
    # Nobody can come from nowhere and go nowhere.
    return table.iloc[:-1]


def _segment_table(
    counts: Codes, sums: Array | None, ranked: list[Any], rounding: float
) -> pd.DataFrame:
    k = len(ranked)
    before, stayed = counts[:-1].sum(axis=1), np.diag(counts)[:-1]
    with np.errstate(invalid="ignore"):
        table = pd.DataFrame(
            {
                "rank": np.arange(1, k + 1),
                "segment": ranked,
                "before": before,
                "after": counts[:, :-1].sum(axis=0),
                "stayed": stayed / before,
            }
        )
        if sums is None:
            table["valuable"] = table["rank"] <= (k + 1) // 2
            return table
        table["money"] = sums[:-1].sum(axis=1)
        table["mean_money"] = table["money"] / before
        above = table["mean_money"] - table["money"].sum() / before.sum()
        table["valuable"] = above > rounding
    return table


def _alarms(
    table: pd.DataFrame,
    segments: pd.DataFrame,
    earlier: SegmentMigration | None,
    quantile: float,
    false_discovery: float,
) -> pd.DataFrame:
    valuable = segments.loc[segments["valuable"], "segment"]
    picked = (
        table["direction"].isin(["down", "gone"])
        & table["from_segment"].isin(valuable)
        & (table["customers"] > 0)
    )
    alarms = table[picked].drop(columns="direction")
    by = "money" if "money" in alarms else "customers"
    alarms = alarms.sort_values(by, ascending=False, kind="stable", ignore_index=True)
    return alarms.join(_compared(alarms, earlier, quantile, false_discovery))


def _compared(
    alarms: pd.DataFrame,
    earlier: SegmentMigration | None,
    quantile: float,
    false_discovery: float,
) -> pd.DataFrame:
    """What the earlier migration says of the same moves."""
    keys = ["from_segment", "to_segment"]
    then = pd.DataFrame(np.nan, index=alarms.index, columns=["customers", "from_customers"])
    if earlier is not None:
        of = earlier.table.set_index(keys)[["customers", "from_customers"]]
        then = of.reindex(pd.MultiIndex.from_frame(alarms[keys])).reset_index(drop=True)
    moved, n = (alarms[name].to_numpy(dtype=float) for name in ("customers", "from_customers"))
    moved_then, n_then = (then[name].to_numpy(dtype=float) for name in then)
    n_then = np.where(n_then > 0, n_then, np.nan)
    difference, low, high = share_difference(moved, n, moved_then, n_then, quantile)
    p_value = more_than_earlier(moved, n, moved_then, n_then)
    adjusted = np.full(len(alarms), np.nan)
    known = ~np.isnan(p_value)
    if known.any():
        adjusted[known] = stats.false_discovery_control(p_value[known])
    unusual = pd.Series(pd.NA, index=alarms.index, dtype="boolean")
    unusual[known] = adjusted[known] <= false_discovery
    return pd.DataFrame(
        {
            "earlier_customers": moved_then,
            "earlier_from_customers": n_then,
            "earlier_share": moved_then / n_then,
            "difference": difference,
            "difference_low": low,
            "difference_high": high,
            "p_value": p_value,
            "p_adjusted": adjusted,
            "unusual": unusual,
        }
    )
