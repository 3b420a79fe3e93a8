"""Features of the stages.

Oracles: customers whose volumes, prices and costs are set stage by stage, sums by hand, scipy's
t-test, and the example company, where discounts are drawn without regard to the stage.
"""

import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib import clp, tables
from crmlib.clp.list_prices import list_price_sums
from crmlib.clp.stage_features import EXPECTED, LIVED, stage_features, stages_of_periods
from crmlib.clp.stages import pattern_summary
from crmlib.errors import InputError

MONTHS = 30
CURVE = {"h1": 4.0, "v": 100.0, "g1": 10.0, "N": 300.0, "g2": 22.0, "h2": 12.0}
T = np.arange(1, MONTHS + 1)
TRUE_STAGE = np.select(
    [T < 5, T <= 10, T <= 22], ["exploration", "formation", "stability"], "decline"
)
# Share of the list price paid, and cost of goods in percent of the amount, by true stage.
PAID = {"exploration": 0.80, "formation": 0.90, "stability": 0.96, "decline": 0.84}
COST = {"exploration": 0.8, "formation": 0.6, "stability": 0.5, "decline": 0.5}


def transactions(customers=12, seed=1):
    """One order a month, of profit on the curve of a size of its own, with a little noise."""
    random = np.random.default_rng(seed)
    profit = clp.life_cycle_curve(T, **CURVE) * np.geomspace(0.1, 10, customers)[:, None]
    profit *= random.uniform(0.998, 1.002, profit.shape)
    paid = np.array([PAID[s] for s in TRUE_STAGE]) * random.uniform(0.99, 1.01, profit.shape)
    amount = (profit / (1 - np.array([COST[s] for s in TRUE_STAGE]))).round(2)
    months = pd.date_range("2023-01-15", periods=MONTHS, freq="MS") + pd.Timedelta(days=14)
    return pd.DataFrame(
        {
            "customer_id": np.repeat([f"C{i:02}" for i in range(customers)], MONTHS),
            "date": np.tile(months, customers),
            "amount": amount.ravel(),
            "cost": (amount - profit).round(2).ravel(),
            "discount": (1 - paid).round(4).ravel(),
        }
    )


def features(rows, **options):
    end = dt.date(2025, 7, 31)
    history = clp.profit_history(rows, cost="cost", observed_until=end)
    return stage_features(rows, history, clp.fit_life_cycle(history), cost="cost", **options)


@pytest.fixture(scope="module")
def rows():
    return transactions()


@pytest.fixture(scope="module")
def found(rows):
    return features(rows)


def step(found, feature, to_stage):
    here = (found.steps["feature"] == feature) & (found.steps["to_stage"] == to_stage)
    return found.steps[here].iloc[0]


def test_periods_are_divided_at_the_turning_points_of_the_customer(rows):
    history = clp.profit_history(rows, cost="cost", observed_until="2025-07-31")
    fit = clp.fit_life_cycle(history)
    periods = stages_of_periods(history, fit)
    turned = fit.customers[["g1", "g2"]].drop_duplicates()
    assert turned.to_numpy().tolist() == [[10.0, 22.0]]
    assert len(periods) == len(history.table)
    assert (periods["stage"].to_numpy() == np.tile(TRUE_STAGE, 12)).all()


def test_changes_within_customers_are_those_put_in(rows, found):
    stage = np.tile(TRUE_STAGE, 12)
    listed = rows["amount"] / (1 - rows["discount"])
    sums = rows.assign(stage=stage, volume=listed, n=1.0).groupby(["stage", "customer_id"])
    sums = sums[["amount", "cost", "volume", "n"]].sum()
    values = pd.DataFrame(
        {
            "volume": sums["volume"] / sums["n"],
            "price": sums["amount"] / sums["volume"],
            "revenue": sums["amount"] / sums["n"],
            "cost": sums["cost"] / sums["amount"],
        }
    )
    for feature in ("volume", "price", "revenue", "cost"):
        for before, after in pairwise(LIVED):
            ratio = np.log(values.loc[after, feature] / values.loc[before, feature])
            row = step(found, feature, after)
            interval = stats.ttest_1samp(ratio, 0.0).confidence_interval(0.95)
            expected = 100 * np.expm1([ratio.mean(), *interval])
            assert row[["change", "low", "high"]].tolist() == pytest.approx(
                list(expected), abs=0.05
            )
            assert (row["customers"], row["left_out"]) == (12, 0)
    assert step(found, "price", "formation")["change"] == pytest.approx(12.5, abs=0.5)


def test_verdicts_compare_with_the_theory(found):
    verdicts = found.steps.set_index(["feature", "to_stage"])["verdict"]
    for feature, *directions in EXPECTED.itertuples(index=False):
        for after, _ in zip(LIVED[1:], directions, strict=True):
            if feature in ("volume", "price", "revenue"):
                assert verdicts[feature, after] == "agrees", (feature, after)
    # Cost falls, falls, and in decline stays what it was, to the cent.
    assert verdicts["cost"].tolist() == ["agrees", "agrees", "cannot say"]
    assert set(verdicts["profit"]) == {"built in"}
    assert set(verdicts["indirect benefit"]) == {"no data"}


def test_a_price_that_goes_the_other_way_contradicts(rows):
    turned = rows.assign(discount=(1 - rows["discount"]) * 0.5)
    assert step(features(turned), "price", "formation")["verdict"] == "contradicts"


def test_profit_changes_in_percent_of_own_revenue(rows, found):
    stage = np.tile(TRUE_STAGE, 12)
    sums = rows.assign(stage=stage, profit=rows["amount"] - rows["cost"], n=1.0)
    sums = sums.groupby(["stage", "customer_id"])[["amount", "profit", "n"]].sum()
    old, new = sums.loc["stability"], sums.loc["decline"]
    own = (old["amount"] + new["amount"]) / (old["n"] + new["n"])
    expected = 100 * ((new["profit"] / new["n"] - old["profit"] / old["n"]) / own).mean()
    assert step(found, "profit", "decline")["change"] == pytest.approx(expected, rel=1e-6)


def test_levels_are_sums_over_sums_with_the_spread_over_customers(rows, found):
    stage = np.tile(TRUE_STAGE, 12)
    here = rows[stage == "formation"]
    row = found.levels.query("stage == 'formation' and feature == 'cost'").iloc[0]
    sums = here.groupby("customer_id")[["cost", "amount"]].sum()
    ratio = sums["cost"].sum() / sums["amount"].sum()
    assert row["mean"] == pytest.approx(100 * ratio)
    # The jackknife of the ratio agrees with the linearised variance to first order.
    left_out = [
        sums.drop(index=i)["cost"].sum() / sums.drop(index=i)["amount"].sum() for i in sums.index
    ]
    jackknife = np.sqrt(11 / 12 * ((np.array(left_out) - np.mean(left_out)) ** 2).sum())
    half = stats.t.ppf(0.975, 11) * 100 * jackknife
    assert row["high"] - row["mean"] == pytest.approx(half, rel=0.35)
    assert (row["customers"], row["periods"], row["unit"]) == (12, 72, "%")


def test_few_customers_decide_nothing(rows):
    few = features(rows[rows["customer_id"] < "C09"])
    assert set(few.steps.query("feature == 'volume'")["verdict"]) == {"cannot say"}
    assert few.steps["change"].isna().all()


def test_cost_to_serve_and_indirect_benefit_are_counted_where_they_fall(rows):
    visits = pd.DataFrame(
        {
            "customer_id": ["C00", "C00", "C00", "C01", "nobody"],
            # Before the first purchase, in formation, after the end; in decline; of nobody.
            "date": pd.to_datetime(
                ["2022-12-01", "2023-08-01", "2025-09-01", "2025-06-10", "2023-03-01"]
            ),
            "profit": [-50.0, -7.5, -1.0, -3.0, -9.0],
        }
    )
    end = dt.date(2025, 7, 31)
    history = clp.profit_history(rows, cost="cost", other_profit=visits, observed_until=end)
    fit = clp.fit_life_cycle(clp.profit_history(rows, cost="cost", observed_until=end))
    with_costs = stage_features(
        rows, history, fit, cost="cost", cost_to_serve=visits, indirect=visits.assign(profit=10.0)
    )
    without = stage_features(rows, history, fit, cost="cost")
    stage = dict(zip(LIVED, (50.0, 7.5, 0.0, 3.0), strict=True))
    amounts = rows.groupby(np.tile(TRUE_STAGE, 12))["amount"].sum()
    for name, spent in stage.items():
        both = [
            f.levels.set_index(["stage", "feature"]).loc[(name, "cost"), "mean"]
            for f in (with_costs, without)
        ]
        assert both[0] - both[1] == pytest.approx(100 * spent / amounts[name], rel=1e-6)
    benefit = with_costs.levels.query("feature == 'indirect benefit'").set_index("stage")
    assert (benefit["mean"] * benefit["periods"]).round(6).tolist() == [10.0, 10.0, 0.0, 10.0]
    assert set(with_costs.steps.query("feature == 'indirect benefit'")["verdict"]) == {"cannot say"}


def test_costs_that_are_not_in_the_profit_are_refused(rows):
    visits = pd.DataFrame({"customer_id": ["C00"], "date": ["2023-02-01"], "profit": [-5.0]})
    with pytest.raises(InputError, match="made without the cost to serve"):
        features(rows, cost_to_serve=visits)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"confidence": 95}, "such as 0.95"), ({"amount": "value"}, "no column value")],
)
def test_bad_arguments_are_refused(rows, options, words):
    with pytest.raises(InputError, match=words):
        features(rows, **options)


# --- list prices: sums by hand ------------------------------------------------------------------


LINES = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "b", "b"],
        "date": pd.to_datetime(
            ["2024-01-03", "2024-01-20", "2024-01-05", "2024-02-01", "2024-02-09"]
        ),
        "amount": [80.0, 30.0, 120.0, 50.0, -12.0],
        "quantity": [10.0, 1.0, 10.0, np.nan, 1.0],
        "product_line": ["paper", "toner", "paper", "toner", "paper"],
        "discount": [0.2, np.nan, 0.0, 1.0, 0.25],
    }
)


def test_the_list_price_is_the_amount_before_the_discount():
    listed = list_price_sums(LINES, "month")
    assert listed.sums["volume"].tolist() == pytest.approx([130.0, 120.0, 34.0])
    assert listed.volume_as == "amount before the discount"


def test_without_a_discount_it_is_the_quantity_at_the_mean_price_of_the_line():
    # Paper: (80 + 120 - 12) / (10 + 10 - 1) = 9.8947; toner: 30 / 1; the row without a quantity
    # counts with its amount.
    listed = list_price_sums(LINES.drop(columns="discount"), "month")
    paper = 188 / 19
    expected = [10 * paper + 30, 10 * paper, 50 - paper]
    assert listed.sums["volume"].tolist() == pytest.approx(expected, abs=0.011)
    assert "product line" in listed.price_as


def test_without_a_line_the_mean_is_that_of_everything_and_says_so():
    listed = list_price_sums(LINES[["customer_id", "date", "amount", "quantity"]], "month")
    mean = 218 / 20
    assert listed.sums["volume"].tolist() == pytest.approx(
        [11 * mean, 10 * mean, 50 - mean], abs=0.011
    )
    assert "all products" in listed.price_as


def test_without_either_there_is_no_price_and_volume_is_purchases(rows):
    found = features(rows.drop(columns="discount"))
    measures = found.measures.set_index("feature")["measured_as"]
    assert measures["price"].startswith("no data")
    assert measures["volume"].startswith("purchases")
    assert set(found.steps.query("feature == 'price'")["verdict"]) == {"no data"}
    volume = found.levels.query("feature == 'volume'")["mean"]
    assert volume.tolist() == [1.0] * 4


def test_history_without_curves_or_losses_has_empty_tables():
    few = transactions(2).query("date < '2023-05-01'")
    history = clp.profit_history(few, cost="cost", observed_until="2023-04-30")
    fit = clp.fit_life_cycle(history)
    gifts = few[["customer_id", "date"]].assign(profit=1.0)
    found = stage_features(few, history, fit, cost="cost", indirect=gifts)
    assert found.levels.empty
    assert set(found.steps["verdict"]) == {"cannot say", "built in"}
    assert pattern_summary(clp.life_cycle_pattern(fit), history, fit)["customers"].sum() == 0


# --- the example company: nothing about the price depends on the stage ---------------------------


@pytest.mark.parametrize("seed", [2026, 4])
def test_example_company_agrees_where_it_should_and_has_no_price_of_the_stage(seed):
    company = tables.example.company(seed)
    prices = company.truth.unit_costs.set_index("activity")["unit_cost"]
    done = company.activities
    served = done.assign(profit=-(done["quantity"] * done["activity"].map(prices)).round(2))
    served = served[["customer_id", "date", "profit"]]
    bought = company.transactions
    history = clp.profit_history(bought, cost="cost", other_profit=served)
    fit = clp.fit_life_cycle(clp.profit_history(bought, cost="cost"))
    found = stage_features(bought, history, fit, cost="cost", cost_to_serve=served)
    verdicts = found.steps.set_index(["feature", "to_stage"])["verdict"]
    assert set(verdicts["price"]) == {"cannot say"}
    assert (
        set(verdicts["volume"]) == set(verdicts["revenue"]) == set(verdicts["cost"]) == {"agrees"}
    )
