"""Passwords and other secrets: they never reach a file that a run leaves.

A secret stands in an environment variable, and a source names it as ``${NAME}``. The value is
looked for in everything that a run leaves, in each way in which programs write text down: as it
is, escaped as in JSON, Python, HTML and addresses (also several times over, and mixed), in hex
and in base64 at any place of a longer text. Pictures cannot be searched: a notebook that draws
a secret into a chart shows it.
"""

import base64
import binascii
import hashlib
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from crmlib.passwords import (
    HIDDEN,
    PSEUDONYM_KEY,
    REFERENCE,
    SHORTEST_SECRET,
    fault_of_pseudonym_key,
    hide_passwords,
)
from crmlib.report.structure import replaced
from crmlib.report.zip_files import rewritten

__all__ = [
    "PSEUDONYM_KEY",
    "SHORTEST_SECRET",
    "fault_of_pseudonym_key",
    "hide_passwords",
    "hide_passwords_within",
    "hide_secrets",
    "hide_secrets_in_bytes",
    "hide_secrets_within",
    "names_within",
]

# As it is, or as in a block's HTML, where JupyterLab is to find no formula.
BACKSLASH = r"(?:\\|<span>\\++</span>)"
ESCAPES = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f"}
HTML_NAMES = {"&": ["amp"], "<": ["lt"], ">": ["gt"], '"': ["quot"], "'": ["apos"], " ": ["nbsp"]}
QUOTES = "\"'`"
OTHER_WAYS = {" ": [r"\+"], "\n": ["<br>"]}
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
# What is as long as this is no word, and may hold a file.
LONG_BASE64 = 64
LONG_RUN = re.compile(r"[A-Za-z0-9+/_-]{64}")
ZIP = b"PK\x03\x04"


def hide_passwords_within(value: Any) -> Any:
    """Return data (dictionaries, lists, texts) without the passwords of database addresses."""
    return replaced(value, hide_passwords)


def names_within(value: Any) -> tuple[str, ...]:
    """Return the environment variables that parameter values name as ``${NAME}``, sorted."""
    found = {
        match["name"]
        for text in _texts(value)
        for match in REFERENCE.finditer(text)
        if not match["escape"]
    }
    return tuple(sorted(found))


def hide_secrets(text: str, names: Iterable[str]) -> str:
    """Return text without the values of environment variables.

    Text that is JSON need not be JSON afterwards: for a notebook or a record use
    `hide_secrets_within`.

    Parameters
    ----------
    text : str
        A log, a message, a traceback.
    names : iterable of str
        Names of environment variables. One that is not set, or has fewer than
        `SHORTEST_SECRET` signs, hides nothing. The key of pseudonyms is hidden in any case.

    Returns
    -------
    str
        With … in place of each value.
    """
    return _hidden(text, _values(names))


def hide_secrets_within(value: Any, names: Iterable[str]) -> Any:
    """Return data (dictionaries, lists, texts) with all its text treated so, keys included.

    What a notebook or a record is made of stays, such as the key "outputs": see
    `crmlib.report.structure`.

    Parameters
    ----------
    value : object
        A notebook, or a record as JSON holds it.
    names : iterable of str
        Names of environment variables.

    Returns
    -------
    object
        New data; what is neither text nor holds any is handed on.
    """
    values = _values(names)
    return replaced(value, lambda text: _hidden(text, values)) if values else value


def hide_secrets_in_bytes(content: bytes, names: Iterable[str]) -> bytes:
    """Return a file without the values of environment variables.

    Parameters
    ----------
    content : bytes
        A file that goes with a report. The parts of an Excel workbook are searched one by one;
        bytes that are no UTF-8, pictures for one, are searched for the plain value only, and
        have asterisks in its place.
    names : iterable of str
        Names of environment variables.

    Returns
    -------
    bytes
        The same bytes where no value was found; in those that are no UTF-8, as many.
    """
    return _hidden_in_bytes(content, _values(names))


# ----------------------------------------------------------------- what to look for


def _values(names: Iterable[str]) -> tuple[str, ...]:
    """Return the values to hide, longest first: one can be a part of another."""
    # The key of pseudonyms is hidden whether a run names it or not.
    values = {os.environ.get(name, "") for name in {*names, PSEUDONYM_KEY}}
    values |= {value.strip() for value in values}
    if key := os.environ.get(PSEUDONYM_KEY):
        # What the engines are given in its place: see crmlib.tables.pseudonyms.
        values.add(hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest())
    long_enough = {value for value in values if len(value) >= SHORTEST_SECRET}
    return tuple(sorted(long_enough, key=lambda value: (-len(value), value)))


@lru_cache(maxsize=64)
def _pattern(value: str) -> tuple[str, re.Pattern[str]]:
    """Return what any written form of a value holds, and an expression that finds them all."""
    runs = re.findall(r"[A-Za-z0-9]+", value)
    # Letters and digits are written as themselves in every form but hex and base64.
    anchor = max(runs, key=len, default="")
    parts = [_ways_to_write(run) for run in re.findall(r"\\+|[\s\S]", value)]
    return anchor, re.compile("".join(parts))


def _ways_to_write(sign: str) -> str:
    """Return an expression for one sign, or for several backslashes, as programs write them."""
    if sign.isascii() and sign.isalnum():
        return sign
    if sign[0] == "\\":
        return rf"(?:{BACKSLASH}|%(?:25)*5[Cc]|&#92;)++"
    code = ord(sign)
    in_bytes = sign.encode("utf-8", "surrogateescape" if 0xDC80 <= code <= 0xDCFF else "replace")
    utf_16 = sign.encode("utf-16-be", "surrogatepass")
    units = [utf_16[at : at + 2].hex() for at in range(0, len(utf_16), 2)]
    escaped = [
        f"{BACKSLASH}++".join(["", *(f"u(?i:{unit})" for unit in units)]),
        f"{BACKSLASH}++U(?i:{code:08x})",
        *([f"{BACKSLASH}++x(?i:{code:02x})"] if code < 256 else []),
        *(f"{BACKSLASH}++{letter}" for letter in ESCAPES.get(sign, [])),
    ]
    plain = [
        "".join(f"%(?:25)*(?i:{byte:02x})" for byte in in_bytes),
        f"&#(?:0*{code}|[xX]0*(?i:{code:x}));",
        f"<span>{re.escape(sign)}</span>",
        *(f"&(?:amp;)*{name};" for name in HTML_NAMES.get(sign, [])),
        *OTHER_WAYS.get(sign, []),
        # Quotation marks are doubled in CSV and SQL, and escaped elsewhere.
        re.escape(sign) + ("{1,2}" if sign in QUOTES else ""),
    ]
    before = f"{BACKSLASH}*+" if sign in QUOTES or sign == "/" else ""
    return f"(?:{'|'.join(escaped)}|{before}(?:{'|'.join(plain)}))"


# ----------------------------------------------------------------- hiding it


def _hidden(text: str, values: tuple[str, ...]) -> str:
    for value in values:
        text = _hidden_as_text(text, value)
    return _hidden_in_base64(text, values) if values else text


def _hidden_as_text(text: str, value: str) -> str:
    anchor, pattern = _pattern(value)
    # Looking for plain letters first takes a hundredth of the time.
    if anchor in text:
        text = pattern.sub(HIDDEN, text)
    in_hex = _bytes_of(value).hex()
    for written in (in_hex, in_hex.upper()):
        text = text.replace(written, HIDDEN)
    for written in (_percent(value, "02x"), _percent(value, "02X")):
        text = text.replace(written, HIDDEN)
    return text


def _percent(value: str, style: str) -> str:
    """Return a value with every byte as in an address, even where that is not needed."""
    return "".join(f"%{byte:{style}}" for byte in _bytes_of(value))


def _hidden_in_base64(text: str, values: tuple[str, ...]) -> str:
    signs = {sign for value in values for sign in _base64_of(value)}

    def hidden(match: re.Match[str]) -> str:
        run = match[0]
        if len(run) < LONG_BASE64 and not any(sign in run for sign in signs):
            return run
        return _hidden_in_run(run, values, signs)

    # Most texts are words only.
    has_any = LONG_RUN.search(text) or any(sign in text for sign in signs)
    return BASE64.sub(hidden, text) if has_any else text


def _hidden_in_run(run: str, values: tuple[str, ...], signs: set[str]) -> str:
    """Hide values in one run of base64 signs, which stays base64."""
    altchars = b"-_" if set(run) & set("-_") else b"+/"
    bare = run.rstrip("=")
    try:
        content = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars, validate=True)
    except binascii.Error:
        for sign in signs:
            run = run.replace(sign, "*" * len(sign))
        return run
    found = _hidden_in_bytes(content, values)
    if found == content:
        return run
    written = base64.b64encode(found, altchars).decode()
    return written if run.endswith("=") or len(bare) % 4 == 0 else written.rstrip("=")


def _base64_of(value: str) -> Iterator[str]:
    """Yield the signs that a value makes in base64, wherever in a longer text it begins."""
    content = _bytes_of(value)
    for before in range(3):
        written = base64.b64encode(b"\0" * before + content).decode().rstrip("=")
        # The signs at both ends are made from neighbours as well.
        n_whole = (before + len(content)) * 8 // 6
        inner = written[(before * 8 + 5) // 6 : n_whole]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _hidden_in_bytes(content: bytes, values: tuple[str, ...]) -> bytes:
    if not values:
        return content
    if content.startswith(ZIP):
        with suppress(zipfile.BadZipFile, OSError, RuntimeError, ValueError):
            return _hidden_in_zip(content, values)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        for value in values:
            plain = _bytes_of(value)
            content = content.replace(plain, b"*" * len(plain))
        return content
    found = _hidden(text, values)
    return content if found == text else found.encode("utf-8")


def _hidden_in_zip(content: bytes, values: tuple[str, ...]) -> bytes:
    changed = False

    def hidden(_: str, part: bytes) -> bytes:
        nonlocal changed
        found = _hidden_in_bytes(part, values)
        changed |= found != part
        return found

    result = rewritten(content, hidden)
    return result if changed else content


def _bytes_of(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


# ----------------------------------------------------------------- going through data


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
