"""The value matrix: what a customer brings now against what it may still bring, in four classes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from crmlib.columns import Array, codes_of, numbers_of, rows_named
from crmlib.errors import InputError

Cut = Literal["break_even", "quantile", "money"]

CUTS = ("break_even", "quantile", "money")

BEST_FIFTH = 0.8
"""Quantile above which customers are high where none is given: the best fifth."""

CLASSES = ("I", "II", "III", "IV")

NO_CLASS = "cannot say"
"""What stands for a class where the lines tell nobody apart."""

NAMES = {"I": "serve cheaply", "II": "develop", "III": "keep", "IV": "keep and grow"}
NAMES |= {NO_CLASS: "nobody stands out"}

RESOURCES = {
    "I": "none",
    "II": "appropriate investment",
    "III": "heavy investment",
    "IV": "first claim on all there is",
    NO_CLASS: "cannot say",
}

STRATEGIES = {
    "I": "let go, or serve at the lowest cost",
    "II": "win over again: build up or rebuild the relationship",
    "III": "go all out to keep the relationship at its height",
    "IV": "go all out to keep and deepen the relationship",
    NO_CLASS: "none follows from these lines",
}


@dataclass(frozen=True)
class ValueMatrix:
    """Customers by current value and potential.

    Attributes
    ----------
    customers : DataFrame
        One row per customer, in the order given: customer_id, current, potential, low, high (NaN
        where there is no interval), value_class ("I" low and low, "II" low current value and high
        potential, "III" high current value and low potential, "IV" high and high; "cannot say" for
        all where the cuts part nobody),
        high_probability (that the potential lies above its cut), class_probability (that the
        class is right), certain (whether the whole interval lies on one side of the cut). The last
        two are missing without an interval or a class.
    classes : DataFrame
        One row per class, I to IV (and "cannot say" where that is all): value_class, name,
        customers, customer_share, current, potential (sums), uncertain (customers whose interval
        holds the cut), without_interval, uncertain_share (of those with an interval; NaN where
        none has one), resources, strategy.
    current_cut, potential_cut : float
        In money: high is what lies above.
    cut : str
        How they were set.
    confidence : float
        Level of the intervals.
    notes : list of str
        Sentences a reader should know.
    """

    customers: pd.DataFrame
    classes: pd.DataFrame
    current_cut: float
    potential_cut: float
    cut: Cut
    confidence: float
    notes: list[str]


def value_matrix(
    customers: pd.DataFrame,
    *,
    current: str,
    potential: str,
    low: str | None = None,
    high: str | None = None,
    cut: Cut = "break_even",
    current_cut: float | None = None,
    potential_cut: float | None = None,
    customer: str = "customer_id",
    confidence: float = 0.95,
) -> ValueMatrix:
    """Put customers into the four classes of the value matrix.

    Parameters
    ----------
    customers : DataFrame
        One row per customer.
    current : str
        Column with what it brings now: profit of the last year, say.
    potential : str
        Column with what it may still bring: its lifetime profit (CLP), over as long a time where
        the two are to be compared.
    low, high : str, optional
        Columns with the interval of the potential. Empty cells: no interval.
    cut : {"break_even", "quantile", "money"}
        Where high begins. Break-even: current value above 0, and potential above what keeping a
        customer costs. Quantile: above that of all customers. Money: above an amount.
    current_cut, potential_cut : float, optional
        Quantile: 0.8 when not given, the best fifth. Money: both are needed. Break-even: only
        potential_cut, what keeping a customer costs besides what has been taken off the potential
        already; 0 when not given.
    confidence : float
        Level of the intervals low to high.

    Returns
    -------
    ValueMatrix

    Raises
    ------
    InputError
        A column is not there, a value is missing, a customer stands in two rows, only one end of
        an interval is given or its ends are in the wrong order, or a cut makes no sense.

    Notes
    -----
    The classes and what is advised for each are those of the matrix of current value and growth
    potential (Chen Mingliang 2001; in use in Chinese textbooks of customer relationship
    management). What was brought is known; what is to come is not. A class is certain where the
    whole interval of the potential lies on the side of the cut that the class says. Where nobody
    lies above either cut, all would be class I, to be let go; where all bring the same and are to
    rise above the cut, all would be class II. No class is given then, as nobody is told apart.
    ``high_probability`` is read from a distribution that has the potential as its median and the
    ends of the interval as its quantiles, normal on either side (see `probability_above`).

    References
    ----------
    Chen Mingliang (2001). Research on customer retention and customer life cycle (in Chinese).
    Doctoral thesis, Xi'an Jiaotong University.
    """
    check_level(confidence)
    codes, _ = codes_of(customers, customer)
    if not len(customers):
        raise InputError("The table has no rows, so there is no customer to put into a class.")
    refuse_repeated(customers, codes, customer)
    brings = known_numbers(customers, current, "what a customer brings now")
    to_come = known_numbers(customers, potential, "what a customer may still bring")
    ends = interval_columns(customers, low, high)
    cuts = cut_points(brings, to_come, cut, current_cut, potential_cut)
    table = classified(brings, to_come, *ends, *cuts, confidence=confidence)
    table.insert(0, "customer_id", customers[customer].to_numpy())
    return ValueMatrix(
        customers=table,
        classes=class_table(table),
        current_cut=cuts[0],
        potential_cut=cuts[1],
        cut=cut,
        confidence=confidence,
        notes=matrix_notes(table, cuts),
    )


def value_classes(
    current: Array, potential: Array, current_cut: float, potential_cut: float
) -> NDArray[np.int64]:
    """Class of each customer: 0 to 3 for I to IV; high is what lies above its cut."""
    return 2 * (current > current_cut).astype(np.int64) + (potential > potential_cut)


def probability_above(
    value: Array, low: Array, high: Array, cut: float, confidence: float
) -> Array:
    """Probability that what a value estimates lies above a cut, given its interval.

    ``1 - Phi((cut - value) / s)`` with ``s`` the arm of the interval on the side of the cut over
    the normal quantile of its level: the value is the median, low and high are the quantiles of
    the interval. An estimate that lies outside its interval counts for nothing against it: the
    middle of the interval takes its place. NaN where there is no interval.
    """
    quantile = norm.isf((1 - confidence) / 2)
    inside = (low <= value) & (value <= high)
    middle = np.where(inside, value, (low + high) / 2)
    arm = np.where(cut > middle, high - middle, middle - low) / quantile
    away = cut - middle
    # Where an arm has no length, all on that side lies at the middle.
    beyond = np.select([away > 0, away < 0], [np.inf, -np.inf], 0.0)
    chance = norm.sf(np.divide(away, arm, out=beyond, where=arm > 0))
    return np.where(np.isnan(low) | np.isnan(high), np.nan, chance)


def check_level(confidence: float) -> None:
    """A level of confidence is a fraction between 0 and 1."""
    if not 0 < confidence < 1:
        hint = f" Did you mean {confidence / 100:g}?" if 1 < confidence < 100 else ""
        raise InputError(f"confidence={confidence:g} must lie between 0 and 1.{hint}")


def refuse_repeated(customers: pd.DataFrame, codes: NDArray[np.int64], customer: str) -> None:
    """One row per customer: a second one would count its money twice."""
    again = np.flatnonzero(pd.Series(codes).duplicated())
    if len(again):
        raise InputError(
            f'Column "{customer}": {len(again):,} rows are of customers who have a row already; '
            f"{rows_named(customers, again)}. Keep one row per customer."
        )


def known_numbers(customers: pd.DataFrame, column: str, what: str) -> Array:
    """Numbers of a column in which none may be missing."""
    values = numbers_of(customers, column, what)
    missing = np.flatnonzero(~np.isfinite(values))
    if len(missing):
        raise InputError(
            f'Column "{column}": {len(missing):,} values are missing or not finite; '
            f"{rows_named(customers, missing)}. Fill them in (0 where a customer brings nothing), "
            "or take these rows out."
        )
    return values


def interval_columns(
    customers: pd.DataFrame, low: str | None, high: str | None
) -> tuple[Array, Array]:
    """Ends of the intervals; NaN where one of them is missing."""
    if (low is None) != (high is None):
        raise InputError("Give both low and high, the ends of the interval, or neither.")
    if low is None or high is None:
        return np.full(len(customers), np.nan), np.full(len(customers), np.nan)
    ends = numbers_of(customers, low, "lower ends"), numbers_of(customers, high, "upper ends")
    swapped = np.flatnonzero(ends[0] > ends[1])
    if len(swapped):
        raise InputError(
            f'"{low}" is above "{high}" in {len(swapped):,} rows; {rows_named(customers, swapped)}'
            ". Correct these rows, or name the two columns the other way round."
        )
    without = np.isnan(ends[0]) | np.isnan(ends[1])
    return np.where(without, np.nan, ends[0]), np.where(without, np.nan, ends[1])


def cut_points(
    current: Array,
    potential: Array,
    cut: str,
    current_cut: float | None,
    potential_cut: float | None,
) -> tuple[float, float]:
    """Cuts in money."""
    given = (current_cut, potential_cut)
    for name, value in zip(("current_cut", "potential_cut"), given, strict=True):
        if value is not None and not np.isfinite(value):
            raise InputError(f"{name}={value:g} is not a number to cut at.")
    if cut == "break_even":
        return break_even(current_cut, potential_cut)
    if cut == "quantile":
        levels = [BEST_FIFTH if value is None else value for value in given]
        for name, level in zip(("current_cut", "potential_cut"), levels, strict=True):
            if not 0 < level < 1:
                hint = f" Did you mean {level / 100:g}?" if 1 < level < 100 else ""
                raise InputError(f"{name}={level:g} is no quantile between 0 and 1.{hint}")
        return float(np.quantile(current, levels[0])), float(np.quantile(potential, levels[1]))
    if cut != "money":
        raise InputError(f'cut="{cut}" is not one of {", ".join(CUTS)}.')
    if current_cut is None or potential_cut is None:
        raise InputError('cut="money" needs current_cut and potential_cut, amounts of money.')
    return float(current_cut), float(potential_cut)


def break_even(current_cut: float | None, potential_cut: float | None) -> tuple[float, float]:
    """Cuts at which a customer pays."""
    if current_cut not in (None, 0):
        raise InputError(
            f"current_cut={current_cut:g} is not where a customer breaks even, which is 0. Leave "
            'it out, or take cut="money".'
        )
    cost = 0.0 if potential_cut is None else float(potential_cut)
    if cost < 0:
        raise InputError(
            f"potential_cut={cost:g}: keeping a customer cannot cost less than nothing."
        )
    return 0.0, cost


def classified(
    current: Array,
    potential: Array,
    low: Array,
    high: Array,
    current_cut: float,
    potential_cut: float,
    *,
    confidence: float,
) -> pd.DataFrame:
    """Values with their class and how sure it is."""
    codes = value_classes(current, potential, current_cut, potential_cut)
    chance = probability_above(potential, low, high, potential_cut, confidence)
    is_high = codes % 2 == 1
    certain = pd.array(np.where(is_high, low > potential_cut, high <= potential_cut), "boolean")
    certain[np.isnan(low)] = pd.NA
    names = np.array(CLASSES, dtype=object)[codes]
    right = np.where(is_high, chance, 1 - chance)
    if parts_nobody(codes, current):
        names[:], right[:], certain[:] = NO_CLASS, np.nan, pd.NA
    return pd.DataFrame(
        {
            "current": current,
            "potential": potential,
            "low": low,
            "high": high,
            "value_class": names,
            "high_probability": chance,
            "class_probability": right,
            "certain": certain,
        }
    )


def parts_nobody(codes: NDArray[np.int64], current: Array) -> bool:
    """Whether all would be class I, or all class II for no more than what they share."""
    if not codes.any():
        return True
    same = np.ptp(current) <= 1e-9 * np.abs(current).max()
    return bool(same and (codes == 1).all())


def class_table(table: pd.DataFrame) -> pd.DataFrame:
    """Customers, money and uncertainty of each class, and what is advised for it."""
    marked = table.assign(
        uncertain=(~table["certain"]).fillna(False).astype(int),
        without_interval=table["low"].isna().astype(int),
    )
    sums = marked.groupby("value_class")[
        ["current", "potential", "uncertain", "without_interval"]
    ].sum()
    classes = [*CLASSES, NO_CLASS] if NO_CLASS in sums.index else list(CLASSES)
    found = sums.reindex(classes, fill_value=0)
    n = table["value_class"].value_counts().reindex(classes, fill_value=0)
    found.insert(0, "name", [NAMES[name] for name in classes])
    found.insert(1, "customers", n)
    found.insert(2, "customer_share", n / len(table))
    known = n - found["without_interval"]
    known[known.index == NO_CLASS] = 0
    found["uncertain_share"] = found["uncertain"] / known.where(known > 0)
    found["resources"] = [RESOURCES[name] for name in classes]
    found["strategy"] = [STRATEGIES[name] for name in classes]
    return found.rename_axis("value_class").reset_index()


def matrix_notes(table: pd.DataFrame, cuts: tuple[float, float]) -> list[str]:
    """What a reader should know of a matrix."""
    notes = []
    for name, cut in zip(("current", "potential"), cuts, strict=True):
        above = int((table[name] > cut).sum())
        word = "current value" if name == "current" else "potential"
        if above in (0, len(table)):
            side = "above" if above else "at or below"
            notes.append(
                f"All customers lie {side} the cut of the {word}: it does not tell them apart."
            )
    if (table["value_class"] == NO_CLASS).any():
        notes.append("No customer is put into a class: the lines part nobody.")
    without = int(table["low"].isna().sum())
    if without:
        notes.append(
            f"How sure the class is cannot be said for {without:,} of {len(table):,} customers: "
            "their potential has no interval."
        )
    return notes
