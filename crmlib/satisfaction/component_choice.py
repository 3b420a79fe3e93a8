"""How many components to keep: what the usual rules say of the same answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlib.satisfaction.answers import Missing, answers_of, check_missing
from crmlib.satisfaction.choice import (
    Rule,
    choose_components,
    cross_validated_errors,
    path_of,
)
from crmlib.satisfaction.components import eigen_components, weak_gap
from crmlib.satisfaction.moments import FOLDS, sample_moments

RULES: dict[str, Rule] = {"cv": "cv", "kaiser": "kaiser", "85% of variance": 0.85}
"""Names of the rules and what `drivers` calls them."""


@dataclass(frozen=True, eq=False)
class ComponentChoice:
    """Numbers of components by rule.

    Attributes
    ----------
    table : DataFrame
        components (0 to p), eigenvalue (of the last one kept), variance_share (of all kept
        together), mean_squared_error (of foretelling the overall score of people not used for the
        fit, 10-fold cross-validation, ten times over), standard_error.
    rules : dict of str to int
        Number of components by cross-validation ("cv"), Kaiser's rule and the 85 % rule.
    notes : tuple of str
        Where a rule cuts between components that could change places.
    """

    table: pd.DataFrame
    rules: dict[str, int]
    notes: tuple[str, ...]


def component_choice(
    responses: pd.DataFrame,
    items: Sequence[str],
    overall: str,
    *,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    missing: Missing = "em",
    seed: int,
) -> ComponentChoice:
    """Number of components for principal component regression by the three usual rules.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent.
    items : sequence of str
        Columns with the answers to the items.
    overall : str
        Column with the overall score.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the first-stage cluster. Folds are drawn
        over clusters within strata.
    respondent : str, optional
        Column that tells respondents apart.
    scale : (float, float)
        Lowest and highest answer there can be.
    missing : {"em", "impute", "complete"}
        What is done about missing answers, as in `resampled_moments`.
    seed : int
        Of the imputation, where answers are missing; nothing else here is drawn.

    Returns
    -------
    ComponentChoice

    Raises
    ------
    InputError
        A column or answer cannot be used (`answers_of`).
    """
    check_missing(missing)
    answers = answers_of(
        responses,
        items,
        overall,
        weights=weights,
        strata=strata,
        clusters=clusters,
        respondent=respondent,
        scale=scale,
        complete=missing == "complete",
    )
    moments = sample_moments(answers, seed, folds=FOLDS, missing=missing)
    assert moments.repeats is not None
    correlations, folds = moments.correlation, moments.repeats[None]
    path = path_of("pcr", len(items))
    error, standard_error = cross_validated_errors(folds, path)
    eigenvalues = eigen_components(correlations[0, :-1, :-1])[0]
    rules = {
        name: int(choose_components(rule, correlations, folds, path)[0][0])
        for name, rule in RULES.items()
    }
    table = pd.DataFrame(
        {
            "components": np.arange(len(items) + 1),
            "eigenvalue": [np.nan, *eigenvalues],
            "variance_share": [0.0, *np.cumsum(eigenvalues) / eigenvalues.sum()],
            "mean_squared_error": error[0],
            "standard_error": standard_error[0],
        }
    )
    gaps = (weak_gap(eigenvalues, k, answers.n_effective) for k in sorted(set(rules.values())))
    return ComponentChoice(table=table, rules=rules, notes=tuple(filter(None, gaps)))
