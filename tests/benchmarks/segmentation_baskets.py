"""Basket rules beside mlxtend and alone on a million baskets; sequence rules on a million rows."""

import time
from pathlib import Path

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.segmentation.basket_rules import basket_rules
from crmlib.segmentation.sequence_rules import sequence_rules
from tests.benchmarks.timing import median_seconds, peak_gigabytes

GROCERIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "groceries.csv"
BASKETS, ITEMS = 1_000_000, 200
ROWS, CUSTOMERS, LINES = 1_000_000, 50_000, 12


def generate_baskets() -> pd.DataFrame:
    """A million baskets of about four items, a few of which everybody buys."""
    random = np.random.default_rng(1)
    share = 1 / np.arange(1, ITEMS + 1)
    size = 1 + random.poisson(3, BASKETS)
    item = random.choice(ITEMS, size.sum(), p=share / share.sum())
    return pd.DataFrame(
        {"basket_id": np.repeat(np.arange(BASKETS), size), "item": item.astype(str)}
    )


def generate_transactions() -> pd.DataFrame:
    """A million lines of three years, product lines by chance."""
    random = np.random.default_rng(1)
    day = pd.Timestamp("2022-01-01") + pd.to_timedelta(random.integers(0, 1096, ROWS), unit="D")
    return pd.DataFrame(
        {
            "customer_id": random.integers(0, CUSTOMERS, ROWS).astype(str),
            "date": day,
            "amount": 10.0,
            "product_line": random.integers(0, LINES, ROWS).astype(str),
        }
    )


def run() -> None:
    """Print the rows of this benchmark."""
    if GROCERIES.is_file():
        groceries = tables.read_baskets(GROCERIES).frame
        print(
            "Basket rules on Groceries (9,835 baskets) at a support of 0.001, intervals and tests"
        )
        ours = median_seconds(lambda: basket_rules(groceries, min_confidence=0.0), runs=5)
        found = basket_rules(groceries, min_confidence=0.0)
        row(f"{len(found.table):,} rules", ours)
        beside_mlxtend(groceries, ours)
    data = generate_baskets()
    print(f"Basket rules on {BASKETS:,} baskets of {ITEMS} items at a support of 0.001")
    row("rules", median_seconds(lambda: basket_rules(data, min_confidence=0.05), runs=1))
    rows = generate_transactions()
    print(f"Sequence rules on {ROWS:,} lines of {CUSTOMERS:,} customers, {LINES} product lines")
    row(f"{LINES * (LINES - 1)} pairs", median_seconds(lambda: sequence_rules(rows), runs=1))
    print(f"  {'peak memory':34s}{peak_gigabytes():10,.2f} GB")


def beside_mlxtend(baskets: pd.DataFrame, ours: float) -> None:
    """The same rules by mlxtend, where it is installed; it has no tests and no intervals."""
    try:
        from mlxtend.frequent_patterns import association_rules, fpgrowth
    except ImportError:
        print("  mlxtend is not installed")
        return
    held = pd.crosstab(baskets["basket_id"], baskets["item"]).astype(bool)
    start = time.perf_counter()
    itemsets = fpgrowth(held, min_support=0.001, use_colnames=True)
    rules = association_rules(itemsets, metric="confidence", min_threshold=0.0)
    theirs = time.perf_counter() - start
    number = int((rules["consequents"].map(len) == 1).sum())
    print(f"  {f'mlxtend: {number:,} rules':34s}{theirs:10,.2f} s    ratio {theirs / ours:8.1f} x")


def row(name: str, seconds: float) -> None:
    print(f"  {name:34s}{seconds:10,.2f} s")


if __name__ == "__main__":
    run()
