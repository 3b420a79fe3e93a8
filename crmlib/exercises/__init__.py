"""Exercises of the course: answers checked on the spot, and progress so far."""

from crmlib.exercises.checking import Verdict, check, progress

__all__ = ["Verdict", "check", "progress"]
