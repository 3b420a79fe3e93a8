"""Activity-based costing: from the ledger and what was done for whom to each customer's cost."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.clp.cost_pools import ALL_YEARS, key_names, pool_rows
from crmlib.columns import Array, Codes, listed
from crmlib.errors import InputError
from crmlib.findings import counted

UNIT_COST_COLUMNS = [
    "cost",
    "used",
    "capacity",
    "volume",
    "basis",
    "unit_cost",
    "assigned",
    "unused_cost",
]

COUNT_ROWS = "With quantity none, every row counts as one."


@dataclass(frozen=True)
class ActivityCosts:
    """What each activity costs, what a unit of it costs, and what it costs for each customer.

    Attributes
    ----------
    pools : DataFrame
        Step 1, each activity's cost: year (where the ledger has years), activity, pools (their
        names), cost.
    unit_costs : DataFrame
        Step 2: year, activity, cost, used, capacity (NaN where not given), volume (what the cost
        is divided by), basis ("capacity" or "use"), unit_cost (NaN where nothing was used and no
        capacity is given), assigned, unused_cost (cost - assigned).
    customers : DataFrame
        Step 3: customer_id, activity, quantity, cost, sorted by these two.
    not_traceable : DataFrame
        Costs that no activity causes: year, pool, cost.
    unpriced : DataFrame
        Activities without a cost in the ledger: year, activity, rows, quantity. They are in no
        customer's cost.
    left_out : DataFrame
        Activities of years that the ledger does not have: year, rows. `customer_profit` leaves
        out the sales of these years too.
    reconciliation : DataFrame
        year ("all" in the last row), assigned, unused_capacity, not_traceable, total (the sum of
        these three), ledger, difference.
    other_profit : DataFrame
        customer_id, date, profit (minus the cost): what `profit_history` and `purchase_summary`
        take. Adds up to what is assigned, to the cent.
    years : tuple of int
        The years of the ledger; empty where it has none.
    first_day, last_day : Timestamp
        Days of the first and the last activity with a cost.
    notes : list of str
        What a reader should know of how the costs were assigned.
    """

    pools: pd.DataFrame
    unit_costs: pd.DataFrame
    customers: pd.DataFrame
    not_traceable: pd.DataFrame
    unpriced: pd.DataFrame
    left_out: pd.DataFrame
    reconciliation: pd.DataFrame
    other_profit: pd.DataFrame
    years: tuple[int, ...]
    first_day: pd.Timestamp
    last_day: pd.Timestamp
    notes: list[str]

    @property
    def cost_to_serve(self) -> pd.Series:
        """Cost of each customer over all activities, by customer_id."""
        cents = (self.customers["cost"] * 100).round()
        return (cents.groupby(self.customers["customer_id"]).sum() / 100).rename("cost_to_serve")


def activity_costs(
    activities: Any,
    cost_pools: Any,
    *,
    customer: str = "customer_id",
    date: str = "date",
    activity: str = "activity",
    quantity: str | None = "quantity",
) -> ActivityCosts:
    """Activity-based costing (作业成本法) in three steps, to the cent.

    Step 1 separates what each activity costs, step 2 divides it by the activity's volume, step 3
    gives each customer unit cost times use.

    Parameters
    ----------
    activities : DataFrame, Ibis table or tables.CheckedTable
        One row per thing done for a customer.
    cost_pools : DataFrame, Ibis table or tables.CheckedTable
        The ledger, ``kind="cost_pools"``: pool, activity (empty where no activity causes the
        cost), cost; volume (capacity of the activity) and year where there are such columns. The
        volume of an activity may stand in one of its rows or the same in all.
    customer, date, activity : str
        Column names of the activities.
    quantity : str or None
        Column with hours or pieces; None counts every row as one.

    Returns
    -------
    ActivityCosts

    Raises
    ------
    InputError
        When a column is not there; a quantity is missing or negative; the ledger has several
        capacities for an activity, a capacity of 0 for one in use, or a total below 0; or none of
        its activities and years is among what was done.

    Notes
    -----
    Unit cost = cost / volume, with the volume the practical capacity where the ledger has it, so
    that customers are not charged for idle people and vans (Kaplan and Anderson 2004), otherwise
    what was used. Where more was used than the capacity the ledger names, it is divided by use.
    A cost is assigned to the rows of an activity in proportion to their quantity, by largest
    remainder: every cent goes somewhere, and none twice. Activities of a year have the unit cost
    of that year; a ledger without years has one unit cost for all of them.
    """
    pools = pool_rows(cost_pools)
    done = daily_activities(activities, customer, date, activity, quantity)
    if not pools.has_years:
        done["year"] = ALL_YEARS
    units = unit_costs(pools.by_activity, done)
    refuse_nothing_in_common(units, done, pools.has_years)
    of_years = done["year"].isin(pools.years) | (not pools.has_years)
    left_out = done[~of_years].groupby("year", as_index=False)[["rows"]].sum()
    rows, unpriced = priced_rows(done[of_years], units)
    names = key_names(pools.has_years)
    unused = (units["cents"] - units["assigned_cents"]) / 100
    unit_table = units.assign(unused_cost=unused)[[*names, *UNIT_COST_COLUMNS]]
    return ActivityCosts(
        pools=pools.by_activity[[*names, "pools", "cost"]],
        unit_costs=unit_table,
        customers=by_customer(rows),
        not_traceable=pools.not_traceable[[*names[:-1], "pool", "cost"]],
        unpriced=unpriced[[*names, "rows", "quantity"]],
        left_out=left_out,
        reconciliation=reconciled(pools.rows, units, rows, pools.has_years),
        other_profit=pd.DataFrame(
            {"customer_id": rows["customer_id"], "date": rows["day"], "profit": -rows["cost"]}
        )[rows["cents"] != 0].reset_index(drop=True),
        years=pools.years,
        first_day=rows["day"].min(),
        last_day=rows["day"].max(),
        notes=[
            *pools.notes,
            *unit_cost_notes(unit_table, pools.years),
            *unpriced_notes(unpriced),
            *left_out_notes(left_out),
        ],
    )


def daily_activities(
    activities: Any, customer: str, date: str, activity: str, quantity: str | None
) -> pd.DataFrame:
    """Quantity by customer, day and activity, in this order: one query on the engine."""
    rows = tables.as_expression(activities)
    missing = [n for n in (customer, date, activity, quantity) if n and n not in rows.columns]
    if missing:
        hint = f" {COUNT_ROWS}" if missing == [quantity] else ""
        raise InputError(
            f"The activities have no column {', '.join(missing)}; they have "
            f"{', '.join(rows.columns)}.{hint}"
        )
    prepared = rows.select(
        customer_id=rows[customer],
        day=rows[date].cast("date"),
        activity=rows[activity],
        quantity=rows[quantity or customer],
    )
    number = prepared["quantity"].cast("float64").sum() if quantity else prepared.count()
    grouped = prepared.group_by("customer_id", "day", "activity").aggregate(
        rows=prepared.count(),
        quantity=number.cast("float64"),
        missing=prepared["quantity"].isnull().sum(),
        below=(prepared["quantity"] < 0).sum() if quantity else prepared.count() * 0,
    )
    frame = tables.as_frame(grouped.order_by("customer_id", "day", "activity"))
    if frame.empty:
        raise InputError("The table of activities has no rows, so there is nothing to cost.")
    refuse_faulty_activities(frame, customer, date, activity, quantity)
    frame["day"] = pd.to_datetime(frame["day"])
    return frame.assign(year=frame["day"].dt.year).drop(columns=["missing", "below"])


def refuse_faulty_activities(
    frame: pd.DataFrame, customer: str, date: str, activity: str, quantity: str | None
) -> None:
    """A row without customer, day, activity or quantity would fall out in silence."""
    unknown = frame[["customer_id", "day", "activity"]].isna().any(axis=1)
    if unknown.any():
        raise InputError(
            f"{int(frame.loc[unknown, 'rows'].sum()):,} activities have no value in at least one "
            f"of the columns {customer}, {date}, {activity}. Fill them in, or take these rows out."
        )
    for fault, what in (("missing", "no quantity"), ("below", "a quantity below 0")):
        found = frame.groupby("activity")[fault].sum()
        found = found[found > 0]
        if len(found):
            counts = [f"{name}: {n:,}" for name, n in found.items()]
            raise InputError(
                f'Column "{quantity}" of the activities: {int(found.sum()):,} rows have {what} '
                f"({listed(counts)}). Write the hours or pieces, 0 or more, or take these rows "
                f"out. {COUNT_ROWS}"
            )


def unit_costs(pools: pd.DataFrame, done: pd.DataFrame) -> pd.DataFrame:
    """Step 2: what a unit of each activity costs in each year, and what of the cost is used."""
    used = done.groupby(["year", "activity"], as_index=False).agg(used=("quantity", "sum"))
    units = pools.merge(used, on=["year", "activity"], how="left")
    units["used"] = units["used"].fillna(0.0)
    none = (units["capacity"] == 0) & (units["used"] > 0)
    if none.any():
        row = units[none].iloc[0]
        raise InputError(
            f'The ledger says that the volume of "{row["activity"]}"{in_year(row["year"])} is 0, '
            f"but {row['used']:,.6g} were used. Write what it could do at most, or leave it empty."
        )
    units["basis"] = np.where(units["capacity"] >= units["used"], "capacity", "use")
    units["volume"] = np.fmax(units["capacity"], units["used"])
    share = units["used"] / units["volume"].where(units["volume"] > 0)
    units["assigned_cents"] = (units["cents"] * share.fillna(0.0)).round().astype("int64")
    units["assigned"] = units["assigned_cents"] / 100
    units["unit_cost"] = units["cost"] / units["volume"].where(units["volume"] > 0)
    return units


def in_year(year: int) -> str:
    """Name the year of a ledger that has years."""
    return "" if year == ALL_YEARS else f" in {year}"


def refuse_nothing_in_common(units: pd.DataFrame, done: pd.DataFrame, has_years: bool) -> None:
    """A ledger of other activities or other years costs nothing of what was done."""
    if (units["used"] > 0).any():
        return
    years = set(done["year"]) & set(units["year"])
    if has_years and not years:
        raise InputError(
            f"The ledger is of the years {listed(sorted(set(units['year'])))}, the activities of "
            f"{listed(sorted(set(done['year'])))}: none in common."
        )
    raise InputError(
        "None of the activities of the ledger was done. The ledger has "
        f"{listed(sorted(set(units['activity'])), shown=12)}; done were "
        f"{listed(sorted(set(done['activity'])), shown=12)}. Are they spelt alike?"
    )


def priced_rows(done: pd.DataFrame, units: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Step 3: the cost of each row in cents; and the activities that have no cost, summed."""
    keys = pd.MultiIndex.from_frame(units[["year", "activity"]])
    place = keys.get_indexer(pd.MultiIndex.from_frame(done[["year", "activity"]]))
    without = done[place < 0].groupby(["year", "activity"], as_index=False)
    unpriced = without.agg(rows=("rows", "sum"), quantity=("quantity", "sum"))
    rows, group = done[place >= 0].reset_index(drop=True), place[place >= 0]
    unit_cents = (units["cents"] / units["volume"].where(units["volume"] > 0)).to_numpy()
    exact = rows["quantity"].to_numpy() * np.nan_to_num(unit_cents[group])
    cents = largest_remainder(exact, group, units["assigned_cents"].to_numpy())
    return rows.assign(cents=cents, cost=cents / 100), unpriced


def largest_remainder(exact: Array, group: Codes, total: Codes) -> Codes:
    """Round amounts so that those of each group add up to its total, a whole number.

    Parameters
    ----------
    exact : ndarray of float, shape (n,)
        0 or more; those of a group add up to its total but for less than one.
    group : ndarray of int, shape (n,)
    total : ndarray of int, shape (groups,)

    Returns
    -------
    ndarray of int, shape (n,)
        Each amount rounded down, or up where its remainder is among the largest of the group; of
        equal ones the first.
    """
    whole = np.floor(exact).astype(np.int64)
    left = total - np.bincount(group, weights=whole, minlength=len(total)).astype(np.int64)
    order = np.lexsort((np.arange(len(exact)), whole - exact, group))
    size = np.bincount(group, minlength=len(total))
    rank = np.arange(len(exact)) - np.repeat(np.cumsum(size) - size, size)
    whole[order[rank < left[group[order]]]] += 1
    return whole


def by_customer(rows: pd.DataFrame) -> pd.DataFrame:
    """Quantity and cost of each customer and activity."""
    sums = rows.groupby(["customer_id", "activity"], as_index=False)[["quantity", "cents"]].sum()
    return sums.assign(cost=sums["cents"] / 100).drop(columns="cents")


def reconciled(
    pools: pd.DataFrame, units: pd.DataFrame, rows: pd.DataFrame, has_years: bool
) -> pd.DataFrame:
    """Hold what was assigned, was not used and cannot be traced against the ledger, in cents."""
    unused = (units["cents"] - units["assigned_cents"]).groupby(units["year"]).sum()
    sums = pd.DataFrame(
        {
            "assigned": rows.groupby("year")["cents"].sum(),
            "unused_capacity": unused,
            "not_traceable": pools[~pools["traced"]].groupby("year")["cents"].sum(),
            "ledger": pools.groupby("year")["cents"].sum(),
        }
    )
    sums = sums.fillna(0).astype("int64")
    years = [str(year) for year in sums.index] if has_years else []
    sums = pd.concat([sums, sums.sum().to_frame().T]) if has_years else sums
    total = sums[["assigned", "unused_capacity", "not_traceable"]].sum(axis=1)
    sums = sums.assign(total=total, difference=sums["ledger"] - total)
    order = ["assigned", "unused_capacity", "not_traceable", "total", "ledger", "difference"]
    money = (sums[order] / 100).reset_index(drop=True)
    money.insert(0, "year", [*years, "all"])
    return money


def unit_cost_notes(units: pd.DataFrame, years: tuple[int, ...]) -> list[str]:
    """Tell where a cost is divided by something else than capacity, or by nothing."""
    notes = []
    labels = units["activity"] + (" " + units["year"].astype(str) if years else "")
    kinds = {
        "More was used than the capacity in the ledger, so cost is divided by use": (
            (units["capacity"] > 0) & (units["used"] > units["capacity"])
        ),
        "Without capacity in the ledger, so cost is divided by use and none shows as unused": (
            units["capacity"].isna() & (units["used"] > 0)
        ),
        "Not done for any customer, so the whole cost is unused": units["used"] == 0,
    }
    for what, which in kinds.items():
        if which.any():
            notes.append(f"{what}: {listed(labels[which])}.")
    return notes


def unpriced_notes(unpriced: pd.DataFrame) -> list[str]:
    """Tell which activities are in no customer's cost."""
    if unpriced.empty:
        return []
    parts = [
        f"{row['activity']}{in_year(row['year'])} ({counted(row['rows'], 'row')})"
        for _, row in unpriced.iterrows()
    ]
    return [f"Without a cost in the ledger, and so in no customer's cost: {listed(parts)}."]


def left_out_notes(left_out: pd.DataFrame) -> list[str]:
    """Tell which activities are of years that the ledger does not have."""
    if left_out.empty:
        return []
    return [
        f"Activities of {listed(left_out['year'])} are left out, because the ledger has no costs "
        f"of these years: {counted(int(left_out['rows'].sum()), 'row')}."
    ]


def refuse_tables_of_the_example(source: str, **given: str) -> None:
    """Refuse the example company's tables beside purchases of one's own.

    Parameters
    ----------
    source : str
        Where the purchases are from.
    **given : str
        Where the other tables are from, by the name of the parameter.

    Raises
    ------
    InputError
        When one of them is the example company's and the purchases are not.
    """
    strange = [name for name, path in given.items() if tables.companion(path, source) is None]
    if strange:
        options = " ".join(f"-p {name}=your_{name}.csv" for name in strange)
        raise InputError(
            f"The purchases are from {source}, but {' and '.join(strange)} "
            f"{'is' if len(strange) == 1 else 'are'} still of the example company, whose customers "
            f"are others. Give your own: {options}."
        )
