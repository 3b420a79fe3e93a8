"""Lifetime profit, stages and patterns.

Oracles: sums written out from the curve, Monte Carlo for the variance, simulated coverage, and
customers whose stage is known by construction.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib import clp
from crmlib.clp.holdout import retention_kept, solve_retention
from crmlib.clp.stages import PATTERNS, pattern_summary
from crmlib.clp.value import forecast_by_period
from crmlib.errors import InputError
from tests.clp.test_fitting import TRUE, noisy, table

GROWTH = {"h1": 0.3, "v": 20.0, "g1": 10.0, "N": 12.0}


def fit_exact(curve, periods=30):
    return clp.fit_life_cycle(table(clp.life_cycle_curve(np.arange(1, periods + 1), **curve)))


def test_value_is_the_discounted_continuation_of_the_curve():
    value = clp.lifetime_profit(fit_exact(GROWTH), rate=0.0125, periods=60)
    expected = clp.present_value(clp.life_cycle_curve(np.arange(31, 91), **GROWTH), 0.0125)
    row = value.customers.iloc[0]
    assert row["lifetime_profit"] == pytest.approx(expected, rel=1e-9)
    assert (row["basis"], row["periods_counted"]) == ("own curve", 60)
    assert value.total["lifetime_profit"].item() == pytest.approx(expected)


def test_a_decline_ends_where_profit_reaches_zero():
    # P(24) = 20 + 0.3 * 100 + 12 (1 - e^-14) = 62: positive until 24 + sqrt(62 / 0.5) = 35.1.
    fit = fit_exact(TRUE)
    profits = clp.life_cycle_curve(np.arange(31, 43), **TRUE)
    assert profits[4] > 0 > profits[5]
    for stop, counted in {"last_positive": 5, "after_zero": 6, 3: 3, 40: 12}.items():
        value = clp.lifetime_profit(fit, rate=0.01, periods=12, stop=stop)
        row = value.customers.iloc[0]
        assert row["periods_counted"] == counted
        assert row["lifetime_profit"] == pytest.approx(clp.present_value(profits[:counted], 0.01))


def test_start_of_period_is_worth_one_period_more():
    fit = fit_exact(GROWTH)
    end, start = (
        clp.lifetime_profit(fit, rate=0.02, periods=10, when=when).total["lifetime_profit"].item()
        for when in ("end", "start")
    )
    assert start == pytest.approx(end * 1.02)


def test_variance_agrees_with_monte_carlo():
    fit = clp.fit_life_cycle(table(noisy(GROWTH | {"N": 30.0}, 30, 1, 4.0, 21)))
    row = fit.customers.iloc[0]
    assert row["curve"] == "growth"
    value = clp.lifetime_profit(fit, rate=0.01, periods=12)
    random = np.random.default_rng(0)
    draws = random.multivariate_normal(
        row[["v", "h1", "N"]].to_numpy(dtype=float), fit.covariance[0][:3, :3], 20_000
    )
    # g1 enters with the other parameters; far beyond it only its sum with them matters, so the
    # whole covariance is taken through the linear map that Monte Carlo can check term by term.
    t = np.arange(31, 43)
    weights = 1.01 ** -np.arange(1.0, 13.0)
    basis = np.column_stack(
        [np.ones(12), np.full(12, row["g1"] ** 2), 1 - np.exp(-(t - row["g1"]))]
    )
    future = draws @ basis.T + random.normal(0, row["residual_sd"], (20_000, 12))
    slope = 2 * row["h1"] * row["g1"] * weights.sum()  # of the value in g1; e^-20 is nothing
    with_g1 = (
        (future @ weights).var()
        + slope**2 * fit.covariance[0][4, 4]
        + 2 * slope * (weights @ basis) @ fit.covariance[0][:3, 4]
    )
    error = value.customers["standard_error"].item()
    assert error**2 == pytest.approx(with_g1, rel=0.05)


def test_intervals_cover_where_the_assumptions_hold():
    # 600 customers that stay on P2: the realised profit of the next 12 periods lies in the 95 %
    # interval. Binomial standard error of the coverage: 0.9 percentage points.
    profits = noisy(GROWTH | {"N": 25.0}, 42, 600, 5.0, 22)
    fit = clp.fit_life_cycle(table(profits[:, :30]))
    value = clp.lifetime_profit(fit, rate=0.0, periods=12).customers
    actual = profits[:, 30:].sum(axis=1)
    coverage = ((value["low"] <= actual) & (actual <= value["high"])).mean()
    assert 0.90 < coverage < 0.98


def test_a_young_customer_learns_the_turn_from_similar_ones():
    old = np.tile(clp.life_cycle_curve(np.arange(1, 31), **GROWTH), (3, 1))
    young = clp.life_cycle_curve(np.arange(1, 9), h1=0.3, v=20.0)
    history = pd.concat([table(old), table(young).assign(customer_id="young")])
    value = clp.lifetime_profit(clp.fit_life_cycle(history), rate=0.01, periods=24)
    row = value.customers.iloc[3]
    expected = clp.present_value(clp.life_cycle_curve(np.arange(9, 33), **GROWTH), 0.01)
    assert row["basis"] == "similar customers"
    assert row["lifetime_profit"] == pytest.approx(expected, rel=1e-6)
    assert row["standard_error"] == pytest.approx(0.0, abs=1e-4)


def test_a_flat_young_customer_learns_its_growth_too():
    # A slow start: the first eight periods of the older ones are flat to the cent.
    late = {"h1": 0.0, "v": 20.0, "g1": 12.0, "N": 12.0}
    old = clp.life_cycle_curve(np.arange(1, 31), h1=0.001, v=20.0, g1=12.0, N=12.0)
    history = pd.concat([table(old), table(np.full(8, 20.0)).assign(customer_id="young")])
    value = clp.lifetime_profit(clp.fit_life_cycle(history), rate=0.0, periods=22)
    expected = clp.life_cycle_curve(np.arange(9, 31), **late).sum()
    assert value.customers["lifetime_profit"].iloc[1] == pytest.approx(expected, rel=0.01)


def test_without_longer_lived_customers_the_level_is_held():
    young = clp.life_cycle_curve(np.arange(1, 9), h1=0.3, v=20.0)
    fit = clp.fit_life_cycle(table(young))
    value = clp.lifetime_profit(fit, rate=0.0, periods=10).customers.iloc[0]
    assert value["basis"] == "level held"
    assert value["lifetime_profit"] == pytest.approx(10 * young[-1])
    assert clp.life_cycle_stage(fit)["stage"].item() == "undecided"


def test_customers_that_left_or_have_no_history_are_told_apart():
    gone = np.concatenate([np.full(12, 9.0), np.zeros(6)])
    history = pd.concat([table(gone, gone > 0), table(np.full(5, 9.0)).assign(customer_id="new")])
    fit = clp.fit_life_cycle(history)
    value = clp.lifetime_profit(fit, rate=0.01, periods=12)
    assert value.customers["basis"].tolist() == ["left", "not enough history"]
    assert value.customers["lifetime_profit"].iloc[0] == 0.0
    assert np.isnan(value.customers["lifetime_profit"].iloc[1])
    assert value.total[["customers", "customers_without_value"]].to_numpy().tolist() == [[1, 1]]
    assert clp.life_cycle_stage(fit)["stage"].tolist() == ["left", "not enough history"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 1.25, "periods": 5}, "Did you mean 0.0125"),
        ({"rate": 0.01, "periods": 0}, "at least one period"),
        ({"rate": 0.01, "periods": 5, "stop": "never"}, "last_positive"),
        ({"rate": 0.01, "periods": 5, "stop": -1}, "negative"),
        ({"rate": 0.01, "periods": 5, "retention": 95}, "retention"),
        ({"rate": 0.01, "periods": 5, "confidence": 95}, "0.95"),
        ({"rate": 0.01, "periods": 5, "when": "middle"}, "start"),
    ],
)
def test_arguments_without_meaning_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        clp.lifetime_profit(fit_exact(GROWTH), **options)


def test_a_customer_too_new_for_a_curve_is_placed_by_its_age():
    old = clp.life_cycle_curve(np.arange(1, 31), **GROWTH)  # g1 = 10
    new = [table(old[:age]).assign(customer_id=f"new {age}") for age in (4, 6)]
    stages = clp.life_cycle_stage(clp.fit_life_cycle(pd.concat([table(old), *new])))
    assert stages["stage"].tolist() == ["stability", "exploration", "not enough history"]
    assert stages["evidence"].tolist() == ["curve", "age", "none"]


def test_stages_follow_the_turning_points():
    old = np.tile(clp.life_cycle_curve(np.arange(1, 31), h1=0.3, v=20.0, g1=20.0, N=12.0), (3, 1))
    ages = {"exploration": 9, "formation": 12}
    young = {
        stage: clp.life_cycle_curve(np.arange(1, age + 1), h1=0.3, v=20.0)
        for stage, age in ages.items()
    }
    parts = [table(old), *(table(p).assign(customer_id=stage) for stage, p in young.items())]
    declining = clp.life_cycle_curve(np.arange(1, 31), **TRUE)
    parts.append(table(declining).assign(customer_id="decline"))
    stages = clp.life_cycle_stage(clp.fit_life_cycle(pd.concat(parts), n_similar=3))
    found = stages.set_index("customer_id")["stage"]
    assert found[["C0", "exploration", "formation", "decline"]].tolist() == [
        "stability",
        "exploration",
        "formation",
        "decline",
    ]


@pytest.mark.parametrize(
    ("life", "pattern"),
    [(4, "early abortion"), (8, "midway death"), (15, "early exit"), (16, "long retention")],
)
def test_patterns_of_those_that_left(life, pattern):
    # The base turns at g1 = 10; each customer leaves along that same curve.
    stayed = clp.life_cycle_curve(np.arange(1, 41), **GROWTH)
    gone = np.concatenate([stayed[:life], np.zeros(40 - life)])
    history = pd.concat([table(stayed), table(gone, gone > 0).assign(customer_id="gone")])
    patterns = clp.life_cycle_pattern(clp.fit_life_cycle(history))
    assert patterns[["customer_id", "pattern"]].to_numpy().tolist() == [["gone", pattern]]


def test_patterns_are_summed_up_with_the_profit_that_went():
    # Two leave from a level of 30 a month after 20 months, one after 3 months at 10.
    profits = np.zeros((2, 40))
    profits[:, :20] = 30.0
    short = np.concatenate([np.full(3, 10.0), np.zeros(37)])
    stayed = clp.life_cycle_curve(np.arange(1, 41), **GROWTH)
    parts = {"stayed": stayed, "short": short, "a": profits[0], "b": profits[1]}
    long = pd.concat([table(p, p > 0).assign(customer_id=name) for name, p in parts.items()])
    starts = np.tile(pd.date_range("2020-01-01", periods=40, freq="MS"), 4)
    history = clp.ProfitHistory(
        table=long.assign(period=starts),
        period="month",
        first_day=starts[0].astype("M8[D]").item(),
        last_day=starts[-1].astype("M8[D]").item(),
        left_out=pd.DataFrame(),
    )
    fit = clp.fit_life_cycle(history)
    summary = pattern_summary(clp.life_cycle_pattern(fit), history, fit).set_index("pattern")
    assert list(summary.index) == list(PATTERNS)
    assert summary["customers"].tolist() == [1, 0, 0, 2]
    assert summary.loc["early abortion", ["median_life", "profit", "lost_a_year"]].tolist() == [
        3.0,
        30.0,
        30.0,
    ]
    assert summary.loc["long retention", ["median_life", "profit", "lost_a_year"]].tolist() == [
        20.0,
        1200.0,
        720.0,
    ]
    assert summary.loc["midway death", "profit"] == 0.0


def test_holdout_check_scores_the_periods_held_out():
    profits = noisy(GROWTH, 40, 50, 3.0, 31)
    starts = pd.date_range("2020-01-01", periods=40, freq="MS")
    long = table(profits).assign(period=np.tile(starts, 50))
    history = clp.ProfitHistory(
        table=long,
        period="month",
        first_day=starts[0].date(),
        last_day=(starts[-1] + pd.offsets.MonthEnd()).date(),
        left_out=pd.DataFrame(),
    )
    check = clp.holdout_check(history, 10)
    total = check.total.iloc[0]
    assert total["actual"] == pytest.approx(profits[:, 30:].sum())
    expected = clp.lifetime_profit(clp.fit_life_cycle(table(profits[:, :30])), rate=0.0, periods=10)
    assert total["forecast"] == pytest.approx(expected.total["lifetime_profit"].item())
    error = 100 * (total["forecast"] / total["actual"] - 1)
    assert total["error_percent"] == pytest.approx(error)
    assert abs(error) < 3
    assert check.customers["inside"].mean() * 100 == pytest.approx(total["coverage_percent"])
    assert check.stages["customers"].sum() == total["customers"] == 50
    with pytest.raises(InputError, match="fewer than the 40"):
        clp.holdout_check(history, 40)


def test_retention_counts_the_kth_period_at_its_kth_power():
    fit = fit_exact(GROWTH)
    future = clp.life_cycle_curve(np.arange(31, 43), **GROWTH)
    expected = (future * 0.97 ** np.arange(1, 13) * 1.01 ** -np.arange(1.0, 13.0)).sum()
    value = clp.lifetime_profit(fit, rate=0.01, periods=12, retention=0.97)
    assert value.total["lifetime_profit"].item() == pytest.approx(expected)


def test_holdout_finds_the_retention_that_was_put_in():
    # Every customer of 400 on P2 stops for good with 2 % a period in the twelve held out.
    random = np.random.default_rng(41)
    profits = noisy(GROWTH, 36, 400, 3.0, 41)
    stops = random.geometric(0.02, 400)
    profits[:, 24:] *= np.arange(12) < stops[:, None] - 1
    starts = np.tile(pd.date_range("2020-01-01", periods=36, freq="MS"), 400)
    history = clp.ProfitHistory(
        table=table(profits).assign(period=starts),
        period="month",
        first_day=starts[0].astype("M8[D]").item(),
        last_day=starts[-1].astype("M8[D]").item(),
        left_out=pd.DataFrame(),
    )
    kept = clp.holdout_check(history, 12).retention.iloc[0]
    assert kept["low"] < 0.98 < kept["high"]
    assert kept["estimate"] == pytest.approx(0.98, abs=0.006)


@pytest.fixture(scope="module")
def mixed_fit():
    """Customers of every basis of a forecast: own curve, decline, similar customers, left."""
    parts = [
        table(noisy(GROWTH, 30, 20, 3.0, 51)),
        table(noisy(TRUE, 30, 20, 3.0, 52)).assign(customer_id=lambda d: "T" + d["customer_id"]),
        table(noisy({"h1": 0.3, "v": 20.0}, 9, 20, 1.0, 53)).assign(
            customer_id=lambda d: "Y" + d["customer_id"]
        ),
    ]
    gone = np.concatenate([np.full(20, 30.0), np.zeros(10)])
    return clp.fit_life_cycle(
        pd.concat([*parts, table(gone, gone > 0).assign(customer_id="gone")]), n_similar=5
    )


@pytest.mark.parametrize("retention", [0.01, 0.5, 0.97, 1.0])
def test_sums_by_period_are_the_forecast_at_any_retention(mixed_fit, retention):
    whole = clp.lifetime_profit(mixed_fit, rate=0.0, periods=12, retention=retention)
    assert set(whole.customers["basis"]) == {"own curve", "similar customers", "left"}
    declining, others = forecast_by_period(mixed_fit, 12)
    assert (declining != 0).any()
    total = declining.sum() + others @ retention ** np.arange(1.0, 13.0)
    assert total == pytest.approx(whole.total["lifetime_profit"].item(), rel=1e-12)


def test_retention_is_that_found_by_running_the_whole_forecast_again(mixed_fit):
    forecast = clp.lifetime_profit(mixed_fit, rate=0.0, periods=12).customers
    customers = forecast.rename(columns={"lifetime_profit": "forecast"})
    customers["actual"] = customers["forecast"] * np.linspace(0.5, 1.2, len(customers))
    kept = retention_kept(mixed_fit, customers, 12, 0.95)
    ratio = customers["actual"].sum() / customers["forecast"].sum()

    def share(retention):
        again = clp.lifetime_profit(mixed_fit, rate=0.0, periods=12, retention=retention)
        return again.total["lifetime_profit"].item() / customers["forecast"].sum()

    assert 0.5 < ratio < 1
    assert kept["estimate"].item() == pytest.approx(solve_retention(share, ratio), abs=1e-9)
    assert share(kept["estimate"].item()) == pytest.approx(ratio, abs=1e-4)


def test_returners_do_not_make_the_forecast_of_the_others_look_right():
    # 100 customers lose half their profit in the periods held out; 100 that had left come back
    # with the other half. The sum is as forecast, the retention of the active ones is not.
    profits = noisy(GROWTH, 36, 200, 1.0, 43)
    profits[:100, 30:] *= 0.5
    profits[100:, 15:30] = 0.0
    profits[100:, 30:] *= 0.5
    starts = np.tile(pd.date_range("2020-01-01", periods=36, freq="MS"), 200)
    history = clp.ProfitHistory(
        table=table(profits, profits != 0).assign(period=starts),
        period="month",
        first_day=starts[0].astype("M8[D]").item(),
        last_day=starts[-1].astype("M8[D]").item(),
        left_out=pd.DataFrame(),
    )
    check = clp.holdout_check(history, 6)
    assert check.total["customers"].item() == 100
    assert check.total["error_percent"].item() == pytest.approx(100, abs=2)
    kept = check.retention["estimate"].item()
    assert (kept ** np.arange(1, 7)).mean() == pytest.approx(0.5, abs=0.01)
    returned = check.returned.iloc[0]
    assert returned[["customers", "came_back"]].tolist() == [100, 100]
    assert returned["profit"] == pytest.approx(profits[100:, 30:].sum())


def test_a_decline_that_is_over_is_not_certain():
    declined = noisy(TRUE, 36, 1, 4.0, 44)  # the curve reaches zero at t = 35.1
    value = clp.lifetime_profit(clp.fit_life_cycle(table(declined)), rate=0.0, periods=12)
    row = value.customers.iloc[0]
    assert row["periods_counted"] == 0
    assert row["lifetime_profit"] == 0.0
    assert row["low"] < 0 < row["high"]


def test_the_curve_shown_and_the_value_agree_for_those_who_learn():
    old = noisy(GROWTH, 30, 12, 1.0, 45)
    young = clp.life_cycle_curve(np.arange(1, 10), h1=0.3, v=22.0)
    history = pd.concat([table(old), table(young).assign(customer_id="young")])
    fit = clp.fit_life_cycle(history)
    value = clp.lifetime_profit(fit, rate=0.0, periods=20).customers.iloc[12]
    curve = fit.curve(["young"], 29)
    assert value["basis"] == "similar customers"
    assert curve.loc[curve["t"] > 9, "profit"].sum() == pytest.approx(value["lifetime_profit"])


def test_long_and_different_lives_are_fitted_in_little_memory():
    lives = [
        table(noisy(GROWTH, n, 1, 3.0, n)).assign(customer_id=f"n{n}") for n in (120, 160, 200)
    ]
    fit = clp.fit_life_cycle(pd.concat(lives))
    assert abs(fit.customers["g1"] - 10).max() <= 4  # turns are tried every two to four periods
