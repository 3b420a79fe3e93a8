"""`${NAME}` in a source: a secret that stands in the environment and nowhere else.

The value is put in at the last moment, when the source is opened; messages, descriptions and
whatever is kept of a run have the name. The idea is that of docker compose and of systemd.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from crmlib.errors import InputError
from crmlib.passwords import (
    PSEUDONYM_KEY,
    REFERENCE,
    SHORTEST_KEY,
    SHORTEST_SECRET,
    TO_MAKE_A_KEY,
    hide_passwords,
)

SCHEME = "[A-Za-z][A-Za-z0-9+.-]*://"
IN_AN_ADDRESS = re.compile(f"{SCHEME}[^#]*")
# What stands between scheme:// and @ of an address: a user, and perhaps a password.
BEFORE_HOST = re.compile(f"{SCHEME}[^/?#@]*")
IN_A_QUERY = re.compile(rf"{SCHEME}[^?#]*\?(?:[^#]*&)?[^#&=]*=[^#&]*")


def names_in(source: str) -> tuple[str, ...]:
    """Return the environment variables that a source names, each once."""
    found = (match["name"] for match in REFERENCE.finditer(source) if not match["escape"])
    return tuple(dict.fromkeys(found))


def are_wanted() -> bool:
    """Whether ids are to be replaced by pseudonyms: the key is set.

    Raises
    ------
    InputError
        The key is too short to keep anything.
    """
    key = os.environ.get(PSEUDONYM_KEY, "")
    if 0 < len(key) < SHORTEST_KEY:
        raise InputError(
            f"The environment variable {PSEUDONYM_KEY} has fewer than {SHORTEST_KEY} signs. Make a "
            f"key with {TO_MAKE_A_KEY}, and keep it: another key gives other pseudonyms."
        )
    return bool(key)


def resolved(source: str) -> str:
    """Return a source with the values of its environment variables.

    Parameters
    ----------
    source : str
        A file or a database address. ``${NAME}`` is replaced by the variable's value, and
        ``$${`` by ``${``. In the place of a user or a password of an address, and behind the
        ``=`` of its query, the value is quoted, so that it may hold any sign.

    Returns
    -------
    str

    Raises
    ------
    InputError
        A variable is not set, or has fewer than six signs: nothing so short can be kept out of
        what a run leaves. Or its value has a number sign where that would end the address.
    """
    shown = hide_passwords(source)
    for name in names_in(source):
        value = os.environ.get(name, "")
        if name == PSEUDONYM_KEY:
            raise InputError(
                f"{shown}: ${{{name}}} is the key of pseudonyms, and cannot be a part of it."
            )
        if len(value) < SHORTEST_SECRET:
            wrong = f"has fewer than {SHORTEST_SECRET} signs" if value else "is not set, or empty"
            raise InputError(
                f"{shown}: the environment variable {name} {wrong}. Set it where this is run; "
                "a plain ${ is written $${."
            )

    def value_of(match: re.Match[str]) -> str:
        if match["escape"]:
            return match[0][1:]
        value = os.environ[match["name"]]
        if _is_quoted(source, match):
            return quote(value, safe="")
        if "#" in value and IN_AN_ADDRESS.fullmatch(source[: match.start()]):
            # What comes after it would be taken for the table, and be named in messages.
            raise InputError(
                f"{shown}: the value of {match['name']} has a number sign, which would end the "
                "address here. Take it out, or put the whole address into the variable."
            )
        return value

    return REFERENCE.sub(value_of, source)


def unresolved(text: str, names: Iterable[str]) -> str:
    """Return a message with `${NAME}` where it holds the value of such a variable."""
    for name in names:
        value = os.environ.get(name, "")
        for written in (value, quote(value, safe=""), quote(value), repr(value)[1:-1]):
            if len(written) >= SHORTEST_SECRET:
                text = text.replace(written, f"${{{name}}}")
    return text


@contextmanager
def naming(names: tuple[str, ...]) -> Iterator[None]:
    """Within this, an error that holds the value of a variable has its name instead."""
    try:
        yield
    except InputError as error:
        if not names:
            raise
        raise InputError(unresolved(str(error), names)) from None


def _is_quoted(source: str, match: re.Match[str]) -> bool:
    """Tell whether a reference stands for a user, a password, or a value of a query."""
    before, after = source[: match.start()], source[match.end() :]
    if BEFORE_HOST.fullmatch(before):
        return "@" in re.split(r"[/?#]", after)[0]
    return IN_A_QUERY.fullmatch(before) is not None
