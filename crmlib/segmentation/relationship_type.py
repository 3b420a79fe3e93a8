"""Kotler's five types of relationship, chosen by the number of customers and the margin."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlib import tables
from crmlib.columns import Array, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.segmentation.concentration import check_fraction
from crmlib.segmentation.customer_totals import customer_totals
from crmlib.transaction_rows import check_profit_source, money_rows

CHOICES = {
    ("many", "low"): "basic or reactive",
    ("many", "medium"): "reactive",
    ("many", "high"): "accountable",
    ("medium", "low"): "reactive",
    ("medium", "medium"): "accountable",
    ("medium", "high"): "proactive",
    ("few", "low"): "accountable",
    ("few", "medium"): "proactive",
    ("few", "high"): "partnership",
}
"""Type of relationship by number of customers and margin (Kotler)."""

ACTIONS = {
    "basic or reactive": "sell; at most ask customers to get in touch when something is wrong",
    "reactive": "sell, and ask customers to get in touch with questions and complaints",
    "accountable": "call soon after the sale: does it do what was hoped for, what could be better",
    "proactive": "call from time to time with ideas for better use and with new products",
    "partnership": "work with the customer all the time on how it does better business",
}
"""What each type of relationship asks of the company."""

NOT_GIVEN = "not given"
"""What a line is called of which rows have no name."""

SUMS = ("customers", "revenue", "profit", "margin", "margin_low", "margin_high")
"""Columns of `line_margins`, besides the line."""


@dataclass(frozen=True)
class RelationshipType:
    """Type of relationship advised, and why.

    Attributes
    ----------
    type : str
        Basic or reactive, reactive, accountable, proactive, partnership.
    customers_level : str
        Few, medium or many.
    margin_level : str
        Low, medium or high.
    action : str
        What it asks of the company.
    reason : str
    """

    type: str
    customers_level: str
    margin_level: str
    action: str
    reason: str


def relationship_type(
    n_customers: int,
    margin: float,
    *,
    few: int,
    many: int,
    low_margin: float,
    high_margin: float,
) -> RelationshipType:
    """Choose among Kotler's five types of relationship (basic 基本型, reactive 被动型, accountable
    负责型, proactive 能动型, partnership 伙伴型).

    Parameters
    ----------
    n_customers : int
    margin : float
        Profit as a fraction of the revenue.
    few, many : int
        Up to so many customers are few, from so many on they are many. Few are as many as those
        who sell can know in person.
    low_margin, high_margin : float
        Below the one a margin is low, from the other on it is high.

    Returns
    -------
    RelationshipType

    Raises
    ------
    InputError
        Limits in the wrong order, a number of customers below 1 or not whole, or a margin above 1
        or infinite.

    Notes
    -----
    The fewer the customers and the higher the margin, the closer the relationship:

    =========  ===================  ==============  ============
    customers  low margin           medium margin   high margin
    =========  ===================  ==============  ============
    many       basic or reactive    reactive        accountable
    medium     reactive             accountable     proactive
    few        accountable          proactive       partnership
    =========  ===================  ==============  ============

    References
    ----------
    Kotler, P. (1997). Marketing Management, 9th edition, chapter 2. Prentice Hall.
    """  # noqa: D205
    _check_limits(few, many, low_margin, high_margin)
    if not (n_customers >= 1 and n_customers % 1 == 0 and -np.inf < margin <= 1):
        raise InputError(
            f"{n_customers} customers with a margin of {margin:g}: write 1 or more customers, a "
            "whole number, and the margin as a fraction of the revenue (0.30 for 30 %)."
        )
    number = "few" if n_customers <= few else "many" if n_customers >= many else "medium"
    level = "low" if margin < low_margin else "high" if margin >= high_margin else "medium"
    chosen = CHOICES[number, level]
    return RelationshipType(
        chosen,
        number,
        level,
        ACTIONS[chosen],
        _reason(n_customers, number, margin, level, {"few": few, "many": many}),
    )


def relationship_types(
    table: pd.DataFrame,
    *,
    few: int,
    many: int,
    low_margin: float,
    high_margin: float,
    customers: str = "customers",
    margin: str = "margin",
    low: str | None = None,
    high: str | None = None,
) -> pd.DataFrame:
    """Choose a type of relationship for every product line or segment of a table.

    Parameters
    ----------
    table : DataFrame
        One row a line or segment, as `line_margins` gives.
    few, many, low_margin, high_margin
        As by `relationship_type`.
    customers, margin : str
        Columns with the number of customers and the margin.
    low, high : str, optional
        Columns with the interval of the margin: where its ends fall into other levels, the types
        that go with them are named as well.

    Returns
    -------
    DataFrame
        The table with relationship_type ("cannot say" without a margin), also_possible (other
        types that the interval of the margin allows, empty where there are none), reason, action.

    Raises
    ------
    InputError
        As by `relationship_type`, or a column is not there or not of numbers, or an interval does
        not hold its margin.
    """
    limits: dict[str, Any] = {
        "few": few,
        "many": many,
        "low_margin": low_margin,
        "high_margin": high_margin,
    }
    _check_limits(few, many, low_margin, high_margin)
    counts = numbers_of(table, customers, "numbers of customers")
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~((counts >= 1) & (counts % 1 == 0)))
    if len(wrong):
        raise InputError(
            f'Column "{customers}" must hold 1 customer or more, in whole numbers; '
            f"{rows_named(table, wrong)}."
        )
    ends = [numbers_of(table, name, "margins") for name in (margin, low, high) if name]
    _refuse_other_margins(table, ends[0], margin)
    for name in (low, high):
        if name:
            _refuse_outside(table, ends[0], numbers_of(table, name, "margins"), name, name == low)
    found = [
        _choice(int(n), [float(value) for value in margins], limits)
        for n, *margins in zip(counts, *ends, strict=True)
    ]
    return table.assign(
        **{
            name: [row[name] for row in found]
            for name in ("relationship_type", "also_possible", "reason", "action")
        }
    )


def _refuse_other_margins(table: pd.DataFrame, margins: Array, column: str) -> None:
    wrong = np.flatnonzero(np.isinf(margins) | (margins > 1))
    if len(wrong):
        raise InputError(
            f'Column "{column}" must hold margins as fractions of the revenue (0.30 for 30 %), at '
            f"most 1 and not infinite; {rows_named(table, wrong)}."
        )


def _refuse_outside(
    table: pd.DataFrame, margins: Array, ends: Array, column: str, lower: bool
) -> None:
    """Refuse an end of an interval on the wrong side of the margin; one that is missing passes."""
    beyond = ends - margins if lower else margins - ends
    wrong = np.flatnonzero(np.isinf(ends) | (beyond > 1e-9))
    if len(wrong):
        side = "lower" if lower else "upper"
        raise InputError(
            f'Column "{column}" must hold the {side} end of the interval of the margin, which '
            f"holds the margin itself; {rows_named(table, wrong)}."
        )


def line_margins(
    transactions: Any,
    group: str = "product_line",
    *,
    as_of: dt.date | str | None = None,
    since: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Customers and margin of every product line, or whatever else a column tells apart.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
    group : str
        Column with the product line. Rows without one are a line called "not given"; the lines
        are text then.
    as_of, since : date or str, optional
        Last and first day that count; those of the table when not given.
    customer, date, amount : str
    cost : str, optional
        Column with what was sold cost.
    margin_rate : float, optional
        Profit as a fraction of the amount, where there is no cost column: the margin of every
        line then, without interval.
    confidence : float

    Returns
    -------
    DataFrame
        The column, customers, revenue, profit, margin, margin_low, margin_high, the largest
        revenue first. The margin is NaN without revenue, its interval with one customer.

    Raises
    ------
    InputError
        As by `customer_totals`; or the column is called as one of the result.

    Notes
    -----
    The margin is a ratio of sums; its variance is ``n / (n - 1) sum of (p_i - m r_i)² / (sum of
    r_i)²`` over customers i (Cochran 1977, 6.4), with Student's t.
    """
    check_profit_source(cost, margin_rate)
    check_fraction(confidence, "confidence")
    if group in SUMS:
        raise InputError(
            f'The column of lines may not be called "{group}", as a column of the result is. '
            "Rename it."
        )
    totals = customer_totals(
        transactions,
        as_of=as_of,
        since=since,
        customer=customer,
        date=date,
        amount=amount,
        cost=cost,
        margin_rate=margin_rate,
    )
    rows = money_rows(transactions, customer, date, amount, cost, group=group)
    rows = rows.filter(rows["day"] >= totals.since.date(), rows["day"] <= totals.as_of.date())
    found = tables.as_frame(
        rows.group_by("group", "customer_id").aggregate(
            revenue=rows["revenue_cents"].sum(), profit=rows["profit_cents"].sum()
        )
    )
    found = _with_names(found).sort_values("customer_id", kind="stable")
    lines = [
        {group: name} | _margin(part, 1.0 if margin_rate is None else margin_rate, confidence)
        for name, part in found.groupby("group")
    ]
    return pd.DataFrame(lines).sort_values(
        ["revenue", group], ascending=[False, True], kind="stable", ignore_index=True
    )


def _with_names(found: pd.DataFrame) -> pd.DataFrame:
    """Sums with a name for what has none, added to those of a line that is called so."""
    names = found["group"]
    if not names.isna().any():
        return found
    if pd.api.types.is_float_dtype(names) and (names.dropna() % 1 == 0).all():
        names = names.astype("Int64")
    text = names.astype("string").fillna(NOT_GIVEN).astype(str)
    return found.assign(group=text).groupby(["group", "customer_id"], as_index=False).sum()


def _margin(part: pd.DataFrame, rate: float, confidence: float) -> dict[str, Any]:
    revenue = part["revenue"].to_numpy(dtype=np.float64) / 100
    profit = part["profit"].to_numpy(dtype=np.float64) / 100 * rate
    n, total = len(part), revenue.sum()
    margin = profit.sum() / total if total > 0 else np.nan
    arm = np.nan
    if n > 1 and total > 0 and rate == 1.0:
        error = np.sqrt(n / (n - 1) * ((profit - margin * revenue) ** 2).sum()) / total
        arm = stats.t.isf((1 - confidence) / 2, n - 1) * error
    return {
        "customers": n,
        "revenue": round(float(total), 2),
        "profit": round(float(profit.sum()), 2),
        "margin": float(margin),
        "margin_low": float(margin - arm),
        "margin_high": float(margin + arm),
    }


def _choice(n: int, margins: list[float], limits: dict[str, Any]) -> dict[str, str]:
    if np.isnan(margins[0]):
        nothing = {"relationship_type": "cannot say", "also_possible": "", "action": ""}
        return nothing | {"reason": "There is no margin to go by."}
    chosen = relationship_type(n, margins[0], **limits)
    others = {
        relationship_type(n, min(margin, 1.0), **limits).type: None
        for margin in _within(margins[1:], limits)
    }
    return {
        "relationship_type": chosen.type,
        "also_possible": ", ".join(name for name in others if name != chosen.type),
        "reason": chosen.reason,
        "action": chosen.action,
    }


def _within(ends: list[float], limits: dict[str, Any]) -> list[float]:
    """Both ends of an interval, and between them the middle level if it is passed over."""
    known = [end for end in ends if not np.isnan(end)]
    middle = (limits["low_margin"] + limits["high_margin"]) / 2
    passed = len(known) == 2 and known[0] < middle < known[1]
    return [known[0], middle, known[1]] if passed else known


def _reason(n: int, number: str, margin: float, level: str, limits: dict[str, int]) -> str:
    few, many = limits["few"], limits["many"]
    rule = {
        "few": f"at most {few:,}",
        "medium": f"more than {few:,}, fewer than {many:,}",
        "many": f"{many:,} or more",
    }[number]
    amount = "a medium number" if number == "medium" else number
    closer = {"few": "each can be known in person", "many": "nobody can know each of them"}
    pays = {"high": "pays for much attention", "low": "pays for little attention"}
    noun = "customer" if n == 1 else "customers"
    verb = "is" if n == 1 else "are"
    first = f"{n:,} {noun} {verb} {amount} ({rule})"
    first += f": {closer[number]}" if number in closer else ""
    second = f"a margin of {100 * margin:.1f} % is {level}".replace("-", "−")
    second += f": it {pays[level]}" if level in pays else ": it pays for some attention"
    return f"{first}; {second}."


def _check_limits(few: int, many: int, low_margin: float, high_margin: float) -> None:
    if not 1 <= few < many:
        raise InputError(f"few={few} and many={many}: write 1 or more, few below many.")
    if not low_margin < high_margin <= 1:
        raise InputError(
            f"low_margin={low_margin:g} and high_margin={high_margin:g}: write fractions of the "
            "revenue (0.10 for 10 %), low_margin below high_margin."
        )
