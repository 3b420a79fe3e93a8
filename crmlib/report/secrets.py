"""Passwords in database addresses: they never reach a file that a run leaves."""

import json
import re
from typing import Any

# scheme://user:password@host, in plain text and in JSON text alike; a password can hold an @.
PASSWORD = re.compile(r"(?P<user>\b[a-z][a-z0-9+.-]*://[^\s:/@\"'\\]*):[^\s\"'\\]*@")


def hide_passwords(text: str) -> str:
    """Return text with … in place of each password of a database address."""
    return PASSWORD.sub(r"\g<user>:…@", text)


def hide_passwords_within(value: Any) -> Any:
    """Return data as JSON holds it, with all its text treated so."""
    return json.loads(hide_passwords(json.dumps(value, ensure_ascii=False, default=str)))
