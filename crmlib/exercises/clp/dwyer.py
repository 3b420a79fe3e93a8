"""Questions on Dwyer's retention model: subscribers who renew or are lost."""

from collections.abc import Sequence

import numpy as np

from crmlib import clp
from crmlib.clp.discounting import Array, When
from crmlib.exercises.clp.given import YUAN, YUAN_TO_A_TENTH
from crmlib.exercises.kinds import Number, Several, Share
from crmlib.exercises.questions import Mistake, Question

# The subscribers: yuan and years. Winning one costs 10 beside the 20 that serving one costs.
SUBSCRIBERS, RENEWALS = 1_000, (0.7, 0.8)
FEE, SERVING, WINNING = 50, 20, 10
YEARLY_RATE, YEARS = 0.10, 4


def _subscribers(
    start: float = SUBSCRIBERS,
    retention: float | Sequence[float] = RENEWALS,
    cost: float | Sequence[float] = (SERVING + WINNING, SERVING),
    rate: float = YEARLY_RATE,
    when: When = "end",
) -> clp.DwyerRetention:
    return clp.dwyer_retention(start, retention, FEE, cost, rate, years=YEARS, when=when)


def _a_year_early() -> clp.DwyerRetention:
    """Retention applied in the first year already."""
    return _subscribers(SUBSCRIBERS * RENEWALS[0], RENEWALS[1])


def _each(group: clp.DwyerRetention) -> float:
    """Value of each of the subscribers at the start."""
    return group.value / SUBSCRIBERS


def _by_year(group: clp.DwyerRetention, column: str, first: int = 1) -> Array:
    return group.table[column].to_numpy(dtype=float)[first - 1 :]


def _in_two_years(group: clp.DwyerRetention) -> float:
    """Share of the value that the first two years bring."""
    return float(_by_year(group, "cumulative")[1]) / group.value


def _better_renewal(when: When = "end") -> float:
    """What five points more of first renewals are worth, each."""
    better = (RENEWALS[0] + 0.05, RENEWALS[1])
    return _each(_subscribers(retention=better, when=when)) - _each(_subscribers(when=when))


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="clp.dwyer.1",
        kind=Several(Number("subscribers", within=0.5), ("year 2", "year 3", "year 4")),
        answer=lambda: _by_year(_subscribers(), "customers", first=2),
        mistakes=(
            Mistake(
                lambda: _by_year(_a_year_early(), "customers", first=2),
                "That applies retention a year early: all subscribers are there in their first "
                "year, and the first renewal decides who is there in the next.",
            ),
            Mistake(
                lambda: _by_year(_subscribers(retention=RENEWALS[0]), "customers", first=2),
                "That uses the first renewal rate every year. Who has renewed once renews more "
                "readily: the rate rises.",
            ),
            Mistake(
                lambda: _by_year(_subscribers(retention=RENEWALS[1]), "customers", first=2),
                "That uses the later renewal rate every year. The first renewal is the hardest.",
            ),
            Mistake(
                lambda: SUBSCRIBERS * (RENEWALS[0] - (1 - RENEWALS[1]) * np.arange(3)),
                "That takes the same number away each year. The rate is of those still there, not "
                "of those at the start.",
            ),
        ),
        look_again="Each year is the year before times the share of it that renewed.",
    ),
    Question(
        name="clp.dwyer.2",
        kind=Several(
            Number("yuan", within=0.5), tuple(f"year {year}" for year in range(1, YEARS + 1))
        ),
        answer=lambda: _by_year(_subscribers(), "profit"),
        mistakes=(
            Mistake(
                lambda: _by_year(_subscribers(cost=SERVING), "profit"),
                "What it cost to win them is missing. It falls in the first year.",
            ),
            Mistake(
                lambda: _by_year(_subscribers(cost=SERVING + WINNING), "profit"),
                "That charges the cost of winning every year. A subscriber is won once.",
            ),
            Mistake(
                lambda: _by_year(_a_year_early(), "profit"),
                "That applies retention a year early, and charges the cost of winning for those "
                "only who stay. All pay, and all cost, in the first year.",
            ),
            Mistake(
                lambda: _by_year(_subscribers(), "revenue"),
                "That is revenue. Take off what it costs to win and to serve them.",
            ),
        ),
        look_again="For each year: subscribers times (fee less what one costs in that year).",
    ),
    Question(
        name="clp.dwyer.3",
        kind=YUAN_TO_A_TENTH,
        answer=lambda: _each(_subscribers()),
        mistakes=(
            Mistake(
                lambda: _each(_subscribers(when="start")),
                "That counts money at the start of each year. It is asked at the end: the first "
                "year is discounted as well.",
            ),
            Mistake(
                lambda: _each(_a_year_early()),
                "That applies retention a year early: in the first year all of them are there.",
            ),
            Mistake(
                lambda: _each(_subscribers(retention=RENEWALS[0])),
                "That uses the first renewal rate every year. It rises after the first renewal.",
            ),
            Mistake(
                lambda: _each(_subscribers(cost=SERVING)),
                "What it cost to win them is missing.",
            ),
        ),
        look_again="Discount the profit of each year, add up, and divide by the subscribers that "
        "were won.",
    ),
    Question(
        name="clp.dwyer.4",
        kind=YUAN_TO_A_TENTH,
        answer=lambda: _each(_subscribers(when="start")),
        mistakes=(
            Mistake(
                lambda: _each(_subscribers()),
                "That is the value with money at the end of each year.",
            ),
            Mistake(
                lambda: _each(_subscribers()) / (1 + YEARLY_RATE),
                "That moves the money a year away. Paid in advance it comes sooner.",
            ),
            Mistake(
                lambda: _each(_subscribers(rate=0)),
                "That does not discount at all. Only the first year needs none.",
            ),
            Mistake(
                lambda: _subscribers(when="start").value,
                "That is all of them together. It is asked for each of those at the start.",
            ),
        ),
        look_again="Every exponent is smaller by one than with money at the end of the year.",
    ),
    Question(
        name="clp.dwyer.5",
        kind=Share("the value"),
        answer=lambda: _in_two_years(_subscribers()),
        mistakes=(
            Mistake(
                lambda: _in_two_years(_subscribers(rate=0)),
                "That is the share of the plain profit. It is asked of the value: discount first.",
            ),
            Mistake(
                lambda: float(_by_year(_subscribers(), "cumulative")[0]) / _subscribers().value,
                "That is the first year alone. Add the one after it.",
            ),
            Mistake(
                lambda: _in_two_years(_subscribers(cost=SERVING)),
                "What it cost to win them is missing: it makes the first year worth less.",
            ),
            Mistake(
                lambda: _in_two_years(_a_year_early()),
                "That applies retention a year early: all of them are there in the first year.",
            ),
        ),
        look_again="Present value of the first two years, divided by that of all years.",
    ),
    Question(
        name="clp.dwyer.6",
        kind=YUAN,
        answer=_better_renewal,
        mistakes=(
            Mistake(
                lambda: _better_renewal("start"),
                "That counts money at the start of each year. It is asked at the end.",
            ),
            Mistake(
                lambda: _each(_subscribers()) * 0.05 / RENEWALS[0],
                "That makes every year larger. The first year is over before anybody renews.",
            ),
            Mistake(
                lambda: 0.05 * (FEE - SERVING) / (1 + YEARLY_RATE) ** 2,
                "That counts the year after the renewal alone. Of those kept, most stay longer.",
            ),
            Mistake(
                lambda: (
                    _each(_subscribers(retention=[r + 0.05 for r in RENEWALS]))
                    - _each(_subscribers())
                ),
                "That raises every renewal rate. Only the first one is raised.",
            ),
        ),
        look_again="Value with the better first renewal, less value without; each per subscriber "
        "at the start.",
    ),
)
