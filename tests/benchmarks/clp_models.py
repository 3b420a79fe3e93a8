"""Pareto/NBD and Gamma-Gamma of a million customers, beside lifetimes.

lifetimes needs other versions than this project uses. Where there is `.venv-lifetimes`, its Python
runs clp_models_lifetimes.py and times the work alone; its Pareto/NBD on a part of the customers.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from crmlib.clp.gamma_gamma import GammaGamma
from crmlib.clp.pareto_nbd import ParetoNBD
from tests.benchmarks.timing import median_seconds, peak_gigabytes

CUSTOMERS, PART = 1_000_000, 10_000
WEEKS = 39.0

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-lifetimes" / "bin" / "python"


def generate_summary(customers: int, seed: int = 1) -> pd.DataFrame:
    """Customers of Pareto/NBD, near CDNOW's, first seen on any day of two years."""
    random = np.random.default_rng(seed)
    rate = random.gamma(0.55, 1 / 10.6, customers)
    leaves = random.exponential(1, customers) / random.gamma(0.6, 1 / 11.7, customers)
    T = random.integers(1, 731, customers) / 7
    x, last = np.zeros(customers, dtype=np.int64), np.zeros(customers)
    time, buying = np.zeros(customers), np.arange(customers)
    while len(buying):
        time = time + random.standard_exponential(len(buying)) / np.maximum(rate[buying], 1e-300)
        # Whole days, at most one purchase each.
        day = np.ceil(time * 7) / 7
        there = (time < leaves[buying]) & (day <= T[buying])
        buying, time, day = buying[there], time[there], day[there]
        x[buying] += day > last[buying]
        last[buying] = day
    return pd.DataFrame({"frequency": x, "recency": last, "T": T})


def generate_spending(customers: int, seed: int = 1) -> pd.DataFrame:
    """Mean spend of customers who all came back."""
    random = np.random.default_rng(seed)
    x = 1 + random.poisson(random.gamma(0.8, 3, customers))
    mean = random.gamma(6.25 * x) / random.gamma(3.74, 1 / 15.44, customers) / x
    return pd.DataFrame({"frequency": x, "monetary_value": mean})


def seconds_of_lifetimes(summary: pd.DataFrame, spending: pd.DataFrame) -> list[float]:
    """Seconds of lifetimes' Pareto/NBD, its forecasts and Gamma-Gamma, its start not counted."""
    script = Path(__file__).with_name("clp_models_lifetimes.py")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "summary.csv", Path(folder) / "spending.csv"]
        summary[:PART].to_csv(files[0], index=False)
        spending.to_csv(files[1], index=False)
        command = [str(PYTHON), str(script), *map(str, files), str(WEEKS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()[-3:]]


def run() -> None:
    """Print the rows of this benchmark."""
    summary, spending = generate_summary(CUSTOMERS), generate_spending(CUSTOMERS)
    pareto = ParetoNBD().fit(summary)

    def forecast() -> None:
        pareto.probability_alive(summary)
        pareto.expected_purchases(summary, WEEKS)

    ours = {
        "Pareto/NBD, fit": median_seconds(lambda: ParetoNBD().fit(summary), runs=3),
        "P(alive) and expected purchases": median_seconds(forecast, runs=3),
        "Gamma-Gamma, fit": median_seconds(lambda: GammaGamma().fit(spending), runs=3),
    }
    print(f"Pareto/NBD and Gamma-Gamma of {CUSTOMERS:,} generated customers")
    for name, seconds in ours.items():
        print(f"  {name:<44}{seconds:10.2f} s   peak memory {peak_gigabytes():.1f} GB")
    if not PYTHON.exists():
        print(f"  {'lifetimes':<44}{'':>10} not there: {PYTHON.relative_to(ROOT)}")
        return
    scales = (CUSTOMERS / PART, CUSTOMERS / PART, 1.0)
    theirs = seconds_of_lifetimes(summary, spending)
    for (name, seconds), taken, scale in zip(ours.items(), theirs, scales, strict=True):
        note = f"from {PART:,} customers, " if scale > 1 else ""
        line = f"  {'lifetimes, ' + name:<44}{taken * scale:10.1f} s"
        print(f"{line}   ({note}ratio {taken * scale / seconds:,.0f} x)")


if __name__ == "__main__":
    run()
