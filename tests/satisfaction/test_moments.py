"""Moments of resamples.

Oracles: NumPy's weighted average and covariance; rows repeated as often as they were drawn; EM one
resample at a time; Rubin's rules; R survey's weighted correlations.
"""

import json

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.satisfaction.answers import answers_of, bootstrap_weights
from crmlib.satisfaction.imputation import impute, pool
from crmlib.satisfaction.missing import em_moments
from crmlib.satisfaction.moments import (
    fold_products,
    folds_of,
    moments_of_products,
    resampled_moments,
    sample_moments,
)

ITEMS = ["q1", "q2", "q3"]


def sheet(n=60, seed=1, missing=0.0):
    """Answers that hang together, with weights, strata and clusters."""
    random = np.random.default_rng(seed)
    liking = random.normal(size=(n, 1))
    answers = np.clip(np.rint(6 + 1.5 * liking + random.normal(size=(n, 4))), 1, 10)
    answers[random.random(answers.shape) < missing] = np.nan
    table = pd.DataFrame(answers, columns=[*ITEMS, "overall"])
    cluster = np.arange(n) // 3
    return table.assign(
        weight=random.uniform(0.5, 3, n), cluster=cluster, stratum=np.where(cluster % 2, "a", "b")
    )


def design(data):
    return answers_of(
        data, ITEMS, "overall", weights="weight", strata="stratum", clusters="cluster"
    )


def test_first_row_is_the_weighted_sample():
    answers = design(sheet())
    moments = resampled_moments(answers, 100, seed=1, folds=5)
    mean = np.average(answers.values, axis=0, weights=answers.weights)
    covariance = np.cov(answers.values.T, aweights=answers.weights, ddof=0)
    np.testing.assert_allclose(moments.mean[0], mean, rtol=1e-12)
    np.testing.assert_allclose(moments.covariance[0], covariance, rtol=1e-12)
    assert moments.weight[0] == pytest.approx(answers.weights.sum())


def test_resamples_are_rows_repeated_as_often_as_drawn():
    answers = answers_of(sheet(), ITEMS, "overall")
    moments = resampled_moments(answers, 100, seed=4)
    drawn = np.rint(bootstrap_weights(answers, 100, seed=4) * 59 / 60).astype(int)
    for b in (0, 42, 99):
        rows = np.repeat(answers.values, drawn[b], axis=0)
        np.testing.assert_allclose(moments.mean[b + 1], rows.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(moments.correlation[b + 1], np.corrcoef(rows.T), atol=1e-12)
    assert moments.folds is None


def test_weighted_correlations_are_those_of_r_survey(shared):
    reference = json.loads((shared / "reference/satisfaction.json").read_text())["survey_weighted"]
    data = pd.read_csv(shared / "data/satisfaction_survey_weighted.csv")
    items = [f"q{j}" for j in range(1, 13)]
    answers = answers_of(data, items, "overall", weights="weight", strata="stratum")
    correlation = resampled_moments(answers, 100, seed=1).correlation[0]
    order = [reference["mean_names"].index(name) for name in [*items, "overall"]]
    expected = np.array(reference["weighted_corr"])[np.ix_(order, order)]
    np.testing.assert_allclose(correlation, expected, atol=1e-8)


def test_folds_add_up_and_keep_clusters_whole():
    answers = design(sheet())
    moments = resampled_moments(answers, 100, seed=1, folds=5)
    _, covariance, _ = moments_of_products(moments.folds.sum(axis=1))
    np.testing.assert_allclose(covariance, moments.covariance, rtol=1e-9, atol=1e-12)
    fold = folds_of(answers, 5, seed=1)
    for cluster in range(20):
        assert len(np.unique(fold[answers.cluster == cluster])) == 1
    # 10 clusters of 3 in each of two strata, 5 folds: every fold has 2 of each stratum.
    counts = pd.crosstab(fold, answers.stratum).to_numpy()
    assert (counts == 6).all()


def test_the_same_seed_gives_the_same_numbers():
    answers = design(sheet(missing=0.05))
    first, again, other = (resampled_moments(answers, 300, seed, folds=5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.folds, again.folds)
    assert not np.allclose(first.mean[1:], other.mean[1:])


def test_an_item_constant_in_a_resample_has_no_correlation():
    table = pd.DataFrame(
        {"q1": [5.0] * 11 + [6.0], "q2": np.arange(1.0, 13) % 10 + 1, "overall": [3.0, 5, 8] * 4}
    )
    answers = answers_of(table, ["q1", "q2"], "overall")
    moments = resampled_moments(answers, 200, seed=1)
    absent = bootstrap_weights(answers, 200, seed=1)[:, -1] == 0
    assert absent.any()
    np.testing.assert_array_equal(np.isnan(moments.correlation[1:, 0, 0]), absent)
    assert np.isfinite(moments.correlation[:, 1, 1]).all()


def test_em_in_every_resample_is_em_on_its_own():
    answers = design(sheet(n=90, missing=0.1))
    moments = resampled_moments(answers, 150, seed=3, folds=5)
    weights = bootstrap_weights(answers, 150, seed=3)
    mean, covariance = em_moments(answers.values, answers.weights)
    np.testing.assert_allclose(moments.covariance[0], covariance, rtol=1e-6)
    for b in (0, 149):
        mean, covariance = em_moments(answers.values, weights[b])
        np.testing.assert_allclose(moments.mean[b + 1], mean, atol=1e-4)
        np.testing.assert_allclose(moments.covariance[b + 1], covariance, atol=1e-3)


def test_complete_answers_do_not_change_with_the_way_gaps_are_treated():
    answers = design(sheet())
    em, imputed = (resampled_moments(answers, 100, seed=1, missing=way) for way in ("em", "impute"))
    np.testing.assert_array_equal(em.covariance, imputed.covariance)


def test_gaps_are_never_passed_over_in_silence():
    answers = answers_of(sheet(missing=0.1), ITEMS, "overall")
    with pytest.raises(InputError, match="complete=True"):
        resampled_moments(answers, 100, seed=1, missing="complete")


def test_resamples_of_imputed_tables_vary_as_rubins_rules_say():
    # Oracle: Rubin's total variance of the mean of an item, from as many imputations. The draws
    # leave out its 1 / M; with a seventh missing and M = 20 that is under one per cent.
    answers = answers_of(sheet(n=200, missing=0.15), ITEMS, "overall")
    moments = resampled_moments(answers, 4000, seed=1, missing="impute")
    tables = impute(answers.values, answers.weights, imputations=20, seed=1)
    means = tables.mean(axis=1)
    pooled = pool(means, tables.var(axis=1, ddof=1) / answers.n, answers.n)
    np.testing.assert_allclose(moments.mean[0], means.mean(axis=0), rtol=1e-12)
    standard_error = moments.mean[1:].std(axis=0)
    # Monte Carlo error of a standard deviation of 4,000 draws: 1.1 %.
    np.testing.assert_allclose(standard_error, pooled.standard_error, rtol=0.05)


def test_folds_of_no_weight_are_nothing():
    values = np.arange(12.0).reshape(6, 2)
    products = fold_products(values, np.array([[1.0, 1, 0, 0, 1, 1]]), np.array([0, 0, 1, 1, 2, 2]))
    assert (products[0, 1] == 0).all()
    assert np.isnan(moments_of_products(products)[0][0, 1]).all()


@pytest.mark.parametrize("missing", ["em", "impute"])
def test_the_sample_alone_is_the_first_row_of_its_resamples(missing):
    answers = answers_of(sheet(missing=0.1), ITEMS, "overall")
    alone = sample_moments(answers, 3, folds=5, missing=missing)
    among = resampled_moments(answers, 100, 3, folds=5, missing=missing)
    for part in ("mean", "covariance", "weight", "folds"):
        np.testing.assert_array_equal(getattr(alone, part), getattr(among, part)[:1])
    np.testing.assert_array_equal(alone.repeats, among.repeats)
