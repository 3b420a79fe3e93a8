"""Who makes the money: tenths of the customers, and whom each tenth of the money comes from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.columns import Array, column_of, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.segmentation.concentration import (
    Estimate,
    check_fraction,
    gini_interval,
    lorenz_band,
    lorenz_curve,
    share_of_best,
)

LORENZ_POINTS = 101
"""Points of the Lorenz curve: one for each per cent of the customers."""

TAKEN = ("decile", "customers", "customer_id", "mean", "lowest", "highest")
"""Columns of the report that money cannot be called."""


@dataclass(frozen=True)
class Deciles:
    """Customers in ten groups of like size, the best first.

    Attributes
    ----------
    table : DataFrame
        One row a decile: decile (1 the best); customers; for the money ranked by, and for revenue
        and profit where the table has them, the sum under its own name with _share and
        _cumulative_share of the total (which are above 1 where later deciles bring a loss, and
        NaN where the total is not above zero); mean, lowest, highest of the money ranked by.
    customers : DataFrame
        customer_id, the money ranked by, decile; best first.
    measures : DataFrame
        measure, estimate, low, high, n: Gini coefficient, and the share of the money that the
        best fifth of the customers bring.
    lorenz : DataFrame
        customers (share of them, the poorest first), share (of the money), low, high (NaN with
        fewer than ten customers on either side of the point).
    by : str
        Column that the customers are ranked by.
    total, losses : float
        Sum of this column, and of what is below zero in it.
    below_zero : int
        Customers below zero.
    confidence : float
    notes : tuple of str
        What a reader has to know: few customers, ties, losses, intervals not to be trusted.
    """

    table: pd.DataFrame
    customers: pd.DataFrame
    measures: pd.DataFrame
    lorenz: pd.DataFrame
    by: str
    total: float
    losses: float
    below_zero: int
    confidence: float
    notes: tuple[str, ...]

    @property
    def gini(self) -> pd.Series:
        """Row of ``measures`` with the Gini coefficient."""
        return self.measures.iloc[0]

    @property
    def best_fifth(self) -> pd.Series:
        """Row of ``measures`` with the share that the best fifth of the customers bring."""
        return self.measures.iloc[1]


@dataclass(frozen=True)
class PurchaseDeciles:
    """How few customers make each tenth of the money.

    Attributes
    ----------
    table : DataFrame
        One row a tenth: tenth; customers (whom it takes to fill it, the best first);
        cumulative_customers; customer_share; cumulative_customer_share (of all customers);
        smallest (money of the last customer in it; NaN where an earlier customer fills it alone).
        No rows when nobody brings anything.
    by : str
    total : float
        Money of all customers that bring some, of which the tenths are.
    n : int
        Customers.
    beyond : int
        Customers after those who fill the last tenth: they bring nothing or a loss.
    losses : float
        What they bring together, 0 or less.
    """

    table: pd.DataFrame
    by: str
    total: float
    n: int
    beyond: int
    losses: float


def deciles(
    customers: pd.DataFrame,
    by: str = "profit",
    *,
    customer: str = "customer_id",
    confidence: float = 0.95,
) -> Deciles:
    """Rank the customers by what they bring and cut them into tenths (十分位).

    Parameters
    ----------
    customers : DataFrame
        One row a customer, as `customer_totals` gives.
    by : str
        Column to rank by: profit, revenue, or a forecast.
    customer : str
        Column with the customers.
    confidence : float

    Returns
    -------
    Deciles

    Raises
    ------
    InputError
        A column is not there or not of numbers or called as one of the report, a customer has no
        value or stands there twice, or customers cannot be put in order.

    Notes
    -----
    Ties are decided by customer_id, and where the customers cannot be divided by ten, the first
    deciles have one more: as SQL's NTILE. With fewer than ten customers each is a decile.
    """
    check_fraction(confidence, "confidence")
    _refuse_taken(by, customer)
    data = _ranked(customers, by, customer)
    money = data[by].to_numpy()
    decile = tile_of_rank(len(data), 10)
    estimates = {
        "Gini coefficient": gini_interval(money[::-1], confidence),
        "share of the best fifth": share_of_best(money[::-1], 0.2, confidence),
    }
    return Deciles(
        table=_decile_table(data, decile, by),
        customers=pd.DataFrame({"customer_id": data[customer], by: money, "decile": decile}),
        measures=pd.DataFrame(
            [
                {"measure": name, "estimate": e.estimate, "low": e.low, "high": e.high, "n": e.n}
                for name, e in estimates.items()
            ]
        ),
        lorenz=_lorenz_points(money, confidence),
        by=by,
        total=float(money.sum()),
        losses=float(money[money < 0].sum()),
        below_zero=int((money < 0).sum()),
        confidence=confidence,
        notes=tuple(_notes(money, decile, estimates, by)),
    )


def purchase_deciles(
    customers: pd.DataFrame, by: str = "profit", *, customer: str = "customer_id"
) -> PurchaseDeciles:
    """Count how few customers make each tenth of sales or of profit (购买十分位).

    Parameters
    ----------
    customers : DataFrame
        One row a customer.
    by : str
        Column with the money: revenue for sales, profit for profit.
    customer : str

    Returns
    -------
    PurchaseDeciles

    Raises
    ------
    InputError
        As `deciles`.

    Notes
    -----
    Customers are taken from the best on; the one who fills a tenth counts in it. The tenths are
    of what customers above zero bring, for with losses taken off, the last tenths of the total
    would be filled long before the last customer.
    """
    money = money_of(customers, by, customer)
    brings = -np.sort(-money[money > 0])
    return PurchaseDeciles(
        table=_tenths(brings, len(money)),
        by=by,
        total=float(brings.sum()),
        n=len(money),
        beyond=len(money) - len(brings),
        losses=float(money[money < 0].sum()),
    )


def tile_of_rank(n: int, tiles: int) -> NDArray[np.int64]:
    """Group of the first, second, ... of n: groups of like size from 1 on, larger ones first.

    Parameters
    ----------
    n, tiles : int

    Returns
    -------
    ndarray of int, shape (n,)
    """
    size, larger = divmod(n, tiles)
    sizes = np.full(tiles, size, dtype=np.int64)
    sizes[:larger] += 1
    return np.repeat(np.arange(1, tiles + 1), sizes)


def customers_to_fill(money: Array, shares: Array) -> NDArray[np.int64]:
    """How many customers, the best first, it takes to make each share of the money.

    Parameters
    ----------
    money : ndarray, shape (n,)
        Above zero, the largest first.
    shares : ndarray, shape (k,)

    Returns
    -------
    ndarray of int, shape (k,)
    """
    sums = np.cumsum(money)
    # Sums of cents as fractions of ten do not meet tenths of their total to the last digit.
    wanted = shares * sums[-1] * (1 - 1e-12)
    return np.searchsorted(sums, wanted, side="left").astype(np.int64) + 1


def money_of(customers: pd.DataFrame, by: str, customer: str) -> Array:
    """Column of money with one row a customer, checked.

    Raises
    ------
    InputError
        The column is not there or not of numbers, a customer has no value or stands there twice,
        or customers cannot be put in order.
    """
    if by == "profit" and by not in customers.columns:
        raise InputError(
            'The table has no column "profit". Give customer_totals cost= (the column with what '
            'was sold cost) or margin_rate=, or rank by="revenue".'
        )
    money = numbers_of(customers, by, "money of each customer")
    ids = column_of(customers, customer)
    if not len(customers):
        raise InputError("The table has no customers.")
    for column, wrong in ((by, ~np.isfinite(money)), (customer, ids.isna().to_numpy())):
        if wrong.any():
            found = np.flatnonzero(wrong)
            raise InputError(
                f'Column "{column}": {counted(len(found), "value")} missing or infinite; '
                f"{rows_named(customers, found)}. Fill them in, or take these customers out."
            )
    ids = comparable(ids)
    if not strictly_increasing(ids) and not ids.is_unique:
        twice = np.flatnonzero(ids.duplicated().to_numpy())
        raise InputError(
            f'Column "{customer}" must have one row a customer; {ids.iloc[twice[0]]!r} stands '
            f"there more than once ({rows_named(customers, twice)}). Sum with customer_totals."
        )
    return money


def comparable(ids: pd.Series) -> pd.Series:
    """Customers in a form that has an order: categories as what they are.

    Raises
    ------
    InputError
        Some are numbers and some are text.
    """
    if isinstance(ids.dtype, pd.CategoricalDtype):
        ids = ids.astype(ids.cat.categories.dtype)
    try:
        strictly_increasing(ids)
    except TypeError:
        raise InputError(
            f'Column "{ids.name}" mixes numbers and text, which have no order. Make text of all '
            "of them."
        ) from None
    return ids


def strictly_increasing(ids: pd.Series) -> bool:
    """Whether customers are in order and each once; much faster than to look for either."""
    values = ids.array
    return bool((values[1:] > values[:-1]).all())


def best_first(money: Array, ids: pd.Series) -> NDArray[np.int64]:
    """Order from the best customer to the poorest, ties by customer_id."""
    if strictly_increasing(ids):
        return np.argsort(-money, kind="stable").astype(np.int64, copy=False)
    by_id = ids.argsort(kind="stable").to_numpy(dtype=np.int64)
    return by_id[np.argsort(-money[by_id], kind="stable")].astype(np.int64, copy=False)


def _ranked(customers: pd.DataFrame, by: str, customer: str) -> pd.DataFrame:
    """Customers with their money columns, the best first."""
    money = money_of(customers, by, customer)
    ids = comparable(customers[customer])
    columns = {customer: ids, by: money}
    for name in ("revenue", "profit"):
        if name in customers.columns and name not in columns:
            columns[name] = money_of(customers, name, customer)
    order = best_first(money, ids)
    return pd.DataFrame(columns).iloc[order].reset_index(drop=True)


def _refuse_taken(by: str, customer: str) -> None:
    taken = {customer, *TAKEN}
    for name in {"revenue", "profit"} - {by}:
        taken |= {f"{name}_share", f"{name}_cumulative_share"}
    if by in taken:
        raise InputError(
            f'by="{by}": the report has a column of this name for something else. Rename the '
            "column with the money."
        )


def _decile_table(data: pd.DataFrame, decile: NDArray[np.int64], by: str) -> pd.DataFrame:
    starts = np.flatnonzero(np.diff(decile, prepend=0))
    sizes = np.diff(starts, append=len(decile))
    money = data[by].to_numpy()
    columns: dict[str, Array | NDArray[np.int64]] = {"decile": decile[starts], "customers": sizes}
    for name in dict.fromkeys(["revenue", "profit", by]):
        if name in data.columns:
            sums = np.add.reduceat(data[name].to_numpy(), starts)
            total = sums.sum()
            share = sums / total if total > 0 else np.full(len(sums), np.nan)
            columns |= {
                name: sums,
                f"{name}_share": share,
                f"{name}_cumulative_share": np.cumsum(share),
            }
    columns["mean"] = np.add.reduceat(money, starts) / sizes
    columns["lowest"] = money[starts + sizes - 1]
    columns["highest"] = money[starts]
    return pd.DataFrame(columns)


def _lorenz_points(money: Array, confidence: float) -> pd.DataFrame:
    customers = np.linspace(0, 1, LORENZ_POINTS)
    ordered = money[::-1]
    low, high = lorenz_band(ordered, customers, confidence)
    share = lorenz_curve(ordered, customers)
    return pd.DataFrame({"customers": customers, "share": share, "low": low, "high": high})


def _tenths(brings: Array, n: int) -> pd.DataFrame:
    tenth = np.arange(1, 11) if len(brings) else np.arange(0)
    upto = customers_to_fill(brings, tenth / 10) if len(brings) else tenth
    alone = np.diff(upto, prepend=0)
    return pd.DataFrame(
        {
            "tenth": tenth,
            "customers": alone,
            "cumulative_customers": upto,
            "customer_share": alone / n,
            "cumulative_customer_share": upto / n,
            "smallest": np.where(alone > 0, brings[upto - 1], np.nan) if len(brings) else [],
        }
    )


def _notes(
    money: Array, decile: NDArray[np.int64], estimates: dict[str, Estimate], by: str
) -> list[str]:
    """What a reader of the deciles has to know."""
    notes = []
    n, total, below = len(money), money.sum(), int((money < 0).sum())
    if n == 1:
        notes.append("There is only 1 customer: it stands for a decile.")
    elif n < 10:
        notes.append(f"There are only {n} customers: each stands for a decile.")
    if n > 1 and money[0] == money[-1]:
        notes.append(f"All customers have the same {by}: deciles are in order of customer_id.")
    elif cut := int(((money[1:] == money[:-1]) & (decile[1:] != decile[:-1])).sum()):
        notes.append(
            f"{counted(cut, 'cut')} between deciles fall among customers with the same {by}, "
            "who are put in order of customer_id."
        )
    if total <= 0:
        notes.append(f"The customers together have no {by} above zero: there are no shares of it.")
    elif np.isnan(estimates["share of the best fifth"].low) and n >= 10:
        notes.append(
            f"The total {by} is too near to zero, for how much customers differ, to say how "
            "certain shares of it are."
        )
    if below:
        shares = "shares add up to more than 1 on the way, and " if total > 0 else ""
        notes.append(
            f"{counted(below, 'customer')} below zero: {shares}the Gini coefficient is divided by "
            "the mean absolute value to stay within 0 and 1."
        )
    notes += [
        f"A handful of very large customers decide the {name}: its interval may be too short."
        for name, estimate in estimates.items()
        if estimate.rests_on_few
    ]
    return notes
