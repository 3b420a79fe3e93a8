"""Drawing samples and repeating the draw.

Oracles: SipHash-2-4 and SplitMix64 written out in whole numbers, uniformity tests, sets of cases
that must or must not overlap, and the variance formulas of `estimate`.
"""

import dataclasses
import hashlib
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.sampling.designs import (
    Cluster,
    Pps,
    SimpleRandom,
    Stratified,
    Systematic,
    TwoStage,
)
from crmlib.sampling.drawing import (
    DrawnSample,
    RandomNumbers,
    as_shares,
    draw,
    fingerprint,
    id_hashes,
    in_order,
    release_places,
    verify,
)
from crmlib.sampling.estimation import estimate
from tests.sampling.test_designs import DESIGNS, population

WORD = 2**64 - 1


def siphash(data: bytes, key: bytes) -> int:
    """SipHash-2-4 of Aumasson and Bernstein (2012), in Python's whole numbers."""
    k0, k1 = (int.from_bytes(key[i : i + 8], "little") for i in (0, 8))
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def turn(x, bits):
        return (x << bits | x >> (64 - bits)) & WORD

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & WORD
            v[2] = (v[2] + v[3]) & WORD
            v[1], v[3] = turn(v[1], 13) ^ v[0], turn(v[3], 16) ^ v[2]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[1]) & WORD
            v[0] = (v[0] + v[3]) & WORD
            v[1], v[3] = turn(v[1], 17) ^ v[2], turn(v[3], 21) ^ v[0]
            v[2] = turn(v[2], 32)

    padded = data + bytes((-len(data) - 1) % 8) + bytes([len(data) & 0xFF])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def split_mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def drawn_cases(sample: DrawnSample) -> set:
    return set(sample.units["case_id"])


def test_siphash_is_written_out_correctly():
    # The test vector of the paper's appendix: key 00 … 0f, message 00 … 0e.
    assert siphash(bytes(range(15)), bytes(range(16))) == 0xA129CA6149BE45E5


def test_permanent_numbers_are_what_the_notes_say():
    ids = ["C001", "17", "Müller & Söhne, Köln", "x" * 40]
    frame = pd.DataFrame({"customer": ids})
    digest = hashlib.sha256(b"2024 unit").digest()
    first, second = (int.from_bytes(digest[i : i + 8], "little") for i in (0, 8))
    expected = []
    for text in ids:
        h = split_mix(siphash(text.encode(), b"0123456789123456"))  # the key pandas takes
        expected.append(split_mix((split_mix(h ^ first) + second) & WORD))
    numbers = RandomNumbers(2024, 0.0).of(id_hashes(frame, "customer"), "unit")
    assert [int(number) for number in numbers] == expected
    sample = draw(frame, SimpleRandom(4), 2024, "customer").units.set_index("customer")
    shares = [number / 2**64 for number in expected]
    np.testing.assert_allclose(sample.loc[ids, "prn"], shares, rtol=1e-12)


@pytest.mark.parametrize("first", [0, 10**9])
def test_permanent_numbers_of_ids_in_a_row_are_uniform_and_independent(first):
    # 200,000 ids. Kolmogorov's D is above 1.95 / sqrt(n) once in 1,000; correlations have a
    # standard error of 1 / sqrt(n), four of which are 0.009.
    frame = pd.DataFrame({"customer": np.arange(first, first + 200_000)})
    hashes = id_hashes(frame, "customer")
    one, two = (as_shares(RandomNumbers(seed, 0.0).of(hashes, "unit")) for seed in (1, 2))
    release = as_shares(RandomNumbers(1, 0.0).of(hashes, "release"))
    assert stats.kstest(one, "uniform").statistic < 1.95 / np.sqrt(200_000)
    for other in (two, release, np.roll(one, 1), np.arange(200_000.0), hashes.astype(float)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.009
    cells = np.bincount((one * 100).astype(int) * 100 + (np.roll(one, 1) * 100).astype(int))
    # 10,000 cells of 20: chi-square has mean 9,999 and standard deviation 141.
    assert abs(((cells - 20) ** 2 / 20).sum() - 9_999) < 4 * 141


def test_in_order_sorts():
    random = np.random.default_rng(1)
    numbers = random.integers(0, 2**64, 100_000, dtype=np.uint64)
    np.testing.assert_array_equal(in_order(numbers), np.argsort(numbers))
    # many numbers with the same first half
    alike = random.integers(0, 40, 5_000).astype(np.uint64) << np.uint64(32)
    alike += random.permutation(5_000).astype(np.uint64)
    np.testing.assert_array_equal(in_order(alike), np.argsort(alike))


@pytest.mark.parametrize("name", DESIGNS)
def test_order_of_the_frame_does_not_matter_and_the_frame_is_not_changed(name):
    frame = population().copy()
    before = frame.copy(deep=True)
    shuffled = frame.sample(frac=1, random_state=3)
    for shift in (0.0, 0.3):
        sample = draw(frame, DESIGNS[name], 11, "customer", shift=shift)
        again = draw(shuffled, DESIGNS[name], 11, "customer", shift=shift)
        pd.testing.assert_frame_equal(sample.units, again.units, check_exact=True)
        assert sample.audit == again.audit
        verify(sample, shuffled)
    pd.testing.assert_frame_equal(frame, before)
    other = draw(frame, DESIGNS[name], 12, "customer")
    assert drawn_cases(other) != drawn_cases(sample)


@pytest.mark.parametrize("name", DESIGNS)
def test_the_table_says_what_the_design_says(name):
    frame, design = population(), DESIGNS[name]
    sample = draw(frame, design, 5, "customer")
    units = sample.units.set_index("customer")
    by_id = frame.assign(
        pi=design.inclusion_probabilities(frame), **design.population_sizes(frame)
    ).set_index("customer")
    expected = by_id.loc[units.index]
    pd.testing.assert_frame_equal(units[frame.columns[1:]], expected[frame.columns[1:]])
    np.testing.assert_allclose(units["inclusion_probability"], expected["pi"], rtol=1e-12)
    np.testing.assert_allclose(units["base_weight"], 1 / expected["pi"], rtol=1e-12)
    for column in design.population_sizes(frame):
        np.testing.assert_allclose(units[column], expected[column], rtol=1e-12)
    assert units["release_order"].tolist() == list(range(1, len(units) + 1))
    assert units["case_id"].tolist() == units.index.tolist()
    assert sample.audit["n"] == len(units)


def test_clusters_come_whole_and_two_stages_in_part():
    frame = population()
    sizes = frame["branch"].value_counts()
    whole = draw(frame, Cluster("branch", 4), 5, "customer").units["cluster"].value_counts()
    assert len(whole) == 4
    assert (whole == sizes[whole.index]).all()
    part = draw(frame, TwoStage("branch", 5, 3), 5, "customer").units
    counts = part["cluster"].value_counts()
    assert len(counts) == 5
    assert (counts == np.minimum(sizes[counts.index], 3)).all()
    assert (part["unit"] == part["customer"]).all()


def test_ids_are_the_same_whether_stored_as_numbers_or_text():
    ids = np.random.default_rng(3).permutation(500)
    drawn = [
        set(draw(pd.DataFrame({"id": kind}), SimpleRandom(50), 1, "id").units["id"].astype(int))
        for kind in (ids, ids.astype(float), ids.astype(str), pd.array(ids, dtype="Int64"))
    ]
    assert drawn[0] == drawn[1] == drawn[2] == drawn[3]


def test_a_smaller_sample_is_part_of_a_larger_one():
    small, large = (draw(population(), SimpleRandom(n), 8, "customer") for n in (10, 30))
    assert drawn_cases(small) < drawn_cases(large)


@pytest.mark.parametrize(
    "design",
    [
        SimpleRandom(1000),
        Stratified("region", {"a": 400, "b": 600}),
        Cluster("branch", 20),
        TwoStage("branch", 40, 25),
    ],
)
def test_the_same_seed_keeps_the_sample_when_the_frame_changes(design):
    # One unit in ten leaves and as many come. Of the sample nine in ten are still there; new
    # units push out a few of those. Another seed shares what chance gives.
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"id": np.arange(11_000)})
    frame["region"] = np.where(random.random(11_000) < 0.3, "a", "b")
    frame["branch"] = random.integers(0, 200, 11_000)
    first, second = frame[:10_000], frame[1_000:]
    before = drawn_cases(draw(first, design, 6, "id"))
    still_there = {case for case in before if case >= 1_000}
    kept = still_there & drawn_cases(draw(second, design, 6, "id"))
    by_chance = still_there & drawn_cases(draw(second, design, 7, "id"))
    assert len(kept) > 0.85 * len(still_there)
    assert len(by_chance) < 0.35 * len(still_there)


@pytest.mark.parametrize(
    "design",
    [
        SimpleRandom(1000),
        Stratified("region", {"a": 400, "b": 600}),
        Systematic(1000, "region"),
        Pps("size", 1000),
        Cluster("branch", 20),
    ],
)
def test_a_shift_keeps_samples_apart(design):
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"id": np.arange(10_000), "branch": random.integers(0, 200, 10_000)})
    frame["region"] = np.where(random.random(10_000) < 0.3, "a", "b")
    frame["size"] = random.uniform(1, 3, 10_000)
    samples = [drawn_cases(draw(frame, design, 9, "id", shift=shift)) for shift in (0.0, 0.5)]
    assert not samples[0] & samples[1]


def test_a_small_shift_rotates_part_of_the_sample():
    # n / N = 0.1 and a shift of 0.04: about six in ten stay. The numbers below the n-th smallest
    # are 0.1 on average with standard deviation 0.003, so that 0.6 is good to 0.05.
    frame = pd.DataFrame({"id": np.arange(10_000)})
    first, second = (
        drawn_cases(draw(frame, SimpleRandom(1000), 10, "id", shift=shift)) for shift in (0.0, 0.04)
    )
    assert len(first & second) / 1000 == pytest.approx(0.6, abs=0.05)


def test_releases_take_the_strata_in_step():
    strata = np.repeat(["a", "b", "c"], [100, 50, 10])
    hashes = id_hashes(pd.DataFrame({"id": np.arange(160)}), "id")
    for seed in range(20):
        released = strata[release_places(RandomNumbers(seed, 0.0), hashes, strata)]
        for k in (16, 40, 80, 144):
            counts = pd.Series(released[:k]).value_counts().reindex(["a", "b", "c"], fill_value=0)
            assert (np.abs(counts - k * np.array([100, 50, 10]) / 160) < 1.5).all()


def test_release_is_random_within_the_sample():
    # Each of 20 units is among the first 5 in a quarter of 2,000 draws; 4.5 standard errors.
    hashes = id_hashes(pd.DataFrame({"id": np.arange(20)}), "id")
    early = np.zeros(20)
    for seed in range(2000):
        early[release_places(RandomNumbers(seed, 0.0), hashes, np.zeros(20))[:5]] += 1
    assert np.abs(early - 500).max() < 4.5 * np.sqrt(2000 * 0.25 * 0.75)


def test_the_first_released_may_come_from_any_stratum():
    # Two strata of 10 each: the first unit is from either in half of 1,000 draws; 4.5 errors.
    hashes = id_hashes(pd.DataFrame({"id": np.arange(20)}), "id")
    strata = np.repeat(["a", "b"], 10)
    first = [release_places(RandomNumbers(seed, 0.0), hashes, strata)[0] for seed in range(1000)]
    assert abs((np.array(first) < 10).sum() - 500) < 4.5 * np.sqrt(250)


def test_release_does_not_go_by_the_numbers_that_select():
    # Units of large branches are taken for small numbers, those of small ones whatever theirs.
    # They are released alike all the same: the difference of mean places is 0 within 4.5 errors.
    differences = []
    for seed in range(200):
        units = draw(population(), TwoStage("branch", 6, 2), seed, "customer").units
        in_part = units["population_2"] > 4
        if in_part.any() and not in_part.all():
            places = units.groupby(in_part)["release_order"].mean()
            differences.append(places[True] - places[False])
    error = np.std(differences) / np.sqrt(len(differences))
    assert abs(np.mean(differences)) < 4.5 * error < 2


@pytest.mark.parametrize("name", DESIGNS)
def test_a_drawn_sample_is_ready_for_estimation(name):
    frame = population()
    sample = draw(frame, DESIGNS[name], 21, "customer")
    result = estimate(sample.survey(), "y").iloc[0]
    weights = sample.units["base_weight"]
    expected = (weights * sample.units["y"]).sum() / weights.sum()
    assert result["estimate"] == pytest.approx(expected, rel=1e-12)
    assert result["standard_error"] > 0


def test_a_census_has_no_standard_error():
    for design in (SimpleRandom(60), Stratified("region", 60), Cluster("branch", 12)):
        sample = draw(population(), design, 1, "customer")
        result = estimate(sample.survey(), "y").iloc[0]
        assert result["estimate"] == pytest.approx(population()["y"].mean())
        assert result["standard_error"] == pytest.approx(0, abs=1e-12)


def test_the_fingerprint_is_of_contents_and_names():
    frame = population()
    hashes = {"customer": id_hashes(frame, "customer")}
    same = fingerprint(frame, hashes)
    shuffled = frame.sample(frac=1, random_state=1)
    assert fingerprint(shuffled, {"customer": id_hashes(shuffled, "customer")}) == same
    for other in (
        frame.assign(y=frame["y"].where(frame.index != 3, 0.0)),
        frame.assign(region=frame["region"].to_numpy()[::-1]),
        frame.rename(columns={"y": "z"}),
    ):
        assert fingerprint(other, hashes) != same
    # swapping two cells of a column changes two rows, though not the column's values
    swapped = frame.assign(y=frame["y"].to_numpy()[[1, 0, *range(2, 60)]])
    assert fingerprint(swapped, hashes) != same


def changed(sample: DrawnSample, units: pd.DataFrame) -> DrawnSample:
    return dataclasses.replace(sample, units=units)


def test_verify_names_what_has_changed_in_the_frame():
    frame = population()
    sample = draw(frame, SimpleRandom(13), 2, "customer")
    case = sample.units["customer"].iloc[0]
    with pytest.raises(InputError, match=rf"59 rows and had 60; .* are gone: 1 \({case}\)"):
        verify(sample, frame[frame["customer"] != case])
    with pytest.raises(
        InputError, match=rf"sampled cases with other values in region: 1 \({case}\)"
    ):
        verify(sample, frame.assign(region=frame["region"].where(frame["customer"] != case, "x")))
    unsampled = frame["customer"].isin(sample.units["customer"])
    with pytest.raises(InputError, match="units outside the sample"):
        verify(sample, frame.assign(y=frame["y"].where(unsampled, 0.0)))
    with pytest.raises(InputError, match="61 rows and had 60"):
        verify(sample, pd.concat([frame, frame[:1].assign(customer="new")]))
    with pytest.raises(InputError, match='no column "customer"'):
        verify(sample, frame.drop(columns="customer"))


def test_verify_names_what_has_changed_in_the_sample():
    frame = population()
    sample = draw(frame, Stratified("region", 13), 2, "customer")
    units = sample.units
    verify(changed(sample, units.iloc[::-1]), frame)
    first = units["customer"].iloc[0]
    outside = frame.loc[~frame["customer"].isin(units["customer"]), "customer"].iloc[0]
    swapped = units.assign(case_id=units["case_id"].replace(first, outside))
    heavier = units.assign(base_weight=units["base_weight"] * np.where(units.index == 0, 1.1, 1.0))
    cases = {
        rf"are missing from it: 1 \({first}\)": units.iloc[1:],
        rf"were not drawn: 1 \({outside}\); .* missing from it: 1 \({first}\)": swapped,
        rf"cases with other values in base_weight: 1 \({first}\)": heavier,
        rf"cases that occur twice: 1 \({first}\)": pd.concat([units, units.iloc[:1]]),
        "lacks the columns prn": units.drop(columns="prn"),
        "no column case_id": units.drop(columns="case_id"),
    }
    for words, table in cases.items():
        with pytest.raises(InputError, match=words):
            verify(changed(sample, table), frame)


def test_verify_names_what_has_changed_in_the_record():
    sample = draw(population(), SimpleRandom(13), 2, "customer")
    for part, words in (
        ({"n": 14}, "n is 14 in the record and 13 in the draw"),
        ({"seed": 3}, "were not drawn"),
        ({"design": "SimpleRandom(n=12)"}, "design is"),
    ):
        tampered = dataclasses.replace(sample, audit=sample.audit | part)
        with pytest.raises(InputError, match=words):
            verify(tampered, population())
    newer = dataclasses.replace(sample, audit=sample.audit | {"numpy_version": "9.9"})
    verify(newer, population())


def test_the_record_holds_what_a_repetition_takes():
    audit = draw(population(), SimpleRandom(13), 2, "customer", shift=0.25).audit
    assert list(audit) == [
        "frame_sha256",
        "frame_rows",
        "id",
        "seed",
        "shift",
        "generator",
        "numpy_version",
        "pandas_version",
        "design",
        "n",
    ]
    assert len(audit["frame_sha256"]) == 64
    assert (audit["frame_rows"], audit["id"], audit["seed"]) == (60, "customer", 2)
    assert (audit["shift"], audit["design"], audit["n"]) == (0.25, "SimpleRandom(n=13)", 13)
    assert audit["numpy_version"] == np.__version__


def with_ids(*ids):
    return population().assign(customer=[*ids, *population()["customer"][len(ids) :]])


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        (with_ids("A", "A", "B", "B"), {}, "more than once: [AB], [AB]"),
        (with_ids(None, "A", None), {}, r"missing in 2 of 60 rows; rows 0, 2\."),
        (with_ids("", "A"), {}, r"missing in 1 of 60 rows; row 0\."),
        (population(), {"id": None}, "name the column that identifies them"),
        (population(), {"id": "number"}, 'no column "number"'),
        (population(), {"seed": None}, "seed=None"),
        (population(), {"seed": 1.5}, "whole number"),
        (population(), {"shift": 1.0}, "from 0 to below 1"),
        (population(), {"shift": -0.1}, "from 0 to below 1"),
        (population(), {"shift": "half"}, "from 0 to below 1"),
        (population().iloc[:0], {}, "frame: 0, but 5 wanted"),
        (population(), {"design": "srs"}, "is not a design"),
        (population(), {"design": SimpleRandom(61)}, "frame: 60, but 61 wanted"),
        (population().rename(columns={"y": "base_weight"}), {}, "base_weight, which the draw"),
        (population().rename(columns={"y": "turnover"}), {}, "several columns called turnover"),
        (
            population().assign(score=[*population()["score"][:59], np.nan]),
            {"design": Systematic(5, ["region", "score"])},
            r'"score" orders the list, but 1 of its values are missing; row 59',
        ),
        (
            population().assign(score=pd.Series([*range(59), date(2024, 1, 1)], dtype=object)),
            {"design": Systematic(5, "score")},
            "several kinds",
        ),
    ],
)
def test_bad_input_is_refused(frame, options, words):
    arguments = {"design": SimpleRandom(5), "seed": 1, "id": "customer"} | options
    with pytest.raises(InputError, match=words):
        draw(frame, **arguments)


def test_a_column_that_means_the_same_may_have_the_name_of_a_result():
    frame = population().rename(columns={"customer": "case_id", "region": "stratum"})
    sample = draw(frame, Stratified("stratum", 13), 1, "case_id")
    assert sample.units.columns.is_unique
    assert sample.survey().strata == "stratum"


def test_cells_that_hold_lists_do_not_stop_a_draw():
    frame = population().assign(tags=[["a", "b"]] * 59 + [["c"]])
    sample = draw(frame, SimpleRandom(13), 1, "customer")
    verify(sample, frame)
    with pytest.raises(InputError, match="not the one that was drawn from"):
        verify(sample, frame.assign(tags=[["a", "b"]] * 60))


def test_numbers_of_numpy_are_written_as_plain_ones_in_the_record():
    allocation = {"north": np.int64(3), "south": np.int64(9), "west": np.int64(2)}
    design = draw(population(), Stratified("region", allocation), 1, "customer").audit["design"]
    expected = "Stratified(by='region', allocation={'north': 3, 'south': 9, 'west': 2})"
    assert design == expected
