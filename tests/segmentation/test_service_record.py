"""What was delivered by the record.

Oracles: orders, faults and discounts counted by hand; Poisson's probabilities by scipy.
"""

import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.segmentation.service_record import service_record


def made(orders, discount):
    rows = [
        (name, pd.Timestamp("2024-03-01") + pd.Timedelta(days=7 * k), 10.0, f"{name}{k}", share)
        for (name, n), share in zip(orders.items(), discount, strict=True)
        for k in range(n)
        for _ in range(2)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount", "order_id", "discount"])


def complaints(**numbers):
    rows = [(name, topic) for name, topics in numbers.items() for topic in topics]
    table = pd.DataFrame(rows, columns=["customer_id", "topic"])
    return table.assign(date=pd.Timestamp("2024-06-01"))


ORDERS = made({"A": 10, "B": 20, "C": 3}, [0.0, 0.2, 0.1])
GIVEN = {"as_of": "2024-12-31", "order": "order_id", "discount": "discount"}


def test_faults_and_discounts_by_hand():
    found = service_record(
        ORDERS, complaints(A=["late"] * 4 + ["price"], B=["late"]), no_fault=["price"], **GIVEN
    ).set_index("customer_id")
    assert found["orders"].tolist() == [10, 20, 3]
    assert found["faults"].tolist() == [4, 1, 0]
    assert found["expected_faults"].tolist() == pytest.approx([50 / 33, 100 / 33, 15 / 33])
    assert found.loc["A", "faults_by_chance"] == pytest.approx(stats.poisson.sf(3, 50 / 33))
    assert found["record"].tolist() == ["worse", "as others", "cannot say"]
    assert found["discount_share"].tolist() == pytest.approx([0.0, 0.2, 0.1], abs=1e-3)
    assert found["discounts"].tolist() == ["fewer", "as others", "as others"]


def test_what_is_out_of_time_does_not_count():
    found = service_record(
        ORDERS, complaints(A=["late"]), days=30, **GIVEN | {"as_of": "2024-03-07"}
    )
    assert found["orders"].tolist() == [1, 1, 1]
    assert found["faults"].tolist() == [0, 0, 0]
    assert set(found["record"]) == {"cannot say"}


def test_without_orders_or_discounts_days_count_and_prices_cannot_be_said():
    found = service_record(ORDERS, complaints(), as_of="2024-12-31")
    assert found["orders"].tolist() == [10, 20, 3]
    assert set(found["discounts"]) == {"cannot say"}
    assert found["record"].tolist() == ["as others", "as others", "cannot say"]


def test_goods_given_away_and_no_orders_at_all_are_borne():
    free = ORDERS.assign(discount=1.0)
    assert service_record(free, complaints(), **GIVEN)["discount_share"].isna().all()
    none = service_record(ORDERS, complaints(A=["late"]), **GIVEN | {"as_of": "2020-01-01"})
    assert none.empty


def test_topics_need_their_column():
    with pytest.raises(InputError, match="no column topic"):
        service_record(
            ORDERS, complaints(A=["x"]).drop(columns="topic"), no_fault=["price"], **GIVEN
        )
