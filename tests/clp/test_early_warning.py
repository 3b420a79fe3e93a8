"""Early warning.

Oracles: probabilities by counting every order of quiet and other periods, scipy's t-test and
Poisson distribution, scipy's false discovery control, simulation of customers for whom nothing
changes, and the example company, whose customers' true stages are known.
"""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib import clp, tables
from crmlib.clp.early_warning import (
    benjamini_hochberg,
    early_warning,
    list_quality,
    mean_doubt,
    silence_probability,
    warning_check,
)
from crmlib.clp.fitting import as_histories
from crmlib.errors import InputError


def history_of(profits, purchases=None):
    """History of customers C0, C1, … from rows of monthly profits."""
    profits = np.atleast_2d(np.asarray(profits, dtype=float))
    customers, months = profits.shape
    starts = pd.date_range("2021-01-01", periods=months, freq="MS")
    table = pd.DataFrame(
        {
            "customer_id": np.repeat([f"C{i}" for i in range(customers)], months),
            "t": np.tile(np.arange(1, months + 1), customers),
            "period": np.tile(starts, customers),
            "profit": profits.ravel(),
            "revenue": profits.ravel(),
            "purchases": ((profits if purchases is None else purchases) != 0).ravel().astype(int),
        }
    )
    return clp.ProfitHistory(
        table=table,
        period="month",
        first_day=starts[0].date(),
        last_day=(starts[-1] + pd.offsets.MonthEnd()).date(),
        left_out=pd.DataFrame(),
    )


def warn(profits, **options):
    history = history_of(profits)
    return early_warning(history, clp.fit_life_cycle(history), **options)


def of(warning, customer_id):
    return warning.customers.set_index("customer_id").loc[customer_id]


def stable(customers, months, seed, sd=10.0):
    return np.random.default_rng(seed).normal(100.0, sd, (customers, months))


@pytest.mark.parametrize("pattern", ["1101011000", "1111100", "10010010", "1000", "1111"])
def test_silence_is_counted_over_every_order_of_quiet_periods(pattern):
    bought = np.array([int(sign) for sign in pattern])
    found = silence_probability(as_histories(history_of(bought).table))[0]
    # The first period has a purchase; the others may stand anywhere behind it.
    places = range(1, len(bought))
    at_the_end = len(pattern) - len(pattern.rstrip("0"))
    orders = list(combinations(places, int(bought.sum()) - 1))
    as_long = [len(pattern) - 1 - max(order, default=0) >= at_the_end for order in orders]
    assert found == pytest.approx(np.mean(as_long))


def test_drop_is_students_test_against_the_year_before():
    profits = stable(3, 20, 1)
    profits[0, -3:] -= 40
    profits[2] += 10 * np.arange(20)  # so that the median customer does not fall
    profits[1, -1] += 300
    found = warn(profits)
    expected = stats.ttest_ind(profits[0, -3:], profits[0, 5:17], alternative="less").pvalue
    assert of(found, "C0")["drop"] == pytest.approx(expected)
    assert of(found, "C2")["drop"] > 0.9


def test_out_of_season_nobody_is_warned_of():
    profits = stable(60, 24, 2)
    profits[:, -3:] *= 0.5
    profits[0, -3:] *= 0.2
    found = warn(profits, recent=3)
    assert (found.customers["drop"] < 0.01).sum() <= 2
    assert of(found, "C0")["drop"] < 1e-6


def test_complaints_are_held_against_the_rate_of_the_customer_and_of_all():
    history = history_of(stable(10, 24, 3))
    days = ["2022-11-05", "2022-12-24", "2022-12-31", "2021-05-01", "2023-01-05", "2020-12-31"]
    complaints = pd.DataFrame(
        {"customer_id": ["C0"] * 3 + ["C1"] * 3, "date": pd.to_datetime(days)}
    )
    found = early_warning(history, clp.fit_life_cycle(history), complaints=complaints)
    # Four complaints in 240 months of life; those after the end and before the first purchase
    # do not count. C1 has had one in its 21 earlier months: more than the base.
    assert of(found, "C0")["complaints"] == pytest.approx(stats.poisson.sf(2, 3 * 4 / 240))
    assert of(found, "C1")["complaints"] == 1.0
    again = pd.concat([complaints, complaints.iloc[3:4].assign(date=pd.Timestamp("2022-12-01"))])
    found = early_warning(history, clp.fit_life_cycle(history), complaints=again)
    assert of(found, "C1")["complaints"] == pytest.approx(stats.poisson.sf(0, 3 / 21))
    assert "3 complaints in 3 months" in of(found, "C0")["reasons"]


def test_adjustment_is_that_of_scipy_and_leaves_missing_ones_out():
    p = np.random.default_rng(4).uniform(size=50) ** 2
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))
    with_missing = np.insert(p, 10, np.nan)
    adjusted = benjamini_hochberg(with_missing)
    assert np.isnan(adjusted[10])
    assert np.delete(adjusted, 10) == pytest.approx(stats.false_discovery_control(p))


def test_doubt_is_the_mean_over_the_list():
    doubt = mean_doubt([0.5, 0.99, np.nan, 0.9])
    assert doubt[[0, 1, 3]] == pytest.approx([(0.01 + 0.1 + 0.5) / 3, 0.01, 0.11 / 2])
    assert np.isnan(doubt[2])


def test_the_list_is_in_order_of_what_is_at_stake_and_says_why():
    profits = stable(40, 30, 5)
    profits[:, 0] = 100.0
    profits[7, -4:] = 0.0
    profits[8, -3:] = 20.0
    profits[8] *= 10
    warning = warn(profits)
    assert warning.warned["customer_id"].iloc[0] == "C8"
    assert "C7" in set(warning.warned["customer_id"])
    assert warning.warned["profit_at_stake"].is_monotonic_decreasing
    assert not warning.customers["warned"].iloc[len(warning.warned) :].any()
    seven = of(warning, "C7")
    assert seven["reasons"].startswith("no purchase for 4 months, after one in 100% of the months")
    assert seven["profit_at_stake"] == pytest.approx(profits[7, -12:].sum(), abs=0.0051)
    fall = 1 - profits[8, -3:].mean() / profits[8, -15:-3].mean()
    assert f"last 3 months {fall:.0%} below its own level" in of(warning, "C8")["reasons"]
    assert (warning.customers["false_alarm_share"] <= 0.10).equals(warning.customers["warned"])
    counts = warning.signals.set_index("signal")["warned"]
    assert counts["silence"] == 1
    assert counts["drop"] >= 2


def test_where_everybody_has_left_the_list_is_empty():
    profits = stable(5, 30, 6)
    profits[:, -6:] = 0.0
    complaints = pd.DataFrame({"customer_id": ["C0", "nobody"], "date": ["2021-03-01"] * 2})
    found = warn(profits, complaints=complaints)
    assert found.customers.empty
    assert found.signals["customers"].tolist() == [0, 0, 0, 0]


def test_those_that_left_are_not_looked_at():
    profits = stable(5, 30, 6)
    profits[2, -6:] = 0.0
    assert set(warn(profits).customers["customer_id"]) == {"C0", "C1", "C3", "C4"}


@pytest.mark.slow
def test_where_nothing_changes_hardly_anybody_is_warned_of():
    # 60 bases of 100 customers, half of them buying in two of three months only: every warning is
    # a false alarm, so a list that keeps its promise is empty in at least 90 % of the bases.
    with_a_warning = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        profits = random.lognormal(4, 0.2, (100, 36))
        profits[50:, 1:] *= random.random((50, 35)) < 2 / 3
        history = history_of(profits)
        fit = clp.fit_life_cycle(history)
        warning = early_warning(history, fit)
        tests = warning.customers[["silence", "drop"]].apply(benjamini_hochberg) * 3
        with_a_warning += bool((tests <= 0.10).any(axis=None))
    assert with_a_warning <= stats.binom.ppf(0.999, 60, 0.067)


@pytest.mark.slow
def test_on_example_companies_one_warning_in_ten_is_false():
    # True stage at the end: a warning is false where the customer is in neither decline nor left.
    warned = false = found = declining = 0
    for seed in range(1, 9):
        company = tables.example.company(seed)
        history = clp.profit_history(company.transactions, cost="cost")
        warning = early_warning(history, clp.fit_life_cycle(history))
        months = company.truth.months.query("observed").set_index("customer_id")["stage"]
        last = months.groupby(level=0).last().isin(["decline", "left"])
        true = warning.customers["customer_id"].map(last)
        warned += warning.customers["warned"].sum()
        false += (warning.customers["warned"] & ~true).sum()
        found += (warning.customers["warned"] & true).sum()
        declining += true.sum()
    assert false / warned == pytest.approx(0.10, abs=0.03)
    assert found / declining > 0.5


@pytest.fixture(scope="module")
def company():
    return tables.example.company()


@pytest.fixture(scope="module")
def company_history(company):
    return clp.profit_history(company.transactions, cost="cost")


@pytest.fixture(scope="module")
def check(company, company_history):
    return warning_check(company_history, 6, complaints=company.complaints)


def test_check_knows_nothing_of_the_periods_held_out(company, company_history, check):
    late = company_history.table["period"] >= "2025-07-01"
    changed = company_history.table.assign(
        profit=company_history.table["profit"].where(~late, 1e6),
        purchases=company_history.table["purchases"].where(~late, 9),
    )
    other = warning_check(
        replace(company_history, table=changed), 6, complaints=company.complaints
    ).customers.set_index("customer_id")
    same = check.customers.set_index("customer_id")
    assert other["warned"].equals(same["warned"])
    assert other["before"].equals(same["before"])
    assert not other["fell"].any()


def test_check_counts_who_fell(company_history, check):
    profit = company_history.table.pivot_table(
        index="customer_id", columns="period", values="profit", aggfunc="sum"
    )
    after = profit.loc[:, "2025-07":].mean(axis=1)
    before = profit.loc[:, "2024-07":"2025-06"].mean(axis=1)
    rows = check.customers.set_index("customer_id")
    assert rows["before"].to_numpy() == pytest.approx(before[rows.index].to_numpy())
    assert rows["after"].to_numpy() == pytest.approx(after[rows.index].to_numpy())
    fell = (after <= 0.5 * before)[rows.index]
    warned, others = rows.index[rows["warned"]], rows.index[~rows["warned"]]
    groups = check.groups.set_index("group")
    assert groups.loc["warned", ["customers", "fell"]].tolist() == [len(warned), fell[warned].sum()]
    assert groups.loc["not warned", "fell"] == fell[others].sum()
    assert groups.loc["all", "profit_after"] == pytest.approx(after[rows.index].sum())
    interval = stats.binomtest(int(fell[warned].sum()), len(warned)).proportion_ci(
        0.95, method="wilson"
    )
    assert groups.loc["warned", ["low", "high"]].tolist() == pytest.approx(list(interval))


def test_check_finds_true_declines_of_the_example_company(company, check):
    months = company.truth.months
    at_the_cut = months[months["month"] == "2025-06-01"].set_index("customer_id")["stage"]
    warned = check.customers.query("warned")["customer_id"].map(at_the_cut)
    others = check.customers.query("not warned")["customer_id"].map(at_the_cut)
    assert warned.isin(["decline", "left"]).mean() > 0.75
    assert others.isin(["decline", "left"]).mean() < 0.15
    quality = check.quality.set_index("measure")
    assert quality.loc["lift", "low"] > 3


def test_quality_of_a_list_by_hand():
    warned = pd.Series([True] * 20 + [False] * 80)
    fell = pd.Series([True] * 12 + [False] * 8 + [True] * 8 + [False] * 72)
    quality = list_quality(warned, fell, 0.95).set_index("measure")
    assert quality["estimate"].tolist() == pytest.approx([0.6, 0.6, 3.0])
    assert quality["n"].tolist() == [20, 20, 100]
    wilson = stats.binomtest(12, 20).proportion_ci(0.95, method="wilson")
    assert quality.loc["recall", ["low", "high"]].tolist() == pytest.approx(list(wilson))


def test_interval_of_the_lift_covers():
    random = np.random.default_rng(8)
    true = 0.5 / (0.2 * 0.5 + 0.8 * 0.1)
    inside = 0
    for _ in range(1000):
        fell = np.concatenate([random.random(40) < 0.5, random.random(160) < 0.1])
        row = list_quality(pd.Series(np.arange(200) < 40), pd.Series(fell), 0.95).iloc[2]
        inside += row["low"] <= true <= row["high"]
    assert inside / 1000 == pytest.approx(0.95, abs=0.025)


def test_nobody_warned_of_leaves_the_precision_open():
    quality = list_quality(pd.Series([False] * 5), pd.Series([True, *[False] * 4]), 0.95)
    assert quality["estimate"].isna().tolist() == [True, False, True]
    assert quality["estimate"].iloc[1] == 0.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"false_alarms": 10}, "Did you mean 0.1"),
        ({"recent": 0}, "write 1 or more months"),
        ({"complaints": pd.DataFrame({"customer_id": ["C1"]})}, 'no column "date"'),
        (
            {"complaints": pd.DataFrame({"customer_id": ["C1"], "date": [pd.NaT]})},
            "without a date",
        ),
    ],
)
def test_bad_arguments_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        warn(stable(4, 20, 9), **options)


@pytest.mark.parametrize(
    ("periods", "options", "words"),
    [(0, {}, "Hold out at least 1"), (36, {}, "fewer than the 36"), (3, {"fall": 50}, "mean 0.5")],
)
def test_bad_checks_are_refused(company_history, periods, options, words):
    with pytest.raises(InputError, match=words):
        warning_check(company_history, periods, **options)


def test_curves_of_another_history_are_refused():
    fit = clp.fit_life_cycle(history_of(stable(3, 20, 10)))
    with pytest.raises(InputError, match="another history"):
        early_warning(history_of(stable(4, 20, 10)), fit)
