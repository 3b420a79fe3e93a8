"""Print the benchmark table: every row measured in this run, as medians and ratios."""

import os
import platform

from tests.benchmarks import life_cycle

if __name__ == "__main__":
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    life_cycle.run()
