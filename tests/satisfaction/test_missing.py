"""Missing answers.

Oracles: the maximum likelihood estimates and the pooled estimates printed in the SAS/STAT
documentation of PROC MI (Fitness data), the EM step and the likelihood written out row by row,
plain formulas on complete answers, scipy's Welch test, pingouin's Holm correction, and
simulation with known truth.
"""

import numpy as np
import pandas as pd
import pingouin
import pytest
from scipy import optimize, stats

from crmlib.errors import InputError
from crmlib.satisfaction import missing
from crmlib.satisfaction.missing import (
    em_moments,
    expected_cross_products,
    impute,
    moments_of,
    nonresponse,
    pool,
    precision_of,
)

ITEMS = [f"q{i}" for i in range(1, 13)]
X = np.nan
# fmt: off
# Oxygen intake, running time and pulse of 31 men (SAS/STAT documentation, data set Fitness1).
FITNESS = np.array(
    [
        [
            44.609, 45.313, 54.297, 59.571, 49.874, 44.811, X, X, 39.442, 60.055, 50.541, 37.388,
            44.754, 47.273, 51.855, 49.156, 40.836, 46.672, 46.774, 50.388, 39.407, 46.08, 45.441,
            X, 45.118, 39.203, 45.79, 50.545, 48.673, 47.92, 47.467,
        ],
        [
            11.37, 10.07, 8.65, X, 9.22, 11.63, 11.95, 10.85, 13.08, 8.63, X, 14.03, 11.12, X,
            10.33, 8.95, 10.95, 10, 10.25, 10.08, 12.63, 11.17, 9.63, 8.92, 11.08, 12.88, 10.47,
            9.93, 9.4, 11.5, 10.5,
        ],
        [
            178, 185, 156, X, X, 176, 176, X, 174, 170, X, 186, 176, X, 166, 180, 168, X, X, 168,
            174, 156, 164, X, X, 168, 186, 148, 186, 170, 170,
        ],
    ]
).T
# fmt: on


def gappy(n=60, m=5, share=0.15, seed=3):
    """Correlated answers with gaps, and unequal weights."""
    random = np.random.default_rng(seed)
    values = 6 + random.normal(size=(n, m)) @ (np.eye(m) + 0.4) * np.arange(1, m + 1)
    values[random.random((n, m)) < share] = np.nan
    values[np.isnan(values).all(axis=1), 0] = 6.0
    return values, random.uniform(0.2, 3, n)


@pytest.fixture(scope="module")
def survey(shared):
    return pd.read_csv(shared / "data" / "satisfaction_survey_missing.csv")


def products_by_row(values, weights, mean, covariance):
    """Expected products of [1, values], one respondent after the other."""
    sums = np.zeros((values.shape[1] + 1,) * 2)
    for row, weight in zip(values, weights, strict=True):
        u, o = np.flatnonzero(np.isnan(row)), np.flatnonzero(~np.isnan(row))
        slopes = covariance[np.ix_(u, o)] @ np.linalg.inv(covariance[np.ix_(o, o)])
        filled = row.copy()
        filled[u] = mean[u] + slopes @ (row[o] - mean[o])
        filled = np.append(1.0, filled)
        sums += weight * np.outer(filled, filled)
        left = covariance[np.ix_(u, u)] - slopes @ covariance[np.ix_(o, u)]
        sums[np.ix_(1 + u, 1 + u)] += weight * left
    return sums


def log_likelihood(values, weights, mean, covariance):
    """Of the answers given, one respondent after the other."""
    total = 0.0
    for row, weight in zip(values, weights, strict=True):
        o = np.flatnonzero(~np.isnan(row))
        density = stats.multivariate_normal(mean[o], covariance[np.ix_(o, o)])
        total += weight * density.logpdf(row[o])
    return total


def test_moments_of_sas():
    # Printed after stopping at changes of 1e-4, so the last of the digits printed are not final.
    mean, covariance = em_moments(FITNESS, np.ones(31))
    assert mean == pytest.approx([47.104077, 10.554858, 171.381669], rel=1e-5)
    expected = [
        [27.797931, -6.457975, -18.031298],
        [-6.457975, 2.015514, 3.516287],
        [-18.031298, 3.516287, 97.766857],
    ]
    assert covariance == pytest.approx(np.array(expected), rel=2e-5)


def test_moments_of_complete_answers_are_the_plain_ones():
    values, weights = gappy(share=0)
    mean, covariance = em_moments(values, weights)
    assert mean == pytest.approx(np.average(values, axis=0, weights=weights), rel=1e-12)
    assert covariance == pytest.approx(np.cov(values.T, aweights=weights, ddof=0), rel=1e-12)


def test_moments_repeat_themselves_in_a_step_written_out():
    values, weights = gappy()
    mean, covariance = em_moments(values, weights, tolerance=1e-12)
    again = moments_of(products_by_row(values, weights, mean, covariance))
    assert again[0] == pytest.approx(mean, rel=1e-9)
    assert again[1] == pytest.approx(covariance, rel=1e-8)


def test_likelihood_is_level_at_the_moments():
    values, weights = gappy(n=40, m=3, share=0.3)
    mean, covariance = em_moments(values, weights, tolerance=1e-12)
    upper = np.triu_indices(3)

    def of(parameters):
        moments = np.zeros((3, 3))
        moments[upper] = parameters[3:]
        moments = moments + moments.T - np.diag(np.diag(moments))
        return log_likelihood(values, weights, parameters[:3], moments)

    found = np.append(mean, covariance[upper])
    slope = optimize.approx_fprime(found, of, 1e-6)
    away = optimize.approx_fprime(found * 1.01, of, 1e-6)
    assert abs(slope).max() < 1e-3 < abs(away).max()


def test_batch_is_one_after_the_other(monkeypatch):
    values, _ = gappy()
    weights = np.random.default_rng(5).poisson(1, (7, len(values))).astype(float)
    batch = em_moments(values, weights, tolerance=1e-11)
    for mean, covariance, own in zip(*batch, weights, strict=True):
        alone = em_moments(values, own, tolerance=1e-11)
        assert mean == pytest.approx(alone[0], abs=1e-9)
        assert covariance == pytest.approx(alone[1], abs=1e-8)
    monkeypatch.setattr(missing, "CELLS_AT_ONCE", 1)
    chunked = em_moments(values, weights, tolerance=1e-11)
    assert chunked[1] == pytest.approx(batch[1], rel=1e-12)


def test_start_does_not_move_the_end():
    values, weights = gappy()
    cold = em_moments(values, weights, tolerance=1e-12)
    start = (np.full(5, 3.0), 4 * np.eye(5))
    warm = em_moments(values, weights, start, tolerance=1e-12)
    assert warm[1] == pytest.approx(cold[1], rel=1e-8)


def test_products_by_fold():
    values, weights = gappy()
    fold = np.arange(len(values)) % 4
    batch = np.stack([weights, weights[::-1]])
    moments = em_moments(values, batch)
    sums = expected_cross_products(values, batch, *moments, fold=fold)
    assert sums.shape == (2, 4, 6, 6)
    for b in range(2):
        for k in range(4):
            of_fold = np.where(fold == k, batch[b], 0.0)
            expected = products_by_row(values, of_fold, moments[0][b], moments[1][b])
            assert sums[b, k] == pytest.approx(expected, rel=1e-9)
    whole = expected_cross_products(values, batch, *moments)
    assert sums.sum(axis=1) == pytest.approx(whole, rel=1e-12)
    assert moments_of(whole)[1] == pytest.approx(moments[1], rel=1e-6)


def test_item_twice_tells_its_own_gaps():
    values, weights = gappy(share=0)
    twice = np.column_stack([values, values[:, 0] * 2 - 1])
    twice[::4, 5] = np.nan
    mean, covariance = em_moments(twice, weights)
    full = np.column_stack([values, values[:, 0] * 2 - 1])
    assert mean == pytest.approx(np.average(full, axis=0, weights=weights), rel=1e-6)
    assert covariance == pytest.approx(np.cov(full.T, aweights=weights, ddof=0), rel=1e-5)


def test_more_columns_than_people():
    values, weights = gappy(n=8, m=12, share=0)
    mean, covariance = em_moments(values, weights)
    assert mean == pytest.approx(np.average(values, axis=0, weights=weights))
    assert np.linalg.matrix_rank(covariance) == 7
    with pytest.raises(InputError, match="12 columns could not be found from 8 people"):
        em_moments(gappy(n=8, m=12, share=0.1)[0], weights)


def test_precision_is_the_inverse_where_there_is_one():
    _, covariance = em_moments(*gappy())
    both = precision_of(np.stack([covariance, np.ones((5, 5))]))
    assert both[0] == pytest.approx(np.linalg.inv(covariance), rel=1e-9)
    assert np.isfinite(both[1]).all()
    unknown = precision_of(np.stack([covariance, np.full((5, 5), np.nan)]))
    assert unknown[0] == pytest.approx(both[0], rel=1e-12)
    assert np.isnan(unknown[1]).all()


def test_resample_that_says_nothing_is_missing_and_alone():
    values, weights = gappy()
    batch = np.stack([weights, np.where(np.isnan(values[:, 2]), weights, 0.0)])
    mean, covariance = em_moments(values, batch)
    assert np.isnan(mean).tolist() == [[False] * 5, [True] * 5]
    assert np.isnan(covariance[1]).all()
    sums = expected_cross_products(values, batch, mean, covariance)
    assert np.isnan(sums).any(axis=(1, 2)).tolist() == [False, True]
    slow = em_moments(values, batch[:1], iterations=2)
    assert np.isnan(slow[0]).all()


def test_what_cannot_be_found_is_told():
    values, weights = gappy()
    with pytest.raises(InputError, match="in 2 steps"):
        em_moments(values, weights, iterations=2)
    apart = values.copy()
    apart[:30, 1], apart[30:, 3] = np.nan, np.nan
    with pytest.raises(InputError, match="both the 2nd and the 4th of the 5 columns"):
        em_moments(apart, weights)
    values[:, 2] = np.nan
    with pytest.raises(InputError, match="Nobody answered the 3rd of the 5 columns"):
        em_moments(values, weights)


def test_missing_at_random_is_allowed_for():
    # The second answer is missing for those low on the first: complete cases are far off.
    random = np.random.default_rng(8)
    values = random.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 20_000)
    values[values[:, 0] < 0, 1] = np.nan
    mean, covariance = em_moments(values, np.ones(20_000))
    assert np.nanmean(values[:, 1]) > 0.5
    assert mean[1] == pytest.approx(0, abs=0.05)
    assert covariance[0, 1] == pytest.approx(0.7, abs=0.05)


def test_imputed_tables_keep_the_answers_given():
    values, weights = gappy()
    tables = impute(values, weights, 5, seed=1)
    given = ~np.isnan(values)
    assert tables.shape == (5, *values.shape)
    assert (tables[:, given] == values[given]).all()
    assert (tables[:, ~given].std(axis=0) > 0).all()
    np.testing.assert_array_equal(tables, impute(values, weights, 5, seed=1))
    assert (tables != impute(values, weights, 5, seed=2)).any()


def test_imputed_item_that_stands_there_twice_is_its_twin():
    values, weights = gappy(share=0)
    twice = np.column_stack([values, values[:, 0]])
    twice[::4, 5] = np.nan
    tables = impute(twice, weights, 5, seed=1)
    assert tables[:, :, 5] == pytest.approx(tables[:, :, 0], abs=0.01)


def test_pooled_intervals_hold_the_truth():
    # Missing at random: the more is missing, the lower the answer that everybody gave.
    inside, estimates, errors = 0, [], []
    for seed in range(200):
        random = np.random.default_rng([4, seed])
        values = random.multivariate_normal([6, 6], [[1, 0.6], [0.6, 1]], 100)
        values[random.random(100) < 1 / (1 + np.exp(values[:, 1] - 5.5)), 0] = np.nan
        tables = impute(values, np.ones(100), 20, seed=seed)
        of_mean = tables[:, :, 0].var(axis=1, ddof=1) / 100
        pooled = pool(tables[:, :, 0].mean(axis=1), of_mean, 100)
        inside += pooled.low <= 6 <= pooled.high
        estimates.append(pooled.estimate)
        errors.append(pooled.standard_error)
    # Monte Carlo standard error of the coverage: 1.5 points.
    assert inside / 200 == pytest.approx(0.95, abs=0.045)
    assert np.mean(estimates) == pytest.approx(6, abs=4 * np.std(estimates) / np.sqrt(200))
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.15)


def test_drawn_answers_brought_inside_the_scale_would_lower_the_mean():
    random = np.random.default_rng(2)
    common = 9 + 1.5 * random.normal(size=(400, 1))
    values = np.clip(np.round(common + random.normal(size=(400, 3))), 1, 10)
    values[:100, 0] = np.nan
    tables = impute(values, np.ones(400), 20, seed=1)[:, :, 0]
    drawn = np.isnan(values[:, 0])
    assert (tables[:, drawn] > 10).any()
    assert (tables[:, drawn] % 1 != 0).all()
    assert np.clip(tables, 1, 10).mean() < tables.mean() - 0.02


def test_pooling_of_sas():
    # Means of the Fitness data from five imputations: variance between, within and total, degrees
    # of freedom and, of the first, fraction of missing information, as printed.
    between = np.array([0.056930, 0.000811, 0.922032])
    within = np.array([0.954041, 0.064496, 3.269089])
    spread = np.array([-2, -1, 0, 1, 2]) / np.sqrt(2.5)  # variance 1
    means = np.array([47.094040, 10.572073, 171.787793])
    pooled = pool(means + spread[:, None] * np.sqrt(between), np.tile(within, (5, 1)), 31)
    assert pooled.estimate == pytest.approx(means, rel=1e-12)
    assert pooled.standard_error**2 == pytest.approx([1.022356, 0.065469, 4.375528], rel=1e-5)
    assert pooled.degrees_of_freedom == pytest.approx([25.549, 27.721, 15.753], abs=2e-3)
    assert pooled.missing_information[0] == pytest.approx(0.068898, abs=2e-6)
    reach = stats.t.ppf(0.975, [25.549, 27.721, 15.753]) * np.sqrt([1.022356, 0.065469, 4.375528])
    assert pooled.high - pooled.estimate == pytest.approx(reach, rel=1e-4)


def test_pooling_of_equal_estimates_loses_nothing():
    pooled = pool(np.full((5, 2), 3.0), np.full((5, 2), 0.25), 101)
    assert pooled.standard_error.tolist() == [0.5, 0.5]
    assert pooled.missing_information.tolist() == [0, 0]
    assert pooled.degrees_of_freedom == pytest.approx([100 * 101 / 103] * 2)


def test_imputations_must_be_several():
    with pytest.raises(InputError, match="at least 2"):
        impute(*gappy(), 1, seed=1)


def test_nonresponse_of_the_survey(survey):
    table = nonresponse(survey, ITEMS)
    last = table.iloc[-1]
    assert (last["item"], last["n"], last["answered"], last["missing"]) == (
        "any of these",
        200,
        119,
        81,
    )
    assert last["answered"] == len(survey.dropna())
    assert table["missing"].tolist()[:-1] == survey[ITEMS].isna().sum().tolist()
    for item, saved in zip(table["item"][:-1], table["only_missing"][:-1], strict=True):
        others = [column for column in ITEMS if column != item]
        assert saved == len(survey[others].dropna()) - 119


def test_nonresponse_beside_the_overall_score(survey):
    random = np.random.default_rng(1)
    data = survey.assign(
        q1=survey["q1"].where(survey["overall"] > 5),
        q2=survey["q2"].where(random.random(200) < 0.7),
    )
    table = nonresponse(data, ITEMS, "overall").set_index("item")
    assert table["verdict"]["q1"] == "lower overall"
    assert table["verdict"]["q2"] == "undecided"
    assert table["verdict"]["q4"] == "too few"
    assert table["verdict"]["overall"] == ""
    for item in ("q1", "q2"):
        gone = data[item].isna()
        groups = data["overall"][gone], data["overall"][~gone]
        test = stats.ttest_ind(*groups, equal_var=False)
        interval = test.confidence_interval()
        row = table.loc[item]
        assert row["difference"] == pytest.approx(groups[0].mean() - groups[1].mean())
        assert [row["low"], row["high"]] == pytest.approx(list(interval), rel=1e-9)
    compared = [
        stats.ttest_ind(
            data["overall"][data[item].isna()],
            data["overall"][data[item].notna()],
            equal_var=False,
        ).pvalue
        for item in ITEMS
        if data[item].isna().sum() >= 10
    ]
    _, corrected = pingouin.multicomp(compared, method="holm")
    mine = table.loc[ITEMS, "p_holm"].dropna()
    assert mine.tolist() == pytest.approx(corrected.tolist(), rel=1e-9)


def test_nonresponse_weights_count_like_copies(survey):
    data = survey.assign(weight=np.where(survey["q1"].isna(), 2.0, 1.0))
    table = nonresponse(data, ["q1"], weights="weight")
    gone = survey["q1"].isna().sum()
    assert table["missing_share"].iloc[0] == pytest.approx(2 * gone / (200 + gone))
    data["weight"] = (survey.index < 150).astype(float)
    shorter = nonresponse(data, ITEMS, "overall", weights="weight")
    pd.testing.assert_frame_equal(shorter, nonresponse(survey.head(150), ITEMS, "overall"))


def test_nonresponse_verdict_at_chance_level():
    # Missing by lot: the correction keeps all twelve verdicts together at five per cent.
    wrong = 0
    for seed in range(60):
        random = np.random.default_rng([9, seed])
        data = pd.DataFrame(random.integers(1, 11, (150, 13)).astype(float))
        data.columns = [*ITEMS, "overall"]
        data[ITEMS] = data[ITEMS].mask(random.random((150, 12)) < 0.2)
        table = nonresponse(data, ITEMS, "overall")
        wrong += table["verdict"].iloc[:12].str.contains("overall").any()
    assert wrong <= 3 + 3 * np.sqrt(60 * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"items": ["q1", "overall"]}, "explain itself"),
        ({"items": ["q1", "q99"]}, 'no column "q99"'),
        ({"items": []}, "list of columns"),
        ({"confidence": 1}, "fraction such as 0.95"),
        ({"weights": "zero"}, "all weights are zero"),
        ({"items": ["text"]}, 'Column "text" must hold answers, which are numbers'),
    ],
)
def test_nonresponse_refuses(survey, change, match):
    data = survey.assign(zero=0.0, text="good")
    with pytest.raises(InputError, match=match):
        nonresponse(data, **({"items": ITEMS, "overall": "overall"} | change))


def test_nonresponse_of_an_item_nobody_answered(survey):
    table = nonresponse(survey.assign(q1=np.nan), ["q1", "q2"], "overall")
    assert table["missing_share"].iloc[0] == 1
    assert table["verdict"].iloc[0] == "too few"
    assert table["answered"].iloc[-1] == 0
