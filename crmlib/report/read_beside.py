"""What a notebook reads beside the tables it tells of: other tables, and modules of its own.

Without it a change of theirs would go unseen, and a run would be taken for a repetition.
"""

import hashlib
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]


def read_beside(inputs: Iterable[Mapping[str, Any]]) -> list[dict[str, str | None]]:
    """Return source and SHA-256 of everything this process has read that is not told.

    Parameters
    ----------
    inputs : iterable of mappings
        The descriptions of the tables that the notebook tells of.

    Returns
    -------
    list of dict
        ``source`` and ``sha256`` of tables, then of modules that are neither Python's, nor an
        installed package's, nor crmlib's. The hash is None for what has no file.
    """
    # Tables take long to import; a notebook that reads any has done so.
    fingerprints = sys.modules.get("crmlib.tables.fingerprints")
    tables = fingerprints.tables_read() if fingerprints else []
    told = {(table.get("source"), table.get("sha256")) for table in inputs}
    beside = [pair for pair in tables if pair not in told] + list(_own_modules())
    return [{"source": source, "sha256": digest} for source, digest in beside]


def _own_modules() -> Iterator[tuple[str, str | None]]:
    folders = {Path(folder).resolve() for folder in sysconfig.get_paths().values()}
    folders |= {Path(sys.base_prefix, "lib").resolve(), PACKAGE, Path(site.getusersitepackages())}
    paths = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for path in sorted(Path(path).resolve() for path in paths if path):
        if path.is_file() and not folders.intersection(path.parents):
            yield str(path), hashlib.sha256(path.read_bytes()).hexdigest()
