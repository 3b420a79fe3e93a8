"""What the behaviour report says, on the example company, on CDNOW and on awkward tables.

Oracles: the example company's true segments; counts and sums made here with pandas from the tables
and from the list of customers that goes with the report; customers drawn from one kind only.
"""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import ROOT, command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("segmentation_behaviour")

REPORT = ("segmentation", "behaviour")


def reported(folder, **given):
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    return command("crmlib", "report", "/".join(REPORT), *options, "--out", str(folder))


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = reported(folder)
    assert done.returncode == 0, done.stderr
    return folder.joinpath(*REPORT)


@pytest.fixture(scope="module")
def example_text(example_report):
    return pages(example_report / "report.pdf")


@pytest.fixture(scope="module")
def listed(example_report):
    """The list of customers that goes with the report."""
    return pd.read_csv(example_report / "customers.csv")


@pytest.fixture(scope="module")
def purchases():
    rows = pd.read_csv(ROOT / "data" / "transactions.csv", parse_dates=["date"])
    return rows.assign(profit=rows["amount"] - rows["cost"])


def test_the_true_segments_are_found(listed):
    truth = pd.read_csv(ROOT / "data" / "truth" / "customers.csv")
    both = listed.merge(truth[["customer_id", "segment"]], on="customer_id")
    assert len(both) == 500
    sure = both[both["basis"] == "its habits"]
    assert adjusted_rand_score(sure["segment"], sure["kind"]) > 0.85
    assert adjusted_rand_score(both["segment"], both["kind"]) > 0.65
    counts = pd.crosstab(sure["segment"], sure["kind"])
    assert counts.shape == (4, 4)
    largest = counts.idxmax(axis=1)
    assert largest.nunique() == 4
    assert "largest orders" in largest["key account"]
    assert "most at a discount" in largest["bargain hunter"]
    assert "smallest orders" in largest["occasional"]


def test_page_one_says_who_brings_what(example_text, listed, purchases):
    one = example_text[0]
    assert "Of 500 customers" in one
    assert "What customers do shows 4 kinds of customers." in one
    sure = listed[listed["basis"] == "its habits"]
    assert f"among {len(sure)} customers with 10 orders or more" in one
    lately = purchases[purchases["date"] > "2024-12-31"].groupby("customer_id")["profit"].sum()
    held = sure["customer_id"].map(lately).fillna(0).groupby(sure["kind"]).sum()
    share = held.max() / held.sum()
    assert f"brings {share:.0%} of the profit of the last 365 days" in one
    assert "Figure 1" in one
    assert "with 14% of the 354 customers compared" in one
    assert "yuan of revenue" in one
    assert "lately" not in one.partition("KEY FINDINGS")[2]
    assert "Contents" in example_text[1]  # the findings and their chart fill page one alone


def test_rules_and_counts_are_those_of_the_tables(example_text, listed, purchases):
    everything = " ".join(example_text)
    orders = purchases.groupby("customer_id")["order_id"].nunique()
    assert (orders >= 10).sum() == (listed["basis"] == "its habits").sum()
    assert listed.set_index("customer_id")["frequency"].to_dict() == orders.to_dict()
    for name, customers in listed["rfm_segment"].value_counts().items():
        assert f"{name} {customers} {customers / 500:.1%}" in everything
    said = re.search(r"right for (\d+) of 100 customers .(\d+) to (\d+).; always", everything)
    right, low, high = (int(number) for number in said.groups())
    assert low < right < high
    assert "Cramér's V" in everything


def test_whom_to_call_is_asked_of_the_own_rhythm(example_text, listed, purchases):
    days = purchases.groupby("customer_id")["date"].agg(["min", "max"])
    end = purchases["date"].max()
    further = purchases.groupby("customer_id")["order_id"].nunique() - 1
    part = (days["max"] - days["min"]) / (end - days["min"]).where(days["min"] < end)
    late = listed["customer_id"].map(part.fillna(1.0) ** further) < 0.05
    assert (listed["unusually_silent"] == "yes").tolist() == late.tolist()
    rows = listed["rfm_segment"] == "Can't Lose Them"
    assert f"{(late & rows).sum()} of {rows.sum()} in Can't Lose Them" in example_text[0]


def test_references_stand_where_they_can_be_read(example_text):
    assert "look in Figure 2 at who went where" in " ".join(example_text)


def test_provenance_and_list_are_safe(example_report, listed):
    record = json.loads((example_report / "run.json").read_text())
    assert len(record["inputs"]) == 2
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []
    assert "name" not in listed


@pytest.mark.slow
def test_cdnow_is_told_without_costs_lines_or_attributes(shared, tmp_path):
    given = {"source": shared / "data" / "cdnow_master.txt", "columns": "amount=dollar_value"}
    done = reported(tmp_path, **given, money="dollars")
    assert done.returncode == 0, done.stderr
    text = pages(tmp_path.joinpath(*REPORT) / "report.pdf")
    assert "(69,659 rows)" in text[0]
    assert "Of 23,502 customers" in text[0]  # 68 of 23,570 paid nothing
    assert "of the revenue in all" in text[0]
    assert "lately" not in text[0].partition("KEY FINDINGS")[2]
    assert "can be cut into 2 groups by what they do, but another method cuts elsewhere" in text[0]
    assert "Figure 1" in text[0]
    assert "Contents" in text[1]
    everything = " ".join(text)
    assert "nothing is known of customers beforehand" in everything
    for word in ("yuan", "data/transactions", "Ashmoor", "nan"):
        assert word not in everything.split("How this report was made")[0], word


DAYS = pd.date_range("2023-01-01", "2024-12-31")


def drawn(customers, seed=1):
    """Customers of one kind: they differ by chance and by degrees."""
    random = np.random.default_rng(seed)
    for i in range(customers):
        for day in random.integers(0, len(DAYS), 10 + random.poisson(12)):
            yield f"C{i:03}", DAYS[day], round(float(random.lognormal(4, 0.4)), 2)


def written(folder, rows):
    source = folder / "rows.csv"
    names = ["customer_id", "date", "amount"]
    pd.DataFrame(list(rows), columns=names).to_csv(source, index=False)
    return source


@pytest.mark.slow
def test_customers_of_one_kind_are_not_cut_into_kinds(tmp_path):
    done = reported(tmp_path, source=written(tmp_path, drawn(200)))
    assert done.returncode == 0, done.stderr
    text = pages(tmp_path.joinpath(*REPORT) / "report.pdf")
    assert "shows no kinds of customers: they differ by degrees" in text[0]
    assert "Figure 1" in text[0]
    assert "Contents" in text[1]


@pytest.mark.slow
def test_customers_of_one_name_are_one_group(tmp_path):
    rows = [(f"C{i:02}", day, 50.0 + i) for i in range(50) for day in DAYS[::30]]
    done = reported(tmp_path, source=written(tmp_path, rows))
    assert done.returncode == 0, done.stderr
    text = pages(tmp_path.joinpath(*REPORT) / "report.pdf")
    assert "All 50 customers are in one named segment" in text[0]
    assert "One group" in text[0]


@pytest.mark.slow
def test_an_attribute_that_is_not_there_ends_with_a_sentence(tmp_path):
    done = reported(tmp_path, attributes="regoin")
    assert done.returncode == 2, done.stderr
    assert "has no regoin. It has name, region" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "segmentation").exists()
