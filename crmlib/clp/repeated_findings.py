"""The warning of page one where rows of the purchases stand in the table more than once."""

import pandas as pd

from crmlib.findings import Finding, amount


def repeated_finding(rows: int, worth: float | None = None, money: str = "") -> Finding:
    """A warning where rows stand in the table more than once.

    Parameters
    ----------
    rows : int
        Rows that do.
    worth : float, optional
        Money of their copies, from `worth_of_copies`.
    money : str
        Unit of money.
    """
    have = "1 row stands" if rows == 1 else f"{rows:,} rows stand"
    told = "" if worth is None else f"; the copies are worth {amount(worth, worth)} {money}"
    return Finding(
        f"Check first: {have} in the table more than once, equal in every column{told}.",
        "They are counted as they stand. If they were booked twice, take the copies out and run "
        "the report again: they make customers look busier than they are.",
    )


def worth_of_copies(repeated: pd.DataFrame) -> float:
    """Money that rows bring beyond the first of each.

    Parameters
    ----------
    repeated : DataFrame
        From `repeated_rows`: amount and copies.
    """
    return float((repeated["amount"] * (repeated["copies"] - 1)).sum())
