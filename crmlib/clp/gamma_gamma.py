"""Gamma-Gamma: how much a customer spends on a purchase.

The value of each purchase of a customer is gamma(p, ν) with a rate ν of its own, and ν over
customers is gamma(q, v) (Colombo and Jiang 1999; Fader, Hardie and Lee 2005). How much is spent
is taken not to depend on how often: the correlation between the two is reported.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import gammaln

from crmlib.clp.discounting import Array
from crmlib.clp.maximum_likelihood import (
    LikelihoodModel,
    MaximumLikelihood,
    distinct_rows,
    maximize,
)
from crmlib.clp.purchases import PurchaseSummary
from crmlib.clp.rising_factorials import digamma_rise, log_gamma_rise
from crmlib.columns import numbers_of, rows_named
from crmlib.errors import InputError

FEWEST = 10
"""Customers with repeat purchases that a fit needs."""


def gamma_gamma_log_likelihood(
    parameters: ArrayLike, frequency: ArrayLike, monetary_value: ArrayLike
) -> Array:
    """Logarithm of the likelihood of each customer's mean spend.

    Parameters
    ----------
    parameters : array_like, shape (3,)
        p, q, v.
    frequency, monetary_value : array_like, shape (n,)
        Repeat purchases x and their mean value z, both above 0.

    Returns
    -------
    ndarray, shape (n,)

    Notes
    -----
    ``Γ(px+q) / (Γ(px) Γ(q)) v^q z^(px-1) x^px / (v + xz)^(px+q)``: Fader and Hardie (2013).
    Checked against the estimates they print.
    """
    p, q, v = np.asarray(parameters, dtype=float)
    x, z = (np.asarray(values, dtype=float) for values in (frequency, monetary_value))
    shape = p * x
    return np.asarray(
        gammaln(shape + q)
        - gammaln(shape)
        - gammaln(q)
        + q * np.log(v)
        + (shape - 1) * np.log(z)
        + shape * np.log(x)
        - (shape + q) * np.log(v + x * z)
    )


@dataclass(frozen=True)
class Spends:
    """What the likelihood needs of the customers, summed where it can be.

    Attributes
    ----------
    x : ndarray, shape (m,)
        Numbers of repeat purchases that differ.
    counts, repeated : ndarray, shape (m,)
        Customers with this number, and each customer's place among the numbers.
    total : ndarray, shape (n,)
        Spend of each customer on its repeat purchases.
    sum_log_z : float
        Sum of log z.
    """

    x: Array
    counts: NDArray[np.int64]
    place: NDArray[np.int64]
    total: Array
    sum_log_z: float


def spends(frequency: Array, monetary_value: Array) -> Spends:
    """Sums and distinct numbers of purchases, found once for all steps of the search."""
    (x,), counts, place = distinct_rows(frequency)
    return Spends(x, counts, place, frequency * monetary_value, float(np.log(monetary_value).sum()))


def summed_log_likelihood(parameters: Array, spends: Spends) -> tuple[float, Array]:
    """Log-likelihood of all customers and its derivatives by p, q and v."""
    p, q, v = parameters
    x, counts = spends.x, spends.counts
    shape, q_of_each = p * x, np.full(len(x), q)
    # log((v + xz) / v) and log((v + xz) / xz): each is exact where v is large, or small.
    share, odds = spends.total / v, v / spends.total
    by_v = np.bincount(spends.place, np.log1p(share), minlength=len(x))
    by_total = np.bincount(spends.place, np.log1p(odds), minlength=len(x))
    of_total = np.bincount(spends.place, 1 / (1 + odds), minlength=len(x))
    large, small = np.maximum(shape, q), np.minimum(shape, q)
    value = (
        counts @ (log_gamma_rise(large, small) - gammaln(small))
        - spends.sum_log_z
        - shape @ by_total
        - q * by_v.sum()
    )
    gradient = np.array(
        [
            x @ (counts * digamma_rise(shape, q_of_each) - by_total),
            counts @ digamma_rise(q_of_each, shape) - by_v.sum(),
            ((shape + q) @ of_total - counts @ shape) / v,
        ]
    )
    return float(value), gradient


ABOUT = {
    "p": "how the purchases of one customer vary",
    "q": "how customers differ in what they spend",
    "v": "how much customers spend",
}

CEILINGS = {"q": 10_000.0, "p": 10_000.0}
"""Where q makes customers alike, or p the purchases of one customer: to 1 %."""


class GammaGamma(LikelihoodModel):
    """Gamma-Gamma model of the value of a purchase (Fader, Hardie and Lee 2005).

    Parameters
    ----------
    confidence : float
        Level of the intervals.

    Attributes
    ----------
    p_, q_, v_ : float
        Shape of the purchases of a customer; shape and rate of its rate over customers.
    frequency_correlation_ : DataFrame
        One row: correlation of frequency and monetary_value with low and high (Fisher's z), and n
        (customers). The model takes it to be 0.
    notes_ : tuple of str
        Which parameters are held, and who was not used. Where customers, or the purchases of one
        customer, do not differ in value, q or p runs to infinity; it is held at 10,000.
    parameters_, standard_errors_, log_likelihood_, covariance_, n_customers_
        See `LikelihoodModel`.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("p", "q", "v")

    p_: float
    q_: float
    v_: float
    frequency_correlation_: pd.DataFrame
    notes_: tuple[str, ...]

    def fit(self, summary: PurchaseSummary | pd.DataFrame) -> Self:
        """Estimate the parameters from the customers with repeat purchases.

        Parameters
        ----------
        summary : PurchaseSummary, or DataFrame with columns frequency and monetary_value

        Returns
        -------
        GammaGamma

        Raises
        ------
        InputError
            When fewer than 10 customers have repeat purchases, or the data do not determine the
            parameters.
        """
        frequency, monetary_value = spend_of(summary)
        used = (frequency > 0) & (monetary_value > 0)
        if used.sum() < FEWEST:
            raise InputError(
                f"Gamma-Gamma: {int(used.sum()):,} customers have repeat purchases of some value; "
                f"the model needs {FEWEST} or more. Use a longer time, or another method."
            )
        # In units of the mean spend, so that no currency leads the search astray.
        unit = float(monetary_value[used].mean())
        known = spends(frequency[used], monetary_value[used] / unit)
        best = maximize(
            lambda parameters: summed_log_likelihood(parameters, known),
            {"p": 3.0, "q": 3.0, "v": 1.0},
            model="Gamma-Gamma",
            about=ABOUT,
            ceilings=CEILINGS,
        )
        n_customers = int(used.sum())
        self.keep(in_money(best, unit, n_customers), n_customers, ABOUT)
        self.frequency_correlation_ = correlation(
            frequency[used], monetary_value[used], self.confidence
        )
        self.notes_ += told(used, self.q_)
        return self

    def expected_spend(self, summary: PurchaseSummary | pd.DataFrame) -> Array:
        """Value of a purchase expected of each customer.

        Parameters
        ----------
        summary : PurchaseSummary, or DataFrame with columns frequency and monetary_value

        Returns
        -------
        ndarray, shape (customers,)
            ``p (v + x z) / (p x + q - 1)``, a mean of the customer's own and of all; for
            customers without repeat purchases that of all, ``p v / (q - 1)``. NaN where
            ``p x + q`` is 1 or less: the spend then varies so much over customers that it has no
            mean.
        """
        return gamma_gamma_expected_spend(self.estimates(), *repeat_spend(summary))

    def draw_spend(
        self,
        table: PurchaseSummary | pd.DataFrame,
        counts: ArrayLike,
        random: np.random.Generator,
        parameters: Array,
    ) -> Array:
        """Draw what each customer's purchases to come are worth, once, with given parameters.

        Parameters
        ----------
        table : PurchaseSummary, or DataFrame with columns frequency and monetary_value
        counts : array_like of int, shape (customers,) or (customers, k)
            Purchases, for instance one draw of a purchase model.
        random : numpy Generator
        parameters : ndarray, shape (3,)
            p, q, v: `estimates`, or a row of `parameter_draws`.

        Returns
        -------
        ndarray, shape of counts
            Revenue of these purchases together.

        Notes
        -----
        A customer's rate ν given its purchases is gamma(px + q, v + xz); n purchases with that
        rate are together gamma(pn, ν).
        """
        p, q, v = parameters
        bought, total = repeat_spend(table)
        number = np.asarray(counts)
        rate = random.standard_gamma(p * bought + q) / (v + total)
        spent = np.zeros(number.shape)
        some = number > 0
        spent[some] = random.standard_gamma(p * number[some])
        return spent / rate.reshape(-1, *[1] * (number.ndim - 1))


def in_money(found: MaximumLikelihood, unit: float, n_customers: int) -> MaximumLikelihood:
    """What was found in units of so much money, in money: v and the densities change."""
    return replace(
        found,
        parameters=found.parameters | {"v": found.parameters["v"] * unit},
        standard_errors=found.standard_errors | {"v": found.standard_errors["v"] * unit},
        log_likelihood=found.log_likelihood - n_customers * np.log(unit),
    )


def gamma_gamma_expected_spend(parameters: ArrayLike, bought: Array, total: Array) -> Array:
    """Expected value of a purchase, given so many repeat purchases and their sum.

    Parameters
    ----------
    parameters : array_like, shape (3,)
        p, q, v.
    bought, total : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
        NaN where there is no mean.

    Notes
    -----
    Fader and Hardie (2013).
    """
    p, q, v = np.asarray(parameters, dtype=float)
    below = p * bought + q - 1
    known = below > 0
    return np.where(known, p * (v + total) / np.where(known, below, 1.0), np.nan)


def spend_of(summary: PurchaseSummary | pd.DataFrame) -> tuple[Array, Array]:
    """Columns frequency and monetary_value of a summary, checked."""
    data = summary.table if isinstance(summary, PurchaseSummary) else summary
    frequency = numbers_of(data, "frequency", "numbers of repeat purchases")
    monetary_value = numbers_of(data, "monetary_value", "mean values of repeat purchases")
    wrong = np.flatnonzero(~((frequency >= 0) & np.isfinite(frequency)) | np.isinf(monetary_value))
    if len(wrong):
        raise InputError(
            "Summary of purchases: frequency must be a number of 0 or more and monetary_value "
            f"finite; {rows_named(data, wrong)}."
        )
    return frequency, monetary_value


def repeat_spend(summary: PurchaseSummary | pd.DataFrame) -> tuple[Array, Array]:
    """Repeat purchases and their sum; both 0 where nothing is known of a customer's spend."""
    frequency, monetary_value = spend_of(summary)
    known = (frequency > 0) & (monetary_value > 0)
    return np.where(known, frequency, 0.0), np.where(known, frequency * monetary_value, 0.0)


def correlation(x: Array, z: Array, confidence: float) -> pd.DataFrame:
    """Pearson's correlation with Fisher's interval, in one row; NaN where one does not vary."""
    n = len(x)
    r = low = high = np.nan
    if np.ptp(x) > 0 and np.ptp(z) > 0:
        r = float(np.corrcoef(x, z)[0, 1])
        half = stats.norm.ppf((1 + confidence) / 2) / np.sqrt(n - 3)
        low, high = np.tanh(np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15)) + np.array([-half, half]))
    return pd.DataFrame({"correlation": [r], "low": [low], "high": [high], "n": [n]})


def told(used: NDArray[np.bool_], q: float) -> tuple[str, ...]:
    """Sentences on the customers a fit could not use, and on those it can say nothing of."""
    notes = []
    if out := int((~used).sum()):
        notes.append(
            f"Gamma-Gamma learns from the {int(used.sum()):,} customers with repeat purchases; "
            f"{out:,} have none, or none of any value."
        )
    if q <= 1:
        notes.append(
            "Spend differs so much between customers that it has no mean (q is 1 or less): nothing "
            "can be said of customers without repeat purchases."
        )
    return tuple(notes)
