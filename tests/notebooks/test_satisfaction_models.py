"""What the report on models says, on the example company and on the mobile data of ECSI.

Oracles: R semPLS 1.0-10 for paths, R² and weights of ECSI on 250 answers about mobile phones;
counts made here from the tables; the categories that the example's features were drawn with.
"""

import json
import re

import pandas as pd
import pytest

from crmlib.tables.example_study import FEATURES
from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("satisfaction_models")

MOBILE = {
    "IMAG": "image",
    "CUEX": "expectation",
    "PERQ": "quality",
    "PERV": "value",
    "CUSA": "satisfaction",
    "CUSCO": "complaints",
    "CUSL": "loyalty",
}
# What a feature is in the report when it was drawn to be of a category.
DECIDED = {
    "M": "Taken for granted",
    "O": "more is better",
    "A": "delights",
    "I": "Makes no difference to most",
    "R": "Rather without",
    "undecided": "Cannot be placed",
}


def report(out, **given):
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "satisfaction/models", *options, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out / "satisfaction" / "models"


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    return report(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def study():
    return pd.read_csv("data/study.csv")


def test_page_one_tells_index_causes_features_and_score(example_report, study):
    one = pages(example_report / "report.pdf")[0]
    items = study[["satisfaction1", "satisfaction2", "satisfaction3"]]
    words = r"Satisfaction of (\d+) customers by 3 general questions \(ECSI\) is ([\d.]+) of 100"
    found = re.search(words, one)
    assert found
    assert int(found[1]) == items.notna().any(axis=1).sum() == len(study)
    scores = (items.mean() - 1) / 9 * 100
    assert scores.min() < float(found[2]) < scores.max()
    assert "Loyalty goes most with satisfaction" in one
    score = study["recommend"].dropna()
    promoters, detractors = (score >= 9).mean(), (score <= 6).mean()
    nps = str(round(100 * (promoters - detractors))).replace("-", "−")
    assert f"The net promoter score is {nps} (" in one
    assert f"Of {len(score)} customers who answered, {promoters:.0%} are promoters" in one
    assert f"{detractors:.0%} detractors" in one
    for row in pd.read_csv("data/truth/study_kano.csv").itertuples():
        assert f"{DECIDED[row.category]}: {FEATURES[row.feature]}" in one
    assert "Figure 1 Path model ECSI" in one


def test_page_one_tells_the_range_of_the_table_of_other_ways(example_report):
    everything = pages(example_report / "report.pdf")
    low, high, count = re.search(
        r"([\d.]+) to ([\d.]+) by (\d+) other ways to compute it", everything[0]
    ).groups()
    ways = r"(?:model SCSB|model ACSI|items as answered|(?:factorial|path) scheme|missing: \w+)"
    rows = re.findall(rf"{ways} \d+ ([\d.]+) [\d.]+ [\d.]+ satisfaction", " ".join(everything))
    found = [float(row) for row in rows]
    assert len(found) == int(count)
    assert min(found) == pytest.approx(float(low), abs=0.0501)
    assert max(found) == pytest.approx(float(high), abs=0.0501)


def test_the_report_counts_features_compares_models_and_tells_its_sources(example_report, study):
    everything = " ".join(pages(example_report / "report.pdf"))
    for feature in pd.read_csv("data/truth/study_kano.csv")["feature"]:
        present, absent = (study[f"kano_{feature}_{word}"] for word in ("with", "without"))
        attractive = int(((present == 1) & absent.isin([2, 3, 4])).sum())
        must_be = int((present.isin([2, 3, 4]) & (absent == 5)).sum())
        one_dimensional = int(((present == 1) & (absent == 5)).sum())
        counts = f"{FEATURES[feature]} {len(study)} {must_be} {one_dimensional} {attractive} "
        assert counts in everything
    span = r"[−\d.]+ \([−\d.]+ to [−\d.]+\)"
    for row in (
        f"expectation performance {span} – – ",
        f"quality satisfaction – {span} {span} ",
        f"image loyalty – – {span} ",
        f"satisfaction loyalty {span} {span} {span} ",
        f"index image – – {span}",
    ):
        assert re.search(row, everything), row
    record = json.loads((example_report / "run.json").read_text())
    assert len(record["inputs"]) == 2
    assert record["inputs"][0]["sha256"] in everything.replace(" ", "")
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []
    files = {path.name for path in example_report.iterdir()}
    assert {"constructs.csv", "htmt.csv", "kano.csv"} <= files


@pytest.fixture(scope="module")
def mobile(shared):
    return pd.read_csv(shared / "data" / "ecsi_mobile.csv")


@pytest.fixture(scope="module")
def mobile_report(shared, mobile, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mobile")
    blocks = [MOBILE[item.rstrip("0123456789")] for item in mobile.columns]
    pd.DataFrame({"item": mobile.columns, "block": blocks}).to_csv(folder / "book.csv", index=False)
    return report(
        folder,
        responses=shared / "data" / "ecsi_mobile.csv",
        questions=folder / "book.csv",
        kano="",
        recommend="none",
    )


@pytest.fixture(scope="module")
def reference(shared):
    text = (shared / "reference" / "satisfaction.json").read_text(encoding="utf-8")
    return json.loads(text)["ecsi_mobile_standardized_centroid"]


@pytest.mark.slow
def test_ecsi_on_the_mobile_data_is_that_of_sempls(mobile_report, reference):
    everything = " ".join(pages(mobile_report / "report.pdf"))
    for path, value in reference["paths"].items():
        start, end = path.lower().split("->")
        assert f" {start} {end} {value:.3f} 0." in everything, path
    for construct, value in reference["r2"].items():
        assert f" {construct.lower()} {value:.3f} 0." in everything, construct
    for item, value in reference["satisfaction_outer_weights"].items():
        assert f"satisfaction {item} {value:.2f} " in everything, item


@pytest.mark.slow
def test_page_one_of_the_mobile_data_follows_from_the_reference(mobile_report, mobile, reference):
    one = pages(mobile_report / "report.pdf")[0]
    weights = pd.Series(reference["satisfaction_outer_weights"])
    weights = weights / mobile[weights.index].std()
    scores = (mobile[weights.index].mean() - 1) / 9 * 100
    index = (weights * scores).sum() / weights.sum()
    assert f"Satisfaction of 250 customers by 3 general questions (ECSI) is {index:.1f} of" in one
    explained = reference["r2"]
    assert (
        f"explains {explained['Satisfaction']:.0%} of the differences in satisfaction and "
        f"{explained['Loyalty']:.0%} in loyalty"
    ) in one
    paths = reference["paths"]
    effect = (
        paths["Satisfaction->Loyalty"]
        + paths["Satisfaction->Complaints"] * paths["Complaints->Loyalty"]
    )
    assert f"loyalty is higher by {effect:.2f} of one (" in one
    assert "promoter" not in one
    assert "Taken for granted" not in one


@pytest.mark.slow
def test_paths_of_ones_own_and_a_design_are_taken(tmp_path):
    study = pd.read_csv("data/study.csv").drop(columns=["customer_id", "date"])
    half = len(study) // 2
    study["weight"] = [1.0] * half + [2.0] * half
    study["stratum"] = ["a"] * half + ["b"] * half
    study["cluster"] = [row // 3 for row in range(2 * half)]
    study.to_csv(tmp_path / "study.csv", index=False)
    folder = report(
        tmp_path,
        responses=tmp_path / "study.csv",
        paths="quality to satisfaction,satisfaction to trust,trust to loyalty",
        weight="weight",
        stratum="stratum",
        cluster="cluster",
        scaled="false",
        replicates=200,
    )
    text = pages(folder / "report.pdf")
    assert "(own model)" in text[0]
    assert "items as answered" in text[0]
    assert "Loyalty goes most with" in text[0]
    assert "image" not in text[0]
    score = study["recommend"]
    counted = study.loc[score.notna(), "weight"].sum()
    promoters = study.loc[score >= 9, "weight"].sum() / counted
    assert f"{promoters:.0%} are promoters" in text[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("model=ccsi", 'There is no model "ccsi"'),
        ("paths=quality>loyalty", '"quality to satisfaction"'),
        ("target=joy", 'Nothing leads to target="joy"'),
        ("questions=data/questions.csv", "has no items for image"),
        ("highest=7", "outside the scale from 1 to 7"),
        ("wave=2031", "no answers of this wave"),
        ("weight=heft", 'no column "heft"'),
        ("kano=fun_*,dys_*", "No column is called fun_* or dys_*"),
        ("kano_answers=1,2,3", "answers must be five"),
        ("recommend=joy", 'no column "joy"'),
        ("scheme=magic", 'scheme="magic"'),
        ("responses={text}", 'Column "image1" must hold answers'),
        ("responses={one}", "1 of 1 respondents can be used"),
        ("responses={turned}", '"quality2" of quality (loading -0.88)'),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, study, tmp_path):
    study.assign(image1="good").to_csv(tmp_path / "text.csv", index=False)
    study.head(1).to_csv(tmp_path / "one.csv", index=False)
    turned = study.assign(quality2=11 - study["quality2"])
    turned.to_csv(tmp_path / "turned.csv", index=False)
    files = {name: tmp_path / f"{name}.csv" for name in ("text", "one", "turned")}
    out = ("--out", str(tmp_path))
    chosen = given.format(**files)
    done = command("crmlib", "report", "satisfaction/models", "-p", chosen, *out)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "satisfaction").exists()
