"""Notebooks as reports: parameters, headless runs, PDF, run record."""
