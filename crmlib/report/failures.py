"""What an exception means to whoever runs a report."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmlib.errors import InputError
from crmlib.report import rendering
from crmlib.report.execution import Failure
from crmlib.report.exit_codes import BAD_INPUT, CELL_FAILED, RENDERING_FAILED, WRITING_FAILED
from crmlib.report.locks import NotWritable, not_writable

# Wherever these come from, they say that no more can be written.
DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Within this only files of the reports are written; if they cannot be, it says so."""
    try:
        yield
    except OSError as error:
        raise not_writable(out, error) from error


def failure_of(error: Exception, out: Path) -> Failure:
    """Say what an exception means to whoever runs the report."""
    story = "".join(traceback.format_exception(error))
    if isinstance(error, NotWritable):
        return Failure(WRITING_FAILED, str(error), story)
    if full := _disk_full(error):
        return Failure(WRITING_FAILED, str(not_writable(out, full)), story)
    if isinstance(error, InputError):
        return Failure(BAD_INPUT, str(error), story)
    what = f"crmlib itself failed: {type(error).__name__}: {error}"
    return Failure(CELL_FAILED, what, story)


def rendering_failure(error: Exception, out: Path) -> Failure:
    """Say what an exception means that has come of making the PDF."""
    if _disk_full(error):
        return failure_of(error, out)
    own = isinstance(error, rendering.RenderingError)
    what = str(error) if own else f"{type(error).__name__}: {error}"
    story = "".join(traceback.format_exception(error))
    return Failure(RENDERING_FAILED, f"no PDF: {what}", story)


def _disk_full(error: BaseException | None) -> OSError | None:
    """Find out whether a full disk is behind an exception."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return error
        error = error.__cause__ or error.__context__
    return None
