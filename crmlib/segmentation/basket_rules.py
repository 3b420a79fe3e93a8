"""Basket rules: who buys these items buys that one too, in the same basket."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import digamma, gammaln
from scipy.stats import norm

from crmlib import tables
from crmlib.columns import Array, Codes, codes_of
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.segmentation.itemsets import Itemsets, Words, frequent_itemsets, ones, packed

NO_MORE = 1e-18
"""A term below this, of a sum that is at least 1, no longer changes it."""


@dataclass(frozen=True)
class BasketRules:
    """Rules of what is bought together.

    Attributes
    ----------
    table : DataFrame
        One row a rule, the sound ones first and in order of lift: if_items (tuple of items),
        then_item; baskets (with all of them), if_baskets (with if_items), then_baskets (with
        then_item); support, confidence and lift, each with _low and _high; gain (confidence less
        that of the best rule with fewer if_items, or with none); p, adjusted_p; redundant (a
        rule with fewer if_items is as good); sound (adjusted_p is within false_discovery).
    n_baskets, n_items : int
        What the rules are of.
    n_tests : int
        Rules that could have been found, which adjusted_p allows for; 0 where no basket holds
        two items, so that nothing can be said.
    min_support, min_confidence, false_discovery, confidence : float
        As asked for.
    """

    table: pd.DataFrame
    n_baskets: int
    n_items: int
    n_tests: int
    min_support: float
    min_confidence: float
    false_discovery: float
    confidence: float

    @property
    def sound(self) -> pd.DataFrame:
        """Rows of ``table`` that are no chance finds, in which no item is idle."""
        return self.table[self.table["sound"]]


def basket_rules(
    baskets: Any,
    *,
    min_support: float = 0.001,
    min_confidence: float = 0.2,
    longest: int = 10,
    false_discovery: float = 0.05,
    confidence: float = 0.95,
    basket: str = "basket_id",
    item: str = "item",
) -> BasketRules:
    """Find rules "who buys these items buys that one too", with one item that follows.

    Parameters
    ----------
    baskets : tables.CheckedTable, DataFrame or Ibis table
        What `tables.read_baskets` or `tables.baskets_of` returns: one row an item of a basket.
    min_support : float
        Share of the baskets that must hold all items of a rule.
    min_confidence : float
        Share of the baskets with if_items that must hold then_item too.
    longest : int
        Items of a rule at most, the one that follows included.
    false_discovery : float
        Share of false rules among the sound ones that is allowed.
    confidence : float
        Of the intervals.
    basket, item : str
        Its columns.

    Returns
    -------
    BasketRules

    Raises
    ------
    InputError
        A column is not there, a cell is empty, items are partly text and partly numbers, there
        are no baskets, or an argument cannot be used.

    Notes
    -----
    With n baskets, n_x of them with if_items, n_y with then_item and n_xy with both: support is
    n_xy / n, confidence n_xy / n_x, lift n_xy n / (n_x n_y). Intervals of support and confidence
    are Wilson's, that of the lift is on its logarithm (`lift_interval`). Intervals and tests take
    baskets as independent; where few customers make many of them, they promise too much.

    **What is tested.** For every item in if_items: among the baskets with the other ones, is
    then_item as frequent without this item as with it? Fisher's exact test, one-sided, and of
    several items the largest p counts: it is small only when every item adds something (Webb
    2007, "productive" rules). With a single item it is the plain test of independence.

    **How many tests.** All rules of a frequent set and a frequent item are tests, whether or not
    they passed min_support and min_confidence: those that did not count with p = 1. Looking only
    at rules already picked for being strong would let chance finds pass. Adjusted by Benjamini
    and Yekutieli (2001), which holds however the tests hang together; rules that share items do,
    in both directions, and Benjamini and Hochberg's proof does not cover that.

    Own code, on packed bits: with tests and intervals still several times as fast as mlxtend, and
    without its loss of rules whose confidence is just min_confidence, which it rounds below.
    Checked against mlxtend 0.25 (every rule, its counts and figures), R arules (number of rules)
    and scipy (the test).

    References
    ----------
    Agrawal, R. and Srikant, R. (1994). Fast algorithms for mining association rules. Proceedings
    of the 20th VLDB Conference, 487-499.

    Benjamini, Y. and Yekutieli, D. (2001). The control of the false discovery rate in multiple
    testing under dependency. Annals of Statistics 29(4), 1165-1188.

    Webb, G. I. (2007). Discovering significant patterns. Machine Learning 68(1), 1-33.
    """
    check_shares(min_support=min_support, false_discovery=false_discovery, confidence=confidence)
    if not 0 <= min_confidence <= 1:
        raise InputError(f"min_confidence={min_confidence:g} is not a fraction from 0 to 1.")
    longest = whole(longest, "longest", 2, "items of a rule")
    found = coded(baskets, basket, item)
    n_baskets = len(found.baskets)
    if not n_baskets:
        raise InputError("There are no baskets: the table has no rows.")
    least = least_baskets(min_support, n_baskets)
    bits, kept = frequent_items(found, least)
    itemsets = frequent_itemsets(bits, least, longest)
    rules = [
        rules_of_size(itemsets, size, n_baskets, min_confidence)
        for size in range(2, len(itemsets.items) + 1)
    ]
    table = rules_table(rules, found.items[kept], n_baskets, confidence)
    tests = number_of_rules(itemsets, longest) if holds_pairs(found) else 0
    table["adjusted_p"] = benjamini_yekutieli(table["p"].to_numpy(), tests)
    table["sound"] = table["adjusted_p"] <= false_discovery
    return BasketRules(
        table=in_order(table),
        n_baskets=n_baskets,
        n_items=len(found.items),
        n_tests=tests,
        min_support=min_support,
        min_confidence=min_confidence,
        false_discovery=false_discovery,
        confidence=confidence,
    )


@dataclass(frozen=True)
class Coded:
    """Baskets as numbers: item ``item[i]`` stands in basket ``basket[i]``, perhaps repeatedly."""

    basket: Codes
    item: Codes
    baskets: NDArray[Any]
    items: NDArray[Any]


def coded(baskets: Any, basket: str, item: str) -> Coded:
    """Baskets and items as numbers, items in order of name."""
    data = tables.as_frame(baskets)
    codes, found = codes_of(data, basket)
    item_codes, labels = codes_of(data, item)
    labels = np.asarray(labels, dtype=object)
    texts = np.array([isinstance(label, str) for label in labels], dtype=bool)
    if texts.any() and not texts.all():
        raise InputError(
            f'Column "{item}" holds text ({labels[texts][0]!r}) and numbers '
            f"({labels[~texts][0]!r}). Make all of them text."
        )
    order = np.argsort(labels.astype(str), kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return Coded(codes, rank[item_codes], np.asarray(found), labels[order])


def holds_pairs(found: Coded) -> bool:
    """Whether any basket holds two different items."""
    any_item = np.empty(len(found.baskets), dtype=np.int64)
    any_item[found.basket] = found.item
    return bool((found.item != any_item[found.basket]).any())


def least_baskets(min_support: float, n_baskets: int) -> int:
    """Baskets that hold a rule at least: the smallest number whose share is large enough."""
    least = max(int(min_support * n_baskets), 1)
    return least if least / n_baskets >= min_support else least + 1


def frequent_items(found: Coded, least: int) -> tuple[Words, Codes]:
    """Bits of the items that are frequent, the rarest first, and which items these are."""
    n_items = len(found.items)
    may_be = np.flatnonzero(np.bincount(found.item, minlength=n_items) >= least)
    number = np.full(n_items, -1)
    number[may_be] = np.arange(len(may_be))
    item = number[found.item]
    bits = packed(found.basket[item >= 0], item[item >= 0], len(found.baskets), len(may_be))
    counts = ones(bits)
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] >= least]
    return bits[order], may_be[order]


def rules_of_size(
    itemsets: Itemsets, size: int, n_baskets: int, min_confidence: float
) -> dict[str, Any]:
    """Counts and tests of all rules of so many items that are confident enough.

    Parameters
    ----------
    itemsets : Itemsets
    size : int
        Items of a rule, 2 or more.
    n_baskets : int
    min_confidence : float

    Returns
    -------
    dict of str to ndarray
        if_codes (n, size - 1), then_code, baskets, if_baskets, then_baskets, simpler (the best
        confidence of a rule with fewer if_items, or none), p.
    """
    found = []
    items, counts = itemsets.items[size - 1], itemsets.counts[size - 1]
    for j in range(size):
        if_baskets = without(itemsets, items, [j], n_baskets)
        rows = np.flatnonzero(counts / if_baskets >= min_confidence)
        rule, n_xy, n_x = items[rows], counts[rows], if_baskets[rows]
        n_y = itemsets.counts_of(rule[:, [j]])
        found.append(
            {
                "if_codes": np.delete(rule, j, axis=1),
                "then_code": rule[:, j],
                "baskets": n_xy,
                "if_baskets": n_x,
                "then_baskets": n_y,
                "simpler": best_simpler(itemsets, rule, j, n_baskets),
                "p": p_of_every_item(itemsets, rule, j, n_xy, n_x, n_y, n_baskets),
            }
        )
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def without(itemsets: Itemsets, rule: Codes, left_out: list[int], n_baskets: int) -> Codes:
    """Baskets that hold the items of rules but those in some places; all where none is left."""
    rest = np.delete(rule, left_out, axis=1)
    return itemsets.counts_of(rest) if rest.shape[1] else np.full(len(rule), n_baskets)


def best_simpler(itemsets: Itemsets, rule: Codes, j: int, n_baskets: int) -> Array:
    """Best confidence of "then the item in place j" given some of the others, or nothing."""
    others = [a for a in range(rule.shape[1]) if a != j]
    best = np.zeros(len(rule))
    # Every subset of the other items is a row of ones and zeros of a binary number.
    for subset in range(2 ** len(others) - 1):
        out = [a for bit, a in enumerate(others) if not subset >> bit & 1]
        both = without(itemsets, rule, out, n_baskets)
        given = without(itemsets, rule, [*out, j], n_baskets)
        best = np.maximum(best, both / given)
    return best


def p_of_every_item(
    itemsets: Itemsets, rule: Codes, j: int, n_xy: Codes, n_x: Codes, n_y: Codes, n_baskets: int
) -> Array:
    """Largest p of the tests that the rule is no chance find and that no item in it is idle."""
    p = fisher_greater(n_xy, n_x, n_y, np.full(len(rule), n_baskets))
    if rule.shape[1] == 2:
        return p
    for a in range(rule.shape[1]):
        if a != j:
            good = without(itemsets, rule, [a], n_baskets)
            total = without(itemsets, rule, [a, j], n_baskets)
            p = np.maximum(p, fisher_greater(n_xy, n_x, good, total))
    return p


def number_of_rules(itemsets: Itemsets, longest: int) -> int:
    """Rules that a frequent set of items, with another frequent item to follow, can make."""
    return sum(
        len(level) * (itemsets.n_items - size)
        for size, level in enumerate(itemsets.items[: longest - 1], start=1)
    )


def fisher_greater(both: Codes, drawn: Codes, good: Codes, total: Codes) -> Array:
    """One-sided p-value of Fisher's exact test: so many in common, or more, by chance.

    Parameters
    ----------
    both, drawn, good, total : ndarray of int, shape (n,)
        Of ``total`` baskets ``good`` hold one thing, ``drawn`` another, and ``both`` the two.

    Returns
    -------
    ndarray, shape (n,)
        P(X >= both) with X hypergeometric. Checked against scipy.

    Notes
    -----
    The tail is added up, from ``both`` away from the mean, as a product of ratios of successive
    terms, for all tables at a time; scipy takes them one by one.
    """
    upper = both * total > drawn * good
    start = np.where(upper, both, both - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = np.exp(log_hypergeometric(start, drawn, good, total)) * added(
            start, drawn, good, total, np.where(upper, 1, -1)
        )
    possible = start >= np.maximum(0, drawn + good - total)
    tail = np.where(possible, tail, 0.0)
    return np.clip(np.where(upper, tail, 1 - tail), 0.0, 1.0)


def added(start: Codes, drawn: Codes, good: Codes, total: Codes, step: Codes) -> Array:
    """Sum of the terms from start up (step 1) or down (step -1), in units of the first."""
    sums = np.ones(len(start))
    term = np.ones(len(start))
    k = start.astype(float)
    open_rows = np.arange(len(start))
    while len(open_rows):
        i = open_rows
        up = step[i] > 0
        low = np.where(up, k[i], k[i] - 1)
        ratio = (
            (drawn[i] - low)
            * (good[i] - low)
            / ((low + 1) * (total[i] - drawn[i] - good[i] + low + 1))
        )
        term[i] *= np.where(up, ratio, 1 / ratio)
        sums[i] += term[i]
        k[i] += step[i]
        open_rows = i[term[i] > NO_MORE * sums[i]]
    return sums


def log_hypergeometric(k: Codes, drawn: Codes, good: Codes, total: Codes) -> Array:
    """Log-probability that k of the drawn are good."""

    def choose(n: Codes, r: Codes) -> Array:
        return gammaln(n + 1.0) - gammaln(r + 1.0) - gammaln(n - r + 1.0)

    return choose(good, k) + choose(total - good, drawn - k) - choose(total, drawn)


def benjamini_yekutieli(p: Array, tests: int) -> Array:
    """Adjusted p-values (Benjamini and Yekutieli 2001) of some of many tests.

    Parameters
    ----------
    p : ndarray, shape (n,)
        The other tests count with p = 1.
    tests : int
        All tests, n or more.

    Returns
    -------
    ndarray, shape (n,)
        Of the k-th smallest p: the smallest, from it on, of ``p tests c / k`` with
        ``c = 1 + 1/2 + ... + 1/tests``. Checked against scipy.
    """
    order = np.argsort(p, kind="stable")
    harmonic = digamma(tests + 1.0) + np.euler_gamma
    raised = p[order] * tests * harmonic / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return adjusted


def lift_interval(
    both: Array, given: Array, then: Array, n: float, quantile: float
) -> tuple[Array, Array]:
    """Interval of the lift, on its logarithm.

    Parameters
    ----------
    both, given, then : ndarray, shape (m,)
        Baskets with all items of a rule, with its if_items and with its then_item.
    n : int
        All baskets.
    quantile : float
        1.96 for 95 %.

    Returns
    -------
    tuple of ndarray, shape (m,)

    Notes
    -----
    By the delta method for a multinomial table, with half a basket added to each of its four
    cells, the variance of the log of the lift L is

        1 / n_xy - 1 / n_x - 1 / n_y + (2 L - 1) / n

    Where about one basket with all items is to be expected, the interval of 95 % holds the lift
    in 92 % of cases (simulated: n_x = n_y = 5 % of 500 baskets, lift 1); with ten or more, in 95 %.
    """
    both, given, then, n = both + 0.5, given + 1.0, then + 1.0, n + 2.0
    lift = both * n / (given * then)
    variance = 1 / both - 1 / given - 1 / then + (2 * lift - 1) / n
    half = quantile * np.sqrt(np.maximum(variance, 0.0))
    return lift * np.exp(-half), lift * np.exp(half)


def rules_table(
    rules: list[dict[str, Any]], labels: NDArray[Any], n_baskets: int, confidence: float
) -> pd.DataFrame:
    """Rules of all sizes in words, with their figures and intervals."""
    quantile = float(norm.isf((1 - confidence) / 2))
    if_items = [tuple(sorted(labels[codes])) for size in rules for codes in size["if_codes"]]
    names = ("then_code", "baskets", "if_baskets", "then_baskets", "simpler", "p")
    found = {
        name: np.concatenate([size[name] for size in rules] or [np.empty(0)]) for name in names
    }
    both, given, then = found["baskets"], found["if_baskets"], found["then_baskets"]
    table = pd.DataFrame({"if_items": pd.Series(if_items, dtype=object)})
    table["then_item"] = labels[found["then_code"].astype(np.int64)]
    for name in ("baskets", "if_baskets", "then_baskets"):
        table[name] = found[name].astype(np.int64)
    table["support"] = both / n_baskets
    table["support_low"], table["support_high"] = wilson_interval(
        table["support"], n_baskets, quantile
    )
    table["confidence"] = both / given
    table["confidence_low"], table["confidence_high"] = wilson_interval(
        table["confidence"], given, quantile
    )
    table["lift"] = both / given / (then / n_baskets)
    table["lift_low"], table["lift_high"] = lift_interval(both, given, then, n_baskets, quantile)
    table["gain"] = table["confidence"] - found["simpler"]
    table["p"] = found["p"]
    table["redundant"] = table["gain"] <= 0
    return table


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sound rules first, then by lift; ties by support and by name."""
    words = table["if_items"].map(joined)
    return (
        table.assign(_words=words)
        .sort_values(
            ["sound", "lift", "baskets", "then_item", "_words"],
            ascending=[False, False, False, True, True],
            kind="stable",
            ignore_index=True,
        )
        .drop(columns="_words")
    )


def readable(rules: pd.DataFrame) -> pd.DataFrame:
    """Rules with if_items as one text, for a table that is read: "curd + yogurt".

    Parameters
    ----------
    rules : DataFrame
        Rows of `BasketRules.table`.

    Returns
    -------
    DataFrame
    """
    return rules.assign(if_items=rules["if_items"].map(joined))


def joined(items: tuple[Any, ...]) -> str:
    """Items as one text."""
    return " + ".join(map(str, items))


def fitting_items(
    rules: BasketRules, baskets: Any, *, basket: str = "basket_id", item: str = "item"
) -> pd.DataFrame:
    """Items that baskets lack although a sound rule leads to them.

    Parameters
    ----------
    rules : BasketRules
    baskets : tables.CheckedTable, DataFrame or Ibis table
        The same baskets, or others with the same items.
    basket, item : str
        Its columns.

    Returns
    -------
    DataFrame
        One row for every basket and item that it lacks, by the most confident of the rules that
        lead there: basket_id, item, if_items, confidence, confidence_low, confidence_high, lift;
        in order of the baskets, most confident first.

    Notes
    -----
    Confidence is the share of the complete baskets with if_items that hold the item. That an item
    was left out of this basket may say that it is not wanted here.
    """
    found = coded(baskets, basket, item)
    bits = packed(found.basket, found.item, len(found.baskets), len(found.items))
    number = {label: code for code, label in enumerate(found.items)}
    sound = rules.sound.sort_values("confidence", ascending=False, kind="stable")
    parts, lacking = [], {}
    for row, if_items, then_item in zip(
        range(len(sound)), sound["if_items"], sound["then_item"], strict=True
    ):
        if not all(label in number for label in if_items):
            continue
        if then_item not in lacking:
            none = np.zeros(bits.shape[1], dtype=np.uint64)
            lacking[then_item] = ~(bits[number[then_item]] if then_item in number else none)
        led = np.bitwise_and.reduce(bits[[number[label] for label in if_items]], axis=0)
        led &= lacking[then_item]
        lacking[then_item] &= ~led
        which = np.flatnonzero(np.unpackbits(led.view(np.uint8), bitorder="little"))
        parts.append(pd.DataFrame({"code": which, "row": row}))
    fits = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"code": [], "row": []})
    fits = fits.astype(np.int64).sort_values(["code", "row"], kind="stable", ignore_index=True)
    columns = ["then_item", "if_items", "confidence", "confidence_low", "confidence_high", "lift"]
    chosen = sound[columns].iloc[fits["row"]].reset_index(drop=True)
    chosen.insert(0, "basket_id", found.baskets[fits["code"]])
    return chosen.rename(columns={"then_item": "item"})


def whole(number: Any, name: str, least: int, what: str) -> int:
    """A whole number that the caller gives.

    Raises
    ------
    InputError
        When it is none, or below ``least``; ``what`` says what it is.
    """
    is_number = isinstance(number, int | float | np.integer | np.floating)
    if not is_number or isinstance(number, bool) or not float(number).is_integer():
        raise InputError(f"{name}={number!r}: {what}, a whole number, {least} or more.")
    if number < least:
        raise InputError(f"{name}={number}: {what}, {least} or more.")
    return int(number)


def check_shares(**shares: float) -> None:
    """Refuse what is no fraction between 0 and 1."""
    for name, share in shares.items():
        if not 0 < share < 1:
            hint = f" Did you mean {share / 100:g}?" if 1 <= share < 100 else ""
            raise InputError(f"{name}={share:g} is not a fraction between 0 and 1.{hint}")
