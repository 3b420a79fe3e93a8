"""The example company: an imaginary distributor whose true customers are known.

Qinghe Bay Office & Electronics does not exist. Its customers live through a life cycle that is
drawn first; what they buy, what they cost, what they complain about and what they answer in the
survey all follow from it. An analysis of the tables can therefore be compared with the truth.

``python -m crmlib.tables.example FOLDER`` writes the tables and the truth as CSV files.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import ArrayLike, NDArray

from crmlib.errors import InputError
from crmlib.tables import example_ledger, example_study
from crmlib.tables.example_contacts import contacts

COMPANY_NAME = "Qinghe Bay Office & Electronics"
CUSTOMERS = 500
FIRST_MONTH = np.datetime64("2023-01", "M")
FUTURE_MONTHS = 24
# The longest life cycle that must be over at the end: formation, stability and decline.
SHORTEST_SPAN = 36
LONGEST_SPAN = 120

STAGE_SHARES = {
    "exploration": 0.15,
    "formation": 0.20,
    "stability": 0.35,
    "decline": 0.15,
    "left": 0.15,
}
PATTERNS = ["early abortion", "midway death", "early exit", "long retention"]
REGIONS = ["North", "East", "South", "West"]
CHANNELS = ["sales visit", "trade fair", "web shop", "referral", "mailing"]

# level: median gross profit of a month at the end of formation, in yuan.
# quiet_share: share of the months of exploration, after the first, without an order.
SEGMENTS = pd.DataFrame(
    {
        "segment": ["key account", "steady mid-size", "bargain hunter", "occasional"],
        "definition": [
            "few, large, much visited; computers and furniture; hardly any discount",
            "the solid middle: an order or two each month, paper first, little discount",
            "buys most lines on discount, sends much back, needs many parcels and calls",
            "small; some months of exploration without an order; as much work as a larger one",
        ],
        "share": [0.12, 0.38, 0.25, 0.25],
        "level": [9000.0, 2400.0, 480.0, 300.0],
        "shortest_formation": [9, 7, 6, 8],
        "longest_formation": [16, 14, 12, 15],
        "quiet_share": [0.0, 0.0, 0.0, 0.35],
        "further_line_chance": [0.45, 0.20, 0.25, 0.05],
        "discounted_share": [0.10, 0.15, 0.75, 0.20],
        "largest_discount": [0.10, 0.10, 0.25, 0.10],
        "visits_per_month": [1.50, 0.40, 0.15, 0.15],
        "calls_per_month": [0.80, 0.40, 0.80, 0.45],
        "mailings_per_month": [0.20, 0.20, 0.35, 0.25],
        "parcels_per_order": [5.0, 3.0, 3.5, 3.0],
        "returned_share": [0.03, 0.04, 0.22, 0.08],
        "response_rate": [0.80, 0.68, 0.52, 0.56],
    }
).set_index("segment")

PRODUCT_LINES = pd.DataFrame(
    {
        "product_line": ["computers", "furniture", "printers", "toner", "paper", "accessories"],
        "margin": [0.19, 0.28, 0.21, 0.30, 0.23, 0.31],
        "unit_price": [2400.0, 380.0, 640.0, 180.0, 25.0, 60.0],
    }
).set_index("product_line")

PRODUCT_MIX = pd.DataFrame(
    [
        [0.31, 0.20, 0.08, 0.05, 0.16, 0.20],
        [0.12, 0.14, 0.09, 0.05, 0.38, 0.22],
        [0.24, 0.06, 0.10, 0.05, 0.13, 0.42],
        [0.04, 0.08, 0.08, 0.05, 0.42, 0.33],
    ],
    index=SEGMENTS.index,
    columns=PRODUCT_LINES.index,
)

SEQUENCES = pd.DataFrame(
    {"bought": ["printers"], "then": ["toner"], "within_days": [90], "chance": [0.75]}
)

CUSTOMER_TYPES = pd.DataFrame(
    [
        [0.60, 0.05, 0.25, 0.10],
        [0.50, 0.20, 0.15, 0.15],
        [0.30, 0.10, 0.05, 0.55],
        [0.40, 0.25, 0.10, 0.25],
    ],
    index=SEGMENTS.index,
    columns=["company", "school", "public office", "shop"],
)

UNIT_COSTS = pd.DataFrame(
    {
        "activity": ["visit", "call", "mailing", "delivery", "returns handling"],
        "unit": ["hour", "hour", "piece", "piece", "piece"],
        "unit_cost": [280.0, 160.0, 15.0, 60.0, 120.0],
    }
).set_index("activity")

# Complaints per month and customer. Customers who fall silent complain much before their decline
# and never again after it has begun.
COMPLAINT_RATES = pd.DataFrame(
    {
        "situation": [
            "exploration",
            "formation",
            "stability",
            "decline",
            "before silence",
            "silence",
        ],
        "per_month": [0.03, 0.025, 0.02, 0.14, 0.50, 0.0],
    }
).set_index("situation")
SILENT_SHARE = 0.5
MONTHS_BEFORE_SILENCE = 4

COMPLAINT_TOPICS = pd.DataFrame(
    {
        "topic": ["late delivery", "damaged goods", "wrong item", "invoice", "service", "price"],
        "usually": [0.22, 0.18, 0.15, 0.17, 0.15, 0.13],
        "in_decline": [0.50, 0.15, 0.10, 0.07, 0.13, 0.05],
    }
).set_index("topic")

DRIVERS = pd.DataFrame(
    {
        "block": ["product", "delivery", "service", "price"],
        "items": ["q01 q02 q03", "q04 q05 q06", "q07 q08 q09", "q10 q11 q12"],
        "weight": [0.20, 0.42, 0.26, 0.12],
    }
).set_index("block")
ITEMS = " ".join(DRIVERS["items"]).split()
# What the questionnaire of the waves asks, as a codebook.
QUESTIONS = pd.DataFrame(
    {
        "item": ITEMS,
        "block": np.repeat(DRIVERS.index.to_numpy(), 3),
        "label": [
            "product quality",
            "product range",
            "product information",
            "delivered on time",
            "delivered complete",
            "delivered undamaged",
            "friendly staff",
            "competent staff",
            "quick help",
            "price level",
            "discounts",
            "terms of payment",
        ],
    }
)

# An opinion on a block: the mean, plus parts of the customer (shared by all blocks; of the block)
# and of the wave, plus the shifts below. Standard deviations, in points.
MEAN_ANSWER = 7.0
SHARED_SPREAD = 0.8
BLOCK_SPREAD = 0.8
WAVE_SPREAD = 0.6
ITEM_NOISE = 0.7
OVERALL_NOISE = 0.45
# What is added to the mean answer in each block.
SURVEY_SHIFTS = pd.DataFrame(
    [
        [0.2, 0.2, 0.6, 0.0],
        [0.2, 0.1, 0.1, 0.1],
        [-0.1, -0.2, -0.2, -0.8],
        [0.0, -0.2, -0.4, 0.0],
        [0.0, -1.6, -0.3, 0.0],
        [0.0, 0.0, 0.3, 0.0],
    ],
    index=pd.Index([*SEGMENTS.index, "in decline", "second wave"], name="group"),
    columns=DRIVERS.index,
)
MISSING_ANSWERS = 0.015

# Separated by commas: shorter to read than lists of quoted words.
PLACES = (
    "Alderbrook,Brackenfield,Coppermouth,Dunwater,Elmsgate,Fennick,Garrowby,Hollinreach,Irisvale,"
    "Juniper,Kestrelton,Larkmere,Mallowby,Nettlecombe,Orchardine,Pellwick,Quillford,Rushwater,"
    "Sallowfield,Tarnholt,Umberley,Vetchworth,Willowend,Yarrowdale,Zephyrton,Ashmoor,Birchover,"
    "Cloverham,Dovecliff,Emberley,Foxlow,Gorsefield,Hazelden,Ivybank,Knapweed,Lindenau,Mosswater,"
    "Northey,Oakenhay,Primrose"
)
KINDS = {
    "company": (
        "Logistics,Engineering,Dental Practice,Architects,Insurance Brokers,Textiles,Foods,"
        "Software,Law Office,Garden Supplies"
    ),
    "school": "Primary School,College,Language School,Music School",
    "public office": "Town Hall,Tax Office,Library,Health Centre",
    "shop": "Books,Stationers,Copy Shop,Electronics,Pharmacy",
}
CHINESE_PLACES = "清溪,东岭,南塘,西桥,北苑,云杉,海棠,白鹭,青禾,石榴,长亭,星河,竹园,枫林,月湖"
CHINESE_KINDS = {
    "company": "物流有限公司,设计事务所,食品有限公司",
    "school": "小学,职业学院",
    "public office": "图书馆,社区服务中心",
    "shop": "文具店,电子商行",
}
CHINESE_SHARE = 0.12
# Names that a report must print as they are.
AWKWARD_NAMES = [
    "Hammer & Sons",
    "C# Academy",
    "$mart Print",
    "O'Dell's Copy Shop",
    "Five* Hotel Supplies",
    'The "Quiet" Library',
    "Reed, Rush and Marsh",
    "=SUM(A1:A9) Accountants",
    "@home Care",
    "Back\\slash Studio",
    "<b>Bold</b> Design",
    "100% Paper",
    "under_score_labs",
    "`tick` Electronics",
    "Café Ångström [Annex]",
    "+49 Call Centre",
    "~Tilde~ & Co. #2",
    "{Curly} Robotics",
    "墨香 & 纸坊",
    "Ofelia’s | Pipes",
]

# One stream of random numbers each, so that a change to one part leaves the others as they were.
# New parts go to the end.
PARTS = [
    "plan",
    "curves",
    "noise",
    "orders",
    "products",
    "money",
    "people",
    "activities",
    "complaints",
    "survey",
    "contacts",
    "study",
    "ledger",
    "referrals",
    "events",
]


@dataclass(frozen=True)
class Truth:
    """What was put into the example company.

    Attributes
    ----------
    customers
        One row per customer: life-cycle parameters `h1`, `v`, `g1`, `N`, `tau`, `g2`, `h2`
        (months since joining, yuan per month), `noise` (coefficient of variation of a month's
        profit), `joined` and `left` (first day of the month; `left` is the first month without
        purchases and empty for those who still buy), `stage` at the end of the last month,
        `pattern` of those who left, `segment`, `falls_silent`, `growth_potential` (expected
        profit of the coming 12 months less that of the last 12, yuan).
    months
        One row per customer and month from joining until 24 months after the last observed
        one: `age` (1 is the month of joining), `stage`, `expected_profit` (the curve),
        `profit` (what was drawn; in observed months the sum of amount less cost), `observed`.
    contacts
        One row: what a sample from the contacts should find, and how many faults were put in.
    study_customers
        One row per respondent of the study: loyalty type and standardised constructs.
    study_paths, study_items, study_kano
        The settings from which the study was drawn.
    segments, product_mix, sequences, unit_costs, complaint_rates, drivers, survey_shifts
        The settings from which the tables were drawn.
    """

    customers: pd.DataFrame
    months: pd.DataFrame
    contacts: pd.DataFrame
    study_customers: pd.DataFrame
    study_paths: pd.DataFrame
    study_items: pd.DataFrame
    study_kano: pd.DataFrame
    segments: pd.DataFrame
    product_mix: pd.DataFrame
    sequences: pd.DataFrame
    unit_costs: pd.DataFrame
    complaint_rates: pd.DataFrame
    drivers: pd.DataFrame
    survey_shifts: pd.DataFrame


@dataclass(frozen=True)
class ExampleCompany:
    """The tables of the example company and the truth behind them.

    ``questions`` and ``study_questions`` are the codebooks of ``responses`` and ``study``.
    """

    customers: pd.DataFrame
    transactions: pd.DataFrame
    activities: pd.DataFrame
    complaints: pd.DataFrame
    responses: pd.DataFrame
    contacts: pd.DataFrame
    study: pd.DataFrame
    ledger: pd.DataFrame
    referrals: pd.DataFrame
    events: pd.DataFrame
    questions: pd.DataFrame
    study_questions: pd.DataFrame
    truth: Truth


def company(seed: int = 2026, months: int = 36) -> ExampleCompany:
    """Draw the example company.

    Parameters
    ----------
    seed
        Whole number, 0 or more. The same seed gives the same tables.
    months
        Months of history from January 2023 on, 36 to 120.

    Returns
    -------
    ExampleCompany
        Customers, transactions, activities, complaints, responses, contacts, study, ledger,
        referrals, events, the codebooks of both questionnaires, and the truth.

    Raises
    ------
    InputError
        If the seed is not a whole number of 0 or more, or the months are not 36 to 120.
    """
    _check_whole_number("seed", seed, 0, None)
    _check_whole_number("months", months, SHORTEST_SPAN, LONGEST_SPAN)
    random = dict(
        zip(PARTS, map(default_rng, SeedSequence(int(seed)).spawn(len(PARTS))), strict=True)
    )

    life = _life_cycles(random["plan"], random["curves"], int(months))
    history = _monthly_profit(random["noise"], life, int(months))
    observed = history[history["observed"]]
    transactions = _transactions(random, observed, life)
    first_purchase = transactions.groupby("customer_id")["date"].min()
    last_day = _day(FIRST_MONTH + int(months)) - np.timedelta64(1, "D")
    customers = _customers(random["people"], life, first_purchase)
    frame, true_frame = contacts(
        random["contacts"],
        _accounts(customers, life, transactions, FIRST_MONTH + int(months) - 1),
        (FIRST_MONTH + int(months) - 2).item().year,
    )
    last_month = observed[observed["month"] == _day(FIRST_MONTH + int(months) - 1)]
    study, true_study = example_study.study(
        random["study"],
        _who_can_be_asked(last_month)["customer_id"].to_numpy(dtype=object),
        FIRST_MONTH + int(months) - 1,
    )
    activities = _activities(
        random["activities"], observed, transactions, life, first_purchase, last_day
    )
    true_customers = _true_customers(life, history, int(months))
    key_accounts = life.index[(life["segment"] == "key account") & (life["stage"] != "left")]
    last_year = observed[observed["month"] > _day(FIRST_MONTH + int(months) - 13)]
    yearly_profit = last_year.groupby("customer_id")["profit"].sum()
    return ExampleCompany(
        customers=customers,
        transactions=transactions,
        activities=activities,
        complaints=_complaints(random["complaints"], observed, life, first_purchase, last_day),
        responses=_responses(random["survey"], observed, life, int(months)),
        contacts=frame,
        study=study,
        ledger=example_ledger.ledger(random["ledger"], activities, UNIT_COSTS["unit_cost"]),
        referrals=example_ledger.referrals(
            random["referrals"], customers, true_customers.set_index("customer_id")
        ),
        events=example_ledger.events(
            random["events"], yearly_profit.reindex(key_accounts, fill_value=0.0), last_day
        ),
        questions=QUESTIONS.copy(),
        study_questions=example_study.codebook(),
        truth=Truth(
            customers=true_customers,
            months=history,
            contacts=true_frame,
            study_customers=true_study,
            study_paths=example_study.PATHS.copy(),
            study_items=example_study.QUESTIONS.copy(),
            study_kano=example_study.KANO.copy(),
            segments=SEGMENTS.reset_index(),
            product_mix=PRODUCT_MIX.reset_index(),
            sequences=SEQUENCES.copy(),
            unit_costs=UNIT_COSTS.reset_index(),
            complaint_rates=COMPLAINT_RATES.reset_index(),
            drivers=DRIVERS.reset_index(),
            survey_shifts=SURVEY_SHIFTS.reset_index(),
        ),
    )


def _check_whole_number(name: str, value: object, lowest: int, highest: int | None) -> None:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < lowest or (highest is not None and value > highest):  # type: ignore[operator]
        limits = f"{lowest} or more" if highest is None else f"from {lowest} to {highest}"
        raise InputError(f"{name} is {value!r}; give a whole number, {limits}.")


# --- the life cycle ---------------------------------------------------------------------------


def expected_profit(
    age: ArrayLike,
    h1: ArrayLike,
    v: ArrayLike,
    g1: ArrayLike,
    N: ArrayLike,
    tau: ArrayLike,
    g2: ArrayLike,
    h2: ArrayLike,
) -> NDArray[np.float64]:
    """Return the true gross profit of a month, by age of the relationship.

    P1(t) = h1 t² + v up to g1, P2(t) = P1(g1) + N (1 - exp(-(t - g1) / tau)) up to g2, then
    P3(t) = u - h2 (t - g2)² with u the profit at g2, until it reaches zero and stays there.
    A customer who declines before formation has ended has g2 < g1 and u = P1(g2).

    Parameters
    ----------
    age
        Months since joining; the month of joining is 1. Before it the profit is 0.
    h1, v, g1, N, tau, g2, h2
        Parameters, broadcast against `age`.
    """
    t, h1, v, g1, N, tau, g2, h2 = (
        np.asarray(value, dtype=float) for value in (age, h1, v, g1, N, tau, g2, h2)
    )

    def growth(t: NDArray[np.float64]) -> NDArray[np.float64]:
        beyond = np.maximum(t - g1, 0)
        return h1 * np.minimum(t, g1) ** 2 + v + N * (1 - np.exp(-beyond / tau))

    decline = h2 * np.maximum(t - g2, 0) ** 2
    return np.where(t < 1, 0.0, np.maximum(growth(np.minimum(t, g2)) - decline, 0.0))


def life_cycle_stage(
    age: ArrayLike, g1: ArrayLike, g2: ArrayLike, profit: ArrayLike
) -> NDArray[np.str_]:
    """Name the true stage: exploration, formation, stability, decline or left."""
    t, g1, g2, profit = (np.asarray(value, dtype=float) for value in (age, g1, g2, profit))
    return np.select(
        [profit <= 0, t > g2, t < g1 / 2, t <= g1],
        ["left", "decline", "exploration", "formation"],
        "stability",
    )


def _life_cycles(plan: Generator, curves: Generator, months: int) -> pd.DataFrame:
    """Draw segment, dates of joining and parameters of every customer, one row each."""
    stage = _shuffled_shares(plan, STAGE_SHARES)
    segment = _shuffled_shares(plan, dict(zip(SEGMENTS.index, SEGMENTS["share"], strict=True)))
    settings = SEGMENTS.loc[list(segment)]
    g1 = _between(
        plan,
        settings["shortest_formation"].to_numpy(),
        settings["longest_formation"].to_numpy(),
        CUSTOMERS,
    )
    life = pd.DataFrame({"segment": segment, "stage": stage, "g1": g1, "pattern": ""})
    life["pattern"] = np.where(stage == "left", plan.choice(PATTERNS, CUSTOMERS), "")
    life = life.join(_turning_points(plan, life, months))
    life = life.join(_curve_heights(curves, life))

    declines = life["stage"].isin(["decline", "left"])
    knew_stability = declines & (life["g2"] > life["g1"])
    life["falls_silent"] = knew_stability & (plan.random(CUSTOMERS) < SILENT_SHARE)
    life["join_index"] = months - life.pop("age")
    life = life.sort_values("join_index", kind="stable", ignore_index=True)
    life.index = pd.Index([f"C{number:04d}" for number in range(1, CUSTOMERS + 1)])
    return life.rename_axis("customer_id")


def _shuffled_shares(random: Generator, shares: Mapping[str, float]) -> NDArray[np.str_]:
    counts = [round(share * CUSTOMERS) for share in shares.values()]
    return random.permutation(np.repeat(list(shares), counts))


def _between(
    random: Generator, low: int | NDArray[np.int64], high: int | NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Draw `count` whole numbers, both limits included."""
    return random.integers(low, high + 1, count)


def _turning_points(random: Generator, life: pd.DataFrame, months: int) -> pd.DataFrame:
    """Draw age at the end, begin and length of decline so that the stage comes true."""
    g1 = life["g1"].to_numpy()
    last_of_exploration = (g1 + 1) // 2 - 1
    points = _decline_ahead(random, life["stage"], g1, last_of_exploration, months)
    in_decline = _decline_under_way(random, g1, months)
    gone = _decline_over(random, life["pattern"], g1, last_of_exploration, months)
    points = points.mask(life["stage"] == "decline", in_decline)
    points = points.mask(life["stage"] == "left", gone)
    # Half months, so that the curve never touches zero exactly at a whole month.
    return points.assign(decline_months=points["decline_months"] + 0.5)


def _decline_ahead(
    random: Generator,
    stage: pd.Series,
    g1: NDArray[np.int64],
    last_of_exploration: NDArray[np.int64],
    months: int,
) -> pd.DataFrame:
    """Customers in exploration, formation or stability; some will never reach stability."""
    age = np.select(
        [stage == "exploration", stage == "formation"],
        [
            _between(random, 1, last_of_exploration, CUSTOMERS),
            _between(random, last_of_exploration + 1, g1, CUSTOMERS),
        ],
        _late_age(random, g1 + 1, months),
    )
    gives_up = (age <= g1) & (random.random(CUSTOMERS) < 0.2)
    soon = _between(random, age, np.maximum(age, g1), CUSTOMERS)
    later = np.maximum(age, g1) + _between(random, 3, 60, CUSTOMERS)
    decline = _between(random, np.where(gives_up, 1, 4), np.where(gives_up, 2, 12), CUSTOMERS)
    return pd.DataFrame(
        {"age": age, "g2": np.where(gives_up, soon, later), "decline_months": decline}
    )


def _decline_under_way(random: Generator, g1: NDArray[np.int64], months: int) -> pd.DataFrame:
    decline = _between(random, 4, 12, CUSTOMERS)
    so_far = _between(random, 1, decline, CUSTOMERS)
    age = _late_age(random, g1 + 3 + so_far, months)
    return pd.DataFrame({"age": age, "g2": age - so_far, "decline_months": decline})


def _decline_over(
    random: Generator,
    pattern: pd.Series,
    g1: NDArray[np.int64],
    last_of_exploration: NDArray[np.int64],
    months: int,
) -> pd.DataFrame:
    """Customers who have left, each in one of the four patterns."""
    which = [pattern == name for name in PATTERNS]
    earliest = np.select(which, [np.ones_like(g1), last_of_exploration + 1, g1 + 1, g1 + 8], 1)
    latest = np.select(which, [last_of_exploration, g1, g1 + 4, g1 + 11], 1)
    shortest, longest = np.select(which, [1, 1, 2, 5], 1), np.select(which, [2, 2, 5, 8], 1)
    g2 = _between(random, earliest, latest, CUSTOMERS)
    decline = _between(random, shortest, longest, CUSTOMERS)
    age = _late_age(random, g2 + decline + 1, months)
    return pd.DataFrame({"age": age, "g2": g2, "decline_months": decline})


def _late_age(random: Generator, lowest: NDArray[np.int64], months: int) -> NDArray[np.int64]:
    """Draw ages of at least `lowest`; most customers came in the first eight months."""
    is_early_customer = random.random(CUSTOMERS) < 0.65
    earliest = np.where(is_early_customer, np.maximum(lowest, months - 7), lowest)
    return _between(random, earliest, months, CUSTOMERS)


def _curve_heights(random: Generator, life: pd.DataFrame) -> pd.DataFrame:
    """Draw the money of the curves; rounded first, so that the CSV gives the same curve."""
    level = SEGMENTS.loc[life["segment"], "level"].to_numpy() * np.exp(
        random.normal(0, 0.35, CUSTOMERS)
    )
    g1, g2 = life["g1"].to_numpy(), life["g2"].to_numpy()
    v = np.round(level * random.uniform(0.15, 0.30, CUSTOMERS), 2)
    h1 = np.round((level - v) / g1**2, 4)
    N = np.round(level * random.uniform(0.15, 0.45, CUSTOMERS), 2)
    highest = expected_profit(g2, h1, v, g1, N, 1.0, g2, 0.0)
    h2 = np.round(highest / life["decline_months"].to_numpy() ** 2, 4)
    noise = np.round(random.uniform(0.15, 0.25, CUSTOMERS), 3)
    return pd.DataFrame({"h1": h1, "v": v, "N": N, "tau": 1.0, "h2": h2, "noise": noise})


def _monthly_profit(random: Generator, life: pd.DataFrame, months: int) -> pd.DataFrame:
    """Draw profit month by month, from joining to the end of the known future."""
    span = months + FUTURE_MONTHS
    age = np.arange(span) - life["join_index"].to_numpy()[:, None] + 1
    parameters = {
        name: life[name].to_numpy(dtype=float)[:, None]
        for name in ("h1", "v", "g1", "N", "tau", "g2", "h2")
    }
    expected = expected_profit(age, **parameters)
    stage = life_cycle_stage(age, parameters["g1"], parameters["g2"], expected)

    spread = np.sqrt(np.log1p(life["noise"].to_numpy() ** 2))[:, None]
    factor = np.exp(spread * random.standard_normal(age.shape) - spread**2 / 2)
    # Months without an order are made up for by the others: the mean stays on the curve.
    quiet_share = SEGMENTS.loc[life["segment"], "quiet_share"].to_numpy()[:, None]
    chance_of_order = np.where((stage == "exploration") & (age > 1), 1 - quiet_share, 1.0)
    buys = (expected > 0) & (random.random(age.shape) < chance_of_order)
    profit = np.where(buys, np.maximum(expected * factor / chance_of_order, 0.01), 0.0)

    customer, month = np.nonzero(age >= 1)
    return pd.DataFrame(
        {
            "customer_id": life.index.to_numpy()[customer],
            "month": _day(FIRST_MONTH + month),
            "age": age[customer, month],
            "stage": stage[customer, month],
            "expected_profit": expected[customer, month].round(2),
            "profit": profit[customer, month].round(2),
            "observed": month < months,
        }
    )


def _true_customers(life: pd.DataFrame, history: pd.DataFrame, months: int) -> pd.DataFrame:
    observed = history[history["observed"]]
    gone = observed[observed["stage"] == "left"].groupby("customer_id")["month"].min()
    last_year = observed[observed["month"] >= _day(FIRST_MONTH + months - 12)]
    future = history[~history["observed"]]
    next_year = future[future["month"] < _day(FIRST_MONTH + months + 12)]
    growth = (
        next_year.groupby("customer_id")["expected_profit"]
        .sum()
        .sub(last_year.groupby("customer_id")["expected_profit"].sum())
    )
    truth = life[["segment", "stage", "pattern", "h1", "v", "g1", "N", "tau", "g2", "h2", "noise"]]
    return truth.assign(
        pattern=truth["pattern"].where(truth["stage"] == "left"),
        joined=_day(FIRST_MONTH + life["join_index"].to_numpy()),
        left=gone.reindex(life.index),
        falls_silent=life["falls_silent"],
        growth_potential=growth.round(2),
    ).reset_index()


# --- what customers buy -----------------------------------------------------------------------


def _transactions(
    random: Mapping[str, Generator], observed: pd.DataFrame, life: pd.DataFrame
) -> pd.DataFrame:
    """Break each month's profit into order lines, to the cent."""
    bought = observed[observed["profit"] > 0]
    lines = _order_lines(random["orders"], bought, life)
    lines["product_line"] = _product_lines(random["products"], lines)
    lines = lines.join(_line_money(random["money"], lines))
    return lines[
        [
            "customer_id",
            "date",
            "amount",
            "cost",
            "quantity",
            "product_line",
            "discount",
            "order_id",
        ]
    ]


def _order_lines(random: Generator, bought: pd.DataFrame, life: pd.DataFrame) -> pd.DataFrame:
    """Lines with customer, date, order and profit in cents; sorted by date."""
    segment = life["segment"].loc[bought["customer_id"]].to_numpy()
    further = random.binomial(3, SEGMENTS.loc[segment, "further_line_chance"].to_numpy())
    # Too small a profit is not worth a second line.
    further = np.where(bought["profit"] < 20, 0, further)
    month = np.repeat(np.arange(len(bought)), further + 1)
    is_first = np.diff(month, prepend=-1) > 0
    starts_order = is_first | (random.random(len(month)) < 0.4)
    order = np.cumsum(starts_order) - 1

    first_day = bought["month"].to_numpy().astype("datetime64[M]")[month[starts_order]]
    days = (_day(first_day + 1) - _day(first_day)) // np.timedelta64(1, "D")
    day_of_order = np.floor(random.random(len(days)) * days).astype(int)
    lines = pd.DataFrame(
        {
            "customer_id": bought["customer_id"].to_numpy()[month],
            "segment": segment[month],
            "date": (_day(first_day) + day_of_order * np.timedelta64(1, "D"))[order],
            "order": order,
            "cents": _split_cents(random, bought["profit"].to_numpy(), month, is_first),
        }
    )
    lines = lines.sort_values(["date", "order"], kind="stable", ignore_index=True)
    lines["order_id"] = [f"O{number + 1:05d}" for number in pd.factorize(lines.pop("order"))[0]]
    return lines


def _split_cents(
    random: Generator,
    profit: NDArray[np.float64],
    month: NDArray[np.int64],
    is_first: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Share out each month's profit; what rounding leaves over goes to its first line."""
    total = np.round(profit * 100).astype(np.int64)
    weight = random.uniform(0.3, 1.0, len(month))
    share = weight / np.bincount(month, weight)[month]
    cents = np.floor(share * total[month]).astype(np.int64)
    left_over = total - np.bincount(month, cents).astype(np.int64)
    cents[is_first] += left_over
    return cents


def _product_lines(random: Generator, lines: pd.DataFrame) -> NDArray[np.str_]:
    """Draw product lines by segment; printers are followed by toner on the next day of buying."""
    product = _draw_by_group(random, PRODUCT_MIX, lines["segment"])
    rule = SEQUENCES.iloc[0]
    customer = pd.factorize(lines["customer_id"], sort=True)[0]
    day = lines["date"].to_numpy().astype("datetime64[D]").astype(int)
    moment = customer * 100_000 + day
    in_order = np.argsort(moment, kind="stable")
    follows_up = np.flatnonzero(
        (product == rule["bought"]) & (random.random(len(lines)) < rule["chance"])
    )
    place = np.searchsorted(moment[in_order], moment[follows_up], side="right")
    place, follows_up = place[place < len(lines)], follows_up[place < len(lines)]
    following = in_order[place]
    in_time = (customer[following] == customer[follows_up]) & (
        day[following] - day[follows_up] <= rule["within_days"]
    )
    following = following[in_time]
    product[following[product[following] != rule["bought"]]] = rule["then"]
    return product


def _draw_by_group(random: Generator, chances: pd.DataFrame, group: pd.Series) -> NDArray[np.str_]:
    """Draw one of the columns for each row, with the chances of the row's group."""
    limits = chances.cumsum(axis=1).loc[group].to_numpy()[:, :-1]
    which = (random.random(len(group))[:, None] > limits).sum(axis=1)
    return chances.columns.to_numpy(dtype=str)[which]


def _line_money(random: Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """Amount, cost, quantity and discount from the profit of the line."""
    product = PRODUCT_LINES.loc[lines["product_line"]]
    segment = SEGMENTS.loc[lines["segment"]]
    largest = np.round(segment["largest_discount"].to_numpy() / 0.05).astype(np.int64)
    steps = _between(random, 1, largest, len(lines))
    is_discounted = random.random(len(lines)) < segment["discounted_share"].to_numpy()
    discount = np.where(is_discounted, np.round(steps * 0.05, 2), 0.0)

    usual = product["margin"].to_numpy() + random.normal(0, 0.015, len(lines))
    margin = np.clip(usual - 0.2 * discount, 0.15, 0.35)
    profit = lines["cents"].to_numpy()
    amount = np.round(profit / margin).astype(np.int64)
    pieces = amount / 100 / (1 - discount) / product["unit_price"].to_numpy()
    return pd.DataFrame(
        {
            "amount": amount / 100,
            "cost": (amount - profit) / 100,
            "quantity": np.maximum(np.round(pieces), 1).astype(np.int64),
            "discount": discount,
        },
        index=lines.index,
    )


# --- who they are -----------------------------------------------------------------------------


def _customers(random: Generator, life: pd.DataFrame, first_purchase: pd.Series) -> pd.DataFrame:
    customer_type = _draw_by_group(random, CUSTOMER_TYPES, life["segment"])
    return pd.DataFrame(
        {
            "customer_id": life.index,
            "name": _names(random, customer_type),
            "region": random.choice(REGIONS, CUSTOMERS, p=[0.3, 0.3, 0.25, 0.15]),
            "customer_type": customer_type,
            "acquired_on": first_purchase.loc[life.index].to_numpy(),
            "acquisition_channel": random.choice(
                CHANNELS, CUSTOMERS, p=[0.25, 0.15, 0.30, 0.20, 0.10]
            ),
        }
    )


def _names(random: Generator, customer_type: NDArray[np.str_]) -> NDArray[np.object_]:
    """Give each customer a name of its own that suits its type."""
    names = np.empty(CUSTOMERS, dtype=object)
    is_chinese = random.random(CUSTOMERS) < CHINESE_SHARE
    for kind in KINDS:
        english = _combined(PLACES, " ", KINDS[kind])
        chinese = _combined(CHINESE_PLACES, "", CHINESE_KINDS[kind])
        here = customer_type == kind
        for who, pool in ((here & ~is_chinese, english), (here & is_chinese, chinese)):
            names[who] = random.choice(pool, np.count_nonzero(who), replace=False)
    names[random.choice(CUSTOMERS, len(AWKWARD_NAMES), replace=False)] = AWKWARD_NAMES
    return names


def _combined(places: str, between: str, kinds: str) -> list[str]:
    return [place + between + kind for place in places.split(",") for kind in kinds.split(",")]


# --- what is done for them, what they say -----------------------------------------------------


def _accounts(
    customers: pd.DataFrame,
    life: pd.DataFrame,
    transactions: pd.DataFrame,
    last_month: np.datetime64,
) -> pd.DataFrame:
    """Return the customers still buying, with their revenue of the last twelve months."""
    recent = transactions[transactions["date"] >= _day(last_month - 11)]
    revenue = recent.groupby("customer_id")["amount"].sum().round(2)
    accounts = customers.set_index("customer_id")[["region", "customer_type"]]
    accounts = accounts.assign(
        segment=life["segment"], revenue=revenue.reindex(accounts.index, fill_value=0.0)
    )
    return accounts[life["stage"].loc[accounts.index] != "left"]


def _activities(
    random: Generator,
    observed: pd.DataFrame,
    transactions: pd.DataFrame,
    life: pd.DataFrame,
    first_purchase: pd.Series,
    last_day: NDArray[np.datetime64],
) -> pd.DataFrame:
    active = observed[observed["expected_profit"] > 0]
    settings = SEGMENTS.loc[life["segment"].loc[active["customer_id"]]]
    parts = []
    for activity, column, step, fewest, most in (
        ("visit", "visits_per_month", 0.5, 2, 6),
        ("call", "calls_per_month", 0.25, 1, 4),
        ("mailing", "mailings_per_month", 1.0, 1, 5),
    ):
        done = _repeated(active, random.poisson(settings[column].to_numpy()))
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": done["customer_id"],
                    "date": _days_in_month(random, done, first_purchase),
                    "activity": activity,
                    "quantity": step * _between(random, fewest, most, len(done)),
                }
            )
        )
    parts += _deliveries_and_returns(random, transactions, life)
    activities = pd.concat(parts, ignore_index=True)
    # A parcel that arrives after the last day has not arrived yet.
    activities = activities[activities["date"] <= last_day]
    return activities.sort_values(["date", "customer_id", "activity"], ignore_index=True)


def _deliveries_and_returns(
    random: Generator, transactions: pd.DataFrame, life: pd.DataFrame
) -> list[pd.DataFrame]:
    orders = transactions.drop_duplicates("order_id")
    settings = SEGMENTS.loc[life["segment"].loc[orders["customer_id"]]]
    parcels = 1 + random.poisson(settings["parcels_per_order"].to_numpy() - 1)
    delivered = orders["date"].to_numpy() + _some_days(random, 1, 5, len(orders))
    sent_back = random.binomial(parcels, settings["returned_share"].to_numpy())
    handled = delivered + _some_days(random, 4, 20, len(orders))
    tables = [
        pd.DataFrame(
            {
                "customer_id": orders["customer_id"].to_numpy(),
                "date": date,
                "activity": activity,
                "quantity": quantity.astype(float),
            }
        )
        for activity, date, quantity in (
            ("delivery", delivered, parcels),
            ("returns handling", handled, sent_back),
        )
    ]
    return [table[table["quantity"] > 0] for table in tables]


def _complaints(
    random: Generator,
    observed: pd.DataFrame,
    life: pd.DataFrame,
    first_purchase: pd.Series,
    last_day: NDArray[np.datetime64],
) -> pd.DataFrame:
    active = observed[observed["stage"] != "left"]
    who = life.loc[active["customer_id"]]
    to_decline = who["g2"].to_numpy() - active["age"].to_numpy()
    silent = who["falls_silent"].to_numpy()
    situation = np.select(
        [silent & (to_decline < 0), silent & (to_decline < MONTHS_BEFORE_SILENCE)],
        ["silence", "before silence"],
        active["stage"],
    )
    count = random.poisson(COMPLAINT_RATES.loc[situation, "per_month"].to_numpy())
    complaints = _repeated(active.assign(declines=to_decline < MONTHS_BEFORE_SILENCE), count)
    date = _days_in_month(random, complaints, first_purchase)
    column = pd.Series(np.where(complaints["declines"], "in_decline", "usually"))
    resolved = date + _some_days(random, 1, 30, len(complaints))
    never = (random.random(len(complaints)) < 0.12) | (resolved > last_day)
    return pd.DataFrame(
        {
            "customer_id": complaints["customer_id"],
            "date": date,
            "topic": _draw_by_group(random, COMPLAINT_TOPICS.T, column),
            "resolved_on": np.where(never, np.datetime64("NaT", "us"), resolved),
        }
    ).sort_values(["date", "customer_id"], kind="stable", ignore_index=True)


def _responses(
    random: Generator, observed: pd.DataFrame, life: pd.DataFrame, months: int
) -> pd.DataFrame:
    """Two waves a year apart; with 36 months, in November 2024 and November 2025."""
    of_customer = random.normal(0, SHARED_SPREAD, (CUSTOMERS, 1)) + random.normal(
        0, BLOCK_SPREAD, (CUSTOMERS, len(DRIVERS))
    )
    waves = []
    for number, month in enumerate((months - 14, months - 2)):
        asked = _who_can_be_asked(observed[observed["month"] == _day(FIRST_MONTH + month)])
        segment = life["segment"].loc[asked["customer_id"]].to_numpy()
        answers = random.random(len(asked)) < SEGMENTS.loc[segment, "response_rate"].to_numpy()
        asked, segment = asked[answers], segment[answers]
        opinion = (
            MEAN_ANSWER
            + of_customer[life.index.get_indexer(asked["customer_id"])]
            + random.normal(0, WAVE_SPREAD, (len(asked), len(DRIVERS)))
            + SURVEY_SHIFTS.loc[segment].to_numpy()
            + np.outer(asked["stage"] == "decline", SURVEY_SHIFTS.loc["in decline"])
            + number * SURVEY_SHIFTS.loc["second wave"].to_numpy()
        )
        waves.append(_answers(random, asked, opinion))
    responses = pd.concat(waves)
    return responses.sort_values(["date", "customer_id"], ignore_index=True)


def _who_can_be_asked(of_month: pd.DataFrame) -> pd.DataFrame:
    """Leave out those who have left, and the newest."""
    return of_month[(of_month["expected_profit"] > 0) & (of_month["age"] > 1)]


def _answers(random: Generator, asked: pd.DataFrame, opinion: NDArray[np.float64]) -> pd.DataFrame:
    """Turn opinions on the four blocks into answers from 1 to 10."""
    count = len(asked)
    items = np.repeat(opinion, 3, axis=1) + random.normal(0, ITEM_NOISE, (count, len(ITEMS)))
    items = np.clip(np.round(items), 1, 10)
    items[random.random(items.shape) < MISSING_ANSWERS] = np.nan
    overall = opinion @ DRIVERS["weight"].to_numpy() + random.normal(0, OVERALL_NOISE, count)
    answers = pd.DataFrame(items, columns=ITEMS)
    answers.insert(0, "customer_id", asked["customer_id"].to_numpy())
    answers.insert(1, "date", asked["month"].to_numpy() + _some_days(random, 2, 24, count))
    answers.insert(2, "overall", np.clip(np.round(overall), 1, 10).astype(np.int64))
    return answers


def _repeated(rows: pd.DataFrame, times: NDArray[np.int64]) -> pd.DataFrame:
    return rows.loc[rows.index.repeat(times)].reset_index(drop=True)


def _day(month: ArrayLike) -> NDArray[np.datetime64]:
    """Return the first day of the months, in the unit that pandas reads dates in."""
    return np.asarray(month).astype("datetime64[us]")


def _some_days(random: Generator, low: int, high: int, count: int) -> NDArray[np.timedelta64]:
    return random.integers(low, high + 1, count) * np.timedelta64(1, "D")


def _days_in_month(
    random: Generator, rows: pd.DataFrame, first_purchase: pd.Series
) -> NDArray[np.datetime64]:
    """Draw a day in each row's month, none before the customer's first purchase."""
    day = rows["month"].to_numpy() + _some_days(random, 0, 27, len(rows))
    return np.maximum(day, first_purchase.loc[rows["customer_id"]].to_numpy())


# --- files ------------------------------------------------------------------------------------

MONEY = ["amount", "cost", "discount", "growth_potential", "profit", "revenue"]
# Whole numbers, some of them missing; in the truth a construct may have the same name.
GRADES = [*ITEMS, *example_study.ANSWERS]


def write_csv(example: ExampleCompany, folder: str | Path) -> list[Path]:
    """Write the tables as CSV files, and the truth beside them in a folder `truth`.

    Of `Truth.months` only the profits still to come are written, as `future`: the rest is long
    and in the transactions or the parameters.

    Parameters
    ----------
    example
        What `company` returned.
    folder
        Made if it is not there; files of the same names are replaced.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        If the folder cannot be made or written to.
    """
    tables = {Path(field.name): getattr(example, field.name) for field in fields(example)}
    truth = tables.pop(Path("truth"))
    tables |= {Path("truth", field.name): getattr(truth, field.name) for field in fields(truth)}
    tables[Path("truth", "future")] = _future(tables.pop(Path("truth", "months")))
    try:
        Path(folder, "truth").mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            path = Path(folder, name).with_suffix(".csv")
            path.write_text(_csv_text(table), encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(
            f"{folder}: cannot write the example company here ({error.strerror}); "
            "name a folder that can be written to."
        ) from error
    return [Path(folder, name).with_suffix(".csv") for name in tables]


def _future(months: pd.DataFrame) -> pd.DataFrame:
    """Profits of the months after the last observed one; a month without any has no row."""
    coming = months[~months["observed"] & (months["profit"] != 0)]
    return coming[["customer_id", "month", "profit"]]


def _csv_text(table: pd.DataFrame) -> str:
    text = table.copy()
    for column in table.columns:
        if column in MONEY:
            text[column] = table[column].map("{:.2f}".format)
        elif column in GRADES and not (table[column] % 1).any():
            text[column] = table[column].astype("Int64")
    return text.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")


def main(arguments: list[str] | None = None) -> int:
    """Write the example company into the folder named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m crmlib.tables.example", description=f"Write the tables of {COMPANY_NAME}."
    )
    parser.add_argument("folder", help="where to write, for example: data")
    chosen = parser.parse_args(arguments)
    try:
        paths = write_csv(company(), chosen.folder)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(paths)} files written to {chosen.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
