"""Net promoter score and top boxes.

Oracles: formulas written out, R survey 4.1-1 on the weighted survey, statsmodels for Wilson's
interval, the sampling package (itself checked against R) for clusters, and coverage added up over
all samples there can be, so without a Monte Carlo error.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from crmlib.errors import InputError
from crmlib.sampling.estimation import estimate
from crmlib.sampling.samples import SurveySample
from crmlib.satisfaction.scores import (
    adjusted_wald_interval,
    nps,
    top_box,
    wilson_interval,
)

Z = stats.norm.ppf(0.975)


def answers(promoters=30, passives=20, detractors=10):
    return pd.DataFrame({"likely": [9] * promoters + [7] * passives + [3] * detractors})


def survey(n=120, seed=3):
    """Answers from 24 clusters in 3 strata, with weights."""
    random = np.random.default_rng(seed)
    cluster = np.arange(n) % 24
    level = random.normal(7, 1.5, 24)[cluster] + random.normal(0, 1.5, n)
    return pd.DataFrame(
        {
            "likely": np.clip(np.round(level), 0, 10),
            "cluster": cluster,
            "stratum": np.array(list("abc"))[cluster % 3],
            "weight": random.uniform(0.5, 3, n),
            "region": random.choice(["North", "South"], n),
        }
    )


def coded(data):
    """100 for promoters, -100 for detractors: its mean is the score."""
    return 100.0 * ((data["likely"] >= 9).astype(int) - (data["likely"] <= 6))


class TestNetPromoterScore:
    def test_written_out_by_hand(self):
        row = nps(answers(), "likely").iloc[0]
        p, q, n = 0.5, 1 / 6, 60
        assert row["nps"] == pytest.approx(100 * (p - q))
        assert row["standard_error"] ** 2 == pytest.approx(1e4 * (p + q - (p - q) ** 2) / (n - 1))
        first, second = 30.75 / 63, 10.75 / 63
        half = Z * np.sqrt((first + second - (first - second) ** 2) / 63)
        assert row["low"] == pytest.approx(100 * (first - second - half))
        assert row["high"] == pytest.approx(100 * (first - second + half))
        shares = row[["promoters", "passives", "detractors"]].tolist()
        assert shares == pytest.approx([1 / 2, 1 / 3, 1 / 6])
        assert row[["segment", "n", "n_effective", "left_out"]].tolist() == ["all", 60, 60, 0]

    def test_every_answer_belongs_to_its_group(self):
        data = pd.DataFrame({"likely": range(11)})
        row = nps(data, "likely").iloc[0]
        shares = row[["promoters", "passives", "detractors"]].tolist()
        assert shares == pytest.approx([2 / 11, 2 / 11, 7 / 11])

    def test_design_is_that_of_the_sampling_package(self):
        data = survey()
        data["score"] = coded(data)
        sample = SurveySample(data, "weight", strata="stratum", clusters=("cluster",))
        design = {"weights": "weight", "strata": "stratum", "clusters": "cluster"}
        for by in (None, "region"):
            expected = estimate(sample, "score", by=by)
            result = nps(data, "likely", **design, by=by).iloc[-len(expected) :]
            for ours, theirs in (("nps", "estimate"), ("standard_error", "standard_error")):
                found = result[ours].to_numpy()
                assert found == pytest.approx(expected[theirs].to_numpy(), rel=1e-12)
        assert nps(data, "likely", by="region")["segment"].tolist() == ["all", "North", "South"]

    def test_the_interval_of_a_large_sample_is_that_of_t(self):
        data = survey(n=24_000)
        design = {"weights": "weight", "strata": "stratum", "clusters": "cluster"}
        row = nps(data, "likely", **design).iloc[0]
        half = stats.t.ppf(0.975, 24 - 3) * row["standard_error"]
        # 24 clusters: the three answers added matter, but less than a twentieth of the width.
        assert (row["high"] - row["low"]) / 2 == pytest.approx(half, rel=0.1)
        assert abs((row["high"] + row["low"]) / 2 - row["nps"]) < 0.25 * half

    def test_equal_weights_are_none(self):
        data = survey().assign(weight=2.5)
        pd.testing.assert_frame_equal(
            nps(data, "likely", weights="weight"), nps(data, "likely"), check_exact=False
        )

    def test_whole_weights_are_as_many_answers(self):
        data = survey(40).assign(weight=np.arange(40) % 3)
        repeated = data.loc[data.index.repeat(data["weight"])]
        row, often = nps(data, "likely", weights="weight").iloc[0], nps(repeated, "likely").iloc[0]
        assert row["nps"] == pytest.approx(often["nps"])
        assert row["left_out"] == (data["weight"] == 0).sum()
        assert row["n_effective"] < row["n"] < often["n"]
        assert row["standard_error"] > often["standard_error"]

    @pytest.mark.parametrize("n", [20, 50])
    @pytest.mark.parametrize(
        ("p", "q"), [(0.5, 0.2), (0.3, 0.3), (0.8, 0.05), (0.9, 0.02), (0.1, 0.05), (0.02, 0.9)]
    )
    def test_coverage_over_all_samples_there_can_be(self, n, p, q):
        first, second = (axis.ravel() for axis in np.indices((n + 1, n + 1)))
        first, second = first[first + second <= n], second[first + second <= n]
        counts = np.column_stack([first, second, n - first - second])
        chance = stats.multinomial.pmf(counts, n, [p, q, 1 - p - q])
        assert chance.sum() == pytest.approx(1)

        def covered(low, high):
            return chance[(low <= p - q) & (p - q <= high)].sum()

        assert 0.935 < covered(*adjusted_wald_interval(first / n, second / n, n, Z)) < 0.985
        if max(p, q) >= 0.9:  # what the adjustment is for
            d = (first - second) / n
            half = Z * np.sqrt(((first + second) / n - d**2) / (n - 1))
            assert covered(d - half, d + half) < 0.92

    def test_coverage_with_weights_and_clusters(self):
        """15 clusters; those below 8 answer half as often and count double."""

        def draw(clusters):
            cluster = np.repeat(np.arange(clusters), 10)
            level = random.normal(7.5, 0.8, clusters)[cluster]
            likely = np.clip(np.round(random.normal(level, 1.6)), 0, 10)
            weight = np.where(likely >= 8, 1.0, 2.0)
            data = pd.DataFrame({"likely": likely, "cluster": cluster, "weight": weight})
            return data[random.random(len(data)) < 1 / weight]

        random = np.random.default_rng(11)
        everybody = draw(100_000)
        truth = np.average(coded(everybody), weights=everybody["weight"])
        designs = [{"weights": "weight", "clusters": "cluster"}, {"weights": "weight"}, {}]
        hits = np.zeros(3)
        for _ in range(150):
            sample = draw(15)
            rows = [nps(sample, "likely", **design).iloc[0] for design in designs]
            hits += [row["low"] <= truth <= row["high"] for row in rows]
        covered = hits / 150  # the Monte Carlo error of 95 % is 1.8 %
        assert covered[0] > 0.90
        assert covered[1] < 0.88  # clusters left out
        assert covered[2] < 0.60  # weights left out too

    def test_promoters_alone_do_not_make_it_certain(self):
        row = nps(answers(60, 0, 0), "likely").iloc[0]
        assert row["nps"] == row["high"] == 100
        first, second = 60.75 / 63, 0.75 / 63
        half = Z * np.sqrt((first + second - (first - second) ** 2) / 63)
        assert row["low"] == pytest.approx(100 * (first - second - half))
        clustered = answers(60, 0, 0).assign(shop=np.arange(60) % 6)
        assert nps(clustered, "likely", clusters="shop")["low"].item() < row["low"] - 20

    def test_too_few_in_a_segment(self):
        data = answers().assign(kind=["few"] * 9 + ["many"] * 51)
        result = nps(data, "likely", by="kind").set_index("segment")
        assert result["note"].to_dict() == {"all": "", "few": "too few", "many": ""}
        assert result.loc["few", ["promoters", "nps", "low", "high"]].isna().all()
        assert result.loc["few", "n"] == 9

    def test_missing_answers_are_counted_and_their_clusters_kept(self):
        data = survey()
        data["score"] = coded(data)
        gone = data["cluster"].isin([3, 7]) | (data.index % 10 == 0)
        data.loc[gone, ["likely", "score"]] = np.nan
        sample = SurveySample(data, "weight", strata="stratum", clusters=("cluster",))
        expected = estimate(sample, "score", missing="domain").iloc[0]
        design = {"weights": "weight", "strata": "stratum", "clusters": "cluster"}
        row = nps(data, "likely", **design).iloc[0]
        assert row["left_out"] == gone.sum()
        assert row["standard_error"] == pytest.approx(expected["standard_error"], rel=1e-12)

    def test_segments_keep_the_order_of_their_kind(self):
        data = answers()
        data["size"] = pd.Categorical(["small", "large"] * 30, categories=["small", "large"])
        assert nps(data, "likely", by="size")["segment"].tolist() == ["all", "small", "large"]
        data["mixed"] = [2, "x", 10] * 20
        assert nps(data, "likely", by="mixed")["segment"].tolist() == ["all", 10, 2, "x"]


class TestTopBox:
    def test_wilson_of_statsmodels(self):
        data = pd.DataFrame({"q": [10] * 12 + [9] * 8 + [5] * 30, "r": [10] * 50})
        result = top_box(data, ["q", "r"]).set_index("item")
        for item, count in (("q", 20), ("r", 50)):
            low, high = proportion_confint(count, 50, method="wilson")
            assert result.loc[item, "low"] == pytest.approx(low)
            assert result.loc[item, "high"] == pytest.approx(high)
        assert result.loc["q", "standard_error"] == pytest.approx(np.sqrt(0.4 * 0.6 / 49))
        assert result["from_answer"].tolist() == [9, 9]

    @pytest.mark.parametrize(
        ("boxes", "scale", "share"), [(1, (1, 5), 0.2), (2, (1, 5), 0.4), (3, (0, 10), 0.0)]
    )
    def test_boxes_are_counted_from_the_top(self, boxes, scale, share):
        data = pd.DataFrame({"q": [1, 2, 3, 4, 5] * 4})
        row = top_box(data, ["q"], boxes=boxes, scale=scale).iloc[0]
        assert row["share"] == pytest.approx(share)
        assert row["from_answer"] == scale[1] - boxes + 1

    def test_design_is_that_of_the_sampling_package(self):
        data = survey().assign(top=lambda d: d["likely"] >= 9)
        sample = SurveySample(data, "weight", strata="stratum", clusters=("cluster",))
        expected = estimate(sample, "top", kind="proportion").iloc[0]
        design = {"weights": "weight", "strata": "stratum", "clusters": "cluster"}
        row = top_box(data, ["likely"], scale=(0, 10), **design).iloc[0]
        for ours, theirs in (("share", "estimate"), ("standard_error", "standard_error")):
            assert row[ours] == pytest.approx(expected[theirs], rel=1e-12)
        p, error = row["share"], row["standard_error"]
        n = p * (1 - p) / error**2 * 24 / 21
        assert n < 120
        ends = wilson_interval(p, n, stats.t.ppf(0.975, 21))
        assert row[["low", "high"]].tolist() == pytest.approx(ends)

    def test_missing_answers_and_too_few(self):
        data = pd.DataFrame({"q": [9.0] * 15 + [np.nan] * 5, "r": [9.0] * 9 + [np.nan] * 11})
        result = top_box(data, ["q", "r"]).set_index("item")
        assert result["n"].tolist() == [15, 9]
        assert result["left_out"].tolist() == [5, 11]
        assert result["note"].tolist() == ["", "too few"]
        assert np.isnan(result.loc["r", "share"])

    def test_strata_that_agree_within_still_leave_doubt(self):
        data = pd.DataFrame({"q": [9] * 10 + [3] * 10, "h": ["a"] * 10 + ["b"] * 10})
        row = top_box(data, ["q"], strata="h").iloc[0]
        assert row["standard_error"] == pytest.approx(0, abs=1e-12)
        assert row[["low", "high"]].tolist() == pytest.approx(
            wilson_interval(0.5, 20, stats.t.ppf(0.975, 18))
        )


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "options", "words"),
        [
            ({"likely": 11}, {}, "outside the scale from 0 to 10, such as 11"),
            ({"likely": "often"}, {}, "numbers; it holds .* such as .often."),
            ({"likely": np.nan}, {}, "no answers at all"),
            ({"likely": 7.5}, {}, "no whole numbers, such as 7.5; rows 0, 1"),
            ({}, {"weights": "none"}, "all weights are zero"),
            ({}, {"weights": "w"}, r"9 of 60 respondents can be used \(51 with weight of zero\)"),
            ({}, {"weights": "less"}, "60 weights are missing, endless or negative"),
            ({}, {"by": "likeli"}, 'no column "likeli"'),
            ({}, {"by": "gap"}, '"gap": 1 values are missing; row 0'),
            ({}, {"strata": "alone"}, "only one respondent in stratum"),
            ({}, {"confidence": 95}, "fraction such as 0.95"),
        ],
    )
    def test_of_the_score(self, change, options, words):
        data = answers().assign(none=0, w=[1] * 9 + [0] * 51, less=-1, gap=[None] + ["x"] * 59)
        data = data.assign(alone=["a"] + ["b"] * 59, **change)
        with pytest.raises(InputError, match=words):
            nps(data, "likely", **options)

    def test_one_person_and_answers_of_nobody_who_counts(self):
        with pytest.raises(InputError, match="1 of 1 respondents can be used; at least 10"):
            nps(answers(1, 0, 0), "likely")
        data = answers().assign(w=[0] * 55 + [1] * 5)
        with pytest.raises(InputError, match=r"5 of 60 .*55 with weight of zero"):
            nps(data, "likely", weights="w")
        data = pd.DataFrame({"likely": [9.0] * 9 + [np.nan] * 21})
        with pytest.raises(InputError, match=r"9 of 30 respondents .*21 with no answer"):
            nps(data, "likely")

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"boxes": 0}, "whole number from 1 to 9"),
            ({"boxes": 10}, "whole number from 1 to 9"),
            ({"boxes": 1.5}, "whole number"),
            ({"scale": (1, 5)}, "outside the scale from 1 to 5"),
            ({"columns": "likely"}, "list of columns"),
            ({"columns": ["likely", "likely"]}, "more than once"),
            ({"columns": ["like"]}, 'no column "like"'),
            ({"columns": ["text"]}, "numbers"),
        ],
    )
    def test_of_top_boxes(self, options, words):
        data = answers().assign(text="high")
        with pytest.raises(InputError, match=words):
            top_box(data, **({"columns": ["likely"]} | options))
