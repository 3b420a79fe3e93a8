"""Customers lost for good: Dwyer's retention model, and retention seen in profit histories.

Dwyer (1989, reprinted 1997) tells two kinds of relationship apart. Where customers that do not
come back are lost for good, as subscribers are, a group shrinks by its retention rate from year
to year. `crmlib.clp.migration` is for the other kind, where customers skip periods and return.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.clp.discounting import Array, When, check_confidence, check_share, discount_factors
from crmlib.clp.history import ProfitHistory, periods_in
from crmlib.clp.shares import (
    cells_together,
    mean_interval,
    means_by_cell,
    share_interval,
    wilson_interval,
)
from crmlib.errors import InputError

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class DwyerRetention:
    """Value of a group of customers that shrinks by its retention rate.

    Attributes
    ----------
    table : DataFrame
        One row a year: year, customers, revenue, cost, profit (money of the whole group),
        present_value, cumulative (present value up to and with the year).
    value : float
        Present value of the group.
    value_per_customer : float
        Of each customer at the start.
    """

    table: pd.DataFrame
    value: float
    value_per_customer: float


def dwyer_retention(
    start: float,
    retention: float | Sequence[float],
    revenue: float | Sequence[float],
    cost: float | Sequence[float],
    rate: float,
    *,
    years: int,
    when: When = "end",
) -> DwyerRetention:
    """Profit of a group year by year when customers that leave are lost for good.

    ``value = sum over k = 1 ... years of N_k (revenue_k - cost_k) / (1 + rate)^k`` with
    ``N_1 = start`` and ``N_(k+1) = N_k retention_k``; with ``when="start"`` the exponent is
    k - 1.

    Parameters
    ----------
    start : float
        Customers in the first year.
    retention : float or sequence
        Share of the customers of a year that are customers in the next: one for all years, or
        one for each step from year to year.
    revenue, cost : float or sequence
        Money per customer and year: one for all years, or one for each.
    rate : float
        Discount rate per year, a fraction.
    years : int
        Years to look ahead. Of a sequence that is shorter the last number is repeated.
    when : {"end", "start"}
        Whether a year's profit comes at its end or its start.

    Returns
    -------
    DwyerRetention

    Raises
    ------
    InputError
        When a number is not of its kind, or a sequence is longer than the years.

    Notes
    -----
    A year may be any period, as long as retention, money and rate are all for that period.

    References
    ----------
    Dwyer, F. R. (1997). Customer lifetime valuation to support marketing decision making.
    Journal of Direct Marketing 11(4), 6-13 (first printed 1989).
    """
    if not np.isfinite(start) or start <= 0:
        raise InputError(f"start={start:g}: give the number of customers in the first year.")
    if years < 1:
        raise InputError(f"years={years}: look ahead at least one year.")
    kept = per_year(retention, max(years - 1, 1), "retention", "steps from year to year")
    for value in kept:
        check_share(float(value), "retention")
    customers = start * np.cumprod(np.concatenate([[1.0], kept[: years - 1]]))
    revenues = customers * per_year(revenue, years, "revenue", "years")
    costs = customers * per_year(cost, years, "cost", "years")
    present = (revenues - costs) * discount_factors(rate, years, when)
    table = pd.DataFrame(
        {
            "year": np.arange(1, years + 1),
            "customers": customers,
            "revenue": revenues,
            "cost": costs,
            "profit": revenues - costs,
            "present_value": present,
            "cumulative": np.cumsum(present),
        }
    )
    value = float(present.sum())
    return DwyerRetention(table=table, value=value, value_per_customer=value / start)


def per_year(values: float | Sequence[float], length: int, name: str, what: str) -> Array:
    """One number for each year, the last repeated."""
    numbers = np.atleast_1d(np.asarray(values, dtype=float))
    if numbers.ndim > 1 or not len(numbers) or not np.isfinite(numbers).all():
        raise InputError(f"{name}: give one number, or one for each of the {what}, none missing.")
    if len(numbers) > length:
        raise InputError(
            f"{name} has {len(numbers)} numbers for {length} {what}. Leave some out, or look "
            "further ahead."
        )
    return np.concatenate([numbers, np.full(length - len(numbers), numbers[-1])])


@dataclass(frozen=True)
class RetentionRates:
    """Retention and profit by time since the first purchase, as observed.

    Attributes
    ----------
    table : DataFrame
        One row per period of tenure t, 1 being that of the first purchase: customers (customers
        in t of whom it is known whether they bought again), lost (that did not), retention with
        low and high, survival (share of all that came that were still customers in t) with
        survival_low and survival_high, profit (mean of those that were customers in t) with
        profit_low and profit_high, pooled (whether retention and profit are those of this and
        all later periods together, because fewer than 30 customers were left).
    constant : DataFrame
        The same over all periods of tenure in one row: customer_periods, lost, retention, low,
        high, profit, profit_low, profit_high.
    quiet : DataFrame
        Of the customers that had been quiet for so many periods (0: bought in the last one), how
        many bought again: bought_once (whether the first purchase was the only one; these come
        first), quiet, silences, customers, still_there with low and high, pooled. Where there was
        no such silence of more than one purchase, still_there is that of all and the interval
        missing.
    left_after : int
        Quiet periods after which a customer counts as lost.
    period : str
    confidence : float
    note : str
        What the table knows and what it does not, for a report.
    """

    table: pd.DataFrame
    constant: pd.DataFrame
    quiet: pd.DataFrame
    left_after: int
    period: str
    confidence: float
    note: str


def retention_rates(
    history: ProfitHistory, *, left_after: int | None = None, confidence: float = 0.95
) -> RetentionRates:
    """Retention by tenure of customers that are lost for good.

    The period of a customer's last purchase is its last one as a customer, if it was quiet for
    ``left_after`` periods or more since. The step from tenure t to t + 1 is looked at only for
    customers observed for ``left_after`` periods after t, whatever they did in them, so that
    late silence is never taken for loss. ``retention_t`` is the share of the customers in t that
    bought again at any time, and survival their product. It says how many are left of those
    known to buy again; how many of those seen today will, the table ``quiet`` tells.

    Parameters
    ----------
    history : ProfitHistory
    left_after : int, optional
        Quiet periods after which a customer counts as lost; by default half a year.
    confidence : float
        Level of the intervals.

    Returns
    -------
    RetentionRates

    Raises
    ------
    InputError
        When no customer was observed for longer than ``left_after``, or an argument cannot be
        used.

    Notes
    -----
    Intervals of retention are Wilson's with n the customers, each of whom is counted once in a
    period of tenure; of survival Wilson's with the n that Greenwood's variance amounts to; of
    profit Student's t. Where a customer is counted more than once, over several periods or
    silences, the interval takes the variance between customers (`means_by_cell`).

    A history longer than ``left_after`` shows some that returned after a longer silence; they
    count as retained throughout. Of those observed for little longer it does not show it yet, so
    the rates of recent customers are, if anything, too low.
    """
    check_confidence(confidence)
    left_after = periods_in(0.5, history.period) if left_after is None else left_after
    if left_after < 1:
        raise InputError(f"left_after={left_after}: write 1 or more {history.period}s.")
    lives = Lives.of(history.table)
    if lives.life.max(initial=0) <= left_after:
        raise InputError(
            f"No customer was observed for longer than {left_after} {history.period}s, so nobody "
            "can be seen to have left. Use a longer history, or a smaller left_after."
        )
    known = lives.t <= lives.life[lives.customer] - left_after
    there = known & (lives.t <= lives.last[lives.customer])
    bought_again = lives.t < lives.last[lives.customer]
    return RetentionRates(
        table=by_tenure(lives, there, bought_again, confidence),
        constant=all_tenures(lives, there, bought_again, confidence),
        quiet=by_silence(lives, known, bought_again, left_after, confidence),
        left_after=left_after,
        period=history.period,
        confidence=confidence,
        note=retention_note(lives, left_after, history.period),
    )


@dataclass(frozen=True)
class Lives:
    """A profit history as arrays: one number a row, or one a customer.

    Attributes
    ----------
    customer, t, profit, bought, silence : ndarray, shape (rows,)
        Number of the customer, tenure, profit, whether it bought, and periods since it did.
    life, last : ndarray, shape (customers,)
        Periods observed, and the period of the last purchase.
    """

    customer: NDArray[np.int64]
    t: NDArray[np.int64]
    profit: Array
    bought: NDArray[np.bool_]
    silence: NDArray[np.int64]
    life: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Lives":
        """Read the table of a `ProfitHistory`, which is sorted by customer and period."""
        t = table["t"].to_numpy(dtype=np.int64)
        first = t == 1
        customer = np.cumsum(first) - 1
        # A history begins with its first transaction, even one that was taken back at once.
        bought = (table["purchases"].to_numpy() > 0) | first
        latest = np.maximum.accumulate(np.where(bought, np.arange(len(t)), 0))
        silence = np.arange(len(t)) - latest
        ends = np.flatnonzero(np.append(first[1:], True)) if len(t) else np.array([], dtype=int)
        return cls(
            customer=customer,
            t=t,
            profit=table["profit"].to_numpy(dtype=float),
            bought=bought,
            silence=silence,
            life=t[ends],
            last=t[ends] - silence[ends],
        )


def by_tenure(lives: Lives, there: Flags, bought_again: Flags, confidence: float) -> pd.DataFrame:
    """The table of `RetentionRates`."""
    row = lives.t[there] - 1
    customers = np.bincount(row)
    cell = cells_together(customers)
    rates = rates_by_cell(lives, there, bought_again, cell[row], len(cell), confidence).iloc[cell]
    survival, low, high = survival_of(rates["retention"].to_numpy(), customers, confidence)
    return pd.DataFrame(
        {
            "t": np.arange(1, len(customers) + 1),
            "customers": customers,
            "lost": np.bincount(row, weights=~bought_again[there]).astype(np.int64),
            **{name: rates[name].to_numpy() for name in ("retention", "low", "high")},
            "survival": survival,
            "survival_low": low,
            "survival_high": high,
            **{name: rates[name].to_numpy() for name in ("profit", "profit_low", "profit_high")},
            "pooled": np.bincount(cell, minlength=len(cell))[cell] > 1,
        }
    )


def rates_by_cell(
    lives: Lives,
    there: Flags,
    bought_again: Flags,
    cell: NDArray[np.int64],
    cells: int,
    confidence: float,
) -> pd.DataFrame:
    """Retention and profit of the rows in each cell, with intervals."""
    customer = lives.customer[there]
    n, m, retention, spread = means_by_cell(cell, customer, bought_again[there], cells)
    low, high = share_interval(retention, spread, n, m, confidence)
    _, m, profit, spread = means_by_cell(cell, customer, lives.profit[there], cells)
    profit_low, profit_high = mean_interval(profit, spread, m, confidence)
    return pd.DataFrame(
        {
            "retention": retention,
            "low": low,
            "high": high,
            "profit": profit,
            "profit_low": profit_low,
            "profit_high": profit_high,
        }
    )


def survival_of(
    retention: Array, customers: NDArray[np.int64], confidence: float
) -> tuple[Array, Array, Array]:
    """Share still there at the beginning of each period, with its interval.

    Greenwood's variance ``S^2 sum (1 - r_k) / (r_k n_k)``, made into the n of Wilson's interval.
    """
    survival = np.cumprod(np.append(1.0, retention[:-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = (1 - retention[:-1]) / (retention[:-1] * customers[:-1])
        variance = survival**2 * np.cumsum(np.append(0.0, steps))
        n = np.where(variance > 0, survival * (1 - survival) / variance, customers[0])
    low, high = wilson_interval(survival, n, confidence)
    # All that came are customers in their first period, which is no estimate.
    low[0], high[0] = 1.0, 1.0
    return survival, low, high


def all_tenures(lives: Lives, there: Flags, bought_again: Flags, confidence: float) -> pd.DataFrame:
    """Retention and profit over all periods of tenure, in one row."""
    together = np.zeros(there.sum(), dtype=np.int64)
    rates = rates_by_cell(lives, there, bought_again, together, 1, confidence)
    rates.insert(0, "customer_periods", there.sum())
    rates.insert(1, "lost", (~bought_again[there]).sum())
    return rates


def by_silence(
    lives: Lives, known: Flags, bought_again: Flags, left_after: int, confidence: float
) -> pd.DataFrame:
    """How many that were quiet so long bought again, by whether they had bought once or more."""
    used = known & (lives.silence < left_after)
    state, customer = silence_states(lives.t[used], lives.silence[used], left_after), lives.customer
    counts = np.bincount(state, minlength=2 * left_after)
    cell = silence_cells(counts)
    n, m, share, spread = means_by_cell(
        cell[state], customer[used], bought_again[used], 2 * left_after
    )
    low, high = share_interval(share, spread, n, m, confidence)
    return pd.DataFrame(
        {
            "bought_once": np.arange(2 * left_after) < left_after,
            "quiet": np.tile(np.arange(left_after), 2),
            "silences": counts,
            "customers": m[cell],
            "still_there": shares_or_all(np.nan_to_num(share) * n, n.astype(np.float64))[cell],
            "low": low[cell],
            "high": high[cell],
            "pooled": np.bincount(cell, minlength=2 * left_after)[cell] > 1,
        }
    )


def silence_states(
    tenure: NDArray[np.int64], quiet: NDArray[np.int64], left_after: int
) -> NDArray[np.int64]:
    """Row of the table ``quiet`` by tenure and silence; the last one where it is longer.

    Silence since the first period means that the first purchase was the only one. Such customers
    buy again much less often than others that were quiet as long.
    """
    more = quiet < tenure - 1
    return np.minimum(quiet, left_after - 1) + left_after * more


def silence_cells(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row that each row of the table ``quiet`` is counted with."""
    once, more = np.split(counts, 2)
    return np.append(cells_together(once), len(once) + cells_together(more))


def shares_or_all(bought_again: Array, silences: Array) -> Array:
    """Share that bought again of each row; of both rows of a silence where one has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = bought_again / silences
        both = bought_again.reshape(2, -1).sum(axis=0) / silences.reshape(2, -1).sum(axis=0)
    share = np.where(silences > 0, share, np.tile(both, 2))
    # Nobody was quiet so long: the share of the silence before holds.
    return np.asarray(pd.DataFrame(share.reshape(2, -1)).ffill(axis=1).fillna(0.0)).ravel()


def retention_note(lives: Lives, left_after: int, period: str) -> str:
    """What the rates rest on."""
    gone = lives.life - lives.last >= left_after
    after = lives.profit[gone[lives.customer] & (lives.t > lives.last[lives.customer])].sum()
    text = (
        f"A customer counts as lost after {left_after} {period}s without a purchase: "
        f"{gone.sum():,} of {len(gone):,} customers."
    )
    if after:
        text += f" What was booked for them since, {after:,.2f} of profit, is not in the rates."
    return text


def retained_shares(rates: RetentionRates, tenure: Array, quiet: Array, periods: int) -> Array:
    """Probability that customers of today are still customers in each of the next periods.

    ``P(t + k) = still_there(quiet) * product over j = 1 ... k - 1 of retention_(t + j)``, with
    still_there of those that bought once or more often; beyond the table its last rate holds.
    Customers quiet for ``left_after`` or more are lost.

    Parameters
    ----------
    rates : RetentionRates
    tenure, quiet : array_like of int, shape (customers,)
        Periods since the first purchase (1 in its own) and since the last (0 in its own).
    periods : int

    Returns
    -------
    ndarray, shape (customers, periods)
    """
    silence, age = np.asarray(quiet, dtype=np.int64), np.asarray(tenure, dtype=np.int64)
    retention = rates.table["retention"].to_numpy()
    still_there = rates.quiet["still_there"].to_numpy()
    state = silence_states(age, silence, rates.left_after)
    now = np.where(silence < rates.left_after, still_there[state], 0.0)
    t = age[:, None] + np.arange(1, periods)
    steps = retention[np.minimum(t, len(retention)) - 1]
    return now[:, None] * np.cumprod(np.column_stack([np.ones(len(age)), steps]), axis=1)
