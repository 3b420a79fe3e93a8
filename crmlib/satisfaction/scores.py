"""Net promoter score and top-box shares, with intervals that know how the answers were drawn.

Both are shares, or differences of two shares, of the respondents who answered. Their variance is
linearised over clusters within strata, and turned into the number of answers that a simple random
sample would need to be as precise; with that number the intervals of the textbook are made, which
stay inside their limits and do not vanish when everybody says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import codes_of, rows_named
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.satisfaction.answers import (
    CANNOT_SAY,
    FEWEST,
    TOO_FEW,
    Array,
    Codes,
    check_confidence,
    checked_columns,
    checked_scale,
    design_of,
    on_scale,
    too_few,
    weights_of,
)
from crmlib.satisfaction.means import Mean, kish, linearised_mean

PROMOTER, DETRACTOR = 9, 6
"""Lowest answer of a promoter and highest of a detractor, on the scale from 0 to 10."""

ROUNDING = 1e-24
"""Variance of a share below which there is none but for rounding."""


def nps(
    responses: pd.DataFrame,
    column: str,
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    by: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Net promoter score: the share of promoters less the share of detractors, in points.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    column : str
        How likely the respondent is to recommend us: whole numbers from 0 to 10.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster (first stage) of a respondent.
    by : str, optional
        Column whose values are segments.
    confidence : float
        Level of the interval.

    Returns
    -------
    DataFrame
        One row a segment, "all" first: segment, n (answers), n_effective (Kish), left_out (rows
        without an answer or with a weight of zero), promoters, passives, detractors (shares),
        nps, standard_error, low, high (points from -100 to 100), note. Fewer than ten answers in
        a segment: no score, and the note says "too few"; all of them from a single cluster: no
        interval, and the note says "cannot say".

    Raises
    ------
    InputError
        A column is missing, or holds text; an answer is no whole number from 0 to 10; weights are
        missing, negative or all zero; a segment is missing; the design cannot be used; fewer than
        ten answers count.

    Notes
    -----
    With P and D the shares of promoters (9 and 10) and of detractors (0 to 6), the variance of
    P - D in a simple random sample is ``(P + D - (P - D)^2) / (n - 1)``; the standard error is
    its root, and with weights, strata and clusters that of `linearised_mean`.
    The interval is the adjusted Wald interval of Rocks (2016), see `adjusted_wald_interval`, with
    the n of a simple random sample of the same standard error.

    The standard error was checked against R survey 4.1-1 (svymean), the interval by adding up all
    samples of 50 there can be.

    References
    ----------
    Reichheld, F. F. (2003). The one number you need to grow. Harvard Business Review 81(12).
    Rocks, B. (2016). Interval estimation for the "net promoter score". The American Statistician
    70(4), 365-372.
    """
    values = on_scale(responses, column, 0, 10)
    refuse_fractions(responses, column, values)
    people = respondents_of(responses, weights, strata, clusters, confidence)
    answer = values[people.rows]
    reasons = np.select([people.is_idle, np.isnan(values)], ["weight of zero", "no answer"], "")
    if (n := int((reasons == "").sum())) < FEWEST:
        raise InputError(too_few(reasons, n))
    table = []
    for name, inside in segments_of(responses, by):
        in_it = inside[people.rows] & ~np.isnan(answer)
        row = {"segment": name} | counts_of(people, in_it, int(inside.sum()))
        promoters, detractors = answer >= PROMOTER, answer <= DETRACTOR
        score = people.difference(promoters, detractors, in_it)
        row |= {
            "promoters": people.share(promoters, in_it).value,
            "passives": people.share(~(promoters | detractors), in_it).value,
            "detractors": people.share(detractors, in_it).value,
            "nps": 100 * score.value,
            "standard_error": 100 * score.standard_error,
            "low": 100 * score.low,
            "high": 100 * score.high,
            "note": note_on(row["n"], score),
        }
        table.append(row)
    return pd.DataFrame(table)


def top_box(
    responses: pd.DataFrame,
    columns: Sequence[str],
    *,
    boxes: int = 2,
    scale: tuple[float, float] = (1, 10),
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of respondents whose answer is among the highest of the scale.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    columns : sequence of str
        Columns with answers, numbers on one scale.
    boxes : int
        How many of the highest answers count: 2 on a scale from 1 to 10 are 9 and 10.
    scale : (float, float)
        Lowest and highest answer there can be.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster (first stage) of a respondent.
    confidence : float
        Level of the interval.

    Returns
    -------
    DataFrame
        One row a column: item, n (answers), n_effective (Kish), left_out (rows without an answer
        or with a weight of zero), from_answer (lowest answer that counts), share, standard_error,
        low, high, note. Fewer than ten answers: no share, and the note says "too few"; all of them
        from a single cluster: no interval, and the note says "cannot say".

    Raises
    ------
    InputError
        A column is missing, named twice, holds text, no answers or answers outside the scale;
        boxes is no whole number that leaves an answer below; weights or design cannot be used;
        fewer than ten respondents count.

    Notes
    -----
    The interval is Wilson's (1927); with weights, strata or clusters its n is the one that a
    simple random sample would need for the same standard error. Without them it was checked
    against statsmodels (proportion_confint, method "wilson"), and the standard error of weighted
    shares against `crmlib.sampling`, which is checked against R.
    """
    names = checked_columns(responses, columns, None)
    low, high = checked_scale(scale)
    whole = isinstance(boxes, Real) and not isinstance(boxes, bool) and float(boxes).is_integer()
    if not whole or not 1 <= boxes <= high - low:
        raise InputError(
            f"boxes={boxes!r}: write how many of the highest answers count, a whole number from 1 "
            f"to {int(high - low)} on a scale from {low:g} to {high:g}."
        )
    first = high - boxes + 1
    values = [on_scale(responses, name, low, high) for name in names]
    people = respondents_of(responses, weights, strata, clusters, confidence)
    table = []
    for name, answers in zip(names, values, strict=True):
        answer = answers[people.rows]
        answered = ~np.isnan(answer)
        row = {"item": name} | counts_of(people, answered, len(responses))
        share = people.share(answer >= first, answered)
        row |= {"from_answer": first, "share": share.value}
        row |= {"standard_error": share.standard_error, "low": share.low, "high": share.high}
        table.append(row | {"note": note_on(row["n"], share)})
    return pd.DataFrame(table)


@dataclass(frozen=True)
class Estimate:
    """A share or a difference of shares, its standard error and its interval."""

    value: float = np.nan
    standard_error: float = np.nan
    low: float = np.nan
    high: float = np.nan
    simple_n: float = np.nan
    """Answers of a simple random sample that is as precise."""


@dataclass(frozen=True, eq=False)
class Respondents:
    """Who counts, and how they were drawn.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Positions in the table of those with a weight above zero.
    is_idle : ndarray of bool, shape (rows of the table,)
        Whether the weight is zero.
    weights, stratum, cluster : ndarray, shape (n,)
    is_designed : bool
        Whether strata or clusters were given.
    confidence : float
        Level of the intervals.
    """

    rows: Codes
    is_idle: NDArray[np.bool_]
    weights: Array
    stratum: Codes
    cluster: Codes
    is_designed: bool
    confidence: float

    def share(self, indicator: NDArray[np.bool_], domain: NDArray[np.bool_]) -> Estimate:
        """Share of a domain that has a property, with Wilson's interval; none from too few."""
        if domain.sum() < FEWEST:
            return Estimate()
        share = self.mean(indicator.astype(float), domain)
        n = self._simple_n(share.value * (1 - share.value), share.variance, domain)
        low, high = wilson_interval(share.value, n, self._quantile(share))
        return Estimate(share.value, share.standard_error, float(low), float(high), n)

    def difference(
        self,
        first: NDArray[np.bool_],
        second: NDArray[np.bool_],
        domain: NDArray[np.bool_],
    ) -> Estimate:
        """Share with one property less that with another, where nobody has both."""
        if domain.sum() < FEWEST:
            return Estimate()
        lead = self.mean(first.astype(float) - second, domain)
        either = self.mean((first | second).astype(float), domain).value
        n = self._simple_n(either - lead.value**2, lead.variance, domain)
        p, q = (either + lead.value) / 2, (either - lead.value) / 2
        low, high = adjusted_wald_interval(p, q, n, self._quantile(lead))
        return Estimate(lead.value, lead.standard_error, float(low), float(high), n)

    def mean(self, values: Array, domain: NDArray[np.bool_]) -> Mean:
        """Mean of a domain with its linearised variance."""
        return linearised_mean(values, self.weights, self.stratum, self.cluster, domain)

    def _simple_n(self, spread: float, variance: float, domain: NDArray[np.bool_]) -> float:
        """Answers whose simple random sample has this variance: ``spread / variance m / (m - H)``.

        The last factor, m clusters in H strata, takes the one of the variance back, so that a
        simple random sample is worth just its answers. Where the clusters show no variance: the
        smaller of Kish's number and the number of clusters that answered.
        """
        if variance > ROUNDING:
            clusters, strata = self.cluster.max() + 1, self.stratum.max() + 1
            return spread / variance * clusters / (clusters - strata)
        return min(kish(self.weights[domain]), float(len(np.unique(self.cluster[domain]))))

    def _quantile(self, mean: Mean) -> float:
        """Of t with clusters less strata, of the normal distribution where there are neither."""
        tail = 0.5 + self.confidence / 2
        if not self.is_designed:
            return float(stats.norm.ppf(tail))
        degrees = mean.degrees_of_freedom
        return float(stats.t.ppf(tail, degrees)) if degrees > 0 else np.nan


def respondents_of(
    responses: pd.DataFrame,
    weights: str | None,
    strata: str | None,
    clusters: str | None,
    confidence: float,
) -> Respondents:
    """Those with a weight above zero, and the design they come from.

    Raises
    ------
    InputError
        The level is no fraction; weights or design cannot be used; fewer than ten count.
    """
    check_confidence(confidence)
    weight = weights_of(responses, weights)
    rows = np.flatnonzero(weight > 0)
    if len(rows) < FEWEST:
        raise InputError(too_few(np.where(weight > 0, "", "weight of zero"), len(rows)))
    stratum, cluster = design_of(responses.iloc[rows], strata, clusters)
    return Respondents(
        rows=rows,
        is_idle=weight == 0,
        weights=weight[rows],
        stratum=stratum,
        cluster=cluster,
        is_designed=strata is not None or clusters is not None,
        confidence=confidence,
    )


def adjusted_wald_interval(first: Any, second: Any, n: Any, quantile: float) -> tuple[Any, Any]:
    """Interval of the difference between two shares of one sample (Rocks 2016).

    Three answers are thought to have come in besides: 3/4 of one for the first group, 3/4 for the
    second, 3/2 for neither; then ``p - q +- z sqrt((p + q - (p - q)^2) / (n + 3))``.

    Parameters
    ----------
    first, second, n : float or ndarray
        The two shares, which nobody is counted in twice, and the number of answers, which need
        not be whole.
    quantile : float
        1.96 for 95 %.

    Returns
    -------
    tuple of float or ndarray
        Lower and upper end, within -1 and 1.
    """
    p, q = ((n * share + 0.75) / (n + 3) for share in (first, second))
    half = quantile * np.sqrt((p + q - (p - q) ** 2) / (n + 3))
    return np.maximum(p - q - half, -1.0), np.minimum(p - q + half, 1.0)


def refuse_fractions(responses: pd.DataFrame, column: str, values: Array) -> None:
    """Stop at an answer between two whole numbers: it belongs to no group."""
    wrong = np.flatnonzero(~np.isnan(values) & (values != np.round(values)))
    if len(wrong):
        raise InputError(
            f'Column "{column}": {len(wrong):,} answers are no whole numbers, such as '
            f"{values[wrong[0]]:g}; {rows_named(responses, wrong)}. The question has the answers 0 "
            "to 10; give these, not means."
        )


def segments_of(responses: pd.DataFrame, by: str | None) -> list[tuple[Any, NDArray[np.bool_]]]:
    """Name of each segment and whether a row lies in it, everybody first.

    Raises
    ------
    InputError
        A segment is missing, or called as is everybody.
    """
    everybody = [("all", np.ones(len(responses), dtype=bool))]
    if by is None:
        return everybody
    codes, names = codes_of(responses, by)
    if "all" in map(str, names):
        raise InputError(f'Column "{by}" has a segment called "all", as is everybody. Rename it.')
    try:
        order = pd.Index(names).argsort()
    except TypeError:  # numbers among text
        order = np.argsort([str(name) for name in names])
    return everybody + [(names[i], codes == i) for i in order]


def counts_of(people: Respondents, answered: NDArray[np.bool_], n_rows: int) -> dict[str, Any]:
    """Answers, what they are worth with their weights, and rows without."""
    n = int(answered.sum())
    return {"n": n, "n_effective": kish(people.weights[answered]), "left_out": n_rows - n}


def note_on(n: int, estimate: Estimate) -> str:
    """Say that there are too few answers, or a single cluster, if so."""
    if n < FEWEST:
        return TOO_FEW
    return CANNOT_SAY if np.isnan(estimate.standard_error) else ""
