"""Whether the chances that offers are chosen by would have been right."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from crmlib.columns import Array
from crmlib.intervals import wilson_interval
from crmlib.segmentation.basket_rules import BasketRules, Coded, basket_rules, coded
from crmlib.segmentation.itemsets import packed
from crmlib.segmentation.offer_pairs import own_pairs
from crmlib.segmentation.offer_value import offer_gains, shrunken_shares
from crmlib.transaction_rows import day_of


def chance_check(
    transactions: Any,
    *,
    within_days: int = 90,
    as_of: dt.date | str,
    bins: int = 8,
    confidence: float = 0.95,
    **columns: Any,
) -> pd.DataFrame:
    """Chances as they were known some days ago, and what has been bought since.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
    within_days : int
        Days held out.
    as_of : date or str
        Last day of the table.
    bins : int
        Groups of customers and items, as many in each, by their chance.
    confidence : float
    **columns
        item, customer, date, amount, cost, margin_rate, windows: as in `own_pairs`.

    Returns
    -------
    DataFrame
        One row per group: pairs, chance (mean), came (share that was bought) with low and high.
        Wilson's intervals, which take the pairs as independent; a season or a price that moves
        all of them is not in them.

    Raises
    ------
    InputError
        Nothing was bought before.
    """
    then = day_of(as_of, "as_of") - pd.Timedelta(days=within_days)
    before = own_pairs(transactions, within_days=within_days, as_of=str(then.date()), **columns)
    chances = offer_gains(before, uplift=0.0)
    since = own_pairs(
        transactions, within_days=within_days, as_of=as_of, **{**columns, "windows": 1}
    )
    key = ["customer_id", "offer"]
    both = chances[[*key, "chance"]].merge(
        since[[*key, "events"]].rename(columns={"events": "came"}), on=key, how="left"
    )
    both["came"] = both["came"].fillna(0.0)
    order = both["chance"].rank(method="first")
    number = max(min(bins, len(both) // 20), 1)
    group = np.minimum(((order - 1) * number // len(both)).astype(int), number - 1)
    found = both.groupby(group).agg(
        pairs=("came", "size"), chance=("chance", "mean"), came=("came", "mean")
    )
    quantile = float(norm.isf((1 - confidence) / 2))
    found["low"], found["high"] = wilson_interval(found["came"], found["pairs"], quantile)
    return found.reset_index(drop=True)


def held_out_rules(
    baskets: Any,
    *,
    min_support: float,
    min_confidence: float,
    seed: int = 1,
    basket: str = "basket_id",
    item: str = "item",
) -> BasketRules:
    """Rules found in one half of the baskets, with what the other half says of them.

    A rule is found because it looks strong, so that it looks stronger than it is where it was
    found. The other half had no say in finding it.

    Parameters
    ----------
    baskets : tables.CheckedTable, DataFrame or Ibis table
    min_support, min_confidence : float
        As in `basket_rules`.
    seed : int
        Of the halves, which are drawn by lot.
    basket, item : str
        Its columns.

    Returns
    -------
    BasketRules
        The sound rules. In its table baskets, if_baskets and confidence are those of the other
        half; found_baskets, found_if_baskets and found_confidence those of the half the rule was
        found in. All else is of that half.

    Raises
    ------
    InputError
        As in `basket_rules`, of the half.
    """
    found = coded(baskets, basket, item)
    first = np.random.default_rng(seed).random(len(found.baskets)) < 0.5
    rows = first[found.basket]
    half = pd.DataFrame({"basket_id": found.basket[rows], "item": found.items[found.item[rows]]})
    rules = basket_rules(half, min_support=min_support, min_confidence=min_confidence)
    both, given = counts_in(found, ~first, rules.sound)
    names = ["baskets", "if_baskets", "confidence"]
    table = rules.sound.rename(columns={name: f"found_{name}" for name in names})
    table = table.assign(baskets=both, if_baskets=given)[given > 0]
    table["confidence"] = table["baskets"] / table["if_baskets"]
    return replace(rules, table=table.reset_index(drop=True))


def split_check(rules: BasketRules, best: tuple[int, ...] = (5, 20, 100)) -> pd.DataFrame:
    """How much better the best rules look where they were found than elsewhere.

    Parameters
    ----------
    rules : BasketRules
        From `held_out_rules`.
    best : tuple of int
        How many rules, of highest confidence where they were found, to look at.

    Returns
    -------
    DataFrame
        One row per number of rules: rules, and their mean confidence: found_share (in the half
        they were found in), shrunken_share (the same by `shrunken_shares`), other_half_share.
        What the first lies above the last is the winner's curse.
    """
    table = rules.table
    if table.empty:
        return pd.DataFrame(
            columns=["rules", "found_share", "shrunken_share", "other_half_share"], dtype=float
        )
    alpha, beta = shrunken_shares(
        *(table[f"found_{name}"].to_numpy(dtype=float) for name in ("baskets", "if_baskets"))
    )
    shares = pd.DataFrame(
        {
            "found_share": table["found_confidence"],
            "shrunken_share": alpha / (alpha + beta),
            "other_half_share": table["confidence"],
        }
    ).sort_values("found_share", ascending=False, kind="stable")
    numbers = sorted({min(number, len(shares)) for number in best})
    means = pd.DataFrame([shares.head(number).mean() for number in numbers])
    means.insert(0, "rules", numbers)
    return means.reset_index(drop=True)


def counts_in(found: Coded, kept: NDArray[np.bool_], rules: pd.DataFrame) -> tuple[Array, Array]:
    """Baskets among the kept ones that hold all of a rule, and those that hold its if_items."""
    rows = kept[found.basket]
    bits = packed(found.basket[rows], found.item[rows], len(found.baskets), len(found.items))
    number = {label: code for code, label in enumerate(found.items)}
    both, given = np.empty(len(rules)), np.empty(len(rules))
    for i, (if_items, then_item) in enumerate(
        zip(rules["if_items"], rules["then_item"], strict=True)
    ):
        led = np.bitwise_and.reduce(bits[[number[label] for label in if_items]], axis=0)
        given[i] = np.bitwise_count(led).sum()
        both[i] = np.bitwise_count(led & bits[number[then_item]]).sum()
    return both, given
