"""Stage of the life cycle each customer is in, and how those that left went."""

import numpy as np
import pandas as pd

from crmlib.clp.candidates import PHASE
from crmlib.clp.fitting import LifeCycleFit, probability_column

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
    - not enough history: no curve was fitted.

    g1 of a customer on P1 is the mean of its similar customers.

    Parameters
    ----------
    fit : LifeCycleFit

    Returns
    -------
    DataFrame
        customer_id; stage (ordered categorical of `STAGES`); probability that the customer is
        on the part of the curve the stage belongs to (missing without a curve); periods since
        the first purchase; g1 used.
    """
    customers = fit.customers
    phase = customers["curve"].map(PHASE)
    growing = (customers["curve"] == "formation").to_numpy()
    flat = (customers["curve"] == "flat").to_numpy()
    life = customers["life"].to_numpy()
    g1 = np.where(growing | flat, customers["similar_g1"], customers["g1"])
    g1 = np.where(growing, np.maximum(g1, life), g1)

    stage = np.full(len(customers), "not enough history", dtype=object)
    stage[growing | flat] = "undecided"
    stage[growing & (life < g1 / 2)] = "exploration"
    stage[growing & (life >= g1 / 2)] = "formation"
    stage[flat & (life <= g1)] = "exploration"
    stage[flat & (life > g1)] = "stability"
    stage[phase == "slow growth"] = "stability"
    stage[phase == "decline"] = "decline"
    stage[customers["left"].to_numpy(dtype=bool)] = "left"

    probability = pd.Series(np.nan, index=customers.index)
    for name in ("formation", "slow growth", "decline"):
        here = (phase == name) & ~customers["left"]
        probability[here] = customers.loc[here, probability_column(name)]
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "stage": pd.Categorical(stage, categories=STAGES, ordered=True),
            "probability": probability,
            "periods": customers["periods"],
            "g1": g1,
        }
    )


def life_cycle_pattern(fit: LifeCycleFit) -> pd.DataFrame:
    """How the customers that left went, after Chen Mingliang's four patterns.

    A customer's time up to the start of its decline, or to its last purchase, is held against
    its turning point g1, or where it has none the median g1 of the base:

    - early abortion: before g1 / 2, in the exploration;
    - midway death: before g1, in the formation;
    - early exit: in a stability shorter than the way there (g1);
    - long retention: after a stability at least as long as the way there.

    Parameters
    ----------
    fit : LifeCycleFit

    Returns
    -------
    DataFrame
        One row per customer that left: customer_id, pattern (ordered categorical, missing when
        no customer of the base has reached a g1), life and stable (periods), g1 used.
    """
    gone = fit.customers[fit.customers["left"]]
    own = fit.customers["g1"].where(np.isfinite(fit.customers["g1"]))
    g1 = own[gone.index].fillna(own.median()).to_numpy()
    reached = np.fmin(gone["life"].to_numpy(), gone["g2"].to_numpy())
    growing = (gone["curve"] == "formation").to_numpy()
    stable = np.where(growing, 0.0, np.maximum(reached - g1, 0.0))
    pattern = np.select(
        [reached < g1 / 2, (reached < g1) | growing, stable < g1, stable >= g1],
        PATTERNS,
        default="",
    )
    return pd.DataFrame(
        {
            "customer_id": gone["customer_id"],
            "pattern": pd.Categorical(pattern, categories=PATTERNS, ordered=True),
            "life": gone["life"],
            "stable": stable,
            "g1": g1,
        }
    )
