"""The example company's in-depth study: one long questionnaire, drawn from a structural model.

What customers think are nine standardised constructs, tied together by known paths; an answer is
a construct seen through noise. Loyalty types and what customers feel about six features are drawn
beside them, so that path models, loyalty and Kano analyses can be compared with the truth.
"""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

RESPONDENTS = 240

MODERATION = "satisfaction * switching_cost"
# Between constructs of mean 0 and variance 1. The first twelve are those of the European index.
PATHS = pd.DataFrame(
    [
        ("image", "expectation", 0.50),
        ("expectation", "quality", 0.45),
        ("expectation", "value", 0.10),
        ("quality", "value", 0.55),
        ("image", "satisfaction", 0.25),
        ("expectation", "satisfaction", 0.00),
        ("quality", "satisfaction", 0.40),
        ("value", "satisfaction", 0.25),
        ("satisfaction", "complaints", 0.55),
        ("image", "loyalty", 0.15),
        ("satisfaction", "loyalty", 0.40),
        ("complaints", "loyalty", 0.05),
        ("satisfaction", "trust", 0.45),
        ("trust", "loyalty", 0.25),
        ("switching_cost", "loyalty", 0.25),
        (MODERATION, "loyalty", -0.30),
    ],
    columns=["from", "to", "coefficient"],
)
# Causes stand before what they act on.
CONSTRUCTS = [
    "image",
    "expectation",
    "quality",
    "value",
    "satisfaction",
    "complaints",
    "trust",
    "switching_cost",
    MODERATION,
    "loyalty",
]

# An answer is mean + SPREAD * (loading * construct + noise), the noise making the variance 1.
SPREAD = 1.7
QUESTIONS = pd.DataFrame(
    [
        ("image1", "image", "a supplier one can rely on", 7.3, 0.85),
        ("image2", "image", "known for fair dealing", 7.1, 0.80),
        ("image3", "image", "ahead of others in its trade", 6.4, 0.75),
        ("expectation1", "expectation", "product quality expected before buying", 7.5, 0.80),
        ("expectation2", "expectation", "reliability of delivery expected", 8.0, 0.80),
        ("expectation3", "expectation", "service expected", 7.3, 0.75),
        ("quality1", "quality", "product quality found", 7.5, 0.85),
        ("quality2", "quality", "reliability of delivery found", 6.6, 0.85),
        ("quality3", "quality", "service found", 7.5, 0.80),
        ("quality4", "quality", "clear and complete information found", 7.0, 0.80),
        ("value1", "value", "quality for the price paid", 6.7, 0.85),
        ("value2", "value", "price for the quality received", 6.5, 0.85),
        ("satisfaction1", "satisfaction", "satisfied on the whole", 7.1, 0.90),
        ("satisfaction2", "satisfaction", "as good as was expected", 6.8, 0.85),
        ("satisfaction3", "satisfaction", "near the ideal supplier", 6.2, 0.85),
        ("complaints", "complaints", "complaints are, or would be, handled well", 6.6, 0.85),
        ("switching_cost1", "switching_cost", "changing supplier would take much work", 5.8, 0.85),
        ("switching_cost2", "switching_cost", "changing supplier would cost much", 5.2, 0.80),
        ("trust1", "trust", "keeps its promises", 7.0, 0.85),
        ("trust2", "trust", "has our interest in mind", 6.3, 0.80),
        ("repurchase", "loyalty", "will buy here again", 6.2, 0.80),
        ("cross_buying", "loyalty", "will buy further product lines here", 6.0, 0.75),
        ("referral", "loyalty", "would speak for this supplier to others", 6.7, 0.85),
        ("price_tolerance", "loyalty", "would stay if prices rose by 5 %", 5.2, 0.70),
    ],
    columns=["item", "construct", "question", "mean", "loading"],
)

# Being attached leans on satisfaction and trust. Between those who are and those who are not, and
# between those who will buy again and those who will not, the answers have a gap.
ATTACHMENT = {"satisfaction": 0.40, "trust": 0.40}
WILL_BUY = 0.35
GAP = 2.0
MIDDLE = 5.5
SLOPE = 1.2
NOT_ATTACHED = {
    True: {"monopoly": 0.25, "inertia": 0.30, "convenience": 0.25, "incentive": 0.20},
    False: {"price": 0.60, "not loyal": 0.40},
}
# What holds a customer of a type. Mean and standard deviation: of the type, of all others.
REASONS = {
    "alternatives": ("monopoly", (2.0, 0.9), (7.0, 1.4)),
    "convenience": ("convenience", (8.6, 0.9), (4.2, 1.3)),
    "low_price": ("price", (8.6, 0.9), (4.2, 1.3)),
    "rewards": ("incentive", (8.6, 0.9), (3.8, 1.3)),
    "habit": ("inertia", (8.6, 0.9), (4.2, 1.3)),
}

MEAN_RECOMMEND = 7.2
SPREAD_RECOMMEND = 2.2
LOADING_RECOMMEND = 0.80
MISSING_ANSWERS = 0.015

# How customers feel about having and not having a feature: share of each category.
KANO = pd.DataFrame(
    [
        ("tracking", "parcels can be followed", "A", 0.58, 0.12, 0.05, 0.22, 0.02, 0.01),
        ("complete", "deliveries are complete", "M", 0.03, 0.19, 0.63, 0.14, 0.00, 0.01),
        ("speed", "delivery on the next day", "O", 0.12, 0.60, 0.17, 0.10, 0.00, 0.01),
        ("catalogue", "a printed catalogue", "I", 0.09, 0.02, 0.03, 0.77, 0.08, 0.01),
        ("calls", "a sales call every week", "R", 0.05, 0.01, 0.02, 0.29, 0.62, 0.01),
        ("advice", "advice on what to buy", "undecided", 0.34, 0.34, 0.08, 0.22, 0.01, 0.01),
    ],
    columns=["feature", "description", "category", "A", "O", "M", "I", "R", "Q"],
)
# What reports call the features.
FEATURES = {
    "tracking": "parcel tracking",
    "complete": "complete delivery",
    "speed": "next-day delivery",
    "catalogue": "printed catalogue",
    "calls": "sales calls",
    "advice": "buying advice",
}
# Answers with and without the feature that tell a category, with their chances;
# 1 like, 2 must be, 3 neutral, 4 live with, 5 dislike.
TOLD_BY = {
    "A": {(1, 2): 0.1, (1, 3): 0.6, (1, 4): 0.3},
    "O": {(1, 5): 1.0},
    "M": {(2, 5): 0.7, (3, 5): 0.25, (4, 5): 0.05},
    "I": {(2, 3): 0.1, (2, 4): 0.2, (3, 3): 0.4, (3, 4): 0.2, (4, 4): 0.1},
    "R": {(3, 1): 0.2, (4, 1): 0.2, (5, 1): 0.3, (5, 2): 0.1, (5, 3): 0.2},
    "Q": {(1, 1): 0.5, (5, 5): 0.5},
}

ANSWERS = [*QUESTIONS["item"], "attachment", *REASONS, "recommend"]


def study(
    random: Generator, customers: NDArray[np.object_], month: np.datetime64
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the study.

    Parameters
    ----------
    random
        Random numbers of this table's own.
    customers
        Numbers of the customers who can be asked.
    month
        Month of the study.

    Returns
    -------
    tuple of DataFrame
        The answers, one row per respondent, by date; and, by customer, their constructs and
        loyalty type: see the data dictionary.
    """
    asked = np.sort(random.choice(customers, RESPONDENTS, replace=False))
    day = np.sort(random.integers(0, 19, RESPONDENTS)) * np.timedelta64(1, "D")
    order = random.permutation(RESPONDENTS)
    construct = _constructs(random)
    answers = _construct_answers(random, construct)
    answers["repurchase"], will_buy = _divided(random, WILL_BUY + _standard(answers, "repurchase"))
    answers["attachment"], attached = _divided(random, _attachment(random, construct))
    loyalty_type = _types(random, attached, will_buy)
    for item, (held, of_type, of_others) in REASONS.items():
        mean, spread = np.where((loyalty_type == held)[:, None], of_type, of_others).T
        answers[item] = random.normal(mean, spread)
    answers = answers.round().clip(1, 10)
    answers["recommend"] = _recommend(random, construct)
    answers = answers[ANSWERS].mask(random.random((RESPONDENTS, len(ANSWERS))) < MISSING_ANSWERS)
    table = pd.concat([answers, _kano_answers(random)], axis=1)
    table.insert(0, "customer_id", asked[order])
    table.insert(1, "date", month.astype("datetime64[us]") + np.timedelta64(1, "D") + day)
    truth = construct.drop(columns=MODERATION).round(3)
    truth.insert(0, "customer_id", asked[order])
    truth.insert(1, "loyalty_type", loyalty_type)
    return (
        table.sort_values(["date", "customer_id"], ignore_index=True),
        truth.sort_values("customer_id", ignore_index=True),
    )


def codebook() -> pd.DataFrame:
    """Items of the constructs and, in a block of their own, the features of Kano's questions."""
    items = QUESTIONS[["item", "construct", "question"]].set_axis(
        ["item", "block", "label"], axis=1
    )
    features = pd.DataFrame(
        [(f"kano_{feature}_with", "kano", label) for feature, label in FEATURES.items()],
        columns=items.columns,
    )
    return pd.concat([items, features], ignore_index=True)


def explained_shares() -> pd.Series:
    """Share of the variance of each construct that the paths to it explain.

    The product of two independent constructs has variance 1 and is correlated with no construct.
    """
    covariance = pd.DataFrame(np.eye(len(CONSTRUCTS)), CONSTRUCTS, CONSTRUCTS)
    share = pd.Series(0.0, CONSTRUCTS)
    for construct in CONSTRUCTS:
        causes, weight = _causes(construct)
        with_others = pd.Series(weight @ covariance.loc[causes].to_numpy(), CONSTRUCTS)
        share[construct] = with_others[causes].to_numpy() @ weight
        covariance.loc[construct] = covariance[construct] = with_others
        covariance.loc[construct, construct] = 1.0
    return share


def _causes(construct: str) -> tuple[list[str], NDArray[np.float64]]:
    paths = PATHS[PATHS["to"] == construct]
    return list(paths["from"]), paths["coefficient"].to_numpy()


def _constructs(random: Generator) -> pd.DataFrame:
    """Draw the constructs of all respondents."""
    drawn = pd.DataFrame(index=range(RESPONDENTS))
    own = [construct for construct in CONSTRUCTS if construct != MODERATION]
    # So few draws would show other paths than the true ones: they are made to fit.
    noise = pd.DataFrame(_uncorrelated(random.normal(size=(RESPONDENTS, len(own)))), columns=own)
    left = np.sqrt(1 - explained_shares())
    for construct in CONSTRUCTS:
        if construct == MODERATION:
            drawn[construct] = drawn["satisfaction"] * drawn["switching_cost"]
            continue
        causes, weight = _causes(construct)
        drawn[construct] = drawn[causes].to_numpy() @ weight + left[construct] * noise[construct]
    return drawn


def _uncorrelated(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give columns of noise mean 0, variance 1 and no correlation."""
    centred = noise - noise.mean(axis=0)
    factor = np.linalg.cholesky(centred.T @ centred / len(noise))
    return np.linalg.solve(factor, centred.T).T


def _construct_answers(random: Generator, construct: pd.DataFrame) -> pd.DataFrame:
    noise = random.normal(size=(RESPONDENTS, len(QUESTIONS)))
    loading = QUESTIONS["loading"].to_numpy()
    seen = construct[QUESTIONS["construct"]].to_numpy() * loading
    seen += np.sqrt(1 - loading**2) * noise
    mean = QUESTIONS["mean"].to_numpy()
    return pd.DataFrame(mean + SPREAD * seen, columns=QUESTIONS["item"].tolist())


def _standard(answers: pd.DataFrame, item: str) -> NDArray[np.float64]:
    """Return answers as they were before mean and spread were put on."""
    mean = QUESTIONS.set_index("item")["mean"][item]
    return (answers[item].to_numpy() - mean) / SPREAD


def _attachment(random: Generator, construct: pd.DataFrame) -> NDArray[np.float64]:
    """Return how attached a customer is: attached above zero."""
    share = np.array(list(ATTACHMENT.values()))
    between = PATHS.set_index(["from", "to"]).loc[tuple(ATTACHMENT), "coefficient"]
    left = 1 - share @ share - 2 * share.prod() * between
    noise = random.normal(size=RESPONDENTS)
    return construct[list(ATTACHMENT)].to_numpy() @ share + np.sqrt(left) * noise


def _divided(
    random: Generator, score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return answers with a gap between those above and those below zero, and who is above."""
    above = score > 0
    answer = MIDDLE + GAP / 2 * np.where(above, 1, -1) + SLOPE * score
    return answer + random.normal(0, 0.3, len(score)), above


def _types(
    random: Generator, attached: NDArray[np.bool_], will_buy: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """Draw the loyalty types."""
    types = np.where(will_buy, "premium value", "latent").astype(object)
    for buys, shares in NOT_ATTACHED.items():
        drawn = random.choice(list(shares), RESPONDENTS, p=list(shares.values()))
        here = ~attached & (will_buy == buys)
        types[here] = drawn[here]
    return types


def _recommend(random: Generator, construct: pd.DataFrame) -> NDArray[np.float64]:
    """How likely a customer is to recommend the company, 0 to 10."""
    noise = np.sqrt(1 - LOADING_RECOMMEND**2) * random.normal(size=RESPONDENTS)
    seen = LOADING_RECOMMEND * construct["loyalty"].to_numpy() + noise
    return np.clip(np.round(MEAN_RECOMMEND + SPREAD_RECOMMEND * seen), 0, 10)


def _kano_answers(random: Generator) -> pd.DataFrame:
    answers = {}
    shares = KANO[list(TOLD_BY)].to_numpy()
    for feature, share in zip(KANO["feature"], shares, strict=True):
        chances = [
            (pair, of_category * chance)
            for pairs, of_category in zip(TOLD_BY.values(), share, strict=True)
            for pair, chance in pairs.items()
        ]
        drawn = random.choice(len(chances), RESPONDENTS, p=[chance for _, chance in chances])
        pairs = np.array([pair for pair, _ in chances])[drawn]
        for side, answer in zip(("with", "without"), pairs.T, strict=True):
            answers[f"kano_{feature}_{side}"] = answer
    return pd.DataFrame(answers)
