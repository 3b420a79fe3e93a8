"""Reliability of blocks of questions.

Oracles: R psych 2.2.9 (alpha, Feldt's interval, KMO, Bartlett), pingouin's alpha, statsmodels'
maximum likelihood factor, correlations of the sums written out, one-factor matrices whose loadings
are known, and simulation with known alpha.
"""

import json

import numpy as np
import pandas as pd
import pingouin
import pytest
from statsmodels.multivariate.factor import Factor

from crmlib.errors import InputError
from crmlib.satisfaction.reliability import (
    bartlett_sphericity,
    cronbach_alpha,
    feldt_interval,
    fisher_interval,
    item_total_correlations,
    mcdonald_omega,
    one_factor,
    reliability,
    reverse,
    sampling_adequacy,
)
from tests.conftest import ROOT

ITEMS = [f"q{i}" for i in range(1, 13)]


@pytest.fixture(scope="module")
def survey(shared):
    return pd.read_csv(shared / "data" / "satisfaction_survey.csv")


@pytest.fixture(scope="module")
def psych(shared):
    file = shared / "reference" / "satisfaction.json"
    return json.loads(file.read_text())["survey_reliability"]


def answered(n=200, k=4, seed=1):
    """Answers from 1 to 10 to k items that have one thing in common."""
    random = np.random.default_rng(seed)
    common = random.normal(size=(n, 1))
    values = np.clip(np.round(6 + 1.5 * common + random.normal(size=(n, k))), 1, 10)
    return pd.DataFrame(values, columns=[f"a{i}" for i in range(k)])


def one_block(data, **options):
    return reliability(data, {"all": list(data.columns)}, **options)


def test_psych(survey, psych):
    result = reliability(survey, {"all": ITEMS})
    block = result.blocks.iloc[0]
    near = {"rel": 1e-8}
    assert block["alpha"] == pytest.approx(psych["alpha_raw"], **near)
    assert block["standardized_alpha"] == pytest.approx(psych["alpha_std"], **near)
    assert [block["low"], block["high"]] == pytest.approx(psych["alpha_feldt"], **near)
    assert block["kmo"] == pytest.approx(psych["KMO"], **near)
    assert result.items["kmo"].tolist() == pytest.approx(psych["KMO_items"], **near)
    bartlett = block[["bartlett", "p", "degrees_of_freedom"]].tolist()
    assert bartlett == pytest.approx(psych["bartlett"], **near)
    assert block[["items", "n", "n_together"]].tolist() == [12, 200, 200]


def test_pingouin(survey):
    blocks = {"a": ITEMS[:3], "b": ITEMS[3:8], "c": [*ITEMS[8:], "q1"]}
    result = reliability(survey, blocks, confidence=0.9).blocks
    for name, items in blocks.items():
        alpha, interval = pingouin.cronbach_alpha(survey[items], ci=0.9)
        row = result.set_index("block").loc[name]
        assert row["alpha"] == pytest.approx(alpha, rel=1e-12)
        assert [row["low"], row["high"]] == pytest.approx(list(interval), abs=5.1e-4)


def test_items_written_out(survey):
    table = reliability(survey, {"all": ITEMS}).items.set_index("item")
    for item in ITEMS:
        others = survey[ITEMS].drop(columns=item)
        expected = survey[item].corr(others.sum(axis=1))
        assert table["item_total"][item] == pytest.approx(expected, rel=1e-10)
        alpha = pingouin.cronbach_alpha(others)[0]
        assert table["alpha_if_dropped"][item] == pytest.approx(alpha, rel=1e-10)
        assert table["mean"][item] == pytest.approx(survey[item].mean())
        assert table["ceiling_share"][item] == pytest.approx((survey[item] == 10).mean())
        assert table["floor_share"][item] == pytest.approx((survey[item] == 1).mean())
    assert not table["reversed"].any()


def test_factor_of_statsmodels(survey):
    correlation = survey[ITEMS].corr().to_numpy()
    loadings, unique = one_factor(correlation)
    expected = Factor(corr=correlation, n_factor=1, method="ml").fit()
    # statsmodels stops its search at changes of 1e-6 or so.
    assert loadings == pytest.approx(abs(expected.loadings[:, 0]), abs=5e-6)
    assert unique == pytest.approx(expected.uniqueness, abs=5e-6)


def test_omega_of_known_loadings():
    loadings = np.array([0.9, 0.7, -0.4, 0.6, 0.5])
    correlation = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    found, unique = one_factor(correlation)
    assert found == pytest.approx(loadings, abs=1e-6)
    assert unique == pytest.approx(1 - loadings**2, abs=1e-6)
    deviation = np.array([1.0, 2, 0.5, 3, 1])
    covariance = correlation * np.outer(deviation, deviation)
    truth = (deviation @ loadings) ** 2 / covariance.sum()
    assert mcdonald_omega(covariance) == pytest.approx(truth, abs=1e-6)


def test_omega_is_alpha_where_loadings_are_equal():
    covariance = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    assert mcdonald_omega(covariance) == pytest.approx(cronbach_alpha(covariance), abs=1e-7)
    assert cronbach_alpha(covariance) == pytest.approx(0.8)


def test_item_without_variance_of_its_own():
    # r12 r13 / r23 = 1.8: the first item would share more than all of its variance.
    correlation = np.array([[1, 0.6, 0.6], [0.6, 1, 0.2], [0.6, 0.2, 1]])
    assert np.isnan(mcdonald_omega(correlation))
    random = np.random.default_rng(1)
    drawn = random.multivariate_normal(np.zeros(3), correlation, 2000)
    data = pd.DataFrame(np.clip(np.round(5 + 2 * drawn), 1, 10), columns=list("abc"))
    result = one_block(data)
    assert np.isnan(result.blocks["omega"].iloc[0])
    assert any("omega cannot be told" in note for note in result.notes)


def test_one_and_two_items(survey):
    result = reliability(survey, {"one": ["q1"], "two": ["q1", "q2"]})
    one, two = result.blocks.to_dict("records")
    assert np.isnan([one["alpha"], one["low"], one["omega"], one["kmo"], one["bartlett"]]).all()
    assert result.notes[0] == 'Block "one" has one item, which cannot say how reliable it is.'
    correlation = survey["q1"].corr(survey["q2"])
    assert two["standardized_alpha"] == pytest.approx(2 * correlation / (1 + correlation))
    assert np.isnan([two["omega"], two["kmo"]]).all()
    assert result.items["alpha_if_dropped"].isna().all()


def test_reversed_item_is_found_and_turned(survey):
    turned = survey.assign(q2=11 - survey["q2"])
    before = reliability(turned, {"product": ITEMS[:4]})
    assert before.items.set_index("item")["reversed"].to_dict() == {
        "q1": False,
        "q2": True,
        "q3": False,
        "q4": False,
    }
    assert any("q2 runs against the other items" in note for note in before.notes)
    back = reverse(turned, ["q2"])
    pd.testing.assert_frame_equal(back.astype(float), survey.astype(float))
    assert turned["q2"].iloc[0] == 11 - survey["q2"].iloc[0]
    after = reliability(back, {"product": ITEMS[:4]})
    assert after.blocks["alpha"].iloc[0] > before.blocks["alpha"].iloc[0] + 0.3
    assert not any("against" in note for note in after.notes)


def test_half_of_the_items_reversed_says_only_that(survey):
    result = reliability(reverse(survey, ["q1"]), {"two": ["q1", "q2"]})
    assert result.items["reversed"].all()
    assert any("which ones only the wording tells" in note for note in result.notes)


def test_reversed_is_seldom_chance():
    # Two unrelated items: the interval lies below zero in 2.5 per cent of samples.
    random = np.random.default_rng(3)
    found = []
    for _ in range(2000):
        covariance = np.cov(random.normal(size=(60, 2)), rowvar=False)
        _, high = fisher_interval(item_total_correlations(covariance), 60, 0.95)
        found.append(high[0] < 0)
    assert np.mean(found) == pytest.approx(0.025, abs=3.5 * np.sqrt(0.025 * 0.975 / 2000))


def test_interval_of_alpha_holds_the_truth():
    covariance = np.full((5, 5), 0.4) + 0.6 * np.eye(5)
    truth = cronbach_alpha(covariance)
    random = np.random.default_rng(4)
    drawn = random.multivariate_normal(np.zeros(5), covariance, (1500, 50))
    inside = 0
    for sample in drawn:
        low, high = feldt_interval(cronbach_alpha(np.cov(sample.T)), 50, 5, 0.95)
        inside += low <= truth <= high
    # Monte Carlo standard error 0.6 points.
    assert inside / 1500 == pytest.approx(0.95, abs=0.02)


def test_bartlett_at_chance_level():
    random = np.random.default_rng(5)
    small = [
        bartlett_sphericity(np.corrcoef(random.normal(size=(100, 4)), rowvar=False), 100)[2] < 0.05
        for _ in range(1500)
    ]
    assert np.mean(small) == pytest.approx(0.05, abs=0.02)


def test_bartlett_of_too_few_people_says_nothing():
    assert np.isnan(bartlett_sphericity(np.eye(12), 5)[0])


def test_adequacy_of_items_with_nothing_but_one_factor_grows_with_their_number():
    def of(k):
        return sampling_adequacy(np.full((k, k), 0.5) + 0.5 * np.eye(k))[0]

    # Equal correlations r: partial correlations are r / (1 + (k - 2) r).
    for k in (3, 6, 12):
        partial = 0.5 / (1 + (k - 2) * 0.5)
        assert of(k) == pytest.approx(0.25 / (0.25 + partial**2), rel=1e-10)


def test_column_there_twice():
    data = answered().assign(copy=lambda table: table["a0"])
    result = one_block(data)
    block = result.blocks.iloc[0]
    assert np.isnan(block[["omega", "kmo", "bartlett", "p"]].astype(float)).all()
    assert block["alpha"] == pytest.approx(pingouin.cronbach_alpha(data)[0])
    assert any("column is there twice" in note for note in result.notes)


def test_more_items_than_people():
    data = answered(n=12, k=15)
    result = one_block(data)
    assert result.blocks["alpha"].iloc[0] == pytest.approx(pingouin.cronbach_alpha(data)[0])
    assert result.blocks[["kmo", "bartlett", "omega"]].isna().all(axis=None)
    assert any("more people than items" in note for note in result.notes)


def test_missing_answers_are_allowed_for():
    # Those low on the first item leave out the others: deleting them narrows the range.
    data = answered(n=3000, seed=2)
    gaps = data.copy()
    low = data["a0"] <= 5
    gaps.loc[low & (data.index % 2 == 0), ["a1", "a2"]] = np.nan
    gaps.loc[low & (data.index % 2 == 1), "a3"] = np.nan
    full = one_block(data).blocks["alpha"].iloc[0]
    found = one_block(gaps).blocks.iloc[0]
    deleted = one_block(gaps.dropna()).blocks["alpha"].iloc[0]
    assert abs(found["alpha"] - full) < 0.01 < abs(deleted - full) / 5
    assert found["n"] == 3000
    assert found["n_together"] == len(gaps.dropna())
    items = one_block(gaps).items
    assert items["n"].tolist() == gaps.notna().sum().tolist()


def test_straight_liners():
    data = answered(n=100, k=9)
    data.iloc[[3, 50]] = 7.0
    data.iloc[60] = [7.0] * 8 + [np.nan]
    data.iloc[61] = [7.0] * 7 + [np.nan] * 2
    data.index = [f"person {i}" for i in range(100)]
    result = one_block(data)
    lines = result.respondents.loc[result.respondents["straight_liner"], "row"]
    assert lines.tolist() == ["person 3", "person 50", "person 60"]
    assert result.straight_liners == pytest.approx(3 / 99)
    assert result.respondents["answered"].iloc[61] == 7
    given = data.nunique(axis=1)
    assert result.respondents["different"].tolist() == given.tolist()


def test_straight_lines_need_a_long_sheet():
    result = one_block(answered())
    assert np.isnan(result.straight_liners)
    assert any("fewer than 8 items" in note for note in result.notes)


def test_respondents_without_answers_are_counted():
    data = answered(n=50, k=8)
    data.iloc[:5] = np.nan
    result = one_block(data)
    assert result.n == 45
    assert result.left_out.to_dict("records") == [{"reason": "no answer at all", "rows": 5}]


@pytest.mark.parametrize(
    ("change", "options", "match"),
    [
        ({"a1": 5.0}, {}, "does not differ"),
        ({"a1": 11.0}, {}, "outside the scale"),
        ({"a1": "good"}, {}, "must hold answers, which are numbers"),
        ({"a1": np.nan}, {}, "no answers at all"),
        ({"who": 1}, {"respondent": "who"}, "more than one row"),
        ({}, {"blocks": {}}, "blocks is empty"),
        ({}, {"blocks": {"x": []}}, "list of columns"),
        ({}, {"blocks": {"x": ["a0", "a0"]}}, "more than once"),
        ({}, {"blocks": {"x": ["a0", "a9"]}}, 'no column "a9"'),
        ({}, {"confidence": 95}, "fraction such as 0.95"),
        ({}, {"scale": (10, 1)}, "lowest and the highest"),
    ],
)
def test_refused(change, options, match):
    data = answered().assign(**change)
    with pytest.raises(InputError, match=match):
        reliability(data, **({"blocks": {"x": ["a0", "a1", "a2"]}} | options))


def test_one_person_is_too_few():
    with pytest.raises(InputError, match="at least 10 are needed"):
        one_block(answered(n=1))


def test_items_nobody_answered_together_name_their_block():
    data = answered()
    data.loc[:99, "a0"], data.loc[100:, "a1"] = np.nan, np.nan
    with pytest.raises(InputError, match='Block "all": Nobody answered both the 1st and the 2nd'):
        one_block(data)


def test_reverse_refuses_answers_outside_the_scale(survey):
    with pytest.raises(InputError, match="outside the scale"):
        reverse(survey, ["q1"], scale=(1, 5))


def test_example_company():
    responses = pd.read_csv(ROOT / "data" / "responses.csv")
    names = ("product", "delivery", "service", "price")
    blocks = {name: [f"q{3 * i + j:02}" for j in (1, 2, 3)] for i, name in enumerate(names)}
    result = reliability(responses, blocks)
    assert (result.blocks["low"] > 0.8).all()
    assert not result.items["reversed"].any()
    assert result.notes == ()


def test_alpha_does_not_hang_on_the_unit_of_the_answers():
    covariance = np.array([[4.0, 2, 1], [2, 5, 2], [1, 2, 3]])
    assert cronbach_alpha(covariance / 1000) == pytest.approx(cronbach_alpha(covariance), rel=1e-12)
