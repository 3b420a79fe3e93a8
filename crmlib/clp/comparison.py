"""Which forecast to believe: methods compared on the same customers, and how sure that is."""

import numpy as np
import pandas as pd

from crmlib.columns import Array
from crmlib.findings import listed
from crmlib.resampling import drawn_counts

REPLICATES = 2000
"""Bootstrap samples of the customers."""

SELDOM = 0.05
"""Share of the bootstrap samples in which a method must be best to be thought of as the best."""


def bootstrap_errors(squares: Array, counts: Array, random: np.random.Generator) -> Array:
    """Root mean square errors of all methods in bootstrap samples of the customers.

    Parameters
    ----------
    squares : ndarray, shape (customers, methods)
        Squared errors of a customer, summed over the origins.
    counts : ndarray, shape (customers,)
        Origins at which the customer was forecast.
    random : numpy.random.Generator

    Returns
    -------
    ndarray, shape (REPLICATES, methods)
        NaN where there is one customer only.
    """
    drawn = np.empty((REPLICATES, squares.shape[1] + 1))
    columns = np.column_stack([squares, counts])
    stratum = np.zeros(len(counts), dtype=np.int64)
    for row, times in zip(drawn, drawn_counts(stratum, REPLICATES, random), strict=True):
        row[:] = times @ columns
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(drawn[:, :-1] / drawn[:, -1:]))


def compare_methods(forecasts: pd.DataFrame, confidence: float, seed: int) -> pd.DataFrame:
    """Each method against the one with the smallest root mean square error.

    Parameters
    ----------
    forecasts : DataFrame
        A row a method, origin and customer: method, cut, customer_id, forecast, actual; every
        method has the same customers and origins.
    confidence : float
        Level at which all the differences together hold.
    seed : int

    Returns
    -------
    DataFrame
        A row a method, smallest error first: method, customers, rmse, difference (its error less
        the smallest), low, high (bootstrap interval of the difference, percentiles at the level
        Bonferroni asks of so many), probability_best (share of the bootstrap samples in which its
        error is the smallest, shared where several are), distinguishable (whether the interval
        lies above zero).

    Notes
    -----
    Customers are drawn, each with its errors at all origins and by all methods, so that what
    methods have in common cancels out and what origins of a customer share is kept.
    """
    squared = forecasts.assign(square=(forecasts["forecast"] - forecasts["actual"]) ** 2)
    by_customer = squared.pivot_table(
        index="customer_id", columns="method", values="square", aggfunc="sum", sort=True
    )
    one = forecasts[forecasts["method"] == by_customer.columns[0]]
    times = one.groupby("customer_id").size().reindex(by_customer.index)
    counts = np.asarray(times.to_numpy(), dtype=np.float64)
    squares = by_customer.to_numpy(dtype=float)
    rmse = np.sqrt(squares.sum(axis=0) / counts.sum())
    best = int(rmse.argmin())
    drawn = bootstrap_errors(squares, counts, np.random.default_rng(seed))
    tail = (1 - confidence) / 2 / max(len(rmse) - 1, 1)
    low, high = np.quantile(drawn - drawn[:, [best]], [tail, 1 - tail], axis=0)
    smallest = drawn == drawn.min(axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            "method": by_customer.columns.to_numpy(),
            "customers": len(counts),
            "rmse": rmse,
            "difference": rmse - rmse[best],
            "low": low,
            "high": high,
            "probability_best": chances(smallest),
            "distinguishable": low > 0,
        }
    )
    return table.sort_values("rmse", kind="stable", ignore_index=True)


def chances(smallest: np.ndarray) -> Array:
    """Share of samples in which each method is best; a sample shared by those that are equal."""
    ways = smallest.sum(axis=1, keepdims=True)
    if not ways.all():
        return np.full(smallest.shape[1], np.nan)
    return np.asarray((smallest / ways).mean(axis=0))


def choose_method(
    comparison: pd.DataFrame, table: pd.DataFrame, simple: tuple[str, ...]
) -> tuple[str, str]:
    """The method to use, and the sentences that say why.

    The methods that may be the best are those whose error cannot be told from the smallest and
    that have the smallest in 5 % of the bootstrap samples or more: one that is hardly ever the
    best is not kept because a few large customers make all differences uncertain. Of these it is
    the one whose totals were nearest to what came, on average over the origins.

    Parameters
    ----------
    comparison : DataFrame
        From `compare_methods`.
    table : DataFrame
        method and absolute_total_error_percent.
    simple : tuple of str
        Names of the methods that are simple rules.

    Returns
    -------
    tuple of str
        Name and reason.
    """
    first = str(comparison["method"].iloc[0])
    may_be = ~comparison["distinguishable"] & (comparison["probability_best"] >= SELDOM)
    alike = [first, *comparison.loc[may_be, "method"].drop(0, errors="ignore")]
    errors = table.set_index("method")["absolute_total_error_percent"][alike]
    best = str(errors.idxmin()) if errors.notna().any() else first
    sentences = [smallest_error(comparison), nearest_total(alike, best, errors)]
    sentences.append(about_simple_rules(comparison, simple))
    return best, " ".join(sentence for sentence in sentences if sentence)


def smallest_error(comparison: pd.DataFrame) -> str:
    """Which method has the smallest error, and how sure that is."""
    first = comparison.iloc[0]
    text = f'"{first["method"]}" has the smallest error per customer'
    if len(comparison) == 1:
        return f"{text}; it is the only method that ran at every origin."
    if np.isnan(first["probability_best"]):
        return f"{text}; with one customer nobody can say how sure that is."
    sure = f"{text}, also in {first['probability_best']:.0%} of samples drawn from the customers"
    if not comparison["distinguishable"].iloc[1:].all():
        return f"{sure}."
    return f"{sure}; every other method is worse by more than chance in the customers."


def nearest_total(alike: list[str], best: str, errors: pd.Series) -> str:
    """Which of the methods that may be best was chosen."""
    if len(alike) == 1:
        return ""
    others = listed([f'"{name}"' for name in alike[1:]])
    text = f"{others} may be as good."
    if errors.isna().all():
        return text
    return (
        f'{text} Of these {len(alike)}, "{best}" came nearest to the total: {errors[best]:.0f}% '
        "off on average."
    )


def about_simple_rules(comparison: pd.DataFrame, simple: tuple[str, ...]) -> str:
    """Which simple rules may be as good as the best model."""
    is_simple = comparison["method"].isin(simple)
    worse = comparison["distinguishable"]
    if is_simple.all() or not is_simple.any():
        return ""
    if is_simple.iloc[0]:
        return f'No model does better than the simple rule "{comparison["method"].iloc[0]}".'
    if worse.iloc[1:].all():
        return ""  # said of every method already
    alike = comparison.loc[is_simple & ~worse, "method"].to_list()
    if not alike:
        return "All simple rules are worse by more than chance in the customers."
    names = listed([f'"{name}"' for name in alike])
    noun = "rule" if len(alike) == 1 else "rules"
    return f"That it does better than the simple {noun} {names} may be chance."
