"""Columns of a table the caller names, as numbers or codes, with faults told by column and row."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.errors import InputError

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

SHOWN = 5
"""Names listed in a message before "and so on"."""


def column_of(data: pd.DataFrame, column: str) -> pd.Series:
    """One column of a table.

    Raises
    ------
    InputError
        When there is none of that name, or more than one.
    """
    n_found = int((data.columns == column).sum())
    if n_found == 1:
        return data[column]
    if n_found:
        raise InputError(f'The table has {n_found} columns called "{column}". Keep one.')
    raise InputError(
        f'The table has no column "{column}". It has {listed(data.columns, shown=40)}.'
    )


def numbers_of(data: pd.DataFrame, column: str, what: str) -> Array:
    """A column as numbers, missing ones as NaN.

    Raises
    ------
    InputError
        When the column holds anything but numbers; ``what`` says what they are to be.
    """
    values = column_of(data, column)
    if not (pd.api.types.is_numeric_dtype(values) or values.isna().all()):
        wrong = np.flatnonzero(values.notna() & pd.to_numeric(values, errors="coerce").isna())
        found = f"it holds {values.dtype}"
        if len(wrong):
            found += f", such as {str(values.iloc[wrong[0]])!r}; {rows_named(data, wrong)}"
        raise InputError(f'Column "{column}" must hold {what}, which are numbers; {found}.')
    if pd.api.types.is_complex_dtype(values):
        raise InputError(f'Column "{column}" holds complex numbers.')
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def codes_of(data: pd.DataFrame, column: str) -> tuple[Codes, Any]:
    """Numbers from 0 for the values of a column, and the values.

    Raises
    ------
    InputError
        When a value is missing.
    """
    codes, values = pd.factorize(column_of(data, column))
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise InputError(
            f'Column "{column}": {len(missing):,} values are missing; '
            f"{rows_named(data, missing)}. Fill them in, or take these rows out."
        )
    return codes.astype(np.int64, copy=False), values


def indicator_of(data: pd.DataFrame, column: str, value: Any = None) -> Array:
    """One where a column has the value, 0 where another, NaN where none.

    Without a value the column is one of true and false, or 0 and 1.

    Raises
    ------
    InputError
        When the value does not occur, or none is given and the column is another.
    """
    values = column_of(data, column)
    known = values.dropna()
    if value is not None:
        equal = (values == value).fillna(False).to_numpy(dtype=bool)
        if equal.any():
            return np.where(values.isna(), np.nan, equal.astype(float))
        message = f'Column "{column}" never holds {value!r}.'
    else:
        if pd.api.types.is_numeric_dtype(values) or all(isinstance(v, bool) for v in known):
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            if np.isin(numbers[~np.isnan(numbers)], (0.0, 1.0)).all():
                return numbers
        message = f'Column "{column}" is not true or false, 0 or 1; value= says what to count.'
    raise InputError(f"{message} It holds {listed(sorted(known.unique(), key=str), shown=12)}.")


def rows_named(data: pd.DataFrame, positions: Codes) -> str:
    """Name the first rows of a list by their index."""
    noun = "row" if len(positions) == 1 else "rows"
    return f"{noun} {listed(data.index[positions[:SHOWN]], len(positions))}"


def listed(names: Any, total: int | None = None, shown: int = SHOWN) -> str:
    """Write the first of many names: a, b, c and 20 more."""
    names = [str(name) for name in names]
    more = (len(names) if total is None else total) - min(len(names), shown)
    text = ", ".join(names[:shown])
    return f"{text} and {more:,} more" if more > 0 else text


def starred(columns: Iterable[str], pattern: str) -> list[str]:
    """What the star in a pattern such as "kano_*_with" stands for, in every column that fits."""
    before, _, after = pattern.partition("*")
    middles = [
        column[len(before) : len(column) - len(after)]
        for column in columns
        if column.startswith(before) and column.endswith(after)
    ]
    return [middle for middle in middles if middle]
