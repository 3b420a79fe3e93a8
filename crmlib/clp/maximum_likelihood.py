"""Maximum likelihood for models whose parameters are all positive, and what such models share.

The search runs on the logarithms of the parameters: a quasi-Newton search first, then Newton
steps whose second derivatives are differences of the gradient. It has converged when another step
would raise the log-likelihood by next to nothing, a measure that knows no units, and when the
log-likelihood curves downwards there in every direction. A parameter the data do not determine is
refused by name, or held where its model gives a ceiling: with a shape of the gamma distribution
beyond it customers are alike, and the likelihood no longer changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from sklearn.base import BaseEstimator

from crmlib.clp.discounting import Array, check_confidence
from crmlib.columns import listed
from crmlib.errors import InputError

Codes = NDArray[np.int64]
LogLikelihood = Callable[[Array], tuple[float, Array]]
"""From the parameters to the log-likelihood and its derivatives by the parameters."""

LARGEST_LOG = 15.0
"""Logarithms of parameters are sought between minus this and this."""

UNDETERMINED = np.log(1000) / 1.96
"""Standard error of a logarithm that makes a 95 % interval a thousandfold up and down."""

GAIN = 1e-8
"""Rise of the log-likelihood that one more step would bring, once the search has converged."""

STEP = 1e-4
"""Step of the differences of the gradient, on the logarithms."""

NEWTON_STEPS = 40


@dataclass(frozen=True)
class MaximumLikelihood:
    """Parameters that make the data most likely.

    Attributes
    ----------
    parameters : dict of str to float
    log_likelihood : float
    covariance : ndarray, shape (k, k)
        Of the logarithms of the parameters: inverse of the observed information; 0 for those held.
    standard_errors : dict of str to float
        Of the parameters, by the delta method; NaN for those held.
    iterations : int
    held : dict of str to float
        Parameters that ran to infinity, and the ceilings they are held at.
    """

    parameters: dict[str, float]
    log_likelihood: float
    covariance: Array
    standard_errors: dict[str, float]
    iterations: int
    held: dict[str, float]


def maximize(
    log_likelihood_and_gradient: LogLikelihood,
    start: Mapping[str, float],
    *,
    model: str,
    about: Mapping[str, str] | None = None,
    ceilings: Mapping[str, float] | None = None,
) -> MaximumLikelihood:
    """Find the positive parameters that make the data most likely.

    Parameters
    ----------
    log_likelihood_and_gradient : callable
        Takes the parameters, shape (k,), in the order of ``start``; returns the log-likelihood
        and its derivatives by the parameters, shape (k,).
    start : mapping of str to float
        Where the search begins, above 0.
    model : str
        Its name, for messages.
    about : mapping of str to str, optional
        What each parameter is about, for messages: "how soon customers leave".
    ceilings : mapping of str to float, optional
        Parameters that may run to infinity, as customers turn out alike, and where each is then
        held while the others are sought; tried in this order.

    Returns
    -------
    MaximumLikelihood

    Raises
    ------
    InputError
        When the search does not converge, or a parameter without a ceiling runs to 0 or to
        infinity or is known to no better than a thousandfold: the data do not determine it.
    """
    names = list(start)
    logs = np.log(np.array([start[name] for name in names], dtype=float))
    begin = logs.copy()
    free = np.ones(len(names), dtype=bool)

    def descent(free_logs: Array) -> tuple[float, Array]:
        parameters = np.exp(logs)
        parameters[free] = np.exp(free_logs)
        value, gradient = log_likelihood_and_gradient(parameters)
        return -value, (-gradient * parameters)[free]

    iterations = 0
    to_hold = list((ceilings or {}).items())
    while True:
        near, searched = quasi_newton(descent, begin[free])
        at, information, steps, converged = newton(descent, near)
        iterations += searched + steps
        open_ones = undetermined(at, information)
        lost = [names[i] for i in np.flatnonzero(free)[open_ones]]
        climbed = dict(zip(lost, (at - begin[free])[open_ones], strict=True))
        alike = [held for held in to_hold if climbed.get(held[0], 0) > 0]
        if not alike:
            break
        name, ceiling = alike[0]
        to_hold.remove(alike[0])
        free[names.index(name)] = False
        logs[names.index(name)] = np.log(ceiling)
    if climbed:
        refuse_undetermined(climbed, model, about or {})
    logs[free] = at
    parameters = np.exp(logs)
    if not converged:
        raise InputError(
            f"{model}: the search for the parameters did not converge; it stopped at "
            f"{named_values(names, parameters)}. These data do not suit the model: use another "
            "method, or look for customers who do not belong in the table."
        )
    covariance = np.zeros((len(names), len(names)))
    covariance[np.ix_(free, free)] = np.linalg.inv(information)
    errors = np.where(free, parameters * np.sqrt(np.diag(covariance)), np.nan)
    return MaximumLikelihood(
        parameters=dict(zip(names, parameters.tolist(), strict=True)),
        log_likelihood=-float(descent(at)[0]),
        covariance=covariance,
        standard_errors=dict(zip(names, errors.tolist(), strict=True)),
        iterations=iterations,
        held={name: float(parameters[i]) for i, name in enumerate(names) if not free[i]},
    )


def quasi_newton(descent: LogLikelihood, begin: Array) -> tuple[Array, int]:
    """Come near the lowest point of a function; it need not be exact."""
    scale = max(1.0, abs(descent(begin)[0]))

    def scaled(logs: Array) -> tuple[float, Array]:
        value, gradient = descent(logs)
        return value / scale, gradient / scale

    bounds = [(-LARGEST_LOG, LARGEST_LOG)] * len(begin)
    found = optimize.minimize(
        scaled, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"gtol": 1e-7}
    )
    return np.asarray(found.x), int(found.nit)


def newton(descent: LogLikelihood, logs: Array) -> tuple[Array, Array, int, bool]:
    """Newton's steps to the lowest point: where, second derivatives there, steps, whether found."""
    value, gradient = descent(logs)
    for step in range(NEWTON_STEPS):
        information = second_derivatives(descent, logs)
        curvature, directions = np.linalg.eigh(information)
        # Where the function does not curve upwards, a step down its slope is the best known.
        safe = np.maximum(np.abs(curvature), 1e-12 * np.abs(curvature).max() + 1e-300)
        along = directions.T @ gradient
        gain = float(np.sum(along**2 / safe)) / 2
        if gain < GAIN and curvature.min() > 0:
            return logs, information, step, True
        move = -directions @ (along / safe)
        move *= min(1.0, 2.0 / np.abs(move).max())
        for _ in range(30):
            trial = np.clip(logs + move, -LARGEST_LOG, LARGEST_LOG)
            trial_value, trial_gradient = descent(trial)
            if trial_value <= value:
                break
            move = move / 2
        else:
            return logs, information, step, False
        if np.array_equal(trial, logs):
            return logs, information, step, False
        logs, value, gradient = trial, trial_value, trial_gradient
    return logs, information, NEWTON_STEPS, False


def second_derivatives(descent: LogLikelihood, logs: Array) -> Array:
    """Second derivatives as central differences of the first."""
    steps = STEP * np.eye(len(logs))
    rows = [(descent(logs + step)[1] - descent(logs - step)[1]) / (2 * STEP) for step in steps]
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def undetermined(logs: Array, information: Array) -> NDArray[np.bool_]:
    """Parameters that ran to the edge, or that the data leave open by a thousandfold."""
    curvature, directions = np.linalg.eigh(information)
    # A direction that does not curve downwards is one the data say nothing about.
    error = np.sqrt(directions**2 @ (1 / np.maximum(curvature, 1e-12)))
    return (np.abs(logs) >= LARGEST_LOG) | (error > UNDETERMINED)


def refuse_undetermined(changes: Mapping[str, float], model: str, about: Mapping[str, str]) -> None:
    """Stop, and say which parameters went where and what the data do not tell."""
    told = list(dict.fromkeys(about[name] for name in changes if name in about))
    lack = f": they do not tell {', nor '.join(told)}" if told else ""
    ways = [f"{name} {way(change)}" for name, change in changes.items()]
    raise InputError(
        f"{model}: the data do not determine the parameters{lack}. The search for the most likely "
        f"ones ended with {listed(ways)}. More customers or a longer time of observation may help; "
        "otherwise use a method that asks less of the data."
    )


def way(change: float) -> str:
    """Say where the logarithm of a parameter went."""
    if abs(change) < 1:
        return "undecided"
    return "running to infinity" if change > 0 else "running to 0"


def named_values(names: list[str], values: Array) -> str:
    """Write parameters as a = 0.79, b = 2.43."""
    return ", ".join(f"{name} = {value:.4g}" for name, value in zip(names, values, strict=True))


def distinct_rows(*columns: ArrayLike) -> tuple[list[NDArray], Codes, Codes]:
    """Rows of several columns that differ, and how often each stands there.

    Parameters
    ----------
    *columns : array_like, shape (n,)

    Returns
    -------
    distinct : list of ndarray, shape (m,)
        The columns with every row once, in the order in which rows first come.
    counts : ndarray of int, shape (m,)
    inverse : ndarray of int, shape (n,)
        Which distinct row every row is: ``distinct[k][inverse]`` is column k again.
    """
    arrays = [np.asarray(column) for column in columns]
    inverse, _ = pd.factorize(arrays[0], use_na_sentinel=False)
    for array in arrays[1:]:
        codes, values = pd.factorize(array, use_na_sentinel=False)
        # Numbers below the square of the rows: no overflow below three thousand million rows.
        inverse, _ = pd.factorize(inverse.astype(np.int64) * max(1, len(values)) + codes)
    counts = np.bincount(inverse)
    first = np.empty(len(counts), dtype=np.int64)
    first[inverse[::-1]] = np.arange(len(inverse))[::-1]
    return [array[first] for array in arrays], counts, inverse.astype(np.int64, copy=False)


class LikelihoodModel(BaseEstimator):
    """What models fitted by maximum likelihood share; a model adds ``fit`` and its forecasts.

    Parameters
    ----------
    confidence : float
        Level of the intervals of the parameters.

    Attributes
    ----------
    parameters_ : DataFrame
        parameter, estimate, standard_error, low, high; the intervals are made on logarithms, and
        NaN for a parameter that is held at its ceiling.
        Each estimate is also an attribute of its name with an underscore: ``alpha_``.
    standard_errors_ : dict of str to float
    log_likelihood_ : float
    covariance_ : ndarray, shape (k, k)
        Of the logarithms of the parameters.
    n_customers_ : int
    notes_ : tuple of str
        Which parameters are held at a ceiling, and what that means, a sentence each.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ()

    parameters_: pd.DataFrame
    standard_errors_: dict[str, float]
    log_likelihood_: float
    covariance_: Array
    n_customers_: int
    notes_: tuple[str, ...]

    def __init__(self, *, confidence: float = 0.95) -> None:
        self.confidence = confidence

    def parameter_draws(self, n: int, random: np.random.Generator) -> Array:
        """Parameters as the data leave them open: normal on their logarithms.

        Parameters
        ----------
        n : int
        random : numpy Generator

        Returns
        -------
        ndarray, shape (n, k)
            In the order of ``parameter_names``.
        """
        logs = np.log(self.estimates())
        variance, directions = np.linalg.eigh(self.covariance_)
        spread = directions * np.sqrt(np.maximum(variance, 0))  # 0 along parameters that are held
        return np.exp(logs + random.standard_normal((n, len(logs))) @ spread.T)

    def estimates(self) -> Array:
        """Estimated parameters in the order of ``parameter_names``.

        Raises
        ------
        InputError
            When the model has not been fitted.
        """
        if not hasattr(self, "parameters_"):
            raise InputError(f"{type(self).__name__} has not been fitted: call fit first.")
        return np.asarray(self.parameters_["estimate"].to_numpy(), dtype=float)

    def keep(
        self, found: MaximumLikelihood, n_customers: int, about: Mapping[str, str] | None = None
    ) -> Self:
        """Set what a fit found as attributes; ``about`` as `maximize` takes it, for the notes."""
        check_confidence(self.confidence)
        estimates = np.array([found.parameters[name] for name in self.parameter_names])
        errors = np.array([found.standard_errors[name] for name in self.parameter_names])
        margin = stats.norm.ppf((1 + self.confidence) / 2) * errors / estimates
        self.parameters_ = pd.DataFrame(
            {
                "parameter": list(self.parameter_names),
                "estimate": estimates,
                "standard_error": errors,
                "low": estimates * np.exp(-margin),
                "high": estimates * np.exp(margin),
            }
        )
        for name in self.parameter_names:
            setattr(self, f"{name}_", found.parameters[name])
        self.standard_errors_ = found.standard_errors
        self.log_likelihood_ = found.log_likelihood
        self.covariance_ = found.covariance
        self.n_customers_ = n_customers
        self.notes_ = tuple(
            f"{name} ran to infinity and is held at {value:,.0f}, where all are alike: the data "
            f"do not tell {(about or {}).get(name, f'how large {name} is')}."
            for name, value in found.held.items()
        )
        return self
