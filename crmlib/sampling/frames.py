"""The sampling frame: whether a sample can be drawn from a list of customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlib.columns import listed
from crmlib.errors import InputError
from crmlib.sampling.sizes import check_whole

Mask = NDArray[np.bool_]

NO_CONTACT = frozenset(
    {"", "-", "--", "?", ".", "n/a", "na", "n.a.", "nan", "none", "null", "unknown", "x"}
)
"""What people write in a contact column when they have nothing to write, in small letters."""

E_MAIL = r"[^@\s,;:<>()]+@[^@\s,;:<>().]+(?:\.[^@\s,;:<>().]+)*\.[^\W\d_][\w-]*[^\W_]"
TELEPHONE = r"\+?(?:[\s().\-/]*\d){7,15}[\s)]*"

YES = frozenset({"true", "yes", "y", "1", "1.0", "x", "opted out", "opt-out", "optout"})
NO = frozenset({"false", "no", "n", "0", "0.0", "opted in", "opt-in", "optin"})

LOST_GOOD, LOST_STOP = 0.05, 0.5
"""Share of the revenue (or rows) out of reach: good up to the first, stop above the second."""


@dataclass(frozen=True)
class FrameCheck:
    """What a frame is good for.

    Attributes
    ----------
    checks : DataFrame
        One row per check: check, rows (affected), share (of all rows), share_of_revenue (of the
        ``size`` column, NaN without one), severity ("stop": mend it before a sample is drawn,
        "look": decide, "good"), what_to_do.
    lists : dict of str to DataFrame
        The rows behind each check that found some: the columns concerned, with the number of
        the row in the frame, from 1, as index.
    usable : Series of bool
        Index of the frame: whether the row can be drawn and invited. It has an id, a contact
        that is neither missing nor malformed, no opt-out under its own or another row of the
        same id or contact, and a stratum, as far as the columns are given; and it is the first
        such row of its id. Rows that share a contact or an account stay usable.
    strata : DataFrame
        stratum, rows, usable, share_usable, share_of_revenue; no rows without ``strata``.
    revenue_coverage : float
        Share of the revenue that the usable rows stand for; NaN without ``size``.
    """

    checks: pd.DataFrame
    lists: dict[str, pd.DataFrame]
    usable: pd.Series
    strata: pd.DataFrame
    revenue_coverage: float


@dataclass(frozen=True)
class Finding:
    """One check: the rows affected, how bad that is and what to do."""

    check: str
    rows: Mask
    severity: str
    what_to_do: str
    columns: Sequence[str | None]


def check_frame(
    frame: pd.DataFrame,
    *,
    id: str,  # noqa: A002
    contact: str | None = None,
    opted_out: str | None = None,
    account: str | None = None,
    size: str | None = None,
    strata: str | None = None,
    minimum_stratum: int = 30,
) -> FrameCheck:
    """Look for what would spoil a sample drawn from a frame. The frame is not changed.

    Parameters
    ----------
    frame : DataFrame
        One row per customer, or per contact person of a customer.
    id : str
        Column that identifies a row.
    contact : str, optional
        Column with e-mail addresses or telephone numbers, mixed if need be. Two are the same when
        they differ only in capitals, spaces and the signs between the digits.
    opted_out : str, optional
        Column that says who must not be asked: true or false, 1 or 0, yes or no, or the date of
        the opt-out. Empty is not recorded, and counts as not opted out.
    account : str, optional
        Column with the customer that a contact person belongs to.
    size : str, optional
        Column with the revenue, or whatever else says how much a row matters.
    strata : str, optional
        Column with the stratum.
    minimum_stratum : int
        Strata with fewer usable rows are small.

    Returns
    -------
    FrameCheck

    Raises
    ------
    InputError
        When the frame is empty, a column is not there or its cells cannot be understood.

    Notes
    -----
    Rows in a check are all rows concerned: both of a pair with the same id. Shares of revenue
    take missing and negative sizes as 0. Up to 5 % of the revenue (without ``size``: of the rows)
    out of reach counts as good, more than half as a stop. Source: Lohr (2022), Sampling: Design
    and Analysis, section 1.3; Lessler and Kalsbeek (1992), Nonsampling Error in Surveys, part 2.
    """
    check_columns(frame, [id, contact, opted_out, account, size, strata])
    check_whole("minimum_stratum", minimum_stratum)
    revenue = None if size is None else sizes_of(frame, size)
    keys = as_text(frame[id])
    no_id = keys.eq("").to_numpy()
    repeated = keys.duplicated(keep=False).to_numpy() & ~no_id
    findings = [
        Finding("no id", no_id, "stop", "Give every row an id of its own.", [id]),
        Finding("id repeated", repeated, "stop", "Keep one row per id.", [id, contact, account]),
    ]
    usable = ~no_id
    contacts = pd.Series("", index=keys.index)
    if contact is not None:
        contacts, found = contact_findings(frame[contact], id, contact)
        findings += found
        usable &= ~found[0].rows & ~found[1].rows
    if opted_out is not None:
        found = opt_out_findings(frame, keys, contacts, opted_out, [id, contact])
        findings += found
        usable &= ~found[0].rows & ~found[1].rows
    if account is not None:
        findings.append(account_finding(frame[account], id, account))
    if revenue is not None:
        findings.append(size_finding(frame[size], id, str(size)))
    if strata is not None:
        no_stratum = as_text(frame[strata]).eq("").to_numpy()
        usable &= ~no_stratum
        to_do = "Give every row a stratum: without one it cannot be drawn."
        findings.append(Finding("no stratum", no_stratum, "stop", to_do, [id, strata]))
    usable[usable] = ~keys[usable].duplicated().to_numpy()
    table = strata_table(frame, strata, usable, revenue)
    if strata is not None:
        findings.append(small_strata_finding(frame[strata], table, minimum_stratum, id, strata))
    findings.append(coverage_finding(usable, revenue, [id, contact, opted_out, strata]))
    return FrameCheck(
        checks=table_of_checks(findings, revenue),
        lists={found.check: listed_rows(frame, found) for found in findings if found.rows.any()},
        usable=pd.Series(usable, index=frame.index, name="usable"),
        strata=table,
        revenue_coverage=share_of(revenue, usable),
    )


def contact_findings(column: pd.Series, id_: str, contact: str) -> tuple[pd.Series, list[Finding]]:
    """Contacts made comparable, and those missing, malformed and repeated."""
    text = as_text(column)
    missing = text.str.lower().isin(NO_CONTACT).to_numpy()
    valid = text.str.fullmatch(E_MAIL).to_numpy(dtype=bool, copy=True)
    valid[~valid] = text[~valid].str.fullmatch(TELEPHONE)
    malformed = ~missing & ~valid
    keys = comparable_contacts(text).mask(missing, "")
    repeated = keys.duplicated(keep=False).to_numpy() & ~missing
    columns = [id_, contact]
    return keys, [
        Finding(
            "no contact",
            missing,
            "look",
            "Find the contacts, or say in the report that these customers are not represented.",
            columns,
        ),
        Finding(
            "contact malformed",
            malformed,
            "look",
            "Correct what is neither an e-mail address nor a telephone number.",
            columns,
        ),
        Finding(
            "contact repeated",
            repeated,
            "look",
            "Find out whether it is one customer listed twice (keep one row) or several who share "
            "a contact; otherwise one person is invited more than once.",
            columns,
        ),
    ]


def comparable_contacts(text: pd.Series) -> pd.Series:
    """Contacts without capitals and spaces, telephone numbers without signs between digits."""
    plain = text.str.lower().str.replace(r"\s", "", regex=True)
    telephone = ~plain.str.contains("@", regex=False)
    return plain.where(~telephone, plain.str.replace(r"[().\-/]", "", regex=True))


def opt_out_findings(
    frame: pd.DataFrame,
    keys: pd.Series,
    contacts: pd.Series,
    opted_out: str,
    columns: Sequence[str | None],
) -> list[Finding]:
    """Rows opted out, by themselves or by another row of the same customer, and not recorded."""
    said_yes, said_no = yes_and_no(frame[opted_out])
    by_id = keys.isin(keys[said_yes & keys.ne("").to_numpy()]).to_numpy()
    by_contact = contacts.isin(contacts[said_yes & contacts.ne("").to_numpy()]).to_numpy()
    elsewhere = ~said_yes & (by_id | by_contact)
    silent = ~said_yes & ~said_no if said_no.any() else np.zeros(len(frame), dtype=bool)
    shown = [*columns, opted_out]
    return [
        Finding("opted out", said_yes, "stop", "Take them out before drawing.", shown),
        Finding(
            "opted out in another row",
            elsewhere,
            "stop",
            "Take them out too: another row with this id or contact has opted out.",
            shown,
        ),
        Finding(
            "opt-out not recorded",
            silent,
            "look",
            "Ask whether these may be invited; they count as not opted out.",
            shown,
        ),
    ]


def yes_and_no(column: pd.Series) -> tuple[Mask, Mask]:
    """Where a column says yes and where it says no."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.notna().to_numpy(), np.zeros(len(column), dtype=bool)
    text = as_text(column).str.lower()
    yes, no = text.isin(YES).to_numpy(), text.isin(NO).to_numpy()
    unclear = text[~yes & ~no & text.ne("").to_numpy()].unique()
    if len(unclear):
        raise InputError(
            f"Column {column.name} of the frame should say who has opted out, but holds "
            f"{listed(unclear)}. Write yes or no, true or false, 1 or 0."
        )
    return yes, no


def account_finding(column: pd.Series, id_: str, account: str) -> Finding:
    """Rows of accounts with more than one row."""
    keys = as_text(column)
    several_rows = keys.duplicated(keep=False).to_numpy() & keys.ne("").to_numpy()
    return Finding(
        "several contacts an account",
        several_rows,
        "look",
        "Draw accounts first and then one contact in each, or keep the contact that decides; "
        "otherwise accounts with many contacts count several times.",
        [account, id_],
    )


def size_finding(column: pd.Series, id_: str, size: str) -> Finding:
    """Rows without a size, or with a negative one."""
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return Finding(
        "size missing or negative",
        ~(values >= 0),
        "look",
        "Find the figures; these rows count as 0 here and cannot be drawn in proportion to size.",
        [id_, size],
    )


def strata_table(
    frame: pd.DataFrame, strata: str | None, usable: Mask, revenue: NDArray[Any] | None
) -> pd.DataFrame:
    """Rows and usable rows of every stratum."""
    columns = ["stratum", "rows", "usable", "share_usable", "share_of_revenue"]
    if strata is None:
        return pd.DataFrame(columns=columns)
    counted = pd.DataFrame(
        {
            "stratum": frame[strata].where(as_text(frame[strata]).ne("").to_numpy()).array,
            "usable": usable,
            "revenue": np.nan if revenue is None else revenue,
        }
    )
    groups = counted.groupby("stratum", observed=True, sort=True)
    table = groups.agg(
        rows=("usable", "size"),
        usable=("usable", "sum"),
        revenue=("revenue", lambda part: part.sum(min_count=1)),
    ).reset_index()
    total = np.nan if revenue is None or revenue.sum() == 0 else revenue.sum()
    return table.assign(
        share_usable=table["usable"] / table["rows"],
        share_of_revenue=table["revenue"] / total,
    )[columns]


def small_strata_finding(
    column: pd.Series, table: pd.DataFrame, minimum: int, id_: str, strata: str
) -> Finding:
    """Rows of strata with few usable rows."""
    small = table["stratum"][table["usable"] < minimum]
    return Finding(
        "small stratum",
        column.isin(small).to_numpy(dtype=bool),
        "look",
        f"Fewer than {minimum} can be invited in {listed(small)}: combine with a similar "
        "stratum, or ask everybody in it.",
        [strata, id_],
    )


def coverage_finding(
    usable: Mask, revenue: NDArray[Any] | None, columns: Sequence[str | None]
) -> Finding:
    """Everybody who cannot be invited, for one reason or another."""
    known = revenue is not None and revenue.sum() > 0
    lost = share_of(revenue if known else np.ones(len(usable)), ~usable)
    severity = "good" if lost <= LOST_GOOD else "look" if lost <= LOST_STOP else "stop"
    return Finding(
        "cannot be invited",
        ~usable,
        severity,
        "Say in the report whom the sample cannot speak for, and compare them with the others."
        if severity != "stop"
        else "Mend the frame first: what cannot be reached is most of what matters.",
        columns,
    )


def table_of_checks(findings: list[Finding], revenue: NDArray[Any] | None) -> pd.DataFrame:
    """Make the findings a tidy table."""
    return pd.DataFrame(
        {
            "check": [found.check for found in findings],
            "rows": [int(found.rows.sum()) for found in findings],
            "share": [float(found.rows.mean()) for found in findings],
            "share_of_revenue": [share_of(revenue, found.rows) for found in findings],
            "severity": [found.severity if found.rows.any() else "good" for found in findings],
            "what_to_do": [
                found.what_to_do if found.rows.any() else "Nothing to do." for found in findings
            ],
        }
    )


def listed_rows(frame: pd.DataFrame, found: Finding) -> pd.DataFrame:
    """Rows a check has found, equal ones together."""
    columns = list(dict.fromkeys(name for name in found.columns if name is not None))
    positions = np.flatnonzero(found.rows)
    rows = frame.iloc[positions][columns].set_axis(pd.Index(positions + 1, name="row"), axis=0)
    if found.check == "contact repeated":
        order = comparable_contacts(as_text(rows[columns[-1]]))
    elif found.check in ("id repeated", "several contacts an account", "small stratum"):
        order = as_text(rows[columns[0]])
    else:
        return rows
    return rows.iloc[np.argsort(pd.factorize(order)[0], kind="stable")]


def as_text(column: pd.Series) -> pd.Series:
    """Cells as text without outer spaces, "" where there is none; 5551234.0 is 5551234."""
    column = column.reset_index(drop=True)
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype("str").str.strip().mask(column.isna(), "")


def sizes_of(frame: pd.DataFrame, size: str) -> NDArray[Any]:
    """Sizes as numbers of at least 0."""
    try:
        values = frame[size].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(f"Column {size} of the frame, the size, is not numeric.") from None
    if np.isinf(values).any():
        raise InputError(f"Column {size} of the frame, the size, holds infinite values.")
    return np.clip(np.nan_to_num(values, nan=0.0), 0.0, None)


def share_of(revenue: NDArray[Any] | None, rows: Mask) -> float:
    """Share of the revenue that some rows stand for, NaN when none is known."""
    if revenue is None:
        return float("nan")
    total = revenue.sum()
    return float(revenue[rows].sum() / total) if total > 0 else float("nan")


def check_columns(frame: pd.DataFrame, names: Sequence[str | None]) -> None:
    """Refuse an empty frame and columns that are not there, or are there twice."""
    if not isinstance(frame, pd.DataFrame):
        raise InputError("The frame must be a table (a pandas DataFrame) with a row per customer.")
    if frame.empty:
        raise InputError("The frame is empty: there is nobody to draw.")
    missing = [str(name) for name in names if name is not None and name not in frame.columns]
    if missing:
        raise InputError(
            f"The frame has no column {', '.join(missing)}. Its columns are "
            f"{listed(frame.columns, shown=20)}."
        )
    twice = set(frame.columns[frame.columns.duplicated()]) & {n for n in names if n is not None}
    if twice:
        raise InputError(f"The frame has more than one column {', '.join(sorted(twice))}.")
