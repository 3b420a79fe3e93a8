"""Weights: nonresponse, poststratification, raking, calibration, trimming.

Oracles: R survey 4.1-1 on its api data, totals that must be met, formulas written out on small
tables, one method against another where theory makes them equal, and Monte Carlo for the bias.
"""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from crmlib.errors import InputError
from crmlib.sampling.estimation import estimate
from crmlib.sampling.samples import Auxiliaries, SurveySample
from crmlib.sampling.weighting import (
    calibrate,
    calibrated_weights,
    nonresponse_cells,
    poststratify,
    rake,
    raked_weights,
    trim,
    weight_spread,
)
from tests.sampling.test_estimation import NEAR, api_sample

STYPE = {"E": 4421, "H": 755, "M": 1018}


@pytest.fixture(scope="module")
def reference(shared):
    return json.loads((shared / "reference" / "sampling.json").read_text())


def sample_of(n=200, seed=1):
    random = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "w": random.uniform(1, 5, n),
            "a": random.choice(["p", "q", "r"], n),
            "b": random.choice([1, 2], n),
            "x": random.gamma(3, 2, n),
            "y": random.normal(10, 2, n),
        }
    )
    return SurveySample(data, "w")


MARGINS = {"a": {"p": 250.0, "q": 150.0, "r": 200.0}, "b": {1: 320.0, 2: 280.0}}


class TestAgainstR:
    def test_poststratification(self, shared, reference):
        weighted = poststratify(api_sample(shared, "clus1"), "stype", STYPE)
        data = weighted.sample.data.groupby("stype")["pw"]
        expected = reference["clus1_poststrat"]["weights_by_stype"]
        for bound in (data.min(), data.max()):
            assert bound.to_dict() == pytest.approx(expected, rel=NEAR)

    def test_raking(self, shared, reference):
        expected = reference["clus1_rake"]
        data = rake(api_sample(shared, "clus1"), expected["margins"]).sample.data
        cells = data.groupby(["stype", "sch.wide"])["pw"].mean()
        found = {".".join(cell): weight for cell, weight in cells.items()}
        assert found == pytest.approx(expected["weights_cell"], rel=NEAR)

    def test_regression(self, shared, reference):
        api99 = pd.read_csv(shared / "data" / "apipop.csv")["api99"].sum()
        weighted = calibrate(api_sample(shared, "clus1"), {"stype": STYPE, "api99": api99})
        weights = weighted.sample.weights
        assert [weights.min(), weights.max()] == pytest.approx(
            reference["clus1_greg_stype_api99"]["weight_range"], rel=NEAR
        )


class TestTotalsAreMet:
    def test_poststratified_cells_exactly(self):
        totals = {(a, b): 50.0 + 7 * b for a in "pqr" for b in (1, 2)}
        weighted = poststratify(sample_of(), ["a", "b"], totals)
        found = weighted.sample.data.groupby(["a", "b"])["w"].sum()
        assert found.to_dict() == pytest.approx(totals, rel=1e-13)
        assert weighted.report["total"].tolist() == list(totals.values())
        assert weighted.report["n"].sum() == 200
        # Within a cell weights keep their proportions.
        ratio = weighted.sample.weights / sample_of().weights
        spread = pd.Series(ratio).groupby([weighted.sample.data[c] for c in "ab"]).std()
        assert spread.max() < 1e-12

    def test_raked_margins(self):
        weighted = rake(sample_of(), MARGINS)
        for column, levels in MARGINS.items():
            found = weighted.sample.data.groupby(column)["w"].sum()
            assert found.to_dict() == pytest.approx(levels, rel=1e-9)
        assert weighted.report["after"].to_numpy() == pytest.approx(weighted.report["total"])

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"bounds": (0.3, 3)},
            {"method": "logit", "bounds": (0.3, 3)},
        ],
    )
    def test_calibrated_totals(self, options):
        totals = MARGINS | {"x": 3700.0}
        weighted = calibrate(sample_of(), totals, **options)
        data, weights = weighted.sample.data, weighted.sample.weights
        assert weights @ data["x"] == pytest.approx(3700, rel=1e-10)
        for column, levels in MARGINS.items():
            assert data.groupby(column)["w"].sum().to_dict() == pytest.approx(levels, rel=1e-10)
        factors = weights / sample_of().weights
        low, high = options.get("bounds", (0, np.inf))
        assert low - 1e-12 <= factors.min()
        assert factors.max() <= high + 1e-12

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(st.floats(0.5, 2.0), min_size=5, max_size=5),
        st.integers(0, 1000),
    )
    def test_any_margins_that_agree_are_met(self, change, seed):
        sample = sample_of(seed=seed)
        margins = {}
        for column in "ab":
            sums = sample.data.groupby(column)["w"].sum()
            changed = sums * change[: len(sums)] if column == "a" else sums * change[3:]
            margins[column] = (changed / changed.sum() * 900).to_dict()
        for weighted in (
            rake(sample, margins),
            calibrate(sample, margins, method="logit", bounds=(0.01, 60)),
        ):
            for column, levels in margins.items():
                found = weighted.sample.data.groupby(column)["w"].sum()
                assert found.to_dict() == pytest.approx(levels, rel=1e-9)

    def test_tables_say_the_same_as_mappings(self):
        table = pd.DataFrame(
            [(c, level, total) for c, levels in MARGINS.items() for level, total in levels.items()],
            columns=["column", "level", "total"],
        )
        by_mapping = rake(sample_of(), MARGINS).sample.weights
        assert rake(sample_of(), table).sample.weights.tolist() == by_mapping.tolist()
        table.loc[len(table)] = ["x", None, 3700.0]
        by_mapping = calibrate(sample_of(), MARGINS | {"x": 3700.0}).sample.weights
        assert calibrate(sample_of(), table).sample.weights.tolist() == by_mapping.tolist()
        cells = pd.DataFrame({"a": list("pqr"), "total": [250.0, 150.0, 200.0]})
        by_mapping = poststratify(sample_of(), "a", MARGINS["a"]).sample.weights
        assert poststratify(sample_of(), "a", cells).sample.weights.tolist() == by_mapping.tolist()


class TestMethodsAgree:
    def test_one_margin_is_poststratification(self):
        post = poststratify(sample_of(), "a", MARGINS["a"]).sample
        for other in (
            rake(sample_of(), {"a": MARGINS["a"]}).sample,
            calibrate(sample_of(), {"a": MARGINS["a"]}).sample,
        ):
            assert other.weights == pytest.approx(post.weights, rel=1e-10)
            for kind in ("mean", "total"):
                errors = [
                    estimate(s, "y", kind=kind)["standard_error"].item() for s in (post, other)
                ]
                assert errors[0] == pytest.approx(errors[1], rel=1e-10)

    def test_the_regression_estimator_written_out(self):
        sample = sample_of()
        total = 3700.0
        weighted = calibrate(sample, {"x": total}, population=600.0).sample
        d, y = sample.weights, sample.data["y"].to_numpy()
        X = np.column_stack([np.ones(200), sample.data["x"]])
        b = np.linalg.solve(X.T @ (d[:, None] * X), X.T @ (d * y))
        expected = d @ y + (np.array([600.0, total]) - d @ X) @ b
        row = estimate(weighted, "y", kind="total").iloc[0]
        assert row["estimate"] == pytest.approx(expected, rel=1e-12)
        residual = weighted.weights * (y - X @ b)
        assert row["standard_error"] ** 2 == pytest.approx(200 * residual.var(ddof=1), rel=1e-10)

    def test_logit_factors_are_the_nearest_in_their_distance(self):
        # The definition: least distance to the old weights under the totals, by another optimiser.
        sample = sample_of(30)
        low, high = 0.4, 2.5
        totals = {"x": 1.1 * float(sample.weights @ sample.data["x"])}
        size = float(sample.weights.sum())
        found = calibrate(
            sample, totals, population=size, method="logit", bounds=(low, high)
        ).sample.weights
        d, x = sample.weights, sample.data["x"].to_numpy()

        def distance(g):
            terms = (g - low) * np.log((g - low) / (1 - low))
            return d @ (terms + (high - g) * np.log((high - g) / (high - 1)))

        def slope(g):
            return d * (np.log((g - low) / (1 - low)) - np.log((high - g) / (high - 1)))

        best = optimize.minimize(
            distance,
            np.ones(30),
            jac=slope,
            method="SLSQP",
            bounds=[(low + 1e-9, high - 1e-9)] * 30,
            constraints=[
                {"type": "eq", "fun": lambda g: (g * d) @ x / totals["x"] - 1},
                {"type": "eq", "fun": lambda g: (g * d).sum() / size - 1},
            ],
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert found / d == pytest.approx(best.x, abs=1e-4)

    def test_raking_rows_is_raking_cells(self):
        # Oracle: the textbook loop over a full table of cells.
        sample = sample_of()
        table = sample.data.pivot_table("w", "a", "b", aggfunc="sum").to_numpy()
        fitted = table.copy()
        for _ in range(200):
            fitted *= (np.array([250, 150, 200]) / fitted.sum(axis=1))[:, None]
            fitted *= np.array([320, 280]) / fitted.sum(axis=0)
        found = rake(sample, MARGINS).sample.data.pivot_table("w", "a", "b", aggfunc="sum")
        assert found.to_numpy() == pytest.approx(fitted, rel=1e-9)

    def test_what_is_calibrated_to_has_no_variance(self):
        weighted = calibrate(sample_of(), MARGINS | {"x": 3700.0}).sample
        row = estimate(weighted, "x", kind="total").iloc[0]
        assert row["standard_error"] < 1e-9 * row["estimate"]

    def test_columns_that_repeat_each_other_do_no_harm(self):
        sample = sample_of()
        data = sample.data.assign(x2=2 * sample.data["x"])
        once = calibrate(sample, {"x": 3700.0}, population=600.0).sample
        twice = calibrate(
            SurveySample(data, "w"), {"x": 3700.0, "x2": 7400.0}, population=600.0
        ).sample
        assert twice.weights == pytest.approx(once.weights, rel=1e-9)
        errors = [estimate(s, "y")["standard_error"].item() for s in (once, twice)]
        assert errors[0] == pytest.approx(errors[1], rel=1e-9)


class TestNonresponse:
    DATA = pd.DataFrame(
        {
            "w": [1.0, 2, 3, 4, 5, 6],
            "g": list("aaabbb"),
            "s": list("xyxyxy"),
            "back": [1, 0, 1, 1, 1, 0],
        }
    )

    def test_factors_written_out(self):
        sample = SurveySample(self.DATA, "w")
        weighted = nonresponse_cells(sample, "back", "g", minimum_cell=2)
        assert weighted.sample.data.index.tolist() == [0, 2, 3, 4]
        expected = [1 * 6 / 4, 3 * 6 / 4, 4 * 15 / 9, 5 * 15 / 9]
        assert weighted.sample.weights.tolist() == pytest.approx(expected)
        assert weighted.report["asked"].tolist() == [3, 3]
        assert weighted.report["responded"].tolist() == [2, 2]
        assert weighted.report["response_rate"].tolist() == pytest.approx([4 / 6, 9 / 15])
        assert weighted.report["factor"].tolist() == pytest.approx([6 / 4, 15 / 9])
        assert sample.data["w"].tolist() == [1, 2, 3, 4, 5, 6]

    def test_small_cells_are_named_and_joined_when_told(self):
        sample = SurveySample(self.DATA, "w")
        small = r"3 cells .* 2 respondents: a × y \(0\), b × y \(1\), b × x \(1\)\."
        with pytest.raises(InputError, match=small):
            nonresponse_cells(sample, "back", ["g", "s"], minimum_cell=2)
        collapse = {("a", "y"): ("a", "x"), ("b", "y"): ("b", "x")}
        weighted = nonresponse_cells(sample, "back", ["g", "s"], minimum_cell=2, collapse=collapse)
        by_group = nonresponse_cells(sample, "back", "g", minimum_cell=2)
        assert weighted.sample.weights == pytest.approx(by_group.sample.weights)
        assert weighted.report["joined_to"].tolist() == ["", "a × x", "", "b × x"]
        assert weighted.report["asked"].tolist() == [2, 1, 1, 2]

    def test_it_removes_the_bias_of_response_that_depends_on_the_cell(self):
        # Truth 0.5 * 10 + 0.5 * 20 = 15; groups answer at 30 % and 80 %. 300 samples of 400.
        random = np.random.default_rng(7)
        raw, adjusted = [], []
        for _ in range(300):
            g = random.random(400) < 0.5
            data = pd.DataFrame({"g": g, "y": np.where(g, 10, 20) + random.normal(0, 3, 400)})
            data["back"] = random.random(400) < np.where(g, 0.3, 0.8)
            sample = SurveySample(data.assign(w=1.0), "w")
            raw.append(data.loc[data["back"], "y"].mean())
            part = nonresponse_cells(sample, "back", "g").sample
            adjusted.append(estimate(part, "y")["estimate"].item())
        error = np.std(adjusted) / np.sqrt(300)
        assert abs(np.mean(adjusted) - 15) < 4 * error
        assert np.mean(raw) > 17

    def test_design_is_kept(self):
        data = self.DATA.assign(h=list("uuvvuu"), N=9, c=[1, 1, 2, 2, 3, 3])
        sample = SurveySample(data, "w", strata="h", clusters=("c",), population=("N",))
        part = nonresponse_cells(sample, "back", "g", minimum_cell=1).sample
        assert (part.strata, part.clusters, part.population) == ("h", ("c",), ("N",))

    @pytest.mark.parametrize(
        ("responded", "options", "words"),
        [
            ([1, 0, 1, 1, None, 0], {}, '"back": 1 values are missing; row 4'),
            ([1, 0, 2, 1, 1, 0], {}, "not true or false, 0 or 1"),
            ([1, 0, 1, 0, 0, 0], {"minimum_cell": 1}, r"1 cells .*: b \(0\)"),
            ([1, 0, 1, 1, 1, 0], {"minimum_cell": 0}, "at least one respondent"),
            ([1, 0, 1, 1, 1, 0], {"collapse": {"z": "a"}}, "not in the sample: 'z'"),
            ([1, 0, 1, 1, 1, 0], {"collapse": {"a": "b", "b": "a"}}, "joined to another"),
        ],
    )
    def test_bad_input(self, responded, options, words):
        sample = SurveySample(self.DATA.assign(back=responded), "w")
        with pytest.raises(InputError, match=words):
            nonresponse_cells(sample, "back", "g", **options)


class TestCalibrationMonteCarlo:
    def test_regression_estimator_is_nearly_unbiased_and_its_intervals_cover(self):
        # 300 samples of 150: a coverage of 95 % has a Monte Carlo standard error of 1.3 points.
        random = np.random.default_rng(11)
        N = 3000
        x = random.gamma(4, 10, N)
        group = random.choice(["p", "q"], N)
        y = 2 * x + 20 * (group == "p") + random.normal(0, 15, N)
        population = pd.DataFrame({"x": x, "g": group, "y": y, "w": N / 150, "N": N})
        totals = {"x": x.sum(), "g": population["g"].value_counts().to_dict()}
        plain, results = [], []
        for _ in range(300):
            data = population.iloc[random.choice(N, 150, replace=False)]
            sample = SurveySample(data, "w", population=("N",))
            plain.append(data["y"].mean())
            results.append(estimate(calibrate(sample, totals).sample, "y"))
        table = pd.concat(results)
        error = table["estimate"].std()
        assert abs(table["estimate"].mean() - y.mean()) < 4 * error / np.sqrt(300) + 0.01
        covered = ((table["low"] <= y.mean()) & (y.mean() <= table["high"])).mean()
        assert 0.92 < covered < 0.98
        assert table["standard_error"].mean() == pytest.approx(error, rel=0.1)
        assert error < 0.5 * np.std(plain)


class TestSpread:
    def test_kish_written_out(self):
        spread = weight_spread(np.array([1.0, 1.0, 2.0, 4.0, 0.0]))
        assert spread["n"] == 4
        assert spread["design_effect"] == pytest.approx(4 * 22 / 64)
        assert spread["effective_n"] == pytest.approx(64 / 22)
        cv = np.std([1, 1, 2, 4]) / 2
        assert spread["coefficient_of_variation"] == pytest.approx(cv)
        assert spread["design_effect"] == pytest.approx(1 + cv**2)

    def test_before_and_after(self):
        spread = rake(sample_of(), MARGINS).spread.set_index("weights")
        assert spread.loc["before", "sum_of_weights"] == pytest.approx(sample_of().weights.sum())
        assert spread.loc["after", "sum_of_weights"] == pytest.approx(600)


class TestTrim:
    SAMPLE = SurveySample(pd.DataFrame({"w": [1.0, 1.0, 2.0, 6.0], "y": 1.0}), "w")

    def test_what_is_cut_goes_to_the_others(self):
        weighted = trim(self.SAMPLE, high=4)
        assert weighted.sample.weights == pytest.approx([1.5, 1.5, 3.0, 4.0])
        report = weighted.report.iloc[0]
        assert (report["lowered"], report["raised"], report["factor"]) == (1, 0, 1.5)
        assert report["weight_moved"] == pytest.approx(0.2)
        kept = trim(self.SAMPLE, high=4, redistribute=False)
        assert kept.sample.weights.tolist() == [1, 1, 2, 4]

    def test_multiples_of_the_median(self):
        assert trim(self.SAMPLE, times_median=3).report["high"].item() == 4.5

    def test_all_weights_at_one_bound(self):
        assert trim(self.SAMPLE, high=2.5).sample.weights == pytest.approx([2.5] * 4)
        assert trim(self.SAMPLE, low=2.5).sample.weights == pytest.approx([2.5] * 4)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.floats(0.01, 100), min_size=2, max_size=40),
        st.floats(0, 1),
        st.floats(1, 20),
    )
    def test_bounds_and_sum_are_kept(self, weights, low, high):
        mean = float(np.mean(weights))
        sample = SurveySample(pd.DataFrame({"w": weights}), "w")
        trimmed = trim(sample, low=low * mean * 0.999, high=high * mean * 1.001).sample.weights
        assert trimmed.sum() == pytest.approx(np.sum(weights), rel=1e-9)
        assert trimmed.min() >= low * mean * 0.999 * (1 - 1e-12)
        assert trimmed.max() <= high * mean * 1.001 * (1 + 1e-12)
        # Larger weights stay larger.
        assert (np.diff(trimmed[np.argsort(weights)]) >= 0).all()

    def test_a_calibrated_sample_counts_as_not_calibrated_after(self):
        calibrated = rake(sample_of(), MARGINS).sample
        trimmed = trim(calibrated, times_median=1.5).sample
        assert trimmed.calibration is None
        again = rake(trimmed, MARGINS)
        assert again.report["after"].to_numpy() == pytest.approx(again.report["total"])

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({}, "Say where"),
            ({"high": 2.4}, "must add up to 10"),
            ({"low": 3}, "must add up to 10"),
            ({"low": 3, "high": 2}, "low must be below"),
            ({"high": 3, "times_median": 3}, "not both"),
            ({"times_median": 0.5}, "above 1"),
        ],
    )
    def test_bad_input(self, options, words):
        with pytest.raises(InputError, match=words):
            trim(self.SAMPLE, **options)


class TestBadTotals:
    def test_margins_that_do_not_add_up_name_both_sums(self):
        margins = MARGINS | {"b": {1: 320, 2: 281}}
        for method in (rake, calibrate):
            with pytest.raises(InputError, match='"a" adds up to 600, "b" to 601'):
                method(sample_of(), margins)
        with pytest.raises(InputError, match='"a" adds up to 600, population to 700'):
            calibrate(sample_of(), {"a": MARGINS["a"]}, population=700)

    @pytest.mark.parametrize(
        ("levels", "words"),
        [
            ({"p": 250, "q": 150}, "without a total above 0: 'r'"),
            ({"p": 250, "q": 150, "r": 0}, "without a total above 0: 'r'"),
            ({"p": 200, "q": 150, "r": 200, "s": 50}, "not in the sample: 's'"),
            ({"p": 250, "q": 150, "R": 200}, "'r'; with a total but not in the sample: 'R'"),
            ({"p": 250, "q": -5, "r": 200}, "q have -5"),
            ({"p": 250, "q": "many", "r": 200}, "q have many"),
            ({"p": 250, "q": np.nan, "r": 200}, "q have nan"),
        ],
    )
    def test_levels_that_do_not_match(self, levels, words):
        for adjust in (
            lambda s: poststratify(s, "a", levels),
            lambda s: rake(s, {"a": levels}),
            lambda s: calibrate(s, {"a": levels}),
        ):
            with pytest.raises(InputError, match=words):
                adjust(sample_of())

    def test_levels_nobody_has_may_be_listed_with_0(self):
        weighted = poststratify(sample_of(), "a", MARGINS["a"] | {"s": 0})
        assert weighted.sample.weights.sum() == pytest.approx(600)

    @pytest.mark.parametrize(
        ("totals", "options", "words"),
        [
            ({"x": 3700}, {}, "give population="),
            ({"a": 600}, {"population": 600}, "give totals by level"),
            ({"x": "much"}, {"population": 600}, "'much'"),
            ({"x": 3700}, {"population": -1}, "number of units"),
            ({"z": 3700}, {"population": 600}, 'no column "z"'),
            ({"x": 3700}, {"population": 600, "method": "ranking"}, '"logit"'),
            ({"x": 3700}, {"population": 600, "method": "logit"}, "needs bounds"),
            ({"x": 3700}, {"population": 600, "bounds": (1.2, 3)}, "around 1"),
            ({"x": 12000}, {"population": 600}, "would become negative; row"),
        ],
    )
    def test_calibration_that_makes_no_sense(self, totals, options, words):
        with pytest.raises(InputError, match=words):
            calibrate(sample_of(), totals, **options)

    def test_raking_takes_levels_only(self):
        with pytest.raises(InputError, match="Totals of numbers are for calibrate"):
            rake(sample_of(), MARGINS | {"x": 3700})
        with pytest.raises(InputError, match="there are none"):
            rake(sample_of(), {})

    def test_missing_values_are_refused(self):
        data = sample_of(10).data.astype({"a": object})
        data.loc[[2, 4], "a"] = None
        data.loc[3, "x"] = np.nan
        sample = SurveySample(data, "w")
        for method in (rake, calibrate):
            with pytest.raises(InputError, match='"a": 2 values are missing; rows 2, 4'):
                method(sample, MARGINS)
        with pytest.raises(InputError, match='"x": 1 values are missing or infinite; row 3'):
            calibrate(sample, {"x": 100.0}, population=60)

    def test_tables_of_totals(self):
        table = pd.DataFrame({"a": ["p", "q", "r", "p"], "total": [1, 2, 3, 4]})
        with pytest.raises(InputError, match="more than one total for p"):
            poststratify(sample_of(), "a", table)
        with pytest.raises(InputError, match="no column total"):
            poststratify(sample_of(), "a", table[["a"]])
        with pytest.raises(InputError, match="no column column, level"):
            rake(sample_of(), table)

    def test_margins_that_cannot_be_met_name_the_worst(self):
        # p always goes with 1: it cannot have 400 where 1 has only 300.
        data = pd.DataFrame({"a": list("ppqq"), "b": [1, 1, 1, 2], "w": 1.0})
        margins = {"a": {"p": 400, "q": 200}, "b": {1: 300, 2: 300}}
        with pytest.raises(InputError, match=r"Worst is [ab] = .* instead of [234]00, .*% off"):
            rake(SurveySample(data, "w"), margins, max_iterations=50)

    def test_bounds_that_are_too_narrow_name_the_worst(self):
        total = 2.0 * float(sample_of().weights @ sample_of().data["x"])
        for method in ("linear", "logit"):
            with pytest.raises(InputError, match=r"between 0\.9 and 1\.1\. Worst is .* instead of"):
                calibrate(
                    sample_of(), {"x": total}, population=600.0, method=method, bounds=(0.9, 1.1)
                )

    def test_a_calibrated_sample_is_not_calibrated_again(self):
        sample = rake(sample_of(), MARGINS).sample
        for adjust in (
            lambda: rake(sample, MARGINS),
            lambda: poststratify(sample, "a", MARGINS["a"]),
            lambda: calibrate(sample, MARGINS),
            lambda: nonresponse_cells(sample, "b", "a"),
        ):
            with pytest.raises(InputError, match="calibrated already"):
                adjust()

    def test_cells_of_weight_0(self):
        data = sample_of().data
        data["w"] = np.where(data["a"] == "p", 0.0, 1.0)
        with pytest.raises(InputError, match=r"All weights are 0 in .*: p"):
            poststratify(SurveySample(data, "w"), "a", MARGINS["a"])


def test_nothing_is_changed_in_place():
    sample = sample_of()
    before = sample.data.copy()
    for weighted in (
        poststratify(sample, "a", MARGINS["a"]),
        rake(sample, MARGINS),
        calibrate(sample, MARGINS),
        trim(sample, times_median=1.2),
    ):
        assert not np.array_equal(weighted.sample.weights, sample.weights)
    pd.testing.assert_frame_equal(sample.data, before)
    assert sample.calibration is None


def test_the_core_works_on_arrays():
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    weights = raked_weights(
        np.ones(4), [a, b], [np.array([6.0, 4.0]), np.array([5.0, 5.0])], list("pqrs")
    )
    assert weights == pytest.approx([3, 3, 2, 2])
    weights = calibrated_weights(
        np.ones(4),
        Auxiliaries((a,), np.array([[1.0], [2], [3], [4]])),
        np.array([6, 4, 23]),
        list("pqx"),
    )
    assert weights @ [1, 2, 3, 4] == pytest.approx(23)
