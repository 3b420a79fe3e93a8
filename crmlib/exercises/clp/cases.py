"""Questions on life-cycle curves: the three cases of the course."""

import numpy as np
from numpy.typing import ArrayLike

from crmlib import clp
from crmlib.clp.discounting import Array, When
from crmlib.exercises.clp.given import YUAN, YUAN_OF_FIVE_YEARS
from crmlib.exercises.kinds import Number, Several
from crmlib.exercises.questions import Mistake, Question

# The three cases of the course: yuan, months since the first purchase, the rate a month.
RATE = 0.0125
CASE_A = {"h1": 0.025, "v": 3.40, "g1": 24, "N": 2.20}
CASE_B = {"h1": 0.0, "v": 6.80, "g1": 12, "N": 3.20}
CASE_C = {"h1": 0.0, "v": 12.00, "g2": 34, "h2": 0.25}
MONTHS_A, MONTHS_B, MONTHS_C = np.arange(19, 79), np.arange(15, 75), np.arange(37, 42)


def profits_a(tau: float = 1.0) -> Array:
    """Profit of case (a) in each of its sixty months."""
    return clp.life_cycle_curve(MONTHS_A, **CASE_A, tau=tau)


def _profits_b() -> Array:
    return clp.life_cycle_curve(MONTHS_B, **CASE_B)


def _profits_c(months: ArrayLike = MONTHS_C) -> Array:
    return clp.life_cycle_curve(months, **CASE_C)


def worth(profits: Array, rate: float = RATE, when: When = "end") -> float:
    """What the profits of the months to come are worth today."""
    return float(clp.present_value(profits, rate, when))


def _growing_a(months: ArrayLike) -> Array:
    """Formation of case (a), as if it went on beyond the turn."""
    return clp.life_cycle_curve(months, h1=CASE_A["h1"], v=CASE_A["v"])


def _at_the_turn() -> float:
    return float(_growing_a(CASE_A["g1"]))


def _both(when: When, factor: float = 1.0) -> list[float]:
    """Cases (a) and (b) together."""
    return [factor * worth(profits, when=when) for profits in (profits_a(), _profits_b())]


def _with_and_without(rate: float = RATE, when: When = "end") -> list[float]:
    """Case (c) with its last month, and without."""
    return [worth(_profits_c(months), rate, when) for months in (MONTHS_C, MONTHS_C[:-1])]


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="clp.cases.1",
        kind=YUAN,
        answer=_at_the_turn,
        mistakes=(
            Mistake(
                lambda: CASE_A["h1"] * CASE_A["g1"] + CASE_A["v"],
                "The month is to be squared before it is multiplied by h₁.",
            ),
            Mistake(
                lambda: (CASE_A["h1"] * CASE_A["g1"]) ** 2 + CASE_A["v"],
                "That squares the product. Only the month is squared; h₁ is not.",
            ),
            Mistake(
                lambda: _at_the_turn() - CASE_A["v"],
                "That is what was gained since the start. The customer began with v: add it.",
            ),
            Mistake(
                lambda: _at_the_turn() + CASE_A["N"],
                "That is the limit after the turn. At the turn nothing of N is gained yet.",
            ),
        ),
        look_again="The turn is still formation: put its month into P₁.",
    ),
    Question(
        name="clp.cases.2",
        kind=Several(Number("yuan", within=0.02), ("month 25", "month 26")),
        answer=lambda: clp.life_cycle_curve([25, 26], **CASE_A),
        mistakes=(
            Mistake(
                lambda: _growing_a([25, 26]),
                "That goes on with formation. After the turn P₂ holds.",
            ),
            Mistake(
                lambda: _at_the_turn() + CASE_A["N"] * np.exp([-1.0, -2.0]),
                "The part of N that is gained grows with time. What you added shrinks: it is what "
                "is still missing.",
            ),
            Mistake(
                lambda: _at_the_turn() + CASE_A["N"] * -np.expm1([-25.0, -26.0]),
                "Slow growth begins at the turn: the exponent counts months since the turn, not "
                "since the first purchase.",
            ),
            Mistake(
                lambda: CASE_A["N"] * -np.expm1([-1.0, -2.0]),
                "That is what is gained after the turn. It comes on top of the profit at the turn.",
            ),
        ),
        look_again="P₂ is the profit at the turn and a share of N. Work out that share first.",
    ),
    Question(
        name="clp.cases.3",
        kind=YUAN_OF_FIVE_YEARS,
        answer=lambda: worth(profits_a()),
        mistakes=(
            Mistake(
                lambda: worth(profits_a(), when="start"),
                "That counts profit at the start of each month. It is asked at the end: the first "
                "month ahead is discounted once.",
            ),
            Mistake(
                lambda: worth(profits_a(), rate=0),
                "That is the plain sum. Money that comes later is worth less: discount it.",
            ),
            Mistake(
                lambda: float(profits_a() @ (1 + RATE) ** -MONTHS_A),
                "That discounts back to the first purchase. Today is the month before the first "
                "one that is counted: the exponent is one for that month.",
            ),
            Mistake(
                lambda: worth(_growing_a(MONTHS_A)),
                "That lets formation go on for all the months. Use P₂ after the turn.",
            ),
        ),
        look_again="Work out the profit of each month first, then what each is worth today. "
        "Both the first and the last month named are counted.",
    ),
    Question(
        name="clp.cases.4",
        kind=Number("yuan", within=0.12),
        answer=lambda: worth(_profits_b()),
        mistakes=(
            Mistake(
                lambda: worth(_profits_b(), when="start"),
                "That counts profit at the start of each month. It is asked at the end.",
            ),
            Mistake(
                lambda: worth(CASE_B["v"] + CASE_B["N"] * -np.expm1(-np.arange(1.0, 61))),
                "That starts slow growth with the first month you count. It started at the turn, "
                "so some of N is gained already.",
            ),
            Mistake(
                lambda: worth(np.full(60, CASE_B["v"] + CASE_B["N"])),
                "That takes all of N as gained from the first month on. Near the turn some is "
                "missing still.",
            ),
            Mistake(
                lambda: worth(np.full(60, CASE_B["v"])),
                "That stays at the profit of the turn. Add what is gained of N since.",
            ),
        ),
        look_again="P₁ at the turn is given, so no h₁ is needed: only P₂ is left.",
    ),
    Question(
        name="clp.cases.5",
        kind=Several(YUAN_OF_FIVE_YEARS, ("case a", "case b")),
        answer=lambda: _both("start"),
        mistakes=(
            Mistake(
                lambda: _both("end"),
                "Those are the values at the end of the month. Every payment now comes a month "
                "sooner.",
            ),
            Mistake(
                lambda: _both("end", 1 / (1 + RATE)),
                "That moves the money a month away. Money that comes sooner is worth more today.",
            ),
            Mistake(
                lambda: _both("end", (1 + RATE) ** 60),
                "That moves every payment by all the months looked ahead. Each comes only one "
                "month sooner.",
            ),
            Mistake(
                lambda: _both("end", 1 + 12 * RATE),
                "That moves every payment by a year. The rate is per month, and so is the move.",
            ),
        ),
        look_again="In every term of the sum the exponent is smaller by one: take that out as a "
        "factor.",
    ),
    Question(
        name="clp.cases.6",
        kind=Several(YUAN, tuple(f"month {month}" for month in MONTHS_C)),
        answer=_profits_c,
        mistakes=(
            Mistake(
                lambda: CASE_C["v"] - CASE_C["h2"] * np.arange(1, 6) ** 2.0,
                "That begins the decline with the first month you count. Count months since g₂.",
            ),
            Mistake(
                lambda: _profits_c(MONTHS_C - 1),
                "That is one month behind: at g₂ itself the time since g₂ is zero.",
            ),
            Mistake(
                lambda: CASE_C["v"] - CASE_C["h2"] * (MONTHS_C - CASE_C["g2"]),
                "That falls by the same amount every month. The time since g₂ is squared.",
            ),
            Mistake(
                lambda: np.maximum(_profits_c(), 0.0),
                "One of these was cut off at zero. Give what the formula says; what to do with "
                "it is decided later.",
            ),
        ),
        look_again="For each month: time since g₂, squared, times h₂; taken from u.",
    ),
    Question(
        name="clp.cases.7",
        kind=Several(YUAN, ("with the last month", "without the last month")),
        answer=_with_and_without,
        mistakes=(
            Mistake(
                lambda: _with_and_without(when="start"),
                "Those are the values with profit at the start of each month. It is asked at the "
                "end.",
            ),
            Mistake(
                lambda: _with_and_without(rate=0),
                "Those are the plain sums: discount each month.",
            ),
            Mistake(
                lambda: [worth(_profits_c()), worth(_profits_c()) - float(_profits_c()[-1])],
                "To leave a month out is to leave out what it is worth today, not what it brings "
                "then.",
            ),
            Mistake(
                lambda: [worth(_profits_c())] * 2,
                "Both are with the last month. Sum the other months alone as well.",
            ),
        ),
        look_again="The first of the months is discounted once, the next twice, and so on.",
    ),
)
