"""Path models beside one another, with their intervals."""

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from crmlib.satisfaction.path_model import PathModel

KEYS = {"paths": ["from", "to"], "r_squared": ["construct"], "constructs": ["construct"]}


def side_by_side(
    models: Mapping[str, PathModel],
    table: Literal["paths", "r_squared", "constructs"],
    value: str,
    *,
    decimals: int = 2,
) -> pd.DataFrame:
    """One column a model, written as "0.44 (0.34 to 0.54)".

    Parameters
    ----------
    models : mapping of str to PathModel
    table : {"paths", "r_squared", "constructs"}
    value : str
        Column of that table; low and high are taken for its interval.
    decimals : int
        Digits after the point.

    Returns
    -------
    DataFrame
        The ends of the path or the construct, and the models by name; "–" where a model has none.
    """
    columns = {
        name: pd.Series(
            [with_interval(row, value, decimals) for _, row in getattr(model, table).iterrows()],
            index=pd.MultiIndex.from_frame(getattr(model, table)[KEYS[table]]),
        )
        for name, model in models.items()
    }
    return pd.concat(columns, axis=1, sort=False).fillna("–").reset_index()


def with_interval(row: pd.Series, value: str, decimals: int) -> str:
    """Write an estimate and its interval; the estimate alone where there is none."""
    text = f"{row[value]:.{decimals}f}"
    if pd.notna(row["low"]):
        text += f" ({row['low']:.{decimals}f} to {row['high']:.{decimals}f})"
    return text.replace("-", "−")
