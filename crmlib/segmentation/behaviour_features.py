"""How every customer buys: a row of numbers a customer, to make segments of and to tell them by."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.customer_totals import customer_totals
from crmlib.transaction_rows import money_rows

LARGEST_LINES = 12
"""Product lines that get a share of their own; the others are added up."""

MEANINGS = {
    "recency": ("days", "from the last purchase to the last day that counts"),
    "tenure": ("days", "from the first purchase to the last day that counts"),
    "frequency": ("orders", "in all"),
    "monetary": ("money", "revenue in all, returns taken off"),
    "order_value": ("money", "mean of an order, returns not taken off"),
    "orders_per_active_month": ("orders", "in a calendar month with a purchase"),
    "revenue_per_active_month": ("money", "in a calendar month with a purchase"),
    "quiet_share": ("share", "of the months from first to last purchase without one"),
    "returned_share": ("share", "of the money paid that was paid back"),
    "discounted_share": ("share", "of purchases, by money, made at a discount"),
    "lines": ("product lines", "bought at least once"),
}


@dataclass(frozen=True)
class BehaviourFeatures:
    """How every customer buys.

    Attributes
    ----------
    table : DataFrame
        One row per customer with a purchase, by customer_id, and a column for every feature.
    features : DataFrame
        feature, unit, meaning: what the columns hold.
    without_purchase : tuple of str
        Customers with returns only: they have no behaviour and are not in the table.
    since, as_of : Timestamp
        First and last day that count.
    """

    table: pd.DataFrame
    features: pd.DataFrame
    without_purchase: tuple[str, ...]
    since: pd.Timestamp
    as_of: pd.Timestamp


def behaviour_features(
    transactions: Any,
    *,
    as_of: dt.date | str | None = None,
    since: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    order: str | None = None,
    discount: str | None = None,
    item: str | None = None,
) -> BehaviourFeatures:
    """Describe every customer by how it buys.

    Summed in the engine that holds the transactions, in whole cents. What is not given is left
    out: without ``discount`` there is no share of discounted purchases, without ``item`` no shares
    of product lines.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row a purchase, or a line of one.
    as_of, since : date or str, optional
        Last and first day that count; those of the table when not given.
    customer, date, amount : str
        Its columns; amount in money, returns below zero.
    order : str, optional
        Column that tells orders apart; without it every row counts as one.
    discount : str, optional
        Column with the share of the list price given away; an empty cell is no discount.
    item : str, optional
        Column with the product line. The shares are of purchases, by money; of more than twelve
        lines the twelve largest have a column each and the rest is ``other_share``. Purchases
        without a line are in none.

    Returns
    -------
    BehaviourFeatures

    Raises
    ------
    InputError
        As by `customer_totals`; or there are no purchases.

    Notes
    -----
    A month counts as active when there is a purchase in it, so that customers won late or lost
    early are described by what they did while they bought. With one purchase, or all in one
    month, no month in between can be quiet and the share is zero: look at ``frequency`` beside it.
    """
    totals = customer_totals(
        transactions,
        as_of=as_of,
        since=since,
        customer=customer,
        date=date,
        amount=amount,
        order=order,
    )
    bought = totals.table["orders"] > 0
    if not bought.any():
        raise InputError(
            "No customer has a purchase with an amount above zero, so there is no behaviour to "
            "describe."
        )
    rows = money_rows(
        transactions, customer, date, amount, None, order=order, discount=discount, item=item
    )
    rows = rows.filter(rows["day"] >= totals.since.date(), rows["day"] <= totals.as_of.date())
    known = totals.table[bought].reset_index(drop=True)
    found = _by_customer(rows, discount is not None, item is not None)
    table = _features(known, found.reindex(known["customer_id"]), totals.as_of)
    if item is not None:
        table = _with_line_shares(table, _line_cents(rows))
    return BehaviourFeatures(
        table=table,
        features=_described(table),
        without_purchase=tuple(totals.table["customer_id"][~bought].astype(str)),
        since=totals.since,
        as_of=totals.as_of,
    )


def _by_customer(rows: Any, with_discount: bool, with_item: bool) -> pd.DataFrame:
    cents, bought = rows["revenue_cents"], rows["revenue_cents"] > 0
    month = rows["day"].year() * 12 + rows["day"].month()
    sums = {
        "paid": cents.sum(where=bought),
        "returned": cents.sum(where=cents < 0),
        "active_months": month.nunique(where=bought),
        "first_month": month.min(where=bought),
        "last_month": month.max(where=bought),
    }
    if with_discount:
        sums["discounted"] = cents.sum(where=bought & (rows["discount"] > 0))
    if with_item:
        sums["lines"] = rows["item"].nunique(where=bought)
    found = tables.as_frame(rows.group_by("customer_id").aggregate(**sums))
    return found.set_index("customer_id").fillna(0).astype(np.int64)


def _features(known: pd.DataFrame, found: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    sums = found.reset_index(drop=True)
    paid, months = sums["paid"] / 100, sums["active_months"]
    table = pd.DataFrame(
        {
            "customer_id": known["customer_id"],
            "recency": (as_of - known["last_day"]).dt.days,
            "tenure": (as_of - known["first_day"]).dt.days,
            "frequency": known["orders"],
            "monetary": known["revenue"],
            "order_value": paid / known["orders"],
            "orders_per_active_month": known["orders"] / months,
            "revenue_per_active_month": paid / months,
            "quiet_share": 1 - months / (sums["last_month"] - sums["first_month"] + 1),
            "returned_share": -sums["returned"] / sums["paid"],
        }
    )
    if "discounted" in sums:
        table["discounted_share"] = sums["discounted"] / sums["paid"]
    if "lines" in sums:
        table["lines"] = sums["lines"]
    # Minus nothing is zero, not minus zero.
    table["returned_share"] = table["returned_share"].abs()
    return table


def _line_cents(rows: Any) -> pd.DataFrame:
    """Money paid by customer and product line, the lines with most money first."""
    lined = rows.filter(rows["revenue_cents"] > 0, ~rows["item"].isnull())
    sums = lined.group_by("customer_id", "item").aggregate(cents=lined["revenue_cents"].sum())
    found = tables.as_frame(sums)
    found = found.astype({"item": str, "cents": np.int64})  # some servers sum to decimals
    wide = found.pivot_table(index="customer_id", columns="item", values="cents", aggfunc="sum")
    wide = wide.fillna(0).sort_index(axis=1)
    order = wide.sum().sort_values(ascending=False, kind="stable").index
    return wide[order]


def _with_line_shares(table: pd.DataFrame, cents: pd.DataFrame) -> pd.DataFrame:
    largest = cents.iloc[:, :LARGEST_LINES].add_suffix("_share")
    if cents.shape[1] > LARGEST_LINES:
        largest["other_share"] = cents.iloc[:, LARGEST_LINES:].sum(axis=1)
    clash = [name for name in largest.columns if name in table.columns]
    if clash:
        raise InputError(
            f'A product line is called "{clash[0].removesuffix("_share")}", and its share would '
            f'have the name of the feature "{clash[0]}". Call the line something else.'
        )
    paid = 100 * table["order_value"] * table["frequency"]
    shares = largest.reindex(table["customer_id"]).fillna(0).reset_index(drop=True)
    return table.join(shares.div(paid, axis=0))


def _described(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name in table.columns[1:]:
        line = str(name).removesuffix("_share")
        unit, meaning = MEANINGS.get(str(name), ("share", f"of purchases, by money, in {line}"))
        rows.append((name, unit, meaning))
    return pd.DataFrame(rows, columns=["feature", "unit", "meaning"])
