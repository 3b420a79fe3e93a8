"""Whether the questions of a block measure one thing, and whether the answers can be trusted.

Internal consistency (alpha, omega), whether there is enough in common to factor (KMO, Bartlett),
items that do not fit or are worded the other way round, answers crowded at an end of the scale,
and respondents who ticked one and the same answer all the way down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from crmlib.columns import listed
from crmlib.errors import InputError
from crmlib.satisfaction.answers import (
    LONG_SHEET,
    Answers,
    Array,
    answers_of,
    check_confidence,
    checked_columns,
    checked_scale,
    on_scale,
)
from crmlib.satisfaction.missing import em_moments

LEAST_UNIQUE = 0.005
"""Smallest share of an item's variance of its own that the factor model is searched to."""

STEEP = 1e-5
"""Slope of the likelihood above which a search has not found its top."""

SINGULAR = 1e-10
"""Smallest eigenvalue of a correlation matrix that can still be inverted."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """What the answers say about the questions.

    Attributes
    ----------
    blocks : DataFrame
        One row a block: block, items (number), n (who answered any of them), n_together (the
        fewest who answered any two of them), alpha, low, high, standardized_alpha, omega, kmo,
        bartlett, degrees_of_freedom, p.
    items : DataFrame
        One row an item of a block: block, item, n, mean, item_total (correlation with the sum of
        the other items), low, high, alpha_if_dropped, kmo, floor_share and ceiling_share (answers
        at the lowest and highest point of the scale), reversed.
    respondents : DataFrame
        One row a respondent: row (label in the table given), answered (number of items),
        different (number of different answers), straight_liner.
    straight_liners : float
        Share of straight-liners among those who gave enough answers to tell; NaN where nobody did.
    n : int
        Respondents.
    left_out : DataFrame
        Why rows are not among the respondents: reason, rows.
    notes : tuple of str
        What a reader should know, each a sentence.
    """

    blocks: pd.DataFrame
    items: pd.DataFrame
    respondents: pd.DataFrame
    straight_liners: float
    n: int
    left_out: pd.DataFrame
    notes: tuple[str, ...]


def reliability(
    responses: pd.DataFrame,
    blocks: Mapping[str, Sequence[str]],
    *,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    confidence: float = 0.95,
) -> Reliability:
    """Examine the questions of a questionnaire, block by block.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    blocks : dict
        Name of a block and the columns of its items.
    respondent : str, optional
        Column that tells respondents apart; nobody may answer twice.
    scale : (float, float)
        Lowest and highest answer there can be.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Reliability

    Raises
    ------
    InputError
        A block has no items or one twice; a column is missing, not of numbers, outside the scale,
        empty or one and the same everywhere; fewer than ten respondents.

    Notes
    -----
    Everything is taken from the covariance of a block's items. Missing answers are allowed for by
    EM (`em_moments`), and the intervals and Bartlett's test then take for n the fewest people who
    answered any two of the items, which is cautious. Design weights play no part: it is the
    questions that are examined, with the people at hand.

    The interval of alpha is Feldt's (Feldt, Woodruff and Salih 1987), that of an item's
    correlation Fisher's. An item is said to be reversed when its interval lies below zero. Omega
    is McDonald's, ``(sum l)^2 / ((sum l)^2 + sum u)`` with the loadings l and own variances u of
    one common factor by maximum likelihood; it needs three items and is missing where the solution
    is improper. With two items ``standardized_alpha`` is the Spearman-Brown coefficient.

    A straight-liner gave one and the same answer to all items he or she answered, eight or more of
    them: on a shorter questionnaire that is no sign of haste. Someone delighted with everything
    answers like that too, so nobody is taken out.

    Checked against R psych 2.2.9 (alpha, KMO, cortest.bartlett), pingouin's cronbach_alpha and
    statsmodels' Factor by maximum likelihood.
    """
    if not blocks:
        raise InputError('blocks is empty: give names and items, such as {"price": ["q10"]}.')
    check_confidence(confidence)
    for items in blocks.values():
        checked_columns(responses, items, None)
    every = list(dict.fromkeys(item for items in blocks.values() for item in items))
    answers = answers_of(responses, every, respondent=respondent, scale=scale)
    notes = list(answers.notes)
    of_blocks, of_items = [], []
    for name, items in blocks.items():
        values = answers.values[:, [every.index(item) for item in items]]
        block = _Block(name, list(items), values, answers.low, answers.high, confidence)
        of_blocks.append(block.row())
        of_items.append(block.item_rows())
        notes += block.notes()
    respondents = straight_lines(responses, answers)
    told = respondents["answered"] >= LONG_SHEET
    if not told.any():
        notes.append(
            f"Whether people ticked one answer all the way down cannot be said from fewer than "
            f"{LONG_SHEET} items."
        )
    return Reliability(
        blocks=pd.DataFrame(of_blocks),
        items=pd.concat(of_items, ignore_index=True),
        respondents=respondents,
        straight_liners=float(respondents.loc[told, "straight_liner"].mean()),
        n=answers.n,
        left_out=answers.left_out,
        notes=tuple(notes),
    )


class _Block:
    """The items of one block, and what is worked out from their covariance."""

    def __init__(
        self,
        name: str,
        items: list[str],
        values: Array,
        low: float,
        high: float,
        confidence: float,
    ) -> None:
        self.name, self.items, self.confidence = name, items, confidence
        self.low, self.high = low, high
        self.values = values[~np.isnan(values).all(axis=1)]
        given = ~np.isnan(self.values)
        together = given.T.astype(np.int64) @ given
        self.n, self.n_together = len(self.values), int(together.min())
        try:
            _, self.covariance = em_moments(self.values, np.ones(self.n))
        except InputError as error:
            raise InputError(f'Block "{name}": {error}') from None
        deviation = np.sqrt(np.diag(self.covariance))
        self.correlation = self.covariance / np.outer(deviation, deviation)
        self.alpha = cronbach_alpha(self.covariance)
        self.collinear = np.linalg.eigvalsh(self.correlation)[0] < SINGULAR
        self.omega = mcdonald_omega(self.covariance)
        self.kmo = sampling_adequacy(self.correlation)
        self.item_total = item_total_correlations(self.covariance)
        self.interval = fisher_interval(self.item_total, self.n_together, confidence)

    def row(self) -> dict[str, Any]:
        """Line of the table of blocks."""
        low, high = feldt_interval(self.alpha, self.n_together, len(self.items), self.confidence)
        chi_square, freedom, p = bartlett_sphericity(self.correlation, self.n_together)
        return {
            "block": self.name,
            "items": len(self.items),
            "n": self.n,
            "n_together": self.n_together,
            "alpha": self.alpha,
            "low": low,
            "high": high,
            "standardized_alpha": cronbach_alpha(self.correlation),
            "omega": self.omega,
            "kmo": self.kmo[0],
            "bartlett": chi_square,
            "degrees_of_freedom": freedom,
            "p": p,
        }

    def item_rows(self) -> pd.DataFrame:
        """Lines of the table of items."""
        given = (~np.isnan(self.values)).sum(axis=0)
        return pd.DataFrame(
            {
                "block": self.name,
                "item": self.items,
                "n": given,
                "mean": np.nanmean(self.values, axis=0),
                "item_total": self.item_total,
                "low": self.interval[0],
                "high": self.interval[1],
                "alpha_if_dropped": alpha_without_each(self.covariance),
                "kmo": self.kmo[1],
                "floor_share": (self.values == self.low).sum(axis=0) / given,
                "ceiling_share": (self.values == self.high).sum(axis=0) / given,
                "reversed": self.interval[1] < 0,
            }
        )

    def notes(self) -> list[str]:
        """Sentences on what cannot be said and what looks wrong."""
        if len(self.items) == 1:
            return [f'Block "{self.name}" has one item, which cannot say how reliable it is.']
        notes = []
        if self.collinear:
            notes.append(
                f'Block "{self.name}": an item is made up of others to the last digit, so KMO, '
                "Bartlett's test and omega cannot be told. Look whether a column is there twice, "
                "and whether there are more people than items."
            )
        elif len(self.items) > 2 and np.isnan(self.omega):
            notes.append(
                f'Block "{self.name}": one common factor does not account for the answers (an item '
                "would have no variance of its own), so omega cannot be told."
            )
        turned = [item for item, high in zip(self.items, self.interval[1], strict=True) if high < 0]
        if turned and 2 * len(turned) < len(self.items):
            notes.append(
                f'Block "{self.name}": {listed(turned)} '
                f"{'runs' if len(turned) == 1 else 'run'} against the other items, as a question "
                "worded the other way round does. If it is, turn it with reverse()."
            )
        elif turned:
            notes.append(
                f'Block "{self.name}": {listed(turned)} run against each other. Some are worded '
                "the other way round, and which ones only the wording tells. Turn them with "
                "reverse()."
            )
        return notes


def cronbach_alpha(covariance: Array) -> float:
    """Cronbach's alpha, ``k / (k - 1) (1 - trace / sum)``; of a correlation the standardised one.

    NaN for a single item.
    """
    k = len(covariance)
    total = covariance.sum()
    return (
        float(k / (k - 1) * (1 - np.trace(covariance) / total)) if k > 1 and total > 0 else np.nan
    )


def feldt_interval(alpha: float, n: int, k: int, confidence: float) -> tuple[float, float]:
    """Interval of alpha from n respondents and k items (Feldt, Woodruff and Salih 1987)."""
    if k < 2 or n < 2:
        return np.nan, np.nan
    ratio = stats.f(n - 1, (n - 1) * (k - 1))
    tail = (1 - confidence) / 2
    low, high = (1 - (1 - alpha) * float(ratio.isf(share)) for share in (tail, 1 - tail))
    return low, high


def alpha_without_each(covariance: Array) -> Array:
    """Alpha of the other items when one is dropped; NaN where that leaves a single one."""
    k = len(covariance)
    others = [np.delete(np.arange(k), i) for i in range(k)]
    return np.array([cronbach_alpha(covariance[np.ix_(o, o)]) if k > 2 else np.nan for o in others])


def item_total_correlations(covariance: Array) -> Array:
    """Correlation of every item with the sum of the others."""
    variance = np.diag(covariance)
    with_rest = covariance.sum(axis=0) - variance
    of_rest = covariance.sum() - 2 * with_rest - variance
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(of_rest > 0, with_rest / np.sqrt(variance * of_rest), np.nan)


def fisher_interval(correlation: Array, n: int, confidence: float) -> tuple[Array, Array]:
    """Interval of correlations from n respondents by Fisher's transformation."""
    if n < 4:
        return np.full_like(correlation, np.nan), np.full_like(correlation, np.nan)
    reach = stats.norm.ppf(0.5 + confidence / 2) / np.sqrt(n - 3)
    with np.errstate(divide="ignore"):  # a correlation of 1 is its own interval
        z = np.arctanh(np.clip(correlation, -1, 1))
    return np.tanh(z - reach), np.tanh(z + reach)


def sampling_adequacy(correlation: Array) -> tuple[float, Array]:
    """Kaiser, Meyer and Olkin's measure, of all items and of each (Kaiser 1974).

    Squared correlations over themselves plus squared partial correlations. NaN with fewer than
    three items (two have 0.5 whatever they are) and where a correlation matrix is singular.
    """
    k = len(correlation)
    if k < 3 or np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        return np.nan, np.full(k, np.nan)
    inverse = np.linalg.inv(correlation)
    scale = np.sqrt(np.diag(inverse))
    apart = ~np.eye(k, dtype=bool)
    raw = np.where(apart, correlation**2, 0.0)
    partial = np.where(apart, (inverse / np.outer(scale, scale)) ** 2, 0.0)
    each = raw.sum(axis=0) / (raw + partial).sum(axis=0)
    return float(raw.sum() / (raw + partial).sum()), each


def bartlett_sphericity(correlation: Array, n: int) -> tuple[float, int, float]:
    """Bartlett's (1951) test that the items have nothing in common: chi-square, degrees, p.

    NaN with one item, a singular correlation, or too few people for the multiplier to be positive.
    """
    k = len(correlation)
    freedom = k * (k - 1) // 2
    multiplier = n - 1 - (2 * k + 5) / 6
    if k < 2 or multiplier <= 0 or np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        return np.nan, freedom, np.nan
    _, logarithm = np.linalg.slogdet(correlation)
    chi_square = -multiplier * logarithm
    return float(chi_square), freedom, float(stats.chi2.sf(chi_square, freedom))


def mcdonald_omega(covariance: Array) -> float:
    """McDonald's omega of the plain sum of items, from one common factor.

    NaN with fewer than three items, where the covariance is singular, and where an item would have
    no variance of its own (a Heywood case).
    """
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    if len(covariance) < 3 or np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        return np.nan
    loadings, unique = one_factor(correlation)
    if not unique.min() > 1.01 * LEAST_UNIQUE:
        return np.nan
    common = float(deviation @ loadings) ** 2
    return common / (common + float(deviation**2 @ unique))


def one_factor(correlation: Array) -> tuple[Array, Array]:
    """Loadings on one common factor and own variances, by maximum likelihood (Joereskog 1967).

    For given own variances u the best loadings follow from the largest eigenvalue e of the
    correlation scaled by ``1 / sqrt(u)``; the likelihood is searched over u alone. Loadings sum to
    something positive. NaN where the search ends on a slope.
    """

    def lack_of_fit(log_unique: Array) -> tuple[float, Array]:
        root = np.exp(log_unique / 2)
        eigenvalues, vectors = np.linalg.eigh(correlation / np.outer(root, root))
        rest = eigenvalues[:-1]
        fit = float((rest - np.log(rest) - 1).sum())
        return fit, (vectors[:, :-1] ** 2) @ (1 - rest)

    k = len(correlation)
    start = np.log((1 - 0.5 / k) / np.diag(np.linalg.inv(correlation)))
    bounds = [(np.log(LEAST_UNIQUE), 0.0)] * k
    found = optimize.minimize(
        lack_of_fit,
        start,
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000},
    )
    unique = np.exp(found.x)
    inside = unique > 1.01 * LEAST_UNIQUE
    if abs(np.where(inside & (unique < 1), found.jac, 0.0)).max() > STEEP:
        return np.full(k, np.nan), np.full(k, np.nan)
    root = np.sqrt(unique)
    eigenvalues, vectors = np.linalg.eigh(correlation / np.outer(root, root))
    loadings = root * vectors[:, -1] * np.sqrt(max(eigenvalues[-1] - 1, 0.0))
    return loadings * (1.0 if loadings.sum() >= 0 else -1.0), unique


def straight_lines(responses: pd.DataFrame, answers: Answers) -> pd.DataFrame:
    """How many items every respondent answered, how differently, and whether in one line."""
    ordered = np.sort(answers.values, axis=1)  # missing ones last
    answered = (~np.isnan(ordered)).sum(axis=1)
    different = 1 + (np.diff(ordered, axis=1) > 0).sum(axis=1)
    return pd.DataFrame(
        {
            "row": responses.index[answers.rows],
            "answered": answered,
            "different": different,
            "straight_liner": (different == 1) & (answered >= LONG_SHEET),
        }
    )


def reverse(
    responses: pd.DataFrame, items: Sequence[str], *, scale: tuple[float, float] = (1, 10)
) -> pd.DataFrame:
    """Turn answers to questions that are worded the other way round: 1 becomes 10, 2 becomes 9.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent; it stays as it is.
    items : sequence of str
        Columns to turn.
    scale : (float, float)
        Lowest and highest answer there can be.

    Returns
    -------
    DataFrame
        A copy with these columns turned.

    Raises
    ------
    InputError
        A column is missing, not of numbers or outside the scale.
    """
    low, high = checked_scale(scale)
    columns = checked_columns(responses, items, None)
    turned = responses.copy()
    for item in columns:
        turned[item] = low + high - on_scale(responses, item, low, high)
    return turned
