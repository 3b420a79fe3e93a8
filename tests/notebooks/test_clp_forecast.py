"""What the forecast report says, on the example company, on CDNOW and on awkward tables.

Oracles: sums of the tables made here with pandas; the true future of the example company; the
figures printed in the literature for the small worked examples.
"""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import ROOT, command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("clp_forecast")

REPORT = ("clp", "forecast")


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = command("crmlib", "report", "clp/forecast", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder.joinpath(*REPORT)


@pytest.fixture(scope="module")
def example_text(example_report):
    return pages(example_report / "report.pdf")


@pytest.fixture(scope="module")
def purchases():
    rows = pd.read_csv(ROOT / "data" / "transactions.csv", parse_dates=["date"])
    return rows.assign(profit=rows["amount"] - rows["cost"])


@pytest.fixture(scope="module")
def true_year():
    future = pd.read_csv(ROOT / "data" / "truth" / "future.csv", parse_dates=["month"])
    return future[future["month"] < "2027"].groupby("customer_id")["profit"].sum()


def test_page_one_tells_what_is_to_come_and_what_would_have_been_said(example_text, purchases):
    one = example_text[0]
    assert "The 500 customers known today will bring about" in one
    assert "in the next 12 months" in one
    known = purchases.loc[purchases["date"] < "2025", "customer_id"]
    last_year = purchases[purchases["date"] >= "2025"]
    came = last_year.loc[last_year["customer_id"].isin(known), "profit"].sum()
    assert f"; {came / 1e6:.2f} million came" in one
    assert "forecasts these customers" in one
    assert "Figure 1" in one
    assert "Contents" in example_text[1]  # the findings and their chart fill page one alone


def test_page_one_holds_the_forecast_against_the_true_future(
    example_report, example_text, true_year
):
    one = example_text[0]
    assert f"What came in these 12 months is known here: {true_year.sum() / 1e6:.1f} million" in one
    table = pd.read_csv(example_report / "customers.csv")
    came = table["customer_id"].map(true_year).fillna(0.0)
    # The intervals of the file are in today's money; page one holds booked money against them.
    booked = 12 / (1.0125 ** -np.arange(1.0, 13.0)).sum()
    for suffix, whose in (("", "the model's own"), ("_from_errors", "those from past errors")):
        ends = booked * table[[f"low{suffix}", f"high{suffix}"]]
        known = ends.notna().all(axis=1)
        inside = ((ends.iloc[:, 0] <= came) & (came <= ends.iloc[:, 1]))[known]
        said = re.search(rf"of {whose} \((\d+)\) (\d+)% did", one)
        assert int(said[1]) == known.sum()
        assert float(said[2]) == pytest.approx(100 * inside.mean(), abs=2)


def test_the_file_of_customers_adds_up_to_page_one(example_report, example_text):
    table = pd.read_csv(example_report / "customers.csv")
    one = example_text[0]
    assert len(table) == 500
    assert table["profit"].is_monotonic_decreasing
    worth = re.search(r"In today's money, at 1.25% a month: ([\d.]+) million", one)
    assert float(worth[1]) == pytest.approx(table["profit"].sum() / 1e6, rel=0.005)
    share = table["profit"].head(50).sum() / table["profit"].sum()
    assert f"10% of the customers (50) will bring {share:.0%}" in one


def test_the_method_table_has_the_errors_of_simple_rules(example_text, purchases):
    """Oracle: means per month since the first purchase, summed here."""
    everything = " ".join(example_text)
    errors, forecasts, actuals = [], 0.0, 0.0
    for cut in ("2024-12-31", "2024-06-30", "2023-12-31"):
        day = pd.Timestamp(cut)
        before, after = purchases[purchases["date"] <= day], purchases[purchases["date"] > day]
        after = after[after["date"] <= day + pd.DateOffset(months=12) + pd.offsets.MonthEnd(0)]
        by_customer = before.groupby("customer_id")
        first = by_customer["date"].min().dt.to_period("M")
        months = (day.to_period("M") - first).map(lambda passed: passed.n) + 1
        forecast = 12 * by_customer["profit"].sum() / months
        actual = after.groupby("customer_id")["profit"].sum().reindex(forecast.index, fill_value=0)
        errors.append(forecast - actual)
        forecasts, actuals = forecasts + forecast.sum(), actuals + actual.sum()
    errors = pd.concat(errors)
    mae, rmse = errors.abs().mean(), np.sqrt((errors**2).mean())
    row = f"own average 3 {mae:,.0f} {rmse:,.0f} {forecasts:,.0f} {actuals:,.0f}"
    assert row in everything
    assert f"{100 * (forecasts / actuals - 1):.1f}%".replace("-", "−") in everything


def test_worked_examples_print_the_published_figures(example_text):
    everything = " ".join(example_text)
    for value in ("568.78", "52.32", "5.55", "1.25", "−1.82", "1.226", "−81.2%", "92.0%"):
        assert value in everything, value


def test_provenance_is_on_the_last_page(example_report, example_text):
    record = json.loads((example_report / "run.json").read_text())
    assert len(record["inputs"]) == 3
    for table in record["inputs"]:
        assert table["sha256"] in "".join(example_text).replace(" ", "")
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


def report_on(out, **given):
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "clp/forecast", *options, "--out", str(out))
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.slow
def test_cdnow_is_judged_by_what_came(shared, tmp_path):
    source = shared / "data" / "cdnow_master.txt"
    done = report_on(
        tmp_path,
        source=source,
        columns="amount=dollar_value",
        margin_rate=0.3,
        customers="none",
        money="dollars",
    )
    assert done.returncode == 0, done.stderr
    text = pages(tmp_path.joinpath(*REPORT) / "report.pdf")
    one, everything = text[0], " ".join(text)
    rows = pd.read_csv(source, sep=r"\s+", names=["id", "date", "cds", "dollars"], skiprows=1)
    came = 0.3 * rows.loc[rows["date"] >= 19980101, "dollars"].sum()
    assert "The 23,570 customers known today will bring about" in one
    assert f"; {round(came, -2):,.0f} came" in one
    assert "Pareto/NBD + Gamma-Gamma” forecasts these customers better than any simple rule" in one
    repeated = len(rows[rows.duplicated()].drop_duplicates())
    assert f"Check first: {repeated} rows stand in the table more than once" in one
    assert "What came in these" not in one  # the true future is another company's
    assert "Contents" in text[1]
    for method in ("Dwyer migration", "life-cycle curves", "own average if active lately"):
        assert method in everything


@pytest.mark.slow
def test_orders_of_a_shop_are_forecast(shared, tmp_path):
    orders = pd.read_csv(shared / "data" / "rfm_orders.csv")
    given = {"columns": "amount=revenue,date=order_date", "margin_rate": 0.3, "customers": "none"}
    refused = report_on(tmp_path, source=shared / "data" / "rfm_orders.csv", **given)
    assert refused.returncode == 2
    assert "Nobody bought anything between the month of 2001-10-01" in refused.stderr
    recent = orders[orders["order_date"] > "2003"]
    recent.to_csv(tmp_path / "orders.csv", index=False)
    done = report_on(tmp_path, source=tmp_path / "orders.csv", **given)
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path.joinpath(*REPORT) / "report.pdf")[0]
    assert f"({len(recent):,} rows)" in one
    assert "forecasts these customers" in one


def some(purchases, customers=40):
    return purchases[purchases["customer_id"].isin(purchases["customer_id"].unique()[:customers])]


def with_refunds(rows):
    returned = rows.iloc[::9].assign(amount=lambda d: -1.3 * d["amount"], cost=0.0)
    return pd.concat([rows, returned]).sort_values("date")


AWKWARD = {
    "refunds": (with_refunds, "customers known today will bring about"),
    "everybody bought once": (
        lambda rows: rows.drop_duplicates("customer_id"),
        "known today will bring no profit",
    ),
    "everybody has left": (
        lambda rows: rows[rows["date"] < "2024-03"],
        "known today will bring no profit",
    ),
    "a single customer": (
        lambda rows: rows[rows["customer_id"] == "C0001"],
        "The one customer known today",
    ),
    "zero margin": (
        lambda rows: rows.assign(cost=rows["amount"]),
        "known today will bring no profit",
    ),
    "negative margin": (
        lambda rows: rows.assign(cost=1.2 * rows["amount"]),
        "known today will cost about",
    ),
    "rows twice": (
        lambda rows: pd.concat([rows, rows.head(30)]),
        "Check first: 30 rows stand in the table more than once",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_tables_get_an_honest_report(kind, purchases, tmp_path):
    change, words = AWKWARD[kind]
    change(some(purchases)).to_csv(tmp_path / "rows.csv", index=False)
    done = report_on(
        tmp_path, source=tmp_path / "rows.csv", customers="none", observed_until="2025-12-31"
    )
    assert done.returncode == 0, done.stderr
    text = pages(tmp_path.joinpath(*REPORT) / "report.pdf")
    assert words in text[0]
    assert "Contents" in text[1]
    assert "nan" not in " ".join(text).split()


FAULTY = {
    "a day to come": (
        lambda rows: pd.concat([rows, rows.head(1).assign(date="2199-01-01")]),
        "2199",
    ),
    "two currencies": (
        lambda rows: rows.assign(currency=["EUR", *["CNY"] * (len(rows) - 1)]),
        "the rows are in 2 currencies",
    ),
    "one purchase": (lambda rows: rows.head(1), "span no whole month"),
    "no rows": (lambda rows: rows.head(0), "there are no rows"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTY)
def test_faulty_tables_end_with_a_sentence_and_exit_code_2(kind, purchases, tmp_path):
    change, words = FAULTY[kind]
    rows = some(purchases)
    change(rows.assign(date=rows["date"].dt.strftime("%Y-%m-%d"))).to_csv(
        tmp_path / "rows.csv", index=False
    )
    done = report_on(tmp_path, source=tmp_path / "rows.csv", customers="none")
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "clp").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rate", "1.25", "Did you mean 0.0125"),
        ("margin_rate", "30", "Did you mean 0.3?"),
        ("horizon", "99", "the base spans 36 months"),
        ("periods", "0", "look ahead at least one month"),
        ("origins", "0", "write 1 or more"),
        ("confidence", "95", "write a fraction such as 0.95"),
        ("method", "magic", "There is no method 'magic'"),
        ("segment", "joy", 'no column "joy"'),
        ("activities", "data/activities.csv", "Give both activities and cost_pools"),
        ("source", "nowhere.csv", "nowhere.csv"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(name, value, words, tmp_path):
    done = report_on(tmp_path, **{name: value})
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "clp").exists()
