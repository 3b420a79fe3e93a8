"""What the sampling decision says, on the example company and on a whole population of schools.

Oracle: the library's own results on the same frame, and the counts of the frames (1,399 contacts;
6,194 schools).
"""

import csv
import json

import pytest

from crmlib import sampling, tables
from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("sampling_design")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("design")
    done = command("crmlib", "report", "sampling/design", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "sampling" / "design"


def test_page_one_is_the_written_decision(report):
    one = pages(report / "report.pdf")[0]
    people = tables.read("data/contacts.csv", kind="frame").frame
    check = sampling.check_frame(
        people, id="unit_id", contact="contact", opted_out="opted_out", strata="customer_type"
    )
    usable = people[check.usable.to_numpy()]
    n = sampling.size_for_mean(2.0, usable["score_2025"].std(), population=len(usable)).n
    assert f"to get {n} interviews" in one
    assert f"{len(usable):,} of the 1,399 rows of the list can be drawn" in one
    assert "5 other methods were tried and rejected" in one


def test_the_contact_list_is_the_sample_in_order_of_release(report):
    record = json.loads((report / "run.json").read_text())
    assert set(record["attachments"]) == {"contacts.csv", "contacts.xlsx"}
    with (report / "contacts.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["release_order"]) for row in rows] == list(range(1, len(rows) + 1))
    assert len({row["unit_id"] for row in rows}) == len(rows)
    assert {row["wave"] for row in rows} == {"1", "2", "3", "4"}
    one = pages(report / "report.pdf")[0]
    assert f"Invite {len(rows)} by the method" in one


@pytest.mark.slow
def test_the_schools_decide_for_sorting_by_last_years_score(shared, tmp_path):
    given = {
        "frame": shared / "data" / "apipop.csv",
        "columns": "unit_id=cds",
        "proxy": "api00",
        "last_wave": "api99",
        "stratum": "stype",
        "cluster": "dnum",
        "margin": "17.5",
        **dict.fromkeys(("contact", "opted_out", "account", "revenue"), "none"),
    }
    words = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "sampling/design", *words, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "sampling" / "design" / "report.pdf")[0]
    assert "by the method “systematic, sorted by last wave” to get 200 interviews" in one
    assert "its 95% interval is right in 84% of samples only" in one


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("margin=0", "margin"),
        ("response_rate=35", "0.35"),
        ("stratum=no_such", "no_such"),
        ("margin=0.01", "The plan needs 1,326 units"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path):
    done = command("crmlib", "report", "sampling/design", "-p", given, "--out", str(tmp_path))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
