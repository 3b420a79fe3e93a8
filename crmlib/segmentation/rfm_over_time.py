"""Recency, frequency and monetary value in stretches of time of one length, scored alike."""

from typing import Any

import pandas as pd

from crmlib.errors import InputError
from crmlib.segmentation.rfm import RfmScores, rfm, rfm_scores


def rfm_over_time(
    transactions: Any,
    *,
    as_of: pd.Timestamp,
    first_day: pd.Timestamp,
    window: int,
    order: str | None = None,
) -> list[RfmScores]:
    """Score what customers did in the last stretch of time, the one before and, if any, before it.

    Numbers of orders and money only ever grow when they are counted from the beginning, so that
    customers of two dates can be compared only over stretches of one length. The borders between
    scores are those of the stretch before the last, for all: quantiles of each would move
    customers because others moved.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        In our column names: customer_id, date, amount.
    as_of, first_day : Timestamp
        Last day that counts, and first day of the table.
    window : int
        Days of a stretch.
    order : str, optional
        Column that tells orders apart.

    Returns
    -------
    list of RfmScores
        The oldest first: three where the table begins at most a tenth of a stretch after the
        third began, else two.

    Raises
    ------
    InputError
        A stretch is not within the time covered twice, or has no purchase.
    """
    covered = (as_of - first_day).days + 1
    if covered < 2:
        raise InputError(
            "The purchases cover 1 day only, which cannot be held against a time before. Take a "
            "table that goes further back, or a later as_of."
        )
    if not 1 <= window <= covered // 2:
        raise InputError(
            f"window={window}: the purchases cover {covered:,} days, so a stretch to compare with "
            f"the one before has from 1 to {covered // 2:,}."
        )
    number = 3 if 3 * window - covered <= window // 10 else 2
    ends = [as_of - pd.Timedelta(days=i * window) for i in range(number)][::-1]
    tables = [
        rfm(transactions, end.date(), since=_day_after(end, window).date(), order=order)
        for end in ends
    ]
    borders = rfm_scores(tables[-2]).thresholds
    return [rfm_scores(table, "fixed", thresholds=borders) for table in tables]


def _day_after(end: pd.Timestamp, window: int) -> pd.Timestamp:
    """First day of a stretch that ends on a day."""
    return end - pd.Timedelta(days=window - 1)
