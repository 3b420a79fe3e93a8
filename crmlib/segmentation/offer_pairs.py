"""How likely a customer buys what an offer is for, and what a purchase of it brings."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from crmlib import tables
from crmlib.columns import Array
from crmlib.errors import InputError
from crmlib.segmentation.basket_rules import BasketRules, joined
from crmlib.segmentation.sequence_rules import SequenceRules
from crmlib.transaction_rows import (
    check_profit_source,
    day_of,
    money_rows,
)

PAIR = ["customer_id", "offer", "rule", "kind", "events", "trials", "odds_ratio", "margin"]

DAY_IN_SECONDS = 86_400


def own_pairs(
    transactions: Any,
    *,
    item: str = "product_line",
    within_days: int = 90,
    windows: int = 4,
    as_of: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    margin_rate: float | None = None,
) -> pd.DataFrame:
    """How often every customer bought every item of late, and what a purchase of it brings.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        Rows with an amount of 0 or less, or without an item, do not count.
    item : str
        Column with what was bought.
    within_days : int
        Days for which a chance is sought.
    windows : int
        Stretches of so many days, back from the last day, in which is looked whether the customer
        bought the item; those before the customer's first purchase do not count.
    as_of : date or str, optional
        Last day that counts; the last day of the table when not given.
    customer, date, amount, cost, margin_rate
        As in `customer_totals`.

    Returns
    -------
    DataFrame
        One row per customer and item, as `offer_gains` takes it.

    Raises
    ------
    InputError
        A column is not there, nothing was bought, or an argument cannot be used.

    Notes
    -----
    The profit of a purchase (a day on which the item is bought) is the item's mean times a factor
    of the customer, who buys more or less at a time. The factor is drawn towards 1 by Bühlmann
    and Straub's (1970) credibility w / (w + k), with w the customer's purchases and k the variance
    within customers over that between them, from the factors of customer and item.
    """
    check_profit_source(cost, margin_rate)
    if within_days < 1 or windows < 1:
        raise InputError(f"within_days={within_days} and windows={windows} must be 1 or more.")
    rows = money_rows(transactions, customer, date, amount, cost, item=item)
    bought = rows.filter(rows["revenue_cents"] > 0, ~rows["item"].isnull())
    bought = bought.mutate(number=(bought["day"].epoch_seconds() // DAY_IN_SECONDS).cast("int64"))
    last = _last_day(bought, as_of)
    bought = bought.filter(bought["number"] <= last)
    back = ((last - bought["number"]) // within_days).cast("int64")
    recent = back < windows
    found = tables.as_frame(
        bought.mutate(back=back)
        .group_by(["customer_id", "item"])
        .aggregate(
            first=bought["number"].min(),
            days=bought["number"].nunique(),
            events=back.nunique(where=recent),
            revenue=bought["revenue_cents"].sum(),
            profit=bought["profit_cents"].sum(),
        )
    )
    if found.empty:
        raise InputError(f'There is no purchase with a value in column "{item}".')
    found = found.sort_values(["customer_id", "item"], ignore_index=True)
    profit = found["profit"] if margin_rate is None else found["revenue"] * margin_rate
    found["profit"] = profit.to_numpy(dtype=float) / 100
    return _every_pair(found, last, within_days, windows)


def _last_day(bought: Any, as_of: dt.date | str | None) -> int:
    if as_of is not None:
        return (day_of(as_of, "as_of") - pd.Timestamp(0)).days
    last = tables.as_frame(bought.aggregate(last=bought["number"].max()))["last"].iloc[0]
    if pd.isna(last):
        raise InputError("There is no purchase with an amount above 0 and an item.")
    return int(last)


def _every_pair(found: pd.DataFrame, last: int, within_days: int, windows: int) -> pd.DataFrame:
    factor = customer_factors(found)
    of_item = found.groupby("item")[["profit", "days"]].sum()
    mean = of_item["profit"] / of_item["days"]
    first = found.groupby("customer_id")["first"].min()
    watched = np.clip((last + 1 - first.to_numpy()) // within_days, 0, windows)
    every = pd.MultiIndex.from_product([first.index, mean.index], names=["customer_id", "offer"])
    events = found.set_index(["customer_id", "item"])["events"].reindex(every, fill_value=0)
    pairs = every.to_frame(index=False)
    pairs["rule"] = pairs["customer_id"].astype(str) + " · " + pairs["offer"].astype(str)
    pairs["kind"] = "own purchases of " + pairs["offer"].astype(str)
    pairs["trials"] = np.repeat(watched, len(mean)).astype(float)
    # A first purchase lies in a stretch that was not watched whole.
    pairs["events"] = np.minimum(events.to_numpy(dtype=float), pairs["trials"])
    pairs["odds_ratio"] = 1.0
    pairs["margin"] = np.outer(factor.loc[first.index], mean).ravel()
    return pairs[PAIR]


def customer_factors(found: pd.DataFrame) -> pd.Series:
    """How much more a purchase of every customer brings than one of others, by customer_id.

    Parameters
    ----------
    found : DataFrame
        customer_id, item, days (purchases), profit.

    Returns
    -------
    Series
        1 for one like all; drawn towards 1, see `own_pairs`.
    """
    of_item = found.groupby("item")[["profit", "days"]].transform("sum")
    expected = (found["days"] * of_item["profit"] / of_item["days"]).to_numpy(dtype=float)
    usual = np.where(expected != 0, expected, np.nan)
    ratio = pd.Series(found["profit"].to_numpy() / usual, index=found.index)
    weight = found["days"].astype(float).where(ratio.notna(), 0.0)
    ratio = ratio.fillna(1.0)
    by_customer = pd.DataFrame(
        {"customer_id": found["customer_id"], "w": weight, "wr": weight * ratio}
    ).groupby("customer_id")
    sums = by_customer[["w", "wr"]].sum()
    mean = (sums["wr"] / sums["w"].where(sums["w"] > 0)).fillna(1.0)
    within = float((weight * (ratio - mean.loc[found["customer_id"]].to_numpy()) ** 2).sum())
    within /= max(len(found) - len(sums), 1)
    total = float(sums["w"].sum())
    overall = float(sums["wr"].sum()) / total if total else 1.0
    spread = float((sums["w"] * (mean - overall) ** 2).sum()) - (len(sums) - 1) * within
    between = spread / max(total - float((sums["w"] ** 2).sum()) / max(total, 1.0), 1e-12)
    if between <= 0:
        return pd.Series(1.0, index=mean.index)
    credible = sums["w"] / (sums["w"] + within / between)
    return 1 + credible * (mean - 1)


def with_due_items(pairs: pd.DataFrame, due: pd.DataFrame, rules: SequenceRules) -> pd.DataFrame:
    """Put the chance of a sequence rule in place of the customer's own where an item is due.

    Parameters
    ----------
    pairs : DataFrame
        From `own_pairs`.
    due : DataFrame
        From `next_items`.
    rules : SequenceRules

    Returns
    -------
    DataFrame
        As `pairs`. Rule is "A → B"; events and trials are those of as many independent purchases
        as its interval speaks of; odds_ratio takes the chance to the days that remain.
    """
    named = rules.held.assign(rule=arrows(rules.held["if_item"], rules.held["then_item"]))
    named["trials"] = cases_behind(
        *(named[name].to_numpy(dtype=float) for name in ("chance", "chance_low", "chance_high")),
        confidence=rules.confidence,
    )
    named = named.set_index("rule")
    put = due.rename(columns={"item": "offer"})
    put = put.assign(rule=arrows(put["because_of"], put["offer"]), kind="sequence rule")
    whole = named.loc[put["rule"], "chance"].to_numpy(dtype=float)
    put["trials"] = named.loc[put["rule"], "trials"].to_numpy()
    put["events"] = whole * put["trials"]
    remains = put["chance"].to_numpy(dtype=float)
    put["odds_ratio"] = odds(remains) / odds(whole)
    key = ["customer_id", "offer"]
    put = put.merge(pairs[[*key, "margin"]], on=key)
    others = pairs.merge(put[key], on=key, how="left", indicator=True)
    others = others[others["_merge"] == "left_only"].drop(columns="_merge")
    return pd.concat([others, put[PAIR]]).sort_values(key, ignore_index=True)


def arrows(if_items: pd.Series, then_items: pd.Series) -> pd.Series:
    """Rules as text: "printers → toner"."""
    return if_items.astype(str) + " → " + then_items.astype(str)


def odds(chance: Array) -> Array:
    """Odds of a chance, which is kept off 0 and 1."""
    inside = np.clip(chance, 1e-9, 1 - 1e-9)
    return inside / (1 - inside)


def cases_behind(chance: Array, low: Array, high: Array, *, confidence: float) -> Array:
    """Of how many cases a share has Wilson's interval of a given length.

    Parameters
    ----------
    chance, low, high : ndarray
    confidence : float

    Returns
    -------
    ndarray
        With h half the length and z the normal quantile, q = z^2 / n solves
        (1/4 - h^2) q^2 + (p (1 - p) - 2 h^2) q = h^2.
    """
    z = float(norm.isf((1 - confidence) / 2))
    h2 = ((high - low) / 2) ** 2
    a, b = 0.25 - h2, chance * (1 - chance) - 2 * h2
    q = (-b + np.sqrt(b**2 + 4 * a * h2)) / (2 * np.maximum(a, 1e-12))
    return z**2 / np.maximum(q, 1e-12)


def basket_pairs(fits: pd.DataFrame, rules: BasketRules, margin: float) -> pd.DataFrame:
    """Baskets and the items they lack, as `offer_gains` takes them.

    Parameters
    ----------
    fits : DataFrame
        From `fitting_items`.
    rules : BasketRules
        Those the items fit by; from `held_out_rules`, so that chances are not too high.
    margin : float
        Profit of one item.

    Returns
    -------
    DataFrame
        customer_id is the basket.
    """
    sound = rules.sound
    words = sound.assign(rule=arrows(sound["if_items"].map(joined), sound["then_item"]))
    counts = words.set_index("rule")[["baskets", "if_baskets"]]
    rule = arrows(fits["if_items"].map(joined), fits["item"])
    return pd.DataFrame(
        {
            "customer_id": fits["basket_id"],
            "offer": fits["item"],
            "rule": rule,
            "kind": "basket rule",
            "events": counts.loc[rule, "baskets"].to_numpy(dtype=float),
            "trials": counts.loc[rule, "if_baskets"].to_numpy(dtype=float),
            "odds_ratio": 1.0,
            "margin": float(margin),
        }
    )
