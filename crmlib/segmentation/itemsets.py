"""Frequent itemsets: which items are bought together often, by Eclat on packed bits.

A basket is one bit. An item is the row of bits of the baskets that hold it, a set of items the
bitwise "and" of its items' rows, and counting is counting ones.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crmlib.columns import Codes
from crmlib.errors import InputError

Words = NDArray[np.uint64]

MOST_ITEMSETS = 2_000_000
"""Itemsets at which to stop: nobody reads the rules of so many."""


@dataclass
class Itemsets:
    """Itemsets of 1, 2, 3 and more items, with the number of baskets that hold them.

    Attributes
    ----------
    n_items : int
        Items are numbered from 0 to n_items - 1.
    items : list of ndarray of int, shape (m_k, k)
        Itemsets of k items: numbers of items, rising in a row, rows in order.
    counts : list of ndarray of int, shape (m_k,)
        Baskets that hold them.
    keys : list of ndarray of int, shape (m_k,)
        Place of the first k - 1 items among the itemsets of that size, times n_items, plus the
        last item; rising.
    """

    n_items: int
    items: list[Codes] = field(default_factory=list)
    counts: list[Codes] = field(default_factory=list)
    keys: list[Codes] = field(default_factory=list)

    def add(self, items: Codes, counts: Codes) -> None:
        """Add the itemsets of the next size."""
        parent = self.places(items[:, :-1])
        self.items.append(items)
        self.counts.append(counts)
        self.keys.append(parent * self.n_items + items[:, -1])

    def places(self, itemsets: Codes) -> Codes:
        """Row of itemsets, shape (n, k), among those of their size; they must be there."""
        place = np.zeros(len(itemsets), dtype=np.int64)
        for k in range(itemsets.shape[1]):
            place = np.searchsorted(self.keys[k], place * self.n_items + itemsets[:, k])
        return place

    def counts_of(self, itemsets: Codes) -> Codes:
        """Baskets that hold itemsets, shape (n, k), which must be among the frequent ones."""
        return self.counts[itemsets.shape[1] - 1][self.places(itemsets)]


def packed(basket: Codes, item: Codes, n_baskets: int, n_items: int) -> Words:
    """One row of bits for every item: bit j is 1 when basket j holds it.

    Parameters
    ----------
    basket, item : ndarray of int, shape (n,)
        Number of the basket and of the item, for every item of a basket.
    n_baskets, n_items : int

    Returns
    -------
    ndarray of uint64, shape (n_items, words)
    """
    bits = np.zeros((n_items, -(-n_baskets // 64)), dtype=np.uint64)
    ones = np.left_shift(np.uint64(1), (basket % 64).astype(np.uint64))
    np.bitwise_or.at(bits, (item, basket // 64), ones)
    return bits


def ones(bits: Words) -> Codes:
    """Number of ones in every row."""
    return np.bitwise_count(bits).sum(axis=-1, dtype=np.int64)


def frequent_itemsets(bits: Words, least: int, longest: int) -> Itemsets:
    """Find all itemsets that stand in enough baskets.

    Parameters
    ----------
    bits : ndarray of uint64, shape (n_items, words)
        Items in bits of baskets, every one in at least ``least`` of them.
    least : int
        Baskets that an itemset needs, 1 or more.
    longest : int
        Items of an itemset at most.

    Returns
    -------
    Itemsets

    Raises
    ------
    InputError
        There are more than two million.

    Notes
    -----
    Eclat (Zaki 2000): an itemset is extended, depth first, by every later item with which it is
    still frequent. Items should be in order of rising frequency, which keeps the search small.
    Checked against mlxtend 0.25 (fpgrowth) and R arules.

    References
    ----------
    Zaki, M. J. (2000). Scalable algorithms for association mining. IEEE Transactions on Knowledge
    and Data Engineering 12(3), 372-390.
    """
    n_items = len(bits)
    found: list[tuple[list[Codes], list[Codes]]] = []
    n_found = n_items

    def extend(prefix: Codes, rows: Words, items: Codes) -> None:
        nonlocal n_found
        size = len(prefix) + 2
        if len(found) < size - 1:
            found.append(([], []))
        for i in range(len(items) - 1):
            # Baskets without the itemset are of no use to anything longer.
            words = np.flatnonzero(rows[i])
            both = rows[i + 1 :, words] & rows[i, words]
            counts = ones(both)
            kept = np.flatnonzero(counts >= least)
            if not len(kept):
                continue
            longer, later = np.append(prefix, items[i]), items[i + 1 :][kept]
            found[size - 2][0].append(
                np.column_stack([np.broadcast_to(longer, (len(kept), len(longer))), later])
            )
            found[size - 2][1].append(counts[kept])
            n_found += len(kept)
            if n_found > MOST_ITEMSETS:
                raise InputError(
                    f"More than {MOST_ITEMSETS:,} sets of items stand in {least:,} baskets or "
                    "more. Ask for a higher min_support, or for shorter rules with longest."
                )
            if size < longest and len(kept) > 1:
                extend(longer, both[kept], later)

    itemsets = Itemsets(n_items)
    itemsets.add(np.arange(n_items)[:, None], ones(bits))
    if longest > 1:
        extend(np.empty(0, dtype=np.int64), bits, np.arange(n_items))
    for items, counts in found:
        if items:
            itemsets.add(np.concatenate(items), np.concatenate(counts))
    return itemsets
