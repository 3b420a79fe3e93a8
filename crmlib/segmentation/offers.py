"""The best offer for every customer or segment, under a budget, contact limits and volumes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlib.columns import column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.findings import counted
from crmlib.segmentation.offer_dual import Prices, best_prices, solve_by_dual
from crmlib.segmentation.offer_programme import (
    Array,
    Integers,
    OfferProgramme,
    Solution,
    dealt_out,
    grouped,
    solve_exactly,
)

EXACT_PAIRS = 20_000
"""Kinds of unit times offers up to which the programme is solved exactly."""

LOOSER = 1e-3
"""Part by which limits are widened to see what more of them would bring."""

Costs = float | Mapping[str, float] | pd.DataFrame


@dataclass(frozen=True)
class OfferLimits:
    """What a plan of offers must keep besides its budget.

    Attributes
    ----------
    contacts : int
        Offers that one customer gets at most.
    minimum, maximum : mapping of str to int
        Customers that an offer must and may go to, by the name of the offer.
    """

    contacts: int = 1
    minimum: Mapping[str, int] = field(default_factory=dict)
    maximum: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class OfferPlan:
    """Who gets which offer, and how near the plan is to the best.

    Attributes
    ----------
    offers : DataFrame
        One row per customer (or segment) and offer: the customer's column, offer, customers (where
        the units are segments), gain, cost, net_gain. Best first.
    by_offer : DataFrame
        One row per offer: offer, customers, gain, cost, net_gain, minimum, maximum.
    prices : DataFrame
        One row per limit that is set: limit, offer, allowed, used, shadow_price: the net gain that
        one more unit of budget, one more customer allowed, or one fewer demanded brings.
    net_gain, spent : float
        Expected gain of the plan after its cost, and the cost.
    bound, gap : float
        No plan within the limits brings more than the bound; how much that is above the plan, as
        a share of the bound.
    method : str
        "exact" or "dual".
    """

    offers: pd.DataFrame
    by_offer: pd.DataFrame
    prices: pd.DataFrame
    net_gain: float
    spent: float
    bound: float
    gap: float
    method: str


def assign_offers(
    scores: pd.DataFrame,
    costs: Costs,
    budget: float | None = None,
    limits: OfferLimits | None = None,
    *,
    customer: str = "customer_id",
    customers: str | None = None,
) -> OfferPlan:
    """Choose who gets which offer, so that what the offers bring less their cost is largest.

    Nobody gets an offer that costs more than it brings, unless a minimum volume asks for it.

    Parameters
    ----------
    scores : DataFrame
        Expected gain of an offer before its cost. Wide: one row per customer or segment, one
        column per offer. Or long: columns customer_id, offer and gain, without the pairs that must
        not be offered.
    costs : float, mapping of offer to float, or DataFrame like the wide scores
        What making an offer to one customer costs, 0 or more.
    budget : float, optional
        What all offers together may cost; no limit when not given.
    limits : OfferLimits, optional
        One offer per customer and no volumes when not given.
    customer : str
        Column that names the customer or segment.
    customers : str, optional
        Column with the number of customers of a segment, who are all alike; gains and costs are
        of one of them. Without it every row is one customer.

    Returns
    -------
    OfferPlan

    Raises
    ------
    InputError
        A gain is missing, a customer stands in several rows, a limit names an offer that does not
        exist, or no plan keeps all limits; the message says which contradict one another.

    Notes
    -----
    A mixed-integer programme, see `OfferProgramme`. Customers alike in every gain and cost are
    put together first. Up to 20,000 kinds times offers it is solved exactly by HiGHS, above by
    its Lagrangian dual with a proven gap, see `solve_by_dual`. Shadow prices are those of the
    dual just beyond the limits: where the price of one more is not that of one less, of one more.
    """
    limits = OfferLimits() if limits is None else limits
    units, names, programme = _programme(scores, costs, budget, limits, customer, customers)
    alike, kind = grouped(programme)
    refuse_contradictions(alike, names)
    prices = best_prices(alike)
    one_more = best_prices(loosened(alike))
    exact = alike.cost.size <= EXACT_PAIRS
    solution = solve_exactly(alike) if exact else solve_by_dual(alike, prices)
    if solution is None:
        raise InputError(
            "No plan was found that keeps all limits, which are too tight together. Raise the "
            "budget, lower the minimum volumes, or allow more contacts per customer."
        )
    # The bound of the dual holds for the exact plan too.
    solution = replace(solution, bound=max(min(solution.bound, prices.bound), solution.value))
    chosen = dealt_out(solution.chosen, kind, programme.customers)
    return _plan(units, names, programme, chosen, solution, one_more, exact, customer, customers)


def budget_curve(
    scores: pd.DataFrame,
    costs: Costs,
    budgets: Any,
    limits: OfferLimits | None = None,
    *,
    customer: str = "customer_id",
    customers: str | None = None,
) -> pd.DataFrame:
    """What offers bring by the budget they are given.

    Parameters
    ----------
    scores, costs, limits, customer, customers
        As in `assign_offers`.
    budgets : sequence of float

    Returns
    -------
    DataFrame
        One row per budget: budget, net_gain, spent, offers (made), shadow_price (net gain of one
        more unit of budget), gap.
    """
    rows = []
    for budget in budgets:
        plan = assign_offers(
            scores, costs, float(budget), limits, customer=customer, customers=customers
        )
        rows.append(
            {
                "budget": float(budget),
                "net_gain": plan.net_gain,
                "spent": plan.spent,
                "offers": int(plan.by_offer["customers"].sum()),
                "shadow_price": float(plan.prices["shadow_price"].iloc[0]),
                "gap": plan.gap,
            }
        )
    return pd.DataFrame(rows)


def wide_scores(scores: pd.DataFrame, customer: str) -> tuple[pd.Series, list[str], Array]:
    """Scores as customers, names of offers and an array, minus infinity where there is no pair.

    Raises
    ------
    InputError
        When a score is missing or no number, or a customer or pair stands there twice.
    """
    if scores.empty:
        raise InputError("The table of scores has no rows, so there is nobody to make an offer to.")
    names = column_of(scores, customer)
    missing = np.flatnonzero(names.isna())
    if len(missing):
        raise InputError(f'Column "{customer}" is empty in {rows_named(scores, missing)}.')
    if {"offer", "gain"} <= set(scores.columns):
        return _from_long(scores, customer)
    twice = np.flatnonzero(names.duplicated())
    if len(twice):
        raise InputError(
            f'Column "{customer}": {names.iloc[twice[0]]} stands in several rows. Keep one row '
            "per customer, or write one row per customer and offer, with columns offer and gain."
        )
    offers = [str(name) for name in scores.columns if name != customer]
    if not offers:
        raise InputError("The table of scores has no column of an offer.")
    gains = np.column_stack([_gains(scores, name) for name in offers])
    return names.reset_index(drop=True), offers, gains


def _from_long(scores: pd.DataFrame, customer: str) -> tuple[pd.Series, list[str], Array]:
    gain = _gains(scores, "gain")
    offer = column_of(scores, "offer")
    missing = np.flatnonzero(offer.isna())
    if len(missing):
        raise InputError(f'Column "offer" is empty in {rows_named(scores, missing)}.')
    row, units = pd.factorize(scores[customer])
    column, found = pd.factorize(offer.astype(str), sort=True)
    twice = np.flatnonzero(pd.DataFrame({"row": row, "column": column}).duplicated())
    if len(twice):
        first = scores.iloc[twice[0]]
        raise InputError(
            f"Customer {first[customer]} has several scores for the offer {first['offer']}; "
            f"{rows_named(scores, twice)}. Keep one."
        )
    gains = np.full((len(units), len(found)), -np.inf)
    gains[row, column] = gain
    return pd.Series(units, name=customer), list(found), gains


def _gains(scores: pd.DataFrame, column: str) -> Array:
    gains = numbers_of(scores, column, "expected gains")
    wrong = np.flatnonzero(~np.isfinite(gains))
    if len(wrong):
        raise InputError(
            f'Column "{column}": {counted(len(wrong), "gain")} missing or not finite; '
            f"{rows_named(scores, wrong)}. Give 0 where an offer brings nothing. To leave out "
            "pairs that must not be offered, write one row per customer and offer "
            f"({customer_columns()}) without them."
        )
    return gains


def customer_columns() -> str:
    """Columns of scores in long form."""
    return "columns customer_id, offer, gain"


def _programme(
    scores: pd.DataFrame,
    costs: Costs,
    budget: float | None,
    limits: OfferLimits,
    customer: str,
    customers: str | None,
) -> tuple[pd.Series, list[str], OfferProgramme]:
    number = None if customers is None else column_of(scores, customers)
    long = {"offer", "gain"} <= set(scores.columns)
    units, names, gains = wide_scores(
        scores if number is None or long else scores.drop(columns=str(customers)), customer
    )
    size = np.ones(len(units), dtype=np.int64)
    if number is not None:
        size = _sizes(scores, str(customers), scores[customer], units)
    cost = _costs(costs, units, names, customer)
    return (
        units,
        names,
        OfferProgramme(
            np.where(np.isfinite(gains), gains - cost, -np.inf),
            cost,
            size,
            _whole(limits.contacts, "contacts"),
            _budget(budget),
            _volumes(limits.minimum, "minimum", names, 0.0),
            _volumes(limits.maximum, "maximum", names, np.inf),
        ),
    )


def _sizes(scores: pd.DataFrame, column: str, of: pd.Series, units: pd.Series) -> Integers:
    numbers = numbers_of(scores, column, "numbers of customers")
    wrong = np.flatnonzero(~(numbers >= 0) | (numbers % 1 != 0))
    if len(wrong):
        raise InputError(
            f'Column "{column}" must hold whole numbers of customers, 0 or more; '
            f"{rows_named(scores, wrong)}."
        )
    by_unit = pd.Series(numbers, index=of).groupby(level=0, sort=False).agg(["min", "max"])
    if (by_unit["min"] != by_unit["max"]).any():
        name = by_unit.index[by_unit["min"] != by_unit["max"]][0]
        raise InputError(f'Column "{column}": {name} has several numbers of customers. Keep one.')
    return by_unit.loc[units.to_numpy(), "min"].to_numpy().astype(np.int64)


def _costs(costs: Costs, units: pd.Series, names: list[str], customer: str) -> Array:
    if isinstance(costs, pd.DataFrame):
        table = costs.set_index(customer) if customer in costs else costs
        missing = [name for name in names if name not in table.columns]
        absent = units[~units.isin(table.index)]
        if missing or len(absent):
            what = f"offer {listed(missing)}" if missing else f"customer {listed(absent)}"
            raise InputError(f"The table of costs has no {what}.")
        cost = table.loc[units.to_numpy(), names].to_numpy(dtype=np.float64)
        if len(cost) != len(units):
            raise InputError("A customer stands in several rows of the table of costs. Keep one.")
    elif isinstance(costs, Mapping):
        missing = [name for name in names if name not in costs]
        if missing:
            raise InputError(f"What the offer {listed(missing)} costs is not given.")
        row = np.array([float(costs[name]) for name in names])
        cost = np.broadcast_to(row, (len(units), len(names)))
    else:
        cost = np.full((len(units), len(names)), float(costs))
    if not (np.isfinite(cost) & (cost >= 0)).all():
        wrong = [
            name
            for name, good in zip(names, (np.isfinite(cost) & (cost >= 0)).all(axis=0), strict=True)
            if not good
        ]
        raise InputError(f"The cost of an offer is 0 or more; that of {listed(wrong)} is not.")
    return cost


def _budget(budget: float | None) -> float:
    if budget is None:
        return np.inf
    if not budget >= 0:
        raise InputError(f"budget={budget:g} must be 0 or more; without a limit leave it out.")
    return float(budget)


def _whole(number: Any, what: str) -> int:
    if not (number >= 0 and float(number).is_integer()):
        raise InputError(f"{what}={number!r} must be a whole number, 0 or more.")
    return int(number)


def _volumes(given: Mapping[str, int], what: str, names: list[str], without: float) -> Array:
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InputError(
            f"The {what} is given for {listed(unknown)}, which is no offer; the offers are "
            f"{listed(names, shown=40)}."
        )
    volumes = np.full(len(names), without)
    for name, number in given.items():
        volumes[names.index(name)] = _whole(number, f"{what} of {name}")
    return volumes


def loosened(programme: OfferProgramme) -> OfferProgramme:
    """The programme with a little more of everything, to see what more of it would bring."""
    paid = programme.cost[programme.possible & (programme.cost > 0)]
    least = float(paid.min()) if len(paid) else 0.0
    return replace(
        programme,
        budget=max(programme.budget * (1 + LOOSER), least * LOOSER),
        minimum=programme.minimum * (1 - LOOSER),
        maximum=np.maximum(programme.maximum * (1 + LOOSER), LOOSER),
    )


def refuse_contradictions(programme: OfferProgramme, names: list[str]) -> None:
    """Say which limits contradict one another, before any plan is looked for.

    Raises
    ------
    InputError
    """
    for name, least, most in zip(names, programme.minimum, programme.maximum, strict=True):
        if least > most:
            raise InputError(
                f"The offer {name} must go to at least {least:,.0f} customers and may go to at "
                f"most {most:,.0f}. Lower the minimum or raise the maximum."
            )
    demanded = np.flatnonzero(programme.minimum > 0)
    if not len(demanded):
        return
    reach = programme.customers @ programme.possible
    for offer in demanded:
        if programme.minimum[offer] > reach[offer]:
            raise InputError(
                f"The offer {names[offer]} must go to at least {programme.minimum[offer]:,.0f} "
                f"customers, but can be made to {reach[offer]:,.0f} only. Lower its minimum."
            )
    least = _least_cost(programme, demanded)
    asked = listed([f"{names[o]} {programme.minimum[o]:,.0f}" for o in demanded], shown=20)
    if least is None:
        customers = int(programme.customers.sum())
        raise InputError(
            f"The minimum volumes ({asked}) ask for {programme.minimum.sum():,.0f} offers, more "
            f"than {counted(customers, 'customer')} can get with at most "
            f"{counted(programme.contacts, 'offer')} each. Lower a minimum, or allow more contacts."
        )
    if least > programme.budget * (1 + 1e-9) + 1e-6:
        raise InputError(
            f"The minimum volumes ({asked}) cost at least {least:,.2f}, and the budget is "
            f"{programme.budget:,.2f}. Raise the budget or lower a minimum."
        )


def _least_cost(programme: OfferProgramme, demanded: Integers) -> float | None:
    """What filling the minimum volumes costs at least; None when contacts do not suffice.

    A transport problem, whose corners are whole, so that no branching is needed. Units alike in
    what they can be offered and what that costs are one.
    """
    part = replace(
        programme,
        net_gain=np.where(programme.possible, -programme.cost, -np.inf)[:, demanded],
        cost=programme.cost[:, demanded],
        budget=np.inf,
        minimum=programme.minimum[demanded],
        maximum=programme.maximum[demanded],
    )
    found = solve_exactly(grouped(part)[0])
    return None if found is None else -found.value


def _plan(
    units: pd.Series,
    names: list[str],
    programme: OfferProgramme,
    chosen: Integers,
    solution: Solution,
    prices: Prices,
    exact: bool,
    customer: str,
    customers: str | None,
) -> OfferPlan:
    unit, offer = np.nonzero(chosen)
    number = chosen[unit, offer]
    cost = number * programme.cost[unit, offer]
    net = number * programme.net_gain[unit, offer]
    table = pd.DataFrame(
        {
            customer: units.to_numpy()[unit],
            "offer": np.array(names, dtype=object)[offer],
            "customers": number,
            "gain": net + cost,
            "cost": cost,
            "net_gain": net,
        }
    )
    totals = table.groupby("offer")[["customers", "gain", "cost", "net_gain"]].sum()
    by_offer = totals.reindex(names).fillna(0.0).rename_axis("offer").reset_index()
    by_offer["customers"] = by_offer["customers"].astype(np.int64)
    by_offer["minimum"] = programme.minimum.astype(np.int64)
    by_offer["maximum"] = np.where(np.isfinite(programme.maximum), programme.maximum, np.nan)
    table = table.sort_values(["net_gain", customer, "offer"], ascending=[False, True, True])
    if customers is None:
        table = table.drop(columns="customers")
    return OfferPlan(
        table.reset_index(drop=True),
        by_offer,
        _price_table(names, programme, chosen, prices),
        solution.value,
        programme.spent(chosen),
        solution.bound,
        solution.gap,
        "exact" if exact else "dual",
    )


def _price_table(
    names: list[str], programme: OfferProgramme, chosen: Integers, prices: Prices
) -> pd.DataFrame:
    volume = chosen.sum(axis=0)
    rows: list[tuple[str, str, float, float, float]] = []
    if np.isfinite(programme.budget):
        spent = programme.spent(chosen)
        rows.append(("budget", "all", programme.budget, spent, prices.budget))
    for o, name in enumerate(names):
        if programme.minimum[o] > 0:
            rows.append(("minimum", name, programme.minimum[o], volume[o], prices.minimum[o]))
        if np.isfinite(programme.maximum[o]):
            rows.append(("maximum", name, programme.maximum[o], volume[o], prices.maximum[o]))
    return pd.DataFrame(rows, columns=["limit", "offer", "allowed", "used", "shadow_price"])
