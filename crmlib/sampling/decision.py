"""The sampling decision: which designs are candidates, and which of them to take."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.errors import InputError
from crmlib.sampling.allocation import allocate
from crmlib.sampling.designs import (
    Cluster,
    Design,
    Pps,
    SimpleRandom,
    Stratified,
    Systematic,
    TwoStage,
)

SIMPLE_RANDOM = "simple random"
SYSTEMATIC = "systematic, sorted by last wave"
PROPORTIONAL = "stratified, proportional"
NEYMAN = "stratified, Neyman"
WHOLE_CLUSTERS = "whole clusters"
TWO_STAGE = "two stages"
PROBABILITY_BY_SIZE = "chance by size"

WORST_SHORTFALL = 0.02
"""How far the coverage of a design's own interval may fall short of its level."""

SAME_COST = 0.05
"""Share of the cheapest design's cost up to which another counts as equally cheap."""


@dataclass(frozen=True)
class Decision:
    """The design to take, and why not the others.

    Attributes
    ----------
    chosen : str
        Name of the design.
    table : DataFrame
        The decision table of `compare_designs` with half_width (of the true interval, in the
        proxy's unit), n_for_margin (units that would do for the margin under this design),
        report_by ("own formula", "simple random formula" or "neither": the narrower of the two
        whose interval keeps its word) and verdict ("taken" or why not).
    margin : float
    """

    chosen: str
    table: pd.DataFrame
    margin: float


def stratum_summary(frame: pd.DataFrame, stratum: str, proxy: str) -> pd.DataFrame:
    """Table that `allocate` wants: stratum, population, mean and sd of the proxy."""
    groups = frame.groupby(stratum, observed=True)[proxy]
    return (
        groups.agg(population="size", mean="mean", sd="std")
        .fillna({"sd": 0.0})
        .rename_axis("stratum")
        .reset_index()
    )


def candidate_designs(
    frame: pd.DataFrame,
    n: int,
    proxy: str,
    *,
    stratum: str | None = None,
    cluster: str | None = None,
    last_wave: str | None = None,
    size: str | None = None,
    per_cluster: int = 5,
) -> dict[str, Design]:
    """Designs of the same expected number of interviews, as far as the frame offers them.

    Parameters
    ----------
    frame : DataFrame
    n : int
        Interviews; whole clusters give about as many.
    proxy : str
        Column known for every unit; its spread in the strata goes into the Neyman allocation.
    stratum, cluster, last_wave, size : str, optional
        Columns of the frame; None where it has none.
    per_cluster : int
        Interviews in each cluster of the two-stage design.

    Returns
    -------
    dict of name to design

    Raises
    ------
    InputError
        When n is not smaller than the frame.
    """
    if n >= len(frame):
        raise InputError(
            f"The plan needs {n:,} units, and the frame has {len(frame):,} that can be drawn: that "
            "is no sample. Allow a wider margin, expect more answers, or ask everybody."
        )
    designs: dict[str, Design] = {SIMPLE_RANDOM: SimpleRandom(n)}
    if last_wave is not None:
        designs[SYSTEMATIC] = Systematic(n, order_by=last_wave)
    if stratum is not None:
        strata = stratum_summary(frame, stratum, proxy)
        for name, method in {PROPORTIONAL: "proportional", NEYMAN: "neyman"}.items():
            table = allocate(strata, n, method=method).table  # type: ignore[arg-type]
            sizes = dict(zip(table["stratum"], (int(k) for k in table["n"]), strict=True))
            designs[name] = Stratified(stratum, sizes)
    if cluster is not None:
        sizes_of_clusters = frame[cluster].value_counts()
        whole = max(2, round(n / sizes_of_clusters.mean()))
        designs[WHOLE_CLUSTERS] = Cluster(cluster, min(whole, len(sizes_of_clusters)))
        reached = sizes_of_clusters.clip(upper=per_cluster).mean()
        stages = min(max(2, round(n / reached)), len(sizes_of_clusters))
        designs[TWO_STAGE] = TwoStage(cluster, stages, per_cluster)
    if size is not None:
        designs[PROBABILITY_BY_SIZE] = Pps(size, n)
    return designs


def decide(comparison: pd.DataFrame, margin: float, confidence: float, population: int) -> Decision:
    """Take the cheapest design that keeps the margin and has an interval that tells the truth.

    Designs within 5 % of the lowest cost count as equally cheap; of these the most precise is
    taken. A formula keeps its word when its coverage falls short of the level by no more than two
    percentage points and twice its Monte Carlo error; the margin is kept when the half-width
    exceeds it by no more than a per cent and twice its Monte Carlo error.

    Parameters
    ----------
    comparison : DataFrame
        From `compare_designs`.
    margin : float
        Half-width wanted, in the unit of the proxy.
    confidence : float
    population : int
        Units in the frame.

    Returns
    -------
    Decision

    Raises
    ------
    InputError
        When no design keeps the margin with a formula that keeps its word.
    """
    z = stats.norm.ppf(0.5 + confidence / 2)
    table = comparison.assign(half_width=z * comparison["standard_error"])
    table["n_for_margin"] = n_for_margin(table, margin, population)
    table["report_by"] = [report_by(row, confidence) for _, row in table.iterrows()]
    # A standard error's relative error is half that of the variance, which is the design effect's.
    noise = table["design_effect_error"] / table["design_effect"] / 2
    precise = table["half_width"] <= margin * (1.01 + 2 * noise)
    able = table[precise & (table["report_by"] != "neither")]
    if able.empty:
        best = table.sort_values("half_width").iloc[0]
        raise InputError(
            f"No design keeps the margin of {margin:g} with an interval that can be believed; the "
            f'most precise, "{best["design"]}", has {best["half_width"]:.3g}. Allow a wider '
            "margin or more interviews."
        )
    cheap = able[able["cost"] <= able["cost"].min() * (1 + SAME_COST)]
    taken = cheap.sort_values("half_width").iloc[0]
    table["verdict"] = [
        verdict(row, taken, margin, confidence, close)
        for (_, row), close in zip(table.iterrows(), precise, strict=True)
    ]
    return Decision(chosen=str(taken["design"]), table=table, margin=margin)


def half_width_with_nonresponse(
    half_width: float, design_effect: float, n: int, invited: int, population: int
) -> float:
    """Half-width when ``n`` of ``invited`` answer, each as likely as the other.

    The design governs who is invited, chance alone who of them answers: the variance is
    ``S^2 (deff (1/m - 1/N) + (1/n - 1/m))`` with m invited, against ``S^2 deff (1/n - 1/N)`` if
    all n asked had answered. Weighting the answers by what the design used wins the gain back.

    Parameters
    ----------
    half_width, design_effect : float
        Of the design with n units.
    n, invited, population : int

    Returns
    -------
    float
    """
    planned = design_effect * (1 / n - 1 / population)
    drawn = design_effect * (1 / invited - 1 / population)
    answering = 1 / n - 1 / invited
    return float(half_width * np.sqrt((drawn + answering) / planned))


def report_by(row: pd.Series, confidence: float) -> str:
    """Name the narrower formula of those whose intervals hold the truth as often as they say."""
    words = {"design": "own formula", "naive": "simple random formula"}
    honest = {
        formula: row[f"reported_{formula}_width"]
        for formula in words
        if confidence - WORST_SHORTFALL - row[f"reported_{formula}_coverage"]
        <= 2 * row[f"reported_{formula}_coverage_error"]
    }
    return words[min(honest, key=lambda formula: honest[formula])] if honest else "neither"


def n_for_margin(table: pd.DataFrame, margin: float, population: int) -> pd.Series:
    """Units for the margin, from the variance each design had at its n.

    The variance of a sample falls as ``(1 / n - 1 / N)``; the factor before it is the design's.
    """
    per_unit = table["half_width"] ** 2 / (1 / table["n"] - 1 / population)
    n = 1 / (margin**2 / per_unit + 1 / population)
    return np.ceil(n).astype(int)


def verdict(
    row: pd.Series, taken: pd.Series, margin: float, confidence: float, precise: bool
) -> str:
    """Why a design is taken or not, in a few words."""
    if row["design"] == taken["design"]:
        return "taken"
    reasons = []
    if not precise:
        reasons.append(f"misses the margin: ±{row['half_width']:.3g} instead of ±{margin:g}")
    if row["report_by"] == "neither":
        best = max(row["reported_naive_coverage"], row["reported_design_coverage"])
        reasons.append(f"its {confidence:.0%} interval is right in {best:.0%} of samples only")
    if not reasons and row["cost"] > taken["cost"] * (1 + SAME_COST):
        reasons.append(f"costs {row['cost'] / taken['cost'] - 1:.0%} more")
    if not reasons:
        reasons.append(f"less precise: ±{row['half_width']:.3g} against ±{taken['half_width']:.3g}")
    return "; ".join(reasons)
