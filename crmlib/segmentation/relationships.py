"""Who comes for the price only, and who is in a relationship with the company."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlib import tables
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.segmentation.concentration import check_fraction
from crmlib.segmentation.customer_totals import customer_totals
from crmlib.transaction_rows import check_profit_source, money_rows

CLASSES = ("relationship", "price only", "cannot say")


@dataclass(frozen=True)
class Relationships:
    """Price-only buyers (交易型客户) and relationship customers (关系型客户).

    Attributes
    ----------
    customers : DataFrame
        One row a customer, by customer_id: customer_id; class (relationship, price only, cannot
        say); reason; contribution_margin (profit added up); revenue; orders; discount_share (of
        purchases, by revenue, made at a discount) with discount_low and discount_high (NaN
        without a purchase).
    classes : DataFrame
        class, customers, customer_share, revenue, contribution_margin, discount_share (of all
        purchases of the class).
    rule : str
        In words.
    discount_cut, margin_cut : float
        The thresholds.
    since, as_of : Timestamp
    """

    customers: pd.DataFrame
    classes: pd.DataFrame
    rule: str
    discount_cut: float
    margin_cut: float
    since: pd.Timestamp
    as_of: pd.Timestamp


def relationship_or_transaction(
    transactions: Any,
    *,
    as_of: dt.date | str | None = None,
    since: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
    order: str | None = None,
    discount: str = "discount",
    discount_cut: float = 0.5,
    margin_cut: float | None = None,
    confidence: float = 0.95,
) -> Relationships:
    """Tell buyers who come for the price only from customers with a relationship.

    - price only: buys mostly at a discount, and has contributed less than the cut. All of the
      interval of the discount share must lie above ``discount_cut``.
    - relationship: has contributed a profit, of the cut or more, whatever the price; or buys
      mostly without a discount: all of the interval lies below ``discount_cut``.
    - cannot say: too few orders, so that the interval holds ``discount_cut``; or no purchase,
      whatever the contribution.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
    as_of, since : date or str, optional
        Last and first day that count; those of the table when not given.
    customer, date, amount : str
    cost : str, optional
        Column with what was sold cost.
    margin_rate : float, optional
        Profit as a fraction of the amount, where there is no cost column.
    order : str, optional
        Column that tells orders apart; without it every row counts as one, and so does a row
        whose cell is empty.
    discount : str
        Column with the share of the list price given away; an empty cell is no discount.
    discount_cut : float
        Share of purchases, by revenue.
    margin_cut : float, optional
        Contribution margin in money, 0 or more; what the customers have contributed on average
        when not given, or 0 where that is a loss.
    confidence : float

    Returns
    -------
    Relationships

    Raises
    ------
    InputError
        As by `customer_totals`; or there is no column of discounts, or it holds no shares, or
        margin_cut is below 0.

    Notes
    -----
    The interval is Wilson's with the effective number of orders, the squared sum of their revenue
    over the sum of its squares: one large order says less than many small ones. Returns lower the
    contribution margin and do not count as purchases. In five simulated companies
    (`tables.example`, seeds 1 to 5), where bargain hunters buy 75 % of their lines at a discount
    and nobody else more than 20 %, all 345 customers told to be
    price-only were such, of 625 in all: the others had too few orders or, one of them, contributed
    more than the average customer.
    """
    check_profit_source(cost, margin_rate)
    check_fraction(discount_cut, "discount_cut")
    check_fraction(confidence, "confidence")
    if margin_cut is not None and not 0 <= margin_cut < np.inf:
        raise InputError(f"margin_cut={margin_cut:g}: write an amount of money, 0 or more.")
    totals = customer_totals(
        transactions,
        as_of=as_of,
        since=since,
        customer=customer,
        date=date,
        amount=amount,
        cost=cost,
        margin_rate=margin_rate,
        order=order,
    )
    rows = money_rows(transactions, customer, date, amount, None, order=order, discount=discount)
    rows = rows.filter(rows["day"] >= totals.since.date(), rows["day"] <= totals.as_of.date())
    bought = _purchases(rows, order is not None, discount)
    data = totals.table.merge(bought, on="customer_id", how="left")
    cut = max(float(data["profit"].mean()), 0.0) if margin_cut is None else margin_cut
    z = float(stats.norm.isf((1 - confidence) / 2))
    customers = _told_apart(data, discount_cut, cut, z)
    return Relationships(
        customers=customers,
        classes=_class_table(customers, data),
        rule=_rule(discount_cut, cut, confidence, margin_cut is None),
        discount_cut=discount_cut,
        margin_cut=cut,
        since=totals.since,
        as_of=totals.as_of,
    )


def _purchases(rows: Any, by_order: bool, discount: str) -> pd.DataFrame:
    """Money bought and bought at a discount, and the effective number of orders, by customer."""
    if not rows["discount"].type().is_numeric():
        raise InputError(
            f'Column "{discount}" must hold shares of the list price, which are numbers from 0 '
            f"to 1; it holds {rows['discount'].type()}."
        )
    rows = rows.filter(rows["revenue_cents"] > 0)
    _refuse_no_shares(rows, discount)
    given = (rows["discount"] > 0).fill_null(False)
    rows = rows.mutate(given_cents=given.ifelse(rows["revenue_cents"], 0))
    money = rows["revenue_cents"].cast("float64")
    squares = money * money
    if by_order:
        rows = rows.group_by("customer_id", "order").aggregate(
            revenue_cents=rows["revenue_cents"].sum(),
            given_cents=rows["given_cents"].sum(),
            squares=squares.sum(),
        )
        # Rows without an order were put together here: each is an order of its own.
        money = rows["revenue_cents"].cast("float64")
        squares = rows["order"].isnull().ifelse(rows["squares"], money * money)
    found = tables.as_frame(
        rows.group_by("customer_id").aggregate(
            bought_cents=rows["revenue_cents"].sum(),
            given_cents=rows["given_cents"].sum(),
            squares=squares.sum(),
        )
    )
    bought = found["bought_cents"].to_numpy(dtype=np.float64)
    # Engines add squares up in different orders; nobody needs more digits of a number of orders.
    effective = (bought**2 / found["squares"].to_numpy(dtype=np.float64)).round(6)
    return pd.DataFrame(
        {
            "customer_id": found["customer_id"],
            "bought": bought / 100,
            "given": found["given_cents"].to_numpy(dtype=np.float64) / 100,
            "effective": effective,
        }
    )


def _refuse_no_shares(rows: Any, discount: str) -> None:
    column = rows["discount"]
    found = tables.as_frame(rows.aggregate(low=column.min(), high=column.max())).iloc[0]
    if found["low"] < 0 or found["high"] > 1:
        hint = " Divide by 100 if these are per cent." if found["high"] > 1 else ""
        raise InputError(
            f'Column "{discount}" must hold shares of the list price from 0 to 1; it goes from '
            f"{found['low']:g} to {found['high']:g}.{hint}"
        )


def _told_apart(
    data: pd.DataFrame, discount_cut: float, margin_cut: float, z: float
) -> pd.DataFrame:
    share = data["given"] / data["bought"]
    low, high = wilson_interval(share.to_numpy(), data["effective"].to_numpy(), z)
    # The average of equal customers may differ from each of them in its last digit.
    profit = data["profit"].to_numpy()
    worth = (profit > 0) & (profit >= margin_cut * (1 - 1e-9))
    tests = [data["bought"].isna().to_numpy(), worth, high < discount_cut, low > discount_cut]
    little = "less than the cut" if margin_cut > 0 else "no profit"
    reasons = [
        "no purchase in this time",
        "contributes the cut or more" if margin_cut > 0 else "contributes a profit",
        "buys mostly without a discount",
        f"buys mostly at a discount and contributes {little}",
    ]
    classes = ["cannot say", "relationship", "relationship", "price only"]
    return pd.DataFrame(
        {
            "customer_id": data["customer_id"],
            "class": np.select(tests, classes, "cannot say"),
            "reason": np.select(tests, reasons, "too few orders to tell the discount share"),
            "contribution_margin": data["profit"],
            "revenue": data["revenue"],
            "orders": data["orders"],
            "discount_share": share,
            "discount_low": low,
            "discount_high": high,
        }
    )


def _class_table(customers: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    money = customers[["class", "revenue", "contribution_margin"]].assign(
        bought=data["bought"], given=data["given"]
    )
    table = money.groupby("class").sum().reindex(list(CLASSES), fill_value=0.0)
    counts = customers["class"].value_counts().reindex(list(CLASSES), fill_value=0).to_numpy()
    share = table["given"] / table["bought"].where(table["bought"] > 0)
    return pd.DataFrame(
        {
            "class": CLASSES,
            "customers": counts,
            "customer_share": counts / len(customers),
            "revenue": table["revenue"].to_numpy(),
            "contribution_margin": table["contribution_margin"].to_numpy(),
            "discount_share": share.to_numpy(),
        }
    )


def _rule(discount_cut: float, margin_cut: float, confidence: float, mean: bool) -> str:
    what = " (the average customer's)" if mean else ""
    below, enough = f"a contribution margin below {margin_cut:,.2f}{what}", "of at least that"
    if margin_cut == 0:
        loss = " (the average customer contributes none)" if mean else ""
        below, enough = f"no contribution margin above 0{loss}", "above 0"
    return (
        f"Price only: more than {100 * discount_cut:g} % of purchases, by revenue, at a discount "
        f"(with {100 * confidence:g} % confidence) and {below}. Relationship: a contribution "
        f"margin {enough}, or less than {100 * discount_cut:g} % at a discount (with the same "
        "confidence)."
    )
