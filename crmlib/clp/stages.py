"""Stage of the life cycle each customer is in, and how those that left went."""

import numpy as np
import pandas as pd

from crmlib.clp.candidates import PHASE
from crmlib.clp.fitting import LifeCycleFit, probability_column
from crmlib.clp.history import ProfitHistory, periods_in
from crmlib.clp.value import LifetimeProfit, sum_of_values

STAGES = (
    "exploration",
    "formation",
    "stability",
    "decline",
    "left",
    "undecided",
    "not enough history",
)
"""Every answer of `life_cycle_stage`, in the order of a customer's life."""

PATTERNS = ("early abortion", "midway death", "early exit", "long retention")
"""The four ways to leave, earliest first."""


def life_cycle_stage(fit: LifeCycleFit) -> pd.DataFrame:
    """Stage of each customer at the end of its history.

    - exploration: on P1 with t < g1 / 2, where the curve rises more slowly than on average
      over P1 (its slope ``2 h1 t`` is below ``h1 g1``), or still flat;
    - formation: on P1 with t >= g1 / 2;
    - stability: on P2, or flat for longer than similar customers took to reach it;
    - decline: on P3;
    - left: quiet for ``fit.left_after`` periods or more;
    - undecided: on P1 with no longer-lived customer that says where g1 lies;
    - not enough history: no curve was fitted, and the customer is too old for exploration.

    g1 of a customer on P1 is the mean of its similar customers. A customer without a curve is in
    exploration when it is younger than half the median g1 of the base: by its age alone.

    Parameters
    ----------
    fit : LifeCycleFit

    Returns
    -------
    DataFrame
        customer_id; stage (ordered categorical of `STAGES`); evidence ("curve", "age", "quiet"
        or "none"); probability that the customer is on the part of the curve the stage belongs
        to (missing without a curve); periods since the first purchase; g1 used.
    """
    customers = fit.customers
    phase = customers["curve"].map(PHASE)
    growing = (customers["curve"] == "formation").to_numpy()
    flat = (customers["curve"] == "flat").to_numpy()
    unfitted = (customers["curve"] == "not enough history").to_numpy()
    left = customers["left"].to_numpy(dtype=bool)
    life = customers["life"].to_numpy()
    g1 = np.where(growing | flat, customers["similar_g1"], customers["g1"])
    g1 = np.where(growing, np.maximum(g1, life), g1)
    g1 = np.where(unfitted, median_g1(fit), g1)
    young = unfitted & (life < g1 / 2)

    stage = np.full(len(customers), "not enough history", dtype=object)
    stage[growing | flat] = "undecided"
    stage[young | (growing & (life < g1 / 2)) | (flat & (life <= g1))] = "exploration"
    stage[growing & (life >= g1 / 2)] = "formation"
    stage[(phase == "slow growth") | (flat & (life > g1))] = "stability"
    stage[phase == "decline"] = "decline"
    stage[left] = "left"
    evidence = np.select([left, young, unfitted], ["quiet", "age", "none"], default="curve")

    probability = pd.Series(np.nan, index=customers.index)
    for name in ("formation", "slow growth", "decline"):
        here = (phase == name) & ~customers["left"]
        probability[here] = customers.loc[here, probability_column(name)]
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "stage": pd.Categorical(stage, categories=STAGES, ordered=True),
            "evidence": evidence,
            "probability": probability,
            "periods": customers["periods"],
            "g1": g1,
        }
    )


def stage_summary(stages: pd.DataFrame, value: LifetimeProfit) -> pd.DataFrame:
    """Customers and lifetime profit of each stage.

    Parameters
    ----------
    stages : DataFrame
        From `life_cycle_stage`.
    value : LifetimeProfit
        From `lifetime_profit` on the same fit.

    Returns
    -------
    DataFrame
        One row per stage that has customers, in the order of life: stage, customers,
        customer_share, without_value (customers), lifetime_profit with low and high (customers
        taken as independent; missing where no customer has a value).
    """
    both = value.customers.assign(stage=stages["stage"].array)
    rows = [
        sum_of_values(group, value.confidence).assign(stage=stage, customers=len(group))
        for stage, group in both.groupby("stage", observed=True)
    ]
    summary = pd.concat(rows, ignore_index=True)
    return summary.assign(
        stage=pd.Categorical(summary["stage"], categories=STAGES, ordered=True),
        customer_share=summary["customers"] / len(both),
        without_value=summary["customers_without_value"],
    )[["stage", "customers", "customer_share", "without_value", "lifetime_profit", "low", "high"]]


def median_g1(fit: LifeCycleFit) -> float:
    """Median turning point of the customers that have reached theirs; NaN when none has."""
    return float(fit.customers["g1"].where(np.isfinite(fit.customers["g1"])).median())


def life_cycle_pattern(fit: LifeCycleFit, *, long_stability: int = 6) -> pd.DataFrame:
    """How the customers that left went, after Chen Mingliang's four patterns.

    A customer's time up to the start of its decline, or to its last purchase, is held against
    its turning point g1, or where it has none the median g1 of the base:

    - early abortion: before g1 / 2, in the exploration;
    - midway death: before g1, in the formation;
    - early exit: after a stability shorter than ``long_stability``;
    - long retention: after a longer one.

    Parameters
    ----------
    fit : LifeCycleFit
    long_stability : int
        Periods of stability from which a retention counts as long.

    Returns
    -------
    DataFrame
        One row per customer that left: customer_id, pattern (ordered categorical, missing when
        no customer of the base has reached a g1), life and stable (periods), g1 used.
    """
    gone = fit.customers[fit.customers["left"]]
    g1 = gone["g1"].where(np.isfinite(gone["g1"])).fillna(median_g1(fit)).to_numpy()
    reached = np.fmin(gone["life"].to_numpy(), gone["g2"].to_numpy())
    growing = (gone["curve"] == "formation").to_numpy()
    stable = np.where(growing, 0.0, np.maximum(reached - g1, 0.0))
    conditions = [np.isnan(g1), reached < g1 / 2, (reached < g1) | growing, stable < long_stability]
    code = np.select(conditions, [-1, 0, 1, 2], default=3)
    pattern = pd.Series(code).map(dict(enumerate(PATTERNS)))
    return pd.DataFrame(
        {
            "customer_id": gone["customer_id"],
            "pattern": pd.Categorical(pattern, categories=PATTERNS, ordered=True),
            "life": gone["life"],
            "stable": stable,
            "g1": g1,
        }
    )


def pattern_summary(
    patterns: pd.DataFrame, history: ProfitHistory, fit: LifeCycleFit
) -> pd.DataFrame:
    """What went with the customers of each pattern.

    Parameters
    ----------
    patterns : DataFrame
        From `life_cycle_pattern`.
    history : ProfitHistory
    fit : LifeCycleFit
        Of this history.

    Returns
    -------
    DataFrame
        One row per pattern, in the order of `PATTERNS`: pattern; customers; median_life (periods);
        profit (that they brought); lost_a_year (of it, that of the year before their decline
        began or they stopped; of all their life where it was shorter).
    """
    year = periods_in(1, history.period)
    turned = fit.customers.set_index("customer_id")[["life", "g2"]].min(axis=1)
    lived = history.table[history.table["customer_id"].isin(patterns["customer_id"])]
    end = lived["customer_id"].map(turned).astype(float)
    before = lived[(lived["t"] <= end) & (lived["t"] > end - year)]
    by_customer = patterns.assign(
        profit=patterns["customer_id"].map(lived.groupby("customer_id")["profit"].sum()),
        lost=patterns["customer_id"].map(before.groupby("customer_id")["profit"].sum()),
    )
    return (
        by_customer.groupby("pattern", observed=False)
        .agg(
            customers=("customer_id", "size"),
            median_life=("life", "median"),
            profit=("profit", "sum"),
            lost_a_year=("lost", "sum"),
        )
        .reset_index()
    )
