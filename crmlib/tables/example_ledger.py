"""The example company's ledger of costs, who sent whom, and what is expected of key accounts.

The ledger is made backwards from the true unit costs: what an activity costs in a year is its unit
cost times the practical capacity, which lies a little above what was used.
"""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

# Shares of the pools in the cost of each activity.
POOLS = {
    "visit": {"salaries of representatives": 0.64, "cars": 0.24, "travel and training": 0.12},
    "call": {"salaries of the sales desk": 0.86, "telephone": 0.14},
    "mailing": {"printing": 0.58, "postage": 0.42},
    "delivery": {"carriers": 0.68, "warehouse staff": 0.32},
    "returns handling": {"carriers": 0.35, "warehouse staff": 0.45, "goods written off": 0.20},
}
# Yuan in the first year; no customer causes them.
NOT_TRACEABLE = {
    "management and accounts": 430_000,
    "rent": 360_000,
    "computer systems": 120_000,
}
YEARLY_GROWTH = 0.09
SMALLEST_RESERVE = 1.03
LARGEST_RESERVE = 1.14
CAPACITY_STEP = 10

EVENT_ACCOUNTS = 12
EVENTS_EACH = 3
# What may happen at a key account: chance, and profit in months of the account's profit.
EVENTS = pd.DataFrame(
    [
        ["framework contract renewed", 0.80, 6.0, "data"],
        ["new branch to furnish", 0.40, 3.0, "judgement"],
        ["printers replaced", 0.60, 1.5, "data"],
        ["office moved", 0.25, 2.5, "judgement"],
        ["purchasing moved to the group", 0.15, -4.0, "judgement"],
        ["credit note for late deliveries", 0.30, -0.4, "data"],
    ],
    columns=["event", "probability", "months_of_profit", "basis"],
)


def ledger(random: Generator, activities: pd.DataFrame, unit_cost: pd.Series) -> pd.DataFrame:
    """Write the costs of each year.

    Parameters
    ----------
    random
        Random numbers of this table's own.
    activities
        What was done for whom.
    unit_cost
        Yuan per unit, by activity.

    Returns
    -------
    DataFrame
        year, pool, activity (empty where none drives the cost), cost, volume.
    """
    year = activities["date"].dt.year
    used = activities.groupby([year, "activity"])["quantity"].sum()
    reserve = random.uniform(SMALLEST_RESERVE, LARGEST_RESERVE, len(used))
    capacity = CAPACITY_STEP * np.ceil(used * reserve / CAPACITY_STEP)
    rows: list[tuple[int, str, str | None, float, float | None]] = []
    for at in range(year.min(), year.max() + 1):
        for activity, shares in POOLS.items():
            volume = float(capacity[at, activity])
            costs = _shared_out(random, unit_cost[activity] * volume, list(shares.values()))
            rows += [
                (at, pool, activity, cost, volume) for pool, cost in zip(shares, costs, strict=True)
            ]
        growth = (1 + YEARLY_GROWTH) ** (at - year.min())
        rows += [
            (at, pool, None, round(cost * growth * random.uniform(0.97, 1.03), 2), None)
            for pool, cost in NOT_TRACEABLE.items()
        ]
    return pd.DataFrame(rows, columns=["year", "pool", "activity", "cost", "volume"])


def _shared_out(random: Generator, total: float, shares: list[float]) -> NDArray[np.float64]:
    """Split a total by shares that vary a little; the last one takes what rounding leaves."""
    weights = np.array(shares) * random.uniform(0.95, 1.05, len(shares))
    costs = np.round(total * weights / weights.sum(), 2)
    costs[-1] = np.round(total - costs[:-1].sum(), 2)
    return costs


def referrals(random: Generator, customers: pd.DataFrame, life: pd.DataFrame) -> pd.DataFrame:
    """Draw who sent the customers whose channel is referral.

    Parameters
    ----------
    random
        Random numbers of this table's own.
    customers
        customer_id, acquired_on, acquisition_channel, in the order in which they came.
    life
        Index customer_id; left, the first day without purchases, where there is one.

    Returns
    -------
    DataFrame
        customer_id, referred_by, date. The first customers have nobody who could have sent them.
    """
    ids = customers["customer_id"].to_numpy()
    came = customers["acquired_on"].to_numpy()
    left = life["left"].loc[ids].to_numpy()
    # Few customers speak of the company often, most of them never do.
    eagerness = random.gamma(0.4, size=len(ids))
    rows = []
    for place in np.flatnonzero(customers["acquisition_channel"] == "referral"):
        could = (came < came[place]) & (np.isnat(left) | (left > came[place]))
        if could.any():
            weight = eagerness * could
            sender = random.choice(ids, p=weight / weight.sum())
            rows.append((ids[place], sender, came[place]))
    return pd.DataFrame(rows, columns=["customer_id", "referred_by", "date"])


def events(
    random: Generator, accounts: pd.Series, last_day: NDArray[np.datetime64]
) -> pd.DataFrame:
    """Draw what may happen at the most profitable key accounts in the two years to come.

    Parameters
    ----------
    random
        Random numbers of this table's own.
    accounts
        Profit of the last twelve months, by customer_id.
    last_day
        The last day observed.

    Returns
    -------
    DataFrame
        customer_id, date, event, probability, profit, basis; by date.
    """
    largest = accounts.nlargest(EVENT_ACCOUNTS).sort_index()
    which = np.concatenate(
        [np.sort(random.choice(len(EVENTS), EVENTS_EACH, replace=False)) for _ in largest]
    )
    drawn = EVENTS.iloc[which].reset_index(drop=True)
    of_month = np.repeat(largest.to_numpy() / 12, EVENTS_EACH)
    varied = random.uniform(0.7, 1.3, len(drawn))
    shift = random.integers(-2, 3, len(drawn)) * 0.05
    table = pd.DataFrame(
        {
            "customer_id": np.repeat(largest.index.to_numpy(), EVENTS_EACH),
            "date": last_day + random.integers(14, 720, len(drawn)).astype("timedelta64[D]"),
            "event": drawn["event"],
            "probability": (drawn["probability"] + shift).round(2),
            # Nobody knows such a profit to the yuan.
            "profit": (drawn["months_of_profit"] * varied * of_month).round(-2),
            "basis": drawn["basis"],
        }
    )
    return table.sort_values(["date", "customer_id"], kind="stable", ignore_index=True)
