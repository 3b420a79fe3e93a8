"""The curve-fitting method: the life cycle of every customer by least squares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from crmlib.clp.candidates import PHASE, POINTS_AFTER_TURN, TERMS, Family, candidates
from crmlib.clp.history import ProfitHistory
from crmlib.clp.life_cycle import PARAMETERS, Array, life_cycle_curve, life_cycle_jacobian
from crmlib.clp.similar import borrow_from_similar
from crmlib.errors import InputError

CHUNK = 2048
"""Customers fitted at once."""

CACHED_SUMS = 2**16
"""Sums of squares, customers times candidates, worked on at once."""

ROOMS = 2 + max(map(len, TERMS.values()))
"""Arrays of that size that the search works in."""

TAU_GRID = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""Time constants tried when tau is searched, in periods."""

CURVE = ("h1", "v", "g1", "N", "tau", "g2", "h2")
"""Columns that describe a curve, named as the arguments of `life_cycle_curve`."""

PHASES = ("formation", "slow growth", "decline")


@dataclass(frozen=True)
class Histories:
    """Profit histories as arrays: one row a customer, NaN after the end of a history."""

    customer_id: NDArray[Any]
    profit: Array
    periods: NDArray[np.int64]
    active_periods: NDArray[np.int64]
    last_active: NDArray[np.int64]


@dataclass(frozen=True)
class LifeCycleFit:
    """Fitted life cycles.

    Attributes
    ----------
    customers : DataFrame
        One row per customer:

        - customer_id; periods (length of the history), active_periods (with a purchase), life
          (periods the curve was fitted to: up to the last purchase for customers that have
          left), left (quiet for ``left_after`` periods or more);
        - curve: the family of `candidates.TERMS` chosen, or "not enough history";
        - v, h1, N, h2, g1, g2, tau and their standard errors v_se … g2_se: zero coefficients
          and infinite turning points are not part of the customer's curve;
        - residual_sd (money per period), degrees_of_freedom, r_squared;
        - probability_formation, probability_slow_growth, probability_decline: approximate
          posterior probabilities (weights exp(-criterion / 2) summed over all curves tried) that
          the customer is on P1, P2 or P3 at the end of life;
        - similar (number of longer-lived customers that g1, N and tau are taken from: 0 for
          customers with their own), similar_g1, similar_N: their means.
    covariance : ndarray, shape (customers, 6, 6)
        Of the estimates, in the order of `life_cycle.PARAMETERS`; zero where fixed.
    similar : ndarray of int, shape (customers, n_similar)
        Rows of ``customers`` that are most similar, nearest first; -1 where there are none.
    left_after : int
        Quiet periods at the end after which a customer counts as having left.
    period : str
        Length of a period, "" when the history did not say.
    donors : int
        Customers that similar histories were looked for among.
    """

    customers: pd.DataFrame
    covariance: Array
    similar: NDArray[np.int32]
    left_after: int
    period: str
    donors: int

    def curve(
        self, customer_id: Sequence[Any], periods: int, confidence: float = 0.95
    ) -> pd.DataFrame:
        """Fitted profit of some customers in periods 1 to ``periods``, with an interval.

        A customer still on P1 is continued as its similar customers went, on average.

        Parameters
        ----------
        customer_id : sequence
            Customers wanted; those without a curve are left out.
        periods : int
            Periods since the first purchase, the future included.
        confidence : float
            Level of the interval for the profit of a single period, noise included.

        Returns
        -------
        DataFrame
            customer_id, t, profit, low, high (money per period).
        """
        wanted = self.customers["customer_id"].isin(list(customer_id))
        part = self.customers[wanted & (self.customers["curve"] != "not enough history")]
        rows, p = part.index.to_numpy(), {name: part[name].to_numpy() for name in CURVE}
        t = np.arange(1.0, periods + 1)
        profit = life_cycle_curve(t, **{name: a[:, None] for name, a in p.items()})
        jacobian = life_cycle_jacobian(t, **{name: p[name] for name in CURVE if name != "v"})
        between = np.zeros_like(profit)
        learning = ((part["curve"].map(PHASE) == "formation") & (part["similar"] > 0)).to_numpy()
        if learning.any():
            learned = self.learned(rows[learning], np.tile(t, (int(learning.sum()), 1)))
            later = t > part["life"].to_numpy()[learning, None]
            profit[learning] = np.where(later, np.nanmean(learned.profit, axis=1), profit[learning])
            jacobian[learning] = np.where(later[..., None], learned.jacobian, jacobian[learning])
            between[learning] = np.where(later, learned.variance_between(learned.profit), 0.0)
        spread = np.einsum("ctj,cjk,ctk->ct", jacobian, self.covariance[rows], jacobian)
        quantile = stats.t.ppf(0.5 + confidence / 2, part[["degrees_of_freedom"]].to_numpy())
        half = quantile * np.sqrt(spread + between + part[["residual_sd"]].to_numpy() ** 2)
        return pd.DataFrame(
            {
                "customer_id": np.repeat(part["customer_id"].to_numpy(), periods),
                "t": np.tile(t.astype(int), len(part)),
                "profit": profit.ravel(),
                "low": (profit - half).ravel(),
                "high": (profit + half).ravel(),
            }
        )

    def learned(self, rows: NDArray[np.int64], t: Array) -> "LearnedCurves":
        """Continue customers on P1 the way each of their similar customers went.

        A growing customer goes on with its own h1 and turns at the similar customer's g1, or now
        where that lies behind it. A flat one has not shown its growth either: it gains what the
        similar customer gained after the same age.

        Parameters
        ----------
        rows : ndarray of int, shape (customers,)
            Rows of ``customers``.
        t : ndarray, shape (customers, periods)
            Periods of their lives.

        Returns
        -------
        LearnedCurves
        """
        part = self.customers.iloc[rows]
        own = {name: part[name].to_numpy()[:, None, None] for name in ("v", "h1", "life")}
        neighbours = self.similar[rows]
        theirs = {
            name: np.where(neighbours >= 0, self.customers[name].to_numpy()[neighbours], np.nan)[
                :, :, None
            ]
            for name in ("h1", "g1", "N", "tau")
        }
        flat = own["h1"] == 0
        g1 = np.where(flat, theirs["g1"], np.maximum(theirs["g1"], own["life"]))
        h1 = np.where(flat, theirs["h1"], own["h1"])
        course = {"h1": h1, "v": np.zeros(1), "g1": g1, "N": theirs["N"], "tau": theirs["tau"]}
        gained = life_cycle_curve(t[:, None, :], **course)
        so_far = life_cycle_curve(own["life"], **course)
        profit = own["v"] + gained - np.where(flat, so_far, 0.0)
        jacobian = np.zeros((*t.shape, len(PARAMETERS)))
        jacobian[..., 0] = 1.0
        growth = np.nanmean(np.minimum(t[:, None, :], g1) ** 2, axis=1)
        jacobian[..., 1] = np.where(flat[:, 0], 0.0, growth)
        return LearnedCurves(profit, jacobian)


@dataclass(frozen=True)
class LearnedCurves:
    """Curves of young customers continued as each of their similar customers went.

    Attributes
    ----------
    profit : ndarray, shape (customers, n_similar, periods)
        NaN where there is no such similar customer.
    jacobian : ndarray, shape (customers, periods, 6)
        Derivatives of the mean over the similar customers with respect to `PARAMETERS`.
    """

    profit: Array
    jacobian: Array

    def variance_between(self, values: Array) -> Array:
        """Variance over the similar customers (axis 1) of something computed from each."""
        count = np.isfinite(values).sum(axis=1)
        mean = np.nanmean(values, axis=1, keepdims=True)
        return np.nansum((values - mean) ** 2, axis=1) / np.maximum(count - 1, 1)


def fit_life_cycle(
    history: ProfitHistory | pd.DataFrame,
    *,
    tau: float | Literal["search"] = 1.0,
    left_after: int = 6,
    minimum_periods: int = 8,
    minimum_active: int = 4,
    minimum_active_share: float = 0.5,
    n_similar: int = 20,
) -> LifeCycleFit:
    """Fit the life-cycle curve to each customer's profit history.

    For every pair of turning points on the grid of whole periods the coefficients are linear
    least squares; curves with a negative h1, N or h2 are refused. Among all curves the one
    with the smallest Bayes information criterion (BIC) ``n log(RSS / n) + k log n`` is chosen, k
    counting coefficients, turning points found and the residual variance. A
    customer that is still growing or flat has not shown its own g1, N and tau: these are taken
    from the ``n_similar`` longer-lived customers whose profits over the same first periods
    are nearest (root mean square distance).

    Parameters
    ----------
    history : ProfitHistory or DataFrame
        Columns customer_id, t (1, 2, … without gaps per customer), profit and, if known,
        purchases; without it a period is active when its profit is not zero.
    tau : float or "search"
        Time constant of the slow growth in periods; 1 is the textbook's. "search" tries
        `TAU_GRID`.
    left_after : int
        A customer quiet for this many periods at the end has left. Its curve is fitted to the
        periods up to its last purchase.
    minimum_periods, minimum_active : int
        Customers with a shorter life, or fewer periods with a purchase, get
        "not enough history".
    minimum_active_share : float
        So do customers with a purchase in a smaller share of the periods of their life: single
        purchases among zeros have a rhythm, but no curve.
    n_similar : int
        Similar customers to learn from, fewer when fewer have lived longer.

    Returns
    -------
    LifeCycleFit

    Raises
    ------
    InputError
        When columns are missing, periods have gaps or profits are not finite.

    Notes
    -----
    Standard errors are those of nonlinear least squares in all parameters of the chosen curve,
    turning points included (they agree with scipy's curve_fit started there). They do not
    cover the choice of the curve.
    """
    taus = TAU_GRID if tau == "search" else (tau,)
    check_options(taus, left_after, minimum_periods, n_similar)
    period = history.period if isinstance(history, ProfitHistory) else ""
    table = history.table if isinstance(history, ProfitHistory) else history
    histories = as_histories(table)
    left = histories.periods - histories.last_active >= left_after
    life = np.where(left, histories.last_active, histories.periods)
    needed = np.maximum(minimum_active, minimum_active_share * life)
    enough = (life >= minimum_periods) & (histories.active_periods >= needed)

    fitted = empty_fit(len(life))
    groups = groups_of_equal_life(life, enough)
    with threadpool_limits(limits=1, user_api="blas"):  # the threads below take every core
        Parallel(n_jobs=-1, require="sharedmem")(
            delayed(fit_group)(
                fitted, rows, histories.profit[rows, :periods], candidates(periods, taus)
            )
            for rows, periods in groups
        )
    customers = pd.DataFrame(
        {
            "customer_id": histories.customer_id,
            "periods": histories.periods,
            "active_periods": histories.active_periods,
            "life": life,
            "left": left,
        }
        | {name: fitted[name] for name in fitted if name != "covariance"}
    )
    similar = borrow_from_similar(customers, histories.profit, n_similar)
    return LifeCycleFit(
        customers=customers.assign(**similar.columns),
        covariance=fitted["covariance"],
        similar=similar.rows,
        left_after=left_after,
        period=period,
        donors=similar.donors,
    )


def check_options(
    taus: tuple[Any, ...], left_after: int, minimum_periods: int, n_similar: int
) -> None:
    """Refuse options that would give a fit without meaning."""
    if not all(isinstance(tau, int | float) and 0 < tau < np.inf for tau in taus):
        raise InputError(f'tau={taus[0]!r}: write a number of periods above 0, or "search".')
    least = {"left_after": 1, "n_similar": 0, "minimum_periods": 2 * POINTS_AFTER_TURN}
    given = {"left_after": left_after, "n_similar": n_similar, "minimum_periods": minimum_periods}
    for name, value in given.items():
        if value < least[name]:
            raise InputError(f"{name}={value}: write {least[name]} or more.")


def as_histories(table: pd.DataFrame) -> Histories:
    """Long table to arrays; refuses gaps and profits that are not finite."""
    missing = [name for name in ("customer_id", "t", "profit") if name not in table.columns]
    if missing:
        raise InputError(
            f"The history has no column {', '.join(missing)}; it needs customer_id, t and profit, "
            "as profit_history makes them."
        )
    if table.empty:
        raise InputError("The history is empty: there is no customer to fit a curve to.")
    codes, customer_id = pd.factorize(table["customer_id"])
    t = table["t"].to_numpy()
    if np.any(np.diff(codes) < 0) or np.any((np.diff(t) <= 0) & (np.diff(codes) == 0)):
        order = np.lexsort((t, codes))
        table, codes, t = table.iloc[order], codes[order], t[order]
    start = np.flatnonzero(np.diff(codes, prepend=-1))
    periods = np.diff(start, append=len(codes))
    row = np.repeat(np.arange(len(start)), periods)
    column = np.arange(len(codes)) - start[row]
    refuse_gaps(customer_id, row, t, column)
    values = table["profit"].to_numpy(dtype=float)
    refuse_not_finite(customer_id, row, values)
    active = table["purchases"].to_numpy() > 0 if "purchases" in table else values != 0
    profit = np.full((len(start), periods.max()), np.nan)
    profit[row, column] = values
    return Histories(
        customer_id=np.asarray(customer_id),
        profit=profit,
        periods=periods,
        active_periods=np.add.reduceat(active, start, dtype=np.int64),
        last_active=np.maximum.reduceat((column + 1) * active, start),
    )


def refuse_gaps(customer_id: Any, row: NDArray[Any], t: NDArray[Any], column: NDArray[Any]) -> None:
    """Stop when a customer's t does not run 1, 2, 3 and so on."""
    wrong = row[t != column + 1]
    if len(wrong):
        raise InputError(
            f"The history of {len(np.unique(wrong)):,} customers, first {customer_id[wrong[0]]}, "
            "does not run t = 1, 2, 3 … without gap or repeat. Fill quiet periods with a profit "
            "of 0, as profit_history does."
        )


def refuse_not_finite(customer_id: Any, row: NDArray[Any], values: Array) -> None:
    """A missing profit is not a quiet period."""
    wrong = row[~np.isfinite(values)]
    if len(wrong):
        raise InputError(
            f"{len(wrong):,} profits are missing or infinite, first of customer "
            f"{customer_id[wrong[0]]}. Give a number for every period; 0 for a quiet one."
        )


def probability_column(phase: str) -> str:
    """Result column with the probability of a phase."""
    return f"probability_{phase.replace(' ', '_')}"


def empty_fit(customers: int) -> dict[str, Any]:
    """Result columns before any customer is fitted."""
    fit: dict[str, Any] = {"curve": np.full(customers, "not enough history", dtype=object)}
    for name in (*PARAMETERS, "tau", *(f"{p}_se" for p in PARAMETERS), "residual_sd"):
        fit[name] = np.full(customers, np.nan)
    fit["degrees_of_freedom"] = np.zeros(customers, dtype=np.int64)
    for name in ("r_squared", *map(probability_column, PHASES)):
        fit[name] = np.full(customers, np.nan)
    fit["covariance"] = np.full((customers, len(PARAMETERS), len(PARAMETERS)), np.nan)
    return fit


def groups_of_equal_life(
    life: NDArray[np.int64], enough: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Rows of customers with lives of the same length, in chunks, and that length."""
    for periods in np.unique(life[enough]):
        rows = np.flatnonzero(enough & (life == periods))
        for start in range(0, len(rows), CHUNK):
            yield rows[start : start + CHUNK], int(periods)


def fit_group(
    fitted: dict[str, Any], rows: NDArray[np.int64], profit: Array, tried: tuple[Family, ...]
) -> None:
    """Choose and fit the curve of customers with histories of one length."""
    family, candidate, probabilities = search(profit, tried)
    for name, values in zip(PHASES, probabilities.T, strict=True):
        fitted[probability_column(name)][rows] = values
    for k in np.unique(family):
        mine = family == k
        estimate(fitted, rows[mine], profit[mine], tried[k], candidate[mine])


def search(
    profit: Array, tried: tuple[Family, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Find the best candidate of each customer and the probability of each phase.

    Parameters
    ----------
    profit : ndarray, shape (customers, periods)
    tried : tuple of Family

    Returns
    -------
    family, candidate : ndarray of int, shape (customers,)
        Index of the best family, and of the best candidate in it.
    probabilities : ndarray, shape (customers, 3)
        Of `PHASES`.
    """
    customers, periods = profit.shape
    centred = profit - profit.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    constant = length[:, 0] <= 1e-12 * abs(profit).max(axis=1)
    direction = centred / np.where(length > 0, length, 1.0)

    criterion = np.full((len(tried), customers), np.inf)
    best = np.zeros((len(tried), customers), dtype=np.int64)
    relative_weight = np.ones((len(tried), customers))
    room = np.empty((ROOMS, max(CACHED_SUMS, *(len(family.g1) for family in tried))))
    for k, family in enumerate(tried):
        for part in parts_for_the_cache(customers, len(family.g1)):
            unexplained = unexplained_share(direction[part], family, room)
            best[k, part] = unexplained.argmin(axis=1)
            least = np.take_along_axis(unexplained, best[k, part][:, None], axis=1)
            criterion[k, part] = periods * np.log(least[:, 0])
            relative_weight[k, part] = summed_weights(least, unexplained, periods)
        criterion[k] += penalty(periods, family.parameters + 1)
    criterion[1:, constant] = np.inf  # a customer without any variation is flat
    chosen = criterion.argmin(axis=0)
    weight = relative_weight * np.exp((criterion.min(axis=0) - criterion) / 2)
    by_phase = [
        sum(weight[k] for k, family in enumerate(tried) if PHASE[family.name] == phase)
        for phase in PHASES
    ]
    phase_weight = np.stack([np.broadcast_to(w, customers) for w in by_phase], axis=1)
    return (
        chosen,
        best[chosen, np.arange(customers)],
        phase_weight / phase_weight.sum(axis=1, keepdims=True),
    )


def parts_for_the_cache(customers: int, tried: int) -> list[slice]:
    """Customers in parts whose table of sums of squares stays in the cache."""
    size = max(1, CACHED_SUMS // tried)
    return [slice(start, start + size) for start in range(0, customers, size)]


def unexplained_share(direction: Array, family: Family, room: Array) -> Array:
    """Residual over total sum of squares, (customers, candidates); inf where a sign is wrong.

    Works in ``room``, `ROOMS` rows of memory, and returns a part of it: to ask for fresh memory
    every time would take longer than the sums.
    """
    shape = (len(direction), len(family.g1))
    rows = [row[: shape[0] * shape[1]].reshape(shape) for row in room]
    unexplained, scratch, *on_basis = rows[: 2 + len(family.orthonormal)]
    unexplained.fill(1.0)
    for basis, product in zip(family.orthonormal, on_basis, strict=True):
        np.matmul(direction, basis, out=product)
        unexplained -= np.square(product, out=scratch)
    # Rounding leaves some 1e-13 of the variation unexplained by a perfect curve; the floor makes
    # such curves equal, so that the simplest of them is chosen.
    np.maximum(unexplained, 1e-11, out=unexplained)
    for i in reversed(range(len(on_basis))):  # R c = Q'y from below, c times the diagonal of R
        for j in range(i + 1, len(on_basis)):
            on_basis[i] -= np.multiply(family.ratios[i, j], on_basis[j], out=scratch)
    scratch.fill(np.inf)
    for coefficient in on_basis:
        np.minimum(scratch, coefficient, out=scratch)
    with np.errstate(divide="ignore"):
        unexplained /= scratch >= 0  # a masked assignment takes five times as long
    return unexplained


def summed_weights(least: Array, unexplained: Array, periods: int) -> Array:
    """Sum over a family's candidates of exp(-criterion / 2), relative to its best candidate.

    The penalty is the same within a family, so this is a power of the ratio of the residual sums
    of squares. Single precision is ample for a probability and takes a quarter of the time.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(np.divide(least, unexplained, out=unexplained).astype(np.float32))
        ratio *= np.float32(periods / 2)
        summed = np.exp(ratio, out=ratio).sum(axis=1, dtype=np.float64)
    return np.where(np.isfinite(least[:, 0]), summed, 1.0)


def penalty(periods: int, k: int) -> float:
    """Penalty of the Bayes information criterion; infinite when no degree of freedom is left."""
    return k * np.log(periods) if periods > k + 1 else np.inf


def estimate(
    fitted: dict[str, Any],
    rows: NDArray[np.int64],
    profit: Array,
    family: Family,
    candidate: NDArray[np.int64],
) -> None:
    """Coefficients, standard errors and fit of customers whose family is chosen."""
    customers, periods = profit.shape
    mean = profit.mean(axis=1)
    terms = np.einsum("ckt,ct->ck", family.pseudo_inverse[candidate], profit - mean[:, None])
    values = dict.fromkeys(PARAMETERS, np.zeros(customers))
    values |= dict(zip(TERMS[family.name][1:], terms.T, strict=True))
    g1, g2, tau = family.g1[candidate], family.g2[candidate], family.tau[candidate]
    t = np.arange(1.0, periods + 1)
    curve = {name: values[name][:, None] for name in ("h1", "N", "h2")}
    turns = {"g1": g1[:, None], "g2": g2[:, None], "tau": tau[:, None]}
    without_v = life_cycle_curve(t, v=0.0, **curve, **turns)
    values |= {"v": mean - without_v.mean(axis=1), "g1": g1, "g2": g2}
    residual = profit - without_v - values["v"][:, None]
    residual_sum = (residual**2).sum(axis=1)
    total_sum = ((profit - mean[:, None]) ** 2).sum(axis=1)
    degrees = periods - family.parameters
    covariance = parameter_covariance(t, values, tau, family, residual_sum / degrees)

    fitted["curve"][rows] = family.name
    for i, name in enumerate(PARAMETERS):
        fitted[name][rows] = values[name]
        fitted[f"{name}_se"][rows] = np.sqrt(covariance[:, i, i])
    fitted["tau"][rows] = tau
    fitted["residual_sd"][rows] = np.sqrt(residual_sum / degrees)
    fitted["degrees_of_freedom"][rows] = degrees
    with np.errstate(invalid="ignore"):
        fitted["r_squared"][rows] = np.where(total_sum > 0, 1 - residual_sum / total_sum, np.nan)
    fitted["covariance"][rows] = covariance


def parameter_covariance(
    t: Array, values: dict[str, Array], tau: Array, family: Family, variance: Array
) -> Array:
    """Residual variance times the inverse of J'J over the parameters that are estimated."""
    jacobian = life_cycle_jacobian(
        t, values["h1"], values["N"], values["h2"], values["g1"], values["g2"], tau
    )
    free = [PARAMETERS.index(term) for term in TERMS[family.name]]
    free += [PARAMETERS.index("g1")] * bool(np.isfinite(family.g1[0]))
    free += [PARAMETERS.index("g2")] * bool(np.isfinite(family.g2[0]))
    used = jacobian[:, :, free]
    size = np.sqrt((used**2).sum(axis=1))
    scaled = used / np.where(size > 0, size, 1.0)[:, None, :]
    inverse = np.linalg.pinv(scaled.transpose(0, 2, 1) @ scaled, rcond=1e-12, hermitian=True)
    small = inverse / (size[:, :, None] * size[:, None, :]) * variance[:, None, None]
    covariance = np.zeros((len(tau), len(PARAMETERS), len(PARAMETERS)))
    covariance[:, np.array(free)[:, None], free] = small
    return covariance
