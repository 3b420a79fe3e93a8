"""Estimates and weights of large samples, beside samplics and svy where they are installed."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from crmlib.sampling.estimation import estimate
from crmlib.sampling.samples import SurveySample
from crmlib.sampling.weighting import calibrate, rake
from tests.benchmarks.timing import median_seconds

ROWS, RAKED_ROWS = 1_000_000, 100_000
MARGINS = {
    column: dict(zip("abcde", sizes, strict=True))
    for column, sizes in {
        "age": [60_000, 50_000, 70_000, 65_000, 55_000],
        "region": [80_000, 40_000, 60_000, 70_000, 50_000],
        "size": [50_000, 75_000, 60_000, 55_000, 60_000],
    }.items()
}


def generate_sample(rows: int) -> pd.DataFrame:
    """50 strata of 50 clusters each, and three variables to rake to with five levels each."""
    random = np.random.default_rng(1)
    stratum = random.integers(0, 50, rows)
    data = pd.DataFrame(
        {
            "weight": random.uniform(1, 5, rows),
            "stratum": np.char.add("s", stratum.astype(str)),
            "cluster": stratum * 100 + random.integers(0, 50, rows),
            "score": random.normal(50, 10, rows),
            "revenue": random.gamma(2, 50, rows),
        }
    )
    return data.assign(**{column: random.choice(list("abcde"), rows) for column in MARGINS})


def run() -> None:
    """Print the rows of this benchmark."""
    data = generate_sample(ROWS)
    print(f"Estimates from {ROWS:,} respondents, 50 strata, 2,500 clusters")
    sample = SurveySample(**design_of(data))
    row("estimate: mean, linearisation", lambda: estimate(sample, "score"))
    row("estimate: mean by 5 regions", lambda: estimate(sample, "score", by="region"))
    row("estimate: mean, jackknife", lambda: estimate(sample, "score", method="jackknife"))
    row("estimate: median", lambda: estimate(sample, "score", kind="quantile"))
    # The others take a table and check the design too, so that is counted on both sides.
    ours = row(
        "SurveySample, checked, and mean",
        lambda: estimate(SurveySample(**design_of(data)), "score"),
    )
    for name, mean in {"samplics": samplics_mean, "svy": svy_mean}.items():
        beside(name, "mean", lambda mean=mean: mean(data), ours)

    data = generate_sample(RAKED_ROWS)
    print(f"\nWeights of {RAKED_ROWS:,} respondents, 3 margins of 5 levels")
    sample = SurveySample(data, "weight")
    ours = row("SurveySample and rake", lambda: rake(SurveySample(data, "weight"), MARGINS))
    row("calibrate, linear", lambda: calibrate(sample, MARGINS | {"revenue": 3.1e7}))
    row(
        "calibrate, logit",
        lambda: calibrate(sample, MARGINS | {"revenue": 3.1e7}, method="logit", bounds=(0.3, 3)),
    )
    row("loop over pandas groups", lambda: rake_in_a_loop(data), ours)
    for name, raking in {"samplics": samplics_rake, "svy": svy_rake}.items():
        beside(name, "rake", lambda raking=raking: raking(data), ours)


def row(name: str, work: Callable[[], object], ours: float | None = None) -> float:
    """Time some work and print it, with the ratio to ours where that is given."""
    seconds = median_seconds(work, runs=5)
    ratio = "" if ours is None else f"   ratio {seconds / ours:8.1f} x"
    print(f"  {name:32s}{seconds * 1000:10,.1f} ms{ratio}")
    return seconds


def beside(package: str, what: str, work: Callable[[], object], ours: float) -> None:
    """The same by another package, which belongs into an environment of its own."""
    if find_spec(package) is None:
        print(f"  {package + ': ' + what:32s}{'':>10s} not installed")
    else:
        row(f"{package}: {what}", work, ours)


def design_of(data: pd.DataFrame) -> dict[str, Any]:
    return {"data": data, "weight": "weight", "strata": "stratum", "clusters": ("cluster",)}


def rake_in_a_loop(data: pd.DataFrame) -> pd.Series:
    """What one would write with pandas, to the same tolerance."""
    weights = data["weight"]
    worst = 1.0
    while worst > 1e-10:
        worst = 0.0
        for column, totals in MARGINS.items():
            sums = weights.groupby(data[column]).sum()
            factor = pd.Series(totals) / sums
            worst = max(worst, float((factor - 1).abs().max()))
            weights = weights * data[column].map(factor)
    return weights


def samplics_mean(data: pd.DataFrame) -> object:
    from samplics.estimation import TaylorEstimator
    from samplics.utils.types import PopParam

    return TaylorEstimator(PopParam.mean).estimate(
        y=data["score"], samp_weight=data["weight"], stratum=data["stratum"], psu=data["cluster"]
    )


def svy_mean(data: pd.DataFrame) -> object:
    import polars
    import svy

    design = svy.Design(stratum="stratum", psu="cluster", wgt="weight")
    columns = {name: data[name].to_numpy() for name in ("stratum", "cluster", "weight", "score")}
    return svy.Sample(data=polars.DataFrame(columns), design=design).estimation.mean(y="score")


def samplics_rake(data: pd.DataFrame) -> object:
    from samplics.weighting import SampleWeight

    margins = {column: data[column].to_numpy() for column in MARGINS}
    return SampleWeight().rake(
        data["weight"].to_numpy(), margins=margins, control=MARGINS, tol=1e-10, ctrl_tol=1e-10
    )


def svy_rake(data: pd.DataFrame) -> object:
    import polars
    import svy

    columns = {name: data[name].to_numpy() for name in ("weight", *MARGINS)}
    sample = svy.Sample(data=polars.DataFrame(columns), design=svy.Design(wgt="weight"))
    return sample.weighting.rake(controls=MARGINS, tol=1e-10)
