"""What the churn-loss report says, on the example company and on real purchases.

Oracles: customers, losses and profits counted here from the tables; the example company's true
future; the library's own results on the same tables; counts of the CDNOW file (69,659 purchases
of 23,570 customers).
"""

import json
import re

import numpy as np
import pandas as pd
import pytest

from crmlib import clp, tables
from crmlib.clp import churn_findings, stake
from crmlib.clp.costs import activity_costs
from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("clp_churn_loss")


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = command("crmlib", "report", "clp/churn_loss", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "clp" / "churn_loss"


@pytest.fixture(scope="module")
def bought():
    """Purchases by customer and month, counted with pandas alone."""
    rows = pd.read_csv("data/transactions.csv", parse_dates=["date"])
    rows = rows[rows["amount"] >= 0]
    return rows.assign(month=(rows["date"].dt.year - 2023) * 12 + rows["date"].dt.month)


@pytest.fixture(scope="module")
def base():
    costs = activity_costs(
        tables.read("data/activities.csv", kind="activities"),
        tables.read("data/ledger.csv", kind="cost_pools"),
    )
    history = clp.profit_history(
        tables.read("data/transactions.csv", kind="transactions"),
        cost="cost",
        other_profit=costs.other_profit,
    )
    return history, stake.customers_at_stake(history, left_after=6)


def test_page_one_counts_who_is_lost_and_how_many_stay(example_report, bought):
    one = pages(example_report / "report.pdf")[0]
    last, first = (bought.groupby("customer_id")["month"].agg(how) for how in ("max", "min"))
    lost = 36 - last >= 6
    assert f"in the last 6 months: {(~lost).sum()} of 500; {lost.sum()} are lost" in one
    # Who was a customer a year ago, and bought in the last half year.
    early = bought[bought["month"] <= 24].groupby("customer_id")["month"].max()
    then = early.index[early > 18]
    stayed = (last[then] > 30).mean()
    said = re.search(r"The same reckoning said (\d+) for the last 12 months; (\d+) stayed", one)
    assert int(said[2]) == round(100 * stayed)
    assert abs(int(said[1]) - int(said[2])) <= 3
    # One retention for all: losses over the months after which they can be seen.
    months = np.minimum(last, 30) - first + 1
    constant = 1 - lost.sum() / months[months > 0].sum()
    answer = float(re.search(r"about (\d+) will still be customers in a year", one)[1])
    here = last[~lost] >= 36
    assert answer == pytest.approx(100 * here.mean() * constant**6, abs=4)
    assert f"the {(36 - first[~lost] + 1 >= 30).sum()} who are past the 30 months" in one
    assert "Figure 1" in one


def test_page_one_tells_gain_risk_and_the_check(example_report, base):
    one = pages(example_report / "report.pdf")[0]
    history, here = base
    check = clp.retention_check(history, 12, left_after=6)
    terms = {"rate": 0.0125, "periods": 24}
    found = clp.retention_gain(here, **terms, replicates=400, seed=1)
    model = churn_findings.best_model(check, found)
    others = found[found["kept_bring"] == "as the others"]
    low, high = others["gain_percent_low"].min(), others["gain_percent_high"].max()
    percent = others.set_index("model").loc[model, "gain_percent"]
    assert f"{percent:.1f}% ({low:.1f} to {high:.1f}) more profit" in one
    values = stake.customer_values(here, model, **terms)
    expected = values["expected_loss"].sum()
    assert f"about {float(f'{expected:.2g}'):,.0f} yuan of profit with them" in one
    assert f"{expected / values['value'].sum():.0%} of what all of today bring" in one
    late = history.table["period"] >= "2025-01-01"
    early = history.table[~late & (history.table["purchases"] > 0)]
    kept = early.groupby("customer_id")["period"].max() >= "2024-07-01"
    came = history.table[late & history.table["customer_id"].isin(kept[kept].index)]
    assert f"{came['profit'].sum() / 1e6:.2f} million came" in one
    back = came.loc[came["purchases"] > 0, "customer_id"].nunique()
    assert f"Of {kept.sum()} customers" in one
    assert f"{back} did." in one
    newcomer = clp.new_customer_value(here, **terms, replicates=20, seed=1)
    worth = newcomer.set_index("model").loc[model, "value"]
    assert f"what one won today brings: about {float(f'{worth:.2g}'):,.0f} yuan" in one


def test_what_the_base_is_worth_is_near_the_true_future(base):
    """The reckoning holds profits level, so a base that still grows brings somewhat more."""
    _, here = base
    values = stake.customer_values(here, rate=0.0, periods=24)
    future = pd.read_csv("data/truth/future.csv")
    gross = future.loc[future["customer_id"].isin(values["customer_id"]), "profit"].sum()
    # The true future is before the cost of serving, the value after it.
    assert 0.5 * gross < values["value"].sum() < gross


def test_worked_cases_formulas_and_provenance_are_in_the_report(example_report, base):
    text = pages(example_report / "report.pdf")
    everything = " ".join(text)
    assert "one customer Cₜ + (Vₖ − Vₜ) 6,700" in everything
    assert "a group of 1,000 N · r · Vₖ 550,000" in everything
    # 100 (v(0.95) / v(0.90) - 1) with v(r) = sum of (r / 1.1)^(k - 1) over 40 years, by hand
    ratio = [(1 - (r / 1.1) ** 40) / (1 - r / 1.1) for r in (0.95, 0.90)]
    assert f"{100 * (ratio[0] / ratio[1] - 1):.1f}" in everything
    _, here = base
    quiet = here.rates.quiet.set_index(["bought_once", "quiet"])["still_there"]
    assert f"{quiet[False, 1]:.1%}" in everything
    # 100 (1 + r / 1.1 + ... + (r / 1.1)^4) / 1.1 = 250 has one root below 1.
    roots = np.roots([1 / 1.1**k for k in (5, 4, 3, 2)] + [1 / 1.1 - 2.5])
    root = next(float(r.real) for r in roots if abs(r.imag) < 1e-9 and 0 < r.real < 1)
    assert f"250 100 5 {root:.1%}" in everything
    record = json.loads((example_report / "run.json").read_text())
    assert len(record["inputs"]) == 4
    assert record["inputs"][0]["sha256"] in everything.replace(" ", "")
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


CDNOW = {
    "columns": "amount=dollar_value",
    "margin_rate": "0.3",
    "customers": "none",
    "activities": "none",
    "cost_pools": "none",
    "money": "dollars",
}


@pytest.mark.slow
def test_real_purchases_say_that_the_answer_hangs_on_how_retention_is_seen(shared, tmp_path):
    given = CDNOW | {"source": str(shared / "data" / "cdnow_master.txt")}
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "clp/churn_loss", *options, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "clp" / "churn_loss" / "report.pdf")[0]
    assert "(69,659 rows)" in one
    assert "of 23,570; 18,196 are lost" in one
    range_said = re.search(r"between (\d+) and (\d+) will still be customers in a year", one)
    # Of the buyers of June 1997 57.9 % bought in months 7 to 12 after; the silent are fewer.
    assert int(range_said[1]) < 40 < int(range_said[2]) < 65
    assert "cannot be said more closely from this table" in one
    assert "said 50 for the last 6 months; 54 stayed" in one
    assert "5,000" not in one
    assert "too low" in one
    assert "Figure 1" in one


DAYS = pd.date_range("2022-01-01", "2024-09-26")


def awkward_tables():
    """Tables that say little, with what page one, or the sentence that refuses, must say."""
    random = np.random.default_rng(1)
    once = [(f"C{i}", DAYS[random.integers(len(DAYS))], 30.0) for i in range(300)]
    yield "once", once, "How many customers stay cannot be said"
    yield "single", [("C1", day, 50.0) for day in DAYS[::20]], "cannot be said"
    days = DAYS[random.integers(0, 200, 60)]
    gone = [(f"C{i}", day, 20.0) for i, day in enumerate(days)]
    yield "churned", gone, "customers have left"
    refunds = [(f"C{i % 50}", day, -20.0) for i, day in enumerate(DAYS[::10])]
    yield "refunds", refunds, "customers"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "words"),
    [pytest.param(rows, words, id=name) for name, rows, words in awkward_tables()],
)
def test_tables_that_say_little_end_with_a_sentence(rows, words, tmp_path):
    source = tmp_path / "rows.csv"
    pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).to_csv(source, index=False)
    given = CDNOW | {"source": str(source), "columns": "{}", "observed_until": "2024-09-30"}
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "clp/churn_loss", *options, "--out", str(tmp_path))
    assert "Traceback" not in done.stderr
    if done.returncode == 0:
        one = pages(tmp_path / "clp" / "churn_loss" / "report.pdf")[0]
        assert words in one
        assert "nan" not in one
    else:
        assert done.returncode == 2, done.stderr
        assert words in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("rate=1.25", "Did you mean 0.0125"),
        ("points=5", "Did you mean 0.05"),
        ("points=0", "points=0"),
        ("periods=0", "look ahead at least one period"),
        ("source=nowhere.csv", "nowhere.csv"),
        ("cost_pools=none", "Give both activities and cost_pools"),
        ("holdout=99", "Hold out at least 1 and fewer than the 36"),
        ("left_after=40", "nobody can be seen to have left"),
        ("risk_level=5", "Did you mean 0.05"),
        ("acquisition_cost=-5", "acquisition_cost=-5"),
        ("activities={others}", "None of the customers in the activities"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path):
    others = tmp_path / "others.csv"
    others.write_text("customer_id,date,activity,quantity\nX1,2024-05-01,visit,2\n")
    out = ("--out", str(tmp_path))
    chosen = given.format(others=others)
    done = command("crmlib", "report", "clp/churn_loss", "-p", chosen, *out)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "clp").exists()
