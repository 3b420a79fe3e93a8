"""Helper library of the research workbook for customer relationship management."""

__version__ = "0.1.0"
