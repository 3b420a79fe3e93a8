"""Questions of the exercises on customer lifetime profit."""

from crmlib.exercises import clp_cases, clp_costs
from crmlib.exercises.questions import Question

QUESTIONS: tuple[Question, ...] = (*clp_cases.QUESTIONS, *clp_costs.QUESTIONS)
