"""What the satisfaction report says, on the example company and on the shared surveys.

Oracles: R pls and survey for the index of the shared survey with three components; NumPy on the
example company's answers; the company's truth for what drives satisfaction.
"""

import json

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("satisfaction_index")

ITEMS = ",".join(f"q{i}" for i in range(1, 13))
PLAIN = ("-p", "questions=none", "-p", "customers=none", "-p", "segment=none")
FAST = ("-p", "replicates=200")
ECSI = [
    *[f"IMAG{i}" for i in range(1, 6)],
    *[f"CUEX{i}" for i in range(1, 4)],
    *[f"PERQ{i}" for i in range(1, 8)],
    *[f"PERV{i}" for i in range(1, 3)],
]


def report(folder, *options):
    done = command("crmlib", "report", "satisfaction/index", "--out", str(folder), *options)
    assert done.returncode == 0, done.stderr
    return pages(folder / "satisfaction" / "index" / "report.pdf")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    return report(folder), folder / "satisfaction" / "index"


@pytest.fixture(scope="module")
def wave():
    answers = tables.read("data/responses.csv", kind="responses").frame
    return answers[answers["date"] >= "2025-11-01"]


def test_page_one_names_the_index_the_change_and_what_the_truth_says_matters(example, wave):
    one = example[0][0]
    assert "The satisfaction index of 12 questions is" in one
    assert f"From the answers of {len(wave)} customers" in one
    assert "since the last wave" in one
    # the three questions on delivery have the largest true weight and the lowest scores
    assert "Improve first: delivered" in one
    assert "Overall satisfaction goes most with delivery" in one
    assert "Which single question matters most is not settled" in one
    assert "Figure 1" in one


def test_scores_and_counts_are_those_of_the_answers(example, wave):
    text = " ".join(example[0])
    for item, label in (("q02", "product range"), ("q12", "terms of payment")):
        missing = int(wave[item].isna().sum())
        assert f"{item} {len(wave) - missing} {missing} {missing / len(wave):.1%}" in text
        # means allow for the answers left out, so they are near the plain ones
        mean = wave[item].mean()
        assert f"{label} {mean:.1f} {100 * (mean - 1) / 9:.1f}"[:-2] in text
    record = json.loads((example[1] / "run.json").read_text())
    assert {table["source"] for table in record["inputs"]} == {
        "data/responses.csv",
        "data/customers.csv",
        "data/questions.csv",
    }
    table = pd.read_csv(example[1] / "priorities.csv")
    assert len(table) == 12
    assert set(table.loc[table["quadrant"] == "improve first", "item"]) <= {"q04", "q05", "q06"}


@pytest.mark.slow
def test_the_index_is_that_of_r(shared, tmp_path):
    """R pls with three components, survey for the standard error: 66.607 and 0.764."""
    source = shared / "data" / "satisfaction_survey.csv"
    told = report(
        tmp_path, "-p", f"responses={source}", "-p", f"items={ITEMS}", "-p", "components=3",
        *PLAIN, *FAST,
    )  # fmt: skip
    expected = json.loads((shared / "reference" / "satisfaction.json").read_text())
    csi = expected["csi_pcr3_unweighted"]
    assert f"The satisfaction index of 12 questions is {csi['csi']:.1f} of 100" in told[0]
    half = csi["se_fixed_weights"] * 1.971957  # t with 199 degrees of freedom
    row = f"all 200 200 {csi['csi']:.1f} {csi['csi'] - half:.1f} {csi['csi'] + half:.1f}"
    assert row in " ".join(told)


@pytest.mark.slow
def test_design_weights_and_strata_run_through(shared, tmp_path):
    source = shared / "data" / "satisfaction_survey_weighted.csv"
    design = ("-p", "weight=weight", "-p", "stratum=stratum", "-p", "segment=stratum")
    given = ("-p", f"responses={source}", "-p", f"items={ITEMS}", *PLAIN[:4], *FAST)
    told = report(tmp_path, *given, *design)
    weight = pd.read_csv(source)["weight"]
    effective = weight.sum() ** 2 / (weight**2).sum()
    assert f"tell as much as {effective:.0f} of equal weight" in told[0]


@pytest.mark.slow
def test_nobody_is_dropped_for_a_question_left_blank(shared, tmp_path):
    source = shared / "data" / "satisfaction_survey_missing.csv"
    told = report(tmp_path, "-p", f"responses={source}", "-p", f"items={ITEMS}", *PLAIN, *FAST)
    assert "From the answers of 200 customers" in told[0]
    complete = int(pd.read_csv(source).drop(columns="id").notna().all(axis=1).sum())
    assert complete == 119
    assert f"any of these {complete} {200 - complete}" in " ".join(told)


@pytest.mark.slow
def test_a_survey_of_others_with_other_names_runs(shared, tmp_path):
    """The ECSI survey has no customers, no dates and no codebook."""
    source = shared / "data" / "ecsi_mobile.csv"
    given = ("-p", f"responses={source}", "-p", "overall=CUSA1", "-p", f"items={','.join(ECSI)}")
    told = report(tmp_path, *given, *PLAIN, *FAST)
    assert "From the answers of 250 customers" in told[0]
    assert "since the last wave" not in told[0]
    correlations = pd.read_csv(source)[[*ECSI, "CUSA1"]].corr()["CUSA1"]
    assert correlations.drop("CUSA1").idxmax() == "PERQ1"
    assert "put PERQ1 first" in told[0]


@pytest.mark.slow
def test_a_question_worded_the_other_way_round_is_the_first_thing_said(tmp_path, wave):
    turned = tmp_path / "turned.csv"
    wave.assign(q01=11 - wave["q01"]).to_csv(turned, index=False)
    told = report(tmp_path, "-p", f"responses={turned}", "-p", "segment=none", *FAST)
    assert "Check first: product quality may be worded the other way round" in told[0]
    mended = ("-p", f"responses={turned}", "-p", "reverse=q01", "-p", "before=none")
    told = report(tmp_path, *mended, "-p", "segment=none", *FAST)
    assert "Check first" not in told[0]


@pytest.mark.slow
def test_who_has_no_segment_is_counted_in_all_and_told(tmp_path, wave):
    region = ["north", "south", None] * len(wave)
    wave.assign(area=region[: len(wave)]).to_csv(tmp_path / "areas.csv", index=False)
    given = ("-p", f"responses={tmp_path / 'areas.csv'}", "-p", "segment=area")
    told = " ".join(report(tmp_path, *given, "-p", "customers=none", *FAST))
    assert f"not known {len(wave) // 3} {len(wave) // 3}" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("overall=q99", 'no column "q99" (did you mean "q09"?)'),
        ("overall=q01", "is among the items: it would explain itself"),
        ("items=q01,joy", 'no column "joy"'),
        ("highest=5", "answers are outside the scale from 1 to 5"),
        ("method=magic", 'method="magic"'),
        ("components=99", "a number of components from 1 to 12"),
        ("missing=magic", 'missing="magic"'),
        ("segment=continent", 'no column "continent" to report by'),
        ("wave=2030", "no answer is dated 2030"),
        ("wave=none", "97 respondents have more than one row"),
        ("replicates=10", "take at least 100"),
        ("responses={text}", "it holds str, such as 'good'"),
        ("responses={constant}", "all 252 answers are 7"),
        ("responses={one}", "1 of 1 respondents can be used"),
        ("questions=none", "items must be a list of columns"),
        ("questions=data/study_questions.csv", "names image1, which data/responses.csv has not"),
        ("reverse=joy", 'no column "joy"'),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path, wave):
    files = {name: tmp_path / f"{name}.csv" for name in ("text", "constant", "one")}
    spoilt = wave["q03"].astype(object).where(np.arange(len(wave)) != 3, "good")
    wave.assign(q03=spoilt).to_csv(files["text"], index=False)
    wave.assign(q01=7).to_csv(files["constant"], index=False)
    wave.head(1).to_csv(files["one"], index=False)
    out = ("--out", str(tmp_path), *FAST) if "replicates" not in given else ("--out", str(tmp_path))
    done = command(
        "crmlib", "report", "satisfaction/index", *out, "-p", given.format_map(files)
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "satisfaction").exists()
