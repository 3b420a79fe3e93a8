"""What the warning report says, on the example company and on real purchases.

Oracles: customers and complaints counted here from the tables; what the example's customers did
after the last day; counts of the CDNOW file (23,570 customers).
"""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("segmentation_warning")


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = command("crmlib", "report", "segmentation/warning", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "segmentation" / "warning"


@pytest.fixture(scope="module")
def handed(example_report):
    return pd.read_csv(example_report / "warning_list.csv")


def test_page_one_counts_who_may_leave_and_with_what(example_report, handed):
    one = pages(example_report / "report.pdf")[0]
    rows = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    last = rows[rows["amount"] > 0].groupby("customer_id")["date"].max()
    here = last > pd.Timestamp("2025-12-31") - pd.Timedelta(days=90)
    assert f"{len(handed)} of {here.sum()} customers are likely to leave within 180 days" in one
    assert f"Not looked at: {(~here).sum()} customers that left already" in one
    of_year = rows[(rows["date"] > "2024-12-31") & rows["customer_id"].isin(handed["customer_id"])]
    profit = (of_year["amount"] - of_year["cost"]).sum()
    assert f"{round(profit, -2):,.0f} yuan of profit in the last year" in one
    assert "Figure 1" in one
    assert re.search(r"named (\d+) customers: (\d+) left", one)


def test_those_on_the_list_leave_in_the_future_that_no_table_holds(handed):
    future = pd.read_csv("data/truth/future.csv")
    late = future[future["month"].between("2026-04-01", "2026-06-30") & (future["profit"] > 0)]
    left = ~handed["customer_id"].isin(late["customer_id"])
    assert len(left) >= 8
    assert left.mean() > 0.6


def test_the_list_that_is_handed_over(handed):
    assert list(handed) == [
        "customer_id", "probability", "low", "high", "at_stake", "profit_year", "silence",
        "usual_gap", "reasons", "stage", "cause", "weakest", "why", "repair",
    ]  # fmt: skip
    assert (handed["probability"] >= 0.5).all()
    assert handed["at_stake"].is_monotonic_decreasing
    assert handed["repair"].notna().all()
    answered = pd.read_csv("data/responses.csv").query("date >= '2025-01-01'")["customer_id"]
    silent = ~handed["customer_id"].isin(answered)
    assert silent.any()
    assert set(handed.loc[silent, "cause"]) == {"cannot say"}


def test_survey_record_and_complaints_are_in_the_report(example_report):
    everything = " ".join(pages(example_report / "report.pdf"))
    answers = pd.read_csv("data/responses.csv").query("date >= '2025-01-01'")
    cost = 11 - answers[["q10", "q11", "q12"]].mean(axis=1).mean()
    assert f"cost money 3 {cost:.2f}" in everything
    complaints = pd.read_csv("data/complaints.csv").query("date >= '2025-01-01'")
    faults = (complaints["topic"] != "price").sum()
    bought = pd.read_csv("data/transactions.csv").query("date >= '2025-01-01' and amount > 0")
    orders = bought["order_id"].nunique()
    assert f"expected: {faults} faults in {orders:,} orders" in everything
    # By hand: k = 1, so x to the power of r + n.
    assert f"{(130 / 190) ** 12:.4f}" in everything
    record = json.loads((example_report / "run.json").read_text())
    assert len(record["inputs"]) == 4
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


CDNOW = {"columns": "amount=dollar_value", "margin_rate": "0.3", "money": "dollars"}


@pytest.mark.slow
def test_real_purchases_without_complaints_or_survey(shared, tmp_path):
    given = CDNOW | {"source": str(shared / "data" / "cdnow_master.txt")}
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "segmentation/warning", *options, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    text = pages(tmp_path / "segmentation" / "warning" / "report.pdf")
    assert "(69,659 rows)" in text[0]
    here, gone = re.search(
        r"of ([\d,]+) customers are .* Not looked at: ([\d,]+)", text[0]
    ).groups()
    assert int(here.replace(",", "")) + int(gone.replace(",", "")) == 23_502
    assert "cannot be said without a survey" in text[0]
    assert "Figure 1" in text[0]
    assert not any(name in " ".join(text[:-1]) for name in ("yuan", "Stationers"))


DAYS = pd.date_range("2022-01-01", "2024-09-26")


def awkward_tables():
    """Tables that say little, with what page one, or the sentence that refuses, must say."""
    random = np.random.default_rng(1)
    yield "single", [("C1", day, 50.0) for day in DAYS[::20]], "cannot be said"
    equal = [(f"C{i}", day, 10.0) for i in range(30) for day in DAYS[::30]]
    yield "equal", equal, "cannot be said"
    once = [(f"C{i}", DAYS[random.integers(len(DAYS))], 30.0) for i in range(200)]
    yield "once", once, "bought once only"
    yield "refunds", [(f"C{i % 50}", day, -20.0) for i, day in enumerate(DAYS[::10])], "no purchase"
    yield "to come", [("C1", DAYS[0], 5.0), ("C1", pd.Timestamp("2099-01-01"), 5.0)], "2099-01-01"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "words"),
    [pytest.param(rows, words, id=name) for name, rows, words in awkward_tables()],
)
def test_tables_that_say_little_end_with_a_sentence(rows, words, tmp_path):
    source = tmp_path / "rows.csv"
    pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).to_csv(source, index=False)
    given = CDNOW | {"source": str(source), "columns": "{}"}
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "segmentation/warning", *options, "--out", str(tmp_path))
    assert "Traceback" not in done.stderr
    if done.returncode == 0:
        one = pages(tmp_path / "segmentation" / "warning" / "report.pdf")[0]
        assert words in one
        assert "nan" not in one
    else:
        assert done.returncode == 2, done.stderr
        assert words in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("left_after=0", "left_after=0"),
        ("ahead=30", "ahead=30 is shorter than left_after=90"),
        ("warn_from=50", "Did you mean 0.5"),
        ("confidence=95", "Did you mean 0.95"),
        ("as_of=2099-01-01", "still to come"),
        ("money_cost=q99", 'no column "q99"'),
        ("highest=5", "off the scale of 1 to 5"),
        ("source=nowhere.csv", "nowhere.csv"),
        ("source={without}", "Without costs, give a margin_rate"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path):
    without = tmp_path / "without.csv"
    without.write_text("customer_id,date,amount\nX1,2023-05-01,2\nX1,2024-05-01,2\n")
    out = ("--out", str(tmp_path))
    chosen = given.format(without=without)
    done = command("crmlib", "report", "segmentation/warning", "-p", chosen, *out)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "segmentation").exists()
