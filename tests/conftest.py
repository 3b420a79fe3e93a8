"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time: what fails is the change. `make fuzz` tries others.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real tables and reference values, which lie beside the project where there are any."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("there is no folder of shared tables beside the project")
    return folder
