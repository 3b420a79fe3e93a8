"""Segments looked at from the side.

Oracles: tables counted by hand; clouds far apart, which every way must find, and of which one
feature tells nothing.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation.segment_views import (
    middle_customers,
    other_ways,
    same_lately,
    unusually_silent,
)
from crmlib.segmentation.segments import segment


def test_the_customer_in_the_middle():
    customers = pd.DataFrame({"segment": ["b", "a", "a", "a"], "x": [5.0, 1, 2, 9], "y": 1.0})
    found = middle_customers(customers, ["x", "y"])
    assert found.to_dict("list") == {
        "segment": ["a", "b"],
        "customers": [3, 1],
        "x": [2.0, 5.0],
        "y": [1.0, 1.0],
    }


def test_the_same_lately_counts_those_with_both():
    customers = pd.DataFrame({"customer_id": list("ABCDE"), "segment": ["1", "1", "1", "2", "2"]})
    lately = pd.Series({"A": "1", "B": "2", "D": "2", "X": "1"})
    found = same_lately(customers, lately)
    assert found["customers"].tolist() == [2, 1]
    assert found["the_same_share"].tolist() == [0.5, 1.0]
    assert same_lately(customers, lately.head(0)).empty


def test_other_ways_agree_on_clouds_that_are_apart():
    random = np.random.default_rng(1)
    middle = np.repeat([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]], 50, axis=0)
    points = middle + random.normal(0, 1, (150, 2))
    customers = pd.DataFrame(points, columns=["x", "y"]).assign(customer_id=range(150))
    found = segment(customers, ["x", "y"], k=3, method="kmeans", replicates=2)
    ways = other_ways(customers, found).set_index("way")["agreement"]
    assert ways["mixture instead of kmeans"] > 0.95
    assert ways["another start"] > 0.95
    # Without one feature two of the three clouds lie on one another.
    assert ways["without x"] == pytest.approx(0.5, abs=0.15)
    one = segment(customers, ["x", "y"], k=1, method="kmeans", replicates=2)
    assert other_ways(customers, one).empty


def test_silence_is_unusual_against_the_own_rhythm():
    table = pd.DataFrame(
        {
            "customer_id": list("ABCDE"),
            "tenure": [100, 100, 100, 0, 40],
            "recency": [26, 26, 96, 0, 40],
            "frequency": [9, 12, 2, 3, 1],  # 0.74 ** 8 = 0.09, 0.74 ** 11 = 0.04, 0.04, 0, 1
        }
    )
    table.loc[3, ["tenure", "frequency"]] = [0, 1]
    assert unusually_silent(table).to_dict() == {
        "A": False, "B": True, "C": True, "D": False, "E": False,
    }  # fmt: skip


def test_a_silence_by_chance_is_unusual_for_one_in_twenty():
    random = np.random.default_rng(1)
    last = random.uniform(0, 1000, (4000, 9)).max(axis=1)
    table = pd.DataFrame({"customer_id": range(4000), "recency": 1000 - last, "frequency": 10})
    found = unusually_silent(table.assign(tenure=1000.0))
    assert found.mean() == pytest.approx(0.05, abs=0.01)
