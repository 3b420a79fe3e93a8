"""Stretches of time scored alike.

Oracle: purchases dealt to stretches by hand.
"""

import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.segmentation.rfm_over_time import rfm_over_time


def made(days=300):
    """Customer A buys every 10 days; B buys in the first half only; C begins late."""
    first = pd.Timestamp("2024-01-01")
    rows = [("A", first + pd.Timedelta(days=d), 10.0) for d in range(0, days, 10)]
    rows += [("B", first + pd.Timedelta(days=d), 20.0) for d in range(0, days // 2, 10)]
    rows += [("C", first + pd.Timedelta(days=d), 30.0) for d in range(days - 20, days, 5)]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def looked(window, days=300):
    first = pd.Timestamp("2024-01-01")
    last = first + pd.Timedelta(days=days - 1)
    return rfm_over_time(made(days), as_of=last, first_day=first, window=window)


def test_stretches_are_counted_apart_and_scored_by_the_same_borders():
    before, after = looked(150)
    assert before.table.set_index("customer_id")["frequency"].to_dict() == {"A": 15, "B": 15}
    assert after.table.set_index("customer_id")["frequency"].to_dict() == {"A": 15, "C": 4}
    assert before.thresholds.equals(after.thresholds)
    assert after.table["recency"].tolist() == [9, 4]


def test_a_third_stretch_is_looked_at_where_the_purchases_go_back_so_far():
    assert len(looked(100)) == 3
    assert len(looked(103)) == 3  # lacks 9 days of 103
    assert len(looked(104)) == 2  # lacks 12, more than a tenth


@pytest.mark.parametrize("window", [0, 151, 9999])
def test_a_stretch_must_fit_twice(window):
    with pytest.raises(InputError, match="from 1 to 150"):
        looked(window)


def test_one_day_cannot_be_compared():
    day = pd.Timestamp("2024-01-01")
    with pytest.raises(InputError, match="cover 1 day only"):
        rfm_over_time(made(), as_of=day, first_day=day, window=1)
