"""What tables about segments say on five criteria: yes, no or cannot say, and why."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from crmlib.findings import counted, listed

Row = dict[Hashable, Any]

LEAST_IN_PROFIT = 0.56
"""Share of pairs from which on a difference is more than negligible (Vargha and Delaney 2000)."""

LEAST_IN_FEATURE = 0.64
"""Share of pairs from which on a difference is of medium size (the same)."""

LEAST_ASSOCIATION = 0.3
"""Cramér's V from which on two classifications go together to a medium extent (Cohen 1988)."""

LEAST_STAYING = 0.7
"""Share of a segment's customers that must still be in it for it to be stable."""

LEAST_COMPARED = 2
"""Customers of a group without whom nothing is known of how much they vary."""

ROUNDING = 1e-9
"""Part of what is summed up by which a sum may be off."""

CRITERIA = ("big enough", "relevant", "reachable", "different", "stable")

YES, NO, UNDECIDED = "yes", "no", "cannot say"


def _verdict_rows(
    names: list[object], criterion: str, found: list[tuple[str, str]]
) -> pd.DataFrame:
    verdicts, reasons = zip(*found, strict=True)
    return pd.DataFrame(
        {"segment": names, "criterion": criterion, "verdict": verdicts, "reason": reasons}
    )


def size_verdicts(sizes: pd.DataFrame, customers: int, profit_share: float) -> pd.DataFrame:
    """Big enough: customers, and the share of profit they bring."""
    without = why_no_shares(sizes["profit"]) if "profit" in sizes else ""
    found = [
        _size_verdict(row, without, customers, profit_share) for row in sizes.to_dict("records")
    ]
    return _verdict_rows(list(sizes["segment"]), CRITERIA[0], found)


def why_no_shares(profit: pd.Series) -> str:
    """Say what is wrong with the sum of what segments bring, where there are no shares of it."""
    loss = profit.sum() < -ROUNDING * profit.abs().sum()
    return "in all it is a loss" if loss else "in all it is too near to zero"


def _size_verdict(row: Row, without: str, customers: int, profit_share: float) -> tuple[str, str]:
    n = counted(row["customers"], "customer")
    if row["customers"] < customers:
        return NO, f"{n}, fewer than {customers:,}"
    if "profit_share" not in row:
        return YES, f"{n}; profit was not given"
    low, high = row["profit_share_low"], row["profit_share_high"]
    if np.isnan(low):
        return UNDECIDED, f"{n}; there are no shares of profit, as {without}"
    said = f"{n} with {row['profit_share']:.0%} of profit ({low:.0%} to {high:.0%})"
    said += f"; {profit_share:.0%} needed"
    return _beyond(low, high, profit_share), said


def _beyond(low: float, high: float, threshold: float) -> str:
    """Whether what lies between low and high is the threshold at least."""
    if np.isnan(low):
        return UNDECIDED
    if low >= threshold:
        return YES
    return NO if high < threshold else UNDECIDED


def _apart(low: float, high: float, threshold: float) -> str:
    """Whether a share of pairs is beyond a threshold, upwards or downwards."""
    either = {_beyond(low, high, threshold), _beyond(1 - high, 1 - low, threshold)}
    return YES if YES in either else (NO if either == {NO} else UNDECIDED)


def relevance_verdicts(sizes: pd.DataFrame) -> pd.DataFrame:
    """Relevant: whether profit differs from that of the others."""
    names = list(sizes["segment"])
    if "above_share" not in sizes:
        return _verdict_rows(names, CRITERIA[1], [(UNDECIDED, "profit was not given")] * len(names))
    few, found = _too_few(sizes), []
    for row in sizes.to_dict("records"):
        said = f"in {_of_hundred(row)} of 100 pairs its customer brings more than one of the others"
        if np.isnan(row["low"]):
            said = few.get(row["segment"], "") or "profit is the same for all customers"
        found.append((_apart(row["low"], row["high"], LEAST_IN_PROFIT), said))
    return _verdict_rows(names, CRITERIA[1], found)


def _too_few(sizes: pd.DataFrame) -> dict[object, str]:
    """Of segments that are too small to compare, or that leave too few others, which it is."""
    said = {}
    for segment, n in zip(sizes["segment"], sizes["customers"], strict=True):
        if n < LEAST_COMPARED:
            said[segment] = f"{counted(n, 'customer')} in it, too few to compare"
        elif sizes["customers"].sum() - n < LEAST_COMPARED:
            others = counted(sizes["customers"].sum() - n, "customer")
            said[segment] = f"{others} in all others, too few to compare with"
    return said


def _of_hundred(row: Row) -> str:
    """Write a share of pairs with its interval, of a hundred."""
    ends = f"{100 * row['low']:.0f} to {100 * row['high']:.0f}"
    return f"{100 * row['above_share']:.0f} ({ends})"


def difference_verdicts(sizes: pd.DataFrame, differences: pd.DataFrame) -> pd.DataFrame:
    """Different: whether a feature at least differs from that of the others."""
    names, few, found = list(sizes["segment"]), _too_few(sizes), []
    for name in names:
        given = differences[differences["segment"] == name]
        rows = given.dropna(subset="low")
        if rows.empty:
            unsaid = few.get(name, "") or _same_for_all(given["feature"])
            found.append((UNDECIDED, unsaid if len(given) else "no feature was given"))
            continue
        verdicts = [
            _apart(low, high, LEAST_IN_FEATURE)
            for low, high in zip(rows["low"], rows["high"], strict=True)
        ]
        order = (rows["above_share"] - 0.5).abs().argmax()
        best = rows.iloc[int(order)].to_dict()
        said = f"most in {_words(best['feature'])}: above the others in {_of_hundred(best)} of 100 "
        said += "pairs" + (", which it was made by" if best["made_from"] else "")
        yes = YES in verdicts
        verdict = YES if yes else (NO if set(verdicts) == {NO} else UNDECIDED)
        found.append((verdict, said))
    return _verdict_rows(names, CRITERIA[3], found)


def _same_for_all(names: pd.Series) -> str:
    """Words for what tells nobody from anybody."""
    said = listed([_words(name) for name in names]) if len(names) else ""
    return f"{said} {'is' if len(names) == 1 else 'are'} the same for all customers"


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def reach_verdicts(
    names: list[object], associations: pd.DataFrame, reach: pd.DataFrame
) -> pd.DataFrame:
    """Reachable: whether an attribute known beforehand tells who belongs to it."""
    found = []
    for name in names:
        given = associations[associations["segment"] == name]
        rows = given.dropna(subset="low")
        if rows.empty:
            found.append((UNDECIDED, _untold(given, reach)))
            continue
        verdicts = {
            _beyond(low, high, LEAST_ASSOCIATION)
            for low, high in zip(rows["low"], rows["high"], strict=True)
        }
        verdict = YES if YES in verdicts else (NO if verdicts == {NO} else UNDECIDED)
        found.append((verdict, _reach_words(rows, reach[reach["segment"] == name])))
    return _verdict_rows(names, CRITERIA[2], found)


def _untold(associations: pd.DataFrame, reach: pd.DataFrame) -> str:
    """Why no attribute tells anything."""
    if associations.empty:
        return "nothing is known of customers beforehand"
    attributes = associations["attribute"]
    if reach.groupby("attribute")["value"].nunique().max() > 1:
        return "too few customers to say what tells them"
    return _same_for_all(attributes)


def _reach_words(associations: pd.DataFrame, reach: pd.DataFrame) -> str:
    """Name the attribute that tells most, and the value by which it does."""
    best = associations.sort_values("cramers_v", ascending=False, kind="stable").iloc[0]
    values = reach[reach["attribute"] == best["attribute"]]
    value = values.sort_values("lift_low", ascending=False, kind="stable").iloc[0]
    return (
        f"best told by {_words(best['attribute'])} (Cramér's V {best['cramers_v']:.2f}, "
        f"{best['low']:.2f} to {best['high']:.2f}): {value['inside_share']:.0%} of "
        f"“{value['value']}” are in it, {value['lift']:.1f} times as many as of all"
    )


def stability_verdicts(names: list[object], staying: pd.DataFrame) -> pd.DataFrame:
    """Stable: whether those in it before still are.

    A segment that is new is told with those that are no more, which it may be under another name.
    """
    if staying.empty:
        reason = "no earlier segments to compare with"
        return _verdict_rows(names, CRITERIA[4], [(UNDECIDED, reason)] * len(names))
    today = staying["segment"].isin(names)
    gone = [f"“{name}”" for name in staying.loc[~today, "segment"]]
    new = "nobody was in it before"
    if gone:
        new += f"; {listed(gone)} {'is' if len(gone) == 1 else 'are'} no more"
    found = []
    for row in staying[today].to_dict("records"):
        if not row["before"]:
            found.append((UNDECIDED, new))
            continue
        said = f"{row['stayed']:,} of {row['before']:,} that were in it still are "
        said += f"({row['low']:.0%} to {row['high']:.0%})"
        found.append((_beyond(row["low"], row["high"], LEAST_STAYING), said))
    return _verdict_rows(names, CRITERIA[4], found)
