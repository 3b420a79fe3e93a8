"""Questions on activity-based costs: what customers leave after they are served."""

import functools

import numpy as np
import pandas as pd

from crmlib import clp, tables
from crmlib.clp.discounting import Array
from crmlib.exercises.clp.given import sales
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
def _profit_of_customers() -> pd.DataFrame:
    """Each customer of the example company after the cost of serving it."""
    done = tables.read("data/activities.csv", kind="activities")
    ledger = tables.read("data/ledger.csv", kind="cost_pools")
    return clp.customer_profit(sales(), clp.activity_costs(done, ledger), cost="cost").table


def _peak(profit: str = "profit", order: str | None = None) -> float:
    """Highest point of the profit added up, the largest by a column first, as a share of all."""
    added = _profit_of_customers().sort_values(order or profit, ascending=False)[profit].cumsum()
    return float(added.max() / added.iloc[-1])


def _customers_at_the_peak() -> float:
    return float((_profit_of_customers()["profit"] > 0).mean())


QUESTIONS: tuple[Question, ...] = (
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
