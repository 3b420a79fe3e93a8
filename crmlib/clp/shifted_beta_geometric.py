"""Shifted beta-geometric: how long customers under contract stay, from a cohort's survivors.

At the end of each period a customer leaves with a probability θ of its own, always the same, and
θ over customers is beta(α, β) (Fader and Hardie 2007). Those with a high θ leave first, so the
retention of a cohort rises with its age though nobody's own does. A curve drawn through the
survivors knows nothing of this and misses what comes after the data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import betaln, digamma, expit, hyp2f1, logit

from crmlib.clp.discounting import Array, check_rate
from crmlib.clp.maximum_likelihood import LikelihoodModel, maximize
from crmlib.columns import codes_of, listed, numbers_of
from crmlib.errors import InputError

STEP = 1e-5
"""Step of the differences of a result by the logarithms of the parameters."""


def shifted_beta_geometric_retention(parameters: ArrayLike, periods: ArrayLike) -> Array:
    """Share of those there at the start of a period who stay: ``(β+t-1) / (α+β+t-1)``.

    Parameters
    ----------
    parameters : array_like, shape (2,)
        alpha, beta.
    periods : array_like, shape (...)
        t: 1, 2, 3 …

    Returns
    -------
    ndarray, shape (...)

    Notes
    -----
    Fader and Hardie (2007).
    """
    alpha, beta = np.asarray(parameters, dtype=float)
    t = np.asarray(periods, dtype=float)
    return np.asarray((beta + t - 1) / (alpha + beta + t - 1))


def shifted_beta_geometric_survival(parameters: ArrayLike, periods: ArrayLike) -> Array:
    """Share of a cohort that is left after so many periods: ``B(α, β+t) / B(α, β)``.

    Parameters
    ----------
    parameters : array_like, shape (2,)
        alpha, beta.
    periods : array_like, shape (...)
        t: 0, 1, 2 …

    Returns
    -------
    ndarray, shape (...)

    Notes
    -----
    Fader and Hardie (2007).
    """
    alpha, beta = np.asarray(parameters, dtype=float)
    t = np.asarray(periods, dtype=float)
    return np.asarray(np.exp(betaln(alpha, beta + t) - betaln(alpha, beta)))


def discounted_stay(parameters: ArrayLike, rate: float, renewals: ArrayLike | None = None) -> Array:
    """Discounted number of periods a customer is expected to pay for.

    Parameters
    ----------
    parameters : array_like, shape (2,)
        alpha, beta.
    rate : float
        Discount rate per period, a fraction of 0 or more.
    renewals : array_like, shape (...), optional
        Times a customer has renewed. Without it, it is a new customer who pays at once.

    Returns
    -------
    ndarray, shape (...) or ()
        Of a new customer ``sum over t from 0 of S(t) / (1 + rate)^t``. Of one with renewals, just
        before it renews again or leaves, the same sum over the payments to come, the next of them
        not discounted. Infinite where the rate is 0 and alpha is 1 or less.

    Notes
    -----
    With z = 1 / (1 + rate): ``F(1, β; α+β; z)`` and, after k renewals,
    ``(β+k) / (α+β+k) F(1, β+k+1; α+β+k+1; z)``, F being Gauss' hypergeometric function (Fader and
    Hardie 2010, discounted expected lifetime, and residual lifetime, equation 6).
    """
    alpha, beta = np.asarray(parameters, dtype=float)
    z = 1 / (1 + rate)
    if renewals is None:
        return np.asarray(hyp2f1(1, beta, alpha + beta, z))
    later = beta + np.asarray(renewals, dtype=float)
    return np.asarray(later / (alpha + later) * hyp2f1(1, later + 1, alpha + later + 1, z))


@dataclass(frozen=True)
class Losses:
    """Customers lost in each period of their stay, and those seen no longer than to its end.

    Attributes
    ----------
    lost, kept : ndarray, shape (periods,)
        Of period 1, 2, 3 …
    """

    lost: Array
    kept: Array


def shifted_beta_geometric_log_likelihood(
    parameters: ArrayLike, losses: Losses
) -> tuple[float, Array]:
    """Log-likelihood of what became of the customers, and its derivatives by alpha and beta.

    Notes
    -----
    ``B(α+1, β+t-1) / B(α, β)`` for a customer lost in
    period t, ``B(α, β+t) / B(α, β)`` for one still there after it.
    """
    alpha, beta = np.asarray(parameters, dtype=float)
    t = np.arange(1.0, len(losses.lost) + 1)
    lost, kept = losses.lost, losses.kept
    n = lost.sum() + kept.sum()
    value = lost @ betaln(alpha + 1, beta + t - 1) + kept @ betaln(alpha, beta + t)
    both = (lost + kept) @ digamma(alpha + beta + t) - n * digamma(alpha + beta)
    by_alpha = lost.sum() * digamma(alpha + 1) + kept.sum() * digamma(alpha) - n * digamma(alpha)
    by_beta = lost @ digamma(beta + t - 1) + kept @ digamma(beta + t) - n * digamma(beta)
    gradient = np.array([by_alpha - both, by_beta - both])
    return float(value - n * betaln(alpha, beta)), gradient


ABOUT = {
    "alpha": "how customers differ in how soon they leave",
    "beta": "how soon customers leave",
}

CEILINGS = {"alpha": 10_000.0}
"""Where alpha makes customers alike: their probabilities to leave differ by 1 % of themselves."""


class ShiftedBetaGeometric(LikelihoodModel):
    """Shifted-beta-geometric model of customers under contract (Fader and Hardie 2007).

    Parameters
    ----------
    confidence : float
        Level of all intervals.

    Attributes
    ----------
    alpha_, beta_ : float
        Of the beta distribution of the probability to leave: its mean is alpha / (alpha + beta).
    parameters_, standard_errors_, log_likelihood_, covariance_, n_customers_, notes_
        See `LikelihoodModel`. Where retention does not rise with the length of the stay, alpha
        runs to infinity; it is held at 10,000, which is a constant retention, and the notes say
        so.

    Notes
    -----
    Retention rises with the length of the stay though nobody's own does: those who leave easily
    leave first. Intervals of results are by the delta method, on log odds for shares and on
    logarithms for times; they hold the uncertainty of the parameters. Checked against the
    estimates and forecasts of the paper.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    alpha_: float
    beta_: float

    def fit(self, survivors: Any) -> Self:
        """Estimate the parameters.

        Parameters
        ----------
        survivors : array_like, shape (periods + 1,), or DataFrame
            Customers of one cohort at its start and after 1, 2, 3 … periods; or columns cohort,
            period (0, 1, 2 …) and customers, cohorts of any length, for one fit to them all.

        Returns
        -------
        ShiftedBetaGeometric

        Raises
        ------
        InputError
            When survivors are not numbers of customers that never rise, nobody was lost, they are
            seen for one period only, or the data do not determine the parameters.
        """
        losses = losses_of(survivors)
        n, lost = float(losses.lost.sum() + losses.kept.sum()), float(losses.lost.sum())
        if not lost:
            raise InputError(
                f"Shifted beta-geometric: none of the {n:,.0f} customers was lost, so nothing "
                "tells how soon they leave. Use a longer time."
            )
        if not (losses.lost + losses.kept)[1:].any():
            raise InputError(
                "Shifted beta-geometric: customers are seen for one period only, so nothing tells "
                "how they differ. Give their numbers after two periods or more."
            )
        periods = np.arange(1.0, len(losses.lost) + 1)
        leaves = lost / float((losses.lost + losses.kept) @ periods)
        best = maximize(
            lambda parameters: shifted_beta_geometric_log_likelihood(parameters, losses),
            {"alpha": 1.0, "beta": max(1 / leaves - 1, 0.1)},
            model="Shifted beta-geometric",
            about=ABOUT,
            ceilings=CEILINGS,
        )
        return self.keep(best, round(n), ABOUT)

    def retention(self, periods: ArrayLike) -> pd.DataFrame:
        """Share of those there at the start of a period who stay.

        Parameters
        ----------
        periods : array_like of int
            1 is a cohort's first period.

        Returns
        -------
        DataFrame
            period, retention, low, high.
        """
        t = periods_of(periods, 1)
        return pd.DataFrame({"period": t}).join(
            self.with_interval(
                "retention", lambda given: shifted_beta_geometric_retention(given, t), logit, expit
            )
        )

    def survival(self, periods: ArrayLike) -> pd.DataFrame:
        """Share of a cohort that is left after so many periods.

        Parameters
        ----------
        periods : array_like of int
            0 or more.

        Returns
        -------
        DataFrame
            period, survival, low, high.
        """
        t = periods_of(periods, 0)
        return pd.DataFrame({"period": t}).join(
            self.with_interval(
                "survival", lambda given: shifted_beta_geometric_survival(given, t), logit, expit
            )
        )

    def expected_lifetime(self, periods: int | None = None) -> pd.DataFrame:
        """Periods a new customer is expected to pay for, the first of them at once.

        Parameters
        ----------
        periods : int, optional
            Count no more than so many. Without it all that come; their number may be infinite.

        Returns
        -------
        DataFrame
            One row: lifetime, low, high. Infinite, without interval, where alpha is 1 or less:
            some customers stay so long that there is no mean.
        """
        if periods is None:
            return self.with_interval(
                "lifetime", lambda given: np.atleast_1d(discounted_stay(given, 0.0)), np.log, np.exp
            )
        t = np.arange(periods_of(periods, 1).item())
        return self.with_interval(
            "lifetime",
            lambda given: np.atleast_1d(shifted_beta_geometric_survival(given, t).sum()),
            np.log,
            np.exp,
        )

    def discounted_lifetime(self, rate: float, renewals: ArrayLike | None = None) -> pd.DataFrame:
        """Discounted number of periods a customer is expected to pay for.

        Times the profit of a period it is the value of the customer.

        Parameters
        ----------
        rate : float
            Discount rate per period, a fraction of 0 or more.
        renewals : array_like of int, optional
            Times a customer has renewed: one row each, for the payments to come, just before the
            next renewal. Without it, a new customer who pays at once.

        Returns
        -------
        DataFrame
            renewals, lifetime, low, high. Infinite, without interval, where rate is 0 and alpha
            is 1 or less.

        Raises
        ------
        InputError
            When the rate is not a fraction of 0 or more.
        """
        check_rate(rate)
        if rate < 0:
            raise InputError(f"rate={rate:g}: over an endless time a rate must be 0 or more.")
        done = None if renewals is None else periods_of(renewals, 0)
        result = self.with_interval(
            "lifetime",
            lambda given: np.atleast_1d(discounted_stay(given, rate, done)),
            np.log,
            np.exp,
        )
        result.insert(0, "renewals", 0 if done is None else done)
        return result

    def with_interval(
        self,
        name: str,
        quantity: Callable[[Array], Array],
        onto_line: Callable[[Array], Array],
        back: Callable[[Array], Array],
    ) -> pd.DataFrame:
        """Result of the parameters with its interval by the delta method.

        The interval is made on the line the transformation leads to. None is made where it is
        infinite there, as for the share of a cohort left after 0 periods, which is 1.
        """
        estimates = self.estimates()
        value = quantity(estimates)
        low, high = value.copy(), value.copy()
        open_to_doubt = np.isfinite(value) & ~((onto_line is logit) & (value == 1))

        def on_line(logs: Array) -> Array:
            return onto_line(quantity(np.exp(logs))[open_to_doubt])

        logs = np.log(estimates)
        steps = STEP * np.eye(len(logs))
        slopes = np.array([(on_line(logs + h) - on_line(logs - h)) / (2 * STEP) for h in steps])
        error = np.sqrt(np.einsum("in,ij,jn->n", slopes, self.covariance_, slopes))
        half = stats.norm.ppf((1 + self.confidence) / 2) * error
        middle = onto_line(value[open_to_doubt])
        low[open_to_doubt], high[open_to_doubt] = back(middle - half), back(middle + half)
        low[np.isinf(value)] = high[np.isinf(value)] = np.nan
        return pd.DataFrame({name: value, "low": low, "high": high})


def fit_by_cohort(survivors: pd.DataFrame) -> pd.DataFrame:
    """Fit the model to each cohort by itself, and to all of them together.

    Parameters
    ----------
    survivors : DataFrame
        Columns cohort, period and customers, as `ShiftedBetaGeometric.fit` takes them.

    Returns
    -------
    DataFrame
        One row a cohort and a last one, "all": cohort, customers (at the start), alpha, beta,
        log_likelihood, note (why there is no fit, where there is none).

    Raises
    ------
    InputError
        When the table cannot be used.
    """
    codes, cohorts = codes_of(survivors, "cohort")
    parts = [(name, survivors[codes == k]) for k, name in enumerate(cohorts)]
    rows = []
    for name, part in [*parts, ("all", survivors)]:
        losses = losses_of(part)
        row: dict[str, object] = {
            "cohort": name,
            "customers": losses.lost.sum() + losses.kept.sum(),
        }
        try:
            model = ShiftedBetaGeometric().fit(part)
        except InputError as fault:
            row |= {"alpha": np.nan, "beta": np.nan, "log_likelihood": np.nan, "note": str(fault)}
        else:
            row |= {"alpha": model.alpha_, "beta": model.beta_}
            row |= {"log_likelihood": model.log_likelihood_, "note": ""}
        rows.append(row)
    return pd.DataFrame(rows)


def losses_of(survivors: Any) -> Losses:
    """Losses of one cohort or of several, period by period.

    Raises
    ------
    InputError
        When survivors are not numbers of customers that never rise.
    """
    if not isinstance(survivors, pd.DataFrame):
        return losses_of_cohort(np.asarray(survivors, dtype=float), "The cohort")
    codes, cohorts = codes_of(survivors, "cohort")
    period = numbers_of(survivors, "period", "periods since the cohort began")
    customers = numbers_of(survivors, "customers", "numbers of customers")
    each = []
    for k, name in enumerate(cohorts):
        rows = np.flatnonzero(codes == k)
        rows = rows[np.argsort(period[rows])]
        if not np.array_equal(period[rows], np.arange(len(rows))):
            shown = listed(f"{number:g}" for number in period[rows])
            raise InputError(
                f'Column "period": cohort {name} has the periods {shown}; write '
                "one row each for 0, 1, 2 … without a gap, 0 being its start."
            )
        each.append(losses_of_cohort(customers[rows], f"Cohort {name}"))
    longest = max(len(losses.lost) for losses in each)
    lost, kept = np.zeros(longest), np.zeros(longest)
    for losses in each:
        lost[: len(losses.lost)] += losses.lost
        kept[: len(losses.kept)] += losses.kept
    return Losses(lost, kept)


def losses_of_cohort(customers: Array, name: str) -> Losses:
    """Losses of one cohort from its survivors, the first being those it began with."""
    if customers.ndim != 1 or len(customers) < 2:
        raise InputError(f"{name}: give its customers at the start and after one period or more.")
    if not (np.isfinite(customers).all() and (customers >= 0).all()):
        raise InputError(f"{name}: numbers of customers must be 0 or more, none missing.")
    if customers[0] <= 1:
        raise InputError(
            f"{name} begins with {customers[0]:g} customers. Write numbers of customers, not "
            "shares: how sure the result is depends on how many there were."
        )
    rises = np.flatnonzero(np.diff(customers) > 0)
    if len(rises):
        at = int(rises[0])
        raise InputError(
            f"{name} grows from {customers[at]:g} to {customers[at + 1]:g} customers in period "
            f"{at + 1}. Customers who come back or join later do not belong in it."
        )
    kept = np.zeros(len(customers) - 1)
    kept[-1] = customers[-1]
    return Losses(-np.diff(customers), kept)


def periods_of(values: ArrayLike, least: int) -> Array:
    """Whole periods of ``least`` or more as an array of one dimension.

    Raises
    ------
    InputError
        When a value is another.
    """
    number = np.atleast_1d(np.asarray(values, dtype=float))
    if number.ndim != 1 or not ((number >= least) & (number == np.floor(number))).all():
        raise InputError(f"Periods must be whole numbers of {least} or more.")
    return np.asarray(number, dtype=np.int64)
