"""Shifted beta-geometric.

Oracles: the two cohorts of Fader and Hardie (2007) with their estimates and year 12, sums written
out, the recursion of the paper, differences of values for derivatives, draws of the parameters for
intervals, and simulated cohorts.
"""

import json

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.shifted_beta_geometric import (
    ShiftedBetaGeometric,
    discounted_stay,
    fit_by_cohort,
    losses_of,
    shifted_beta_geometric_log_likelihood,
    shifted_beta_geometric_retention,
    shifted_beta_geometric_survival,
)
from crmlib.errors import InputError

HIGH_END = np.array([1000, 869, 743, 653, 593, 551, 517, 491])


def cohort(parameters, n, periods, random):
    """Survivors of a cohort, customer by customer."""
    leaves_in = random.geometric(random.beta(*parameters, n))
    return np.array([(leaves_in > t).sum() for t in range(periods + 1)])


class TestPublishedCohorts:
    @pytest.fixture(params=["regular", "high_end"])
    def published(self, request, shared):
        printed = json.loads((shared / "reference" / "clp.json").read_text())["sbg"]
        given = printed[request.param]
        survivors = 10 * np.array(given["survival_percent_year_0_to_12"])
        return given, survivors, printed["fit_years"]

    def test_estimates_are_those_printed(self, published):
        given, survivors, years = published
        model = ShiftedBetaGeometric().fit(survivors[: years + 1])
        assert round(model.alpha_, 3) == given["alpha"]
        assert round(model.beta_, 3) == given["beta"]
        assert model.n_customers_ == 1000

    def test_year_twelve_is_foretold_within_five_percent(self, published):
        _, survivors, years = published
        model = ShiftedBetaGeometric().fit(survivors[: years + 1])
        foretold = model.survival(12)["survival"].item()
        assert foretold == pytest.approx(survivors[12] / 1000, rel=0.05)

    def test_curves_through_the_survivors_miss_year_twelve(self, shared):
        """The paper's caution, computed again: a line, a parabola and an exponential."""
        printed = json.loads((shared / "reference" / "clp.json").read_text())["sbg"]
        survivors = np.array(printed["high_end"]["survival_percent_year_0_to_12"])
        year, seen = np.arange(8), survivors[:8]
        foretold = {
            "linear": np.polyval(np.polyfit(year, seen, 1), 12),
            "exponential": np.exp(np.polyval(np.polyfit(year, np.log(seen), 1), 12)),
            "quadratic": np.polyval(np.polyfit(year, seen, 2), 12),
        }
        for curve, error in printed["curve_fit_error_year_12_high_end"].items():
            assert round(foretold[curve] / survivors[12] - 1, 2) == error


class TestDistribution:
    PARAMETERS = np.array([0.668, 3.806])

    def test_follows_the_recursion_of_the_paper(self):
        alpha, beta = self.PARAMETERS
        left = [alpha / (alpha + beta)]
        for t in range(2, 31):
            left.append(left[-1] * (beta + t - 2) / (alpha + beta + t - 1))
        survival = shifted_beta_geometric_survival(self.PARAMETERS, np.arange(31))
        assert survival == pytest.approx(1 - np.concatenate([[0], np.cumsum(left)]), rel=1e-12)

    def test_retention_is_the_ratio_of_survivors_and_rises(self):
        survival = shifted_beta_geometric_survival(self.PARAMETERS, np.arange(31))
        retention = shifted_beta_geometric_retention(self.PARAMETERS, np.arange(1, 31))
        assert retention == pytest.approx(survival[1:] / survival[:-1], rel=1e-12)
        assert np.all(np.diff(retention) > 0)

    @pytest.mark.parametrize("rate", [0.002, 0.1, 0.5])
    def test_discounted_stay_is_the_sum_written_out(self, rate):
        t = np.arange(20_000)
        survival = shifted_beta_geometric_survival(self.PARAMETERS, t)
        discount = (1 + rate) ** -t.astype(float)
        new = discounted_stay(self.PARAMETERS, rate)
        assert new == pytest.approx(survival @ discount, rel=1e-9)
        for k in (0, 1, 7, 40):
            later = survival[k + 1 :] / survival[k]
            expected = later @ discount[: len(later)]
            assert discounted_stay(self.PARAMETERS, rate, k) == pytest.approx(expected, rel=1e-9)

    def test_undiscounted_stay(self):
        # The mean of 1/θ over a beta distribution.
        assert discounted_stay([3.0, 5.0], 0.0) == pytest.approx(7 / 2)
        assert np.isinf(discounted_stay([0.9, 5.0], 0.0))


class TestLikelihood:
    def test_is_the_product_over_customers(self):
        parameters = np.array([0.8, 2.0])
        survivors = np.array([40, 25, 18, 18, 11])
        survival = shifted_beta_geometric_survival(parameters, np.arange(5))
        expected = -np.diff(survivors) @ np.log(-np.diff(survival)) + 11 * np.log(survival[4])
        value, _ = shifted_beta_geometric_log_likelihood(parameters, losses_of(survivors))
        assert value == pytest.approx(expected, rel=1e-12)

    def test_gradient_is_that_of_the_value(self):
        losses = losses_of(HIGH_END)
        for parameters in (np.array([0.7, 3.8]), np.array([3.0, 0.4])):
            _, gradient = shifted_beta_geometric_log_likelihood(parameters, losses)
            for k, step in enumerate(1e-5 * np.eye(2)):
                up, down = (
                    shifted_beta_geometric_log_likelihood(parameters + sign * step, losses)[0]
                    for sign in (1, -1)
                )
                assert gradient[k] == pytest.approx((up - down) / 2e-5, rel=1e-6)


@pytest.fixture(scope="module")
def model():
    return ShiftedBetaGeometric().fit(HIGH_END)


class TestResults:
    def test_intervals_are_those_of_draws_of_the_parameters(self, model):
        draws = model.parameter_draws(40_000, np.random.default_rng(0))
        tables = {
            "retention": (model.retention([1, 5]), shifted_beta_geometric_retention, [1, 5]),
            "survival": (model.survival([3, 12]), shifted_beta_geometric_survival, [3, 12]),
        }
        for name, (table, function, periods) in tables.items():
            values = np.array([function(draw, periods) for draw in draws])
            low, high = np.quantile(values, [0.025, 0.975], axis=0)
            # The delta method takes the curve for a straight line: right to first order.
            width = high - low
            assert np.abs(table["low"] - low).max() < 0.1 * width.min()
            assert np.abs(table["high"] - high).max() < 0.1 * width.min()
            assert (table["low"] < table[name]).all()
            assert (table[name] < table["high"]).all()

    def test_all_are_there_at_the_start(self, model):
        row = model.survival([0, 1]).iloc[0]
        assert (row["survival"], row["low"], row["high"]) == (1, 1, 1)

    def test_lifetimes(self, model):
        parameters = model.estimates()
        survival = shifted_beta_geometric_survival(parameters, np.arange(5))
        five = model.expected_lifetime(5).iloc[0]
        assert five["lifetime"] == pytest.approx(survival.sum())
        assert five["low"] < five["lifetime"] < five["high"]
        for_ever = model.expected_lifetime().iloc[0]
        assert np.isinf(for_ever["lifetime"])
        assert np.isnan(for_ever["low"])
        new = model.discounted_lifetime(0.1)
        assert new["lifetime"].item() == pytest.approx(discounted_stay(parameters, 0.1))
        longer = model.discounted_lifetime(0.1, [0, 1, 4])
        assert longer["renewals"].tolist() == [0, 1, 4]
        assert longer["lifetime"].is_monotonic_increasing
        assert (longer["low"] < longer["lifetime"]).all()
        # Whoever pays at once is worth that payment and the discounted rest.
        rest = longer["lifetime"][0] / 1.1
        assert new["lifetime"].item() == pytest.approx(1 + rest)

    def test_what_makes_no_sense_is_said(self, model):
        with pytest.raises(InputError, match=r"Did you mean 0\.1"):
            model.discounted_lifetime(10)
        with pytest.raises(InputError, match="0 or more"):
            model.discounted_lifetime(-0.1)
        with pytest.raises(InputError, match="whole numbers of 1 or more"):
            model.retention([0, 1])
        with pytest.raises(InputError, match="whole numbers of 0 or more"):
            model.survival(2.5)
        with pytest.raises(InputError, match="call fit first"):
            ShiftedBetaGeometric().retention(1)


class TestCohorts:
    @staticmethod
    def table(*cohorts):
        return pd.concat(
            pd.DataFrame({"cohort": name, "period": np.arange(len(n)), "customers": n})
            for name, n in cohorts
        )

    def test_one_cohort_is_the_same_as_a_table_or_an_array(self):
        whole = ShiftedBetaGeometric().fit(HIGH_END)
        shuffled = self.table(("a", HIGH_END)).sample(frac=1, random_state=1)
        again = ShiftedBetaGeometric().fit(shuffled)
        assert again.estimates() == pytest.approx(whole.estimates(), rel=1e-9)

    def test_a_cohort_in_two_halves_tells_the_same(self):
        n = 2 * HIGH_END
        halves = ShiftedBetaGeometric().fit(self.table(("a", HIGH_END), ("b", HIGH_END)))
        whole = ShiftedBetaGeometric().fit(n)
        assert halves.estimates() == pytest.approx(whole.estimates(), rel=1e-6)
        assert halves.log_likelihood_ == pytest.approx(whole.log_likelihood_)

    def test_cohorts_of_different_length_find_the_parameters(self):
        parameters, random = np.array([0.9, 3.0]), np.random.default_rng(1)
        cohorts = [(f"c{k}", cohort(parameters, 1500, k, random)) for k in range(2, 12)]
        model = ShiftedBetaGeometric().fit(self.table(*cohorts))
        error = np.sqrt(np.diag(model.covariance_))
        assert np.abs(np.log(model.estimates() / parameters) / error).max() < 3.5
        assert error.max() < 0.1
        assert model.n_customers_ == 15_000

    def test_each_by_itself(self):
        result = fit_by_cohort(self.table(("a", HIGH_END), ("b", [50, 50]), ("c", HIGH_END // 2)))
        assert result["cohort"].tolist() == ["a", "b", "c", "all"]
        assert result["customers"].tolist() == [1000, 50, 500, 1550]
        assert result["alpha"][0] == pytest.approx(ShiftedBetaGeometric().fit(HIGH_END).alpha_)
        assert np.isnan(result["alpha"][1])
        assert "none of the 50 customers was lost" in result["note"][1]
        assert result["note"][[0, 2, 3]].tolist() == ["", "", ""]

    @pytest.mark.slow
    def test_intervals_cover_as_often_as_they_say(self):
        parameters, runs = np.array([0.9, 3.0]), 1000
        covered = np.zeros(4)
        truth = [*parameters, *shifted_beta_geometric_survival(parameters, [12])]
        truth.append(float(discounted_stay(parameters, 0.1)))
        for seed in range(runs):
            model = ShiftedBetaGeometric()
            model.fit(cohort(parameters, 1000, 7, np.random.default_rng(seed)))
            rows = [model.parameters_, model.survival(12), model.discounted_lifetime(0.1)]
            low, high = (np.concatenate([table[end] for table in rows]) for end in ("low", "high"))
            covered += (low <= truth) & (truth <= high)
        # 95 % with a Monte Carlo error of 0.7 %.
        assert np.all(np.abs(covered / runs - 0.95) < 0.025)


def test_retention_that_does_not_rise_is_a_constant_one():
    for survivors in ([1000, 800, 640, 512], [1000, 900, 700, 450]):
        model = ShiftedBetaGeometric().fit(survivors)
        assert model.notes_[0].startswith("alpha ran to infinity")
        # What a geometric distribution says: the stays that ended well over all there were.
        constant = sum(survivors[1:]) / sum(survivors[:-1])
        assert model.retention([1, 9])["retention"].to_numpy() == pytest.approx(constant, rel=1e-3)


class TestFaults:
    @pytest.mark.parametrize(
        ("survivors", "message"),
        [
            ([100, 100], "none of the 100 customers was lost"),
            ([1.0, 0.8, 0.7], "not shares"),
            ([100, 50, 60], "grows from 50 to 60 customers in period 2"),
            ([100], "after one period or more"),
            ([100, np.nan], "none missing"),
            ([1000, 800], "seen for one period only"),
            ([1000, 0, 0], "seen for one period only"),
        ],
    )
    def test_survivors_that_cannot_be(self, survivors, message):
        with pytest.raises(InputError, match=message):
            ShiftedBetaGeometric().fit(survivors)

    def test_periods_with_a_gap(self):
        table = pd.DataFrame({"cohort": "a", "period": [0, 1, 3], "customers": [9, 8, 7]})
        with pytest.raises(InputError, match="cohort a has the periods 0, 1, 3"):
            ShiftedBetaGeometric().fit(table)
