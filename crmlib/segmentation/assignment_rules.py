"""Rules by which a person can tell a customer's segment: a small tree, with how often it is right.

A segment that only a computer can assign is of no use at a counter or in a sales talk. A tree of a
few questions in the units of the table can be read aloud; what it costs is told as its accuracy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.tree import DecisionTreeClassifier

from crmlib.columns import Array, Codes, codes_of, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.segmentation.concentration import check_fraction

LEAST_IN_RULE = 5
"""Customers a rule must hold for, at least; 1 % of all where that is more."""

FOLDS = 10

MOST_SEGMENTS = 0.4
"""Segments for each customer above which they are names of customers rather than segments."""

MOVED = 0.001
"""Share of customers that may change sides where a threshold is rounded."""

DEEPEST = 5
"""Questions one after another that a person can still follow."""

Bounds = tuple[tuple[int, float, float], ...]
"""Of a rule: feature, above, at most. Infinite where there is no bound."""


@dataclass(frozen=True)
class AssignmentRules:
    """Rules that tell the segment of a customer.

    Attributes
    ----------
    rules : DataFrame
        rule (1, 2, …), when (the questions in words), segment; customers it holds for, right_share
        (of these, those in the segment) with low and high. Every customer meets one rule. These
        shares are of the customers the rules were made from, and so are a little too good.
    accuracy : DataFrame
        method ("the rules", "all in the largest segment"), right_share with low and high,
        customers. That of the rules is of customers held out when they were made.
    by_segment : DataFrame
        segment, customers; found_share (of its customers, those the rules put into it) and
        right_share (of those they put into it, its customers), each with low and high, of
        customers held out.
    features : tuple of str
    bounds : tuple
        Of every rule, its questions as numbers: feature, above, at most.
    segments : tuple
        Segment of every rule.
    """

    rules: pd.DataFrame
    accuracy: pd.DataFrame
    by_segment: pd.DataFrame
    features: tuple[str, ...]
    bounds: tuple[Bounds, ...]
    segments: tuple[object, ...]

    def assign(self, customers: pd.DataFrame) -> "pd.Series":
        """Segment of other customers by the rules, as printed.

        Raises
        ------
        InputError
            A feature is missing.
        """
        rule = rule_of(self.bounds, _values(customers, self.features))
        return pd.Series([self.segments[i] for i in rule], index=customers.index, name="segment")


def assignment_rules(
    customers: pd.DataFrame,
    segment: str,
    features: Sequence[str],
    *,
    max_depth: int = 3,
    confidence: float = 0.95,
    seed: int = 1,
) -> AssignmentRules:
    """Make rules that a salesperson can read, and say how often they are right.

    Parameters
    ----------
    customers : DataFrame
        One row per customer.
    segment : str
        Column with its segment.
    features : sequence of str
        Columns of numbers to ask for, in the units that rules are to be read in. Columns ending in
        ``_share`` are fractions and read as per cent.
    max_depth : int
        Questions one after another, 1 to 5.
    confidence : float
        Level of the intervals.
    seed : int
        Of who is held out when.

    Returns
    -------
    AssignmentRules

    Raises
    ------
    InputError
        There is one segment only, or nearly as many as customers, no feature, a value is missing,
        there are too few customers to hold some out, or confidence is no fraction.

    Notes
    -----
    A classification tree (Breiman and others 1984; scikit-learn's, Gini's index) in which every
    leaf holds five customers or 1 % of them at least. It is given the ranks of the values, as it
    keeps seven digits of a number only; thresholds are halfway between two values. Rules of the
    same segment that differ in one question only are one rule, and thresholds are rounded as far
    as that moves no more than one in a thousand customers across them. The accuracy is that of
    the rules as printed, in tenfold cross-validation: made ten times from nine tenths, tried on
    the rest. Intervals are Wilson's. They take the segments as given: how stable these are is
    another question.
    """
    if not 1 <= max_depth <= DEEPEST:
        raise InputError(
            f"max_depth={max_depth}: ask 1 to {DEEPEST} questions one after another; nobody "
            "follows more."
        )
    if not features:
        raise InputError("Name at least one feature to ask for.")
    check_fraction(confidence, "confidence")
    codes, names = codes_of(customers, segment)
    values = _values(customers, features)
    if len(names) < 2:
        raise InputError(f'Column "{segment}": there is one segment only, so no rule is needed.')
    if len(codes) < 2 * FOLDS:
        raise InputError(
            f"{len(codes)} customers are too few to make rules and try them on others; "
            f"{2 * FOLDS} are needed."
        )
    if len(names) > MOST_SEGMENTS * len(codes):
        raise InputError(
            f'Column "{segment}": {len(names):,} segments for {len(codes):,} customers cannot be '
            "told by rules; most would have a customer or two. Join them to fewer."
        )
    bounds, leaf_codes = tree_rules(values, codes, max_depth)
    held_out = cross_validated(values, codes, max_depth, np.random.default_rng(seed))
    quantile = float(norm.isf((1 - confidence) / 2))
    return AssignmentRules(
        rules=_rules_table(values, codes, names, features, bounds, leaf_codes, quantile),
        accuracy=_accuracy(codes, held_out, quantile),
        by_segment=_by_segment(codes, names, held_out, quantile),
        features=tuple(features),
        bounds=bounds,
        segments=tuple(names[code] for code in leaf_codes),
    )


def _values(customers: pd.DataFrame, features: Sequence[str]) -> Array:
    columns = []
    for feature in features:
        values = numbers_of(customers, feature, "values of a feature")
        missing = np.flatnonzero(~np.isfinite(values))
        if len(missing):
            raise InputError(
                f'Column "{feature}": {len(missing):,} values are missing; '
                f"{rows_named(customers, missing)}. Fill them in, or leave these customers out."
            )
        columns.append(values)
    return np.column_stack(columns)


def tree_rules(
    values: Array, codes: Codes, max_depth: int
) -> tuple[tuple[Bounds, ...], tuple[int, ...]]:
    """Rules of a small tree as bounds of features, and the segment of each.

    Parameters
    ----------
    values : ndarray, shape (n, p)
    codes : ndarray of int, shape (n,)
        Segments.
    max_depth : int

    Returns
    -------
    bounds : tuple
        Of every rule, its (feature, above, at most).
    segments : tuple of int
    """
    least = max(LEAST_IN_RULE, len(codes) // 100)
    tree = DecisionTreeClassifier(max_depth=max_depth, min_samples_leaf=least, random_state=0)
    levels, ranks = zip(
        *(np.unique(column, return_inverse=True) for column in values.T), strict=True
    )
    tree.fit(np.column_stack(ranks), codes)
    leaves = list(_leaves(tree, values, levels, 0, ()))
    return tuple(_merged(path) for path, _ in leaves), tuple(code for _, code in leaves)


def _leaves(
    tree: DecisionTreeClassifier,
    values: Array,
    levels: tuple[Array, ...],
    node: int,
    path: Bounds,
) -> Iterator[tuple[Bounds, int]]:
    """Paths to the leaves; a node under which all leaves say the same is a leaf."""
    nodes = tree.tree_
    said = _said_under(tree, node)
    if len(said) == 1:
        yield path, said.pop()
        return
    feature = int(nodes.feature[node])
    middle = _between(levels[feature], int(nodes.threshold[node]))
    threshold = rounded_threshold(values[:, feature], middle)
    below, above = nodes.children_left[node], nodes.children_right[node]
    yield from _leaves(tree, values, levels, int(below), (*path, (feature, -np.inf, threshold)))
    yield from _leaves(tree, values, levels, int(above), (*path, (feature, threshold, np.inf)))


def _between(levels: Array, rank: int) -> float:
    """Middle between a value and the next; the value where there is no number in between."""
    middle = float(levels[rank] / 2 + levels[rank + 1] / 2)
    return middle if levels[rank] <= middle < levels[rank + 1] else float(levels[rank])


def _said_under(tree: DecisionTreeClassifier, node: int) -> set[int]:
    nodes = tree.tree_
    if nodes.children_left[node] < 0:
        return {int(tree.classes_[np.argmax(nodes.value[node][0])])}
    both = (int(nodes.children_left[node]), int(nodes.children_right[node]))
    return _said_under(tree, both[0]) | _said_under(tree, both[1])


def _merged(path: Bounds) -> Bounds:
    """One pair of bounds for each feature asked for, in the order asked."""
    found: dict[int, tuple[float, float]] = {}
    for feature, above, most in path:
        low, high = found.get(feature, (-np.inf, np.inf))
        found[feature] = max(low, above), min(high, most)
    return tuple((feature, *ends) for feature, ends in found.items())


def rounded_threshold(values: Array, threshold: float) -> float:
    """Threshold with as few digits as leave all but one in a thousand values on their side.

    Of whole numbers it is a whole number: at most 1, not at most 1.5.
    """
    ordered = np.sort(values)
    if (ordered == np.floor(ordered)).all():
        threshold = float(np.floor(threshold))
    place = np.searchsorted(ordered, threshold, side="right")
    for digits in range(1, 17):
        candidate = float(f"{threshold:.{digits}g}")
        moved = abs(int(np.searchsorted(ordered, candidate, side="right")) - int(place))
        if moved <= MOVED * len(values):
            return candidate
    return threshold


def rule_of(bounds: tuple[Bounds, ...], values: Array) -> NDArray[np.int64]:
    """Number of the rule that every customer meets."""
    rule = np.full(len(values), -1, dtype=np.int64)
    for number, path in enumerate(bounds):
        meets = np.ones(len(values), dtype=bool)
        for feature, above, most in path:
            meets &= (values[:, feature] > above) & (values[:, feature] <= most)
        rule[meets] = number
    return rule


def cross_validated(
    values: Array, codes: Codes, max_depth: int, random: np.random.Generator
) -> Codes:
    """Segment of every customer by rules that were made without it, in ten folds.

    Every fold has its share of every segment.
    """
    shuffled = random.permutation(len(codes))
    by_segment = shuffled[np.argsort(codes[shuffled], kind="stable")]
    fold = np.empty(len(codes), dtype=np.int64)
    fold[by_segment] = np.arange(len(codes)) % FOLDS
    said = np.empty(len(codes), dtype=np.int64)
    for number in range(FOLDS):
        held = fold == number
        bounds, segments = tree_rules(values[~held], codes[~held], max_depth)
        said[held] = np.array(segments)[rule_of(bounds, values[held])]
    return said


def _rules_table(
    values: Array,
    codes: Codes,
    names: Sequence[object],
    features: Sequence[str],
    bounds: tuple[Bounds, ...],
    segments: tuple[int, ...],
    quantile: float,
) -> pd.DataFrame:
    rule = rule_of(bounds, values)
    customers = np.bincount(rule, minlength=len(bounds))
    right = np.bincount(rule[np.array(segments)[rule] == codes], minlength=len(bounds))
    table = pd.DataFrame(
        {
            "rule": np.arange(1, len(bounds) + 1),
            "when": [in_words(path, features) for path in bounds],
            "segment": [names[code] for code in segments],
            "customers": customers,
        }
    )
    return _with_share(table, right, customers, "right_share", quantile)


def _with_share(
    table: pd.DataFrame, hits: Codes, n: Codes, name: str, quantile: float
) -> pd.DataFrame:
    """Columns with a share and its interval; NaN of none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = hits / n
        low, high = wilson_interval(share, n, quantile)
    prefix = name.removesuffix("right_share").removesuffix("share")
    return table.assign(**{name: share, f"{prefix}low_share": low, f"{prefix}high_share": high})


def in_words(path: Bounds, features: Sequence[str]) -> str:
    """Write the questions of a rule: order value above 2,000 and discounted at most 40%."""
    return " and ".join(_bound_words(features[f], above, most) for f, above, most in path) or "all"


def _bound_words(feature: str, above: float, most: float) -> str:
    name = feature.removesuffix("_share").replace("_", " ")
    low, high = (_number(end, feature.endswith("_share")) for end in (above, most))
    if np.isinf(above):
        return f"{name} at most {high}"
    if np.isinf(most):
        return f"{name} above {low}"
    return f"{name} above {low}, at most {high}"


def _number(value: float, share: bool) -> str:
    if share:
        return f"{100 * value:.10g}%"
    digits = next((n for n in range(10, 17) if float(f"{value:.{n}g}") == value), 17)
    return f"{value:,.{digits}g}"


def _accuracy(codes: Codes, held_out: Codes, quantile: float) -> pd.DataFrame:
    n = len(codes)
    hits = np.array([(codes == held_out).sum(), np.bincount(codes).max()])
    table = pd.DataFrame({"method": ["the rules", "all in the largest segment"]})
    return _with_share(table, hits, np.array([n, n]), "right_share", quantile).assign(customers=n)


def _by_segment(
    codes: Codes, names: Sequence[object], held_out: Codes, quantile: float
) -> pd.DataFrame:
    size, said = (np.bincount(which, minlength=len(names)) for which in (codes, held_out))
    hits = np.bincount(codes[codes == held_out], minlength=len(names))
    table = pd.DataFrame({"segment": list(names), "customers": size})
    table = _with_share(table, hits, size, "found_share", quantile)
    table = _with_share(table, hits, said, "right_share", quantile)
    return table.sort_values("segment", key=lambda s: s.astype(str), ignore_index=True)
