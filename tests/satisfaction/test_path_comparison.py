"""Models side by side: the cells a reader should get, written out here."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from crmlib.satisfaction.path_comparison import side_by_side


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
