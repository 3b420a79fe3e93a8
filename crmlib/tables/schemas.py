"""What each kind of table holds: its columns, their types and what they mean."""

from dataclasses import dataclass
from typing import Literal

from crmlib.errors import InputError
from crmlib.tables.faults import did_you_mean

ColumnType = Literal["text", "number", "date"]
Personal = Literal["id", "name", "contact"]


@dataclass(frozen=True)
class Column:
    """One column of a kind of table.

    Attributes
    ----------
    name : str
        The name that every package of the workbook uses.
    type : {"text", "number", "date"}
        What its cells are read as.
    meaning : str
        One line for help texts.
    required : bool
        Whether the table must have the column, and a value in every row.
    unique : bool
        Whether a value may stand in one row only.
    low, high : float or None
        Smallest and largest number allowed.
    personal : {"id", "name", "contact"} or None
        How a cell says who somebody is, where it does: see `crmlib.tables.pseudonyms`.
    """

    name: str
    type: ColumnType
    meaning: str
    required: bool = False
    unique: bool = False
    low: float | None = None
    high: float | None = None
    personal: Personal | None = None


CUSTOMER_ID = Column(
    "customer_id", "text", "the customer; leading zeros stay", required=True, personal="id"
)

KINDS: dict[str, tuple[Column, ...]] = {
    "customers": (
        Column(
            "customer_id",
            "text",
            "the customer, one row each",
            required=True,
            unique=True,
            personal="id",
        ),
        Column("name", "text", "the customer's name", personal="name"),
        Column("region", "text", "where the customer is served"),
        Column("customer_type", "text", "what sort of customer it is"),
        Column("acquired_on", "date", "the day the customer was won"),
        Column("acquisition_channel", "text", "how the customer was won"),
    ),
    "transactions": (
        CUSTOMER_ID,
        Column("date", "date", "the day of the purchase", required=True),
        Column("amount", "number", "money the customer paid; negative for a return", required=True),
        Column("cost", "number", "money the goods cost the seller"),
        Column("quantity", "number", "pieces bought"),
        Column("product_line", "text", "the product line bought"),
        Column("discount", "number", "share of the list price given away", low=0.0, high=1.0),
        Column("order_id", "text", "the order that the row belongs to"),
        Column("currency", "text", "what the amount is in; one for the whole table"),
    ),
    "activities": (
        CUSTOMER_ID,
        Column("date", "date", "the day of the activity", required=True),
        Column("activity", "text", "visit, call, mail and so on", required=True),
        Column("quantity", "number", "hours or pieces"),
    ),
    "cost_pools": (
        Column("pool", "text", "what the ledger calls the cost: salaries, cars …", required=True),
        Column("activity", "text", "the activity that causes it; empty where none does"),
        Column("cost", "number", "money of the year", required=True),
        Column("volume", "number", "what the activity could do at most, in its unit", low=0.0),
        Column("year", "number", "the calendar year; absent where the costs are of all years"),
    ),
    "referrals": (
        Column(
            "customer_id",
            "text",
            "who was won, one row each",
            required=True,
            unique=True,
            personal="id",
        ),
        Column("referred_by", "text", "the customer who sent them", required=True, personal="id"),
        Column("date", "date", "the day they came"),
    ),
    "events": (
        CUSTOMER_ID,
        Column("date", "date", "the day it is expected", required=True),
        Column("event", "text", "what may happen", required=True),
        Column("probability", "number", "how likely it is, 0 to 1", required=True, low=0.0),
        Column("profit", "number", "money it brings if it happens", required=True),
        Column("profit_low", "number", "money it brings at the least"),
        Column("profit_high", "number", "money it brings at the most"),
        Column("basis", "text", "data or judgement: where the numbers come from"),
    ),
    "forecasts": (
        Column(
            "customer_id",
            "text",
            "the customer, one row each",
            required=True,
            unique=True,
            personal="id",
        ),
        Column("profit", "number", "profit that is to come", required=True),
        Column("low", "number", "lower end of its interval"),
        Column("high", "number", "upper end of its interval"),
    ),
    "complaints": (
        CUSTOMER_ID,
        Column("date", "date", "the day of the complaint", required=True),
        Column("topic", "text", "what the complaint is about"),
        Column("resolved_on", "date", "the day it was settled; empty while it is open"),
    ),
    "responses": (
        Column(
            "customer_id",
            "text",
            "who answered; absent where the survey is anonymous",
            personal="id",
        ),
        Column("date", "date", "the day of the answer"),
        Column("overall", "number", "the overall score; further columns are kept as items"),
    ),
    "questions": (
        Column(
            "item", "text", "the column of the answers, one row each", required=True, unique=True
        ),
        Column("block", "text", "what the question is about; questions of a block go together"),
        Column("label", "text", "what the question is called in reports"),
    ),
    "frame": (
        Column(
            "unit_id",
            "text",
            "the person or account that can be drawn, one row each",
            required=True,
            unique=True,
            personal="id",
        ),
        Column("contact", "text", "e-mail address or telephone number", personal="contact"),
        Column("opted_out", "text", "yes or no"),
        Column("account", "text", "the customer the contact belongs to", personal="id"),
        Column("revenue", "number", "money the account brings"),
    ),
}

# Further columns of these are numbers where all cells are; of the others they are kept as text.
KINDS_WITH_NUMBERS = frozenset({"responses", "frame"})


def columns_of(kind: str) -> tuple[Column, ...]:
    """Return the columns of a kind of table.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.

    Returns
    -------
    tuple of Column

    Raises
    ------
    InputError
        There is no such kind.
    """
    if kind not in KINDS:
        raise InputError(
            f'There is no kind of table called "{kind}"{did_you_mean(kind, KINDS)}. '
            f"The kinds are {', '.join(KINDS)}."
        )
    return KINDS[kind]
