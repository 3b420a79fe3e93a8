"""The answers of the example company that several topics of satisfaction read."""

import functools

import pandas as pd

from crmlib import tables


@functools.cache
def responses() -> pd.DataFrame:
    """Answers of the example company's last wave."""
    answers = tables.read("data/responses.csv", kind="responses").frame
    return answers[answers["date"].dt.strftime("%Y-%m") == "2025-11"]


@functools.cache
def items() -> list[str]:
    """Names of the questions on single items."""
    return [str(column) for column in responses() if str(column).startswith("q")]
