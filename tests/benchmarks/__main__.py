"""Print the benchmark table: every row measured in this run, as medians and ratios."""

import os
import platform

from tests.benchmarks import life_cycle, sampling_draw, sampling_estimate

if __name__ == "__main__":
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    for benchmark in (life_cycle, sampling_draw, sampling_estimate):
        benchmark.run()
        print()
