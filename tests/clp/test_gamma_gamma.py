"""Gamma-Gamma.

Oracles: the estimates Fader and Hardie print for the CDNOW sample, adaptive quadrature over the
rate of a customer, scipy's correlation, changes of currency, and simulated spending.
"""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from crmlib.clp.gamma_gamma import (
    GammaGamma,
    gamma_gamma_expected_spend,
    gamma_gamma_log_likelihood,
    spends,
    summed_log_likelihood,
)
from crmlib.clp.purchases import purchase_summary
from crmlib.errors import InputError

PARAMETERS = np.array([6.25, 3.74, 15.44])


def simulated(parameters, n, random):
    """Mean spend of customers with 0, 1, 2 … repeat purchases, drawn one by one."""
    p, q, v = parameters
    x = random.poisson(random.gamma(1.0, 3.0, n))
    rate = random.gamma(q, 1 / v, n)
    buyer = np.repeat(np.arange(n), x)
    spent = np.bincount(buyer, random.gamma(p, 1 / rate[buyer]), minlength=n)
    mean = np.divide(spent, x, out=np.full(n, np.nan), where=x > 0)
    return pd.DataFrame({"frequency": x, "monetary_value": mean}), rate


def fitted(parameters=PARAMETERS):
    model = GammaGamma()
    model.parameters_ = pd.DataFrame({"estimate": parameters})
    return model


@pytest.fixture(scope="module")
def model(cdnow_sample):
    until = "1997-09-30"
    return GammaGamma().fit(purchase_summary(cdnow_sample, margin_rate=0.3, observed_until=until))


class TestCdnowSample:
    def test_estimates_are_those_printed(self, model, shared):
        printed = json.loads((shared / "reference" / "clp.json").read_text())
        printed = printed["gamma_gamma_cdnow_sample"]
        for name in ("p", "q", "v"):
            assert round(getattr(model, f"{name}_"), 2) == printed[name]
        assert round(model.log_likelihood_, 2) == printed["loglik"]

    def test_correlation_is_the_small_one_they_report(self, model):
        row = model.frequency_correlation_.iloc[0]
        assert round(row["correlation"], 2) == 0.11
        assert row["n"] == model.n_customers_ == 946

    def test_those_without_repeat_purchases_are_told_of(self, model):
        assert model.notes_ == (
            "Gamma-Gamma learns from the 946 customers with repeat purchases; 1,411 have none, "
            "or none of any value.",
        )


class TestLikelihood:
    @pytest.mark.parametrize(("x", "z"), [(1, 3.0), (2, 22.35), (14, 80.0)])
    def test_is_the_mean_over_rates(self, x, z):
        p, q, v = PARAMETERS

        def integrand(rate):
            # The mean of x gammas with one rate is again a gamma.
            given = stats.gamma.pdf(z, p * x, scale=1 / (x * rate))
            return given * stats.gamma.pdf(rate, q, scale=1 / v)

        expected = integrate.quad(integrand, 0, 5, epsabs=0, epsrel=1e-11, limit=200)[0]
        result = gamma_gamma_log_likelihood(PARAMETERS, [x], [z])
        assert result[0] == pytest.approx(np.log(expected), abs=1e-9)

    def test_sum_and_gradient_are_those_of_the_customers(self):
        table, _ = simulated(PARAMETERS, 500, np.random.default_rng(0))
        x, z = table[table["frequency"] > 0].to_numpy(dtype=float).T
        known = spends(x, z)
        for parameters in (PARAMETERS, np.array([0.7, 1.2, 40.0])):
            value, gradient = summed_log_likelihood(parameters, known)
            each = gamma_gamma_log_likelihood(parameters, x, z)
            assert value == pytest.approx(each.sum(), rel=1e-12)
            for k, step in enumerate(1e-5 * np.eye(3)):
                up, down = (
                    gamma_gamma_log_likelihood(parameters + sign * step, x, z).sum()
                    for sign in (1, -1)
                )
                assert gradient[k] == pytest.approx((up - down) / 2e-5, abs=1e-4, rel=1e-6)


class TestExpectedSpend:
    def test_is_the_mean_given_what_was_spent(self):
        p, q, v = PARAMETERS
        x, z = 3, 40.0

        def weight(rate):
            given = stats.gamma.pdf(z, p * x, scale=1 / (x * rate))
            return given * stats.gamma.pdf(rate, q, scale=1 / v)

        mean = integrate.quad(lambda rate: p / rate * weight(rate), 0, 5, epsrel=1e-11)[0]
        mean /= integrate.quad(weight, 0, 5, epsrel=1e-11)[0]
        table = pd.DataFrame({"frequency": [x], "monetary_value": [z]})
        assert fitted().expected_spend(table)[0] == pytest.approx(mean, rel=1e-8)

    def test_lies_between_the_own_mean_and_that_of_all(self):
        table = pd.DataFrame(
            {"frequency": [0, 1, 50, 100_000], "monetary_value": [np.nan, 90.0, 90.0, 90.0]}
        )
        spend = fitted().expected_spend(table)
        p, q, v = PARAMETERS
        assert spend[0] == pytest.approx(p * v / (q - 1))
        assert spend[0] < spend[1] < spend[2] < spend[3] == pytest.approx(90, rel=1e-4)

    def test_there_is_none_where_spend_has_no_mean(self):
        spend = gamma_gamma_expected_spend([2.0, 0.9, 10.0], np.array([0.0, 1.0]), np.zeros(2))
        assert np.isnan(spend[0])
        assert spend[1] > 0
        table, _ = simulated([3.0, 0.7, 10.0], 3000, np.random.default_rng(1))
        model = GammaGamma().fit(table)
        assert model.q_ < 1
        assert "no mean" in model.notes_[-1]


class TestDraws:
    def test_have_the_mean_and_spread_of_the_posterior(self):
        n = 200_000
        table = pd.DataFrame({"frequency": np.full(n, 3), "monetary_value": 40.0})
        counts = np.tile([0, 1, 4], (n, 1))
        drawn = fitted().draw_spend(table, counts, np.random.default_rng(2), PARAMETERS)
        assert not drawn[:, 0].any()
        mean = fitted().expected_spend(table)[0]
        error = drawn.std(axis=0) / np.sqrt(n)
        assert drawn[:, 1].mean() == pytest.approx(mean, abs=4 * error[1])
        assert drawn[:, 2].mean() == pytest.approx(4 * mean, abs=4 * error[2])
        # One rate for both: what they share is the variance of the customer's own mean.
        p, q, v = PARAMETERS
        shape, scale = p * 3 + q, v + 120.0
        own = p**2 * scale**2 / ((shape - 1) ** 2 * (shape - 2))
        shared_variance = np.cov(drawn[:, 1], drawn[:, 2])[0, 1] / 4
        assert shared_variance == pytest.approx(own, rel=0.03)

    def test_take_counts_of_one_period_too(self):
        table = pd.DataFrame({"frequency": [3, 0], "monetary_value": [40.0, np.nan]})
        drawn = fitted().draw_spend(table, [2, 0], np.random.default_rng(0), PARAMETERS)
        assert drawn.shape == (2,)
        assert drawn[0] > 0 == drawn[1]


class TestFit:
    def test_finds_the_parameters_of_simulated_customers(self):
        table, _ = simulated(PARAMETERS, 20_000, np.random.default_rng(3))
        model = GammaGamma().fit(table)
        error = np.sqrt(np.diag(model.covariance_))
        assert np.abs(np.log(model.estimates() / PARAMETERS) / error).max() < 3.5
        assert error.max() < 0.1

    @pytest.mark.slow
    def test_intervals_cover_as_often_as_they_say(self):
        runs, covered = 300, np.zeros(3)
        for seed in range(runs):
            table, _ = simulated(PARAMETERS, 1500, np.random.default_rng(seed))
            rows = GammaGamma().fit(table).parameters_
            covered += ((rows["low"] <= PARAMETERS) & (rows["high"] >= PARAMETERS)).to_numpy()
        # 95 % with a Monte Carlo error of 1.3 %.
        assert np.all(np.abs(covered / runs - 0.95) < 0.04)

    def test_another_currency_changes_the_scale_alone(self):
        table, _ = simulated(PARAMETERS, 2000, np.random.default_rng(4))
        model = GammaGamma().fit(table)
        cents = GammaGamma().fit(table.assign(monetary_value=table["monetary_value"] * 1000))
        assert cents.p_ == pytest.approx(model.p_, rel=1e-5)
        assert cents.q_ == pytest.approx(model.q_, rel=1e-5)
        assert cents.v_ == pytest.approx(1000 * model.v_, rel=1e-5)

    def test_customers_who_are_alike_are_taken_as_such(self):
        random = np.random.default_rng(7)
        x = random.integers(1, 9, 3000)
        # Means that come together faster than those of chance leave no room for differences.
        mean = 20 + (random.gamma(4 * x, 5.0) / x - 20) * x**-0.2
        model = GammaGamma().fit(pd.DataFrame({"frequency": x, "monetary_value": mean}))
        assert model.q_ == pytest.approx(10_000)
        assert np.isnan(model.standard_errors_["q"])
        assert model.notes_[0].startswith("q ran to infinity")
        spend = gamma_gamma_expected_spend(model.estimates(), np.arange(9.0), 60 * np.arange(9.0))
        assert spend == pytest.approx(20, rel=0.02)  # even of those who spent 60 each time

    def test_one_price_for_all_is_one_price(self):
        alike = pd.DataFrame({"frequency": [2] * 30, "monetary_value": 5.0})
        model = GammaGamma().fit(alike)
        assert len(model.notes_) == 2  # q and p are held
        assert model.expected_spend(alike) == pytest.approx(5, rel=1e-3)

    def test_correlation_is_that_of_scipy(self):
        table, _ = simulated(PARAMETERS, 500, np.random.default_rng(5))
        row = GammaGamma(confidence=0.9).fit(table).frequency_correlation_.iloc[0]
        used = table[table["frequency"] > 0]
        expected = stats.pearsonr(used["frequency"], used["monetary_value"])
        assert row["correlation"] == pytest.approx(expected.statistic)
        low, high = expected.confidence_interval(0.9)
        assert (row["low"], row["high"]) == pytest.approx((low, high))

    def test_correlation_is_unknown_where_nothing_varies(self):
        table, _ = simulated(PARAMETERS, 500, np.random.default_rng(6))
        table = table[table["frequency"] == 2]
        assert GammaGamma().fit(table).frequency_correlation_["correlation"].isna().all()

    def test_what_cannot_be_fitted_is_said(self):
        few = pd.DataFrame({"frequency": [1] * 9 + [0], "monetary_value": [5.0] * 9 + [np.nan]})
        with pytest.raises(InputError, match="9 customers have repeat purchases"):
            GammaGamma().fit(few)
        with pytest.raises(InputError, match="frequency must be a number of 0 or more"):
            GammaGamma().fit(few.assign(frequency=-1))
        with pytest.raises(InputError, match='no column "monetary_value"'):
            GammaGamma().fit(few[["frequency"]])
