"""Seven kinds of loyalty: why customers stay, told from what they answer, by stated rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.columns import Array, column_of
from crmlib.errors import InputError
from crmlib.satisfaction.answers import (
    checked_columns,
    checked_scale,
    on_scale,
    refuse_repeated,
)
from crmlib.satisfaction.loyalty import mean_of_answered
from crmlib.satisfaction.scores import respondents_of

QUESTIONS = (
    "attachment",
    "repurchase",
    "alternatives",
    "incentive",
    "convenience",
    "habit",
    "price",
)

HIGH, LOW, ANY = "high", "low", ""

RULES = pd.DataFrame(
    [
        ("premium value", HIGH, HIGH, ANY, ANY, ANY, ANY, ANY),
        ("latent", HIGH, LOW, ANY, ANY, ANY, ANY, ANY),
        ("unclear", LOW, HIGH, LOW, ANY, ANY, ANY, HIGH),
        ("monopoly", LOW, HIGH, LOW, ANY, ANY, ANY, ANY),
        ("incentive", LOW, HIGH, ANY, HIGH, ANY, ANY, ANY),
        ("convenience", LOW, HIGH, ANY, ANY, HIGH, ANY, ANY),
        ("inertia", LOW, HIGH, ANY, ANY, ANY, HIGH, ANY),
        ("price", LOW, ANY, ANY, ANY, ANY, ANY, HIGH),
        ("not loyal", LOW, LOW, ANY, ANY, ANY, ANY, ANY),
    ],
    columns=["type", *QUESTIONS],
)
"""What a customer must answer to be of a type; the first rule that fits decides.

Customers who are held by nothing but a monopoly and yet look for the cheapest contradict
themselves. Those whom no rule fits, and those for whom an answer is missing that would decide,
are unclear.
"""

UNCLEAR = "unclear"

HELD = ("monopoly", "incentive", "convenience", "inertia")
"""Types that buy again without being attached."""

TYPES = (
    "premium value",
    "latent",
    "monopoly",
    "incentive",
    "convenience",
    "inertia",
    "price",
    "not loyal",
    UNCLEAR,
)
"""The kinds in the order of the rules; last, those whom no rule fits."""


@dataclass(frozen=True, eq=False)
class LoyaltyTypes:
    """What `loyalty_types` found.

    Attributes
    ----------
    customers : DataFrame
        One row a row of the table given, under its index: the column ``respondent`` if there is
        one, type, reason (what decided).
    summary : DataFrame
        One row a type, also those that nobody is of: type, customers, n (in all), n_effective,
        share, low, high.
    rules : DataFrame
        `RULES`, with the answers that count as high and low.
    notes : tuple of str
    """

    customers: pd.DataFrame
    summary: pd.DataFrame
    rules: pd.DataFrame
    notes: tuple[str, ...]


def loyalty_types(
    responses: pd.DataFrame,
    *,
    attachment: str | Sequence[str],
    repurchase: str | Sequence[str],
    alternatives: str,
    convenience: str,
    price: str,
    incentive: str,
    habit: str,
    weights: str | None = None,
    strata: str | None = None,
    clusters: str | None = None,
    respondent: str | None = None,
    scale: tuple[float, float] = (1, 10),
    high: float = 7,
    low: float = 4,
    confidence: float = 0.95,
) -> LoyaltyTypes:
    """Sort customers into seven kinds of loyalty by how attached they are and why they come back.

    Parameters
    ----------
    responses : DataFrame
        One row a respondent; all answers on one scale.
    attachment, repurchase : str or sequence of str
        How attached the customer feels, and whether it will buy again; of several columns the
        mean of those answered is taken, if at least half were.
    alternatives : str
        How many other suppliers could serve the customer; low is few or none.
    convenience, price, incentive, habit : str
        How far the customer comes because it is convenient, because it is cheapest, for rewards,
        out of habit.
    weights, strata, clusters : str, optional
        Columns with the design weight, the stratum and the cluster (first stage) of a respondent.
    respondent : str, optional
        Column that tells respondents apart; nobody may answer twice.
    scale : (float, float)
        Lowest and highest answer there can be.
    high, low : float
        Answers from ``high`` up count as high, down from ``low`` as low; between them a rule does
        not fit.
    confidence : float
        Level of the intervals.

    Returns
    -------
    LoyaltyTypes
        The types, in the order of `TYPES`:

        - premium value (超值忠诚): attached, and buys again;
        - latent (潜在忠诚): attached, but will not or cannot buy again;
        - monopoly (垄断忠诚): buys again because there is nobody else;
        - incentive (激励忠诚): buys again for the rewards;
        - convenience (方便忠诚): buys again because it is at hand;
        - inertia (惰性忠诚): buys again out of habit;
        - price (价格忠诚): buys wherever it is cheapest;
        - not loyal: neither attached nor buying again, for no reason asked about;
        - unclear.

    Raises
    ------
    InputError
        A column is missing, holds text, no answers or answers outside the scale; ``low`` is not
        below ``high`` or they leave the scale; somebody answered twice; weights or design cannot
        be used; fewer than ten respondents count.

    Notes
    -----
    The kinds are those of Sindell (2000), who describes them by attachment and repeated purchase;
    the rules (`RULES`) and the limits are conventions, so look whether shares hold when the
    limits move. Customers held by several reasons go by the first rule, and the notes count them.
    Every respondent with a weight above zero counts in the shares; intervals are Wilson's, each
    of a single share (`Respondents.share`).
    """
    bottom, top = checked_scale(scale)
    if not bottom <= low < high <= top:
        raise InputError(
            f"high={high}, low={low}: low must be below high and both on the scale from "
            f"{bottom:g} to {top:g}."
        )
    if respondent is not None:
        refuse_repeated(responses, respondent)
    columns = {
        "attachment": attachment,
        "repurchase": repurchase,
        "alternatives": alternatives,
        "incentive": incentive,
        "convenience": convenience,
        "habit": habit,
        "price": price,
    }
    scores = {
        question: score_of(responses, given, bottom, top) for question, given in columns.items()
    }
    people = respondents_of(responses, weights, strata, clusters, confidence)
    fits = rule_fits(scores, high, low)
    types = types_by_rule(fits)
    customers = pd.DataFrame(
        {"type": types, "reason": reasons_of(fits, scores, high, low)}, index=responses.index
    )
    if respondent is not None:
        customers.insert(0, respondent, column_of(responses, respondent))
    everybody = np.ones(len(people.rows), dtype=bool)
    rows = []
    for name in TYPES:
        inside = types[people.rows] == name
        share = people.share(inside, everybody)
        row = {"type": name, "customers": int(inside.sum()), "n": len(people.rows)}
        row |= {"n_effective": people.weights.sum() ** 2 / (people.weights**2).sum()}
        rows.append(row | {"share": share.value, "low": share.low, "high": share.high})
    return LoyaltyTypes(
        customers=customers,
        summary=pd.DataFrame(rows),
        rules=RULES.replace({HIGH: f"{high:g} or more", LOW: f"{low:g} or less"}),
        notes=tuple(notes_on_types(fits, types, people.is_idle)),
    )


def score_of(
    responses: pd.DataFrame, columns: str | Sequence[str], low: float, high: float
) -> Array:
    """Answer of each respondent, or the mean of several answers."""
    names = checked_columns(responses, [columns] if isinstance(columns, str) else columns, None)
    values = np.column_stack([on_scale(responses, name, low, high) for name in names])
    return mean_of_answered(values)


def rule_fits(scores: dict[str, Array], high: float, low: float) -> Array:
    """Whether each rule fits each respondent: 1 yes, 0 no, NaN where an answer is missing for it.

    Parameters
    ----------
    scores : dict of str to ndarray, shape (n,)
        Answers to each of `QUESTIONS`.
    high, low : float

    Returns
    -------
    ndarray, shape (rules, n)
        A rule that one answer contradicts does not fit, whatever the missing ones would be.
    """
    fits = np.ones((len(RULES), len(scores["attachment"])))
    for question, score in scores.items():
        for k, wanted in enumerate(RULES[question]):
            if wanted == ANY:
                continue
            met = np.where(score >= high, 1.0, 0.0) if wanted == HIGH else (score <= low) * 1.0
            met = np.where(np.isnan(score), np.nan, met)
            # Not met beats missing, missing beats met.
            fits[k] = np.where((fits[k] == 0) | (met == 0), 0.0, fits[k] * met)
    return fits


def types_by_rule(fits: Array) -> NDArray[np.object_]:
    """Type by the first rule that is not ruled out: unclear where that cannot be said to fit."""
    first = np.argmax(fits != 0, axis=0)
    met = np.take_along_axis(fits, first[None], axis=0)[0]
    return np.where(met == 1, RULES["type"].to_numpy(dtype=object)[first], UNCLEAR)


def reasons_of(
    fits: Array, scores: dict[str, Array], high: float, low: float
) -> NDArray[np.object_]:
    """What decided on each respondent, in words."""
    first = np.argmax(fits != 0, axis=0)
    met = np.take_along_axis(fits, first[None], axis=0)[0]
    words = RULES.apply(rule_words, axis=1).to_numpy(dtype=object)[first]
    between = {
        question: (scores[question] > low) & (scores[question] < high)
        for question in ("attachment", "repurchase")
    }
    unknown = pd.DataFrame({question: np.isnan(score) for question, score in scores.items()})
    missing = unknown.apply(lambda row: f"no answer: {', '.join(row.index[row])}", axis=1)
    return np.select(
        [met == 1, np.isnan(met), between["attachment"], between["repurchase"]],
        [
            words,
            missing.to_numpy(dtype=object),
            "attachment is neither high nor low",
            "repurchase is neither high nor low",
        ],
        "buys again, though neither attached nor held by anything asked about",
    )


def rule_words(rule: pd.Series) -> str:
    """Write a rule: attachment low, repurchase high, habit high."""
    words = ", ".join(f"{question} {rule[question]}" for question in QUESTIONS if rule[question])
    return f"contradiction: {words}" if rule["type"] == UNCLEAR else words


def notes_on_types(
    fits: Array, types: NDArray[np.object_], is_idle: NDArray[np.bool_]
) -> list[str]:
    """How many customers the order of the rules decides on, and how many it leaves open."""
    notes = []
    several = int(((fits[RULES["type"].isin(HELD).to_numpy()] == 1).sum(axis=0) > 1).sum())
    if several:
        notes.append(
            f"{several:,} of {len(types):,} customers are held by more than one reason; the order "
            "of the rules decides."
        )
    unclear = int((types == UNCLEAR).sum())
    if 2 * unclear > len(types):
        notes.append(
            f"{unclear:,} of {len(types):,} customers are unclear: the limits, or the questions, "
            "do not suit these answers."
        )
    if is_idle.any():
        notes.append(
            f"{is_idle.sum():,} customers have a weight of zero and no part in the shares."
        )
    return notes
