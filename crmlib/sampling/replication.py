"""Variances from replicate weights: the jackknife and the Rao-Wu bootstrap.

Both make the estimate again and again from changed weights, and so need no formula for it. They
serve as checks on linearisation, and where the weights are calibrated every replicate is
calibrated anew. Only the first stage of the draw is replicated.
"""

from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np

from crmlib.columns import listed
from crmlib.errors import InputError
from crmlib.resampling import drawn_counts
from crmlib.sampling.samples import Array, Codes, Stage, SurveySample, counted_noun

SingleUnit = Literal["stop", "centre", "certainty", "average"]

LARGEST_WORK = 2_000_000_000
"""Replicates times rows beyond which replicate weights would take too long."""


class Estimator(Protocol):
    """What a replicate is made of.

    ``parts`` are the values per row whose weighted totals make the estimate, shape
    (parts, rows), None when it is not a function of totals.
    """

    @property
    def parts(self) -> Array | None:
        """Values per row, or None."""

    def from_totals(self, totals: Array) -> Array:
        """Estimates from weighted totals of the parts, shape (parts, replicates)."""

    def estimate(self, weights: Array) -> float:
        """Estimate from weights."""


def jackknife_variance(
    sample: SurveySample,
    estimator: Estimator,
    rows: Codes | None = None,
    single_unit: SingleUnit = "stop",
) -> float:
    """Variance by leaving out one first-stage unit at a time.

    ``v = sum over h of (1 - f_h) (n_h - 1) / n_h sum over i of (theta_(hi) - theta_mean)^2``:
    the weights of stratum h, without unit i, are multiplied by ``n_h / (n_h - 1)``, and the mean
    is that over all replicates. This is the JK1, with strata the JKn, of R survey 4.1-1, which it
    was checked against.

    Parameters
    ----------
    sample : SurveySample
    estimator : Estimator
        For the rows ``rows``; its ``parts`` must be given.
    rows : ndarray of int, optional
        Rows of the domain, all where not given.
    single_unit : str
        What to do about strata with one unit: "stop", or "certainty" for no replicate.

    Returns
    -------
    float
        NaN where an estimate cannot be made from one of the replicates.

    Raises
    ------
    InputError
        When a stratum has one unit, or the sample is too large.

    Notes
    -----
    Sampling fractions are used where the draw had one stage. With more stages they are left out:
    the variance is then somewhat too large, not too small.
    """
    if estimator.parts is None:
        raise InputError(
            "The jackknife does not hold for quantiles: its variance does not settle as the "
            'sample grows. Use method="linearisation" or method="bootstrap".'
        )
    stage = sample.stages[0]
    single = single_strata(stage, single_unit)
    scale = (1 - usable_fraction(sample)) * (stage.size - 1) / stage.size
    scale = np.where(single, 0.0, scale)[stage.stratum]
    if sample.calibration is None:
        replicates = estimator.from_totals(jackknife_totals(sample, estimator.parts, rows))
    else:
        check_work(len(stage.stratum), len(sample.data))
        weights = calibrated_replicates(sample, jackknife_factors(stage))
        replicates = np.array([estimator.estimate(taken(w, rows)) for w in weights])
    counted = scale > 0
    if not counted.any():
        return 0.0
    replicates = replicates[counted]
    return float(scale[counted] @ (replicates - replicates.mean()) ** 2)


def jackknife_totals(sample: SurveySample, parts: Array, rows: Codes | None) -> Array:
    """Weighted totals of the parts without each unit in turn, shape (parts, units)."""
    stage = sample.stages[0]
    weights = taken(sample.weights, rows)
    inflation = (stage.size / np.maximum(stage.size - 1, 1))[stage.stratum]
    totals = np.empty((len(parts), len(stage.stratum)))
    for i, values in enumerate(parts):
        of_unit = stage.unit_totals(weights * values, rows)
        of_stratum = np.bincount(stage.stratum, of_unit, minlength=len(stage.size))
        mine = of_stratum[stage.stratum]
        totals[i] = of_stratum.sum() - mine + inflation * (mine - of_unit)
    return totals


def jackknife_factors(stage: Stage) -> Iterator[Array]:
    """Multipliers of the units' weights, one replicate after another."""
    inflation = stage.size / np.maximum(stage.size - 1, 1)
    for unit, stratum in enumerate(stage.stratum):
        factors = np.where(stage.stratum == stratum, inflation[stratum], 1.0)
        factors[unit] = 0.0
        yield factors


def bootstrap_variance(
    sample: SurveySample,
    estimator: Estimator,
    rows: Codes | None = None,
    *,
    seed: int | None,
    replicates: int = 500,
    single_unit: SingleUnit = "stop",
) -> float:
    """Variance by the rescaled bootstrap of Rao and Wu (1988).

    Of the n units of a stratum n - 1 are drawn with replacement; a unit drawn c times has its
    weight multiplied by ``1 - s + s c n / (n - 1)`` with ``s = sqrt(1 - f)`` (Rao, Wu and Yue
    1992). The variance is that of the estimates over the replicates. For a total its expectation
    is the linearisation variance.

    Parameters
    ----------
    sample : SurveySample
    estimator : Estimator
        For the rows ``rows``.
    rows : ndarray of int, optional
        Rows of the domain, all where not given.
    seed : int
        Of the random numbers; the same seed gives the same variance.
    replicates : int
        Number of replicates. The relative error of the standard error is about
        ``1 / sqrt(2 replicates)``.
    single_unit : str
        What to do about strata with one unit: "stop", or "certainty" to leave their weights.

    Returns
    -------
    float
        NaN where an estimate cannot be made from one of the replicates.

    Raises
    ------
    InputError
        Without a seed, with fewer than two replicates, or when a stratum has one unit.

    Notes
    -----
    Sampling fractions are used where the draw had one stage, as in `jackknife_variance`.
    """
    if seed is None:
        raise InputError('method="bootstrap" needs a seed, so that it can be repeated: seed=1.')
    if replicates < 2:
        raise InputError(f"replicates={replicates}: take at least 2, better 500.")
    check_work(replicates, len(sample.data))
    stage = sample.stages[0]
    single = single_strata(stage, single_unit)
    shrinkage = np.where(single, 0.0, np.sqrt(1 - usable_fraction(sample)))
    factors = bootstrap_factors(stage, shrinkage, replicates, np.random.default_rng(seed))
    if sample.calibration is None and estimator.parts is not None:
        weights = taken(sample.weights, rows)
        totals = np.array([stage.unit_totals(weights * values, rows) for values in estimator.parts])
        repeated = np.array([totals @ factor for factor in factors])
        estimates = estimator.from_totals(repeated.T)
    else:
        changed = calibrated_replicates(sample, factors)
        estimates = np.array([estimator.estimate(taken(w, rows)) for w in changed])
    return float(estimates.var(ddof=1))


def bootstrap_factors(
    stage: Stage, shrinkage: Array, replicates: int, random: np.random.Generator
) -> Iterator[Array]:
    """Multipliers of the units' weights, one replicate after another."""
    inflation = (shrinkage * stage.size / np.maximum(stage.size - 1, 1))[stage.stratum]
    rest = (1 - shrinkage)[stage.stratum]
    for counts in drawn_counts(stage.stratum, replicates, random):
        yield rest + inflation * counts


def calibrated_replicates(sample: SurveySample, factors: Iterator[Array]) -> Iterator[Array]:
    """Weights of all rows from multipliers of units, calibrated anew where the sample is."""
    stage = sample.stages[0]
    calibration = sample.calibration
    for factor in factors:
        of_row = factor if stage.unit is None else factor[stage.unit]
        if calibration is None:
            yield sample.weights * of_row
            continue
        try:
            yield calibration.adjust(calibration.base_weights * of_row)
        except InputError as error:
            raise InputError(
                "The weights of a replicate cannot be calibrated, because it lacks units that the "
                'totals need. Use method="linearisation", or calibrate to fewer or larger levels.\n'
                f"{error}"
            ) from error


def usable_fraction(sample: SurveySample) -> Array:
    """Sampling fractions of the first stage, 0 where there are further stages."""
    stage = sample.stages[0]
    return stage.fraction if len(sample.stages) == 1 else np.zeros(len(stage.size))


def single_strata(stage: Stage, single_unit: SingleUnit) -> Array:
    """Which strata have one unit drawn of several; only "certainty" is an answer here."""
    single = (stage.size == 1) & (stage.fraction < 1)
    if single.any() and single_unit == "stop":
        refuse_single(stage, single)
    if single.any() and single_unit != "certainty":
        raise InputError(
            f'single_unit="{single_unit}" has no counterpart in replicate weights. Use '
            'method="linearisation", or single_unit="certainty".'
        )
    return single | (stage.size == 1)


def refuse_single(stage: Stage, single: Array) -> None:
    """Stop where the variance within a stratum cannot be estimated."""
    which = np.flatnonzero(single)
    names = listed([stage.labels[h] for h in which[:5]], len(which))
    noun = counted_noun(stage.noun, len(which))
    raise InputError(
        f"{len(which):,} {noun} with one unit in the sample: {names}. One unit shows no variance. "
        "Join them to similar ones before the analysis, or choose: "
        'single_unit="centre" (its distance from the mean of all units counts), "average" (the '
        'mean variance of the other strata is taken) or "certainty" (it adds nothing: only right '
        "for units that were certain to be drawn)."
    )


def check_work(replicates: int, rows: int) -> None:
    """Refuse what would take too long."""
    if replicates * rows > LARGEST_WORK:
        raise InputError(
            f"{replicates:,} replicates of {rows:,} rows would take too long. Use "
            'method="linearisation", or method="bootstrap" with fewer replicates.'
        )


def taken(values: Array, rows: Codes | None) -> Array:
    """Values of some rows, of all where none are given."""
    return values if rows is None else values[rows]
