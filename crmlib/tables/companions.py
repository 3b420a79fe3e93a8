"""Tables that go with a source: the example company's go with the example company only."""

from pathlib import Path

from crmlib.errors import InputError
from crmlib.tables.places import places_of
from crmlib.tables.secrets import resolved

EXAMPLE = frozenset(
    [
        "activities",
        "complaints",
        "contacts",
        "customers",
        "events",
        "ledger",
        "questions",
        "referrals",
        "responses",
        "study",
        "study_questions",
        "transactions",
        "truth/future",
    ]
)
"""Files of the example company that reports begin with, in the folder ``data``."""


def companion(path: str | None, source: str) -> str | None:
    """Table that goes with a source, or None where it is another company's.

    Notebooks begin with the tables of the example company. Who gives a source of their own and
    leaves the names of the example's customers as they are must not get these names.

    Parameters
    ----------
    path : str or None
        A further table: names of customers, complaints and so on.
    source : str
        The table that a report is about: a file or a database address.

    Returns
    -------
    str or None
        ``path``, or None when it is a file of the example company and the source is not.
    """
    if path is None or (is_of_example(path) and not is_of_example(source)):
        return None
    return path


def is_of_example(source: str) -> bool:
    """Whether a source is one of the example company's files."""
    try:
        source = resolved(source)
    except InputError:
        return False  # whoever opens it is told
    places = [] if "://" in source else places_of(source)
    return bool(places) and places[0].resolve() in {
        example_folder() / f"{name}.csv" for name in EXAMPLE
    }


def example_folder() -> Path:
    """Folder of the example company's tables."""
    found = places_of("data/truth/customers.csv")
    return found[0].resolve().parents[1] if found else Path(__file__).resolve().parents[2] / "data"
