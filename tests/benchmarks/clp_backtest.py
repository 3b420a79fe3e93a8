"""Value of a million customers, and all methods on the same held-out months of CDNOW master."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

from crmlib import tables
from crmlib.clp.backtest import backtest
from crmlib.clp.base import customer_base
from crmlib.clp.beta_geo import BetaGeoNBD
from crmlib.clp.customer_value import customer_value
from crmlib.clp.gamma_gamma import GammaGamma
from crmlib.clp.purchases import PurchaseSummary
from tests.benchmarks.clp_beta_geo import generate_summary
from tests.benchmarks.timing import median_seconds, peak_gigabytes

CUSTOMERS, DRAWN, REPLICATES = 1_000_000, 50_000, 500
CDNOW = Path(__file__).parents[2].parent / "shared" / "data" / "cdnow_master.txt"


def generate_customers(customers: int) -> PurchaseSummary:
    """Customers of the BG/NBD model with Gamma-Gamma spend and margins of their own."""
    random = np.random.default_rng(2)
    summary = generate_summary(customers)
    repeats = np.maximum(summary["frequency"], 1)
    mean = random.gamma(6.25 * repeats) / repeats / random.gamma(3.74, 1 / 15.44, customers)
    purchases = summary["frequency"] + 1
    table = summary.assign(
        customer_id=np.arange(customers),
        monetary_value=np.where(summary["frequency"] > 0, mean, np.nan),
        purchases=purchases,
        revenue=mean * purchases,
        profit=mean * purchases * random.normal(0.3, 0.1, customers),
    )
    return PurchaseSummary(pd.DataFrame(table), dt.date(2025, 12, 31), ())


def run_value() -> None:
    """Print the rows on the value of customers."""
    summary = generate_customers(CUSTOMERS)
    models = BetaGeoNBD().fit(summary), GammaGamma().fit(summary)
    terms = {"period": "month", "periods": 12, "rate": 0.01, "seed": 1}
    value = median_seconds(
        lambda: customer_value(*models, summary, replicates=0, **terms),
        runs=3,
    )
    some = PurchaseSummary(summary.table.head(DRAWN), summary.observed_until, ())
    drawn = median_seconds(
        lambda: customer_value(*models, some, replicates=REPLICATES, **terms),
        runs=1,
    )
    print(f"Value of {CUSTOMERS:,} customers over 12 months, BG/NBD and Gamma-Gamma")
    print(f"  customer_value              {value:10.2f} s   peak memory {peak_gigabytes():.1f} GB")
    print(f"  with intervals of {REPLICATES} draws  {drawn * CUSTOMERS / DRAWN:10.0f} s   "
          f"(from {DRAWN:,} customers)")  # fmt: skip


def run_backtest() -> None:
    """Print the rows on the backtest."""
    if not CDNOW.exists():
        print("Backtest of all methods: there is no table of CDNOW master beside the project")
        return
    columns = {"amount": "dollar_value"}
    rows = tables.read(CDNOW, kind="transactions", columns=columns)
    base = customer_base(rows, margin_rate=0.3)
    print(f"Backtest of all methods on CDNOW master, {len(base.customers):,} customers")
    for horizon in (6, 9):
        seconds = median_seconds(lambda h=horizon: backtest(base, horizon=h, origins=1, seed=1), 1)
        print(f"  one origin, {horizon} months         {seconds:10.1f} s   "
              f"peak memory {peak_gigabytes():.1f} GB")  # fmt: skip


def run() -> None:
    """Print the rows of this benchmark."""
    run_value()
    run_backtest()


if __name__ == "__main__":
    run()
