"""Importance and performance.

Oracles: simulation with known importance and means, the known drivers of the example company,
R relaimpo for the shares, and the rule for placing written out.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.satisfaction.draws import percentiles
from crmlib.satisfaction.priorities import QUADRANTS, distances, importance_performance

DATA = Path(__file__).resolve().parents[2] / "data"
ITEMS = ["i0", "i1", "i2", "i3"]


def simulated(n, seed, slopes, means):
    random = np.random.default_rng(seed)
    z = random.normal(size=(n, len(slopes)))
    data = pd.DataFrame(np.clip(np.array(means) + z, 1, 10), columns=ITEMS[: len(slopes)])
    overall = 5.5 + 0.5 * (z @ np.array(slopes) + random.normal(size=n))
    return data.assign(overall=np.clip(overall, 1, 10))


def place(data, items=ITEMS, **arguments):
    return importance_performance(
        data, items, "overall", **({"seed": 1, "replicates": 200} | arguments)
    )


@pytest.mark.parametrize("method", ["johnson", "pcr", "lmg"])
def test_items_that_are_far_from_the_lines_are_placed_where_they_belong(method):
    data = simulated(1000, 1, [1.0, 1.0, 0.2, 0.2], [4.0, 7.0, 4.0, 7.0])
    found = place(data, method=method, components=4)
    assert found.table["quadrant"].tolist() == [
        "improve first",
        "keep up",
        "low priority",
        "possible overkill",
    ]
    assert found.undecided == 0
    assert found.n == 1000
    performance = (data[ITEMS].mean() - 1) / 9 * 100
    np.testing.assert_allclose(found.table["performance"], performance)
    lines = found.lines.set_index("line")["value"]
    assert lines["importance"] == pytest.approx(0.25)
    assert lines["performance"] == pytest.approx(performance.mean())


def test_shares_are_johnsons_weights_of_r(shared):
    reference = json.loads((shared / "reference" / "satisfaction.json").read_text())
    weights = np.array(reference["survey_johnson_relative_weights"])
    data = pd.read_csv(shared / "data" / "satisfaction_survey.csv")
    found = place(data, [f"q{i}" for i in range(1, 13)])
    np.testing.assert_allclose(found.table["importance"], weights / weights.sum(), atol=1e-8)


def test_items_that_are_alike_are_seldom_placed():
    # No item is more important or weaker than another: placing needs two errors at once.
    placed = [
        4 - place(simulated(200, seed, [0.5] * 4, [6.0] * 4), replicates=100).undecided
        for seed in range(40)
    ]
    # 160 items, each beyond one line with probability 0.05 and beyond both with 0.0025.
    assert sum(placed) <= 4


def test_an_item_beyond_one_line_only_is_undecided():
    found = place(simulated(1000, 2, [1.0, 1.0, 0.2, 0.2], [6.0] * 4), replicates=400)
    important = found.table["importance_difference_low"] > 0
    assert important.tolist() == [True, True, False, False]
    assert found.undecided >= 3
    assert found.notes[0].startswith(f"{found.undecided} of 4 items cannot be placed")


def test_the_example_company_should_improve_delivery_first():
    truth = pd.read_csv(DATA / "truth" / "drivers.csv").set_index("block")
    assert truth["weight"].idxmax() == "delivery"
    data = pd.read_csv(DATA / "responses.csv", parse_dates=["date"])
    found = place(
        data[data["date"] >= "2025-06-01"], [f"q{i:02d}" for i in range(1, 13)], replicates=1000
    )
    first = found.table.loc[found.table["quadrant"] == "improve first", "item"]
    assert list(first) == truth.loc["delivery", "items"].split()


def test_lines_move_with_the_resamples():
    random = np.random.default_rng(3)
    level = random.normal(size=(501, 1))
    values = level * 10 + np.array([-1.0, 0.0, 1.0]) + random.normal(size=(501, 3)) / 100
    # All move together: the differences to the line are known far better than the values.
    table = distances(values, "mean", 0.95)
    assert (table["high"] - table["low"] > 20).all()
    assert table["difference_high"].iloc[0] < 0 < table["difference_low"].iloc[2]
    expected = percentiles((values - values.mean(axis=1, keepdims=True))[1:], 0.95)
    np.testing.assert_allclose(table["difference_low"], expected[0])


def test_the_median_line_lies_between_the_middle_items():
    data = simulated(300, 4, [1.0, 0.5, 0.3, 0.3], [3.0, 4.0, 5.0, 9.0])
    mean, median = (place(data, line=line).lines.set_index("line") for line in ("mean", "median"))
    performance = (data[ITEMS].mean() - 1) / 9 * 100
    assert median.loc["performance", "value"] == pytest.approx(performance.median())
    assert mean.loc["performance", "value"] == pytest.approx(performance.mean())
    assert median.loc["performance", "low"] < median.loc["performance", "value"]


def test_collinear_items_cannot_be_placed():
    data = simulated(100, 5, [1.0, 0.5, 0.3], [5.0, 5.0, 5.0]).assign(i3=lambda d: d["i0"])
    found = place(data)
    assert found.undecided == 4
    assert found.table["importance"].isna().all()
    assert any(note.startswith("Cannot say") for note in found.notes)


def test_every_pair_of_sides_is_a_quadrant():
    assert QUADRANTS[1, -1] == "improve first"
    assert set(QUADRANTS) == {(a, b) for a in (1, -1) for b in (1, -1)}


def test_a_line_that_is_none_is_refused():
    with pytest.raises(InputError, match='line="top"'):
        place(simulated(50, 6, [1.0] * 4, [5.0] * 4), line="top")
