"""What the report on behaviour makes segments of, where it is not told: features and customers."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from crmlib.columns import listed
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.segmentation.assignment_rules import DEEPEST

ENOUGH = 10
"""Orders from which on a share of them says something of a customer rather than of chance."""

LEAST_CUSTOMERS = 30
"""Customers from which on to look for segments."""

LEAST_DIFFERENT = 10
"""Different customers from which on to look for segments."""

HABITS = ("order_value", "orders_per_active_month", "discounted_share")
"""How much at a time, how often, at what price."""

SIGNS = ("recency", "frequency", "order_value")
"""What even one purchase tells."""

FROM_THESE = {
    "order_value": ("monetary", "revenue_per_active_month"),
    "orders_per_active_month": ("revenue_per_active_month", "frequency"),
    "frequency": ("monetary", "orders_per_active_month"),
    "monetary": ("order_value", "frequency", "revenue_per_active_month"),
    "revenue_per_active_month": ("order_value", "orders_per_active_month", "monetary"),
}
"""Features that move with a feature by arithmetic, so that they are no evidence beside it."""

OF_THE_EXAMPLE = ("region", "customer_type", "acquisition_channel")
"""Attributes that the report begins with: those of the example company's customers."""


@dataclass(frozen=True)
class Basis:
    """What segments are made of.

    Attributes
    ----------
    customers : DataFrame
        Rows of those with enough orders.
    few : DataFrame
        Rows of the others.
    least_orders : int
    features : tuple of str
    note : str
        Why these, in words.
    """

    customers: pd.DataFrame
    few: pd.DataFrame
    least_orders: int
    features: tuple[str, ...]
    note: str


def segment_basis(
    table: pd.DataFrame, features: Sequence[str] | None, least_orders: int | None
) -> Basis:
    """Choose the features and the customers to make segments of.

    With ten orders or more, the shares and rates of a customer are habits; with fewer they are
    chance. Where half of the customers have so many, segments are made of habits and found in
    those; else of what one purchase tells, in all.

    Parameters
    ----------
    table : DataFrame
        `BehaviourFeatures.table`.
    features : sequence of str or None
        Those asked for.
    least_orders : int or None
        Orders asked for.

    Returns
    -------
    Basis

    Raises
    ------
    InputError
        A feature is not there, customers do not differ in any, or too few have enough orders.
    """
    if least_orders is None:
        least_orders = ENOUGH if (table["frequency"] >= ENOUGH).mean() >= 0.5 else 1
    enough = table["frequency"] >= least_orders
    if enough.sum() < LEAST_CUSTOMERS:
        raise InputError(
            f"{counted(int(enough.sum()), 'customer')} of {len(table):,} with {least_orders} or "
            f"more orders: too few to look for segments, which takes {LEAST_CUSTOMERS}."
        )
    customers = table[enough].reset_index(drop=True)
    asked = list(features) if features is not None else _usual(table, least_orders)
    missing = [name for name in asked if name not in table.columns[1:]]
    if missing:
        raise InputError(
            f"features: there is no {listed(missing)}. Choose from "
            f"{listed(table.columns[1:], shown=40)}."
        )
    used = [name for name in asked if customers[name].max() > customers[name].min()]
    alike = [name for name in asked if name not in used]
    if not used:
        raise InputError(
            f"All {len(customers):,} customers are alike in {listed(alike)}, so there are no "
            "segments to find."
        )
    different = len(customers[used].drop_duplicates())
    if different < LEAST_DIFFERENT:
        raise InputError(
            f"The {len(customers):,} customers come in {different} ways only by {_words(used)}: "
            "these are groups already, and no segments need be looked for. Give other features."
        )
    note = f"Looked for by {_words(used)}, among {counted(len(customers), 'customer')}"
    note += f" with {counted(least_orders, 'order')} or more."
    if alike:
        note += f" Left out, being the same for all: {_words(alike)}."
    return Basis(
        customers=customers,
        few=table[~enough].reset_index(drop=True),
        least_orders=least_orders,
        features=tuple(used),
        note=note,
    )


def _usual(table: pd.DataFrame, least_orders: int) -> list[str]:
    return [name for name in (HABITS if least_orders > 1 else SIGNS) if name in table]


def _words(names: Sequence[str]) -> str:
    return listed([name.replace("_", " ") for name in names], shown=20)


def made_from(features: Sequence[str]) -> list[str]:
    """Those features, and those that follow from them by arithmetic."""
    more = [other for name in features for other in FROM_THESE.get(name, ())]
    return list(dict.fromkeys([*features, *more]))


def attributes_of(asked: Sequence[str], table: pd.DataFrame | None) -> list[str]:
    """Attributes to look at, each of which the table of customers must have.

    Parameters
    ----------
    asked : sequence of str
    table : DataFrame or None
        The table of customers; none where there is none, which drops the attributes of the
        example that the report begins with.

    Returns
    -------
    list of str
        Each once.

    Raises
    ------
    InputError
        One is not there.
    """
    if table is None:
        if list(asked) in ([], list(OF_THE_EXAMPLE)):
            return []
        raise InputError(
            f"attributes={','.join(asked)}: no table of customers was given to take them from. "
            "Give it as customers, or leave attributes out."
        )
    there = [name for name in table.columns if name != "customer_id"]
    missing = [name for name in dict.fromkeys(asked) if name not in there]
    if missing:
        raise InputError(
            f"attributes: the table of customers has no {listed(missing)}. It has "
            f"{listed(there, shown=40) if there else 'ids only'}."
        )
    return list(dict.fromkeys(asked))


def check_parameters(
    *,
    margin_rate: float | None,
    window: int | None,
    least_orders: int | None,
    most_segments: int,
    least_customers: int,
    least_profit_share: float,
    max_depth: int,
    confidence: float,
) -> None:
    """Refuse values of parameters that cannot be used, before anything is computed.

    Raises
    ------
    InputError
    """
    whole = {
        "window": (window, 1, None),
        "least_orders": (least_orders, 1, None),
        "most_segments": (most_segments, 2, 9),
        "least_customers": (least_customers, 1, None),
        "max_depth": (max_depth, 1, DEEPEST),
    }
    for name, (number, low, high) in whole.items():
        if number is not None and (number < low or (high is not None and number > high)):
            most = "" if high is None else f" and at most {high}"
            raise InputError(f"{name}={number}: give a whole number, at least {low}{most}.")
    shares = {"least_profit_share": least_profit_share, "confidence": confidence}
    if margin_rate is not None and margin_rate != 1:
        shares["margin_rate"] = margin_rate
    for name, share in shares.items():
        if not 0 < share < 1:
            hint = f" Did you mean {share / 100:g}?" if 1 < share < 100 else ""
            raise InputError(f"{name}={share:g} is not a fraction between 0 and 1.{hint}")
