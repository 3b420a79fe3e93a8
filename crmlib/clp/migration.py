"""Customers that skip periods and return: Dwyer's migration model as a Markov chain.

What a customer does next depends on its recency, the periods since it last bought (Dwyer 1989).
Pfeifer and Carraway (2000) write the model as a Markov chain, whose value for ever is one matrix
equation, and ask how long an inactive customer is worth contacting.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crmlib.clp.discounting import Array, check_confidence, check_rate, check_share
from crmlib.clp.dwyer import Flags, Lives
from crmlib.clp.history import ProfitHistory
from crmlib.clp.shares import cells_together, mean_interval, means_by_cell, share_interval
from crmlib.errors import InputError


@dataclass(frozen=True)
class DwyerMigration:
    """Value of customers by recency.

    Attributes
    ----------
    table : DataFrame
        One row per recency (1: bought in the period just ended): recency, probability (of buying
        in the next period), value_over_horizon and value_for_ever (every recency contacted, the
        contribution of the purchase just made included), to_come (value_for_ever without that
        contribution), worth_contacting, best_to_come (what is to come when only those worth it
        are contacted, 0 for the others).
    cohort : DataFrame
        What becomes of the customers at the start: one row a period from 0 to the horizon:
        period, buyers, contacted, dropped (since the start), contribution, contact_cost, profit,
        present_value, cumulative.
    transition : DataFrame
        P: probability of going from the recency of the row to that of the column; the last is
        "dropped".
    reward : ndarray, shape (recencies + 1,)
        R: contribution less cost of contact in each recency; 0 for those dropped.
    value : ndarray, shape (recencies + 1,)
        V = (I - P / (1 + rate))^-1 R.
    cut_off : int
        Recency beyond which contacting stops paying; 0 where it never pays.
    """

    table: pd.DataFrame
    cohort: pd.DataFrame
    transition: pd.DataFrame
    reward: Array
    value: Array
    cut_off: int


def dwyer_migration(
    probabilities: ArrayLike,
    contribution: float,
    contact_cost: float,
    rate: float,
    *,
    horizon: int,
    start: ArrayLike = (1.0,),
) -> DwyerMigration:
    """Value of customers that may skip periods and return, by recency.

    A customer of recency r is contacted, at the contact cost, and buys in the next period with
    probability p_r: it then has recency 1, else r + 1. After the last recency it is contacted no
    more and dropped. With the matrix P of these steps and the reward R of each recency,
    ``R_1 = contribution - contact_cost`` and ``R_r = -contact_cost``, the value is

    - over a horizon of T periods ``V_T = sum over t = 0 ... T of (P / (1 + rate))^t R``,
    - for ever ``V = (I - P / (1 + rate))^-1 R``.

    Parameters
    ----------
    probabilities : array_like, shape (recencies,)
        Probability of buying in the next period, for recency 1, 2 and so on.
    contribution : float
        Profit of a purchase before the cost of contact, in money.
    contact_cost : float
        Cost of contacting a customer once, in money.
    rate : float
        Discount rate per period, a fraction.
    horizon : int
        Periods to look ahead.
    start : array_like, shape (recencies,) or fewer
        Customers of recency 1, 2 and so on at the start; by default one that has just bought.

    Returns
    -------
    DwyerMigration

    Raises
    ------
    InputError
        When a number is not of its kind, or the value for ever is infinite.

    Notes
    -----
    Period 0 is today: its purchases count in full, and so does the contact that follows from
    them, also in the last period of the horizon, as in Pfeifer and Carraway.

    Contacting pays in recency r when ``-contact_cost + (p_r (contribution + W_1) +
    (1 - p_r) W_(r + 1)) / (1 + rate)`` is above 0, W being what is to come when contacts stop
    wherever they do not pay; policies are improved until none is better (Howard 1960). It is
    taken that customers not contacted do not buy.

    Checked against the values recomputed from Pfeifer and Carraway's example, against the sum
    of the series and simulation, and the cut-off against all sets of recencies to contact.

    References
    ----------
    Dwyer, F. R. (1997). Customer lifetime valuation to support marketing decision making.
    Journal of Direct Marketing 11(4), 6-13 (first printed 1989).
    Pfeifer, P. E. and Carraway, R. L. (2000). Modeling customer relationships as Markov chains.
    Journal of Interactive Marketing 14(2), 43-55.
    """
    p = checked_probabilities(probabilities)
    if not (np.isfinite(contribution) and np.isfinite(contact_cost) and contact_cost >= 0):
        raise InputError("Give contribution and contact_cost as money, the cost 0 or more.")
    if horizon < 1:
        raise InputError(f"horizon={horizon}: look ahead at least one period.")
    check_rate(rate)
    names = [*range(1, len(p) + 1), "dropped"]
    P = recency_transitions(p)
    R = np.append(np.full(len(p), -float(contact_cost)), 0.0)
    R[0] += contribution
    value = value_for_ever(P, R, rate)
    worth, best = best_contacts(p, contribution, contact_cost, rate)
    paid = np.where(np.arange(len(p)) == 0, contribution, 0.0)
    return DwyerMigration(
        table=pd.DataFrame(
            {
                "recency": np.arange(1, len(p) + 1),
                "probability": p,
                "value_over_horizon": value_over_horizon(P, R, rate, horizon)[:-1],
                "value_for_ever": value[:-1],
                "to_come": value[:-1] - paid,
                "worth_contacting": worth,
                "best_to_come": np.where(worth, best, 0.0),
            }
        ),
        cohort=cohort_table(P, start_of(start, len(p)), contribution, contact_cost, rate, horizon),
        transition=pd.DataFrame(P, index=pd.Index(names, name="recency"), columns=names),
        reward=R,
        value=value,
        cut_off=len(p) if worth.all() else int(np.argmin(worth)),
    )


def checked_probabilities(probabilities: ArrayLike) -> Array:
    """Probabilities by recency, each a fraction."""
    p = np.atleast_1d(np.asarray(probabilities, dtype=float))
    if p.ndim > 1 or not len(p):
        raise InputError("probabilities: give one for each recency, beginning with 1.")
    for r, value in enumerate(p, start=1):
        check_share(float(value), f"The probability of recency {r}")
    return p


def start_of(start: ArrayLike, recencies: int) -> Array:
    """Customers by recency at the start, and none dropped."""
    given = np.atleast_1d(np.asarray(start, dtype=float))
    if given.ndim > 1 or len(given) > recencies or not (given >= 0).all() or not given.sum() > 0:
        raise InputError(
            f"start: give the number of customers for at most {recencies} recencies, none below 0 "
            "and not all 0."
        )
    return np.concatenate([given, np.zeros(recencies + 1 - len(given))])


def recency_transitions(p: Array) -> Array:
    """Matrix P of the steps from recency to recency, the last state being dropped for good."""
    P = np.zeros((len(p) + 1, len(p) + 1))
    P[:-1, 0] = p
    P[np.arange(len(p)), np.arange(1, len(p) + 1)] = 1 - p
    P[-1, -1] = 1.0
    return P


def value_over_horizon(P: Array, R: Array, rate: float, horizon: int) -> Array:
    """``sum over t = 0 ... horizon of (P / (1 + rate))^t R``."""
    value = R.copy()
    for _ in range(horizon):
        value = R + P @ value / (1 + rate)
    return value


def value_for_ever(P: Array, R: Array, rate: float) -> Array:
    """``(I - P / (1 + rate))^-1 R``, with nothing to come for those dropped.

    Raises
    ------
    InputError
        When the series does not converge.
    """
    Q = P[:-1, :-1] / (1 + rate)
    if np.abs(np.linalg.eigvals(Q)).max() >= 1 - 1e-12:
        raise InputError(
            f"With rate={rate:g} and these probabilities customers are worth without end. Give a "
            "rate above 0, or a probability below 1."
        )
    return np.append(np.linalg.solve(np.eye(len(Q)) - Q, R[:-1]), 0.0)


def best_contacts(
    p: Array, contribution: float, contact_cost: float, rate: float
) -> tuple[Flags, Array]:
    """Recencies worth contacting, and what is to come when only these are.

    Policy iteration: begin with contacting nobody, contact wherever that is better than what
    the present policy is worth, and so on until nothing changes.
    """
    at_once = p * contribution / (1 + rate) - contact_cost
    Q = recency_transitions(p)[:-1, :-1] / (1 + rate)
    worth: Flags = np.zeros(len(p), dtype=bool)
    to_come: Array = np.zeros(len(p))
    while True:
        better = at_once + Q @ to_come > 1e-12 * max(abs(contribution), contact_cost, 1e-300)
        if (better == worth).all():
            return worth, to_come
        worth = better
        among = np.eye(len(p)) - worth[:, None] * Q
        to_come = np.asarray(np.linalg.solve(among, np.where(worth, at_once, 0.0)), dtype=float)


def cohort_table(
    P: Array, start: Array, contribution: float, contact_cost: float, rate: float, horizon: int
) -> pd.DataFrame:
    """Expected buyers, contacts and money of the customers at the start, period by period."""
    customers = np.empty((horizon + 1, len(start)))
    customers[0] = start
    for k in range(horizon):
        customers[k + 1] = customers[k] @ P
    buyers, contacted = customers[:, 0], customers[:, :-1].sum(axis=1)
    profit = contribution * buyers - contact_cost * contacted
    present = profit * (1 + rate) ** -np.arange(0.0, horizon + 1)
    return pd.DataFrame(
        {
            "period": np.arange(horizon + 1),
            "buyers": buyers,
            "contacted": contacted,
            "dropped": customers[:, -1],
            "contribution": contribution * buyers,
            "contact_cost": contact_cost * contacted,
            "profit": profit,
            "present_value": present,
            "cumulative": np.cumsum(present),
        }
    )


@dataclass(frozen=True)
class RecencyProbabilities:
    """Probability of buying in the next period, by recency, as observed.

    Attributes
    ----------
    table : DataFrame
        One row per recency (1: bought in the period just ended), up to the last that is common
        enough: recency, or_longer (true for the last row, which holds all longer ones too),
        observations (customers times periods), customers, bought (of the observations, in the
        next period), probability with low and high.
    profit : DataFrame
        Profit of a period in which a customer bought and of one in which it did not, two rows:
        bought (true or false), observations, customers, profit (mean, money) with low and high.
    recency : Series
        Recency of every customer at the end of the history, by customer_id.
    period : str
    confidence : float
    """

    table: pd.DataFrame
    profit: pd.DataFrame
    recency: pd.Series
    period: str
    confidence: float


def recency_probabilities(
    history: ProfitHistory, *, confidence: float = 0.95
) -> RecencyProbabilities:
    """Probability of buying in the next period by recency, from a profit history.

    Every period of every customer but the last is an observation: its recency, and whether the
    customer bought in the period that followed. From the first recency with fewer than 30
    observations on, all are counted as one.

    Parameters
    ----------
    history : ProfitHistory
    confidence : float
        Level of the intervals.

    Returns
    -------
    RecencyProbabilities

    Raises
    ------
    InputError
        When the history has a single period, or the confidence is no fraction.

    Notes
    -----
    The periods of one customer resemble one another, so intervals take the variance between
    customers: Wilson's with ``n = p (1 - p) / variance`` for probabilities, Student's for profit.

    A purchase is what `profit_history` counts as one: a day with refunds alone is none.
    """
    check_confidence(confidence)
    lives = Lives.of(history.table)
    is_last = lives.t == lives.life[lives.customer]
    if is_last.all():
        raise InputError(
            f"The history has no {history.period} after that of the first purchase, so nothing "
            "shows whether customers buy again. Use a longer history, or a shorter period."
        )
    bought_next = np.append(lives.bought[1:], False)[~is_last]
    recency, customer = lives.silence[~is_last] + 1, lives.customer[~is_last]
    return RecencyProbabilities(
        table=by_recency(recency, customer, bought_next, confidence),
        profit=profit_of_periods(lives, confidence),
        recency=pd.Series(
            lives.silence[is_last] + 1,
            index=pd.Index(history.table["customer_id"].array[is_last], name="customer_id"),
            name="recency",
        ),
        period=history.period,
        confidence=confidence,
    )


def by_recency(
    recency: NDArray[np.int64], customer: NDArray[np.int64], bought: Flags, confidence: float
) -> pd.DataFrame:
    """The table of `RecencyProbabilities`."""
    together = cells_together(np.bincount(recency - 1))
    rows = int(together.max()) + 1
    n, m, share, variance = means_by_cell(together[recency - 1], customer, bought, rows)
    low, high = share_interval(share, variance, n, m, confidence)
    return pd.DataFrame(
        {
            "recency": np.arange(1, rows + 1),
            "or_longer": np.arange(1, rows + 1) == rows,
            "observations": n,
            "customers": m,
            "bought": np.round(share * n).astype(np.int64),
            "probability": share,
            "low": low,
            "high": high,
        }
    )


def profit_of_periods(lives: Lives, confidence: float) -> pd.DataFrame:
    """Profit of periods with and without a purchase."""
    cell = np.where(lives.bought, 0, 1)
    n, m, mean, variance = means_by_cell(cell, lives.customer, lives.profit, 2)
    low, high = mean_interval(mean, variance, m, confidence)
    return pd.DataFrame(
        {
            "bought": [True, False],
            "observations": n,
            "customers": m,
            "profit": mean,
            "low": low,
            "high": high,
        }
    )


def buying_probabilities(probabilities: ArrayLike, periods: int) -> Array:
    """Probability of a purchase in each of the next periods, by recency today.

    The last recency stands for all longer ones: who does not buy in it stays there, and nobody
    is dropped.

    Parameters
    ----------
    probabilities : array_like, shape (recencies,)
        Of buying in the next period, as in `RecencyProbabilities`.
    periods : int

    Returns
    -------
    ndarray, shape (recencies, periods)
    """
    p = checked_probabilities(probabilities)
    P = recency_transitions(p)[:-1, :-1]
    P[-1, -1] += 1 - p[-1]
    ahead, state = np.empty((len(p), periods)), np.eye(len(p))
    for k in range(periods):
        state = state @ P
        ahead[:, k] = state[:, 0]
    return ahead
