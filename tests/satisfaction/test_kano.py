"""Kano's categories, coefficients and decisions.

Oracles: the evaluation table, counts and figures of the reference (R package stp25stat), formulas
written out, the sampling package for weights and clusters, simulated error rates with their
multinomial truth, and the categories that the example company's customers were given.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from crmlib.errors import InputError
from crmlib.sampling.estimation import estimate
from crmlib.sampling.samples import SurveySample
from crmlib.satisfaction.kano import (
    ANSWERS,
    CATEGORIES,
    WORDS,
    evaluated,
    evaluation_table,
    fong_threshold,
    kano,
    p_value,
)
from crmlib.satisfaction.scores import adjusted_wald_interval

DATA = Path(__file__).resolve().parents[2] / "data"
CELLS = {"A": (1, 3), "O": (1, 5), "M": (2, 5), "I": (3, 3), "R": (5, 1), "Q": (1, 1)}
PAIR = {"app": ("with", "without")}


def responses(letters):
    """A pair of answers for each category."""
    return pd.DataFrame([CELLS[letter] for letter in letters], columns=["with", "without"])


def only(table):
    (row,) = (row for _, row in table.iterrows())
    return row


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "satisfaction.json").read_text())["kano"]


class TestReference:
    def test_evaluation_table(self, reference):
        assert list(ANSWERS) == reference["answers"]
        expected = reference["table_rows_functional_cols_dysfunctional"]
        assert evaluation_table().to_numpy().tolist() == expected
        rows, columns = np.indices((5, 5))
        letters = np.array(list(CATEGORIES))
        assert letters[evaluated(rows, columns)].tolist() == expected

    def test_example(self, reference):
        letters = "".join(name * count for name, count in reference["example_counts"].items())
        row = only(kano(responses(letters), PAIR).table)
        for letter, count in reference["example_counts"].items():
            assert row[letter] == count
        for name in ("better", "worse", "total_strength", "category_strength"):
            assert row[name] == pytest.approx(reference[name], rel=1e-12)
        assert row["fong_difference"] == pytest.approx(reference["fong_lhs"], rel=1e-9)
        assert row["fong_threshold"] == pytest.approx(reference["fong_rhs"], rel=1e-9)
        assert row["fong"] == reference["fong"]
        assert row["category"] == reference["category_mode"]
        assert row["decision"] == "undecided"


class TestIntervals:
    LETTERS = "A" * 20 + "O" * 30 + "M" * 35 + "I" * 10 + "R" * 3 + "Q" * 2

    def test_without_weights_they_are_wilsons(self):
        row = only(kano(responses(self.LETTERS), PAIR).table)
        expected = {"better": (50, 95), "total_strength": (85, 100)}
        for name, (count, n) in expected.items():
            ends = proportion_confint(count, n, method="wilson")
            assert row[[f"{name}_low", f"{name}_high"]].tolist() == pytest.approx(ends)
        low, high = proportion_confint(65, 95, method="wilson")
        assert row[["worse_low", "worse_high"]].tolist() == pytest.approx([-high, -low])
        ends = adjusted_wald_interval(0.35, 0.30, 100, stats.norm.ppf(0.975))
        lead = row[["category_strength_low", "category_strength_high"]].tolist()
        assert lead == pytest.approx(ends)

    def test_design_is_that_of_the_sampling_package(self):
        random = np.random.default_rng(1)
        letters = random.choice(list("AOMIRQ"), 200, p=[0.3, 0.2, 0.2, 0.2, 0.05, 0.05])
        data = responses(letters).assign(
            cluster=np.arange(200) // 8,
            weight=random.uniform(0.5, 3, 200),
            wins=np.isin(letters, ["A", "O"]),
            counts=np.where(np.isin(letters, ["R", "Q"]), "no", "yes"),
        )
        data["stratum"] = data["cluster"] % 4
        sample = SurveySample(data, "weight", strata="stratum", clusters=("cluster",))
        table = estimate(sample, "wins", kind="proportion", by="counts").set_index("counts")
        share, error = table.loc["yes", ["estimate", "standard_error"]]
        design = {"weights": "weight", "strata": "stratum", "clusters": "cluster"}
        row = only(kano(data, PAIR, **design).table)
        assert row["better"] == pytest.approx(share, rel=1e-12)
        n, t = share * (1 - share) / error**2 * 25 / 21, stats.t.ppf(0.975, 25 - 4)
        alpha = 2 * stats.norm.sf(t)
        ends = proportion_confint(n * share, n, alpha=alpha, method="wilson")
        assert row[["better_low", "better_high"]].tolist() == pytest.approx(ends)
        weighted = data.groupby(letters)["weight"].sum() / data["weight"].sum() * 200
        assert row[list("AOMIRQ")].to_numpy(float) == pytest.approx(weighted[list("AOMIRQ")])

    def test_clusters_that_say_the_same_are_one_answer_each(self):
        data = responses("A" * 50 + "M" * 50).assign(shop=np.arange(100) // 5)
        single, clustered = (only(kano(data, PAIR, clusters=shop).table) for shop in (None, "shop"))
        assert clustered["better_high"] - clustered["better_low"] > 2 * (
            single["better_high"] - single["better_low"]
        )
        # 20 shops, of one mind each: as good as 20 answers.
        assert clustered["fong_threshold"] == pytest.approx(fong_threshold(10, 10, 20))

    def test_equal_weights_are_none(self):
        data = responses(self.LETTERS).assign(weight=4.0)
        plain, weighted = (kano(data, PAIR, weights=name).table for name in (None, "weight"))
        pd.testing.assert_frame_equal(plain, weighted, check_dtype=False)


class TestDecision:
    def test_fong_finds_too_much_where_two_are_equal(self):
        random = np.random.default_rng(5)
        counts = -np.sort(-random.multinomial(200, [0.4, 0.4, 0.1, 0.1], size=20_000))
        first, second = counts[:, 0], counts[:, 1]
        fong = np.mean(first - second >= fong_threshold(first, second, 200))
        low, _ = adjusted_wald_interval(first / 200, second / 200, 200, stats.norm.ppf(0.975))
        # The Monte Carlo errors are 0.003 and 0.0015.
        assert fong == pytest.approx(0.195, abs=0.012)
        assert np.mean(low > 0) == pytest.approx(0.05, abs=0.006)

    def test_the_interval_decides(self):
        row = only(kano(responses("M" * 45 + "A" * 30 + "I" * 25), PAIR).table)
        assert row["fong"] == "significant"
        assert row["category_strength_low"] < 0
        assert row["decision"] == "undecided"
        row = only(kano(responses("M" * 55 + "A" * 25 + "I" * 20), PAIR).table)
        assert row["category_strength_low"] > 0
        assert row["decision"] == "must-be"

    @pytest.mark.slow
    def test_the_number_of_features_is_allowed_for(self):
        # Two categories are equally frequent for every feature: each decision is a false one.
        random = np.random.default_rng(11)
        pairs = {f"f{i}": (f"f{i}_with", f"f{i}_without") for i in range(10)}
        any_decided, by_intervals = [], []
        for _ in range(120):
            drawn = random.choice(list("AMIR"), (200, 10), p=[0.4, 0.4, 0.1, 0.1])
            data = pd.concat(
                [responses(drawn[:, i]).add_prefix(f"f{i}_") for i in range(10)], axis=1
            )
            table = kano(data, pairs).table
            any_decided.append((table["decision"] != "undecided").any())
            by_intervals.append((table["category_strength_low"] > 0).any())
        # Monte Carlo errors 0.020 and 0.045; independent features: 1 - 0.95 ** 10 = 0.40.
        assert np.mean(any_decided) <= 0.05 + 2 * 0.020
        assert np.mean(by_intervals) == pytest.approx(0.40, abs=2 * 0.045)

    def test_the_p_value_is_where_the_interval_begins_at_zero(self):
        for n, shares in ((50.0, [0.5, 0.3]), (200.5, [0.4, 0.31]), (30.0, [1.0, 0.0])):
            p, q = (p_value(np.array(shares), n, degrees) for degrees in (np.inf, 7))
            low, _ = adjusted_wald_interval(*shares, n, stats.norm.isf(p / 2))
            assert low == pytest.approx(0, abs=1e-9)
            low, _ = adjusted_wald_interval(*shares, n, stats.t.isf(q / 2, 7))
            assert low == pytest.approx(0, abs=1e-9)

    def test_features_are_decided_in_the_order_of_their_p_values(self):
        # Oracle: Holm by hand. The second is decided only since the first need not be counted.
        columns = {
            "clear": "M" * 70 + "A" * 20 + "I" * 10,
            "near": "M" * 50 + "A" * 28 + "I" * 22,
            "few": "M" * 9 + " " * 91,
        }
        parts = []
        for name, letters in columns.items():
            part = responses(letters.replace(" ", "A")).astype(float).add_prefix(f"{name}_")
            part[[letter == " " for letter in letters]] = np.nan
            parts.append(part)
        data = pd.concat(parts, axis=1)
        pairs = {name: (f"{name}_with", f"{name}_without") for name in columns}
        p = p_value(np.array([0.5, 0.28]), 100, np.inf)
        assert 0.01 < p < 0.02  # 2 p < 0.05: decided beside one other, or first of two
        table = kano(data, pairs).table.set_index("feature")
        assert table["decision"].tolist() == ["must-be", "must-be", "too few"]
        for confidence, decision in ((1 - p * 1.01, "must-be"), (1 - p * 0.99, "undecided")):
            table = kano(data, pairs, confidence=confidence).table.set_index("feature")
            assert table.loc[["clear", "near"], "decision"].tolist() == ["must-be", decision]
        twice = {"near": pairs["near"], "again": ("again_with", "again_without")}
        doubled = data.assign(again_with=data["near_with"], again_without=data["near_without"])
        for confidence, decision in ((1 - p * 2.02, "must-be"), (1 - p * 1.98, "undecided")):
            table = kano(doubled, twice, confidence=confidence).table
            assert (table["category_strength_low"] > 0).all()
            assert table["decision"].tolist() == [decision, decision]

    def test_one_feature_of_clusters_is_decided_by_its_interval(self):
        random = np.random.default_rng(12)
        decided = []
        for _ in range(60):
            data = responses(random.choice(list("AMI"), 60, p=[0.5, 0.3, 0.2]))
            row = only(kano(data.assign(shop=np.arange(60) // 5), PAIR, clusters="shop").table)
            assert (row["decision"] != "undecided") == (row["category_strength_low"] > 0)
            decided.append(row["decision"] != "undecided")
        assert 5 < sum(decided) < 55

    def test_ties_go_to_the_category_that_weighs_more(self):
        for letters, category in {"IA": "A", "AO": "O", "MO": "M", "RI": "I", "QR": "R"}.items():
            row = only(kano(responses(letters * 20), PAIR).table)
            assert (row["category"], row["category_strength"]) == (category, 0)
            assert row["decision"] == "undecided"

    def test_weights_decide_what_is_most_frequent(self):
        data = responses("A" * 30 + "I" * 20).assign(weight=[1] * 30 + [4] * 20)
        row = only(kano(data, PAIR, weights="weight").table)
        assert row["category"] == "I"
        assert row["I"] == pytest.approx(50 * 80 / 110)

    def test_contradictions_are_no_category(self):
        result = kano(responses("Q" * 40 + "A" * 10), PAIR)
        row = only(result.table)
        assert (row["category"], row["decision"]) == ("Q", "undecided")
        assert "misunderstood" in result.notes[0]

    def test_reverse_and_nothing_else(self):
        result = kano(responses("R" * 40), PAIR)
        row = only(result.table)
        assert row["decision"] == "reverse"
        assert row[["better", "worse", "better_low", "worse_high"]].isna().all()
        assert row[["total_strength", "total_strength_low"]].tolist() == [0, 0]
        assert [note.split(":")[0] for note in result.notes] == ["app", "app"]
        assert "wrong order" in result.notes[0]
        assert "cannot be said" in result.notes[1]

    def test_everybody_agrees(self):
        row = only(kano(responses("O" * 40), PAIR).table)
        assert (row["better"], row["worse"], row["decision"]) == (1, -1, "one-dimensional")
        assert row["better_low"] == pytest.approx(proportion_confint(40, 40, method="wilson")[0])

    def test_too_few_answers(self):
        data = responses("A" * 20)
        data.loc[9:, "with"] = np.nan
        result = kano(data, PAIR)
        row = only(result.table)
        assert (row["n"], row["left_out"], row["A"]) == (9, 11, 9)
        assert (row["fong"], row["decision"]) == ("too few", "too few")
        assert row[["better", "category_strength_low", "fong_threshold"]].isna().all()
        assert "fewer than ten" in result.notes[0]


def test_a_feature_that_answered_nobody_who_counts_is_there_without_numbers():
    data = responses("A" * 30).assign(weight=[0] * 5 + [1] * 25)
    data.loc[5:, "without"] = np.nan
    row = only(kano(data, PAIR, weights="weight").table)
    assert (row["n"], row["left_out"], row["category"]) == (0, 30, "")
    assert row["decision"] == "too few"


class TestAnswers:
    def test_words_and_numbers_say_the_same(self):
        numbers = pd.DataFrame(
            {"with": np.repeat([1, 2, 3, 4, 5], 5), "without": [1, 2, 3, 4, 5] * 5}
        )
        expected = kano(numbers, PAIR).table
        written = [[word, *others.split("; ")] for word, others in WORDS.items()]
        for i in range(max(map(len, written))):
            ways = {place + 1: words[i % len(words)] for place, words in enumerate(written)}
            pd.testing.assert_frame_equal(kano(numbers.replace(ways), PAIR).table, expected)
        chinese = {1: "喜欢", 2: "理所当然", 3: "无所谓", 4: "勉强接受", 5: "不喜欢"}
        spelt = {1: "Like ", 2: "Must be", 3: "NEUTRAL.", 4: "live_with", 5: "Dislike"}
        for table in (
            numbers.replace(chinese),
            numbers.replace(spelt),
            numbers.astype(float),
            numbers.astype(str),
            numbers.astype("Int64"),
            numbers.astype(str).astype("category"),
        ):
            pd.testing.assert_frame_equal(kano(table, PAIR).table, expected)

    def test_no_word_means_two_things(self):
        words = [word for others in WORDS.values() for word in others.split("; ")] + list(WORDS)
        assert len(set(words)) == len(words)

    def test_a_table_may_count_the_other_way_or_use_its_own_words(self):
        data = responses("AOMIRQ" * 10)
        expected = kano(data, PAIR).table
        turned = kano(6 - data, PAIR, answers=(5, 4, 3, 2, 1)).table
        pd.testing.assert_frame_equal(turned, expected)
        own = ["mag ich", "setze ich voraus", "egal", "nehme ich hin", "stört mich"]
        table = data.replace(dict(zip(range(1, 6), own, strict=True)))
        pd.testing.assert_frame_equal(kano(table, PAIR, answers=own).table, expected)
        with pytest.raises(InputError, match="60 answers are none of the five"):
            kano(data, PAIR, answers=own)

    def test_several_features_share_nothing(self):
        data = pd.concat([responses("A" * 20), responses("M" * 20).add_prefix("b_")], axis=1)
        pairs = {"app": ("with", "without"), "bill": ("b_with", "b_without")}
        table = kano(data, pairs).table
        assert table["feature"].tolist() == ["app", "bill"]
        assert table["decision"].tolist() == ["attractive", "must-be"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "pairs", "words"),
        [
            ({"with": 6}, PAIR, '"with": 30 of 30 answers are none of the five, such as "6"; rows'),
            ({"without": 2.5}, PAIR, 'such as "2.5"'),
            ({"with": "perhaps"}, PAIR, 'such as "perhaps".*answers= how the table'),
            ({"with": True}, PAIR, 'such as "True"'),
            ({"with": np.nan}, PAIR, '"with" has no answers at all'),
            ({}, {}, "each feature its two columns"),
            ({}, [("with", "without")], "each feature its two columns"),
            ({}, {"app": ("with",)}, "must be two columns"),
            ({}, {"app": "with"}, "must be two columns"),
            ({}, {"app": ("with", "with")}, "names with more than once"),
            ({}, {"app": ("with", "off")}, 'no column "off"'),
        ],
    )
    def test_pairs_and_answers(self, change, pairs, words):
        with pytest.raises(InputError, match=words):
            kano(responses("A" * 30).assign(**change), pairs)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"weights": "none"}, "all weights are zero"),
            ({"weights": "few"}, "9 of 30 respondents"),
            ({"weights": "less"}, "negative"),
            ({"strata": "alone"}, "only one respondent in stratum"),
            ({"confidence": 1}, "0.95"),
            ({"answers": (1, 2, 3)}, "answers must be five"),
            ({"answers": (1, 1, 2, 3, 4)}, "two of them are the same"),
        ],
    )
    def test_options(self, options, words):
        data = responses("A" * 30).assign(none=0, few=[1] * 9 + [0] * 21, less=-1)
        data["alone"] = ["a"] + ["b"] * 29
        with pytest.raises(InputError, match=words):
            kano(data, PAIR, **options)

    def test_one_person(self):
        with pytest.raises(InputError, match="1 of 1 respondents can be used"):
            kano(responses("A"), PAIR)


def test_example_company_has_the_categories_it_was_given():
    truth = pd.read_csv(DATA / "truth" / "study_kano.csv")
    study = pd.read_csv(DATA / "study.csv")
    pairs = {name: (f"kano_{name}_with", f"kano_{name}_without") for name in truth["feature"]}
    table = kano(study, pairs).table
    given = truth["category"].map(CATEGORIES).fillna("undecided")
    assert table["decision"].tolist() == given.tolist()
    counted = truth[["A", "O", "M", "I"]].sum(axis=1)
    for name, letters, sign in (("better", ["A", "O"], 1), ("worse", ["O", "M"], -1)):
        true = sign * truth[letters].sum(axis=1) / counted
        inside = (table[f"{name}_low"] <= true) & (true <= table[f"{name}_high"])
        assert inside.sum() >= 5  # of six intervals of 95 %
