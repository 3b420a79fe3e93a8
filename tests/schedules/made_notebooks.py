"""Notebooks for schedules to name: only their parameters cells matter here."""

import json
from pathlib import Path

from crmlib.report.notebooks import Notebook, find_notebooks

PARAMETERS = {
    "segmentation/value": (
        'source: str = "orders.csv"  # the purchases\n'
        'region: str = "all"\n'
        "margin_rate: float | None = None\n"
        'period: Literal["week", "month"] = "month"\n'
        "columns: dict[str, str] = {}\n"
        "cuts: list[int] = []\n"
        "seed: int = 1\n"
    ),
    "clp/costs": 'observed_until: str | None = None\nsource: str = "sqlite:///a.db#${CRM_DEFAULT}"',
    "clp/broken": "first = 1\nsecond: date = 2",
}


def write_notebooks(folder: Path) -> dict[str, Notebook]:
    for name, source in PARAMETERS.items():
        cell = {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"tags": ["parameters"]},
            "outputs": [],
            "source": source,
        }
        content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    return find_notebooks(folder)
