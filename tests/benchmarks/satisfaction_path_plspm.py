"""Seconds that plspm takes for an ECSI model with bootstraps; runs in an environment of its own.

Arguments: a CSV file of answers, whose columns are named construct and number, and how many
bootstraps. Knows nothing of this project, which does without plspm.
"""

import os
import sys
import time

import pandas as pd
from plspm.config import MV, Config
from plspm.mode import Mode
from plspm.plspm import Plspm
from plspm.scheme import Scheme

LEADS_TO = {
    "image": ("expectation", "satisfaction", "loyalty"),
    "expectation": ("quality", "value", "satisfaction"),
    "quality": ("value", "satisfaction"),
    "value": ("satisfaction",),
    "satisfaction": ("complaints", "loyalty"),
    "complaints": ("loyalty",),
    "loyalty": (),
}


def main(table: str, bootstraps: int) -> None:
    """Print the seconds of the bootstraps alone."""
    answers = pd.read_csv(table)
    answers = (answers - answers.mean()) / answers.std()
    paths = pd.DataFrame(0, index=list(LEADS_TO), columns=list(LEADS_TO))
    for start, ends in LEADS_TO.items():
        paths.loc[list(ends), start] = 1
    config = Config(paths, scaled=False)
    for construct in LEADS_TO:
        items = [MV(item) for item in answers if item.rstrip("0123456789") == construct]
        config.add_lv(construct, Mode.A, *items)

    start = time.perf_counter()
    Plspm(answers, config, Scheme.CENTROID)
    once = time.perf_counter() - start
    start = time.perf_counter()
    Plspm(
        answers,
        config,
        Scheme.CENTROID,
        bootstrap=True,
        bootstrap_iterations=bootstraps,
        processes=os.cpu_count() or 1,
    )
    print(time.perf_counter() - start - once)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
