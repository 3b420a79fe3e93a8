"""Answers checked once: every fault has its sentence, and what is set aside is counted.

Oracles: counts made by hand from small tables; `R survey` practice for resampling is tested
through its mean and variance, which are known exactly.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.satisfaction.answers import answers_of, bootstrap_weights

ITEMS = ["q1", "q2", "q3"]


@pytest.fixture
def responses():
    random = np.random.default_rng(5)
    table = pd.DataFrame(random.integers(1, 11, (40, 4)).astype(float), columns=[*ITEMS, "overall"])
    return table.assign(
        who=[f"R{i}" for i in range(40)],
        weight=np.linspace(0.5, 2.0, 40),
        region=np.repeat(["north", "south"], 20),
        area=np.repeat(np.arange(8), 5),
    )


def test_answers_keep_order_weights_and_design(responses):
    answers = answers_of(
        responses, ITEMS, "overall", weights="weight", strata="region", clusters="area"
    )
    np.testing.assert_array_equal(answers.values, responses[[*ITEMS, "overall"]])
    np.testing.assert_array_equal(answers.weights, responses["weight"])
    np.testing.assert_array_equal(answers.cluster, responses["area"])
    np.testing.assert_array_equal(answers.stratum, np.repeat([0, 1], 20))
    weight = responses["weight"]
    assert answers.n == 40
    assert answers.n_effective == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert answers.is_complete
    assert answers.notes == ()
    assert answers.left_out.empty


def test_every_row_set_aside_is_counted_by_reason(responses):
    responses.loc[3, [*ITEMS, "overall"]] = np.nan
    responses.loc[[5, 6], "q2"] = np.nan
    responses.loc[[7, 8, 9], "weight"] = 0.0
    kept = answers_of(responses, ITEMS, "overall", weights="weight")
    assert kept.n == 36
    assert dict(kept.left_out.to_numpy()) == {"no answer at all": 1, "weight of zero": 3}
    complete = answers_of(responses, ITEMS, "overall", weights="weight", complete=True)
    assert complete.n == 34
    assert dict(complete.left_out.to_numpy()) == {
        "no answer at all": 1,
        "an answer missing": 2,
        "weight of zero": 3,
    }
    assert set(complete.rows) == set(range(40)) - {3, 5, 6, 7, 8, 9}


def change(column, value, rows=slice(None)):
    def changed(table):
        table = table.astype({column: object}) if isinstance(value, str) else table
        table.loc[rows, column] = value
        return table

    return changed


@pytest.mark.parametrize(
    ("spoil", "options", "words"),
    [
        (change("q2", 7.0), {}, 'Column "q2": all 40 answers are 7. What does not differ'),
        (change("q2", 11.0, [4, 9]), {}, 'Column "q2": 2 of 40 answers are outside the scale'),
        (change("q2", 0.5, [4]), {}, "such as 0.5; row 4"),
        (change("q2", np.inf, [4]), {}, "outside the scale from 1 to 10, such as inf"),
        (change("q2", "good", [4]), {}, 'Column "q2" must hold answers, which are numbers'),
        (change("q2", np.nan), {}, 'Column "q2" has no answers at all'),
        (change("who", "R1"), {"respondent": "who"}, "1 respondents have more than one row"),
        (change("weight", 0.0), {"weights": "weight"}, "all weights are zero, so nobody counts"),
        (change("weight", -1.0, [2]), {"weights": "weight"}, "missing, endless or negative; row 2"),
        (change("weight", np.nan, [2]), {"weights": "weight"}, "1 weights are missing"),
        (change("region", "alone", [2]), {"strata": "region"}, "in stratum alone of"),
        (change("area", 1), {"clusters": "area"}, 'There is only one cluster of "area"'),
        (
            change("region", "east", [0]),
            {"strata": "region", "clusters": "area"},
            "cluster 0 lies in more than one stratum",
        ),
        (lambda table: table.head(1), {}, "1 of 1 respondents can be used; at least 10"),
        (lambda table: table.head(9), {}, "9 of 9 respondents can be used; at least 10"),
        (lambda table: table.head(0), {}, "no answers at all"),
        (lambda table: table.drop(columns="q3"), {}, 'The table has no column "q3". It has q1, q2'),
        (
            lambda table: table,
            {"overall": "overal"},
            'no column "overal" (did you mean "overall"?)',
        ),
        (lambda table: table, {"items": ["q1", "overall"]}, "is among the items: it would explain"),
        (lambda table: table, {"items": ["q1", "q1"]}, "names q1 more than once"),
        (lambda table: table, {"items": "q1"}, "items must be a list of columns"),
        (lambda table: table, {"items": []}, "items must be a list of columns"),
        (lambda table: table, {"scale": (5, 1)}, "give the lowest and the highest answer"),
    ],
)
def test_bad_input_has_its_sentence(responses, spoil, options, words):
    options = {"items": ITEMS, "overall": "overall"} | options
    with pytest.raises(InputError) as caught:
        answers_of(spoil(responses), **options)
    assert words in str(caught.value)


def test_a_scale_that_looks_wrong_and_copied_sheets_are_noted(responses):
    five = responses.assign(**{c: np.ceil(responses[c] / 2) for c in [*ITEMS, "overall"]})
    (note,) = answers_of(five, ITEMS, "overall").notes
    assert "No answer is above 5 on a scale said to go from 1 to 10" in note
    upper = five.assign(**{c: five[c] + 5 for c in [*ITEMS, "overall"]})
    (note,) = answers_of(upper, ITEMS, "overall").notes
    assert "No answer is below 6" in note
    random = np.random.default_rng(1)
    long = pd.DataFrame(random.integers(1, 11, (40, 9)), columns=[f"q{i}" for i in range(9)])
    assert answers_of(long, list(long)).notes == ()
    (note,) = answers_of(pd.concat([long, long.head(3)]), list(long)).notes
    assert note.startswith("3 respondents gave answer by answer the same 9 answers")


def test_resampled_weights_keep_the_total_and_its_variance(responses):
    """Rao and Wu: the variance over resamples is the usual one, n/(n-1) sum of (z - mean)^2."""
    answers = answers_of(responses, ITEMS, "overall", strata="region", clusters="area")
    weights = bootstrap_weights(answers, 4000, seed=3)
    assert weights.shape == (4000, 40)
    totals = weights @ answers.values[:, 0]
    of_area = pd.Series(answers.values[:, 0]).groupby(answers.cluster).sum().to_numpy()
    variance = sum(4 / 3 * ((z - z.mean()) ** 2).sum() for z in (of_area[:4], of_area[4:]))
    assert totals.mean() == pytest.approx(of_area.sum(), abs=4 * np.sqrt(variance / 4000))
    # the standard error of a variance from B resamples is about sqrt(2 / B) of it: 2 %
    assert totals.var() == pytest.approx(variance, rel=0.09)
    np.testing.assert_array_equal(weights, bootstrap_weights(answers, 4000, seed=3))


def test_too_few_resamples_are_refused(responses):
    with pytest.raises(InputError, match="at least 100"):
        bootstrap_weights(answers_of(responses, ITEMS), 50, seed=1)
