"""Questions on offers: to whom, within a budget, and what they bring."""

import functools
from dataclasses import dataclass

import pandas as pd

from crmlib import segmentation
from crmlib.exercises.kinds import Number, Several
from crmlib.exercises.questions import Mistake, Question
from crmlib.exercises.segmentation.given import transactions

# What is given in the notebook.

EXTRA = pd.DataFrame(
    {"toner": [0.20, 0.10, 0.25, 0.05, 0.15], "printer": [0.14, 0.16, 0.13, 0.04, 0.08]},
    index=pd.Index(["A", "B", "C", "D", "E"], name="customer_id"),
)
"""Chance that a customer buys because of an offer."""

PRICE = {"toner": 1500.0, "printer": 4000.0}
MARGIN = {"toner": 300.0, "printer": 1000.0}
OFFER_COST = {"toner": 20.0, "printer": 50.0}
BUDGET, MORE = 120.0, 20.0
BUYS_ANYWAY, UPLIFT = 0.8, 0.5
EXAMPLE_BUDGET, EXAMPLE_COST, EXAMPLE_UPLIFT = 3000.0, 60.0, 0.3


def _net(worth: dict[str, float], *, cost: float = 1.0) -> pd.DataFrame:
    """Expected gain of every offer, less its cost."""
    return EXTRA * pd.Series(worth) - cost * pd.Series(OFFER_COST)


@dataclass(frozen=True)
class _Plan:
    """What a plan brings after its cost, and what it costs."""

    net_gain: float
    spent: float


def _greedy(budget: float, *, stops: bool = False) -> _Plan:
    """One offer after the other, by net gain for a yuan.

    What cannot be paid, or goes to somebody who has an offer, is passed over, or ends it.
    """
    pairs = _net(MARGIN).melt(ignore_index=False, var_name="offer", value_name="gain").reset_index()
    pairs = pairs[pairs["gain"] > 0].assign(cost=pairs["offer"].map(OFFER_COST))
    pairs["per_yuan"] = pairs["gain"] / pairs["cost"]
    pairs = pairs.sort_values("per_yuan", ascending=False)
    served: set[str] = set()
    left, gained = budget, 0.0
    columns = (pairs[name].tolist() for name in ("customer_id", "gain", "cost"))
    for customer, gain, cost in zip(*columns, strict=True):
        if customer not in served and cost <= left:
            served.add(customer)
            left, gained = left - cost, gained + gain
        elif stops:
            break
    return _Plan(gained, budget - left)


@functools.cache
def _best(budget: float | None) -> segmentation.OfferPlan:
    scores = (EXTRA * pd.Series(MARGIN)).reset_index()
    return segmentation.assign_offers(scores, OFFER_COST, budget)


@functools.cache
def _chances() -> pd.DataFrame:
    return segmentation.own_pairs(transactions(), item="product_line", cost="cost")


@functools.cache
def _example_gains(uplift: float) -> pd.DataFrame:
    return segmentation.offer_gains(_chances(), uplift=uplift)


@functools.cache
def _example_plan(uplift: float, gain: str = "gain") -> segmentation.OfferPlan:
    scores = _example_gains(uplift)[["customer_id", "offer", gain]]
    scores = scores.rename(columns={gain: "gain"})
    return segmentation.assign_offers(scores, EXAMPLE_COST, EXAMPLE_BUDGET)


def _valued_at(uplift: float) -> float:
    """What the plan made for the assumed uplift brings at another."""
    plan = _example_plan(EXAMPLE_UPLIFT)
    pairs = plan.offers[["customer_id", "offer"]].merge(_example_gains(uplift))
    return float(pairs["gain"].sum() - plan.spent)


def _valued_at_mean_chances(uplift: float) -> float:
    """The same from the mean of each chance, as if it were known."""
    plan = _example_plan(EXAMPLE_UPLIFT)
    pairs = plan.offers[["customer_id", "offer"]].merge(_example_gains(uplift))
    extra = segmentation.extra_purchases(pairs["chance"], uplift)
    return float((pairs["margin"] * extra).sum() - plan.spent)


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="segmentation.offers.1",
        kind=Several(Number("yuan", within=0.01), tuple(EXTRA.index)),
        answer=lambda: _net(MARGIN)["printer"].tolist(),
        mistakes=(
            Mistake(
                lambda: _net(PRICE)["printer"].tolist(),
                "You counted the price. A sale brings its margin; the rest pays for the goods.",
            ),
            Mistake(
                lambda: _net(MARGIN, cost=0.0)["printer"].tolist(),
                "The offer costs something too, whether it is taken or not.",
            ),
            Mistake(
                lambda: (EXTRA["printer"] * (MARGIN["printer"] - OFFER_COST["printer"])).tolist(),
                "You pay for the offer only when it succeeds. It costs its money in any case.",
            ),
        ),
        look_again="Chance times margin, less the cost of the offer; a loss is below zero.",
    ),
    Question(
        name="segmentation.offers.2",
        kind=Number("yuan", within=0.05),
        answer=lambda: (
            segmentation.extra_purchases(BUYS_ANYWAY, UPLIFT) * MARGIN["toner"]
            - OFFER_COST["toner"]
        ),
        mistakes=(
            Mistake(
                lambda: (
                    (segmentation.extra_purchases(BUYS_ANYWAY, UPLIFT) + BUYS_ANYWAY)
                    * MARGIN["toner"]
                    - OFFER_COST["toner"]
                ),
                "You counted all who buy. Most of them would have bought without the offer: only "
                "those more count.",
            ),
            Mistake(
                lambda: UPLIFT * BUYS_ANYWAY * MARGIN["toner"] - OFFER_COST["toner"],
                "You raised the chance by half. Raised are the odds, p / (1 − p).",
            ),
            Mistake(
                lambda: segmentation.extra_purchases(BUYS_ANYWAY, UPLIFT) * MARGIN["toner"],
                "Take off what the offer costs.",
            ),
        ),
        look_again="The odds before and after; the chances they are; only the difference counts.",
    ),
    Question(
        name="segmentation.offers.3",
        kind=Number("yuan", within=0.01),
        answer=lambda: _greedy(BUDGET).net_gain,
        mistakes=(
            Mistake(
                lambda: _best(BUDGET).net_gain,
                "This plan does not follow the rule: it takes the next best for a yuan each time, "
                "and never looks back.",
            ),
            Mistake(
                lambda: _greedy(BUDGET).net_gain + _greedy(BUDGET).spent,
                "That is before the offers are paid for.",
            ),
            Mistake(
                lambda: _greedy(BUDGET, stops=True).net_gain,
                "You stopped at the first offer that cannot be made. Pass it over and go on.",
            ),
        ),
        look_again="Net gain over cost for all ten; the largest first; skip what cannot be.",
    ),
    Question(
        name="segmentation.offers.4",
        kind=Number("yuan", within=0.01),
        answer=lambda: _best(BUDGET).net_gain,
        mistakes=(
            Mistake(
                lambda: _greedy(BUDGET).net_gain,
                "That is what best for a yuan finds. Another plan that spends the budget better "
                "brings more.",
            ),
            Mistake(
                lambda: _best(BUDGET).net_gain + _best(BUDGET).spent,
                "That is before the offers are paid for.",
            ),
            Mistake(
                lambda: _best(None).net_gain,
                "This plan costs more than there is to spend.",
            ),
        ),
        look_again="Try one, then two printer offers, and fill up what is left with toner.",
    ),
    Question(
        name="segmentation.offers.5",
        kind=Number("yuan", within=0.01),
        answer=lambda: _best(BUDGET + MORE).net_gain - _best(BUDGET).net_gain,
        mistakes=(
            Mistake(
                lambda: _best(BUDGET).net_gain / BUDGET * MORE,
                "That is the average of the money already spent. The last yuan brings less than "
                "the first.",
            ),
            Mistake(
                lambda: _best(BUDGET + MORE).net_gain - _greedy(BUDGET).net_gain,
                "You compared with the plan by the rule. Compare the best plan with the best plan.",
            ),
            Mistake(
                lambda: _best(BUDGET + MORE).net_gain - _best(BUDGET).net_gain + MORE,
                "That is before the further offer is paid for.",
            ),
        ),
        look_again="The best plan for each of the two budgets; then the difference.",
    ),
    Question(
        name="segmentation.offers.6",
        kind=Number("yuan", within=1.0),
        answer=lambda: _example_plan(EXAMPLE_UPLIFT).net_gain,
        mistakes=(
            Mistake(
                lambda: (
                    _example_plan(EXAMPLE_UPLIFT).net_gain + _example_plan(EXAMPLE_UPLIFT).spent
                ),
                "That is before the offers are paid for: net_gain of the plan, not gain.",
            ),
            Mistake(
                lambda: _example_plan(EXAMPLE_UPLIFT, "gain_as_counted").net_gain,
                "That plan was made from the shares as counted. The best of many look better than "
                "they are: take the column gain.",
            ),
            Mistake(
                lambda: segmentation.best_score_first(
                    _example_gains(EXAMPLE_UPLIFT), EXAMPLE_COST, EXAMPLE_BUDGET, contacts=6
                )["net_gain"].sum(),
                "Some customers get several offers in this plan. One each is the limit.",
            ),
        ),
        look_again="offer_gains with the uplift, then assign_offers with cost and budget.",
    ),
    Question(
        name="segmentation.offers.7",
        kind=Number("yuan", within=1.0),
        answer=lambda: _valued_at(EXAMPLE_UPLIFT / 2),
        mistakes=(
            Mistake(
                lambda: _example_plan(EXAMPLE_UPLIFT).net_gain / 2,
                "Half the uplift does not halve the cost, which is paid all the same.",
            ),
            Mistake(
                lambda: _example_plan(EXAMPLE_UPLIFT / 2).net_gain,
                "That is the best plan for the smaller uplift. You have made the other one, before "
                "you knew: what does that bring?",
            ),
            Mistake(
                lambda: _valued_at(EXAMPLE_UPLIFT / 2) + _example_plan(EXAMPLE_UPLIFT).spent,
                "That is before the offers are paid for.",
            ),
            Mistake(
                lambda: _valued_at_mean_chances(EXAMPLE_UPLIFT / 2),
                "You worked with the mean chance. Few cases leave it open, and an offer adds less "
                "to a chance far from one half: take the gain of offer_gains.",
            ),
        ),
        look_again="The same customers and offers, with the gains at the smaller uplift.",
    ),
)
