"""Lists that go with a report, as files a spreadsheet opens without running anything in them."""

import io
import re
from typing import TYPE_CHECKING, Any

from crmlib.errors import InputError
from crmlib.report.zip_files import rewritten

if TYPE_CHECKING:
    import pandas as pd

FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\.(csv|xlsx)")
# A spreadsheet takes text that begins like this for a formula. Some take the wide signs of East
# Asian typing for the plain ones, and some pass over what nobody sees.
UNSEEN = (
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*"
)
FORMULA_START = re.compile(rf"^{UNSEEN}[=+\-@|%＝＋－＠｜％﹦﹢﹣﹫]|^[\t\r\n]")
# Where a list separator is a semicolon, Excel cuts the cells of a CSV file at semicolons, and
# then at line ends too; a cell that was one is several.
HIDDEN_START = re.compile(rf"([;\t\r\n])(?={UNSEEN}[=+\-@|%＝＋－＠｜％﹦﹢﹣﹫])")
# What no part of an Excel file may hold.
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def file_bytes(df: "pd.DataFrame", name: str) -> bytes:
    """Write a table as CSV or Excel, the same bytes every time.

    Text that a spreadsheet would take for a formula is given a leading apostrophe; numbers and
    dates stay what they are.

    Parameters
    ----------
    df : DataFrame
    name : str
        File name in small letters, digits, hyphens and underscores, ending in .csv or .xlsx.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        When the name is not of that form.
    """
    if not FILE_NAME.fullmatch(name):
        raise InputError(
            f'The file name "{name}" must be small letters, digits, hyphens and underscores, '
            "ending in .csv or .xlsx."
        )
    safe = df.rename(columns=as_text_not_formula).map(as_text_not_formula)
    if name.endswith(".csv"):
        safe = safe.rename(columns=_in_one_cell).map(_in_one_cell)
        text = safe.to_csv(index=False, lineterminator="\r\n")
        # The mark at the start tells Excel that the text is UTF-8.
        return text.encode("utf-8-sig", "replace")
    safe = safe.rename(columns=_for_excel).map(_for_excel)
    buffer = io.BytesIO()
    safe.to_excel(buffer, index=False, engine="openpyxl")
    return without_clock(buffer.getvalue())


def as_text_not_formula(value: Any) -> Any:
    """Return text that begins like a formula with an apostrophe before it."""
    if isinstance(value, str) and FORMULA_START.match(value):
        return f"'{value}"
    return value


def _in_one_cell(value: Any) -> Any:
    """Return text no part of which is a formula, wherever a spreadsheet cuts it."""
    return HIDDEN_START.sub(r"\1'", value) if isinstance(value, str) else value


def _for_excel(value: Any) -> Any:
    """Return text without the control signs that an Excel file cannot hold."""
    return NOT_IN_XML.sub("\ufffd", value) if isinstance(value, str) else value


def without_clock(workbook: bytes) -> bytes:
    """Return an Excel file without the times at which it was made."""
    return rewritten(workbook, _without_times)


def _without_times(name: str, part: bytes) -> bytes:
    if name != "docProps/core.xml":
        return part
    return re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"1980-01-01T00:00:00Z", part)
