"""Drawing from a million customers, and choosing between designs, beside plain pandas and numpy."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pandas as pd

from crmlib.sampling import drawing
from crmlib.sampling.comparison import compare_designs
from crmlib.sampling.designs import (
    Cluster,
    Design,
    Pps,
    SimpleRandom,
    Stratified,
    Systematic,
    TwoStage,
)
from tests.benchmarks.timing import median_seconds, peak_gigabytes

CUSTOMERS, SCHOOLS, DRAWS, SAMPLE = 1_000_000, 6_194, 4000, 40


def generate_frame(units: int, branches: int) -> pd.DataFrame:
    """Customers with a segment, a branch, turnover and the scores of two waves."""
    random = np.random.default_rng(1)
    score = random.normal(650, 130, units).round()
    return pd.DataFrame(
        {
            "customer_id": pd.Series([f"C{i:08}" for i in random.permutation(units)], dtype="str"),
            "segment": pd.Series(random.choice(list("abcde"), units), dtype="str"),
            "branch": pd.Series(
                [f"B{i}" for i in (branches * random.random(units) ** 2).astype(int)], dtype="str"
            ),
            "turnover": random.lognormal(3, 0.7, units),
            "score": score,
            "next_score": score + random.normal(0, 29, units),
        }
    )


def candidates(n: int) -> dict[str, Design]:
    """Eight designs of about n units."""
    return {
        "simple": SimpleRandom(n),
        "list": Systematic(n),
        "sorted": Systematic(n, "score"),
        "strata": Stratified("segment", n),
        "equal strata": Stratified("segment", dict.fromkeys("abcde", n // 5)),
        "clusters": Cluster("branch", n // 10),
        "two stages": TwoStage("branch", n // 5, 5),
        "to size": Pps("turnover", n),
    }


def row(what: str, work: Callable[[], object], runs: int = 5, note: str = "") -> float:
    """Time something, print it and give its seconds."""
    seconds = median_seconds(work, runs)
    print(f"  {what:<44}{seconds:10.3f} s   {note}".rstrip())
    return seconds


def run_draw() -> None:
    """One draw from a million rows, and what it is made of."""
    frame = generate_frame(CUSTOMERS, 20_000)
    print(f"One draw of 1,000 from {CUSTOMERS:,} customers, with the record of the draw")
    for name, design in candidates(1000).items():
        row(f"draw: {name}", lambda design=design: drawing.draw(frame, design, 1, "customer_id"))
    hashes = drawing.id_hashes(frame, "customer_id")
    numbers = drawing.RandomNumbers(1, 0.0)
    permanent = numbers.of(hashes, "unit")
    order = drawing.in_order(permanent)
    sizes = frame["turnover"].to_numpy()
    print("  of which, whatever the design:")
    row("hash the ids", lambda: drawing.id_hashes(frame, "customer_id"))
    row("order by permanent random numbers", lambda: drawing.in_order(permanent))
    row("SHA-256 of the frame", lambda: drawing.fingerprint(frame, {"customer_id": hashes}))
    print("  and the selection itself, from units in random order:")
    design = Stratified("segment", 1000)
    row("strata", lambda: drawing.select(frame, design, order, numbers, "customer_id"))
    row("to size, systematic", lambda: drawing.select_pps(sizes, 1000, order, numbers))
    print("  without record, and depending on the order of the rows:")
    row("pandas groupby.sample", lambda: frame.groupby("segment").sample(200, random_state=1))
    if find_spec("samplics"):
        row("samplics, stratified", lambda: samplics_stratified(frame), runs=3)
    else:
        print("  samplics is not installed here: `make bench` has it")
    chances = sizes / sizes.sum()
    random = np.random.default_rng(1)
    row(
        "numpy choice(p=)",
        lambda: random.choice(CUSTOMERS, 1000, replace=False, p=chances),
        note="not the probabilities asked for",
    )


def samplics_stratified(frame: pd.DataFrame) -> None:
    """The same stratified draw with samplics."""
    from samplics import SelectMethod
    from samplics.sampling import SampleSelection

    selection = SampleSelection(method=SelectMethod.srs_wor, strat=True, wr=False)
    selection.select(
        samp_unit=frame["customer_id"].to_numpy(),
        samp_size=dict.fromkeys(frame["segment"].unique(), 200),
        stratum=frame["segment"].to_numpy(),
        to_dataframe=True,
    )


def run_comparison(units: int, branches: int) -> None:
    """The decision table, and a loop of pandas samples scaled to as many draws."""
    frame = generate_frame(units, branches)
    designs = candidates(200)
    print(f"Decision table of {len(designs)} designs x {DRAWS:,} draws of 200 from {units:,} rows")

    def ours() -> None:
        compare_designs(frame, "next_score", designs, draws=DRAWS, seed=1, id="customer_id")

    def loop() -> None:
        for seed in range(SAMPLE):
            frame.sample(200, random_state=seed)["next_score"].mean()

    seconds = row("compare_designs", ours, runs=3)
    scaled = median_seconds(loop, runs=3) / SAMPLE * DRAWS * len(designs)
    print(f"  {'loop of DataFrame.sample, simple, scaled':<44}{scaled:10.1f} s   (from {SAMPLE})")
    print(f"  {'ratio':<44}{scaled / seconds:10.0f} x")


def run() -> None:
    """Print the rows of this benchmark."""
    run_draw()
    run_comparison(SCHOOLS, 757)
    run_comparison(CUSTOMERS, 20_000)
    print(f"  peak memory {peak_gigabytes():.1f} GB")


if __name__ == "__main__":
    run()
