"""Questions of the exercises on customer lifetime profit."""

from crmlib.exercises.clp import cases, churn_loss, costs, dwyer, migration, tau
from crmlib.exercises.questions import Question

QUESTIONS: tuple[Question, ...] = (
    *cases.QUESTIONS,
    *tau.QUESTIONS,
    *dwyer.QUESTIONS,
    *migration.QUESTIONS,
    *costs.QUESTIONS,
    *churn_loss.QUESTIONS,
)
