"""What the value report says, on the example company and on real purchases.

Oracles: customers and profits counted here from the tables; the example company's truth (segments
and true future); counts of the CDNOW file (69,659 purchases of 23,570 customers).
"""

import json
import re

import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.clp.costs import activity_costs
from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("segmentation_value")

REPORT = "segmentation/value"


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = command("crmlib", "report", REPORT, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "segmentation" / "value"


@pytest.fixture(scope="module")
def profit():
    """Profit of 2025 by customer, less the cost of serving, summed with pandas."""
    rows = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    gross = (rows["amount"] - rows["cost"]).where(rows["date"] >= "2025-01-01", 0.0)
    gross = gross.groupby(rows["customer_id"]).sum()
    served = activity_costs(
        tables.read("data/activities.csv", kind="activities"),
        tables.read("data/ledger.csv", kind="cost_pools"),
    ).other_profit
    served = served[pd.to_datetime(served["date"]) >= "2025-01-01"]
    return gross.add(served.groupby("customer_id")["profit"].sum(), fill_value=0.0)


@pytest.fixture(scope="module")
def listed(example_report):
    return pd.read_csv(example_report / "customers.csv", encoding="utf-8-sig")


def test_page_one_tells_who_makes_the_money_and_what_to_do(example_report, profit, listed):
    one = pages(example_report / "report.pdf")[0]
    line = np.quantile(profit[profit != 0], 0.8)
    high = profit > line
    assert f"Who makes the money: {high.sum()} of 500 customers brought" in one
    assert f"{profit[high].sum() / 1e6:.2f} million yuan in the last 12 months" in one
    assert f"all others together {profit[~high].sum() / 1e6:.2f} million" in one
    best = np.sort(profit[profit != 0])[::-1]
    fifth = best[: round(len(best) / 5)].sum() / best.sum()
    said = re.search(
        r"The best fifth of the active bring (\d+)% of the profit \((\d+) to (\d+)%", one
    )
    assert int(said[1]) == pytest.approx(100 * fifth, abs=0.6)
    assert int(said[2]) < int(said[1]) < int(said[3])
    for value_class, words in {"II": "Who could: ", "III": "Who may fade: "}.items():
        n = (listed["value_class"] == value_class).sum()
        assert f"{words}{n} customers of class {value_class}" in one
    below = (listed["current"] < 0) & (listed["potential"] < 0)
    assert f"Who costs money: {below.sum()} customers cost" in one
    new = pd.read_csv("data/transactions.csv").groupby("customer_id")["date"].min() >= "2025"
    newcomers = listed.loc[below, "customer_id"].map(new).sum()
    assert f"give the {newcomers} newcomers time" in one
    assert "How sure this is: tried at 3 days of the past" in one
    acted = listed[listed["value_class"] != "I"]
    unsure = (acted["certain"] == "no").sum()
    assert f"class of {unsure} of {len(acted)} customers in II to IV is uncertain" in one
    assert "customers.csv" in one
    assert "Figure 1" in one


def test_the_list_has_every_customer_with_class_tier_and_decile(profit, listed):
    assert len(listed) == 500
    assert not {"name", "region"} & set(listed.columns)
    mine = profit.reindex(listed["customer_id"]).to_numpy()
    np.testing.assert_allclose(listed["current"], mine, atol=0.011)
    line = np.quantile(profit[profit != 0], 0.8)
    high, rises = listed["current"] > line, listed["potential"] > line
    named = np.select([high & rises, high, rises], ["IV", "III", "II"], "I")
    assert listed["value_class"].tolist() == named.tolist()
    counts = listed["decile"].value_counts()
    assert counts.max() - counts.min() <= 1
    assert set(listed["tier"]) == {
        "most valuable",
        "most growable",
        "migrators",
        "others",
        "below zero",
    }


def test_classes_and_tiers_agree_with_the_truth(listed):
    truth = pd.read_csv("data/truth/customers.csv")
    found = listed.merge(truth[["customer_id", "segment"]], on="customer_id")
    by_tier = pd.crosstab(found["tier"], found["segment"])
    assert by_tier.loc["most valuable", "key account"] > 0.8 * by_tier.loc["most valuable"].sum()
    low = ["bargain hunter", "occasional"]
    assert by_tier.loc["below zero", low].sum() > 0.8 * by_tier.loc["below zero"].sum()
    future = pd.read_csv("data/truth/future.csv")
    came = future[future["month"] < "2027"].groupby("customer_id")["profit"].sum()
    # Gross profit to come: of the classes of high potential far above that of the others.
    mean = found["customer_id"].map(came).groupby(found["value_class"]).mean()
    assert mean[["II", "IV"]].min() > 2 * mean[["I", "III"]].max()


def test_the_report_holds_its_method_and_its_provenance(example_report):
    text = pages(example_report / "report.pdf")
    everything = " ".join(text)
    # By hand: 1 - Phi((5 - 6) / ((6 - 2) / 1.96))
    assert "B 1 6 II 0.688 no" in everything
    assert "go all out to keep and deepen the relationship" in everything
    assert "most growable" in everything
    assert "price only" in everything
    record = json.loads((example_report / "run.json").read_text())
    assert len(record["inputs"]) == 5
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


CDNOW = {"columns": "amount=dollar_value", "margin_rate": "0.3", "money": "dollars"}


def run(folder, **given):
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    return command("crmlib", "report", REPORT, *options, "--out", str(folder))


@pytest.mark.slow
def test_real_purchases_make_a_report_without_what_is_not_known(shared, tmp_path):
    source = shared / "data" / "cdnow_master.txt"
    done = run(tmp_path, source=source, **CDNOW)
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "segmentation" / "value" / "report.pdf")[0]
    rows = pd.read_csv(source, sep=r"\s+", dtype=str)
    late = rows[rows.iloc[:, 1] >= "19980101"]
    paid = 0.3 * late.iloc[:, 3].astype(float).groupby(late.iloc[:, 0]).sum()
    high = paid > np.quantile(paid[paid != 0], 0.8)
    assert f"Who makes the money: {high.sum():,} of 23,570 customers" in one
    assert "Who costs money cannot be seen from purchases alone" in one
    assert "Qinghe" not in one
    assert "Figure 1" in one


@pytest.fixture
def one_product(tmp_path):
    """Customers of one seller, 40 of them, with two years of purchases."""
    days = pd.date_range("2022-10-01", "2024-09-30", freq="7D")
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"date": np.tile(days, 40), "customer_id": np.repeat(range(40), len(days))})
    rows["amount"] = np.round(random.gamma(2, 10 + rows["customer_id"] * 2), 2)
    rows = rows[random.random(len(rows)) < 0.4]
    source = tmp_path / "rows.csv"
    rows.to_csv(source, index=False)
    return source


@pytest.mark.slow
def test_a_table_of_forecasts_takes_the_place_of_the_forecast(one_product, tmp_path):
    ids = pd.read_csv(one_product)["customer_id"].unique()
    clp = pd.DataFrame({"customer_id": ids, "profit": ids * 10.0, "low": ids * 5.0})
    clp = clp.assign(high=ids * 20.0)
    given = tmp_path / "clp.csv"
    clp.to_csv(given, index=False)
    done = run(tmp_path, source=one_product, margin_rate=0.3, clp_table=given, line=200)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "segmentation" / "value"
    each = pd.read_csv(folder / "customers.csv", encoding="utf-8-sig").set_index("customer_id")
    assert each["potential"].to_dict() == dict(zip(ids, ids * 10.0, strict=True))
    assert (each["potential"] > 200).equals(each["value_class"].isin(["II", "IV"]))
    one = pages(folder / "report.pdf")[0]
    assert "could not be tried on the past" in one
    assert "As far off as before" not in one
    assert "Invest in" not in one


DAYS = pd.date_range("2022-10-01", "2024-09-26", freq="13D")


def one_page(rows, tmp_path):
    source = tmp_path / "rows.csv"
    pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).to_csv(source, index=False)
    done = run(tmp_path, source=source, margin_rate=0.3)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "segmentation" / "value"
    one = pages(folder / "report.pdf")[0]
    assert "nan" not in one
    assert "Figure 1" in one
    return one, pd.read_csv(folder / "customers.csv", encoding="utf-8-sig")


@pytest.mark.slow
def test_of_equal_customers_none_is_let_go(tmp_path):
    one, each = one_page([(f"C{i}", day, 30.0) for i in range(30) for day in DAYS], tmp_path)
    assert "nobody stands out" in one
    assert "serve cheaply" not in one
    assert "Today nobody has a class" in one
    assert set(each["value_class"]) == {"cannot say"}


@pytest.mark.slow
def test_not_all_is_spent_on_customers_who_bought_once(tmp_path):
    rows = [(f"C{i}", DAYS[i % len(DAYS)], 20.0 + i % 7) for i in range(200)]
    one, _ = one_page(rows, tmp_path)
    assert "Who may fade" in one
    assert "Go all out" not in one
    assert "could not be tried" not in one
