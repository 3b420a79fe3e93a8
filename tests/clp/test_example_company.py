"""The analysis finds what was put into the example company.

Oracle: the truth the generator keeps for each customer, over several seeds where the committed
tables are one of them.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib import clp
from crmlib.tables import example


@pytest.fixture(scope="module", params=[2026, 7])
def analysed(request):
    company = example.company(request.param)
    history = clp.profit_history(company.transactions, cost="cost")
    fit = clp.fit_life_cycle(history)
    truth = company.truth.customers.set_index("customer_id")
    stages = clp.life_cycle_stage(fit).set_index("customer_id")
    return company, history, fit, truth, stages


def test_levels_and_turning_points_are_recovered(analysed):
    _, _, fit, truth, _ = analysed
    own = fit.customers.set_index("customer_id").join(truth.add_suffix("_true"))
    # At least ten months past g1 and not in decline: the turn has been seen for long.
    seen = own[(own["life"] >= own["g1_true"] + 10) & (own["g2_true"] >= own["periods"])]
    assert len(seen) > 60
    limit = seen["v_true"] + seen["h1_true"] * seen["g1_true"] ** 2 + seen["N_true"]
    fitted = seen["v"] + seen["h1"] * seen["g1"] ** 2 + seen["N"]
    close = (abs(fitted / limit - 1) < 0.10).mean()
    assert close > 0.85, f"level within 10 %: {close:.0%}"
    turned = np.isfinite(seen["g1"])
    assert turned.mean() > 0.9
    assert (abs(seen["g1"] - seen["g1_true"])[turned] <= 3).mean() > 0.75


def test_stages_are_recovered_as_far_as_the_data_show_them(analysed):
    _, history, _, truth, stages = analysed
    table = pd.crosstab(truth["stage"], stages["stage"])
    found = {stage: table.loc[stage, stage] / table.loc[stage].sum() for stage in table.index}
    assert found["stability"] > 0.8
    assert found["exploration"] > 0.8
    # A decline shows only when it has lasted: three months are needed for any curve.
    declining = truth[(truth["stage"] == "decline") & (truth["g2"] > truth["g1"])]
    age = history.table.groupby("customer_id").size()[declining.index]
    under_way = stages.loc[declining.index[age - declining["g2"] >= 4], "stage"]
    assert (under_way == "decline").mean() > 0.6
    alarms = stages.index[stages["stage"] == "decline"]
    assert truth.loc[alarms, "stage"].isin(["decline", "left"]).mean() > 0.8
    left = stages.index[stages["stage"] == "left"]
    assert (truth.loc[left, "stage"] == "left").all()


def test_new_customers_are_not_given_a_value(analysed):
    _, _, fit, _, stages = analysed
    value = clp.lifetime_profit(fit, rate=0.0, periods=12).customers.set_index("customer_id")
    new = stages["evidence"] == "age"
    assert value.loc[new, "lifetime_profit"].isna().all()


def test_worth_of_the_base_against_the_known_future(analysed):
    company, history, fit, _, _ = analysed
    months = company.truth.months
    future = months[~months["observed"]]
    first_year = future[future.groupby("customer_id").cumcount() < 12]
    value = clp.lifetime_profit(fit, rate=0.0, periods=12)
    valued = value.customers.dropna(subset="lifetime_profit")["customer_id"]
    actual = first_year[first_year["customer_id"].isin(valued)]["profit"].sum()
    # The curves alone are too high, and their interval does not hold it: many begin to decline
    # and nothing announces it. What the last months showed takes part of the error off.
    assert value.total["low"].item() > actual
    check = clp.holdout_check(history, 6)
    careful = clp.allow_for_losses(fit, check, rate=0.0, periods=12).total
    error = {
        name: total["lifetime_profit"].item() / actual - 1
        for name, total in {"curves": value.total, "careful": careful}.items()
    }
    assert 0.08 < error["curves"] < 0.25
    assert abs(error["careful"]) < error["curves"] - 0.02
    assert careful["low"].item() < value.total["low"].item()
