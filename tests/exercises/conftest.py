"""What the tests of the exercises share."""

import pytest

from crmlib.exercises import solved


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch):
    """A progress file of the test's own, in a session in which nothing was solved yet."""
    path = tmp_path / "progress" / "solved.txt"
    monkeypatch.setenv("CRMLIB_PROGRESS", str(path))
    monkeypatch.setattr(solved, "_in_this_session", set())
    return path
