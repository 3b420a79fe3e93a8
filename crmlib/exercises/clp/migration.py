"""Questions on Dwyer's migration model: mail-order customers who pause and return."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from crmlib import clp
from crmlib.clp.discounting import Array
from crmlib.exercises.clp.given import YUAN_TO_A_TENTH
from crmlib.exercises.kinds import Number, Several, Share
from crmlib.exercises.questions import Mistake, Question

# Pfeifer and Carraway's customers: yuan and seasons.
BUYS = np.array([0.30, 0.20, 0.15, 0.05])
BRINGS, CATALOGUE, DEAR_CATALOGUE, SEASON_RATE = 40, 4, 5.50, 0.20


def _buyers(
    probabilities: ArrayLike = BUYS,
    cost: float = CATALOGUE,
    rate: float = SEASON_RATE,
    contribution: float = BRINGS,
) -> clp.DwyerMigration:
    """1,000 customers that have just bought, four seasons ahead."""
    return clp.dwyer_migration(probabilities, contribution, cost, rate, horizon=4, start=[1_000])


def _bought_in(seasons: Sequence[int], group: Callable[[], clp.DwyerMigration] = _buyers) -> Array:
    return group().cohort["buyers"].to_numpy(dtype=float)[list(seasons)]


def _standing_after(seasons: int) -> Array:
    """How many of the 1,000 are of each recency after so many seasons."""
    moved = np.linalg.matrix_power(_buyers().transition.to_numpy(dtype=float), seasons)
    return np.asarray(1_000 * moved[0], dtype=float)


def _in_four_seasons(group: clp.DwyerMigration) -> float:
    return float(group.cohort["cumulative"].iloc[-1]) / 1_000


def _never_dropped() -> clp.DwyerMigration:
    """As if silence had no effect: everybody buys with the probability of those who just did."""
    return _buyers(np.full(4, BUYS[0]))


def _mailed_on_order() -> float:
    """Value over four seasons when only those who have just bought are thought to cost."""
    profit = (BRINGS - CATALOGUE) * _bought_in(range(5))
    return float(clp.present_value(profit, SEASON_RATE, "start")) / 1_000


def _one_mailing_back(cost: float = DEAR_CATALOGUE) -> float:
    """Share of the mailed that must buy when only the next purchase counts."""
    return cost * (1 + SEASON_RATE) / BRINGS


def _worth_mailing() -> int:
    return _buyers(cost=DEAR_CATALOGUE).cut_off


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="clp.migration.1",
        kind=Number("customers", within=0.5),
        answer=lambda: float(_bought_in([2])[0]),
        mistakes=(
            Mistake(
                lambda: 1_000 * BUYS[0] ** 2,
                "That follows only those who bought both times. Some who skipped a season return.",
            ),
            Mistake(
                lambda: 1_000 * (1 - BUYS[0]) * BUYS[1],
                "That follows only those who skipped the season. Add those who bought in both.",
            ),
            Mistake(
                lambda: 1_000 * BUYS[0],
                "That takes silence to have no effect. Who skipped a season buys less readily.",
            ),
            Mistake(
                lambda: 1_000 * BUYS[1],
                "That takes all of them to have skipped the season between. Some bought in it.",
            ),
        ),
        look_again="Two branches of the tree end in a purchase in this season: add them.",
    ),
    Question(
        name="clp.migration.2",
        kind=Several(Number("customers", within=0.5), ("recency 1", "recency 2", "recency 3")),
        answer=lambda: _standing_after(2)[:3],
        mistakes=(
            Mistake(
                lambda: [*_bought_in([2, 1]), 1_000 - _bought_in([2, 1]).sum()],
                "The second counts all who bought a season ago, also those who have bought since. "
                "Count each customer by its last purchase only.",
            ),
            Mistake(
                lambda: _standing_after(1)[:3],
                "That is a season too early.",
            ),
            Mistake(
                lambda: _standing_after(3)[:3],
                "That is a season too late.",
            ),
        ),
        look_again="Every end of the tree has one recency: the time since its last purchase. "
        "All together are the thousand.",
    ),
    Question(
        name="clp.migration.3",
        kind=Several(Number("customers", within=0.5), ("season 3", "season 4")),
        answer=lambda: _bought_in([3, 4]),
        mistakes=(
            Mistake(
                lambda: 1_000 * BUYS[0] ** np.array([3, 4]),
                "That takes who skips a season to be lost for good, as a subscriber is. Here they "
                "return.",
            ),
            Mistake(
                lambda: _bought_in([3, 4], _never_dropped),
                "That takes silence to have no effect. Use the probability of each recency.",
            ),
            Mistake(
                lambda: _bought_in([3, 4], lambda: _buyers(BUYS[:3])),
                "Those of the last recency were forgotten: seldom as they buy, they are many.",
            ),
            Mistake(
                lambda: _bought_in([2, 3]),
                "That is a season too early: the purchase of today is in season zero.",
            ),
        ),
        look_again="Customers of each recency, times the probability of that recency, added up; "
        "then move everybody on to the next recency, buyers to the first.",
    ),
    Question(
        name="clp.migration.4",
        kind=YUAN_TO_A_TENTH,
        answer=lambda: _in_four_seasons(_buyers()),
        mistakes=(
            Mistake(
                lambda: _in_four_seasons(_buyers(cost=0)),
                "The catalogues are missing.",
            ),
            Mistake(
                _mailed_on_order,
                "That charges a catalogue for each order. One is sent to everybody who was not "
                "dropped, whether an order follows or not.",
            ),
            Mistake(
                lambda: _in_four_seasons(_buyers()) / (1 + SEASON_RATE),
                "That discounts the season of today as well. Season zero counts in full.",
            ),
            Mistake(
                lambda: _buyers().value[0],
                "That is the value for ever. It is asked up to a season: another column, or the "
                "last row of the cohort.",
            ),
        ),
        look_again="For each season: buyers times what an order brings, less catalogues sent. In "
        "the last season those of the end of the tree were dropped and get none.",
    ),
    Question(
        name="clp.migration.5",
        kind=Several(
            YUAN_TO_A_TENTH,
            tuple(f"recency {recency}" for recency in range(1, 5)),
        ),
        answer=lambda: _buyers().value[:4],
        mistakes=(
            Mistake(
                lambda: _buyers(rate=0).value[:4],
                "That does not discount: P is to be divided by one plus the rate.",
            ),
            Mistake(
                lambda: _buyers(cost=0).value[:4],
                "The catalogues are missing in R.",
            ),
            Mistake(
                lambda: _buyers().table["to_come"].to_numpy(),
                "That leaves out the order of today. R of the first recency holds it.",
            ),
            Mistake(
                lambda: _buyers().table["value_over_horizon"].to_numpy(),
                "That stops after some seasons. It is asked for ever.",
            ),
        ),
        look_again="Look at P: each row is a recency; who buys goes to the first column, who does "
        "not goes one to the right, and the last row stays where it is.",
    ),
    Question(
        name="clp.migration.6",
        kind=Share("those mailed"),
        answer=_one_mailing_back,
        mistakes=(
            Mistake(
                lambda: DEAR_CATALOGUE / BRINGS,
                "The catalogue is paid now, the order comes a season later: discount the order.",
            ),
            Mistake(
                lambda: DEAR_CATALOGUE / BRINGS / (1 + SEASON_RATE),
                "Discounting makes the order worth less, so more of them must buy, not fewer.",
            ),
            Mistake(
                lambda: _one_mailing_back(CATALOGUE),
                "That is with the old catalogue. The new one is dearer.",
            ),
            Mistake(
                lambda: DEAR_CATALOGUE / (BRINGS - DEAR_CATALOGUE),
                "The catalogue is paid for all who are mailed, not only for those who buy; and "
                "the order comes a season later.",
            ),
        ),
        look_again="Cost of one catalogue on one side; probability times the discounted order on "
        "the other.",
    ),
    Question(
        name="clp.migration.7",
        kind=Number("seasons, the recency", within=0),
        answer=_worth_mailing,
        mistakes=(
            Mistake(
                lambda: int((_one_mailing_back() < BUYS).sum()),
                "That counts the next order alone, or takes everybody to be mailed afterwards. "
                "Who orders is of the first recency again and orders more; and who does not need "
                "not be mailed again.",
            ),
            Mistake(
                lambda: _worth_mailing() + 1,
                "That is one that does not pay any more, or mailing everybody. It is asked for "
                "the last one that pays.",
            ),
        ),
        look_again="Try each: mail up to this recency and no further, and see what a customer who "
        "has just bought is worth then. The best is the answer.",
    ),
)
