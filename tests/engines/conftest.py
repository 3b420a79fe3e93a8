"""A PostgreSQL server and a Spark of our own, with the example company's tables in them.

CI sets CRMLIB_TEST_ENGINES, and then what is not there is a failure; elsewhere it is skipped.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
PASSWORD = "pass-Wort_71"
TYPES = {
    "customer_id": "text",
    "date": "date",
    "resolved_on": "date",
    "acquired_on": "date",
    "amount": "numeric(12, 2)",
    "cost": "numeric(12, 2)",
    "quantity": "double precision",
    "discount": "double precision",
}


def absent(what: str) -> None:
    if os.environ.get("CRMLIB_TEST_ENGINES"):
        pytest.fail(f"{what} is not here, and this run is to use it")
    pytest.skip(f"{what} is not here")


@dataclass
class Server:
    """A PostgreSQL server on this machine's own address."""

    folder: Path
    programs: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://crm:{PASSWORD}@127.0.0.1:{self.port}/crm"

    def run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:  # the server refuses to be run by root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, timeout=120)

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder} -F"
        log = str(self.folder / "log")
        # Its output must not hold the pipe open that `run` waits for.
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-o", options, "start")

    def remove(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # it may have been stopped
            self.stop()
        shutil.rmtree(self.folder)

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")


def programs() -> Path | None:
    found = shutil.which("pg_ctl")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


def new_server() -> Server:
    """Start a server with an empty database."""
    import psycopg

    place = programs()
    if place is None:
        absent("a PostgreSQL server")
    assert place is not None
    folder = Path(tempfile.mkdtemp(prefix="crm-postgresql-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(folder, place, free.getsockname()[1])
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    options = ["-U", "crm", "-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8"]
    server.run("initdb", "-D", str(folder / "data"), *options)
    server.start()
    with psycopg.connect(server.url.removesuffix("/crm") + "/postgres", autocommit=True) as first:
        first.execute("CREATE DATABASE crm")
    return server


def load(server: Server, name: str, file: Path) -> None:
    import psycopg

    columns = pd.read_csv(file, nrows=0).columns
    described = ", ".join(f'"{column}" {TYPES.get(column, "text")}' for column in columns)
    with psycopg.connect(server.url, autocommit=True) as database:
        database.execute(f'CREATE TABLE "{name}" ({described})')
        with database.cursor().copy(f'COPY "{name}" FROM STDIN (FORMAT csv, HEADER)') as copy:
            copy.write(file.read_bytes())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server with the tables of the example company."""
    server = new_server()
    for name in ("transactions", "customers", "complaints", "activities"):
        load(server, name, DATA / f"{name}.csv")
    yield server
    server.remove()


@pytest.fixture(scope="session")
def spark_folder(tmp_path_factory) -> Path:
    """A folder of Parquet files with the example company's transactions and complaints."""
    for what, is_here in (
        ("PySpark", importlib.util.find_spec("pyspark") is not None),
        ("Java", shutil.which("java") is not None),
    ):
        if not is_here:
            absent(what)
    from crmlib import tables

    folder = tmp_path_factory.mktemp("spark")
    for name in ("transactions", "complaints"):
        rows = tables.read(DATA / f"{name}.csv", kind=name).frame
        dates = {
            column: rows[column].dt.date for column in ("date", "resolved_on") if column in rows
        }
        rows.assign(**dates).to_parquet(folder / f"{name}.parquet")
    return folder
