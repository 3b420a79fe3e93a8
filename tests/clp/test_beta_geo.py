"""BG/NBD and MBG/NBD: published values, another program, integrals, and simulated customers."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from crmlib.clp.beta_geo import (
    BetaGeoLikelihood,
    BetaGeoNBD,
    ModifiedBetaGeoNBD,
    purchases_while_alive,
)
from crmlib.clp.purchases import counts_of, purchase_summary
from crmlib.errors import InputError

MODELS = [BetaGeoNBD, ModifiedBetaGeoNBD]

FEW = pd.DataFrame(
    {
        "frequency": [0, 1, 2, 5, 26],
        "recency": [0, 10, 30.43, 20, 30.857],
        "T": [38.86, 38.86, 38.86, 30, 31],
    }
)


def simulate(customers, parameters, T, weeks, leaves_after_first, seed):
    """Customers who live as the models say: their summary at T, and purchases in the weeks after.

    Written without the formulas of the models: every purchase and every chance to leave is drawn.
    """
    random = np.random.default_rng(seed)
    r, alpha, a, b = parameters
    rows, later = [], []
    for _ in range(customers):
        rate, p = random.gamma(r, 1 / alpha), random.beta(a, b)
        T_own = random.uniform(*T)
        times, time = [], 0.0
        here = not (leaves_after_first and random.random() < p)
        while here:
            time += random.exponential(1 / rate) if rate > 0 else np.inf
            if time > T_own + weeks[-1]:
                break
            times.append(time)
            here = random.random() >= p
        before = [t for t in times if t <= T_own]
        rows.append((len(before), before[-1] if before else 0.0, T_own))
        later.append(np.histogram(np.array(times) - T_own, weeks)[0])
    return pd.DataFrame(rows, columns=["frequency", "recency", "T"]), np.array(later)


def with_parameters(model, parameters):
    """A model that takes parameters from elsewhere."""
    model.parameters_ = pd.DataFrame({"estimate": parameters})
    return model


@pytest.fixture(scope="module")
def cdnow(cdnow_sample):
    return purchase_summary(cdnow_sample, margin_rate=0.3, observed_until="1997-09-30")


@pytest.fixture(scope="module")
def published(shared):
    return json.loads((shared / "reference" / "clp.json").read_text())["bgnbd_cdnow_sample"]


def test_the_published_parameters_of_the_cdnow_sample(cdnow, published):
    # The authors' table has two decimals of weeks.
    printed = cdnow.table.assign(
        recency=cdnow.table["recency"].round(2), T=cdnow.table["T"].round(2)
    )
    model = BetaGeoNBD().fit(printed)
    assert model.r_ == pytest.approx(published["r"], abs=5e-5)
    assert model.alpha_ == pytest.approx(published["alpha"], abs=5e-5)
    assert model.a_ == pytest.approx(published["a"], abs=5e-5)
    assert model.b_ == pytest.approx(published["b"], abs=5e-5)
    assert model.log_likelihood_ == pytest.approx(published["loglik"], abs=5e-4)
    assert model.n_customers_ == 2357
    assert model.notes_ == ()


def test_the_published_forecasts_of_the_cdnow_sample(cdnow, published):
    model = BetaGeoNBD().fit(cdnow)
    expected = published["E_next_39_weeks_for_x2_tx30.43_T38.86"]
    assert model.expected_purchases(FEW, 39)[2] == pytest.approx(expected, abs=5e-4)
    one = published["customer_1516"]
    row = pd.DataFrame({"frequency": [one["x"]], "recency": [one["t_x"]], "T": [one["T"]]})
    # Printed with parameters of another search: four digits of each are the same.
    assert model.expected_purchases(row, 52)[0] == pytest.approx(one["E52"], abs=1e-3)
    assert model.probability_alive(row)[0] == pytest.approx(one["p_alive"], abs=5e-6)


# lifetimes 0.11.3 (MIT licence) on the CDNOW sample to 1997-09-30, days / 7, fit with tol=1e-7:
# parameters, their standard errors, log-likelihood, P(alive) and 39 weeks of FEW, and of a new
# customer after 1, 10 and 39 weeks.
LIFETIMES = {
    BetaGeoNBD: (
        [0.24259454342, 4.4136027161, 0.7929218333, 2.4259057287],
        [0.012557, 0.378224, 0.185734, 0.705414],
        -9582.429206673933,
        [1.0, 0.4383561804, 0.7266091488, 0.5726143034, 0.9688512398],
        [0.1947820475, 0.4198142853, 1.2259068098, 2.6249425353, 20.7488352117],
        [0.0531842877, 0.4317586686, 1.1950099745],
    ),
    ModifiedBetaGeoNBD: (
        [0.5248429031, 6.1830817644, 0.8913595173, 1.6140029312],
        [0.083268, 0.695620, 0.154790, 0.537495],
        -9582.135715553766,
        [0.3897151861, 0.3810674499, 0.7061256993, 0.5540456091, 0.9654812357],
        [0.1539542769, 0.4211547523, 1.2626692202, 2.4906012229, 19.4465397692],
        [0.0530603327, 0.4332510114, 1.1822798471],
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_another_program_gives_the_same(kind, cdnow):
    parameters, errors, log_likelihood, lives, ahead, new = LIFETIMES[kind]
    model = kind().fit(cdnow)
    np.testing.assert_allclose(model.estimates(), parameters, rtol=2e-6)
    np.testing.assert_allclose(model.parameters_["standard_error"], errors, atol=2e-6)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=1e-7)
    np.testing.assert_allclose(model.probability_alive(FEW), lives, rtol=1e-6)
    np.testing.assert_allclose(model.expected_purchases(FEW, 39), ahead, rtol=1e-6)
    np.testing.assert_allclose(model.expected_new([1, 10, 39]), new, rtol=1e-6)


def test_the_holdout_of_the_cdnow_sample(cdnow, cdnow_sample, shared):
    known = json.loads((shared / "reference" / "clp.json").read_text())["cdnow_holdout_39_weeks"]
    forecast = BetaGeoNBD().fit(cdnow).expected_purchases(cdnow, 39)
    all_of_it = purchase_summary(cdnow_sample, margin_rate=0.3, observed_until="1998-06-30").table
    actual = (all_of_it["purchases"] - cdnow.table["purchases"]).to_numpy()
    assert actual.sum() == known["actual_repeat_purchases"]
    scores = known["models"]["BG/NBD"]
    assert np.abs(forecast - actual).mean() == pytest.approx(scores["mae"], abs=5e-4)
    assert np.sqrt(((forecast - actual) ** 2).mean()) == pytest.approx(scores["rmse"], abs=5e-4)
    assert forecast.sum() == pytest.approx(scores["total"], abs=0.5)


def written_out(x, recency, T, parameters, m):
    """Likelihood of one customer, integrated over λ and p as the model tells its story."""
    r, alpha, a, b = parameters

    def over_rate(p):
        stays = (1 - p) ** m * x_purchases(T)
        return stays + (p * (1 - p) ** (m - 1) * x_purchases(recency) if m else 0.0)

    def x_purchases(until):
        # mean of λ^x exp(-λ until) over the gamma distribution
        log = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
        return np.exp(log - (r + x) * np.log(alpha + until))

    # The powers of p and 1 - p in the beta density, singular at the ends, are given as a weight.
    integral, _ = integrate.quad(
        over_rate, 0, 1, weight="alg", wvar=(a - 1, b - 1), epsabs=0, epsrel=1e-11, limit=500
    )
    return integral / special.beta(a, b)


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("parameters", [(0.3, 4.0, 1.2, 2.5), (2.0, 9.0, 3.0, 1.5)])
def test_the_likelihood_is_the_story_integrated(leaves, parameters):
    x, recency, T = counts_of(FEW)
    value, _ = BetaGeoLikelihood(x, recency, T, leaves)(np.array(parameters))
    rows = zip(x, recency, T, strict=True)
    expected = [np.log(written_out(*row, parameters, int(row[0]) + leaves)) for row in rows]
    assert value == pytest.approx(sum(expected), rel=1e-9)


@pytest.mark.parametrize("leaves", [False, True])
def test_derivatives_are_those_of_differences(leaves):
    random = np.random.default_rng(1)
    x = random.integers(0, 6, 300).astype(float)
    T = random.uniform(5, 50, 300).round(1)
    log_likelihood = BetaGeoLikelihood(x, np.where(x > 0, T * 0.6, 0.0), T, leaves)
    at = np.array([0.7, 5.0, 1.1, 2.2])
    gradient = log_likelihood(at)[1]
    for i, step in enumerate(np.eye(4) * 1e-5):
        up, down = log_likelihood(at + step)[0], log_likelihood(at - step)[0]
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_many_customers_alike_count_as_many():
    x, recency, T = counts_of(FEW)
    once = BetaGeoLikelihood(x, recency, T, False)(np.array([0.3, 4.0, 0.8, 2.5]))
    often = BetaGeoLikelihood(*(np.tile(c, 7) for c in (x, recency, T)), False)
    value, gradient = often(np.array([0.3, 4.0, 0.8, 2.5]))
    assert value == pytest.approx(7 * once[0])
    np.testing.assert_allclose(gradient, 7 * once[1])


def test_the_likelihood_does_not_overflow():
    x, recency, T = np.array([400.0]), np.array([1.0]), np.array([5000.0])
    value, gradient = BetaGeoLikelihood(x, recency, T, False)(np.array([1e4, 1e-3, 1e-6, 1e4]))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("a", [0.02, 0.6, 1.0, 1 + 1e-9, 2.0, 40.0])
@pytest.mark.parametrize("k", [0.25, 1.0, 7.5, 300.0])
@pytest.mark.parametrize("tau", [1e-3, 0.7, 25.0])
def test_purchases_while_alive_are_the_integral(a, k, tau):
    """Mean of (1 - (1 + p τ)^-k) / p over the beta distribution, also where a = 1."""
    b = 2.4

    def inner(p):
        return -np.expm1(-k * np.log1p(p * tau)) / p if p > 0 else k * tau

    # scipy takes the ends' powers of the beta density as a weight of its own.
    integral, error = integrate.quad(
        inner, 0, 1, weight="alg", wvar=(a - 1, b - 1), epsabs=0, epsrel=1e-12, limit=500
    )
    ours = purchases_while_alive(np.array([k]), np.array([[tau]]), a, np.array([b]))
    tolerance = max(1e-10, 10 * error / integral)
    assert tolerance < 1e-7
    assert ours[0, 0] == pytest.approx(integral / special.beta(a, b), rel=tolerance)


def test_expected_purchases_know_their_limits():
    model = with_parameters(BetaGeoNBD(), [0.3, 4.0, 1.0, 2.5])
    table = pd.concat([FEW] * 3, ignore_index=True)
    ahead = model.expected_purchases(table, [0, 1e-6, 10, 20])
    assert ahead.shape == (15, 4)
    assert (ahead[:, 0] == 0).all()
    lives = model.probability_alive(table)
    slope = lives * (0.3 + table["frequency"]) / (4.0 + table["T"])
    np.testing.assert_allclose(ahead[:, 1], 1e-6 * slope, rtol=1e-5)
    np.testing.assert_array_equal(ahead[:5], ahead[5:10])
    np.testing.assert_allclose(model.expected_purchases(table, 20.0), ahead[:, 3], rtol=1e-13)
    for weeks in (-1, [3, np.nan], [[1, 2]]):
        with pytest.raises(InputError, match="weeks must be"):
            model.expected_purchases(table, weeks)


def test_expected_purchases_in_small_portions_are_the_same(monkeypatch):
    model = with_parameters(BetaGeoNBD(), [0.3, 4.0, 0.8, 2.5])
    whole = model.expected_purchases(FEW, [5, 50, 500])
    monkeypatch.setattr("crmlib.clp.beta_geo.CELLS", 300)
    np.testing.assert_allclose(model.expected_purchases(FEW, [5, 50, 500]), whole, rtol=1e-12)


TRUTH = [0.6, 6.0, 0.9, 2.5]
EDGES = np.array([0.0, 4.0, 13.0, 39.0])


@pytest.mark.parametrize("kind", MODELS)
def test_forecasts_agree_with_simulated_futures(kind):
    """With the true parameters: totals by interval, and how many buy 0, 1, … times."""
    table, later = simulate(20_000, TRUTH, (2, 60), EDGES, kind.leaves_after_first, seed=2)
    model = with_parameters(kind(), TRUTH)
    error = later.std(axis=0) / np.sqrt(len(later))
    ahead = np.diff(model.expected_purchases(table, EDGES), axis=1)
    assert (np.abs(ahead.mean(axis=0) - later.mean(axis=0)) < 4 * error).all()
    random = np.random.default_rng(3)
    drawn = model.draw_purchases(table, EDGES, random, np.array(TRUTH))
    assert drawn.shape == later.shape
    assert (np.abs(drawn.mean(axis=0) - later.mean(axis=0)) < 4 * np.sqrt(2) * error).all()
    counts = [np.bincount(np.minimum(y.sum(axis=1), 8), minlength=9) for y in (drawn, later)]
    assert stats.chi2_contingency(np.array(counts)).pvalue > 0.001
    # Interval by interval too, and the first against the last: leaving ties them together.
    pairs = [np.histogram2d(y[:, 0], y[:, 2], [0, 1, 2, 99])[0].ravel() for y in (drawn, later)]
    assert stats.chi2_contingency(np.array(pairs) + 0.5).pvalue > 0.001


@pytest.mark.parametrize("kind", MODELS)
def test_draws_of_each_customer_average_to_the_forecast(kind):
    model = with_parameters(kind(), TRUTH)
    many = FEW.loc[np.repeat(FEW.index, 40_000)].reset_index(drop=True)
    drawn = model.draw_purchases(many, [2, 10, 30], np.random.default_rng(4), np.array(TRUTH))
    drawn = drawn.reshape(5, 40_000, 2)
    expected = np.diff(model.expected_purchases(FEW, [2, 10, 30]), axis=1)
    error = drawn.std(axis=1) / 200
    assert (np.abs(drawn.mean(axis=1) - expected) < 4 * error).all()


def test_the_same_seed_draws_the_same():
    model = with_parameters(BetaGeoNBD(), TRUTH)
    draws = [
        model.draw_purchases(FEW, EDGES, np.random.default_rng(5), np.array(TRUTH)) for _ in "ab"
    ]
    np.testing.assert_array_equal(*draws)
    for edges in ([0], [3, 3], [-1, 2]):
        with pytest.raises(InputError, match="week_edges must be"):
            model.draw_purchases(FEW, edges, np.random.default_rng(5), np.array(TRUTH))


@pytest.mark.parametrize("kind", MODELS)
def test_parameters_are_recovered(kind):
    table, later = simulate(6000, TRUTH, (20, 80), EDGES, kind.leaves_after_first, seed=6)
    model = kind().fit(table)
    off = np.log(model.estimates() / TRUTH)
    # Squared distance in standard errors of four parameters at once: chi-squared with 4 degrees.
    assert off @ np.linalg.inv(model.covariance_) @ off < stats.chi2.ppf(0.999, 4)
    total = model.expected_purchases(table, EDGES[-1]).sum()
    assert total == pytest.approx(later.sum(), rel=0.08)


def test_new_customers_buy_as_simulated():
    for kind in MODELS:
        _, later = simulate(20_000, TRUTH, (0, 0), EDGES, kind.leaves_after_first, seed=7)
        expected = with_parameters(kind(), TRUTH).expected_new(EDGES[1:])
        error = later.cumsum(axis=1).std(axis=0) / np.sqrt(len(later))
        assert (np.abs(later.cumsum(axis=1).mean(axis=0) - expected) < 4 * error).all()


def test_customers_who_buy_alike_are_taken_as_alike():
    """Equal λ and p for all: r and b run to infinity, and what they make of λ and p is found."""
    table, later = simulate(1500, [1e6, 5e6, 2e5, 8e5], (30, 60), EDGES, False, seed=8)
    model = BetaGeoNBD().fit(table)
    assert model.r_ == pytest.approx(10_000)
    assert model.b_ == pytest.approx(10_000)
    assert model.r_ / model.alpha_ == pytest.approx(0.2, rel=0.1)
    assert model.a_ / (model.a_ + model.b_) == pytest.approx(0.2, rel=0.1)
    assert len(model.notes_) == 2
    assert "how often they buy" in model.notes_[0]
    assert model.parameters_["standard_error"].isna().tolist() == [True, False, False, True]
    assert np.isfinite(model.parameter_draws(10, np.random.default_rng(1))).all()
    assert model.expected_purchases(table, 39).sum() == pytest.approx(later.sum(), rel=0.15)


def test_everybody_gone_is_seen():
    random = np.random.default_rng(9)
    x = random.integers(1, 6, 500)
    table = pd.DataFrame({"frequency": x, "recency": random.uniform(5, 10, 500), "T": 150.0})
    assert BetaGeoNBD().fit(table).probability_alive(table).max() < 0.01


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(
    ("table", "words"),
    [
        (FEW.iloc[:0], "no customers"),
        (FEW.iloc[[4]], "one customer only"),
        (FEW.iloc[[0] * 50], "all 50 customers bought once only"),
        (FEW.iloc[[0] * 50 + [1]], "only 1 of 51 customers bought again"),
        (FEW.iloc[[4] * 50].assign(recency=31.0), "a running to 0"),
    ],
)
def test_tables_that_say_too_little_are_refused(kind, table, words):
    with pytest.raises(InputError, match=f"{kind.model}: .*{words}"):
        kind().fit(table.reset_index(drop=True))


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
def test_intervals_of_parameters_hold_what_they_promise(kind):
    """Of 95 % intervals from 100 simulated bases, 89 to 100 hold each true parameter."""
    held = np.zeros(4)
    for seed in range(100):
        table, _ = simulate(1500, TRUTH, (20, 80), EDGES[:2], kind.leaves_after_first, 100 + seed)
        found = kind().fit(table).parameters_
        held += ((found["low"] <= TRUTH) & (found["high"] >= TRUTH)).to_numpy()
    low, high = stats.binom.ppf([0.005, 0.9999], 100, 0.95)
    assert ((held >= low) & (held <= high)).all(), held
