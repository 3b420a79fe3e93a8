"""What page one of the report on offers says, in cases of every kind."""

import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation.basket_rules import basket_rules
from crmlib.segmentation.offer_value import best_score_first, offer_gains, pays_from, plan_values
from crmlib.segmentation.offers import OfferLimits, assign_offers
from crmlib.segmentation.offers_findings import OfferWords, offer_findings

WORDS = OfferWords("euros", "customer", 0.3, 1, ())


@pytest.fixture(scope="module")
def rules():
    baskets = [(i, name) for i in range(200) for name in ("ab" if i % 2 else "cd")]
    return basket_rules(pd.DataFrame(baskets, columns=["basket_id", "item"]))


@pytest.fixture(scope="module")
def chances():
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(40), 2),
            "offer": ["x", "y"] * 40,
            "rule": [f"r{i}" for i in range(80)],
            "kind": "own purchases",
            "events": random.integers(0, 5, 80).astype(float),
            "trials": 4.0,
            "odds_ratio": 1.0,
            "margin": np.where(np.arange(80) % 2, 100.0, 80.0),
        }
    )


def findings_of(chances, rules, costs, words=WORDS, limits=None, due=None, budget=50.0):
    gains = offer_gains(chances, uplift=0.3)
    plan = assign_offers(gains[["customer_id", "offer", "gain"]], costs, budget, limits)
    plans = {"the plan": plan.offers, "best score first": best_score_first(gains, costs, budget)}
    values = pd.concat(
        plan_values(offer_gains(chances, uplift=u), plans, uplift=u).assign(uplift=u)
        for u in (0.3, 0.6)
    )
    pays = pays_from(gains, plan.offers)
    return plan, values, offer_findings(plan, values, pays, rules, None, due, words)


def test_gain_assumption_and_rule_are_told_with_their_numbers(chances, rules):
    words = OfferWords(
        "euros",
        "customer",
        0.3,
        1,
        ("an offer costs 2 euros",),
        (120.0, 113.0),
        left_out=("3 customers silent for more than 90 days",),
        meaning="A euro is a euro.",
    )
    plan, values, said = findings_of(chances, rules, 2.0, words)
    first, assumption, simple, whom, sequence, basket = said
    row = values.iloc[0]
    assert f"{len(plan.offers)} offers to {len(plan.offers)} customers should bring" in first.text
    net, low, high = (f"{row[name]:.1f}" for name in ("net_gain", "low", "high"))
    assert f"bring {net} euros more than no offers (likely {low} to {high})" in first.text
    assert "if an offer raises the odds of buying by 30%" in first.text
    assert "at most 1 offer each" in first.detail
    assert "foretold 120 purchases last time; 113 came" in first.detail
    assert first.detail.endswith(
        "A euro is a euro. Not given, so taken: an offer costs 2 euros. Left out: 3 customers "
        "silent for more than 90 days."
    )
    assert "is an assumption" in assumption.text
    assert f"{values.iloc[2]['net_gain']:.0f} euros with 60%" in assumption.text
    assert simple.text.startswith("A simple rule does as well here: best score first")
    made = plan.by_offer.set_index("offer")["customers"]
    assert f"y to {made['y']}" in whom.text
    price = plan.prices["shadow_price"].iloc[0]
    assert f"Each further euro of budget would bring {price:.2g} beyond itself." in whom.detail
    assert "have no dates" in sequence.text
    assert "in 100 of 100 cases (likely 96 to 100), 2.0 times as often as all" in basket.text


def test_a_plan_that_is_ahead_says_by_how_much(chances, rules):
    # What brings most costs most: looking at the gain alone wastes the budget.
    _, values, said = findings_of(chances, rules, {"x": 0.5, "y": 4.0})
    ahead = values.iloc[1]
    assert ahead["advantage"] > 0
    assert f"That is {ahead['advantage']:.0f} euros more" in said[2].text.replace(
        "That is ", "That is "
    )
    assert "than the best simple rule: best score first" in said[2].text


def test_nobody_is_contacted_where_nothing_pays(chances, rules):
    _, _, said = findings_of(chances, rules, 1000.0)
    assert said[0].text == "No offer is made: none is expected to bring more than it costs."
    assert len(said) == 3
    nothing = basket_rules(
        pd.DataFrame({"basket_id": [1, 1, 2, 2, 3], "item": ["a", "b", "c", "d", "a"]})
    )
    _, _, said = findings_of(chances, nothing, 1000.0)
    assert said[-1].text == "Nothing is bought together more often than chance explains."


@pytest.mark.parametrize(
    ("budget", "maximum", "reason"),
    [
        (0.0, {}, "the budget is 0."),
        (1.0, {}, "the budget of 1.00 euros pays for none."),
        (50.0, {"x": 0, "y": 0}, "those that pay may go to nobody (maximum of x and y)."),
    ],
)
def test_where_no_offer_is_made_the_limit_that_forbids_it_is_named(
    chances, rules, budget, maximum, reason
):
    limits = OfferLimits(1, {}, maximum)
    _, _, said = findings_of(chances, rules, 2.0, limits=limits, budget=budget)
    assert said[0].text == f"No offer is made: {reason}"
    assert ("Each further euro of budget" in said[0].detail) == (not maximum)


def test_baskets_of_one_item_are_no_answer_to_what_is_bought_together(chances):
    single = basket_rules(pd.DataFrame({"basket_id": [1, 2, 3], "item": ["a", "b", "a"]}))
    _, _, said = findings_of(chances, single, 1000.0)
    assert said[-1].text.startswith("What is bought together cannot be said: no basket holds two")


def test_without_a_price_more_budget_brings_nothing(chances, rules):
    _, _, said = findings_of(chances, rules, 0.01)
    assert "More budget would bring nothing" in said[3].detail


def test_volumes_that_force_losses_are_told_as_a_loss(chances, rules):
    _, _, said = findings_of(chances, rules, 6.0, limits=OfferLimits(1, {"x": 8}))
    assert "should bring −" in said[0].text
