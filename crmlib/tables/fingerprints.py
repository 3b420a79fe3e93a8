"""Whether an input still has the bytes it had: the SHA-256 of the file a source names.

What a process has read is noted, so that a run record can name all of it.
"""

from pathlib import Path

from crmlib.errors import InputError
from crmlib.tables.encodings import sha256_of
from crmlib.tables.places import find_file, is_url, parted, parts_of
from crmlib.tables.secrets import resolved

# What these add to a database file until they write it into the file itself.
JOURNALS = {"sqlite": ("-wal", "-journal"), "duckdb": (".wal",)}

_read: dict[tuple[str, str | None], None] = {}  # in their order, each once


def note_read(source: str, sha256: str | None) -> None:
    """Note that this process has read a table.

    Parameters
    ----------
    source : str
        As its description names it.
    sha256 : str or None
        Of the file; None for a table of a server.
    """
    _read[source, sha256] = None


def tables_read() -> list[tuple[str, str | None]]:
    """Return source and SHA-256 of every table that this process has read, each once."""
    return list(_read)


def fingerprint(source: str) -> str | None:
    """SHA-256 of the file that a source names, as `describe` gives it.

    Parameters
    ----------
    source : str
        As `crmlib.tables.read` takes it.

    Returns
    -------
    str or None
        None for a table of a server, for a database file some of whose rows are still in a
        journal beside it, and where there is no such file: then nothing can be said.
    """
    try:
        address = resolved(source)
        if not is_url(address):
            path = find_file(parted(address)[0])
            return sha256_of(path)
        scheme, place, _ = parts_of(address, "")
        return database_fingerprint(find_file(place), scheme) if scheme in JOURNALS else None
    except (InputError, OSError):
        return None


def database_fingerprint(path: Path, scheme: str) -> str | None:
    """SHA-256 of a database file, None where it does not hold all its rows.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    scheme : {"sqlite", "duckdb"}
        What kind of database it is.

    Returns
    -------
    str or None
    """
    journals = (path.with_name(path.name + ending) for ending in JOURNALS[scheme])
    if any(journal.exists() and journal.stat().st_size for journal in journals):
        return None
    return sha256_of(path)
