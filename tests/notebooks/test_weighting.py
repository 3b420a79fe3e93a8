"""What the weighting report says, on the example company and on a stratified sample of schools.

Oracles: counts made here from the tables; R survey 4.1-1 for the estimate on the schools and its
standard error; the library's own results elsewhere.
"""

import json
import re

import pandas as pd
import pytest

from crmlib import tables
from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("weighting")


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = command("crmlib", "report", "sampling/weighting", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "sampling" / "weighting"


@pytest.fixture(scope="module")
def example_counts():
    """Customers who bought in the three months before the wave, and whether they answered."""
    customers = tables.read("data/customers.csv", kind="customers").frame
    bought = tables.read("data/transactions.csv", kind="transactions").frame
    responses = tables.read("data/responses.csv", kind="responses").frame
    recent = bought[(bought["date"] >= "2025-08-01") & (bought["date"] < "2025-11-01")]
    asked = customers[customers["customer_id"].isin(recent["customer_id"])]
    wave = responses[responses["date"] >= "2025-11-01"]
    return asked.merge(wave[["customer_id", "overall"]], on="customer_id", how="left")


def test_page_one_tells_score_response_and_segments(example_report, example_counts):
    one = pages(example_report / "report.pdf")[0]
    n, answers = len(example_counts), int(example_counts["overall"].count())
    assert f"Overall satisfaction of all {n} customers is about" in one
    assert f"From {answers} answers of {n} asked" in one
    assert f"{answers / n:.0%} of those asked answered" in one
    assert f"{example_counts['overall'].mean():.2f} as answered" in one
    for size in example_counts.dropna(subset="overall")["region"].value_counts():
        assert f"n = {size}" in one
    assert "Figure 1" in one


def test_the_report_shows_response_by_cell_margins_and_provenance(example_report, example_counts):
    text = pages(example_report / "report.pdf")
    everything = " ".join(text)
    cells = example_counts.groupby(["region", "customer_type"])["overall"].agg(["size", "count"])
    for (region, kind), (asked, answered) in cells.iterrows():
        share = f"{100 * answered / asked:.1f}%"
        assert f"{region} × {kind} {asked} {answered} {share}" in everything
    for level, known in example_counts["region"].value_counts().items():
        row = rf"region {level} \d+ [\d,.]+ {known} {known}"  # n, before, known, after
        assert re.search(row, everything), level
    record = json.loads((example_report / "run.json").read_text())
    assert len(record["inputs"]) == 3
    assert record["inputs"][0]["sha256"] in everything.replace(" ", "")
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


SCHOOLS = {
    "columns": "customer_id=cds",
    "y": "api00",
    "weight": "pw",
    "stratum": "stype",
    "population_size": "fpc",
    "asked": "none",
    "purchases": "none",
    "score": "academic performance index",
    "who": "schools",
}


def report_on_schools(shared, out, **changed):
    given = SCHOOLS | {"responses": str(shared / "data" / "apistrat.csv")} | changed
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "sampling/weighting", *options, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return pages(out / "sampling" / "weighting" / "report.pdf")


@pytest.mark.slow
def test_a_stratified_sample_is_estimated_as_r_does(shared, tmp_path):
    expected = json.loads((shared / "reference" / "sampling.json").read_text())["strat"]
    text = report_on_schools(shared, tmp_path, by="stype", population="none")
    mean, error = expected["mean_api00"]["est"], expected["mean_api00"]["se"]
    low, high = expected["mean_api00_ci_t"]
    assert (
        f"Academic performance index of all 6,194 schools is about {mean:.0f} points: likely "
        f"between {low:.0f} and {high:.0f}"
    ) in text[0]
    assert "Who did not answer is not known." in text[0]
    assert "Higher than the others, by more than chance explains: E (stype)." in text[0]
    everything = " ".join(text)
    assert f"design 200 {mean:.1f} {error:.1f}" in everything
    plain = pd.read_csv(shared / "data" / "apistrat.csv")["api00"].mean()
    assert f"equal 200 {plain:.1f}" in everything


@pytest.mark.slow
@pytest.mark.parametrize("given", ["population", "totals"])
def test_margins_come_from_a_table_or_from_totals(shared, tmp_path, given):
    known = {
        "population": {
            "population": str(shared / "data" / "apipop.csv"),
            "population_columns": "customer_id=cds",
            "margins": "stype,sch.wide",
        },
        "totals": {
            "population": "none",
            "totals": "stype:E=4421,stype:H=755,stype:M=1018,sch.wide:No=1072,sch.wide:Yes=5122",
        },
    }
    everything = " ".join(report_on_schools(shared, tmp_path, by="stype", **known[given]))
    assert re.search(r"sch\.wide No 48 [\d,.]+ 1,072 1,072", everything)
    assert "calibrated 200" in everything


@pytest.mark.slow
def test_segments_with_few_answers_are_not_estimated(shared, tmp_path):
    one = report_on_schools(shared, tmp_path, by="stype,cname", population="none")[0]
    counties = pd.read_csv(shared / "data" / "apistrat.csv")["cname"].value_counts()
    n_small = int((counties < 20).sum())
    assert f"and {n_small - 5} more." in one
    assert "too few to say" in one


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("responses=nowhere.csv", "nowhere.csv"),
        ("wave=2031", "no answer of wave 2031"),
        ("wave=none", "answered twice"),
        ("y=joy", 'in column "joy"'),
        ("by=continent", 'there is no column "continent"'),
        ("margins=continent", "continent must be in data/customers.csv"),
        ("minimum_cell=60", "cells have fewer than 60 respondents"),
        ("totals=region:East=10,region:West=5", "do not match"),
        ("weight=q01", "weights cannot be used"),
        ("checks=magic", 'method="magic"'),
        ("responses={anonymous}", "who answered? Name the column"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path):
    anonymous = tmp_path / "anonymous.csv"
    anonymous.write_text("overall\n7\n8\n")
    out = ("--out", str(tmp_path))
    chosen = given.format(anonymous=anonymous)
    done = command("crmlib", "report", "sampling/weighting", "-p", chosen, *out)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "sampling").exists()
