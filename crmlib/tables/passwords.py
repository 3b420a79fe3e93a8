"""Passwords in the addresses of databases: no message holds one."""

import re

NAME = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"


def without_password(text: str) -> str:
    """Return a URL, or a message with one in it, without its password; `${NAME}` is none."""
    text = re.sub(rf"(://[^/\s:@]*):(?!{NAME}@[^@\s]*(?:\s|$))\S*@", r"\1:…@", text)
    return re.sub(rf"(?i)\b(password|passwd|pwd)=(?!{NAME}(?:[&#\s]|$))[^&#\s]*", r"\1=…", text)
