"""The bootstrap of a whole driver analysis, beside the same done with scikit-learn pipelines."""

import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmlib.satisfaction.answers import answers_of
from crmlib.satisfaction.choice import METHODS
from crmlib.satisfaction.drivers import drivers
from crmlib.satisfaction.moments import resampled_moments
from tests.benchmarks.timing import median_seconds, peak_gigabytes

PEOPLE, ITEMS, RESAMPLES = 2_000, 20, 2_000
TRIED = 4
"""Resamples that scikit-learn works through; the rest is extrapolated."""


def generate_answers() -> pd.DataFrame:
    """Answers 1 to 10 in four blocks of five items, with an overall score."""
    random = np.random.default_rng(1)
    block = np.repeat(random.normal(size=(PEOPLE, 4)), ITEMS // 4, axis=1)
    liking = 0.7 * block + random.normal(size=(PEOPLE, ITEMS)) + random.normal(size=(PEOPLE, 1))
    overall = liking @ np.linspace(0.3, 0.0, ITEMS) / 2 + random.normal(size=PEOPLE)
    scores = np.column_stack([liking, overall])
    columns = [*(f"q{j}" for j in range(ITEMS)), "overall"]
    return pd.DataFrame(np.clip(np.rint(6 + 1.2 * scores), 1, 10), columns=columns)


def run() -> None:
    """Print the rows of this benchmark."""
    data = generate_answers()
    items = list(data.columns[:-1])
    answers = answers_of(data, items, "overall")
    print(
        f"Drivers of {PEOPLE:,} x {ITEMS}: {RESAMPLES:,} resamples, components chosen anew in each "
        "by 10-fold cross-validation"
    )
    row(
        "moments of all resamples by fold",
        median_seconds(lambda: resampled_moments(answers, RESAMPLES, 1, folds=10), runs=3),
    )
    ours = median_seconds(lambda: analysed(data, items, ("pcr",)), runs=3)
    row("drivers: pcr", ours)
    without_lmg = tuple(method for method in METHODS if method != "lmg")
    row("drivers: 6 methods", median_seconds(lambda: analysed(data, items, without_lmg), runs=1))
    start = time.perf_counter()
    with_pipelines(data, items, TRIED)
    theirs = (time.perf_counter() - start) / TRIED * RESAMPLES
    print(
        f"  {'scikit-learn: pcr':34s}{theirs:10,.1f} s    ratio {theirs / ours:8.0f} x "
        f"(extrapolated from {TRIED} resamples)"
    )
    print(f"  {'peak memory':34s}{peak_gigabytes():10,.2f} GB")


def row(name: str, seconds: float) -> None:
    print(f"  {name:34s}{seconds:10,.2f} s")


def analysed(data: pd.DataFrame, items: list[str], methods: tuple[str, ...]) -> object:
    return drivers(data, items, "overall", methods=methods, replicates=RESAMPLES, seed=1)


def with_pipelines(data: pd.DataFrame, items: list[str], resamples: int) -> list[np.ndarray]:
    """What one would write with scikit-learn, with its rule of the lowest error."""
    random = np.random.default_rng(1)
    pipeline = make_pipeline(StandardScaler(), PCA(svd_solver="full"), LinearRegression())
    found = []
    for _ in range(resamples):
        drawn = data.iloc[random.integers(0, len(data), len(data))]
        search = GridSearchCV(
            pipeline,
            {"pca__n_components": range(1, ITEMS + 1)},
            cv=KFold(10, shuffle=True, random_state=1),
            scoring="neg_mean_squared_error",
            n_jobs=-1,
        ).fit(drawn[items].to_numpy(), drawn["overall"].to_numpy())
        steps = search.best_estimator_.named_steps
        found.append(steps["linearregression"].coef_ @ steps["pca"].components_)
    return found


if __name__ == "__main__":
    run()
