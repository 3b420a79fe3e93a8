"""What a reader must be told about the answers: those missing, and clusters that are too few."""

import numpy as np

from crmlib.findings import counted
from crmlib.satisfaction.answers import Answers, Missing
from crmlib.satisfaction.moments import IMPUTATIONS

FEWEST_CLUSTERS = 9
"""Clusters, less the strata, from which resamples can be trusted: those of ten respondents."""

MISSING_WORDS = {
    "em": "means and correlations allow for them by the EM algorithm",
    "impute": f"they were imputed {IMPUTATIONS} times from the answers given",
    "complete": (
        "{n:,} respondents who left out an answer are not counted: the result speaks only for "
        "those who answered everything."
    ),
}


def missing_notes(answers: Answers, missing: Missing) -> list[str]:
    """How many answers are missing and what was done about them."""
    gaps = np.isnan(answers.values)
    if missing == "complete":
        gone = answers.left_out.set_index("reason")["rows"].get("an answer missing", 0)
        return [MISSING_WORDS["complete"].format(n=gone)] if gone else []
    if not gaps.any():
        return []
    people = f"{gaps.any(axis=1).sum():,} of {counted(answers.n, 'respondent')}"
    return [f"{people} left out {counted(int(gaps.sum()), 'answer')}; {MISSING_WORDS[missing]}."]


def free_clusters(answers: Answers) -> int:
    """Clusters that can vary: their number less that of strata."""
    return int(answers.cluster.max() - answers.stratum.max())


def has_few_clusters(answers: Answers) -> bool:
    """Whether there are too few clusters for resamples to show how far estimates vary."""
    return free_clusters(answers) < FEWEST_CLUSTERS


def clusters_counted(answers: Answers) -> str:
    """Number of clusters, and of strata where there are several."""
    strata = answers.stratum.max() + 1
    return f"{answers.cluster.max() + 1} clusters" + (f" in {strata} strata" if strata > 1 else "")


def few_clusters_notes(answers: Answers) -> list[str]:
    """Say that there are too few clusters for intervals, if so."""
    if not has_few_clusters(answers):
        return []
    return [
        f"Intervals cannot be given: samples drawn again from {clusters_counted(answers)} do not "
        "show how far estimates vary."
    ]


def wide_interval_notes(answers: Answers) -> list[str]:
    """Say that intervals of the index lean on Student's t, if there are few clusters."""
    if not has_few_clusters(answers):
        return []
    return [
        f"With only {clusters_counted(answers)}, intervals of the index are its standard error "
        "times Student's t. They hold somewhat less often than they say: in simulations 95% "
        "intervals from 3 to 5 clusters held the truth in 91% of samples."
    ]
