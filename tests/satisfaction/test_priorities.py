"""Importance and performance.

Oracles: simulation with known importance and means, false placements among items that matter
alike, the known drivers of the example company, R relaimpo for the shares, and the rule for
placing written out.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.satisfaction.draws import percentiles
from crmlib.satisfaction.priorities import (
    QUADRANTS,
    distances,
    importance_performance,
    side_of,
)

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


def equally_important(n, seed, n_items=12):
    """Items that matter alike; the first half scores lower."""
    random = np.random.default_rng(seed)
    z = np.sqrt(0.5) * (random.normal(size=(n, 1)) + random.normal(size=(n, n_items)))
    overall = z.mean(axis=1) + 0.6 * random.normal(size=n)
    low = np.arange(n_items) < n_items / 2
    answers = np.column_stack([np.where(low, 5.5, 6.5) + 1.2 * z, 6 + 1.2 * overall])
    names = [f"i{j}" for j in range(n_items)]
    return pd.DataFrame(answers.round().clip(1, 10), columns=[*names, "overall"]), names


@pytest.mark.slow
def test_the_number_of_items_is_allowed_for():
    # Performance differs, importance does not: whatever is placed is placed wrongly.
    samples, first, any_placed, by_intervals = 80, 0, 0, 0
    for seed in range(samples):
        data, names = equally_important(200, 1000 + seed)
        table = place(data, names).table
        first += (table["quadrant"] == "improve first").any()
        any_placed += (table["quadrant"] != "undecided").any()
        clear = [
            (table[f"{name}_difference_low"] > 0) | (table[f"{name}_difference_high"] < 0)
            for name in ("importance", "performance")
        ]
        by_intervals += (clear[0] & clear[1]).any()
    # 0.05 and two Monte Carlo errors of 0.024: 0.099 of 80 samples.
    assert first <= 7
    assert any_placed <= 7
    # Intervals of every item on its own place some item in most samples (0.59 of 400).
    assert by_intervals > 30


def test_one_item_more_is_a_line_that_is_harder_to_clear():
    random = np.random.default_rng(8)
    values = random.normal(size=(4001, 1)) * [1.0, -1.0]
    values[0] = [2.1, -2.1]  # beyond 1.96 standard deviations, not beyond 2.24
    low, high = percentiles(values[1:] + values[0], 0.95)
    assert low[0] > 0 > high[1]
    values[1:] += values[0]
    assert side_of(values, "mean", 0.95).tolist() == [0, 0]
    values[:, 0] += 0.3
    values[:, 1] -= 0.3
    assert side_of(values, "mean", 0.95).tolist() == [1, -1]


def test_an_item_that_varies_less_than_the_others_is_no_surer():
    # Standard deviations 0.01, 1, 1 and 1.4 about a line at zero: the median is 1.
    random = np.random.default_rng(9)
    first, second, third = random.normal(size=(3, 4001))
    values = np.column_stack([0.01 * first, second, third, -second - third - 0.01 * first])
    values[0] = 0
    for lead, side in ((2.0, 0), (3.0, -1)):  # the normal quantile for four items is 2.5
        moved = values + np.array([-lead, 0, lead / 2, lead / 2])
        assert distances(moved, "mean", 0.95)["difference_high"].iloc[0] < -1.9
        assert side_of(moved, "mean", 0.95)[0] == side


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
    table = found.table.set_index("item")
    # q05 is weak on its own, but not when twelve items are allowed for.
    assert table.index[table["quadrant"] == "improve first"].tolist() == ["q04", "q06"]
    assert found.undecided == 10
    delivery = table.loc[truth.loc["delivery", "items"].split()]
    assert (delivery["importance_difference_low"] > 0).all()
    assert (delivery["performance_difference_high"] < 0).all()
    assert found.notes[-1].startswith("The number of items is allowed for")


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
