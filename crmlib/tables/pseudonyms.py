"""Pseudonyms: who a customer is stays with those who have the key.

Where the environment variable `CRMLIB_PSEUDONYM_KEY` is set, every table that is read has a
pseudonym in place of each id: the first 16 hex digits of ``sha256(k + sha256(k + id))``, with k
the SHA-256 of the key in hex. Keying at both ends, as in HMAC (RFC 2104), makes the key needed to
tell whose pseudonym it is, however few ids there are to try. The engine that holds the table works
it out, so the same id has the same pseudonym in every table of every engine, and tables still join.
The engine is given k and never the key itself. A server's log of statements may hold k; whoever
reads that log has the ids as well.
"""

import hashlib
import os
import re

from crmlib.tables.engine import Column, Table, ifelse, literal, null, sha256_hex
from crmlib.tables.faults import quoted
from crmlib.tables.fields import Field
from crmlib.tables.schemas import columns_of
from crmlib.tables.secrets import PSEUDONYM_KEY, are_wanted

DIGITS = 16
# A telephone number has seven digits at the least.
FEWEST_DIGITS = 7
NO_PLACE = "@pseudonym.invalid"
"""Makes a contact's pseudonym look like an address; RFC 2606 keeps `.invalid` for nobody."""

# Headers of further columns that say who somebody is.
WHO = re.compile(
    r"mail|phone|telefon|mobile|fax|contact|kontakt|address|adresse|street|strasse|straße"
    r"|postcode|zip|birth|geburt|iban|passport|姓名|名字|电话|手机|邮箱|邮件|地址|联系|身份证|生日",
    re.IGNORECASE,
)
NAME = re.compile(r"name|名称", re.IGNORECASE)
# Whose name it is, where it is nobody's.
THINGS = re.compile(
    r"product|item|article|brand|campaign|segment|channel|categor|file|产品|商品", re.IGNORECASE
)


def hides(field: Field) -> bool:
    """Whether no message may show a cell of this column."""
    return are_wanted() and (field.column.personal is not None or says_who(field))


def says_who(field: Field) -> bool:
    """Whether a column that is none of ours seems to say who somebody is."""
    header = field.theirs
    is_name = NAME.search(header) and not THINGS.search(header)
    return field.is_extra and bool(WHO.search(header) or is_name)


def with_pseudonyms(table: Table, kind: str, fields: list[Field]) -> tuple[Table, list[str]]:
    """Replace what tells people: ids, names and contacts.

    Parameters
    ----------
    table : Table
        A checked table.
    kind : str
        Its kind.
    fields : list of Field
        What its columns were read from.

    Returns
    -------
    tuple
        The table, with the pseudonym of its row in place of a name, a pseudonym that is no
        address in place of a contact, and without further columns whose header says who
        somebody is; and notes for the run record. Without a key, the table as it is.
    """
    if not are_wanted():
        return table, []
    left_out = [field.column.name for field in fields if says_who(field)]
    known = {column.name: column for column in columns_of(kind) if column.name in table.columns}
    whose = next((name for name, column in known.items() if column.personal == "id"), None)
    replaced = {}
    for name, column in known.items():
        cells = table[name]
        if column.personal == "id":
            replaced[name] = pseudonym(cells)
        elif column.personal == "name" and whose:
            replaced[name] = ifelse(cells.isnull(), null("string"), pseudonym(table[whose]))
        elif column.personal == "contact":
            replaced[name] = _contact(cells)
    notes = [f"pseudonyms in place of {', '.join(replaced)}"] if replaced else []
    if left_out:
        notes.append(f"left out, because the header says who somebody is: {quoted(left_out)}")
    return table.mutate(**replaced).drop(*left_out), notes


def pseudonym(cells: Column) -> Column:
    """Return the pseudonyms of text; of nothing nothing."""
    key = literal(hashlib.sha256(_key()).hexdigest())
    return sha256_hex(key + sha256_hex(key + cells)).substr(0, DIGITS)


def _key() -> bytes:
    return os.environ[PSEUDONYM_KEY].encode("utf-8", "surrogateescape")


def _contact(cells: Column) -> Column:
    """Return for each address or number another: the same for the same, however it is written."""
    bare = cells.lower().re_replace(r"\s", "")
    is_address = bare.contains("@")
    is_number = bare.re_replace("[^0-9]", "").length() >= FEWEST_DIGITS
    plain = ifelse(is_address, bare, bare.re_replace(r"[().\-/]", ""))
    is_contact = is_address | is_number
    return ifelse(is_contact, pseudonym(plain) + NO_PLACE, null("string"))
