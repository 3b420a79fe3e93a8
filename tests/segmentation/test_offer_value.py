"""What plans bring: by hand, against Gelman's rat tumours, and by simulation with known chances."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta as beta_distribution

from crmlib.errors import InputError
from crmlib.segmentation.offer_value import (
    at_odds,
    best_score_first,
    extra_purchases,
    mean_extra,
    offer_gains,
    one_offer_to_largest,
    pays_from,
    plan_values,
    prior_of_shares,
    shrunken_shares,
)
from crmlib.segmentation.offers import assign_offers

# Gelman et al. (2013), table 5.1: rats with tumours, and rats, in 71 experiments.
TUMOURS = [*[0] * 14, *[1] * 8, *[2] * 9, 1, 5, 2, 5, 3, 2, 7, 7, 3, 3, 2, 9, 10, *[4] * 7, 10]
TUMOURS += [4, 4, 4, 5, 11, 12, 5, 5, 6, 5, 6, 6, 6, 6, 16, 15, 15, 9, 4]
RATS = [*[20] * 7, *[19] * 4, 18, 18, 17, *[20] * 4, 19, 19, 18, 18, 25, 24, 23, *[20] * 6]
RATS += [10, 49, 19, 46, 27, 17, 49, 47, 20, 20, 13, 48, 50, *[20] * 7, 48, 19, 19, 19, 22, 46]
RATS += [49, 20, 20, 23, 19, 22, 20, 20, 20, 52, 47, 46, 24, 14]


def test_extra_purchases_by_hand():
    # Odds of 1 become 1.5: 60 of 100 instead of 50; odds of 9 become 13.5: 93.1 instead of 90.
    assert extra_purchases(0.5, 0.5) == pytest.approx(0.1)
    assert extra_purchases(0.9, 0.5) == pytest.approx(13.5 / 14.5 - 0.9)
    assert extra_purchases(np.array([0.0, 1.0]), 0.5).tolist() == [0, 0]
    assert extra_purchases(0.3, 0.0) == 0
    assert at_odds(0.5, 3.0) == pytest.approx(0.75)


def test_the_prior_of_the_rat_tumours_is_the_published_one():
    seen, of = np.array(TUMOURS, dtype=float), np.array(RATS, dtype=float)
    assert (len(seen), seen.sum(), of.sum()) == (71, 267, 1739)
    mean, strength, weight = prior_of_shares(seen, of, np.ones(71, dtype=np.int64))
    # Section 5.3: posterior means of alpha and beta.
    assert weight @ (mean * strength) == pytest.approx(2.4, abs=0.05)
    assert weight @ (strength * (1 - mean)) == pytest.approx(14.3, abs=0.15)
    alpha, beta = shrunken_shares(seen, of)
    share = alpha / (alpha + beta)
    # The experiment 4 of 14: 0.286 as counted, about 0.21 given the others.
    assert share[-1] == pytest.approx(0.211, abs=0.002)
    assert share.min() > 0.05
    assert share.max() < max(seen / of)


def test_shares_of_many_cases_stay_what_they_are_and_one_alone_has_an_answer():
    alpha, beta = shrunken_shares(np.array([10_000.0, 70_000.0]), np.full(2, 100_000.0))
    assert alpha / (alpha + beta) == pytest.approx([0.1, 0.7], abs=1e-3)
    alpha, beta = shrunken_shares(np.array([3.0]), np.array([10.0]))
    assert 0.2 < alpha[0] / (alpha + beta)[0] < 0.5
    alpha, beta = shrunken_shares(np.zeros(5), np.array([0.0, 4, 4, 4, 4]))
    assert (alpha > 0).all()
    assert (alpha / (alpha + beta) < 0.2).all()


def test_mean_extra_is_the_mean_over_the_distribution():
    drawn = beta_distribution.rvs(3, 7, size=400_000, random_state=1)
    expected = extra_purchases(at_odds(drawn, 2.0), 0.4).mean()
    found = mean_extra(np.array([3.0, 3.0]), np.array([7.0, 7.0]), np.array([2.0, 2.0]), 0.4)
    assert found == pytest.approx([expected, expected], rel=2e-3)


def made_pairs(random, rules=12, customers=60):
    """Customers with three offers each; chances of the rules are known, and estimated."""
    true = random.beta(2, 8, rules)
    trials = random.integers(15, 60, rules)
    events = random.binomial(trials, true)
    rule = np.concatenate([random.choice(rules, 3, replace=False) for _ in range(customers)])
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(customers), 3),
            "offer": [f"o{r}" for r in rule],
            "rule": [f"r{r}" for r in rule],
            "kind": "made",
            "events": events[rule].astype(float),
            "trials": trials[rule].astype(float),
            "odds_ratio": 1.0,
            "margin": random.gamma(2, 50, len(rule)),
            "true": true[rule],
        }
    )


def said_and_came(random):
    """What plans promise by shrunken and by counted shares, what came, and whether it was held."""
    pairs = made_pairs(random)
    gains = offer_gains(pairs, uplift=0.5)
    true = (pairs["margin"] * extra_purchases(pairs["true"], 0.5)).set_axis(
        pd.MultiIndex.from_frame(pairs[["customer_id", "offer"]])
    )
    budget, cost = 60.0, 3.0
    plan = best_score_first(gains, cost, budget)
    row = plan_values(gains, {"plan": plan}, uplift=0.5, replicates=200, seed=1).iloc[0]
    came = true.loc[pd.MultiIndex.from_frame(plan[["customer_id", "offer"]])].sum() - budget
    by_count = gains.assign(gain=gains["gain_as_counted"])
    counted = best_score_first(by_count, cost, budget)
    counted_came = true.loc[pd.MultiIndex.from_frame(counted[["customer_id", "offer"]])].sum()
    held = row["low"] <= came <= row["high"]
    return row["net_gain"], came, held, counted["net_gain"].sum(), counted_came - budget


@pytest.mark.slow
def test_a_plan_promises_what_comes_and_counted_shares_promise_too_much():
    random = np.random.default_rng(5)
    found = np.array([said_and_came(random) for _ in range(50)])
    error = (found[:, 0] - found[:, 1]).std() / np.sqrt(len(found))
    assert abs((found[:, 0] - found[:, 1]).mean()) < 3 * error
    # The winner's curse: chosen by counted shares, plans promise more than comes.
    curse = found[:, 3] - found[:, 4]
    assert curse.mean() > 3 * curse.std() / np.sqrt(len(curse))
    assert curse.mean() > 3 * abs((found[:, 0] - found[:, 1]).mean())
    assert found[:, 2].mean() > 0.88


def test_intervals_and_advantages_of_plans():
    random = np.random.default_rng(2)
    gains = offer_gains(made_pairs(random), uplift=0.5)
    plan = assign_offers(gains[["customer_id", "offer", "gain"]], 3.0, 60.0).offers
    worth = pd.Series(np.arange(60.0), index=np.arange(60))
    plans = {
        "plan": plan,
        "largest": one_offer_to_largest(gains, 3.0, 60.0, worth),
        "nobody": plan[:0],
    }
    found = plan_values(gains, plans, uplift=0.5, seed=3).set_index("plan")
    assert found.equals(plan_values(gains, plans, uplift=0.5, seed=3).set_index("plan"))
    assert (found["low"] <= found["net_gain"]).all()
    assert (found["net_gain"] <= found["high"]).all()
    assert found.loc["nobody", ["offers", "net_gain", "low", "high"]].tolist() == [0, 0, 0, 0]
    assert found.loc["nobody", "advantage"] == found.loc["plan", "net_gain"] > 0
    assert found.loc["nobody", "advantage_low"] == pytest.approx(found.loc["plan", "low"])
    assert found.loc["largest", "advantage"] > 0
    at = gains.merge(plan[["customer_id", "offer"]], on=["customer_id", "offer"])
    assert found.loc["plan", "net_gain"] == pytest.approx(at["gain"].sum() - plan["cost"].sum())


def test_errors_of_one_rule_move_all_its_customers_together():
    pairs = pd.DataFrame(
        {
            "customer_id": range(400),
            "offer": "x",
            "rule": "one",
            "kind": "made",
            "events": 5.0,
            "trials": 20.0,
            "odds_ratio": 1.0,
            "margin": 1.0,
        }
    )
    own = pairs.assign(rule=[f"own {i}" for i in range(400)])
    spread = []
    for table in (pairs, own):
        gains = offer_gains(table, uplift=0.3)
        row = plan_values(gains, {"all": table.assign(cost=0.0)}, uplift=0.3).iloc[0]
        spread.append((row["high"] - row["low"]) / row["net_gain"])
    assert spread[0] > 5 * spread[1]


def test_simple_rules_stop_when_the_money_is_gone():
    gains = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "b", "c"],
            "offer": ["x", "y", "x", "y", "x"],
            "gain": [9.0, 8.0, 2.0, 7.0, 0.5],
        }
    )
    first = best_score_first(gains, 1.0, 2.0)
    assert first[["customer_id", "offer"]].to_numpy().tolist() == [["a", "x"], ["b", "y"]]
    two = best_score_first(gains, 1.0, 100.0, contacts=2)
    assert len(two) == 4  # c brings less than it costs
    worth = pd.Series({"a": 1.0, "b": 3.0, "c": 2.0})
    largest = one_offer_to_largest(gains, {"x": 1.0, "y": 1.0}, 1.0, worth)
    assert largest[["customer_id", "offer"]].to_numpy().tolist() == [["b", "y"]]
    assert best_score_first(gains, 1.0, 0.0).empty


def test_pays_from_is_where_gain_meets_cost():
    gains = offer_gains(made_pairs(np.random.default_rng(4)), uplift=0.5)
    plan = assign_offers(gains[["customer_id", "offer", "gain"]], 3.0, 60.0).offers
    uplift = pays_from(gains, plan)
    at = gains.merge(plan[["customer_id", "offer"]], on=["customer_id", "offer"])
    brings = (at["margin"] * extra_purchases(at["chance"], uplift)).sum()
    assert brings == pytest.approx(plan["cost"].sum())
    assert np.isnan(pays_from(gains, plan.assign(cost=1e9)))
    assert np.isnan(pays_from(gains, plan[:0]))
    assert pays_from(gains, plan.assign(cost=0.0)) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"events": -1.0}, "events must be 0 or more"),
        ({"events": 1e9}, "at most trials"),
        ({"margin": np.nan}, "no number may be missing; rows 0"),
        ({"odds_ratio": np.inf}, "no number may be missing"),
        ({"margin": "much"}, '"margin" must hold numbers'),
    ],
)
def test_pairs_that_cannot_be_are_named(change, words):
    pairs = made_pairs(np.random.default_rng(1)).assign(**change)
    with pytest.raises(InputError, match=words):
        offer_gains(pairs, uplift=0.3)


def test_uplift_and_plans_that_cannot_be_are_refused():
    pairs = made_pairs(np.random.default_rng(1))
    for uplift in (-0.1, np.nan, np.inf):
        with pytest.raises(InputError, match="uplift"):
            offer_gains(pairs, uplift=uplift)
    gains = offer_gains(pairs, uplift=0.3)
    unknown = pd.DataFrame({"customer_id": [999], "offer": ["o1"], "cost": [1.0]})
    with pytest.raises(InputError, match="plan p makes offers that have no expected gain"):
        plan_values(gains, {"p": unknown}, uplift=0.3)
    with pytest.raises(InputError, match="no customer and offer"):
        offer_gains(pairs[:0], uplift=0.3)
    with pytest.raises(InputError, match="is worth is not given"):
        one_offer_to_largest(gains, 0.0, 1.0, pd.Series({0: 1.0}))
