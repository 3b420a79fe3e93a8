"""Questions on churn loss: what a customer that left would have brought."""

import functools
from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlib import clp
from crmlib.clp.discounting import When
from crmlib.exercises.clp.given import sales
from crmlib.exercises.kinds import Number
from crmlib.exercises.questions import Mistake, Question


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
    stake = clp.customers_at_stake(clp.profit_history(sales(), cost="cost"))
    gain = clp.retention_gain(
        stake, rate=0.0125, periods=24, points=points, replicates=2, seed=1
    ).set_index(["model", "kept_bring"])
    return gain["gain_percent"]


QUESTIONS: tuple[Question, ...] = (
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
