"""Every method of forecasting profit from a customer base.

Oracles: averages by hand, bases simulated from what each model takes for true, and the functions
of the models themselves where a method puts them together.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.base import customer_base
from crmlib.clp.forecast import outcome_check
from crmlib.clp.methods import METHODS
from crmlib.clp.simple_rules import SIMPLE_RULES
from crmlib.clp.without_curve import GROWING
from crmlib.errors import InputError
from crmlib.tables import example
from tests.clp.made_bases import buy_till_you_die, recency_chain, transactions

BY_HAND = pd.DataFrame(
    [
        # a: won in January, buys every month; b: won in January, gone; c and d: won in November.
        *[("a", f"2023-{month:02}-10", 100.0, 60.0) for month in range(1, 13)],
        ("b", "2023-01-05", 200.0, 140.0),
        ("c", "2023-11-20", 300.0, 180.0),
        ("c", "2023-12-20", 50.0, 30.0),
        ("d", "2023-11-25", 10.0, 4.0),
    ],
    columns=["customer_id", "date", "amount", "cost"],
).assign(date=lambda d: pd.to_datetime(d["date"]))


@pytest.fixture(scope="module")
def by_hand():
    return customer_base(BY_HAND, cost="cost", observed_until="2023-12-31")


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("nothing", [0, 0, 0, 0]),
        ("own average", [40, 60 / 12, 140 / 2, 6 / 2]),
        ("own average if active lately", [40, 0, 70, 3]),
        # January: a three times 40 and b three times 0; November: the months after the first.
        ("cohort mean", [20, 20, 10, 10]),
    ],
)
def test_the_simple_rules_by_hand(by_hand, method, level):
    made = METHODS[method](by_hand, periods=2, rate=0.1, when="end", confidence=0.95, seed=1)
    worth = 1 / 1.1 + 1 / 1.21
    assert list(made.customers["customer_id"]) == ["a", "b", "c", "d"]
    assert made.customers["profit"].tolist() == pytest.approx(np.array(level) * worth)
    assert made.total["profit"].item() == pytest.approx(sum(level) * worth)
    assert made.customers[["low", "high"]].isna().all(axis=None)
    assert method in SIMPLE_RULES


def chain_base(seed, months=30):
    p = (0.6, 0.4, 0.3, 0.2, 0.1)
    rows = recency_chain(400, months, p, seed=seed)
    end = (pd.Period("2023-01") + months - 1).end_time
    return customer_base(rows, margin_rate=0.5, observed_until=end.date().isoformat())


def lifetimes_base(seed, months=36, retention=0.93):
    """Customers won over the first year; one that stays buys every month."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(400):
        first, stays = random.integers(0, 12), random.geometric(1 - retention)
        rows += [(f"C{number:03}", month) for month in range(first, min(first + stays, months))]
    frame = pd.DataFrame(rows, columns=["customer_id", "month"])
    frame["date"] = (pd.Period("2023-01") + frame["month"]).map(lambda p: p.start_time)
    frame["amount"] = random.gamma(4.0, 5.0, len(frame)).round(2) + 0.01
    end = (pd.Period("2023-01") + months - 1).end_time.date().isoformat()
    return customer_base(frame, margin_rate=0.5, observed_until=end)


@pytest.mark.parametrize(
    ("method", "make"), [("Dwyer migration", chain_base), ("Dwyer retention", lifetimes_base)]
)
def test_dwyers_models_hold_where_they_are_true(method, make):
    ratios, held, inside = [], [], []
    for seed in range(8):
        base = make(seed)
        known = base.until(base.day_after(-9) - pd.Timedelta(days=1))
        made = METHODS[method](known, periods=9, rate=0.0, when="end", confidence=0.9, seed=seed)
        came = base.profit_between(known.day_after(0), base.last_day).reindex(known.customers)
        customers, total = made.customers.set_index("customer_id"), made.total.iloc[0]
        ratios.append(total["profit"] / came.sum())
        held.append(total["low"] <= came.sum() <= total["high"])
        held_own = (customers["low"] <= came + 1e-6) & (came <= customers["high"])
        inside.append(held_own[customers["high"] > 0].mean())
    error = np.std(ratios, ddof=1) / np.sqrt(len(ratios))
    assert np.mean(ratios) == pytest.approx(1, abs=max(4 * error, 0.02))
    # 90 % of 8: fewer than 5 happens once in 200 times.
    assert sum(held) >= 5
    assert 0.86 < np.mean(inside) < 0.99


@pytest.fixture(scope="module")
def bought():
    rows = buy_till_you_die(600, 70, r=0.5, alpha=4.0, a=0.8, b=2.5, seed=2)
    refund = pd.DataFrame({"customer_id": ["R"], "date": [rows["date"].min()], "amount": [-10.0]})
    return customer_base(pd.concat([rows, refund], ignore_index=True), margin_rate=0.4)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_number_for_every_customer(bought, method):
    terms = {"periods": 4, "rate": 0.01, "when": "end", "confidence": 0.9, "seed": 3}
    made = METHODS[method](bought, **terms)
    customers = made.customers
    assert list(customers.columns) == [
        "customer_id", "profit", "low", "high", "probability_alive", "basis",
    ]  # fmt: skip
    assert list(customers["customer_id"]) == list(bought.customers)
    assert customers["profit"].notna().all()
    assert customers["basis"].notna().all()
    assert (customers["low"].isna() == customers["high"].isna()).all()
    assert not (customers["low"] > customers["high"]).any()
    assert made.total["profit"].item() == pytest.approx(customers["profit"].sum())
    assert made.total["customers"].item() == len(bought.customers)
    assert not made.total["low"].item() > made.total["profit"].item()
    assert (made.method, made.periods, made.rate, made.when) == (method, 4, 0.01, "end")
    assert made.first_day == bought.day_after(0)
    again = METHODS[method](bought, **terms)
    pd.testing.assert_frame_equal(customers, again.customers)
    pd.testing.assert_frame_equal(made.total, again.total)


@pytest.mark.parametrize("method", ["BG/NBD + Gamma-Gamma", "Pareto/NBD + Gamma-Gamma"])
def test_a_customer_of_whom_only_a_refund_is_known_brings_nothing(bought, method):
    made = METHODS[method](bought, periods=4, rate=0.0, seed=3)
    mine = made.customers.set_index("customer_id").loc["R"]
    assert (mine["profit"], mine["low"], mine["high"]) == (0, 0, 0)
    assert mine["basis"] == "no purchase"
    assert np.isnan(mine["probability_alive"])


@pytest.mark.parametrize(
    "method", ["life-cycle curves", "BG/NBD + Gamma-Gamma", "Pareto/NBD + Gamma-Gamma"]
)
def test_a_method_that_cannot_run_says_why(method):
    once = transactions(200).drop_duplicates("customer_id")
    base = customer_base(once, cost="cost", observed_until="2024-12-31")
    with pytest.raises(InputError, match=r"bought once|enough history"):
        METHODS[method](base, periods=4, rate=0.0, seed=3)


def test_curves_are_used_where_there_are_any_and_the_own_average_elsewhere():
    base = customer_base(transactions(40, purchases=12, seed=1), cost="cost")
    made = METHODS["life-cycle curves"](base, periods=3, rate=0.0, seed=1)
    rule = METHODS["own average if active lately"](base, periods=3, rate=0.0, seed=1)
    by_rule = made.customers["basis"].isin(["own average", "not active lately"])
    assert 0 < by_rule.sum() < len(by_rule)
    assert made.customers.loc[by_rule, "profit"].tolist() == pytest.approx(
        rule.customers.loc[by_rule, "profit"].tolist()
    )
    assert not np.allclose(
        made.customers.loc[~by_rule, "profit"], rule.customers.loc[~by_rule, "profit"]
    )
    # Too few of them at an earlier day to see how they went on.
    assert made.customers["low"].isna().tolist() == by_rule.tolist()
    assert np.isnan(made.total["low"].item())
    assert "They have no interval" in " ".join(made.notes)


@pytest.mark.slow
def test_the_total_of_growing_customers_is_neither_too_low_nor_too_sure():
    """Example companies: what comes in the next year, many young customers growing."""
    errors, held, inside = [], [], []
    for seed in (101, 102, 103):
        company = example.company(seed)
        base = customer_base(company.transactions, cost="cost")
        made = METHODS["life-cycle curves"](base, periods=12, rate=0.0, seed=seed)
        months = company.truth.months
        check = outcome_check(made, months[~months["observed"]], date="month").iloc[0]
        errors.append(check["total_error_percent"])
        held.append(check["total_inside"])
        first = pd.Timestamp(made.first_day)
        year = months["month"].between(first, first + pd.DateOffset(months=11))
        came = months[year].groupby("customer_id")["profit"].sum()
        young = made.customers[made.customers["basis"] == GROWING]
        actual = young["customer_id"].map(came).fillna(0.0)
        assert young["profit"].sum() == pytest.approx(actual.sum(), rel=0.2)
        inside.append(young["low"].le(actual) & young["high"].ge(actual))
    assert np.mean(errors) == pytest.approx(0, abs=6)  # without their growth -16
    assert sum(held) >= 2
    assert 0.88 < pd.concat(inside).mean() < 0.99  # without it 0.16
