"""What customers say they get and what they say it costs them: delivered value from a survey.

Total customer value (product, service, personnel, image) less total customer cost (money, time,
energy, psychic cost) is what a customer is left with.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from crmlib.columns import Array, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.transaction_rows import day_of

VALUE_PARTS = ("product", "service", "personnel", "image")
COST_PARTS = ("money", "time", "energy", "psychic")

Items = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class DeliveredValue:
    """Value delivered to customers, as they rate it.

    Attributes
    ----------
    parts : DataFrame
        side (value or cost), part, items (number), mean with low and high, n (customers): in
        points of the scale; of a cost the higher, the dearer.
    totals : DataFrame
        measure (total customer value, total customer cost, delivered value), mean with low and
        high, n (customers with an answer on every part). Totals are means of their parts, so that
        they stay points of the scale however many parts were asked.
    customers : DataFrame
        One row per customer that answered, its last answers: customer_id, date (where there is
        one), a column for each part, total_value, total_cost, delivered (missing without an answer
        on every part), error (standard error of delivered, from how answers of one customer on one
        part differ; missing where no part has two items).
    left_out : int
        Customers without an answer on some part: not in the totals.
    scale : tuple of float
    """

    parts: pd.DataFrame
    totals: pd.DataFrame
    customers: pd.DataFrame
    left_out: int
    scale: tuple[float, float]


def delivered_value(
    responses: pd.DataFrame,
    value_items: Items,
    cost_items: Items,
    *,
    scale: tuple[float, float] = (1, 10),
    reverse: Sequence[str] = (),
    since: dt.date | str | None = None,
    as_of: dt.date | str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    confidence: float = 0.95,
) -> DeliveredValue:
    """Take total customer cost off total customer value.

    Parameters
    ----------
    responses : DataFrame
        One row an answer: customer_id, date (needed with since or as_of) and the items, numbers.
        Of a customer that answered several times the last answers count.
    value_items, cost_items : mapping of str to sequence of str
        Items that ask for each part: of value "product", "service", "personnel", "image", of cost
        "money", "time", "energy", "psychic"; at least one part of either, not all.
    scale : tuple of float
        Lowest and highest answer. High answers mean much value, or much cost.
    reverse : sequence of str
        Items that ask the other way round, such as how satisfied one is with a price.
    since, as_of : date or str, optional
        First and last day of answers that count.
    customer, date : str
    confidence : float
        Level of the intervals, Student's over customers.

    Returns
    -------
    DeliveredValue

    Raises
    ------
    InputError
        The scale is none, a part or column is not known, an answer lies off the scale, or nobody
        answered in time.

    Notes
    -----
    Kotler, P. (2003). Marketing Management, 11th ed.: customer delivered value. A part is the
    mean of its items, a total the mean of its parts, all weighted alike. The error of one
    customer's delivered value is ``sqrt(Σ s² / k / P²)`` over its parts, s² the variance between
    the answers of one customer on one part, common to all, k the items it answered of the part,
    and P the number of parts of the side.
    """
    check_scale(*scale)
    sides = _sides(value_items, cost_items)
    items = [item for _, part_items in sides.values() for item in part_items]
    answers = _last_answers(responses, customer, date, since, as_of)
    numbers = {item: _answers_of(answers, item, scale, item in set(reverse)) for item in items}
    unknown = [item for item in reverse if item not in items]
    if unknown:
        raise InputError(f"reverse names {listed(unknown)}, which is not among the items.")
    parts, spread = {}, []
    for part, (_, part_items) in sides.items():
        block = np.column_stack([numbers[item] for item in part_items])
        parts[part] = _row_means(block)
        spread.append(block)
    customers = _customers(answers, customer, date, sides, parts)
    customers["error"] = _errors(sides, spread)
    customers.loc[customers["delivered"].isna(), "error"] = np.nan
    return DeliveredValue(
        parts=_parts_table(sides, parts, confidence),
        totals=_totals_table(customers, confidence),
        customers=customers,
        left_out=int(customers["delivered"].isna().sum()),
        scale=scale,
    )


def check_scale(lowest: float, highest: float) -> None:
    """Refuse a scale that does not rise.

    Raises
    ------
    InputError
        With both ends.
    """
    if not lowest < highest:
        raise InputError(
            f"The scale runs from lowest={lowest:g} to highest={highest:g}: the lowest answer must "
            "be below the highest. Questions where high is little are named in reverse."
        )


def _sides(value_items: Items, cost_items: Items) -> dict[str, tuple[str, list[str]]]:
    found: dict[str, tuple[str, list[str]]] = {}
    for side, given, known in (
        ("value", value_items, VALUE_PARTS),
        ("cost", cost_items, COST_PARTS),
    ):
        unknown = [part for part in given if part not in known]
        if unknown:
            raise InputError(
                f'There is no part "{unknown[0]}" of customer {side}; the parts are '
                f"{listed(known)}."
            )
        if not any(given.values()):
            raise InputError(
                f"No item of customer {side} is given: delivered value is value less cost. Name "
                f"the items of at least one of {listed(known)}."
            )
        found |= {part: (side, list(given[part])) for part in known if given.get(part)}
    return found


def _last_answers(
    responses: pd.DataFrame,
    customer: str,
    date: str,
    since: dt.date | str | None,
    as_of: dt.date | str | None,
) -> pd.DataFrame:
    column_of(responses, customer)
    answers = responses[responses[customer].notna()]
    if since is not None or as_of is not None:
        days = pd.to_datetime(column_of(answers, date))
        first = pd.Timestamp.min if since is None else day_of(since, "since")
        last = pd.Timestamp.max if as_of is None else day_of(as_of, "as_of")
        answers = answers[(days >= first) & (days <= last)]
    if answers.empty:
        raise InputError("No customer answered the survey in the time asked for.")
    if date in answers:
        answers = answers.sort_values(date, kind="stable")
    last_rows = answers.drop_duplicates(customer, keep="last")
    return last_rows.sort_values(customer, kind="stable", ignore_index=True)


def _answers_of(
    answers: pd.DataFrame, item: str, scale: tuple[float, float], turned: bool
) -> Array:
    values = numbers_of(answers, item, "answers")
    low, high = scale
    off = np.flatnonzero((values < low) | (values > high))
    if len(off):
        raise InputError(
            f'Column "{item}" holds {values[off[0]]:g}, off the scale of {low:g} to {high:g}; '
            f"{rows_named(answers, off)}. Correct it, or give the scale."
        )
    return low + high - values if turned else values


def _row_means(block: Array) -> Array:
    n = np.isfinite(block).sum(axis=1)
    return np.where(n > 0, np.nansum(block, axis=1) / np.maximum(n, 1), np.nan)


def _errors(sides: dict[str, tuple[str, list[str]]], blocks: list[Array]) -> Array:
    """Standard error of every customer's delivered value, from answers to items of one part."""
    squares = degrees = 0.0
    for block in blocks:
        centred = block - np.array([np.nanmean(c) if np.isfinite(c).any() else 0 for c in block.T])
        n = np.isfinite(centred).sum(axis=1)
        squares += np.nansum((centred - _row_means(centred)[:, None]) ** 2)
        degrees += np.maximum(n - 1, 0).sum()
    if degrees == 0:
        return np.full(len(blocks[0]), np.nan)
    of_side = [side for side, _ in sides.values()]
    variance = np.zeros(len(blocks[0]))
    for side, block in zip(of_side, blocks, strict=True):
        n = np.maximum(np.isfinite(block).sum(axis=1), 1)
        variance += squares / degrees / n / of_side.count(side) ** 2
    return np.asarray(np.sqrt(variance))


def _customers(
    answers: pd.DataFrame,
    customer: str,
    date: str,
    sides: dict[str, tuple[str, list[str]]],
    parts: dict[str, Array],
) -> pd.DataFrame:
    table = pd.DataFrame({"customer_id": answers[customer]})
    if date in answers:
        table["date"] = answers[date]
    table = table.assign(**parts)
    for side in ("value", "cost"):
        of_side = [part for part, (found, _) in sides.items() if found == side]
        table[f"total_{side}"] = table[of_side].mean(axis=1, skipna=False)
    return table.assign(delivered=table["total_value"] - table["total_cost"])


def _parts_table(
    sides: dict[str, tuple[str, list[str]]], parts: dict[str, Array], confidence: float
) -> pd.DataFrame:
    rows = [
        {"side": side, "part": part, "items": len(items), **mean_interval(parts[part], confidence)}
        for part, (side, items) in sides.items()
    ]
    return pd.DataFrame(rows)


def _totals_table(customers: pd.DataFrame, confidence: float) -> pd.DataFrame:
    full = customers[customers["delivered"].notna()]
    measures = {
        "total customer value": "total_value",
        "total customer cost": "total_cost",
        "delivered value": "delivered",
    }
    return pd.DataFrame(
        [
            {"measure": name, **mean_interval(full[column].to_numpy(), confidence)}
            for name, column in measures.items()
        ]
    )


def mean_interval(values: Array, confidence: float) -> dict[str, float]:
    """Mean with Student's interval and n, missing values left out."""
    known = values[np.isfinite(values)]
    n = len(known)
    mean = float(known.mean()) if n else np.nan
    half = np.nan
    if n > 1:
        half = t.ppf(0.5 + confidence / 2, n - 1) * known.std(ddof=1) / np.sqrt(n)
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": n}


def rated(delivered: DeliveredValue, confidence: float = 0.8) -> pd.DataFrame:
    """Tell customers that rate what they get lower than others do.

    Parameters
    ----------
    delivered : DeliveredValue
    confidence : float
        Level of the interval of a single customer's rating.

    Returns
    -------
    DataFrame
        customer_id; rating ("low" where the interval of its delivered value lies below the mean of
        all, "good" where above, else "cannot say"); delivered, mean (of all); weakest (part
        furthest on the bad side of the mean of all, in standard deviations of the part).
    """
    table = delivered.customers
    mean = float(delivered.totals["mean"].iloc[-1])
    half = float(norm.ppf(0.5 + confidence / 2)) * table["error"]
    low, high = table["delivered"] - half, table["delivered"] + half
    return pd.DataFrame(
        {
            "customer_id": table["customer_id"],
            "rating": np.select([high < mean, low > mean], ["low", "good"], "cannot say"),
            "delivered": table["delivered"],
            "mean": mean,
            "weakest": _weakest(delivered),
        }
    )


def _weakest(delivered: DeliveredValue) -> list[str]:
    names = list(delivered.parts["part"])
    sign = np.where(delivered.parts["side"] == "value", 1.0, -1.0)
    values = delivered.customers[names].to_numpy(dtype=np.float64)
    scores = np.zeros_like(values)
    for k, column in enumerate(values.T):
        known = column[np.isfinite(column)]
        if len(known) > 1 and known.std() > 0:
            scores[:, k] = np.nan_to_num(sign[k] * (column - known.mean()) / known.std())
    return [names[k] for k in scores.argmin(axis=1)]
