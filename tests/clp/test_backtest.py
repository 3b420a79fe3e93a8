"""Every method on the same held-out periods.

Oracles: methods whose forecasts are known beforehand, sums by hand, the truth of the example
company, and real purchases.
"""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib import tables
from crmlib.clp.backtest import backtest, forecast
from crmlib.clp.base import customer_base
from crmlib.clp.forecast import assemble, outcome_check
from crmlib.clp.methods import METHODS
from crmlib.clp.past_errors import customers_from_errors
from crmlib.clp.simple_rules import SIMPLE_RULES
from crmlib.errors import InputError
from tests.clp.made_bases import transactions


@pytest.fixture(scope="module")
def base():
    return customer_base(transactions(), cost="cost", observed_until="2024-11-30")


def made(level, spread=np.nan):
    """Method that forecasts the same for every customer, give or take."""

    def method(base, *, periods, rate, when, confidence, seed):
        assert rate == 0
        table = pd.DataFrame({"profit": np.full(len(base.customers), float(level))})
        table = table.assign(low=level - spread, high=level + spread, basis="made")
        n = len(table)
        return assemble(
            base, "made", table, periods=periods, rate=rate, when=when, confidence=confidence,
            total=(n * (level - spread), n * (level + spread)),
        )  # fmt: skip

    return method


def test_scores_are_those_of_the_forecasts_against_the_transactions(base):
    check = backtest(
        base, horizon=4, origins=2, methods={"low": made(10), "wide": made(100, 80)}, seed=1
    )
    rows = transactions()
    rows["profit"] = rows["amount"] - rows["cost"]
    cuts = [dt.date(2024, 7, 31), dt.date(2024, 5, 31)]
    assert list(check.origins["cut"].unique()) == cuts
    actual = []
    for cut in cuts:
        start = pd.Timestamp(cut) + pd.Timedelta(days=1)
        held_out = rows[(rows["date"] >= start) & (rows["date"] < start + pd.DateOffset(months=4))]
        known = rows.loc[rows["date"] < start, "customer_id"].unique()
        sums = held_out.groupby("customer_id")["profit"].sum()
        actual.append(sums.reindex(sorted(known), fill_value=0.0))
    everyone = np.concatenate(actual)
    table = check.table.set_index("method")
    assert table.loc["wide", "rmse"] == pytest.approx(np.sqrt(((100 - everyone) ** 2).mean()))
    assert table.loc["low", "mae"] == pytest.approx(np.abs(10 - everyone).mean())
    assert table.loc["low", "total_actual"] == pytest.approx(everyone.sum())
    assert table.loc["wide", "coverage_percent"] == pytest.approx(
        100 * ((everyone >= 20) & (everyone <= 180)).mean()
    )
    inside = [20 <= sums.mean() <= 180 for sums in actual]
    assert table.loc["wide", "total_inside"] == f"{sum(inside)} of 2"
    assert table.loc["low", "total_inside"] == "no interval"
    errors = [abs(100 * (10 * len(sums) / sums.sum() - 1)) for sums in actual]
    assert table.loc["low", "absolute_total_error_percent"] == pytest.approx(np.mean(errors))
    ratio = check.total_ratio.set_index(["method", "cut"])["ratio"]
    assert ratio["wide", cuts[1]] == pytest.approx(actual[1].sum() / (100 * len(actual[1])))


def test_a_method_sees_nothing_that_came_later(base):
    seen = []

    def spy(base, **terms):
        seen.append((base.last_day, base.daily["day"].max(), base.history.table["period"].max()))
        return made(1)(base, **terms)

    backtest(base, horizon=3, origins=3, methods={"spy": spy}, seed=1)
    assert [last for last, *_ in seen] == [
        dt.date(2024, 8, 31),
        dt.date(2024, 7, 31),
        dt.date(2024, 6, 30),
    ]
    for last, day, period in seen:
        assert day <= pd.Timestamp(last)
        assert period <= pd.Timestamp(last)


def test_a_method_that_cannot_run_is_told_and_stops_no_other(base):
    def fails(base, **terms):
        if base.last_day < dt.date(2024, 6, 30):
            raise InputError("Made: too little is known. Wait a while.")
        return made(20)(base, **terms)

    def never(base, **terms):
        raise InputError("Made: nothing is known. Give up.")

    methods = {"fails": fails, "never": never, "runs": made(10)}
    check = backtest(base, horizon=4, origins=3, methods=methods, seed=1)
    table = check.table.set_index("method")
    assert list(table.index) == list(methods)
    assert table["origins"].tolist() == [1, 0, 3]
    assert table.loc["fails", "note"] == "2 of 3 origins: Made: too little is known."
    assert np.isnan(table.loc["never", "rmse"])
    assert table.loc["never", "total_inside"] == "did not run"
    assert list(check.comparison["method"]) == ["runs"]
    assert check.best == "runs"
    assert any("Give up." in note for note in check.notes)
    with pytest.raises(InputError, match=r"No method ran at every origin.*nothing is known"):
        backtest(base, horizon=4, methods={"never": never}, seed=1)


def test_an_error_that_is_no_user_s_is_not_hidden(base):
    def broken(base, **terms):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        backtest(base, horizon=4, methods={"broken": broken}, seed=1)


def test_segments_divide_the_customers(base):
    names = pd.DataFrame({"customer_id": base.customers, "segment": "rest"})
    names.loc[:19, "segment"] = "first"
    names = names.iloc[:50]
    check = backtest(base, horizon=4, methods={"a": made(10)}, segments=names, seed=1)
    segments = check.segments.set_index("segment")
    assert set(segments.index) == {"first", "rest", "no segment"}
    assert segments["total_actual"].sum() == pytest.approx(check.table["total_actual"].item())
    assert segments.loc["first", "customers"] == 20
    as_series = names.set_index("customer_id")["segment"]
    again = backtest(base, horizon=4, methods={"a": made(10)}, segments=as_series, seed=1)
    pd.testing.assert_frame_equal(check.segments, again.segments)


def test_segments_that_cannot_be_used_are_refused(base):
    names = pd.DataFrame({"customer_id": ["a", "a"], "segment": ["x", "y"]})
    for wrong, message in [
        (names, "more than once"),
        (names.assign(more=1), "one more"),
    ]:
        with pytest.raises(InputError, match=message):
            backtest(base, horizon=4, methods={"a": made(1)}, segments=wrong, seed=1)


def test_a_day_instead_of_origins(base):
    check = backtest(base, horizon=4, cut="2024-04-15", methods={"a": made(10)}, seed=1)
    assert check.origins["cut"].tolist() == [dt.date(2024, 3, 31)]


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"horizon": 22}, "spans 23 months.*at most 21"),
        ({"horizon": 0}, "1 or more"),
        ({"horizon": 4, "origins": 0}, "1 or more"),
        ({"horizon": 4, "cut": "2022-01-01"}, "outside the base"),
        ({"horizon": 4, "cut": "2024-10-31"}, "holds 1 month, not the 4"),
        ({"horizon": 4, "cut": "31.10.2024"}, "write the day"),
        ({"horizon": 4, "methods": ["guess"]}, "no method 'guess'.*own average"),
        ({"horizon": 4, "confidence": 95}, "fraction"),
    ],
)
def test_what_cannot_be_is_refused(base, terms, message):
    with pytest.raises(InputError, match=message):
        backtest(base, **({"methods": {"a": made(1)}} | terms), seed=1)


def test_a_history_too_short_to_hold_anything_out_is_told():
    rows = transactions()
    rows = rows[rows["date"] < "2023-03-01"]
    short = customer_base(rows, cost="cost", observed_until="2023-02-28")
    with pytest.raises(InputError, match=r"spans 2 months\. That is too short"):
        backtest(short, horizon=1, methods={"a": made(1)}, seed=1)


def test_fewer_origins_than_asked_are_told(base):
    check = backtest(base, horizon=10, origins=5, methods={"a": made(10)}, seed=1)
    assert len(check.origins) == 1
    assert "1 origin instead of 5" in check.notes[0]
    check = backtest(base, horizon=15, origins=1, methods={"a": made(10)}, seed=1)
    assert "Only 8 months of history for 15" in check.notes[0]


def test_the_interval_from_errors_is_that_of_one_more_ratio(base):
    rules = list(SIMPLE_RULES)
    check = backtest(base, horizon=4, origins=4, methods=rules, seed=1)
    made = forecast(base, "own average", periods=4, rate=0.0, seed=1, check=check)
    logs = np.log(check.total_ratio.set_index("method").loc["own average", "ratio"])
    half = stats.t.ppf(0.975, 3) * logs.std(ddof=1) * np.sqrt(1 + 1 / 4)
    total = made.total.iloc[0]
    assert total["low_from_errors"] == pytest.approx(total["profit"] * np.exp(logs.mean() - half))
    assert total["high_from_errors"] == pytest.approx(total["profit"] * np.exp(logs.mean() + half))


def past_and_future(random, customers=4000):
    """Skewed errors whose size and mean depend on the forecast, before and after."""
    before = np.where(random.random(customers) < 0.3, 0.0, random.gamma(1.0, 100, customers))
    return before, before + (random.gamma(0.5, 1.0, customers) - 0.8) * (5 + before)


@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_intervals_from_errors_hold_what_they_say_whatever_the_method(base, rate):
    random = np.random.default_rng(8)
    past, actual = past_and_future(random)
    profit, came = past_and_future(random)
    worth = (1 + rate) ** -np.arange(1.0, 5.0)
    made = forecast(base, "own average", periods=4, rate=rate, seed=1)
    customers = pd.DataFrame({"profit": profit * worth.mean()})
    made = dataclasses.replace(made, customers=customers, confidence=0.9)
    low, high = customers_from_errors(made, pd.DataFrame({"forecast": past, "actual": actual}))
    inside = (low <= came * worth.mean()) & (came * worth.mean() <= high)
    assert inside.mean() == pytest.approx(0.9, abs=0.02)
    for part in (profit == 0, (profit > 0) & (profit < 50), profit > 150):
        assert inside[part].mean() == pytest.approx(0.9, abs=0.05)


def test_too_few_errors_make_no_interval(base):
    made = forecast(base, "own average", periods=4, rate=0.0, seed=1)
    few = pd.DataFrame({"forecast": np.arange(39.0), "actual": 1.0})
    low, high = customers_from_errors(made, few)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@pytest.mark.parametrize(
    ("periods", "origins", "message"),
    [(6, 3, "do not tell those over 6"), (4, 2, "three origins or more")],
)
def test_without_like_errors_there_is_no_interval_from_them(base, periods, origins, message):
    check = backtest(base, horizon=4, origins=origins, methods=["own average"], seed=1)
    made = forecast(base, "own average", periods=periods, rate=0.0, seed=1, check=check)
    assert np.isnan(made.total["low_from_errors"].item())
    assert made.customers["low_from_errors"].isna().all() == (periods == 6)
    assert message in made.notes[-1]


@pytest.mark.parametrize("periods", [0, -3])
def test_no_time_ahead_is_refused(base, periods):
    with pytest.raises(InputError, match="look ahead at least one month"):
        forecast(base, "own average", periods=periods, rate=0.0, seed=1)


def test_a_rate_in_per_cent_is_refused(base):
    with pytest.raises(InputError, match="Did you mean"):
        forecast(base, "own average", periods=4, rate=1.25, seed=1)


def odd_bases():
    plain = transactions(40)
    once = plain.drop_duplicates("customer_id")
    yield "all bought once", once, "2024-11-30"
    yield "all churned", transactions(40, latest=250), "2024-11-30"
    yield "one customer", plain[plain["customer_id"] == "C003"], "2024-11-30"
    refunded = plain.copy()
    refunded.loc[::3, ["amount", "cost"]] *= -1
    yield "refunds", refunded, "2024-11-30"
    yield "negative margin", plain.assign(cost=2 * plain["amount"]), "2024-11-30"
    yield "zero margin", plain.assign(cost=plain["amount"]), "2024-11-30"
    yield "all for nothing", plain.assign(amount=0.0), "2024-11-30"


ODD = list(odd_bases())


@pytest.mark.parametrize(("rows", "end"), [odd[1:] for odd in ODD], ids=[odd[0] for odd in ODD])
def test_odd_bases_give_a_table_in_which_every_method_ran_or_says_why(rows, end):
    base = customer_base(rows[rows["date"] <= end], cost="cost", observed_until=end)
    check = backtest(base, horizon=4, origins=1, seed=1)
    table = check.table
    assert list(table["method"]) == list(METHODS)
    ran = table["origins"] == 1
    assert table.loc[ran, "rmse"].notna().all()
    assert (table.loc[~ran, "note"].str.len() > 20).all()
    assert ran[table["method"].isin(SIMPLE_RULES)].all()
    known = rows.loc[rows["date"] <= "2024-07-31", "customer_id"].unique()
    came = base.profit_between(dt.date(2024, 8, 1), dt.date(2024, 11, 30))[known].sum()
    assert table.loc[ran, "total_actual"].tolist() == pytest.approx([came] * ran.sum(), abs=1e-6)
    assert forecast(base, check.best, periods=4, rate=0.0, seed=1).total["profit"].notna().all()


def test_the_same_seed_gives_the_same_table(base):
    first, again = (backtest(base, horizon=4, origins=1, seed=5) for _ in range(2))
    for name in ("table", "comparison", "forecasts"):
        frames = [getattr(check, name) for check in (first, again)]
        frames = [frame.drop(columns="seconds", errors="ignore") for frame in frames]
        pd.testing.assert_frame_equal(*frames)


@pytest.mark.slow
def test_real_purchases_of_a_music_shop(shared):
    """CDNOW master: the models of purchases do best, and the table tells what each costs."""
    rows = tables.read(
        shared / "data" / "cdnow_master.txt",
        kind="transactions",
        columns={"amount": "dollar_value"},
    )
    base = customer_base(rows, margin_rate=0.3)
    check = backtest(base, horizon=9, origins=3, seed=1)
    table = check.table.set_index("method")
    assert (table["customers"].dropna() == 23_570).all()
    later = rows.frame[rows.frame["date"] > "1997-09-30"]
    assert table["total_actual"].dropna().tolist() == pytest.approx(
        [0.3 * later["amount"].sum()] * int(table["total_actual"].notna().sum()), abs=0.01
    )
    assert check.best in ("BG/NBD + Gamma-Gamma", "Pareto/NBD + Gamma-Gamma")
    assert table.loc[check.best, "rmse"] < 0.85 * table.loc[list(SIMPLE_RULES), "rmse"].min()
    assert 93 < table.loc[check.best, "coverage_percent"] < 98
    assert table["seconds"].sum() < 60


@pytest.mark.slow
def test_the_truth_of_example_companies():
    """What each interval holds of the true profits of the 12 months after the last observed."""
    for seed in (1, 2):
        company = tables.example.company(seed)
        base = customer_base(company.transactions, cost="cost", observed_until="2025-12-31")
        check = backtest(base, horizon=12, seed=1)
        assert check.best == "life-cycle curves"
        made = forecast(base, check.best, periods=12, rate=0.0, seed=1, check=check)
        months = company.truth.months
        future = months[~months["observed"]]
        row = outcome_check(made, future, date="month").iloc[0]
        expected = future[future["month"] < future["month"].min() + pd.DateOffset(months=12)]
        known = expected[expected["customer_id"].isin(base.customers)]
        assert row["total_actual"] == pytest.approx(known["profit"].sum())
        assert abs(row["total_error_percent"]) < 20
        total = made.total.iloc[0]
        assert total["low_from_errors"] <= row["total_actual"] <= total["high_from_errors"]
        # Held by being wide: as wide as the docstring of `forecast` says, not any wider.
        assert 2.0 < total["high_from_errors"] / total["low_from_errors"] < 7.0
        assert row["coverage_percent_from_errors"] == pytest.approx(93, abs=3)
