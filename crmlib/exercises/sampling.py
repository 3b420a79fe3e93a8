"""Questions of the exercises on sampling."""

from crmlib.exercises.questions import Question

QUESTIONS: tuple[Question, ...] = ()
