"""Customers that complained and suddenly do not: they may be content, or have given up.

Who complains still hopes for better. Who complained, then falls silent while it buys less, has
probably stopped hoping.
"""

from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.columns import Array, column_of
from crmlib.errors import InputError
from crmlib.findings import counted

YEAR = 365
LATELY = 90
"""Days that count as lately."""

LEAST_COMPLAINTS = 2
"""Complaints in the year before from which on a silence means anything."""


def quiet_end_probability(complaints: Array, days: Array, silent: Array) -> Array:
    """Probability that complaints spread by chance leave the end of a time free of them.

    ``((T - s) / T)^c`` with c complaints in T days, none in the last s: given their number, each
    of them falls on any day alike.

    Parameters
    ----------
    complaints, days, silent : ndarray
        c, T and s.

    Returns
    -------
    ndarray
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(days > 0, np.clip((days - silent) / days, 0.0, 1.0), 1.0)
    return np.asarray(share**complaints)


def complaint_rows(complaints: Any, customer: str = "customer_id") -> pd.DataFrame:
    """Customer and day of every complaint.

    Raises
    ------
    InputError
        A column is not there, or a complaint has no date.
    """
    rows = tables.as_expression(complaints)
    missing = [name for name in (customer, "date") if name not in rows.columns]
    if missing:
        raise InputError(
            f"The complaints have no column {', '.join(missing)}; they have "
            f"{', '.join(rows.columns)}."
        )
    found = tables.as_frame(rows.select(customer_id=rows[customer], day=rows["date"].cast("date")))
    empty = int(found.isna().any(axis=1).sum())
    if empty:
        raise InputError(
            f"{counted(empty, 'complaint')} without a customer or a date: fill it in, or take the "
            "row out."
        )
    return found.assign(day=pd.to_datetime(found["day"]))


def complaints_silence(complaints: Any, customers: pd.DataFrame) -> pd.DataFrame:
    """Find customers that complained, then stopped, while they buy less.

    Parameters
    ----------
    complaints : DataFrame, Ibis table or tables.CheckedTable
        customer_id and date, one row a complaint.
    customers : DataFrame
        customer_id, date (the day from which is looked back), first_day (of the first purchase)
        and spending_change (-1 to 1, below 0 where a customer buys less than before), as
        `warning_signs` has them. A customer may be looked at on several days.

    Returns
    -------
    DataFrame
        A row for each of ``customers``, in its order: complaints_year (in the last 365 days),
        complaints_lately (in the last 90), silent_days (since the last complaint of the year),
        silence_by_chance (probability that so many complaints would leave so long an end free),
        given_up (two or more in the year, none of them lately, and spending fell).

    Raises
    ------
    InputError
        When a column is not there, or a complaint has no customer or date.

    Notes
    -----
    The first year of a customer counts from its first purchase. A silence means little when it is
    as long as chance leaves it; that it leads anywhere has to be seen on past customers, which
    `churn_warning` does.
    """
    rows = complaint_rows(complaints)
    for name in ("customer_id", "date", "first_day", "spending_change"):
        column_of(customers, name)
    parts = [_on_day(rows, group) for _, group in customers.groupby("date", sort=False)]
    return pd.concat(parts).loc[customers.index]


def _on_day(rows: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    day = customers["date"].iloc[0]
    ago = (day - rows["day"]).dt.days
    of_year = rows.assign(ago=ago)[(ago >= 0) & (ago < YEAR)]
    counted = of_year.groupby("customer_id")["ago"].agg(
        year="size", lately=lambda a: (a < LATELY).sum(), last="min"
    )
    found = counted.reindex(customers["customer_id"])
    year = found["year"].fillna(0).to_numpy(dtype=np.int64)
    lately = found["lately"].fillna(0).to_numpy(dtype=np.int64)
    silent = found["last"].to_numpy(dtype=np.float64)
    watched = np.minimum((day - customers["first_day"]).dt.days.to_numpy() + 1, YEAR)
    chance = quiet_end_probability(year.astype(float), watched.astype(float), np.nan_to_num(silent))
    stopped = (year >= LEAST_COMPLAINTS) & (lately == 0)
    return pd.DataFrame(
        {
            "complaints_year": year,
            "complaints_lately": lately,
            "silent_days": silent,
            "silence_by_chance": chance,
            "given_up": stopped & (customers["spending_change"].to_numpy() < 0),
        },
        index=customers.index,
    )
