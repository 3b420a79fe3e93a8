"""Activity-based costing.

Oracles: companies small enough to cost by hand, the true unit costs of the example company, and
that every cent of the ledger is somewhere and none twice.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.clp.costs import (
    activity_costs,
    largest_remainder,
    refuse_tables_of_the_example,
)
from crmlib.clp.history import profit_history
from crmlib.errors import InputError
from crmlib.tables import example


def done(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "activity", "quantity"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def ledger(*rows, columns=("pool", "activity", "cost", "volume")):
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({"volume": float}) if "volume" in frame else frame


DONE = done(
    ("a", "2025-01-10", "visit", 10.0),
    ("a", "2025-03-10", "visit", 5.0),
    ("b", "2025-02-01", "visit", 5.0),
    ("b", "2025-02-02", "mail", 1.0),
)
LEDGER = ledger(
    ("salaries", "visit", 600.0, 50.0),
    ("cars", "visit", 400.0, None),
    ("postage", "mail", 30.0, None),
    ("rent", None, 500.0, None),
    ("tea", " ", 0.07, None),
)


def test_three_steps_by_hand():
    costs = activity_costs(DONE, LEDGER)
    assert costs.pools.to_numpy().tolist() == [
        ["mail", "postage", 30.0],
        ["visit", "salaries, cars", 1000.0],
    ]
    # 1,000 for a capacity of 50 hours are 20 an hour; 20 hours were used.
    visit = costs.unit_costs.set_index("activity").loc["visit"]
    assert visit.to_dict() == {
        "cost": 1000.0,
        "used": 20.0,
        "capacity": 50.0,
        "volume": 50.0,
        "basis": "capacity",
        "unit_cost": 20.0,
        "assigned": 400.0,
        "unused_cost": 600.0,
    }
    assert costs.customers.to_numpy().tolist() == [
        ["a", "visit", 15.0, 300.0],
        ["b", "mail", 1.0, 30.0],
        ["b", "visit", 5.0, 100.0],
    ]
    assert costs.cost_to_serve.to_dict() == {"a": 300.0, "b": 130.0}
    assert costs.not_traceable.to_numpy().tolist() == [["rent", 500.0], ["tea", 0.07]]
    assert costs.reconciliation.to_numpy().tolist() == [
        ["all", 430.0, 600.0, 500.07, 1530.07, 1530.07, 0.0]
    ]
    assert costs.other_profit.to_numpy().tolist() == [
        ["a", pd.Timestamp("2025-01-10"), -200.0],
        ["a", pd.Timestamp("2025-03-10"), -100.0],
        ["b", pd.Timestamp("2025-02-01"), -100.0],
        ["b", pd.Timestamp("2025-02-02"), -30.0],
    ]
    assert costs.years == ()
    assert costs.notes == [
        "Without capacity in the ledger, so cost is divided by use and none shows as unused: mail."
    ]


def test_without_capacity_the_cost_is_divided_by_use():
    costs = activity_costs(DONE, LEDGER.drop(columns="volume"))
    assert costs.cost_to_serve.to_dict() == {"a": 750.0, "b": 280.0}
    assert costs.reconciliation["unused_capacity"].item() == 0.0


def test_more_used_than_capacity_assigns_the_whole_cost_and_says_so():
    costs = activity_costs(DONE, LEDGER.assign(volume=[15.0, None, None, None, None]))
    assert costs.cost_to_serve.to_dict() == {"a": 750.0, "b": 280.0}
    assert "More was used than the capacity in the ledger, so cost is divided by use: visit." in (
        costs.notes
    )


def test_an_activity_nobody_used_is_unused_whether_its_capacity_is_known_or_not():
    for volume in (8.0, None, 0.0):
        idle = ledger(("fair stand", "trade fair", 90.0, volume))
        costs = activity_costs(DONE, pd.concat([LEDGER, idle]))
        row = costs.reconciliation.iloc[0]
        assert row[["assigned", "unused_capacity", "difference"]].tolist() == [430.0, 690.0, 0.0]
        assert any("Not done for any customer" in note for note in costs.notes)
    assert np.isnan(costs.unit_costs.set_index("activity").loc["trade fair", "unit_cost"])


def test_costs_of_a_year_go_to_the_activities_of_that_year():
    both = pd.concat([DONE, done(("a", "2024-06-01", "visit", 4.0))])
    pools = ledger(
        (2024, "salaries", "visit", 100.0),
        (2025, "salaries", "visit", 1000.0),
        (2025, "postage", "mail", 30.0),
        (2025, "rent", None, 9.0),
        columns=("year", "pool", "activity", "cost"),
    )
    costs = activity_costs(both, pools)
    assert costs.years == (2024, 2025)
    assert costs.unit_costs["unit_cost"].tolist() == [25.0, 30.0, 50.0]
    assert costs.cost_to_serve.to_dict() == {"a": 850.0, "b": 280.0}
    assert costs.reconciliation[["year", "ledger"]].to_numpy().tolist() == [
        ["2024", 100.0],
        ["2025", 1039.0],
        ["all", 1139.0],
    ]


def test_activities_without_a_cost_are_told_and_in_nobodys_cost():
    more = pd.concat(
        [DONE, done(("a", "2023-06-01", "visit", 4.0), ("b", "2025-06-01", "call", 2.0))]
    )
    costs = activity_costs(more, LEDGER.assign(year=2025))
    assert costs.unpriced.to_numpy().tolist() == [[2025, "call", 1, 2.0]]
    assert costs.cost_to_serve.to_dict() == {"a": 300.0, "b": 130.0}
    # Those of a year without a ledger are another thing: the sales of that year go as well.
    assert costs.left_out.to_numpy().tolist() == [[2023, 1]]
    assert costs.first_day == pd.Timestamp("2025-01-10")
    assert costs.last_day == pd.Timestamp("2025-03-10")
    assert costs.notes[-2:] == [
        "Without a cost in the ledger, and so in no customer's cost: call in 2025 (1 row).",
        "Activities of 2023 are left out, because the ledger has no costs of these years: 1 row.",
    ]


def test_every_row_counts_once_without_quantities():
    costs = activity_costs(
        DONE.drop(columns="quantity"), LEDGER.drop(columns="volume"), quantity=None
    )
    assert costs.unit_costs.set_index("activity")["used"].to_dict() == {"mail": 1.0, "visit": 3.0}
    assert costs.cost_to_serve.to_dict() == {"a": 666.67, "b": 363.33}


# --- to the cent ------------------------------------------------------------------------------


def test_thirds_of_a_cent_go_to_the_first_of_equal_remainders():
    rows = done(*((name, "2025-01-01", "visit", 1.0) for name in "abc"))
    costs = activity_costs(rows, ledger(("salaries", "visit", 100.0, None)))
    assert costs.customers["cost"].tolist() == [33.34, 33.33, 33.33]


def test_rounding_adds_up_and_moves_nothing_by_a_whole_cent():
    random = np.random.default_rng(1)
    for _ in range(50):
        n, groups = random.integers(1, 200), random.integers(1, 6)
        group = random.integers(0, groups, n)
        weight = random.exponential(size=n)
        totals = random.integers(0, 5000, groups) * (np.bincount(group, minlength=groups) > 0)
        exact = totals[group] * weight / np.bincount(group, weight, groups)[group]
        whole = largest_remainder(exact, group, totals)
        assert np.bincount(group, whole, groups).tolist() == totals.tolist()
        assert (abs(whole - exact) < 1).all()
        # No row is rounded up whose remainder is below that of one rounded down.
        up = whole > np.floor(exact)
        for g in range(groups):
            raised, lowered = (exact - np.floor(exact))[(group == g) & up], None
            lowered = (exact - np.floor(exact))[(group == g) & ~up]
            if len(raised) and len(lowered):
                assert raised.min() >= lowered.max()


@pytest.mark.parametrize("seed", [2026, 7])
def test_the_true_unit_costs_of_the_example_company_are_found(seed):
    company = example.company(seed)
    costs = activity_costs(company.activities, company.ledger)
    true = company.truth.unit_costs.set_index("activity")["unit_cost"]
    found = costs.unit_costs
    assert found["unit_cost"].to_numpy() == pytest.approx(true[found["activity"]].to_numpy())
    used = company.activities
    expected = (used["quantity"] * used["activity"].map(true)).groupby(used["customer_id"]).sum()
    assert costs.cost_to_serve.to_dict() == pytest.approx(expected.to_dict(), abs=0.05)
    last = costs.reconciliation.iloc[-1]
    assert last["difference"] == 0.0
    assert last["ledger"] == pytest.approx(company.ledger["cost"].sum(), abs=0.001)
    assert last["assigned"] == pytest.approx(-costs.other_profit["profit"].sum(), abs=1e-6)
    assert (found["unused_cost"] > 0).all()
    assert costs.notes == []


def test_order_of_rows_and_kind_of_table_do_not_matter():
    checked = tables.read("data/activities.csv", kind="activities")
    pools = tables.read("data/ledger.csv", kind="cost_pools")
    costs = activity_costs(checked, pools)
    for other in (checked.frame.sample(frac=1, random_state=1), checked.expression):
        again = activity_costs(other, pools.frame.iloc[::-1])
        pd.testing.assert_frame_equal(again.customers, costs.customers)
        pd.testing.assert_frame_equal(again.other_profit, costs.other_profit)


def test_profit_histories_take_the_costs_and_lose_nothing():
    company = example.company()
    costs = activity_costs(company.activities, company.ledger)
    history = profit_history(
        company.transactions, cost="cost", other_profit=costs.other_profit, period="quarter"
    )
    sales = company.transactions["amount"].sum() - company.transactions["cost"].sum()
    assert history.table["profit"].sum() == pytest.approx(
        sales - costs.reconciliation["assigned"].iloc[-1], abs=0.01
    )


# --- what a user can do wrong -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("activities", "pools", "words"),
    [
        (
            DONE.drop(columns="quantity"),
            LEDGER,
            "no column quantity.*With quantity none, every row",
        ),
        (DONE.drop(columns="activity"), LEDGER, "no column activity"),
        (DONE.iloc[:0], LEDGER, "activities has no rows"),
        (DONE.assign(quantity=[1.0, None, None, 2.0]), LEDGER, r"2 rows have no quantity \(visit"),
        (DONE.assign(quantity=[1.0, -3.0, 1.0, 2.0]), LEDGER, r"1 rows have a quantity below 0"),
        (DONE.assign(activity=["visit", None, "mail", "mail"]), LEDGER, "1 activities have no val"),
        (DONE, LEDGER.iloc[:0], "ledger has no rows"),
        (DONE, LEDGER.drop(columns="cost"), 'no column "cost"'),
        (DONE, LEDGER.assign(cost="much"), '"cost" must hold costs'),
        (
            DONE,
            LEDGER.assign(cost=[1, None, 1, 1, 1]),
            '"cost" of the ledger has no number for cars',
        ),
        (DONE, LEDGER.assign(pool=["x", None, "x", "x", "x"]), '"pool" of the ledger is empty'),
        (DONE, LEDGER.drop(columns="activity"), "ledger has no column.*ledger_columns: activity="),
        (DONE, LEDGER.assign(activity=None), "is empty in every row"),
        (DONE, LEDGER.assign(volume=[50, 40, None, None, None]), "visit several volumes"),
        (DONE, LEDGER.assign(volume=-1.0), r'"volume" .* below 0 for salaries, .*\. Write what'),
        (DONE, LEDGER.assign(volume=[0, 0, None, None, None]), 'volume of "visit" is 0, but 20'),
        (
            DONE,
            LEDGER.assign(cost=[-900, 1, 1, 1, 1]),
            r"visit costs below 0 in all\. Is a sign wrong\?$",
        ),
        (DONE, LEDGER.assign(year=2019), "years 2019, the activities of 2025: none in common"),
        (DONE, LEDGER.assign(year=[2025, 2025, None, 2025, 2025]), "is empty for postage"),
        (DONE, LEDGER.assign(year=20.25), "holds 20.25 for salaries"),
        (DONE, LEDGER.assign(activity="VISIT"), "Are they spelt alike"),
    ],
)
def test_tables_that_cannot_be_costed_are_refused(activities, pools, words):
    with pytest.raises(InputError, match=words):
        activity_costs(activities, pools)


def test_a_ledger_file_without_activities_is_named(tmp_path):
    path = tmp_path / "books.csv"
    path.write_text("pool,causes,cost\nsalaries,visit,300\n")
    with pytest.raises(InputError, match=r"The ledger \(.*books\.csv\) has no column"):
        activity_costs(DONE, tables.read(path, kind="cost_pools"))


def test_tables_of_the_example_company_do_not_go_with_purchases_of_ones_own():
    example_tables = {"activities": "data/activities.csv", "ledger": "data/ledger.csv"}
    with pytest.raises(InputError, match=r"activities and ledger are .* -p ledger=your_ledger.csv"):
        refuse_tables_of_the_example("mine.csv", **example_tables)
    with pytest.raises(InputError, match="but ledger is still of the example company"):
        refuse_tables_of_the_example("mine.csv", **example_tables | {"activities": "done.csv"})
    refuse_tables_of_the_example("data/transactions.csv", **example_tables)
    refuse_tables_of_the_example("mine.csv", activities="done.csv", ledger="books.csv")
