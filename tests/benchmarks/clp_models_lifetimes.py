"""Seconds that lifetimes takes for Pareto/NBD and Gamma-Gamma; runs in an environment of its own.

Arguments: a CSV file with columns frequency, recency and T, one with frequency and monetary_value,
and the weeks to look ahead. Prints the seconds of the Pareto/NBD fit, of its forecasts and of the
Gamma-Gamma fit. Knows nothing of this project.
"""

import sys
import time
import warnings

import pandas as pd
from lifetimes import GammaGammaFitter, ParetoNBDFitter


def main(purchases: str, spending: str, weeks: float) -> None:
    """Print the seconds of each."""
    warnings.simplefilter("ignore")
    summary, spent = pd.read_csv(purchases), pd.read_csv(spending)
    columns = (summary["frequency"], summary["recency"], summary["T"])
    start = time.perf_counter()
    model = ParetoNBDFitter().fit(*columns)
    fit = time.perf_counter() - start
    start = time.perf_counter()
    model.conditional_probability_alive(*columns)
    model.conditional_expected_number_of_purchases_up_to_time(weeks, *columns)
    forecast = time.perf_counter() - start
    start = time.perf_counter()
    GammaGammaFitter().fit(spent["frequency"], spent["monetary_value"])
    print(fit, forecast, time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
