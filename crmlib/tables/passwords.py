"""Passwords in the addresses of databases: no message holds one."""

import re


def without_password(text: str) -> str:
    """Return a URL, or a message with one in it, without its password."""
    text = re.sub(r"(://[^/\s:@]*):\S*@", r"\1:…@", text)
    return re.sub(r"(?i)\b(password|passwd|pwd)=[^&#\s]*", r"\1=…", text)
