"""LMG importance of 16 items beside pingouin, and importance in thousands of resamples at once."""

from collections.abc import Callable

import numpy as np
import pingouin

from crmlib.satisfaction.components import pcr_coefficients
from crmlib.satisfaction.importance import Array, johnson_weights, lmg, pls_coefficients
from tests.benchmarks.timing import median_seconds

RESPONDENTS, ITEMS, RESAMPLES = 2000, 16, 2000


def generate_answers(items: int) -> Array:
    """Items that have something in common and, last, the overall score."""
    random = np.random.default_rng(1)
    common = random.normal(size=(RESPONDENTS, 1))
    answers = common + random.normal(size=(RESPONDENTS, items))
    score = answers @ np.linspace(0, 1, items) + 5 * random.normal(size=RESPONDENTS)
    return np.column_stack([answers, score])


def resampled_correlations(answers: Array) -> Array:
    """Correlations in samples of 200 drawn again and again."""
    random = np.random.default_rng(1)
    size = (RESAMPLES, 200)
    drawn = answers[random.integers(0, RESPONDENTS, size)]
    drawn -= drawn.mean(axis=1, keepdims=True)
    drawn /= np.sqrt((drawn**2).sum(axis=1, keepdims=True))
    return drawn.transpose(0, 2, 1) @ drawn


def run() -> None:
    """Print the rows of this benchmark."""
    answers = generate_answers(ITEMS)
    print(f"LMG of {ITEMS} items ({2**ITEMS:,} subsets), {RESPONDENTS:,} respondents")
    ours = row("lmg", lambda: lmg(np.corrcoef(answers, rowvar=False)), runs=5)
    row("pingouin.linear_regression", lambda: pingouin_lmg(answers), runs=1, ours=ours)
    found = lmg(np.corrcoef(answers, rowvar=False))
    print(f"  largest difference {np.abs(found - pingouin_lmg(answers)).max():.0e}")

    for items in (10, 20):
        correlations = resampled_correlations(generate_answers(items))
        print(f"\nImportance of {items} items in {RESAMPLES:,} resamples, from their correlations")
        row("pcr_coefficients, every k", lambda c=correlations: pcr_coefficients(c), runs=3)
        row(
            "pls_coefficients, every k",
            lambda c=correlations: pls_coefficients(c, c.shape[-1] - 1),
            runs=3,
        )
        row("johnson_weights", lambda c=correlations: johnson_weights(c), runs=3)
        if items <= 12:
            row("lmg", lambda c=correlations: lmg(c), runs=3)


def row(name: str, work: Callable[[], object], runs: int, ours: float | None = None) -> float:
    """Time some work and print it, with the ratio to ours where that is given."""
    seconds = median_seconds(work, runs=runs)
    ratio = "" if ours is None else f"   ratio {seconds / ours:8.1f} x"
    print(f"  {name:32s}{seconds * 1000:10,.1f} ms{ratio}")
    return seconds


def pingouin_lmg(answers: Array) -> Array:
    """LMG as pingouin computes it."""
    table = pingouin.linear_regression(answers[:, :-1], answers[:, -1], relimp=True)
    return table["relimp"].to_numpy()[1:]
