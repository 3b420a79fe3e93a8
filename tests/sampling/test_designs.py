"""Designs: inclusion probabilities and populations.

Oracles: probabilities worked out by hand, identities (they add up to n), and thousands of draws.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.sampling.allocation import allocate
from crmlib.sampling.designs import (
    Cluster,
    Pps,
    SimpleRandom,
    Stratified,
    Systematic,
    TwoStage,
    groups_of,
    pps_probabilities,
    systematic_positions,
    systematic_pps_positions,
)
from crmlib.sampling.drawing import RandomNumbers, id_hashes, in_order, select

DRAWS = 1000

DESIGNS = {
    "simple": SimpleRandom(13),
    "systematic": Systematic(13),
    "sorted, with ties": Systematic(13, "score"),
    "stratified": Stratified("region", {"north": 3, "south": 9, "west": 2}),
    "clusters": Cluster("branch", 4),
    "two stages": TwoStage("branch", 5, 3),
    "to size": Pps("turnover", 13),
    "to size, one certain": Pps("skewed", 13),
}


@cache
def population() -> pd.DataFrame:
    """60 customers in strata and branches of different sizes; y goes with all of them."""
    random = np.random.default_rng(7)
    branch = np.repeat(np.arange(12), [1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 10])
    region = np.where(branch < 7, "south", np.where(branch < 10, "north", "west"))
    y = 5 + 0.5 * branch + random.normal(0, 2, 60)
    return pd.DataFrame(
        {
            "customer": [f"C{i:03}" for i in random.permutation(60)],
            "region": region,
            "branch": branch,
            "score": np.round(y),
            "turnover": np.round(random.uniform(1, 3, 60), 2),
            "skewed": np.concatenate([[200.0], random.uniform(2, 9, 59)]),
            "y": y,
        }
    )


@cache
def many_draws(name: str) -> np.ndarray:
    """Which units each of many draws holds, shape (draws, units), seeds 0, 1, 2, …"""
    frame = population()
    hashes = id_hashes(frame, "customer")
    drawn = np.zeros((DRAWS, len(frame)))
    for seed in range(DRAWS):
        numbers = RandomNumbers(seed, 0.0)
        order = in_order(numbers.of(hashes, "unit"))
        drawn[seed, select(frame, DESIGNS[name], order, numbers, "customer").rows] = 1
    return drawn


@pytest.mark.parametrize("name", DESIGNS)
def test_units_are_drawn_as_often_as_their_probability_says(name):
    # z of 60 units for each of eight designs: some |z| is above 4.5 once in 300 runs of all. The
    # mean of z^2 is 1 with a standard error of at most sqrt(2 / 12), as whole clusters leave
    # twelve numbers that are free: 2.6 is four of them away.
    pi = DESIGNS[name].inclusion_probabilities(population()).to_numpy()
    certain = pi == 1
    drawn = many_draws(name)
    assert drawn.max() == 1
    assert (drawn[:, certain] == 1).all()
    spread = np.sqrt(pi * (1 - pi) / DRAWS)[~certain]
    z = (drawn.mean(axis=0) - pi)[~certain] / spread
    assert np.abs(z).max() < 4.5
    assert (z**2).mean() < 2.6


@pytest.mark.parametrize("name", DESIGNS)
def test_weighted_totals_are_unbiased(name):
    # Horvitz-Thompson: the mean over draws lies within four of its Monte Carlo standard errors
    # of the true total. The Hájek mean is a ratio: its bias is of order 1 / n.
    frame = population()
    y = frame["y"].to_numpy()
    pi = DESIGNS[name].inclusion_probabilities(frame).to_numpy()
    totals = many_draws(name) @ (y / pi)
    error = totals.std() / np.sqrt(DRAWS)
    assert abs(totals.mean() - y.sum()) < 4 * error + 1e-9
    means = totals / (many_draws(name) @ (1 / pi))
    assert abs(means.mean() - y.mean()) < 4 * means.std() / np.sqrt(DRAWS) + means.std() / 4


@pytest.mark.parametrize("name", ["simple", "systematic", "stratified", "to size"])
def test_probabilities_add_up_to_n(name):
    pi = DESIGNS[name].inclusion_probabilities(population())
    assert pi.sum() == pytest.approx(14 if name == "stratified" else 13, abs=1e-9)
    assert (many_draws(name).sum(axis=1) == round(pi.sum())).all()


def test_every_pair_is_equally_likely_in_a_simple_random_sample():
    # Ten pairs of five units; chi-square with 9 degrees of freedom is above 27.9 once in 1,000.
    frame = pd.DataFrame({"customer": list("abcde")})
    hashes = id_hashes(frame, "customer")
    pairs = []
    for seed in range(4000):
        numbers = RandomNumbers(seed, 0.0)
        order = in_order(numbers.of(hashes, "unit"))
        rows = select(frame, SimpleRandom(2), order, numbers, "customer").rows
        pairs.append("".join(sorted(frame["customer"].iloc[rows])))
    counts = pd.Series(pairs).value_counts().to_numpy()
    assert len(counts) == 10
    assert ((counts - 400) ** 2 / 400).sum() < 27.9


def test_probabilities_keep_the_index_of_the_frame():
    frame = population().iloc[::-1]
    for design in DESIGNS.values():
        assert design.inclusion_probabilities(frame).index.equals(frame.index)
        assert design.population_sizes(frame).index.equals(frame.index)


def test_two_stages_multiply_and_small_clusters_are_taken_whole():
    frame = pd.DataFrame({"branch": [1, 1, 1, 1, 2, 2, 3]})
    pi = TwoStage("branch", 2, 2).inclusion_probabilities(frame)
    np.testing.assert_allclose(pi, 2 / 3 * np.array([0.5] * 4 + [1.0] * 3))
    sizes = TwoStage("branch", 2, 2).population_sizes(frame)
    assert sizes["population_1"].tolist() == [3] * 7
    assert sizes["population_2"].tolist() == [4] * 4 + [2, 2, 1]


@pytest.mark.parametrize(
    ("sizes", "n", "expected"),
    [
        ((50, 30, 10, 10), 2, (1, 0.6, 0.2, 0.2)),  # exactly one hit is certain
        ((70, 20, 5, 5), 3, (1, 1, 0.5, 0.5)),  # 20 becomes certain once 70 is
        ((40, 30, 20, 10), 1, (0.4, 0.3, 0.2, 0.1)),
        ((1e9, 1, 1), 3, (1, 1, 1)),
        ((5, 5, 5, 5), 4, (1, 1, 1, 1)),
    ],
)
def test_units_too_large_for_their_probability_are_certain(sizes, n, expected):
    np.testing.assert_allclose(pps_probabilities(np.array(sizes, dtype=float), n), expected)


def test_effective_population_of_equal_sizes_is_the_number_of_units():
    frame = pd.DataFrame({"size": [4.0] * 50, "skewed": [1000.0] + [1.0] * 49})
    np.testing.assert_allclose(Pps("size", 10).population_sizes(frame)["population_1"], 50)
    populations = Pps("skewed", 10).population_sizes(frame)["population_1"]
    np.testing.assert_allclose(populations, [1] + [49] * 49)
    np.testing.assert_allclose(Pps("size", 50).population_sizes(frame)["population_1"], 50)


def test_systematic_positions_are_at_equal_distances():
    assert systematic_positions(3, 12, 0.5).tolist() == [2, 6, 10]
    assert systematic_positions(4, 10, 0.0).tolist() == [0, 2, 5, 7]  # 0, 2.5, 5, 7.5
    assert systematic_positions(5, 5, 0.999).tolist() == [0, 1, 2, 3, 4]
    grid = (np.arange(10_000) + 0.5) / 10_000
    hits = np.bincount(systematic_positions(7, 24, grid[:, None]).ravel())
    np.testing.assert_allclose(hits / 10_000, 7 / 24, atol=2e-4)


def test_systematic_positions_to_size_hit_as_often_as_the_size_says():
    pi = pps_probabilities(np.array([1.0, 4, 2, 7, 3, 3]), 2)
    grid = (np.arange(10_000) + 0.5) / 10_000
    hits = np.bincount(systematic_pps_positions(pi, 2, grid[:, None]).ravel())
    np.testing.assert_allclose(hits / 10_000, pi, atol=2e-4)


def test_a_single_number_is_shared_out_as_allocate_does():
    frame = population()
    strata = groups_of(frame.sort_values("region"), "region")
    table = pd.DataFrame({"stratum": strata.names, "population": strata.sizes})
    for n in (6, 13, 59, 60):
        expected = allocate(table, n, method="proportional").table["n"].tolist()
        assert Stratified("region", n).sample_sizes(strata).tolist() == expected


@pytest.mark.parametrize("n", [0, -3, 2.5, "ten", None, True])
def test_a_size_is_a_whole_number_above_0(n):
    for make in (
        SimpleRandom,
        Systematic,
        lambda n: Stratified("region", n),
        lambda n: Stratified("region", {"north": n}),
        lambda n: Cluster("branch", n),
        lambda n: TwoStage("branch", n, 2),
        lambda n: TwoStage("branch", 2, n),
        lambda n: Pps("turnover", n),
    ):
        with pytest.raises(InputError, match="whole number above 0"):
            make(n)


@pytest.mark.parametrize(
    ("design", "words"),
    [
        (SimpleRandom(61), "Units in the frame: 60, but 61 wanted"),
        (Systematic(61), "frame: 60, but 61 wanted"),
        (Stratified("region", 61), "frame: 60, but 61 wanted"),
        (Pps("turnover", 61), "frame: 60, but 61 wanted"),
        (Cluster("branch", 13), 'Clusters in column "branch": 12, but 13'),
        (TwoStage("branch", 13, 2), "12, but 13 wanted"),
        (
            Stratified("region", {"north": 3, "south": 30, "west": 2}),
            'Units in stratum "south": 21, but 30',
        ),
        (Stratified("region", {"north": 3, "south": 9, "wset": 2}), "names wset"),
        (Stratified("region", {"north": 3, "south": 9}), "leaves out stratum west"),
        (Stratified("region", 5), "minimum"),
        (Stratified("district", 13), 'no column "district"'),
        (Pps("region", 13), "numbers"),
    ],
)
def test_what_the_frame_cannot_give_is_refused(design, words):
    with pytest.raises(InputError, match=words):
        design.inclusion_probabilities(population())


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_sizes_of_nothing_are_refused(value):
    frame = population().assign(turnover=[value, *[2.0] * 59])
    with pytest.raises(InputError, match=r"1 of 60 sizes cannot be used .*; row 0\."):
        Pps("turnover", 13).inclusion_probabilities(frame)


@pytest.mark.parametrize("design", [Stratified("region", 13), Cluster("region", 1)])
def test_units_without_a_group_are_refused(design):
    frame = population().copy()
    frame.loc[[4, 8], "region"] = None
    with pytest.raises(InputError, match=r'"region": 2 values are missing; rows 4, 8\.'):
        design.inclusion_probabilities(frame)


def test_an_empty_frame_is_refused():
    with pytest.raises(InputError, match="frame: 0, but 1 wanted"):
        SimpleRandom(1).inclusion_probabilities(population().iloc[:0])


def test_an_allocation_without_strata_is_refused():
    with pytest.raises(InputError, match="names no stratum"):
        Stratified("region", {})
