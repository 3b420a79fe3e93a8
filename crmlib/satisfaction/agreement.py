"""How far methods agree on what drives satisfaction, in sentences."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from crmlib.columns import Array
from crmlib.findings import listed
from crmlib.satisfaction.choice import Importances
from crmlib.satisfaction.draws import TIE, interval, is_first


def agreement_of(found: dict[str, Importances], items: tuple[str, ...], confidence: float) -> str:
    """Say whether the methods name the same first item, how often, and what none tells apart."""
    usable = {name: one for name, one in found.items() if not np.isnan(one.values[0]).any()}
    if not usable:
        return "No method can say anything from these answers."
    if len(items) == 1:
        return "There is a single item, so nothing to compare."
    parts = [first_sentence(usable, items)]
    if len(usable) > 1:
        parts.append(resampled_sentence(usable))
    return " ".join([*parts, apart_sentence(usable, items, confidence)])


def firsts(values: Array, items: tuple[str, ...]) -> list[str]:
    """Items with the largest importance: one, or those that tie; none where there is none."""
    return [items[j] for j in np.flatnonzero(is_first(values[None])[0])]


def block_sentence(grouped: dict[str, Importances], names: tuple[str, ...]) -> str:
    """Which block the methods put first, and in how many resamples all do."""
    usable = {name: one for name, one in grouped.items() if not np.isnan(one.values[0]).any()}
    if len(names) < 2 or not usable:
        return ""
    again = f" {resampled_sentence(usable, 'block')}" if len(usable) > 1 else ""
    return f" Of the blocks: {first_sentence(usable, names, 'blocks')}{again}"


def first_sentence(
    usable: dict[str, Importances], items: tuple[str, ...], what: str = "items"
) -> str:
    """Which item or block every method puts first."""
    voters: dict[str, list[str]] = {}
    for method, one in usable.items():
        voters.setdefault(listed(firsts(one.values[0], items)), []).append(method)
    if len(voters) == 1:
        item, names = next(iter(voters.items()))
        who = f"All {len(names)} methods put" if len(names) > 1 else f"{names[0]} puts"
        return f"{who} {item} first."
    order = sorted(voters, key=lambda item: -len(voters[item]))
    parts = [
        f"{listed(voters[item])} {'put' if len(voters[item]) > 1 else 'puts'} {item} first"
        for item in order
    ]
    return f"The methods name different {what} as the first: {'; '.join(parts)}."


def resampled_sentence(usable: dict[str, Importances], what: str = "item") -> str:
    """In how many resamples all methods name the same first item or block."""
    same = same_first_share([one.values[1:] for one in usable.values()])
    if np.isnan(same):
        return "How often they agree in samples drawn again cannot be said."
    return f"In samples drawn again they name the same first {what} in {same:.0%} of them."


def same_first_share(draws: Sequence[Array]) -> float:
    """Share of the resamples in which all methods put the same item first.

    Parameters
    ----------
    draws : sequence of ndarray, shape (B, p)
        Importances of every method in the same resamples; of one with fewer, in the first ones.

    Returns
    -------
    float
        Of the resamples in which all methods work; NaN where there are none.
    """
    size = min(len(values) for values in draws)
    first = np.array([is_first(values[:size]) for values in draws])
    used = first.any(axis=2).all(axis=0)
    if not used.any():
        return np.nan
    return float(np.logical_and.reduce(first[:, used]).any(axis=1).mean())


def apart_sentence(
    usable: dict[str, Importances], items: tuple[str, ...], confidence: float
) -> str:
    """Which pairs of items no method tells apart."""
    apart = np.logical_or.reduce([told_apart(one.values, confidence) for one in usable.values()])
    pairs = [pair for pair in combinations(range(len(items)), 2) if not apart[pair]]
    total = len(items) * (len(items) - 1) // 2
    which = "no method tells" if len(usable) > 1 else f"{next(iter(usable))} does not tell"
    if not pairs:
        return "Every pair of items is told apart by at least one method."
    if len(pairs) == total:
        return f"{which[0].upper()}{which[1:]} any two items apart."
    leaders = leader_pairs(usable, pairs)
    shown = [f"{items[i]} and {items[j]}" for i, j in leaders[:3]]
    more = "" if len(leaders) <= 3 else f" and {len(leaders) - 3} others"
    near_top = f"; at the top, {', '.join(shown)}{more}" if shown else ""
    return f"Of {total:,} pairs of items {which} {len(pairs):,} apart{near_top}."


def leader_pairs(
    usable: dict[str, Importances], pairs: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pairs with an item that some method puts first."""
    first = np.logical_or.reduce([is_first(one.values[:1])[0] for one in usable.values()])
    return [pair for pair in pairs if first[list(pair)].any()]


def told_apart(values: Array, confidence: float) -> NDArray[np.bool_]:
    """Whether the interval of the difference of two items' importances leaves out zero, (p, p)."""
    p = values.shape[1]
    apart = np.zeros((p, p), dtype=bool)
    for j in range(p):
        low, high = interval(values - values[:, [j]], confidence)
        apart[j] = (low > TIE) | (high < -TIE)
    return apart
