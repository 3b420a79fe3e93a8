"""Early warning: active customers whose purchases, profits or complaints say that they may go.

Each signal asks how likely what is seen would be, had nothing changed for the customer. With
hundreds of customers looked at, some look bad by chance; the list allows for that, so that only a
stated share of those on it is there for nothing.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import gammaln

from crmlib.clp.discounting import check_confidence, check_share
from crmlib.clp.fitting import Histories, LifeCycleFit, as_histories, fit_life_cycle
from crmlib.clp.history import ProfitHistory, numbers_of_days, periods_in
from crmlib.clp.life_cycle import Array
from crmlib.clp.shares import wilson_interval
from crmlib.columns import column_of
from crmlib.errors import InputError
from crmlib.findings import counted

LEAST_BEFORE = 4
"""Periods before the last ones that a level of its own needs."""


@dataclass(frozen=True)
class EarlyWarning:
    """Signs of decline in every active customer, and who is warned of.

    Attributes
    ----------
    customers : DataFrame
        One row per active customer, those warned of first and in order of profit_at_stake:
        customer_id; warned; reasons (in words); profit_at_stake (profit of the last year);
        false_alarm_share (the smallest share of false alarms at which the customer would be on
        the list); silence, drop, complaints (how likely so long a silence, so low a profit or so
        many complaints would be had nothing changed; missing where it cannot be said); decline
        (probability by the fitted curves that a decline has begun).
    signals : DataFrame
        signal, customers (for which it can be said), warned (of for this reason).
    false_alarms : float
        Share of false alarms that the list allows.
    recent : int
        Periods that count as the last ones.
    period : str
    """

    customers: pd.DataFrame
    signals: pd.DataFrame
    false_alarms: float
    recent: int
    period: str

    @property
    def warned(self) -> pd.DataFrame:
        """Rows of ``customers`` that are warned of, the most profit at stake first."""
        return self.customers[self.customers["warned"]]


def early_warning(
    history: ProfitHistory,
    fit: LifeCycleFit,
    *,
    complaints: pd.DataFrame | None = None,
    false_alarms: float = 0.10,
    recent: int = 3,
) -> EarlyWarning:
    """Look for signs of decline in every customer that has not left.

    - silence: no purchase in the last k periods. Given how many quiet periods the customer has
      had in all, and that they fall between its purchases by chance, the probability that k or
      more of them come last: an exact test. Regular buyers deviate less than chance, and for
      them the probability is too high rather than too low.
    - drop: Student's test of the mean profit of the last periods against that of the year before
      them. Where more than half of all customers fell, as out of season, the customer must have
      fallen below its level by more than the median of all.
    - decline: the probability of the fit that the customer is on P3.
    - complaints: Poisson probability of so many complaints in the last periods, at the rate of
      the customer's earlier life or that of all customers, whichever is higher.

    Every signal makes a list of its own with an equal part of the share of false alarms, and the
    customer is warned of when it is on one of them; the share of false alarms on all lists together
    then is no larger than the sum. For tests the list is that of Benjamini and Hochberg (1995), for
    the probability of decline the longest list on which the mean of one minus the probability is
    within the part. Holm's method, which lets no false alarm pass, would be too silent here: a
    visit for nothing costs little, a customer lost without one much.

    Parameters
    ----------
    history : ProfitHistory
    fit : LifeCycleFit
        Of this history.
    complaints : DataFrame, optional
        customer_id and date, one row a complaint. Those after the last period do not count.
    false_alarms : float
        Share of the customers warned of that may be false alarms.
    recent : int
        Periods that count as the last ones, for drop and complaints.

    Returns
    -------
    EarlyWarning

    Raises
    ------
    InputError
        When the fit is of another history, or an argument cannot be used.

    Notes
    -----
    Probabilities of decline are as good as the Bayes information criterion that makes them. In 12
    simulated companies (`tables.example`, seeds 1 to 12) 10 % of those warned of were not in
    decline, as promised, and 58 % of those in decline were warned of. On other data
    `warning_check` shows how right such a list has been.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the
    Royal Statistical Society B 57(1), 289-300.
    """
    check_share(false_alarms, "false_alarms")
    if recent < 1:
        raise InputError(f"recent={recent}: write 1 or more {history.period}s.")
    histories = active_histories(history, fit)
    seen, facts = signs(histories, history, fit, complaints, recent)
    shares = pd.DataFrame(
        {
            name: len(seen.columns)
            * (mean_doubt(p) if name == "decline" else benjamini_hochberg(p))
            for name, p in seen.items()
        }
    )
    fired = shares <= false_alarms
    last_year = window(histories, periods_in(1, history.period), 0)
    customers = pd.DataFrame(
        {
            "customer_id": histories.customer_id,
            "warned": fired.any(axis=1),
            "reasons": reasons(fired, facts, recent, history.period),
            "profit_at_stake": np.nansum(last_year, axis=1).round(2),
            "false_alarm_share": shares.min(axis=1).clip(upper=1.0),
        }
    ).join(seen)
    order = ["warned", "profit_at_stake"]
    return EarlyWarning(
        customers=customers.sort_values(order, ascending=False, kind="stable", ignore_index=True),
        signals=pd.DataFrame(
            {
                "signal": list(seen),
                "customers": seen.notna().sum().to_numpy(),
                "warned": fired.sum().to_numpy(),
            }
        ),
        false_alarms=false_alarms,
        recent=recent,
        period=history.period,
    )


def signs(
    histories: Histories,
    history: ProfitHistory,
    fit: LifeCycleFit,
    complaints: pd.DataFrame | None,
    recent: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Probability of each sign for every active customer, and what was seen, for the reasons."""
    last = level(histories, recent, 0)
    before = level(histories, recent + periods_in(1, history.period), recent)
    still = ~fit.customers["left"].to_numpy(dtype=bool)
    decline = fit.customers["probability_decline"].to_numpy()[still]
    with np.errstate(divide="ignore", invalid="ignore"):
        facts = {
            "quiet": histories.periods - histories.last_active,
            "bought": histories.active_periods / histories.last_active,
            "fall": 1 - last.mean / before.mean,
            "decline": decline,
        }
    seen = {
        "silence": silence_probability(histories),
        "drop": drop_probability(last, before),
        "decline": decline,
    }
    if complaints is not None:
        every, of_last = complaints_counted(complaints, history, histories, recent)
        seen["complaints"] = complaints_probability(every, of_last, histories, recent)
        facts["complaints"] = of_last
    return pd.DataFrame(seen), pd.DataFrame(facts)


def reasons(fired: pd.DataFrame, facts: pd.DataFrame, recent: int, period: str) -> list[str]:
    """Words for the signs that each customer is warned of for; none for the others."""
    words: list[list[str]] = [[] for _ in range(len(fired))]
    for sign in fired:
        rows = np.flatnonzero(fired[sign])
        for i, found in zip(
            rows, in_words(str(sign), facts.iloc[rows], recent, period), strict=True
        ):
            words[i].append(found)
    return ["; ".join(found) for found in words]


def in_words(sign: str, facts: pd.DataFrame, recent: int, period: str) -> list[str]:
    """Words for one sign of several customers."""
    last = counted(recent, period)
    if sign == "silence":
        return [
            f"no purchase for {counted(quiet, period)}, after one in {bought:.0%} of the "
            f"{period}s before"
            for quiet, bought in zip(facts["quiet"], facts["bought"], strict=True)
        ]
    if sign == "drop":
        return [f"last {last} {fall:.0%} below its own level" for fall in facts["fall"]]
    if sign == "decline":
        return [f"its curve has turned down (probability {p:.2f})" for p in facts["decline"]]
    return [f"{counted(n, 'complaint')} in {last}" for n in facts["complaints"]]


def active_histories(history: ProfitHistory, fit: LifeCycleFit) -> Histories:
    """Histories of the customers that have not left."""
    every = as_histories(history.table)
    if not np.array_equal(every.customer_id, fit.customers["customer_id"].to_numpy()):
        raise InputError("The curves were fitted to another history. Fit them to this one.")
    still = ~fit.customers["left"].to_numpy(dtype=bool)
    return Histories(**{name: values[still] for name, values in vars(every).items()})


def silence_probability(histories: Histories) -> Array:
    """Probability that the quiet periods at the end are as many as they are, or more.

    With n purchases after the first and q quiet periods between them, all q + k quiet periods are
    taken to fall into the n + 1 gaps as if every order of quiet and other periods were as likely
    as any: ``prod over j < k of (q + 1 + j) / (q + n + 1 + j)``.
    """
    k = histories.periods - histories.last_active
    later = histories.active_periods - 1
    quiet = histories.last_active - histories.active_periods
    logarithm = gammaln(quiet + 1 + k) - gammaln(quiet + 1)
    logarithm -= gammaln(quiet + later + 1 + k) - gammaln(quiet + later + 1)
    return np.exp(np.minimum(logarithm, 0.0))


def window(histories: Histories, first: int, last: int) -> Array:
    """Profits from ``first`` to ``last`` periods before the end; NaN where life is shorter."""
    place = histories.periods[:, None] - np.arange(first, last, -1)
    profit = np.take_along_axis(histories.profit, np.maximum(place, 0), axis=1)
    return np.where(place >= 0, profit, np.nan)


@dataclass(frozen=True)
class Level:
    """Number, mean and sum of squared deviations of the profits in a window of each life."""

    n: NDArray[np.int64]
    mean: Array
    squares: Array


def level(histories: Histories, first: int, last: int) -> Level:
    """Level of profit in the periods from ``first`` to ``last`` before the end."""
    profit = window(histories, first, last)
    n = np.isfinite(profit).sum(axis=1)
    mean = np.nansum(profit, axis=1) / np.maximum(n, 1)
    return Level(n, mean, np.nansum((profit - mean[:, None]) ** 2, axis=1))


def drop_probability(last: Level, before: Level) -> Array:
    """One-sided Student's test of the last periods against those before, with equal variances.

    Where the median customer fell, every level before is first lowered by as much.
    """
    usable = (before.n >= LEAST_BEFORE) & (before.mean > 0)
    kept = (
        float(np.clip(np.median(last.mean[usable] / before.mean[usable]), 0, 1))
        if usable.any()
        else 0.0
    )
    degrees = np.maximum(last.n + before.n - 2, 1)
    variance = (last.squares + kept**2 * before.squares) / degrees
    error = np.sqrt(variance * (1 / last.n + kept**2 / np.maximum(before.n, 1)))
    fall = kept * before.mean - last.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(fall == 0, 0.0, fall / error)
    return np.where(usable & (kept > 0), stats.t.sf(statistic, degrees), np.nan)


def complaints_counted(
    complaints: pd.DataFrame, history: ProfitHistory, histories: Histories, recent: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Complaints of each customer since its first purchase, and in the last periods of these."""
    place = pd.Index(histories.customer_id).get_indexer(column_of(complaints, "customer_id"))
    days = pd.to_datetime(column_of(complaints, "date"))
    if days.isna().any():
        raise InputError('Column "date": complaints without a date cannot be counted. Fill it in.')
    end = numbers_of_days(pd.Series([pd.Timestamp(history.last_day)]), history.period)[0]
    ago = end - numbers_of_days(days, history.period)
    place, ago = place[place >= 0], ago[place >= 0]
    counts = (ago >= 0) & (ago < histories.periods[place])
    customers = len(histories.periods)
    every = np.bincount(place[counts], minlength=customers)
    return every, np.bincount(place[counts & (ago < recent)], minlength=customers)


def complaints_probability(
    every: NDArray[np.int64], of_last: NDArray[np.int64], histories: Histories, recent: int
) -> Array:
    """Poisson probability of so many complaints lately, at its own or the common rate."""
    last = np.minimum(histories.periods, recent)
    earlier = histories.periods - last
    own = (every - of_last) / np.maximum(earlier, 1)
    rate = np.maximum(own, every.sum() / max(histories.periods.sum(), 1))
    return stats.poisson.sf(of_last - 1, rate * last)


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Smallest share of false alarms at which each test is on the list.

    Of m tests the k-th smallest p times m / k, never falling with k. Missing ones stay missing
    and are not counted.
    """
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    if len(known):
        adjusted[known] = stats.false_discovery_control(p[known])
    return adjusted


def mean_doubt(probabilities: ArrayLike) -> Array:
    """Expected share of false alarms on the list that ends with each customer.

    The mean of one minus the probability over the customers at least as probable.
    """
    p = np.asarray(probabilities, dtype=float)
    doubt = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(-p[known], kind="stable")]
    doubt[order] = np.cumsum(1 - p[order]) / np.arange(1, len(order) + 1)
    return doubt


@dataclass(frozen=True)
class WarningCheck:
    """What became of those warned of, had the list been made some periods ago.

    Attributes
    ----------
    customers : DataFrame
        Active customers then that had profit to lose: customer_id, warned, reasons, before (mean
        profit a period in the year before), after (in the periods since), fell.
    groups : DataFrame
        Warned, not warned and all: group, customers, fell, share with low and high (Wilson's
        interval), profit_before, profit_after (of the group, a period).
    quality : DataFrame
        measure, estimate, low, high, n: precision (share of those warned of that fell), recall
        (share of those that fell that had been warned of) with Wilson's intervals, and lift
        (precision over the share of all customers that fell) with the interval of its logarithm.
    without_profit : int
        Active customers left out because they had no profit to lose.
    periods : int
        Periods since the list.
    fall : float
        Fall that counts.
    """

    customers: pd.DataFrame
    groups: pd.DataFrame
    quality: pd.DataFrame
    without_profit: int
    periods: int
    fall: float

    @property
    def lift(self) -> pd.Series:
        """Row of ``quality`` that says how much more often those warned of fell."""
        return self.quality[self.quality["measure"] == "lift"].iloc[0]


def warning_check(
    history: ProfitHistory,
    periods: int,
    *,
    complaints: pd.DataFrame | None = None,
    false_alarms: float = 0.10,
    recent: int = 3,
    fall: float = 0.5,
    confidence: float = 0.95,
    **fit_options: object,
) -> WarningCheck:
    """Make the list from all but the last periods, and see who fell in these.

    A customer fell when its mean profit a period in the periods since is lower than that of the
    year before by ``fall`` or more: it need not have been on the list for that, nor for a decline
    of its curve. A warning given when half of the profit was already gone counts as come true.

    Parameters
    ----------
    history : ProfitHistory
    periods : int
        Periods held out.
    complaints, false_alarms, recent
        As in `early_warning`.
    fall : float
        Share of the profit that must be gone.
    confidence : float
    **fit_options
        Passed to `fit_life_cycle`, so that the list checked is the list used.

    Returns
    -------
    WarningCheck

    Raises
    ------
    InputError
        When nothing is left to look at, or an argument cannot be used.
    """
    check_share(fall, "fall")
    check_confidence(confidence)
    starts = np.sort(history.table["period"].unique())
    if not 0 < periods < len(starts):
        raise InputError(
            f"Hold out at least 1 and fewer than the {len(starts)} {history.period}s of the "
            f"history, not {periods}."
        )
    late = history.table["period"] >= starts[-periods]
    last_day = (pd.Timestamp(starts[-periods]) - pd.Timedelta(days=1)).date()
    past = dataclasses.replace(history, table=history.table[~late], last_day=last_day)
    fit = fit_life_cycle(past, **fit_options)  # type: ignore[arg-type]
    warning = early_warning(
        past, fit, complaints=complaints, false_alarms=false_alarms, recent=recent
    )
    year = periods_in(1, history.period)
    of_year = past.table.groupby("customer_id").tail(year)
    before = of_year.groupby("customer_id")["profit"].mean()
    after = history.table[late].groupby("customer_id")["profit"].mean()
    customers = warning.customers[["customer_id", "warned", "reasons"]].assign(
        before=warning.customers["customer_id"].map(before),
        after=warning.customers["customer_id"].map(after),
        fell=lambda d: d["after"] <= (1 - fall) * d["before"],
    )
    had_profit = customers["before"] > 0
    customers = customers[had_profit].reset_index(drop=True)
    return WarningCheck(
        customers=customers,
        groups=what_became(customers, confidence),
        quality=list_quality(customers["warned"], customers["fell"], confidence),
        without_profit=int((~had_profit).sum()),
        periods=periods,
        fall=fall,
    )


def what_became(customers: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """How many of those warned of, of the others and of all fell."""
    groups = {
        "warned": customers[customers["warned"]],
        "not warned": customers[~customers["warned"]],
        "all": customers,
    }
    table = pd.DataFrame(
        {
            "group": list(groups),
            "customers": [len(group) for group in groups.values()],
            "fell": [int(group["fell"].sum()) for group in groups.values()],
        }
    )
    with np.errstate(invalid="ignore"):
        share = table["fell"].to_numpy() / table["customers"].to_numpy()
    low, high = wilson_interval(share, table["customers"], confidence)
    return table.assign(
        share=share,
        low=low,
        high=high,
        profit_before=[group["before"].sum() for group in groups.values()],
        profit_after=[group["after"].sum() for group in groups.values()],
    )


def list_quality(warned: pd.Series, fell: pd.Series, confidence: float) -> pd.DataFrame:
    """Precision, recall and lift of a list, with intervals.

    With p1 and p0 the shares of those warned of (n1) and of the others (n0) that fell, and w the
    share of customers warned of, lift = p1 / (w p1 + (1 - w) p0), and the variance of its
    logarithm is (a / p1)^2 p1 (1 - p1) / n1 + (a / p0)^2 p0 (1 - p0) / n0 by the delta method, with
    a = (1 - w) p0 / (w p1 + (1 - w) p0).
    """
    hits, n1, falls, n = (int(x.sum()) for x in (warned & fell, warned, fell, warned | ~warned))
    n_of = np.array([n1, falls])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n_of > 0, hits / n_of, np.nan)
        low, high = wilson_interval(share, n_of, confidence)
        p1, p0 = share[0], np.divide(falls - hits, n - n1)
        base = np.divide(falls, n)
        a = np.divide((n - n1) * p0, falls)
        error = a * np.sqrt((1 - p1) / (p1 * n1) + (1 - p0) / (p0 * (n - n1)))
        lift = p1 / base
        ends = lift * np.exp(stats.norm.ppf(0.5 + confidence / 2) * error * np.array([-1, 1]))
    return pd.DataFrame(
        {
            "measure": ["precision", "recall", "lift"],
            "estimate": [*share, lift],
            "low": [*low, ends[0]],
            "high": [*high, ends[1]],
            "n": [n1, falls, n],
        }
    )
