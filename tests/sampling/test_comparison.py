"""The decision table, and the draws and formulas under it.

Oracles: R's survey package on the api data, the textbook variances of the population, all possible
samples of small populations, and draws made the other way, one by one from permanent numbers.
"""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.sampling.comparison import Costs, compare_designs
from crmlib.sampling.designs import (
    Cluster,
    Pps,
    SimpleRandom,
    Stratified,
    Systematic,
    TwoStage,
)
from crmlib.sampling.drawing import draw
from crmlib.sampling.estimation import estimate
from crmlib.sampling.simulation import (
    choose,
    cluster_error,
    simple_error,
    simulate_cluster,
    simulate_systematic,
    simulate_two_stage,
    sums_of,
    two_stage_error,
)
from tests.sampling.test_designs import DESIGNS, DRAWS, many_draws, population


@pytest.fixture(scope="module")
def schools(shared):
    return pd.read_csv(shared / "data" / "apipop.csv")


@pytest.fixture(scope="module")
def decision(schools):
    """Candidates for 200 of 6,194 schools, as in the first question people ask."""
    designs = {
        "simple": SimpleRandom(200),
        "by type": Stratified("stype", 200),
        "sorted by last score": Systematic(200, "api99"),
        "whole districts": Cluster("dnum", 15),
        "two stages": TwoStage("dnum", 40, 5),
        "to size": Pps("api.stu", 200),
    }
    costs = Costs(per_interview=10, per_cluster=300, per_stratum=50, fixed=1000)
    return compare_designs(schools, "api00", designs, costs, draws=4000, seed=1).set_index("design")


def reference(shared):
    return json.loads((shared / "reference" / "sampling.json").read_text(encoding="utf-8"))


def grouped(shared, name):
    """A sample of R's as the formulas take it: sums of y and y^2, units drawn, by district."""
    sample = pd.read_csv(shared / "data" / name)
    groups = sample.groupby("dnum")
    y = groups["api00"]
    sums = np.stack([y.sum(), y.agg(lambda values: (values**2).sum())], axis=-1)[None]
    taken = groups.size().to_numpy()[None]
    sizes = groups["fpc2"].first().to_numpy()[None] if "fpc2" in sample else taken
    return sums.astype(float), taken, sizes


def test_errors_of_single_samples_agree_with_r(shared):
    # survey 4.1-1: svymean(~api00) on apisrs, apiclus1 (15 of 757 districts) and apiclus2 (40 of
    # 757, up to five schools each).
    known = reference(shared)
    y = pd.read_csv(shared / "data" / "apisrs.csv")["api00"].to_numpy(dtype=float)
    simple = simple_error(sums_of(y)[None], 200, 6194)
    assert simple[0] == pytest.approx(known["srs"]["mean_api00"]["se"], rel=1e-9)
    sums, _, sizes = grouped(shared, "apiclus1.csv")
    whole = cluster_error(sums[..., 0], sizes, 757)
    assert whole[0] == pytest.approx(known["clus1"]["mean_api00"]["se"], rel=1e-9)
    part = two_stage_error(*grouped(shared, "apiclus2.csv"), 757)
    assert part[0] == pytest.approx(known["clus2"]["mean_api00"]["se"], rel=1e-9)


def test_simple_random_sampling_is_as_the_textbook_says(schools):
    # S^2 / n (1 - n / N) with S = 128.244 (R). 4,000 draws: the standard error is good to
    # 1 / sqrt(8,000) = 1.1 %, coverage to 0.35 percentage points; four of each. s^2 is unbiased.
    row = compare_designs(schools, "api00", {"simple": SimpleRandom(200)}, draws=4000, seed=2)
    row = row.iloc[0]
    exact = 128.244131082 * np.sqrt((1 - 200 / 6194) / 200)
    assert row["standard_error"] == pytest.approx(exact, rel=4 * 0.0112)
    assert row["design_effect"] == pytest.approx((row["standard_error"] / exact) ** 2, rel=1e-9)
    assert abs(row["design_effect"] - 1) < 4 * row["design_effect_error"]
    assert abs(row["bias"]) < 4 * row["bias_error"]
    assert row["bias_error"] == pytest.approx(row["standard_error"] / np.sqrt(4000))
    for formula in ("naive", "design"):
        assert row[f"reported_{formula}_standard_error"] == pytest.approx(exact, rel=0.005)
        assert abs(row[f"reported_{formula}_coverage"] - 0.95) < 4 * 0.0035
        width = 2 * 1.97196 * exact  # t with 199 degrees of freedom
        assert row[f"reported_{formula}_width"] == pytest.approx(width, rel=0.005)


def test_draws_of_all_designs_agree_with_drawing_one_by_one():
    # The same designs drawn by permanent random numbers, 1,000 times: two standard deviations,
    # good to 1 / sqrt(2 x 1,000) = 2.2 % and 1 / sqrt(2 x 8,000) = 0.8 %: four standard errors
    # of the difference are 10 %.
    frame = population()
    y = frame["y"].to_numpy()
    result = compare_designs(frame, "y", DESIGNS, draws=8000, seed=3, id="customer")
    for _, row in result.iterrows():
        pi = DESIGNS[row["design"]].inclusion_probabilities(frame).to_numpy()
        drawn = many_draws(row["design"])
        means = drawn @ (y / pi) / (drawn @ (1 / pi))
        assert row["standard_error"] == pytest.approx(means.std(), rel=0.10), row["design"]
        bias = means.mean() - y.mean()
        errors = 4 * np.hypot(row["bias_error"], means.std() / np.sqrt(DRAWS))
        assert abs(row["bias"] - bias) < errors, row["design"]
        n = drawn.sum(axis=1)
        assert row["n"] == pytest.approx(pi.sum())
        assert abs(n.mean() - row["n"]) < 4 * n.std() / np.sqrt(DRAWS) + 1e-9
        assert (row["n_low"], row["n_high"]) == (n.min(), n.max())


@pytest.mark.parametrize("name", DESIGNS)
def test_what_one_sample_reports_agrees_with_estimate(name):
    # The average of the variances that `estimate` reports of 100 samples, against the decision
    # table's: within 4.5 standard errors of that average.
    frame = population()
    in_order = isinstance(DESIGNS[name], Systematic)
    method = "successive_difference" if in_order else "linearisation"
    variances = []
    for seed in range(100):
        sample = draw(frame, DESIGNS[name], seed, "customer").survey()
        variances.append(estimate(sample, "y", method=method)["standard_error"].item() ** 2)
    designs = {name: DESIGNS[name]}
    row = compare_designs(frame, "y", designs, draws=4000, seed=4, id="customer").iloc[0]
    spread = np.std(variances) / np.sqrt(100)
    assert abs(row["reported_design_standard_error"] ** 2 - np.mean(variances)) < 4.5 * spread
    assert spread < 0.1 * np.mean(variances)


def test_proportional_strata_have_the_variance_of_the_textbook(schools):
    # sum W^2 (1 - f) S^2 / n with R's S by type; the reported one is unbiased for it.
    allocation = {"E": 100, "H": 50, "M": 50}
    sizes = {"E": (4421, 131.346298561), "H": (755, 107.656253592), "M": (1018, 124.717055905)}
    exact = np.sqrt(
        sum(
            (N / 6194) ** 2 * (1 - allocation[h] / N) * S**2 / allocation[h]
            for h, (N, S) in sizes.items()
        )
    )
    designs = {"by type": Stratified("stype", allocation)}
    row = compare_designs(schools, "api00", designs, draws=4000, seed=5).iloc[0]
    assert row["standard_error"] == pytest.approx(exact, rel=4 * 0.0112)
    assert row["reported_design_standard_error"] == pytest.approx(exact, rel=0.005)


def test_stratifying_by_school_type_buys_almost_nothing(decision):
    # The textbook's ratio of variances is 0.986; four Monte Carlo errors are 0.09.
    row = decision.loc["by type"]
    assert row["design_effect"] == pytest.approx(0.986, abs=4 * row["design_effect_error"])
    assert row["note"] == "hardly more or less precise than a simple random sample"


def test_sorting_by_the_last_score_buys_much_that_the_usual_formula_does_not_see(decision):
    # 1 / (1 - r^2) = 20.3 with r = 0.975 between the waves, less what the trend from one unit of
    # the list to the next costs: 16.9 by 6,000 draws written out in a loop, good to 0.3. Here
    # 4,000 draws from orders in common, good to 3 %: four of these.
    row = decision.loc["sorted by last score"]
    assert 1 / row["design_effect"] == pytest.approx(16.9, rel=0.12)
    naive = row["reported_naive_standard_error"]
    assert naive == pytest.approx(decision.loc["simple", "standard_error"], rel=0.05)
    assert row["reported_naive_coverage"] > 0.999
    assert naive > 3.5 * row["standard_error"]
    assert row["reported_design_standard_error"] < 1.1 * row["standard_error"]
    assert "the usual formula does not see the gain: intervals 4." in row["note"]


def test_whole_districts_under_cover(decision):
    # The usual formula, blind to districts, and the cluster formula with 15 of them: Monte Carlo
    # standard errors of coverage are 0.8 and 0.6 percentage points.
    row = decision.loc["whole districts"]
    assert row["reported_naive_coverage"] < 0.95 - 10 * row["reported_naive_coverage_error"]
    assert row["reported_design_coverage"] < 0.95 - 10 * row["reported_design_coverage_error"]
    assert row["reported_naive_coverage"] < row["reported_design_coverage"] - 0.2
    assert row["design_effect"] > 8
    assert row["n"] == pytest.approx(15 * 6194 / 757)
    assert row["n_low"] < 60 < 500 < row["n_high"]
    assert "the usual formula under-covers" in row["note"]
    assert "the design's own formula under-covers" in row["note"]
    assert "15 whole clusters, n from " in row["note"]


def test_two_stages_say_how_many_clusters_are_too_small(decision, schools):
    small = int((schools["dnum"].value_counts() < 5).sum())
    assert f"{small} of 757 clusters have fewer than 5 units" in decision.loc["two stages", "note"]


def test_a_sample_to_size_reports_its_error_rightly(decision):
    # The correction of Hartley and Rao for systematic draws in random order; 4,000 draws.
    row = decision.loc["to size"]
    true = row["standard_error"]
    assert row["reported_design_standard_error"] == pytest.approx(true, rel=0.05)
    assert row["reported_design_coverage"] == pytest.approx(0.95, abs=0.015)


def test_costs_count_what_each_design_pays_for(decision):
    expected = {
        "simple": 1000 + 10 * 200,
        "by type": 1000 + 10 * 200 + 50 * 3,
        "sorted by last score": 1000 + 10 * 200,
        "whole districts": 1000 + 10 * 15 * 6194 / 757 + 300 * 15,
    }
    for name, cost in expected.items():
        assert decision.loc[name, "cost"] == pytest.approx(cost)
    assert decision.index.tolist()[:2] == ["simple", "by type"]


def test_a_row_depends_on_its_design_and_the_seed_only(decision, schools):
    before = schools.copy(deep=True)
    designs = {"sorted": Systematic(200, "api99"), "two stages": TwoStage("dnum", 40, 5)}
    again = compare_designs(schools, "api00", designs, draws=4000, seed=1).iloc[1]
    columns = [name for name in decision.columns if name != "cost"]
    assert (again[columns] == decision.loc["two stages", columns]).all()
    other = compare_designs(schools, "api00", designs, draws=4000, seed=2).iloc[1]
    assert other["standard_error"] != again["standard_error"]
    pd.testing.assert_frame_equal(schools, before)


@pytest.mark.parametrize(("size", "n"), [(6, 2), (5, 3), (4, 4), (7, 1)])
def test_every_subset_is_chosen_equally_often(size, n):
    # Chi-square against equal counts: 5 standard deviations above its mean at most.
    taken = np.sort(choose(np.full(20_000, size), n, np.random.default_rng(6)), axis=1)
    subsets = list(itertools.combinations(range(size), n))
    counts = np.array([(taken == subset).all(axis=1).sum() for subset in subsets])
    assert counts.sum() == 20_000
    expected = 20_000 / len(subsets)
    free = len(subsets) - 1
    assert ((counts - expected) ** 2 / expected).sum() <= free + 5 * np.sqrt(2 * free)


def test_rows_choose_from_as_many_as_they_have():
    sizes = np.array([3, 4, 6, 7, 50, 1000] * 500)
    taken = choose(sizes, 3, np.random.default_rng(7))
    assert (taken.max(axis=1) < sizes).all()
    assert (np.diff(np.sort(taken, axis=1), axis=1) > 0).all()


def test_systematic_draws_have_the_variance_of_all_starts():
    # Without ties a list has one sample for every start; 240,000 starts on a grid give the
    # variance. 20,000 draws are good to 1 %.
    y = np.random.default_rng(8).normal(size=47).cumsum()
    y -= y.mean()
    starts = (np.arange(240_000) + 0.5) / 240_000
    means = y[((starts[:, None] + np.arange(6)) * 47 / 6).astype(int)].mean(axis=1)
    result = simulate_systematic(y, np.arange(47), 6, 20_000, np.random.default_rng(9))
    assert result.estimate.std() == pytest.approx(means.std(), rel=0.02)


def test_clusters_of_one_size_have_the_variance_of_the_textbook():
    # Cochran (1977): (1 - f) S_c^2 / a for means of whole clusters (9.1), and for two stages
    # (1 - f1) S1^2 / a + (1 - f2) S2^2 / (a m) (10.4). 20,000 draws are good to 1 % of variance.
    random = np.random.default_rng(10)
    y = random.normal(size=(30, 12)) + random.normal(size=(30, 1))
    y -= y.mean()
    codes = np.repeat(np.arange(30), 12)
    between = y.mean(axis=1).var(ddof=1)
    within = y.var(axis=1, ddof=1).mean()
    whole = simulate_cluster(y.ravel(), codes, 8, 20_000, random)
    assert whole.estimate.var() == pytest.approx((1 - 8 / 30) * between / 8, rel=0.04)
    for m in (4, 9):  # drawn again where repeated, and shuffled whole
        part = simulate_two_stage(y.ravel(), codes, 8, m, 20_000, random)
        exact = (1 - 8 / 30) * between / 8 + (1 - m / 12) * within / (8 * m)
        assert part.estimate.var() == pytest.approx(exact, rel=0.04)
        assert (part.design_error**2).mean() == pytest.approx(exact, rel=0.04)


def test_a_census_is_exact():
    frame = population()
    designs = {
        "simple": SimpleRandom(60),
        "list": Systematic(60, "score"),
        "strata": Stratified("region", 60),
        "clusters": Cluster("branch", 12),
        "two stages": TwoStage("branch", 12, 10),
        "to size": Pps("turnover", 60),
    }
    result = compare_designs(frame, "y", designs, draws=20, seed=1)
    for column in ("standard_error", "bias", "reported_naive_width", "reported_design_width"):
        np.testing.assert_allclose(result[column], 0, atol=1e-7)
    assert (result["n"] == 60).all()
    assert result["design_effect"].isna().all()


def test_where_a_formula_gives_nothing_the_table_says_so():
    frame = population()
    designs = {
        "one cluster": Cluster("branch", 1),
        "one of a stratum": Stratified("region", {"north": 3, "south": 1, "west": 1}),
        "one unit": SimpleRandom(1),
    }
    result = compare_designs(frame, "y", designs, draws=200, seed=1).set_index("design")
    for name in ("reported_design_width", "reported_design_coverage"):
        assert result[name].isna().all()
    assert result["standard_error"].notna().all()
    assert "the design's own formula gives no interval" in result.loc["one cluster", "note"]
    assert "2 strata with one unit drawn" in result.loc["one of a stratum", "note"]
    assert result.loc["one unit", "note"] == "the usual formula gives no interval"
    # a cluster of one unit has no interval by the usual formula either, and covers nothing
    assert result.loc["one cluster", "reported_naive_coverage"] < 1


def test_one_unit_a_cluster_and_a_constant_proxy():
    frame = population().assign(constant=4)
    designs = {"two stages": TwoStage("branch", 6, 1), "to size": Pps("skewed", 13)}
    result = compare_designs(frame, "y", designs, draws=200, seed=1).set_index("design")
    assert (result["reported_design_width"] > 0).all()
    assert "1 unit so large as to be taken with certainty" in result.loc["to size", "note"]
    constant = compare_designs(frame, "constant", designs, draws=20, seed=1)
    np.testing.assert_allclose(constant["standard_error"], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"y": "customer"}, 'Column "customer" must hold'),
        ({"y": "income"}, 'no column "income"'),
        ({"y": "holes"}, r'"holes": 2 of 60 values are missing or infinite; rows 1, 5\.'),
        ({"designs": {}}, "designs= is empty"),
        ({"designs": {"a": "srs"}}, "Design \"a\": 'srs' is not a design"),
        ({"designs": {"big": SimpleRandom(61)}}, 'Design "big": Units in the frame: 60, but 61'),
        ({"designs": {"all": Cluster("branch", 13)}}, 'Design "all": Clusters .*: 12, but 13'),
        ({"designs": {"x": Stratified("region", {"east": 3})}}, 'Design "x": .*names east'),
        ({"designs": {"list": Systematic(5)}}, "name its column as id="),
        ({"draws": 1}, "draws=1"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"seed": -1}, "seed=-1"),
        ({"confidence": 95}, "0.95"),
        ({"frame": pd.DataFrame({"y": []})}, "no rows"),
    ],
)
def test_bad_input_is_refused(options, words):
    holes = population()["y"].mask(population().index.isin([1, 5]))
    arguments = {
        "frame": population().assign(holes=holes),
        "y": "y",
        "designs": {"simple": SimpleRandom(5)},
        "draws": 10,
        "seed": 1,
    } | options
    with pytest.raises(InputError, match=words):
        compare_designs(**arguments)


@pytest.mark.parametrize("cost", [-1, np.nan, np.inf, "ten"])
def test_costs_are_amounts_of_money(cost):
    with pytest.raises(InputError, match="per_cluster"):
        Costs(per_cluster=cost)
