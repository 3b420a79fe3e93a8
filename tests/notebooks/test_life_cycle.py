"""What the life-cycle report says, on the example company and on real purchases.

Oracle: the counts of the tables read (500; 23,570 customers in the CDNOW file), the library's own
results on them computed here, and the profits of the example company that came or did not.
"""

import json

import pandas as pd
import pypdfium2
import pytest

from crmlib import clp, tables
from crmlib.clp.early_warning import early_warning
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("life_cycle")


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
    complaints = tables.read("data/complaints.csv", kind="complaints").frame
    warned = early_warning(history, fit, complaints=complaints).warned
    stake = warned["profit_at_stake"].sum() / 1e6
    assert f"{len(warned)} customers show signs that they may go" in one
    assert f"the profit at stake is {stake:.2f} million yuan a year" in one
    value = clp.allow_for_losses(
        fit, clp.holdout_check(history, 6), rate=0.0125, periods=24
    ).total.iloc[0]
    for number in value[["lifetime_profit", "low", "high"]]:
        assert f"{number / 1e6:.1f} million" in one
    assert "Figure 1" in one


def test_list_made_half_a_year_ago_is_told_with_what_came(example_report):
    text = " ".join(pages(example_report / "report.pdf"))
    # Of the customers named in the sentence, count by hand who lost half of the year's profit.
    month = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    month["profit"] = month["amount"] - month["cost"]
    month["month"] = month["date"].dt.to_period("M").dt.to_timestamp()
    past = month[month["month"] < "2025-07-01"]
    history = clp.profit_history(past, cost="cost", observed_until="2025-06-30")
    complaints = pd.read_csv("data/complaints.csv", parse_dates=["date"])
    warning = early_warning(history, clp.fit_life_cycle(history), complaints=complaints)
    who = warning.warned["customer_id"]
    months = past.groupby("customer_id")["month"].min().rsub(pd.Timestamp("2025-07-01")).dt.days
    months = (months / 30.44).round().clip(upper=12)
    before = past[past["month"] >= "2024-07-01"].groupby("customer_id")["profit"].sum() / months
    after = month[month["month"] >= "2025-07-01"].groupby("customer_id")["profit"].sum() / 6
    fell = (after.reindex(who).fillna(0.0) <= 0.5 * before.reindex(who)).sum()
    assert f"Of {len(who)} warned of in the same way 6 months ago, {fell / len(who):.0%} (" in text


def test_stage_features_and_the_whole_list_are_given(example_report):
    text = " ".join(pages(example_report / "report.pdf"))
    for words in ("agrees", "cannot say", "built in", "amount before the discount", "early exit"):
        assert words in text
    given = pd.read_csv(example_report / "early_warning.csv")
    assert f"{len(given)} customers show signs" in text
    assert given["profit_at_stake"].is_monotonic_decreasing
    assert (given["false_alarm_share"] <= 0.10).all()
    bought = pd.read_csv("data/transactions.csv", parse_dates=["date"]).query("date >= 2025")
    profit = (bought["amount"] - bought["cost"]).groupby(bought["customer_id"]).sum()
    assert given["profit_at_stake"].to_numpy() == pytest.approx(
        profit.reindex(given["customer_id"]).to_numpy(), abs=0.01
    )
    # Whoever is warned of brings less in the next year than in the last, all together.
    future = pd.read_csv("data/truth/future.csv", parse_dates=["month"]).query("month < 2027")
    to_come = future.groupby("customer_id")["profit"].sum().reindex(given["customer_id"])
    assert to_come.sum() < 0.3 * given["profit_at_stake"].sum()


def test_worked_cases_and_provenance_are_in_the_report(example_report):
    text = pages(example_report / "report.pdf")
    everything = " ".join(text)
    for value in ("810.74", "820.87", "420.10", "425.35", "25.59", "25.91", "−0.25"):
        assert value in everything
    record = json.loads((example_report / "run.json").read_text())
    how_made = everything[everything.rindex("How this report was made") :]
    for table in record["inputs"]:
        assert table["sha256"] in how_made.replace(" ", "")
    assert record["run_id"] in how_made
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


@pytest.mark.slow
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
    assert "Profit is 30% of the amount;" in one
    # 69% of those warned of fell against 64% of the others: no list to rely on.
    assert "Who will go cannot be told here" in one
    assert "should be false alarms" not in one
    raw = pd.read_csv(shared / "data" / "cdnow_master.txt", sep=r"\s+", dtype=str)
    copies = raw[raw.duplicated(keep=False)].drop_duplicates()
    assert f"Check first: {len(copies)} rows stand in the table more than once" in one
    # Tables of other customers are no input of this report.
    assert "complaints.csv" not in one
    text = " ".join(pages(tmp_path / "clp" / "life_cycle" / "report.pdf"))
    assert "no data: the table has no discount and no quantity" in text
    assert "no data: no referrals were given" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("margin_rate=30", "Did you mean 0.3?"),
        ("rate=1.25", "Did you mean 0.0125"),
        ("source=nowhere.csv", "nowhere.csv"),
        ("holdout=99", "Hold out at least 1 and fewer than the 36"),
        ("periods=0", "look ahead at least one period"),
        ("false_alarms=10", "Did you mean 0.1"),
        ("referral_share=20", "Did you mean 0.2"),
        ("complaints=nowhere.csv", "nowhere.csv"),
        ("referrals=data/complaints.csv", "referred_by"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path):
    done = command("crmlib", "report", "clp/life_cycle", "-p", given, "--out", str(tmp_path))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "clp").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "kept",
    [
        lambda rows: rows[rows["customer_id"] == "C0001"],
        lambda rows: rows.drop_duplicates("customer_id"),
        lambda rows: rows.assign(amount=-rows["amount"]),
        lambda rows: rows[rows["date"] < "2023-06-30"],
    ],
    ids=["one customer", "bought once", "refunds only", "half a year"],
)
def test_tables_that_say_little_give_a_report_that_says_so(kept, tmp_path):
    rows = kept(pd.read_csv("data/transactions.csv"))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    source = f"source={tmp_path / 'rows.csv'}"
    done = command("crmlib", "report", "clp/life_cycle", "-p", source, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "clp" / "life_cycle" / "report.pdf")[0]
    assert "No customer shows stronger signs of going than chance would bring." in one
    # The customers have the names of the example company's, but the source is another.
    assert "customers.csv" not in one
    assert "complaints.csv" not in one


@pytest.mark.slow
def test_where_all_have_left_page_one_says_so_without_a_chart(tmp_path):
    rows = pd.read_csv("data/transactions.csv")
    rows[rows["date"] < "2023-07-01"].to_csv(tmp_path / "rows.csv", index=False)
    source = ("-p", f"source={tmp_path / 'rows.csv'}", "-p", "observed_until=2024-12-31")
    done = command("crmlib", "report", "clp/life_cycle", *source, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "clp" / "life_cycle" / "report.pdf")[0]
    assert "All customers have left: there is nobody to warn of." in one
    assert "Figure 1" not in one
