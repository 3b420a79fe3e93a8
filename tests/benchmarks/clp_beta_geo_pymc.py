"""Seconds that pymc-marketing takes for the BG/NBD; runs in an environment of its own.

Arguments: a CSV file with columns frequency, recency and T, and the weeks to look ahead. Prints
the seconds of the fit to the mode of the posterior (MAP), its quickest, and of the forecasts.
Knows nothing of this project.
"""

import logging
import sys
import time
import warnings

import pandas as pd
from pymc_marketing.clv import BetaGeoModel


def main(table: str, weeks: float) -> None:
    """Print the seconds of the fit, and of P(alive) and expected purchases."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    summary = pd.read_csv(table)
    summary["customer_id"] = range(len(summary))
    # Compiling is part of the first fit only.
    BetaGeoModel().fit(data=summary.head(100), method="map", progressbar=False)
    start = time.perf_counter()
    model = BetaGeoModel()
    model.fit(data=summary, method="map", progressbar=False)
    fit = time.perf_counter() - start
    start = time.perf_counter()
    model.expected_probability_alive(data=summary).compute()
    model.expected_purchases(data=summary, future_t=weeks).compute()
    print(fit, time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
