"""Numbers as people write them, and the one way of writing that a column keeps to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crmlib.tables.checks import Check, Conversion
from crmlib.tables.engine import Column, ifelse, literal, null, trim
from crmlib.tables.schemas import Column as SchemaColumn

DecimalMark = Literal[".", ","]

CODES = (
    "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|IDR|INR|JPY|KRW|MXN|MYR|NOK|NZD|PLN|RMB|RON|"
    "RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
CURRENCY = rf"(?:{CODES}|[A-Z]{{0,3}}\p{{Sc}}|元)"
# The number a program writes, with a full stop for its decimals.
PLAIN = r"^-?[0-9]+(?:\.[0-9]+)?$"
# A plain number whose full stop cannot stand between thousands.
PLAIN_DECIMAL = r"^-?(?:0[0-9]*\.[0-9]+|[0-9]+\.(?:[0-9]{1,2}|[0-9]{4,})|[0-9]{4,}\.[0-9]+)$"
LEADING_ZERO = r"^-?0[0-9]"
NOT_FINITE = r"(?i)^[-+]?(?:nan|inf|infinity|∞)$"
NARROW_BLANKS = "[\u00a0\u2009\u202f]"
LEAVE_EMPTY = "Write a number such as 1234.50, or leave the cell empty where there is none."
GROUP_MARKS = {".": ",' ", ",": ".' "}
# Whether a cell holds anything but the signs of the commonest ways to write a number.
UNUSUAL = "[^-+0-9.,]"


def _form(decimal: str) -> str:
    """Return the pattern of numbers with this decimal mark and any of its group marks."""
    groups = "|".join(f"(?:[{mark}][0-9]{{3}})+" for mark in GROUP_MARKS[decimal])
    whole = f"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{groups}))"
    return f"^[-+]? ?(?:{whole}(?:[{decimal}][0-9]+)?|[{decimal}][0-9]+)(?:[eE][-+]?[0-9]+)?$"


FORMS = {decimal: _form(decimal) for decimal in GROUP_MARKS}


@dataclass(frozen=True)
class NumberStyle:
    """How a column writes its numbers.

    Attributes
    ----------
    decimal : {".", ","}
        The sign before the decimals.
    currency : str
        The currency sign of most cells, empty for none.
    is_mixed : bool
        Whether some cells fit one decimal mark only and some the other only.
    is_plain : bool
        Whether all cells are as a program writes them.
    """

    decimal: str = "."
    currency: str = ""
    is_mixed: bool = False
    is_plain: bool = False

    @property
    def note(self) -> str:
        """What the run record says about it; empty for plain numbers."""
        decimal = "decimal commas" if self.decimal == "," else ""
        currency = f"in {self.currency}" if self.currency else ""
        return ", ".join(filter(None, [decimal, currency]))


def first_look(text: Column, column: SchemaColumn) -> dict[str, Column]:
    """Count what tells whether all cells are plain numbers."""
    value = text.try_cast("float64")
    return {
        "plain": text.count(where=text.re_search(PLAIN) & ~value.isinf()),
        "plain_decimals": text.count(where=text.re_search(PLAIN_DECIMAL)),
        "points": text.count(where=text.contains(".")),
        "leading_zeros": text.count(where=text.re_search(LEADING_ZERO)),
        "outside": text.count(where=_outside(value, column)),
    }


def is_plain(counts: Mapping[str, Any], decimal: DecimalMark | None) -> bool:
    """Tell from the first look whether the cells can be read as they stand."""
    if counts["plain"] != counts["filled"] or counts["outside"]:
        return False
    if decimal is None:
        return counts["plain_decimals"] > 0 or counts["points"] == 0
    return decimal == "." or counts["points"] == 0


def parts(text: Column) -> dict[str, Column]:
    """Return the currency sign of each cell, and the number it is under each decimal mark."""
    is_unusual = text.re_search(UNUSUAL)
    has_digit = text.re_search("[0-9]")
    usual = ifelse(is_unusual, _in_usual_signs(text), text)
    return {
        "sign": ifelse(is_unusual & has_digit, text.re_extract(CURRENCY, 0), ""),
        "point": _number(usual, "."),
        "comma": _number(usual, ","),
    }


def second_look(text: Column, parts: Mapping[str, Column]) -> dict[str, Column]:
    """Count which of the two decimal marks the cells allow."""
    point, comma = parts["point"], parts["comma"]
    return {
        "point": point.count(),
        "comma": comma.count(),
        "only_point": point.count(where=comma.isnull()),
        "only_comma": comma.count(where=point.isnull()),
        "differ": point.count(where=point != comma),
        "example": text.min(where=point != comma),
        "signs": parts["sign"].count(where=parts["sign"] != ""),
    }


def style_of(
    counts: Mapping[str, Any], currencies: Mapping[str, int], decimal: DecimalMark | None
) -> NumberStyle:
    """Settle how a column writes its numbers from what was counted."""
    found = "," if counts["only_comma"] > counts["only_point"] else "."
    # Among equally common signs the first in the alphabet, so that the choice is repeatable.
    currency = max(sorted(currencies), key=lambda sign: currencies[sign], default="")
    return NumberStyle(
        decimal=decimal or found,
        currency=currency,
        is_mixed=decimal is None and counts["only_point"] > 0 and counts["only_comma"] > 0,
    )


def doubt(counts: Mapping[str, Any], decimal: DecimalMark | None) -> tuple[str, str] | None:
    """Return what is wrong, and what to do, where no cell shows what its signs mean."""
    if decimal or counts["only_point"] or counts["only_comma"] or not counts["differ"]:
        return None
    example = counts["example"]
    sign = "," if "," in example else "."
    whole, part = example.replace(sign, ""), example.replace(sign, ".")
    grouped, decimals = ('"."', '","') if sign == "," else ('","', '"."')
    return (
        f'"{example}" can be read two ways, as {whole} or as {part}, and no cell of the column '
        "shows which is meant",
        f"Say which sign stands before the decimals: decimal={grouped} reads {whole}, "
        f"decimal={decimals} reads {part}.",
    )


def converted(
    text: Column, parts: Mapping[str, Column], style: NumberStyle, column: SchemaColumn
) -> Conversion:
    """Read text as numbers.

    Parameters
    ----------
    text : Column
        The cells, without blanks at the ends.
    parts : mapping
        What `parts` has made of them.
    style : NumberStyle
        How they are written.
    column : Column of the schema
        The range allowed.

    Returns
    -------
    Conversion
    """
    value, other = parts["point"], parts["comma"]
    marks, other_marks = "decimal points", "decimal commas"
    if style.decimal == ",":
        value, other, marks, other_marks = other, value, other_marks, marks
    is_no_number = text.notnull() & value.isnull() & other.isnull()
    most = f"most cells have {style.currency or 'none'}"
    checks = [
        Check(is_no_number & text.re_search(NOT_FINITE), "not a finite number", LEAVE_EMPTY),
        Check(
            is_no_number & text.contains("%"),
            "a percentage",
            "Write a plain number: 0.15 for 15 %.",
        ),
        Check(is_no_number, "not a number", LEAVE_EMPTY),
        Check(
            text.notnull() & value.isnull(),
            f"not a number with {marks}, as the column has them",
            f"Write the whole column with {marks} or the whole column with {other_marks}.",
        ),
        Check(value.isinf(), "not a finite number", LEAVE_EMPTY),
        Check(
            parts["sign"] != style.currency,
            f"another currency sign, or none ({most})",
            "Bring the whole column into one currency.",
        ),
    ]
    if style.is_mixed:
        checks.append(
            Check(
                value != other,
                f"a number that can be read two ways in a column with both {marks} and "
                f"{other_marks}",
                "Write the whole column in one way.",
            )
        )
    return Conversion(value, [*checks, *_range_checks(value, column)])


def from_numbers(number: Column, column: SchemaColumn) -> Conversion:
    """Read a column that holds numbers already; not-a-number counts as empty."""
    value = number.cast("float64")
    value = ifelse(value.isnan(), null("float64"), value)
    infinite = Check(value.isinf(), "not a finite number", LEAVE_EMPTY)
    return Conversion(value, [infinite, *_range_checks(value, column)])


def _range_checks(value: Column, column: SchemaColumn) -> list[Check]:
    if column.low is None or column.high is None:
        return []
    low, high = f"{column.low:g}", f"{column.high:g}"
    return [
        Check(
            _outside(value, column),
            f"not between {low} and {high}",
            f"Write a number from {low} to {high}; 15 % is 0.15.",
        )
    ]


def _outside(value: Column, column: SchemaColumn) -> Column:
    if column.low is None or column.high is None:
        return literal(False)
    return ~value.between(column.low, column.high)


def _in_usual_signs(text: Column) -> Column:
    """Return a number without its currency, with the minus and group marks of a keyboard."""
    bare = text.re_replace(CURRENCY, "").replace("−", "-").replace("’", "'")
    return trim(bare.re_replace(NARROW_BLANKS, " "), " ")


def _number(usual: Column, decimal: str) -> Column:
    """Return the number that text is with this decimal mark, null where it is none."""
    digits = usual
    for mark in GROUP_MARKS[decimal]:
        digits = digits.replace(mark, "")
    value = digits.replace(",", ".").try_cast("float64")
    return ifelse(usual.re_search(FORMS[decimal]), value, null("float64"))
