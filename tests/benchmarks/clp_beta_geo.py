"""BG/NBD of a million customers, beside lifetimes and pymc-marketing on the same.

Both need other versions than this project uses. Where there are `.venv-lifetimes` and `.venv-pymc`,
their Python runs clp_beta_geo_lifetimes.py and clp_beta_geo_pymc.py, and times the work alone.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from crmlib.clp.beta_geo import BetaGeoNBD
from tests.benchmarks.timing import median_seconds, peak_gigabytes

CUSTOMERS = 1_000_000
WEEKS = 39.0
TRUTH = {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.5}
"""Near to what the CDNOW sample has."""

ROOT = Path(__file__).parents[2]


def generate_summary(customers: int, seed: int = 1) -> pd.DataFrame:
    """Customers of the model, first seen on any day of two years, purchases in whole days."""
    random = np.random.default_rng(seed)
    rate = random.gamma(TRUTH["r"], 1 / TRUTH["alpha"], customers) / 7
    p = random.beta(TRUTH["a"], TRUTH["b"], customers)
    T = random.integers(1, 731, customers)
    frequency = np.zeros(customers, dtype=np.int64)
    last_day = np.zeros(customers, dtype=np.int64)
    time = np.zeros(customers)
    buying = np.arange(customers)
    while len(buying):
        time[buying] += random.standard_exponential(len(buying)) / np.maximum(rate[buying], 1e-300)
        buying = buying[time[buying] <= T[buying]]
        day = np.ceil(time[buying]).astype(np.int64)
        frequency[buying] += day > last_day[buying]
        last_day[buying] = day
        buying = buying[random.random(len(buying)) >= p[buying]]
    return pd.DataFrame({"frequency": frequency, "recency": last_day / 7, "T": T / 7})


def seconds_of(package: str, summary: pd.DataFrame) -> list[float] | None:
    """Seconds another package takes, its start not counted; None where it is not there."""
    python = ROOT / f".venv-{package}" / "bin" / "python"
    if not python.exists():
        print(f"  {package:<44}{'':>10} not there: {python.relative_to(ROOT)}")
        return None
    script = Path(__file__).with_name(f"clp_beta_geo_{package}.py")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "summary.csv"
        summary.to_csv(table, index=False)
        command = [str(python), str(script), str(table), str(WEEKS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()[-2:]]


def row(name: str, seconds: float, after: str = "") -> None:
    """Print one line."""
    print(f"  {name:<44}{seconds:10.2f} s{after}")


def run() -> None:
    """Print the rows of this benchmark."""
    summary = generate_summary(CUSTOMERS)
    model = BetaGeoNBD().fit(summary)
    fit = median_seconds(lambda: BetaGeoNBD().fit(summary), runs=3)

    def forecast() -> None:
        model.probability_alive(summary)
        model.expected_purchases(summary, WEEKS)

    ahead = median_seconds(forecast, runs=3)
    print(f"BG/NBD of {CUSTOMERS:,} generated customers")
    row("BetaGeoNBD, fit", fit)
    row("P(alive) and expected purchases", ahead, f"   peak memory {peak_gigabytes():.1f} GB")
    for package, what in (("lifetimes", "fit"), ("pymc", "MAP fit")):
        if theirs := seconds_of(package, summary):
            row(f"{package}, {what}", theirs[0], f"   ratio {theirs[0] / fit:.0f} x")
            row(f"{package}, the same forecasts", theirs[1], f"   ratio {theirs[1] / ahead:.0f} x")


if __name__ == "__main__":
    run()
