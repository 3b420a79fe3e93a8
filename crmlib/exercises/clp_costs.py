"""Questions of the exercises on activity-based costs and churn loss."""

from crmlib.exercises.questions import Question

QUESTIONS: tuple[Question, ...] = ()
