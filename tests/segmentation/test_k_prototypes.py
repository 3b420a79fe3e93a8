from itertools import product

import numpy as np
import pytest

from crmlib.segmentation.clustering import k_means
from crmlib.segmentation.k_prototypes import (
    category_weight,
    k_prototypes,
    prototype_costs,
    prototypes_of,
)

# Two numbers and two categories of six customers.
NUMBERS = np.array([[0.0, 0], [1, 0], [0, 1], [5, 5], [6, 5], [5, 6]])
CODES = np.array([[0, 1], [0, 1], [1, 1], [2, 0], [2, 0], [2, 1]])


def test_prototypes_and_cost_worked_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 1])
    means, modes = prototypes_of(NUMBERS, CODES, labels, 2)
    assert means == pytest.approx(np.array([[1 / 3, 1 / 3], [16 / 3, 16 / 3]]))
    assert modes.tolist() == [[0, 1], [2, 0]]
    costs = prototype_costs(NUMBERS, CODES, means, modes, 0.5)
    # The third customer: (1/3)^2 + (2/3)^2 for numbers, one category that differs.
    assert costs[2, 0] == pytest.approx(5 / 9 + 0.5)
    # All: 4/3 of squares in each group, one category unlike the mode in each.
    found = k_prototypes(NUMBERS, CODES, 2, 0.5, np.random.default_rng(1))
    assert found.cost == pytest.approx(2 * 4 / 3 + 2 * 0.5)
    assert len(set(found.labels[:3])) == len(set(found.labels[3:])) == 1


def cost_of(labels, k, weight):
    """Huang's cost, customer by customer."""
    total = 0.0
    for group in range(k):
        numbers, codes = NUMBERS[labels == group], CODES[labels == group]
        total += ((numbers - numbers.mean(axis=0)) ** 2).sum()
        for column in codes.T:
            total += weight * (len(column) - np.bincount(column).max())
    return total


@pytest.mark.parametrize("weight", [0.1, 1.0, 30.0])
def test_no_division_of_six_customers_costs_less(weight):
    divisions = (np.array(labels) for labels in product(range(2), repeat=6))
    least = min(cost_of(d, 2, weight) for d in divisions if len(set(d.tolist())) == 2)
    found = k_prototypes(NUMBERS, CODES, 2, weight, np.random.default_rng(1), starts=20)
    assert found.cost == pytest.approx(least)
    assert found.cost == pytest.approx(cost_of(found.labels, 2, weight))


def test_numbers_alone_are_k_means():
    values = np.random.default_rng(2).normal(size=(200, 2))
    none = np.empty((200, 0), dtype=np.int64)
    ours = k_prototypes(values, none, 3, 1.0, np.random.default_rng(1), starts=20)
    theirs = k_means(values, 3, np.random.default_rng(1), starts=20)
    assert ours.cost == pytest.approx(theirs.inertia_, rel=1e-3)


def test_categories_weigh_as_much_as_numbers():
    # Variance 1; a category of two equal halves differs between two customers half the time.
    numbers = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    assert category_weight(numbers, np.array([[0], [0], [1], [1]])) == pytest.approx(2.0)
    assert category_weight(numbers, np.empty((4, 0), dtype=np.int64)) == 1.0


def test_customers_all_alike_still_make_groups_that_are_not_empty():
    codes = np.zeros((4, 1), dtype=np.int64)
    found = k_prototypes(np.zeros((4, 1)), codes, 3, 1.0, np.random.default_rng(1))
    assert found.cost == 0
    assert sorted(np.bincount(found.labels)) == [1, 1, 2]
