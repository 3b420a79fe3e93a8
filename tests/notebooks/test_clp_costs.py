"""What the costs report says, on the example company and on files of one's own.

Oracles: the true unit costs of the example company and plain pandas on its files; a company small
enough to cost by hand.
"""

import json

import pandas as pd
import pytest

from crmlib.findings import amount
from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import ROOT, command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("clp_costs")


def report(out, *options):
    return command("crmlib", "report", "clp/costs", *options, "--out", str(out))


@pytest.fixture(scope="module")
def example_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    done = report(folder)
    assert done.returncode == 0, done.stderr
    return folder / "clp" / "costs"


@pytest.fixture(scope="module")
def true_profit():
    """Profit of each customer at the true unit costs."""
    sold, done, true = (
        pd.read_csv(ROOT / "data" / f"{name}.csv")
        for name in ("transactions", "activities", "truth/unit_costs")
    )
    gross = (sold["amount"] - sold["cost"]).groupby(sold["customer_id"]).sum()
    unit_cost = done["activity"].map(true.set_index("activity")["unit_cost"])
    cost = (done["quantity"] * unit_cost).groupby(done["customer_id"]).sum()
    return pd.DataFrame({"gross": gross, "cost": cost.reindex(gross.index, fill_value=0.0)}).assign(
        profit=lambda table: table["gross"] - table["cost"]
    )


def test_page_one_tells_what_customers_earn_and_who_does_not(example_report, true_profit):
    one = pages(example_report / "report.pdf")[0]
    gross, cost, profit = true_profit.sum()
    assert (
        f"Serving 500 customers cost {amount(cost, gross)} of their {amount(gross, gross)} yuan "
        f"gross profit: {amount(profit, gross)} is what they earn."
    ) in one
    below = true_profit["profit"] < 0
    loss = -true_profit.loc[below, "profit"].sum()
    assert f"{below.sum()} of 500 customers cost more than they bring: {amount(loss, loss)}" in one
    for changed in (0.9, 1.1):
        n = (true_profit["gross"] < changed * true_profit["cost"]).sum()
        assert f"{n} with " in one
    ledger = pd.read_csv(ROOT / "data" / "ledger.csv")
    assert f"Every cent of the ledger's {ledger['cost'].sum():,.2f} yuan is accounted for." in one
    traced = ledger.loc[ledger["activity"].notna(), "cost"].sum()
    unused = traced - cost
    assert f"{unused / traced:.0%} paid for capacity that was not used" in one
    assert "would not pay even with usual work and margin" in one
    assert "Figure 1" in one


def test_steps_reconciliation_and_provenance_are_in_the_report(example_report):
    text = pages(example_report / "report.pdf")
    everything = " ".join(text)
    # The case by hand: 6 * 300 + 2 * 160 + 10 * 60, and 4 * 300 + 10 * 160 + 50 * 60.
    assert "calm 5,000 2,720 2,280" in everything
    assert "busy 5,000 5,800 −800" in everything
    ledger = pd.read_csv(ROOT / "data" / "ledger.csv")
    for year, cost in ledger.groupby("year")["cost"].sum().items():
        assert f"{cost:,.2f} {cost:,.2f} 0" in everything, year
    for (year, activity), rows in ledger.dropna().groupby(["year", "activity"]):
        assert (
            f"{year} {activity} {', '.join(rows['pool'])} {rows['cost'].sum():,.0f}" in everything
        )
    record = json.loads((example_report / "run.json").read_text())
    assert [table["kind"] for table in record["inputs"]] == [
        *("transactions", "activities", "cost_pools", "customers", "referrals")
    ]
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


def test_the_file_beside_the_report_has_every_customer(example_report, true_profit):
    file = pd.read_csv(example_report / "customer_profit.csv").set_index("id")
    assert len(file) == 500
    assert file["profit"].to_dict() == pytest.approx(true_profit["profit"].to_dict(), abs=0.05)
    assert (file["reason"].notna() == (file["profit"] < 0)).all()


SALES = "buyer;day;value\nacme;2025-01-05;1000\nacme;2025-02-05;1000\nbolt;2025-01-07;100\n"
DONE = "buyer,date,what\nacme,2025-01-05,visit\nbolt,2025-01-06,visit\nbolt,2025-01-07,visit\n"
LEDGER = "pool,causes,cost\nsalaries,visit,300\nrent,,50\n"


def own_files(folder, sales=SALES, done=DONE, ledger=LEDGER):
    options = []
    for name, content in {"source": sales, "activities": done, "ledger": ledger}.items():
        path = folder / f"{name}.csv"
        path.write_text(content)
        options += ["-p", f"{name}={path}"]
    return [
        *options,
        *("-p", "columns=customer_id=buyer,date=day,amount=value"),
        *("-p", "activities_columns=customer_id=buyer,activity=what"),
        *("-p", "ledger_columns=activity=causes", "-p", "quantity=none"),
        *("-p", "margin_rate=0.3", "-p", "money=euros"),
    ]


@pytest.mark.slow
def test_files_of_ones_own_without_years_volumes_and_quantities(tmp_path):
    done = report(tmp_path, *own_files(tmp_path))
    assert done.returncode == 0, done.stderr
    one = pages(tmp_path / "clp" / "costs" / "report.pdf")[0]
    # 100 a visit: acme earns 600 - 100, bolt 30 - 200.
    assert "Serving 2 customers cost 300 of their 630 euros gross profit: 330 is" in one
    assert "1 of 2 customers costs more than it brings: 170 euros in all." in one
    assert "Whether capacity lay idle cannot be said: the ledger has no volumes." in one
    assert "Gross profit is 30% of the amount." in one
    # Names and referrals of the example company do not go with these purchases.
    assert "customers.csv" not in one
    assert "referrals.csv" not in one


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"sales": "buyer;day;value\n"}, "no rows"),
        ({"ledger": LEDGER.replace("visit", "call")}, "Are they spelt alike"),
        ({"ledger": LEDGER.replace("300", "much")}, "cost"),
        ({"ledger": "pool,causes,cost,year\nsalaries,visit,300,2019\n"}, "none in common"),
        ({"done": DONE.replace("acme", "x").replace("bolt", "y")}, "Are the tables of the same"),
        ({"done": DONE.replace("2025", "2019")}, "no day in common"),
        ({"ledger": LEDGER.replace("causes", "why")}, "causes"),
    ],
)
def test_files_that_do_not_fit_end_with_a_sentence(files, words, tmp_path):
    refused(report(tmp_path, *own_files(tmp_path, **files)), words, tmp_path)


@pytest.mark.slow
def test_costs_of_the_example_company_do_not_go_with_purchases_of_ones_own(tmp_path):
    options = own_files(tmp_path)
    done = report(tmp_path, *options[:2])
    refused(done, "activities and ledger are still of the example company", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ledger=nowhere.csv", "nowhere.csv"),
        ("ledger=data/activities.csv", "pool"),
        ("activities=data/transactions.csv", "activity"),
        ("quantity=hours", "no column hours"),
        ("margin_rate=30", "Did you mean 0.3?"),
        ("referral_share=25", "Did you mean 0.25"),
        ("referrals=data/complaints.csv", "referred_by"),
        ("ledger_columns=cost=costs", 'no column "costs"'),
        ("faulty_rows=ignore", "faulty_rows='ignore' is not known"),
    ],
)
def test_bad_values_end_with_a_sentence(given, words, tmp_path):
    refused(report(tmp_path, "-p", given), words, tmp_path)


def refused(done, words, folder):
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "clp").exists()
