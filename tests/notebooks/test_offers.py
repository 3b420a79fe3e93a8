"""What the report on offers says, on the example company and on baskets of groceries.

Oracles: the example's true buying sequence, purchases counted here with pandas, the library's
own results on the same tables, and counts of the groceries (9,835 baskets of 169 items).
"""

import json
import re

import pandas as pd
import pytest

from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("segmentation_offers")


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = command("crmlib", "report", "segmentation/offers", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "segmentation" / "offers"


def test_page_one_tells_gain_assumption_and_sequence(example_report):
    one = pages(example_report / "report.pdf")[0]
    truth = pd.read_csv("data/truth/sequences.csv").iloc[0]
    found = re.search(
        rf"After {truth['bought']}, {truth['then']} follows within 90 days for (\d+) of 100 "
        r"\(likely (\d+) to (\d+)\), against (\d+) after other purchases",
        one,
    )
    chance, low, high, base = map(int, found.groups())
    # Toner comes by the sequence, and besides as often as it always does.
    assert low <= chance <= high
    assert chance > 100 * truth["chance"] > base
    rows = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    late = rows[(rows["amount"] > 0) & (rows["date"] > "2025-10-02")]
    known = rows.loc[(rows["amount"] > 0) & (rows["date"] <= "2025-10-02"), "customer_id"]
    came = late[late["customer_id"].isin(known)].groupby(["customer_id", "product_line"]).ngroups
    assert f"{came:,} came" in one
    assert "is an assumption: purchases cannot tell what it adds" in one
    assert "if an offer raises the odds of buying by 30%" in one
    assert "Not given, so taken: an offer costs" in one
    assert "Nothing is bought together more often than chance explains" in one
    assert "Figure 1" in one


def test_the_list_adds_up_to_page_one(example_report):
    one = pages(example_report / "report.pdf")[0]
    offers = pd.read_csv(example_report / "offers.csv")
    said = re.search(r"(\d+) offers to (\d+) customers should bring ([\d,]+) yuan", one)
    assert int(said[1]) == len(offers)
    assert int(said[2]) == offers["customer_id"].nunique()
    brought = float(said[3].replace(",", ""))
    assert offers["net_gain"].sum() == pytest.approx(brought, abs=51)
    assert set(offers.columns) == {
        "customer_id",
        "offer",
        "gain",
        "cost",
        "net_gain",
        "chance_share",
        "because",
    }
    made = offers["offer"].value_counts()
    assert f"Offer {made.index[0]} to {made.iloc[0]}" in one
    assert "Each further yuan of budget" in one


def test_nobody_silent_for_long_gets_an_offer(example_report):
    rows = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    last = rows[rows["amount"] > 0].groupby("customer_id")["date"].max()
    silent = last.index[(last.max() - last).dt.days > 90]
    offers = pd.read_csv(example_report / "offers.csv")
    assert not offers["customer_id"].isin(silent).any()
    one = " ".join(pages(example_report / "report.pdf")[0].split())
    assert f"Left out: {len(silent)} customers silent for more than 90 days" in one


def test_the_record_of_the_run_is_clean(example_report):
    record = json.loads((example_report / "run.json").read_text())
    assert len(record["inputs"]) == 1
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []
    everything = " ".join(pages(example_report / "report.pdf"))
    assert "Highs" not in everything


@pytest.mark.slow
def test_groceries_make_a_report_without_dates_and_money(shared, tmp_path):
    source = str(shared / "data" / "groceries.csv")
    given = ("-p", f"source={source}", "-p", "layout=baskets")
    done = command("crmlib", "report", "segmentation/offers", *given, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "segmentation" / "offers"
    one = pages(folder / "report.pdf")[0]
    assert "(9,835 rows)" in one
    assert "9,835 baskets, 169 items" in one
    assert "these baskets have no dates and no customers" in one
    assert "An item profit is what the sale of one item brings" in one
    assert "customers who had left" not in " ".join(pages(folder / "report.pdf"))
    assert "yuan" not in one
    assert "Figure 1" in one
    offers = pd.read_csv(folder / "offers.csv")
    # Nobody is offered what is in the basket already.
    lines = (shared / "data" / "groceries.csv").read_text().splitlines()
    for row in offers.sample(200, random_state=1).itertuples():
        assert row.offer not in lines[row.basket_id - 1].split(",")


ROWS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"] * 20,
        "date": pd.date_range("2024-01-01", periods=60, freq="7D").strftime("%Y-%m-%d"),
        "amount": 10.0,
        "cost": 6.0,
        "product_line": ["x", "y", "z", "x", "y"] * 12,
        "order_id": [f"O{i // 2}" for i in range(60)],
    }
)


@pytest.mark.slow
def test_limits_that_contradict_end_with_a_sentence(tmp_path):
    given = ("-p", "minimum=paper=300", "-p", "budget=100")
    done = command("crmlib", "report", "segmentation/offers", *given, "--out", str(tmp_path))
    assert done.returncode == 2, done.stderr
    assert "cost at least" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "words"),
    [
        # One customer, every purchase loses money, and one thing is all there is.
        (ROWS.assign(customer_id="a", cost=12.0), "none is expected to bring more than it costs"),
        (ROWS.assign(product_line="x"), "no basket holds two different items"),
    ],
    ids=["losses", "one item"],
)
def test_tables_that_say_little_have_a_report(rows, words, tmp_path):
    source = tmp_path / "rows.csv"
    rows.to_csv(source, index=False)
    done = command(
        "crmlib", "report", "segmentation/offers", "-p", f"source={source}", "--out", str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "segmentation" / "offers" / "report.pdf")[0]
    assert words in one
    assert "Figure 1" in one
