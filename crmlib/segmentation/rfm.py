"""Recency, frequency and monetary value of every customer, and scores of them by three rules."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crmlib.columns import Array, Codes, column_of, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.segmentation.customer_totals import CustomerTotals, customer_totals
from crmlib.segmentation.deciles import comparable, strictly_increasing, tile_of_rank
from crmlib.segmentation.rfm_segments import named_segments
from crmlib.transaction_rows import day_of

Rule = Literal["cut_point", "rank", "fixed"]

MEASURES = {
    "recency": "days since the last purchase",
    "frequency": "numbers of purchases",
    "monetary": "revenue",
}
"""What is scored, and what its column holds."""

MOST_BINS = 9
"""Scores have one digit, so that the three of them make one number."""


def rfm(
    transactions: Any,
    as_of: dt.date | str,
    *,
    since: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    order: str | None = None,
) -> pd.DataFrame:
    """Recency, frequency and monetary value of every customer.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row a purchase, or a line of one.
    as_of : date or str
        The day to look back from, the last that counts.
    since : date or str, optional
        First day that counts; the first day of the table when not given.
    customer, date, amount : str
        Its columns; amount in money, returns below zero.
    order : str, optional
        Column that tells orders apart; without it every row with an amount above zero counts as
        one, and so does such a row whose cell is empty.

    Returns
    -------
    DataFrame
        One row per customer, by customer_id: customer_id, recency (days from the last purchase
        to as_of), frequency (orders), monetary (revenue less returns). A customer without an
        amount above zero has a frequency of 0 and no recency; `rfm_scores` tells of it.

    Raises
    ------
    InputError
        As `customer_totals`; or there is no as_of.
    """
    return rfm_of_totals(
        customer_totals(
            transactions,
            as_of=day_of(as_of, "as_of"),
            since=since,
            customer=customer,
            date=date,
            amount=amount,
            order=order,
        )
    )


def rfm_of_totals(totals: CustomerTotals) -> pd.DataFrame:
    """Recency, frequency and monetary value of totals that are there already.

    Parameters
    ----------
    totals : CustomerTotals

    Returns
    -------
    DataFrame
        As `rfm`.
    """
    return pd.DataFrame(
        {
            "customer_id": totals.table["customer_id"],
            "recency": (totals.as_of - totals.table["last_day"]).dt.days.astype(np.float64),
            "frequency": totals.table["orders"],
            "monetary": totals.table["revenue"],
        }
    )


@dataclass(frozen=True)
class RfmScores:
    """Scores of recency, frequency and monetary value, the highest the best.

    Attributes
    ----------
    table : DataFrame
        One row per customer with a purchase, by customer_id: customer_id, recency, frequency,
        monetary, recency_score, frequency_score, monetary_score (1 to bins), rfm_score (the
        three as one number, 111 to 555) and, with five bins, segment.
    thresholds : DataFrame
        Columns recency, frequency, monetary, a row for each of the bins - 1 borders: the lowest
        value beyond it. `rfm_scores` takes them again as fixed ones.
    rule : str
    bins : int
    without_purchase : DataFrame
        Rows of customers that have no purchase and so no scores.
    notes : list of str
        What a reader should know, a sentence each.
    """

    table: pd.DataFrame
    thresholds: pd.DataFrame
    rule: Rule
    bins: int
    without_purchase: pd.DataFrame
    notes: list[str]


def rfm_scores(
    table: pd.DataFrame,
    rule: Rule = "cut_point",
    bins: int = 5,
    thresholds: Mapping[str, ArrayLike] | pd.DataFrame | None = None,
) -> RfmScores:
    """Score recency, frequency and monetary value from 1, the worst, to bins, the best.

    - "cut_point": borders at the quantiles, the same value always gets the same score. Groups
      are not of one size; where many customers are alike, some scores are not given at all.
    - "rank": customers in order of the value, ties by customer_id, cut into groups of one size.
      Customers who are alike may get different scores.
    - "fixed": borders that are given, from another period or by judgement.

    Parameters
    ----------
    table : DataFrame
        From `rfm`: customer_id, recency, frequency, monetary.
    rule : {"cut_point", "rank", "fixed"}
    bins : int
        Scores to give, 2 to 9. Named segments are of five.
    thresholds : mapping of str to array_like, or DataFrame
        With "fixed": bins - 1 rising borders for each of recency (days), frequency, monetary
        (money), each the lowest value that lies beyond it.

    Returns
    -------
    RfmScores

    Raises
    ------
    InputError
        A column is not there, a number or customer_id is missing, a customer is there twice,
        nobody has a purchase, or a rule, bins or thresholds are not of their kind.

    Notes
    -----
    Cut points are ``Q_k + 1``, with Q_k the quantile k / bins by linear interpolation (type 7 of
    Hyndman and Fan 1996); a score is 1 plus the number of cut points not above the value, for
    recency ``bins`` less that number. The 1 is in the units of the measure, which is as R's
    rfm 0.3.0 has it (Hebbali); its published scores, cut points and segments are reproduced.

    By rank, groups are those of SQL's NTILE over the value, worst first, then customer_id.

    Customers without a purchase move no cut point and get no score.

    References
    ----------
    Hughes, A. M. (1994). Strategic Database Marketing. Probus.
    Hyndman, R. J. and Fan, Y. (1996). Sample quantiles in statistical packages. The American
    Statistician 50(4), 361-365.
    """
    check_rule(rule, bins, thresholds)
    bought, without = _customers(table)
    values = {name: bought[name].to_numpy(dtype=np.float64) for name in MEASURES}
    if rule == "rank":
        worse_first = {name: -v if name == "recency" else v for name, v in values.items()}
        scores = {name: rank_scores(v, bins) for name, v in worse_first.items()}
        borders = pd.DataFrame(
            {name: _lowest_beyond(values[name], scores[name], bins, name) for name in MEASURES}
        )
    else:
        borders = (
            pd.DataFrame({name: cut_points(v, bins) for name, v in values.items()})
            if thresholds is None
            else _fixed_borders(thresholds, bins)
        )
        scores = {name: cut_point_scores(v, borders[name].to_numpy()) for name, v in values.items()}
        scores["recency"] = bins + 1 - scores["recency"]
    borders.index = pd.RangeIndex(1, bins, name="border")
    scored = bought.assign(**{f"{name}_score": score for name, score in scores.items()})
    scored["rfm_score"] = 100 * scores["recency"] + 10 * scores["frequency"] + scores["monetary"]
    if bins == 5:
        scored["segment"] = named_segments(*(scores[name] for name in MEASURES))
    notes = [*_without_purchase_note(without), *_score_notes(values, scores, rule, bins)]
    return RfmScores(scored, borders, rule, bins, without, notes)


def cut_points(values: Array, bins: int) -> Array:
    """Borders between scores: quantiles by linear interpolation, plus 1.

    Parameters
    ----------
    values : ndarray, shape (customers,)
    bins : int

    Returns
    -------
    ndarray, shape (bins - 1,)
    """
    return np.quantile(values, np.arange(1, bins) / bins) + 1


def cut_point_scores(values: Array, borders: Array) -> Codes:
    """1 plus the number of borders that are not above the value.

    Parameters
    ----------
    values : ndarray, shape (customers,)
    borders : ndarray, shape (bins - 1,)
        Rising.

    Returns
    -------
    ndarray of int, shape (customers,)
    """
    return np.searchsorted(borders, values, side="right").astype(np.int64) + 1


def rank_scores(values: Array, bins: int) -> Codes:
    """Scores of groups of like size, the first ones larger by one where n does not divide.

    Parameters
    ----------
    values : ndarray, shape (customers,)
        The first of those that are equal gets the lowest score.
    bins : int

    Returns
    -------
    ndarray of int, shape (customers,)
    """
    scores = np.empty(len(values), dtype=np.int64)
    scores[np.argsort(values, kind="stable")] = tile_of_rank(len(values), bins)
    return scores


def check_rule(rule: str, bins: int, thresholds: Any) -> None:
    """Refuse a rule that is none, and thresholds without their rule."""
    if rule not in get_args(Rule):
        raise InputError(
            f'rule="{rule}" is not one of the three: give "cut_point", "rank" or "fixed".'
        )
    if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= MOST_BINS:
        raise InputError(f"bins={bins!r}: give a whole number from 2 to {MOST_BINS}.")
    if (rule == "fixed") != (thresholds is not None):
        raise InputError(
            'The rule "fixed" needs thresholds, and no other rule takes them: give both or neither.'
        )


def _customers(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers with and without a purchase, by customer_id."""
    ids = column_of(table, "customer_id")
    if ids.isna().any():
        missing = np.flatnonzero(ids.isna())
        raise InputError(f'Column "customer_id" is empty in {rows_named(table, missing)}.')
    ids = comparable(ids)
    customers = pd.DataFrame(
        {"customer_id": ids}
        | {name: numbers_of(table, name, what) for name, what in MEASURES.items()}
    )
    customers["frequency"] = customers["frequency"].astype(table["frequency"].dtype)
    if not strictly_increasing(ids):
        customers = customers.sort_values("customer_id", kind="stable")
        repeated = customers["customer_id"].duplicated()
        if repeated.any():
            raise InputError(
                f"Customer {customers['customer_id'][repeated].iloc[0]} is in the table more than "
                "once. Give one row a customer, as `rfm` does."
            )
    bought = customers["frequency"].to_numpy() > 0
    _refuse_missing_numbers(customers, bought)
    if not bought.any():
        raise InputError("No customer has a purchase, so there is nothing to score.")
    if bought.all():
        return customers.reset_index(drop=True), customers.iloc[:0]
    return customers[bought].reset_index(drop=True), customers[~bought].reset_index(drop=True)


def _refuse_missing_numbers(customers: pd.DataFrame, bought: NDArray[np.bool_]) -> None:
    for name in MEASURES:
        numbers = customers[name].to_numpy(dtype=np.float64)
        missing = np.flatnonzero(bought & ~np.isfinite(numbers))
        if len(missing):
            raise InputError(
                f'Column "{name}" has no finite number in {rows_named(customers, missing)}, '
                "though there was a purchase. Fill it in, or take the customer out."
            )


def _fixed_borders(thresholds: Mapping[str, ArrayLike] | pd.DataFrame, bins: int) -> pd.DataFrame:
    borders = {}
    for name in MEASURES:
        if name not in thresholds:
            raise InputError(f'thresholds: there are none of "{name}".')
        try:
            given = np.atleast_1d(np.asarray(thresholds[name], dtype=np.float64))
        except (TypeError, ValueError):
            given = np.array([np.nan])
        if given.shape != (bins - 1,) or not np.isfinite(given).all() or (np.diff(given) < 0).any():
            raise InputError(
                f'thresholds: "{name}" must be {counted(bins - 1, "number")}, none below the one '
                f"before it, for {bins} bins."
            )
        borders[name] = given
    return pd.DataFrame(borders)


def _lowest_beyond(values: Array, scores: Codes, bins: int, measure: str) -> Array:
    """The lowest value beyond every border between groups by rank; missing of an empty group."""
    group = bins + 1 - scores if measure == "recency" else scores
    lowest = np.full(bins, np.inf)
    np.minimum.at(lowest, group - 1, values)
    return np.where(np.isinf(lowest), np.nan, lowest)[1:]


def _without_purchase_note(without: pd.DataFrame) -> list[str]:
    if without.empty:
        return []
    have = "has" if len(without) == 1 else "have"
    return [
        f"{counted(len(without), 'customer')} {have} no purchase with an amount above zero, so no "
        "recency, and no scores."
    ]


def _score_notes(
    values: dict[str, Array], scores: dict[str, Codes], rule: Rule, bins: int
) -> list[str]:
    notes = []
    n = len(values["recency"])
    if rule == "rank" and n < bins:
        notes.append(
            f"{counted(n, 'customer')} cannot be cut into {bins} groups: by rank nobody gets more "
            f"than {n}, and {n} is the best score here."
        )
    for name, value in values.items():
        number = np.bincount(scores[name], minlength=bins + 1)[1:]
        empty = [str(score) for score in np.flatnonzero(number == 0) + 1]
        if rule == "rank":
            tied = split_by_customer(value, scores[name])
            if tied:
                notes.append(
                    f"{name.capitalize()}: {counted(tied, 'customer')} with a value that falls on "
                    "a border between two scores got one or the other by customer_id alone."
                )
        elif len(empty) == bins - 1:
            notes.append(
                f"{name.capitalize()}: everybody has the score {scores[name][0]}, so it tells no "
                "customers apart."
            )
        elif empty:
            notes.append(f"{name.capitalize()}: nobody has the score {' or '.join(empty)}.")
    return notes


def split_by_customer(values: Array, scores: Codes) -> int:
    """Count customers with a value that others have who got another score."""
    order = np.lexsort((scores, values))
    value, score = values[order], scores[order]
    split = value[1:][(value[1:] == value[:-1]) & (score[1:] != score[:-1])]
    return int(np.isin(value, split).sum())


@dataclass(frozen=True)
class RuleDifferences:
    """Who gets another score or segment by rank than by cut points.

    Attributes
    ----------
    summary : DataFrame
        One row each for recency, frequency, monetary and, with five bins, segment: score,
        customers, differ (number), share.
    customers : DataFrame
        Customers that differ in any of them: customer_id, recency, frequency, monetary, and
        every score with its value by either rule, as in frequency_score_cut_point and
        frequency_score_rank.
    """

    summary: pd.DataFrame
    customers: pd.DataFrame


def rule_differences(table: pd.DataFrame, bins: int = 5) -> RuleDifferences:
    """Compare the scores by cut points with those by rank.

    Parameters
    ----------
    table : DataFrame
        From `rfm`.
    bins : int

    Returns
    -------
    RuleDifferences

    Raises
    ------
    InputError
        As `rfm_scores`.
    """
    by_cut, by_rank = (rfm_scores(table, rule, bins).table for rule in ("cut_point", "rank"))
    kinds = [f"{name}_score" for name in MEASURES] + (["segment"] if bins == 5 else [])
    differ: dict[str, NDArray[np.bool_]] = {
        kind: by_cut[kind].to_numpy() != by_rank[kind].to_numpy() for kind in kinds
    }
    n = len(by_cut)
    summary = pd.DataFrame(
        {
            "score": [kind.removesuffix("_score") for kind in kinds],
            "customers": n,
            "differ": [int(differ[kind].sum()) for kind in kinds],
            "share": [float(differ[kind].mean()) for kind in kinds],
        }
    )
    anywhere = np.logical_or.reduce(list(differ.values()))
    customers = by_cut.loc[anywhere, ["customer_id", *MEASURES]].copy()
    for kind in kinds:
        customers[f"{kind}_cut_point"] = by_cut.loc[anywhere, kind]
        customers[f"{kind}_rank"] = by_rank.loc[anywhere, kind]
    return RuleDifferences(summary, customers.reset_index(drop=True))
