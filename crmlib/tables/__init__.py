"""Read tables as people have them, check them, describe them; and the example company.

    from crmlib import tables

    transactions = tables.read("data/transactions.csv", kind="transactions")

Everything but the schemas is imported when it is first used, so that the command line
starts fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

from crmlib.tables.schemas import KINDS, Column

if TYPE_CHECKING:
    from crmlib.tables import example
    from crmlib.tables.baskets import baskets_of, read_baskets
    from crmlib.tables.companions import companion
    from crmlib.tables.reading import CheckedTable, as_expression, as_frame, describe, read

__all__ = [
    "KINDS",
    "CheckedTable",
    "Column",
    "as_expression",
    "as_frame",
    "baskets_of",
    "companion",
    "describe",
    "example",
    "read",
    "read_baskets",
]


def __getattr__(name: str) -> Any:
    if name == "example":
        return importlib.import_module("crmlib.tables.example")
    if name == "companion":
        return importlib.import_module("crmlib.tables.companions").companion
    if name in ("baskets_of", "read_baskets"):
        return getattr(importlib.import_module("crmlib.tables.baskets"), name)
    if name in __all__:
        return getattr(importlib.import_module("crmlib.tables.reading"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
