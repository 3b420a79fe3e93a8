"""Questions of the exercises on segmentation."""

from crmlib.exercises.questions import Question

QUESTIONS: tuple[Question, ...] = ()
