"""How the letters of a text file are written down as bytes.

UTF-8 is tried first and strictly. A file that is not UTF-8 is read as GB18030 or as
Windows-1252 only where its own bytes leave no doubt which of the two it is.
"""

import codecs
import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from crmlib.errors import InputError
from crmlib.tables.faults import shortened
from crmlib.tables.secrets import are_wanted

CHUNK = 1 << 20
UTF_8_MARK = b"\xef\xbb\xbf"
MARKS = {UTF_8_MARK: "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
NO_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"SQLite format 3": "an SQLite database",
}
SAVE_AS_UTF_8 = "Save it again as UTF-8 (in Excel: Save As, CSV UTF-8)."
# Share of the evidence that must point one way.
CLEAR = 0.9
# How many runs of bytes beyond ASCII are enough evidence.
ENOUGH = 20_000


@dataclass(frozen=True)
class Bytes:
    """What the bytes of a text file say about it.

    Attributes
    ----------
    sha256 : str
        Digest of the whole file.
    encoding : str
        Python's name for it.
    note : str
        A sentence for the run record where the file is not UTF-8.
    lines : int or None
        Lines of the file, None where quotation marks may hold line ends.
    is_regular : bool
        Whether DuckDB numbers its rows as a reader does: UTF-8, no blank lines, and
        lines that end in a line feed.
    """

    sha256: str
    encoding: str
    note: str
    lines: int | None
    is_regular: bool


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def look_at_bytes(path: Path, source: str) -> Bytes:
    """Read a text file once as bytes.

    Parameters
    ----------
    path : Path
        The file.
    source : str
        What to call it in messages.

    Returns
    -------
    Bytes

    Raises
    ------
    InputError
        It is no text, or its encoding is in doubt.
    """
    digest = hashlib.sha256()
    lines, has_quotes, has_zero, is_regular = 0, False, False, True
    utf_8 = _StrictUtf8()
    start = end = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            start = start or chunk[:16]
            digest.update(chunk)
            lines += chunk.count(b"\n")
            has_quotes = has_quotes or b'"' in chunk
            has_zero = has_zero or b"\0" in chunk
            # A line end may straddle two chunks.
            is_regular = is_regular and _is_regular(end + chunk)
            utf_8.take(chunk)
            end = (end + chunk)[-3:]
    utf_8.take(b"", final=True)
    _check_is_text(start, source)
    is_regular = is_regular and not start.removeprefix(UTF_8_MARK).startswith((b"\r", b"\n"))
    encoding = next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")
    note = "read as UTF-16" if encoding == "utf-16" else ""
    if encoding != "utf-16":
        if has_zero:
            raise InputError(f"{source} holds zero bytes, so it is no plain text. {SAVE_AS_UTF_8}")
        if not utf_8.is_valid:
            encoding, note = _other_encoding(path, source)
    if end and not end.endswith(b"\n"):
        lines += 1
    return Bytes(
        sha256=digest.hexdigest(),
        encoding=encoding,
        note=note,
        lines=None if has_quotes else lines,
        is_regular=is_regular and encoding in ("utf-8", "utf-8-sig"),
    )


def _check_is_text(start: bytes, source: str) -> None:
    for sign, what in NO_TEXT.items():
        if start.startswith(sign):
            raise InputError(
                f"{source} is {what}, whatever its name ends in. "
                "Give it the ending that goes with what it is, or save the table as CSV."
            )


class _StrictUtf8:
    """Says of a file that comes in chunks whether it is UTF-8 so far."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.is_valid = True

    def take(self, chunk: bytes, final: bool = False) -> None:
        if self.is_valid:
            try:
                self._decoder.decode(chunk, final)
            except UnicodeDecodeError:
                self.is_valid = False


def _is_regular(chunk: bytes) -> bool:
    if b"\n\n" in chunk or b"\n\r" in chunk:
        return False
    lone_returns = chunk.count(b"\r") - chunk.count(b"\r\n") - chunk.endswith(b"\r")
    return lone_returns == 0


@dataclass
class _Evidence:
    """What the lines that are not plain ASCII look like under each reading."""

    utf_8_lines: int = 0
    first_other_line: int = 0
    other_lines: int = 0
    example: bytes = b""
    can_be_chinese: bool = True
    can_be_latin: bool = True
    signs: int = 0
    common_signs: int = 0
    runs: int = 0
    single_runs: int = 0

    def add(self, number: int, line: bytes) -> None:
        """Take one line into account."""
        if _decoded(line, "utf-8") is not None:
            self.utf_8_lines += 1
        else:
            self.other_lines += 1
            if not self.example:
                self.first_other_line, self.example = number, line
        chinese = _decoded(line, "gb18030")
        self.can_be_chinese = self.can_be_chinese and chinese is not None
        self.can_be_latin = self.can_be_latin and _decoded(line, "cp1252") is not None
        signs = [sign for sign in chinese or "" if not sign.isascii()]
        self.signs += len(signs)
        self.common_signs += sum(map(_is_common_chinese, signs))
        runs = re.findall(rb"[\x80-\xff]+", line)
        self.runs += len(runs)
        self.single_runs += sum(len(run) == 1 for run in runs)

    @property
    def is_chinese(self) -> bool:
        return self.can_be_chinese and self.common_signs >= CLEAR * self.signs

    @property
    def is_latin(self) -> bool:
        # In Western text an accented letter mostly stands alone between plain ones; in
        # Chinese text the bytes come in pairs.
        return self.can_be_latin and self.single_runs >= CLEAR * self.runs


def _other_encoding(path: Path, source: str) -> tuple[str, str]:
    evidence = _Evidence()
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.isascii():
                evidence.add(number, line)
            if evidence.other_lines and evidence.runs > ENOUGH:
                break
    number, line = evidence.first_other_line, evidence.example
    if evidence.utf_8_lines >= evidence.other_lines:
        others = evidence.other_lines - 1
        more = f" and {others:,} more" if others else ""
        byte = f"0x{_first_stray_byte(line):02X}"
        raise InputError(
            f"{source} is UTF-8, but not in line {number}{more}: the byte {byte} does not "
            f'belong ("{_shown(line, "utf-8")}").\n{SAVE_AS_UTF_8}'
        )
    if evidence.is_chinese != evidence.is_latin:
        encoding, name = (
            ("gb18030", "GB18030 (Chinese)")
            if evidence.is_chinese
            else ("cp1252", "Windows-1252 (Western European)")
        )
        # The note goes into the run record, which never holds what stands in a row.
        return encoding, f"read as {name}, not UTF-8: line {number} is the first to show it"
    raise InputError(
        f"{source} is not UTF-8, and its letters can be read in more than one way: line {number} "
        f'is "{_shown(line, "gb18030")}" as GB18030 and "{_shown(line, "cp1252")}" as '
        f"Windows-1252.\n{SAVE_AS_UTF_8}"
    )


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _shown(line: bytes, encoding: str) -> str:
    """Return a line for a message, unless it says who somebody is."""
    return "…" if are_wanted() else shortened(line.decode(encoding, errors="replace"))


def _first_stray_byte(line: bytes) -> int:
    """Return the first byte of a line that is no part of UTF-8."""
    # Python turns a stray byte b into the lone surrogate 0xDC00 + b.
    signs = map(ord, line.decode("utf-8", errors="surrogateescape"))
    return next(sign - 0xDC00 for sign in signs if 0xDC80 <= sign <= 0xDCFF)


@functools.lru_cache(maxsize=10_000)
def _is_common_chinese(sign: str) -> bool:
    """Whether a sign is Chinese punctuation or among the commonest 3,755 characters.

    GB 2312 sorts them so: rows 1 to 3 hold signs, rows 16 to 55 the common characters.
    """
    try:
        lead = sign.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return 0xA1 <= lead <= 0xA3 or 0xB0 <= lead <= 0xD7
