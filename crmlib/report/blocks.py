"""What a notebook shows a reader: figures, tables, findings and the record of the run.

The same call shows a block in JupyterLab and leaves its plain data in the notebook,
from which the PDF is made. Call ``use_style`` in the first code cell.
"""

import base64
import dataclasses
import html
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmlib.errors import InputError
from crmlib.report.attachments import file_bytes
from crmlib.report.charts import draw, use_style
from crmlib.report.document import BLOCK_TYPE
from crmlib.report.formatting import FormattedColumn, format_columns
from crmlib.report.read_beside import read_beside

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["figure", "finding", "run_record", "table", "use_style"]

ACCENT = "#17456B"
CAPTION_STYLE = "color:#5f6c7b;font-size:90%;text-align:left;margin:4px 0 12px"


def figure(fig: "Figure", caption: str, id: str) -> None:  # noqa: A002
    """Show a chart with its caption, and close it.

    Dollar signs in the chart's text print as dollar signs: write symbols as
    Unicode (τ, h₁), not as formulas.

    Parameters
    ----------
    fig : matplotlib Figure
        The finished chart.
    caption : str
        One or two plain sentences: what is shown, units, what the band means.
    id : str
        Name for links in the prose, ``fig-curves``: ``[the curves](#fig-curves)``.

    Raises
    ------
    InputError
        If the id does not begin with ``fig-``.
    """
    _check_id(id, "fig-")
    svg, png, texts = draw(fig)
    _close(fig)
    block = {"kind": "figure", "id": id, "caption": caption, "svg": svg, "texts": texts}
    data = {"image/png": base64.b64encode(png).decode(), "text/plain": caption}
    # A PNG names its size in points of paper; half of it is sharp on dense screens.
    width, height = (int.from_bytes(png[at : at + 4]) // 2 for at in (16, 20))
    _show(data, block, {"image/png": {"width": width, "height": height}})
    shown = f'<p id="{id}" style="{CAPTION_STYLE}">{_lines(caption)}</p>'
    _show({"text/html": shown, "text/plain": ""}, {"kind": "caption"})


def table(
    df: "pd.DataFrame | pd.Series",
    caption: str,
    id: str,  # noqa: A002
    rows: int = 20,
    decimals: int | None = None,
) -> None:
    """Show a table with its caption: numbers aligned right with sensible digits.

    Column names in snake_case become words. Columns named ``…_share`` (fractions) and
    ``…_percent`` print with a percent sign. An index that means something is shown as
    the first column.

    Parameters
    ----------
    df : pandas DataFrame or Series
        The table.
    caption : str
        One or two plain sentences.
    id : str
        Name for links in the prose, ``tab-stages``: ``[the stages](#tab-stages)``.
    rows : int
        How many rows to show; a longer table says how many it has in all.
    decimals : int, optional
        Digits after the point of all numbers that are not whole; by default about three
        significant digits.

    Raises
    ------
    InputError
        If the id does not begin with ``tab-``.
    """
    _check_id(id, "tab-")
    shown = [(name, values.iloc[:rows]) for name, values in _columns(df)]
    columns = format_columns(shown, decimals)
    note = "" if len(df) else "No rows."
    if len(df) > rows:
        note = f"First {rows:,} of {len(df):,} rows."
    block = {
        "kind": "table",
        "id": id,
        "caption": caption,
        **_cells(columns),
        "note": note,
    }
    plain = "\n".join([caption, df.head(rows).to_string(), note])
    _show({"text/html": _table_html(block), "text/plain": plain}, block)


def finding(text: str, detail: str = "") -> None:
    """Show one finding: a plain sentence with its number, and what explains it.

    Findings in cells tagged ``summary`` are listed on page one of the report.
    """
    shown = (
        f'<div style="border-left:3px solid {ACCENT};padding:2px 0 2px 12px;margin:6px 0">'
        f"<strong>{_lines(text)}</strong>" + (f"<br>{_lines(detail)}" if detail else "") + "</div>"
    )
    plain = f"{text}\n{detail}".strip()
    _show(
        {"text/html": shown, "text/plain": plain},
        {"kind": "finding", "text": text, "detail": detail},
    )


def attachment(df: "pd.DataFrame", name: str) -> None:
    """Give a table along as a file beside the report: every row, for people to work with.

    A link in JupyterLab; with `crmlib report` the file lies in the report's folder. Text that a
    spreadsheet would run as a formula is made harmless.

    Parameters
    ----------
    df : pandas DataFrame
        The rows to hand over; no more personal data than the reader needs.
    name : str
        File name ending in ``.csv`` or ``.xlsx``.

    Raises
    ------
    InputError
        If the name is not a plain file name.
    """
    content = base64.b64encode(file_bytes(df, name)).decode()
    block = {"kind": "attachment", "name": name, "rows": len(df), "content": content}
    kind = "text/csv" if name.endswith(".csv") else "application/octet-stream"
    shown = f'<a download="{name}" href="data:{kind};base64,{content}">{name}</a>, {len(df):,} rows'
    _show({"text/html": shown, "text/plain": f"{name}, {len(df):,} rows"}, block)


def run_record(*tables: Any, seed: int | None = None, period: Any = None) -> None:
    """Show which inputs the notebook used; its last code cell.

    Parameters
    ----------
    *tables : objects with a ``description``
        The checked tables, as ``crmlib.tables.read`` returns them.
    seed : int, optional
        The seed of everything random in the notebook.
    period : pair of dates, optional
        First and last day that the report speaks of, shown on page one.
    """
    inputs = [_plain_data(_as_mapping(table.description)) for table in tables]
    block = {
        "kind": "run_record",
        "inputs": inputs,
        "read_beside": read_beside(inputs),
        "seed": None if seed is None else int(seed),
        "period": None if period is None else [_day(day) for day in period],
    }
    columns = format_columns(_record_columns(inputs))
    caption = "Inputs of this run" + ("" if seed is None else f", seed {seed}")
    shown = {"id": "run-record", "caption": caption, **_cells(columns), "note": ""}
    plain = "\n".join(f"{table['source']}: {table['rows']} rows" for table in inputs)
    _show({"text/html": _table_html(shown), "text/plain": plain}, block)


def _record_columns(inputs: list[dict[str, Any]]) -> "list[tuple[str, pd.Series]]":
    import pandas as pd

    dates = [
        f"{table.get('first_date') or '–'} to {table.get('last_date') or '–'}" for table in inputs
    ]
    columns = {name: [table.get(name) for table in inputs] for name in ("source", "kind", "rows")}
    return [
        (name, pd.Series(cells, dtype=object))
        for name, cells in (columns | {"dates": dates}).items()
    ]


def _cells(columns: list[FormattedColumn]) -> dict[str, list[Any]]:
    return {
        "headings": [column.heading for column in columns],
        "align": [column.align for column in columns],
        "rows": [list(row) for row in zip(*(column.cells for column in columns), strict=True)],
    }


def _check_id(identifier: str, prefix: str) -> None:
    if not re.fullmatch(prefix + r"[a-z0-9]+(-[a-z0-9]+)*", identifier):
        raise InputError(
            f'the id "{identifier}" must be "{prefix}" followed by small letters, digits '
            f'and single hyphens, such as "{prefix}overview"'
        )


def _close(fig: "Figure") -> None:
    from matplotlib import pyplot

    pyplot.close(fig)  # else JupyterLab would show it a second time


def _columns(df: "pd.DataFrame | pd.Series") -> "list[tuple[str, pd.Series]]":
    """Return the columns with their names, after the levels of an index that means something."""
    import pandas as pd

    frame = df.to_frame() if isinstance(df, pd.Series) else df
    columns = [(_name(name), frame.iloc[:, at]) for at, name in enumerate(frame.columns)]
    index = frame.index
    if index.nlevels == 1 and index.name is None and pd.api.types.is_integer_dtype(index.dtype):
        return columns  # it only counts the rows
    levels = [
        ("" if name is None else _name(name), pd.Series(index.get_level_values(at)))
        for at, name in enumerate(index.names)
    ]
    return [*levels, *columns]


def _name(name: Any) -> str:
    return " · ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _table_html(block: Mapping[str, Any]) -> str:
    sides = [f'style="text-align:{side}"' for side in block["align"]]
    head = "".join(
        f"<th {side}>{_lines(heading)}</th>"
        for heading, side in zip(block["headings"], sides, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td {side}>{_lines(cell)}</td>" for cell, side in zip(row, sides, strict=True))
        + "</tr>"
        for row in block["rows"]
    )
    note = f'<p style="{CAPTION_STYLE}">{block["note"]}</p>' if block["note"] else ""
    return (
        f'<table id="{block["id"]}"><caption style="{CAPTION_STYLE}">'
        f"{_lines(block['caption'])}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"
    )


def _lines(text: str) -> str:
    """Return text as HTML that prints as itself."""
    # JupyterLab sets formulas in HTML too; it finds none whose signs stand in spans.
    signs: dict[str, str | int | None] = {
        "$": "<span>$</span>",
        "\\": "<span>\\</span>",
        "\n": "<br>",
    }
    return html.escape(text).translate(str.maketrans(signs))


def _as_mapping(description: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(description) and not isinstance(description, type):
        return dataclasses.asdict(description)
    return dict(description)


def _plain_data(value: Any) -> Any:
    """Return a value as JSON can hold it: dates as ISO text, NumPy numbers as Python's."""
    if isinstance(value, Mapping):
        return {str(key): _plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_data(item) for item in value]
    if hasattr(value, "isoformat"):
        return _day(value)
    if hasattr(value, "item"):
        return value.item()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _day(value: Any) -> str:
    """Return the day of a date, timestamp or ISO text."""
    return value.isoformat()[:10] if hasattr(value, "isoformat") else str(value)


def _show(
    data: dict[str, Any], block: dict[str, Any], metadata: dict[str, Any] | None = None
) -> None:
    """Hand a block to the notebook; outside a notebook print its plain text."""
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display({**data, BLOCK_TYPE: block}, raw=True, metadata=metadata or {})
            return
    if data["text/plain"]:
        print(data["text/plain"])
