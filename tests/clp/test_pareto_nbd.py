"""Pareto/NBD.

Oracles: adaptive quadrature, the likelihood as Schmittlein, Morrison and Colombo wrote it,
estimates and forecasts of BTYD and lifetimes 0.11.3 on the CDNOW sample, differences of values
for derivatives, and customers simulated from the story of the model.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special

from crmlib.clp.pareto_nbd import (
    ParetoNBD,
    histories,
    log_tail_integral,
    pareto_nbd_log_likelihood,
    summed_log_likelihood,
)
from crmlib.clp.purchases import purchase_summary
from crmlib.errors import InputError

PUBLISHED = np.array([0.5534, 10.578, 0.6061, 11.669])
"""r, alpha, s, beta near those that BTYD publishes for the CDNOW sample."""

CUSTOMERS = pd.DataFrame(
    [(2, 30.43, 38.86), (26, 30.857, 31), (0, 0, 39), (5, 10, 38), (1, 1, 27)],
    columns=["frequency", "recency", "T"],
)


def fitted(parameters=PUBLISHED):
    """A model with given parameters."""
    model = ParetoNBD()
    model.parameters_ = pd.DataFrame({"estimate": parameters})
    return model


def simulated(parameters, n, weeks, random):
    """Purchases and leaving of customers one by one in time, and what they buy after `weeks`."""
    r, alpha, s, beta = parameters
    rate = random.gamma(r, 1 / alpha, n)
    leaves = random.exponential(1 / random.gamma(s, 1 / beta, n))
    x = np.zeros(n, dtype=int)
    t_x = np.zeros(n)
    later = np.zeros(n, dtype=int)
    time, going = np.zeros(n), np.arange(n)
    while len(going):
        time = time + random.exponential(1 / rate[going])
        buys = time < np.minimum(leaves[going], 2 * weeks)
        going, time = going[buys], time[buys]
        seen = time <= weeks
        x[going[seen]] += 1
        t_x[going[seen]] = time[seen]
        later[going[~seen]] += 1
    table = pd.DataFrame({"frequency": x, "recency": t_x, "T": float(weeks)})
    return table, leaves > weeks, later


@pytest.fixture(scope="module")
def sample(cdnow_sample):
    return purchase_summary(cdnow_sample, margin_rate=0.3, observed_until="1997-09-30")


class TestTailIntegral:
    @pytest.mark.parametrize(
        ("alpha", "beta"), [(10.58, 11.67), (0.05, 60.0), (60.0, 0.05), (5.0, 5.0)]
    )
    def test_agrees_with_adaptive_quadrature(self, alpha, beta):
        random = np.random.default_rng(0)
        a, b = random.uniform(0.1, 30, 40), random.uniform(1, 4, 40)
        t = np.where(random.random(40) < 0.3, 0.0, random.uniform(0, 100, 40))
        value, _ = log_tail_integral(a, b, alpha, beta, t)
        for i in range(len(a)):
            # τ grows from t as u does from 1: the powers are those of u, the limits finite.
            start = min(alpha, beta) + t[i]

            def integrand(log_u, i=i, start=start):
                growth = start * np.expm1(log_u)
                powers = a[i] * np.log1p(growth / (alpha + t[i]))
                powers += b[i] * np.log1p(growth / (beta + t[i]))
                return start * np.exp(log_u - powers)

            inner = integrate.quad(integrand, 0, 60, epsabs=0, epsrel=1e-12, limit=500)[0]
            outer = integrate.quad(integrand, 60, 600, epsabs=1e-300, limit=500)[0]
            expected = np.log(inner + outer)
            expected -= a[i] * np.log1p(t[i] / alpha) + b[i] * np.log1p(t[i] / beta)
            assert value[i] == pytest.approx(expected, abs=1e-11)

    @pytest.mark.parametrize(("alpha", "beta"), [(10.58, 11.67), (3.0, 40.0), (40.0, 3.0)])
    def test_derivatives_are_those_of_the_value(self, alpha, beta):
        random = np.random.default_rng(1)
        given = [random.uniform(0.3, 20, 30), alpha, random.uniform(0.8, 3, 30), beta]
        t, step = random.uniform(0, 50, 30), 1e-5

        def value(arguments):
            a, first, b, second = arguments
            return log_tail_integral(a, b, first, second, t)

        slopes = value(given)[1]
        for k in range(4):
            up, down = list(given), list(given)
            up[k], down[k] = up[k] + step, down[k] - step
            difference = (value(up)[0] - value(down)[0]) / (2 * step)
            assert slopes[:, k] == pytest.approx(difference, abs=1e-8)


class TestLikelihood:
    @pytest.mark.parametrize("parameters", [PUBLISHED, [2.0, 30.0, 1.0, 4.0], [0.3, 2.0, 0.2, 50]])
    def test_is_that_of_staying_or_of_leaving_at_some_time(self, parameters):
        r, alpha, s, beta = parameters
        result = pareto_nbd_log_likelihood(parameters, *CUSTOMERS.to_numpy().T)
        for value, (x, t_x, T) in zip(result, CUSTOMERS.to_numpy(), strict=True):
            stays = (alpha + T) ** -(r + x) * (beta + T) ** -s

            def leaves(t, x=x):
                return s * (alpha + t) ** -(r + x) * (beta + t) ** -(s + 1)

            total = stays + integrate.quad(leaves, t_x, T, epsabs=0, epsrel=1e-12)[0]
            front = special.gammaln(r + x) - special.gammaln(r)
            front += r * np.log(alpha) + s * np.log(beta)
            assert value == pytest.approx(front + np.log(total), abs=1e-10)

    def test_no_customer_is_too_extreme(self):
        busy = [[0, 0.0, 0.0], [5000, 519.9, 520.0], [1, 1 / 7, 520.0], [300, 300 / 7, 520.0]]
        value = pareto_nbd_log_likelihood(PUBLISHED, *np.array(busy).T)
        assert np.isfinite(value).all()
        assert value[0] == pytest.approx(0.0, abs=1e-12)  # seen for no time: nothing was learned

    def test_gradient_is_that_of_the_sum(self):
        table, _, _ = simulated(PUBLISHED, 300, 40, np.random.default_rng(2))
        found, _ = histories(*table.to_numpy(dtype=float).T)
        for parameters in (PUBLISHED, PUBLISHED * [0.5, 3, 2, 0.2]):
            _, gradient = summed_log_likelihood(parameters, found)
            for k, step in enumerate(1e-5 * np.eye(4)):
                up, down = (
                    summed_log_likelihood(parameters + sign * step, found)[0] for sign in (1, -1)
                )
                assert gradient[k] == pytest.approx((up - down) / 2e-5, abs=1e-5, rel=1e-6)


class TestCdnowSample:
    def test_estimates_are_those_published(self, sample):
        model = ParetoNBD().fit(sample)
        assert [round(value, 3) for value in (model.r_, model.s_)] == [0.553, 0.606]
        assert [round(value, 2) for value in (model.alpha_, model.beta_)] == [10.58, 11.67]
        assert model.log_likelihood_ == pytest.approx(-9595.0, abs=0.05)
        assert model.n_customers_ == 2357

    def test_estimates_are_those_of_lifetimes(self, sample):
        # Its copy of the summary has two decimals; fitted with tol=1e-10.
        model = ParetoNBD().fit(sample.table[["frequency", "recency", "T"]].round(2))
        assert model.estimates() == pytest.approx(
            [0.5532755007026, 10.577612154692032, 0.6062134864385408, 11.667908906663577], rel=2e-6
        )

    def test_forecasts_are_those_of_lifetimes(self):
        purchases = fitted().expected_purchases(CUSTOMERS, 39)
        assert purchases == pytest.approx(
            [
                1.4552668595134142,
                20.115699891468793,
                0.1065517583301246,
                0.19121576284050087,
                0.31997663544296046,
            ],
            rel=1e-12,
        )
        assert fitted().probability_alive(CUSTOMERS) == pytest.approx(
            [
                0.8691429919071738,
                0.9978716826775548,
                0.2943320849195987,
                0.05172867200143193,
                0.24939895913732104,
            ],
            rel=1e-12,
        )
        assert fitted().expected_new(52) == pytest.approx(1.473923382610143, rel=1e-12)


class TestForecasts:
    def test_several_times_at_once(self):
        several = fitted().expected_purchases(CUSTOMERS, [0, 4, 39])
        assert several.shape == (5, 3)
        assert several[:, 0] == pytest.approx(np.zeros(5))
        assert several[:, 2] == pytest.approx(fitted().expected_purchases(CUSTOMERS, 39))

    def test_s_of_one_is_no_exception(self):
        at, near = (fitted([0.55, 10.6, s, 11.7]) for s in (1.0, 1 + 1e-7))
        expected = near.expected_purchases(CUSTOMERS, 39)
        assert at.expected_purchases(CUSTOMERS, 39) == pytest.approx(expected, rel=1e-6)
        assert at.expected_new(39) == pytest.approx(near.expected_new(39), rel=1e-6)

    def test_a_new_customer_is_one_seen_for_no_time(self):
        seen = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
        model = fitted()
        assert model.probability_alive(seen) == pytest.approx(1)
        assert model.expected_purchases(seen, [10, 52])[0] == pytest.approx(
            model.expected_new([10, 52])
        )

    def test_simulated_customers_with_the_same_past_do_as_told(self):
        """λ and μ given the past are not independent; given that the customer is there they are."""
        parameters = np.array([1.0, 8.0, 0.8, 12.0])
        model, weeks = fitted(parameters), 30
        random = np.random.default_rng(3)
        table, alive, later = simulated(parameters, 1_000_000, weeks, random)
        for x, first, last in ((0, 0, 0), (2, 10, 12), (4, 27, 29)):
            near = (
                (table["frequency"] == x) & (table["recency"] >= first) & (table["recency"] <= last)
            ).to_numpy()
            n = near.sum()
            assert n > 1000
            part = table[near].reset_index(drop=True)
            expected = model.probability_alive(part).mean()
            error = np.sqrt(expected * (1 - expected) / n)
            assert alive[near].mean() == pytest.approx(expected, abs=4 * error)
            expected = model.expected_purchases(part, weeks).mean()
            spread = later[near].std() / np.sqrt(n)
            assert later[near].mean() == pytest.approx(expected, abs=4 * spread)

            drawn = model.draw_purchases(part, [0, 10, weeks], random, parameters).sum(axis=1)
            assert drawn.mean() == pytest.approx(expected, abs=4 * spread)
            for quantile in (0, 1, 3):
                shares = [(values > quantile).mean() for values in (drawn, later[near])]
                assert shares[0] == pytest.approx(shares[1], abs=4 * np.sqrt(0.5 / n))

    def test_draws_have_the_expected_mean_in_every_interval(self):
        many = CUSTOMERS.loc[np.repeat(0, 40_000)].reset_index(drop=True)
        model, edges = fitted(), np.array([4.0, 8.0, 30.0])
        drawn = model.draw_purchases(many, edges, np.random.default_rng(4), PUBLISHED)
        expected = np.diff(model.expected_purchases(CUSTOMERS, edges)[0])
        error = drawn.std(axis=0) / np.sqrt(len(many))
        assert np.all(np.abs(drawn.mean(axis=0) - expected) < 4 * error)


class TestFit:
    def test_finds_the_parameters_of_simulated_customers(self):
        parameters = np.array([0.8, 6.0, 0.7, 10.0])
        table, _, _ = simulated(parameters, 20_000, 78, np.random.default_rng(5))
        model = ParetoNBD().fit(table)
        off = np.log(model.estimates() / parameters) / np.sqrt(np.diag(model.covariance_))
        assert np.abs(off).max() < 3.5
        assert np.sqrt(np.diag(model.covariance_)).max() < 0.25  # and knows them well

    @pytest.mark.slow
    def test_intervals_cover_as_often_as_they_say(self):
        parameters, runs = np.array([1.0, 5.0, 1.0, 10.0]), 200
        covered = np.zeros(4)
        for seed in range(runs):
            table, _, _ = simulated(parameters, 1500, 52, np.random.default_rng(seed))
            rows = ParetoNBD().fit(table).parameters_
            covered += ((rows["low"] <= parameters) & (parameters <= rows["high"])).to_numpy()
        # 95 % with a Monte Carlo error of 1.5 %.
        assert np.all(np.abs(covered / runs - 0.95) < 0.05)

    def test_customers_who_are_alike_are_taken_as_such(self):
        random, n, weeks = np.random.default_rng(6), 4000, 60
        parameters = np.array([1e6, 4e6, 1e6, 3e7])  # λ of 1 in 4 weeks, μ of 1 in 30
        table, _, later = simulated(parameters, n, weeks, random)
        model = ParetoNBD().fit(table)
        assert (model.r_, model.s_) == pytest.approx((10_000, 1_000))
        assert [note[:17] for note in model.notes_] == ["r ran to infinity", "s ran to infinity"]
        assert model.r_ / model.alpha_ == pytest.approx(1 / 4, rel=0.05)
        assert model.s_ / model.beta_ == pytest.approx(1 / 30, rel=0.05)
        expected = model.expected_purchases(table, weeks).sum()
        assert later.sum() == pytest.approx(expected, abs=4 * later.std() * np.sqrt(n))

    def test_what_cannot_be_fitted_is_said(self):
        once = pd.DataFrame({"frequency": [0, 0, 0], "recency": [0.0] * 3, "T": [9.0, 8.0, 7.0]})
        with pytest.raises(InputError, match="bought once only"):
            ParetoNBD().fit(once)
        with pytest.raises(InputError, match="one customer only"):
            ParetoNBD().fit(CUSTOMERS.iloc[:1])
        nobody_leaves = pd.DataFrame(
            {"frequency": [5, 9, 12, 30] * 9, "recency": 51.9, "T": np.full(36, 52.0)}
        )
        with pytest.raises(InputError, match=r"Pareto/NBD: .* leave"):
            ParetoNBD().fit(nobody_leaves)
        with pytest.raises(InputError, match="recency must lie between 0 and T"):
            ParetoNBD().fit(CUSTOMERS.assign(T=5.0))

    def test_forecasts_need_a_fit_and_weeks_to_come(self):
        with pytest.raises(InputError, match="call fit first"):
            ParetoNBD().probability_alive(CUSTOMERS)
        with pytest.raises(InputError, match="weeks must be"):
            fitted().expected_purchases(CUSTOMERS, -1)
        with pytest.raises(InputError, match="week_edges must be"):
            fitted().draw_purchases(CUSTOMERS, [3, 2], np.random.default_rng(0), PUBLISHED)
