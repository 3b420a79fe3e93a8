"""TOML files, for parameters and for schedules: what is no good TOML is told in one line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from crmlib.errors import InputError

DEEPEST = 50
LARGEST = 2**63  # TOML's whole numbers have 64 bits


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Read a TOML file.

    Parameters
    ----------
    path : pathlib.Path
        The file, in UTF-8, with or without a byte order mark.

    Returns
    -------
    tuple of str and dict
        Its text and what it holds.

    Raises
    ------
    InputError
        It cannot be read or is not TOML; a whole number has more than 64 bits, or values are
        nested more than 50 deep.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
        _check(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise InputError(f"{path}: is nested more than {DEEPEST} deep") from None
    except ValueError as error:  # TOML, UTF-8, or a number of thousands of digits
        raise InputError(_told(path, str(error))) from None
    return text, content


def _told(path: Path, message: str) -> str:
    if at := re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL):
        return f"{path} line {at[2]}: is not TOML in UTF-8: {at[1]} (column {at[3]})"
    return f"{path}: is not TOML in UTF-8: {message}"


def _check(value: Any, deep: int = 0) -> None:
    if deep > DEEPEST:
        raise RecursionError
    if isinstance(value, int) and not -LARGEST <= value < LARGEST:
        raise ValueError("it holds a whole number of more than 64 bits")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, deep + 1)
