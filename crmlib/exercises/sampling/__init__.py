"""Questions of the exercises on sampling."""

from crmlib.exercises.questions import Question
from crmlib.exercises.sampling import clusters, size, stratified

QUESTIONS: tuple[Question, ...] = (
    *size.QUESTIONS,
    *stratified.QUESTIONS,
    *clusters.QUESTIONS,
)
