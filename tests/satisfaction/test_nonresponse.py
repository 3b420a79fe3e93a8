"""Who left out what. Oracles: scipy's Welch test, pingouin's Holm correction, simulation by lot."""

import numpy as np
import pandas as pd
import pingouin
import pytest
import statsmodels.api as sm
from scipy import stats

from crmlib.errors import InputError
from crmlib.satisfaction.nonresponse import nonresponse

ITEMS = [f"q{i}" for i in range(1, 13)]


@pytest.fixture(scope="module")
def survey(shared):
    return pd.read_csv(shared / "data" / "satisfaction_survey_missing.csv")


def test_nonresponse_of_the_survey(survey):
    table = nonresponse(survey, ITEMS)
    last = table.iloc[-1]
    assert (last["item"], last["n"], last["answered"], last["missing"]) == (
        "any of these",
        200,
        119,
        81,
    )
    assert last["answered"] == len(survey.dropna())
    assert table["missing"].tolist()[:-1] == survey[ITEMS].isna().sum().tolist()
    for item, saved in zip(table["item"][:-1], table["only_missing"][:-1], strict=True):
        others = [column for column in ITEMS if column != item]
        assert saved == len(survey[others].dropna()) - 119


def test_nonresponse_beside_the_overall_score(survey):
    random = np.random.default_rng(1)
    data = survey.assign(
        q1=survey["q1"].where(survey["overall"] > 5),
        q2=survey["q2"].where(random.random(200) < 0.7),
    )
    table = nonresponse(data, ITEMS, "overall").set_index("item")
    assert table["verdict"]["q1"] == "lower overall"
    assert table["verdict"]["q2"] == "undecided"
    assert table["verdict"]["q4"] == "too few"
    assert table["verdict"]["overall"] == ""
    for item in ("q1", "q2"):
        gone = data[item].isna()
        groups = data["overall"][gone], data["overall"][~gone]
        test = stats.ttest_ind(*groups, equal_var=False)
        interval = test.confidence_interval()
        row = table.loc[item]
        assert row["difference"] == pytest.approx(groups[0].mean() - groups[1].mean())
        assert [row["low"], row["high"]] == pytest.approx(list(interval), rel=1e-9)
    compared = [
        stats.ttest_ind(
            data["overall"][data[item].isna()],
            data["overall"][data[item].notna()],
            equal_var=False,
        ).pvalue
        for item in ITEMS
        if data[item].isna().sum() >= 10
    ]
    _, corrected = pingouin.multicomp(compared, method="holm")
    mine = table.loc[ITEMS, "p_holm"].dropna()
    assert mine.tolist() == pytest.approx(corrected.tolist(), rel=1e-9)


def test_nonresponse_weights_count_like_copies(survey):
    data = survey.assign(weight=np.where(survey["q1"].isna(), 2.0, 1.0))
    table = nonresponse(data, ["q1"], weights="weight")
    gone = survey["q1"].isna().sum()
    assert table["missing_share"].iloc[0] == pytest.approx(2 * gone / (200 + gone))
    data["weight"] = (survey.index < 150).astype(float)
    shorter = nonresponse(data, ITEMS, "overall", weights="weight")
    pd.testing.assert_frame_equal(shorter, nonresponse(survey.head(150), ITEMS, "overall"))


def test_nonresponse_verdict_at_chance_level():
    # Missing by lot: the correction keeps all twelve verdicts together at five per cent.
    wrong = 0
    for seed in range(60):
        random = np.random.default_rng([9, seed])
        data = pd.DataFrame(random.integers(1, 11, (150, 13)).astype(float))
        data.columns = [*ITEMS, "overall"]
        data[ITEMS] = data[ITEMS].mask(random.random((150, 12)) < 0.2)
        table = nonresponse(data, ITEMS, "overall")
        wrong += table["verdict"].iloc[:12].str.contains("overall").any()
    assert wrong <= 3 + 3 * np.sqrt(60 * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"items": ["q1", "overall"]}, "explain itself"),
        ({"items": ["q1", "q99"]}, 'no column "q99"'),
        ({"items": []}, "list of columns"),
        ({"confidence": 1}, "fraction such as 0.95"),
        ({"weights": "zero"}, "all weights are zero"),
        ({"items": ["text"]}, 'Column "text" must hold answers, which are numbers'),
    ],
)
def test_nonresponse_refuses(survey, change, match):
    data = survey.assign(zero=0.0, text="good")
    with pytest.raises(InputError, match=match):
        nonresponse(data, **({"items": ITEMS, "overall": "overall"} | change))


def test_nonresponse_of_an_item_nobody_answered(survey):
    table = nonresponse(survey.assign(q1=np.nan), ["q1", "q2"], "overall")
    assert table["missing_share"].iloc[0] == 1
    assert table["verdict"].iloc[0] == "too few"
    assert table["answered"].iloc[-1] == 0


def test_the_design_is_in_the_comparison():
    """Oracle: the slope of least squares on who left the item out, with cluster-robust errors.

    statsmodels multiplies them by n - 1 over n - 2, which we do not.
    """
    random = np.random.default_rng(8)
    cluster = np.repeat(np.arange(40), 10)
    gone = (random.random(400) < 0.3) | (random.random(40) < 0.3)[cluster]
    overall = np.clip(
        np.rint(6 + random.normal(0, 1, 40)[cluster] + random.normal(0, 1, 400)), 1, 10
    )
    data = pd.DataFrame({"q1": np.where(gone, np.nan, 5.0), "overall": overall, "area": cluster})
    data.loc[0, "q1"] = 6.0
    gone[0] = False
    found = nonresponse(data, ["q1"], "overall", clusters="area").iloc[0]
    fit = sm.OLS(overall, sm.add_constant(gone.astype(float))).fit(
        cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True
    )
    reach = stats.t.ppf(0.975, 39) * fit.bse[1] * np.sqrt(398 / 399)
    assert found["difference"] == pytest.approx(fit.params[1], abs=1e-10)
    assert found["high"] - found["difference"] == pytest.approx(reach, rel=1e-9)
    plain = nonresponse(data, ["q1"], "overall").iloc[0]
    assert plain["difference"] == pytest.approx(found["difference"], abs=1e-12)
    assert plain["high"] < found["high"]
