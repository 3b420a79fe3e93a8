"""What keeping more customers is worth on one's own base, how sure that is, and whether it held.

Every number is made from `crmlib.clp.stake.Counts`, sums over customers; so a bootstrap draws
customers again, or, where they are many, random groups of them, and adds up.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from crmlib.clp.churn import break_even_retention, churn_loss
from crmlib.clp.discounting import Array, When, check_confidence, check_share
from crmlib.clp.history import ProfitHistory, rate_per_period
from crmlib.clp.stake import (
    RETENTION_MODELS,
    Counts,
    CustomersAtStake,
    Outlook,
    RetentionModel,
    counts,
    customer_values,
    customers_at_stake,
    factors,
    models_determined,
    outlook,
    worth_if_here,
)
from crmlib.errors import InputError
from crmlib.resampling import drawn_counts

LEAST_LOST = 10
"""Customers lost below which the data do not say how many will be."""

GROUPS = 1000
"""More customers than this are drawn in so many groups, each put together at random."""

KEPT_BRING = ("as the others", "as those lost")

CHECK_COLUMNS = [
    "model",
    "customers",
    "expected_back",
    "back",
    "expected_stayed",
    "stayed_low",
    "stayed_high",
    "stayed",
    "refuted",
    "expected_profit",
    "profit",
    "periods",
    "error_percent",
]

MEASURES = ("stay", "retention", "value", "gain", "gain_percent", "affordable")


def retention_gain(
    stake: CustomersAtStake,
    *,
    rate: float,
    periods: int,
    points: float = 0.05,
    when: When = "end",
    confidence: float = 0.95,
    replicates: int = 500,
    seed: int,
) -> pd.DataFrame:
    """Profit of keeping more customers every year: 5 of 100 more, unless told otherwise.

    Of those that are here, the share that stays for a year is raised by ``points``, losses at
    every tenure falling in proportion (each retention to the same power below 1), and the value of
    the base is computed again.

    Parameters
    ----------
    stake : CustomersAtStake
    rate : float
        Discount rate per period, a fraction.
    periods : int
        Periods to look ahead.
    points : float
        Customers more that stay for a year, as a fraction of all.
    when : {"end", "start"}
        Whether profit comes at the end or the start of a period.
    confidence : float
        Level of the intervals.
    replicates : int
        Resamples of the customers.
    seed : int

    Returns
    -------
    DataFrame
        A row for each model of retention the data determine and each answer to what those kept
        bring: "as the others", or "as those lost", that is what those did in their last half year.
        Columns model, kept_bring, customers, lost (in the whole history), and each with _low and
        _high: stay (share of today's customers that will be customers a year later, see
        `Outlook.stay`), retention (share that stays for a year, of those that are here), value (of
        the base), gain, gain_percent (of the value), affordable (gain for each customer and year,
        counting all that are not yet known to be lost: what a programme may cost); raised
        (retention with the points, at most 1).
        Missing where fewer than 10 customers were lost, too few to say how many will be, or nobody
        bought again.

    Raises
    ------
    InputError
        When an argument cannot be used.

    Notes
    -----
    Percentiles of a bootstrap of customers (Rao and Wu 1988), everything estimated again in each
    resample. Of more than 1,000 customers, 1,000 groups put together at random are drawn.

    Those lost are compared with those of today who are about to leave by the model: the gain as
    those lost is the gain as the others times the profit a period of the former over the latter.
    """
    check_points(points)
    check_confidence(confidence)
    discount = factors(rate, periods, when)
    lost = int(stake.gone.sum())

    models = models_determined(stake)

    def measured(found: Counts) -> Array:
        return np.concatenate(
            [gains(outlook_or_limit(stake, model, found), points, discount) for model in models]
        )

    rows = pd.DataFrame(
        [(model, kept) for model in models for kept in KEPT_BRING],
        columns=["model", "kept_bring"],
    ).assign(customers=len(stake.customers), lost=lost)
    if lost < LEAST_LOST or not anybody_returned(counts(stake)):
        return rows.assign(**dict.fromkeys(interval_columns(), np.nan), raised=np.nan)
    estimate = measured(counts(stake))
    drawn = [measured(found) for found in resamples(stake, replicates, seed)]
    low, high = percentiles(drawn, estimate.shape, confidence)
    for column, name in enumerate(MEASURES):
        rows[name] = estimate[:, column]
        rows[f"{name}_low"], rows[f"{name}_high"] = low[:, column], high[:, column]
    return rows.assign(raised=np.minimum(rows["retention"] + points, 1.0))


def anybody_returned(found: Counts) -> bool:
    """Whether anybody was seen to buy again: else nothing tells how long customers stay."""
    return bool(found.returns.any() and (found.lost < found.at_risk).any())


def interval_columns() -> list[str]:
    """Columns of `retention_gain` that have an interval, with their ends."""
    return [name + end for name in MEASURES for end in ("", "_low", "_high")]


def check_points(points: float) -> None:
    """Refuse points that are not a fraction above 0."""
    check_share(points, "points")
    if points == 0:
        raise InputError("points=0: write how many more are kept, such as 0.05 for 5 of 100.")


def percentiles(
    drawn: list[Array], shape: tuple[int, ...], confidence: float
) -> tuple[Array, Array]:
    """Interval of each number over its resamples; NaN where a single customer leaves none."""
    if not drawn:
        return np.full(shape, np.nan), np.full(shape, np.nan)
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(np.array(drawn), [tail, 1 - tail], axis=0)
    return low, high


def outlook_or_limit(stake: CustomersAtStake, model: RetentionModel, found: Counts) -> Outlook:
    """Outlook from a resample; where it does not show customers to differ, constant retention."""
    try:
        return outlook(stake, model, found)
    except InputError:
        return outlook(stake, "constant", found)


def gains(ahead: Outlook, points: float, discount: Array) -> Array:
    """The measures of one model: a row as the others, a row as those lost."""
    retention, value = ahead.retention, ahead.value(discount)
    raised = ahead.at(min(retention + points, 1.0))
    gain = raised.value(discount) - value
    with np.errstate(divide="ignore", invalid="ignore"):
        brought = ahead.found.gone_profit / ahead.found.gone
        worse = gain * brought / ahead.profit_of_leavers
    years = raised.customer_years(discount)
    percent = 100 / value if value > 0 else np.nan
    stay = ahead.stay(ahead.year)
    return np.array([[stay, retention, value, g, percent * g, g / years] for g in (gain, worse)])


def resamples(stake: CustomersAtStake, replicates: int, seed: int) -> Iterator[Counts]:
    """Counts of customers drawn again and again, those here and those lost alike."""
    random = np.random.default_rng(seed)
    n = len(stake.lives.life)
    group = random.permutation(n).astype(np.int64) % min(n, GROUPS)
    grouped = counts(stake, group)
    units = np.zeros(group.max() + 1, dtype=np.int64)
    scale = len(units) / max(len(units) - 1, 1)
    for drawn in drawn_counts(units, replicates, random):
        found = grouped.weighted(scale * drawn.astype(np.float64))
        if found.here.any() and anybody_returned(found):
            yield found


def new_customer_value(
    stake: CustomersAtStake,
    *,
    rate: float,
    periods: int,
    when: When = "end",
    acquisition_cost: float | None = None,
    confidence: float = 0.95,
    replicates: int = 500,
    seed: int,
) -> pd.DataFrame:
    """Value of a customer won today, by each model of retention: what winning one may cost.

    Parameters
    ----------
    stake, rate, periods, when, confidence, replicates, seed
        As in `retention_gain`.
    acquisition_cost : float, optional
        What winning a customer costs.

    Returns
    -------
    DataFrame
        model, customers (whose first period is known), value with low and high, break_even_share
        (of new customers that must stay a year for the cost of winning them to come back, see
        `break_even_retention`; missing where it never does or the cost is not known).

    Raises
    ------
    InputError
        When an argument cannot be used.
    """
    check_confidence(confidence)
    if acquisition_cost is not None and not acquisition_cost >= 0:
        raise InputError(f"acquisition_cost={acquisition_cost:g}: write money, 0 or more.")
    discount = factors(rate, periods, when)

    models = models_determined(stake)

    def measured(found: Counts) -> Array:
        return np.array(
            [outlook_or_limit(stake, model, found).new_customer(discount) for model in models]
        )

    drawn = [measured(found) for found in resamples(stake, replicates, seed)]
    low, high = percentiles(drawn, (len(models),), confidence)
    return pd.DataFrame(
        {
            "model": models,
            "customers": int(stake.rates.table["customers"].iloc[0]),
            "value": measured(counts(stake)),
            "low": low,
            "high": high,
            "break_even_share": [
                np.nan
                if acquisition_cost is None
                else break_even_retention(
                    value_by_retention(stake, model, discount), acquisition_cost
                )
                for model in models
            ],
        }
    )


def value_curve(
    stake: CustomersAtStake,
    model: RetentionModel = "by tenure",
    *,
    rate: float,
    periods: int,
    when: When = "end",
    lowest: float = 0.5,
) -> pd.DataFrame:
    """Value of today's customers by the share of them that stays for a year.

    Parameters
    ----------
    stake : CustomersAtStake
    model : str
        One of `RETENTION_MODELS`; its losses at every tenure change in proportion.
    rate, periods, when
        As in `retention_gain`.
    lowest : float
        Share at which the curve begins; lower where today's is lower.

    Returns
    -------
    DataFrame
        retention, value: 41 rows up to a retention of 1.
    """
    discount, ahead = factors(rate, periods, when), outlook(stake, model)
    shares = np.linspace(min(lowest, ahead.retention), 1.0, 41)
    values = [ahead.at(float(share)).value(discount) for share in shares]
    return pd.DataFrame({"retention": shares, "value": values})


def retention_sensitivity(
    stake: CustomersAtStake,
    model: RetentionModel = "by tenure",
    *,
    retention: Sequence[float],
    yearly_rate: Sequence[float],
    periods: int,
    when: When = "end",
) -> pd.DataFrame:
    """Value of today's customers over a grid of yearly retention and yearly discount rate.

    Parameters
    ----------
    stake : CustomersAtStake
    model : str
        One of `RETENTION_MODELS`; its losses at every tenure change in proportion.
    retention : sequence of float
        Shares that stay for a year, fractions.
    yearly_rate : sequence of float
        Discount rates per year, fractions.
    periods : int
        Periods to look ahead.
    when : {"end", "start"}
        Whether profit comes at the end or the start of a period.

    Returns
    -------
    DataFrame
        retention, yearly_rate, value: a row for each pair.

    Raises
    ------
    InputError
        When an argument cannot be used.
    """
    ahead = outlook(stake, model)
    for share in retention:
        check_share(share, "retention")
    discounts = {r: factors(rate_per_period(r, stake.period), periods, when) for r in yearly_rate}
    rows = []
    for share in retention:
        at = ahead.at(share)
        rows += [(share, r, at.value(discount)) for r, discount in discounts.items()]
    return pd.DataFrame(rows, columns=["retention", "yearly_rate", "value"])


def value_by_retention(
    stake: CustomersAtStake, model: RetentionModel, discount: Array
) -> Callable[[float], float]:
    """Value of a customer won today as a function of the share of new ones that stays a year.

    For `break_even_retention`: losses at every tenure change in proportion.
    """
    ahead = outlook(stake, model)
    return lambda retention: ahead.newcomers_at(retention).new_customer(discount)


def spent_on(customer_ids: pd.Series, cost_to_serve: pd.Series | None) -> pd.Series:
    """Money spent to date on each customer, 0 for one that caused no cost.

    Parameters
    ----------
    customer_ids : Series
    cost_to_serve : Series or None
        Cost by customer_id, such as `ActivityCosts.cost_to_serve`; None where none is known.

    Returns
    -------
    Series
        By customer_id.

    Raises
    ------
    InputError
        When the costs are of other customers altogether.
    """
    if cost_to_serve is None:
        return pd.Series(0.0, index=customer_ids.array)
    if not customer_ids.isin(cost_to_serve.index).any():
        raise InputError(
            "None of the customers in the activities is among those that bought. Give the "
            "activities of these customers, or none (activities=none, cost_pools=none)."
        )
    return cost_to_serve.reindex(customer_ids.array, fill_value=0.0)


def churn_losses(
    stake: CustomersAtStake,
    model: RetentionModel = "by tenure",
    *,
    cost_to_date: pd.Series | float,
    rate: float,
    periods: int,
    when: When = "end",
    since: dt.date | None = None,
) -> pd.DataFrame:
    """Churn loss of the customers that were lost, one by one.

    Their value still to come is what they brought a period in their last half year, times what a
    customer of their tenure that stays is worth a unit of money.

    Parameters
    ----------
    stake : CustomersAtStake
    model : str
        One of `RETENTION_MODELS`.
    cost_to_date : Series or float
        Money spent on each customer, by customer_id; or the same for all.
    rate, periods, when
        As in `customer_values`.
    since : date, optional
        Only customers whose last purchase is in this period or later.

    Returns
    -------
    DataFrame
        customer_id, tenure, last_period, cost_to_date, realised_value (V_t), lifetime_value
        (V_k), still_to_come (V_k - V_t) and churn_loss, the largest loss first. The last three
        are missing where too little is known of what the customer brought.

    Raises
    ------
    InputError
        When an argument cannot be used or a customer has no cost.
    """
    stays = outlook(stake, model).stays
    gone = stake.lost
    if since is not None:
        gone = gone[gone["last_period"] >= pd.Timestamp(since)]
    tenures = int(gone["tenure"].max()) if len(gone) else 1
    worth = worth_if_here(stays, tenures, factors(rate, periods, when))
    ahead = gone["profit"] * worth[gone["tenure"].to_numpy() - 1]
    spent = pd.Series(cost_to_date, index=gone.index)
    if isinstance(cost_to_date, pd.Series):
        spent = gone["customer_id"].map(cost_to_date).astype(float)
    if spent.isna().any():
        raise InputError(
            f"cost_to_date has no cost for {spent.isna().sum():,} of {len(gone):,} customers lost."
        )
    whole = gone["realised_profit"] + ahead
    known = ahead.notna().to_numpy()
    loss = np.full(len(gone), np.nan)
    loss[known] = churn_loss(spent[known], whole[known], gone["realised_profit"][known])
    found = pd.DataFrame(
        {
            "customer_id": gone["customer_id"],
            "tenure": gone["tenure"],
            "last_period": gone["last_period"],
            "cost_to_date": spent,
            "realised_value": gone["realised_profit"],
            "lifetime_value": whole,
            "still_to_come": ahead,
            "churn_loss": loss,
        }
    )
    return found.sort_values(["churn_loss", "customer_id"], ascending=[False, True]).reset_index(
        drop=True
    )


def stake_before(
    history: ProfitHistory, periods: int, left_after: int | None
) -> tuple[CustomersAtStake | None, pd.DataFrame]:
    """Customers at stake some periods ago, and what the customers of then did since.

    None, and nothing, where too little is left before the cut to learn from.
    """
    starts = np.sort(history.table["period"].unique())
    if not 0 < periods < len(starts):
        raise InputError(
            f"Hold out at least 1 and fewer than the {len(starts)} {history.period}s of the "
            f"history, not {periods}."
        )
    late = history.table["period"] >= starts[-periods]
    try:
        stake = customers_at_stake(
            replace(history, table=history.table[~late]), left_after=left_after
        )
    except InputError:
        return None, history.table[:0]
    here = stake.customers["customer_id"]
    since = history.table[late & history.table["customer_id"].isin(here)]
    until_end = len(starts) - 1 - np.searchsorted(starts, since["period"])
    return stake, since.assign(until_end=until_end)


def retention_check(
    history: ProfitHistory,
    periods: int,
    *,
    left_after: int | None = None,
    confidence: float = 0.95,
    replicates: int = 100,
    seed: int = 1,
) -> pd.DataFrame:
    """What the same reckoning would have said some periods ago, and what came.

    Parameters
    ----------
    history : ProfitHistory
    periods : int
        Periods to hold out; at least ``left_after``, or nobody can be seen to have left.
    left_after : int, optional
        As in `customers_at_stake`.
    confidence : float
        Level of the interval that a model is refuted by.
    replicates : int
        Resamples of the customers of then.
    seed : int

    Returns
    -------
    DataFrame
        A row for each model of retention the data determine: model, customers (of the cut),
        expected_back (that should buy again), back (that did), expected_stayed with stayed_low and
        stayed_high (that should still be customers at the end, see `Outlook.stay`), stayed (that
        bought in the last ``left_after`` periods), refuted (whether these are outside the
        interval), expected_profit and profit (of the periods held out, not discounted), periods,
        error_percent (of the profit). Missing where too little is left before the cut to learn
        from, or fewer than ``left_after`` periods are held out.

    Raises
    ------
    InputError
        When the periods are not fewer than those of the history.

    Notes
    -----
    The interval of those expected to stay adds up the variance of a bootstrap of the customers of
    then and that of chance, every one staying or not on its own.
    """
    check_confidence(confidence)
    stake, since = stake_before(history, periods, left_after)
    if stake is None:
        return pd.DataFrame(
            [{"model": m, "customers": 0, "back": 0} for m in RETENTION_MODELS[:2]],
            columns=CHECK_COLUMNS,
        ).assign(refuted=False, periods=periods)
    n, models = len(stake.customers), models_determined(stake)
    bought = since[since["purchases"] > 0]
    back = bought["customer_id"].nunique()
    stayed = bought.loc[bought["until_end"] < stake.left_after, "customer_id"].nunique()
    drawn = [
        [n * outlook_or_limit(stake, model, found).stay(periods) for model in models]
        for found in resamples(stake, replicates, seed)
    ]
    spread = np.nanstd(drawn, axis=0) if drawn else np.full(len(models), np.inf)
    rows = []
    for model, error in zip(models, spread, strict=True):
        ahead = outlook(stake, model)
        values = customer_values(stake, model, rate=0.0, periods=periods)
        sums = values[["still_here", "value"]].sum()
        share = ahead.stay(periods)
        half = norm.ppf(0.5 + confidence / 2) * np.hypot(error, np.sqrt(n * share * (1 - share)))
        low, high = max(n * share - half, 0.0), min(n * share + half, n)
        staying: tuple[float, ...] = (n * share, low, high, stayed, not low <= stayed <= high)
        if periods < stake.left_after:
            staying = (np.nan, np.nan, np.nan, np.nan, False)
        row = (model, n, sums["still_here"], back, *staying, sums["value"], since["profit"].sum())
        rows.append((*row, periods, np.nan))
    table = pd.DataFrame(rows, columns=CHECK_COLUMNS)
    error_percent = 100 * (table["expected_profit"] / table["profit"] - 1)
    return table.assign(error_percent=error_percent.where(table["profit"] > 0))


def silence_check(
    history: ProfitHistory, periods: int, *, left_after: int | None = None
) -> pd.DataFrame:
    """How many were to buy again some periods ago, by silence, and how many did.

    Parameters
    ----------
    history, periods, left_after
        As in `retention_check`.

    Returns
    -------
    DataFrame
        bought_once, quiet, customers, back_expected_share (ever) and back_share (in the periods
        held out): a row for every silence that there was; none where too little is left before
        the cut to learn from.

    Raises
    ------
    InputError
        When the periods are not fewer than those of the history.
    """
    stake, since = stake_before(history, periods, left_after)
    if stake is None:
        columns = ["bought_once", "quiet", "customers", "back_expected_share", "back_share"]
        return pd.DataFrame(columns=columns)
    values = customer_values(stake, "constant", rate=0.0, periods=1)
    values["back"] = values["customer_id"].isin(since.loc[since["purchases"] > 0, "customer_id"])
    values["bought_once"] = values["quiet"] == values["tenure"] - 1
    by_silence = values.groupby(["bought_once", "quiet"]).agg(
        customers=("back", "size"),
        back_expected_share=("still_here", "mean"),
        back_share=("back", "mean"),
    )
    return by_silence.reset_index()
