"""The layout that everything relies on: who imports whom, and one environment described once."""

import ast
import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SUBJECTS = {
    path.name
    for path in (ROOT / "crmlib").iterdir()
    if path.is_dir()
    and path.name not in {"tables", "report", "schedules", "cli", "exercises", "__pycache__"}
}
SHARED = {
    "errors",
    "findings",
    "columns",
    "intervals",
    "multiple_testing",
    "resampling",
    "transaction_rows",
}
MAY_IMPORT = {
    "columns": {"errors"},
    "transaction_rows": {"tables", "columns", "errors"},
    "tables": {"tables", "passwords", "errors"},
    "report": {"report", "tables.describe", "tables.fingerprints", "passwords", "errors"},
    "schedules": {"schedules", "report", "errors"},
    "cli": {"cli", "report", "schedules", "tables", "errors"},
    "exercises": {"exercises", "tables", "columns", "errors"} | SUBJECTS,
    **{subject: {subject, "tables"} | SHARED for subject in SUBJECTS},
}


def modules():
    return sorted((ROOT / "crmlib").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of what a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def inside(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_packages_import_only_what_the_layout_allows(path):
    part = path.relative_to(ROOT / "crmlib").parts[0].removesuffix(".py")
    ours = {name.removeprefix("crmlib.") for name in imported(path) if name.startswith("crmlib.")}
    allowed = MAY_IMPORT.get(part, set())
    wrong = {
        name
        for name in ours
        if not name.startswith("__") and not any(inside(name, prefix) for prefix in allowed)
    }
    assert not wrong, f"{part} may import {sorted(allowed)} only"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_one_module_knows_ibis(path):
    knows = {name.split(".")[0] for name in imported(path)} & {"ibis", "duckdb"}
    assert not knows or path.relative_to(ROOT).as_posix() == "crmlib/tables/engine.py"


def test_the_rule_would_catch_a_subject_that_imports_another(tmp_path):
    module = tmp_path / "wrong.py"
    module.write_text("from crmlib.clp import fit_life_cycle\nimport ibis\n")
    assert imported(module) == {"crmlib.clp.fit_life_cycle", "ibis"}
    assert not inside("clp.fit_life_cycle", "tables")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pairs = [re.fullmatch(r"([A-Za-z0-9_.-]+)==([A-Za-z0-9_.!+-]+)", line) for line in lines]
    assert all(pairs), "the lock holds name==version lines only, and no address"
    return {canonical(pair[1]): pair[2] for pair in pairs}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> list[Requirement]:
    described = project()
    extras = dict(described["optional-dependencies"])
    del extras["bench"]  # an environment of its own
    del extras["spark"]  # hundreds of megabytes that only `make test-engines` installs
    del extras["fuzz"]  # for `make fuzz` only
    texts = described["dependencies"] + [text for extra in extras.values() for text in extra]
    return [Requirement(text) for text in texts if not text.startswith("crmlib[")]


def test_the_lock_satisfies_every_requirement():
    versions = locked()
    for requirement in requirements():
        name = canonical(requirement.name)
        assert name in versions, f"{name} is not in requirements.lock"
        assert versions[name] in requirement.specifier, f"{name} {versions[name]}"


def test_this_environment_is_the_locked_one():
    installed = {canonical(d.metadata["Name"]): d.version for d in distributions()}
    differing = {
        name: (installed[name], version)
        for name, version in locked().items()
        if name in installed and installed[name] != version
    }
    assert not differing, "make the environment again with `make .venv`"


def test_conda_users_get_the_same_environment_described_nowhere_twice():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    items = [line.strip().removeprefix("- ") for line in text.splitlines() if "- " in line]
    python = project()["requires-python"]
    assert items == ["conda-forge", f"python{python}", "pip", "pip:", "-e .[dev]"]


def test_version_is_said_once_in_the_package_and_the_project():
    from crmlib import __version__

    assert project()["version"] == __version__
