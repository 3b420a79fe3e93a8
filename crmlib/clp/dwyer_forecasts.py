"""Dwyer's two models as forecasts: rates seen in the base, and the future of each state simulated.

Customers in the same state (recency, or tenure and silence) have the same forecast: the models
know nothing else of them.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.clp.base import CustomerBase
from crmlib.clp.customer_value import tails
from crmlib.clp.discounting import Array, When, discount_factors
from crmlib.clp.dwyer import Lives, RetentionRates, retained_shares, retention_rates
from crmlib.clp.forecast import Forecast, assemble
from crmlib.clp.migration import (
    buying_probabilities,
    recency_probabilities,
)

FUTURES = 1000
"""Futures simulated of each state."""

REPLICATES = 500
"""Draws of the rates, for the interval of the sum."""

Codes = NDArray[np.int64]


def dwyer_migration_forecast(
    base: CustomerBase,
    *,
    periods: int,
    rate: float,
    when: When = "end",
    confidence: float = 0.95,
    seed: int,
) -> Forecast:
    """Forecast of Dwyer's migration model: who buys in a period depends on recency alone.

    The probabilities and the mean profit of a period with and without a purchase are those of
    `recency_probabilities`; nobody is dropped. A purchase brings the same whoever buys.
    """
    discount = discount_factors(rate, periods, when)
    seen = recency_probabilities(base.history, confidence=confidence)
    p = seen.table["probability"].to_numpy()
    profit = seen.profit["profit"].fillna(0.0).to_numpy()
    state = np.minimum(seen.recency.to_numpy(), len(p)) - 1
    random = np.random.default_rng(seed)
    rows = Donors.of(base, purchases_only=True)
    futures = recency_futures(p, rows, profit[1], discount, random)

    def values(p: Array, profit: Array) -> Array:
        buys = buying_probabilities(p, periods)
        return np.asarray((buys * profit[0] + (1 - buys) * profit[1]) @ discount)

    shares = errors_of(seen.table, confidence)
    means = errors_of(seen.profit, confidence)
    uncertain = [
        values(
            np.clip(p + shares * random.standard_normal(len(p)), 0, 1),
            profit + means * random.standard_normal(2),
        )
        for _ in range(REPLICATES)
    ]
    basis = np.where(state == len(p) - 1, f"recency {len(p)} or longer", recency_names(state))
    return forecast_of_states(
        base,
        "Dwyer migration",
        States(state, values(p, profit), futures, np.array(uncertain), basis),
        random,
        periods=periods,
        rate=rate,
        when=when,
        confidence=confidence,
    )


def recency_names(state: Codes) -> NDArray[np.str_]:
    """What a forecast by recency rests on."""
    return np.char.add("recency ", (state + 1).astype(str))


def recency_futures(
    p: Array, donors: "Donors", quiet_profit: float, discount: Array, random: np.random.Generator
) -> Array:
    """Simulated worth of the periods ahead, (recencies, futures)."""
    recency = np.repeat(np.arange(len(p))[:, None], FUTURES, axis=1)
    giver = donors.choose(recency.shape, random)
    worth = np.zeros(recency.shape)
    for factor in discount:
        buys = random.random(recency.shape) < p[recency]
        worth += factor * np.where(buys, donors.profit_of(giver, random), quiet_profit)
        recency = np.where(buys, 0, np.minimum(recency + 1, len(p) - 1))
    return worth


def dwyer_retention_forecast(
    base: CustomerBase,
    *,
    periods: int,
    rate: float,
    when: When = "end",
    confidence: float = 0.95,
    seed: int,
) -> Forecast:
    """Forecast of Dwyer's retention model: customers stay or are lost for good.

    Retention and mean profit by tenure are those of `retention_rates`. Whoever has been quiet
    counts as still there with the share of such customers that bought again, and as lost after
    half a year.
    """
    discount = discount_factors(rate, periods, when)
    rates = retention_rates(base.history, confidence=confidence)
    lives = Lives.of(base.history.table)
    quiet = np.minimum(lives.life - lives.last, rates.left_after)
    pair, state = np.unique(lives.life * (rates.left_after + 1) + quiet, return_inverse=True)
    tenure, silence = np.divmod(pair, rates.left_after + 1)
    random = np.random.default_rng(seed)
    shares = retained_shares(rates, tenure, silence, periods)
    profit = tenure_profit(rates.table["profit"], tenure, periods)
    donors = Donors.of(base, purchases_only=False)
    futures = retained_futures(shares, profit, donors, discount, random)
    uncertain = uncertain_retention(rates, tenure, silence, discount, confidence, random)
    basis = np.where(silence == rates.left_after, "lost", "retention by tenure")[state]
    return forecast_of_states(
        base,
        "Dwyer retention",
        States(state, (shares * profit) @ discount, futures, uncertain, basis),
        random,
        periods=periods,
        rate=rate,
        when=when,
        confidence=confidence,
        alive=shares[:, 0][state],
    )


def tenure_profit(by_tenure: pd.Series, tenure: NDArray[Any], periods: int) -> Array:
    """Mean profit by tenure in each of the next periods, (states, periods); its last one holds."""
    t = tenure[:, None] + np.arange(1, periods + 1)
    return by_tenure.to_numpy(dtype=float)[np.minimum(t, len(by_tenure)) - 1]


def retained_futures(
    shares: Array, profit: Array, donors: "Donors", discount: Array, random: np.random.Generator
) -> Array:
    """Simulated worth of the periods ahead, (states, futures).

    One uniform number a future says how long the customer stays: as long as the share retained
    is above it. Profits are those of a donor, in proportion to the mean of the tenure.
    """
    size = (len(shares), FUTURES)
    stays = random.random(size)
    giver = donors.choose(size, random)
    level = donors.level(profit)
    worth = np.zeros(size)
    for k, factor in enumerate(discount):
        there = stays < shares[:, [k]]
        worth += factor * np.where(there, donors.profit_of(giver, random) * level[:, [k]], 0.0)
    return worth


def uncertain_retention(
    rates: RetentionRates,
    tenure: NDArray[Any],
    silence: NDArray[Any],
    discount: Array,
    confidence: float,
    random: np.random.Generator,
) -> Array:
    """Value of each state with rates drawn as the data leave them open, (replicates, states)."""
    profit = tenure_profit(rates.table["profit"], tenure, len(discount))
    z = stats.norm.ppf(0.5 + confidence / 2)
    error = ((rates.table["profit_high"] - rates.table["profit_low"]) / 2 / z).fillna(0.0)
    errors = tenure_profit(error, tenure, len(discount))
    levels = random.standard_normal(REPLICATES)  # tenures share their customers: they err together
    retention = moved_shares(rates.table, "retention", confidence, random)
    still_there = moved_shares(rates.quiet, "still_there", confidence, random)
    values = np.empty((REPLICATES, len(tenure)))
    for j in range(REPLICATES):
        drawn = dataclasses.replace(
            rates,
            table=pd.DataFrame({"retention": retention[j]}),
            quiet=pd.DataFrame({"still_there": still_there[j]}),
        )
        shares = retained_shares(drawn, tenure, silence, len(discount))
        values[j] = (shares * (profit + errors * levels[j])) @ discount
    return values


def moved_shares(
    table: pd.DataFrame, share: str, confidence: float, random: np.random.Generator
) -> Array:
    """Shares moved by chance, (replicates, rows), those that were pooled together."""
    pooled = table["pooled"].to_numpy(dtype=bool)
    cell = np.cumsum(~(pooled & np.append(False, pooled[:-1]))) - 1
    steps = random.standard_normal((REPLICATES, len(table)))[:, cell]
    return np.clip(table[share].to_numpy() + errors_of(table, confidence) * steps, 0.0, 1.0)


def errors_of(table: pd.DataFrame, confidence: float) -> Array:
    """Standard errors that intervals low to high amount to; 0 where there is none."""
    z = stats.norm.ppf(0.5 + confidence / 2)
    return ((table["high"] - table["low"]) / 2 / z).fillna(0.0).to_numpy()


@dataclass(frozen=True)
class Donors:
    """Profits of periods seen, by customer, for simulated customers to draw theirs from.

    A simulated customer has one donor, so that customers differ from one another as they do in
    the base.

    Attributes
    ----------
    profit : ndarray, shape (rows,)
        Sorted by customer.
    start, length : ndarray of int, shape (rows,)
        Where the rows of the same customer begin, and how many there are.
    mean : float
    """

    profit: Array
    start: Codes
    length: Codes
    mean: float

    @classmethod
    def of(cls, base: CustomerBase, *, purchases_only: bool) -> "Donors":
        """Periods with a purchase, or all up to the last purchase."""
        lives = Lives.of(base.history.table)
        used = lives.bought if purchases_only else lives.t <= lives.last[lives.customer]
        _, start, code, length = np.unique(
            lives.customer[used], return_index=True, return_inverse=True, return_counts=True
        )
        profit = lives.profit[used]
        return cls(profit, start[code], length[code], float(profit.mean()))

    def level(self, profit: Array) -> Array:
        """What to multiply profits by for such means; 1 where the means differ in sign."""
        alike = profit * self.mean > 0
        return np.where(alike, profit / (self.mean or 1.0), 1.0)

    def choose(self, size: tuple[int, ...], random: np.random.Generator) -> Codes:
        """One donor for each of many customers, by any of its rows."""
        return random.integers(len(self.profit), size=size)

    def profit_of(self, giver: Codes, random: np.random.Generator) -> Array:
        """Profit of one period of each donor."""
        steps = (random.random(giver.shape) * self.length[giver]).astype(np.int64)
        return self.profit[self.start[giver] + steps]


@dataclass(frozen=True)
class States:
    """Customers by state, and what is to come in each.

    Attributes
    ----------
    state : ndarray of int, shape (customers,)
    value : ndarray, shape (states,)
        Expected worth.
    futures : ndarray, shape (states, FUTURES)
        Simulated worth, given the rates.
    uncertain : ndarray, shape (REPLICATES, states)
        Expected worth with rates drawn as the data leave them open.
    basis : ndarray of str, shape (customers,)
    """

    state: Codes
    value: Array
    futures: Array
    uncertain: Array
    basis: NDArray[np.str_]


def forecast_of_states(
    base: CustomerBase,
    method: str,
    states: States,
    random: np.random.Generator,
    *,
    periods: int,
    rate: float,
    when: When,
    confidence: float,
    alive: Array | None = None,
) -> Forecast:
    """Forecast from values and simulated futures by state.

    The sum varies with the rates, and with the chance of every customer on its own.
    """
    quantiles = tails(confidence)
    low, high = np.quantile(states.futures, quantiles, axis=1)
    n = np.bincount(states.state, minlength=len(states.value))
    chance = np.sqrt(n @ states.futures.var(axis=1))
    sums = states.uncertain @ n + chance * random.standard_normal(len(states.uncertain))
    # Shares near 0 or 1 move one way only: the interval holds the forecast all the same.
    ends, total = np.quantile(sums, quantiles), float(states.value @ n)
    table = pd.DataFrame(
        {
            "profit": states.value[states.state],
            "low": low[states.state],
            "high": high[states.state],
            "probability_alive": np.nan if alive is None else alive,
            "basis": states.basis,
        }
    )
    return assemble(
        base,
        method,
        table,
        periods=periods,
        rate=rate,
        when=when,
        confidence=confidence,
        total=(min(float(ends[0]), total), max(float(ends[1]), total)),
        notes=["Customers in the same state have the same forecast."],
    )
