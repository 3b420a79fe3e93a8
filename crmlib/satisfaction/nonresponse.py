"""Which answers people left out, and whether those who did judge otherwise than the others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import Array, Codes, numbers_of
from crmlib.multiple_testing import holm
from crmlib.satisfaction.answers import (
    FEWEST,
    TOO_FEW,
    UNDECIDED,
    check_confidence,
    checked_columns,
    design_of,
    weights_of,
)
from crmlib.satisfaction.means import (
    Mean,
    covariance_of_sums,
    degrees_of_freedom,
    linearised_mean,
    linearised_parts,
)

NOT_COMPARED = dict.fromkeys(
    ("overall_answered", "overall_missing", "difference", "low", "high", "p"), np.nan
)
"""Comparison of two groups of which one is too small."""


def nonresponse(
    responses: pd.DataFrame,
    items: Sequence[str],
    overall: str | None = None,
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How many left out which item, and whether they judge otherwise than those who answered.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent; those with a weight of zero do not count.
    items : sequence of str
        Columns with the answers to the items.
    overall : str, optional
        Column with the overall score, a line of the table as well.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster of a respondent.
    confidence : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        One row a column and a last one, "any of these": item, n (respondents), answered, missing,
        missing_share (weighted), only_missing (respondents for whom it is the only answer missing,
        whom complete-case deletion would lose for it alone). In the last row answered is what
        complete-case deletion leaves. With an overall score also overall_answered and
        overall_missing (its mean among those who answered the item and those who did not),
        difference (the second less the first), low, high, p_holm and verdict: "lower overall",
        "higher overall", "undecided", or "too few" where fewer than ten of either have an
        overall score; nothing for the overall score itself.

    Raises
    ------
    InputError
        A column is missing, doubled or not of numbers; the overall score is among the items;
        weights are negative or all zero; a stratum has a single cluster.

    Notes
    -----
    Those who leave out an item and judge otherwise overall show that the answers are not missing
    completely at random, and that deleting their rows moves the result. The other way round
    nothing is shown: what they would have answered is not in the data.

    The interval is Welch's with linearised variances of the weighted means, for each item on its
    own; with strata or clusters that of the difference of two means of one sample, with t of
    clusters less strata. Verdicts go by p values with Holm's correction for the number of items.
    """
    check_confidence(confidence)
    columns = checked_columns(responses, items, overall)
    weight = weights_of(responses, weights)
    counts = weight > 0
    weight = weight[counts]
    values = np.column_stack([numbers_of(responses, column, "answers") for column in columns])
    absent = np.column_stack([np.isnan(values), np.isnan(values).any(axis=1)])[counts]
    single = absent[:, :-1].sum(axis=1) == 1
    table = pd.DataFrame(
        {
            "item": [*columns, "any of these"],
            "n": len(weight),
            "answered": (~absent).sum(axis=0),
            "missing": absent.sum(axis=0),
            "missing_share": weight @ absent / weight.sum(),
            "only_missing": (absent & single[:, None]).sum(axis=0),
        }
    )
    if overall is None:
        return table
    score = values[counts, -1]
    compared = [
        welch(score, weight, gone, confidence) if name != overall else NOT_COMPARED
        for name, gone in zip(table["item"], absent.T, strict=True)
    ]
    if strata is not None or clusters is not None:
        design = design_of(responses[counts], strata, clusters)
        compared = [
            of_design(one, score, weight, gone, design, confidence)
            for one, gone in zip(compared, absent.T, strict=True)
        ]
    judgement = judged(pd.DataFrame(compared), 1 - confidence)
    judgement.loc[table["item"] == overall, "verdict"] = ""
    return pd.concat([table, judgement], axis=1)


def welch(
    score: Array, weight: Array, gone: NDArray[np.bool_], confidence: float
) -> dict[str, float]:
    """Difference of weighted means between those gone and the others, with Welch's interval."""
    result = dict(NOT_COMPARED)
    known = ~np.isnan(score)
    groups = [known & ~gone, known & gone]
    if min(group.sum() for group in groups) < FEWEST:
        return result
    means, variances, degrees = np.array(
        [mean_of_people(score[group], weight[group]) for group in groups]
    ).T
    difference, variance = means[1] - means[0], variances.sum()
    result |= {"overall_answered": means[0], "overall_missing": means[1], "difference": difference}
    if variance == 0:  # all of one mind in both groups
        return result | {"low": difference, "high": difference, "p": float(difference == 0)}
    freedom = variance**2 / (variances**2 / degrees).sum()
    reach = stats.t.ppf(0.5 + confidence / 2, freedom) * np.sqrt(variance)
    p = 2 * stats.t.sf(abs(difference) / np.sqrt(variance), freedom)
    return result | {"low": difference - reach, "high": difference + reach, "p": p}


def of_design(
    compared: dict[str, float],
    score: Array,
    weight: Array,
    gone: NDArray[np.bool_],
    design: tuple[Codes, Codes],
    confidence: float,
) -> dict[str, float]:
    """The same comparison with the interval that strata and clusters give it."""
    if np.isnan(compared["difference"]):
        return compared
    known = ~np.isnan(score)
    parts = [linearised_parts(score, weight, known & group)[1] for group in (gone, ~gone)]
    error = np.sqrt(covariance_of_sums((parts[0] - parts[1])[None], *design)[0, 0])
    degrees = degrees_of_freedom(*(part[known] for part in design))
    if degrees < 1 or error == 0:
        return compared | dict.fromkeys(("low", "high", "p"), np.nan)
    reach = stats.t.ppf(0.5 + confidence / 2, degrees) * error
    difference = compared["difference"]
    p = 2 * stats.t.sf(abs(difference) / error, degrees)
    return compared | {"low": difference - reach, "high": difference + reach, "p": p}


def mean_of_people(score: Array, weight: Array) -> Mean:
    """Weighted mean, everybody drawn on their own; with equal weights its variance is s² / n."""
    people = np.arange(len(score))
    return linearised_mean(score, weight, np.zeros_like(people), people)


def judged(compared: pd.DataFrame, level: float) -> pd.DataFrame:
    """Add what the comparisons say, with Holm's correction; the last row is of all items."""
    p = compared["p"].to_numpy()
    corrected = np.append(holm(p[:-1]), p[-1])
    verdict = np.select(
        [np.isnan(p), corrected >= level, compared["difference"] < 0],
        [TOO_FEW, UNDECIDED, "lower overall"],
        "higher overall",
    )
    return compared.drop(columns="p").assign(p_holm=corrected, verdict=verdict)
