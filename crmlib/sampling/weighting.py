"""Weights: allow for nonresponse, meet what is known of the population, and trim.

Every function takes a `SurveySample` and returns a new one with a report; the sample it was given
is not changed. The usual order is `nonresponse_cells`, then one of `poststratify`, `rake` and
`calibrate` with all that is known at once, then, where a few weights stand out, `trim` and the
calibration again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

from crmlib.columns import codes_of, column_of, indicator_of, listed, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.sampling.samples import Array, Auxiliaries, Calibration, Codes, SurveySample, first_rows

SAME = 1e-9
"""Relative difference below which two totals are the same but for rounding."""


@dataclass(frozen=True)
class Weighted:
    """A sample with new weights, and what was done to them.

    Attributes
    ----------
    sample : SurveySample
        Its weights are in the column of the same name as before.
    report : DataFrame
        One row a cell or level, as the function that made it says.
    spread : DataFrame
        Two rows, weights "before" and "after": see `weight_spread`.
    """

    sample: SurveySample
    report: pd.DataFrame
    spread: pd.DataFrame


def weight_spread(weights: Array) -> dict[str, float]:
    """How unequal weights are, and what that costs.

    Kish's design effect of the weights is ``n sum w^2 / (sum w)^2 = 1 + CV^2``: the factor by
    which unequal weights multiply the variance of a mean of values they have nothing to do with.
    The effective n is n over it (Kish 1965, section 11.7).

    Parameters
    ----------
    weights : ndarray, shape (rows,)
        Not negative; rows of weight 0 are not counted.

    Returns
    -------
    dict
        n, sum_of_weights, smallest, median, largest, coefficient_of_variation, design_effect,
        effective_n.
    """
    weights = weights[weights > 0]
    n = len(weights)
    total = weights.sum()
    effect = n * (weights @ weights) / total**2
    return {
        "n": n,
        "sum_of_weights": float(total),
        "smallest": float(weights.min()),
        "median": float(np.median(weights)),
        "largest": float(weights.max()),
        "coefficient_of_variation": float(np.sqrt(max(effect - 1, 0.0))),
        "design_effect": float(effect),
        "effective_n": float(n / effect),
    }


def nonresponse_cells(
    sample: SurveySample,
    responded: str,
    cells: str | Sequence[str],
    *,
    minimum_cell: int = 20,
    collapse: Mapping[Any, Any] | None = None,
) -> Weighted:
    """Let those who answered stand for those who did not, within cells.

    Weights of respondents are multiplied by the sum of all weights of their cell over the sum
    of the respondents': right where, within a cell, answering has nothing to do with the answers.

    Parameters
    ----------
    sample : SurveySample
        All who were asked, with their design weights.
    responded : str
        Column of true and false, or 0 and 1.
    cells : str or sequence of str
        Columns known for all who were asked; their combinations are the cells.
    minimum_cell : int
        Respondents a cell must have.
    collapse : mapping, optional
        Cells to join to others, ``{"small": "similar"}``; with several columns the cells are
        tuples.

    Returns
    -------
    Weighted
        The sample holds the respondents. Report, one row a cell: the columns of ``cells``,
        joined_to, asked, responded, response_rate (of weights), factor.

    Raises
    ------
    InputError
        When a cell has fewer respondents than ``minimum_cell`` and was not joined, naming all
        such cells; when a column cannot be used; when the sample is calibrated already.

    Notes
    -----
    The variance of later estimates takes the new weights as design weights, the usual practice:
    it does not credit the adjustment with the precision it may add, nor count that the response
    rates are themselves estimates.
    """
    _refuse_calibrated(sample)
    answered = indicator_of(sample.data, responded)
    unknown = np.flatnonzero(np.isnan(answered))
    if len(unknown):
        raise InputError(
            f'Column "{responded}": {len(unknown):,} values are missing; '
            f"{rows_named(sample.data, unknown)}. Say of every row whether it answered."
        )
    if minimum_cell < 1:
        raise InputError(f"minimum_cell={minimum_cell}: a cell needs at least one respondent.")
    names = _names(cells)
    code, labels = _cells(sample.data, names)
    joined = _joined(labels, collapse or {}, names)
    cell = joined[code]
    n = len(labels)
    asked = np.bincount(code, minlength=n)
    responses = np.bincount(cell, answered, n)
    used = np.unique(joined)
    small = [h for h in used if responses[h] < minimum_cell]
    if small:
        counts = [f"{_named(labels[h])} ({responses[h]:.0f})" for h in small]
        raise InputError(
            f"{len(small):,} cells have fewer than {minimum_cell} respondents: "
            f"{listed(counts, shown=12)}. Join each to a similar one, "
            f"collapse={{{labels[small[0]]!r}: another cell}}, use fewer columns, or lower "
            "minimum_cell."
        )
    before = np.bincount(cell, sample.weights, n)
    of_respondents = np.bincount(cell, sample.weights * answered, n)
    empty = [h for h in used if of_respondents[h] == 0]
    if empty:
        raise InputError(
            f"The respondents of {listed([_named(labels[h]) for h in empty])} all have weight 0. "
            "Join these cells to others with collapse=."
        )
    factor = np.ones(n)
    factor[used] = before[used] / of_respondents[used]
    took_part = answered == 1
    weights = (sample.weights * factor[cell])[took_part]
    data = sample.data.loc[took_part].assign(**{sample.weight: weights})
    shares = np.bincount(code, sample.weights * answered, n) / np.bincount(code, sample.weights, n)
    report = _cell_table(names, labels).assign(
        joined_to=[_named(labels[j]) if j != i else "" for i, j in enumerate(joined)],
        asked=asked,
        responded=np.bincount(code, answered, n).astype(np.int64),
        response_rate=shares,
        factor=factor[joined],
    )
    return _weighted(sample, replace(sample, data=data), _sorted(report, names))


def poststratify(
    sample: SurveySample,
    cells: str | Sequence[str],
    totals: Mapping[Any, float] | pd.DataFrame,
) -> Weighted:
    """Make the weights of each cell add up to its number in the population.

    Parameters
    ----------
    sample : SurveySample
    cells : str or sequence of str
        Columns whose combinations are the cells.
    totals : mapping or DataFrame
        Number of units in the population: ``{"E": 4421, "H": 755}``, with several columns
        ``{("E", "Yes"): 3900, ...}``; or a table with the columns of ``cells`` and ``total``.

    Returns
    -------
    Weighted
        Report, one row a cell: the columns of ``cells``, n, before, total, factor.

    Raises
    ------
    InputError
        When a cell is missing from the sample or from the totals, a total is not positive, or
        the sample is calibrated already.

    Notes
    -----
    Estimates from the new sample take the variance of the residuals from the cell means. Checked
    against postStratify of R survey 4.1-1.
    """
    _refuse_calibrated(sample)
    names = _names(cells)
    code, labels = _cells(sample.data, names)
    what = f'cells of "{" × ".join(names)}"'
    target = _matched(_cell_totals(totals, names), labels, what)

    def adjust(weights: Array) -> Array:
        return weights * _factors(code, weights, target, labels, what)[code]

    before = np.bincount(code, sample.weights)
    report = _cell_table(names, labels).assign(
        n=np.bincount(code),
        before=before,
        total=target,
        factor=_factors(code, sample.weights, target, labels, what),
    )
    new = _calibrated(sample, Auxiliaries((code,), np.empty((len(code), 0))), adjust)
    return _weighted(sample, new, _sorted(report, names))


def rake(
    sample: SurveySample,
    margins: Mapping[str, Any] | pd.DataFrame,
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 1000,
) -> Weighted:
    """Make the weights add up to several margins at once, by iterative proportional fitting.

    Parameters
    ----------
    sample : SurveySample
    margins : mapping or DataFrame
        Numbers in the population by column and level, ``{"stype": {"E": 4421, "H": 755},
        "region": {...}}``, or a table with the columns ``column``, ``level`` and ``total``.
    tolerance : float
        Largest relative difference from a total that is left.
    max_iterations : int
        Rounds over all margins.

    Returns
    -------
    Weighted
        Report, one row a level: variable, level, n, before, total, after.

    Raises
    ------
    InputError
        When the margins do not add up to the same number, a level is missing from the sample or
        from the margins, or the totals cannot be met, saying which is worst and by how much.

    Notes
    -----
    Estimates from the new sample take the variance of the residuals from a regression on all
    margins. Checked against rake of R survey 4.1-1.
    """
    _refuse_calibrated(sample)
    known = _read_totals(margins)
    numeric = [column for column, total in known.items() if not isinstance(total, dict)]
    if numeric or not known:
        raise InputError(
            "Raking takes totals by level, {column: {level: total}}; "
            f"{listed(numeric) or 'there are none'}. Totals of numbers are for calibrate."
        )
    problem = _problem(sample, known, None)

    def adjust(weights: Array) -> Array:
        return raked_weights(
            weights,
            problem.auxiliaries.margins,
            problem.by_margin,
            problem.names,
            tolerance,
            max_iterations,
        )

    return _with_levels(sample, problem, adjust)


def raked_weights(
    weights: Array,
    margins: Sequence[Codes],
    totals: Sequence[Array],
    names: Sequence[str],
    tolerance: float = 1e-10,
    max_iterations: int = 1000,
) -> Array:
    """Iterative proportional fitting of weights to margins (Deming and Stephan 1940).

    Rows with the same levels are fitted as one, so that the time hardly depends on the rows.

    Parameters
    ----------
    weights : ndarray, shape (rows,)
    margins : sequence of ndarray of int, each of shape (rows,)
        Number of the level, from 0.
    totals : sequence of ndarray
        Wanted sum of each level.
    names : sequence of str
        What to call each level in messages, margin after margin.
    tolerance : float
        Largest relative difference that is left.
    max_iterations : int

    Returns
    -------
    ndarray, shape (rows,)

    Raises
    ------
    InputError
        When the totals cannot be met.
    """
    combination = margins[0]
    for level, total in zip(margins[1:], totals[1:], strict=True):
        combination = pd.factorize(combination * len(total) + level)[0]
    combination = combination.astype(np.int64, copy=False)
    cells = np.bincount(combination, weights)
    first = first_rows(combination, len(cells))
    levels = [level[first] for level in margins]
    wanted = np.concatenate(list(totals))
    factor = np.ones(len(cells))
    for iteration in range(max_iterations + 1):
        sums = [
            np.bincount(level, cells * factor, len(total))
            for level, total in zip(levels, totals, strict=True)
        ]
        reached = np.concatenate(sums).astype(float, copy=False)
        difference = np.abs(reached / wanted - 1)
        if difference.max() <= tolerance:
            return weights * factor[combination]
        if iteration == max_iterations or (reached == 0).any():
            break
        for level, total in zip(levels, totals, strict=True):
            factor *= (total / np.bincount(level, cells * factor, len(total)))[level]
    raise _not_met(names, reached, wanted, f"{iteration:,} rounds of raking")


def calibrate(
    sample: SurveySample,
    totals: Mapping[str, Any] | pd.DataFrame,
    *,
    population: float | None = None,
    method: Literal["linear", "logit"] = "linear",
    bounds: tuple[float, float] | None = None,
) -> Weighted:
    """Change the weights as little as possible so that they meet totals of the population.

    Parameters
    ----------
    sample : SurveySample
    totals : mapping or DataFrame
        For a column of numbers their total in the population, ``{"revenue": 3.9e6}``; for any
        other the number of units by level, ``{"region": {"North": 120, ...}}``. Or a table with
        the columns ``column``, ``level`` (empty for numbers) and ``total``.
    population : float, optional
        Number of units in the population; needed where no totals by level say it.
    method : {"linear", "logit"}
        Linear: the generalised regression estimator (GREG). Logit: the weights change by factors
        strictly within ``bounds``.
    bounds : (low, high), optional
        Least and largest factor, around 1. Linear weights are cut there when they are given.

    Returns
    -------
    Weighted
        Report, one row a level or number: variable, level, n, before, total, after.

    Raises
    ------
    InputError
        When totals contradict each other, a level is missing, weights would become negative, or
        the totals cannot be met within the bounds, saying which is worst and by how much.

    Notes
    -----
    The factors are ``F(x'b)``: ``F(u) = 1 + u``, cut at the bounds, or with bounds L and U
    ``L + (U - L) / (1 + exp(-A u) (U - 1) / (1 - L))`` with ``A = (U - L) / ((1 - L)(U - 1))``;
    b by Newton's method (Deville and Särndal 1992). Estimates from the new sample take the
    variance of the residuals from a regression on the auxiliary variables. The linear method
    was checked against calibrate of R survey 4.1-1, the logit method against a general
    optimiser of its distance.
    """
    _refuse_calibrated(sample)
    _check_method(method, bounds)
    problem = _problem(sample, _read_totals(totals), population)

    def adjust(weights: Array) -> Array:
        return calibrated_weights(
            weights, problem.auxiliaries, problem.totals, problem.names, method, bounds
        )

    weights = adjust(sample.weights)
    negative = np.flatnonzero(weights < 0)
    if len(negative):
        raise InputError(
            f"{len(negative):,} weights would become negative; "
            f'{rows_named(sample.data, negative)}. Use method="logit" with bounds such as '
            "(0.3, 3), or calibrate to fewer totals."
        )
    return _with_levels(sample, problem, adjust)


def calibrated_weights(
    weights: Array,
    auxiliaries: Auxiliaries,
    totals: Array,
    names: Sequence[str],
    method: Literal["linear", "logit"] = "linear",
    bounds: tuple[float, float] | None = None,
    tolerance: float = 1e-11,
    max_iterations: int = 100,
) -> Array:
    """Weights ``w F(x'b)`` that meet totals; b by Newton's method with halved steps.

    Parameters
    ----------
    weights : ndarray, shape (rows,)
    auxiliaries : Auxiliaries
    totals : ndarray, shape (columns,)
        Wanted X'w.
    names : sequence of str
        What to call each column in messages.
    method, bounds
        As in `calibrate`.
    tolerance : float
        Largest difference that is left, relative to the total or, where that is smaller, to the
        sum of absolute values.
    max_iterations : int

    Returns
    -------
    ndarray, shape (rows,)

    Raises
    ------
    InputError
        When the totals cannot be met.
    """
    absolute = Auxiliaries(auxiliaries.margins, np.abs(auxiliaries.numbers)).totals(weights)
    scale = np.maximum(np.abs(totals), absolute)
    scale[scale == 0] = 1.0
    coefficients = np.zeros(len(totals))
    factor, slope = calibration_factors(np.zeros(len(weights)), method, bounds)
    misfit = totals - auxiliaries.totals(weights * factor)
    worst = np.abs(misfit / scale).max()
    for _ in range(max_iterations):
        if worst <= tolerance / 100:
            break
        direction = auxiliaries.inverse(weights * slope) @ misfit
        for step in 0.5 ** np.arange(15):
            tried = coefficients + step * direction
            factor_tried, slope_tried = calibration_factors(
                auxiliaries.fitted(tried), method, bounds
            )
            misfit_tried = totals - auxiliaries.totals(weights * factor_tried)
            if np.abs(misfit_tried / scale).max() < worst:
                break
        else:
            break
        coefficients, factor, slope, misfit = tried, factor_tried, slope_tried, misfit_tried
        worst = np.abs(misfit / scale).max()
    if worst > tolerance:
        how = f"{method} calibration"
        if bounds is not None:
            how += f" with factors between {bounds[0]:g} and {bounds[1]:g}"
        raise _not_met(names, totals - misfit, totals, how, scale)
    return weights * factor


def calibration_factors(
    u: Array, method: Literal["linear", "logit"], bounds: tuple[float, float] | None
) -> tuple[Array, Array]:
    """F(u) and its derivative; see `calibrate`."""
    if method == "linear":
        low, high = bounds or (-np.inf, np.inf)
        inside = (1 + u > low) & (1 + u < high)
        return np.clip(1 + u, low, high), inside.astype(float)
    assert bounds is not None
    low, high = bounds
    rate = (high - low) / ((1 - low) * (high - 1))
    share = expit(rate * u + np.log((1 - low) / (high - 1)))
    return low + (high - low) * share, (high - low) * rate * share * (1 - share)


def trim(
    sample: SurveySample,
    *,
    low: float | None = None,
    high: float | None = None,
    times_median: float | None = None,
    redistribute: bool = True,
) -> Weighted:
    """Cut weights that stand out, and spread what was cut over the others.

    Fewer extreme weights mean less variance and some bias. After a calibration the totals are no
    longer met exactly, and the new sample counts as not calibrated: calibrate it again.

    Parameters
    ----------
    sample : SurveySample
    low, high : float, optional
        Least and largest weight.
    times_median : float, optional
        Instead of ``high``: the largest weight as a multiple of the median weight.
    redistribute : bool
        Whether to multiply the weights in between so that the sum stays as it was.

    Returns
    -------
    Weighted
        Report, one row: low, high, raised and lowered (weights at the bounds that were not
        there before), weight_moved (share of the sum), factor (of the weights in between).

    Raises
    ------
    InputError
        Without a bound, or when the bounds do not leave room for the sum.
    """
    weights = sample.weights
    least, most = _bounds(weights, low, high, times_median)
    total = weights.sum()
    factor = 1.0
    trimmed = np.clip(weights, least, most)
    if redistribute:
        room = (least * len(weights), most * len(weights))
        if not room[0] <= total <= room[1]:
            raise InputError(
                f"Weights between {least:g} and {most:g} add up to between {room[0]:,g} and "
                f"{room[1]:,g}; they must add up to {total:,g}. Widen the bounds, or use "
                "redistribute=False."
            )
        factor = redistribution_factor(weights, least, most)
        trimmed = np.clip(factor * weights, least, most)
    report = pd.DataFrame(
        {
            "low": [least],
            "high": [most],
            "raised": [int(np.count_nonzero((trimmed == least) & (weights < least)))],
            "lowered": [int(np.count_nonzero((trimmed == most) & (weights > most)))],
            "weight_moved": [float(np.abs(trimmed - weights).sum() / 2 / total)],
            "factor": [factor],
        }
    )
    data = sample.data.assign(**{sample.weight: trimmed})
    return _weighted(sample, replace(sample, data=data, calibration=None), report)


def redistribution_factor(weights: Array, low: float, high: float) -> float:
    """The factor c for which ``clip(c w, low, high)`` adds up to what w does."""
    total = weights.sum()

    def excess(log_factor: float) -> float:
        return float(np.clip(np.exp(log_factor) * weights, low, high).sum() - total)

    width = 1.0
    while (excess(-width) > 0 or excess(width) < 0) and width < 512:
        width *= 2
    if excess(width) <= 0 or excess(-width) >= 0:  # all weights end at one bound
        return float(np.exp(width if excess(width) <= 0 else -width))
    factor = float(np.exp(brentq(excess, -width, width, xtol=1e-14)))
    scaled = factor * weights
    free = (scaled > low) & (scaled < high)
    if not free.any():
        return factor
    # The root is only near; the weights in between are known now, so the factor is exact.
    fixed = np.clip(scaled[~free], low, high).sum()
    return float((total - fixed) / weights[free].sum())


@dataclass(frozen=True)
class _Problem:
    """Totals to meet, in the order of the columns of the auxiliaries."""

    auxiliaries: Auxiliaries
    totals: Array
    by_margin: list[Array]
    names: list[str]
    report: pd.DataFrame


def _problem(sample: SurveySample, known: dict[str, Any], population: float | None) -> _Problem:
    """Match totals with the columns of a sample."""
    categorical = {c: t for c, t in known.items() if isinstance(t, dict)}
    numeric = {c: _number(c, t) for c, t in known.items() if c not in categorical}
    matched = {}
    for column, levels in categorical.items():
        code, labels = codes_of(sample.data, column)
        target = _matched(levels, list(labels), f'levels of "{column}"')
        matched[column] = code, labels, target
    sums = {f'"{column}"': float(target.sum()) for column, (_, _, target) in matched.items()}
    if population is not None:
        if not 0 < population < np.inf:
            raise InputError(f"population={population}: give the number of units.")
        sums["population"] = float(population)
    if not sums:
        raise InputError(
            "Totals of numbers alone do not say how many units there are: give population=."
        )
    size = _agreed(sums)
    codes, targets, rows = [], [], []
    for column, (code, labels, target) in matched.items():
        codes.append(code)
        targets.append(target * (size / target.sum()))
        rows += [(column, label, n) for label, n in zip(labels, np.bincount(code), strict=True)]
    n_rows = len(sample.data)
    if not categorical:
        codes.append(np.zeros(n_rows, dtype=np.int64))
        targets.append(np.array([size]))
        rows.append(("(all units)", None, n_rows))
    numbers = np.empty((n_rows, len(numeric)))
    for i, column in enumerate(numeric):
        numbers[:, i] = _complete_numbers(sample.data, column)
        rows.append((column, None, n_rows))
    report = pd.DataFrame(rows, columns=["variable", "level", "n"])
    names = [c if level is None else f"{c} = {level}" for c, level, _ in rows]
    return _Problem(
        auxiliaries=Auxiliaries(tuple(codes), numbers),
        totals=np.concatenate([*targets, np.array(list(numeric.values()), dtype=float)]),
        by_margin=targets,
        names=names,
        report=report,
    )


def _with_levels(sample: SurveySample, problem: _Problem, adjust: Any) -> Weighted:
    new = _calibrated(sample, problem.auxiliaries, adjust)
    report = problem.report.assign(
        before=problem.auxiliaries.totals(sample.weights),
        total=problem.totals,
        after=problem.auxiliaries.totals(new.weights),
    )
    return _weighted(sample, new, report)


def _calibrated(sample: SurveySample, auxiliaries: Auxiliaries, adjust: Any) -> SurveySample:
    return replace(
        sample,
        data=sample.data.assign(**{sample.weight: adjust(sample.weights)}),
        calibration=Calibration(sample.weights, auxiliaries, adjust),
    )


def _weighted(before: SurveySample, after: SurveySample, report: pd.DataFrame) -> Weighted:
    spread = pd.DataFrame([weight_spread(before.weights), weight_spread(after.weights)])
    spread.insert(0, "weights", ["before", "after"])
    return Weighted(after, report, spread)


def _refuse_calibrated(sample: SurveySample) -> None:
    if sample.calibration is not None:
        raise InputError(
            "This sample is calibrated already, and another adjustment would undo that. Adjust for "
            "nonresponse first; then calibrate once, to all totals together."
        )


def _check_method(method: str, bounds: tuple[float, float] | None) -> None:
    if method not in ("linear", "logit"):
        raise InputError(f'method="{method}": write "linear" or "logit".')
    if bounds is None and method == "logit":
        raise InputError('method="logit" needs bounds for the factors, such as bounds=(0.3, 3).')
    if bounds is not None and not (len(bounds) == 2 and 0 <= bounds[0] < 1 < bounds[1] < np.inf):
        raise InputError(f"bounds={bounds}: give two factors around 1, such as (0.3, 3).")


def _bounds(
    weights: Array, low: float | None, high: float | None, times_median: float | None
) -> tuple[float, float]:
    if times_median is not None:
        if high is not None:
            raise InputError("Give high or times_median, not both.")
        if not times_median > 1:
            raise InputError(f"times_median={times_median}: write a number above 1, such as 5.")
        high = times_median * float(np.median(weights[weights > 0]))
    if low is None and high is None:
        raise InputError("Say where to trim: low, high or times_median.")
    least = 0.0 if low is None else float(low)
    most = np.inf if high is None else float(high)
    if not 0 <= least < most:
        raise InputError(f"Weights between {least:g} and {most:g}: low must be below high.")
    return least, most


def _read_totals(totals: Mapping[str, Any] | pd.DataFrame) -> dict[str, Any]:
    """Totals as {column: number or {level: number}}."""
    if isinstance(totals, pd.DataFrame):
        _need(totals, ["column", "level", "total"])
        read: dict[str, Any] = {}
        for column, rows in totals.groupby("column", sort=False):
            if rows["level"].isna().all() and len(rows) == 1:
                read[str(column)] = rows["total"].iloc[0]
            else:
                read[str(column)] = _unique(rows["level"], rows["total"], f'"{column}"')
        return read
    return {
        column: dict(total) if isinstance(total, Mapping | pd.Series) else total
        for column, total in totals.items()
    }


def _cell_totals(totals: Mapping[Any, float] | pd.DataFrame, names: list[str]) -> dict[Any, float]:
    if not isinstance(totals, pd.DataFrame):
        return dict(totals)
    _need(totals, [*names, "total"])
    keys = totals[names[0]] if len(names) == 1 else list(totals[names].itertuples(False, None))
    return _unique(keys, totals["total"], "The table of totals")


def _need(table: pd.DataFrame, columns: list[str]) -> None:
    absent = [column for column in columns if column not in table.columns]
    if absent:
        raise InputError(
            f"The table of totals has no column {listed(absent)}; it needs {listed(columns)}."
        )


def _unique(keys: Any, values: Any, what: str) -> dict[Any, float]:
    pairs = list(zip(keys, values, strict=True))
    result = dict(pairs)
    if len(result) < len(pairs):
        twice = [key for i, (key, _) in enumerate(pairs) if key in [k for k, _ in pairs[:i]]]
        raise InputError(f"{what} gives more than one total for {listed(twice)}. Keep one each.")
    return result


def _number(column: str, total: Any) -> float:
    """A total of numbers; it may be negative."""
    try:
        number = float(total)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise InputError(
            f'The total of "{column}" is {total!r}; give a number, or totals by level.'
        )
    return number


def _matched(totals: dict[Any, Any], labels: list[Any], what: str) -> Array:
    """Totals in the order of the labels; refuses levels that only one side has."""
    wrong = [k for k, v in totals.items() if not (_is_number(v) and np.isfinite(v) and v >= 0)]
    if wrong:
        raise InputError(
            f"Totals of {what} must be numbers of units: {listed(wrong)} have "
            f"{listed([totals[k] for k in wrong])}."
        )
    without_total = [label for label in labels if not totals.get(label)]
    present = set(labels)
    not_sampled = [k for k, v in totals.items() if v > 0 and k not in present]
    faults = []
    if without_total:
        faults.append(
            f"in the sample but without a total above 0: {listed([repr(k) for k in without_total])}"
        )
    if not_sampled:
        faults.append(
            f"with a total but not in the sample: {listed([repr(k) for k in not_sampled])}"
        )
    if faults:
        raise InputError(
            f"The {what} do not match: {'; '.join(faults)}. Spell them alike in the sample and in "
            "the totals, or join rare ones to similar ones in both."
        )
    return np.array([totals[label] for label in labels], dtype=float)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _agreed(sums: dict[str, float]) -> float:
    """The number that all margins add up to."""
    least, most = (min(sums, key=sums.__getitem__), max(sums, key=sums.__getitem__))
    if not sums[most] - sums[least] <= SAME * abs(sums[most]):
        raise InputError(
            f"The totals contradict each other: {least} adds up to {sums[least]:,.10g}, "
            f"{most} to {sums[most]:,.10g}. All must add up to the size of the same population."
        )
    return next(iter(sums.values()))


def _complete_numbers(data: pd.DataFrame, column: str) -> Array:
    if not pd.api.types.is_numeric_dtype(column_of(data, column)):
        raise InputError(
            f'Column "{column}" does not hold numbers, so it has no total of its own: give totals '
            "by level, {level: total}."
        )
    numbers = numbers_of(data, column, "numbers")
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise InputError(
            f'Column "{column}": {len(wrong):,} values are missing or infinite; '
            f"{rows_named(data, wrong)}. Calibration needs every row's."
        )
    return numbers


def _factors(code: Codes, weights: Array, target: Array, labels: list[Any], what: str) -> Array:
    sums = np.bincount(code, weights, len(target))
    empty = np.flatnonzero(sums == 0)
    if len(empty):
        raise InputError(
            f"All weights are 0 in {what}: {listed([_named(labels[h]) for h in empty])}. Join them "
            "to similar ones in the sample and in the totals."
        )
    return target / sums


def _not_met(
    names: Sequence[str], reached: Array, wanted: Array, how: str, scale: Array | None = None
) -> InputError:
    difference = np.abs(reached - wanted) / (wanted if scale is None else scale)
    worst = int(np.argmax(difference))
    return InputError(
        f"The totals are not met after {how}. Worst is {names[worst]}: "
        f"{reached[worst]:,.6g} instead of {wanted[worst]:,.6g}, {difference[worst]:.2%} off. "
        "Totals may contradict what the sample can show, as where two levels never occur without "
        "each other: join rare levels, drop a total, or widen the bounds where there are any."
    )


def _names(columns: str | Sequence[str]) -> list[str]:
    names = [columns] if isinstance(columns, str) else list(columns)
    if not names:
        raise InputError("Name at least one column for the cells.")
    return names


def _cells(data: pd.DataFrame, names: list[str]) -> tuple[Codes, list[Any]]:
    """Number of the cell of each row, and the cells: values, or tuples of several columns."""
    code, values = codes_of(data, names[0])
    if len(names) == 1:
        return code, list(values)
    parts = [(code, values)]
    for name in names[1:]:
        level, values = codes_of(data, name)
        code = pd.factorize(code * len(values) + level)[0].astype(np.int64, copy=False)
        parts.append((level, values))
    first = first_rows(code, int(code.max()) + 1)
    labels = [tuple(values[int(level[row])] for level, values in parts) for row in first]
    return code, labels


def _joined(labels: list[Any], collapse: Mapping[Any, Any], names: list[str]) -> Codes:
    """Number of the cell that each cell is joined to, its own where it is not."""
    place = {label: i for i, label in enumerate(labels)}
    unknown = [c for c in [*collapse, *collapse.values()] if c not in place]
    if unknown:
        raise InputError(
            f"collapse= names cells that are not in the sample: {listed(map(repr, unknown))}. A "
            f"cell is written as {labels[0]!r} ({' × '.join(names)})."
        )
    again = [c for c in collapse.values() if c in collapse]
    if again:
        raise InputError(
            f"collapse= joins cells to {listed(map(repr, again))}, joined to another themselves. "
            "Name the cell they all end in."
        )
    joined = np.arange(len(labels))
    for small, other in collapse.items():
        joined[place[small]] = place[other]
    return joined


def _named(label: Any) -> str:
    return " × ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _cell_table(names: list[str], labels: list[Any]) -> pd.DataFrame:
    if len(names) == 1:
        return pd.DataFrame({names[0]: labels})
    return pd.DataFrame(labels, columns=names)


def _sorted(report: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Cells in order; the order of the sample's rows does not show."""
    try:
        return report.sort_values(names, ignore_index=True)
    except TypeError:  # numbers among text
        return report.sort_values(names, ignore_index=True, key=lambda c: c.astype(str))
