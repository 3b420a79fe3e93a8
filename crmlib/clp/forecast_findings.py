"""What a manager should know of a forecast, in sentences: page one of the forecast report."""

import re

import numpy as np
import pandas as pd

from crmlib.clp.backtest import Backtest
from crmlib.clp.customer_profit import whale_curve
from crmlib.clp.forecast import Forecast
from crmlib.clp.forecast_views import likely_range, of_the_first
from crmlib.clp.simple_rules import SIMPLE_RULES
from crmlib.findings import Finding, amount, counted, listed

ENDS = ("percent", "low", "high")
"""A coverage and the ends of its interval."""


def forecast_findings(
    planned: Forecast,
    valued: Forecast,
    check: Backtest,
    *,
    period: str,
    money: str,
    outcome: pd.DataFrame | None = None,
    repeated: int = 0,
) -> list[Finding]:
    """Findings of the forecast report.

    What is to come, how far to trust it, which method says so, where the value is; and, where
    it is known, what did come, or where the table should be looked at first.

    Parameters
    ----------
    planned : Forecast
        Not discounted, with ``check``: money as it will be booked.
    valued : Forecast
        The same discounted.
    check : Backtest
        Of all methods on the same customers.
    period, money : str
        Unit of time and of money, for the sentences.
    outcome : DataFrame, optional
        One row: what came, from `outcome_check`.
    repeated : int
        Rows that stand in the table more than once.

    Returns
    -------
    list of Finding
        Four or five.
    """
    findings = [
        worth_finding(planned, valued, check, period, money),
        trust_finding(planned, check, period, money),
        method_finding(planned, check, money),
        concentration_finding(planned, check),
    ]
    if outcome is not None:
        findings.insert(2, outcome_finding(outcome, planned, period, money))
    elif repeated:
        findings.append(repeated_finding(repeated))
    return findings


def worth_finding(
    planned: Forecast, valued: Forecast, check: Backtest, period: str, money: str
) -> Finding:
    """What the customers known today will bring, with the range and what it is worth today."""
    total = planned.total.iloc[0]
    worth = total["profit"]
    customers = int(total["customers"])
    who = "The one customer" if customers == 1 else f"The {customers:,} customers"
    brings = f"{'bring' if worth > 0 else 'cost'} about {amount(abs(worth), worth)} {money}"
    if round(worth) == 0:
        brings = "bring no profit"
    text = (
        f"{who} known today will {brings} in the next {counted(planned.periods, period)}"
        f"{range_words(planned, check)}"
    )
    return Finding(text, f"{range_sentence(planned)} {today_sentence(valued, period, money)}")


def range_words(planned: Forecast, check: Backtest) -> str:
    """The likely range, or how far off the method was, or that neither can be said."""
    worth = planned.total["profit"].item()
    low, high = likely_range(planned)
    ends = between(low, high, worth) if worth >= 0 else between(-high, -low, worth)
    if low <= worth <= high:
        return f": likely {ends}."
    if not np.isnan(low):
        return f", but by its errors at earlier dates rather {ends}."
    ratio = of_method(check.total_ratio, planned.method)["ratio"].dropna()
    if has_errors(planned):
        return (
            f". That may be far off: at {len(ratio)} earlier dates what came was "
            f"{ratio.min():.2f} to {ratio.max():.2f} times the forecast."
        )
    return "; how far off that may be cannot be said."


def has_errors(forecast: Forecast) -> bool:
    """Whether the total has a range from past errors."""
    return bool(pd.notna(forecast.total.iloc[0].get("low_from_errors", np.nan)))


def range_sentence(forecast: Forecast) -> str:
    """Where the range of the total is from, and what other range there is."""
    total = forecast.total.iloc[0]
    is_own, level = pd.notna(total["low"]), f"{forecast.confidence:.0%}"
    own = between(total["low"], total["high"], total["profit"]) if is_own else ""
    if has_errors(forecast):
        found = between(total["low_from_errors"], total["high_from_errors"], total["profit"])
        if np.isnan(likely_range(forecast)[0]):
            words = f"A {level} range from so few dates goes from {found}"
        else:
            words = f"The {level} range is from how far the same method was off at earlier dates"
        if not is_own:
            return f"{words}."
        return f"{words}; the model's own, which takes the model to be right, is {own}."
    if not is_own:
        return "The method has no interval, and its errors at earlier dates give none."
    return f"The {level} range takes the model to be right: its errors at earlier dates give none."


def today_sentence(valued: Forecast, period: str, money: str) -> str:
    """What the same profit is worth today, and what is not in it."""
    worth = valued.total["profit"].item()
    return (
        f"In today's money, at {valued.rate:.2%} a {period}: {amount(worth, worth)} {money}. "
        "Customers won from now on are not counted."
    )


def between(low: float, high: float, scale: float) -> str:
    """Two ends of a range in words."""
    return f"{amount(low, scale)} to {amount(high, scale)}"


def trust_finding(planned: Forecast, check: Backtest, period: str, money: str) -> Finding:
    """What the same method would have said before the last periods, and what came."""
    mine = of_method(check.origins, planned.method).sort_values("cut")
    if mine.empty or mine["total_forecast"].isna().all():
        return Finding(
            "How far to trust this forecast has not been tried.",
            f'"{planned.method}" could not be run on any earlier date.',
        )
    last = mine.iloc[-1]
    came = last["total_actual"]
    text = (
        f"Made {counted(check.horizon, period)} ago, the same method would have said "
        f"{amount(last['total_forecast'], came)} {money}; {amount(came, came)} came "
        f"({off_words(last)})."
    )
    return Finding(text, f"{earlier_sentence(mine)} {customers_sentence(planned, check)}")


def of_method(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Rows of one method."""
    return table[table["method"] == method]


def off_words(row: pd.Series) -> str:
    """How far a forecast of the total was off, in words."""
    more = row["total_forecast"] - row["total_actual"]
    side = "high" if more > 0 else "low"
    error = abs(row["total_error_percent"])
    if np.isnan(error):  # nothing or a loss came: there is no per cent of it
        return f"{amount(abs(more), more)} too {side}" if round(more) else "right"
    return f"{error:,.0f}% too {side}" if round(error) else "off by less than 1%"


def earlier_sentence(mine: pd.DataFrame) -> str:
    """How it did at the dates before the last."""
    before = mine.iloc[:-1]
    if before.empty:
        return "No earlier date could be tried."
    noun = "date" if len(before) == 1 else f"{len(before)} dates"
    return f"At the {noun} before that: {listed([off_words(row) for _, row in before.iterrows()])}."


def customers_sentence(planned: Forecast, check: Backtest) -> str:
    """How often the intervals of single customers and of the total held."""
    row = of_method(check.table, planned.method).iloc[0]
    if np.isnan(row["coverage_percent"]):
        return "It gives no interval for a single customer."
    return (
        f"Its {check.confidence:.0%} intervals for single customers held what came in "
        f"{row['coverage_percent']:.0f}% of cases, those for the total in {row['total_inside']}."
    )


def method_finding(planned: Forecast, check: Backtest, money: str) -> Finding:
    """Which method forecasts, and whether a simple rule would do as well."""
    rule = best_simple_rule(check)
    chosen = planned.method
    if chosen in SIMPLE_RULES:
        text = f"The simple rule “{chosen}” forecasts these customers"
        text += "; no model is clearly better." if chosen == check.best else ", as was asked."
    elif rule is None:
        text = f"“{chosen}” forecasts these customers; no simple rule could be tried beside it."
    elif is_as_good(check, rule):
        text = (
            f"“{chosen}” forecasts these customers, but the simple rule “{rule}” does as well for "
            "single customers."
        )
    else:
        text = f"“{chosen}” forecasts these customers better than any simple rule does."
    reason = re.sub('"([^"]+)"', r"“\1”", check.reason)
    parts = [reason if chosen == check.best else f"The backtest prefers “{check.best}”."]
    if rule is not None and chosen in check.table["method"].to_list():
        parts.append(errors_sentence(check, chosen, rule, money))
    return Finding(text, " ".join(parts))


def best_simple_rule(check: Backtest) -> str | None:
    """The simple rule with the smallest error for single customers."""
    rows = check.table[check.table["method"].isin(SIMPLE_RULES)].dropna(subset="rmse")
    return None if rows.empty else str(rows.sort_values("rmse", kind="stable")["method"].iloc[0])


def is_as_good(check: Backtest, method: str) -> bool:
    """Whether a method cannot be told from the one with the smallest error."""
    row = of_method(check.comparison, method)
    return bool(row.empty or not row["distinguishable"].iloc[0])


def errors_sentence(check: Backtest, chosen: str, rule: str, money: str) -> str:
    """Mean error of the method and of the simple rule, and how far their totals were off."""
    mine, other = (of_method(check.table, name).iloc[0] for name in (chosen, rule))
    scale = mine["rmse"]
    if chosen == rule:
        return f"Its typical error for a customer (RMSE) is {amount(scale, scale)} {money}."
    return (
        f"Typical error for a customer (RMSE): {amount(scale, scale)} {money}, by “{rule}” "
        f"{amount(other['rmse'], scale)}; totals were {off_words(mine)} and {off_words(other)}."
    )


def concentration_finding(planned: Forecast, check: Backtest) -> Finding:
    """How much of the profit lies with how few customers, and whether they can be told."""
    value = planned.customers["profit"]
    shares = whale_curve(planned.customers)
    below = int((value < 0).sum())
    losing = f"{counted(below, 'customer')} will cost more than they bring. " if below else ""
    if len(shares) < 10:
        return Finding(
            "How the profit is spread cannot be said of so few customers.",
            f"There is less than one in a tenth of {counted(len(shares), 'customer')}. {losing}",
        )
    first, second = of_the_first(shares, 0.1), of_the_first(shares, 0.2)
    seen = caught_sentence(check, planned.method)
    if np.isnan(first["profit_share"]):
        return Finding(
            "All customers together bring no profit, so there are no shares of it.",
            f"{losing}{seen}".strip(),
        )
    return Finding(
        f"10% of the customers ({int(first['rank']):,}) will bring "
        f"{first['profit_share']:.0%} of the profit, 20% ({int(second['rank']):,}) bring "
        f"{second['profit_share']:.0%}.",
        f"{losing}{seen}",
    )


def caught_sentence(check: Backtest, method: str) -> str:
    """What the foremost by forecast really brought, and the foremost by a simple rule."""
    caught = check.table.set_index("method")["top_20_percent"]
    if pd.isna(caught.get(method, np.nan)):
        return ""
    words = (
        f"In the backtest the 20% with the highest forecasts brought {caught[method]:.0f}% of "
        "what came"
    )
    rules = caught[caught.index.isin(SIMPLE_RULES)].drop(method, errors="ignore").dropna()
    if rules.empty:
        return f"{words}."
    return f"{words}; those foremost by “{rules.idxmax()}” brought {rules.max():.0f}%."


def outcome_finding(outcome: pd.DataFrame, planned: Forecast, period: str, money: str) -> Finding:
    """What did come, where it is known, held against every interval."""
    row = outcome.iloc[0]
    came = row["total_actual"]
    return Finding(
        f"What came in these {counted(planned.periods, period)} is known here: "
        f"{amount(came, came)} {money}; the forecast is {off_words(row)}.",
        f"{ranges_sentence(row, planned)} {intervals_sentence(row, planned)}".strip(),
    )


def ranges_sentence(row: pd.Series, planned: Forecast) -> str:
    """Whether the ranges of the total held what came."""
    low, high = likely_range(planned)
    own = planned.total.iloc[0][["low", "high"]].to_list()
    if np.isnan(low):
        return ""
    held = low <= row["total_actual"] <= high
    words = f"It {'lies' if held else 'does not lie'} in the range above"
    words += f" ({between(low, high, row['total_actual'])})"
    if np.isnan(own[0]) or own == [low, high]:
        return f"{words}."
    own_held = own[0] <= row["total_actual"] <= own[1]
    joint = ("and" if own_held else "but not") if held else ("but" if own_held else "nor")
    return f"{words}{',' if held != own_held or not held else ''} {joint} in the model's own."


def intervals_sentence(row: pd.Series, planned: Forecast) -> str:
    """How many intervals of single customers held what came, the model's and those from errors."""
    parts = []
    for suffix, whose in (("", "the model's own"), ("_from_errors", "those from past errors")):
        number = row.get(f"intervals{suffix}", 0)
        if number > 0:
            share, low, high = (row[f"coverage_{name}{suffix}"] for name in ENDS)
            parts.append(
                f"of {whose} ({int(number):,}) {share:.0f}% did ({low:.0f} to {high:.0f}%)"
            )
    if not parts:
        return "There are no intervals for single customers."
    return (
        f"Intervals for single customers should hold what comes in {planned.confidence:.0%}: "
        f"{' and '.join(parts)}."
    )


def repeated_finding(repeated: int) -> Finding:
    """A warning where rows stand in the table more than once."""
    have = "1 row stands" if repeated == 1 else f"{repeated:,} rows stand"
    return Finding(
        f"Check first: {have} in the table more than once, equal in every column.",
        "They are counted as they stand. If they were booked twice, take the copies out and run "
        "the report again: they make customers look busier than they are.",
    )
