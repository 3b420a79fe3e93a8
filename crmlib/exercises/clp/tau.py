"""Questions on τ, the pace at which a customer's growth slows."""

import numpy as np
from numpy.typing import ArrayLike

from crmlib import clp
from crmlib.clp.discounting import Array, When
from crmlib.exercises.clp.cases import RATE, profits_a, worth
from crmlib.exercises.clp.given import YUAN_OF_FIVE_YEARS
from crmlib.exercises.kinds import Number, Several, Share
from crmlib.exercises.questions import Mistake, Question


def _gained(since_the_turn: ArrayLike, tau: float = 1.0) -> Array:
    """Share of N that is gained."""
    return clp.life_cycle_curve(since_the_turn, h1=0, v=0, g1=0, N=1, tau=tau)


def _weeks_until(share: float, quarter: float = 13.0) -> list[float]:
    """Weeks until a share of N is gained with τ of one week, and of one quarter."""
    periods = -np.log(1 - share)
    return [float(periods), float(periods * quarter)]


def _late_bloomer(tau: float) -> Array:
    """A customer that has most of its growth still to come, as the notebook has it."""
    return clp.life_cycle_curve(np.arange(25, 85), h1=0, v=5.00, g1=24, N=15.00, tau=tau)


def _lower_by(of: int = 0, rate: float = RATE) -> list[float]:
    """By what share τ = 12 lowers the value of two customers; `of` 1 takes it of the lower."""
    shares = []
    for profits in (profits_a, _late_bloomer):
        values = [worth(profits(tau), rate) for tau in (1.0, 12.0)]
        shares.append((values[0] - values[1]) / values[of])
    return shares


def _slower(rate: float = RATE, when: When = "end") -> list[float]:
    """Case (a) with τ = 3 and 12."""
    return [worth(profits_a(tau), rate, when) for tau in (3.0, 12.0)]


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="clp.tau.1",
        kind=Several(Share("N", within=0.005), ("after one period", "after five periods")),
        answer=lambda: _gained([1, 5]),
        mistakes=(
            Mistake(
                lambda: 1 - 0.5 ** np.array([1, 5]),
                "That halves the gap in every period. The gap shrinks by the factor e, not by two.",
            ),
            Mistake(
                lambda: _gained([0, 4]),
                "That is one period short: count the periods that have passed since the turn.",
            ),
            Mistake(
                lambda: _gained([2, 6]),
                "That is one period too many: at the turn itself nothing has passed yet.",
            ),
            Mistake(
                lambda: [1 / 5, 1.0],
                "That is a straight line. Slow growth takes large steps first, then smaller ones.",
            ),
        ),
        look_again="The share gained is what stands in the brackets of P₂.",
    ),
    Question(
        name="clp.tau.2",
        kind=Share("N", within=0.005),
        answer=lambda: float(_gained(3, tau=3)),
        mistakes=(
            Mistake(
                lambda: float(_gained(3)),
                "That leaves τ out, as the textbook does. Divide the time since the turn by τ.",
            ),
            Mistake(
                lambda: float(_gained(3, tau=1 / 3)),
                "That multiplies by τ. A larger τ means slower growth: divide.",
            ),
            Mistake(
                lambda: 0.5,
                "τ is no half-life: after τ periods more than a half is gained.",
            ),
            Mistake(
                lambda: float(_gained(3)) / 3,
                "That divides the whole share by τ. Only the time in the exponent is divided.",
            ),
        ),
        look_again="Work out the exponent first: time since the turn, divided by τ.",
    ),
    Question(
        name="clp.tau.3",
        kind=Several(Number("weeks", within=0.15), ("periods are weeks", "periods are quarters")),
        answer=lambda: _weeks_until(0.99),
        mistakes=(
            Mistake(
                lambda: _weeks_until(0.99, quarter=1),
                "The second is in quarters. It is asked in weeks.",
            ),
            Mistake(
                lambda: _weeks_until(0.99, quarter=3),
                "The second is in months. It is asked in weeks.",
            ),
            Mistake(
                lambda: _weeks_until(0.99, quarter=12),
                "Months are longer than four weeks: use the weeks of a quarter that are given.",
            ),
            Mistake(
                lambda: [5.0, 65.0],
                "That is the rule of thumb. Solve for the time: the share still missing is the "
                "exponential, so its natural logarithm is minus the time.",
            ),
        ),
        look_again="What is still missing is one minus the share. Set it equal to the exponential "
        "and take the natural logarithm.",
    ),
    Question(
        name="clp.tau.4",
        kind=Several(Number("periods", within=0.1), ("in weeks", "in quarters")),
        answer=lambda: [6 * 52 / 12, 6 / 3],
        mistakes=(
            Mistake(
                lambda: [6.0, 6.0],
                "The customer's pace is the same, the unit is another. Half a year is not the "
                "same number of weeks, of months and of quarters.",
            ),
            Mistake(
                lambda: [6 * 12 / 52, 6 * 3.0],
                "The other way round: shorter periods, more of them.",
            ),
            Mistake(
                lambda: [6 * 4.0, 6 / 3],
                "A month is longer than four weeks: a year has fifty-two.",
            ),
            Mistake(
                lambda: [1.0, 1.0],
                "That is the textbook's, whatever a period is. Here the pace is known.",
            ),
        ),
        look_again="τ is a length of time. Write that length in each of the two units.",
    ),
    Question(
        name="clp.tau.5",
        kind=Several(YUAN_OF_FIVE_YEARS, ("τ = 3", "τ = 12")),
        answer=_slower,
        mistakes=(
            Mistake(
                lambda: _slower(when="start"),
                "Those are the values with profit at the start of each month. It is asked at the "
                "end.",
            ),
            Mistake(
                lambda: [worth(profits_a(1 / tau)) for tau in (3.0, 12.0)],
                "That multiplies the time by τ, so growth became quicker. Divide.",
            ),
            Mistake(
                lambda: [worth(profits_a())] * 2,
                "Both are with τ left at the textbook's. Give tau to the curve.",
            ),
            Mistake(
                lambda: _slower(rate=0),
                "Those are the plain sums: discount each month.",
            ),
        ),
        look_again="Everything is as in case (a) of the first exercise, but for τ.",
    ),
    Question(
        name="clp.tau.6",
        kind=Several(Share("the value with τ = 1", within=0.002), ("case a", "late bloomer")),
        answer=_lower_by,
        mistakes=(
            Mistake(
                lambda: _lower_by(of=1),
                "That is a share of the lower value. It is asked as a share of the value with the "
                "textbook's τ.",
            ),
            Mistake(
                lambda: _lower_by(rate=0),
                "Those are shares of plain sums: discount each month.",
            ),
        ),
        look_again="For each customer: the value with each τ, their difference, divided by the "
        "value with the textbook's τ.",
    ),
)
