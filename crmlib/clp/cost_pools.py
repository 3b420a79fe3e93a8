"""The ledger of costs: its pools checked, and step 1 of costing, what each activity costs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.columns import Array, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError

ALL_YEARS = 0
"""The year of a ledger that names none."""


@dataclass(frozen=True)
class CostPools:
    """A checked ledger.

    Attributes
    ----------
    rows : DataFrame
        year, pool, activity, cents, capacity, traced.
    by_activity : DataFrame
        year, activity, pools, cents, cost, capacity: step 1.
    not_traceable : DataFrame
        year, pool, cost.
    years : tuple of int
        Empty where the ledger has none.
    notes : list of str
    """

    rows: pd.DataFrame
    by_activity: pd.DataFrame
    not_traceable: pd.DataFrame
    years: tuple[int, ...]
    notes: list[str]

    @property
    def has_years(self) -> bool:
        """Whether costs are by year."""
        return bool(self.years)


def key_names(has_years: bool) -> list[str]:
    """Columns that say which activity a row of a result is of."""
    return ["year", "activity"] if has_years else ["activity"]


def pool_rows(cost_pools: Any) -> CostPools:
    """Check a ledger and add up the cost of each activity.

    Raises
    ------
    InputError
        When a column is not there, a cost or a pool is missing, a year is missing in some rows or
        not a whole number, capacities of an activity differ or are below 0, or no activity has a
        cost.
    """
    data = tables.as_frame(cost_pools).reset_index(drop=True)
    refuse_missing_pools(data)
    if "activity" not in data.columns:
        refuse_no_activity(cost_pools, data)
    cost = numbers_of(data, "cost", "costs")
    missing = np.isnan(cost)
    if missing.any():
        raise InputError(
            f'Column "cost" of the ledger has no number for {listed(data.loc[missing, "pool"])}. '
            "Fill it in, or take these rows out."
        )
    activity = column_of(data, "activity").astype("str").str.strip()
    traced = column_of(data, "activity").notna() & (activity != "")
    rows = pd.DataFrame(
        {
            "year": years_of(data),
            "pool": column_of(data, "pool"),
            "activity": activity.where(traced),
            "cents": np.round(cost * 100).astype(np.int64),
            "capacity": capacities_of(data),
            "traced": traced,
        }
    )
    if not traced.any():
        raise InputError(
            'Column "activity" of the ledger is empty in every row. Name the activity that causes '
            "a cost, as the table of activities does; empty is for costs that none causes."
        )
    years = () if (rows["year"] == ALL_YEARS).all() else tuple(sorted(set(rows["year"])))
    idle = rows[~traced & rows["capacity"].notna()]
    notes = []
    if len(idle):
        notes.append(f"Volumes of pools without an activity are not used: {listed(idle['pool'])}.")
    by_activity = costs_by_activity(rows[traced])
    no_activity = rows[~traced]
    not_traceable = no_activity.groupby(["year", "pool"], as_index=False)["cents"].sum()
    return CostPools(
        rows=rows,
        by_activity=by_activity,
        not_traceable=not_traceable.assign(cost=not_traceable["cents"] / 100),
        years=years,
        notes=notes,
    )


def refuse_missing_pools(data: pd.DataFrame) -> None:
    """Every cost needs a name."""
    if data.empty:
        raise InputError("The ledger has no rows, so there is nothing to assign.")
    missing = np.flatnonzero(column_of(data, "pool").isna())
    if len(missing):
        raise InputError(
            f'Column "pool" of the ledger is empty in {rows_named(data, missing)}. Name the cost.'
        )


def refuse_no_activity(cost_pools: Any, data: pd.DataFrame) -> None:
    """Say which file lacks the activities, and how to say what they are called there."""
    source = getattr(cost_pools, "source", None)
    raise InputError(
        f'The ledger{f" ({source})" if source else ""} has no column "activity": which activity '
        f"causes each cost, empty where none does. It has {listed(data.columns, shown=12)}. If it "
        "is called otherwise there, say so: ledger_columns: activity=your name of it."
    )


def years_of(data: pd.DataFrame) -> np.ndarray:
    """Year of each row, ALL_YEARS where the ledger has none."""
    if "year" not in data.columns:
        return np.full(len(data), ALL_YEARS)
    year = numbers_of(data, "year", "calendar years")
    missing = np.isnan(year)
    if missing.all():
        return np.full(len(data), ALL_YEARS)
    if missing.any():
        raise InputError(
            f'Column "year" of the ledger is empty for {listed(data.loc[missing, "pool"])}. '
            "Give every row its year, or none: then costs are those of all activities together."
        )
    wrong = (year % 1 != 0) | (year < 1900) | (year > 2099)
    if wrong.any():
        raise InputError(
            f'Column "year" of the ledger holds {year[wrong][0]:g} for '
            f"{listed(data.loc[wrong, 'pool'])}. Write calendar years such as 2025."
        )
    return year.astype(np.int64)


def capacities_of(data: pd.DataFrame) -> Array:
    """Capacity of each row's activity, NaN where none is given."""
    if "volume" not in data.columns:
        return np.full(len(data), np.nan)
    volume = numbers_of(data, "volume", "hours or pieces")
    below = volume < 0
    if below.any():
        raise InputError(
            f'Column "volume" of the ledger is below 0 for {listed(data.loc[below, "pool"])}. '
            "Write what the activity could do at most, 0 or more, or leave it empty."
        )
    return volume


def costs_by_activity(rows: pd.DataFrame) -> pd.DataFrame:
    """Step 1: add up the pools of each activity and year."""
    grouped = rows.groupby(["year", "activity"], as_index=False)
    costs = grouped.agg(
        pools=("pool", lambda names: ", ".join(dict.fromkeys(names))),
        cents=("cents", "sum"),
        capacity=("capacity", "max"),
        lowest=("capacity", "min"),
    )
    for wrong, what in (
        (costs["capacity"] > costs["lowest"], "several volumes. Give each activity one a year."),
        (costs["cents"] < 0, "costs below 0 in all. Is a sign wrong?"),
    ):
        if wrong.any():
            names = [
                name if year == ALL_YEARS else f"{name} in {year}"
                for name, year in zip(costs["activity"], costs["year"], strict=True)
            ]
            raise InputError(f"The ledger has for {listed(np.array(names)[wrong])} {what}")
    return costs.assign(cost=costs["cents"] / 100).drop(columns="lowest")
