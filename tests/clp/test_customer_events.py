"""The customer-event method.

Oracles: expected values and small distributions by hand, the normal distribution of many events,
and the same sums for every way to cut the simulation up.
"""

import datetime as dt
import sys

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.customer_events import customer_events
from crmlib.errors import InputError


def events(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "event", "probability", "profit"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


SMALL = events(
    ("b", "2027-01-01", "contract renewed", 0.5, 1_100.0),
    ("a", "2027-01-01", "new printer", 0.8, 2_200.0),
    ("a", "2026-01-01", "order under way", 1.0, 300.0),
    ("a", "2028-01-01", "returns", 0.1, -1_210.0),
)
OPTIONS = {"today": "2026-01-01", "rate": 0.1, "seed": 1}


def test_expected_values_by_hand():
    # 2027 is 365 days away, 2028 730: 0.8 * 2,200 / 1.1 = 1,600, 0.1 * -1,210 / 1.21 = -100.
    result = customer_events(SMALL, **OPTIONS)
    assert result.events["present_value"].tolist() == pytest.approx([300, 1600, -100, 500])
    customers = result.customers.set_index("customer_id")
    assert customers["value"].to_dict() == pytest.approx({"a": 1_800, "b": 500})
    assert customers["events"].to_dict() == {"a": 3, "b": 1}
    assert result.total["value"].item() == pytest.approx(2_300)
    # b either renews or does not: the interval of 95 % is both.
    assert customers.loc["b", ["low", "high"]].tolist() == pytest.approx([0, 1_000])


def test_the_interval_of_many_events_is_normal():
    # 400 like events of one customer: sum of Bernoulli variables, variance 400 p (1 - p) 10^2.
    many = events(*[("a", "2026-06-30", "order", 0.3, 10.0)] * 400)
    row = customer_events(many, today="2026-06-30", rate=0.1, seed=2).customers.iloc[0]
    half = 1.96 * np.sqrt(400 * 0.3 * 0.7) * 10
    assert row["value"] == pytest.approx(1_200)
    assert row["low"] == pytest.approx(1_200 - half, abs=12)
    assert row["high"] == pytest.approx(1_200 + half, abs=12)


def test_a_range_of_profit_keeps_its_mean_and_widens_the_interval():
    sure = events(*[("a", "2026-01-01", "order", 1.0, 30.0)] * 50)
    ranged = sure.assign(profit_low=0.0, profit_high=120.0)
    row = customer_events(ranged, **OPTIONS).customers.iloc[0]
    assert row["value"] == pytest.approx(1_500)
    # Below with 3/4: uniform 0 to 30; above with 1/4: uniform 30 to 120.
    second = 0.75 * 30**2 / 3 + 0.25 * (120**3 - 30**3) / (3 * 90)
    half = 1.96 * np.sqrt(50 * (second - 30**2))
    assert (row["low"] + row["high"]) / 2 == pytest.approx(1_500, abs=0.06 * half)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half, rel=0.04)
    missing = ranged.assign(profit_low=np.nan, profit_high=np.nan)
    row = customer_events(missing, **OPTIONS).customers.iloc[0]
    assert [row["low"], row["high"]] == pytest.approx([1_500, 1_500])


def test_what_rests_on_judgement_is_told_and_shaken():
    basis = SMALL.assign(basis=["judgement", "data", "data", "judgement"])
    result = customer_events(basis, **OPTIONS)
    # Gains and losses expected: 500 and 100 of judgement, 1,600 and 300 of data.
    assert result.judgement_share == pytest.approx(600 / 2_500)
    assert result.customers["from_judgement"].tolist() == pytest.approx([100 / 2_000, 1.0])
    assert result.sensitivity["factor"].tolist() == [0.8, 1.0, 1.2]
    assert result.sensitivity["value"].tolist() == pytest.approx([2_220, 2_300, 2_380])
    assert result.total["low"].item() == result.sensitivity["low"].iloc[1]
    # Without the column everything is judged, and a sure order cannot be surer.
    shaken = customer_events(SMALL, **OPTIONS).sensitivity
    assert shaken["capped"].tolist() == [0, 0, 1]
    assert shaken["value"].iloc[2] == pytest.approx(300 + 1.2 * 2_000)
    assert customer_events(SMALL, **OPTIONS).judgement_share == 1.0


def test_the_seed_fixes_the_result_however_the_work_is_cut_up(monkeypatch):
    random = np.random.default_rng(3)
    rows = [
        (f"c{i:02d}", f"2026-{m:02d}-15", "order", random.random(), random.normal(50, 40))
        for i in range(40)
        for m in random.integers(1, 13, 1 + i % 5)
    ]
    many = events(*rows)
    whole = customer_events(many, **OPTIONS, draws=2_000)
    pd.testing.assert_frame_equal(
        whole.customers, customer_events(many, **OPTIONS, draws=2_000).customers
    )
    monkeypatch.setattr(sys.modules["crmlib.clp.customer_events"], "CELLS", 14_000)
    parts = customer_events(many, **OPTIONS, draws=2_000)
    assert parts.customers["value"].tolist() == whole.customers["value"].tolist()
    spread = whole.customers["high"] - whole.customers["low"]
    assert (parts.customers["high"] - whole.customers["high"]).abs().max() < 0.2 * spread.max()
    assert parts.total["low"].item() == pytest.approx(
        whole.total["low"].item(), abs=0.05 * spread.sum()
    )


def test_a_total_is_narrower_than_the_sum_of_its_parts():
    many = events(*[(f"c{i}", "2026-06-30", "order", 0.5, 100.0) for i in range(100)])
    result = customer_events(many, **OPTIONS)
    assert result.total["high"].item() < 0.7 * result.customers["high"].sum()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"probability": 80.0}, r"holds 80, which is not .* Did you mean 0\.80"),
        ({"probability": -0.1}, "not between 0 and 1"),
        ({"probability": np.nan}, 'Column "probability" has no number in rows 0, 1'),
        ({"profit": "much"}, "profit of an event"),
        ({"date": pd.Timestamp("2025-12-31")}, "4 of the events lie before today, 2026-01-01"),
        ({"date": "soon"}, "no day can be read .* 'soon'"),
        ({"basis": "a hunch"}, 'holds a hunch .* "data" or "judgement"'),
        ({"profit_low": 0.0}, "needs its other end"),
        ({"profit_low": 5_000.0, "profit_high": 6_000.0}, "between profit_low and profit_high"),
        ({"customer_id": None}, "4 values are missing"),
    ],
)
def test_bad_cells_are_refused_with_their_rows(changed, words):
    with pytest.raises(InputError, match=words):
        customer_events(SMALL.assign(**changed), **OPTIONS)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rate": 10.0}, r"Did you mean 0\.1"),
        ({"today": "soon"}, "write the day as"),
        ({"draws": 5}, "at least 100 futures"),
        ({"confidence": 95}, "confidence=95"),
    ],
)
def test_bad_arguments_are_refused(changed, words):
    with pytest.raises(InputError, match=words):
        customer_events(SMALL, **OPTIONS | changed)


def test_tables_without_events_or_columns_are_refused():
    with pytest.raises(InputError, match="no events"):
        customer_events(SMALL.iloc[:0], **OPTIONS)
    with pytest.raises(InputError, match='no column "event"'):
        customer_events(SMALL.drop(columns="event"), **OPTIONS)


def test_days_may_be_dates_or_iso_text():
    for convert in (str, dt.date.fromisoformat):
        days = [convert(f"{day:%Y-%m-%d}") for day in SMALL["date"]]
        result = customer_events(
            SMALL.assign(date=days), **OPTIONS | {"today": dt.date(2026, 1, 1)}
        )
        assert result.total["value"].item() == pytest.approx(2_300)
