"""What reports ask of transactions, each as a call that gives one table."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from crmlib import clp, segmentation, tables

AS_OF = "2025-11-30"

TABLES: dict[str, Callable[[Any], pd.DataFrame]] = {
    "what each customer bought": lambda rows: (
        segmentation.customer_totals(rows, cost="cost", order="order_id", since="2024-02-01").table
    ),
    "RFM scores": lambda rows: (
        segmentation.rfm_scores(segmentation.rfm(rows, as_of=AS_OF, order="order_id")).table
    ),
    "RFM scores by rank": lambda rows: (
        segmentation.rfm_scores(segmentation.rfm(rows, as_of=AS_OF), rule="rank").table
    ),
    "deciles": lambda rows: (
        segmentation.deciles(segmentation.customer_totals(rows, cost="cost").table, "profit").table
    ),
    "profitable classes": lambda rows: segmentation.profitable_classes(rows, cost="cost").customers,
    "price-only buyers": lambda rows: (
        segmentation.relationship_or_transaction(rows, cost="cost", order="order_id").customers
    ),
    "margins of lines": lambda rows: segmentation.line_margins(rows, cost="cost"),
    "behaviour": lambda rows: (
        segmentation.behaviour_features(
            rows, as_of=AS_OF, order="order_id", discount="discount", item="product_line"
        ).table
    ),
    "rhythm": lambda rows: segmentation.buying_rhythm(rows, as_of=AS_OF),
    "cube": lambda rows: (
        segmentation.cube(
            rows, ["product_line"], ["revenue", "profit"], time="quarter", cost="cost"
        ).table
    ),
    "baskets": lambda rows: tables.as_frame(tables.baskets_of(rows)).sort_values(
        ["basket_id", "item"]
    ),
    "sequence rules": lambda rows: segmentation.sequence_rules(rows).table,
    "life-cycle histories": lambda rows: clp.profit_history(rows, cost="cost").table,
    "purchases of the forecasting models": lambda rows: (
        clp.purchase_summary(rows, cost="cost").table
    ),
    "rows that are repeated": clp.repeated_rows,
}
