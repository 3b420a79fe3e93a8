"""Questions of the exercises on satisfaction."""

from crmlib.exercises.questions import Question
from crmlib.exercises.satisfaction import components, kano, pcr, priorities

QUESTIONS: tuple[Question, ...] = (
    *pcr.QUESTIONS,
    *components.QUESTIONS,
    *priorities.QUESTIONS,
    *kano.QUESTIONS,
)
