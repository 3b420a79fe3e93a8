"""Life cycles of a million customers, beside a loop of scipy's curve_fit on a sample of them."""

import warnings

import numpy as np
import pandas as pd
from scipy.optimize import OptimizeWarning, curve_fit

from crmlib import clp
from crmlib.clp.early_warning import early_warning
from tests.benchmarks.timing import median_seconds, peak_gigabytes

CUSTOMERS, PERIODS, SAMPLE = 1_000_000, 36, 40


def generate_history(customers: int, periods: int) -> pd.DataFrame:
    """Noisy life cycles of every shape, one row per customer and period."""
    random = np.random.default_rng(1)
    column = (customers, 1)
    g1 = random.integers(6, 17, column)
    declining = random.random(column) < 0.3
    profit = clp.life_cycle_curve(
        np.arange(1, periods + 1),
        h1=random.uniform(0.2, 1.0, column),
        v=random.uniform(20, 60, column),
        g1=g1,
        N=random.uniform(10, 40, column),
        g2=np.where(declining, g1 + random.integers(4, 25, column), np.inf),
        h2=np.where(declining, random.uniform(0.2, 1.0, column), 0.0),
    )
    profit += random.normal(0, 10, profit.shape)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(customers), periods),
            "t": np.tile(np.arange(1, periods + 1), customers),
            "profit": profit.ravel(),
        }
    )


def fit_in_a_loop(profits: np.ndarray) -> None:
    """What one would write with scipy: the three shapes from a grid of starting points."""
    t = np.arange(1.0, profits.shape[1] + 1)

    def formation(t, v, h1):
        return clp.life_cycle_curve(t, v=v, h1=h1)

    def growth(t, v, h1, N, g1):
        return clp.life_cycle_curve(t, v=v, h1=h1, N=N, g1=g1)

    def decline(t, v, h1, N, h2, g1, g2):
        return clp.life_cycle_curve(t, v=v, h1=h1, N=N, h2=h2, g1=g1, g2=g2)

    for profit in profits:
        mean = profit.mean()
        starts = [(formation, [mean, 0.1])]
        starts += [(growth, [mean, 0.1, 1.0, g1]) for g1 in (6.0, 12.0, 18.0, 24.0)]
        starts += [
            (decline, [mean, 0.1, 1.0, 0.1, g1, g2])
            for g1 in (6.0, 12.0, 18.0)
            for g2 in (15.0, 21.0, 27.0)
            if g2 > g1
        ]
        for curve, start in starts:
            try:
                curve_fit(curve, t, profit, p0=start, maxfev=2000)
            except RuntimeError:
                continue


def run() -> None:
    """Print the rows of this benchmark."""
    history = generate_history(CUSTOMERS, PERIODS)
    ours = median_seconds(lambda: clp.fit_life_cycle(history), runs=3)
    months = pd.date_range("2020-01-01", periods=PERIODS, freq="MS")
    by_month = clp.ProfitHistory(
        table=history.assign(period=np.tile(months.to_numpy(), CUSTOMERS)),
        period="month",
        first_day=months[0].date(),
        last_day=(months[-1] + pd.offsets.MonthEnd()).date(),
        left_out=pd.DataFrame(),
    )
    fit = clp.fit_life_cycle(by_month)
    warned = median_seconds(lambda: early_warning(by_month, fit), runs=1)
    checked = median_seconds(lambda: clp.holdout_check(by_month, 6), runs=1)
    profits = history["profit"].to_numpy()[: SAMPLE * PERIODS].reshape(SAMPLE, PERIODS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)
        loop = median_seconds(lambda: fit_in_a_loop(profits), runs=3) / SAMPLE
    print(f"Life cycles of {CUSTOMERS:,} customers x {PERIODS} months")
    print(f"  fit_life_cycle              {ours:10.1f} s   peak memory {peak_gigabytes():.1f} GB")
    print(f"  early_warning               {warned:10.1f} s")
    print(f"  holdout_check, 6 months     {checked:10.1f} s   (a fit, a forecast, the retention)")
    print(f"  loop of curve_fit, scaled   {loop * CUSTOMERS:10,.0f} s   (from {SAMPLE} customers)")
    print(f"  ratio                       {loop * CUSTOMERS / ours:10,.0f} x")
