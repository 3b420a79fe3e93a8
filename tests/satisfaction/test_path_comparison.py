"""Models side by side: the cells a reader should get, written out here."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from crmlib.satisfaction.path_comparison import by_way, side_by_side


def model(paths, **index):
    rows = [(a, b, value, value - 0.1, value + 0.1) for a, b, value in paths]
    return SimpleNamespace(
        paths=pd.DataFrame(rows, columns=["from", "to", "coefficient", "low", "high"]),
        constructs=pd.DataFrame(
            {"construct": list(index), "index": index.values(), "low": np.nan, "high": np.nan}
        ),
    )


SMALL = model([("a", "b", 0.05)], a=61.26, b=50.0)
LARGE = model([("c", "b", 0.3), ("a", "b", 0.04)], b=51.0)


def test_paths_that_models_share_stand_in_one_row():
    beside = side_by_side({"small": SMALL, "large": LARGE}, "paths", "coefficient")
    assert beside.to_numpy().tolist() == [
        ["a", "b", "0.05 (−0.05 to 0.15)", "0.04 (−0.06 to 0.14)"],
        ["c", "b", "–", "0.30 (0.20 to 0.40)"],
    ]
    assert list(beside.columns) == ["from", "to", "small", "large"]


def test_without_intervals_the_estimate_stands_alone():
    beside = side_by_side({"small": SMALL, "large": LARGE}, "constructs", "index", decimals=1)
    assert beside.to_numpy().tolist() == [["a", "61.3", "–"], ["b", "50.0", "51.0"]]


def estimated(n, index, r_squared, effects):
    return SimpleNamespace(
        n=n,
        constructs=pd.DataFrame({"construct": list(index), "index": index.values()}),
        r_squared=pd.DataFrame({"construct": list(r_squared), "r_squared": r_squared.values()}),
        total_effects=pd.DataFrame(effects, columns=["from", "to", "effect"]),
    )


def test_a_row_a_way_tells_index_r_squared_and_the_largest_cause():
    effects = [("a", "c", 0.3), ("b", "c", 0.5), ("a", "b", 0.9)]
    ways = {
        "this": estimated(9, {"a": 60.0, "b": 61.0, "c": 70.0}, {"b": 0.81, "c": 0.4}, effects),
        "other": estimated(8, {"a": 59.0, "b": 58.0}, {"b": 0.8}, effects[2:]),
    }
    table = by_way(ways, ["b", "c"], "c")
    names = ["way", "n", "b_index", "c_index", "r_squared", "largest_effect_of", "effect"]
    assert list(table.columns) == names
    assert table.iloc[0].tolist() == ["this", 9, 61.0, 70.0, 0.4, "b", 0.5]
    assert table.iloc[1].tolist()[:3] == ["other", 8, 58.0]
    assert table.iloc[1, 3:].isna().all()
