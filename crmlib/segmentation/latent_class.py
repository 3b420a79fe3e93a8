"""Latent classes: groups within which no category says anything of another.

Of Lazarsfeld and Henry (1968), fitted by expectation and maximisation.
"""

from dataclasses import dataclass

import numpy as np

from crmlib.columns import Array, Codes

STARTS = 10
"""How often the algorithm begins anew, from classes drawn by chance."""

FIRST_STEPS = 30
"""Steps after which only the likeliest beginning goes on."""

MOST_STEPS = 2_000

CLOSE = 1e-9
"""Gain at which a step is the last, as a share of the log-likelihood."""


@dataclass(frozen=True, eq=False)
class LatentClasses:
    """Fitted latent classes.

    Attributes
    ----------
    shares : ndarray, shape (k,)
        Of the classes.
    probabilities : tuple of ndarray, shape (k, levels)
        Of every level of an indicator, by class; one array an indicator.
    log_likelihood : float
    parameters : int
        Free ones: ``k - 1 + k sum(levels - 1)``.
    patterns : int
        Answers that there can be.
    n : int
    """

    shares: Array
    probabilities: tuple[Array, ...]
    log_likelihood: float
    parameters: int
    patterns: float
    n: int

    @property
    def bic(self) -> float:
        """Bayes information criterion, the lower the better.

        NaN with more parameters than the answers that there can be tell, less one.
        """
        if self.parameters > self.patterns - 1:
            return np.nan
        return float(self.parameters * np.log(self.n) - 2 * self.log_likelihood)

    def posterior(self, codes: Codes) -> Array:
        """Probability of every class for rows of levels, shape (n, k)."""
        levels = tuple(by_class.shape[1] for by_class in self.probabilities)
        marked = indicators(codes, levels)
        return _shared_out(joint_log_probability(self.shares, self.probabilities, marked))[0]


def latent_classes(
    codes: Codes, levels: tuple[int, ...], k: int, random: np.random.Generator, starts: int = STARTS
) -> LatentClasses:
    """Fit k latent classes.

    Parameters
    ----------
    codes : ndarray of int, shape (n, indicators)
        Levels from 0.
    levels : tuple of int
        How many an indicator has.
    k : int
    random : numpy.random.Generator
    starts : int
        So many begin from classes drawn by chance; the likeliest goes on to the end.

    Returns
    -------
    LatentClasses

    Notes
    -----
    ``P(x) = sum over c of share_c product over j of p_cj(x_j)``. A step takes the probability of
    each class given the answers, then shares and probabilities as weighted frequencies (Goodman
    1974). Rows with the same answers are handled as one. Checked against poLCA 1.6.0 on the role
    conflicts of Stouffer and Toby.
    """
    patterns, counts = np.unique(codes, axis=0, return_counts=True)
    marked = indicators(patterns, levels)
    weights = counts.astype(float)
    starts = 1 if k == 1 else starts
    begun = [
        maximised(marked, weights, levels, random.dirichlet(np.ones(k), len(patterns)), FIRST_STEPS)
        for _ in range(starts)
    ]
    posterior = max(begun, key=lambda fit: fit[2])[3]
    shares, probabilities, log_likelihood, _ = maximised(
        marked, weights, levels, posterior, MOST_STEPS
    )
    return LatentClasses(
        shares,
        probabilities,
        log_likelihood,
        k - 1 + k * sum(size - 1 for size in levels),
        float(np.prod(np.array(levels, dtype=float))),
        len(codes),
    )


def joint_log_probability(shares: Array, probabilities: tuple[Array, ...], marked: Array) -> Array:
    """Log of the share of a class times the probability of the answers in it, shape (n, k)."""
    return np.asarray(marked @ _log(np.hstack(probabilities)).T + _log(shares))


def indicators(codes: Codes, levels: tuple[int, ...]) -> Array:
    """One column a level of every indicator, 1 where a row has it."""
    columns = zip(levels, codes.T, strict=True)
    return np.hstack([np.eye(size)[column] for size, column in columns])


def maximised(
    marked: Array, weights: Array, levels: tuple[int, ...], posterior: Array, steps: int
) -> tuple[Array, tuple[Array, ...], float, Array]:
    """Maximise the likelihood step by step, from the probabilities of the classes given answers.

    Parameters
    ----------
    marked : ndarray, shape (patterns, sum of levels)
        `indicators`.
    weights : ndarray, shape (patterns,)
        Rows with each pattern of answers.
    levels : tuple of int
    posterior : ndarray, shape (patterns, k)
    steps : int
        At most.

    Returns
    -------
    tuple
        Shares, probabilities of the levels, log-likelihood, posterior.
    """
    ends = np.cumsum(levels)[:-1]
    log_likelihood = -np.inf
    for _ in range(steps):
        before = log_likelihood
        belong = posterior * weights[:, None]
        sizes = belong.sum(axis=0)
        shares = sizes / weights.sum()
        frequencies = belong.T @ marked / np.maximum(sizes, np.finfo(float).tiny)[:, None]
        probabilities = tuple(np.split(frequencies, ends, axis=1))
        posterior, total = _shared_out(joint_log_probability(shares, probabilities, marked))
        log_likelihood = float(weights @ total)
        if log_likelihood - before <= CLOSE * abs(log_likelihood):
            break
    return shares, probabilities, log_likelihood, posterior


def _shared_out(joint: Array) -> tuple[Array, Array]:
    """Probability of every class given the answers, and the log-probability of these."""
    most = joint.max(axis=1, keepdims=True)
    parts = np.exp(joint - most)
    total = parts.sum(axis=1, keepdims=True)
    return parts / total, (most + np.log(total))[:, 0]


def _log(probability: Array) -> Array:
    # An answer that never occurs in a class costs much rather than everything: no 0 times infinity.
    return np.asarray(np.log(np.maximum(probability, np.finfo(float).tiny)))
