"""What a manager should know of a forecast, in sentences: page one of the forecast report."""

import re

import numpy as np
import pandas as pd

from crmlib.clp.backtest import Backtest
from crmlib.clp.customer_profit import whale_curve
from crmlib.clp.forecast import Forecast
from crmlib.clp.forecast_views import (
    counts_in_multiples,
    of_the_first,
    past_range,
    past_totals,
)
from crmlib.clp.repeated_findings import repeated_finding
from crmlib.clp.simple_rules import SIMPLE_RULES
from crmlib.findings import Finding, amount, counted, listed

ENDS = ("percent", "low", "high")
"""A coverage and the ends of its interval."""

FEW = 4
"""Dates of the past of which each is told; of more, the least and the most."""

NEARLY_ALIKE = 1.2
"""Times its share of the customers that the first tenth brings where all forecasts are alike."""


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
        findings.insert(2, outcome_finding(outcome, planned, check, period, money))
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
        f"{who} known today will {brings} in the next {counted(planned.periods, period)}. "
        f"{past_sentence(planned, check)}"
    )
    return Finding(
        text, f"{own_range_sentence(planned, check)} {today_sentence(valued, period, money)}"
    )


def past_sentence(planned: Forecast, check: Backtest) -> str:
    """What came at earlier dates of what was forecast, and what as much would be now."""
    past = past_totals(check, planned.method)
    total = planned.total["profit"].item()
    if past.empty:
        return "How far off that may be has not been tried."
    if counts_in_multiples(past, total):
        came = f"{ratios_words(past['ratio'])} times the forecast came"
    else:
        came = differences_words(past["actual"] - past["forecast"], past["forecast"].abs().max())
    dates = "At the one earlier date" if len(past) == 1 else f"At {len(past)} earlier dates"
    if check.horizon != planned.periods:
        dates += f", over {counted(check.horizon, check.period)},"
    low, high = past_range(planned, check)
    if np.isnan(low) or round(low) == round(high):
        return f"{dates} {came}."
    return f"{dates} {came}; as far off again, that is {between(low, high, total or high)}."


def ratios_words(ratio: pd.Series) -> str:
    """Multiples of the forecast, each of them or the least and the most."""
    if len(ratio) > FEW:
        return f"{ratio.min():.2f} to {ratio.max():.2f}"
    return listed([f"{one:.2f}" for one in ratio])


def differences_words(more: pd.Series, scale: float) -> str:
    """What came beyond the forecasts, or was missing."""
    if not more.round().any():
        return "what was forecast came"
    told = [more.min(), more.max()] if len(more) > FEW else more.to_list()
    words = [
        f"{amount(abs(one), max(scale, abs(one)))} {'less' if one < 0 else 'more'}" for one in told
    ]
    joined = " to ".join(words) if len(more) > FEW else listed(words)
    return f"{joined} than forecast came"


def own_range_sentence(planned: Forecast, check: Backtest) -> str:
    """The method's own range, what it takes for true, and how often such ranges held."""
    total = planned.total.iloc[0]
    if pd.isna(total["low"]):
        return "The method has no range of its own."
    own = between(total["low"], total["high"], total["profit"])
    words = f"The model's own {planned.confidence:.0%} range, if the model is right: {own}"
    inside = of_method(check.table, planned.method)["total_inside"]
    held = inside[inside.str.contains(" of ")]
    return f"{words}." if held.empty else f"{words}; such ranges held in {held.iloc[0]} tries."


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
        f"{row['coverage_percent']:.0f}% of cases."
    )


def method_finding(planned: Forecast, check: Backtest, money: str) -> Finding:
    """Which method forecasts, and whether a simple rule would do as well."""
    rule, chosen = best_simple_rule(check), planned.method
    alike = [name for name in check.comparison["method"] if name in SIMPLE_RULES]
    alike = [f"“{name}”" for name in alike if is_as_good(check, name)]
    is_simple = chosen in SIMPLE_RULES
    forecasts = f"{'The simple rule ' if is_simple else ''}“{chosen}” forecasts these customers"
    if chosen != check.best:
        text = f"{forecasts}, as was asked."
    elif is_simple:
        text = f"{forecasts}; no model is clearly better."
    elif rule is None:
        text = f"{forecasts}; no simple rule could be tried beside it."
    elif alike:
        noun = "rule" if len(alike) == 1 else "rules"
        text = (
            f"{forecasts}, but the simple {noun} {listed(alike)} may do as well for single "
            "customers."
        )
    else:
        text = f"{forecasts} better than any simple rule does."
    reason = re.sub('"([^"]+)"', r"“\1”", check.reason)
    parts = [reason if chosen == check.best else f"The backtest prefers “{check.best}”."]
    if rule is not None and chosen in check.table["method"].to_list():
        parts.append(errors_sentence(check, chosen, rule, money))
        parts.append("" if is_simple else closest_sentence(check, chosen))
    return Finding(text, " ".join(part for part in parts if part))


def best_simple_rule(check: Backtest) -> str | None:
    """The simple rule with the smallest error for single customers."""
    rows = check.table[check.table["method"].isin(SIMPLE_RULES)].dropna(subset="rmse")
    return None if rows.empty else str(rows.sort_values("rmse", kind="stable")["method"].iloc[0])


def is_as_good(check: Backtest, method: str) -> bool:
    """Whether a method cannot be told from the one with the smallest error."""
    return not of_method(check.comparison, method)["distinguishable"].iloc[0]


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


def closest_sentence(check: Backtest, chosen: str) -> str:
    """At which of several dates a simple rule came closest to the method, and how close."""
    errors = check.origins.pivot_table(index="cut", columns="method", values="rmse")
    rules = errors[[name for name in errors.columns if name in SIMPLE_RULES]]
    if len(errors) < 2 or rules.empty or chosen not in errors:
        return ""
    more = rules.div(errors[chosen], axis=0).sub(1).mul(100)
    if not np.isfinite(more.to_numpy()).all():
        return ""
    percents = more.to_numpy(dtype=float)
    place, which = divmod(int(percents.argmin()), percents.shape[1])
    percent, name = percents[place, which], more.columns[which]
    day = f"{pd.Timestamp(str(more.index[place])):%b %Y}"
    side = "smaller" if percent < 0 else "larger"
    return (
        f"A simple rule came closest from the end of {day}: “{name}”, its error "
        f"{abs(percent):.0f}% {side}."
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
    if value.sum() > 0 and first["profit_share"] < NEARLY_ALIKE * first["customer_share"]:
        return Finding(
            f"“{planned.method}” cannot tell these customers apart: it forecasts nearly the same "
            "for all.",
            f"It says nothing of where the profit lies. {losing}{seen}".strip(),
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


def outcome_finding(
    outcome: pd.DataFrame, planned: Forecast, check: Backtest, period: str, money: str
) -> Finding:
    """What did come, where it is known, held against every interval."""
    row = outcome.iloc[0]
    came = row["total_actual"]
    return Finding(
        f"What came in these {counted(planned.periods, period)} is known here: "
        f"{amount(came, came)} {money}; the forecast is {off_words(row)}.",
        f"{ranges_sentence(came, planned, check)} {intervals_sentence(row, planned)}".strip(),
    )


def ranges_sentence(came: float, planned: Forecast, check: Backtest) -> str:
    """Whether errors as in the past and the model's own range would have held what came."""
    parts = []
    low, high = past_range(planned, check)
    if not np.isnan(low):
        is_in = "is" if low <= came <= high else "is not"
        parts.append(f"it {is_in} within what errors as at earlier dates give")
    low, high = planned.total.iloc[0][["low", "high"]]
    if not np.isnan(low):
        is_in = "is" if low <= came <= high else "is not"
        parts.append(f"it {is_in} within the model's own range")
    if not parts:
        return ""
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}."


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
