"""Passwords in the addresses of databases, `${NAME}`, which stands for one, and the key.

What reads tables and what makes reports have these rules in common.
"""

import os
import re

PSEUDONYM_KEY = "CRMLIB_PSEUDONYM_KEY"
"""Names the environment variable with the key of pseudonyms."""

SHORTEST_SECRET = 6
"""Signs a secret must have: a shorter one would be found in words it has nothing to do with."""

SHORTEST_KEY = 16
"""Signs that the key of pseudonyms must have."""

TO_MAKE_A_KEY = 'python -c "import secrets; print(secrets.token_hex(32))"'

HIDDEN = "…"
REFERENCE = re.compile(r"\$(?P<escape>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")

NAME = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
# A password can hold a quotation mark; one that ends what is quoted has no letter after it.
END_OF_QUOTE = r"[\"'`](?=[\s,;:)\]}<>.\\&]|$)"
USER = re.compile(rf"(?<=[A-Za-z0-9+.-])://(?:(?!{END_OF_QUOTE})[^\s:/@\\])*:")
QUOTED = re.compile(END_OF_QUOTE)
AFTER_A_KEY = re.compile(
    r"(?P<key>(?:password|passwd|pwd)=)"
    rf"(?!{NAME}(?:[&#\s<\"'`\\]|$)|\"\"|'')"
    r"(?:(?P<mark>\\{0,7}[\"'])(?:(?!(?P=mark))[^\n])+(?=(?P=mark))"
    rf"|(?:(?!{END_OF_QUOTE}|</|<br)[^&#\s])+)",
    re.IGNORECASE,
)


def fault_of_pseudonym_key(is_needed: bool = False) -> str:
    """Say why pseudonyms cannot be made, or nothing.

    Parameters
    ----------
    is_needed : bool
        Whether the key must be there; even when it need not be, an empty one is a fault: whoever
        set it wanted pseudonyms.
    """
    key = os.environ.get(PSEUDONYM_KEY)
    if key is None:
        wrong = "is not set, and there are no pseudonyms without it" if is_needed else ""
    elif not key:
        wrong = "is set but empty; give it the key, or unset it to do without pseudonyms"
    else:
        few = f"has fewer than {SHORTEST_KEY} signs; make a key with "
        wrong = few + TO_MAKE_A_KEY if len(key) < SHORTEST_KEY else ""
    return f"the environment variable {PSEUDONYM_KEY} {wrong}" if wrong else ""


def hide_passwords(text: str) -> str:
    """Return text with … in place of each password of a database address.

    Parameters
    ----------
    text : str
        An address, or anything with addresses in it, such as a message or the text of a cell.

    Returns
    -------
    str
        Without what stands between `scheme://user:` and `@`, and behind `password=`, `passwd=`
        or `pwd=`. A lone `${NAME}` there is no password.
    """
    if "://" in text:
        text = re.sub(r"\S+", _hide_in_word, text)
    return AFTER_A_KEY.sub(rf"\g<key>\g<mark>{HIDDEN}", text)


def _hide_in_word(word: re.Match[str]) -> str:
    text = word[0]
    if "://" not in text or "@" not in text:
        return text
    parts = []
    done = 0
    while user := USER.search(text, done):
        quoted = QUOTED.search(text, user.end())
        end = quoted.start() if quoted else len(text)
        # The last one: a password can hold an @.
        host = text.rfind("@", user.end(), end)
        if host < 0:
            parts.append(text[done:end])
            done = end
            continue
        password = text[user.end() : host]
        parts += [
            text[done : user.end()],
            password if re.fullmatch(NAME, password) else HIDDEN,
        ]
        done = host
    return "".join([*parts, text[done:]])
