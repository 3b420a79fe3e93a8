"""Adjusted p-values. Oracle: statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from crmlib.multiple_testing import holm, stretch


def test_holm_is_statsmodels_and_skips_what_is_missing():
    random = np.random.default_rng(1)
    for size in (1, 2, 9):
        p = random.random(size) ** 3
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    np.testing.assert_allclose(
        holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005])), [0.03, 0.06, np.nan, 0.06, 0.02]
    )
    assert np.isnan(holm(np.array([np.nan]))).all()
    assert len(holm(np.array([]))) == 0


def test_intervals_of_twelve_at_once_are_those_of_bonferroni():
    """z of 1 - 0.05 / 24 is 2.8653 and of 0.975 is 1.9600: tables of the normal distribution."""
    assert stretch(0.95, 12) == pytest.approx(2.8653 / 1.9600, abs=1e-4)
    assert stretch(0.8, 1) == 1
