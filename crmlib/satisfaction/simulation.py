"""How often each method would name the true first driver in a world like the one that answered.

Methods disagree about which item satisfaction hangs on most, and no questionnaire tells which of
them is right. Where the truth is set beforehand they can be counted.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import nnls

from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.satisfaction.answers import Array, Codes, Missing, answers_of, check_missing
from crmlib.satisfaction.choice import Method, Rule, importances
from crmlib.satisfaction.components import NEGLIGIBLE, eigen_components
from crmlib.satisfaction.draws import ENOUGH, credit_for_first
from crmlib.satisfaction.moments import FOLDS, Moments, sample_moments

RUNS: tuple[tuple[Method, str, Rule], ...] = (
    ("pcr", "85% of variance", 0.85),
    ("pcr", "kaiser", "kaiser"),
    ("pcr", "cv", "cv"),
    ("pls", "cv", "cv"),
    ("ols", "", "cv"),
    ("ridge", "cv", "cv"),
    ("lmg", "", "cv"),
    ("johnson", "", "cv"),
    ("correlation", "", "cv"),
)
"""Methods compared: method, what its rule is called, its rule where it has one."""

LMG_ITEMS = 12
"""Items up to which lmg takes part: every item more doubles its work."""

FEWEST_SAMPLES = 100
"""Samples below which a share is hardly more than a guess: give or take 10 points."""

CELLS = 2_000_000
"""Drawn numbers held at a time."""


def named_first(
    responses: pd.DataFrame,
    items: Sequence[str],
    overall: str,
    *,
    weights: str | None = None,
    scale: tuple[float, float] = (1, 10),
    missing: Missing = "em",
    samples: int = 500,
    seed: int,
) -> pd.DataFrame:
    """How often each method would name the true first driver, were the world as these answers say.

    Many samples are drawn from a population with the correlations of the items as estimated, as
    many respondents, and true coefficients that are set: whoever names the item with the largest
    of them has named the first driver.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    items : sequence of str
        Columns with the answers to the items, a high answer the better one.
    overall : str
        Column with the overall score.
    weights : str, optional
        Column with the design weight. The samples then have as many respondents as those of equal
        weight that would tell as much (Kish).
    scale : (float, float)
        Lowest and highest answer there can be.
    missing : {"em", "impute", "complete"}
        What is done about missing answers to estimate the correlations, as in `drivers`. Nobody
        in the samples leaves out an answer.
    samples : int
        Samples to draw.
    seed : int
        The same seed gives the same numbers.

    Returns
    -------
    DataFrame
        truth ("as estimated", "one stands out"), first (the true first driver), method, rule (for
        the number of components or the penalty), named_first_share (of the samples, those in
        which the method puts the true first driver first; halved where two items tie),
        standard_error, low, high (Wilson's interval, 95 %), chance (of naming it blindly, 1 / p).
        Standard error and interval tell the error of drawing so many samples and no more, not how
        sure the truth is. Missing where a method cannot be computed, as with collinear items, and
        everywhere where no item goes with a higher overall score. lmg is there up to 12 items.

    Raises
    ------
    InputError
        A column or answer cannot be used (`answers_of`), or there are fewer than 100 samples.

    Notes
    -----
    No truth is neutral, so there are two. They have the same R²: what the estimated coefficients
    explain, in the answers.

    "As estimated": the coefficients are those of least squares that are not below zero. They come
    nearest to the answers without any method's components or penalties, and nothing that improves
    an item makes people less satisfied. They favour whatever follows plain correlations: what
    chance did for the largest coefficient it mostly did for the item's correlation as well, and
    that is now the truth. They are also a guess. In 60 samples of 200 people from populations with
    12 items in three blocks, the share so found varied by 14 to 28 points (standard deviation)
    between samples of one population. On average it was too high where true coefficients were
    nearly equal (Johnson weights 46 % instead of 30 %) and too low where one was twice the next
    (68 % instead of 77 %).

    "One stands out": one item has twice the coefficient of every other, each item in turn over the
    samples. No item and no block is favoured. What is favoured are methods that tell an item from
    those it resembles, as least squares, lmg and Johnson weights do: correlations, and components
    few enough, say which block an item belongs to, whatever its own coefficient is.

    Believe of the table what holds under both, and of "as estimated" only large differences. With
    the correlations of three questionnaires (12, 12 and 17 items; 252, 200 and 250 people) the
    shares were, as estimated and with one that stands out: Johnson weights 43 to 64 % and 27 to
    70 %, least squares 38 to 60 % and 25 to 56 %, correlation 46 to 94 % and 13 to 41 %, pcr with
    components for 85 % of the variance 17 to 59 % and 23 to 42 %, pcr by cross-validation 35 to
    60 % and 5 to 10 %, about chance. The first item as estimated was in all three the one that
    correlates most.

    Samples are normal. Answers on a scale pile up at its ends, which is not imitated; that they
    are whole numbers is, as the correlations have it in them.
    """
    check_missing(missing)
    answers = answers_of(
        responses,
        items,
        overall,
        weights=weights,
        scale=scale,
        complete=missing == "complete",
    )
    moments = sample_moments(answers, seed, missing=missing)
    correlation = moments.correlation[0]
    between_items = correlation[:-1, :-1]
    estimated = non_negative_coefficients(correlation)
    r_squared = min(float(estimated @ between_items @ estimated), 1.0)
    p = len(estimated)
    truths = {
        "as estimated": (answers.items[int(estimated.argmax())], estimated[None]),
        "one stands out": ("each in turn", 1.0 + np.eye(p)),
    }
    parts = []
    for truth, (first, coefficients) in truths.items():
        shares = named_first_in(
            between_items,
            coefficients,
            r_squared=r_squared,
            respondents=round(answers.n_effective),
            samples=samples,
            seed=seed,
        )
        shares.insert(0, "truth", truth)
        shares.insert(1, "first", first if r_squared > 0 else None)
        parts.append(shares)
    return pd.concat(parts, ignore_index=True)


def non_negative_coefficients(correlation: Array) -> Array:
    """Standardised coefficients of least squares among those not below zero.

    Parameters
    ----------
    correlation : ndarray, shape (p + 1, p + 1)
        Overall score last. Of collinear items one takes what others could have as well.

    Returns
    -------
    ndarray, shape (p,)

    Notes
    -----
    Lawson and Hanson (1974) on a square root of the correlations, which has the same minimum as
    the answers.
    """
    eigenvalues, vectors = eigen_components(correlation[:-1, :-1])
    kept = eigenvalues > NEGLIGIBLE * eigenvalues[0]
    root = np.sqrt(eigenvalues[kept])
    along = vectors[:, kept].T @ correlation[:-1, -1]
    coefficients, _ = nnls((vectors[:, kept] * root).T, along / root)
    return np.asarray(coefficients)


def named_first_in(
    correlation: Array,
    coefficients: Array,
    *,
    r_squared: float,
    respondents: int,
    samples: int,
    seed: int,
) -> pd.DataFrame:
    """How often each method names the item with the largest coefficient, in a population given.

    Parameters
    ----------
    correlation : ndarray, shape (p, p)
        Of the items.
    coefficients : ndarray, shape (T, p)
        True coefficients of the standardised items, up to a factor; the samples take the T rows
        in turn. Of equal largest ones the first counts.
    r_squared : float
        Share of the variance of the overall score that the items explain; with 0 there is nothing
        to name and shares are NaN.
    respondents : int
        In every sample.
    samples : int
        Samples to draw.
    seed : int
        The same seed draws the same samples.

    Returns
    -------
    DataFrame
        method, rule, named_first_share, standard_error, low, high, chance, as of `named_first`.

    Raises
    ------
    InputError
        Fewer than 100 samples.

    Notes
    -----
    Checked against the simulation that `drivers` reports, which draws answers from 1 to 10.
    """
    if samples < FEWEST_SAMPLES:
        raise InputError(f"samples={samples}: take at least {FEWEST_SAMPLES}, better 500.")
    runs = [run for run in RUNS if run[0] != "lmg" or len(correlation) <= LMG_ITEMS]
    truth = coefficients[np.arange(samples) % len(coefficients)]
    if r_squared <= 0:
        credit = [np.full(samples, np.nan) for _ in runs]
    else:
        moments = drawn_moments(
            correlation, truth, r_squared=r_squared, respondents=respondents, seed=seed
        )
        first = truth.argmax(axis=1)
        credit = [named(importances(moments, run[0], run[2]).values, first) for run in runs]
    table = pd.DataFrame([share_of(one) for one in credit])
    table.insert(0, "method", [method for method, _, _ in runs])
    table.insert(1, "rule", [rule for _, rule, _ in runs])
    return table.assign(chance=1 / len(correlation))


def drawn_moments(
    correlation: Array, truth: Array, *, r_squared: float, respondents: int, seed: int
) -> Moments:
    """Moments of normal samples, with folds for a cross-validation.

    Parameters
    ----------
    correlation : ndarray, shape (p, p)
        Of the items.
    truth : ndarray, shape (B, p)
        True coefficients in every sample, up to a factor.
    r_squared : float
        Above 0, up to 1.
    respondents : int
        In every sample.
    seed : int

    Returns
    -------
    Moments
        Of B samples; there is none among them that the others were drawn from.
    """
    samples, p = truth.shape
    eigenvalues, vectors = eigen_components(correlation)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    explained = np.einsum("bi,ij,bj->b", truth, correlation, truth)
    noise = np.sqrt(explained * (1 / r_squared - 1))
    random = np.random.default_rng(seed)
    at_once = max(1, CELLS // (respondents * (p + 1)))
    parts = []
    for start in range(0, samples, at_once):
        chunk = slice(start, start + at_once)
        drawn = random.standard_normal((len(truth[chunk]), respondents, p + 1))
        answered = drawn[..., :-1] @ root.T
        score = answered @ truth[chunk, :, None] + noise[chunk, None, None] * drawn[..., -1:]
        parts.append(cross_products(np.concatenate([answered, score], axis=-1)))
    products = np.concatenate(parts)
    whole = products.sum(axis=1) / respondents
    mean = whole[:, 0, 1:]
    covariance = whole[:, 1:, 1:] - mean[:, :, None] * mean[:, None, :]
    return Moments(mean, covariance, np.full(samples, float(respondents)), products)


def cross_products(values: Array) -> Array:
    """Cross-products of [1, values] of B samples, shape (B, n, m), by fold, (B, F, m + 1, m + 1).

    Respondents go to the folds in turn.
    """
    extended = np.concatenate([np.ones_like(values[..., :1]), values], axis=-1)
    parts = [extended[:, fold::FOLDS] for fold in range(FOLDS)]
    return np.stack([part.swapaxes(1, 2) @ part for part in parts], axis=1)


def named(values: Array, first: Codes) -> Array:
    """One where the true first item has the largest importance, its part where it ties with others.

    Parameters
    ----------
    values : ndarray, shape (B, p)
        Importances.
    first : ndarray of int, shape (B,)
        True first item of every sample.

    Returns
    -------
    ndarray, shape (B,)
        NaN where the method found nothing.
    """
    return credit_for_first(values)[np.arange(len(values)), first]


def share_of(credit: Array) -> dict[str, float]:
    """Share of the samples that name the first item, with Monte Carlo error; NaN from too few."""
    usable = credit[np.isfinite(credit)]
    n = len(usable)
    if n < ENOUGH * len(credit):
        return dict.fromkeys(("named_first_share", "standard_error", "low", "high"), np.nan)
    share = usable.mean()
    low, high = wilson_interval(share, n, float(stats.norm.ppf(0.975)))
    return {
        "named_first_share": share,
        "standard_error": np.sqrt(share * (1 - share) / n),
        "low": low,
        "high": high,
    }
