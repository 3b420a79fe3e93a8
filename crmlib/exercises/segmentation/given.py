"""The purchases of the example company that several topics of segmentation read."""

import functools

import pandas as pd

from crmlib import segmentation, tables


@functools.cache
def transactions() -> pd.DataFrame:
    """Purchases of the example company."""
    return tables.read("data/transactions.csv", kind="transactions").frame


@functools.cache
def last_year() -> pd.DataFrame:
    """What its customers brought in 2025, who bought in that year."""
    return segmentation.customer_totals(transactions(), cost="cost", since="2025-01-01").table
