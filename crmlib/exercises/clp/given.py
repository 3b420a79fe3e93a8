"""Kinds of answers and the sales that several topics of lifetime profit share."""

import functools

from crmlib import tables
from crmlib.exercises.kinds import Number

YUAN = Number("yuan", within=0.005)
YUAN_TO_A_TENTH = Number("yuan", within=0.05)
YUAN_OF_FIVE_YEARS = Number("yuan")  # sixty months, rounded to the yuan or not


@functools.cache
def sales() -> tables.CheckedTable:
    """Purchases of the example company."""
    return tables.read("data/transactions.csv", kind="transactions")
