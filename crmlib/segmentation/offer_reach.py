"""Whom and what a plan of offers looks at: items bought most, customers who still buy."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlib import tables
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.segmentation.basket_rules import BasketRules, whole
from crmlib.transaction_rows import day_of

MOST_PAIRS = 4_000_000
"""Customers times items that can be weighed one by one in some minutes and gigabytes."""


@dataclass(frozen=True)
class OfferReach:
    """Purchases that offers are sought in, and customers who may get one.

    Attributes
    ----------
    purchases : Ibis table
        Rows of the items that are looked at.
    customers : DataFrame
        One row per customer who bought: customer_id, last_purchase, silent_days, may_get (an
        offer).
    items, n_items : int
        Items that are looked at, and items there are.
    left_out : tuple of str
        What is not looked at, in words.
    """

    purchases: Any
    customers: pd.DataFrame
    items: int
    n_items: int
    left_out: tuple[str, ...]

    def of_customers(self, gains: pd.DataFrame) -> pd.DataFrame:
        """Rows of customers who may get an offer."""
        may_get = self.customers.loc[self.customers["may_get"], "customer_id"]
        return gains[gains["customer_id"].isin(may_get)].reset_index(drop=True)


def check_columns(
    transactions: Any, *, item: str, order: str | None, margin_rate: float | None
) -> None:
    """Refuse a table without the columns that offers need, in words that name every choice.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
    item : str
        Column with what was bought.
    order : str or None
        Column of orders.
    margin_rate : float or None
        Without one, a column cost is needed.

    Raises
    ------
    InputError
    """
    found = tables.as_expression(transactions).columns
    missing, choices = [], []
    if item not in found:
        missing.append(item)
        choices.append("item= names the column with what was bought")
    if order is not None and order not in found:
        missing.append(order)
        choices.append(
            "order= names the column of orders, and order=none makes a basket of what a customer "
            "buys on one day"
        )
    if margin_rate is None and "cost" not in found:
        missing.append("cost")
        choices.append("margin_rate= gives the profit as a fraction of the amount")
    if missing:
        raise InputError(
            f"The table has no column {', '.join(missing)}; it has {', '.join(found)}. Say what "
            f"to take instead: {'; '.join(choices)}."
        )


def offer_reach(
    transactions: Any,
    *,
    item: str = "product_line",
    most_items: int = 20,
    silent_days: int | None = 90,
    as_of: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
) -> OfferReach:
    """The items bought most, and the customers who bought anything of late.

    Who has been silent for long has often left, and still looks like a buyer for a while by what
    was bought before. And every customer times every item is weighed, and every item is looked
    at after every other, so that there must be an end to items.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        Rows with an amount of 0 or less, or without an item, do not count.
    item : str
        Column with what was bought.
    most_items : int
        Items to look at: those that stand in most rows, ties by name.
    silent_days : int or None
        Who bought nothing for longer gets no offer; None: all may.
    as_of : date or str, optional
        Last day that counts; the day of the last purchase when not given.
    customer, date, amount : str
        Its columns.

    Returns
    -------
    OfferReach

    Raises
    ------
    InputError
        Nothing was bought, nobody of late, or there are too many customers and items.
    """
    most_items = whole(most_items, "most_items", 1, "items to look at")
    rows = tables.as_expression(transactions)
    bought = rows.filter(rows[amount] > 0)
    if as_of is not None:
        bought = bought.filter(bought[date].cast("date") <= day_of(as_of, "as_of").date())
    last = _last_purchases(bought, customer, date, as_of)
    named = bought.filter(~bought[item].isnull())
    counts = tables.as_frame(named.group_by(item).aggregate(rows=named.count()))
    if counts.empty:
        raise InputError(f'There is no purchase with a value in column "{item}".')
    counts = counts.assign(text=counts[item].astype(str))
    counts = counts.sort_values(["rows", "text"], ascending=[False, True])
    kept = counts[item].head(most_items)
    left_out = []
    if len(kept) < len(counts):
        share = 1 - counts["rows"].head(most_items).sum() / counts["rows"].sum()
        rare = len(counts) - len(kept)
        left_out.append(
            f"{counted(rare, 'item')} of {len(counts):,}, bought least ({share:.1%} of purchases)"
        )
    _refuse_too_many(len(last), len(kept))
    last["may_get"] = True
    if silent_days is not None:
        silent_days = whole(silent_days, "silent_days", 0, "days without a purchase")
        last["may_get"] = last["silent_days"] <= silent_days
        silent = int((~last["may_get"]).sum())
        if silent == len(last):
            raise InputError(
                f"None of the {len(last):,} customers bought anything in the last {silent_days} "
                "days, so nobody gets an offer. Raise silent_days, or give silent_days=none."
            )
        if silent:
            days = counted(silent_days, "day")
            left_out.append(f"{counted(silent, 'customer')} silent for more than {days}")
    # Not only the rows of purchases: what takes returns into account finds them.
    of_items = rows.filter(rows[item].isin(kept.tolist())) if len(kept) < len(counts) else rows
    return OfferReach(of_items, last, len(kept), len(counts), tuple(left_out))


def _last_purchases(
    bought: Any, customer: str, date: str, as_of: dt.date | str | None
) -> pd.DataFrame:
    """Last purchase of every customer and the days since."""
    last = tables.as_frame(
        bought.group_by(bought[customer].name("customer_id")).aggregate(
            last_purchase=bought[date].cast("date").max()
        )
    ).sort_values("customer_id", ignore_index=True)
    if last.empty:
        raise InputError(
            "There is no purchase: no amount is above zero. Were the signs turned round, or is "
            "this a table of returns?"
        )
    last["last_purchase"] = pd.to_datetime(last["last_purchase"])
    end = last["last_purchase"].max() if as_of is None else day_of(as_of, "as_of")
    last["silent_days"] = (end - last["last_purchase"]).dt.days
    return last


def _refuse_too_many(customers: int, items: int) -> None:
    if customers * items > MOST_PAIRS:
        fewer = MOST_PAIRS // customers
        advice = f"Give most_items={fewer}" if fewer else "Take a part of the customers"
        raise InputError(
            f"{customers:,} customers times {items:,} items are more than the {MOST_PAIRS:,} "
            f"pairs that can be weighed one by one. {advice}, or run the report on a coarser "
            "column or a part of the customers."
        )


def refuse_no_rules(rules: BasketRules, *, half: bool = False) -> None:
    """Without a sound rule there is nothing to offer to a basket.

    Parameters
    ----------
    rules : BasketRules
    half : bool
        Whether they are of one half of the baskets.

    Raises
    ------
    InputError
    """
    if not rules.sound.empty:
        return
    where = "in the half of the baskets that rules are sought in " if half else ""
    of = f"{counted(rules.n_baskets, 'basket')} with {counted(rules.n_items, 'different item')}"
    raise InputError(
        f"No rule was found {where}that chance does not explain ({of}), so there is nothing to "
        "offer: what stands in one basket says nothing of what else does. Give more baskets, or "
        "lower min_support or min_confidence. From purchases with customers and dates "
        "(layout=transactions) offers are found without such rules."
    )
