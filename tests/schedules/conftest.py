"""Throw-away notebooks for schedules: the fixtures of the reports' tests."""

from tests.report.conftest import plain_pdf, workbook

__all__ = ["plain_pdf", "workbook"]
