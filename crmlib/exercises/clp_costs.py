"""Questions of the exercises on activity-based costs and churn loss."""

import functools
from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlib import clp, tables
from crmlib.clp.discounting import Array, When
from crmlib.exercises.kinds import Number, Several, Share
from crmlib.exercises.questions import Mistake, Question

# Three customers of a small sales district in one year, as the notebook gives them.
CUSTOMERS = ("school", "shop", "clinic")
SALES = np.array([100_000.0, 120_000.0, 80_000.0])
GROSS_PROFIT = SALES - np.array([70_000.0, 96_000.0, 60_000.0])
ACTIVITIES = ("visit", "order", "call", "delivery")
USE = np.array(
    [[20.0, 16.0, 15.0, 20.0], [36.0, 96.0, 60.0, 150.0], [16.0, 32.0, 30.0, 40.0]]
)  # hours of visits, then numbers: a row a customer
CAPACITY = np.array([90.0, 160.0, 120.0, 260.0])
POOLS = {
    ("salaries of representatives", "visit"): 22_500.0,
    ("cars", "visit"): 6_300.0,
    ("order desk", "order"): 7_200.0,
    ("telephone desk", "call"): 3_000.0,
    ("carriers", "delivery"): 9_600.0,
    ("warehouse staff", "delivery"): 6_000.0,
    ("rent and management", None): 18_000.0,
}
SHOP = CUSTOMERS.index("shop")


def _activity_costs(forgotten: str = "") -> Array:
    """Cost of each activity, without the pool that was forgotten."""
    return np.array(
        [
            sum(cost for (pool, of), cost in POOLS.items() if of == name and pool != forgotten)
            for name in ACTIVITIES
        ]
    )


def _cost_to_serve(volume: Array = CAPACITY, forgotten: str = "") -> Array:
    return USE @ (_activity_costs(forgotten) / volume)


def _in_use() -> Array:
    return np.asarray(USE.sum(axis=0))


def _by_sales(amount: float) -> Array:
    return amount * SALES / SALES.sum()


def _unused() -> Array:
    """Cost of each activity's capacity that nobody used."""
    return (CAPACITY - _in_use()) * _activity_costs() / CAPACITY


def _break_even(per: float) -> float:
    """What each of so many purchases of the shop would have to be worth."""
    return float(_cost_to_serve()[SHOP] / per / _margin())


def _margin() -> float:
    return float(GROSS_PROFIT[SHOP] / SALES[SHOP])


@functools.cache
def _sales() -> tables.CheckedTable:
    return tables.read("data/transactions.csv", kind="transactions")


@functools.cache
def _profit_of_customers() -> pd.DataFrame:
    """Each customer of the example company after the cost of serving it."""
    done = tables.read("data/activities.csv", kind="activities")
    ledger = tables.read("data/ledger.csv", kind="cost_pools")
    return clp.customer_profit(_sales(), clp.activity_costs(done, ledger), cost="cost").table


def _peak(profit: str = "profit", order: str | None = None) -> float:
    """Highest point of the profit added up, the largest by a column first, as a share of all."""
    added = _profit_of_customers().sort_values(order or profit, ascending=False)[profit].cumsum()
    return float(added.max() / added.iloc[-1])


def _customers_at_the_peak() -> float:
    return float((_profit_of_customers()["profit"] > 0).mean())


COSTS = (
    Question(
        name="clp.costs.1",
        kind=Number("yuan an hour"),
        answer=lambda: (_activity_costs() / CAPACITY)[0],
        mistakes=(
            Mistake(
                lambda: (_activity_costs("cars") / CAPACITY)[0],
                "A cost pool is missing: look in the ledger which rows have the activity visit.",
            ),
            Mistake(
                lambda: (_activity_costs() / _in_use())[0],
                "That is the cost of an hour that was used, so customers would pay for the idle "
                "hours as well. Divide by the hours that could have been worked.",
            ),
            Mistake(
                lambda: (CAPACITY / _activity_costs())[0],
                "That is hours for a yuan. Money for an hour is wanted: what stands above the "
                "line, and what below?",
            ),
        ),
        look_again="Add up the pools of visits, then divide by the hours there are for visits.",
    ),
    Question(
        name="clp.costs.2",
        kind=Several(Number("yuan"), CUSTOMERS),
        answer=_cost_to_serve,
        mistakes=(
            Mistake(
                lambda: _by_sales(_activity_costs().sum()),
                "That spreads the cost by sales. Sales do not make anybody drive or pack: charge "
                "each customer with what it used.",
            ),
            Mistake(
                lambda: _cost_to_serve(_in_use()),
                "The unit costs are divided by what was used, so the three pay for idle people "
                "and vans. Divide by what could have been done.",
            ),
            Mistake(
                lambda: _cost_to_serve(forgotten="cars"),
                "A cost pool is missing. Two activities have more than one pool each.",
            ),
            Mistake(
                lambda: _cost_to_serve(forgotten="warehouse staff"),
                "A cost pool is missing: more than one pool serves deliveries.",
            ),
        ),
        look_again="Four unit costs, each times what the customer used, and add the four.",
    ),
    Question(
        name="clp.costs.3",
        kind=Several(Number("yuan"), CUSTOMERS),
        answer=lambda: GROSS_PROFIT - _cost_to_serve(),
        mistakes=(
            Mistake(
                lambda: SALES - _cost_to_serve(),
                "That starts from sales. The goods have to be paid first: start from gross profit.",
            ),
            Mistake(
                lambda: GROSS_PROFIT - _by_sales(_activity_costs().sum()),
                "That takes off costs spread by sales. Take off what each customer caused.",
            ),
            Mistake(
                lambda: GROSS_PROFIT - _cost_to_serve(_in_use()),
                "The cost of idle capacity is in it: these are unit costs by use. It is nobody's.",
            ),
            Mistake(
                lambda: (
                    GROSS_PROFIT - _cost_to_serve() - _by_sales(POOLS["rent and management", None])
                ),
                "Rent and management are taken off as well. No customer causes them: they are "
                "paid from the profits of all three together.",
            ),
        ),
        look_again="Sales less cost of the goods is gross profit; take off the cost to serve.",
    ),
    Question(
        name="clp.costs.4",
        kind=Number("yuan"),
        answer=lambda: (GROSS_PROFIT - _by_sales(_activity_costs().sum()))[SHOP],
        mistakes=(
            Mistake(
                lambda: (GROSS_PROFIT - _by_sales(sum(POOLS.values())))[SHOP],
                "Rent and management are spread too. The old report spread the cost of the four "
                "activities only.",
            ),
            Mistake(
                lambda: (GROSS_PROFIT - _by_sales(_cost_to_serve().sum()))[SHOP],
                "You spread what was charged by use. The old report knows nothing of idle "
                "capacity: it spread the whole cost of the four activities.",
            ),
            Mistake(
                lambda: GROSS_PROFIT[SHOP] - _activity_costs().sum() / len(CUSTOMERS),
                "That gives everybody the same. It was spread in proportion to sales.",
            ),
            Mistake(
                lambda: (SALES - _by_sales(_activity_costs().sum()))[SHOP],
                "That starts from sales. The goods have to be paid first.",
            ),
        ),
        look_again="Which customer is below zero in your answer before? What part of the sales of "
        "all is its own? That part of the cost of the four activities it was charged with.",
    ),
    Question(
        name="clp.costs.5",
        kind=Number("yuan"),
        answer=lambda: _unused().sum(),
        mistakes=(
            Mistake(
                lambda: sum(POOLS.values()) - _cost_to_serve().sum(),
                "That is everything the three were not charged with. One part of it is no capacity "
                "of an activity.",
            ),
            Mistake(
                lambda: _unused()[0],
                "Those are the idle hours of visits. Other activities had idle capacity too.",
            ),
            Mistake(
                lambda: ((CAPACITY - _in_use()) * _activity_costs() / _in_use()).sum(),
                "The idle hours and pieces are right, but valued at unit costs by use. Those are "
                "too high: use the unit costs the customers were charged with.",
            ),
        ),
        look_again="The cost of the four activities less what the three were charged with; or the "
        "idle hours and pieces of each activity times its unit cost.",
    ),
    Question(
        name="clp.costs.6",
        kind=Number("yuan an order"),
        answer=lambda: _break_even(USE[SHOP, 1]),
        mistakes=(
            Mistake(
                lambda: _break_even(USE[SHOP, 1]) * _margin(),
                "That is the work for an order. Of what the shop pays only the margin is there to "
                "cover it.",
            ),
            Mistake(
                lambda: _break_even(USE[SHOP, 3]),
                "That is by delivery. An order of the shop comes in more than one delivery.",
            ),
            Mistake(
                lambda: _break_even(1.0),
                "Those are the sales of a whole year. How many orders are they?",
            ),
            Mistake(
                lambda: _break_even(USE[SHOP, 1]) - SALES[SHOP] / USE[SHOP, 1],
                "That is how much more than now. Asked is the whole order.",
            ),
        ),
        look_again="Cost to serve an order, divided by the margin as a fraction of the amount.",
    ),
    Question(
        name="clp.costs.7",
        kind=Share("the profit of all customers", within=0.002),
        answer=_peak,
        mistakes=(
            Mistake(
                lambda: _peak("gross_profit"),
                "Your curve never falls, so no customer is below zero: that is gross profit, or "
                "the cost is spread by sales. Take off what serving each customer cost.",
            ),
            Mistake(
                _customers_at_the_peak,
                "That is the share of the customers at the peak. Asked is the profit there.",
            ),
            Mistake(
                lambda: _peak() - 1,
                "That is how far the peak lies above the end. Asked is the peak itself.",
            ),
            Mistake(
                lambda: _peak(order="revenue"),
                "Your customers stand in the order of their sales. The curve wants the most "
                "profitable first.",
            ),
        ),
        look_again="Costs by activity_costs, profits by customer_profit with cost='cost', then "
        "whale_curve: the largest of its column profit_share.",
    ),
)


class _Leaver(NamedTuple):
    """The one customer that left, as the notebook gives it: years, and yuan a year."""

    years: int = 4
    expected_years: int = 9
    won_for: float = 900.0
    served_for: float = 250.0
    brought: float = 1_400.0

    @property
    def years_to_come(self) -> int:
        return self.expected_years - self.years

    @property
    def cost_to_date(self) -> float:
        return self.won_for + self.years * self.served_for

    def loss(self, cost_to_date: float) -> float:
        whole, came = self.expected_years * self.brought, self.years * self.brought
        return float(clp.churn_loss(cost_to_date, whole, came))

    def to_come(self, a_year: float, rate: float, when: When = "end") -> float:
        return float(clp.present_value(np.full(self.years_to_come, a_year), rate, when))


LEAVER = _Leaver()
KEPT_FOR = LEAVER.brought - LEAVER.served_for  # yuan a year, after serving it
YEARLY_RATE = 0.10

# The group: each customer brings this much a year, after serving it.
GROUP, PROFIT, RETENTION, RAISED, YEARS = 2_000, 600.0, 0.75, 0.80, 5


def _value(retention: float = RETENTION, *, rate: float = YEARLY_RATE, when: When = "end") -> float:
    """Value of one customer of the group: it surely stays for the first year."""
    return clp.retained_value(retention, PROFIT, rate, periods=YEARS, when=when)


def _of_group(value: float, share: float = 1 - RETENTION) -> float:
    return clp.churn_loss_of_group(GROUP, share, value)


def _gain() -> float:
    return _value(RAISED) - _value()


@functools.cache
def _one_point(points: float = 0.01) -> pd.Series:
    """Gain in per cent of keeping more, on the example company, by model and what those kept bring.

    The gain itself does not hang on the resamples, which are for its interval.
    """
    stake = clp.customers_at_stake(clp.profit_history(_sales(), cost="cost"))
    gain = clp.retention_gain(
        stake, rate=0.0125, periods=24, points=points, replicates=2, seed=1
    ).set_index(["model", "kept_bring"])
    return gain["gain_percent"]


CHURN_LOSS = (
    Question(
        name="clp.churn_loss.1",
        kind=Number("yuan"),
        answer=lambda: LEAVER.loss(LEAVER.cost_to_date),
        mistakes=(
            Mistake(
                lambda: LEAVER.loss(0.0),
                "That is what was still to come. The course's formula counts also what was spent "
                "on the customer until it left.",
            ),
            Mistake(
                lambda: LEAVER.cost_to_date + LEAVER.expected_years * LEAVER.brought,
                "That counts the whole lifetime value as lost. Part of it came before it left.",
            ),
            Mistake(
                lambda: LEAVER.loss(LEAVER.won_for),
                "The cost of serving the customer in the years it stayed is not in it.",
            ),
            Mistake(
                lambda: LEAVER.loss(LEAVER.cost_to_date - LEAVER.won_for),
                "The cost of winning the customer is not in it.",
            ),
        ),
        look_again="Three parts: what was spent on it so far, what it was to bring in all, what "
        "it had brought. How do they go together?",
    ),
    Question(
        name="clp.churn_loss.2",
        kind=Number("yuan"),
        answer=lambda: LEAVER.to_come(KEPT_FOR, YEARLY_RATE),
        mistakes=(
            Mistake(
                lambda: LEAVER.to_come(KEPT_FOR, 0.0),
                "That is the plain sum. Money of later years is worth less today: discount it.",
            ),
            Mistake(
                lambda: LEAVER.to_come(KEPT_FOR, YEARLY_RATE, "start"),
                "That counts profit at the start of each year. It comes at the end: the first "
                "year is discounted once.",
            ),
            Mistake(
                lambda: LEAVER.to_come(LEAVER.brought, YEARLY_RATE),
                "Who is kept has to be served in these years too: take that off what it brings.",
            ),
            Mistake(
                lambda: LEAVER.to_come(KEPT_FOR, YEARLY_RATE) + LEAVER.cost_to_date,
                "What was spent so far is in it. It is gone whether the customer stays or not, so "
                "it says nothing about what keeping it is worth.",
            ),
        ),
        look_again="What does the customer leave a year once it is served, for how many years to "
        "come, and what is that today?",
    ),
    Question(
        name="clp.churn_loss.3",
        kind=Number("yuan"),
        answer=_value,
        mistakes=(
            Mistake(
                lambda: RETENTION * _value(),
                "Churn is applied a year early: everybody stays for the first year, and only from "
                "the second on some are missing.",
            ),
            Mistake(
                lambda: _value(when="start"),
                "That counts profit at the start of each year. It comes at the end: the first "
                "year is discounted once.",
            ),
            Mistake(
                lambda: _value(rate=0.0),
                "That is the plain sum, nominal. Discount each year to its present value.",
            ),
            Mistake(
                lambda: _value(1.0),
                "In that nobody leaves. What is the chance that the customer is still there in the "
                "second year, in the third, and so on?",
            ),
        ),
        look_again="Of each year three things: the chance that the customer is still there, what "
        "it brings, and what a yuan of that year is worth today.",
    ),
    Question(
        name="clp.churn_loss.4",
        kind=Number("yuan"),
        answer=lambda: _of_group(_value()),
        mistakes=(
            Mistake(
                lambda: _of_group(_value(), RETENTION),
                "That is the value of those who stay. How many leave?",
            ),
            Mistake(
                lambda: _of_group(_value(1.0)),
                "The value is that of customers who never leave. Those who left would have left "
                "later, some of them: take the value you worked out before.",
            ),
            Mistake(
                lambda: _of_group(_value(rate=0.0)),
                "The value is nominal: discount it.",
            ),
            Mistake(
                lambda: _of_group(RETENTION * _value()),
                "The value has churn applied a year early, see the question before.",
            ),
        ),
        look_again="How many customers leave in the year, times what each would still have brought "
        "had it stayed.",
    ),
    Question(
        name="clp.churn_loss.5",
        kind=Number("yuan"),
        answer=lambda: PROFIT * RETENTION / (1 + YEARLY_RATE - RETENTION),
        mistakes=(
            Mistake(
                lambda: PROFIT / (1 - RETENTION),
                "That is the mean lifetime times the profit of a year: every yuan counts in full "
                "however late it comes, and the first year as sure.",
            ),
            Mistake(
                lambda: PROFIT * RETENTION / (1 - RETENTION),
                "The chances to stay are right, but nothing is discounted.",
            ),
            Mistake(
                lambda: PROFIT / (1 + YEARLY_RATE - RETENTION),
                "The first year is counted as sure. This customer may leave before it pays for "
                "the first time.",
            ),
            Mistake(
                lambda: PROFIT * (1 + YEARLY_RATE) / (1 + YEARLY_RATE - RETENTION),
                "That has the first profit today and for sure. It comes at the end of the first "
                "year, if the customer stays.",
            ),
        ),
        look_again="Write the first three years down: chance to be there times profit, discounted. "
        "By what is each year multiplied to give the next? Then add for ever.",
    ),
    Question(
        name="clp.churn_loss.6",
        kind=Number("yuan a customer and year"),
        answer=lambda: PROFIT * _gain() / _value(RAISED),
        mistakes=(
            Mistake(
                _gain,
                "That may be spent once on each customer. Spread it over the years for which the "
                "programme is paid.",
            ),
            Mistake(
                lambda: _gain() / YEARS,
                "That takes it as paid for everybody in every year, and not discounted. Who has "
                "left costs no more, and a later yuan weighs less.",
            ),
            Mistake(
                lambda: PROFIT * _gain() / _value(),
                "The years are those at today's retention. With the programme more customers stay, "
                "and the programme is paid for them too.",
            ),
            Mistake(
                lambda: PROFIT * _gain() / _value(RAISED, rate=0.0),
                "The gain is in today's money, the years it is paid for are not: discount them "
                "in the same way.",
            ),
        ),
        look_again="The value with the programme less that without, divided by the years a "
        "customer is there with the programme, each discounted as profit is.",
    ),
    Question(
        name="clp.churn_loss.7",
        kind=Number("per cent", within=0.025),
        answer=lambda: _one_point()["constant", "as the others"],
        mistakes=(
            Mistake(
                lambda: _one_point(0.05)["constant", "as the others"],
                "That is for five of 100 more, which is what retention_gain takes unless told "
                "otherwise. Say points=.",
            ),
            Mistake(
                lambda: _one_point()["by tenure", "as the others"],
                "That is with retention by tenure. Asked is the row of constant retention.",
            ),
            Mistake(
                lambda: _one_point()["constant", "as those lost"],
                "That is if those kept bring what those lost did. Asked is as the others.",
            ),
            Mistake(
                lambda: _one_point()["constant", "as the others"] / 100,
                "That is a fraction. Here per cent are wanted, as in the column gain_percent.",
            ),
        ),
        look_again="retention_gain with rate=0.0125, periods=24 and points=0.01, then the column "
        "gain_percent of the first row.",
    ),
)

QUESTIONS: tuple[Question, ...] = COSTS + CHURN_LOSS
