"""What reports ask of transactions, each as a call that gives one table in a fixed order."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from crmlib import clp, segmentation

TABLES: dict[str, Callable[[Any], pd.DataFrame]] = {
    "what each customer bought": lambda rows: (
        segmentation.customer_totals(rows, cost="cost", order="order_id", since="2024-02-01").table
    ),
    "life-cycle histories": lambda rows: clp.profit_history(rows, cost="cost").table,
    "purchases of the forecasting models": lambda rows: (
        clp.purchase_summary(rows, cost="cost").table
    ),
    "rows that are repeated": clp.repeated_rows,
}
