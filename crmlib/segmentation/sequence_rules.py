"""Sequence rules: who buys this buys that within so many days."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from crmlib import tables
from crmlib.columns import Array, Codes
from crmlib.errors import InputError
from crmlib.segmentation.basket_rules import benjamini_yekutieli, check_shares, whole
from crmlib.segmentation.kaplan_meier import KaplanMeier, kaplan_meier
from crmlib.transaction_rows import (
    day_of,
    refuse_days_to_come,
)

YEAR = 365

FORTNIGHT = 14
"""Days of a stretch of the calendar in which purchases are compared, where there are enough."""

ENOUGH_STARTS = 5
"""Days with if_item that such a stretch should hold on average."""

WIDEST = 6
"""Fortnights of a stretch at most: a season of the year."""

BALANCED = 0.005
"""Share of the purchases that may be left in another stretch."""

MOST_ROUNDS = 50


@dataclass(frozen=True)
class SequenceRules:
    """Rules of what is bought after what.

    Attributes
    ----------
    table : DataFrame
        One row for every pair of items that can be said, rules that hold first and in order of
        lift: if_item, then_item; purchases (of if_item that count), not_compared (those that do
        not, as there is nothing to compare them with), customers, followed (purchases watched
        all the days); chance (that then_item is bought within the days), base (that the same
        customers, in the same weeks, buy it within the days after another purchase) and lift
        (chance / base, missing where one of them is 0), each with _low and _high; p, adjusted_p;
        holds (adjusted_p is within false_discovery).
    curves : DataFrame
        For rules that hold, day by day from 0: if_item, then_item, day; bought with _low and
        _high, and base_bought (share that has bought then_item by then, after if_item and after
        other purchases); chance_left with _low and _high, and base_left (chance to buy it in the
        days that remain, when it has not been bought by then).
    pairs : DataFrame
        if_item, then_item, purchases, not_compared, customers and said, for every pair. False
        where too few customers bought if_item and, on a like day, something that is neither, or
        nobody was watched for all the days.
    within_days : int
    as_of : Timestamp
        Last day that was watched.
    least_lift : float
        Lift that rules that hold have been shown to exceed.
    false_discovery, confidence : float
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    within_days: int
    as_of: pd.Timestamp
    least_lift: float
    false_discovery: float
    confidence: float

    @property
    def held(self) -> pd.DataFrame:
        """Rows of ``table`` that hold."""
        return self.table[self.table["holds"]]


@dataclass(frozen=True)
class Purchases:
    """Days on which customers bought, and what.

    ``moment`` of a purchase day is customer times ``stride`` plus day, so that it rises through
    the customers and, within one, through the days. Day 0 is the first day of the table.
    """

    moment: Codes
    items_bought: Codes
    moments_of: list[Codes]
    customers: "pd.Index[Any]"
    items: "pd.Index[Any]"
    stride: int
    first_day: pd.Timestamp
    last_day: int

    @property
    def day(self) -> Codes:
        """Day of every purchase day."""
        return self.moment % self.stride

    @property
    def customer(self) -> Codes:
        """Customer of every purchase day."""
        return self.moment // self.stride


@dataclass(frozen=True)
class Starts:
    """Purchase days from which then_item is waited for: those with if_item, and others.

    ``bought`` tells which are with if_item. Days of a stratum are of the same customer and year,
    with as many items.
    """

    codes: tuple[int, int]
    customer: Codes
    stratum: Codes
    bought: NDArray[np.bool_]
    day: Codes
    duration: Codes
    event: NDArray[np.bool_]
    days_watched: Codes
    not_compared: int


def sequence_rules(
    transactions: Any,
    *,
    item: str = "product_line",
    within_days: int = 90,
    as_of: dt.date | str | None = None,
    least_lift: float = 1.2,
    min_customers: int = 20,
    false_discovery: float = 0.05,
    confidence: float = 0.95,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
) -> SequenceRules:
    """Find rules "who buys this buys that within so many days".

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        One row a purchase, or a line of one. Rows with an amount of 0 or less are returns and do
        not count, nor do rows without an item.
    item : str
        Column with what was bought.
    within_days : int
        Days after the purchase.
    as_of : date or str, optional
        Last day that was watched; the last day of the table when not given.
    least_lift : float
        Lift that a rule must be shown to exceed, 1 or more.
    min_customers : int
        Customers that a rule needs; with fewer it cannot be said.
    false_discovery : float
        Share of false rules allowed among those that hold.
    confidence : float
        Of the intervals.
    customer, date, amount : str
        Its columns.

    Returns
    -------
    SequenceRules

    Raises
    ------
    InputError
        A column is not there or holds what it cannot, nothing was bought, or an argument cannot
        be used.

    Notes
    -----
    **What counts.** Every day on which a customer buys A and not B as well. B bought on the same
    day is no sequence but a basket: such days count neither for the rule nor against it; B must
    come on a later day. A purchase too recent to have been followed for all the days is cut short
    where the table ends, and the chance is Kaplan and Meier's.

    **The base.** Who buys much of everything buys B after A more often than others, and sooner
    after any purchase than at any time. Days with A are therefore compared with other purchases
    of the same customers: days with neither A nor B, in the same twelve months and with as many
    different items. Where A has its season before that of B, B follows A without being bought
    because of it. The other purchases therefore count so that they fall on customers as the days
    with A do, and on fortnights of the calendar, over all customers, as those do too
    (`balanced_weights`). Then chance and base are alike where the chance of B is a share of the
    customer plus one of the fortnight, or where the odds that a purchase is of A are one factor
    of the customer times another of the fortnight: either will do. With less than five days with
    A a fortnight, stretches are longer, up to twelve weeks, and a season within them is not
    seen; nor is one that only some customers have, unless they buy the same all year. Where A is
    bought after all within the days, the base holds what A does, so that the lift of a true rule
    is rather too small. Days with A that have nothing to be compared with do not count. With
    fewer than three items, nothing can be compared, and no pair can be said.

    **Intervals** are Wilson's for as many purchases as would have the variance found, which comes
    from customers as wholes (`kaplan_meier`); that of the lift is on its logarithm.

    **The test** is of chance less ``least_lift`` times base, one-sided, with the variance of what
    every customer contributes. It does not ask for a lift above 1: what is bought because of one
    strong rule is bought in place of something else, and the other purchases that make the base
    of other pairs are moved a little by that. Adjusted for all pairs that can be said, by
    Benjamini and Yekutieli (2001), as pairs that share an item hang together. Which pairs can be
    said does not depend on whether B was bought.

    Checked by simulation, with a least_lift of 1 and nothing to find: where items are shuffled
    within customers 6 % of the pairs have a p below 0.05, where customers change in rhythm and
    size 5 %, where one item is bought like clockwork 5 %, where A has its season before that of
    B 6 %; intervals of the lift hold 1 in 92 to 95 %. In the example company, and four others of
    its kind, printers then toner is the one rule that holds.

    References
    ----------
    Hainmueller, J. (2012). Entropy balancing for causal effects: a multivariate reweighting
    method to produce balanced samples in observational studies. Political Analysis 20(1), 25-46.
    """
    check_shares(false_discovery=false_discovery, confidence=confidence)
    within_days = whole(within_days, "within_days", 1, "days to look ahead")
    min_customers = whole(min_customers, "min_customers", 2, "customers that a rule needs")
    if not (isinstance(least_lift, int | float | np.number) and least_lift >= 1):
        raise InputError(f"least_lift={least_lift!r}: a rule has a lift of 1 or more.")
    bought = purchases_of(transactions, customer, date, amount, item, as_of)
    quantile = float(norm.isf((1 - confidence) / 2))
    days = purchase_days(bought, within_days)
    pairs = pd.DataFrame(
        [
            pair_figures(days, starts, least_lift, min_customers, quantile)
            for starts in comparisons(days)
        ],
        columns=["codes", *PAIR, "said", *FIGURES],
    ).astype({"said": bool})
    pairs.insert(0, "if_item", [bought.items[codes[0]] for codes in pairs["codes"]])
    pairs.insert(1, "then_item", [bought.items[codes[1]] for codes in pairs["codes"]])
    table = pairs[pairs["said"]].drop(columns="said")
    table["adjusted_p"] = benjamini_yekutieli(table["p"].to_numpy(dtype=float), len(table))
    table["holds"] = table["adjusted_p"] <= false_discovery
    table = table.sort_values(
        ["holds", "lift", "if_item", "then_item"],
        ascending=[False, False, True, True],
        kind="stable",
        ignore_index=True,
    )
    return SequenceRules(
        table=table.drop(columns="codes"),
        curves=curves_of(days, table[table["holds"]], quantile),
        pairs=pairs[["if_item", "then_item", *PAIR, "said"]],
        within_days=within_days,
        as_of=bought.first_day + pd.Timedelta(days=bought.last_day),
        least_lift=least_lift,
        false_discovery=false_discovery,
        confidence=confidence,
    )


PAIR = ["purchases", "not_compared", "customers"]
FIGURES = [
    "followed",
    *(f"{name}{end}" for name in ("chance", "base", "lift") for end in ("", "_low", "_high")),
    "p",
]
CURVE = [
    "if_item",
    "then_item",
    "day",
    "bought",
    "bought_low",
    "bought_high",
    "base_bought",
    "chance_left",
    "chance_left_low",
    "chance_left_high",
    "base_left",
]


def purchases_of(
    transactions: Any,
    customer: str,
    date: str,
    amount: str,
    item: str,
    as_of: dt.date | str | None,
) -> Purchases:
    """Which items customers bought on which days, each once, from where the transactions live."""
    rows = tables.as_expression(transactions)
    missing = [name for name in (customer, date, amount, item) if name not in rows.columns]
    if missing:
        raise InputError(
            f"The table has no column {', '.join(missing)}; it has {', '.join(rows.columns)}."
        )
    if not rows[amount].type().is_numeric():
        raise InputError(
            f'Column "{amount}" must hold amounts of money, which are numbers; it holds '
            f"{rows[amount].type()}."
        )
    if rows[date].type().is_numeric():
        raise InputError(f'Column "{date}" must hold dates; it holds numbers.')
    named = rows.select(
        customer_id=rows[customer],
        day=rows[date].cast("date"),
        item=rows[item],
        amount=rows[amount],
    )
    last = None if as_of is None else day_of(as_of, "as_of")
    if last is not None:
        named = named.filter(named["day"] <= last.date())
    named = named.filter(named["amount"] > 0, ~named["item"].isnull())
    found = tables.as_frame(named.select("customer_id", "day", "item").distinct())
    if found.empty:
        raise InputError("The table has no purchases with an item and an amount above 0.")
    if found[["customer_id", "day"]].isna().any(axis=None):
        n = int(found[["customer_id", "day"]].isna().any(axis=1).sum())
        raise InputError(
            f"{n:,} purchases have no value in {customer} or {date}. Fill them in, or take these "
            "rows out of the table."
        )
    refuse_days_to_come(found["day"].max().date())
    return as_purchases(found["customer_id"], found["day"], found["item"], last)


def as_purchases(
    customer: Any, day: Any, item: Any, as_of: pd.Timestamp | None = None
) -> Purchases:
    """Purchases from customers, days and items, one of each for every item of a day."""
    codes, customers = pd.factorize(customer, sort=True)
    item_codes, items = pd.factorize(item, sort=True)
    days = np.asarray(day, dtype="datetime64[D]").astype(np.int64)
    first = int(days.min())
    last = (
        int(days.max())
        if as_of is None
        else int(as_of.to_datetime64().astype("datetime64[D]").astype(np.int64))
    )
    stride = last - first + 1
    entries = codes * stride + (days - first)
    moment, items_bought = np.unique(entries, return_counts=True)
    order = np.lexsort((entries, item_codes))
    ends = np.cumsum(np.bincount(item_codes, minlength=len(items)))
    return Purchases(
        moment=moment,
        items_bought=items_bought,
        moments_of=np.split(entries[order], ends[:-1]),
        customers=pd.Index(customers),
        items=pd.Index(items),
        stride=stride,
        first_day=pd.Timestamp(np.datetime64(first, "D")),
        last_day=last - first,
    )


@dataclass(frozen=True)
class PurchaseDays:
    """Purchase days as they are compared.

    ``alike`` numbers days of the same customer and year with as many items, ``watched`` counts
    the days watched after each, at most ``within_days``, and ``places`` lists for every item the
    rows of the days on which it was bought.
    """

    bought: Purchases
    within_days: int
    alike: Codes
    watched: Codes
    places: list[Codes]


def purchase_days(bought: Purchases, within_days: int) -> PurchaseDays:
    """Number purchase days that are alike, and look how long each was watched."""
    to_last = bought.last_day - bought.day
    years, sizes = bought.last_day // YEAR + 1, int(bought.items_bought.max()) + 1
    key = (bought.customer * years + to_last // YEAR) * sizes + bought.items_bought
    return PurchaseDays(
        bought=bought,
        within_days=within_days,
        alike=np.unique(key, return_inverse=True)[1],
        watched=np.minimum(to_last, within_days),
        places=[np.searchsorted(bought.moment, moments) for moments in bought.moments_of],
    )


def comparisons(days: PurchaseDays) -> Iterator[Starts]:
    """Every pair of items with the purchase days to compare."""
    n_items = len(days.places)
    for then_code in range(n_items):
        wait = days_to_next(days.bought, then_code)
        for if_code in range(n_items):
            if if_code != then_code:
                yield starts_of(days, wait, if_code, then_code)


def starts_of(days: PurchaseDays, wait: Codes, if_code: int, then_code: int) -> Starts:
    """Purchase days without then_item, those with if_item beside others that are alike."""
    usable = days.watched > 0
    usable[days.places[then_code]] = False
    with_if = np.zeros(len(usable), dtype=bool)
    with_if[days.places[if_code]] = True
    n_with = np.bincount(days.alike, with_if & usable)
    n_other = np.bincount(days.alike, ~with_if & usable)
    rows = np.flatnonzero(usable & ((n_with > 0) & (n_other > 0))[days.alike])
    return Starts(
        codes=(if_code, then_code),
        customer=days.bought.customer[rows],
        stratum=days.alike[rows],
        bought=with_if[rows],
        day=days.bought.day[rows],
        duration=np.minimum(wait[rows], days.watched[rows]),
        event=wait[rows] <= days.watched[rows],
        days_watched=days.watched[rows],
        not_compared=int((with_if & usable).sum() - with_if[rows].sum()),
    )


def days_to_next(bought: Purchases, code: int) -> Codes:
    """Days from every purchase day to the customer's next, later one with an item.

    Longer than anything watched where there is none.
    """
    moments = bought.moments_of[code]
    place = np.searchsorted(moments, bought.moment, side="right")
    following = np.append(moments, -1)[place]
    same = (place < len(moments)) & (following // bought.stride == bought.customer)
    return np.where(same, following - bought.moment, 2 * bought.stride)


def numbered(rising: Codes) -> Codes:
    """Numbers 0, 1, 2 and so on for codes that rise."""
    return np.cumsum(np.diff(rising, prepend=rising[:1]) > 0)


def fortnights(starts: Starts) -> Codes:
    """Stretch of the calendar of every purchase day: a fortnight, or several where there are few.

    Stretches are counted back from the last day.
    """
    number = (int(starts.day.max()) - starts.day) // FORTNIGHT
    n_with = int(starts.bought.sum())
    enough = ENOUGH_STARTS * (int(number.max()) + 1)
    return number // min(max(-(-enough // max(n_with, 1)), 1), WIDEST)


def balanced_weights(starts: Starts) -> Array:
    """What other purchases count, so that they fall on customers and weeks as those of the item.

    Returns
    -------
    ndarray
        Of every purchase without the item. Those of a stratum add up to its purchases with the
        item, and, as far as can be, those of a stretch of the calendar too: each weight is a
        factor of its stratum times one of its stretch, by iterative proportional fitting
        (Hainmueller 2012 calls it entropy balancing).
    """
    present = np.bincount(starts.stratum) > 0
    stratum = (np.cumsum(present) - 1)[starts.stratum]
    stretch = fortnights(starts)
    n_stretches = int(stretch.max()) + 1
    in_stratum = np.bincount(stratum, starts.bought)
    wanted = np.bincount(stretch, starts.bought, n_stretches)
    stratum, stretch = stratum[~starts.bought], stretch[~starts.bought]
    weight = in_stratum[stratum] / np.bincount(stratum)[stratum]
    for _ in range(MOST_ROUNDS):
        found = np.bincount(stretch, weight, n_stretches)
        if np.abs(found - wanted)[found > 0].sum() <= BALANCED * wanted.sum():
            break
        # Half a purchase more on both sides: a stretch without any is not left out altogether.
        weight *= ((wanted + 0.5) / (found + 0.5))[stretch]
        weight *= (in_stratum / np.bincount(stratum, weight))[stratum]
    return weight


def both_arms(starts: Starts, within_days: int) -> tuple[KaplanMeier, KaplanMeier]:
    """Chance after the item, and after other purchases of the same customers and weeks."""
    cluster = numbered(starts.customer)
    n_clusters = int(cluster.max()) + 1

    def arm(rows: NDArray[np.bool_], weight: Array) -> KaplanMeier:
        return kaplan_meier(
            cluster[rows],
            starts.duration[rows],
            starts.event[rows],
            weight,
            n_clusters,
            within_days,
        )

    return (
        arm(starts.bought, np.ones(int(starts.bought.sum()))),
        arm(~starts.bought, balanced_weights(starts)),
    )


def pair_figures(
    days: PurchaseDays, starts: Starts, least_lift: float, min_customers: int, quantile: float
) -> dict[str, Any]:
    """Counts of one pair, and its figures where there are customers enough."""
    customers = int(numbered(starts.customer)[-1]) + 1 if len(starts.customer) else 0
    counts = {
        "codes": starts.codes,
        "purchases": int(starts.bought.sum()),
        "not_compared": starts.not_compared,
        "customers": customers,
    }
    if customers < min_customers:
        return {**counts, "said": False}
    followed = starts.bought & (starts.days_watched == days.within_days)
    arms = both_arms(starts, days.within_days)
    figures = compared(*arms, least_lift, quantile)
    if np.isnan(figures["chance"] - figures["base"]):
        return {**counts, "said": False}
    return {**counts, "said": True, "followed": int(followed.sum()), **figures}


def compared(
    after: KaplanMeier, other: KaplanMeier, least_lift: float, quantile: float
) -> dict[str, float]:
    """Chance, base, lift and test of one pair."""
    chance, base = after.chance(), other.chance()
    found = {"chance": chance, "base": base}
    found["chance_low"], found["chance_high"] = after.interval(quantile)
    found["base_low"], found["base_high"] = other.interval(quantile)
    each_after, each_other = after.influence(), other.influence()
    variance = ((each_after - least_lift * each_other) ** 2).sum()
    variance += unanimous_variance(after) + least_lift**2 * unanimous_variance(other)
    found["p"] = float(norm.sf((chance - least_lift * base) / np.sqrt(variance)))
    found["lift"] = found["lift_low"] = found["lift_high"] = np.nan
    if chance > 0 and base > 0:
        half = quantile * np.sqrt(((each_after / chance - each_other / base) ** 2).sum())
        found["lift"] = chance / base
        found["lift_low"] = found["lift"] * np.exp(-half)
        found["lift_high"] = found["lift"] * np.exp(half)
    return found


def unanimous_variance(arm: KaplanMeier) -> float:
    """Variance where all did the same, which shows none: of half a customer who did not."""
    if 0 < arm.chance() < 1:
        return 0.0
    other = 0.5 / (arm.n_clusters + 1)
    return other * (1 - other) / arm.n_clusters


def curves_of(days: PurchaseDays, held: pd.DataFrame, quantile: float) -> pd.DataFrame:
    """Day by day for every rule that holds."""
    found = [pd.DataFrame(columns=CURVE)]
    for if_item, then_item, (if_code, then_code) in zip(
        held["if_item"], held["then_item"], held["codes"], strict=True
    ):
        starts = starts_of(days, days_to_next(days.bought, then_code), if_code, then_code)
        table = curve(*both_arms(starts, days.within_days), quantile)
        found.append(table.assign(if_item=if_item, then_item=then_item)[CURVE])
    return pd.concat(found[1:], ignore_index=True) if len(found) > 1 else found[0]


def curve(after: KaplanMeier, other: KaplanMeier, quantile: float) -> pd.DataFrame:
    """Day by day: who has bought, and the chance of the days that remain."""
    days = range(len(after.left))
    by_then = [after.interval(quantile, by=day) for day in days]
    from_then = [after.interval(quantile, after=day) for day in days]
    return pd.DataFrame(
        {
            "day": days,
            "bought": 1 - after.left,
            "bought_low": [low for low, _ in by_then],
            "bought_high": [high for _, high in by_then],
            "base_bought": 1 - other.left,
            "chance_left": [after.chance(after=day) for day in days],
            "chance_left_low": [low for low, _ in from_then],
            "chance_left_high": [high for _, high in from_then],
            "base_left": [other.chance(after=day) for day in days],
        }
    )


def next_items(
    rules: SequenceRules,
    transactions: Any,
    *,
    item: str = "product_line",
    as_of: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
) -> pd.DataFrame:
    """What is due for whom: customers in the days after an item, without the one that follows.

    Parameters
    ----------
    rules : SequenceRules
        Those that hold are used.
    transactions : DataFrame, Ibis table or tables.CheckedTable
        Of the same customers, or of others with the same items.
    item, customer, date, amount : str
        Its columns.
    as_of : date or str, optional
        Today; the last day of the table when not given.

    Returns
    -------
    DataFrame
        One row for every customer and item due, the best chance first: customer_id, item,
        because_of (if_item), bought_on, days_since, due_by (the last of the days); chance with
        chance_low and chance_high (to buy the item in the days that remain), base (the same
        after other purchases), lift of the rule. Where several rules lead to an item, the one
        with the best chance. Only where chance_low is above base: when the time in which item
        comes is over, who has not bought it is no likelier to than anybody.
    """
    bought = purchases_of(transactions, customer, date, amount, item, as_of)
    number = {label: code for code, label in enumerate(bought.items)}
    parts = [pd.DataFrame(columns=NEXT)]
    for _, rule in rules.held.iterrows():
        if_code, then_code = number.get(rule["if_item"]), number.get(rule["then_item"])
        if if_code is not None:
            parts.append(due(bought, if_code, then_code, rule, rules))
    every = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    every = every.astype({"customer_id": bought.customers.dtype, "item": bought.items.dtype})
    every = every.sort_values(
        ["chance", "customer_id", "item"], ascending=[False, True, True], kind="stable"
    )
    return every.drop_duplicates(["customer_id", "item"], ignore_index=True)


NEXT = [
    "customer_id",
    "item",
    "because_of",
    "bought_on",
    "days_since",
    "due_by",
    "chance",
    "chance_low",
    "chance_high",
    "base",
    "lift",
]


def due(
    bought: Purchases,
    if_code: int,
    then_code: int | None,
    rule: "pd.Series[Any]",
    rules: SequenceRules,
) -> pd.DataFrame:
    """Customers that one rule speaks of today."""
    days = rules.within_days
    place = np.searchsorted(bought.moment, bought.moments_of[if_code])
    since = bought.last_day - bought.day[place]
    waiting = np.ones(len(place), dtype=bool)
    if then_code is not None:
        waiting = days_to_next(bought, then_code)[place] > since
        waiting &= ~np.isin(bought.moment[place], bought.moments_of[then_code])
    rows = np.flatnonzero(waiting & (since < days))
    curve = rules.curves[
        (rules.curves["if_item"] == rule["if_item"])
        & (rules.curves["then_item"] == rule["then_item"])
    ].set_index("day")
    left = curve.loc[since[rows]]
    likelier = (left["chance_left_low"] > left["base_left"]).to_numpy()
    rows, left = rows[likelier], left[likelier]
    bought_on = bought.first_day + pd.to_timedelta(bought.day[place][rows], unit="D")
    return pd.DataFrame(
        {
            "customer_id": bought.customers[bought.customer[place][rows]],
            "item": rule["then_item"],
            "because_of": rule["if_item"],
            "bought_on": bought_on,
            "days_since": since[rows],
            "due_by": bought_on + pd.Timedelta(days=days),
            "chance": left["chance_left"].to_numpy(),
            "chance_low": left["chance_left_low"].to_numpy(),
            "chance_high": left["chance_left_high"].to_numpy(),
            "base": left["base_left"].to_numpy(),
            "lift": rule["lift"],
        },
        columns=NEXT,
    )
