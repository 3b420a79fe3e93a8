"""Sequence rules.

Oracles: windows looked through purchase by purchase, the example company's truth, and simulation
of customers whose purchases follow from nothing they bought before.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.sequence_rules import (
    FORTNIGHT,
    Starts,
    balanced_weights,
    next_items,
    sequence_rules,
)

START = pd.Timestamp("2023-01-01")


def purchases(rows):
    """Transactions from customer, day and item."""
    data = pd.DataFrame(rows, columns=["customer_id", "date", "product_line"])
    days = pd.to_timedelta(data["date"], unit="D")
    return data.assign(date=START + days, amount=10.0)


def busy_customers(random, customers=120, days=900, items="abcdef"):
    """Customers with a busy time and larger purchases in it, and items by chance."""
    rows = []
    for customer in range(customers):
        start, peak = random.integers(0, 300), random.uniform(0.2, 0.8)
        t = np.arange(start, days)
        rate = 0.01 + 0.12 * random.gamma(1) * np.exp(
            -(((t - start) / (days - start) - peak) ** 2) / 0.03
        )
        mix = random.dirichlet(np.ones(len(items)))
        for day, busy in zip(t, rate, strict=True):
            if random.random() < busy:
                size = min(1 + random.poisson(min(20 * busy, 6)), len(items) - 1)
                bought = random.choice(list(items), size, replace=False, p=mix)
                rows += [(f"C{customer:03d}", day, item) for item in bought]
    return purchases(rows)


def seasonal_customers(random, customers=250, days=1095):
    """Items by chance, given the day: a mostly on days 90 to 149 of the year, b on 150 to 239."""
    rows = []
    for customer in range(customers):
        day, rate = random.integers(0, 120), random.gamma(2, 1 / 50)
        while day < days:
            weight = np.ones(6)
            weight[0] = 6 if 90 <= day % 365 < 150 else 0.2
            weight[1] = 6 if 150 <= day % 365 < 240 else 0.2
            item = random.choice(list("abcdef"), p=weight / weight.sum())
            rows.append((f"C{customer:03d}", day, item))
            day += max(1, int(random.exponential(1 / rate)))
    return purchases(rows)


def shuffled(transactions, random):
    """Purchases with their items dealt out anew among each customer's."""
    data = transactions[transactions["amount"] > 0].sort_values("customer_id", kind="stable")
    order = np.lexsort((random.random(len(data)), data["customer_id"]))
    return data.assign(product_line=data["product_line"].to_numpy()[order])


@pytest.fixture(scope="module")
def company():
    return tables.example.company(seed=2026)


@pytest.fixture(scope="module")
def found(company):
    return sequence_rules(company.transactions)


def test_the_example_companys_one_rule_is_found(company, found):
    truth = company.truth.sequences.iloc[0]
    assert found.within_days == truth["within_days"]
    rule = found.table.iloc[0]
    assert (rule["if_item"], rule["then_item"]) == (truth["bought"], truth["then"])
    assert found.table["holds"].tolist() == [True] + [False] * (len(found.table) - 1)
    # The next purchase is toner with a chance of 0.75, and later ones may be.
    assert truth["chance"] - 0.02 < rule["chance_low"] < rule["chance_high"] < 0.90
    assert rule["lift_low"] > 1.7
    assert rule["lift"] == pytest.approx(rule["chance"] / rule["base"])


def test_every_figure_of_a_pair_by_looking_through_purchases(monkeypatch):
    """Chance and base with nobody cut short: shares of windows, counted one by one.

    All days are of one fortnight here, so that none counts more than another.
    """
    monkeypatch.setitem(balanced_weights.__globals__, "FORTNIGHT", 10_000)
    data = busy_customers(np.random.default_rng(3), customers=12)
    as_of = START + pd.Timedelta(days=2000)
    found = sequence_rules(data, within_days=40, as_of=as_of, min_customers=2)
    rule = found.table.set_index(["if_item", "then_item"]).loc[("a", "b")]
    days = data.groupby(["customer_id", "date"])["product_line"].agg(set).reset_index()
    days["year"] = (as_of - days["date"]).dt.days // 365
    days["size"] = days["product_line"].map(len)
    windows = []
    for _, day in days.iterrows():
        if "b" in day["product_line"]:
            continue
        later = days[
            (days["customer_id"] == day["customer_id"])
            & (days["date"] > day["date"])
            & (days["date"] <= day["date"] + pd.Timedelta(days=40))
        ]
        then = any("b" in items for items in later["product_line"])
        windows.append((*day[["customer_id", "year", "size"]], "a" in day["product_line"], then))
    windows = pd.DataFrame(windows, columns=["customer_id", "year", "size", "a", "then"])
    chances = bases = count = left_out = 0
    kept = set()
    for (customer, *_), group in windows.groupby(["customer_id", "year", "size"]):
        with_a, other = group[group["a"]], group[~group["a"]]
        if len(with_a) and len(other):
            count += len(with_a)
            kept.add(customer)
            chances += with_a["then"].sum()
            bases += len(with_a) * other["then"].mean()
        else:
            left_out += len(with_a)
    assert (rule["purchases"], rule["customers"]) == (count, len(kept))
    assert (rule["not_compared"], rule["followed"]) == (left_out, count)
    assert rule["chance"] == pytest.approx(chances / count)
    assert rule["base"] == pytest.approx(bases / count)


def test_what_other_purchases_count_is_a_factor_of_customer_and_weeks():
    """Purchases with the item are, of those without, a share of the customer times the fortnight.

    Then those without must count just that share, though every customer has his own fortnights.
    Nearly: the fitting stops when half a percent is left, and no fortnight counts nothing.
    """
    random = np.random.default_rng(1)
    of_customer, of_fortnight = [1, 2, 3, 4], [1, 3, 0, 2, 5]
    stratum, day, bought = [], [], []
    for customer, a in enumerate(of_customer):
        for number, b in enumerate(of_fortnight):
            without = int(random.integers(1, 6))
            for with_item, count in ((False, without), (True, a * b * without)):
                stratum += [3 * customer] * count
                day += [FORTNIGHT * number] * count
                bought += [with_item] * count
    nothing = np.zeros(len(day), dtype=np.int64)
    stratum, day, bought = np.array(stratum), np.array(day), np.array(bought)
    starts = Starts((0, 1), stratum, stratum, bought, day, nothing, nothing > 0, nothing, 0)
    other = ~bought
    share = (
        np.array(of_customer)[stratum[other] // 3] * np.array(of_fortnight)[day[other] // FORTNIGHT]
    )
    weight = balanced_weights(starts)
    np.testing.assert_allclose(
        np.bincount(stratum[other], weight)[::3], np.bincount(stratum, bought)[::3]
    )
    np.testing.assert_allclose(weight, share, rtol=0.03, atol=0.12)


def test_two_seasons_are_no_sequence():
    """Without the weeks, a then b holds with a lift of 1.9."""
    found = sequence_rules(seasonal_customers(np.random.default_rng(1)))
    rule = found.table.set_index(["if_item", "then_item"]).loc[("a", "b")]
    assert found.held.empty
    assert rule["lift_low"] < 1 < rule["lift_high"]
    assert rule["lift"] == pytest.approx(1, abs=0.1)


def test_a_sequence_is_found_beside_two_seasons():
    """Half of those who buy c buy d within 30 days, whatever the season."""
    random = np.random.default_rng(2)
    data = seasonal_customers(random)
    then = data[(data["product_line"] == "c") & (random.random(len(data)) < 0.5)]
    days = pd.to_timedelta(random.integers(1, 31, len(then)), unit="D")
    data = pd.concat([data, then.assign(date=then["date"] + days, product_line="d")])
    held = sequence_rules(data, within_days=30).held
    assert held[["if_item", "then_item"]].to_numpy().tolist() == [["c", "d"]]


@pytest.mark.slow
def test_seasons_make_p_values_no_smaller():
    random = np.random.default_rng(20)
    every = pd.concat(
        [
            sequence_rules(seasonal_customers(random, customers=150), least_lift=1.0).table
            for _ in range(6)
        ]
    )
    assert (every["p"] < 0.05).mean() < 0.10
    assert not every["holds"].any()


def test_purchases_not_followed_long_enough_are_cut_short():
    """Everybody buys b 20 days after a; every third a is too recent for b to have come."""
    rows = []
    for customer in range(60):
        day = 100 if customer % 3 else 390
        rows += [(customer, day, "a"), (customer, day + 20, "b")]
        rows += [(customer, day - 60, "c"), (customer, day - 50, "d")]
    data = purchases([(f"C{c:02d}", day, item) for c, day, item in rows])
    found = sequence_rules(data, within_days=30, as_of=START + pd.Timedelta(days=400))
    rule = found.table.set_index(["if_item", "then_item"]).loc[("a", "b")]
    assert (rule["purchases"], rule["followed"]) == (60, 40)
    # Of those watched on day 20 everybody bought; counting the others as "no" would give 2 of 3.
    assert rule["chance"] == 1.0
    assert rule["base"] == 0.0
    assert np.isnan(rule["lift"])
    # Everybody buys d ten days after c, too; nobody c after a or d.
    held = set(zip(found.held["if_item"], found.held["then_item"], strict=True))
    assert held == {("a", "b"), ("c", "d")}


def test_the_same_day_is_no_sequence():
    rows = []
    for customer in range(40):
        for start in (0, 100, 200):
            rows += [(customer, start, "a"), (customer, start, "b"), (customer, start + 50, "c")]
            rows += [(customer, start + 60, "a"), (customer, start + 70, "d")]
    data = purchases([(f"C{c:02d}", day, item) for c, day, item in rows])
    pair = sequence_rules(data, within_days=20).pairs.set_index(["if_item", "then_item"])
    # Only the days with a alone count; those with a and b do not.
    assert pair.loc[("a", "b"), ["purchases", "not_compared"]].sum() == 3 * 40


def test_returns_and_nameless_items_do_not_count(company, found):
    again = sequence_rules(
        pd.concat(
            [
                company.transactions,
                company.transactions.head(500).assign(amount=-1.0, product_line="toner"),
                company.transactions.head(500).assign(product_line=None),
            ]
        )
    )
    pd.testing.assert_frame_equal(again.table, found.table)


def test_no_false_rules_where_items_are_shuffled(company):
    random = np.random.default_rng(1)
    tests = [
        sequence_rules(shuffled(company.transactions, random), least_lift=1.0).table
        for _ in range(6)
    ]
    every = pd.concat(tests)
    assert sum(table["holds"].any() for table in tests) <= 1
    assert (every["p"] < 0.05).mean() < 0.085
    inside = (every["lift_low"] < 1) & (every["lift_high"] > 1)
    assert inside.mean() > 0.90
    assert abs(np.log(every["lift"]).mean()) < 0.01


@pytest.mark.slow
def test_no_false_rules_where_customers_are_busy_at_times():
    random = np.random.default_rng(1)
    tests = [sequence_rules(busy_customers(random), least_lift=1.0).table for _ in range(7)]
    every = pd.concat(tests)
    assert sum(table["holds"].any() for table in tests) <= 2
    assert (every["p"] < 0.05).mean() < 0.09
    assert abs(np.log(every["lift"]).mean()) < 0.02


@pytest.mark.slow
def test_no_false_rules_where_an_item_is_bought_like_clockwork():
    random, tests = np.random.default_rng(2), []
    for _ in range(12):
        rows = []
        for customer in range(150):
            first, chance = random.integers(0, 30), random.gamma(2, 0.02)
            for day in range(800):
                if day % 30 == first:
                    rows.append((f"C{customer}", day, "b"))
                elif random.random() < chance:
                    rows.append((f"C{customer}", day, random.choice(["a", "c", "d"])))
        tests.append(sequence_rules(purchases(rows), within_days=10, least_lift=1.0).table)
    every = pd.concat(tests)
    assert sum(table["holds"].any() for table in tests) <= 2
    assert (every["p"] < 0.05).mean() < 0.10


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_other_companies_have_the_same_one_rule(seed):
    held = sequence_rules(tables.example.company(seed=seed).transactions).held
    assert held[["if_item", "then_item"]].to_numpy().tolist() == [["printers", "toner"]]


def test_curves_lead_to_the_chance(found):
    curve, rule = found.curves, found.table.iloc[0]
    assert curve["day"].tolist() == list(range(91))
    assert curve["bought"].iloc[-1] == pytest.approx(rule["chance"])
    assert curve["base_bought"].iloc[-1] == pytest.approx(rule["base"])
    assert curve["chance_left"].iloc[0] == pytest.approx(rule["chance"])
    assert curve["bought"].is_monotonic_increasing
    left = (curve["bought"].iloc[-1] - curve["bought"]) / (1 - curve["bought"])
    np.testing.assert_allclose(curve["chance_left"], left, atol=1e-12)
    inside = curve[curve["day"] < 90]
    assert (inside["chance_left_low"] <= inside["chance_left"]).all()
    assert (inside["chance_left"] <= inside["chance_left_high"]).all()


def test_what_is_due_for_whom(company, found):
    due = next_items(found, company.transactions)
    bought = company.transactions[company.transactions["amount"] > 0]
    last = bought["date"].max()
    latest = bought.pivot_table(
        index="customer_id", columns="product_line", values="date", aggfunc="max"
    )
    open_still = ((last - latest["printers"]).dt.days < 90) & ~(
        latest["toner"] >= latest["printers"]
    )
    curve = found.curves.set_index("day")
    likelier = (curve["chance_left_low"] > curve["base_left"])[
        (last - latest["printers"][open_still]).dt.days
    ].to_numpy()
    assert 0 < likelier.sum() < len(likelier)
    expected = latest.loc[open_still, "printers"][likelier].to_dict()
    assert dict(zip(due["customer_id"], due["bought_on"], strict=True)) == expected
    assert (due["item"] == "toner").all()
    assert (due["because_of"] == "printers").all()
    assert due["chance"].is_monotonic_decreasing
    assert (due["due_by"] - due["bought_on"]).dt.days.eq(90).all()
    assert (due["chance_low"] > due["base"]).all()
    assert due["chance"].to_numpy() == pytest.approx(
        curve.loc[due["days_since"], "chance_left"].to_numpy()
    )


def test_customers_and_items_stay_what_they_are(company, found):
    numbered = company.transactions.assign(
        customer_id=pd.factorize(company.transactions["customer_id"], sort=True)[0],
        product_line=pd.factorize(company.transactions["product_line"], sort=True)[0],
    )
    rules = sequence_rules(numbered)
    due = next_items(rules, numbered)
    assert [due["customer_id"].dtype, due["item"].dtype] == [np.int64, np.int64]
    names = np.sort(company.transactions["customer_id"].unique())
    expected = next_items(found, company.transactions)
    assert names[due["customer_id"]].tolist() == expected["customer_id"].tolist()
    none = next_items(rules, numbered[numbered["product_line"] != due["because_of"].iloc[0]])
    assert none.empty
    assert none["customer_id"].dtype == np.int64


def test_one_or_two_items_make_no_pair_that_can_be_said(company):
    lines = company.transactions["product_line"]
    two = sequence_rules(company.transactions[lines.isin(["printers", "toner"])])
    assert two.pairs["said"].tolist() == [False, False]
    one = sequence_rules(company.transactions[lines == "toner"])
    for found in (one, two):
        assert found.held.empty
        assert next_items(found, company.transactions).empty


def test_nothing_is_due_without_a_rule_or_the_item(company, found):
    none = sequence_rules(shuffled(company.transactions, np.random.default_rng(3)))
    assert none.held.empty
    assert none.curves.empty
    assert next_items(none, company.transactions).empty
    no_printers = company.transactions[company.transactions["product_line"] != "printers"]
    assert next_items(found, no_printers).empty


def test_a_file_gives_what_the_frame_gives(company, found, tmp_path):
    path = tmp_path / "transactions.csv"
    company.transactions.sample(frac=1.0, random_state=1).to_csv(path, index=False)
    again = sequence_rules(tables.read(path, kind="transactions"))
    pd.testing.assert_frame_equal(again.table, found.table)
    pd.testing.assert_frame_equal(again.curves, found.curves)


def test_too_few_customers_cannot_be_said():
    data = busy_customers(np.random.default_rng(4), customers=15)
    found = sequence_rules(data, min_customers=20)
    assert found.table.empty
    assert found.held.empty
    assert not found.pairs["said"].any()
    assert len(found.pairs) == 30
    one = sequence_rules(data[data["customer_id"] == "C001"])
    assert not one.pairs["said"].any()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"within_days": 0}, "within_days=0"),
        ({}, {"within_days": 30.5}, "within_days=30.5: .* a whole number"),
        ({}, {"least_lift": float("nan")}, "least_lift=nan"),
        ({"amount": "ten"}, {}, 'Column "amount" must hold amounts of money'),
        ({"date": 20240101}, {}, 'Column "date" must hold dates'),
        ({}, {"least_lift": 0.5}, "least_lift=0.5"),
        ({}, {"min_customers": 1}, "min_customers=1"),
        ({}, {"confidence": 95}, "Did you mean 0.95"),
        ({}, {"item": "article"}, "no column article"),
        ({"amount": -1.0}, {}, "no purchases with an item"),
        ({"date": pd.NaT}, {}, "no value in customer_id or date"),
        ({"customer_id": None}, {}, "no value in customer_id or date"),
        ({"date": pd.Timestamp("2999-01-01")}, {}, "still to come"),
    ],
)
def test_bad_input(company, change, options, message):
    with pytest.raises(InputError, match=message):
        sequence_rules(company.transactions.head(200).assign(**change), **options)
