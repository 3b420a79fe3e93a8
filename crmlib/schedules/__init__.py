"""Scheduled runs: what a schedule file asks for, run unattended, looked back at."""
