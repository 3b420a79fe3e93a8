"""Intervals, shares and ranks of draws, by hand."""

import numpy as np
import pytest

from crmlib.satisfaction.draws import (
    deviation_of,
    first_probability,
    interval,
    is_first,
    percentiles,
    ranks,
    shares,
)


def test_an_interval_needs_nineteen_of_twenty_resamples():
    values = np.ones((101, 1))
    values[1:6] = np.nan
    assert interval(values, 0.95)[0] == 1
    values[6] = np.nan
    assert np.isnan(interval(values, 0.95)[0])


def test_columns_with_too_many_gaps_have_no_interval():
    draws = np.ones((100, 2))
    draws[:4, 0] = np.nan
    draws[:6, 1] = np.nan
    low, high = percentiles(draws, 0.95)
    np.testing.assert_array_equal(low, [1, np.nan])
    np.testing.assert_array_equal(high, [1, np.nan])
    np.testing.assert_array_equal(deviation_of(draws), [0, np.nan])


def test_percentiles_pass_over_gaps():
    draws = np.append(np.arange(101.0), [np.nan] * 3)
    assert percentiles(draws, 0.9) == pytest.approx((5, 95))
    assert deviation_of(draws) == pytest.approx(np.arange(101.0).std(ddof=1))
    # Of ranks only those drawn: the outer ones.
    assert percentiles(np.array([1.0, 2, 3, 4]), 0.8, whole=True) == (1, 4)


def test_there_is_no_interval_without_all_estimates():
    values = np.vstack([[1.0, np.nan], np.ones((100, 2))])
    assert np.isnan(interval(values, 0.95)).all()


def test_a_row_with_a_gap_ranks_nobody():
    values = np.array([[3.0, 1.0, 2.0], [3.0, np.nan, 2.0]])
    np.testing.assert_array_equal(ranks(values), [[1, 3, 2], [np.nan] * 3])
    assert is_first(values).tolist() == [[True, False, False], [False] * 3]
    draws = np.vstack([values[:1]] * 40 + [values[1:]])
    np.testing.assert_array_equal(first_probability(draws), [1, 0, 0])
    assert np.isnan(shares(values)[1]).all()
