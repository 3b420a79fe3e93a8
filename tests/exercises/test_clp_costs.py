"""Answers of the exercises on activity-based costs and churn loss.

Oracles: the three customers costed by hand, year by year sums and closed formulas written out, and
for the example company its true unit costs and counts by plain pandas.
"""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlib import clp
from crmlib.exercises.questions import questions
from tests.conftest import ROOT


def answer(name):
    return questions()[f"clp.{name}"].answer()


def mistakes(name):
    return [mistake.gives() for mistake in questions()[f"clp.{name}"].mistakes]


def rows(name):
    return pd.read_csv(ROOT / "data" / f"{name}.csv")


# An hour of visits: 28,800 of two pools for 90 hours. An order 7,200 / 160 = 45, a call
# 3,000 / 120 = 25, a delivery 15,600 of two pools / 260 = 60.
BY_HAND = {
    "school": 20 * 320 + 16 * 45 + 15 * 25 + 20 * 60,
    "shop": 36 * 320 + 96 * 45 + 60 * 25 + 150 * 60,
    "clinic": 16 * 320 + 32 * 45 + 30 * 25 + 40 * 60,
}


def test_unit_cost_of_a_visit_by_hand():
    assert answer("costs.1") == pytest.approx(320)
    without_cars, by_use, upside_down = mistakes("costs.1")
    assert (without_cars, by_use) == pytest.approx((250, 400))
    assert upside_down == pytest.approx(1 / 320)


def test_cost_to_serve_by_hand():
    assert list(BY_HAND.values()) == [8_695, 26_340, 9_710]
    assert answer("costs.2") == pytest.approx([8_695, 26_340, 9_710])
    by_sales = mistakes("costs.2")[0]
    assert by_sales == pytest.approx([18_200, 21_840, 14_560])


def test_profit_of_the_three_by_hand():
    assert answer("costs.3") == pytest.approx([21_305, -2_340, 10_290])


def test_the_old_report_shows_a_profit_where_there_is_a_loss():
    # The shop has 120,000 of 300,000 of the sales: two fifths of 54,600.
    assert answer("costs.4") == pytest.approx(24_000 - 21_840)


def test_unused_capacity_activity_by_activity():
    # 18 hours, 16 orders, 15 calls, 50 deliveries.
    assert answer("costs.5") == pytest.approx(18 * 320 + 16 * 45 + 15 * 25 + 50 * 60)
    # With what was charged and the rent it is the ledger.
    assert answer("costs.5") + sum(BY_HAND.values()) + 18_000 == pytest.approx(72_600)


def test_an_order_of_the_shop_at_break_even():
    order = answer("costs.6")
    assert order == pytest.approx(1_371.875)
    assert 96 * order * 0.20 - 26_340 == pytest.approx(0)


def test_peak_of_the_whale_curve_with_the_true_unit_costs():
    """The company's ledger is made of true unit costs, so no ledger is needed to cost it."""
    true = rows("truth/unit_costs").set_index("activity")["unit_cost"]
    done, sales = rows("activities"), rows("transactions")
    cost = (done["quantity"] * done["activity"].map(true)).groupby(done["customer_id"]).sum()
    gross = (sales["amount"] - sales["cost"]).groupby(sales["customer_id"]).sum()
    profit = gross - cost.reindex(gross.index, fill_value=0.0)
    peak = profit[profit > 0].sum() / profit.sum()
    assert answer("costs.7") == pytest.approx(peak, abs=1e-6)
    # Seen on the committed tables; other seeds give other peaks.
    assert peak == pytest.approx(1.0484, abs=5e-5)


def test_churn_loss_of_one_customer():
    # Spent 900 + 1,000, and five years of 1,400 did not come.
    assert answer("churn_loss.1") == 1_900 + 7_000


def test_worth_of_keeping_one_customer_year_by_year():
    by_year = 1_150 / 1.1 + 1_150 / 1.21 + 1_150 / 1.331 + 1_150 / 1.4641 + 1_150 / 1.61051
    assert answer("churn_loss.2") == pytest.approx(by_year)
    assert answer("churn_loss.2") == pytest.approx(4_359.40, abs=0.005)


def geometric(retention):
    """Closed form of five years, the first of them sure."""
    return 600 / (1.1 - retention) * (1 - (retention / 1.1) ** 5)


def test_value_of_one_customer_of_the_group():
    assert answer("churn_loss.3") == pytest.approx(geometric(0.75))
    assert answer("churn_loss.3") == pytest.approx(1_461.69, abs=0.005)
    early, start, nominal, nobody_leaves = mistakes("churn_loss.3")
    assert early == pytest.approx(0.75 * geometric(0.75))
    assert start == pytest.approx(1.10 * geometric(0.75))
    assert nominal == pytest.approx(600 * (1 + 0.75 + 0.5625 + 0.421875 + 0.31640625))
    assert nobody_leaves == pytest.approx(geometric(1.0))


def test_loss_of_the_group():
    # 500 of 2,000 leave.
    assert answer("churn_loss.4") == pytest.approx(500 * geometric(0.75))


def test_value_for_ever_is_the_limit_of_the_years():
    years = np.arange(1, 400)
    assert answer("churn_loss.5") == pytest.approx((600 * (0.75 / 1.10) ** years).sum())
    # r / (1 + d - r) = 0.75 / 0.35 = 15 / 7
    assert answer("churn_loss.5") == pytest.approx(600 * 15 / 7)


def test_a_programme_at_its_break_even_neither_gains_nor_loses():
    with_programme = (600 - answer("churn_loss.6")) / 600 * geometric(0.80)
    assert with_programme == pytest.approx(geometric(0.75))
    assert answer("churn_loss.6") == pytest.approx(49.48, abs=0.005)


def test_one_point_more_by_plain_counts():
    """Constant retention from the months of purchase, its twelfth power raised by one point."""
    sales = rows("transactions")
    date = pd.to_datetime(sales["date"])
    month = date.dt.year * 12 + date.dt.month
    bought = month.groupby(sales["customer_id"]).agg(["min", "max"])
    end = 2025 * 12 + 12
    life, last = end - bought["min"] + 1, bought["max"] - bought["min"] + 1
    gone = life - last >= 6
    at_risk = np.minimum(last, life - 6).clip(lower=0).sum()
    stays = 1 - gone.sum() / at_risk
    raised = (stays**12 + 0.01) ** (1 / 12)
    worth = [
        math.fsum(r ** (k - 1) / 1.0125**k for k in range(1, 25)) for r in (float(stays), raised)
    ]
    assert answer("churn_loss.7") == pytest.approx(100 * (worth[1] / worth[0] - 1), abs=1e-6)


def test_the_resamples_do_not_move_the_gain():
    """The answer takes two of them; the notebook asks for a hundred."""
    sales = rows("transactions")
    history = clp.profit_history(sales.assign(date=pd.to_datetime(sales["date"])), cost="cost")
    stake = clp.customers_at_stake(history)
    gain = clp.retention_gain(stake, rate=0.0125, periods=24, points=0.01, replicates=20, seed=3)
    assert answer("churn_loss.7") == pytest.approx(gain.loc[0, "gain_percent"], abs=1e-9)


def test_no_question_is_without_its_oracle():
    asked = [name for name in questions() if name.startswith(("clp.costs.", "clp.churn_loss."))]
    named = set(re.findall(r'answer\("([a-z_.0-9]+)"\)', Path(__file__).read_text("utf-8")))
    assert {f"clp.{name}" for name in named} == set(asked)
