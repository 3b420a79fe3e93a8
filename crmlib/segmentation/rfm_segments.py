"""The named segments of recency, frequency and monetary scores from 1 to 5."""

from typing import Any

import numpy as np
import pandas as pd

from crmlib.columns import Codes, column_of, numbers_of

SEGMENT_BOUNDS = pd.DataFrame(
    [
        ("Champions", 5, 5, 5, 5, 5, 5),
        ("Potential Loyalist", 3, 5, 3, 5, 2, 5),
        ("Loyal Customers", 2, 4, 2, 4, 2, 4),
        ("Promising", 3, 4, 1, 3, 3, 5),
        ("New Customers", 4, 5, 1, 3, 1, 5),
        ("Can't Lose Them", 1, 2, 3, 4, 4, 5),
        ("At Risk", 1, 2, 2, 5, 4, 5),
        ("Need Attention", 1, 3, 3, 5, 3, 5),
        ("About To Sleep", 2, 3, 1, 3, 1, 4),
        ("Lost", 1, 1, 1, 5, 1, 5),
    ],
    columns=[
        "segment",
        "recency_from",
        "recency_to",
        "frequency_from",
        "frequency_to",
        "monetary_from",
        "monetary_to",
    ],
)
"""Scores of every segment, both ends counted. The first that fits is taken, else OTHERS."""

OTHERS = "Others"
"""Customers whose scores fit none of the segments."""

RFM_BEST_FIRST = (
    "Champions",
    "Potential Loyalist",
    "Loyal Customers",
    "Promising",
    "New Customers",
    OTHERS,
    "Can't Lose Them",
    "At Risk",
    "Need Attention",
    "About To Sleep",
    "Lost",
)
"""The segments in order of what is to be hoped of them: those that buy, those that fade, the lost.

Within each of the two, in the order of the bounds.
"""


def named_segments(recency: Codes, frequency: Codes, monetary: Codes) -> Any:
    """Name of the segment that scores from 1 to 5 belong to.

    Parameters
    ----------
    recency, frequency, monetary : ndarray of int, shape (customers,)
        Scores, 5 the best.

    Returns
    -------
    pandas array of str, shape (customers,)

    Notes
    -----
    Bounds of R's rfm 0.3.0 (Hebbali), first match wins; its published table of segments is
    reproduced to the customer.
    """
    names = np.full((5, 5, 5), OTHERS, dtype=object)
    for bounds in SEGMENT_BOUNDS.iloc[::-1].to_dict("records"):
        names[
            tuple(
                slice(bounds[f"{measure}_from"] - 1, bounds[f"{measure}_to"])
                for measure in ("recency", "frequency", "monetary")
            )
        ] = bounds["segment"]
    return pd.array(names.ravel(), dtype="str").take(25 * recency + 5 * frequency + monetary - 31)


def rfm_segment_summary(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers, orders and revenue of every named segment.

    Parameters
    ----------
    customers : DataFrame
        `RfmScores.table`: segment, recency, frequency, monetary.

    Returns
    -------
    DataFrame
        One row per segment that has customers, in the order of `SEGMENT_BOUNDS`: segment,
        customers, customer_share, orders, revenue, revenue_share (missing where the revenue of
        all is not above zero), median_recency (days).

    Raises
    ------
    InputError
        A column is not there or holds anything but numbers.
    """
    frame = pd.DataFrame(
        {
            "segment": column_of(customers, "segment"),
            "recency": numbers_of(customers, "recency", "days since the last purchase"),
            "orders": numbers_of(customers, "frequency", "numbers of purchases"),
            "revenue": numbers_of(customers, "monetary", "revenue"),
        }
    )
    table = (
        frame.groupby("segment", sort=False)
        .agg(
            customers=("orders", "size"),
            orders=("orders", "sum"),
            revenue=("revenue", "sum"),
            median_recency=("recency", "median"),
        )
        .reindex([*SEGMENT_BOUNDS["segment"], OTHERS])
        .dropna(subset="customers")
        .astype({"customers": np.int64, "orders": np.int64})
        .reset_index()
    )
    revenue = table["revenue"].sum()
    table["customer_share"] = table["customers"] / len(frame)
    table["revenue_share"] = table["revenue"] / revenue if revenue > 0 else np.nan
    return table[
        [
            "segment",
            "customers",
            "customer_share",
            "orders",
            "revenue",
            "revenue_share",
            "median_recency",
        ]
    ]
