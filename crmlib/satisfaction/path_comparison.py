"""Path models beside one another, with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
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


def by_way(models: Mapping[str, PathModel], constructs: Sequence[str], target: str) -> pd.DataFrame:
    """What a reader looks at first, of the same model estimated in several ways.

    Parameters
    ----------
    models : mapping of str to PathModel
        By the way it was estimated.
    constructs : sequence of str
        Whose index is shown.
    target : str
        Whose R² and largest cause are shown.

    Returns
    -------
    DataFrame
        One row a way: way, n, one column `…_index` for each construct, r_squared,
        largest_effect_of, effect (total); missing where a model does not have the construct.
    """
    rows = []
    for way, model in models.items():
        index = model.constructs.set_index("construct")["index"]
        row: dict[str, object] = {"way": way, "n": model.n}
        row |= {f"{construct}_index": index.get(construct, np.nan) for construct in constructs}
        row["r_squared"] = model.r_squared.set_index("construct")["r_squared"].get(target, np.nan)
        effects = model.total_effects[model.total_effects["to"] == target]
        for _, top in effects.nlargest(1, "effect").iterrows():
            row |= {"largest_effect_of": top["from"], "effect": top["effect"]}
        rows.append(row)
    return pd.DataFrame(rows)


def with_interval(row: pd.Series, value: str, decimals: int) -> str:
    """Write an estimate and its interval; the estimate alone where there is none."""
    text = f"{row[value]:.{decimals}f}"
    if pd.notna(row["low"]):
        text += f" ({row['low']:.{decimals}f} to {row['high']:.{decimals}f})"
    return text.replace("-", "−")
