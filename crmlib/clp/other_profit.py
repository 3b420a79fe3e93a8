"""Profit of customers besides their purchases, as every method of this subject takes it."""

import numpy as np
import pandas as pd

from crmlib.columns import codes_of, column_of, numbers_of, rows_named
from crmlib.errors import InputError


def other_profit_rows(other_profit: pd.DataFrame | None) -> pd.DataFrame:
    """Profit besides the sales in cents: activity costs below zero, indirect benefits above.

    Parameters
    ----------
    other_profit : DataFrame or None
        Columns customer_id, date and profit.

    Returns
    -------
    DataFrame
        customer_id, day (datetime64), cents. Empty where nothing is given.

    Raises
    ------
    InputError
        When a column is not there or a cell is missing.
    """
    if other_profit is None:
        return pd.DataFrame({"customer_id": [], "day": [], "cents": []}).astype(
            {"customer_id": "str", "day": "datetime64[s]", "cents": "int64"}
        )
    codes_of(other_profit, "customer_id")
    profit = numbers_of(other_profit, "profit", "profit besides the sales, in money")
    day = pd.to_datetime(column_of(other_profit, "date"))
    missing = np.flatnonzero(np.isnan(profit) | day.isna().to_numpy())
    if len(missing):
        raise InputError(
            f"The profit besides the sales has no date or no amount in "
            f"{rows_named(other_profit, missing)}. Fill it in, or take these rows out."
        )
    return pd.DataFrame(
        {
            "customer_id": other_profit["customer_id"].array,
            "day": day.dt.normalize().array,
            "cents": np.round(profit * 100).astype(np.int64),
        }
    )
