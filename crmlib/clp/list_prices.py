"""What was bought at list prices: volume without the discount, and what was paid of it."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlib import tables
from crmlib.clp.history import Period, number_expression
from crmlib.errors import InputError


@dataclass(frozen=True)
class ListPriceSums:
    """Sums by customer and period, and what they were measured with.

    Attributes
    ----------
    sums : DataFrame
        customer_id, number (running number of the period); volume (money at list prices) where
        there is a discount or a quantity, and cost where its column is given.
    volume_as, price_as : str
        How volume and price are measured; price begins with "no data" where it cannot be.
    """

    sums: pd.DataFrame
    volume_as: str
    price_as: str


def list_price_sums(
    transactions: Any,
    period: Period,
    *,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    discount: str = "discount",
    quantity: str = "quantity",
    product_line: str = "product_line",
) -> ListPriceSums:
    """Volume at list prices and cost of what was sold, by customer and period.

    The list price of a row is its amount before the discount; without a column of discounts, its
    quantity times the mean price of its product line; without quantities either, volume is not
    known in money. A missing discount counts as none, a missing quantity as bought at the mean
    price. Where pieces are dear beside the orders, quantities in whole pieces make small orders
    look cheap or dear: a column of discounts is the better witness of the price.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
    period : {"month", "quarter", "week"}
    customer, date, amount, cost, discount, quantity, product_line : str
        Column names; the last three need not be there.

    Returns
    -------
    ListPriceSums

    Raises
    ------
    InputError
        When one of the first four columns is not there.
    """
    rows = tables.as_expression(transactions)
    missing = [name for name in (customer, date, amount, cost) if name and name not in rows.columns]
    if missing:
        raise InputError(
            f"The table has no column {', '.join(missing)}; it has {', '.join(rows.columns)}."
        )
    filled = columns_with_values(rows, [discount, quantity, product_line])
    if discount in filled:
        before = amount_before(rows, amount, discount)
        how = "amount before the discount", "amount in percent of that before the discount"
    elif quantity in filled:
        line = product_line if product_line in filled else None
        before = quantity_at_mean_price(rows, amount, quantity, line)
        of_what = "its product line" if line else "all products"
        volume_as = f"quantity times the mean price of {of_what}"
        how = volume_as, f"amount in percent of the {volume_as}"
    else:
        before = None
        lacking = "the table has no discount and no quantity"
        how = f"purchases: {lacking}", f"no data: {lacking}"
    money = {"volume": before, "cost": rows[cost] if cost else None}
    cents = {
        name: (values * 100).round().cast("int64")
        for name, values in money.items()
        if values is not None
    }
    prepared = rows.select(
        customer_id=rows[customer],
        number=number_expression(rows[date].cast("date"), period),
        **cents,
    )
    sums = prepared.group_by("customer_id", "number").aggregate(
        **{name: prepared[name].sum() / 100 for name in cents}
    )
    frame = tables.as_frame(sums.order_by("customer_id", "number"))
    return ListPriceSums(frame, *how)


def columns_with_values(rows: Any, names: list[str]) -> list[str]:
    """Those of the columns that are there and not empty."""
    there = [name for name in names if name in rows.columns]
    if not there:
        return []
    counts = tables.as_frame(rows.aggregate(**{name: rows[name].count() for name in there}))
    return [name for name in there if counts[name].item()]


def amount_before(rows: Any, amount: str, discount: str) -> Any:
    """Amount before the discount; of what was given away, as it stands."""
    taken = rows[discount].fill_null(0.0)
    return (taken < 1).ifelse(rows[amount] / (1 - taken).nullif(0.0), rows[amount])


def quantity_at_mean_price(rows: Any, amount: str, quantity: str, line: str | None) -> Any:
    """Quantity times the mean price of a piece of the product line; refunds below zero.

    The mean price is the sum of the amounts over the sum of the pieces. In cents, so that the sum
    does not depend on the order of the rows.
    """
    pieces = rows[quantity].abs() * rows[amount].sign()
    counted = rows[quantity].fill_null(0.0) != 0
    cents = counted.ifelse((rows[amount] * 100).round().cast("int64"), 0)
    among = {"group_by": rows[line]} if line else {}
    price = cents.sum().over(**among) / pieces.sum().over(**among).nullif(0.0) / 100
    return counted.ifelse(pieces * price, rows[amount])
