"""What the life-cycle report says, on the example company and on real purchases.

Oracle: the counts of the tables read (500; 23,570 customers in the CDNOW file), and the library's
own results on them computed here.
"""

import json

import pypdfium2
import pytest

from crmlib import clp, tables
from tests.notebooks.test_notebooks import command


def pages(pdf) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = command("crmlib", "report", "clp/life_cycle", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "clp" / "life_cycle"


def test_page_one_counts_the_stages_and_states_the_worth(example_report):
    one = pages(example_report / "report.pdf")[0]
    history = clp.profit_history(
        tables.read("data/transactions.csv", kind="transactions"), cost="cost"
    )
    fit = clp.fit_life_cycle(history)
    counts = clp.life_cycle_stage(fit)["stage"].value_counts()
    assert f"Of 500 customers, {counts['exploration']} are in exploration" in one
    assert f"{counts['decline']} customers in decline brought" in one
    value = clp.allow_for_losses(
        fit, clp.holdout_check(history, 6), rate=0.0125, periods=24
    ).total.iloc[0]
    for number in value[["lifetime_profit", "low", "high"]]:
        assert f"{number / 1e6:.1f} million" in one
    assert "Figure 1" in one


def test_worked_cases_and_provenance_are_in_the_report(example_report):
    text = pages(example_report / "report.pdf")
    everything = " ".join(text)
    for value in ("810.74", "820.87", "420.10", "425.35", "25.59", "25.91", "−0.25"):
        assert value in everything
    record = json.loads((example_report / "run.json").read_text())
    assert record["inputs"][0]["sha256"] in text[-1].replace(" ", "")
    assert record["run_id"] in text[-1]
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


def test_real_sparse_purchases_give_an_honest_report(shared, tmp_path):
    done = command(
        "crmlib",
        "report",
        "clp/life_cycle",
        *("-p", f"source={shared / 'data' / 'cdnow_master.txt'}"),
        *("-p", "columns=amount=dollar_value", "-p", "margin_rate=0.3"),
        *("-p", "customers=none", "-p", "money=dollars", "--out", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "clp" / "life_cycle" / "report.pdf")[0]
    assert "(69,659 rows)" in one
    assert "Of 23,570 customers" in one
    assert "For most of these customers the history is too short, or they buy too seldom" in one
    assert "have bought again since" in one


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("margin_rate=30", "Did you mean 0.3?"),
        ("rate=1.25", "Did you mean 0.0125"),
        ("source=nowhere.csv", "nowhere.csv"),
        ("holdout=99", "Hold out at least 1 and fewer than the 36"),
        ("periods=0", "look ahead at least one period"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path):
    done = command("crmlib", "report", "clp/life_cycle", "-p", given, "--out", str(tmp_path))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "clp").exists()
