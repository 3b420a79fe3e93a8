"""Questions of the exercises on life-cycle curves, Dwyer's subscribers and migration."""

from crmlib import clp
from crmlib.exercises.kinds import Number
from crmlib.exercises.questions import Mistake, Question

RATE = 0.0125  # a month, as in the course


def _case_a(months: range = range(19, 79), *, when: str = "end", rate: float = RATE) -> float:
    profits = clp.life_cycle_curve(months, h1=0.025, v=3.40, g1=24, N=2.20)
    return clp.present_value(profits, rate, when)


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="clp.cases.1",
        kind=Number("yuan", within=0.005),
        answer=lambda: _case_a(),
        mistakes=(
            Mistake(
                lambda: _case_a(when="start"),
                "That counts profit at the start of each month. It is asked at the end: the first "
                "month ahead is discounted once.",
            ),
            Mistake(
                lambda: _case_a(rate=0),
                "That is the plain sum. Money that comes later is worth less: discount it.",
            ),
        ),
        look_again="Work out the profit of each month first, then what each is worth today.",
    ),
)
