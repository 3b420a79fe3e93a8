"""JupyterLab on a copy of the notebooks, and Chromium to look at it.

CI sets CRMLIB_TEST_BROWSER, and then what is not there is a failure; elsewhere it is skipped.
"""

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmlib.report import fonts
from tests.browser.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage"]  # for root, and in a container
SIZE = {"width": 1280, "height": 900}
SECONDS = 60  # for a server to start, and to stop

SETTINGS = {
    # Nothing is fetched from elsewhere, and no message lies over the page.
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    # What one test types, another is not to find.
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    # All cells are in the page, also those out of sight.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}


def absent(what: str) -> None:
    if os.environ.get("CRMLIB_TEST_BROWSER"):
        pytest.fail(f"{what} is not here, and this run is to use it")
    pytest.skip(f"{what} is not here")


@dataclass
class Server:
    """A JupyterLab with settings, kernels and files of its own."""

    folder: Path
    process: subprocess.Popen
    url: str
    token: str

    @property
    def progress(self) -> Path:
        """Where its kernels keep what was solved."""
        return self.folder / "solved.txt"

    def call(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(
            self.url + path, method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return json.loads(response.read() or "null")

    def stop_kernels(self) -> None:
        for session in self.call("api/sessions"):
            self.call(f"api/sessions/{session['id']}", "DELETE")

    def stop(self) -> None:
        self.process.terminate()  # it stops its kernels itself
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def write_settings(folder: Path, name: str, settings: dict[str, Any]) -> None:
    file = folder / "settings" / f"{name}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings), encoding="utf-8")


def settings_of_its_own(folder: Path) -> dict[str, str]:
    """The environment in which nothing of the user's is read or written."""
    for name, settings in SETTINGS.items():
        write_settings(folder, name, settings)
    inherited = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return inherited | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "CRMLIB_PROGRESS": str(folder / "solved.txt"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def new_server(folder: Path) -> Server:
    """Start JupyterLab on a copy of the notebooks: it saves what is opened."""
    for name in ("notebooks", "data"):
        shutil.copytree(
            ROOT / name,
            folder / "workbook" / name,
            ignore=shutil.ignore_patterns(".ipynb_checkpoints"),
        )
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",  # any that is free
        f"--ServerApp.root_dir={folder / 'workbook'}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.collaborative=False",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *options],
            cwd=folder,
            env=settings_of_its_own(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return Server(folder, process, *where_it_listens(folder, process))


def where_it_listens(folder: Path, process: subprocess.Popen) -> tuple[str, str]:
    """Address and token, which the server writes down once it is ready."""
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        for file in (folder / "runtime").glob("jpserver-*.json"):
            with contextlib.suppress(json.JSONDecodeError):  # only half written yet
                written = json.loads(file.read_text(encoding="utf-8"))
                return written["url"], written["token"]
        time.sleep(0.05)
    process.kill()
    log = (folder / "log").read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"JupyterLab did not start:\n{log}")


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """One JupyterLab for each process of the tests."""
    server = new_server(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program of the browser."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if importlib.util.find_spec("playwright") is None:
        absent("Playwright")
    if program is None:
        absent("Chromium")
    return str(program)


@pytest.fixture(scope="session")
def window(chromium, server, tmp_path_factory) -> Iterator[Any]:
    """A window of Chromium, in which JupyterLab has to be fetched only once."""
    from playwright.sync_api import sync_playwright

    chinese = with_chinese_font(tmp_path_factory.mktemp("fonts"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=OPTIONS, env=os.environ | chinese
        )
        window = browser.new_context(viewport=SIZE)
        # Nothing may come from elsewhere: the workbook is used without a network, too.
        window.route(lambda url: not url.startswith(server.url), lambda route: route.abort())
        yield window
        browser.close()


def with_chinese_font(folder: Path) -> dict[str, str]:
    """Settings with which the browser has the Chinese font of `crmlib[chinese]`."""
    font = fonts.chinese_font()
    if font is None:
        return {}
    file = folder / "fonts.conf"
    file.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
        f"<dir>{font.path.parent}</dir><cachedir>{folder}</cachedir></fontconfig>",
        encoding="utf-8",
    )
    return {"FONTCONFIG_FILE": str(file)}


@pytest.fixture
def lab(window, server, tmp_path, request) -> Iterator[Lab]:
    """JupyterLab on a new page; a picture of the page stays behind in `tmp_path`."""
    theme = getattr(request, "param", "JupyterLab Light")
    write_settings(server.folder, "@jupyterlab/apputils-extension/themes", {"theme": theme})
    server.progress.unlink(missing_ok=True)
    lab = Lab(window.new_page(), server.url, server.token)
    yield lab
    lab.page.screenshot(path=tmp_path / "last.png")
    lab.page.close()
    server.stop_kernels()
