"""Segments looked at from the side: who is in the middle, and would they come out otherwise."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmlib.segmentation.effect_sizes import adjusted_rand_effect
from crmlib.segmentation.segments import Segmentation, segment

UNUSUAL = 0.05
"""Chance of a silence below which it is unusual."""


def unusually_silent(features: pd.DataFrame) -> "pd.Series[bool]":
    """Whether customers are silent for longer than their own rhythm explains.

    Parameters
    ----------
    features : DataFrame
        `BehaviourFeatures.table`: customer_id, tenure, recency, frequency.

    Returns
    -------
    Series of bool
        By customer_id; false with one order, which shows no rhythm.

    Notes
    -----
    At a steady rate the orders after the first lie anywhere between it and the last day with the
    same chance. That none of them is in the days of silence has the chance
    ``((tenure - recency) / tenure) ** (frequency - 1)`` (Solow 1993); unusual is below 0.05. Who
    buys more regularly than by chance is found later than could be.
    """
    tenure = features["tenure"].to_numpy(dtype=float)
    active = (tenure - features["recency"]) / np.where(tenure > 0, tenure, 1.0)
    chance = active.to_numpy(dtype=float) ** (features["frequency"].to_numpy() - 1)
    return pd.Series(chance < UNUSUAL, index=features["customer_id"].to_numpy())


def middle_customers(customers: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Size of every segment and the median of each feature in it.

    Parameters
    ----------
    customers : DataFrame
        segment and the features.
    features : sequence of str

    Returns
    -------
    DataFrame
        segment, customers and the features, by segment.
    """
    groups = customers.groupby("segment")
    table = groups[list(features)].median().reset_index()
    table.insert(1, "customers", groups.size().to_numpy())
    return table


def other_ways(
    customers: pd.DataFrame, found: Segmentation, *, confidence: float = 0.95, seed: int = 1
) -> pd.DataFrame:
    """Make the same number of segments in other ways, and see how far they agree.

    By the other of k-means and mixture, from another start, and without one feature each.

    Parameters
    ----------
    customers : DataFrame
        Those the segments were found in.
    found : Segmentation
    confidence : float
        Level of the bootstrap intervals.
    seed : int
        That of ``found``.

    Returns
    -------
    DataFrame
        way, agreement (adjusted Rand index) with low and high; no rows for one group.
    """
    features = list(found.features)
    other = "kmeans" if found.method == "mixture" else "mixture"
    trials = {f"{other} instead of {found.method}": (features, other, seed)}
    trials["another start"] = (features, found.method, seed + 1)
    for left in features if len(features) > 1 else []:
        rest = [name for name in features if name != left]
        trials[f"without {left.replace('_', ' ')}"] = (rest, found.method, seed)
    rows = []
    for way, (used, method, start) in trials.items() if found.k > 1 else ():
        again = segment(customers, used, k=found.k, method=method, replicates=2, seed=start)
        counts = pd.crosstab(found.customers["segment"], again.customers["segment"]).to_numpy()
        effect = adjusted_rand_effect(counts, confidence=confidence, seed=seed)
        rows.append((way, effect.estimate, effect.low, effect.high))
    return pd.DataFrame(rows, columns=["way", "agreement", "low", "high"])


def same_lately(customers: pd.DataFrame, lately: "pd.Series[str]") -> pd.DataFrame:
    """How many customers are in the segment that their latest purchases alone put them into.

    Parameters
    ----------
    customers : DataFrame
        customer_id and segment.
    lately : Series
        Segment by the latest purchases alone, by customer_id.

    Returns
    -------
    DataFrame
        segment, customers (with a segment by both), the_same, the_same_share.
    """
    both = customers.assign(lately=customers["customer_id"].map(lately)).dropna(subset="lately")
    same = (both["segment"] == both["lately"]).groupby(both["segment"]).agg(["size", "sum"])
    table = same.reset_index().set_axis(["segment", "customers", "the_same"], axis=1)
    table["the_same_share"] = table["the_same"] / table["customers"]
    return table
