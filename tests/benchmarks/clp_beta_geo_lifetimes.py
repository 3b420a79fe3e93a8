"""Seconds that lifetimes takes for the BG/NBD; runs in an environment of its own.

Arguments: a CSV file with columns frequency, recency and T, and the weeks to look ahead. Prints
the seconds of the fit and of the forecasts. Knows nothing of this project.
"""

import sys
import time
import warnings

import pandas as pd
from lifetimes import BetaGeoFitter


def main(table: str, weeks: float) -> None:
    """Print the seconds of the fit, and of P(alive) and expected purchases."""
    warnings.simplefilter("ignore")
    summary = pd.read_csv(table)
    columns = (summary["frequency"], summary["recency"], summary["T"])
    start = time.perf_counter()
    model = BetaGeoFitter().fit(*columns)
    fit = time.perf_counter() - start
    start = time.perf_counter()
    model.conditional_probability_alive(*columns)
    model.conditional_expected_number_of_purchases_up_to_time(weeks, *columns)
    print(fit, time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
