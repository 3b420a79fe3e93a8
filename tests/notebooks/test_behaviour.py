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


def awkward_tables():
    """Tables that say little, with what the sentence that refuses must say."""
    yield "one", [("C1", day, 50.0) for day in DAYS[::20]], "too few to look for segments"
    equal = [(f"C{i}", day, 50.0) for i in range(60) for day in DAYS[::40]]
    yield "equal", equal, "are alike in"
    ties = [(f"C{i}", day, 50.0) for i in range(100) for day in DAYS[(i % 3) * 30 :: 90]]
    yield "ties", ties, "100 customers come in"
    refunds = [(f"C{i % 50}", day, -20.0) for i, day in enumerate(DAYS)]
    yield "refunds", refunds, "No customer has a purchase"
    one_day = [(f"C{i}", DAYS[0], 1.0 + i) for i in range(60)]
    yield "one day", one_day, "The purchases cover 1 day only"
    future = [(f"C{i}", "2099-01-01", 50.0) for i in range(60)]
    yield "future", future, "still to come"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "words"),
    [pytest.param(rows, words, id=name) for name, rows, words in awkward_tables()],
)
def test_tables_that_say_little_end_with_a_sentence(rows, words, tmp_path):
    done = reported(tmp_path, source=written(tmp_path, rows))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("confidence=95", "Did you mean 0.95"),
        ("margin_rate=30", "Did you mean 0.3"),
        ("least_profit_share=5", "Did you mean 0.05"),
        ("most_segments=1", "at least 2"),
        ("max_depth=9", "at most 5"),
        ("window=9999", "the purchases cover 1,094 days"),
        ("features=height", "there is no height"),
        ("features=returned_share", "alike in returned_share"),
        ("least_orders=500", "with 500 or more orders: too few"),
        ("as_of=2019-01-01", "no purchase"),
        ("source=nowhere.csv", "nowhere.csv"),
        ("customers=nowhere.csv", "nowhere.csv"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path):
    name, value = given.split("=")
    done = reported(tmp_path, **{name: value})
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "segmentation").exists()
