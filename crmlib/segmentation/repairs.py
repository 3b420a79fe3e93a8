"""What to do about a customer that may leave: by why, and by the stage of its life cycle."""

import numpy as np
import pandas as pd

from crmlib.columns import column_of
from crmlib.segmentation.delivered_value import DeliveredValue, rated

LOW, NOT_SEEN, WELL, UNKNOWN = (
    "value really low",
    "value not seen",
    "value rated well",
    "cannot say",
)
CAUSES = (LOW, NOT_SEEN, WELL, UNKNOWN)

ANY = "any other"

REPAIRS = {
    ("exploration", LOW): "put the first deliveries right; offer another trial at no risk",
    ("formation", LOW): "mend what fails before selling more; one person answers for it",
    ("stability", LOW): "repair the weakest part; agree on a service level and report on it",
    ("decline", LOW): "raise value where it is weakest, as far as profit to come pays for it",
    ("left", LOW): "win back only once the fault is gone, and where profit repays it",
    (ANY, LOW): "raise value: repair the weakest part",
    ("exploration", NOT_SEEN): "show what was delivered and what it saves; ask after the order",
    ("formation", NOT_SEEN): "tell what is done for them: deliveries kept, discounts given",
    ("stability", NOT_SEEN): "review the year together: what was delivered, what it was worth",
    ("decline", NOT_SEEN): "visit and show the value delivered before granting any discount",
    ("left", NOT_SEEN): "ask why, and tell what they had here",
    (ANY, NOT_SEEN): "communicate: show what was delivered",
    ("exploration", UNKNOWN): "ask after the last order: what was missing?",
    ("formation", UNKNOWN): "call: what keeps them from buying more?",
    ("stability", UNKNOWN): "visit; ask what they are content with, and what they did not say",
    ("decline", UNKNOWN): "visit soon and ask why; then repair, talk or let go",
    ("left", UNKNOWN): "ask why they left",
    (ANY, UNKNOWN): "ask: is it what they get, or what they know of it?",
    (ANY, WELL): "the value is seen: ask for other causes, such as need, people or a rival",
}
"""Repair by stage of the life cycle and cause; ``ANY`` where the stage makes no difference."""

BY_SIGN = {
    "silence": "call now: its next order is overdue by its own rhythm; ask why",
    "days": "call or write: silent for longer than most; ask what was missing",
    "purchases": "invite to the next order while it is new; ask what the last one lacked",
    "spending": "ask what it now buys elsewhere, or no longer needs",
    "complaints": "settle what it complained of last, and tell it",
    "given up": "ask what was never settled; settle it first",
}
"""What to ask where neither cause nor stage says more, by the sign that told best."""

IN_PERSON = "go in person, complaints have stopped; "
COURTESY = "go in person: complaints have stopped (the course's rule, not found in these data); "
LET_GO = "let go at low cost: brought no profit in the last year"


def value_cause(
    customers: pd.DataFrame,
    delivered: DeliveredValue | None,
    record: pd.DataFrame | None,
) -> pd.DataFrame:
    """Tell customers whose value is really low from those that do not see it.

    - Without an answer of the customer to the survey nothing can be said, nor where the interval
      of its rating (80 %) holds the mean of all.
    - Rated low, and money is the weakest part: fewer discounts than the median customer is really
      low, as many or more is not seen.
    - Rated low, and another part is the weakest: a record of faults worse than that of others is
      really low, one as others' is not seen.
    - Rated above all others: the value is seen, and the cause is another.

    Parameters
    ----------
    customers : DataFrame
        customer_id.
    delivered : DeliveredValue or None
        From `delivered_value`.
    record : DataFrame or None
        From `service_record`.

    Returns
    -------
    DataFrame
        A row for each of ``customers``, in its order: customer_id, cause, weakest (part; empty
        unless rated low), why (in words).
    """
    asked = column_of(customers, "customer_id").to_frame("customer_id").reset_index(drop=True)
    table = asked
    if delivered is not None:
        table = table.merge(rated(delivered), on="customer_id", how="left")
    if record is not None:
        table = table.merge(record, on="customer_id", how="left")
    table = table.reindex(
        columns=["customer_id", "rating", "delivered", "mean", "weakest", "orders", "faults",
                 "expected_faults", "record", "discount_share", "discounts"]
    )  # fmt: skip
    table["unasked"] = "no survey" if delivered is None else "no answer to the survey"
    verdicts = [_cause_of(row) for row in table.to_dict("records")]
    causes, weakest, why = zip(*verdicts, strict=True) if verdicts else ((), (), ())
    return asked.assign(cause=causes, weakest=weakest, why=why)


def _cause_of(row: dict) -> tuple[str, str, str]:
    if pd.isna(row["rating"]):
        return UNKNOWN, "", row["unasked"]
    if pd.isna(row["delivered"]):
        return UNKNOWN, "", "did not answer on every part"
    said = f"rates {row['delivered']:+.1f}, all {row['mean']:+.1f}".replace("-", "−")
    if row["rating"] == "good":
        return WELL, "", said
    if row["rating"] != "low":
        return UNKNOWN, "", f"{said}: not told apart"
    if row["weakest"] == "money":
        verdict, known = row["discounts"], f"discounts {row['discount_share']:.1%}"
        worse = "fewer"
    else:
        verdict, worse = row["record"], "worse"
        known = f"{row['faults']:.0f} faults in {row['orders']:.0f} orders"
        known += f", {row['expected_faults']:.1f} expected"
    if pd.isna(verdict) or verdict == "cannot say":
        return UNKNOWN, row["weakest"], f"{said}; the record does not decide"
    return (LOW if verdict == worse else NOT_SEEN), row["weakest"], f"{said}; {known}"


def repairs(
    warned: pd.DataFrame,
    causes: pd.DataFrame,
    stages: pd.DataFrame | None = None,
    *,
    silence_told: bool = True,
) -> pd.DataFrame:
    """Advise what to do about each customer.

    Parameters
    ----------
    warned : DataFrame
        Rows of `ChurnWarning.customers`: customer_id, profit_year and, where there are complaints,
        given_up; by ``sign``, the sign that told best, asks where cause and stage are not known.
    causes : DataFrame
        From `value_cause`.
    stages : DataFrame, optional
        customer_id and stage of the life cycle.
    silence_told : bool
        Whether complaints that stopped told on past days who would leave. Where they did not, to
        go in person is named as the rule of the course that it is.

    Returns
    -------
    DataFrame
        A row for each of ``warned``, in its order: customer_id, stage ("not known" where none is
        given), cause, weakest, why, repair. Who brought no profit in the last year is let go,
        whatever the cause; who complained and gave up is spoken to in person.
    """
    table = warned[["customer_id"]].merge(causes, on="customer_id", how="left")
    table["cause"] = table["cause"].fillna(UNKNOWN)
    known = pd.Series(dtype=object)
    if stages is not None:
        known = stages.set_index("customer_id")["stage"].astype(object)
    stage = table["customer_id"].map(known).fillna("not known").astype(object)
    sign = warned.get("sign", pd.Series("", index=warned.index))
    words = [repair_of(*row) for row in zip(stage, table["cause"], sign, strict=True)]
    given_up = np.zeros(len(warned), dtype=bool)
    if "given_up" in warned:
        given_up = warned["given_up"].to_numpy(dtype=bool)
    in_person = IN_PERSON if silence_told else COURTESY
    advice = np.where(given_up, in_person, "").astype(object) + np.array(words, dtype=object)
    advice = np.where(warned["profit_year"].to_numpy() <= 0, LET_GO, advice)
    columns = ["customer_id", "stage", "cause", "weakest", "why", "repair"]
    return table.assign(stage=stage.to_numpy(), repair=advice)[columns]


def repair_of(stage: str, cause: str, sign: str = "") -> str:
    """Look up the repair of a stage and a cause; of a sign where neither is known."""
    if cause == UNKNOWN and (stage, cause) not in REPAIRS and sign in BY_SIGN:
        return BY_SIGN[sign]
    return REPAIRS.get((stage, cause), REPAIRS[ANY, cause])
