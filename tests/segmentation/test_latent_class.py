"""Oracle: the role conflicts of Stouffer and Toby (1951), which Goodman (1974) analysed.

Frequencies from Goodman's table; log-likelihoods from the documentation of poLCA (data set
"values"), probabilities of his model with two classes.
"""

import numpy as np
import pytest

from crmlib.segmentation.latent_class import indicators, latent_classes

FREQUENCIES = {
    "1111": 42, "1112": 23, "1121": 6, "1122": 25, "1211": 6, "1212": 24, "1221": 7, "1222": 38,
    "2111": 1, "2112": 4, "2121": 1, "2122": 6, "2211": 2, "2212": 9, "2221": 2, "2222": 20,
}  # fmt: skip
CODES = np.array(
    [[int(answer) - 1 for answer in row] for row, n in FREQUENCIES.items() for _ in range(n)]
)


def fitted(k, codes=CODES, levels=(2, 2, 2, 2), seed=1):
    return latent_classes(codes, levels, k, np.random.default_rng(seed))


@pytest.mark.parametrize(("k", "log_likelihood"), [(1, -543.6498), (2, -504.4677)])
def test_log_likelihoods_are_those_of_polca(k, log_likelihood):
    assert fitted(k).log_likelihood == pytest.approx(log_likelihood, abs=5e-5)


def test_two_classes_are_those_goodman_published():
    found = fitted(2)
    order = np.argsort(found.shares)
    assert found.shares[order] == pytest.approx([0.279, 0.721], abs=0.001)
    first = np.column_stack([by_class[order, 0] for by_class in found.probabilities])
    assert first[0] == pytest.approx([0.993, 0.940, 0.927, 0.769], abs=0.001)
    assert first[1] == pytest.approx([0.714, 0.330, 0.354, 0.132], abs=0.001)
    # Goodman's likelihood ratio against the saturated model: 2.72 with 6 degrees of freedom.
    counts = np.array(list(FREQUENCIES.values()))
    saturated = (counts * np.log(counts / 216)).sum()
    assert 2 * (saturated - found.log_likelihood) == pytest.approx(2.720, abs=0.001)
    assert (found.parameters, found.n) == (9, 216)
    assert found.bic == pytest.approx(9 * np.log(216) + 2 * 504.4677, abs=1e-3)


def test_the_posterior_is_bayes_rule():
    found = fitted(2)
    joint = found.shares.copy()
    for by_class, answer in zip(found.probabilities, (0, 1, 0, 1), strict=True):
        joint *= by_class[:, answer]
    assert found.posterior(np.array([[0, 1, 0, 1]]))[0] == pytest.approx(joint / joint.sum())


def test_more_parameters_than_answers_can_tell_have_no_criterion():
    assert np.isnan(latent_classes(CODES[:, :2], (2, 2), 2, np.random.default_rng(1)).bic)
    assert np.isfinite(latent_classes(CODES[:, :3], (2, 2, 2), 2, np.random.default_rng(1)).bic)


def test_known_classes_of_three_levels_are_found():
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 4000)
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    codes = np.column_stack(
        [
            (random.random(4000)[:, None] > shares.cumsum(axis=1)[truth]).sum(axis=1)
            for _ in range(6)
        ]
    )
    found = fitted(2, codes, (3,) * 6)
    order = np.argsort(-found.probabilities[0][:, 0])
    for by_class in found.probabilities:
        assert by_class[order] == pytest.approx(shares, abs=0.05)
    right = found.posterior(codes)[:, order].argmax(axis=1) == truth
    assert right.mean() > 0.93


def test_indicators_mark_one_level_each():
    assert indicators(np.array([[0, 2], [1, 0]]), (2, 3)).tolist() == [
        [1, 0, 0, 0, 1],
        [0, 1, 1, 0, 0],
    ]
