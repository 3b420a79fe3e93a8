"""What marks the stages of the life cycle, held against what the theory expects.

Chen Mingliang describes each stage by the volume bought, the price paid, the cost of serving the
customer, its indirect benefit, the money it pays and the profit. Whether a base follows him can be
seen within its customers: each one's periods are divided at its own turning points, and it is
compared with itself a stage earlier, never with a larger or smaller customer.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.clp.discounting import check_confidence
from crmlib.clp.fitting import LifeCycleFit
from crmlib.clp.history import Period, ProfitHistory, numbers_of_days
from crmlib.clp.life_cycle import Array
from crmlib.clp.list_prices import ListPriceSums, list_price_sums
from crmlib.clp.other_profit import other_profit_rows
from crmlib.clp.stages import life_cycle_stage, median_g1
from crmlib.errors import InputError
from crmlib.multiple_testing import holm

LIVED = ("exploration", "formation", "stability", "decline")
"""Stages that have periods, in the order of life."""

STEPS = tuple(pairwise(LIVED))

EXPECTED = pd.DataFrame(
    {
        "feature": ["volume", "price", "revenue", "cost", "indirect benefit", "profit"],
        "exploration_to_formation": ["rises", "rises", "rises", "falls", "rises", "rises"],
        "formation_to_stability": ["rises", "rises", "rises", "falls", "rises", "rises"],
        "stability_to_decline": ["falls", "falls", "falls", "rises", "falls", "falls"],
    }
)
"""Direction in which the theory expects each feature to go from stage to stage."""

LEAST_CUSTOMERS = 10
"""Customers compared with themselves below which nothing is said."""

RATIOS = {
    "volume": ("volume", "periods"),
    "price": ("revenue", "volume"),
    "revenue": ("revenue", "periods"),
    "cost": ("cost", "revenue"),
    "indirect benefit": ("indirect benefit", "periods"),
    "profit": ("profit", "periods"),
}
"""What each feature is a quotient of; sums over a customer's periods in a stage."""

SIGNED = ("indirect benefit", "profit")
"""Features that may be zero or negative, and so have no change in percent of themselves."""


@dataclass(frozen=True)
class StageFeatures:
    """Features of the stages, and their change from stage to stage.

    Attributes
    ----------
    levels : DataFrame
        One row per stage and feature that can be measured: stage, feature, unit, mean, low, high,
        customers, periods. Different customers are in different stages: these are no comparison.
    steps : DataFrame
        One row per feature and step of the life: feature, from_stage, to_stage, expected ("rises"
        or "falls"), unit, change (within customers), low, high, customers, left_out (that were in
        both stages, but without a positive value in each), p_adjusted (Holm's, over all
        comparisons but those of profit), verdict: "agrees", "contradicts", "cannot say" (the
        change may be chance, or fewer than `LEAST_CUSTOMERS`), "built in" (profit: the stages are
        read from it), "no data".
    measures : DataFrame
        feature, measured_as ("no data: …" where it cannot be).
    confidence : float
        Level of the intervals and of the verdicts.
    """

    levels: pd.DataFrame
    steps: pd.DataFrame
    measures: pd.DataFrame
    confidence: float


def stage_features(
    transactions: Any,
    history: ProfitHistory,
    fit: LifeCycleFit,
    *,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    discount: str = "discount",
    quantity: str = "quantity",
    product_line: str = "product_line",
    cost_to_serve: pd.DataFrame | None = None,
    indirect: pd.DataFrame | None = None,
    confidence: float = 0.95,
) -> StageFeatures:
    """Volume, price, revenue, cost, indirect benefit and profit by stage, and their change.

    Volume is what was bought at list prices and price the share of these that was paid, so that
    revenue is volume times price and another mix of products is not taken for another price. The
    list price of a row is its amount before the discount or, where there is no discount, its
    quantity times the mean price of its product line. Cost is that of goods and service in percent
    of the revenue.

    Levels are sums over sums, with customers as what varies. Changes are means over the customers
    that were in both stages: of volume, price, revenue and cost the mean logarithm of the later to
    the earlier value, written in percent; of indirect benefit and profit, which may be negative,
    the difference in percent of the customer's own revenue. Intervals and tests are Student's.

    Parameters
    ----------
    transactions : DataFrame, Ibis table or tables.CheckedTable
        What the history was made from.
    history : ProfitHistory
        Where a cost to serve is given, made with it as ``other_profit``.
    fit : LifeCycleFit
        Of this history.
    customer, date, amount, cost : str
        Column names, as for `profit_history`.
    discount, quantity, product_line : str
        Columns that volume and price are measured with; they need not be there.
    cost_to_serve, indirect : DataFrame, optional
        customer_id, date, profit: costs of activities (below zero) and indirect benefits.
    confidence : float

    Returns
    -------
    StageFeatures

    Raises
    ------
    InputError
        When a column of money is not there, the level is not a fraction, or the history was made
        without the cost to serve that is given.

    Notes
    -----
    The turning points lie where profit turns, and what profit is made of turns with it: volume
    and revenue agree with the theory more easily than price, cost and indirect benefit do. A
    customer's later stages are also later in time: prices that rise for everybody look like a
    later stage. A missing discount counts as none, a missing quantity as bought at the mean price.

    References
    ----------
    Chen Mingliang (2002). A study of the customer life cycle model. Journal of Zhejiang University
    (Humanities and Social Sciences) 32(6).
    """
    check_confidence(confidence)
    refuse_costs_not_in_profit(history, cost_to_serve)
    listed = list_price_sums(
        transactions,
        history.period,
        customer=customer,
        date=date,
        amount=amount,
        cost=cost,
        discount=discount,
        quantity=quantity,
        product_line=product_line,
    )
    periods = stages_of_periods(history, fit)
    sums = with_further_sums(periods, listed.sums, history.period, cost_to_serve, indirect)
    measures = measured_as(listed, cost, cost_to_serve, indirect, history.period)
    known = [name for name, words in measures.items() if not words.startswith("no data")]
    by_customer = sums_by_stage(sums)
    return StageFeatures(
        levels=stage_levels(by_customer, known, history.period, confidence),
        steps=stage_steps(by_customer, known, confidence),
        measures=pd.DataFrame(measures.items(), columns=["feature", "measured_as"]),
        confidence=confidence,
    )


def refuse_costs_not_in_profit(history: ProfitHistory, cost_to_serve: pd.DataFrame | None) -> None:
    """Cost and profit of a stage must speak of the same money."""
    if history.other_profit is None and cost_to_serve is not None:
        raise InputError(
            "The history was made without the cost to serve that is given here. Make it with it: "
            "profit_history(…, other_profit=…)."
        )


def stages_of_periods(history: ProfitHistory, fit: LifeCycleFit) -> pd.DataFrame:
    """Divide the life of every customer at its own turning points.

    A customer on P1 has the g1 of its similar customers. One without a turn from formation, whose
    profits were flat, has one stage before its decline: exploration when that was shorter than
    g1, stability when it was longer, as in `life_cycle_stage`.

    Parameters
    ----------
    history : ProfitHistory
    fit : LifeCycleFit
        Of this history.

    Returns
    -------
    DataFrame
        The rows of the history up to each customer's last period of life, with stage; customers
        without a curve, or undecided, are left out.
    """
    customers = fit.customers
    flat = customers["curve"].isin(["flat", "flat, then decline"]).to_numpy()
    g1 = life_cycle_stage(fit)["g1"].to_numpy()
    g1 = np.where(np.isfinite(g1), g1, median_g1(fit))
    level_held = np.fmin(customers["life"].to_numpy(), customers["g2"].to_numpy())
    code = {name: i for i, name in enumerate(LIVED)}
    before = np.where(level_held <= g1, code["exploration"], code["stability"])
    use = (customers["curve"] != "not enough history").to_numpy() & np.isfinite(g1)

    row = pd.Index(customers["customer_id"]).get_indexer(history.table["customer_id"])
    t = history.table["t"].to_numpy()
    growing = np.select(
        [t < g1[row] / 2, t <= g1[row]], [code["exploration"], code["formation"]], code["stability"]
    )
    stage = np.where(flat[row], before[row], growing)
    stage = np.where(t > customers["g2"].to_numpy()[row], code["decline"], stage)
    lived = use[row] & (t <= customers["life"].to_numpy()[row])
    return history.table[lived].assign(stage=np.array(LIVED, dtype=object)[stage[lived]])


def with_further_sums(
    periods: pd.DataFrame,
    listed: pd.DataFrame,
    period: Period,
    cost_to_serve: pd.DataFrame | None,
    indirect: pd.DataFrame | None,
) -> pd.DataFrame:
    """Periods of life with volume, cost and indirect benefit; those not known are missing."""
    number = numbers_of_days(periods["period"], period)
    every = periods.assign(number=number).merge(listed, on=["customer_id", "number"], how="left")
    every = every.drop(columns=["number", "t", "period"]).assign(periods=1.0)
    every["volume"] = every["volume"].fillna(0.0) if "volume" in every else every["purchases"]
    served = sums_of_entries(periods, number, cost_to_serve, period)
    sold = every["cost"].fillna(0.0) if "cost" in every else np.nan
    every["cost"] = sold if cost_to_serve is None else np.nan_to_num(sold) - served
    benefit = sums_of_entries(periods, number, indirect, period)
    every["indirect benefit"] = np.nan if indirect is None else benefit
    return every


def sums_of_entries(
    periods: pd.DataFrame,
    number: NDArray[np.int64],
    entries: pd.DataFrame | None,
    period: Period,
) -> Array:
    """Profit besides the sales in each period of life; before the first purchase in period 1.

    What falls after a customer's life, or on customers without one, belongs to no stage.
    """
    other = other_profit_rows(entries)
    first = np.flatnonzero(periods["t"] == 1)
    place = pd.Index(periods["customer_id"].to_numpy()[first]).get_indexer(other["customer_id"])
    other, place = other[place >= 0], place[place >= 0]
    later = np.maximum(numbers_of_days(other["day"], period) - number[first][place], 0)
    counted = later < np.diff(first, append=len(periods))[place]
    rows = (first[place] + later)[counted]
    return np.bincount(rows, other["cents"].to_numpy()[counted], minlength=len(periods)) / 100


def measured_as(
    listed: ListPriceSums,
    cost: str | None,
    cost_to_serve: pd.DataFrame | None,
    indirect: pd.DataFrame | None,
    period: Period,
) -> dict[str, str]:
    """How each feature is measured, in words."""
    costs = ["goods"] * (cost is not None) + ["service"] * (cost_to_serve is not None)
    return {
        "volume": f"{listed.volume_as}, a {period}",
        "price": listed.price_as,
        "revenue": f"amount, a {period}",
        "cost": f"cost of {' and '.join(costs)} in percent of the revenue"
        if costs
        else "no data: a margin rate holds the cost constant; give what was sold a cost",
        "indirect benefit": "no data: no referrals were given"
        if indirect is None
        else f"profit credited for referrals, a {period}",
        "profit": f"as the curves are fitted to, a {period}",
    }


def sums_by_stage(sums: pd.DataFrame) -> pd.DataFrame:
    """Sums over the periods of each customer in each stage, by customer_id and stage."""
    names = list({name for ratio in RATIOS.values() for name in ratio})
    return sums.groupby(["customer_id", "stage"], sort=True)[names].sum(min_count=1)


def stage_levels(
    by_customer: pd.DataFrame, known: list[str], period: Period, confidence: float
) -> pd.DataFrame:
    """Each known feature in each stage: sum over sum, with customers as what varies.

    The variance is that of a ratio of sums, ``sum (y - R x)^2 / (sum x)^2``, times n / (n - 1).
    """
    rows = []
    for stage, here in by_customer.groupby("stage", sort=False):
        n, periods = len(here), int(here["periods"].sum())
        for feature in known:
            y, x = (here[name].to_numpy(dtype=float) for name in RATIOS[feature])
            scale = 100.0 if feature in ("price", "cost") else 1.0
            below = x.sum() if x.sum() > 0 else np.nan
            mean = scale * y.sum() / below
            error = np.sqrt(((scale * y - mean * x) ** 2).sum() * n / max(n - 1, 1)) / below
            half = stats.t.ppf(0.5 + confidence / 2, n - 1) * error if n > 1 else np.nan
            unit = "%" if scale == 100.0 else f"a {period}"
            rows.append((stage, feature, unit, mean, mean - half, mean + half, n, periods))
    columns = ["stage", "feature", "unit", "mean", "low", "high", "customers", "periods"]
    levels = pd.DataFrame(rows, columns=columns)
    return levels.sort_values(
        "stage", key=lambda s: s.map(LIVED.index), ignore_index=True, kind="stable"
    )


def stage_steps(by_customer: pd.DataFrame, known: list[str], confidence: float) -> pd.DataFrame:
    """Each feature from each stage to the next, within customers, and the verdict on it."""
    rows = []
    for feature, *expected in EXPECTED.itertuples(index=False):
        for (before, after), direction in zip(STEPS, expected, strict=True):
            row = {"feature": feature, "from_stage": before, "to_stage": after}
            row |= {"expected": direction, "unit": unit_of_change(feature)}
            if feature in known:
                earlier, later = in_both_stages(by_customer, before, after)
                row |= own_change(earlier, later, feature, confidence)
            rows.append(row)
    columns = [*rows[0], "change", "low", "high", "customers", "left_out", "p"]
    steps = pd.DataFrame(rows, columns=list(dict.fromkeys(columns)))
    steps[["customers", "left_out"]] = steps[["customers", "left_out"]].fillna(0).astype(int)
    tested = (steps["feature"] != "profit") & (steps["customers"] >= LEAST_CUSTOMERS)
    steps["p_adjusted"] = holm(steps.pop("p").where(tested).to_numpy(dtype=float))
    verdicts = [verdict(row, row["feature"] in known, confidence) for _, row in steps.iterrows()]
    return steps.assign(verdict=verdicts)


def unit_of_change(feature: str) -> str:
    """What a change of this feature is a percentage of."""
    return "% of revenue" if feature in SIGNED else "%"


def in_both_stages(
    by_customer: pd.DataFrame, before: str, after: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sums of the customers that were in both stages, in the same order."""
    stages = by_customer.index.get_level_values("stage")
    earlier, later = (by_customer[stages == name].droplevel("stage") for name in (before, after))
    both = earlier.index.intersection(later.index)
    return earlier.loc[both], later.loc[both]


def own_change(
    earlier: pd.DataFrame, later: pd.DataFrame, feature: str, confidence: float
) -> dict[str, float]:
    """Mean change of a feature within customers, with Student's interval and test."""
    above, below = RATIOS[feature]
    if feature in SIGNED:
        scale = (earlier["revenue"] + later["revenue"]) / (earlier["periods"] + later["periods"])
        usable = scale > 0
        change = (later[above] / later[below] - earlier[above] / earlier[below])[usable]
        values = 100 * (change / scale[usable]).to_numpy()
    else:
        parts = (earlier[above], earlier[below], later[above], later[below])
        usable = np.logical_and.reduce([part > 0 for part in parts])
        old, new = (part[above][usable] / part[below][usable] for part in (earlier, later))
        values = np.log(new / old).to_numpy()
    n = len(values)
    result: dict[str, float] = {"customers": n, "left_out": len(usable) - n}
    if n < LEAST_CUSTOMERS:
        return result
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(n)
    half = stats.t.ppf(0.5 + confidence / 2, n - 1) * error
    ends = np.array([mean, mean - half, mean + half])
    if feature not in SIGNED:
        ends = 100 * np.expm1(ends)
    p = 2 * stats.t.sf(abs(mean) / error, n - 1) if error > 0 else float(mean == 0)
    return result | dict(zip(("change", "low", "high"), ends, strict=True)) | {"p": p}


def verdict(step: pd.Series, known: bool, confidence: float) -> str:
    """Whether the data follow the theory in one step."""
    if not known:
        return "no data"
    if step["feature"] == "profit":
        return "built in"
    if not step["p_adjusted"] < 1 - confidence:
        return "cannot say"
    return "agrees" if (step["change"] > 0) == (step["expected"] == "rises") else "contradicts"
