"""Questions of the exercises on segmentation."""

from crmlib.exercises.questions import Question
from crmlib.exercises.segmentation import deciles, offers, value_matrix

QUESTIONS: tuple[Question, ...] = (
    *deciles.QUESTIONS,
    *value_matrix.QUESTIONS,
    *offers.QUESTIONS,
)
