"""Decide between designs by drawing thousands of samples from one's own frame under each.

The frame holds a proxy for what the survey will measure: last wave's score, say. Since its mean
over the frame is known, the draws show each design's true standard error, and whether the
interval people would report from one sample covers the truth as often as it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.columns import numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.sampling.designs import (
    Array,
    Cluster,
    Codes,
    Design,
    Pps,
    SimpleRandom,
    Stratified,
    Systematic,
    TwoStage,
    groups_of,
    order_codes,
)
from crmlib.sampling.simulation import (
    Draws,
    simulate_cluster,
    simulate_pps,
    simulate_simple_random,
    simulate_stratified,
    simulate_systematic,
    simulate_two_stage,
)

SLIGHT = 0.1
"""Share of a variance up to which a note calls a difference slight."""

RELIABLE = 3.0
"""Monte Carlo standard errors beyond which a note calls a difference real."""


@dataclass(frozen=True)
class Costs:
    """What a survey costs, in one unit of money.

    Attributes
    ----------
    per_interview : float
    per_cluster : float
        For every cluster visited, by designs that draw clusters.
    per_stratum : float
        For every stratum, by designs that stratify.
    fixed : float
        Whatever the design.

    Raises
    ------
    InputError
        When a cost is negative or not a number.
    """

    per_interview: float = 0.0
    per_cluster: float = 0.0
    per_stratum: float = 0.0
    fixed: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is not an amount of money."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not (isinstance(value, Real) and 0 <= float(value) < np.inf):
                raise InputError(f"Costs: {field.name}={value!r}: write a number of 0 or more.")

    def of(self, n: float, result: "Draws") -> float:
        """Cost of a sample of n."""
        units = self.per_interview * n
        return (
            self.fixed
            + units
            + self.per_cluster * result.clusters
            + self.per_stratum * result.strata
        )


def compare_designs(
    frame: pd.DataFrame,
    y: str,
    designs: Mapping[str, Design],
    costs: Costs | None = None,
    *,
    draws: int = 2000,
    seed: int,
    confidence: float = 0.95,
    id: str | None = None,  # noqa: A002
) -> pd.DataFrame:
    """Decision table of sampling designs, made by drawing from the frame under each.

    Parameters
    ----------
    frame : DataFrame
        One row a unit; not changed.
    y : str
        Column with the proxy, a number for every unit.
    designs : mapping of name to design
    costs : Costs, optional
        None for no costs.
    draws : int
        Samples drawn under each design.
    seed : int
        Every design starts from it, so that a row does not depend on the other rows.
    confidence : float
        Level of the intervals.
    id : str, optional
        Column with the id, which a systematic draw without ``order_by`` goes along.

    Returns
    -------
    DataFrame
        One row a design, as given:

        - design, n (expected), n_low and n_high (smallest and largest drawn), cost;
        - standard_error: of the mean, true, that is over draws;
        - bias with bias_error;
        - design_effect with design_effect_error: true variance over that of a simple random
          sample of the same n, without replacement, ``S^2 / n (1 - n / N)``;
        - reported_naive_standard_error, reported_naive_width, reported_naive_coverage with
          reported_naive_coverage_error: what the formula for a simple random sample reports on
          average, width of its interval, and share of the intervals that hold the true mean;
        - reported_design_standard_error, …_width, …_coverage, …_coverage_error: the same by the
          design's own formula;
        - note: what to see, in plain words.

        bias_error, design_effect_error and the coverage_errors are Monte Carlo standard errors;
        that of standard_error is about ``1 / sqrt(2 draws)`` of it. An average standard error is
        the root of the mean variance.

    Raises
    ------
    InputError
        When y is missing or not a number somewhere, a design does not fit the frame, or an
        argument cannot be used.

    Notes
    -----
    The estimate is the mean weighted by the inverse inclusion probabilities (Hájek). The designs'
    own formulas: stratified, Cochran (1977, 5.3); systematic, squared successive differences
    (Wolter 2007, 8.2, estimator 2); clusters and two stages, linearised, with finite population
    corrections at both stages (Särndal, Swensson and Wretman 1992, 5.8 and 8.7), which
    reproduces R survey 4.1-1; proportional to size, with replacement times
    ``1 - sum(pi^2) / n`` (see `Pps.population_sizes`). Intervals take Student's t with n - 1
    degrees of freedom for the naive formula, units or clusters less strata for the design's own.

    Where random order matters, among ties of a systematic draw and for `Pps`, a new order is
    taken every N / 4n draws. Given an order, draws do not depend on each other, and none favours
    high or low means; the Monte Carlo error of the standard error is an eighth larger for it.
    """
    check_arguments(designs, draws, seed, confidence)
    values = proxy(frame, y)
    truth, N = values.mean(), len(values)
    variance = values.var(ddof=1) if N > 1 else 0.0
    rows = []
    for name, design in designs.items():
        try:
            n = round(float(design.inclusion_probabilities(frame).sum()), 6)
            result = simulate(frame, values - truth, design, draws, seed, id)
        except InputError as error:
            raise InputError(f'Design "{name}": {error}') from None
        row = {"design": name, "n": n, "n_low": result.n.min(), "n_high": result.n.max()}
        row["cost"] = costs.of(n, result) if costs else 0.0
        row |= truth_of(result.estimate, variance / n * (1 - n / N))
        row |= reports_of(result, confidence)
        rows.append(row | {"note": note(row, design, result, confidence)})
    return pd.DataFrame(rows)


def check_arguments(
    designs: Mapping[str, Design], draws: int, seed: int, confidence: float
) -> None:
    """Refuse what would give a table without meaning."""
    if not designs:
        raise InputError("designs= is empty: give at least one design and its name.")
    for name, design in designs.items():
        if not isinstance(design, Design):
            raise InputError(f'Design "{name}": {design!r} is not a design.')
    for what, value, least in (("draws", draws, 2), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{what}={value!r}: write a whole number from {least}.")
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence!r}: write a fraction such as 0.95.")


def proxy(frame: pd.DataFrame, y: str) -> Array:
    """The proxy of every unit."""
    if frame.empty:
        raise InputError("The frame has no rows.")
    values = numbers_of(frame, y, "what the survey measures, or a proxy of it")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise InputError(
            f'Column "{y}": {len(wrong):,} of {len(values):,} values are missing or infinite; '
            f"{rows_named(frame, wrong)}. The true mean must be known to compare designs: fill "
            "them in, or compare on the units that have one."
        )
    return values


def simulate(
    frame: pd.DataFrame,
    y: Array,
    design: Design,
    draws: int,
    seed: int,
    id: str | None,  # noqa: A002
) -> Draws:
    """Draws by a design."""
    random = np.random.default_rng(seed)
    match design:
        case SimpleRandom():
            return simulate_simple_random(y, design.n, draws, random)
        case Systematic():
            places = order_codes(frame, design.columns(id))
            return simulate_systematic(y, places, design.n, draws, random)
        case Stratified():
            strata = groups_of(frame, design.by)
            sizes = design.sample_sizes(strata)
            return simulate_stratified(y, strata.codes, sizes, draws, random)
        case Cluster():
            codes = design.clusters(frame).codes
            return simulate_cluster(y, codes, design.n_clusters, draws, random)
        case TwoStage():
            codes = design.clusters(frame).codes
            return simulate_two_stage(
                y, codes, design.n_clusters, design.per_cluster, draws, random
            )
        case Pps():
            return simulate_pps(y, design.sizes(frame), design.n, draws, random)


def truth_of(estimate: Array, simple_variance: float) -> dict[str, float]:
    """What the draws show of the estimates' distribution; their truth is 0."""
    draws = len(estimate)
    variance = float(estimate.var(ddof=1))
    fourth = float(((estimate - estimate.mean()) ** 4).mean())
    per_unit = 1 / simple_variance if simple_variance > 0 else np.nan
    return {
        "standard_error": np.sqrt(variance),
        "bias": float(estimate.mean()),
        "bias_error": np.sqrt(variance / draws),
        "design_effect": variance * per_unit,
        "design_effect_error": np.sqrt(max(fourth - variance**2, 0) / draws) * per_unit,
    }


def reports_of(result: Draws, confidence: float) -> dict[str, float]:
    """What people would report by either formula."""
    own_degrees = np.array([result.design_degrees])
    naive = reported(result.estimate, result.naive_error, result.n - 1, confidence)
    own = reported(result.estimate, result.design_error, own_degrees, confidence)
    return {f"reported_naive_{name}": value for name, value in naive.items()} | {
        f"reported_design_{name}": value for name, value in own.items()
    }


def reported(estimate: Array, error: Array, degrees: Codes, confidence: float) -> dict[str, float]:
    """What a formula would have people report; draws it gives nothing for cover nothing."""
    half = np.where(error == 0, 0.0, quantiles(degrees, confidence) * error)
    known = np.isfinite(half)
    if not known.any():
        names = ("standard_error", "width", "coverage", "coverage_error")
        return dict.fromkeys(names, np.nan)
    coverage = float((known & (np.abs(estimate) <= half)).mean())
    return {
        "standard_error": float(np.sqrt((error[known] ** 2).mean())),
        "width": float(2 * half[known].mean()),
        "coverage": coverage,
        "coverage_error": float(np.sqrt(coverage * (1 - coverage) / len(estimate))),
    }


def quantiles(degrees: Codes, confidence: float) -> Array:
    """Quantile of Student's t for an interval, NaN without degrees of freedom."""
    different, which = np.unique(degrees, return_inverse=True)
    known = np.where(different > 0, different, np.nan)
    return np.asarray(stats.t.ppf(0.5 + confidence / 2, known))[which]


def note(row: Mapping[str, Any], design: Design, result: Draws, confidence: float) -> str:
    """What to see in a row, in plain words."""
    told = [] if isinstance(design, SimpleRandom) else [precision(row["design_effect"])]
    told.append(judgement(row, "naive", "the usual formula", confidence))
    if not isinstance(design, SimpleRandom):
        told.append(judgement(row, "design", "the design's own formula", confidence))
    if isinstance(design, Cluster):
        told.append(
            f"{design.n_clusters:,} whole clusters, n from {row['n_low']:,} to {row['n_high']:,}"
        )
    return "; ".join(part for part in (*told, result.note) if part)


def precision(effect: float) -> str:
    """How a design compares with a simple random sample of the same n."""
    if not effect > 0:
        return ""
    if effect < 1 - SLIGHT:
        return f"variance {1 / effect:.1f} times smaller than that of a simple random sample"
    if effect > 1 + SLIGHT:
        return f"variance {effect:.1f} times larger than that of a simple random sample"
    return "hardly more or less precise than a simple random sample"


def judgement(row: Mapping[str, Any], formula: str, words: str, confidence: float) -> str:
    """Where a formula misleads, "" where it does not."""
    error, coverage, coverage_error = (
        row[f"reported_{formula}_{name}"]
        for name in ("standard_error", "coverage", "coverage_error")
    )
    if np.isnan(coverage):
        return f"{words} gives no interval"
    if coverage < confidence - 0.01 - RELIABLE * coverage_error:
        return f"{words} under-covers: {coverage:.0%} of its {confidence:.0%} intervals are right"
    if error > (1 + 2 * SLIGHT) * row["standard_error"]:
        times = error / row["standard_error"] if row["standard_error"] > 0 else np.inf
        return f"{words} does not see the gain: intervals {times:.1f} times as wide as need be"
    return ""
