"""Frequent itemsets. Oracle: counting every set of items in every basket."""

from itertools import combinations

import numpy as np
import pytest

from crmlib.errors import InputError
from crmlib.segmentation import itemsets as module
from crmlib.segmentation.itemsets import frequent_itemsets, packed


def random_baskets(seed, n_baskets=150, n_items=8):
    random = np.random.default_rng(seed)
    held = random.random((n_baskets, n_items)) < random.uniform(0.1, 0.7, n_items)
    held = held[:, np.argsort(held.sum(axis=0), kind="stable")]
    return held[:, held.any(axis=0)]


def bits_of(held):
    basket, item = np.nonzero(held)
    return packed(basket, item, *held.shape)


def counted(held, least, longest):
    return {
        items: int(held[:, items].all(axis=1).sum())
        for size in range(1, longest + 1)
        for items in combinations(range(held.shape[1]), size)
        if held[:, items].all(axis=1).sum() >= least
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("least", "longest"), [(1, 8), (5, 8), (12, 3), (5, 1)])
def test_every_set_and_its_count(seed, least, longest):
    held = random_baskets(seed)
    held = held[:, held.sum(axis=0) >= least]
    found = frequent_itemsets(bits_of(held), least, longest)
    pairs = [
        (tuple(items), int(count))
        for level, counts in zip(found.items, found.counts, strict=True)
        for items, count in zip(level.tolist(), counts, strict=True)
    ]
    assert dict(pairs) == counted(held, least, longest)
    assert len(pairs) == len(dict(pairs))
    for level, counts in zip(found.items, found.counts, strict=True):
        shuffled = np.random.default_rng(1).permutation(len(level))
        assert (found.counts_of(level[shuffled]) == counts[shuffled]).all()


def test_baskets_beyond_a_word_of_bits_and_repeated_entries():
    basket, item = np.array([0, 63, 64, 64, 127, 128]), np.array([0, 0, 0, 0, 0, 0])
    assert module.ones(packed(basket, item, 129, 1)).tolist() == [5]


def test_too_many_sets_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_ITEMSETS", 20)
    with pytest.raises(InputError, match="higher min_support"):
        frequent_itemsets(bits_of(random_baskets(1)), 1, 8)
