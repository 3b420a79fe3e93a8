"""Ratios of gamma functions: against gamma functions where those are exact, and whole numbers."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import special

from crmlib.clp.rising_factorials import (
    digamma_rise,
    log_gamma_rise,
    log_rising,
    log_rising_slope,
)

STEPS = np.array([7, 0, 1, 120, 3])


@pytest.mark.parametrize("start", [0.02, 0.55, 3.0])
def test_are_differences_of_gamma_functions(start):
    expected = special.gammaln(start + STEPS) - special.gammaln(start)
    assert log_rising(start, STEPS) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    expected = special.digamma(start + STEPS) - special.digamma(start)
    assert log_rising_slope(start, STEPS) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_hold_their_digits_where_the_start_is_large():
    start = 10**9
    exact = sum(Fraction(1, start + j) for j in range(120))
    assert log_rising_slope(float(start), STEPS)[3] == pytest.approx(float(exact), rel=1e-14)


def test_of_nothing_is_nothing():
    assert log_rising(2.0, np.array([])).shape == (0,)
    assert log_rising(2.0, np.array([0.0])).tolist() == [0]


@pytest.mark.parametrize("start", [0.3, 99.9, 100.1, 2000.0])
def test_steps_need_not_be_whole(start):
    step = np.array([0.0, 0.3, 7.25, 3e4])
    expected = special.gammaln(start + step) - special.gammaln(start)
    assert log_gamma_rise(start, step) == pytest.approx(expected, rel=1e-11, abs=1e-11)
    expected = special.digamma(start + step) - special.digamma(start)
    assert digamma_rise(start, step) == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_both_ways_agree_where_the_start_is_large():
    start = 3e6
    assert log_gamma_rise(start, STEPS) == pytest.approx(log_rising(start, STEPS), rel=1e-14)
    assert digamma_rise(start, STEPS) == pytest.approx(log_rising_slope(start, STEPS), rel=1e-13)
