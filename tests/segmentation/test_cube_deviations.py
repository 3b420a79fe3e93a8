"""Cells that stand out, against the formula written out, simulation and the example's truth."""

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.cube import cube
from crmlib.segmentation.cube_deviations import cube_deviations, independence_noise


def simulated(random, n=400, places=6, lines=5, effect=1.0) -> pd.DataFrame:
    """Sales of customers of very different size, each with a taste of its own.

    Where they buy says nothing of what, but that L0 is bought ``effect`` times as much at P0.
    """
    rows = random.poisson(5 * random.gamma(1, 1, n)) + 1
    customer = np.repeat(np.arange(n), rows)
    taste = random.gamma(1.0, 1, (n, lines)).cumsum(axis=1)
    line = (taste[customer] < random.random(len(customer))[:, None] * taste[customer, -1:]).sum(1)
    place = random.integers(0, places, len(customer))
    size = random.lognormal(3, 1, n)[customer] * random.lognormal(0, 0.7, len(customer))
    size = size * np.where((place == 0) & (line == 0), effect, 1.0)
    return pd.DataFrame(
        {
            "customer_id": customer,
            "date": pd.Timestamp("2024-01-01"),
            "amount": size.round(2),
            "place": np.char.add("P", place.astype(str)),
            "line": np.char.add("L", line.astype(str)),
        }
    )


def noise_of(rows: pd.DataFrame):
    codes = [pd.factorize(rows[name], sort=True)[0] for name in ("customer_id", "place", "line")]
    cells = rows.groupby(codes)["amount"].sum()
    return independence_noise(
        *(cells.index.get_level_values(k).to_numpy() for k in range(3)), cells.to_numpy()
    )


def test_the_noise_is_the_formula_written_out():
    rows = simulated(np.random.default_rng(1), n=40)
    x = rows.pivot_table("amount", "customer_id", ["place", "line"], "sum", fill_value=0.0)
    x = x.to_numpy().reshape(40, 6, 5)
    cells = x.sum(axis=0)
    a, b = cells.sum(axis=1) / cells.sum(), cells.sum(axis=0) / cells.sum()
    d = np.array(
        [
            of
            - np.outer(of.sum(axis=1), b)
            - np.outer(a, of.sum(axis=0))
            + np.outer(a, b) * of.sum()
            for of in x
        ]
    )
    variance = 40 / 39 * (d**2).sum(axis=0)
    smooth = np.outer(variance.sum(axis=1), variance.sum(axis=0)) / variance.sum()
    ours = noise_of(rows)
    np.testing.assert_allclose(ours.observed, cells)
    np.testing.assert_allclose(ours.expected, np.outer(a, b) * cells.sum())
    np.testing.assert_allclose(ours.observed - ours.expected, d.sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(ours.standard_error**2, np.maximum(variance, smooth))


def flagged(rows: pd.DataFrame) -> pd.DataFrame:
    noise = noise_of(rows)
    judged = noise.effective_customers >= 5
    return np.abs(noise.observed - noise.expected)[judged] / noise.standard_error[judged]


def test_without_deviations_cells_are_hardly_ever_extreme():
    random = np.random.default_rng(2)
    statistics = np.concatenate([flagged(simulated(random)) for _ in range(60)])
    # The normal distribution has 5 % beyond 1.96: the larger of two variances has fewer.
    assert len(statistics) > 1000
    assert (statistics > 1.96).mean() < 0.05
    assert (statistics > 3.3).mean() < 0.001


@pytest.mark.slow
def test_false_alarms_stay_below_their_share():
    random = np.random.default_rng(3)
    found = [
        len(cube_deviations(cube(simulated(random), ["place", "line"]), "place", "line").flagged)
        for _ in range(40)
    ]
    # Every flag is false here, so the share of tables with any is held at 5 %: 2 of 40.
    assert np.count_nonzero(found) <= 2


def test_a_cell_with_three_times_the_sales_is_flagged():
    rows = simulated(np.random.default_rng(4), n=1500, effect=3.0)
    found = cube_deviations(cube(rows, ["place", "line"]), "place", "line").flagged.iloc[0]
    assert found[["row", "column", "deviation"]].tolist() == ["P0", "L0", "above"]
    assert found["low"] > 0
    assert found["ratio"] > 1.5


@pytest.fixture(scope="module")
def company():
    return tables.example.company()


def test_what_the_segments_of_the_example_buy_more_of_is_found(company):
    of = cube(company.transactions, ["segment", "product_line"], customers=company.truth.customers)
    found = cube_deviations(of, "segment", "product_line")
    mix = company.truth.product_mix.set_index("segment")
    flags = found.flagged
    assert len(flags) >= 10
    # By truth, a segment buys more of a line than the others where it is flagged so.
    others = {name: mix.drop(index=name).mean() for name in mix.index}
    for cell in flags.head(10).to_dict("records"):
        more = mix.loc[cell["row"], cell["column"]] > others[cell["row"]][cell["column"]]
        assert more == (cell["deviation"] == "above"), cell


def test_regions_drawn_without_regard_to_anything_are_not_flagged(company):
    of = cube(company.transactions, ["region", "product_line"], customers=company.customers)
    found = cube_deviations(of, "region", "product_line")
    assert found.tested == 24
    assert found.flagged.empty


def test_profit_by_margin_is_judged_like_revenue():
    rows = simulated(np.random.default_rng(5), n=200)
    of = cube(rows, ["place", "line"], ["revenue", "profit"], margin_rate=0.5)
    by_revenue, by_profit = (
        cube_deviations(of, "place", "line", by=name).table for name in ("revenue", "profit")
    )
    np.testing.assert_allclose(by_profit["difference"], by_revenue["difference"] / 2)
    np.testing.assert_allclose(by_profit["p_value"], by_revenue["p_value"])


def test_few_customers_and_losses_cannot_be_judged():
    rows = simulated(np.random.default_rng(6), n=200)
    few = cube_deviations(cube(rows[rows["customer_id"] < 3], ["place", "line"]), "place", "line")
    assert few.tested == 0
    assert set(few.table["deviation"]) == {"cannot say"}
    assert few.table["p_adjusted"].isna().all()
    lost = rows.assign(amount=rows["amount"].where(rows["line"] != "L1", -rows["amount"]))
    table = cube_deviations(cube(lost, ["place", "line"]), "place", "line").table
    assert set(table.loc[table["column"] == "L1", "deviation"]) == {"cannot say"}
    assert "as expected" in set(table.loc[table["column"] == "L2", "deviation"])


def test_one_customer_and_equal_sales_are_no_deviation():
    one = simulated(np.random.default_rng(7), n=1)
    assert cube_deviations(cube(one, ["place", "line"]), "place", "line").tested == 0
    place, line, customer = (axis.ravel() for axis in np.indices((3, 2, 20)))
    even = pd.DataFrame(
        {
            "customer_id": customer,
            "date": pd.Timestamp("2024-01-01"),
            "amount": 10.0,
            "place": place,
            "line": line,
        }
    )
    found = cube_deviations(cube(even, ["place", "line"]), "place", "line")
    assert np.allclose(found.table["difference"], 0)
    assert found.flagged.empty


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rows": "area"}, "no dimension area"),
        ({"rows": "line"}, "two different dimensions"),
        ({"by": "orders"}, "must be revenue or profit"),
        ({"by": "profit"}, "among the cube's measures"),
        ({"confidence": 1.0}, "confidence=1 is not between 0 and 1"),
        ({"false_discovery": -0.1}, "false_discovery=-0.1 is not between"),
    ],
)
def test_faults_are_told(options, words):
    of = cube(simulated(np.random.default_rng(8), n=5), ["place", "line"])
    with pytest.raises(InputError, match=words):
        cube_deviations(of, **{"rows": "place", "columns": "line"} | options)
