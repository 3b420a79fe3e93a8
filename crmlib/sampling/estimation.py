"""Estimates from a survey sample, with standard errors that know how it was drawn.

Every estimate is written as a weighted sum of linearised values, and the variance of that sum is
added up over the stages of the draw (Särndal, Swensson and Wretman 1992, ch. 4 and 5; Lumley
2010). Domains keep the whole design: rows outside count as zeros. With calibrated weights the
linearised values are replaced by their residuals on what was calibrated to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import codes_of, column_of, indicator_of, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.sampling.replication import (
    SingleUnit,
    bootstrap_variance,
    jackknife_variance,
    refuse_single,
    taken,
)
from crmlib.sampling.samples import Array, Codes, Stage, SurveySample

Kind = Literal["mean", "total", "proportion", "ratio", "quantile"]
Method = Literal["linearisation", "jackknife", "bootstrap", "successive_difference"]
Interval = Literal["t", "logit", "wilson"]

CHOICES = {
    "kind": ("mean", "total", "proportion", "ratio", "quantile"),
    "method": ("linearisation", "jackknife", "bootstrap", "successive_difference"),
    "interval": (None, "t", "logit", "wilson"),
    "single_unit": ("stop", "centre", "certainty", "average"),
    "missing": ("stop", "domain"),
}

RESULTS = (
    "n",
    "estimate",
    "standard_error",
    "low",
    "high",
    "design_effect",
    "degrees_of_freedom",
    "sum_of_weights",
)
"""Columns of the result, after that of the domains."""


def estimate(
    sample: SurveySample,
    y: str | None,
    *,
    kind: Kind = "mean",
    by: str | None = None,
    denominator: str | None = None,
    value: Any = None,
    quantile: float = 0.5,
    confidence: float = 0.95,
    method: Method = "linearisation",
    interval: Interval | None = None,
    single_unit: SingleUnit = "stop",
    missing: Literal["stop", "domain"] = "stop",
    replicates: int = 500,
    seed: int | None = None,
) -> pd.DataFrame:
    """Estimate a mean, total, proportion, ratio or quantile of the population.

    Parameters
    ----------
    sample : SurveySample
    y : str or None
        Column to estimate from; None with ``kind="total"`` estimates the number of units.
    kind : {"mean", "total", "proportion", "ratio", "quantile"}
    by : str, optional
        Column whose values are the domains: one row of the result each.
    denominator : str, optional
        Column under the line of a ratio.
    value : optional
        Value of ``y`` whose proportion, or number with ``kind="total"``, is wanted. Without it a
        proportion takes a column of true and false or 0 and 1.
    quantile : float
        Between 0 and 1: 0.5 is the median.
    confidence : float
        Level of the interval.
    method : {"linearisation", "jackknife", "bootstrap", "successive_difference"}
        How the variance is made. The successive-difference variance is for systematic samples
        and needs `SurveySample.order`; ties in it keep the order of the rows.
    interval : {None, "t", "logit", "wilson"}
        None takes Wilson's for proportions and t for all others.
    single_unit : {"stop", "centre", "certainty", "average"}
        What a stratum with one unit, drawn of several, adds to the variance: "centre" its squared
        distance from the mean of all units of the stage, "certainty" nothing, "average" what the
        other strata add on average.
    missing : {"stop", "domain"}
        Whether a missing value is an error, or rows with one are outside the domain.
    replicates : int
        Of the bootstrap.
    seed : int, optional
        Of the bootstrap, which does not run without.

    Returns
    -------
    DataFrame
        One row a domain: the column ``by``, n (rows), estimate, standard_error, low, high,
        design_effect, degrees_of_freedom, sum_of_weights. What cannot be estimated is missing.

    Raises
    ------
    InputError
        When a column or argument cannot be used, a value is missing, or a stratum has one unit.

    Notes
    -----
    Degrees of freedom are the first-stage units minus the strata, of those that a domain has
    rows in; the interval is missing where none are left.

    The design effect is the variance over that of a simple random sample of as many rows drawn
    without replacement from as many units as the weights add up to (from a population without
    end where they add up to no more than the rows); for a quantile, that of the share below it.

    A quantile is the smallest value that at least this share of the weight does not exceed. Its
    interval is Woodruff's (1952): the interval of that share, read off the distribution; the
    standard error is its width over twice the quantile of t. It is missing where the interval
    of the share leaves 0 to 1.

    Wilson's interval takes ``p (1 - p) / variance`` for n, and where that is 0 / 0 the smaller of
    Kish's effective n and the number of first-stage units; the logit interval is missing there.

    Checked against R survey 4.1-1 (svymean, svytotal, svyratio, svyquantile with its rule "math"
    and interval "mean", svyby, svyciprop with method "logit") on the simple, stratified, cluster
    and two-stage samples of its api data. The choices of ``single_unit``, Wilson's interval, the
    successive differences and the bootstrap have no values of R in the tests: they are checked
    against formulas written out, linearisation and simulation. R's "adjust" is not "centre" for
    totals: by its source it measures from 0, not from the mean of the units.
    """
    request = _Request(
        y,
        kind,
        by,
        denominator,
        value,
        quantile,
        confidence,
        method,
        interval,
        single_unit,
        missing,
        replicates,
        seed,
    )
    request.check()
    columns = _read_columns(sample, request)
    table = []
    for label, rows in _domains(sample, request, columns.usable):
        row = {} if by is None else {by: label}
        table.append(row | _estimated(_Domain(sample, request, rows, columns), request))
    result = pd.DataFrame(table)
    if by is not None and isinstance(sample.data[by].dtype, pd.CategoricalDtype):
        result[by] = result[by].astype(sample.data[by].dtype)
    return result


@dataclass(frozen=True)
class _Request:
    """The arguments of `estimate`."""

    y: str | None
    kind: Kind
    by: str | None
    denominator: str | None
    value: Any
    quantile: float
    confidence: float
    method: Method
    interval: Interval | None
    single_unit: SingleUnit
    missing: Literal["stop", "domain"]
    replicates: int
    seed: int | None

    def check(self) -> None:
        """Refuse words that mean nothing and arguments that do not go together."""
        for name, allowed in CHOICES.items():
            given = getattr(self, name)
            if given not in allowed:
                words = ", ".join(f'"{word}"' for word in allowed if word)
                raise InputError(f'{name}="{given}": write one of {words}.')
        if not 0 < self.confidence < 1:
            raise InputError(f"confidence={self.confidence}: write a fraction such as 0.95.")
        if self.kind == "quantile" and not 0 < self.quantile < 1:
            raise InputError(f"quantile={self.quantile}: write a fraction between 0 and 1.")
        if (self.kind == "ratio") != (self.denominator is not None):
            raise InputError('kind="ratio" and denominator="a column" go together: give both.')
        if self.y is None and self.kind != "total":
            raise InputError(f'kind="{self.kind}" needs y, the column to estimate from.')
        counts = self.kind == "proportion" or (self.kind == "total" and self.y is not None)
        if self.value is not None and not counts:
            raise InputError(
                'value= counts one value of y, with kind="proportion" or kind="total".'
            )
        if self.interval in ("logit", "wilson") and self.kind != "proportion":
            raise InputError(f'interval="{self.interval}" is for proportions; leave it out.')
        if self.by in RESULTS:
            raise InputError(
                f'by="{self.by}" is also a column of the result. Rename it in the sample.'
            )


@dataclass(frozen=True)
class _Columns:
    """Values of y and of the denominator (None: all ones), and the rows that have them."""

    y: Array | None
    x: Array | None
    usable: NDArray[np.bool_] | None


def _read_columns(sample: SurveySample, request: _Request) -> _Columns:
    y, below, kind = request.y, request.denominator, request.kind
    columns = {}
    if y is not None and (kind == "proportion" or request.value is not None):
        columns[y] = indicator_of(sample.data, y, request.value)
    elif y is not None:
        columns[y] = _numbers(sample.data, y, kind)
    if below is not None:
        columns[below] = _numbers(sample.data, below, kind)
    usable = np.ones(len(sample.data), dtype=bool)
    for name, column in columns.items():
        absent = np.isnan(column)
        usable &= ~absent
        if request.missing == "stop" and absent.any():
            where = np.flatnonzero(absent)
            raise InputError(
                f'Column "{name}": {len(where):,} of {len(column):,} values are missing; '
                f'{rows_named(sample.data, where)}. missing="domain" estimates for the part of '
                "the population that has a value; nonresponse_cells lets those who answered "
                "stand for the others."
            )
    if not usable.any():
        raise InputError(f"No row has a value of {' and '.join(columns)}.")
    return _Columns(
        y=None if y is None else columns[y],
        x=None if below is None else columns[below],
        usable=None if usable.all() else usable,
    )


def _numbers(data: pd.DataFrame, column: str, kind: Kind) -> Array:
    values = column_of(data, column)
    if not (pd.api.types.is_numeric_dtype(values) or values.isna().all()):
        example = values.dropna().iloc[0]
        raise InputError(
            f'Column "{column}" holds {values.dtype}, such as "{example}"; kind="{kind}" needs '
            'numbers. For the share of one value: kind="proportion", value="' + f'{example}".'
        )
    numbers = numbers_of(data, column, "numbers")
    wrong = np.flatnonzero(np.isinf(numbers))
    if len(wrong):
        raise InputError(
            f'Column "{column}": {len(wrong):,} values are infinite; {rows_named(data, wrong)}. '
            "Give finite ones, or leave them empty."
        )
    return numbers


def _domains(
    sample: SurveySample, request: _Request, usable: NDArray[np.bool_] | None
) -> Iterator[tuple[Any, Codes | None]]:
    """Label and rows of each domain; None stands for all rows."""
    if request.by is None:
        yield None, None if usable is None else np.flatnonzero(usable)
        return
    column = column_of(sample.data, request.by)
    if request.missing == "stop":
        codes_of(sample.data, request.by)  # refuses missing domains
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = column.cat.categories
        codes = column.cat.codes.to_numpy()
    else:
        codes, levels = _sorted_levels(column)
    # Small whole numbers are sorted by radix, ten times as fast.
    if len(levels) < np.iinfo(np.int16).max:
        codes = codes.astype(np.int16)
    if usable is not None:
        codes = np.where(usable, codes, np.array(-1, dtype=codes.dtype))
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(levels) + 1))
    for i, level in enumerate(levels):
        yield level, order[ends[i] : ends[i + 1]]


def _sorted_levels(column: pd.Series) -> tuple[NDArray[Any], Any]:
    try:
        return pd.factorize(column, sort=True)
    except TypeError:  # numbers among text
        return pd.factorize(column.map(str, na_action="ignore"), sort=True)


class _Domain:
    """What is estimated for the rows of one domain.

    Means, proportions and ratios are ``sum w y / sum w x`` (x = 1 where there is none), totals
    ``sum w y``; both are functions of two totals, the ``parts``. Quantiles are not.
    """

    def __init__(
        self, sample: SurveySample, request: _Request, rows: Codes | None, columns: _Columns
    ) -> None:
        self.sample = sample
        self.kind = request.kind
        self.quantile = request.quantile
        self.rows = rows
        self.n = len(sample.data) if rows is None else len(rows)
        self.weights = taken(sample.weights, rows)
        self.y = None if columns.y is None else taken(columns.y, rows)
        self.x = None if columns.x is None else taken(columns.x, rows)

    @cached_property
    def values(self) -> Array:
        """The values of y, all ones where units are counted."""
        return np.ones(self.n) if self.y is None else self.y

    @cached_property
    def parts(self) -> Array | None:
        """Values whose weighted totals make the estimate, shape (parts, rows)."""
        if self.kind == "quantile":
            return None
        if self.kind == "total":
            return self.values[None]
        return np.stack([self.values, np.ones(self.n) if self.x is None else self.x])

    @cached_property
    def ascending(self) -> Codes:
        """Rows in the order of their values."""
        return np.argsort(self.values)

    def from_totals(self, totals: Array) -> Array:
        """Estimates from totals of the parts."""
        if self.kind == "total":
            return totals[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(totals[1] != 0, totals[0] / totals[1], np.nan)

    def estimate(self, weights: Array) -> float:
        """Estimate from weights of the rows."""
        if self.kind == "quantile":
            return weighted_quantile(self.values, weights, self.quantile, self.ascending)
        total = float(weights @ self.values)
        if self.kind == "total":
            return total
        below = float(weights.sum() if self.x is None else weights @ self.x)
        return total / below if below else np.nan

    def linearised(self, value: float) -> Array:
        """Values whose weighted sum varies as the estimate does."""
        if self.kind == "total":
            return self.values
        if self.kind == "quantile":
            below = (self.values <= value).astype(float)
            total = self.weights.sum()
            return (below - self.weights @ below / total) / total
        if self.x is None:
            return (self.values - value) / self.weights.sum()
        return (self.values - value * self.x) / (self.weights @ self.x)


def _estimated(domain: _Domain, request: _Request) -> dict[str, Any]:
    """One row of the result."""
    row: dict[str, Any] = dict.fromkeys(RESULTS, np.nan)
    row["n"] = domain.n
    row["sum_of_weights"] = float(domain.weights.sum())
    degrees = degrees_of_freedom(domain.sample, domain.rows)
    row["degrees_of_freedom"] = degrees
    value = domain.estimate(domain.weights) if row["sum_of_weights"] > 0 else np.nan
    if np.isnan(value):
        return row
    if request.kind == "proportion" and domain.values.min() == domain.values.max():
        value = float(domain.values[0])  # 0 or 1 without rounding
    linearised = domain.linearised(value)
    variance = _variance(domain, linearised, request)
    error = float(np.sqrt(variance))
    t = stats.t.ppf(0.5 + request.confidence / 2, degrees) if degrees > 0 else np.nan
    row["estimate"] = value
    row["design_effect"] = design_effect(variance, linearised, domain.weights)
    if request.kind != "quantile":
        row["standard_error"] = error
        row["low"], row["high"] = _interval(domain, value, error, t, request.interval)
    elif request.method == "bootstrap":
        row["standard_error"] = error
        row["low"], row["high"] = value - t * error, value + t * error
        row["design_effect"] = np.nan  # the variance is not that of the share below
    else:
        row["low"], row["high"] = low, high = _woodruff(domain, value, error, t)
        row["standard_error"] = (high - low) / (2 * t)
    return row


def _variance(domain: _Domain, linearised: Array, request: _Request) -> float:
    """Variance of the estimate; of a quantile, unless by bootstrap, that of the share below."""
    if request.method == "jackknife":
        return jackknife_variance(domain.sample, domain, domain.rows, request.single_unit)
    if request.method == "bootstrap":
        return bootstrap_variance(
            domain.sample,
            domain,
            domain.rows,
            seed=request.seed,
            replicates=request.replicates,
            single_unit=request.single_unit,
        )
    return linearised_variance(
        domain.sample,
        linearised,
        domain.rows,
        request.single_unit,
        in_order=request.method == "successive_difference",
    )


def _interval(
    domain: _Domain, value: float, error: float, t: float, interval: Interval | None
) -> tuple[float, float]:
    if interval == "logit":
        return logit_interval(value, error, t)
    if interval == "wilson" or (interval is None and domain.kind == "proportion"):
        return wilson_interval(value, error**2, t, _fallback_n(domain))
    return value - t * error, value + t * error


def linearised_variance(
    sample: SurveySample,
    values: Array,
    rows: Codes | None = None,
    single_unit: SingleUnit = "stop",
    in_order: bool = False,
) -> float:
    """Variance of the weighted sum of linearised values, over all stages of the draw.

    Each stage k adds ``sum over strata of F (1 - f) n / (n - 1) sum (z_i - mean z)^2``: z the
    weighted totals of the units, n and f the size and the fraction of the sample, F the product
    of the fractions of the stages before. Without a population the fraction is 0, and later
    stages add nothing. Checked against svyrecvar of R survey 4.1-1.

    Parameters
    ----------
    sample : SurveySample
    values : ndarray, shape (rows,)
        Linearised values, not yet weighted.
    rows : ndarray of int, optional
        Rows they belong to; all others are 0.
    single_unit : str
        As in `estimate`.
    in_order : bool
        Whether the first stage takes successive differences: ``n / (2 (n - 1))
        sum (z_i - z_(i-1))^2`` within each stratum in the order of the draw (Wolter 2007, ch. 8).

    Returns
    -------
    float

    Raises
    ------
    InputError
        When a stratum has one unit and ``single_unit`` is "stop".
    """
    if sample.calibration is None:
        weighted = taken(sample.weights, rows) * values
    else:
        everywhere = values
        if rows is not None:
            everywhere = np.zeros(len(sample.data))
            everywhere[rows] = values
            rows = None
        weighted = sample.weights * sample.calibration.residuals(everywhere)
    variance = 0.0
    for k, stage in enumerate(sample.stages):
        totals = stage.unit_totals(weighted, rows)
        if in_order and k == 0:
            spread = spread_in_order(stage, totals, sample.drawing_order)
        else:
            spread = spread_about_mean(stage, totals)
        variance += stage_variance(stage, totals, spread, single_unit)
    return variance


def spread_about_mean(stage: Stage, totals: Array) -> Array:
    """``n / (n - 1) sum (z_i - mean z)^2`` of each stratum; 0 where n is 1."""
    mean = np.bincount(stage.stratum, totals, minlength=len(stage.size)) / stage.size
    squares = (totals - mean[stage.stratum]) ** 2
    sums = np.bincount(stage.stratum, squares, minlength=len(stage.size))
    return sums * stage.size / np.maximum(stage.size - 1, 1)


def spread_in_order(stage: Stage, totals: Array, order: Codes) -> Array:
    """``n / (2 (n - 1)) sum (z_i - z_(i-1))^2`` of each stratum, units in the order given."""
    stratum = stage.stratum[order]
    squares = np.diff(totals[order]) ** 2 * (np.diff(stratum) == 0)
    sums = np.bincount(stratum[1:], squares, minlength=len(stage.size))
    return sums * stage.size / (2 * np.maximum(stage.size - 1, 1))


def stage_variance(stage: Stage, totals: Array, spread: Array, single_unit: SingleUnit) -> float:
    """What one stage adds to the variance."""
    shares = stage.reached * (1 - stage.fraction) * spread
    single = (stage.size == 1) & (stage.fraction < 1)
    if not single.any() or single_unit == "certainty":
        return float(shares.sum())
    if single_unit == "stop":
        refuse_single(stage, single)
    if single_unit == "centre":
        alone = single[stage.stratum]
        where = stage.stratum[alone]
        left = stage.reached[where] * (1 - stage.fraction[where])
        return float(shares.sum() + left @ (totals[alone] - totals.mean()) ** 2)
    if single.all():
        raise InputError(
            f'single_unit="average": every {stage.noun} has one unit, so there is no variance to '
            'average. Use single_unit="centre".'
        )
    return float(shares.sum() * len(single) / (len(single) - single.sum()))


def degrees_of_freedom(sample: SurveySample, rows: Codes | None = None) -> int:
    """First-stage units minus strata, of those with a row of positive weight in the domain."""
    stage = sample.stages[0]
    inside = taken(sample.weights, rows) > 0
    present = stage.unit_totals(inside.astype(float), rows) > 0
    strata = np.bincount(stage.stratum, present, minlength=len(stage.size)) > 0
    return int(present.sum() - strata.sum())


def design_effect(
    variance: float, linearised: Array, weights: Array, *, with_replacement: bool = False
) -> float:
    """Variance over that of a simple random sample with as many rows.

    ``v / ((1 - n / N) N^2 s^2 / n)``: s^2 the weighted variance of the linearised values, N the
    sum of weights. The factor ``1 - n / N`` is left out with replacement, or where N is not above
    n because weights do not add up to the population. Checked against R survey 4.1-1, ``deff``
    TRUE and "replace".

    Parameters
    ----------
    variance : float
    linearised : ndarray, shape (rows,)
        Linearised values of the rows of the domain.
    weights : ndarray, shape (rows,)
    with_replacement : bool
        Whether to compare with a sample drawn with replacement.

    Returns
    -------
    float
        NaN where the values do not vary or there is one row.
    """
    n = int(np.count_nonzero(weights))
    total = float(weights.sum())
    if n < 2:
        return np.nan
    mean = weights @ linearised / total
    variance_of_values = n / (n - 1) * (weights @ (linearised - mean) ** 2) / total
    simple = total**2 * variance_of_values / n
    if not with_replacement and total > n * (1 + 1e-9):
        simple *= 1 - n / total
    return float(variance / simple) if simple > 0 else np.nan


def weighted_quantile(
    values: Array, weights: Array, share: float, order: Codes | None = None
) -> float:
    """Smallest value that at least this share of the weight does not exceed.

    Rule 1 of Hyndman and Fan (1996), qrule "math" of R survey 4.1-1. NaN where share is outside
    0 to 1 or there is no weight. ``order`` sorts the values, where that is known already.
    """
    order = np.argsort(values) if order is None else order
    cumulated = np.cumsum(weights[order])
    if not 0 <= share <= 1 or not len(order) or cumulated[-1] == 0:
        return np.nan
    # A share that is met but for rounding is met; values without weight are passed over.
    place = np.searchsorted(cumulated, share * cumulated[-1] * (1 - 1e-12))
    first = np.searchsorted(cumulated, 0.0, side="right")
    return float(values[order[max(place, first)]])


def _woodruff(domain: _Domain, value: float, error: float, t: float) -> tuple[float, float]:
    """Interval of a quantile from that of the share below it."""
    share = domain.weights @ (domain.values <= value) / domain.weights.sum()
    return (
        weighted_quantile(domain.values, domain.weights, share - t * error, domain.ascending),
        weighted_quantile(domain.values, domain.weights, share + t * error, domain.ascending),
    )


def logit_interval(p: float, error: float, t: float) -> tuple[float, float]:
    """Interval of a proportion, symmetric in log odds: ``log(p / (1 - p)) +- t se / (p (1 - p))``.

    NaN where p is 0 or 1. Checked against svyciprop of R survey 4.1-1 with method "logit".
    """
    if not 0 < p < 1:
        return np.nan, np.nan
    odds = np.log(p / (1 - p))
    half = t * error / (p * (1 - p))
    return float(1 / (1 + np.exp(half - odds))), float(1 / (1 + np.exp(-half - odds)))


def wilson_interval(p: float, variance: float, t: float, fallback_n: float) -> tuple[float, float]:
    """Wilson's interval of a proportion with the effective number of observations.

    ``(p + t^2 / 2n +- t sqrt(p (1 - p) / n + t^2 / 4n^2)) / (1 + t^2 / n)`` with
    ``n = p (1 - p) / variance`` (Wilson 1927; for surveys Franco, Little, Louis and Slud 2019).
    ``fallback_n`` is taken for n where p is 0 or 1 and the data show no variance.
    """
    n = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else fallback_n
    if 0 < p < 1 and variance == 0:
        return p, p  # every unit, or every stratum, is known
    square = t * t / n
    middle = (p + square / 2) / (1 + square)
    half = np.sqrt(square * (p * (1 - p) + square / 4)) / (1 + square)
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def _fallback_n(domain: _Domain) -> float:
    """Smaller of Kish's effective n and the first-stage units with a row in the domain."""
    kish = domain.weights.sum() ** 2 / (domain.weights @ domain.weights)
    stage = domain.sample.stages[0]
    inside = (domain.weights > 0).astype(float)
    units = np.count_nonzero(stage.unit_totals(inside, domain.rows))
    return float(min(kish, units))
