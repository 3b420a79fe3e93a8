"""Segments of customers that the data themselves show, where they show any."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlib.columns import Array, Codes, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.segmentation.clustering import (
    SHAPES,
    Scaling,
    gaussian_mixture,
    k_means,
    k_means_bic,
    mixture_parameters,
    scaling_of,
)
from crmlib.segmentation.k_prototypes import Prototypes, category_weight, k_prototypes
from crmlib.segmentation.latent_class import LatentClasses, latent_classes
from crmlib.segmentation.number_of_segments import (
    APART,
    CERTAIN,
    LEAST,
    STABLE,
    Fit,
    Grouping,
    Measured,
    best_by_bic,
    best_by_gap,
    gains_on_one_group,
    number_of_segments,
    supported_by_gap,
    supported_by_likelihood,
    supported_by_mixture,
    ties_spread,
)
from crmlib.segmentation.segment_profiles import (
    LARGEST,
    is_category,
    refuse_extreme,
    segment_profiles,
)

SAMPLE = 2_000
"""Customers, drawn by chance, on whom the number of segments is decided."""

SAME = 1e-12
"""Difference, as a share of the largest value, that is a matter of rounding."""

FEW_VALUES = 10
"""Values up to which a note says that a feature has few."""

MANY_VALUES = 50
"""Values beyond which many customers with the same one are a matter of its own."""

SHARED = 0.2
"""Share of customers with one of many values from which on a note says so."""

MOST_LEVELS = 20
"""Categories that a feature may have."""


class KMeansGrouping(NamedTuple):
    """Groups around means."""

    model: Any
    bic: float

    def labels(self, data: Measured) -> Codes:
        """Nearest mean of every customer."""
        return np.asarray(self.model.predict(data.numbers), dtype=np.int64)

    def probabilities(self, data: Measured) -> None:
        """None: k-means has none."""

    def again(self, data: Measured, k: int, random: np.random.Generator) -> "KMeansGrouping":
        """Group a sample in the same way."""
        return fit_k_means(data, k, random)


class MixtureGrouping(NamedTuple):
    """Groups of a mixture of normal distributions."""

    model: Any
    bic: float

    def labels(self, data: Measured) -> Codes:
        """Likeliest group of every customer."""
        return np.asarray(self.model.predict(data.numbers), dtype=np.int64)

    def probabilities(self, data: Measured) -> Array:
        """Of every group."""
        return np.asarray(self.model.predict_proba(data.numbers))

    def again(self, data: Measured, k: int, random: np.random.Generator) -> "MixtureGrouping":
        """Group a sample by a mixture of the same shape."""
        model = gaussian_mixture(data.numbers, k, self.model.covariance_type, random)
        return MixtureGrouping(model, np.nan)


def fit_k_means(data: Measured, k: int, random: np.random.Generator) -> KMeansGrouping:
    """Group by k-means."""
    model = k_means(data.numbers, k, random)
    return KMeansGrouping(model, k_means_bic(model, len(data)))


def fit_mixture(data: Measured, k: int, random: np.random.Generator) -> MixtureGrouping:
    """Group by the mixture whose covariances have the lowest BIC of `SHAPES`.

    Only shapes with at least two customers to a parameter are tried, or the plainest.
    """
    n, p = data.numbers.shape
    shapes = [shape for shape in SHAPES if 2 * mixture_parameters(k, p, shape) <= n]
    fits = [
        gaussian_mixture(data.numbers, k, shape, random, starts=2) for shape in shapes or ["diag"]
    ]
    found = [MixtureGrouping(model, float(model.bic(data.numbers))) for model in fits]
    return min(found, key=lambda grouping: grouping.bic)


class ClassGrouping(NamedTuple):
    """Latent classes."""

    model: LatentClasses
    levels: tuple[int, ...]

    @property
    def bic(self) -> float:
        """Bayes information criterion."""
        return self.model.bic

    def labels(self, data: Measured) -> Codes:
        """Likeliest class of every customer."""
        return np.asarray(self.model.posterior(data.codes).argmax(axis=1))

    def probabilities(self, data: Measured) -> Array:
        """Of every class."""
        return self.model.posterior(data.codes)

    def again(self, data: Measured, k: int, random: np.random.Generator) -> "ClassGrouping":
        """Group a sample in the same way, with the levels known."""
        return ClassGrouping(latent_classes(data.codes, self.levels, k, random, 3), self.levels)


class PrototypeGrouping(NamedTuple):
    """Groups around prototypes."""

    model: Prototypes
    bic: float = np.nan

    def labels(self, data: Measured) -> Codes:
        """Cheapest prototype of every customer."""
        return np.asarray(self.model.costs(data.numbers, data.codes).argmin(axis=1))

    def probabilities(self, data: Measured) -> None:
        """None: k-prototypes has none."""

    def again(self, data: Measured, k: int, random: np.random.Generator) -> "PrototypeGrouping":
        """Group a sample in the same way."""
        return fit_prototypes(data, k, random)


def fit_classes(data: Measured, k: int, random: np.random.Generator) -> ClassGrouping:
    """Group by latent classes."""
    levels = tuple(int(size) for size in data.codes.max(axis=0) + 1)
    return ClassGrouping(latent_classes(data.codes, levels, k, random), levels)


def fit_prototypes(data: Measured, k: int, random: np.random.Generator) -> PrototypeGrouping:
    """Group by k-prototypes."""
    return PrototypeGrouping(k_prototypes(data.numbers, data.codes, k, data.weight, random))


class Method(NamedTuple):
    """A way to find segments."""

    fit: Fit
    gap_fit: Fit
    supported: Callable[[pd.DataFrame], "pd.Series[bool]"]
    best: Callable[[pd.DataFrame], int]
    rule: str


SIZE = f"there must be {LEAST} customers a segment, and 2 that differ"
RULE = (
    f"{SIZE}, samples of the customers must give the same segments (stability of {STABLE} or more) "
    "and {}"
)
COMPACT = f"the gap must be {APART} and two errors above that of one group"

METHODS = {
    "kmeans": Method(
        fit_k_means,
        fit_k_means,
        supported_by_gap,
        best_by_gap,
        RULE.format(COMPACT) + "; of these the fewest within an error of the largest gap",
    ),
    "latent_class": Method(
        fit_classes,
        fit_prototypes,
        supported_by_likelihood,
        best_by_bic,
        RULE.format("BIC must be below that of one class") + "; of these the lowest BIC",
    ),
    "kprototypes": Method(
        fit_prototypes,
        fit_prototypes,
        supported_by_gap,
        best_by_gap,
        RULE.format(COMPACT) + "; of these the fewest within an error of the largest gap",
    ),
    "mixture": Method(
        fit_mixture,
        fit_k_means,
        supported_by_mixture,
        best_by_bic,
        RULE.format("BIC must be below that of one group, and ")
        + f"ICL below it by {CERTAIN} a customer, or else "
        + f"{COMPACT}; of these the lowest BIC",
    ),
}


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What `segment` found.

    Attributes
    ----------
    customers : DataFrame
        One row a customer, in the order given: customer_id; segment ("1" is the largest; missing
        where a feature is); probability of belonging to it (where the method has one).
    k : int
        Segments; 1 where the data do not show any.
    reason : str
        Why so many, with the rule.
    choice : DataFrame
        Every number looked at, see `number_of_segments`; and supported (by the rule), verdict (in
        words).
    profiles : DataFrame
        See `segment_profiles`; of the features in their own units.
    transforms : DataFrame
        One row a feature that is a number: feature, transform, skewness_before, skewness_after,
        mean and spread (of the transformed values, by which they were standardised).
    method : str
    features : tuple of str
    notes : tuple of str
        What else to know, such as customers left out.
    """

    customers: pd.DataFrame
    k: int
    reason: str
    choice: pd.DataFrame
    profiles: pd.DataFrame
    transforms: pd.DataFrame
    method: str
    features: tuple[str, ...]
    notes: tuple[str, ...]
    _grouping: Grouping = field(repr=False)
    _order: Codes = field(repr=False)
    _ruler: "Ruler" = field(repr=False)
    _customer: str = field(repr=False)

    def predict(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Assign customers, also new ones, to the segments found.

        Parameters
        ----------
        customers : DataFrame
            Customer ids and the features, under the same names.

        Returns
        -------
        DataFrame
            As ``customers`` of this. The segment is missing where a feature is, or is one that
            cannot be compared: a category nobody had, a zero where logarithms are taken.

        Raises
        ------
        InputError
            A column is not there, or does not hold what it held.
        """
        return _assigned(customers, self._customer, self._ruler, self._grouping, self._order)


class Ruler(NamedTuple):
    """How features become comparable, learnt from the customers the segments were found in."""

    scalings: dict[str, Scaling]
    levels: dict[str, list[Any]]
    weight: float

    def measure(self, customers: pd.DataFrame) -> tuple[Measured, Codes]:
        """Customers with every feature, and in which rows they are."""
        numbers = [
            scaling(numbers_of(customers, name, "a feature"))
            for name, scaling in self.scalings.items()
        ]
        codes = [
            pd.Index(levels).get_indexer(pd.Index(_words(column_of(customers, name))))
            for name, levels in self.levels.items()
        ]
        n = len(customers)
        table = np.column_stack(numbers) if numbers else np.empty((n, 0))
        coded = np.column_stack(codes) if codes else np.empty((n, 0), dtype=np.int64)
        known = np.abs(np.nan_to_num(table, nan=np.inf)) < LARGEST
        rows = np.flatnonzero(known.all(axis=1) & (coded >= 0).all(axis=1))
        return Measured(table[rows], coded[rows].astype(np.int64), self.weight), rows


def segment(
    customers: pd.DataFrame,
    features: Sequence[str],
    *,
    k: int | Iterable[int] = range(2, 9),
    method: str = "kmeans",
    customer: str = "customer_id",
    replicates: int = 20,
    confidence: float = 0.95,
    seed: int = 1,
) -> Segmentation:
    """Look for segments: customers who are like one another and unlike the others.

    Parameters
    ----------
    customers : DataFrame
        One row a customer.
    features : sequence of str
        Columns to compare customers by.
    k : int or iterable of int
        Numbers of segments to look at; one group is always looked at too, and is the answer where
        no other number is supported. A single number is taken whatever speaks against it, which
        the reason then says.
    method : str
        "kmeans" for numbers: round groups of like width. "mixture" for numbers: normal
        distributions, groups may be long, of any width, and lie on one another. "latent_class" for
        categories (text, true and false, few numbers): within a class no category says anything
        of another. "kprototypes" for numbers and categories (text, true and false) together.
    customer : str
        Column with the customer id.
    replicates : int
        Samples for the stability, clouds for the gap, at least 2.
    confidence : float
        Of the intervals, and share of the pairs of samples in the range of stability.
    seed : int

    Returns
    -------
    Segmentation

    Raises
    ------
    InputError
        A column is missing, does not hold what the method needs, or is the same for all; a
        customer occurs twice; there are fewer different customers than segments; an argument
        cannot be used.

    Notes
    -----
    Numbers that are skewed are bent (`scaling_of`), then all are standardised, so that every
    feature counts alike. With more than 2,000 customers the number of segments is decided on 2,000
    drawn by chance, and the segments found in all.

    No number is supported with fewer than 10 customers a segment, or two different ones a segment.
    Features with few values, such as numbers of orders, are spread over half the way to the next
    values while segments are looked for (`ties_spread`), so that no value is taken for a segment
    because it is a whole number. By simulation of one group (normal, long, even, heavy tails,
    money, counts, recency with frequency and monetary) segments are found in fewer than 1 of 10.
    In two cases segments may be found that are no kinds: k-means cuts a cloud that is bent, as
    where one feature moves with the square of another (a mixture seldom); and customers who
    share one value of a feature that is otherwise fine, such as no discount at all, are a segment
    by it, which a note says.
    """
    if method not in METHODS:
        raise InputError(f'method="{method}": write {listed(METHODS)}.')
    names = _checked_features(customers, features, customer)
    ks, asked = _checked_numbers(k)
    _check_arguments(replicates, confidence, seed)
    ruler = _ruler(customers, names, method)
    data, rows = ruler.measure(customers)
    _refuse_too_few(data, max(ks))
    spread = ties_spread(data, np.random.default_rng([seed, 0, 1]))
    choice, notes = _choice(spread, ks, METHODS[method], replicates, confidence, seed)
    _judge(choice, METHODS[method], len(data), _different(data))
    notes += _notes_on_values(data, ruler)
    if len(rows) < len(customers):
        notes.append(
            f"{counted(len(customers) - len(rows), 'customer')} of {len(customers):,} lack a "
            "feature and are in no segment."
        )
    chosen = _chosen(choice, METHODS[method]) if asked is None else asked
    grouping = METHODS[method].fit(spread, chosen, np.random.default_rng([seed, chosen]))
    sizes = np.bincount(grouping.labels(data), minlength=chosen)
    order = np.argsort(-sizes, kind="stable")
    found = _assigned(customers, customer, ruler, grouping, order)
    described = customers[names].assign(segment=found["segment"].to_numpy())
    return Segmentation(
        customers=found,
        k=chosen,
        reason=_reason(choice, chosen, METHODS[method], asked is not None),
        choice=choice,
        profiles=segment_profiles(described, names, confidence=confidence),
        transforms=_transforms(ruler),
        method=method,
        features=tuple(names),
        notes=tuple(notes),
        _grouping=grouping,
        _order=order,
        _ruler=ruler,
        _customer=customer,
    )


def _checked_features(customers: pd.DataFrame, features: Sequence[str], customer: str) -> list[str]:
    names = [features] if isinstance(features, str) else list(features)
    if not names:
        raise InputError("features is empty: write the columns to compare customers by.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"features names {listed(repeated)} twice. Keep each once.")
    ids = column_of(customers, customer)
    if customer in names:
        raise InputError(f'"{customer}" tells customers apart; take it out of features.')
    for fault, rows in (("is empty", ids.isna()), ("repeats a customer", ids.duplicated())):
        where = np.flatnonzero(rows)
        if len(where):
            raise InputError(
                f'Column "{customer}" {fault} in {rows_named(customers, where)}. There must be one '
                "row a customer."
            )
    return names


def _checked_numbers(k: int | Iterable[int]) -> tuple[list[int], int | None]:
    """Numbers to look at, and the one asked for where k is a single number."""
    single = _is_whole(k) or not isinstance(k, Iterable)
    numbers: list[Any] = [k] if single else list(k)  # type: ignore[arg-type]
    if not numbers or not all(_is_whole(number) and number >= 1 for number in numbers):
        raise InputError(f"k={k}: write numbers of segments, 1 or more, such as range(2, 9).")
    ks = [int(number) for number in numbers]
    return sorted({1, *ks}), ks[0] if single else None


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _check_arguments(replicates: int, confidence: float, seed: int) -> None:
    if not _is_whole(replicates) or replicates < 2:
        raise InputError(f"replicates={replicates}: write a whole number, 2 or more replicates.")
    if not isinstance(confidence, float | np.floating) or not 0 < confidence < 1:
        raise InputError(f"confidence={confidence}: write a share between 0 and 1, such as 0.95.")
    if not _is_whole(seed) or seed < 0:
        raise InputError(f"seed={seed}: write a whole number, 0 or more.")


def _ruler(customers: pd.DataFrame, names: list[str], method: str) -> Ruler:
    """Learn scales and categories from customers who have every feature."""
    features = pd.DataFrame({name: column_of(customers, name) for name in names})
    complete = features.notna().all(axis=1).to_numpy()
    if not complete.any():
        raise InputError(f"No customer has a value for every one of {listed(names)}.")
    coded = [name for name in names if _is_coded(features[name], method)]
    if method == "kprototypes" and not 0 < len(coded) < len(names):
        raise InputError(
            'method="kprototypes" needs both numbers and categories among the features; write '
            + ('"kmeans" for numbers.' if not coded else '"latent_class" for categories.')
        )
    levels = {name: _levels(name, features.loc[complete, name]) for name in coded}
    scalings = {}
    for name in names:
        if name not in coded:
            values = numbers_of(customers, name, "what customers are compared by")
            _refuse_infinite(customers, name, values)
            refuse_extreme(name, values)
            _refuse_constant(name, values[complete])
            scalings[name] = scaling_of(values[complete])
    found = Ruler(scalings, levels, 1.0)
    if method == "kprototypes":
        data = found.measure(customers)[0]
        return found._replace(weight=category_weight(data.numbers, data.codes))
    return found


def _is_coded(values: pd.Series, method: str) -> bool:
    return method == "latent_class" or (method == "kprototypes" and is_category(values))


def _levels(name: str, values: pd.Series) -> list[str]:
    """Categories of a feature, as text."""
    levels = sorted({word for word in _words(values) if word is not None})
    if len(levels) == 1:
        raise InputError(
            f'Column "{name}" is {levels[0]} for every customer, so that it tells nobody from '
            "anybody. Leave it out."
        )
    if len(levels) > MOST_LEVELS:
        raise InputError(
            f'Column "{name}" holds {len(levels):,} different values, too many for categories '
            f"(at most {MOST_LEVELS}). Join them to fewer, such as low, middle and high."
        )
    return levels


def _refuse_infinite(customers: pd.DataFrame, name: str, values: Array) -> None:
    where = np.flatnonzero(np.isinf(values))
    if len(where):
        raise InputError(
            f'Column "{name}" is infinite in {rows_named(customers, where)}. Mend these values.'
        )


def _refuse_constant(name: str, values: Array) -> None:
    if np.ptp(values) <= SAME * np.abs(values).max():
        raise InputError(
            f'Column "{name}" is {values[0]:g} for every customer, so that it tells nobody from '
            "anybody. Leave it out."
        )


def _different(data: Measured) -> int:
    """Customers that differ."""
    return len(np.unique(np.column_stack([data.numbers, data.codes]), axis=0))


def _refuse_too_few(data: Measured, most: int) -> None:
    different = _different(data)
    if different < most:
        raise InputError(
            f"k goes up to {most}, but only {counted(different, 'customer')} that differ can be "
            f"compared. Write smaller numbers for k."
        )


def _choice(
    data: Measured,
    ks: list[int],
    method: Method,
    replicates: int,
    confidence: float,
    seed: int,
) -> tuple[pd.DataFrame, list[str]]:
    notes = []
    if len(data) > SAMPLE:
        drawn = np.random.default_rng(seed).choice(len(data), SAMPLE, replace=False)
        notes.append(
            f"The number of segments was decided on {SAMPLE:,} customers drawn by chance from "
            f"{len(data):,}."
        )
        data = data.take(np.sort(drawn))
    choice = number_of_segments(
        data,
        ks,
        method.fit,
        method.gap_fit,
        replicates=replicates,
        seed=seed,
        confidence=confidence,
    )
    return choice, notes


def _notes_on_values(data: Measured, ruler: Ruler) -> list[str]:
    """Say where a feature has few values, or one that many customers share."""
    notes = []
    for name, column in zip(ruler.scalings, data.numbers.T, strict=True):
        _, counts = np.unique(column, return_counts=True)
        if len(counts) <= FEW_VALUES:
            notes.append(
                f'"{name}" has {len(counts)} different values only, so that it tells little of how '
                "many segments there are."
            )
        elif len(counts) > MANY_VALUES and counts.max() >= SHARED * len(column):
            notes.append(
                f'{counts.max():,} of {len(column):,} customers have the same value of "{name}": '
                "a segment of them may be that value and nothing else."
            )
    return notes


def _judge(choice: pd.DataFrame, method: Method, customers: int, different: int) -> None:
    """Say of every number whether the rule supports it."""
    enough = (LEAST * choice["k"] <= customers) & (2 * choice["k"] <= different)
    choice["supported"] = method.supported(choice) & (choice["k"] > 1) & enough
    choice["verdict"] = _verdicts(choice, enough)


def _verdicts(choice: pd.DataFrame, enough: "pd.Series[bool]") -> list[str]:
    gains = gains_on_one_group(choice)
    words = []
    for i, k in enumerate(choice["k"]):
        if k == 1:
            words.append("one group")
        elif choice["supported"].iloc[i]:
            words.append("supported")
        elif not enough.iloc[i]:
            words.append("too few customers to say")
        else:
            unstable = not gains["stable"].iloc[i]
            words.append("other samples give other segments" if unstable else "not apart")
    return words


def _chosen(choice: pd.DataFrame, method: Method) -> int:
    supported = choice[choice["supported"]]
    return 1 if supported.empty else method.best(supported)


def _reason(choice: pd.DataFrame, k: int, method: Method, asked: bool) -> str:
    row = choice[choice["k"] == k].iloc[0]
    rule = f"The rule: {method.rule}."
    if asked and k > 1:
        holds = "supports them" if row["supported"] else f"does not support them: {row['verdict']}"
        return f"{k} segments were asked for; the rule {holds}. {rule}"
    if k > 1:
        return f"{k} segments, with a stability of {row['stability']:.2f}. {rule}"
    tried = choice.loc[choice["k"] > 1, "k"]
    if tried.empty:
        return "One group was asked for."
    if (choice.loc[choice["k"] > 1, "verdict"] == "too few customers to say").all():
        return f"One group, as nothing can be said: {SIZE}. Looked at: {listed(tried, shown=20)}."
    return (
        "One group: no number of segments is supported by these features, so customers differ "
        f"by degrees and not in kind. Looked at: {listed(tried, shown=20)}. {rule}"
    )


def _assigned(
    customers: pd.DataFrame, customer: str, ruler: Ruler, grouping: Grouping, order: Codes
) -> pd.DataFrame:
    """Segment of every customer, numbered in the order of the groups given."""
    data, rows = ruler.measure(customers)
    found = pd.DataFrame({"customer_id": column_of(customers, customer).to_numpy()})
    rank = np.argsort(order)
    segments = pd.array([None] * len(found), dtype="str")
    if len(rows):
        segments[rows] = (rank[grouping.labels(data)] + 1).astype(str)
    found["segment"] = segments
    certain = grouping.probabilities(data) if len(rows) else None
    if certain is not None:
        probability = np.full(len(found), np.nan)
        probability[rows] = certain.max(axis=1)
        found["probability"] = probability
    return found


def _words(values: pd.Series) -> list[str | None]:
    """Categories as text, missing ones as None; 1 and 1.0 are the same."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return [None if np.isnan(number) else f"{number:.15g}" for number in numbers]
    missing = values.isna()
    return [None if gone else str(v) for v, gone in zip(values, missing, strict=True)]


def _transforms(ruler: Ruler) -> pd.DataFrame:
    names = ["transform", "skewness_before", "skewness_after", "mean", "spread"]
    return pd.DataFrame(
        [
            {"feature": feature} | {name: getattr(scaling, name) for name in names}
            for feature, scaling in ruler.scalings.items()
        ],
        columns=["feature", *names],
    )
