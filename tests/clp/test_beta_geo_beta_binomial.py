"""BG/BB.

Oracles: the donations of Fader, Hardie and Shang (2010) and what they estimate from them,
lifetimes 0.11.3 on the same, all histories there can be (which must add up to 1), Gauss' quadrature
over p and θ, differences of values for derivatives, and customers simulated from the story.
"""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import special

from crmlib import clp
from crmlib.clp.beta_geo_beta_binomial import (
    BetaGeoBetaBinomial,
    beta_geo_beta_binomial_log_likelihood,
    opportunity_summary,
    summed_log_likelihood,
    ways,
)
from crmlib.errors import InputError

PRINTED = np.array([1.204, 0.750, 0.657, 2.783])
"""alpha, beta, gamma, delta of the donations, as the paper prints them."""

DONORS = {
    (0, 0): 3464,
    (1, 1): 1091,
    (1, 2): 277,
    (1, 3): 129,
    (1, 4): 78,
    (1, 5): 119,
    (1, 6): 129,
    (2, 2): 613,
    (2, 3): 255,
    (2, 4): 155,
    (2, 5): 173,
    (2, 6): 234,
    (3, 3): 322,
    (3, 4): 181,
    (3, 5): 225,
    (3, 6): 357,
    (4, 4): 240,
    (4, 5): 284,
    (4, 6): 512,
    (5, 5): 335,
    (5, 6): 728,
    (6, 6): 1203,
}
"""First-time donors of 1995 by years with a gift from 1996 to 2001 and the last of them: Fader,
Hardie and Shang (2010), table 3."""

COLUMNS = ["frequency", "recency", "n_periods"]


def fitted(parameters=PRINTED):
    model = BetaGeoBetaBinomial()
    model.parameters_ = pd.DataFrame({"estimate": parameters})
    return model


def occasions(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def simulated(parameters, n, periods, random, later=0):
    """Purchases and leaving of customers, occasion by occasion, and purchases at later ones."""
    alpha, beta, gamma, delta = parameters
    p, theta = random.beta(alpha, beta, n), random.beta(gamma, delta, n)
    there, still = np.ones(n, dtype=bool), np.ones(n, dtype=bool)
    x, t_x, after = (np.zeros(n, dtype=int) for _ in range(3))
    for k in range(1, periods + later + 1):
        there &= random.random(n) >= theta
        buys = there & (random.random(n) < p)
        if k <= periods:
            x += buys
            t_x[buys] = k
            still = there.copy()
        else:
            after += buys
    return pd.DataFrame({"frequency": x, "recency": t_x, "n_periods": periods}), still, after


def beta_points(a, b):
    """Points and weights whose sums are means over a beta distribution, of polynomials exactly."""
    points, weights = special.roots_jacobi(20, b - 1, a - 1)
    return (points + 1) / 2, weights / weights.sum()


class TestDonations:
    @pytest.fixture
    def donors(self):
        rows = np.repeat(list(DONORS), list(DONORS.values()), axis=0)
        return pd.DataFrame(rows, columns=COLUMNS[:2]).assign(n_periods=6)

    def test_estimates_are_those_printed(self, donors):
        assert len(donors) == 11_104
        model = BetaGeoBetaBinomial().fit(donors)
        assert model.estimates().round(3) == pytest.approx(np.round(PRINTED, 3))
        assert round(model.log_likelihood_, 1) == -33225.6
        # lifetimes
        assert model.estimates() == pytest.approx(
            [1.2035223936080475, 0.7497163581757659, 0.6567181695499289, 2.783441982887471],
            rel=1e-6,
        )
        errors = [0.06939136, 0.02944772, 0.05100985, 0.32081894]
        assert list(model.standard_errors_.values()) == pytest.approx(errors, rel=1e-3)

    def test_forecasts_are_those_of_lifetimes(self):
        donors = occasions((0, 0, 6), (1, 6, 6), (6, 6, 6), (2, 6, 6))
        purchases = fitted().expected_purchases(donors, 5)
        expected = [0.07280288, 1.14792654, 3.75211561, 1.66876435]
        assert purchases == pytest.approx(expected, abs=5e-9)
        next_year = fitted().probability_alive(donors) * (2.783 + 6) / (0.657 + 2.783 + 6)
        expected = [0.10801658, 0.93040254, 0.93040254, 0.93040254]
        assert next_year == pytest.approx(expected, abs=5e-9)


class TestLikelihood:
    def test_all_histories_together_are_certain(self):
        for n in (1, 4, 7):
            rows = []
            for history in itertools.product([0, 1], repeat=n):
                bought = np.flatnonzero(history)
                rows.append((len(bought), bought[-1] + 1 if len(bought) else 0, n))
            logs = beta_geo_beta_binomial_log_likelihood(PRINTED, *np.array(rows).T)
            assert np.exp(logs).sum() == pytest.approx(1, abs=1e-12)

    @pytest.mark.parametrize(("x", "t_x", "n"), [(0, 0, 3), (2, 3, 6), (4, 4, 4), (1, 1, 9)])
    def test_is_the_mean_over_probabilities(self, x, t_x, n):
        alpha, beta, gamma, delta = parameters = np.array([1.5, 2.5, 1.2, 4.0])

        p, weight_p = beta_points(alpha, beta)
        theta, weight_theta = beta_points(gamma, delta)
        p = p[:, None]
        buys = p**x * (1 - p) ** (t_x - x)
        given = buys * (1 - p) ** (n - t_x) * (1 - theta) ** n
        for m in range(t_x, n):
            given = given + buys * (1 - p) ** (m - t_x) * theta * (1 - theta) ** m
        result = beta_geo_beta_binomial_log_likelihood(parameters, [x], [t_x], [n])
        assert result[0] == pytest.approx(np.log(weight_p @ given @ weight_theta), abs=1e-11)

    def test_many_occasions_do_no_harm(self):
        rows = np.array([[0, 0, 3000], [3000, 3000, 3000], [1500, 2000, 3000], [0, 0, 0]])
        logs = beta_geo_beta_binomial_log_likelihood(PRINTED, *rows.T)
        assert np.isfinite(logs).all()
        assert logs[3] == pytest.approx(0, abs=1e-12)

    def test_gradient_is_that_of_the_sum(self):
        random = np.random.default_rng(0)
        table = pd.concat([simulated(PRINTED, 200, n, random)[0] for n in (1, 3, 12)])
        found, inverse = ways(*table.to_numpy(dtype=float).T)
        assert inverse.max() + 1 == len(found.counts) < 600
        each = beta_geo_beta_binomial_log_likelihood
        for parameters in (PRINTED, PRINTED * [2, 0.5, 3, 0.4]):
            value, gradient = summed_log_likelihood(parameters, found)
            arrays = table.to_numpy().T
            assert value == pytest.approx(each(parameters, *arrays).sum(), rel=1e-12)
            for k, step in enumerate(1e-5 * np.eye(4)):
                up, down = (each(parameters + sign * step, *arrays).sum() for sign in (1, -1))
                assert gradient[k] == pytest.approx((up - down) / 2e-5, abs=1e-5, rel=1e-6)


class TestForecasts:
    def test_simulated_customers_with_the_same_past_do_as_told(self):
        parameters, n, later = np.array([1.2, 1.5, 0.8, 5.0]), 5, 8
        model, random = fitted(parameters), np.random.default_rng(1)
        table, still, after = simulated(parameters, 400_000, n, random, later)
        for past in ((0, 0, 5), (1, 2, 5), (3, 4, 5), (5, 5, 5)):
            alike = (table == list(past)).all(axis=1).to_numpy()
            count = alike.sum()
            assert count > 2000
            one = occasions(past)
            alive = model.probability_alive(one)[0]
            error = np.sqrt(alive * (1 - alive) / count)
            assert still[alike].mean() == pytest.approx(alive, abs=4 * error + 1e-12)
            expected = model.expected_purchases(one, later)[0]
            spread = after[alike].std() / np.sqrt(count)
            assert after[alike].mean() == pytest.approx(expected, abs=4 * spread)

            part = table[alike].reset_index(drop=True)
            drawn = model.draw_purchases(part, range(later + 1), random, parameters)
            assert drawn.shape == (count, later)
            assert drawn.max() == 1  # once an occasion at most
            for total in range(later):
                shares = [(values > total).mean() for values in (drawn.sum(axis=1), after[alike])]
                assert shares[0] == pytest.approx(shares[1], abs=4 * np.sqrt(0.5 / count))

    def test_several_times_at_once(self):
        donors = occasions((0, 0, 6), (2, 6, 6))
        several = fitted().expected_purchases(donors, [0, 1, 5])
        assert several[:, 0] == pytest.approx([0, 0])
        assert several[:, 2] == pytest.approx(fitted().expected_purchases(donors, 5))

    def test_a_new_customer_is_one_without_occasions(self):
        new = occasions((0, 0, 0))
        assert fitted().probability_alive(new) == pytest.approx(1)
        expected = fitted().expected_new([1, 6])
        assert fitted().expected_purchases(new, [1, 6])[0] == pytest.approx(expected)
        after = simulated(PRINTED, 200_000, 0, np.random.default_rng(2), 6)[2]
        assert after.mean() == pytest.approx(expected[1], abs=4 * after.std() / np.sqrt(200_000))

    def test_gamma_of_one_is_no_exception(self):
        at, near = (fitted([1.2, 0.75, gamma, 2.8]) for gamma in (1.0, 1 + 1e-8))
        donors = occasions((0, 0, 6), (2, 6, 6))
        expected = near.expected_purchases(donors, 5)
        assert at.expected_purchases(donors, 5) == pytest.approx(expected, rel=1e-7)


class TestFit:
    def test_finds_the_parameters_of_simulated_customers(self):
        parameters = np.array([1.2, 1.5, 0.8, 5.0])
        table, _, _ = simulated(parameters, 20_000, 12, np.random.default_rng(3))
        model = BetaGeoBetaBinomial().fit(table)
        error = np.sqrt(np.diag(model.covariance_))
        assert np.abs(np.log(model.estimates() / parameters) / error).max() < 3.5
        assert error.max() < 0.2

    @pytest.mark.slow
    def test_intervals_cover_as_often_as_they_say(self):
        parameters, runs, covered = np.array([1.2, 1.5, 1.0, 5.0]), 200, np.zeros(4)
        for seed in range(runs):
            table, _, _ = simulated(parameters, 3000, 10, np.random.default_rng(seed))
            rows = BetaGeoBetaBinomial().fit(table).parameters_
            covered += ((rows["low"] <= parameters) & (rows["high"] >= parameters)).to_numpy()
        # 95 % with a Monte Carlo error of 1.5 %.
        assert np.all(np.abs(covered / runs - 0.95) < 0.05)

    def test_customers_who_are_alike_are_taken_as_such(self):
        parameters = np.array([4e6, 6e6, 1e6, 1.9e7])  # p of 0.4, θ of 0.05
        table, _, _ = simulated(parameters, 5000, 15, np.random.default_rng(5))
        model = BetaGeoBetaBinomial().fit(table)
        assert (model.alpha_, model.delta_) == pytest.approx((10_000, 10_000))
        assert len(model.notes_) == 2
        assert model.alpha_ / (model.alpha_ + model.beta_) == pytest.approx(0.4, rel=0.05)
        assert model.gamma_ / (model.gamma_ + model.delta_) == pytest.approx(0.05, rel=0.1)

    def test_what_cannot_be_fitted_is_said(self):
        with pytest.raises(InputError, match="bought once only"):
            BetaGeoBetaBinomial().fit(occasions((0, 0, 5), (0, 0, 4)))
        with pytest.raises(InputError, match="BG/BB: the data do not determine"):
            BetaGeoBetaBinomial().fit(occasions(*[(5, 5, 5)] * 20))
        for wrong in ((3, 2, 5), (1, 6, 5), (0, 2, 5), (1.5, 2, 5), (1, 2, np.nan)):
            with pytest.raises(InputError, match=r"Summary of occasions: .*; row 1"):
                BetaGeoBetaBinomial().fit(occasions((1, 2, 5), wrong))
        with pytest.raises(InputError, match="whole numbers"):
            fitted().expected_purchases(occasions((1, 2, 5)), 1.5)


def test_occasions_are_the_periods_after_the_first_purchase():
    bought = {"a": ["2024-01-05", "2024-03-02", "2024-03-09"], "b": ["2024-02-10"]}
    bought |= {"c": ["2024-01-31", "2024-02-01", "2024-05-30"], "d": ["2024-05-31"]}
    rows = [(name, pd.Timestamp(day), 10.0) for name, days in bought.items() for day in days]
    transactions = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    history = clp.profit_history(transactions, margin_rate=0.5)
    assert opportunity_summary(history).to_numpy().tolist() == [
        ["a", 1, 2, 4],
        ["b", 0, 0, 3],
        ["c", 2, 4, 4],
        ["d", 0, 0, 0],
    ]
