"""Who is still here, how long customers stay, their worth.

Oracles: `retention_rates` on the same history; a history copied, which must count as one with
weights of 2; expectations added up customer by customer and period by period; closed forms where
everybody leaves at one rate.
"""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib import clp
from crmlib.clp import stake as at
from crmlib.clp.history import ProfitHistory
from crmlib.clp.shifted_beta_geometric import shifted_beta_geometric_retention
from crmlib.errors import InputError
from crmlib.tables import example


def history_of(lives):
    """A history from (customer, life, periods with a purchase and their profit)."""
    months = pd.date_range("2023-01-01", periods=max(life for _, life, _ in lives), freq="MS")
    t = np.concatenate([np.arange(1, life + 1) for _, life, _ in lives])
    length = [life for _, life, _ in lives]
    profit = [profits.get(at, 0.0) for _, life, profits in lives for at in range(1, life + 1)]
    bought = [at in profits for _, life, profits in lives for at in range(1, life + 1)]
    table = pd.DataFrame(
        {
            "customer_id": np.repeat([name for name, _, _ in lives], length),
            "t": t,
            "period": months.to_numpy()[t + len(months) - 1 - np.repeat(length, length)],
            "profit": profit,
            "revenue": 4 * np.array(profit),
            "purchases": np.array(bought, dtype=int),
        }
    )
    return ProfitHistory(
        table=table,
        period="month",
        first_day=months[0].date(),
        last_day=dt.date(2025, 12, 31),
        left_out=pd.DataFrame(),
    )


def simulated(n=2000, *, retention=0.97, buys=0.8, months=36, seed=1, varied=None):
    """Customers that join any time, buy in most months and are lost at one rate, or each its own.

    Returns the history, and of each customer the level of profit and its retention.
    """
    random = np.random.default_rng(seed)
    kept = np.full(n, retention) if varied is None else 1 - random.beta(*varied, n)
    level = random.gamma(2.0, 50.0, n)
    lives = []
    for customer in range(n):
        life = int(random.integers(1, months + 1))
        stays = random.geometric(max(1 - kept[customer], 1e-9))
        bought = {1} | {t for t in range(2, min(stays, life) + 1) if random.random() < buys}
        profits = {t: level[customer] * random.uniform(0.5, 1.5) for t in sorted(bought)}
        lives.append((f"K{customer:05d}", life, profits))
    return history_of(lives), level, kept


@pytest.fixture(scope="module")
def company():
    return clp.profit_history(example.company().transactions, cost="cost")


def test_customers_are_sorted_into_here_and_lost_with_what_they_bring():
    history = history_of(
        [
            ("regular", 20, {t: 10.0 * t for t in range(1, 21)}),
            ("new", 1, {1: 500.0}),
            ("quiet", 20, {1: 9.0, 3: 24.0, 17: 6.0}),
            ("lost", 20, {1: 70.0, 5: 4.0, 6: 8.0, 8: 12.0}),
            ("once", 20, {1: 33.0}),
            ("brief", 20, {1: 7.0, 3: 900.0, 4: 7.0}),
        ]
    )
    stake = at.customers_at_stake(history)
    here = stake.customers.set_index("customer_id")
    assert sorted(here.index) == ["new", "quiet", "regular"]
    assert here.loc["regular", "profit"] == 145.0  # periods 9 to 20
    assert here["quiet"].to_dict() == {"regular": 0, "new": 0, "quiet": 3}
    assert here.loc["quiet", "profit"] == pytest.approx(6.0 / 12)
    assert not here.loc["new", "profit_known"]
    lost = stake.lost.set_index("customer_id")
    assert lost["tenure"].to_dict() == {"lost": 8, "once": 1, "brief": 4}
    assert lost.loc["lost", "realised_profit"] == 94.0
    assert lost.loc["lost", "profit"] == pytest.approx(12.0 / 6)  # periods 2 to 7
    assert np.isnan(lost.loc["once", "profit"])
    assert np.isnan(lost.loc["brief", "profit"])  # two periods between: one would decide
    assert lost.loc["lost", "last_period"] == pd.Timestamp("2023-08-01")


def test_counts_are_those_of_the_observed_retention(company):
    stake = at.customers_at_stake(company)
    found, table = at.counts(stake), stake.rates.table
    assert (found.at_risk == table["customers"]).all()
    assert (found.lost == table["lost"]).all()
    assert (found.silences == stake.rates.quiet["silences"]).all()
    assert found.profit == pytest.approx((table["profit"] * table["customers"]).to_numpy())
    assert found.here.sum() == len(stake.customers)
    retention = at.outlook(stake).stays.retention
    assert retention == pytest.approx(table["retention"].to_numpy())
    constant = at.outlook(stake, "constant").stays
    assert constant.later == pytest.approx(stake.rates.constant["retention"].item())


def test_a_weight_of_two_is_the_customer_twice(company):
    few = company.table[company.table["customer_id"] <= "C0150"]
    copy = few.assign(customer_id=few["customer_id"] + "b")
    twice = ProfitHistory(
        pd.concat([few, copy]), "month", company.first_day, company.last_day, company.left_out
    )
    one = ProfitHistory(few, "month", company.first_day, company.last_day, company.left_out)
    stake = at.customers_at_stake(one)
    n = len(stake.lives.life)
    weighted = at.counts(stake, np.arange(n)).weighted(np.full(n, 2.0))
    doubled = at.counts(at.customers_at_stake(twice))
    for name in ("at_risk", "lost", "profit", "silences", "returns", "here", "here_profit"):
        assert getattr(weighted, name) == pytest.approx(getattr(doubled, name)), name
    assert weighted.gone_profit == pytest.approx(doubled.gone_profit)


@pytest.mark.parametrize("model", ["constant", "by tenure"])
def test_values_are_expectations_added_up_period_by_period(company, model):
    stake = at.customers_at_stake(company)
    stays = at.outlook(stake, model).stays
    rate, periods = 0.01, 24
    values = at.customer_values(stake, model, rate=rate, periods=periods)
    kept = stays.up_to(200)
    quiet = stake.rates.quiet.set_index(["bought_once", "quiet"])["still_there"]
    for row in values.sample(25, random_state=1).itertuples():
        there = quiet[row.quiet == row.tenure - 1, row.quiet]
        assert row.still_here == pytest.approx(there)
        sums = {12: 0.0, 0: 0.0}  # if nobody leaves within a year, and as it is
        for nobody_leaves in sums:
            stay = there
            for k in range(1, periods + 1):
                sums[nobody_leaves] += stay * row.profit / (1 + rate) ** k
                stay *= 1.0 if k <= nobody_leaves else kept[row.tenure + k - 1]
        assert row.value == pytest.approx(sums[0])
        assert row.expected_loss == pytest.approx(sums[12] - sums[0])
        assert row.leaves == pytest.approx(1 - np.prod(kept[row.tenure : row.tenure + 12]))
    outlook = at.outlook(stake, model)
    assert outlook.value(at.factors(rate, periods, "end")) == pytest.approx(values["value"].sum())
    share = values["still_here"] * [np.prod(kept[t : t + 6]) for t in values["tenure"]]
    assert outlook.stay(12) == pytest.approx(share.mean())


def test_customers_count_until_they_are_known_to_be_lost(company):
    """Counted period by period: the last purchase is less than six periods ago."""
    stake = at.customers_at_stake(company)
    outlook = at.outlook(stake, "constant")
    discount = at.factors(0.01, 15, "end")
    r, years = outlook.stays.later, 0.0
    values = at.customer_values(stake, "constant", rate=0.01, periods=15)
    for row in values.itertuples():
        for k in range(1, 16):
            latest = k - 5  # periods ahead in or after which the last purchase must be
            chance = 1.0 if latest <= -row.quiet else row.still_here * r ** max(latest - 1, 0)
            years += chance * discount[k - 1] / 12
    assert outlook.customer_years(discount) == pytest.approx(years)
    # Those that will buy again alone would be fewer: nobody knows which they are.
    here = at.worth_if_here(outlook.stays, 1, discount)[0] * values["still_here"].sum() / 12
    assert years > 1.03 * here


def test_customers_gone_already_are_no_loss_to_come():
    """Half of the customers vanished at once two periods ago; nobody else ever leaves."""
    lives = [(f"S{i}", 30, dict.fromkeys(range(1, 31), 10.0)) for i in range(50)]
    lives += [(f"G{i}", 30, dict.fromkeys(range(1, 28), 10.0)) for i in range(50)]
    lives += [(f"L{i}", 30, dict.fromkeys(range(1, 4 + i % 3), 10.0)) for i in range(20)]
    stake = at.customers_at_stake(history_of(lives))
    values = at.customer_values(stake, rate=0.0, periods=24).set_index("customer_id")
    quiet = values.loc[values["quiet"] == 3]
    # Nobody was ever quiet for three periods and bought again.
    assert len(quiet) == 50
    assert (quiet["still_here"] == 0).all()
    assert (quiet["expected_loss"] == 0).all()
    assert (quiet["value_if_here"] > 0).all()
    assert (values["expected_loss"] <= values["still_here"] * values["profit"] * 24).all()


@pytest.mark.parametrize("buys", [0.4, 0.2])
def test_as_many_buy_again_as_expected_at_every_silence(buys):
    """Irregular buyers, one loss a month for all: who came back is counted in the year after."""
    history, _, _ = simulated(20_000, retention=0.97, buys=buys, months=48, seed=3)
    months = np.sort(history.table["period"].unique())
    late = history.table["period"] >= months[-12]
    past = dataclasses.replace(history, table=history.table[~late])
    values = at.customer_values(at.customers_at_stake(past), rate=0.0, periods=12)
    again = history.table[late & (history.table["purchases"] > 0)]["customer_id"]
    values["back"] = values["customer_id"].isin(again)
    rows = values.groupby("quiet").agg(
        n=("back", "size"), said=("still_here", "mean"), came=("back", "mean")
    )
    error = np.sqrt(rows["came"] * (1 - rows["came"]) / rows["n"])
    assert ((rows["said"] - rows["came"]).abs() < 0.02 + 2.5 * error).all()
    assert rows.loc[0, "said"] == pytest.approx(rows.loc[0, "came"], abs=0.02)


def test_one_retention_for_all_has_closed_forms():
    history, _, _ = simulated(400, buys=1.0)
    stake = at.customers_at_stake(history)
    outlook = at.outlook(stake, "constant")
    r = 1 - outlook.found.lost.sum() / outlook.found.at_risk.sum()
    assert outlook.retention == pytest.approx(r**12)
    assert outlook.at(0.9).retention == pytest.approx(0.9)
    assert outlook.at(0.9).stays.later == pytest.approx(0.9 ** (1 / 12))
    assert outlook.at(0.3).retention == pytest.approx(0.3)
    assert outlook.at(1.0).retention == 1.0
    everybody = at.outlook(stake, "constant").at(1.0)
    discount = at.factors(0.0, 10, "end")
    here = everybody.found.here_profit @ everybody.stays.still_here
    assert everybody.value(discount) == pytest.approx(here.sum() * 10)
    # Of new customers the share counts from the first period on.
    won = outlook.newcomers_at(0.3).stays
    assert np.prod(won.up_to(12)) == pytest.approx(0.3)


def test_retention_is_recovered_where_all_are_lost_at_one_rate():
    history, level, _ = simulated(4000, retention=0.96, buys=0.9, seed=5)
    stake = at.customers_at_stake(history)
    constant = at.outlook(stake, "constant")
    assert constant.stays.later == pytest.approx(0.96, abs=0.003)
    assert at.outlook(stake).retention == pytest.approx(0.96**12, abs=0.03)
    here = stake.customers.set_index("customer_id").query("quiet == 0 and profit_known")
    brings = here["profit"]
    true = 0.9 * pd.Series(level, [f"K{i:05d}" for i in range(4000)])[brings.index]
    assert brings.sum() == pytest.approx(true.sum(), rel=0.03)


def test_customers_that_differ_are_recovered_by_the_mixture():
    history, _, _ = simulated(6000, buys=1.0, varied=(0.8, 6.0), seed=2)
    stake = at.customers_at_stake(history)
    assert at.models_determined(stake) == at.RETENTION_MODELS
    alpha, beta = at.mixture(at.counts(stake))
    assert (alpha, beta) == (pytest.approx(0.8, rel=0.15), pytest.approx(6.0, rel=0.2))
    kept = at.outlook(stake, "shifted beta-geometric").stays.up_to(40)
    assert kept == pytest.approx(
        shifted_beta_geometric_retention([alpha, beta], np.arange(1, 41)), rel=1e-9
    )


def test_where_customers_do_not_differ_the_mixture_is_left_out():
    # Lost at one rate or, as here, the later the more: no mixture makes retention fall.
    lives = [(f"K{i}", 30, dict.fromkeys(range(1, 6 + i % 8), 1.0)) for i in range(80)]
    lives += [(f"S{i}", 30, dict.fromkeys(range(1, 31), 1.0)) for i in range(20)]
    stake = at.customers_at_stake(history_of(lives))
    assert at.models_determined(stake) == ("constant", "by tenure")
    with pytest.raises(InputError, match="do not determine"):
        at.outlook(stake, "shifted beta-geometric")


def test_a_new_customer_is_worth_what_new_customers_brought(company):
    stake = at.customers_at_stake(company)
    outlook = at.outlook(stake)
    months = 12
    old = company.table.groupby("customer_id")["t"].transform("max") >= 30
    mine = company.table[old & (company.table["t"] <= months)]
    brought = mine.groupby("customer_id")["profit"].sum().mean()
    # Of those seen for 30 months; the estimate also uses the first months of the others.
    assert outlook.new_customer(at.factors(0.0, months, "end")) == pytest.approx(brought, rel=0.15)


@pytest.mark.parametrize(
    ("lives", "words"),
    [
        ([("a", 20, {1: 5.0}), ("b", 20, {1: 5.0, 2: 5.0})], "All 2 customers have left"),
        ([("a", 4, {1: 5.0, 4: 5.0})], "No customer was observed for longer than 6 months"),
    ],
)
def test_a_base_that_cannot_be_judged_is_refused(lives, words):
    with pytest.raises(InputError, match=words):
        at.customers_at_stake(history_of(lives))


def test_a_single_customer_and_nobody_lost_have_values():
    stake = at.customers_at_stake(history_of([("a", 20, dict.fromkeys(range(1, 21), 5.0))]))
    values = at.customer_values(stake, rate=0.0, periods=12)
    assert values["value"].item() == pytest.approx(60.0)
    half = at.outlook(stake).at(0.5)
    assert half.retention == pytest.approx(0.5)
    assert half.stays.later == pytest.approx(0.5 ** (1 / 12))


def test_bad_arguments_are_refused(company):
    stake = at.customers_at_stake(company)
    with pytest.raises(InputError, match="at least one period"):
        at.customer_values(stake, rate=0.01, periods=0)
    with pytest.raises(InputError, match=r"Did you mean 0\.0125"):
        at.customer_values(stake, rate=1.25, periods=12)
    with pytest.raises(InputError, match='model="magic"'):
        at.customer_values(stake, "magic", rate=0.01, periods=12)
