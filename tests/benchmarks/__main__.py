"""Print the benchmark table: every row measured in this run, as medians and ratios."""

import os
import platform
import warnings

from tests.benchmarks import (
    clp_backtest,
    clp_beta_geo,
    clp_models,
    life_cycle,
    report_overhead,
    sampling_draw,
    sampling_estimate,
    satisfaction_drivers,
    satisfaction_importance,
    satisfaction_path_model,
    segmentation_baskets,
    segmentation_offers,
    segmentation_scale,
)

BENCHMARKS = (
    life_cycle,
    clp_backtest,
    clp_beta_geo,
    clp_models,
    sampling_draw,
    sampling_estimate,
    satisfaction_drivers,
    satisfaction_importance,
    satisfaction_path_model,
    segmentation_baskets,
    segmentation_offers,
    segmentation_scale,
    report_overhead,
)

if __name__ == "__main__":
    # samplics announces its retirement at every import.
    warnings.filterwarnings("ignore", message="samplics is archived")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    for benchmark in BENCHMARKS:
        benchmark.run()
        print()
