"""Zip files whose bytes depend on what is in them and on nothing else."""

import io
import zipfile
from collections.abc import Callable

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment a zip file can name


def rewritten(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """Return a zip file with each part changed, and without the times they were made.

    Parameters
    ----------
    content : bytes
        A zip file, such as an Excel workbook.
    change : callable
        Takes the name of a part and its bytes, returns what it is to hold.

    Returns
    -------
    bytes

    Raises
    ------
    zipfile.BadZipFile
        It is no zip file.
    """
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            part = change(name, old.read(name))
            new.writestr(zipfile.ZipInfo(name, EARLIEST), part, zipfile.ZIP_DEFLATED)
    return result.getvalue()
