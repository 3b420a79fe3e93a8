"""The customer-event method: value as a dated list of what is expected to happen.

Each event (an order, a contract that runs out, an introduction, a complaint) has a date, a
probability and a profit; the value of a customer is the sum of their expected present values.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.clp.discounting import Array, check_confidence, check_rate
from crmlib.columns import codes_of, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError

CELLS = 4_000_000
"""Events times draws that are held at a time."""

FACTORS = (0.8, 1.0, 1.2)
"""What judged probabilities are multiplied by in the sensitivity."""


@dataclass(frozen=True)
class CustomerEvents:
    """Value of customers as the sum of what is expected to happen.

    Attributes
    ----------
    events : DataFrame
        One row an event, by customer and date: customer_id, date, event, probability, profit,
        profit_low, profit_high, basis, years (from today), present_value (expected).
    customers : DataFrame
        customer_id, events, value, low, high, from_judgement (share of what is expected, gains
        and losses alike, that rests on judgement).
    total : DataFrame
        The same for all customers in one row, with their number in place of customer_id.
    judgement_share : float
        from_judgement of all events.
    sensitivity : DataFrame
        Total with all judged probabilities multiplied: factor, value, low, high, and capped (how
        many probabilities stopped at 1).
    confidence : float
    """

    events: pd.DataFrame
    customers: pd.DataFrame
    total: pd.DataFrame
    judgement_share: float
    sensitivity: pd.DataFrame
    confidence: float


def customer_events(
    events: pd.DataFrame,
    *,
    today: dt.date | str,
    rate: float,
    draws: int = 10_000,
    confidence: float = 0.95,
    seed: int,
) -> CustomerEvents:
    """Value of customers from a dated list of expected events.

    ``value = sum over events of probability * profit / (1 + rate)^(days to come / 365)``. The
    interval is that of simulated futures, in each of which every event happens or does not.

    Parameters
    ----------
    events : DataFrame
        One row an event: customer_id, date, event (its name), probability (0 to 1) and profit
        (expected if it happens, below 0 for a loss). Also, if there are, profit_low and
        profit_high, the ends between which the profit lies, and basis, "data" or "judgement";
        without it all are judged.
    today : date or ISO text
        Day the value is of. Events must not be before it.
    rate : float
        Discount rate per year, a fraction.
    draws : int
        Simulated futures.
    confidence : float
        Level of the intervals.
    seed : int
        Of the simulation.

    Returns
    -------
    CustomerEvents

    Raises
    ------
    InputError
        When a column or cell is missing or not of its kind, a probability is given in per cent,
        or an event lies in the past.

    Notes
    -----
    Events are taken as independent of one another. Where they are not (a recession would undo
    many orders at once; a second order needs the first) the true interval is wider.

    With a range, the profit of an event that happens is drawn from below or above its expected
    value, evenly on either side, the sides weighted so that the mean is the expected value.
    """
    check_rate(rate)
    check_confidence(confidence)
    if draws < 100:
        raise InputError(f"draws={draws}: simulate at least 100 futures.")
    now = as_timestamp(today)
    table = checked_events(events, now)
    years = ((table["date"] - now).dt.days / 365).to_numpy(dtype=float)
    table["years"] = years
    table["present_value"] = table["probability"] * table["profit"] * (1 + rate) ** -years
    return simulated_value(table, rate, draws, confidence, seed)


def simulated_value(
    table: pd.DataFrame, rate: float, draws: int, confidence: float, seed: int
) -> CustomerEvents:
    """Values and their intervals, for the probabilities as given and as changed."""
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    judged = (table["basis"] == "judgement").to_numpy()
    probability, expected = table["probability"].to_numpy(), table["present_value"].to_numpy()
    discount = (1 + rate) ** -table["years"].to_numpy()
    customer, names = codes_of(table, "customer_id")

    parts, rows = [], []
    for factor in FACTORS:
        changed = np.where(judged, np.minimum(probability * factor, 1.0), probability)
        together = np.zeros(draws)
        for values in draw_values(table, customer, changed, discount, draws, seed):
            together += values.sum(axis=0)
            if factor == 1.0:
                parts.append(np.quantile(values, tails, axis=1))
        low, high = np.quantile(together, tails)
        rows.append(
            {
                "factor": factor,
                "value": float((changed * table["profit"].to_numpy() * discount).sum()),
                "low": low,
                "high": high,
                "capped": int((judged & (probability * factor > 1)).sum()),
            }
        )
    sensitivity = pd.DataFrame(rows)
    low, high = np.concatenate(parts, axis=1)
    customers = pd.DataFrame(
        {
            "customer_id": names,
            "events": np.bincount(customer),
            "value": np.bincount(customer, weights=expected),
            "low": low,
            "high": high,
            "from_judgement": judged_share(expected, judged, customer),
        }
    )
    share = float(judged_share(expected, judged, np.zeros(len(table), dtype=np.int64))[0])
    as_given = sensitivity[sensitivity["factor"] == 1.0]
    total = pd.DataFrame(
        {
            "customers": [len(names)],
            "events": [len(table)],
            "value": [expected.sum()],
            "low": as_given["low"].to_numpy(),
            "high": as_given["high"].to_numpy(),
            "from_judgement": [share],
        }
    )
    return CustomerEvents(table, customers, total, share, sensitivity, confidence)


def draw_values(
    table: pd.DataFrame,
    customer: NDArray[np.int64],
    probability: Array,
    discount: Array,
    draws: int,
    seed: int,
) -> Iterator[Array]:
    """Present value of some customers after others in simulated futures, shape (customers, draws).

    Events are sorted by customer. The same seed draws the same futures, whatever the
    probabilities: an event more probable happens in the futures it did, and in more.
    """
    random = np.random.default_rng(seed)
    profit, low, high = (
        table[name].to_numpy()[:, None] for name in ("profit", "profit_low", "profit_high")
    )
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    ends = np.append(first, len(customer))
    room = max(1, CELLS // draws)
    start = 0
    while start < len(first):
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + room, side="right")) - 1)
        part = slice(ends[start], ends[stop])
        shape = (ends[stop] - ends[start], draws)
        happens = random.random(shape) < probability[part, None]
        drawn = profit[part]
        if (low[part] < high[part]).any():
            above = random.random(shape) * (high[part] - low[part]) < profit[part] - low[part]
            end = np.where(above, high[part], low[part])
            drawn = drawn + random.random(shape) * (end - drawn)
        values = np.where(happens, drawn * discount[part, None], 0.0)
        yield np.add.reduceat(values, first[start:stop] - first[start], axis=0)
        start = stop


def judged_share(expected: Array, judged: NDArray[np.bool_], group: NDArray[np.int64]) -> Array:
    """Share of what is expected, gains and losses alike, that rests on judgement."""
    size = np.abs(expected)
    whole = np.bincount(group, weights=size)
    part = np.bincount(group, weights=size * judged)
    count = np.bincount(group, weights=judged) / np.bincount(group)
    # Where nothing is expected, the share of the events.
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), count)


def as_timestamp(today: dt.date | str) -> pd.Timestamp:
    """Read the day the value is of."""
    try:
        return pd.Timestamp(today).normalize()
    except ValueError:
        raise InputError(f'today="{today}": write the day as 2025-12-31.') from None


def checked_events(events: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """The events in columns and order of our own, every cell looked at."""
    if events.empty:
        raise InputError("The table has no events, so there is nothing to value.")
    codes_of(events, "customer_id")
    dates = event_dates(events, now)
    probability = complete_numbers(events, "probability", "probabilities")
    refuse_probabilities(events, probability)
    profit = complete_numbers(events, "profit", "the profit of an event")
    low, high = profit_range(events, profit)
    table = pd.DataFrame(
        {
            "customer_id": events["customer_id"].array,
            "date": dates.array,
            "event": column_of(events, "event").array,
            "probability": probability,
            "profit": profit,
            "profit_low": low,
            "profit_high": high,
            "basis": event_basis(events),
        }
    )
    return table.sort_values(["customer_id", "date"], kind="stable", ignore_index=True)


def event_dates(events: pd.DataFrame, now: pd.Timestamp) -> pd.Series:
    """Days of the events, none missing and none past."""
    given = column_of(events, "date")
    dates = pd.to_datetime(given, errors="coerce", format="ISO8601").dt.normalize()
    wrong = np.flatnonzero(dates.isna())
    if len(wrong):
        raise InputError(
            f'Column "date": no day can be read in {rows_named(events, wrong)}, such as '
            f"{given.iloc[wrong[0]]!r}. Write days as 2026-03-31."
        )
    past = np.flatnonzero(dates < now)
    if len(past):
        raise InputError(
            f'Column "date": {len(past):,} of the events lie before today, {now:%Y-%m-%d}; '
            f"{rows_named(events, past)}. Only what is still to come has value: take these rows "
            "out, or give the day the list was made as today."
        )
    return dates


def complete_numbers(events: pd.DataFrame, column: str, what: str) -> Array:
    """A column of finite numbers."""
    values = numbers_of(events, column, what)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise InputError(
            f'Column "{column}" has no number in {rows_named(events, wrong)}. Fill it in, or take '
            "these rows out."
        )
    return values


def refuse_probabilities(events: pd.DataFrame, probability: Array) -> None:
    """A probability of 80 is one of 0.80, or a slip."""
    wrong = np.flatnonzero((probability < 0) | (probability > 1))
    if len(wrong):
        value = probability[wrong[0]]
        question = f" Did you mean {value / 100:.2f}?" if 1 < value <= 100 else ""
        raise InputError(
            f'Column "probability" holds {value:g}, which is not between 0 and 1; '
            f"{rows_named(events, wrong)}.{question} Write 0.80 for 80 %."
        )


def profit_range(events: pd.DataFrame, profit: Array) -> tuple[Array, Array]:
    """Ends of the profit of each event: itself where no range is given."""
    given = [name for name in ("profit_low", "profit_high") if name in events.columns]
    if len(given) == 1:
        raise InputError(f'Column "{given[0]}" needs its other end: give both, or neither.')
    if not given:
        return profit, profit
    low, high = (numbers_of(events, name, "ends of the profit") for name in given)
    low, high = (np.where(np.isnan(end), profit, end) for end in (low, high))
    wrong = np.flatnonzero(~((low <= profit) & (profit <= high)))
    if len(wrong):
        raise InputError(
            f"The profit does not lie between profit_low and profit_high in "
            f"{rows_named(events, wrong)}. Correct one of the three."
        )
    return low, high


def event_basis(events: pd.DataFrame) -> NDArray[np.object_]:
    """What the probability of each event rests on."""
    if "basis" not in events.columns:
        return np.full(len(events), "judgement", dtype=object)
    basis = events["basis"].fillna("judgement")
    wrong = np.flatnonzero(~basis.isin(["data", "judgement"]))
    if len(wrong):
        raise InputError(
            f'Column "basis" holds {listed(basis.iloc[wrong].unique())} in '
            f'{rows_named(events, wrong)}. Write "data" or "judgement".'
        )
    return basis.to_numpy(dtype=object)
