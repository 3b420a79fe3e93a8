"""What the tests that try any file, parameter or period have in common.

With CRMLIB_FUZZ set, fifty times as many are tried, other ones each time.
"""

import os
from datetime import date

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

LONG = bool(os.environ.get("CRMLIB_FUZZ"))
PIECES = [
    *"{}[]=\"'\n.,#$\\/:-+_0é華\0\u2028\ufeff",
    *("north", "1979-05-27", "07:32:00", "inf", "nan", "true", "1e9", "-1", str(2**63 - 1)),
    *("jobs", "for", "parameters", "notebook", "keep", "${CRM_HOOK}", "${X}", "$${X}", "{as_of}"),
    *(f'"{name}"' for name in ["../..", "/etc", "30 min", "4 GB", "", "a/b", "{last_week.end}"]),
    *("[jobs.a]", "[[jobs]]", '"""', "'''", "\r\n", "\\u0000", "segmentation/value", "clp/broken"),
    *("9" * 5000, "[" * 2000, "a." * 2000 + "b = 1", "{0.__class__}", "%s", "`id`", "$(id)"),
]
PIECE = st.sampled_from(PIECES) | st.text(max_size=5)
TEXTS = st.sampled_from(PIECES) | st.sampled_from(["north", "30 min", "4 GB", "{as_of}", "a"])
SCALARS = TEXTS | st.booleans() | st.integers(-9, 2**64) | st.floats() | st.dates()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.sampled_from(["last", "month_ends"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PARAMETER = st.sampled_from(
    ["source", "region", "margin_rate", "period", "columns", "cuts", "seed", "sorce"]
)


def fuzz(max_examples):
    return settings(
        max_examples=max_examples * (50 if LONG else 1),
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def tried(function, *arguments, errors):
    """Result and None, or None and the message of one of these errors."""
    try:
        return function(*arguments), None
    except errors as error:
        return None, str(error)


def as_toml(value) -> str:
    if isinstance(value, dict):
        pairs = (f"{as_toml(str(key))} = {as_toml(item)}" for key, item in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = all(sign.isprintable() and sign not in '"\\' for sign in value)
        return f'"{value}"' if plain else '"' + "".join(map(escaped, value)) + '"'
    return value.isoformat() if isinstance(value, date) else repr(value)


def escaped(sign: str) -> str:
    return f"\\U{ord(sign):08x}"


def fits(value, declared):
    """What a declared type means, said a second time."""
    match declared.kind:
        case "none":
            return value is None
        case "literal":
            return any(
                value == choice and type(value) is type(choice) for choice in declared.members
            )
        case "union":
            return any(fits(value, member) for member in declared.members)
        case "list":
            return type(value) is list and all(fits(item, declared.members[0]) for item in value)
        case "dict":
            return type(value) is dict and all(
                type(key) is str and fits(item, declared.members[0]) for key, item in value.items()
            )
        case "float":
            return type(value) is float and abs(value) < float("inf")
    return type(value).__name__ == declared.kind
