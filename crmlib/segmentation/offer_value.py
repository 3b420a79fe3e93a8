"""What a plan of offers brings, with an interval, and without the winner's curse."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import betaln, expit
from scipy.stats import beta as beta_distribution

from crmlib.columns import Array, column_of, listed, numbers_of, rows_named
from crmlib.errors import InputError

NODES = 41
"""Values of mean and of strength that a grid has."""

COUNTS = ["events", "trials"]

AT_ONCE = 1000
"""Chances that are drawn together."""

QUANTILES = 200
"""Points at which the distribution of a chance is looked at for a mean over it."""


def extra_purchases(chance: Any, uplift: float) -> Any:
    """Chance that somebody buys because of an offer, who would not have bought without it.

    Parameters
    ----------
    chance : float or ndarray
        Chance p that the customer buys without an offer.
    uplift : float
        By how much an offer raises the odds of buying: 0.3 makes odds of 1 to 4 those of 1.3 to 4.

    Returns
    -------
    float or ndarray

    Notes
    -----
    The odds p / (1 - p) are multiplied by 1 + u, so that the chance becomes p (1 + u) / (1 + u p),
    and of this only what is above p counts:

        u p (1 - p) / (1 + u p)

    Nothing where nobody is interested and nothing where everybody buys anyway. What u is, no
    table of purchases can tell: only a trial in which some get no offer, chosen by lot.
    """
    return uplift * chance * (1 - chance) / (1 + uplift * chance)


def shrunken_shares(events: Array, trials: Array) -> tuple[Array, Array]:
    """What shares seen in few cases are likely to be, given all shares of their kind.

    Parameters
    ----------
    events, trials : ndarray, shape (n,)
        How often it happened, of how many times; neither need be whole.

    Returns
    -------
    alpha, beta : ndarray, shape (n,)
        Of the beta distribution of each share: alpha / (alpha + beta) is its mean.

    Notes
    -----
    Shares are taken to come from one beta distribution of mean m and strength s, both unknown,
    with prior density s^(-3/2) (Gelman et al. 2013, section 5.3). Given them a share has the mean
    (s m + events) / (s + trials): it is drawn towards the others, the more, the fewer cases it
    stands on. Mean and variance are taken over a grid of m and s, and a beta distribution that
    has both is returned. The best of many shares looks better than it is; chosen by these means,
    a plan is not overrated for having been chosen (Efron 2011). Checked against the rat tumours
    of Gelman et al. and by simulation with known shares.
    """
    pairs, which = different_rows(events, trials)
    times = np.bincount(which)
    mean, strength, weight = prior_of_shares(pairs[:, 0], pairs[:, 1], times)
    expected, square = np.empty(len(pairs)), np.empty(len(pairs))
    for i, (seen, of) in enumerate(pairs):
        share = (strength * mean + seen) / (strength + of)
        variance = share * (1 - share) / (strength + of + 1)
        expected[i] = weight @ share
        square[i] = weight @ (variance + share**2)
    size = expected * (1 - expected) / np.maximum(square - expected**2, 1e-15) - 1
    return (size * expected)[which], (size * (1 - expected))[which]


def different_rows(*columns: Array) -> tuple[Array, NDArray[np.int64]]:
    """The different rows of columns in rising order, and which of them every row is.

    As ``np.unique`` with an axis, which sorts all rows where this sorts the different ones.
    """
    names = [str(number) for number in range(len(columns))]
    rows = pd.DataFrame(dict(zip(names, columns, strict=True)))
    which = np.asarray(rows.groupby(names).ngroup(), dtype=np.int64)
    kinds: Array = rows.drop_duplicates().sort_values(names).to_numpy(dtype=np.float64)
    return kinds, which


def prior_of_shares(
    events: Array, trials: Array, times: NDArray[np.int64]
) -> tuple[Array, Array, Array]:
    """What the distribution that shares come from is likely to be, on a grid.

    Parameters
    ----------
    events, trials : ndarray, shape (n,)
    times : ndarray of int, shape (n,)
        How many shares have these counts.

    Returns
    -------
    mean, strength, weight : ndarray, shape (nodes,)
        Weights add up to 1.
    """
    # logit of the mean, log of the strength; the grid is drawn in around what is likely.
    low, high = np.array([-9.0, -2.0]), np.array([9.0, 11.0])
    for _ in range(4):
        axes = [np.linspace(low[i], high[i], NODES) for i in range(2)]
        logit, log_strength = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
        mean, strength = expit(logit), np.exp(log_strength)
        a, b = strength * mean, strength * (1 - mean)
        # Density s^(-3/2) of m and s, per step of logit and logarithm.
        likely = np.log(mean) + np.log1p(-mean) - log_strength / 2
        for seen, of, copies in zip(events, trials, times, strict=True):
            likely += copies * (betaln(a + seen, b + of - seen) - betaln(a, b))
        weight = np.exp(likely - likely.max())
        near = weight > 1e-7
        step = (high - low) / (NODES - 1)
        for i, axis in enumerate((logit, log_strength)):
            low[i], high[i] = axis[near].min() - step[i], axis[near].max() + step[i]
    return mean, strength, weight / weight.sum()


def at_odds(chance: Any, odds_ratio: Any) -> Any:
    """Chance whose odds are so many times those of another: r p / (1 - p + r p)."""
    return odds_ratio * chance / (1 - chance + odds_ratio * chance)


def mean_extra(alpha: Array, beta: Array, odds_ratio: Array, uplift: float) -> Array:
    """Mean of `extra_purchases` over beta distributions of the chance.

    Parameters
    ----------
    alpha, beta, odds_ratio : ndarray, shape (n,)
        The chance has odds so many times those of one with this distribution.
    uplift : float

    Returns
    -------
    ndarray, shape (n,)
    """
    kinds, which = different_rows(alpha, beta, odds_ratio)
    points = (np.arange(QUANTILES) + 0.5) / QUANTILES
    means = np.empty(len(kinds))
    for start in range(0, len(kinds), 10_000):
        a, b, ratio = kinds[start : start + 10_000].T
        chance = at_odds(beta_distribution.ppf(points[:, None], a, b), ratio)
        means[start : start + 10_000] = extra_purchases(chance, uplift).mean(axis=0)
    return means[which]


def offer_gains(pairs: pd.DataFrame, *, uplift: float) -> pd.DataFrame:
    """Expected gain of every offer to every customer, on what would not be bought anyway.

    Parameters
    ----------
    pairs : DataFrame
        One row per customer and offer: customer_id, offer; rule (what its chance was found by:
        rows of one rule share it), events, trials (times the rule was followed by a purchase, of
        how many); kind (rules of one kind are alike, and their shares are shrunken together);
        odds_ratio (odds of this customer as a multiple of those of the rule, 1 where they are
        the same); margin (profit of one purchase).
    uplift : float
        See `extra_purchases`.

    Returns
    -------
    DataFrame
        pairs and chance (of buying without the offer), extra (chance of buying because of it),
        gain (margin times extra), and gain_as_counted (from events / trials, not shrunken).

    Raises
    ------
    InputError
        A column is not there, a number is missing or not possible.
    """
    check_uplift(uplift)
    found = checked_pairs(pairs)
    place, _ = pd.factorize(found["rule"])
    rules = found.loc[~pd.Series(place).duplicated().to_numpy(), ["kind", *COUNTS]]
    rules = rules.reset_index(drop=True)
    shrunken = np.empty((2, len(rules)))
    for rows in rules.groupby("kind", sort=False).indices.values():
        events, trials = (rules[name].to_numpy(dtype=float)[rows] for name in COUNTS)
        shrunken[:, rows] = shrunken_shares(events, trials)
    alpha, beta = shrunken[:, place]
    ratio = found["odds_ratio"].to_numpy(dtype=float)
    found["chance"] = at_odds(alpha / (alpha + beta), ratio)
    found["extra"] = mean_extra(alpha, beta, ratio, uplift)
    found["gain"] = found["margin"] * found["extra"]
    counted = at_odds(found["events"] / found["trials"].where(found["trials"] > 0, 1.0), ratio)
    found["gain_as_counted"] = found["margin"] * extra_purchases(counted, uplift)
    return found


def checked_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Customers and offers with counts and margins that can be."""
    if pairs.empty:
        raise InputError("There is no customer and offer to look at.")
    found = pairs.reset_index(drop=True).copy()
    for name in ("customer_id", "offer", "rule", "kind"):
        column_of(found, name)
    for name in (*COUNTS, "odds_ratio", "margin"):
        found[name] = numbers_of(found, name, "numbers")
    events, trials = found["events"], found["trials"]
    good = (events >= 0) & (events <= trials * (1 + 1e-12)) & (found["odds_ratio"] >= 0)
    finite = np.isfinite(found[["trials", "margin", "odds_ratio"]].to_numpy()).all(axis=1)
    wrong = np.flatnonzero(~(good.to_numpy() & finite))
    if len(wrong):
        raise InputError(
            "events must be 0 or more and at most trials, and no number may be missing; "
            f"{rows_named(pairs, wrong)}."
        )
    found["events"] = np.minimum(events, trials)
    return found


def check_uplift(uplift: float) -> None:
    """Refuse what is no uplift."""
    if not (uplift >= 0 and np.isfinite(uplift)):
        raise InputError(
            f"uplift={uplift:g} must be 0 or more: 0.3 raises the odds of buying by 30 %."
        )


def plan_values(
    gains: pd.DataFrame,
    plans: Mapping[str, pd.DataFrame],
    *,
    uplift: float,
    confidence: float = 0.95,
    replicates: int = 2000,
    seed: int = 1,
) -> pd.DataFrame:
    """What plans of offers bring, each with an interval, and the first against every other.

    Parameters
    ----------
    gains : DataFrame
        From `offer_gains`.
    plans : mapping of str to DataFrame
        Plans by name, such as `OfferPlan.offers`: customer_id, offer, cost. The others are
        compared with the first.
    uplift : float
        As in `offer_gains`.
    confidence : float
    replicates : int
        Draws of the chances.
    seed : int

    Returns
    -------
    DataFrame
        One row per plan: plan, offers, cost, net_gain with low and high; as_counted (net gain by
        shares that are not shrunken: too high for a plan that was chosen by them); advantage (of
        the first plan over this one) with advantage_low and advantage_high, and better_share
        (draws in which the first plan brings more).

    Notes
    -----
    Chances are drawn anew, one for every rule, so that all customers an error touches move
    together: first the distribution that the rules of a kind come from, then the chances. The
    interval holds what is not known about the chances; neither what is assumed, the uplift, nor
    the margins.
    """
    check_uplift(uplift)
    # Rows with the same rule and odds have the same chance in every draw.
    alike = gains.groupby(["rule", "odds_ratio"], sort=False).ngroup().to_numpy()
    variants = gains.loc[~pd.Series(alike).duplicated().to_numpy()].reset_index(drop=True)
    place = pd.MultiIndex.from_frame(gains[["customer_id", "offer"]])
    weights, rows = np.zeros((len(variants), len(plans))), []
    for column, (name, plan) in enumerate(plans.items()):
        at = place.get_indexer(pd.MultiIndex.from_frame(plan[["customer_id", "offer"]]))
        if (at < 0).any():
            raise InputError(f"The plan {name} makes offers that have no expected gain.")
        chosen = gains.iloc[at]
        weights[:, column] = np.bincount(
            alike[at], weights=chosen["margin"].to_numpy(dtype=float), minlength=len(variants)
        )
        cost = float(plan["cost"].sum())
        rows.append(
            {
                "plan": name,
                "offers": len(plan),
                "cost": cost,
                "net_gain": float(chosen["gain"].sum()) - cost,
                "as_counted": float(chosen["gain_as_counted"].sum()) - cost,
            }
        )
    found = pd.DataFrame(rows)
    drawn = _drawn_gains(variants, weights, uplift, replicates, seed) - found["cost"].to_numpy()
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    found["low"], found["high"] = np.quantile(drawn, tails, axis=0)
    ahead = drawn[:, :1] - drawn
    found["advantage"] = found["net_gain"].iloc[0] - found["net_gain"]
    found["advantage_low"], found["advantage_high"] = np.quantile(ahead, tails, axis=0)
    found["better_share"] = (ahead > 0).mean(axis=0)
    return found


def _drawn_gains(
    variants: pd.DataFrame, weights: Array, uplift: float, replicates: int, seed: int
) -> Array:
    """Gains of plans, shape (replicates, plans), with chances drawn anew."""
    random = np.random.default_rng(seed)
    gains = np.zeros((replicates, weights.shape[1]))
    used = (weights != 0).any(axis=1)
    for _, of_kind in variants.groupby("kind", sort=False):
        rules = of_kind.drop_duplicates("rule")
        events, trials = (rules[name].to_numpy(dtype=float) for name in COUNTS)
        counts, times = np.unique(np.column_stack([events, trials]), axis=0, return_counts=True)
        mean, strength, weight = prior_of_shares(counts[:, 0], counts[:, 1], times)
        # One prior for all rules in a draw: what is not known of it, is not known of all.
        node = random.choice(len(weight), size=replicates, p=weight)
        a, b = strength[node] * mean[node], strength[node] * (1 - mean[node])
        needed = of_kind[used[of_kind.index]].sort_values("rule", kind="stable")
        for _, part in needed.groupby(np.arange(len(needed)) // AT_ONCE):
            code = pd.factorize(part["rule"])[0]
            seen, of = (part.drop_duplicates("rule")[name].to_numpy(dtype=float) for name in COUNTS)
            chance = random.beta(a[:, None] + seen, b[:, None] + of - seen)[:, code]
            chance = at_odds(chance, part["odds_ratio"].to_numpy(dtype=float))
            gains += extra_purchases(chance, uplift) @ weights[part.index]
    return gains


def best_score_first(
    gains: pd.DataFrame, costs: Mapping[str, float] | float, budget: float, contacts: int = 1
) -> pd.DataFrame:
    """The simple rule: the offers that bring most first, until the money is gone.

    Parameters
    ----------
    gains : DataFrame
        customer_id, offer, gain.
    costs : mapping of offer to float, or float
    budget : float
    contacts : int
        Offers that one customer gets at most.

    Returns
    -------
    DataFrame
        customer_id, offer, gain, cost, net_gain. It looks at what an offer brings and not at what
        it costs, stops at the first that cannot be paid, and knows no volumes.
    """
    table = _with_costs(gains, costs)
    table = table[table["net_gain"] > 0]
    table = table.sort_values(["gain", "customer_id", "offer"], ascending=[False, True, True])
    table = table[table.groupby("customer_id").cumcount() < contacts]
    return _while_paid(table, budget)


def one_offer_to_largest(
    gains: pd.DataFrame,
    costs: Mapping[str, float] | float,
    budget: float,
    worth: "pd.Series[Any]",
) -> pd.DataFrame:
    """The other simple rule: the best offer of all to the largest customers.

    Parameters
    ----------
    gains : DataFrame
        customer_id, offer, gain.
    costs : mapping of offer to float, or float
    budget : float
    worth : Series
        What customers are ordered by, such as their revenue, by customer_id.

    Returns
    -------
    DataFrame
        customer_id, offer, gain, cost, net_gain. The offer is the one that brings most on
        average; customers that it cannot be made to are passed over.
    """
    table = _with_costs(gains, costs)
    offer = table.groupby("offer")["net_gain"].mean().idxmax()
    table = table[table["offer"] == offer]
    missing = table.loc[~table["customer_id"].isin(worth.index), "customer_id"]
    if len(missing):
        raise InputError(f"What customer {listed(missing)} is worth is not given.")
    table = table.assign(worth=worth.loc[table["customer_id"]].to_numpy())
    table = table.sort_values(["worth", "customer_id"], ascending=[False, True])
    return _while_paid(table.drop(columns="worth"), budget)


def _with_costs(gains: pd.DataFrame, costs: Mapping[str, float] | float) -> pd.DataFrame:
    table = gains[["customer_id", "offer", "gain"]].copy()
    table["cost"] = table["offer"].map(dict(costs)) if isinstance(costs, Mapping) else float(costs)
    table["net_gain"] = table["gain"] - table["cost"]
    return table


def _while_paid(table: pd.DataFrame, budget: float) -> pd.DataFrame:
    paid = (table["cost"].cumsum() <= budget * (1 + 1e-12)).to_numpy()
    return table[np.logical_and.accumulate(paid)].reset_index(drop=True)


def pays_from(gains: pd.DataFrame, plan: pd.DataFrame) -> float:
    """Uplift from which on a plan brings more than it costs.

    Parameters
    ----------
    gains : DataFrame
        From `offer_gains`.
    plan : DataFrame
        customer_id, offer, cost.

    Returns
    -------
    float
        NaN where no uplift up to 100 does, or the plan is empty. At the mean chances.
    """
    chosen = gains.merge(plan[["customer_id", "offer"]], on=["customer_id", "offer"])
    cost = float(plan["cost"].sum())

    def net(uplift: float) -> float:
        return float((chosen["margin"] * extra_purchases(chosen["chance"], uplift)).sum()) - cost

    if plan.empty or net(100.0) < 0:
        return float("nan")
    return 0.0 if cost <= 0 else float(brentq(net, 0.0, 100.0))
