"""What the value report makes of its parameters and tables, and refuses."""

import re
from typing import Any

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.columns import column_of, listed, numbers_of
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.segmentation.deciles import Deciles
from crmlib.segmentation.relationships import Relationships
from crmlib.segmentation.tiers import Tiers
from crmlib.segmentation.value_matrix import ValueMatrix, check_level

MONTHS = {"month": 1, "quarter": 3}


def check_parameters(
    line: float | None,
    potential_line: float | None,
    most_share: float,
    origins: int,
    confidence: float,
) -> None:
    """Refuse what makes no sense before anything long is computed.

    Raises
    ------
    InputError
        A line is no number, a share not between 0 and 1, or there is no day of the past to try.
    """
    for name, value in {"line": line, "potential_line": potential_line}.items():
        if value is not None and not np.isfinite(value):
            raise InputError(f"{name}={value:g} is not an amount of money.")
    if not 0 < most_share < 1:
        hint = f" Did you mean {most_share / 100:g}?" if 1 < most_share < 100 else ""
        raise InputError(f"most_share={most_share:g} must lie between 0 and 1.{hint}")
    if origins < 1:
        raise InputError(f"origins={origins}: the classes are tried at 1 day of the past or more.")
    check_level(confidence)


def check_limits(few: int, many: int, low_margin: float, high_margin: float) -> None:
    """Refuse limits of the types of relationship that are in the wrong order.

    Raises
    ------
    InputError
        As said.
    """
    if not 1 <= few < many:
        raise InputError(f"few={few} and many={many}: few must be 1 or more and below many.")
    if not low_margin < high_margin <= 1:
        raise InputError(
            f"low_margin={low_margin:g} and high_margin={high_margin:g}: the low one must be "
            "below the high one, and both fractions of the revenue (0.15 for 15 %)."
        )


def check_periods(periods: int, known: int, period: str) -> None:
    """Refuse to look back further than there are periods.

    Raises
    ------
    InputError
        As said.
    """
    if not 1 <= periods <= known:
        raise InputError(
            f"periods={periods}: look back 1 {period} or more, and at most the {known} {period}s "
            "of the table."
        )


def time_words(periods: int, period: str) -> tuple[str, str]:
    """The periods behind and ahead, in words."""
    if periods == 1:
        return f"the last {period}", f"the next {period}"
    return f"the last {periods} {period}s", f"the next {periods} {period}s"


def whole_months(periods: int, period: str) -> int | None:
    """Periods as months; None where they are none."""
    return periods * MONTHS[period] if period in MONTHS else None


def with_best_interval(forecast: pd.DataFrame) -> pd.DataFrame:
    """Forecasts as potential, with the method's interval, or else that from its past errors.

    Parameters
    ----------
    forecast : DataFrame
        customer_id, profit, low, high, and low_from_errors, high_from_errors where there are any.

    Returns
    -------
    DataFrame
        customer_id, potential, low, high.
    """
    found = forecast[["customer_id", "low", "high"]].copy()
    found.insert(1, "potential", forecast["profit"])
    without = found["low"].isna() | found["high"].isna()
    for end in ("low", "high"):
        if f"{end}_from_errors" in forecast:
            found[end] = found[end].mask(without, forecast[f"{end}_from_errors"])
    return found


def read_beside(source: str, kind: str, **reading: Any) -> tables.CheckedTable:
    """Read a table that goes with the purchases, with advice that works in this report.

    Parameters
    ----------
    source : str
    kind : str
    **reading
        As of `tables.read`; no columns, as those of the report are the purchases'.

    Raises
    ------
    InputError
        As `tables.read`; for a column that is missing it says to rename one in the file, and
        without ``faulty_rows`` it does not offer to set rows aside.
    """
    try:
        return tables.read(source, kind=kind, **reading)
    except InputError as error:
        advice = "Rename yours in that file, as columns= is for the purchases only."
        said = re.sub(r"Say which of yours is meant: columns=\{.*\}\.", advice, str(error))
        if "faulty_rows" not in reading:
            said = re.sub(r"\nOr go on without these rows.*", "", said)
        raise InputError(said) from error


def set_aside_beside(inputs: list[tables.CheckedTable]) -> pd.DataFrame:
    """Rows set aside from tables that go with the purchases, with the table they were in."""
    parts = [one.set_aside.assign(table=one.kind) for one in inputs if len(one.set_aside)]
    if not parts:
        return pd.DataFrame(columns=["table", "row", "column", "value", "reason"])
    return pd.concat(parts, ignore_index=True)[["table", "row", "column", "value", "reason"]]


def potential_notes(notes: list[str], forecast: pd.DataFrame) -> list[str]:
    """Notes of a forecast, with whose interval is that from the method's past errors."""
    if "low_from_errors" not in forecast:
        return notes
    without = forecast["low"].isna() | forecast["high"].isna()
    filled = int((without & forecast["low_from_errors"].notna()).sum())
    if not filled:
        return notes
    notes = [note.replace("They have no interval.", "The curves give them none.") for note in notes]
    said = "customers to whom the method gives no interval have that of its past errors"
    return [*notes, f"{filled:,} of {len(forecast):,} {said}."]


def join_clp(worth: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """Customers with the potential of a table of forecasts.

    Parameters
    ----------
    worth : DataFrame
        One row per customer.
    given : DataFrame
        customer_id and profit; low and high where it has them.

    Returns
    -------
    DataFrame
        ``worth`` with potential, low and high.

    Raises
    ------
    InputError
        A column is not there or not of numbers, a customer stands there twice, or customers of
        the purchases are not in it.
    """
    ids = column_of(given, "customer_id")
    if ids.duplicated().any():
        again = ids[ids.duplicated()].unique()
        raise InputError(
            f"The table of forecasts has several rows of {counted(len(again), 'customer')}: "
            f"{listed(again)}. Keep one row per customer."
        )
    table = pd.DataFrame({"customer_id": ids, "potential": numbers_of(given, "profit", "profits")})
    for end in ("low", "high"):
        is_there = end in given.columns
        table[end] = numbers_of(given, end, "ends of intervals") if is_there else np.nan
    crossed = table.loc[table["low"] > table["high"], "customer_id"]
    if len(crossed):
        raise InputError(
            f"The table of forecasts has low above high for {len(crossed):,} of {len(table):,} "
            f"customers: {listed(crossed)}. Correct these rows, or name the two columns the other "
            "way round."
        )
    missing = worth.loc[~worth["customer_id"].isin(ids), "customer_id"]
    if len(missing):
        raise InputError(
            f"The table of forecasts has no row for {len(missing):,} of {len(worth):,} customers "
            f"of the purchases: {listed(missing)}. Make it from the same purchases, or leave "
            "clp_table out."
        )
    return worth.merge(table, on="customer_id")


def past_worth(check: Any, base: Any, method: str, periods: int) -> pd.DataFrame | None:
    """What customers had brought, were forecast to bring, and came to bring at days of the past.

    Parameters
    ----------
    check : crmlib.clp.Backtest
    base : crmlib.clp.CustomerBase
    method : str
    periods : int
        Periods before each day that the current value counts; as many were forecast.

    Returns
    -------
    DataFrame or None
        customer_id, cut, current, forecast, actual, young (first seen within those periods); None
        where the method did not run in the past.
    """
    made = check.forecasts[check.forecasts["method"] == method]
    if made.empty:
        return None
    first = base.daily.groupby("customer_id")["day"].min()
    parts = []
    for cut, rows in made.groupby("cut", sort=True):
        start = base.until(cut).day_after(-periods)
        brought = base.profit_between(start, cut)
        rows = rows.assign(current=brought.reindex(rows["customer_id"]).to_numpy())
        parts.append(rows.assign(young=(rows["customer_id"].map(first) >= pd.Timestamp(start))))
    names = ["customer_id", "cut", "current", "forecast", "actual", "young"]
    return pd.concat(parts, ignore_index=True)[names]


def same_class(one: ValueMatrix, other: ValueMatrix) -> float:
    """Share of the customers that two matrices put into the same class."""
    return float((one.customers["value_class"] == other.customers["value_class"]).mean())


def customer_list(
    matrix: ValueMatrix,
    found: Tiers,
    ranked: Deciles,
    loose: Relationships | None,
    worth: pd.DataFrame,
) -> pd.DataFrame:
    """One row per customer with all it was told to be, and no name.

    Returns
    -------
    DataFrame
        customer_id, decile (missing for those who were not active), revenue, current, potential,
        low, high, value_class, class_probability, certain ("yes", "no", "not known"), tier,
        newcomer, buys (where discounts are known).
    """
    table = matrix.customers.drop(columns="high_probability")
    decile = ranked.customers.set_index("customer_id")["decile"]
    table.insert(1, "decile", table["customer_id"].map(decile).astype("Int64"))
    table.insert(2, "revenue", worth["revenue"].to_numpy())
    sure = table["certain"].astype(object).map({True: "yes", False: "no"})
    table["certain"] = sure.fillna("not known")
    table["tier"] = found.customers["tier"]
    table["newcomer"] = np.where(worth["young"], "yes", "no")
    if loose is not None:
        buys = loose.customers.set_index("customer_id")["class"]
        table["buys"] = table["customer_id"].map(buys).fillna("cannot say")
    money = ["revenue", "current", "potential", "low", "high"]
    return table.assign(
        **table[money].round(2), class_probability=table["class_probability"].round(3)
    )


def range_caption(outlook: pd.DataFrame) -> str:
    """What the lines at the bars are."""
    if (outlook["basis"] == "errors at days of the past").any():
        return "Lines: if a class is as far off, per customer, as it was at any day of the past."
    if outlook["low"].notna().any():
        return "Lines: intervals, customers taken as independent."
    return "How far off that may be is not known."


def all_together(worth: pd.DataFrame) -> pd.DataFrame:
    """Buyers and margin of all purchases, in one row, where product lines are not known."""
    bought = worth[worth["orders"] > 0]
    revenue = bought["revenue"].sum()
    margin = bought["profit"].sum() / revenue if revenue > 0 else np.nan
    return pd.DataFrame({"line": ["all"], "customers": [max(len(bought), 1)], "margin": [margin]})
