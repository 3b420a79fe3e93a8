"""The example company: its tables agree with one another, and the truth can be found in them."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from crmlib import tables
from crmlib.errors import InputError
from crmlib.tables import example, example_study

DATA = Path(__file__).parents[2] / "data"
DATED = ["transactions", "activities", "complaints", "responses", "study"]
TABLES = ["customers", *DATED, "contacts", "ledger", "referrals", "events"]
PARAMETERS = ["h1", "v", "g1", "N", "tau", "g2", "h2"]


@pytest.fixture(scope="module", params=[2026, 1], ids="seed {}".format)
def company(request):
    return example.company(request.param)


@pytest.fixture(scope="module")
def committed():
    return example.company()


def cents(money):
    return (money * 100).round().astype("int64")


def first_of_month(dates):
    return dates.dt.to_period("M").dt.to_timestamp()


def with_truth(table, company):
    return table.merge(company.truth.customers, on="customer_id", validate="many_to_one")


def active_months(company):
    """Observed months of customers who still buy, with the truth about the customer."""
    months = company.truth.months
    months = months[months["observed"] & (months["stage"] != "left")]
    return with_truth(months, company).rename(columns={"stage_x": "stage"})


# --- files: oracle is the generator, or the files read by pandas --------------------------------


def test_committed_files_are_what_the_generator_writes(tmp_path, committed):
    written = example.write_csv(committed, tmp_path)
    names = {path.relative_to(tmp_path) for path in written}
    by_hand = {Path("glossary.csv")}  # terms of the course, no table of the company
    assert names == {path.relative_to(DATA) for path in DATA.rglob("*.csv")} - by_hand
    different = [
        str(name)
        for name in sorted(names)
        if (tmp_path / name).read_bytes() != (DATA / name).read_bytes()
    ]
    assert different == [], "run `make data`"


def test_same_seed_same_bytes_and_another_seed_other_bytes(tmp_path, committed):
    def content(folder, company):
        return [path.read_bytes() for path in example.write_csv(company, tmp_path / folder)]

    first = content("first", committed)
    assert content("again", example.company(2026)) == first
    other = content("other", example.company(2027))
    # The tables, the true customers, future, contacts and respondents differ; settings do not.
    assert sum(a != b for a, b in zip(first, other, strict=True)) == len(TABLES) + 4


def test_files_are_small_utf8_with_unix_line_ends():
    paths = list(DATA.rglob("*.csv"))
    assert sum(path.stat().st_size for path in paths) <= 2_500_000
    for path in paths:
        content = path.read_bytes()
        assert b"\r" not in content
        assert not content.startswith(b"\xef\xbb\xbf")
        content.decode("utf-8")


def test_files_give_back_the_tables(committed):
    for name in TABLES:
        table = getattr(committed, name)
        dates = [column for column in table if table[column].dtype.kind == "M"]
        read = pd.read_csv(DATA / f"{name}.csv", parse_dates=dates)
        pd.testing.assert_frame_equal(read, table, check_dtype=False)


def test_data_dictionary_names_every_file_row_count_and_column():
    sections = re.split(r"^### ", (DATA / "README.md").read_text(encoding="utf-8"), flags=re.M)
    described = {}
    for section in sections[1:]:
        name, rows = re.match(r"`([\w/]+\.csv)` · ([\d,]+) rows?", section).groups()
        first_cells = re.findall(r"^\| (`.*?) \|", section, flags=re.M)
        described[name] = (int(rows.replace(",", "")), re.findall(r"`(\w+)`", str(first_cells)))
    found = {}
    for path in DATA.rglob("*.csv"):
        table = pd.read_csv(path)
        found[path.relative_to(DATA).as_posix()] = (len(table), list(table))
    assert described == found


# --- the life cycle: oracle is the textbook formula, written out one month at a time ------------


def textbook_profit(t, h1, v, g1, N, tau, g2, h2):
    def growing(t):
        if t <= g1:
            return h1 * t**2 + v
        return h1 * g1**2 + v + N * (1 - math.exp(-(t - g1) / tau))

    return growing(t) if t <= g2 else max(growing(g2) - h2 * (t - g2) ** 2, 0.0)


def test_curve_gives_the_worked_cases_of_the_textbook():
    case_a = {"h1": 0.025, "v": 3.40, "g1": 24, "N": 2.20, "tau": 1, "g2": 1000, "h2": 1}
    assert example.expected_profit(24, **case_a) == pytest.approx(17.80)
    assert example.expected_profit(12, **case_a) == pytest.approx(7.00)
    assert example.expected_profit(78, **case_a) == pytest.approx(20.00)
    case_c = {"h1": 0, "v": 12, "g1": 1, "N": 0, "tau": 1, "g2": 34, "h2": 0.25}
    months = [34, 37, 38, 39, 40, 41, 60]
    assert example.expected_profit(months, **case_c) == pytest.approx([12, 9.75, 8, 5.75, 3, 0, 0])
    assert example.expected_profit(0, **case_c) == 0


def test_expected_profit_and_stage_follow_from_the_true_parameters(company):
    customers = company.truth.customers.set_index("customer_id")
    parameters = customers[PARAMETERS].to_dict("index")
    for month in company.truth.months.itertuples():
        true = parameters[month.customer_id]
        profit = textbook_profit(month.age, **true)
        assert month.expected_profit == pytest.approx(profit, abs=0.0051)
        if profit == 0:
            stage = "left"
        elif month.age > true["g2"]:
            stage = "decline"
        elif month.age > true["g1"]:
            stage = "stability"
        else:
            stage = "formation" if month.age >= true["g1"] / 2 else "exploration"
        assert month.stage == stage


@pytest.mark.parametrize("months", [36, 48])
def test_stage_shares_at_the_end_are_those_promised(months):
    company = example.company(5, months)
    last = company.truth.months.query("observed").groupby("customer_id").tail(1)
    counts = {"stability": 175, "formation": 100, "exploration": 75, "decline": 75, "left": 75}
    assert last["stage"].value_counts().to_dict() == counts
    assert company.truth.customers["stage"].value_counts().to_dict() == counts
    assert last["month"].unique() == [pd.Timestamp("2023-01-01") + pd.DateOffset(months=months - 1)]


def test_customers_who_left_show_the_four_patterns(company):
    customers = company.truth.customers
    assert customers["pattern"].notna().eq(customers["stage"] == "left").all()
    left = customers[customers["stage"] == "left"]
    expected = np.select(
        [left["g2"] < left["g1"] / 2, left["g2"] <= left["g1"], left["g2"] <= left["g1"] + 4],
        ["early abortion", "midway death", "early exit"],
        "long retention",
    )
    assert (left["pattern"] == expected).all()
    assert left["pattern"].value_counts().min() >= 8
    assert customers["g1"].between(6, 16).all()
    assert (customers["tau"] == 1).all()


def test_nobody_buys_before_joining_or_after_leaving(company):
    bought = with_truth(company.transactions, company)
    assert (bought["date"] >= bought["joined"]).all()
    assert not (bought["date"] >= bought["left"]).any()
    first = company.transactions.groupby("customer_id")["date"].min()
    customers = company.customers.set_index("customer_id")
    assert (customers["acquired_on"] == first.reindex(customers.index)).all()
    truth = company.truth.customers.set_index("customer_id")
    assert (first_of_month(customers["acquired_on"]) == truth["joined"]).all()
    assert 0.4 < (truth["joined"] < "2023-09-01").mean() < 0.6


def test_growth_potential_is_next_year_less_last_year(company):
    months = company.truth.months.set_index("month").sort_index()
    last = months.loc["2025-01":"2025-12"].groupby("customer_id")["expected_profit"].sum()
    coming = months.loc["2026-01":"2026-12"].groupby("customer_id")["expected_profit"].sum()
    truth = company.truth.customers.set_index("customer_id")["growth_potential"]
    assert truth.to_numpy() == pytest.approx((coming - last).to_numpy(), abs=0.006)


def test_future_of_24_months_is_known_and_not_observed(company):
    future = company.truth.months.query("not observed")
    assert (future.groupby("customer_id").size() == 24).all()
    assert future["customer_id"].nunique() == 500
    assert future["month"].agg(["min", "max"]).tolist() == [
        pd.Timestamp("2026-01-01"),
        pd.Timestamp("2027-12-01"),
    ]
    assert company.transactions["date"].max() == pd.Timestamp("2025-12-31")


def test_file_of_the_future_adds_up_to_the_profits_drawn_for_each_customer(committed):
    file = pd.read_csv(DATA / "truth/future.csv", parse_dates=["month"])
    drawn = committed.truth.months.query("not observed").set_index(["customer_id", "month"])
    written = file.set_index(["customer_id", "month"])["profit"]
    assert not written.index.has_duplicates
    assert (written > 0).all()
    everything = written.reindex(drawn.index, fill_value=0.0)
    pd.testing.assert_series_equal(everything, drawn["profit"])


# --- money: oracle is the drawn profit and its known distribution -------------------------------


def test_order_lines_add_up_to_the_drawn_profit_to_the_cent(company):
    lines = company.transactions
    profit = cents(lines["amount"]) - cents(lines["cost"])
    bought = profit.groupby([lines["customer_id"], first_of_month(lines["date"])]).sum()
    months = company.truth.months.query("observed and profit > 0")
    drawn = cents(months.set_index(["customer_id", "month"])["profit"])
    assert bought.to_dict() == drawn.to_dict()


def profit_variance(months):
    """Return the variance of the drawn profit, months without an order included."""
    quiet = {"occasional": 0.35}
    sparse = (months["stage"] == "exploration") & (months["age"] > 1)
    chance = 1 - months["segment"].map(quiet).fillna(0) * sparse
    return months["expected_profit"] ** 2 * ((1 + months["noise"] ** 2) / chance - 1)


def test_mean_profit_of_the_customers_lies_on_the_true_curve(company):
    months = active_months(company)
    months["error"] = months["profit"] - months["expected_profit"]
    months["variance"] = profit_variance(months)
    sums = months.groupby("month")[["error", "variance"]].sum()
    z = sums["error"] / np.sqrt(sums["variance"])
    assert z.abs().max() < 4
    assert (z**2).sum() < stats.chi2.ppf(0.999, len(z))
    # The spread is as stated, neither more nor less.
    assert (months["error"] ** 2 / months["variance"]).mean() == pytest.approx(1, abs=0.12)
    assert months["noise"].between(0.15, 0.25).all()


def test_only_occasional_customers_in_exploration_have_months_without_an_order(company):
    months = active_months(company)
    may_be_quiet = (
        (months["segment"] == "occasional")
        & (months["stage"] == "exploration")
        & (months["age"] > 1)
    )
    quiet = months["profit"] == 0
    assert not quiet[~may_be_quiet].any()
    tried = may_be_quiet.sum()
    assert stats.binomtest(int(quiet.sum()), int(tried), 0.35).pvalue > 0.001
    # Their other months make up for the quiet ones.
    sparse = months[may_be_quiet]
    error = (sparse["profit"] - sparse["expected_profit"]).sum()
    assert abs(error) < 4 * np.sqrt(profit_variance(sparse).sum())


def test_order_lines_are_realistic(company):
    lines = company.transactions
    assert len(lines) <= 22_000
    margin = 1 - lines["cost"] / lines["amount"]
    assert margin.between(0.1495, 0.3505).all()
    for column in ("amount", "cost"):
        assert lines[column].to_numpy() == pytest.approx(cents(lines[column]) / 100, abs=1e-9)
        assert (lines[column] > 0).all()
    assert (lines["quantity"] >= 1).all()
    assert set(lines["discount"].unique()) == {0.0, 0.05, 0.10, 0.15, 0.20, 0.25}
    per_month = lines.groupby(["customer_id", first_of_month(lines["date"])]).size()
    assert per_month.between(1, 4).all()
    orders = lines.groupby("order_id")[["customer_id", "date"]].nunique()
    assert (orders == 1).all(axis=None)


# --- segments, sequences, costs -----------------------------------------------------------------


def test_segments_have_the_stated_size_and_buying_habits(company):
    segments = company.truth.segments.set_index("segment")
    counts = company.truth.customers["segment"].value_counts()
    assert (counts / 500).to_dict() == pytest.approx(segments["share"].to_dict())
    lines = with_truth(company.transactions, company)
    discounted = (lines["discount"] > 0).groupby(lines["segment"]).mean()
    assert discounted.to_dict() == pytest.approx(segments["discounted_share"].to_dict(), abs=0.03)
    # Toner and printers are moved by the buying sequence; the others keep their order of size.
    mix = pd.crosstab(lines["segment"], lines["product_line"], normalize="index")
    others = ["computers", "furniture", "paper", "accessories"]
    stated = company.truth.product_mix.set_index("segment")[others]
    stated, found = (table.div(table.sum(axis=1), axis=0) for table in (stated, mix[others]))
    assert (found - stated).abs().max(axis=None) < 0.03


def test_small_segments_cost_more_than_they_earn(company):
    lines = with_truth(company.transactions, company)
    earned = (lines["amount"] - lines["cost"]).groupby(lines["segment"]).sum()
    done = with_truth(company.activities, company).merge(company.truth.unit_costs)
    assert len(done) == len(company.activities)
    cost = (done["quantity"] * done["unit_cost"]).groupby(done["segment"]).sum()
    share = cost / earned
    assert share[["bargain hunter", "occasional"]].min() > 1
    assert share[["key account", "steady mid-size"]].max() < 0.5


def test_toner_follows_printers_within_90_days(company):
    # Counted naively, one purchase at a time; purchases without 90 days behind them are left out.
    lines = company.transactions
    toner = lines[lines["product_line"] == "toner"].groupby("customer_id")["date"].apply(list)
    seen = lines[lines["date"] <= lines["date"].max() - pd.Timedelta(days=90)]
    follows = pd.Series(
        [
            any(0 < (date - line.date).days <= 90 for date in toner.get(line.customer_id, []))
            for line in seen.itertuples()
        ],
        index=seen.index,
    )
    after_printers = follows[seen["product_line"] == "printers"].mean()
    after_others = follows[seen["product_line"] != "printers"].mean()
    assert after_printers > 0.7
    assert after_printers > 1.8 * after_others


# --- complaints and survey ----------------------------------------------------------------------


def complaints_per_month(company):
    complaints = company.complaints
    count = complaints.groupby(["customer_id", first_of_month(complaints["date"])]).size()
    months = active_months(company).set_index(["customer_id", "month"])
    months["complaints"] = count.reindex(months.index).fillna(0)
    assert months["complaints"].sum() == len(complaints)
    return months


def test_complaints_rise_in_decline_unless_the_customer_falls_silent(company):
    months = complaints_per_month(company)
    silent = months["falls_silent"]
    rate = months[~silent].groupby("stage")["complaints"].mean()
    assert rate["decline"] > 3 * rate["stability"]
    to_decline = months["g2"] - months["age"]
    assert months.loc[silent & to_decline.between(0, 3), "complaints"].mean() > 0.3
    assert months.loc[silent & (to_decline < 0), "complaints"].sum() == 0
    assert (silent & (to_decline < 0)).sum() > 100
    complaints = company.complaints
    delay = (complaints["resolved_on"] - complaints["date"]).dt.days
    assert delay.dropna().between(1, 30).all()
    assert 0.05 < delay.isna().mean() < 0.3


def block_means(company):
    responses = company.responses
    blocks = company.truth.drivers.set_index("block")["items"].str.split()
    return pd.DataFrame({block: responses[names].mean(axis=1) for block, names in blocks.items()})


def test_delivery_is_the_strongest_driver(company):
    blocks = block_means(company)
    fit = sm.OLS(company.responses["overall"], sm.add_constant(blocks)).fit()
    weights = fit.params.drop("const")
    assert company.truth.drivers.set_index("block")["weight"].idxmax() == "delivery"
    assert weights.idxmax() == "delivery"
    assert fit.conf_int().loc["delivery", 0] > weights.drop("delivery").max()
    assert weights.idxmin() == "price"
    correlation = blocks.corr().to_numpy()[np.triu_indices(4, 1)]
    assert correlation.min() > 0.15
    assert correlation.max() < 0.7


def test_customers_in_decline_are_less_content_with_delivery(company):
    blocks = block_means(company)
    months = company.truth.months.set_index(["customer_id", "month"])["stage"]
    responses = company.responses
    asked = pd.MultiIndex.from_arrays([responses["customer_id"], first_of_month(responses["date"])])
    declines = (months.reindex(asked) == "decline").to_numpy()
    assert declines.sum() > 15
    gap = blocks[~declines].mean() - blocks[declines].mean()
    assert gap["delivery"] > 1
    assert gap["delivery"] > gap.drop("delivery").max() + 0.5


def test_survey_answers(company):
    responses = company.responses
    assert list(responses) == ["customer_id", "date", "overall", *example.ITEMS]
    assert 340 <= len(responses) <= 460
    assert responses["overall"].isin(range(1, 11)).all()
    items = responses[example.ITEMS]
    assert (items.isin(range(1, 11)) | items.isna()).all(axis=None)
    assert 0.008 < items.isna().mean(axis=None) < 0.022
    assert set(first_of_month(responses["date"]).dt.strftime("%Y-%m")) == {"2024-11", "2025-11"}
    wave = responses["date"].dt.year
    assert not responses.assign(wave=wave).duplicated(["customer_id", "wave"]).any()


# --- contacts: oracle is analysis of variance, and the files as a user reads them -----------------


def test_contacts_belong_to_the_customers_still_buying(company):
    frame = company.contacts
    customers = company.truth.customers.merge(company.customers, on="customer_id")
    customers = customers.set_index("customer_id")
    buying = customers.index[customers["stage"] != "left"]
    number = frame.groupby("account").size()
    assert sorted(number.index) == sorted(buying)
    assert number.between(1, 8).all()
    by_segment = number.groupby(customers["segment"]).mean()
    assert by_segment.idxmax() == "key account"
    assert by_segment["key account"] > 1.5 * by_segment.drop("key account").max()
    assert 1300 < len(frame) < 1500
    assert frame["unit_id"].tolist() == [f"K{n:04d}" for n in range(1, len(frame) + 1)]
    who = customers.loc[frame["account"]]
    assert (frame["region"].to_numpy() == who["region"].to_numpy()).all()
    typed = frame["customer_type"].notna().to_numpy()
    assert (frame["customer_type"].to_numpy() == who["customer_type"].to_numpy())[typed].all()


def test_revenue_of_a_contact_is_what_the_account_paid_in_2025(company):
    lines = company.transactions[company.transactions["date"].dt.year == 2025]
    paid = cents(lines["amount"]).groupby(lines["customer_id"]).sum()
    frame = company.contacts
    assert cents(frame["revenue"]).tolist() == paid.loc[frame["account"]].tolist()


def test_sales_areas_lie_inside_the_regions_and_differ_in_size(company):
    frame = company.contacts
    assert not frame[["account", "sales_area"]].drop_duplicates()["account"].duplicated().any()
    assert (frame["sales_area"].str.rsplit(" ", n=1).str[0] == frame["region"]).all()
    assert (frame.groupby("region")["sales_area"].nunique() == 10).all()
    accounts = frame.groupby(["region", "sales_area"])["account"].nunique()
    shares = accounts / accounts.groupby("region").transform("sum")
    assert shares.to_numpy() == pytest.approx(np.tile(np.linspace(0.04, 0.16, 10), 4), abs=0.02)


def intraclass_correlation(frame, group):
    """Return the correlation within groups from the mean squares of an analysis of variance."""
    fit = sm.OLS.from_formula(f"score_2025 ~ C({group})", frame).fit()
    sizes = frame[group].value_counts()
    size = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(sizes) - 1)
    return (fit.mse_model - fit.mse_resid) / (fit.mse_model + (size - 1) * fit.mse_resid)


def test_scores_are_alike_within_areas_and_between_waves_but_not_within_types(company):
    frame = company.contacts
    truth = company.truth.contacts.iloc[0]
    scores = frame[["score_2024", "score_2025"]]
    assert (scores == scores.round(1)).all(axis=None)
    assert scores.min(axis=None) >= 0
    assert scores.max(axis=None) <= 100
    assert frame["score_2025"].mean() == pytest.approx(truth["mean_score"], abs=5e-5)
    assert np.std(frame["score_2025"], ddof=1) == pytest.approx(truth["spread_score"], abs=5e-5)
    assert 0.10 < truth["area_correlation"] < 0.20
    # Groups of unequal size: the two definitions agree, though not to the last digit.
    assert intraclass_correlation(frame, "sales_area") == pytest.approx(
        truth["area_correlation"], abs=0.01
    )
    assert truth["wave_correlation"] == pytest.approx(0.95, abs=0.01)
    assert stats.pearsonr(*scores.to_numpy().T).statistic == pytest.approx(
        truth["wave_correlation"], abs=5e-5
    )
    assert abs(truth["type_correlation"]) < 0.01
    assert intraclass_correlation(frame.dropna(), "customer_type") == pytest.approx(
        truth["type_correlation"], abs=0.01
    )


def test_sorting_by_the_last_wave_gains_much_types_nothing_and_whole_areas_lose(company):
    def variance_of_mean(groups):
        """Of a proportional sample, as a share of that of a simple one (Lohr 2022, 3.4)."""
        sizes = frame.groupby(groups)["score_2025"].size()
        within = frame.groupby(groups)["score_2025"].var()
        return (sizes * within).sum() / sizes.sum() / frame["score_2025"].var()

    frame = company.contacts.dropna()
    assert variance_of_mean("customer_type") == pytest.approx(1, abs=0.01)
    assert variance_of_mean(pd.qcut(frame["score_2024"], 20)) < 0.15
    # Means of whole areas vary more than means of as many contacts drawn one by one.
    areas = frame.groupby("sales_area")["score_2025"].agg(["mean", "size"])
    one_by_one = frame["score_2025"].var() / areas["size"]
    assert (areas["mean"] - frame["score_2025"].mean()).pow(2).sum() > 3 * one_by_one.sum()


def test_contacts_hold_the_faults_that_the_truth_counts(company):
    frame = company.contacts
    truth = company.truth.contacts.iloc[0]
    assert frame["unit_id"].is_unique
    assert len(frame) == truth["contacts"]
    written = frame["contact"].dropna()
    plain = written.str.strip().str.lower()
    own = frame["unit_id"].str.lower().loc[plain.index] + "@example.com"
    shared = plain[plain != own]
    groups = {
        "without_contact": frame.index[frame["contact"].isna()],
        "shared_addresses": shared.index,
        "without_customer_type": frame.index[frame["customer_type"].isna()],
        "opted_out": frame.index[frame["opted_out"] == "yes"],
    }
    assert {name: len(rows) for name, rows in groups.items()} == {
        "without_contact": 12,
        "shared_addresses": 10,
        "without_customer_type": 5,
        "opted_out": round(0.04 * len(frame)),
    }
    assert all(truth[name] == len(rows) for name, rows in groups.items())
    # A shared address is a colleague's, and told from it only once both are made comparable.
    assert written.is_unique
    assert plain.duplicated().sum() == 10
    colleagues = pd.Index([own.index[own == address].item() for address in shared])
    assert (frame["account"][colleagues].to_numpy() == frame["account"][shared.index]).all()
    touched = np.concatenate([colleagues, *groups.values()])
    assert len(set(touched)) == len(touched)
    assert set(frame["opted_out"]) == {"yes", "no"}


def test_contacts_are_read_as_a_frame(committed):
    table = tables.read(DATA / "contacts.csv", kind="frame")
    assert table.description["rows"] == len(committed.contacts)
    mean = f"over all {len(table.frame):,} contacts is {table.frame['score_2025'].mean():.2f}."
    assert mean in (DATA / "README.md").read_text(encoding="utf-8")
    missing = {name: n for name, n in table.description["missing_cells"].items() if n}
    assert missing == {"contact": 12, "customer_type": 5}
    numbers = [name for name, dtype in table.frame.dtypes.items() if dtype.kind == "f"]
    assert numbers == ["revenue", "score_2024", "score_2025"]
    for name in numbers:
        assert table.frame[name].tolist() == committed.contacts[name].tolist()


def test_years_of_the_scores_are_those_of_the_waves():
    company = example.company(5, 48)
    assert list(company.contacts.filter(like="score")) == ["score_2025", "score_2026"]
    assert set(company.responses["date"].dt.year) == {2025, 2026}


# --- the study: oracle is the settings, found again by statsmodels and Kano's table ---------------


def test_study_answers(company):
    answers = company.study
    assert len(answers) == 240
    assert answers["customer_id"].is_unique
    left = company.truth.customers.set_index("customer_id")["left"]
    assert left.loc[answers["customer_id"]].isna().all()
    assert set(first_of_month(answers["date"]).dt.strftime("%Y-%m")) == {"2025-12"}
    assert answers.iloc[:, 2:33].columns.tolist() == example_study.ANSWERS
    grades = answers[example_study.ANSWERS[:-1]]
    assert (grades.isin(range(1, 11)) | grades.isna()).all(axis=None)
    assert (answers["recommend"].isin(range(11)) | answers["recommend"].isna()).all()
    assert 0.007 < answers[example_study.ANSWERS].isna().mean(axis=None) < 0.023
    assert answers.iloc[:, 33:].isin(range(1, 6)).all(axis=None)
    assert answers.shape[1] == 33 + 2 * 6


def test_study_is_read_as_responses(committed):
    table = tables.read(DATA / "study.csv", kind="responses")
    assert table.description["rows"] == 240
    for name in committed.study.columns[2:]:
        pd.testing.assert_series_equal(table.frame[name], committed.study[name], check_dtype=False)


def many_respondents(monkeypatch, count=20_000):
    monkeypatch.setattr(example_study, "RESPONDENTS", count)
    random = np.random.default_rng(7)
    names = np.array([f"C{n}" for n in range(count)], dtype=object)
    return example_study.study(random, names, np.datetime64("2025-12", "M"))


def test_the_paths_are_found_again_between_constructs(company):
    truth = company.truth.study_customers.copy()
    constructs = truth.drop(columns=["customer_id", "loyalty_type"])
    assert constructs.std(ddof=0).drop("loyalty").to_numpy() == pytest.approx(1, abs=1e-3)
    assert constructs["loyalty"].std() == pytest.approx(1, abs=0.1)
    truth[example_study.MODERATION] = truth["satisfaction"] * truth["switching_cost"]
    for construct, rows in company.truth.study_paths.groupby("to"):
        fit = sm.OLS(truth[construct], sm.add_constant(truth[list(rows["from"])])).fit()
        given = rows.set_index("from")["coefficient"]
        # The constructs are rounded to three digits. The product is not made to fit: paths to
        # loyalty are found up to chance.
        close = 4 * fit.bse.max() if construct == "loyalty" else 1e-3
        assert (fit.params - given).drop("const").abs().max() < close, construct
        explained = example_study.explained_shares()[construct]
        assert fit.rsquared == pytest.approx(explained, abs=0.1 if construct == "loyalty" else 2e-3)


def test_items_have_their_means_and_loadings(monkeypatch):
    answers, truth = many_respondents(monkeypatch)
    merged = answers.merge(truth, on="customer_id", suffixes=("", "_construct"))
    for row in example_study.QUESTIONS.itertuples():
        name = f"{row.construct}_construct" if row.construct == "complaints" else row.construct
        # Rounding and the ends of the scale take a little off; `repurchase` has its gap.
        assert merged[row.item].mean() == pytest.approx(row.mean, abs=0.12), row.item
        loading = merged[row.item].corr(merged[name])
        assert row.loading - 0.06 < loading < row.loading + 0.01, row.item


def test_loyalty_types_show_in_the_answers(company):
    table = company.study.merge(company.truth.study_customers[["customer_id", "loyalty_type"]])
    types = table["loyalty_type"]
    assert types.value_counts().min() >= 5
    assert types.nunique() == 8
    means = table.groupby("loyalty_type")[["attachment", "repurchase", *example_study.REASONS]]
    means = means.mean()
    groups = {
        "attachment": means.index.isin(["premium value", "latent"]),
        "repurchase": ~means.index.isin(["latent", "price", "not loyal"]),
    }
    for answer, above in groups.items():
        assert means.loc[above, answer].min() > 6.5
        assert means.loc[~above, answer].max() < 4.5
    for item, (held, of_type, of_others) in example_study.REASONS.items():
        assert means.loc[held, item] == pytest.approx(of_type[0], abs=0.8)
        assert means[item].drop(held).to_numpy() == pytest.approx(of_others[0], abs=1.5)


def test_the_codebook_names_every_construct_and_feature(company):
    book = company.study_questions
    assert book["item"].is_unique
    assert book["item"].isin(company.study.columns).all()
    assert book["label"].is_unique
    features = [f"kano_{feature}_with" for feature in example_study.KANO["feature"]]
    assert book.loc[book["block"] == "kano", "item"].tolist() == features
    asked = book.loc[book["block"] != "kano", ["item", "block"]].to_numpy().tolist()
    assert asked == example_study.QUESTIONS[["item", "construct"]].to_numpy().tolist()


def kano_category(functional, dysfunctional):
    """Kano's evaluation table (1984), row by row."""
    table = ["QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"]
    return table[functional - 1][dysfunctional - 1]


def test_kano_answers_give_back_the_shares(monkeypatch):
    answers, _ = many_respondents(monkeypatch)
    for row in example_study.KANO.itertuples():
        pairs = answers[[f"kano_{row.feature}_with", f"kano_{row.feature}_without"]].to_numpy()
        found = pd.Series([kano_category(*pair) for pair in pairs]).value_counts(normalize=True)
        for category in "AOMIRQ":
            share = getattr(row, category)
            assert found.get(category, 0.0) == pytest.approx(share, abs=0.015), row.feature
        if row.category != "undecided":
            assert found.idxmax() == row.category
        assert sum(getattr(row, category) for category in "AOMIRQ") == pytest.approx(1)


# --- ledger, referrals, events ------------------------------------------------------------------


def test_ledger_gives_the_true_unit_costs_at_capacity_to_the_cent(company):
    ledger = company.ledger
    traced = ledger.dropna(subset="activity")
    assert set(zip(traced["year"], traced["activity"], strict=True)) == {
        (year, activity)
        for year in (2023, 2024, 2025)
        for activity in company.truth.unit_costs["activity"]
    }
    by_activity = traced.groupby(["year", "activity"])
    assert (by_activity["volume"].max() == by_activity["volume"].min()).all()
    capacity = by_activity["volume"].first()
    true = company.truth.unit_costs.set_index("activity")["unit_cost"]
    cost = by_activity["cost"].sum()
    for (year, activity), volume in capacity.items():
        assert round(100 * cost[year, activity]) == round(100 * true[activity] * volume)
    done = company.activities
    used = done.groupby([done["date"].dt.year, "activity"])["quantity"].sum()
    reserve = capacity / used.reindex(capacity.index)
    assert reserve.min() > 1.03
    # Capacities are whole tens, which is up to 10 more.
    assert ((capacity - 10) / used.reindex(capacity.index)).max() < 1.14


def test_some_costs_of_the_ledger_have_no_activity(company):
    ledger = company.ledger
    untraced = ledger[ledger["activity"].isna()]
    assert untraced["volume"].isna().all()
    assert (untraced.groupby("year").size() == 3).all()
    assert 0.2 < untraced["cost"].sum() / ledger["cost"].sum() < 0.5
    assert (ledger["cost"] > 0).all()


def test_who_is_referred_was_sent_by_an_earlier_customer_who_had_not_left(company):
    sent = company.referrals
    channel = company.customers.set_index("customer_id")["acquisition_channel"]
    assert sent["customer_id"].is_unique
    assert set(channel[sent["customer_id"]]) == {"referral"}
    came = company.customers.set_index("customer_id")["acquired_on"]
    left = company.truth.customers.set_index("customer_id")["left"]
    by = sent["referred_by"]
    assert (sent["date"].to_numpy() == came[sent["customer_id"]].to_numpy()).all()
    assert (came[by].to_numpy() < sent["date"].to_numpy()).all()
    gone = left[by].to_numpy()
    assert (np.isnat(gone) | (gone > sent["date"].to_numpy())).all()
    missing = channel.index[channel == "referral"].difference(sent["customer_id"])
    assert (came[missing] <= came.nsmallest(3).iloc[-1]).all()
    assert 0.2 < by.value_counts().head(10).sum() / len(sent) < 0.8


def test_events_lie_in_the_future_of_the_twelve_most_profitable_key_accounts(company):
    events = company.events
    who = company.truth.customers.set_index("customer_id")
    months = company.truth.months
    last_year = months[months["observed"] & (months["month"] >= "2025-01-01")]
    profit = last_year.groupby("customer_id")["profit"].sum()
    of_key_accounts = profit[who.loc[profit.index, "segment"] == "key account"]
    still = of_key_accounts[who.loc[of_key_accounts.index, "stage"] != "left"]
    assert set(events["customer_id"]) == set(still.nlargest(12).index)
    assert (events.groupby("customer_id").size() == 3).all()
    assert not events.duplicated(["customer_id", "event"]).any()
    assert events["date"].is_monotonic_increasing
    assert events["date"].between("2026-01-01", "2027-12-31").all()
    assert events["probability"].between(0.05, 0.95).all()
    assert set(events["basis"]) == {"data", "judgement"}
    assert events["profit"].min() < 0 < events["profit"].max()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("ledger", "cost_pools"), ("referrals", "referrals"), ("events", "events")],
)
def test_further_tables_are_read_as_their_kind(committed, name, kind):
    read = tables.read(DATA / f"{name}.csv", kind=kind).frame
    expected = getattr(committed, name)
    pd.testing.assert_frame_equal(read[list(expected)], expected, check_dtype=False)


# --- the tables belong together -----------------------------------------------------------------


def test_every_row_refers_to_a_customer_and_lies_after_the_first_purchase(company):
    ids = company.customers["customer_id"]
    assert ids.is_unique
    assert list(company.truth.customers["customer_id"]) == list(ids)
    assert len(ids) == 500
    first = company.customers.set_index("customer_id")["acquired_on"]
    for name in DATED:
        table = getattr(company, name)
        assert table["customer_id"].isin(ids).all()
        assert (table["date"].to_numpy() >= first.loc[table["customer_id"]].to_numpy()).all()
        assert table["date"].max() <= pd.Timestamp("2025-12-31")
        assert table["date"].is_monotonic_increasing
    assert set(company.transactions["customer_id"]) == set(ids)
    assert company.complaints["resolved_on"].max() <= pd.Timestamp("2025-12-31")


def test_names_try_a_report(company):
    names = company.customers["name"]
    assert names.is_unique
    for sign in "&#$'*\\<>`@_=%\"{~|":
        assert names.str.contains(sign, regex=False).any(), sign
    assert names.str.contains("[\u4e00-\u9fff]").sum() >= 30
    for column in ("region", "customer_type", "acquisition_channel"):
        assert 4 <= company.customers[column].nunique() <= 5
        assert company.customers[column].notna().all()


@pytest.mark.parametrize(
    ("setting", "value", "changed"),
    [
        ("CHINESE_SHARE", 0.2, "customers"),
        ("MISSING_ANSWERS", 0.3, "responses"),
        ("MONTHS_BEFORE_SILENCE", 2, "complaints"),
        ("PARTS", [*example.PARTS[:-1], "another part", "events"], "events"),
    ],
)
def test_a_change_to_one_part_leaves_the_others(monkeypatch, committed, setting, value, changed):
    monkeypatch.setattr(example, setting, value)
    company = example.company()
    for name in TABLES:
        same = getattr(company, name).equals(getattr(committed, name))
        assert same == (name != changed), name


# --- what a user can do wrong -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed is -1; give a whole number, 0 or more"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": None}, "seed is None"),
        ({"seed": True}, "seed is True"),
        ({"months": 35}, "months is 35; give a whole number, from 36 to 120"),
        ({"months": 121}, "months is 121"),
        ({"months": "36"}, "months is '36'"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        example.company(**arguments)


def test_command_writes_the_files(tmp_path, capsys):
    assert example.main([str(tmp_path / "new" / "folder")]) == 0
    written = list((tmp_path / "new" / "folder").rglob("*.csv"))
    assert f"{len(written)} files written" in capsys.readouterr().out
    assert {path.name for path in written} >= {f"{name}.csv" for name in TABLES}


def test_command_says_where_it_cannot_write(tmp_path, capsys):
    (tmp_path / "taken").write_text("a file, not a folder")
    assert example.main([str(tmp_path / "taken")]) == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "taken") in said
    assert "name a folder that can be written to" in said
