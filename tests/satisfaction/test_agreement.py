"""Agreement of methods, by hand."""

import numpy as np

from crmlib.satisfaction.agreement import agreement_of, same_first_share
from crmlib.satisfaction.choice import Importances


def test_agreement_by_hand():
    def found(values, draws):
        rows = np.array([values, *draws])
        gap = np.full(len(rows), np.nan)
        return Importances(rows, gap, gap, np.ones(len(rows), dtype=bool))

    one = found([3.0, 2.0, 1.0], [[3.0, 2, 1], [2, 3, 1]] * 50)
    two = found([2.0, 3.0, 1.0], [[3.0, 2, 1], [3, 2, 1]] * 50)
    assert same_first_share([one.values[1:], two.values[1:]]) == 0.5
    assert agreement_of({"pcr": one, "johnson": two}, ("a", "b", "c"), 0.95) == (
        "The methods name different items as the first: pcr puts a first; johnson puts b first. "
        "In samples drawn again they name the same first item in 50% of them. "
        "Every pair of items is told apart by at least one method."
    )
    assert agreement_of({"pcr": one}, ("a", "b", "c"), 0.95) == (
        "pcr puts a first. Of 3 pairs of items pcr does not tell 1 apart; at the top, a and b."
    )
