"""Sample sizes.

Oracles: PracTools 1.7.5 (values carried here from the reference file, with what was put in),
statsmodels, the intervals themselves put back in, exact fractions, and simulation.
"""

import json
from fractions import Fraction
from math import comb, inf, nan, prod, sqrt

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint

from crmlib.errors import InputError
from crmlib.sampling.sizes import (
    fleiss_size,
    invitations_needed,
    probability_of_completes,
    size_for_difference,
    size_for_mean,
    size_for_nps,
    size_for_proportion,
    wald_size,
    wilson_size,
)

Z = stats.norm.ppf(0.975)


def unrounded(size, step):
    return size.steps.set_index("step")["n"][step]


def before_rounding(size):
    return unrounded(size, "finite population")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # PracTools nPropMoe, nProp and nWilson
        ({"margin": 0.05}, 384.145882069),
        ({"margin": 0.05, "population": 2000}, 322.385536664),
        ({"margin": 0.01, "p": 0.04}, 1475.12018715),
        ({"margin": 0.08}, 150.056985183),
        ({"margin": Z * 0.05 * 0.1, "p": 0.1}, 3600),  # coefficient of variation 0.05
        ({"margin": Z * sqrt(0.001), "population": 1000}, 200.160128102),  # variance 0.001
        ({"margin": 0.01, "p": 0.04, "method": "wilson"}, 1492.15142205),
        ({"margin": 0.05, "method": "wilson"}, 380.304423249),
        ({"margin": 0.05, "p": 0.9, "method": "wilson"}, 140.972763305),
    ],
)
def test_proportions_agree_with_practools(given, expected):
    assert before_rounding(size_for_proportion(**given)) == pytest.approx(expected, rel=1e-9)


def test_a_curve_of_sizes_agrees_with_practools():
    # nPropMoe for half-widths of 1 to 8 percentage points
    expected = [9603.64705174, 2400.91176293, 1067.07189464, 600.227940733]
    expected += [384.145882069, 266.767973659, 195.992796974, 150.056985183]
    assert wald_size(np.arange(1, 9) / 100, 0.5, Z) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # PracTools nContMoe (relative margin 0.05, squared coefficient of variation 2; variance
        # 900 and margin 5) and nCont (standard error 0.05 of a variable with sd 2)
        ({"margin": 0.05, "sd": sqrt(2)}, 3073.16705656),
        ({"margin": 5, "sd": 30, "population": 1000}, 121.49119441),
        ({"margin": Z * 0.05, "sd": 2}, 1600),
        ({"margin": Z * 0.05, "sd": 2, "population": 500}, 380.952380952),
    ],
)
def test_means_agree_with_practools(given, expected):
    assert before_rounding(size_for_mean(**given)) == pytest.approx(expected, rel=1e-9)


def test_the_values_carried_here_are_those_of_the_reference_file(shared):
    reference = json.loads((shared / "reference" / "sampling.json").read_text())
    sizes = reference["sample_size_practools"]
    assert sizes["nPropMoe_p50_e05_N2000"] == 322.385536664
    assert sizes["nWilson_p90_e05"]["n.sam"] == 140.972763305
    assert sizes["nContMoe_S900_e5_N1000"] == 121.49119441
    assert sizes["nProp2sam_15_18_g1_r0"]["n1"] == "2261"


@pytest.mark.parametrize("p", [0.03, 0.3, 0.5, 0.92])
@pytest.mark.parametrize("margin", [0.01, 0.07, 0.2])
def test_wilson_interval_of_that_size_has_that_width(p, margin):
    # statsmodels' interval, n not being a whole number
    n = float(wilson_size(margin, p, Z))
    low, high = proportion_confint(p * n, n, alpha=0.05, method="wilson")
    assert high - low == pytest.approx(2 * margin, rel=1e-9)


@pytest.mark.parametrize(("p", "margin"), [(0.5, 0.05), (0.04, 0.01), (0.9, 0.2)])
def test_corrected_interval_of_that_size_has_that_width(p, margin):
    n = float(fleiss_size(margin, p, Z))
    assert Z * sqrt(p * (1 - p) / n) + 1 / (2 * n) == pytest.approx(margin, rel=1e-12)
    given = {"margin": margin, "p": p}
    sizes = [size_for_proportion(method=m, **given).n for m in ("wald", "fleiss")]
    assert sizes[1] > sizes[0]


@pytest.mark.parametrize(("promoters", "detractors"), [(0.5, 0.2), (0.5, 0.5), (0.1, 0.0)])
def test_nps_size_is_that_of_a_mean_of_plus_and_minus_100(promoters, detractors):
    counts = [round(1000 * share) for share in (promoters, 1 - promoters - detractors, detractors)]
    answers = np.repeat([100.0, 0.0, -100.0], counts)
    expected = size_for_mean(5, answers.std())
    assert size_for_nps(5, promoters, detractors).n == expected.n
    # the formula written out for the worst case: 100^2 z^2 / 25
    assert size_for_nps(5, 0.5, 0.5).n == 1537


def test_every_step_is_shown_and_rounded_up_once():
    size = size_for_proportion(0.05, population=2000, design_effect=1.5, response_rate=0.35)
    n0 = Z**2 * 0.25 / 0.05**2
    n = 1.5 * n0 / (1 + (1.5 * n0 - 1) / 2000)
    assert size.steps["step"].tolist() == [
        "simple random sample",
        "design effect",
        "finite population",
        "invitations",
    ]
    assert size.steps["n"].to_numpy() == pytest.approx([n0, 1.5 * n0, n, n / 0.35])
    assert (size.n, size.invitations) == (448, 1279)  # from 447.67 and 1279.06 by hand


def test_323_completes_for_five_points_in_2000_customers():
    assert size_for_proportion(0.05, population=2000).n == 323


def test_finite_population_gives_the_margin_without_replacement():
    # variance of a sample mean without replacement, written out
    n = before_rounding(size_for_mean(0.4, 3.0, population=700))
    assert Z * sqrt((1 - n / 700) * 9 / n) == pytest.approx(0.4, rel=1e-12)
    n = before_rounding(size_for_proportion(0.04, 0.3, population=700))
    assert Z * sqrt((1 - n / 700) * 0.21 * 700 / 699 / n) == pytest.approx(0.04, rel=1e-12)


def test_whole_results_are_not_rounded_up_further():
    assert size_for_mean(Z * 0.05, 2).n == 1600
    assert size_for_mean(Z * 0.05, 2, response_rate=0.4).invitations == 4000


# Two samples


def test_two_overlapping_shares_agree_with_practools():
    # nProp2sam(px=0.15, py=0.18, pxy=0, g=1, r=1, one-sided 5 %, power 0.8): 2261 and 2261
    correlation = (0 - 0.15 * 0.18) / sqrt(0.15 * 0.85 * 0.18 * 0.82)
    size = size_for_difference(p=(0.15, 0.18), sides=1, overlap=1, correlation=correlation)
    assert (size.n, size.n_second) == (2261, 2261)
    assert before_rounding(size) > 2260


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(("sides", "alternative"), [(1, "larger"), (2, "two-sided")])
def test_two_means_agree_with_statsmodels(ratio, sides, alternative):
    size = size_for_difference(-0.4, sd=1.6, ratio=ratio, sides=sides, power=0.9, confidence=0.99)
    n = NormalIndPower().solve_power(
        0.25, nobs1=None, alpha=0.01, power=0.9, ratio=ratio, alternative=alternative
    )
    assert before_rounding(size) == pytest.approx(n, rel=1e-6)
    assert size.n_second == np.ceil(ratio * before_rounding(size))


def test_the_power_is_what_was_asked_for_in_simulated_waves():
    size = size_for_difference(0.3, sd=(1.0, 1.4), ratio=1.5, overlap=0.6, correlation=0.7)
    random = np.random.default_rng(1)
    n, m, common = size.n, size.n_second, round(0.6 * size.n)
    cov = [[1.0, 0.7 * 1.4], [0.7 * 1.4, 1.96]]
    both = random.multivariate_normal([0, 0.3], cov, size=(20_000, common))
    first = (both[..., 0].sum(1) + random.normal(0, sqrt(n - common), 20_000)) / n
    rest = random.normal(0.3 * (m - common), 1.4 * sqrt(m - common), 20_000)
    second = (both[..., 1].sum(1) + rest) / m
    error = sqrt(1 / n + 1.96 / m - 2 * common * 0.7 * 1.4 / (n * m))
    found = (abs(second - first) > Z * error).mean()
    assert found == pytest.approx(0.8, abs=0.012)  # four standard errors of 20,000 draws
    alone = size_for_difference(0.3, sd=(1.0, 1.4), ratio=1.5)
    assert size.n < 0.8 * alone.n


def test_finite_population_of_overlapping_waves_holds_in_simulation():
    # Both waves from the same 400 customers: the variance of the difference after the size found.
    size = size_for_difference(0.25, sd=1.0, overlap=0.5, correlation=0.8, population=400)
    random = np.random.default_rng(2)
    population = random.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 400)
    population = population - population.mean(0)
    root = np.linalg.cholesky(np.cov(population.T, ddof=1))
    population = population @ np.linalg.inv(root).T @ np.linalg.cholesky([[1, 0.8], [0.8, 1]]).T
    n, common = size.n, round(size.n / 2)
    orders = random.permuted(np.tile(np.arange(400), (20_000, 1)), axis=1)
    first = population[orders[:, :n], 0].mean(1)
    second = population[orders[:, n - common : 2 * n - common], 1].mean(1)
    wanted = (0.25 / (Z + stats.norm.ppf(0.8))) ** 2
    assert np.var(second - first) == pytest.approx(wanted, rel=0.05)
    # without the correction the variance would be a third larger
    infinite = size_for_difference(0.25, sd=1.0, overlap=0.5, correlation=0.8)
    assert infinite.n > 1.1 * size.n


def test_two_groups_with_their_own_populations():
    size = size_for_difference(p=(0.4, 0.6), population=(300, 500), ratio=2, design_effect=1.3)
    n = before_rounding(size)
    v1, v2 = 0.24 * 300 / 299, 0.24 * 500 / 499
    variance = 1.3 * (v1 * (1 / n - 1 / 300) + v2 * (1 / (2 * n) - 1 / 500))
    assert variance == pytest.approx((0.2 / (Z + stats.norm.ppf(0.8))) ** 2, rel=1e-12)


def test_one_share_against_a_known_one_is_the_limit_of_a_large_second_sample():
    size = size_for_difference(p=(0.5, 0.6), ratio=1e12)
    expected = 0.25 * (Z + stats.norm.ppf(0.8)) ** 2 / 0.01
    assert before_rounding(size) == pytest.approx(expected, rel=1e-9)


# Invitations


def test_invitations_on_average():
    # 323 / (0.35 * 0.97) = 951.4: 951 bring 322.9 on average
    assert invitations_needed(323, 0.35, reachable=0.97) == 952
    assert invitations_needed(323, answered=35, asked=100, reachable=0.97) == 952
    assert invitations_needed(35, 0.35) == 100
    assert invitations_needed(7, 1.0) == 7


def test_invitations_with_a_rate_learned_from_100():
    needed = invitations_needed(323, answered=35, asked=100, reachable=0.97, assurance=0.9)
    assert needed == 1159
    draws = np.random.default_rng(3)
    answers = draws.binomial(1159, 0.97 * draws.beta(35, 65, 400_000))
    assert (answers >= 323).mean() == pytest.approx(0.9, abs=0.002)


def rising(start, steps):
    """start (start + 1) (start + 2) and so on."""
    return prod(range(start, start + steps))


def exact_beta_binomial(arrived, completes, answered, not_answered):
    """Probability of at least so many, in fractions."""
    total = rising(answered + not_answered, arrived)
    return sum(
        Fraction(comb(arrived, k) * rising(answered, k) * rising(not_answered, arrived - k), total)
        for k in range(completes, arrived + 1)
    )


@pytest.mark.parametrize(
    ("completes", "answered", "asked", "assurance"),
    [(20, 7, 20, 0.9), (1, 1, 2, 0.5), (40, 9, 10, 0.95), (12, 35, 100, 0.8), (3, 1, 3, 0.75)],
)
def test_the_number_is_the_smallest_that_is_enough(completes, answered, asked, assurance):
    given = {"answered": answered, "asked": asked}
    needed = invitations_needed(completes, assurance=assurance, **given)
    exact = [
        exact_beta_binomial(m, completes, answered, asked - answered) for m in (needed - 1, needed)
    ]
    assert exact[0] < assurance <= exact[1]
    found = probability_of_completes(needed, completes, **given)
    assert found == pytest.approx(float(exact[1]), rel=1e-9)


@pytest.mark.parametrize(("completes", "rate", "assurance"), [(50, 0.35, 0.9), (2, 0.02, 0.99)])
def test_the_number_with_a_known_rate_is_the_smallest(completes, rate, assurance):
    needed = invitations_needed(completes, rate, assurance=assurance)

    def enough(m):
        few = (comb(m, k) * rate**k * (1 - rate) ** (m - k) for k in range(completes))
        return 1 - sum(few)

    assert enough(needed - 1) < assurance <= enough(needed)


def test_those_who_cannot_be_reached_come_on_top():
    reached = invitations_needed(50, 0.35, assurance=0.9)
    needed = invitations_needed(50, 0.35, assurance=0.9, reachable=0.8)
    assert 0.8 * needed >= reached > 0.8 * (needed - 1)
    given = {"completes": 50, "response_rate": 0.35, "reachable": 0.8}
    assert probability_of_completes(needed, **given) >= 0.9
    assert probability_of_completes(needed - 1, **given) < 0.9


def test_more_contacts_to_learn_from_cost_fewer_invitations():
    needed = [
        invitations_needed(323, answered=35 * k, asked=100 * k, assurance=0.9)
        for k in (1, 10, 1000)
    ]
    known = invitations_needed(323, 0.35, assurance=0.9)
    assert needed[0] > needed[1] > needed[2] >= known
    assert needed[2] - known <= 2


# What is refused


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: size_for_proportion(5), "did you mean 0.05"),
        (lambda: size_for_proportion(0.05, 20), "did you mean 0.2"),
        (lambda: size_for_proportion(0.5), "below 0.5"),
        (lambda: size_for_proportion(0.0), "margin=0"),
        (lambda: size_for_proportion(nan), "margin=nan is not a number"),
        (lambda: size_for_proportion("5"), "margin='5' is not a number"),
        (lambda: size_for_proportion(0.05, 0.0), "p=0"),
        (lambda: size_for_proportion(0.05, method="jeffreys"), '"wald", "wilson" or "fleiss"'),
        (lambda: size_for_proportion(0.05, confidence=95), "did you mean 0.95"),
        (lambda: size_for_proportion(0.05, response_rate=35), "did you mean 0.35"),
        (lambda: size_for_proportion(0.05, response_rate=0), "nobody answers"),
        (lambda: size_for_proportion(0.05, response_rate=-0.1), "response_rate=-0.1"),
        (lambda: size_for_proportion(0.05, population=0), "population=0"),
        (lambda: size_for_proportion(0.05, population=99.5), "whole number"),
        (lambda: size_for_proportion(0.05, population=inf), "population=inf"),
        (lambda: size_for_proportion(0.05, design_effect=0), "design_effect=0"),
        (
            lambda: size_for_proportion(0.02, population=2000, response_rate=0.35),
            "take 3,119 invitations .* population is 2,000: at most about 700",
        ),
        (lambda: size_for_mean(0.1, -1), "sd=-1"),
        (lambda: size_for_mean(0.1, 0), "sd=0"),
        (lambda: size_for_mean(-0.1, 1), "margin=-0.1"),
        (lambda: size_for_nps(0.05, 0.5, 0.2), "Did you mean 5 points"),
        (lambda: size_for_nps(5, 50, 0.2), "did you mean 0.5"),
        (lambda: size_for_nps(5, 0.7, 0.4), "more than everybody"),
        (lambda: size_for_nps(5, 1, 0), "all answer alike"),
        (lambda: size_for_nps(120, 0.5, 0.2), "margin=120"),
        (lambda: size_for_difference(), "Give either difference and sd"),
        (lambda: size_for_difference(1, sd=2, p=(0.1, 0.2)), "Give either"),
        (lambda: size_for_difference(1), "both difference and sd"),
        (lambda: size_for_difference(0, sd=2), "difference=0"),
        (lambda: size_for_difference(1, sd=(2, -1)), "sd=-1"),
        (lambda: size_for_difference(1, sd=(2, 1, 1)), "write two values"),
        (lambda: size_for_difference(p=(0.2, 0.2)), "no difference"),
        (lambda: size_for_difference(p=(15, 18)), "did you mean 0.15"),
        (lambda: size_for_difference(1, sd=2, power=80), "did you mean 0.8"),
        (lambda: size_for_difference(1, sd=2, power=0.3), "misses more than it finds"),
        (lambda: size_for_difference(1, sd=2, sides=3), "sides=3"),
        (lambda: size_for_difference(1, sd=2, ratio=0.5, overlap=0.6), "do not fit"),
        (lambda: size_for_difference(1, sd=2, correlation=1), "correlation=1"),
        (
            lambda: size_for_difference(p=(0.1, 0.5), overlap=1, correlation=0.9),
            "correlate between -0.333 and 0.333",
        ),
        (
            lambda: size_for_difference(1, sd=2, population=(90, 90), overlap=0.5),
            "no common respondents",
        ),
        (lambda: size_for_difference(0.1, sd=2, population=100), "different customers"),
        (
            lambda: size_for_difference(0.5, sd=2, ratio=9, population=(900, 900)),
            "more than the population",
        ),
        (lambda: invitations_needed(323), "response_rate, or both answered and asked"),
        (lambda: invitations_needed(323, 0.0), "nobody answers"),
        (lambda: invitations_needed(323, 35), "did you mean 0.35"),
        (lambda: invitations_needed(323, 0.35, answered=35, asked=100), "not both"),
        (lambda: invitations_needed(323, 0.35, reachable=97), "did you mean 0.97"),
        (lambda: invitations_needed(323, 0.35, assurance=90), "did you mean 0.9"),
        (lambda: invitations_needed(0, 0.35), "completes=0"),
        (lambda: invitations_needed(9, answered=0, asked=100), "None of 100"),
        (lambda: invitations_needed(9, answered=100, asked=100), "All 100"),
        (lambda: invitations_needed(9, answered=101, asked=100), "more than asked"),
        (
            lambda: invitations_needed(900, answered=1, asked=99, assurance=0.999999999),
            "more than 1,000,000,000 invitations",
        ),
    ],
)
def test_bad_input_is_refused_with_what_to_do(make, words):
    with pytest.raises(InputError, match=words):
        make()
