"""A customer's own rhythm.

Oracles: numerical integration by scipy of what the formulas integrate out; Lomax by hand; shapes
that simulated customers were drawn with; gaps counted by hand.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from crmlib.errors import InputError
from crmlib.segmentation.rhythm import (
    Rhythm,
    buying_rhythm,
    fit_rhythm,
    gap_log_likelihood,
    silence_probability,
    usual_gap,
)

TAUGHT = Rhythm(shape=2.5, levels=3.0, rate=40.0, customers=10, gaps=50)


def one(*numbers):
    return [np.array([float(number)]) for number in numbers]


def test_likelihood_is_the_integral_over_the_customers_rate():
    gaps = np.array([10.0, 14.0, 31.0])

    def of_rate(rate):
        return np.prod(stats.gamma.pdf(gaps, 2.5, scale=1 / rate)) * stats.gamma.pdf(
            rate, 3.0, scale=1 / 40.0
        )

    known = np.log(integrate.quad(of_rate, 0, 2, epsabs=0, epsrel=1e-10)[0])
    found = gap_log_likelihood(2.5, 3.0, 40.0, *one(3, gaps.sum(), np.log(gaps).sum()))
    assert found == pytest.approx(known, abs=1e-8)


@pytest.mark.parametrize("silence", [0.0, 5.0, 60.0, 400.0])
def test_silence_is_the_integral_over_what_the_gaps_say_of_the_rate(silence):
    def of_rate(rate):
        posterior = stats.gamma.pdf(rate, 3.0 + 2.5 * 4, scale=1 / (40.0 + 80.0))
        return stats.gamma.sf(silence, 2.5, scale=1 / rate) * posterior

    known = integrate.quad(of_rate, 0, 2, epsabs=0, epsrel=1e-10)[0]
    assert silence_probability(TAUGHT, *one(4, 80, silence))[0] == pytest.approx(known, rel=1e-7)


def test_with_shape_one_it_is_lomax():
    taught = Rhythm(shape=1.0, levels=2.0, rate=30.0, customers=2, gaps=2)
    found = silence_probability(taught, *one(10, 100, 60))
    assert found[0] == pytest.approx((130 / 190) ** 12)
    assert usual_gap(taught, *one(10, 100))[0] == pytest.approx(130 / 11)


def drawn(random, customers, gaps):
    rates = random.gamma(4.0, 1 / 80.0, size=customers)
    return random.gamma(2.0, 1 / rates[:, None], size=(customers, gaps))


def test_the_shapes_that_customers_were_drawn_with_are_found():
    gaps = drawn(np.random.default_rng(1), 4000, 6)
    found = fit_rhythm(np.full(4000, 6.0), gaps.sum(axis=1), np.log(gaps).sum(axis=1))
    assert found.shape == pytest.approx(2.0, rel=0.05)
    assert found.levels == pytest.approx(4.0, rel=0.1)
    assert found.rate == pytest.approx(80.0, rel=0.15)
    assert (found.customers, found.gaps) == (4000, 24000)


def test_next_gaps_are_as_improbable_as_told():
    gaps = drawn(np.random.default_rng(2), 3000, 4)
    known, following = gaps[:, :3], gaps[:, 3]
    n, total = np.full(3000, 3.0), known.sum(axis=1)
    rhythm = fit_rhythm(n, total, np.log(known).sum(axis=1))
    p = silence_probability(rhythm, n, total, following)
    assert stats.kstest(p, "uniform").pvalue > 0.001


@pytest.mark.parametrize("gaps", [0, 1])
def test_from_one_customer_no_rhythm_is_learned(gaps):
    assert fit_rhythm(np.array([gaps, 0.0]), np.array([9.0, 0]), np.array([2.0, 0])) is None


def purchases(*rows):
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.assign(date=pd.to_datetime(table["date"]))


def test_gaps_are_counted_by_day_and_returns_are_no_purchases():
    table = buying_rhythm(
        purchases(
            ("A", "2024-01-01", 5.0),
            ("A", "2024-01-01", 7.0),
            ("A", "2024-01-11", 7.0),
            ("A", "2024-01-31", 7.0),
            ("A", "2024-02-20", -7.0),
            ("B", "2024-01-05", 1.0),
            ("B", "2024-03-01", 1.0),
            ("C", "2024-02-01", 1.0),
        )
    ).set_index("customer_id")
    assert table["purchases"].tolist() == [3, 2, 1]
    assert table["silence"].tolist() == [30, 0, 29]
    assert table["last_day"]["A"] == pd.Timestamp("2024-01-31")
    assert np.isnan(table["silence_probability"]["C"])
    assert np.isnan(table["usual_gap"]["C"])
    assert table["silence_probability"]["B"] == pytest.approx(1.0)


def test_the_same_silence_weighs_more_on_who_buys_often():
    often = [("A", day, 1.0) for day in pd.date_range("2024-01-01", "2024-04-30", freq="7D")]
    seldom = [("B", day, 1.0) for day in pd.date_range("2023-01-01", "2024-04-30", freq="60D")]
    others = [("C", day, 1.0) for day in pd.date_range("2023-01-01", "2024-04-30", freq="30D")]
    table = buying_rhythm(purchases(*often, *seldom, *others), as_of="2024-05-31")
    p = table.set_index("customer_id")["silence_probability"]
    assert p["A"] < 0.01 < 0.2 < p["B"]


def test_what_came_later_is_not_known():
    rows = purchases(("A", "2024-01-01", 1), ("A", "2024-01-11", 1), ("A", "2024-06-01", 1))
    early = buying_rhythm(rows, as_of="2024-02-01")
    assert early[["purchases", "silence"]].to_numpy().tolist() == [[2, 21]]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("A", "2024-01-01", -5.0)], "no purchase"),
        ([("A", "2099-01-01", 5.0)], "still to come"),
        ([("A", None, 5.0), ("A", "2024-01-01", 5.0)], "1 row has no value"),
    ],
)
def test_what_cannot_be_used_is_told(rows, words):
    with pytest.raises(InputError, match=words):
        buying_rhythm(purchases(*rows))


def test_a_day_before_the_first_purchase_is_told():
    with pytest.raises(InputError, match="no purchase up to 2020-01-01"):
        buying_rhythm(purchases(("A", "2024-01-01", 5.0)), as_of="2020-01-01")
