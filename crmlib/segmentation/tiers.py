"""Tiers of Peppers and Rogers, most valuable to below zero, and the four steps that use them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from crmlib import tables
from crmlib.columns import Array, codes_of, column_of
from crmlib.errors import InputError
from crmlib.intervals import wilson_interval
from crmlib.segmentation.value_matrix import (
    check_level,
    interval_columns,
    known_numbers,
    refuse_repeated,
)
from crmlib.transaction_rows import cents

MOST_VALUABLE, MOST_GROWABLE = "most valuable", "most growable"
MIGRATOR, OTHER, BELOW_ZERO = "migrators", "others", "below zero"

TIERS = (MOST_VALUABLE, MOST_GROWABLE, MIGRATOR, OTHER, BELOW_ZERO)

GOALS = {
    MOST_VALUABLE: "keep them: know each by name, and let nothing go wrong",
    MOST_GROWABLE: "let them grow: offer what they buy elsewhere",
    MIGRATOR: "find out at low cost which way they go",
    OTHER: "serve with little effort",
    BELOW_ZERO: "make them pay or cost less; do not spend to keep them",
}


@dataclass(frozen=True)
class Tiers:
    """Customers by tier.

    Attributes
    ----------
    customers : DataFrame
        One row per customer, in the order given: customer_id, current, potential, growth
        (potential less current), tier.
    tiers : DataFrame
        One row per tier: tier, customers, customer_share, current, potential, growth (sums), goal.
    rule : list of str
        How a tier is told, a sentence each, in the order in which they are asked.
    """

    customers: pd.DataFrame
    tiers: pd.DataFrame
    rule: list[str]


def tiers(
    customers: pd.DataFrame,
    *,
    current: str,
    potential: str,
    low: str | None = None,
    high: str | None = None,
    most_share: float = 0.5,
    customer: str = "customer_id",
) -> Tiers:
    """Tell the most valuable, the most growable and the customers below zero.

    Parameters
    ----------
    customers : DataFrame
        One row per customer.
    current, potential : str
        Columns with what it brought, and what it is to bring in as long a time.
    low, high : str, optional
        Columns with the interval of the potential; without them there are no migrators.
    most_share : float
        The most valuable bring this share of all potential above zero; the most growable this
        share of all growth.
    customer : str
        Column that tells customers apart.

    Returns
    -------
    Tiers

    Raises
    ------
    InputError
        As `value_matrix`, and when most_share is not between 0 and 1.

    Notes
    -----
    Peppers and Rogers name the tiers (most valuable, most growable, below zero; in between
    migrators, on the edge) but give no numbers. The rule here: below zero is who brought less
    than nothing and is to do so again; of the others the most valuable are the fewest that bring
    ``most_share`` of the potential of all who have one above zero; of the rest the most growable
    are the fewest that bring that share of all their growth; of the rest migrators are those
    whose interval holds zero inside, so that they may come to pay or to cost. Ties go by customer.

    References
    ----------
    Peppers, D. and Rogers, M. (1997). *Enterprise One to One*. Doubleday.
    """
    if not 0 < most_share < 1:
        raise InputError(f"most_share={most_share:g} must lie between 0 and 1.")
    codes, _ = codes_of(customers, customer)
    refuse_repeated(customers, codes, customer)
    brought = known_numbers(customers, current, "what a customer brought")
    to_come = known_numbers(customers, potential, "what a customer is to bring")
    ends = interval_columns(customers, low, high)
    ids = customers[customer].to_numpy()
    table = pd.DataFrame({"customer_id": ids, "current": brought, "potential": to_come})
    table["growth"] = to_come - brought
    table["tier"] = tier_names(ids, brought, to_come, *ends, most_share)
    return Tiers(table, tier_table(table), tier_rule(most_share, low is not None))


def tier_names(
    ids: Any, current: Array, potential: Array, low: Array, high: Array, most_share: float
) -> Any:
    """Tier of each customer."""
    growth = potential - current
    below = (current < 0) & (potential < 0)
    valuable = ~below & fewest_that_make(np.where(below, 0.0, potential), ids, most_share)
    rest = ~below & ~valuable
    growable = rest & fewest_that_make(np.where(rest, growth, 0.0), ids, most_share)
    migrator = (low < 0) & (high > 0)
    found = np.select(
        [below, valuable, growable, migrator],
        np.array([BELOW_ZERO, MOST_VALUABLE, MOST_GROWABLE, MIGRATOR], dtype=object)[:, None],
        np.array(OTHER, dtype=object),
    )
    return found


def fewest_that_make(value: Array, ids: Any, share: float) -> NDArray[np.bool_]:
    """Which of the values, largest first, make up a share of all values above zero.

    Equal ones are taken by id; the one with which the share is reached is taken too.
    """
    above = np.maximum(value, 0.0)
    order = np.lexsort((ids.astype(str), -above))
    before = np.cumsum(above[order]) - above[order]
    chosen = np.zeros(len(value), dtype=bool)
    # A hair more than the share: sums of halves do not end on the very digit.
    chosen[order] = (before < share * above.sum() * (1 - 1e-12)) & (above[order] > 0)
    return chosen


def tier_table(table: pd.DataFrame) -> pd.DataFrame:
    """Customers and money of each tier."""
    groups = table.groupby("tier")
    found = groups[["current", "potential", "growth"]].sum().reindex(list(TIERS), fill_value=0.0)
    n = groups.size().reindex(list(TIERS), fill_value=0)
    found.insert(0, "customers", n)
    found.insert(1, "customer_share", n / max(len(table), 1))
    found["goal"] = [GOALS[name] for name in TIERS]
    return found.rename_axis("tier").reset_index()


def tier_rule(most_share: float, with_intervals: bool) -> list[str]:
    """How a tier is told, in words."""
    rule = [
        "Below zero: brought less than nothing, and is to do so again.",
        f"Most valuable: the fewest others who are to bring {most_share:.0%} of all that is "
        "expected from customers with an expected profit above zero.",
        f"Most growable: the fewest of the rest whose expected increases are {most_share:.0%} of "
        "all increases.",
    ]
    if with_intervals:
        rule.append("Migrators: of the rest, those whose interval reaches from below to above 0.")
    else:
        rule.append("Migrators: not told, as there are no intervals.")
    return [*rule, "Others: all that remain."]


def below_zero_check(
    past: pd.DataFrame,
    *,
    current: str,
    potential: str,
    came: str,
    by: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How many of those below zero at a day of the past came to pay after it.

    Parameters
    ----------
    past : DataFrame
        One row per customer, as known on that day.
    current, potential, came : str
        Columns with what it brought before, what was forecast, and what came.
    by : str, optional
        Column to tell them apart by, such as new and old customers.
    confidence : float

    Returns
    -------
    DataFrame
        One row, or one per value of ``by`` (a column of that name, in order): customers (below
        zero then), paid (came above 0), paid_share, low_share, high_share (Wilson; NaN where
        nobody was below zero), potential, came (sums).
    """
    check_level(confidence)
    if by is not None:
        columns = {"current": current, "potential": potential, "came": came}
        parts = {
            value: below_zero_check(rows, **columns, confidence=confidence)
            for value, rows in past.groupby(column_of(past, by), sort=True)
        }
        return pd.concat(parts, names=[by]).reset_index(by).reset_index(drop=True)
    brought, expected, arrived = (
        known_numbers(past, name, "money") for name in (current, potential, came)
    )
    below = (brought < 0) & (expected < 0)
    n, paid = int(below.sum()), int((arrived[below] > 0).sum())
    low = high = np.nan
    if n:
        low, high = wilson_interval(paid / n, n, float(norm.isf((1 - confidence) / 2)))
    row = (n, paid, paid / n if n else np.nan, low, high, expected[below].sum())
    names = ["customers", "paid", "paid_share", "low_share", "high_share", "potential", "came"]
    return pd.DataFrame([(*row, arrived[below].sum())], columns=names)


@dataclass(frozen=True)
class Idic:
    """The four steps to one-to-one relationships, as far as the data go.

    Attributes
    ----------
    identify : DataFrame
        One row per attribute: attribute, customers (of whom it is known), known_share.
    differentiate : DataFrame
        The tiers.
    interact : DataFrame
        One row per tier with customers: tier, customers, and for each activity, and for
        complaints, the number per customer.
    customise : DataFrame
        One row per tier with customers: tier, customers, lines (product lines bought, mean of
        those who bought), first_line, first_share, second_line, second_share (of the money).
    missing : list of str
        What could not be filled in, and with which table it could.
    """

    identify: pd.DataFrame
    differentiate: pd.DataFrame
    interact: pd.DataFrame
    customise: pd.DataFrame
    missing: list[str]


def idic(
    found: Tiers,
    *,
    people: pd.DataFrame | None = None,
    activities: Any = None,
    complaints: Any = None,
    transactions: Any = None,
    customer: str = "customer_id",
    amount: str = "amount",
    line: str = "product_line",
) -> Idic:
    """Fill the steps identify, differentiate, interact and customise from the data.

    Parameters
    ----------
    found : Tiers
    people : DataFrame, optional
        What is known of each customer, a column an attribute.
    activities, complaints : DataFrame, Ibis table or tables.CheckedTable, optional
        What was done for customers (with a column activity), and what they complained of.
    transactions : DataFrame, Ibis table or tables.CheckedTable, optional
        Purchases with a product line.
    customer, amount, line : str
        Column names.

    Returns
    -------
    Idic

    Raises
    ------
    InputError
        When a table has no column of the customers.

    References
    ----------
    Peppers, D., Rogers, M. and Dorf, B. (1999). Is your company ready for one-to-one marketing?
    *Harvard Business Review* 77(1), 151-160.
    """
    tier = found.customers.set_index("customer_id")["tier"]
    missing = []
    if people is None:
        missing.append("Who the customers are is not known: give a table of customers.")
    if activities is None and complaints is None:
        missing.append("No dialogue is on record: give activities or complaints.")
    bought = by_line(transactions, customer, amount, line)
    if bought.empty:
        missing.append(f'What they buy is not known: the purchases need a column "{line}".')
    return Idic(
        identify=identified(tier, people, customer),
        differentiate=found.tiers,
        interact=interactions(tier, activities, complaints, customer),
        customise=lines_by_tier(tier, bought),
        missing=missing,
    )


def identified(tier: "pd.Series[str]", people: pd.DataFrame | None, customer: str) -> pd.DataFrame:
    """Of how many customers each attribute is known."""
    attributes: dict[str, int] = {customer: len(tier)}
    if people is not None:
        known = people.set_index(column_of(people, customer)).reindex(tier.index)
        counts = known.drop(columns=customer).notna().sum()
        attributes |= {str(name): int(n) for name, n in counts.items()}
    table = pd.DataFrame({"attribute": list(attributes), "customers": list(attributes.values())})
    return table.assign(known_share=table["customers"] / max(len(tier), 1))


def sizes(tier: "pd.Series[str]") -> "pd.Series[int]":
    """Customers of each tier that has any, in the order of the tiers."""
    counts = tier.value_counts()
    return counts.reindex([name for name in TIERS if name in counts.index]).rename("customers")


def interactions(
    tier: "pd.Series[str]", activities: Any, complaints: Any, customer: str
) -> pd.DataFrame:
    """How often a customer of each tier was served, and complained."""
    n = sizes(tier)
    table = n.to_frame()
    parts = {}
    if activities is not None:
        counted = counts_by(activities, [customer, "activity"])
        for name, rows in counted.groupby("activity", sort=True):
            parts[str(name)] = rows
    if complaints is not None:
        parts["complaints"] = counts_by(complaints, [customer])
    for name, rows in parts.items():
        sums = rows.groupby(rows[customer].map(tier))["rows"].sum()
        table[name] = sums.reindex(n.index, fill_value=0) / n
    return table.rename_axis("tier").reset_index()


def counts_by(source: Any, columns: list[str]) -> pd.DataFrame:
    """Rows of a table by some of its columns, counted where it lives."""
    rows = tables.as_expression(source)
    absent = [name for name in columns if name not in rows.columns]
    if absent:
        raise InputError(
            f"The table has no column {', '.join(absent)}; it has {', '.join(rows.columns)}."
        )
    found = tables.as_frame(rows.group_by(columns).aggregate(rows=rows.count()))
    return found.sort_values(columns, ignore_index=True)


def by_line(transactions: Any, customer: str, amount: str, line: str) -> pd.DataFrame:
    """Money paid by customer and product line; empty where lines are not known."""
    names = [customer, "line", "paid"]
    if transactions is None:
        return pd.DataFrame(columns=names)
    rows = tables.as_expression(transactions)
    if line not in rows.columns:
        return pd.DataFrame(columns=names)
    kept = rows.filter(rows[line].notnull(), rows[amount] > 0)  # noqa: PD004 -- Ibis
    sums = kept.group_by([customer, line]).aggregate(cents=cents(kept[amount]).sum())
    found = tables.as_frame(sums).rename(columns={line: "line"})
    found = found.sort_values([customer, "line"], ignore_index=True)
    return found.assign(paid=found.pop("cents").to_numpy(dtype=np.int64) / 100)


def lines_by_tier(tier: "pd.Series[str]", bought: pd.DataFrame) -> pd.DataFrame:
    """How many lines customers of a tier buy, and the two they pay most for."""
    rows = []
    for name, n in sizes(tier).items():
        ids = tier.index[tier == name]
        mine = bought[bought.iloc[:, 0].isin(ids)]
        paid = mine.groupby("line")["paid"].sum().reset_index()
        paid = paid.sort_values(["paid", "line"], ascending=[False, True])
        total, most = paid["paid"].sum(), paid.head(2).to_numpy().tolist()
        most += [["", np.nan]] * (2 - len(most))
        lines = len(mine) / mine.iloc[:, 0].nunique() if len(mine) else np.nan
        shares = [money / total for _, money in most] if total else [np.nan, np.nan]
        rows.append((name, n, lines, most[0][0], shares[0], most[1][0], shares[1]))
    names = ["tier", "customers", "lines", "first_line", "first_share"]
    return pd.DataFrame(rows, columns=[*names, "second_line", "second_share"])
