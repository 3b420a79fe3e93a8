"""Named segments, against the table that R's rfm publishes of them."""

import json

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.segmentation.rfm import rfm, rfm_scores
from crmlib.segmentation.rfm_segments import (
    OTHERS,
    RFM_BEST_FIRST,
    SEGMENT_BOUNDS,
    named_segments,
    rfm_segment_summary,
)


def test_segments_are_those_of_r(shared):
    text = (shared / "reference" / "segmentation.json").read_text(encoding="utf-8")
    published = json.loads(text)["rfm"]["segments"]
    orders = tables.read(
        shared / "data" / "rfm_orders.csv",
        kind="transactions",
        columns={"date": "order_date", "amount": "revenue"},
    )
    summary = rfm_segment_summary(rfm_scores(rfm(orders, "2006-12-31")).table)
    ours = {
        row["segment"]: [row["customers"], row["orders"], row["revenue"]]
        for row in summary.to_dict("records")
    }
    assert ours == published
    assert summary["customer_share"].sum() == 1
    assert np.isclose(summary["revenue_share"].sum(), 1)
    in_order = [name for name in SEGMENT_BOUNDS["segment"] if name in published]
    assert summary["segment"].tolist() == in_order


def test_the_first_segment_that_fits_is_taken_and_what_fits_none_is_others():
    scores = np.array([[5, 5, 5], [4, 5, 5], [3, 2, 1], [2, 1, 5], [5, 5, 1]]).T
    # 555 fits New Customers in nothing but recency; 444 would fit three, the first is taken.
    assert named_segments(*scores).tolist() == [
        "Champions",
        "Potential Loyalist",
        "About To Sleep",
        OTHERS,
        OTHERS,
    ]


def test_every_segment_has_a_place_from_best_to_worst():
    assert sorted(RFM_BEST_FIRST) == sorted([*SEGMENT_BOUNDS["segment"], OTHERS])


def test_without_revenue_above_zero_there_are_no_shares():
    table = pd.DataFrame(
        {"segment": ["Lost", OTHERS], "recency": [9.0, 9], "frequency": [1, 1], "monetary": [5, -5]}
    )
    summary = rfm_segment_summary(table)
    assert summary["segment"].tolist() == ["Lost", OTHERS]
    assert summary["revenue_share"].isna().all()
