"""`crmlib check`: whether a table can be read, and what is in it."""

from typing import Any, Literal

import click

SET_ASIDE_SHOWN = 20  # rows that `crmlib check --set-aside` lists one by one

CHECK_EXAMPLES = """\b
Examples:
  crmlib check transactions purchases.csv
  crmlib check transactions purchases.csv --columns amount=dollar_value,date=order_date
"""


@click.command("check", epilog=CHECK_EXAMPLES)
@click.argument("kind")
@click.argument("file")
@click.option(
    "--columns",
    metavar="OURS=THEIRS,…",
    default="",
    help="Which of the file's columns is which, for those with another name.",
)
@click.option(
    "--date-order",
    type=click.Choice(["year first", "day first", "month first"]),
    help="How dates are written, where the file does not tell.",
)
@click.option("--decimal", type=click.Choice([".", ","]), help="The decimal sign.")
@click.option(
    "--set-aside", is_flag=True, help="Go on without faulty rows instead of refusing the file."
)
def check(
    kind: str,
    file: str,
    columns: str,
    date_order: Literal["year first", "day first", "month first"] | None,
    decimal: Literal[".", ","] | None,
    set_aside: bool,
) -> None:
    """See whether FILE can be read as a table of KIND, and what is in it.

    KIND is customers, transactions, activities, complaints, responses or frame (a list to draw
    a sample from). FILE is a CSV, Parquet or Excel file, or a database such as
    sqlite:///shop.db#sales.
    """
    renamed = _column_names(columns)
    from crmlib import tables

    table = tables.read(
        file,
        kind=kind,
        columns=renamed,
        date_order=date_order,
        decimal=decimal,
        faulty_rows="set aside" if set_aside else "stop",
    )
    click.echo(_summary(tables.describe(table)))
    for row in table.set_aside.head(SET_ASIDE_SHOWN).itertuples():
        click.echo(f"  row {row.row}: {row.reason}: {row.value}".rstrip(": "))
    if len(table.set_aside) > SET_ASIDE_SHOWN:
        click.echo(f"  and {len(table.set_aside) - SET_ASIDE_SHOWN:,} more")


def _column_names(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")] if text else []
    wrong = [ours for ours, sign, theirs in pairs if not (ours.strip() and sign and theirs.strip())]
    if wrong:
        raise click.BadParameter(
            f"write it as amount=dollar_value,date=order_date, not {text}",
            param_hint="--columns",
        )
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _summary(facts: dict[str, Any]) -> str:
    missing = [f"{cells:,} in {name}" for name, cells in facts["missing_cells"].items() if cells]
    lines = [f"{facts['source']}: {facts['kind']}, {facts['rows']:,} rows"]
    if facts["first_date"]:
        lines.append(f"dates          {facts['first_date']} to {facts['last_date']}")
    lines.append(f"missing cells  {', '.join(missing) or 'none'}")
    lines.append(f"rows set aside {facts['set_aside']:,}")
    if facts["sha256"]:
        lines.append(f"SHA-256        {facts['sha256']}")
    return "\n".join(lines + [f"note           {note}" for note in facts["notes"]])
