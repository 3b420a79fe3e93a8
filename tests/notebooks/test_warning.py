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
        "customer_id", "limit", "probability", "low", "high", "at_stake", "profit_year", "silence",
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


def test_reasons_are_signs_that_told_and_the_list_is_named(example_report, handed):
    one = " ".join(pages(example_report / "report.pdf")[0].split())
    assert "in the attached warning_list.csv, most at stake first" in one
    assert "told no better than chance who left" in one
    assert handed["reasons"].notna().all()
    assert not handed["reasons"].str.contains("complaints").any()
    stopped = handed["repair"].str.startswith("go in person")
    assert handed.loc[stopped, "repair"].str.contains("the course's rule").all()


def test_a_reference_to_a_table_stands_where_its_number_can(example_report):
    everything = " ".join(" ".join(pages(example_report / "report.pdf")).split())
    assert re.search(r"what it says of causes is in Table \d+", everything)
    assert re.search(r"ordinary for the second, as Table \d+ shows", everything)
    assert re.search(r"anew for every day in Table \d+, each time", everything)


def run(folder, *given):
    options = [word for value in given for word in ("-p", value)]
    return command("crmlib", "report", "segmentation/warning", *options, "--out", str(folder))


@pytest.mark.slow
def test_real_purchases_without_complaints_or_survey(shared, tmp_path):
    source = f"source={shared / 'data' / 'cdnow_master.txt'}"
    done = run(tmp_path, source, "columns=amount=dollar_value", "margin_rate=0.3", "money=dollars")
    assert done.returncode == 0, done.stderr
    text = pages(tmp_path / "segmentation" / "warning" / "report.pdf")
    one = " ".join(text[0].split())
    assert "(69,659 rows)" in one
    here, gone = re.search(r"of ([\d,]+) customers are .* Not looked at: ([\d,]+)", one).groups()
    assert int(here.replace(",", "")) + int(gone.replace(",", "")) == 23_502
    assert "cannot be said without a survey" in one
    assert "its probabilities were too low" in one
    low, high = re.search(r"between ([\d,]+) and ([\d,]+) are expected", one).groups()
    assert (int(low.replace(",", "")), int(high.replace(",", ""))) == (1580, 1949)
    assert "Figure 1" in one
    assert not any(name in " ".join(text[:-1]) for name in ("yuan", "Stationers"))
    handed = pd.read_csv(tmp_path / "segmentation" / "warning" / "warning_list.csv")
    assert handed["reasons"].notna().all()
    assert not handed["reasons"].str.contains("buys less").any()
    assert handed["repair"].nunique() > 3


DAYS = pd.date_range("2022-01-01", "2024-09-26")


def purchases(path, rows):
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    table.to_csv(path, index=False)
    return f"source={path}"


@pytest.mark.slow
def test_where_none_can_be_named_all_are_ranked(tmp_path):
    random = np.random.default_rng(1)
    rows = []
    for i in range(120):
        end = random.choice([400, 600, 800, 1000], p=[0.1, 0.1, 0.1, 0.7])
        rows += [(f"C{i}", day, 20.0) for day in DAYS[random.integers(20) : end : 20]]
    done = run(tmp_path, purchases(tmp_path / "rows.csv", rows), "margin_rate=0.3", "warn_from=0.9")
    assert done.returncode == 0, done.stderr
    one = " ".join(pages(tmp_path / "segmentation" / "warning" / "report.pdf")[0].split())
    said = r"of (\d+) customers (are|is) expected to leave within 180 days, but none can be named"
    handed = pd.read_csv(tmp_path / "segmentation" / "warning" / "warning_list.csv")
    assert len(handed) == int(re.search(said, one).group(1))
    assert set(handed["limit"]) == {"below"}
    assert handed["at_stake"].is_monotonic_decreasing


@pytest.mark.slow
def test_a_table_that_says_little_ends_with_a_sentence(tmp_path):
    rows = [("C0", day, 50.0) for day in DAYS[::20]] + [("C1", DAYS[-1], 30.0)]
    done = run(tmp_path, purchases(tmp_path / "rows.csv", rows), "margin_rate=0.3")
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "segmentation" / "warning" / "report.pdf")[0]
    assert "cannot be said from this table" in one
    assert "bought once only" in one
    assert "nan" not in one
    assert not (tmp_path / "segmentation" / "warning" / "warning_list.csv").exists()


@pytest.mark.slow
def test_a_bad_value_ends_with_a_sentence_and_exit_code_2(tmp_path):
    # That each bad value is refused is tested where it is checked: churn_warning, delivered_value.
    done = run(tmp_path, "lowest=10", "highest=1")
    assert done.returncode == 2
    assert "lowest=10 to highest=1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "segmentation").exists()
