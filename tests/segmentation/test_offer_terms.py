"""Costs and budgets of offers as given, and as taken where they are not."""

import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.segmentation.offer_terms import check_terms, offer_terms

GAINS = pd.DataFrame(
    {"customer_id": list("aabbccddee"), "offer": ["x", "y"] * 5, "margin": [100.0, 300.0] * 5}
)


def test_what_is_given_is_used():
    terms = offer_terms(GAINS, offer_cost=3.0, offer_costs={"y": 5.0}, budget=40.0)
    assert (terms.costs, terms.budget, terms.assumed) == ({"x": 3.0, "y": 5.0}, 40.0, ())
    assert terms.least_budget({"x": 2, "y": 1}) == 11


def test_what_is_not_given_is_taken_and_told():
    terms = offer_terms(GAINS, offer_cost=None, offer_costs={}, budget=None, money="euros")
    assert terms.costs == {"x": 4.0, "y": 4.0}  # 2 % of 200
    assert terms.budget == 4.0  # one of five customers
    assert terms.assumed[0] == "an offer costs 4 euros (2% of a purchase)"
    assert terms.assumed[1] == "a budget of 4 euros (for one customer in 5)"
    loss = offer_terms(GAINS.assign(margin=-1.0), offer_cost=None, offer_costs={}, budget=None)
    assert (loss.typical_cost, loss.budget) == (0, 0)


GIVEN = {
    "uplift": 0.3,
    "offer_cost": None,
    "budget": None,
    "contacts": 1,
    "within_days": 90,
    "item_margin": None,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uplift", -1.0),
        ("offer_cost", -1.0),
        ("offer_cost", float("nan")),
        ("budget", -5.0),
        ("contacts", -1),
        ("contacts", 0),
        ("within_days", 0),
        ("item_margin", 0.0),
    ],
)
def test_terms_that_cannot_be_are_named(name, value):
    check_terms(**GIVEN)
    with pytest.raises(InputError, match=name):
        check_terms(**GIVEN | {name: value})


def test_costs_of_offers_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="names z, which is no offer; the offers are x, y"):
        offer_terms(GAINS, offer_cost=1.0, offer_costs={"z": 1.0}, budget=None)
    with pytest.raises(InputError, match="offer_costs of x must be 0 or more"):
        offer_terms(GAINS, offer_cost=1.0, offer_costs={"x": -1.0}, budget=None)
