"""An ECSI path model with 2,000 bootstraps, beside plspm in an environment of its own.

plspm does not work with the versions this project uses. Where there is `.venv-plspm`, its Python
runs `satisfaction_path_plspm.py` as a process of its own.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from crmlib.satisfaction.path_model import path_model
from crmlib.satisfaction.path_presets import ECSI
from tests.benchmarks.timing import median_seconds

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-plspm" / "bin" / "python"
PEOPLE, BOOTSTRAPS, SAMPLE = 250, 2_000, 40
ITEMS = {
    "image": 5,
    "expectation": 3,
    "quality": 7,
    "value": 2,
    "satisfaction": 3,
    "complaints": 1,
    "loyalty": 3,
}


def generate_survey(people: int) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Answers from 1 to 10 by people whose constructs follow the paths of ECSI."""
    random = np.random.default_rng(1)
    constructs: dict[str, np.ndarray] = {}
    for name in (
        "image",
        "expectation",
        "quality",
        "value",
        "satisfaction",
        "complaints",
        "loyalty",
    ):
        before = [constructs[start] for start, end in ECSI.paths if end == name]
        score = 0.4 * np.sum(before, axis=0) + random.normal(0, 0.8, people)
        constructs[name] = score / score.std()
    blocks = {name: [f"{name}{k}" for k in range(1, n + 1)] for name, n in ITEMS.items()}
    answers = {
        item: np.clip(np.rint(7 + 1.5 * constructs[name] + random.normal(0, 1, people)), 1, 10)
        for name, items in blocks.items()
        for item in items
    }
    return pd.DataFrame(answers), blocks


def run() -> None:
    """Print the rows of this benchmark."""
    data, blocks = generate_survey(PEOPLE)
    print(f"Path model ECSI, {PEOPLE} x {data.shape[1]}, {BOOTSTRAPS:,} bootstraps")
    ours = row("path_model, complete answers", data, blocks, runs=5)
    values = data.mask(np.random.default_rng(2).random(data.shape) < 0.05)
    row("path_model, 5 % missing, EM", values, blocks, runs=1)
    if not PYTHON.exists():
        print(f"  {'plspm':<44}{'':>10} not there: {PYTHON.relative_to(ROOT)}")
        return
    theirs = plspm_seconds(data) / SAMPLE * BOOTSTRAPS
    print(f"  {'plspm, scaled':<44}{theirs:10.1f} s   (from {SAMPLE})")
    print(f"  {'ratio':<44}{theirs / ours:10.0f} x")


def row(name: str, data: pd.DataFrame, blocks: dict[str, list[str]], runs: int) -> float:
    """Time our model and print it."""
    seconds = median_seconds(
        lambda: path_model(data, blocks, ECSI, replicates=BOOTSTRAPS, seed=1), runs=runs
    )
    print(f"  {name:<44}{seconds:10.2f} s")
    return seconds


def plspm_seconds(data: pd.DataFrame) -> float:
    """Seconds of the sample of bootstraps by plspm on all cores, its start not counted."""
    script = Path(__file__).with_name("satisfaction_path_plspm.py")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "answers.csv"
        data.to_csv(table, index=False)
        command = [str(PYTHON), str(script), str(table), str(SAMPLE)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    run()
