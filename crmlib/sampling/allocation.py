"""Allocation: how many of a stratified sample's units to take from each stratum."""

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.columns import listed
from crmlib.errors import InputError
from crmlib.sampling.sizes import check_above_zero, check_number, check_whole

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Method = Literal["proportional", "equal", "power", "neyman", "cost"]
Bound = int | Mapping[Any, int] | None

NEEDED = {
    "proportional": (),
    "equal": (),
    "power": ("sd",),
    "neyman": ("sd",),
    "cost": ("sd", "cost"),
}
"""Columns each method needs besides stratum and population."""

MOST_SWAPS = 400
"""Single units that the search for the exact optimum of a budget may add or take away."""

MOST_STATES = 5_000
"""Combinations of them that it may hold at once."""


@dataclass(frozen=True)
class Allocation:
    """Sizes of the strata's samples.

    Attributes
    ----------
    table : DataFrame
        One row per stratum, in the order given: stratum, population, sd (where given), cost
        (where given), n, sampling_fraction (n / population), weight (population / n), bound
        ("minimum", "maximum", "everybody" or "": the bound that n has reached).
    n : int
        Sum over the strata.
    method : str
    variance : float
        Of the estimated mean: ``sum (N_h / N)^2 (1 - n_h / N_h) S_h^2 / n_h``; NaN without sd.
    standard_error : float
        Its square root.
    cost : float
        Sum of ``n_h`` times the cost of a unit; NaN without costs.
    gap : float
        No allocation within the budget and the bounds has a variance below ``variance - gap``.
        0 means that this one is proved best for its method.
    price : DataFrame
        What the bounds cost, one row for each that changes the allocation: stratum, bound,
        value, n, n_without, variance_without (this bound lifted, the others kept), price
        (variance over variance_without, less 1). The last row lifts all bounds. A negative
        price means that the bound lowers the variance, which happens with methods that do not
        aim at it. Empty when no bound matters or there is no sd.
    """

    table: pd.DataFrame
    n: int
    method: Method
    variance: float
    standard_error: float
    cost: float
    gap: float
    price: pd.DataFrame


@dataclass(frozen=True)
class Problem:
    """Minimise ``sum aim / n`` with ``lower <= n <= upper`` and ``sum cost n <= budget``."""

    aim: Array
    cost: Array
    lower: Counts
    upper: Counts
    budget: float
    population: Array
    by_count: bool  # the budget is a number of units, all of which are to be taken


@dataclass(frozen=True)
class Search:
    """Where the marginal gains lead.

    ``n`` is affordable; ``prefix`` is where the first unit was too dear, with ``rest`` of the
    budget left and ``rate`` that unit's gain per cost: no allocation has a sum below that of
    ``prefix`` by more than ``rate * rest``.
    """

    n: Counts
    prefix: Counts
    rest: float
    rate: float


def stratified_variance(population: Array, sd: Array, n: Array | Counts) -> float:
    """Variance of the mean estimated from simple random samples of all strata.

    ``sum (N_h / N)^2 (1 - n_h / N_h) S_h^2 / n_h`` (Cochran 1977, section 5.4).
    """
    share = population / population.sum()
    return float(np.sum(share**2 * (1 - n / population) * sd**2 / n))


def allocate(
    strata: pd.DataFrame,
    n: int | None = None,
    method: Method = "proportional",
    *,
    budget: float | None = None,
    minimum: Bound = 2,
    maximum: Bound = None,
    power: float = 0.5,
) -> Allocation:
    """Divide a sample among strata: whole numbers, within bounds, best for the method's aim.

    Every method minimises ``sum a_h^2 / n_h`` over whole numbers within the bounds that add up to
    n, with

    - proportional: ``a = N``, the method of equal proportions;
    - equal: ``a = 1``;
    - neyman: ``a = N S``: the smallest variance of the estimated mean or total;
    - power: ``a = X^power S / mean`` with ``X = N mean``, so that large strata matter more than
      small ones but less than their size (power 1: neyman, 0: equal coefficients of variation);
      without a column mean all means are taken as equal: ``a = N^power S``;
    - cost with n: ``a = N S / sqrt(cost)``, the textbook's shares in whole numbers;
    - cost with budget: ``a = N S`` and ``sum cost n <= budget`` instead of a given n: the
      smallest variance the budget buys.

    Parameters
    ----------
    strata : DataFrame
        stratum (no two alike), population (units N in the frame), sd (S, of the variable to be
        estimated, within the stratum; proportional and equal do without), cost (money per unit,
        for ``method="cost"``), mean (of that variable, for ``method="power"``, optional).
    n : int
        Units in all.
    method : {"proportional", "equal", "power", "neyman", "cost"}
    budget : float
        Money for the units, instead of n, with ``method="cost"``.
    minimum, maximum : int or mapping of stratum to int
        Fewest and most units a stratum may have. A single number means no more than the stratum
        has; strata that a mapping does not name have 2 as their minimum and no maximum. With
        fewer than two units a stratum's variance cannot be estimated. No stratum is given more
        than its population.
    power : float
        Exponent of the power allocation, between 0 and 1.

    Returns
    -------
    Allocation

    Raises
    ------
    InputError
        When the table or an argument cannot be used, or no allocation keeps the bounds; the
        message then says the smallest and the largest n or budget.

    Notes
    -----
    A unit more in stratum h lowers the sum by ``a^2 / (n (n + 1))``, less with every unit; taking
    the largest gain again and again from the minima on is therefore exact (Wright 2012, The
    American Statistician 66, 217-224; 2017, Statistics and Probability Letters 129, 50-57). Ties
    go to the larger stratum, then to the one named first. With a budget and unequal costs the
    largest gain per cost is a heuristic: money may be left over. What it leaves is a knapsack
    problem, which is then solved exactly by searching the exchanges of units that could still
    improve it; should these be too many, the heuristic stands and ``gap`` bounds what it loses.

    Power allocation: Bankier (1988), The American Statistician 42, 174-177. Checked against all
    integer allocations of small cases, four exact Neyman allocations, and PracTools 1.7.5
    (``strAlloc``: allocations in fractions, whose variance bounds ours from below).
    """
    table = checked_strata(strata, method)
    if method == "power":
        check_power(power)
    population = table["population"].to_numpy(dtype=float)
    lower, upper = bounds(table, minimum, maximum)
    limit = checked_limit(table, n, method, budget, lower, upper)
    weights = aim(table, method, power, by_budget=n is None)
    if not weights.any():
        raise InputError(
            f'Every sd is 0, so method="{method}" has nothing to go by. Take '
            'method="proportional", or give the standard deviations you expect.'
        )
    unit_cost = table["cost"].to_numpy(dtype=float) if n is None else np.ones(len(table))
    problem = Problem(weights**2, unit_cost, lower, upper, limit, population, n is not None)
    sizes, gap = solve(problem)
    variance = variance_of(table, sizes)
    return Allocation(
        table=with_sizes(table, sizes, lower, upper),
        n=int(sizes.sum()),
        method=method,
        variance=variance,
        standard_error=math.sqrt(variance),
        cost=float(sizes @ table["cost"].to_numpy(dtype=float)) if "cost" in table else math.nan,
        gap=float(gap / population.sum() ** 2),
        price=price_of_bounds(table, problem, sizes),
    )


def aim(table: pd.DataFrame, method: Method, power: float, *, by_budget: bool) -> Array:
    """Return the ``a_h`` of the sum that a method minimises."""
    N = table["population"].to_numpy(dtype=float)
    if method == "equal":
        return np.ones(len(N))
    if method == "proportional":
        return N
    S = table["sd"].to_numpy(dtype=float)
    if method == "power":
        mean = abs(table["mean"].to_numpy(dtype=float)) if "mean" in table else np.ones(len(N))
        return (N * mean) ** power * S / mean
    if method == "cost" and not by_budget:
        return N * S / np.sqrt(table["cost"].to_numpy(dtype=float))
    return N * S


def solve(problem: Problem) -> tuple[Counts, float]:
    """Whole numbers that minimise the sum, and by how much they may miss the minimum."""
    if not problem.by_count:  # units that gain nothing are not worth money
        useful = np.where(problem.aim > 0, problem.upper, problem.lower)
        problem = replace(problem, upper=useful)
        if np.ptp(problem.cost) == 0:  # the budget buys a number of units
            units = math.floor(problem.budget / problem.cost[0] * (1 + 1e-12))
            n = float(min(units, useful.sum()))
            problem = replace(problem, cost=np.ones(len(useful)), budget=n, by_count=True)
    found = by_marginal_gain(problem)
    if found.rest == 0:
        return found.n, 0.0
    return best_exchange(problem, found)


def objective(problem: Problem, n: Counts) -> float:
    """Return the sum that is minimised."""
    return float(np.sum(problem.aim / n))


def by_marginal_gain(problem: Problem) -> Search:
    """Give units one by one to the stratum where a unit gains most for its cost.

    All units that gain more than some rate are given at once; only the last are given singly.
    """
    n = units_above_rate(problem)
    rest = problem.budget - float(problem.cost @ n)
    tolerance = 1e-12 * abs(problem.budget)

    def entry(h: int) -> tuple[float, float, int]:
        gain = problem.aim[h] / (n[h] * (n[h] + 1.0))
        return -gain / problem.cost[h], -problem.population[h], h

    queue = [entry(h) for h in range(len(n)) if n[h] < problem.upper[h]]
    heapq.heapify(queue)
    prefix, first_rest, first_rate = None, 0.0, 0.0
    while queue:
        rate, _, h = heapq.heappop(queue)
        if problem.cost[h] > rest + tolerance:
            if prefix is None:
                prefix, first_rest, first_rate = n.copy(), max(rest, 0.0), -rate
            continue
        n[h] += 1
        rest -= problem.cost[h]
        if n[h] < problem.upper[h]:
            heapq.heappush(queue, entry(h))
    if problem.by_count or prefix is None:
        return Search(n, n, 0.0, 0.0)
    return Search(n, prefix, first_rest if first_rest > tolerance else 0.0, first_rate)


def units_above_rate(problem: Problem) -> Counts:
    """Units whose gain per cost lies above the lowest rate that the budget can pay for."""
    gains = problem.aim / problem.cost
    some = gains > 0
    high = float((gains / problem.lower**2)[some].max())
    low = float((gains / (problem.upper + 1.0) ** 2)[some].min())
    chosen = problem.lower.copy()
    for _ in range(64):
        rate = math.sqrt(low) * math.sqrt(high)
        # the largest k with gain per cost aim / (cost k (k - 1)) of at least the rate
        k = np.floor((1 + np.sqrt(1 + 4 * gains / rate)) / 2)
        n = np.clip(np.minimum(k, problem.upper), problem.lower, problem.upper).astype(np.int64)
        if problem.cost @ n <= problem.budget:
            chosen, high = n, rate
        else:
            low = rate
    return chosen


def best_exchange(problem: Problem, found: Search) -> tuple[Counts, float]:
    """Exact optimum near the marginal gains' prefix, or the best found and what it may miss.

    An allocation misses the bound, the rest spent at the best rate, by a loss: ``rate`` times
    the money it leaves, and a penalty for every unit added to or taken from the prefix, the
    difference between the unit's gain and ``rate`` times its cost. All exchanges with penalties
    up to some loss are searched, and the loss doubled until an allocation turns up within it,
    which is then the best there is.
    """
    bound = objective(problem, found.prefix) - found.rate * found.rest
    best, missed = found.n, max(objective(problem, found.n) - bound, 0.0)
    start, none_within = missed, 0.0
    rounding = 1e-14 * objective(problem, found.prefix)
    for doubling in range(-10, 1):
        within = start * 2.0**doubling + rounding
        n = best_within(problem, found, within)
        if n is None:
            break
        none_within = within
        if objective(problem, n) - bound < missed:
            best, missed = n, objective(problem, n) - bound
        if missed <= within:
            return best, 0.0
    return best, max(missed - none_within, 0.0)


def best_within(problem: Problem, found: Search, within: float) -> Counts | None:
    """Best affordable exchange among those with penalties up to a loss; None if too many.

    Of two combinations the dearer one without a larger gain is dropped.
    """
    swaps = possible_swaps(problem, found, within)
    if swaps is None:
        return None
    cost, penalty = np.zeros(1), np.zeros(1)
    change = np.zeros((1, len(found.n)), dtype=np.int64)
    for unit_penalty, h, sign in swaps:
        with_unit = change.copy()
        with_unit[:, h] += sign
        cost = np.append(cost, cost + sign * problem.cost[h])
        penalty = np.append(penalty, penalty + unit_penalty)
        change = np.vstack([change, with_unit])
        # units are taken away before any is added, so what is too dear now remains so
        kept = (penalty <= within) & ((sign < 0) | (cost <= found.rest * (1 + 1e-12)))
        gain = np.where(kept, found.rate * cost - penalty, -np.inf)
        order = np.lexsort((-gain, cost))
        best_before = np.append(-np.inf, np.maximum.accumulate(gain[order])[:-1])
        order = order[gain[order] > best_before]
        cost, penalty, change = cost[order], penalty[order], change[order]
        if len(cost) > MOST_STATES:
            return None
    return found.prefix + change[np.argmax(found.rate * cost - penalty)]


def possible_swaps(
    problem: Problem, found: Search, within: float
) -> list[tuple[float, int, int]] | None:
    """Units (penalty, stratum, -1 or 1) that a better allocation may take away or add.

    Those taken away come first. None when there are too many.
    """
    swaps: list[tuple[float, int, int]] = []
    money = found.rest  # with what the units taken away set free
    for sign in (-1, 1):
        for h, prefix in enumerate(found.prefix):
            n = int(prefix)
            while problem.lower[h] <= n + sign <= problem.upper[h]:
                gain = problem.aim[h] / (n * (n + sign))
                penalty = max(sign * (found.rate * problem.cost[h] - gain), 0.0)
                too_dear = sign * (n + sign - prefix) * problem.cost[h] > money * (1 + 1e-12)
                if penalty > within or (sign > 0 and too_dear):
                    break
                swaps.append((penalty, h, sign))
                if len(swaps) > MOST_SWAPS:
                    return None
                n += sign
        money += sum(problem.cost[h] for _, h, _ in swaps) if sign < 0 else 0.0
    return swaps


def price_of_bounds(table: pd.DataFrame, problem: Problem, sizes: Counts) -> pd.DataFrame:
    """Variance with every bound that matters, against that without it."""
    rows: list[dict[str, Any]] = []
    variance = variance_of(table, sizes)
    population = problem.population.astype(np.int64)

    def add(stratum: Any, bound: str, value: Any, h: int | None, **lifted: Any) -> None:
        without, _ = solve(replace(problem, **lifted))
        if np.array_equal(without, sizes):
            return
        freed = variance_of(table, without)
        rows.append(
            {
                "stratum": stratum,
                "bound": bound,
                "value": value,
                "n": int(sizes.sum() if h is None else sizes[h]),
                "n_without": int(without.sum() if h is None else without[h]),
                "variance_without": freed,
                "price": variance / freed - 1 if freed > 0 else math.inf,
            }
        )

    if math.isfinite(variance):
        for h, stratum in enumerate(table["stratum"]):
            if sizes[h] == problem.lower[h] > 1:
                free = problem.lower.copy()
                free[h] = 1
                add(stratum, "minimum", int(problem.lower[h]), h, lower=free)
            if sizes[h] == problem.upper[h] < population[h]:
                free = problem.upper.copy()
                free[h] = population[h]
                add(stratum, "maximum", int(problem.upper[h]), h, upper=free)
        if rows:
            free = np.ones_like(problem.lower)
            add("all strata", "all", pd.NA, None, lower=free, upper=population)
    columns = ["stratum", "bound", "value", "n", "n_without", "variance_without", "price"]
    return pd.DataFrame(rows, columns=columns).astype({"value": "Int64"})


def variance_of(table: pd.DataFrame, sizes: Counts) -> float:
    """Variance of the estimated mean, NaN where the strata's sd are not known."""
    if "sd" not in table:
        return math.nan
    population, sd = (table[name].to_numpy(dtype=float) for name in ("population", "sd"))
    return stratified_variance(population, sd, sizes)


def with_sizes(table: pd.DataFrame, sizes: Counts, lower: Counts, upper: Counts) -> pd.DataFrame:
    """Result table of an allocation."""
    population = table["population"].to_numpy(dtype=np.int64)
    kept = [name for name in ("stratum", "population", "sd", "cost") if name in table]
    bound = np.select(
        [sizes == population, (sizes == lower) & (lower > 1), sizes == upper],
        ["everybody", "minimum", "maximum"],
        default="",
    )
    return table[kept].assign(
        population=population,
        n=sizes,
        sampling_fraction=sizes / population,
        weight=population / sizes,
        bound=bound,
    )


def checked_strata(strata: pd.DataFrame, method: Method) -> pd.DataFrame:
    """Return the table with the rows numbered; refuses what cannot be allocated to."""
    if method not in NEEDED:
        raise InputError(f'method="{method}": write one of {", ".join(NEEDED)}.')
    needed = ("stratum", "population", *NEEDED[method])
    missing = [name for name in needed if name not in strata]
    if missing:
        raise InputError(
            f'The table of strata has no column {", ".join(missing)}; method="{method}" needs '
            f"{', '.join(needed)}."
        )
    if strata.empty:
        raise InputError("The table of strata is empty: there is nothing to allocate to.")
    unnamed = int(strata["stratum"].isna().sum())
    if unnamed:
        raise InputError(f"{unnamed} rows of the table of strata have no stratum: name them.")
    twice = strata["stratum"][strata["stratum"].duplicated()].unique()
    if len(twice):
        raise InputError(
            f"The table of strata has more than one row for {listed(twice)}: one row per stratum."
        )
    table = strata.reset_index(drop=True)
    for name in ("population", "sd", "cost", "mean"):
        if name in table:
            table[name] = numbers(table, name)
    refuse(table, table["population"] < 1, "have no units; leave empty strata out", "population")
    whole = table["population"] == table["population"].round()
    refuse(table, ~whole, "are not whole numbers", "population")
    if "sd" in table:
        refuse(table, table["sd"] < 0, "are below 0; a standard deviation never is", "sd")
    if "cost" in table:
        refuse(table, table["cost"] <= 0, "are not above 0; say what a unit costs", "cost")
    if method == "power" and "mean" in table:
        refuse(table, table["mean"] == 0, "are 0, which a coefficient of variation has not", "mean")
    return table


def numbers(table: pd.DataFrame, name: str) -> pd.Series:
    """Return a column as finite floats, or refuse it."""
    try:
        values = pd.Series(table[name].to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError):
        raise InputError(f"Column {name} of the table of strata is not numeric.") from None
    refuse(table, ~values.map(math.isfinite), "are missing or infinite", name)
    return values


def refuse(table: pd.DataFrame, wrong: pd.Series, what: str, name: str) -> None:
    """Stop when some rows are wrong, naming their strata."""
    if wrong.any():
        raise InputError(
            f"Column {name} of the table of strata: the values of "
            f"{listed(table['stratum'][wrong])} {what}."
        )


def bounds(table: pd.DataFrame, minimum: Bound, maximum: Bound) -> tuple[Counts, Counts]:
    """Fewest and most units of each stratum, within its population."""
    population = table["population"].to_numpy(dtype=np.int64)
    lower = bound_of_each(table, "minimum", minimum, np.minimum(2, population))
    upper = bound_of_each(table, "maximum", maximum, population)
    wrong = lower > upper
    if wrong.any():
        raise InputError(
            f"The minimum is above the maximum in {listed(table['stratum'][wrong])}: lower the "
            "one or raise the other."
        )
    return lower, upper


def bound_of_each(table: pd.DataFrame, name: str, bound: Bound, default: Counts) -> Counts:
    """One bound per stratum; strata a mapping does not name keep the default."""
    if bound is None:
        return default
    population = table["population"].to_numpy(dtype=np.int64)
    if not isinstance(bound, Mapping | pd.Series):
        return np.minimum(checked_bound(name, bound), population)
    given = dict(bound.items())
    unknown = [stratum for stratum in given if stratum not in set(table["stratum"])]
    if unknown:
        raise InputError(f"{name} names {listed(unknown)}, not among the strata.")
    result = default.copy()
    for h, stratum in enumerate(table["stratum"]):
        if stratum not in given:
            continue
        result[h] = checked_bound(f"{name} of {stratum}", given[stratum])
        if name == "minimum" and result[h] > population[h]:
            raise InputError(
                f"minimum of {stratum}: {result[h]:,} is more than its population of "
                f"{population[h]:,}."
            )
    return np.minimum(result, population)


def checked_bound(name: str, value: Any) -> int:
    """Return a bound as a whole number of at least 1."""
    whole = check_whole(name, value, least=0)
    if whole == 0:
        raise InputError(
            f"{name}=0: a stratum nobody is taken from would be missing from every estimate. "
            "Write 1 or more."
        )
    return whole


def checked_limit(
    table: pd.DataFrame,
    n: int | None,
    method: Method,
    budget: float | None,
    lower: Counts,
    upper: Counts,
) -> float:
    """Return n or the budget; refuses what the bounds cannot keep."""
    if (n is None) == (budget is None):
        raise InputError('Give n, or with method="cost" a budget, but not both.')
    if n is not None:
        return float(checked_n(n, lower, upper, int(table["population"].sum())))
    if method != "cost":
        raise InputError(f'A budget needs method="cost"; with method="{method}" give n.')
    check_above_zero("budget", budget)
    assert budget is not None
    cost = table["cost"].to_numpy(dtype=float)
    least = float(cost @ lower)
    if budget < least:
        raise InputError(
            f"The minima ({int(lower.sum()):,} units) cost {least:,.2f}, more than the budget of "
            f"{budget:,.2f}. The smallest possible budget is {least:,.2f}; or lower the minimum."
        )
    return min(float(budget), float(cost @ upper))


def checked_n(n: int, lower: Counts, upper: Counts, population: int) -> int:
    """Return n where the bounds can keep it."""
    units = check_whole("n", n)
    least, most = int(lower.sum()), int(upper.sum())
    if units > population:
        raise InputError(f"n={units:,} is more than the population of {population:,}.")
    if units < least:
        raise InputError(
            f"n={units:,} is too small for the minimum of every stratum: the smallest possible n "
            f"is {least:,}. Raise n, lower the minimum or combine strata."
        )
    if units > most:
        raise InputError(
            f"n={units:,} is too large for the maximum of every stratum: the largest possible n "
            f"is {most:,}. Lower n or raise the maximum."
        )
    return units


def check_power(power: float) -> None:
    """Refuse exponents without meaning."""
    check_number("power", power)
    if not 0 <= power <= 1:
        raise InputError(f"power={power:g}: write an exponent between 0 and 1, such as 0.5.")
