"""Estimates and their standard errors.

Oracles: R survey 4.1-1 on its api data, all possible samples of small populations (where the
mean of the estimates must be the truth, without a Monte Carlo error), sums written out, identities
between estimators, and simulated coverage with its Monte Carlo error.
"""

import datetime as dt
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlib.errors import InputError
from crmlib.sampling.estimation import (
    design_effect,
    estimate,
    linearised_variance,
    logit_interval,
    weighted_quantile,
    wilson_interval,
)
from crmlib.sampling.samples import SurveySample
from crmlib.sampling.weighting import calibrate, poststratify, rake

NEAR = 1e-9
"""Relative agreement with R, which wrote 12 digits."""

DESIGNS = {
    "srs": ("apisrs", {"population": ("fpc",)}),
    "srs_nofpc": ("apisrs", {}),
    "strat": ("apistrat", {"strata": "stype", "population": ("fpc",)}),
    "clus1": ("apiclus1", {"clusters": ("dnum",), "population": ("fpc",)}),
    "clus2": ("apiclus2", {"clusters": ("dnum", "snum"), "population": ("fpc1", "fpc2")}),
}


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "sampling.json").read_text())


@pytest.fixture(params=DESIGNS)
def case(request, shared, reference):
    """A sample of the api data and what R makes of it."""
    return api_sample(shared, request.param), reference[request.param]


def api_sample(shared, name):
    file, design = DESIGNS[name]
    return SurveySample(pd.read_csv(shared / "data" / f"{file}.csv"), "pw", **design)


def close(result, expected, *, effect=False):
    assert result["estimate"].to_numpy() == pytest.approx(expected["est"], rel=NEAR)
    # A variance that is 0 comes out as rounding noise.
    size = np.max(np.abs(expected["est"]))
    assert result["standard_error"].to_numpy() == pytest.approx(
        expected["se"], rel=NEAR, abs=1e-12 * size
    )
    if effect:
        assert result["design_effect"].to_numpy() == pytest.approx(expected["deff"], rel=NEAR)


def small_sample(**columns):
    data = pd.DataFrame({"w": 2.0, "y": [1.0, 4.0, 2.0, 8.0]} | columns)
    return SurveySample(data, "w")


class TestAgainstR:
    def test_means_with_t_intervals_and_design_effects(self, case):
        sample, expected = case
        result = estimate(sample, "api00")
        close(result, expected["mean_api00"], effect=True)
        assert result[["low", "high"]].to_numpy()[0] == pytest.approx(
            expected["mean_api00_ci_t"], rel=NEAR
        )
        assert result["degrees_of_freedom"].item() == expected["degf"]
        assert result["n"].item() == expected["n"]
        assert result["sum_of_weights"].item() == pytest.approx(expected["sumw"], rel=NEAR)

    def test_design_effect_with_replacement(self, case):
        sample, expected = case
        y = sample.data["api00"].to_numpy(dtype=float)
        result = estimate(sample, "api00")
        linearised = (y - result["estimate"].item()) / sample.weights.sum()
        effect = design_effect(
            result["standard_error"].item() ** 2, linearised, sample.weights, with_replacement=True
        )
        assert effect == pytest.approx(expected["mean_api00_deff_replace"], rel=NEAR)

    def test_totals_and_means_of_those_with_a_value(self, case):
        # enroll is missing for six schools of apiclus2; R drops them as a domain.
        sample, expected = case
        total = estimate(sample, "enroll", kind="total", missing="domain")
        close(total, expected["total_enroll"], effect=True)
        close(estimate(sample, "enroll", missing="domain"), expected["mean_enroll"], effect=True)

    def test_counts_and_proportions_of_levels(self, case):
        sample, expected = case
        close(estimate(sample, None, kind="total", by="stype"), expected["total_stype"])
        for i, level in enumerate("EHM"):
            for kind, name in (("proportion", "mean_stype"), ("total", "total_stype")):
                result = estimate(sample, "stype", kind=kind, value=level)
                close(result, {key: expected[name][key][i] for key in ("est", "se")})

    def test_ratios(self, case):
        sample, expected = case
        result = estimate(sample, "api.stu", kind="ratio", denominator="enroll", missing="domain")
        close(result, expected["ratio_apistu_enroll"], effect=True)

    def test_domains(self, case):
        sample, expected = case
        close(estimate(sample, "api00", by="stype"), expected["by_stype_mean_api00"])
        totals = estimate(sample, "enroll", by="sch.wide", kind="total", missing="domain")
        close(totals, expected["by_schwide_total_enroll"])
        assert totals["sch.wide"].tolist() == expected["by_schwide_total_enroll"]["levels"]

    def test_quantiles(self, case):
        sample, expected = case
        for i, quantile in enumerate((0.25, 0.5, 0.75)):
            result = estimate(sample, "api00", kind="quantile", quantile=quantile)
            close(result, {key: expected["quantile_api00"][key][i] for key in ("est", "se")})

    def test_logit_intervals(self, case):
        sample, expected = case
        result = estimate(sample, "sch.wide", kind="proportion", value="Yes", interval="logit")
        close(result, expected["prop_schwide_logit"])
        assert result[["low", "high"]].to_numpy()[0] == pytest.approx(
            expected["prop_schwide_logit"]["ci"], rel=NEAR
        )

    def test_a_ratio_times_a_known_total(self, shared, reference):
        expected = reference["strat_ratio_total_apistu"]
        ratio = estimate(api_sample(shared, "strat"), "api.stu", kind="ratio", denominator="enroll")
        for column, name in (("estimate", "est"), ("standard_error", "se")):
            total = ratio[column].item() * expected["X_total_enroll"]
            assert total == pytest.approx(expected[name], rel=NEAR)

    def test_calibrated_samples(self, shared, reference):
        sample = api_sample(shared, "clus1")
        stype = {"E": 4421, "H": 755, "M": 1018}
        api99 = pd.read_csv(shared / "data" / "apipop.csv")["api99"].sum()
        calibrated = {
            "clus1_poststrat": poststratify(sample, "stype", stype),
            "clus1_rake": rake(sample, reference["clus1_rake"]["margins"]),
            "clus1_greg_stype_api99": calibrate(sample, {"stype": stype, "api99": api99}),
        }
        for name, weighted in calibrated.items():
            close(estimate(weighted.sample, "api00"), reference[name]["mean_api00"])
            total = estimate(weighted.sample, "enroll", kind="total")
            close(total, reference[name]["total_enroll"])
        by_type = estimate(calibrated["clus1_poststrat"].sample, None, kind="total", by="stype")
        close(by_type, reference["clus1_poststrat"]["total_stype"])

    def test_the_last_stage_need_not_be_named(self, shared, reference):
        data = pd.read_csv(shared / "data" / "apiclus2.csv")
        sample = SurveySample(data, "pw", clusters=("dnum",), population=("fpc1", "fpc2"))
        close(estimate(sample, "api00"), reference["clus2"]["mean_api00"])


POPULATION = pd.DataFrame(
    {
        "y": [3.0, 7.0, 1.0, 9.0, 4.0, 12.0, 2.0, 8.0],
        "cluster": [0, 0, 0, 1, 1, 2, 2, 2],
        "stratum": list("aaaaabbb"),
    }
)


def every_simple_sample(units=POPULATION, n=3):
    for rows in itertools.combinations(range(len(units)), n):
        data = units.iloc[list(rows)].assign(w=len(units) / n, N=len(units))
        yield 1.0, SurveySample(data, "w", population=("N",))


def every_stratified_sample():
    first, second = (POPULATION[POPULATION["stratum"] == h] for h in "ab")
    for (_, a), (_, b) in itertools.product(
        every_simple_sample(first, 3), every_simple_sample(second, 2)
    ):
        data = pd.concat([a.data, b.data])
        yield 1.0, SurveySample(data, "w", strata="stratum", population=("N",))


def every_cluster_sample():
    for clusters in itertools.combinations(range(3), 2):
        data = POPULATION[POPULATION["cluster"].isin(clusters)].assign(w=1.5, N=3)
        yield 1.0, SurveySample(data, "w", clusters=("cluster",), population=("N",))


def every_two_stage_sample():
    """Two of three clusters, then two units of each; not all samples are equally likely."""
    for clusters in itertools.combinations(range(3), 2):
        parts = [POPULATION[POPULATION["cluster"] == c] for c in clusters]
        choices = [list(itertools.combinations(range(len(part)), 2)) for part in parts]
        for chosen in itertools.product(*choices):
            data = pd.concat(
                part.iloc[list(rows)].assign(N1=3, N2=len(part), w=1.5 * len(part) / 2)
                for part, rows in zip(parts, chosen, strict=True)
            )
            sample = SurveySample(data, "w", clusters=("cluster",), population=("N1", "N2"))
            yield 1 / len(choices[0]) / len(choices[1]), sample


class TestAllPossibleSamples:
    """The mean over all samples a design can draw, without a Monte Carlo error."""

    @pytest.mark.parametrize(
        "design",
        [
            every_simple_sample,
            every_stratified_sample,
            every_cluster_sample,
            every_two_stage_sample,
        ],
    )
    def test_totals_and_their_variances_are_unbiased(self, design):
        chance, totals, variances = [], [], []
        for weight, sample in design():
            row = estimate(sample, "y", kind="total").iloc[0]
            chance.append(weight)
            totals.append(row["estimate"])
            variances.append(row["standard_error"] ** 2)
        truth = POPULATION["y"].sum()
        assert np.average(totals, weights=chance) == pytest.approx(truth, rel=1e-12)
        variance = np.average((np.array(totals) - truth) ** 2, weights=chance)
        assert np.average(variances, weights=chance) == pytest.approx(variance, rel=1e-12)

    def test_domain_totals_and_their_variances_are_unbiased(self):
        # Some samples have nobody in the domain: there its total is missing here, 0 in truth.
        totals, variances = [], []
        for _, sample in every_simple_sample():
            result = estimate(sample, "y", kind="total", by="stratum").set_index("stratum")
            row = result.loc["b"] if "b" in result.index else None
            totals.append(0.0 if row is None else row["estimate"])
            variances.append(0.0 if row is None else row["standard_error"] ** 2)
        truth = POPULATION.loc[POPULATION["stratum"] == "b", "y"].sum()
        assert np.mean(totals) == pytest.approx(truth, rel=1e-12)
        assert np.mean(variances) == pytest.approx(np.var(totals), rel=1e-12)


def draws(population, n, times, seed):
    random = np.random.default_rng(seed)
    for _ in range(times):
        rows = random.choice(len(population), n, replace=False)
        data = population.iloc[rows].assign(w=len(population) / n, N=len(population))
        yield SurveySample(data, "w", population=("N",))


class TestCoverage:
    """600 samples of 150: the Monte Carlo standard error of a coverage of 95 % is 0.9 points."""

    @pytest.fixture(scope="class")
    @staticmethod
    def population():
        random = np.random.default_rng(5)
        x = random.gamma(4.0, 10.0, 3000)
        return pd.DataFrame(
            {
                "x": x,
                "y": 2 * x + random.normal(0, 15, 3000),
            }
        )

    @pytest.mark.parametrize(
        ("options", "truth"),
        [
            ({"y": "y"}, lambda p: p["y"].mean()),
            (
                {"y": "y", "kind": "ratio", "denominator": "x"},
                lambda p: p["y"].sum() / p["x"].sum(),
            ),
            ({"y": "y", "kind": "quantile"}, lambda p: np.sort(p["y"])[1499]),
        ],
    )
    def test_intervals_cover_and_estimates_are_unbiased(self, population, options, truth):
        results = pd.concat(
            estimate(sample, **options) for sample in draws(population, 150, 600, seed=6)
        )
        true = truth(population)
        covered = ((results["low"] <= true) & (true <= results["high"])).mean()
        assert 0.925 < covered < 0.975
        error = results["estimate"].std() / np.sqrt(len(results))
        assert abs(results["estimate"].mean() - true) < 4 * error + 0.01 * abs(true)
        # The standard errors are right too: that of the spread of 600 estimates is 2.9 %.
        assert results["standard_error"].mean() == pytest.approx(
            results["estimate"].std(), rel=0.09
        )


class TestExactCoverage:
    """Counts in a simple random sample are hypergeometric: coverage without a Monte Carlo error."""

    N, n = 3000, 150

    def coverage(self, interval, K):
        count = np.arange(self.n + 1)
        chance = stats.hypergeom.pmf(count, self.N, K, self.n)
        inside = [low <= K / self.N <= high for low, high in interval]
        return chance @ inside

    @pytest.mark.parametrize("name", ["wilson", "logit"])
    def test_of_proportions(self, name):
        t = stats.t.ppf(0.975, self.n - 1)
        intervals = []
        for p in np.arange(self.n + 1) / self.n:
            variance = (1 - self.n / self.N) * p * (1 - p) / (self.n - 1)
            wilson = wilson_interval(p, variance, t, self.n)
            intervals.append(wilson if name == "wilson" else logit_interval(p, variance**0.5, t))
        covered = [self.coverage(intervals, K) for K in range(150, 1501, 10)]
        assert np.mean(covered) == pytest.approx(0.95, abs=0.006)
        assert min(covered) > 0.93

    @pytest.mark.parametrize("name", ["wilson", "logit"])
    def test_estimate_gives_these_intervals(self, name):
        yes = np.arange(self.n) < 18
        data = pd.DataFrame({"yes": yes, "w": self.N / self.n, "N": self.N})
        row = estimate(
            SurveySample(data, "w", population=("N",)), "yes", kind="proportion", interval=name
        ).iloc[0]
        p, t = 18 / self.n, stats.t.ppf(0.975, self.n - 1)
        variance = (1 - self.n / self.N) * p * (1 - p) / (self.n - 1)
        wilson = wilson_interval(p, variance, t, np.nan)
        expected = wilson if name == "wilson" else logit_interval(p, variance**0.5, t)
        assert row[["low", "high"]].tolist() == pytest.approx(expected)


class TestSystematic:
    def test_successive_differences_written_out(self):
        data = pd.DataFrame(
            {
                "y": [5.0, 1.0, 2.0, 9.0, 7.0],
                "place": [30, 10, 20, 2, 1],
                "h": list("aaabb"),
                "w": 4.0,
                "N": [12, 12, 12, 8, 8],
            }
        )
        sample = SurveySample(data, "w", strata="h", population=("N",), order="place")
        result = estimate(sample, "y", kind="total", method="successive_difference")
        first = 0.75 * 3 / (2 * 2) * 16 * ((2 - 1) ** 2 + (5 - 2) ** 2)
        second = 0.75 * 2 / (2 * 1) * 16 * (9 - 7) ** 2
        assert result["standard_error"].item() ** 2 == pytest.approx(first + second)

    def test_clusters_are_taken_in_their_order(self):
        data = pd.DataFrame(
            {"y": [1.0, 2.0, 4.0, 8.0], "c": list("abca"), "place": [5, 9, 2, 5], "w": 1.0}
        )
        sample = SurveySample(data, "w", clusters=("c",), order="place")
        result = estimate(sample, "y", kind="total", method="successive_difference")
        # In order c, a, b with totals 4, 9, 2.
        expected = 3 / (2 * 2) * ((9 - 4) ** 2 + (2 - 9) ** 2)
        assert result["standard_error"].item() ** 2 == pytest.approx(expected)

    def test_it_sees_what_sorting_buys(self):
        # Smooth population and noise, all 40 starting points: the usual formula is far above the
        # true variance, the successive differences are near it.
        random = np.random.default_rng(3)
        place = np.arange(8000)
        y = 50 * np.sin(place / 900) + random.normal(0, 5, 8000)
        means, usual, successive = [], [], []
        for start in range(40):
            data = pd.DataFrame(
                {"y": y[start::40], "place": place[start::40], "w": 40.0, "N": 8000}
            )
            sample = SurveySample(data, "w", population=("N",), order="place")
            row = estimate(sample, "y").iloc[0]
            means.append(row["estimate"])
            usual.append(row["standard_error"] ** 2)
            ordered = estimate(sample, "y", method="successive_difference")
            successive.append(ordered["standard_error"].item() ** 2)
        truth = np.var(means)
        assert np.mean(usual) > 20 * truth
        # The variance of 40 means has a relative standard error of sqrt(2 / 39) = 23 %.
        assert 0.5 < np.mean(successive) / truth < 2


class TestIdentities:
    def test_a_domain_mean_is_the_ratio_of_two_totals(self):
        random = np.random.default_rng(2)
        data = pd.DataFrame(
            {
                "y": random.normal(10, 3, 60),
                "g": random.choice(["p", "q"], 60),
                "c": np.repeat(np.arange(12), 5),
                "h": np.repeat(["u", "v"], 30),
                "w": random.uniform(1, 5, 60),
            }
        )
        data["in_p"] = (data["g"] == "p").astype(int)
        data["y_in_p"] = data["y"] * data["in_p"]
        sample = SurveySample(data, "w", strata="h", clusters=("c",))
        domain = estimate(sample, "y", by="g").iloc[0]
        ratio = estimate(sample, "y_in_p", kind="ratio", denominator="in_p").iloc[0]
        for column in ("estimate", "standard_error"):
            assert domain[column] == pytest.approx(ratio[column], rel=1e-12)

    def test_strata_as_domains_add_up(self):
        data = pd.DataFrame({"y": [1.0, 4, 2, 8, 5], "h": list("aabbb"), "w": [2.0, 2, 3, 3, 3]})
        sample = SurveySample(data, "w", strata="h")
        domains = estimate(sample, "y", kind="total", by="h")
        whole = estimate(sample, "y", kind="total").iloc[0]
        assert domains["estimate"].sum() == pytest.approx(whole["estimate"])
        errors = (domains["standard_error"] ** 2).sum()
        assert errors == pytest.approx(whole["standard_error"] ** 2)
        assert domains["degrees_of_freedom"].sum() == whole["degrees_of_freedom"] == 3

    @settings(max_examples=30, deadline=None)
    @given(st.randoms(use_true_random=False), st.floats(1e-6, 1e6))
    def test_order_of_rows_and_scale_of_weights_do_not_matter(self, shuffle, scale):
        random = np.random.default_rng(8)
        data = pd.DataFrame(
            {
                "y": random.normal(10, 3, 40),
                "x": random.uniform(1, 2, 40),
                "g": random.choice(["p", "q", "r"], 40),
                "c": np.repeat(np.arange(10), 4),
                "h": np.repeat(["u", "v"], 20),
                "w": random.uniform(1, 5, 40),
            }
        )
        order = list(range(40))
        shuffle.shuffle(order)
        other = data.iloc[order].assign(w=lambda d: d["w"] * scale)
        for options in (
            {"by": "g"},
            {"kind": "ratio", "denominator": "x"},
            {"kind": "quantile", "quantile": 0.3},
            {"method": "jackknife"},
        ):
            results = [
                estimate(SurveySample(d, "w", strata="h", clusters=("c",)), "y", **options)
                for d in (data, other)
            ]
            columns = ["estimate", "standard_error", "low", "high", "degrees_of_freedom"]
            first, second = (result[columns].to_numpy(dtype=float) for result in results)
            assert first == pytest.approx(second, rel=1e-9, nan_ok=True)

    def test_weights_that_do_not_add_up_to_the_population_keep_a_design_effect(self):
        sample = small_sample(w=1.0)
        assert estimate(sample, "y")["design_effect"].item() == pytest.approx(1.0)

    def test_later_stages_count_where_the_first_population_is_known(self):
        # One cluster of each stratum's one: all variance is of the second stage.
        data = pd.DataFrame({"y": [1.0, 4, 2, 8], "c": list("aabb"), "w": 5.0, "N1": 2, "N2": 10})
        sample = SurveySample(data, "w", clusters=("c",), population=("N1", "N2"))
        result = estimate(sample, "y", kind="total")
        within = sum(0.8 * 2 * 25 * np.var(y, ddof=1) for y in ([1, 4], [2, 8]))
        assert result["standard_error"].item() ** 2 == pytest.approx(within)

    def test_three_stages_written_out(self):
        data = pd.DataFrame(
            {
                "y": [1.0, 4, 2, 8, 5, 3, 9, 6],
                "c": list("aaaabbbb"),
                "s": [1, 1, 2, 2, 1, 1, 2, 2],
                "w": 1.0,
                "N1": 8,
                "N2": 4,
                "N3": 6,
            }
        )
        sample = SurveySample(data, "w", clusters=("c", "s"), population=("N1", "N2", "N3"))
        result = estimate(sample, "y", kind="total")
        first = (1 - 1 / 4) * 2 * np.var([15, 23], ddof=1)
        second = 1 / 4 * (1 - 1 / 2) * 2 * (np.var([5, 10], ddof=1) + np.var([8, 15], ddof=1))
        pairs = ([1, 4], [2, 8], [5, 3], [9, 6])
        third = 1 / 4 * 1 / 2 * (1 - 1 / 3) * 2 * sum(np.var(pair, ddof=1) for pair in pairs)
        assert result["standard_error"].item() ** 2 == pytest.approx(first + second + third)


class TestIntervals:
    def test_wilson_solves_its_equation(self):
        # The bounds are where |p - bound| = t sqrt(bound (1 - bound) / n).
        p, n, t = 0.2, 80.0, 2.01
        for bound in wilson_interval(p, p * (1 - p) / n, t, np.nan):
            assert abs(p - bound) == pytest.approx(t * np.sqrt(bound * (1 - bound) / n))

    def test_nobody_and_everybody_have_an_interval(self):
        sample = small_sample(none=[0, 0, 0, 0], every=[True] * 4)
        n, t = 4, stats.t.ppf(0.975, 3)
        none = estimate(sample, "none", kind="proportion").iloc[0]
        every = estimate(sample, "every", kind="proportion").iloc[0]
        assert (none["estimate"], none["low"]) == (0.0, 0.0)
        assert none["high"] == pytest.approx(t**2 / (n + t**2))
        assert every["high"] == 1.0
        assert every["low"] == pytest.approx(n / (n + t**2))
        assert np.isnan(logit_interval(1.0, 0.0, t)).all()

    def test_clusters_that_all_agree_count_as_one_each(self):
        sample = SurveySample(small_sample(c=list("aabb"), yes=1).data, "w", clusters=("c",))
        row = estimate(sample, "yes", kind="proportion").iloc[0]
        assert row["low"] == pytest.approx(2 / (2 + stats.t.ppf(0.975, 1) ** 2))

    def test_a_domain_in_one_cluster_has_no_interval(self):
        sample = SurveySample(small_sample(c=list("aabb")).data, "w", clusters=("c",))
        result = estimate(sample, "y", by="c")
        assert result["degrees_of_freedom"].tolist() == [0, 0]
        assert result[["low", "high"]].isna().all(axis=None)

    def test_quantile_is_the_first_value_that_reaches_the_share(self):
        values, weights = np.array([30.0, 10.0, 20.0]), np.array([1.0, 1.0, 2.0])
        shares = {0.0: 10, 0.25: 10, 0.26: 20, 0.75: 20, 0.76: 30, 1.0: 30}
        for share, expected in shares.items():
            assert weighted_quantile(values, weights, share) == expected
        # Equal weights whose sums are not exact: 0.1 added three times is above 0.3.
        assert weighted_quantile(np.arange(10.0), np.full(10, 0.1), 0.3) == 2.0
        assert np.isnan(weighted_quantile(values, weights, 1.01))
        assert weighted_quantile(values, np.array([1.0, 0.0, 2.0]), 0.0) == 20.0


class TestSingleUnits:
    DATA = pd.DataFrame(
        {"y": [1.0, 4, 2, 8, 20], "h": list("aabbc"), "w": 3.0, "N": [6, 6, 6, 6, 3]}
    )

    def test_a_stratum_with_one_unit_stops(self):
        sample = SurveySample(self.DATA, "w", strata="h", population=("N",))
        with pytest.raises(InputError, match=r"1 stratum with one unit .*: c\..*single_unit"):
            estimate(sample, "y")

    def test_the_choices_written_out(self):
        sample = SurveySample(self.DATA, "w", strata="h", population=("N",))
        others = 2 / 3 * 2 * 9 * (np.var([1, 4], ddof=1) + np.var([2, 8], ddof=1))
        distance = 2 / 3 * 9 * (20 - 7) ** 2
        expected = {"certainty": others, "average": others * 3 / 2, "centre": others + distance}
        for choice, variance in expected.items():
            result = estimate(sample, "y", kind="total", single_unit=choice)
            assert result["standard_error"].item() ** 2 == pytest.approx(variance)

    def test_a_stratum_known_whole_is_no_single_unit(self):
        data = self.DATA.assign(N=[6, 6, 6, 6, 1])
        sample = SurveySample(data, "w", strata="h", population=("N",))
        others = 2 / 3 * 2 * 9 * (np.var([1, 4], ddof=1) + np.var([2, 8], ddof=1))
        result = estimate(sample, "y", kind="total")
        assert result["standard_error"].item() ** 2 == pytest.approx(others)

    def test_nothing_to_average(self):
        sample = SurveySample(self.DATA.iloc[[0, 2]], "w", strata="h")
        with pytest.raises(InputError, match="every stratum has one unit"):
            estimate(sample, "y", single_unit="average")

    def test_single_units_of_the_second_stage_are_named(self):
        data = self.DATA.assign(c=list("kkllm"), N1=9, N2=4)
        sample = SurveySample(data, "w", clusters=("c",), population=("N1", "N2"))
        with pytest.raises(InputError, match="1 cluster with one unit in the sample: m"):
            estimate(sample, "y")


class TestDomains:
    def test_levels_without_rows_are_listed(self):
        group = pd.Categorical(list("aabb"), categories=["b", "none", "a"])
        result = estimate(small_sample(g=group), "y", by="g")
        assert result["g"].tolist() == ["b", "none", "a"]
        assert result["n"].tolist() == [2, 0, 2]
        assert result["estimate"].tolist()[::2] == [5.0, 2.5]
        assert result.loc[1, ["estimate", "standard_error", "low", "high"]].isna().all()

    def test_missing_values_are_refused_or_a_domain(self):
        sample = small_sample(y=[1.0, np.nan, 2.0, 9.0], g=["a", "a", None, "b"])
        with pytest.raises(InputError, match=r'"y": 1 of 4 values are missing; row 1\. missing='):
            estimate(sample, "y")
        assert estimate(sample, "y", missing="domain")["estimate"].item() == 4.0
        with pytest.raises(InputError, match='"g": 1 values are missing'):
            estimate(sample, None, kind="total", by="g")
        result = estimate(sample, "y", by="g", missing="domain")
        assert result[["g", "n"]].to_numpy().tolist() == [["a", 1], ["b", 1]]

    def test_names_of_mixed_kinds_are_domains_too(self):
        result = estimate(small_sample(g=[1, "x", 1, "x"]), "y", by="g")
        assert result["g"].tolist() == [1, "x"]
        result = estimate(small_sample(g=[dt.date(2024, 1, 1), 7, 7, 7]), "y", by="g")
        assert result["g"].tolist() == ["2024-01-01", "7"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "design", "words"),
        [
            ({"w": [1, -1, 1, 1]}, {}, "1 weights cannot be used.*row 1"),
            ({"w": [1, np.nan, 1, 1]}, {}, "1 of them missing"),
            ({"w": list("abcd")}, {}, "must hold weights"),
            ({"w": 0}, {}, "all weights are 0"),
            ({"c": list("aabb"), "h": list("uvww")}, {"clusters": ("c",), "strata": "h"}, "a. A"),
            ({"h": ["u", None, "u", "u"]}, {"strata": "h"}, '"h": 1 values are missing; row 1'),
            ({"N": 3}, {"population": ("N",)}, "3 units, 4 in the sample"),
            ({"N": 0.5}, {"population": ("N",)}, "not shares"),
            ({"N": [8, 8, 9, 8]}, {"population": ("N",)}, "more than one number"),
            ({"N": [8, 8, np.nan, 8]}, {"population": ("N",)}, "missing or infinite; row 2"),
            ({}, {"strata": "region"}, 'no column "region"'),
            ({"c": 1}, {"clusters": "c"}, "tuple"),
            ({"N": 8}, {"population": ("N", "N")}, "at most one population"),
            ({"o": [1, None, 2, 3]}, {"order": "o"}, '"o": 1 values are missing'),
        ],
    )
    def test_samples_that_make_no_sense(self, change, design, words):
        data = small_sample().data.assign(**change)
        with pytest.raises(InputError, match=words):
            SurveySample(data, "w", **design)

    def test_an_empty_sample_and_a_column_twice(self):
        data = small_sample().data
        with pytest.raises(InputError, match="no rows"):
            SurveySample(data.iloc[:0], "w")
        with pytest.raises(InputError, match='2 columns called "w"'):
            SurveySample(pd.concat([data, data[["w"]]], axis=1), "w")

    @pytest.mark.parametrize(
        ("y", "options", "words"),
        [
            ("text", {}, 'kind="mean" needs numbers.*value="p"'),
            ("infinite", {}, "infinite; row 3"),
            ("absent", {}, 'no column "absent"'),
            ("nothing", {"missing": "domain"}, "No row has a value of nothing"),
            ("text", {"kind": "proportion"}, "p, q"),
            ("text", {"kind": "proportion", "value": "z"}, "never holds 'z'. It holds p, q"),
            ("y", {"kind": "proportion"}, "0 or 1"),
            ("y", {"kind": "median"}, '"quantile"'),
            ("y", {"kind": "ratio"}, "denominator"),
            ("y", {"denominator": "y"}, "denominator"),
            ("y", {"kind": "quantile", "quantile": 50}, "fraction"),
            ("y", {"confidence": 95}, "0.95"),
            ("y", {"interval": "wilson"}, "for proportions"),
            ("y", {"value": 3}, "value= counts"),
            (None, {}, "needs y"),
            ("y", {"by": "absent"}, 'no column "absent"'),
            ("y", {"by": "n"}, "Rename"),
            ("y", {"method": "successive_difference"}, "order of the systematic draw"),
            ("y", {"method": "jackknife", "kind": "quantile"}, "does not hold for quantiles"),
            ("y", {"method": "bootstrap"}, "seed=1"),
            ("y", {"single_unit": "ignore"}, '"centre"'),
        ],
    )
    def test_questions_that_make_no_sense(self, y, options, words):
        sample = small_sample(
            text=list("pqqp"), infinite=[1, 2, 3, np.inf], nothing=np.nan, n=list("aabb")
        )
        with pytest.raises(InputError, match=words):
            estimate(sample, y, **options)

    def test_the_table_given_may_change_later(self):
        data = pd.DataFrame({"y": [1.0, 2.0, 3.0], "w": 1.0})
        sample = SurveySample(data, "w")
        data["y"] = 0.0
        data.loc[0, "w"] = 99.0
        assert estimate(sample, "y")["estimate"].item() == 2.0


def test_values_without_variation_have_no_design_effect():
    row = estimate(small_sample(y=[3.0] * 4), "y").iloc[0]
    assert row["standard_error"] == 0.0
    assert np.isnan(row["design_effect"])
    assert linearised_variance(small_sample(), np.zeros(4)) == 0.0
