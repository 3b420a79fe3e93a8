"""Indirect benefits: what customers are worth for those they send, under stated assumptions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.clp.discounting import check_share
from crmlib.columns import codes_of, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError

SENSITIVITY = (0.5, 2.0)
"""Multiples of an assumption that the sensitivity of word of mouth tries."""


@dataclass(frozen=True)
class IndirectValue:
    """Profit of the customers with that of the customers they sent.

    Attributes
    ----------
    customers : DataFrame
        One row a customer, in the order of the profits: customer_id, referred (how many of them
        it sent), profit (its own), profit_of_referred, indirect_benefit (the share credited to
        it), given_up (the share of its own profit credited to who sent it; 0 where nothing is
        taken off), value (profit + indirect_benefit - given_up).
    other_profit : DataFrame
        customer_id, date, profit: the credits, and what is taken off, on the days of the profits
        they are a share of; what `profit_history` takes. Empty where the profits have no dates.
    assumptions : DataFrame
        assumption, value: in words, for the report.
    left_out : DataFrame
        Referrals that credit nobody: customer_id, referred_by, reason.
    """

    customers: pd.DataFrame
    other_profit: pd.DataFrame
    assumptions: pd.DataFrame
    left_out: pd.DataFrame


def indirect_value(
    profits: pd.DataFrame,
    referrals: Any,
    *,
    share: float,
    take_off: bool = False,
    customer: str = "customer_id",
    date: str | None = None,
    profit: str = "profit",
) -> IndirectValue:
    """Credit a share of what referred customers brought to who sent them (间接效益).

    Parameters
    ----------
    profits : DataFrame
        Profit by customer, or by customer and date: several rows of a customer are added up.
    referrals : DataFrame, Ibis table or tables.CheckedTable
        ``kind="referrals"``: customer_id (who was won, one row each) and referred_by.
    share : float
        Part of the profit of the referred that would not have come without who sent them, 0 to 1.
        No table can say it: it is an assumption.
    take_off : bool
        Take from the referred what is credited, so that the values add up to the profits and
        nothing is counted twice. Without it the credit comes on top and the sum is too high by
        it: right for comparing customers, wrong for adding them up.
    customer, date, profit : str
        Columns of the profits; ``date`` is for `IndirectValue.other_profit`.

    Returns
    -------
    IndirectValue

    Raises
    ------
    InputError
        When the share is not a fraction, a profit is missing, somebody is referred twice or by
        themselves, or none of the referrals is among the customers of the profits.

    Notes
    -----
    indirect benefit of i = share * sum of the profit of all that i sent. Only own profits are
    shared, not what the referred are credited with in their turn, so that a chain of referrals
    counts every profit once. The referred who lost money are a loss to who sent them by the same
    share. Credits are rounded to the cent, customer by customer or row by row.
    """
    check_share(share, "share")
    rows = profit_rows(profits, customer, date, profit)
    sent, left_out = referral_rows(referrals, pd.Index(rows["customer_id"].unique()))
    rows = rows.merge(sent, on="customer_id", how="left")
    rows["credit"] = np.where(rows["referred_by"].notna(), np.round(share * rows["cents"]), 0.0)
    by_customer = rows.groupby("customer_id", sort=False)[["cents", "credit"]].sum()
    by_sender = rows.groupby("referred_by")[["cents", "credit"]].sum()
    by_sender = by_sender.reindex(by_customer.index, fill_value=0.0)
    given_up = by_customer["credit"] if take_off else 0.0 * by_customer["credit"]
    table = pd.DataFrame(
        {
            "referred": sent["referred_by"].value_counts().reindex(by_customer.index, fill_value=0),
            "profit": by_customer["cents"] / 100,
            "profit_of_referred": by_sender["cents"] / 100,
            "indirect_benefit": by_sender["credit"] / 100,
            "given_up": given_up / 100,
            "value": (by_customer["cents"] + by_sender["credit"] - given_up) / 100,
        }
    )
    return IndirectValue(
        customers=table.rename_axis("customer_id").reset_index(),
        other_profit=dated_credits(rows, take_off, date is not None),
        assumptions=referral_assumptions(share, take_off),
        left_out=left_out,
    )


def profit_rows(
    profits: pd.DataFrame, customer: str, date: str | None, profit: str
) -> pd.DataFrame:
    """Profits in cents, with the customer and the day where there is one."""
    codes_of(profits, customer)
    money = numbers_of(profits, profit, "profits of customers")
    missing = np.flatnonzero(np.isnan(money))
    if len(missing) or not len(money):
        where = rows_named(profits, missing) if len(missing) else "a table without rows"
        raise InputError(f'Column "{profit}" has no profit in {where}. Fill it in.')
    rows = pd.DataFrame(
        {"customer_id": column_of(profits, customer).array, "cents": np.round(100 * money)}
    )
    return (
        rows if date is None else rows.assign(date=pd.to_datetime(column_of(profits, date)).array)
    )


def referral_rows(referrals: Any, known: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who was sent by whom, among the customers of the profits; and referrals left out."""
    data = tables.as_frame(referrals).reset_index(drop=True)
    won, sender = column_of(data, "customer_id"), column_of(data, "referred_by")
    codes_of(data, "customer_id")
    codes_of(data, "referred_by")
    for wrong, what in (
        (won.duplicated(), "Referred more than once: {}. Keep one row for each customer won."),
        (won == sender, "Referred by themselves: {}. Take these rows out of the referrals."),
    ):
        if wrong.any():
            raise InputError(what.format(listed(won[wrong].unique())))
    unknown = {
        "who was won is no customer here": ~won.isin(known),
        "who sent them is no customer here": ~sender.isin(known),
    }
    reason = np.select(list(unknown.values()), list(unknown), "")
    if (reason != "").all():
        raise InputError(
            "None of the referrals is between customers of the table of profits: "
            f"{listed(won)} there, {listed(known)} here. Are the tables of the same company?"
        )
    names = ["customer_id", "referred_by"]
    left_out = data.loc[reason != "", names].assign(reason=reason[reason != ""])
    return data.loc[reason == "", names], left_out.reset_index(drop=True)


def dated_credits(rows: pd.DataFrame, take_off: bool, has_dates: bool) -> pd.DataFrame:
    """Credits to who sent a customer, and what is taken off that customer, by date."""
    if not has_dates:
        return pd.DataFrame({"customer_id": [], "date": [], "profit": []})
    credited = rows[rows["credit"] != 0]
    parts = [(credited["referred_by"], credited["credit"])]
    if take_off:
        parts.append((credited["customer_id"], -credited["credit"]))
    tables_of_parts = [
        pd.DataFrame({"customer_id": who, "date": credited["date"], "profit": cents / 100})
        for who, cents in parts
    ]
    return pd.concat(tables_of_parts, ignore_index=True)


def referral_assumptions(share: float, take_off: bool) -> pd.DataFrame:
    """What the credit rests on, in words."""
    rows = [
        ("share of the profit of the referred that is owed to who sent them", f"{share:.0%}"),
        ("taken off the referred", "yes" if take_off else "no: sums count it twice"),
        ("who says who sent whom", "the table of referrals; others were sent by nobody"),
        ("chains", "only the referred's own profit is shared, not what they are credited with"),
    ]
    return pd.DataFrame(rows, columns=["assumption", "value"])


@dataclass(frozen=True)
class WordOfMouth:
    """Value of what customers tell others, under assumptions.

    Attributes
    ----------
    table : DataFrame
        One row: customers, people_told, won (customers expected to be won), value (theirs), cost,
        net_value, net_value_per_customer (of those who tell).
    assumptions : DataFrame
        assumption, value.
    sensitivity : DataFrame
        The same with one assumption at a time at half and at twice what it was: changed, times,
        told, convinced_share, value_of_one, won, net_value. A share stays within 1.
    """

    table: pd.DataFrame
    assumptions: pd.DataFrame
    sensitivity: pd.DataFrame


def word_of_mouth(
    customers: int, told: float, convinced_share: float, value: float, *, cost: float = 0.0
) -> WordOfMouth:
    """Value of word of mouth (口碑) among customers who tell others.

    Parameters
    ----------
    customers : int
        Customers who tell others.
    told : float
        How many others each of them tells.
    convinced_share : float
        Share of those told who become customers, or stay away, because of it: 0 to 1.
    value : float
        What one of these is worth, such as a mean lifetime profit less what winning costs; below
        zero where dissatisfied customers keep others away.
    cost : float
        What a reward or a programme costs for each customer who tells.

    Returns
    -------
    WordOfMouth

    Raises
    ------
    InputError
        When customers or told are below zero, or the share is not a fraction.

    Notes
    -----
    won = customers * told * convinced_share; net value = won * value - customers * cost. People
    told by two customers are counted twice, and those won tell nobody: it holds while few are
    told. No figure of it is measured here; all are assumptions.
    """
    check_share(convinced_share, "convinced_share")
    for name, number in (("customers", customers), ("told", told)):
        if not number >= 0:
            raise InputError(f"{name}={number:g}: write 0 or more.")
    assumed = {"told": told, "convinced_share": convinced_share, "value_of_one": value}
    won, net_value = won_by_telling(customers, cost, **assumed)
    table = {
        "customers": customers,
        "people_told": customers * told,
        "won": won,
        "value": won * value,
        "cost": customers * cost,
        "net_value": net_value,
        "net_value_per_customer": net_value / customers if customers else np.nan,
    }
    rows = []
    for name in assumed:
        for times in SENSITIVITY:
            changed = assumed | {name: times * assumed[name]}
            changed["convinced_share"] = min(changed["convinced_share"], 1.0)
            won, net_value = won_by_telling(customers, cost, **changed)
            rows.append(
                {"changed": name.replace("_", " "), "times": times}
                | changed
                | {"won": won, "net_value": net_value}
            )
    listed_values = (assumed | {"cost": cost}).items()
    return WordOfMouth(
        table=pd.DataFrame([table]),
        assumptions=pd.DataFrame(listed_values, columns=["assumption", "value"]),
        sensitivity=pd.DataFrame(rows),
    )


def won_by_telling(
    customers: int, cost: float, told: float, convinced_share: float, value_of_one: float
) -> tuple[float, float]:
    """Customers won, and what they bring less what telling costs."""
    won = customers * told * convinced_share
    return won, won * value_of_one - customers * cost
