"""What is at stake with the customers of today: who is still here, how long they stay, their worth.

Time runs in periods of tenure: 1 is the period of a customer's first purchase. A customer is here
as long as it will buy again. Whether one seen today is, its silence tells: how many that were
quiet as long bought again. How long it stays then, retention tells: that of tenure t is the
probability that a customer of t buys again at any later time. How both are known from a history
is told by `crmlib.clp.dwyer.retention_rates`; here the same counts can be taken again with
customers counted once, twice or not at all, which is what a bootstrap needs.
"""

from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from crmlib.clp.discounting import Array, When, discount_factors
from crmlib.clp.dwyer import (
    Lives,
    RetentionRates,
    retention_rates,
    shares_or_all,
    silence_cells,
    silence_states,
)
from crmlib.clp.history import PERIODS_PER_YEAR, Period, ProfitHistory, periods_in
from crmlib.clp.maximum_likelihood import maximize
from crmlib.clp.shares import cells_together
from crmlib.clp.shifted_beta_geometric import (
    Losses,
    shifted_beta_geometric_log_likelihood,
    shifted_beta_geometric_retention,
)
from crmlib.errors import InputError

Codes = NDArray[np.int64]
RetentionModel = Literal["constant", "by tenure", "shifted beta-geometric"]

RETENTION_MODELS: tuple[RetentionModel, ...] = ("constant", "by tenure", "shifted beta-geometric")
"""One retention for all; that of each tenure as observed; customers that differ for good."""

FAR = 600
"""Periods beyond the longest tenure up to which the shifted beta-geometric model is followed."""

SURELY_LOST = 1e-9
"""Retention of a tenure at which everybody was lost: above 0, so that its logarithm exists."""

HIGHEST_POWER = 1e6
"""Retentions to this power are none."""

LEAST_STAY = 1e-6
"""Share that stays for a year below which nobody is taken to: no power of it tells more."""

LEAST_PERIODS = 3
"""Periods between first and last purchase that say what a customer lost brought in one."""


@dataclass(frozen=True)
class Counts:
    """Sums over customers, from which every rate and value here is made.

    Attributes
    ----------
    at_risk, lost : ndarray, shape (..., tenures)
        Customers of whom it is known whether they bought again, and those that did not.
    profit : ndarray, shape (..., tenures)
        Of the customers at risk.
    silences, returns : ndarray, shape (..., states of silence)
        Times a customer was quiet for so many periods, and those after which it bought again:
        the rows of `RetentionRates.quiet`.
    here, here_profit : ndarray, shape (..., tenures of today, states of silence)
        Customers of today by tenure and silence, and what they bring a period.
    gone, gone_profit : ndarray, shape (...)
        Customers lost whose profit is known, and what they brought a period before.
    """

    at_risk: Array
    lost: Array
    profit: Array
    silences: Array
    returns: Array
    here: Array
    here_profit: Array
    gone: Array
    gone_profit: Array

    def weighted(self, weights: Array) -> "Counts":
        """Sum over groups of customers, each as often as its weight says."""
        sums = {
            field.name: np.tensordot(weights, getattr(self, field.name), axes=1)
            for field in fields(self)
        }
        return Counts(**sums)


@dataclass(frozen=True)
class CustomersAtStake:
    """Customers that are still here, those lost, and how long customers stay.

    Attributes
    ----------
    customers : DataFrame
        Of today, that is quiet for less than ``left_after`` periods: customer_id, tenure,
        quiet (periods since the last purchase), profit (mean a period over the last year, the
        period of the first purchase left out) and profit_known (False where there is no other
        period and the mean of the customers of the first year is taken).
    lost : DataFrame
        Quiet for longer: customer_id, tenure (at the last purchase), last_period (its first
        day), realised_profit (all that came), profit (mean a period over the half year before
        the last purchase, first and last purchase left out; missing where fewer than three
        periods, or the half year where that is shorter, are between).
    rates : RetentionRates
    lives : Lives
    period : str
    year : int
        Periods in a year.
    """

    customers: pd.DataFrame
    lost: pd.DataFrame
    rates: RetentionRates
    lives: Lives
    period: Period
    year: int

    @property
    def left_after(self) -> int:
        """Quiet periods after which a customer counts as lost."""
        return self.rates.left_after

    @property
    def observed(self) -> Codes:
        """Of each customer, periods of tenure after which it is known whether it bought again."""
        return np.minimum(self.lives.last, self.lives.life - self.left_after)

    @property
    def gone(self) -> NDArray[np.bool_]:
        """Of each customer, whether it is lost."""
        return self.lives.life - self.lives.last >= self.left_after


def customers_at_stake(
    history: ProfitHistory, *, left_after: int | None = None, confidence: float = 0.95
) -> CustomersAtStake:
    """Sort customers into those still here and those lost, and observe how long they stay.

    A first purchase is what makes somebody a customer and a last one what ends it, so neither
    says how much a customer brings a period: both are left out of its mean profit, or whoever
    bought once would seem to buy every period.

    Parameters
    ----------
    history : ProfitHistory
    left_after : int, optional
        Quiet periods after which a customer counts as lost; by default half a year.
    confidence : float
        Level of the intervals of the rates.

    Returns
    -------
    CustomersAtStake

    Raises
    ------
    InputError
        When the history is too short to see who left, or nobody is still here.
    """
    rates = retention_rates(history, left_after=left_after, confidence=confidence)
    lives = Lives.of(history.table)
    gone = lives.life - lives.last >= rates.left_after
    if gone.all():
        raise InputError(
            f"All {len(gone):,} customers have left: none has bought in the last "
            f"{rates.left_after} {history.period}s. There is nobody to keep; if customers pause "
            "for longer, give a larger left_after."
        )
    table = history.table
    names = table["customer_id"].to_numpy()[lives.t == 1]
    year, half = periods_in(1, history.period), periods_in(0.5, history.period)
    recent = mean_profit(lives, lives.life - year + 1, lives.life)
    before = mean_profit(lives, lives.last - half, lives.last - 1)
    before = np.where(lives.last - 2 >= min(LEAST_PERIODS, half), before, np.nan)
    first_year = mean_of_first_year(rates.table, year, recent[~gone])
    here = pd.DataFrame(
        {
            "customer_id": names,
            "tenure": lives.life,
            "quiet": lives.life - lives.last,
            "profit": np.where(np.isnan(recent), first_year, recent),
            "profit_known": ~np.isnan(recent),
        }
    )
    at_last = lives.t == lives.last[lives.customer]
    away = pd.DataFrame(
        {
            "customer_id": names,
            "tenure": lives.last,
            "last_period": table["period"].to_numpy()[at_last],
            "realised_profit": np.bincount(lives.customer, weights=lives.profit),
            "profit": before,
        }
    )
    return CustomersAtStake(
        customers=here[~gone].reset_index(drop=True),
        lost=away[gone].reset_index(drop=True),
        rates=rates,
        lives=lives,
        period=history.period,
        year=PERIODS_PER_YEAR[history.period],
    )


def mean_profit(lives: Lives, first: Codes, last: Codes) -> Array:
    """Mean profit of each customer from one period to another, the first of all left out."""
    first = np.maximum(first, 2)
    inside = (lives.t >= first[lives.customer]) & (lives.t <= last[lives.customer])
    sums = np.bincount(
        lives.customer[inside], weights=lives.profit[inside], minlength=len(lives.life)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums / np.where(last >= first, last - first + 1, 0)


def mean_of_first_year(by_tenure: pd.DataFrame, year: int, known: Array) -> float:
    """Mean profit a period of the customers of the first year, their first period left out."""
    early = by_tenure[(by_tenure["t"] > 1) & (by_tenure["t"] <= year)]
    if len(early):
        return float(np.average(early["profit"], weights=early["customers"]))
    return float(np.nanmean(known)) if np.isfinite(known).any() else 0.0


def counts(stake: CustomersAtStake, group: Codes | None = None) -> Counts:
    """Count the customers of a history, together or in groups.

    Parameters
    ----------
    stake : CustomersAtStake
    group : ndarray of int, shape (customers of the history,), optional
        Number of the group of each, from 0; every array of the result then begins with them.

    Returns
    -------
    Counts
    """
    lives, left_after = stake.lives, stake.left_after
    of = np.zeros(len(lives.life), dtype=np.int64) if group is None else group
    n = int(of.max()) + 1
    observed = np.maximum(stake.observed, 0)
    tenures = int(observed.max())
    reached = cross_table(of, observed, n, tenures + 1)
    gone = stake.gone
    row, by = of[lives.customer], lives.t
    there = by <= observed[lives.customer]
    used = (by <= lives.life[lives.customer] - left_after) & (lives.silence < left_after)
    returned = by[used] < lives.last[lives.customer[used]]
    here = stake.customers
    states = 2 * left_after
    cell = (here["tenure"].to_numpy() - 1) * states + states_of(here, left_after)
    shape = (n, int(here["tenure"].max()), states)
    quiet = silence_states(by[used], lives.silence[used], left_after)
    cells = shape[1] * shape[2]
    of_here, brings = of[~gone], here["profit"].to_numpy()
    brought = stake.lost["profit"].to_numpy()
    known = ~np.isnan(brought)
    of_gone = of[gone][known]
    found = Counts(
        at_risk=reached[:, :0:-1].cumsum(axis=1)[:, ::-1],
        lost=cross_table(of[gone], lives.last[gone] - 1, n, tenures),
        profit=cross_table(row[there], by[there] - 1, n, tenures, lives.profit[there]),
        silences=cross_table(row[used], quiet, n, states),
        returns=cross_table(row[used], quiet, n, states, returned),
        here=cross_table(of_here, cell, n, cells).reshape(shape),
        here_profit=cross_table(of_here, cell, n, cells, brings).reshape(shape),
        gone=np.bincount(of_gone, minlength=n).astype(float),
        gone_profit=np.bincount(of_gone, weights=brought[known], minlength=n).astype(float),
    )
    return found if group is not None else found.weighted(np.ones(1))


def states_of(customers: pd.DataFrame, left_after: int) -> Codes:
    """State of silence of the customers of today."""
    return silence_states(customers["tenure"].to_numpy(), customers["quiet"].to_numpy(), left_after)


def cross_table(
    row: Codes, column: Codes, rows: int, columns: int, values: ArrayLike | None = None
) -> Array:
    """Count, or sum of values, in each cell of a table."""
    weights = None if values is None else np.asarray(values, dtype=float)
    sums = np.bincount(row * columns + column, weights=weights, minlength=rows * columns)
    return sums.reshape(rows, columns).astype(float)


@dataclass(frozen=True)
class Staying:
    """How long customers stay, by one model of retention.

    Attributes
    ----------
    retention : ndarray, shape (tenures,)
        Of tenure 1, 2, ...; beyond, the ``later`` one holds.
    later : float
    still_here : ndarray, shape (states of silence,)
        Probability that a customer quiet for so long buys again, as often as was seen: retention
        does not tell it, as it is that of all customers of a tenure, quiet or not.
    """

    retention: Array
    later: float
    still_here: Array

    def up_to(self, tenures: int) -> Array:
        """Retention of tenure 1, 2, ... up to so many."""
        more = max(0, tenures - len(self.retention))
        return np.concatenate([self.retention, np.full(more, self.later)])[:tenures]

    def raised(self, power: float) -> "Staying":
        """Every retention to a power: below 1 fewer leave at every tenure, in proportion."""
        return replace(self, retention=self.retention**power, later=self.later**power)

    def alike(self, retention: float, year: int) -> "Staying":
        """One retention at every tenure, of which so large a share stays for a year."""
        rate = max(retention, SURELY_LOST) ** (1 / year)
        return replace(self, retention=np.full(1, rate), later=rate)


def staying(
    found: Counts, pooled: Codes, silent: Codes, year: int, model: RetentionModel
) -> Staying:
    """Retention by tenure, and the chance to buy again by silence, from counts.

    Parameters
    ----------
    found : Counts
    pooled : ndarray of int, shape (tenures,)
        Tenure whose rate each takes part in, from `cells_together`.
    silent : ndarray of int, shape (states of silence,)
        State whose share each takes part in, from `silence_cells`.
    year : int
        Periods of tenure at the end of the table whose common rate holds beyond it; the later
        half of the table where it is shorter than two years.
    model : str
        One of `RETENTION_MODELS`.
    """
    if model not in RETENTION_MODELS:
        raise InputError(f'model="{model}": write one of {", ".join(RETENTION_MODELS)}.')
    returns, silences = (
        np.bincount(silent, weights=sums, minlength=len(silent)).astype(float)
        for sums in (found.returns, found.silences)
    )
    still_here = shares_or_all(returns, silences)[silent]
    if model == "by tenure":
        kept, later = by_cell(found.at_risk - found.lost, found.at_risk, pooled, year)
        retention = np.clip(kept, SURELY_LOST, 1.0)
    elif model == "constant":
        later = 1 - float(found.lost.sum() / found.at_risk.sum())
        retention = np.full(len(found.lost), later)
    else:
        tenures = np.arange(1, len(found.lost) + FAR)
        retention = shifted_beta_geometric_retention(mixture(found), tenures)
        later = float(retention[-1])
    return Staying(retention, max(later, SURELY_LOST), still_here)


def mixture(found: Counts) -> Array:
    """Find alpha and beta of the shifted beta-geometric model from counts by tenure.

    Raises
    ------
    InputError
        When the losses do not show customers to differ, so that the data do not determine them.
    """
    seen_last = found.at_risk - found.lost - np.append(found.at_risk[1:], 0.0)
    losses = Losses(lost=found.lost, kept=np.maximum(seen_last, 0.0))
    rate = max(found.lost.sum() / found.at_risk.sum(), SURELY_LOST)
    best = maximize(
        lambda parameters: shifted_beta_geometric_log_likelihood(parameters, losses),
        {"alpha": 1.0, "beta": float(max(1 / rate - 1, 0.1))},
        model="Shifted beta-geometric",
    )
    return np.array([best.parameters["alpha"], best.parameters["beta"]])


def models_determined(stake: CustomersAtStake) -> tuple[RetentionModel, ...]:
    """Retention models that the data determine.

    Where losses do not show customers to differ, the shifted beta-geometric model has no best
    parameters; its limit is constant retention.
    """
    try:
        mixture(counts(stake))
    except InputError:
        return RETENTION_MODELS[:2]
    return RETENTION_MODELS


def by_cell(sums: Array, at_risk: Array, pooled: Codes, year: int) -> tuple[Array, float]:
    """Mean per customer at risk, by tenure and over the last tenures, a year of them at most."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled(
            np.bincount(pooled, weights=sums)[pooled] / np.bincount(pooled, weights=at_risk)[pooled]
        )
        late = max(1, min(year, len(sums) // 2))
        later = sums[-late:].sum() / at_risk[-late:].sum()
    return mean, float(later) if np.isfinite(later) else float(mean[-1])


def filled(values: Array) -> Array:
    """Numbers with each gap filled by the last one before it; 0 where there is none."""
    return np.asarray(pd.Series(values).ffill().fillna(0.0), dtype=np.float64)


def steps_ahead(stays: Staying, tenures: int, first: int, steps: int) -> Array:
    """Retention of so many tenures from T + first on, for T = 1, 2, ..., shape (tenures, steps)."""
    if steps == 0:
        return np.ones((tenures, 0))
    retention = stays.up_to(tenures + first + steps)[first:]
    return np.lib.stride_tricks.sliding_window_view(retention, steps)[:tenures]


def worth_if_here(stays: Staying, tenures: int, discount: Array, kept: int = 0) -> Array:
    """Present value of one unit of money a period from those that will buy again, by tenure.

    ``sum over k of d_k product over j = T + 1 ... T + k - 1 of r_j``: who will buy again is past
    the step that follows tenure T. The first ``kept`` of these r are taken as 1: nobody leaves.

    Returns
    -------
    ndarray, shape (tenures,)
    """
    steps = steps_ahead(stays, tenures, 1, len(discount) - 1).copy()
    steps[:, :kept] = 1.0
    survival = np.cumprod(np.column_stack([np.ones(tenures), steps]), axis=1)
    return np.asarray(survival @ discount)


def survival(stays: Staying, tenures: int, periods: int) -> Array:
    """Probability that one of each tenure that is here stays for so many periods more."""
    return np.asarray(steps_ahead(stays, tenures, 1, periods).prod(axis=1))


def power_for(stays: Staying, mix: Array, year: int, target: float) -> float:
    """Power of every retention at which so large a share of a mix of tenures stays for a year."""
    if target >= 1:
        return 0.0
    log_survival = np.log(np.maximum(survival(stays, len(mix), year), np.finfo(float).tiny))

    def beyond(power: float) -> float:
        return float(mix @ np.exp(power * log_survival) / mix.sum()) - target

    high = 1.0
    while beyond(high) > 0 and high < HIGHEST_POWER:
        high *= 2
    return high if beyond(high) > 0 else float(brentq(beyond, 0.0, high, xtol=1e-12))


@dataclass(frozen=True)
class Outlook:
    """How long customers stay and who is here: what a value of the base is computed from.

    Attributes
    ----------
    stays : Staying
    found : Counts
    new_profit : ndarray, shape (tenures,)
        Mean profit of a customer that is still there, by tenure.
    later_profit : float
        The same beyond these tenures.
    year : int
    """

    stays: Staying
    found: Counts
    new_profit: Array
    later_profit: float
    year: int

    @property
    def left_after(self) -> int:
        """Quiet periods after which a customer counts as lost."""
        return len(self.stays.still_here) // 2

    @property
    def mix(self) -> Array:
        """Customers of today that will buy again, by tenure, as many as is expected."""
        return np.asarray(self.found.here @ self.stays.still_here)

    @property
    def retention(self) -> float:
        """Share that stays for another year, of those that are here; 0 where nobody is."""
        mix = self.mix
        here = mix.sum()
        return float(mix @ survival(self.stays, len(mix), self.year) / here) if here else 0.0

    def stay(self, periods: int) -> float:
        """Share of today's customers that will be customers so many periods later.

        Then as today, customers are those quiet for less than ``left_after`` periods: those that
        buy in the last ``left_after`` of the periods. With a purchase at any of these ahead they
        stay to the first of them, ``still_here product over j = T + 1 ... T + n of r_j`` with n
        the periods less ``left_after``.
        """
        mix = self.mix
        steps = survival(self.stays, len(mix), max(periods - self.left_after, 0))
        return float(mix @ steps / self.found.here.sum())

    def at(self, retention: float) -> "Outlook":
        """The same with another share staying for a year, losses at every tenure in proportion.

        Where nobody was lost, or hardly anybody stays, they are put at one rate at every tenure.
        """
        if not LEAST_STAY < self.retention < 1:
            return replace(self, stays=self.stays.alike(retention, self.year))
        power = power_for(self.stays, self.mix, self.year, retention)
        return replace(self, stays=self.stays.raised(power))

    def newcomers_at(self, retention: float) -> "Outlook":
        """The same with another share of new customers staying for their first year."""
        first_year = float(steps_ahead(self.stays, 1, 0, self.year).prod())
        if not LEAST_STAY < first_year < 1:
            return replace(self, stays=self.stays.alike(retention, self.year))
        power = np.log(max(retention, SURELY_LOST)) / np.log(first_year)
        return replace(self, stays=self.stays.raised(float(power)))

    def value(self, discount: Array) -> float:
        """Present value of what today's customers bring."""
        worth = worth_if_here(self.stays, len(self.found.here), discount)
        return float(worth @ (self.found.here_profit @ self.stays.still_here))

    def customer_years(self, discount: Array) -> float:
        """Years that today's customers count as such within the periods ahead, each discounted.

        Nobody knows which of them will buy again: each counts until it has been quiet for
        ``left_after`` periods.
        """
        n, left_after = len(discount), self.left_after
        steps = steps_ahead(self.stays, len(self.found.here), 1, max(n - left_after, 0))
        # Those that buy again count for sure until then, and left_after periods from the last on.
        later = np.cumprod(steps, axis=1) @ discount[left_after:]
        quiet = np.tile(np.arange(left_after), 2)
        surely = np.array([discount[: left_after - 1 - q].sum() for q in quiet])
        maybe = discount[:left_after].sum() - surely
        years = surely + np.add.outer(later, maybe) * self.stays.still_here
        return float((self.found.here * years).sum()) / self.year

    @property
    def profit_of_leavers(self) -> float:
        """Mean profit a period of today's customers, each as likely in it as it is to leave.

        NaN where nobody leaves.
        """
        leaves = 1 - steps_ahead(self.stays, len(self.found.here), 1, 1)[:, 0]
        leavers = float(leaves @ self.mix)
        brought = float(leaves @ (self.found.here_profit @ self.stays.still_here))
        return brought / leavers if leavers else np.nan

    def new_customer(self, discount: Array) -> float:
        """Present value of a customer won today, its first purchase included."""
        periods = len(discount)
        survival = np.cumprod(np.append(1.0, self.stays.up_to(periods - 1)))
        more = max(0, periods - len(self.new_profit))
        profit = np.append(self.new_profit, np.full(more, self.later_profit))[:periods]
        return float((survival * profit) @ discount)


def outlook(
    stake: CustomersAtStake, model: RetentionModel = "by tenure", found: Counts | None = None
) -> Outlook:
    """Outlook on the base by a model of retention.

    Parameters
    ----------
    stake : CustomersAtStake
    model : str
        One of `RETENTION_MODELS`.
    found : Counts, optional
        Counts to use instead of those of the history.

    Returns
    -------
    Outlook

    Raises
    ------
    InputError
        When the model is not known.
    """
    found = counts(stake) if found is None else found
    pooled = cells_together(stake.rates.table["customers"].to_numpy())
    profit, later = by_cell(found.profit, found.at_risk, pooled, stake.year)
    silent = silence_cells(stake.rates.quiet["silences"].to_numpy())
    stays = staying(found, pooled, silent, stake.year, model)
    return Outlook(stays, found, profit, later, stake.year)


def customer_values(
    stake: CustomersAtStake,
    model: RetentionModel = "by tenure",
    *,
    rate: float,
    periods: int,
    when: When = "end",
) -> pd.DataFrame:
    """What each customer of today is worth, and how likely it is here and leaves within a year.

    Parameters
    ----------
    stake : CustomersAtStake
    model : str
        One of `RETENTION_MODELS`.
    rate : float
        Discount rate per period, a fraction.
    periods : int
        Periods to look ahead.
    when : {"end", "start"}
        Whether profit comes at the end or the start of a period.

    Returns
    -------
    DataFrame
        The columns of ``stake.customers`` and still_here (probability that it will buy again;
        the others have left already), value_if_here (present value still to come of one that
        will, later losses allowed for), value (value_if_here times still_here), leaves
        (probability that one that is here leaves within a year) and expected_loss (what it would
        bring, did nobody leave within a year, less its value: both times still_here).

    Raises
    ------
    InputError
        When an argument cannot be used.
    """
    discount = factors(rate, periods, when)
    stays = outlook(stake, model).stays
    here = stake.customers
    tenure = here["tenure"].to_numpy() - 1
    tenures = int(here["tenure"].max())
    now = stays.still_here[states_of(here, stake.left_after)]
    leaves = 1 - survival(stays, tenures, stake.year)
    worth, kept = (worth_if_here(stays, tenures, discount, kept) for kept in (0, stake.year))
    profit = here["profit"].to_numpy()
    return here.assign(
        still_here=now,
        value_if_here=worth[tenure] * profit,
        value=now * worth[tenure] * profit,
        leaves=leaves[tenure],
        expected_loss=now * (kept - worth)[tenure] * profit,
    )


def factors(rate: float, periods: int, when: When) -> Array:
    """Value today of one unit of money in each of the next periods, one or more."""
    if periods < 1:
        raise InputError(f"periods={periods}: look ahead at least one period.")
    return discount_factors(rate, periods, when)
