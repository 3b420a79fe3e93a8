"""Questions of the exercises on satisfaction."""

from crmlib.exercises.questions import Question

QUESTIONS: tuple[Question, ...] = ()
