"""Plans of offers: against all plans one by one, HiGHS, linear programmes and their prices.

Oracles: enumeration of every plan in small cases, scipy's HiGHS (whole and linear programmes) on
2,000 customers, and what solving again with other limits brings.
"""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from crmlib.errors import InputError
from crmlib.segmentation.offer_dual import best_prices, dual_value, solve_by_dual
from crmlib.segmentation.offer_programme import (
    OfferProgramme,
    dealt_out,
    grouped,
    solve_exactly,
)
from crmlib.segmentation.offers import OfferLimits, assign_offers, budget_curve


def best_by_enumeration(gains, costs, number, contacts, budget, minimum, maximum):
    """Highest net gain of all plans within the limits; None where there is none."""
    best = None
    ranges = [range(n + 1) for n in number for _ in costs]
    for flat in itertools.product(*ranges):
        plan = np.array(flat).reshape(gains.shape)
        volume = plan.sum(axis=0)
        kept = (plan.sum(axis=1) <= contacts * number).all() and (plan * costs).sum() <= budget
        if kept and (volume >= minimum).all() and (volume <= maximum).all():
            value = (plan * (gains - costs)).sum()
            best = value if best is None else max(best, value)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_small_plans_are_the_best_of_all_plans(seed):
    random = np.random.default_rng(seed)
    units, offers = random.integers(1, 4), random.integers(1, 4)
    gains = random.integers(-40, 100, (units, offers)) / 8
    costs = random.integers(0, 25, offers) / 8
    number = random.integers(0, 3, units)
    contacts, budget = int(random.integers(0, 3)), random.integers(0, 50) / 8
    minimum, maximum = np.zeros(offers), np.full(offers, np.inf)
    minimum[0], maximum[-1] = random.integers(0, 2), random.integers(0, 3)
    expected = best_by_enumeration(gains, costs, number, contacts, budget, minimum, maximum)
    names = [f"offer {o}" for o in range(offers)]
    scores = pd.DataFrame(gains, columns=names).assign(customer_id=range(units), n=number)
    limits = OfferLimits(contacts, {names[0]: minimum[0]}, {names[-1]: maximum[-1]})
    asked = (scores, dict(zip(names, costs, strict=True)), budget, limits)
    if expected is None:
        with pytest.raises(InputError, match=r"(?i)lower"):
            assign_offers(*asked, customers="n")
        return
    plan = assign_offers(*asked, customers="n")
    assert plan.net_gain == pytest.approx(expected, abs=1e-6)
    assert plan.bound >= expected - 1e-6
    assert plan.offers["net_gain"].sum() == pytest.approx(expected, abs=1e-6)
    assert plan.spent <= budget + 1e-9


def programme(units, contacts=1, seed=1, budget=0.3):
    """Customers that differ in what offers bring, ten offers that differ in cost."""
    random = np.random.default_rng(seed)
    gain = random.gamma(1.0, 200, (units, 1)) * random.beta(1, 8, (units, 10))
    cost = np.broadcast_to(random.uniform(2, 15, 10), (units, 10)).copy()
    minimum, maximum = np.zeros(10), np.full(10, np.inf)
    minimum[:3], maximum[3:6] = units // 50, units // 40
    ones = np.ones(units, dtype=np.int64)
    spend = budget * units * cost.mean()
    return OfferProgramme(gain - cost, cost, ones, contacts, spend, minimum, maximum)


def linear_value(case):
    """Value of the linear programme by HiGHS, and its price of the budget."""
    units, offers = case.cost.shape
    rows = [case.cost.ravel()]
    for o in range(offers):
        column = np.zeros((units, offers))
        column[:, o] = 1
        rows += [column.ravel(), -column.ravel()]
    right = [case.budget, *np.column_stack([case.maximum, -case.minimum]).ravel()]
    for u in range(units):
        row = np.zeros((units, offers))
        row[u] = 1
        rows.append(row.ravel())
        right.append(case.contacts)
    kept = np.isfinite(right)
    found = linprog(
        -case.net_gain.ravel(), A_ub=np.array(rows)[kept], b_ub=np.array(right)[kept], bounds=(0, 1)
    )
    return -found.fun, -found.ineqlin.marginals[0]


@pytest.mark.parametrize("contacts", [1, 2])
def test_best_prices_are_those_of_the_linear_programme(contacts):
    case = programme(150, contacts)
    value, price = linear_value(case)
    prices = best_prices(case)
    assert prices.bound == pytest.approx(value, rel=1e-6)
    assert prices.budget == pytest.approx(price, rel=1e-3)


def test_no_prices_give_a_dual_value_below_the_best_plan():
    case = programme(150)
    best = solve_exactly(case).value
    random = np.random.default_rng(1)
    for _ in range(50):
        prices = random.exponential(10, 21)
        prices[1:11][~np.isfinite(case.maximum)] = 0
        value, slope = dual_value(case, prices)
        assert value >= best
        # A subgradient: the function lies above its tangent.
        other = prices * random.uniform(0.5, 1.5)
        assert dual_value(case, other)[0] >= value + slope @ (other - prices) - 1e-6


@pytest.mark.slow
def test_the_dual_finds_the_plan_of_highs():
    contacts = 2
    case = programme(500, contacts)
    exact = solve_exactly(case)
    dual = solve_by_dual(case, best_prices(case))
    assert exact.gap < 1e-9
    assert dual.value <= exact.value + 1e-6 <= dual.bound + 2e-6
    assert dual.value == pytest.approx(exact.value, rel=1e-4)
    volume = dual.chosen.sum(axis=0)
    assert case.spent(dual.chosen) <= case.budget + 1e-6
    assert (volume >= case.minimum).all()
    assert (volume <= case.maximum).all()
    assert (dual.chosen.sum(axis=1) <= contacts).all()


@pytest.mark.slow
def test_many_customers_are_solved_within_a_thousandth_of_the_bound():
    case = programme(5_000, 2)
    scores = pd.DataFrame(case.net_gain + case.cost, columns=[f"o{o}" for o in range(10)])
    scores["customer_id"] = np.arange(5_000)
    costs = dict(zip(scores.columns, case.cost[0], strict=False))
    limits = OfferLimits(2, {"o0": 100, "o1": 100, "o2": 100}, {"o3": 125, "o4": 125, "o5": 125})
    plan = assign_offers(scores, costs, case.budget, limits)
    assert plan.method == "dual"
    assert 0 <= plan.gap < 1e-3
    assert plan.spent <= case.budget + 1e-6
    assert plan.offers.groupby("customer_id").size().max() == 2
    made = plan.by_offer.set_index("offer")["customers"]
    assert (made[["o0", "o1", "o2"]] >= 100).all()
    assert (made[["o3", "o4", "o5"]] <= 125).all()
    assert plan.bound == pytest.approx(best_prices(case).bound, rel=1e-9)


def wide(case):
    names = [f"o{o}" for o in range(case.cost.shape[1])]
    scores = pd.DataFrame(case.net_gain + case.cost, columns=names)
    scores.insert(0, "customer_id", [f"C{u:04d}" for u in range(len(scores))])
    return scores, dict(zip(names, case.cost[0], strict=True))


def test_the_shadow_price_is_what_solving_again_with_more_budget_brings():
    case = programme(150)
    scores, costs = wide(case)
    volumes = OfferLimits(1, {f"o{o}": 3 for o in range(3)}, {f"o{o}": 3 for o in (3, 4, 5)})
    curve = budget_curve(scores, costs, [case.budget, 1.2 * case.budget], volumes)
    plan = assign_offers(scores, costs, case.budget, volumes)
    price = plan.prices["shadow_price"].iloc[0]
    assert curve["shadow_price"].iloc[0] == price > 0
    # One more unit, by the linear programme of HiGHS, solved twice.
    here = linear_value(case)[0]
    assert plan.bound <= here + 1e-6
    more = linear_value(replace(case, budget=case.budget + 1))[0]
    assert more - here == pytest.approx(price, rel=0.02)
    # Over a fifth more budget, whole plans gain no more than its price says.
    gained = curve["net_gain"].iloc[1] - curve["net_gain"].iloc[0]
    assert curve["shadow_price"].iloc[1] * 0.9 <= gained / (0.2 * case.budget) <= price * 1.1


def test_the_shadow_price_is_that_of_one_more_where_one_less_costs_another():
    scores = pd.DataFrame(
        {"customer_id": list("abc"), "printer": [40, 38, 12], "desk": [39, 15, 30]}
    )
    plan = assign_offers(scores, 10.0, budget=20.0)
    assert plan.net_gain == 58
    assert plan.prices["shadow_price"].tolist() == pytest.approx([2.0])
    more = assign_offers(scores, 10.0, budget=30.0)
    assert (more.net_gain - plan.net_gain) / 10 == pytest.approx(2.0)
    assert more.prices["shadow_price"].tolist() == pytest.approx([0.0])


def test_prices_of_volumes_tell_what_one_customer_more_or_less_brings():
    scores = pd.DataFrame({"customer_id": range(6), "a": [9, 8, 7, 6, 5, 4], "b": [1.0] * 6})
    plan = assign_offers(scores, 0.0, limits=OfferLimits(1, {"b": 3}, {"a": 2}))
    # Two get a; the third wants a (7 for 1); with one b fewer demanded nothing else comes of it.
    prices = plan.prices.set_index(["limit", "offer"])["shadow_price"]
    assert plan.net_gain == 9 + 8 + 4
    assert prices["maximum", "a"] == pytest.approx(6.0)
    more = assign_offers(scores, 0.0, limits=OfferLimits(1, {"b": 3}, {"a": 3}))
    assert more.net_gain - plan.net_gain == pytest.approx(6.0)


SCORES = pd.DataFrame({"customer_id": list("abc"), "x": [5.0, 3.0, -1.0], "y": [4.0, 4.0, -2.0]})


def test_nobody_is_contacted_where_no_offer_brings_anything():
    plan = assign_offers(SCORES.assign(x=-1.0, y=0.0), 0.0)
    assert plan.offers.empty
    assert plan.net_gain == plan.spent == plan.bound == 0
    assert plan.by_offer["customers"].tolist() == [0, 0]


def test_a_budget_of_zero_buys_what_costs_nothing():
    plan = assign_offers(SCORES, {"x": 1.0, "y": 0.0}, budget=0)
    assert plan.offers[["customer_id", "offer"]].to_numpy().tolist() == [["a", "y"], ["b", "y"]]
    assert plan.prices["shadow_price"].iloc[0] >= 0


def test_an_offer_that_loses_is_made_only_where_a_volume_asks_for_it():
    plan = assign_offers(SCORES, 0.0, limits=OfferLimits(2, {"x": 3}))
    assert set(plan.offers.loc[plan.offers["offer"] == "x", "customer_id"]) == set("abc")
    assert plan.net_gain == 5 + 3 - 1 + 4 + 4


def test_long_scores_leave_out_pairs_that_must_not_be_offered():
    long = SCORES.melt("customer_id", var_name="offer", value_name="gain")
    whole = assign_offers(SCORES, 1.0)
    assert assign_offers(long, 1.0).offers.equals(whole.offers)
    without = assign_offers(long[(long["customer_id"] != "a") | (long["offer"] != "x")], 1.0)
    assert without.offers.set_index("customer_id")["offer"].to_dict() == {"a": "y", "b": "y"}


def test_costs_may_differ_between_customers():
    costs = pd.DataFrame({"customer_id": list("cba"), "x": [0.0, 0.0, 4.0], "y": [0.0, 9.0, 1.0]})
    plan = assign_offers(SCORES, costs)
    assert plan.offers.set_index("customer_id")["offer"].to_dict() == {"a": "y", "b": "x"}


def test_a_segment_is_many_customers_alike():
    segments = pd.DataFrame({"customer_id": ["s", "t"], "x": [5.0, 3.0], "n": [30, 50]})
    plan = assign_offers(segments, 1.0, budget=60.0, customers="n")
    assert plan.offers[["customer_id", "customers"]].to_numpy().tolist() == [["s", 30], ["t", 30]]
    one_by_one = segments.loc[segments.index.repeat(segments["n"])].drop(columns="n")
    one_by_one["customer_id"] = range(80)
    assert assign_offers(one_by_one, 1.0, budget=60.0).net_gain == plan.net_gain == 30 * 4 + 30 * 2


def test_customers_alike_are_one_kind_and_get_what_it_gets():
    same = np.tile([[3.0, 2.0], [1.0, 1.0]], (4, 1))
    case = OfferProgramme(
        same, np.ones((8, 2)), np.full(8, 2), 1, np.inf, np.zeros(2), np.full(2, np.inf)
    )
    alike, kind = grouped(case)
    assert alike.customers.tolist() == [8, 8]
    chosen = np.array([[5, 3], [8, 0]])
    dealt = dealt_out(chosen, kind, case.customers)
    for k in (0, 1):
        assert dealt[kind == k].sum(axis=0).tolist() == chosen[k].tolist()
    assert (dealt.sum(axis=1) <= 2).all()


def test_everybody_alike_is_solved_at_once_however_many():
    scores = pd.DataFrame({"customer_id": range(50_000), "x": 5.0, "y": 4.0})
    plan = assign_offers(scores, 1.0, budget=30_000, limits=OfferLimits(1, {"y": 10_000}))
    assert plan.method == "exact"
    assert plan.net_gain == 20_000 * 4 + 10_000 * 3
    # Ties go by order of the table, so that two runs agree.
    assert plan.offers["customer_id"].nunique() == 30_000


@pytest.mark.parametrize(
    ("limits", "budget", "words"),
    [
        (OfferLimits(1, {"x": 2}, {"x": 1}), None, "at least 2 customers and may go to at most 1"),
        (OfferLimits(1, {"x": 4}), None, "can be made to 3 only"),
        (OfferLimits(1, {"x": 2, "y": 2}), None, "ask for 4 offers, more than 3 customers can get"),
        (OfferLimits(1, {"x": 3}), 5.0, "cost at least 6.00, and the budget is 5.00"),
        (OfferLimits(0, {"x": 1}), None, "at most 0 offers each"),
        (OfferLimits(1, {"z": 1}), None, "z, which is no offer; the offers are x, y"),
        (OfferLimits(1.5), None, "contacts=1.5 must be a whole number"),
        (OfferLimits(), -1.0, "budget=-1 must be 0 or more"),
        (OfferLimits(), float("nan"), "budget=nan must be 0 or more"),
    ],
)
def test_limits_that_contradict_are_named(limits, budget, words):
    with pytest.raises(InputError, match=words):
        assign_offers(SCORES, 2.0, budget, limits)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (SCORES.assign(x=[1, np.nan, 2]), '"x": 1 gain missing or not finite; row 1'),
        (SCORES.assign(x=[1, np.inf, 2]), "not finite; row 1"),
        (SCORES.assign(x=["1", "b", "2"]), '"x" must hold expected gains'),
        (SCORES.assign(customer_id=["a", "a", "b"]), "a stands in several rows"),
        (SCORES.assign(customer_id=["a", None, "b"]), '"customer_id" is empty in row 1'),
        (SCORES[:0], "has no rows"),
        (SCORES[["customer_id"]], "no column of an offer"),
        (SCORES.rename(columns={"customer_id": "id"}), 'no column "customer_id"'),
        (
            pd.DataFrame({"customer_id": ["a", "a"], "offer": ["x", "x"], "gain": [1, 2]}),
            "Customer a has several scores for the offer x",
        ),
    ],
)
def test_scores_that_cannot_be_used_are_named(scores, words):
    with pytest.raises(InputError, match=words):
        assign_offers(scores, 1.0)


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        (-1.0, "that of x, y is not"),
        ({"x": 1.0}, "offer y costs is not given"),
        ({"x": 1.0, "y": float("nan")}, "that of y is not"),
        (pd.DataFrame({"customer_id": ["a", "b"], "x": 1.0, "y": 1.0}), "no customer c"),
        (pd.DataFrame({"customer_id": list("abc"), "x": 1.0}), "no offer y"),
    ],
)
def test_costs_that_cannot_be_used_are_named(costs, words):
    with pytest.raises(InputError, match=words):
        assign_offers(SCORES, costs)


def test_nothing_is_printed_by_the_solver(capfd):
    solve_exactly(programme(100))
    assert capfd.readouterr() == ("", "")
