"""Questions of the exercises on segmentation."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from crmlib import clp, segmentation, tables
from crmlib.columns import Array
from crmlib.exercises.kinds import Choice, Number, Several, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.segmentation.concentration import Estimate

# What is given in the notebooks.

PURCHASES = {
    "A": (60,),
    "B": (220, 200),
    "C": (),
    "D": (120,),
    "E": (400, 260, 200),
    "F": (40,),
    "G": (90, 150),
    "H": (),
    "I": (100, 80),
    "J": (80,),
}
"""Purchases of ten customers in yuan."""

CDNOW_DECILES = (
    1273728.95,
    420919.55,
    254371.46,
    170200.04,
    120844.97,
    88653.73,
    66323.94,
    46635.01,
    34199.78,
    24438.20,
)
"""Dollars that each decile of CDNOW's customers brought, the best first.

The 23,570 customers who first bought in January to March 1997, their purchases up to June 1998
(Fader and Hardie's table ``CDNOW_master.txt``): 2,357 customers in each, ties by customer number.
"""

SIX = pd.DataFrame(
    {
        "customer_id": ["A", "B", "C", "D", "E", "F"],
        "brought": [14.0, 12.0, 3.0, 15.0, 2.0, 10.0],
        "to_come": [16.0, 18.0, 13.0, 6.0, 4.0, 11.0],
        "low": [12.0, 11.0, 8.0, 3.0, 1.0, 10.5],
        "high": [21.0, 30.0, 19.0, 9.0, 12.0, 12.0],
    }
)
"""What six customers brought and are to bring, in thousand yuan."""

C, Z = 2, norm.ppf(0.975)  # place of the customer looked at; of an interval of 95 %
LINE = 10.0  # thousand yuan, for the six
EXAMPLE_LINE = 25_000.0  # yuan, for the example company
BRINGS, COSTS = 10.0, 4.0  # of attention: thousand yuan where the potential is high, and always
VISIT = 0.5  # thousand yuan

EXTRA = pd.DataFrame(
    {"toner": [0.20, 0.10, 0.25, 0.05, 0.15], "printer": [0.14, 0.16, 0.13, 0.04, 0.08]},
    index=pd.Index(["A", "B", "C", "D", "E"], name="customer_id"),
)
"""Chance that a customer buys because of an offer."""

PRICE = {"toner": 1500.0, "printer": 4000.0}
MARGIN = {"toner": 300.0, "printer": 1000.0}
OFFER_COST = {"toner": 20.0, "printer": 50.0}
BUDGET, MORE = 120.0, 20.0
BUYS_ANYWAY, UPLIFT = 0.8, 0.5
EXAMPLE_BUDGET, EXAMPLE_COST, EXAMPLE_UPLIFT = 3000.0, 60.0, 0.3

# 01 deciles


def _totals() -> Array:
    """Sales of the ten customers, the best first."""
    return -np.sort([-float(sum(amounts)) for amounts in PURCHASES.values()])


def _added_up(money: Array, shares: tuple[float, ...] = (0.1, 0.2, 0.3)) -> list[float]:
    """Share of the money that the best tenth, two tenths and three tenths bring."""
    return [segmentation.share_of_best(money, share).estimate for share in shares]


def _to_fill(share: float) -> int:
    sums = np.cumsum(_totals())
    return int(np.searchsorted(sums, share * sums[-1])) + 1


def _gini_by_ranks(money: Array, divisor: int) -> float:
    """Gini coefficient with the money in the order given, over n times a divisor."""
    n = len(money)
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return float(ranks @ money / (n * divisor * money.mean()))


def _cdnow_shares() -> Array:
    return np.array(CDNOW_DECILES) / sum(CDNOW_DECILES)


def _deciles_to(share: float) -> int:
    return int(np.searchsorted(np.cumsum(_cdnow_shares()), share)) + 1


@functools.cache
def _transactions() -> pd.DataFrame:
    """Purchases of the example company."""
    return tables.read("data/transactions.csv", kind="transactions").frame


@functools.cache
def _last_year() -> pd.DataFrame:
    """What its customers brought in 2025, who bought in that year."""
    return segmentation.customer_totals(_transactions(), cost="cost", since="2025-01-01").table


@functools.cache
def _customers() -> pd.DataFrame:
    """All its customers, with what they brought in 2025."""
    known = tables.read("data/customers.csv", kind="customers").frame
    return known.merge(_last_year(), on="customer_id", how="left")


def _ends(estimate: Estimate) -> tuple[float, float]:
    return estimate.low, estimate.high


def _of_lines() -> tuple[float, float]:
    lines = _transactions().query("date >= '2025-01-01'")
    return _ends(segmentation.share_of_best(lines["amount"] - lines["cost"]))


def _verdict_on_public_offices() -> str:
    offices = _customers().query("customer_type == 'public office' and orders > 0")
    found = segmentation.share_of_best(offices["profit"])
    return "not refused" if found.low <= 0.8 <= found.high else "refused"


DECILES = (
    Question(
        name="segmentation.deciles.1",
        kind=Several(Share("all sales"), ("best decile", "best two", "best three")),
        answer=lambda: _added_up(_totals()),
        mistakes=(
            Mistake(
                lambda: (np.cumsum(_totals()[::-1])[:3] / _totals().sum()).tolist(),
                "You began with the smallest customers. Decile 1 are the best.",
            ),
            Mistake(
                lambda: (_totals()[:3] / _totals().sum()).tolist(),
                "These are the shares of single deciles. Add them up from the best on.",
            ),
            Mistake(
                lambda: _added_up(_totals()[_totals() > 0]),
                "These are tenths of those who bought. Who bought nothing is a customer too.",
            ),
            Mistake(
                lambda: _added_up(np.array(sum(PURCHASES.values(), ()), dtype=float)),
                "These are tenths of the purchases. Add up the purchases of each customer first.",
            ),
        ),
        look_again="Sales of each customer, the largest first; add up; divide by the sales of all.",
    ),
    Question(
        name="segmentation.deciles.2",
        kind=Number("customers", within=0.01),
        answer=lambda: _to_fill(0.8),
        mistakes=(
            Mistake(
                lambda: _to_fill(0.8) - 1,
                "They fall a little short. The customer who fills the share counts.",
            ),
            Mistake(
                lambda: int(0.8 * len(PURCHASES)),
                "That is 80 % of the customers. Wanted are those who make 80 % of the money.",
            ),
            Mistake(
                lambda: int(np.searchsorted(np.cumsum(_totals()[::-1]), 0.8 * _totals().sum())) + 1,
                "You began with the smallest customers. Take the best first.",
            ),
        ),
        look_again="Add up the sales from the best customer on, until 80 % of all is reached.",
    ),
    Question(
        name="segmentation.deciles.3",
        kind=Share("the largest possible"),
        answer=lambda: segmentation.gini(_totals()),
        mistakes=(
            Mistake(
                lambda: _gini_by_ranks(_totals()[::-1], len(PURCHASES)),
                "You divided by n squared. The formula has n (n − 1): one customer who brings all "
                "is then 1.",
            ),
            Mistake(
                lambda: _gini_by_ranks(_totals(), len(PURCHASES) - 1),
                "Rank 1 is the smallest customer here, not the best.",
            ),
            Mistake(
                lambda: segmentation.gini(_totals()[_totals() > 0]),
                "Those who bought nothing are customers too: they have the first ranks.",
            ),
        ),
        look_again="Order from the smallest; multiply each by 2i − n − 1; add up; then divide.",
    ),
    Question(
        name="segmentation.deciles.4",
        kind=Share("all sales", within=0.003),
        answer=lambda: float(_cdnow_shares()[:2].sum()),
        mistakes=(
            Mistake(
                lambda: float(_cdnow_shares()[0]),
                "That is what the best tenth brings. A fifth is two deciles.",
            ),
            Mistake(
                lambda: float(_cdnow_shares()[1]),
                "That is the second decile alone. The best fifth is the first with it.",
            ),
            Mistake(
                lambda: float(_cdnow_shares()[-2:].sum()),
                "You counted from the bottom. The deciles begin with the best customers.",
            ),
        ),
        look_again="Each decile is a tenth of the customers: which of them are the best fifth?",
    ),
    Question(
        name="segmentation.deciles.5",
        kind=Number("deciles", within=0.01),
        answer=lambda: _deciles_to(0.8),
        mistakes=(
            Mistake(
                lambda: round(0.2 * len(CDNOW_DECILES)),
                "So the rule says. What do the numbers of this shop say?",
            ),
            Mistake(
                lambda: _deciles_to(0.8) - 1,
                "Near, but these bring less than 80 %. Asked is when it is reached.",
            ),
            Mistake(
                lambda: round(0.8 * len(CDNOW_DECILES)),
                "That is 80 % of the customers. Wanted is how many make 80 % of the money.",
            ),
        ),
        look_again="Add up the deciles from the first on, until 80 % of the sales are reached.",
    ),
    Question(
        name="segmentation.deciles.6",
        kind=Several(Share("all profit"), ("lower end", "upper end")),
        answer=lambda: _ends(segmentation.share_of_best(_last_year()["profit"])),
        mistakes=(
            Mistake(
                _of_lines,
                "That is the best fifth of the order lines. A customer has many: sum them with "
                "customer_totals first.",
            ),
            Mistake(
                lambda: _ends(segmentation.share_of_best(_customers()["profit"].fillna(0.0))),
                "That counts everybody who was ever a customer. Asked is of those who bought in "
                "2025.",
            ),
            Mistake(
                lambda: _ends(segmentation.share_of_best(_last_year()["revenue"])),
                "That is the share of the sales. Asked is the profit.",
            ),
            Mistake(
                lambda: _ends(segmentation.gini_interval(_last_year()["profit"])),
                "That is the interval of the Gini coefficient, not of the share of the best fifth.",
            ),
        ),
        look_again="share_of_best takes one number a customer; low and high are the ends.",
    ),
    Question(
        name="segmentation.deciles.7",
        kind=Choice(("refused", "not refused", "proved")),
        answer=_verdict_on_public_offices,
        mistakes=(
            Mistake(
                lambda: "refused",
                "You compared the estimate with the claim. Where does the claim lie in the "
                "interval?",
            ),
            Mistake(
                lambda: "proved",
                "The interval holds that share, but many others as well.",
            ),
        ),
        look_again="Is 80 % inside the interval or outside?",
    ),
)

# 02 value matrix


def _class_counts(current: "pd.Series[float]", potential: "pd.Series[float]") -> list[int]:
    """How many of the six are in class I, II, III and IV."""
    place = 2 * (current > LINE).astype(int) + (potential > LINE).astype(int)
    return np.bincount(place, minlength=4).tolist()


@functools.cache
def _six() -> pd.DataFrame:
    matrix = segmentation.value_matrix(
        SIX,
        current="brought",
        potential="to_come",
        low="low",
        high="high",
        cut="money",
        current_cut=LINE,
        potential_cut=LINE,
    )
    return matrix.customers.set_index("customer_id")


def _c_is_high() -> float:
    """Chance that C's potential is above the line."""
    return float(_six()["high_probability"].to_numpy()[C])


def _chance_of_c(arm: float) -> float:
    """The same with some other standard deviation."""
    return float(norm.cdf((_of_c("to_come") - LINE) / arm))


def _of_c(column: str) -> float:
    return float(SIX[column].to_numpy()[C])


def _worth_knowing(chance: "Array | pd.Series[float] | float") -> Array:
    """What it brings to know whether a potential is high, before attention is paid for."""
    at_once = np.maximum(chance * BRINGS - COSTS, 0.0)
    return np.asarray(chance * (BRINGS - COSTS) - at_once)


@functools.cache
def _example_matrix() -> pd.DataFrame:
    """Customers of the example company in the value matrix: 2025, and the year to come."""
    base = clp.customer_base(_transactions(), cost="cost", period="month")
    to_come = clp.forecast(base, "life-cycle curves", periods=12, rate=0.0, when="end", seed=1)
    worth = to_come.customers.rename(columns={"profit": "potential"})
    worth = worth.merge(_last_year()[["customer_id", "profit"]], how="left")
    matrix = segmentation.value_matrix(
        worth.fillna({"profit": 0.0}),
        current="profit",
        potential="potential",
        low="low",
        high="high",
        cut="money",
        current_cut=EXAMPLE_LINE,
        potential_cut=EXAMPLE_LINE,
    )
    return matrix.customers


def _unsure() -> int:
    return int((~_example_matrix()["certain"].dropna().astype(bool)).sum())


def _visits(chance: "pd.Series[float]") -> int:
    """How many customers a visit pays for, whose potential is high with this chance."""
    return int((_worth_knowing(chance) > VISIT).sum())


VALUE_MATRIX = (
    Question(
        name="segmentation.value_matrix.1",
        kind=Several(Number("customers", within=0.01), ("I", "II", "III", "IV")),
        answer=lambda: _class_counts(SIX["brought"], SIX["to_come"]),
        mistakes=(
            Mistake(
                lambda: _class_counts(SIX["to_come"], SIX["brought"]),
                "The two axes are changed round: class II has the potential, class III the "
                "current value.",
            ),
            Mistake(
                lambda: _class_counts(SIX["brought"] + 1e-9, SIX["to_come"]),
                "High is what lies above the line. One customer lies on it.",
            ),
            Mistake(
                lambda: _class_counts(SIX["brought"], SIX["high"]),
                "You took the upper ends. The class comes from the forecast itself.",
            ),
            Mistake(
                lambda: _class_counts(SIX["brought"], SIX["low"]),
                "You took the lower ends. The class comes from the forecast itself.",
            ),
        ),
        look_again="Two questions a customer: did it bring more than the line, will it?",
    ),
    Question(
        name="segmentation.value_matrix.2",
        kind=Number("customers", within=0.01),
        answer=lambda: int(_six()["certain"].sum()),
        mistakes=(
            Mistake(
                lambda: int((~_six()["certain"]).sum()),
                "Those are the unsure ones: their intervals hold the line.",
            ),
            Mistake(
                lambda: int((_six()["high"] - _six()["low"] < LINE).sum()),
                "You counted short intervals. A long one that stays on one side of the line "
                "leaves no doubt either.",
            ),
        ),
        look_again="Draw each interval and the line: does the line cut it?",
    ),
    Question(
        name="segmentation.value_matrix.3",
        kind=Share("certainty"),
        answer=_c_is_high,
        mistakes=(
            Mistake(
                lambda: _chance_of_c((_of_c("high") - _of_c("to_come")) / Z),
                "That is the other arm of the interval. Take the one that reaches to the line.",
            ),
            Mistake(
                lambda: _chance_of_c((_of_c("high") - _of_c("low")) / (2 * Z)),
                "You took half of the interval. Its arms differ: take the one towards the line.",
            ),
            Mistake(
                lambda: _chance_of_c(_of_c("to_come") - _of_c("low")),
                "The arm is 1.96 standard deviations long: divide it by 1.96.",
            ),
            Mistake(
                lambda: _chance_of_c((_of_c("to_come") - _of_c("low")) / norm.ppf(0.95)),
                "You divided by the z of a one-sided 95 %. The interval leaves 2.5 % on each side.",
            ),
        ),
        look_again="How many s does the forecast lie above the line? Then look up Φ.",
    ),
    Question(
        name="segmentation.value_matrix.4",
        kind=Number("customers", within=0.005),
        answer=lambda: float((1 - _six()["class_probability"]).sum()),
        mistakes=(
            Mistake(
                lambda: int((~_six()["certain"]).sum()),
                "Those are the unsure ones. Most of them are in the right class all the same: add "
                "up chances.",
            ),
            Mistake(
                lambda: float((1 - _six()["class_probability"])[~_six()["certain"]].sum()),
                "Those sure at 95 % are not sure for good: their small chances count as well.",
            ),
            Mistake(
                lambda: float(_six()["class_probability"].sum()),
                "That is how many are expected to be in the right class.",
            ),
            Mistake(
                lambda: float((1 - _six()["high_probability"]).sum()),
                "That adds up the chances to lie below the line. In classes I and III that is "
                "where a customer belongs.",
            ),
        ),
        look_again="For each of the six: the chance that its class is wrong. Then add up.",
    ),
    Question(
        name="segmentation.value_matrix.5",
        kind=Number("thousand yuan", within=0.005),
        answer=lambda: float(_worth_knowing(_c_is_high())),
        mistakes=(
            Mistake(
                lambda: _c_is_high() * (BRINGS - COSTS),
                "That is what you gain once you know. Take off what you would gain without it.",
            ),
            Mistake(
                lambda: _c_is_high() * BRINGS - COSTS,
                "That is what attention gains without knowing. What more would you gain if you "
                "knew?",
            ),
            Mistake(
                lambda: (1 - _c_is_high()) * BRINGS,
                "Where the potential is low, attention brings nothing. To know saves its cost.",
            ),
        ),
        look_again="Compare two averages: deciding at once, and deciding when the truth is known.",
    ),
    Question(
        name="segmentation.value_matrix.6",
        kind=Number("customers", within=0.5),
        answer=_unsure,
        mistakes=(
            Mistake(
                lambda: int(_example_matrix()["certain"].sum()),
                "Those are the sure ones.",
            ),
            Mistake(
                lambda: len(_example_matrix()) - int(_example_matrix()["certain"].sum()),
                "One of them has no interval at all: of it nothing is known, not that it is "
                "unsure. Count where certain is False.",
            ),
            Mistake(
                lambda: int((_example_matrix()["class_probability"] < 0.95).sum()),
                "An interval of 95 % leaves 2.5 % on each side: the column certain says whether "
                "it holds the line.",
            ),
        ),
        look_again="Count the rows of matrix.customers in which certain is False.",
    ),
    Question(
        name="segmentation.value_matrix.7",
        kind=Number("customers", within=0.5),
        answer=lambda: _visits(_example_matrix()["high_probability"]),
        mistakes=(
            Mistake(
                _unsure,
                "Those are all the unsure ones. For some the visit costs more than it can change.",
            ),
            Mistake(
                lambda: int(
                    (_example_matrix()["high_probability"] * (BRINGS - COSTS) > VISIT).sum()
                ),
                "That counts those whose potential is high without a doubt as well. They get "
                "attention anyway: a visit changes nothing.",
            ),
            Mistake(
                lambda: _visits(_example_matrix()["class_probability"]),
                "You took the chance that the class is right. What attention brings hangs on the "
                "chance that the potential is high.",
            ),
        ),
        look_again="Work out for every customer what knowing is worth, then compare with a visit.",
    ),
)

# 03 offers


def _net(worth: dict[str, float], *, cost: float = 1.0) -> pd.DataFrame:
    """Expected gain of every offer, less its cost."""
    return EXTRA * pd.Series(worth) - cost * pd.Series(OFFER_COST)


@dataclass(frozen=True)
class _Plan:
    """What a plan brings after its cost, and what it costs."""

    net_gain: float
    spent: float


def _greedy(budget: float, *, stops: bool = False) -> _Plan:
    """One offer after the other, by net gain for a yuan.

    What cannot be paid, or goes to somebody who has an offer, is passed over, or ends it.
    """
    pairs = _net(MARGIN).melt(ignore_index=False, var_name="offer", value_name="gain").reset_index()
    pairs = pairs[pairs["gain"] > 0].assign(cost=pairs["offer"].map(OFFER_COST))
    pairs["per_yuan"] = pairs["gain"] / pairs["cost"]
    pairs = pairs.sort_values("per_yuan", ascending=False)
    served: set[str] = set()
    left, gained = budget, 0.0
    columns = (pairs[name].tolist() for name in ("customer_id", "gain", "cost"))
    for customer, gain, cost in zip(*columns, strict=True):
        if customer not in served and cost <= left:
            served.add(customer)
            left, gained = left - cost, gained + gain
        elif stops:
            break
    return _Plan(gained, budget - left)


@functools.cache
def _best(budget: float | None) -> segmentation.OfferPlan:
    scores = (EXTRA * pd.Series(MARGIN)).reset_index()
    return segmentation.assign_offers(scores, OFFER_COST, budget)


@functools.cache
def _chances() -> pd.DataFrame:
    return segmentation.own_pairs(_transactions(), item="product_line", cost="cost")


@functools.cache
def _example_gains(uplift: float) -> pd.DataFrame:
    return segmentation.offer_gains(_chances(), uplift=uplift)


@functools.cache
def _example_plan(uplift: float, gain: str = "gain") -> segmentation.OfferPlan:
    scores = _example_gains(uplift)[["customer_id", "offer", gain]]
    scores = scores.rename(columns={gain: "gain"})
    return segmentation.assign_offers(scores, EXAMPLE_COST, EXAMPLE_BUDGET)


def _valued_at(uplift: float) -> float:
    """What the plan made for the assumed uplift brings at another."""
    plan = _example_plan(EXAMPLE_UPLIFT)
    pairs = plan.offers[["customer_id", "offer"]].merge(_example_gains(uplift))
    return float(pairs["gain"].sum() - plan.spent)


def _valued_at_mean_chances(uplift: float) -> float:
    """The same from the mean of each chance, as if it were known."""
    plan = _example_plan(EXAMPLE_UPLIFT)
    pairs = plan.offers[["customer_id", "offer"]].merge(_example_gains(uplift))
    extra = segmentation.extra_purchases(pairs["chance"], uplift)
    return float((pairs["margin"] * extra).sum() - plan.spent)


OFFERS = (
    Question(
        name="segmentation.offers.1",
        kind=Several(Number("yuan", within=0.01), tuple(EXTRA.index)),
        answer=lambda: _net(MARGIN)["printer"].tolist(),
        mistakes=(
            Mistake(
                lambda: _net(PRICE)["printer"].tolist(),
                "You counted the price. A sale brings its margin; the rest pays for the goods.",
            ),
            Mistake(
                lambda: _net(MARGIN, cost=0.0)["printer"].tolist(),
                "The offer costs something too, whether it is taken or not.",
            ),
            Mistake(
                lambda: (EXTRA["printer"] * (MARGIN["printer"] - OFFER_COST["printer"])).tolist(),
                "You pay for the offer only when it succeeds. It costs its money in any case.",
            ),
        ),
        look_again="Chance times margin, less the cost of the offer; a loss is below zero.",
    ),
    Question(
        name="segmentation.offers.2",
        kind=Number("yuan", within=0.05),
        answer=lambda: (
            segmentation.extra_purchases(BUYS_ANYWAY, UPLIFT) * MARGIN["toner"]
            - OFFER_COST["toner"]
        ),
        mistakes=(
            Mistake(
                lambda: (
                    (segmentation.extra_purchases(BUYS_ANYWAY, UPLIFT) + BUYS_ANYWAY)
                    * MARGIN["toner"]
                    - OFFER_COST["toner"]
                ),
                "You counted all who buy. Most of them would have bought without the offer: only "
                "those more count.",
            ),
            Mistake(
                lambda: UPLIFT * BUYS_ANYWAY * MARGIN["toner"] - OFFER_COST["toner"],
                "You raised the chance by half. Raised are the odds, p / (1 − p).",
            ),
            Mistake(
                lambda: segmentation.extra_purchases(BUYS_ANYWAY, UPLIFT) * MARGIN["toner"],
                "Take off what the offer costs.",
            ),
        ),
        look_again="The odds before and after; the chances they are; only the difference counts.",
    ),
    Question(
        name="segmentation.offers.3",
        kind=Number("yuan", within=0.01),
        answer=lambda: _greedy(BUDGET).net_gain,
        mistakes=(
            Mistake(
                lambda: _best(BUDGET).net_gain,
                "This plan does not follow the rule: it takes the next best for a yuan each time, "
                "and never looks back.",
            ),
            Mistake(
                lambda: _greedy(BUDGET).net_gain + _greedy(BUDGET).spent,
                "That is before the offers are paid for.",
            ),
            Mistake(
                lambda: _greedy(BUDGET, stops=True).net_gain,
                "You stopped at the first offer that cannot be made. Pass it over and go on.",
            ),
        ),
        look_again="Net gain over cost for all ten; the largest first; skip what cannot be.",
    ),
    Question(
        name="segmentation.offers.4",
        kind=Number("yuan", within=0.01),
        answer=lambda: _best(BUDGET).net_gain,
        mistakes=(
            Mistake(
                lambda: _greedy(BUDGET).net_gain,
                "That is what best for a yuan finds. Another plan that spends the budget better "
                "brings more.",
            ),
            Mistake(
                lambda: _best(BUDGET).net_gain + _best(BUDGET).spent,
                "That is before the offers are paid for.",
            ),
            Mistake(
                lambda: _best(None).net_gain,
                "This plan costs more than there is to spend.",
            ),
        ),
        look_again="Try one, then two printer offers, and fill up what is left with toner.",
    ),
    Question(
        name="segmentation.offers.5",
        kind=Number("yuan", within=0.01),
        answer=lambda: _best(BUDGET + MORE).net_gain - _best(BUDGET).net_gain,
        mistakes=(
            Mistake(
                lambda: _best(BUDGET).net_gain / BUDGET * MORE,
                "That is the average of the money already spent. The last yuan brings less than "
                "the first.",
            ),
            Mistake(
                lambda: _best(BUDGET + MORE).net_gain - _greedy(BUDGET).net_gain,
                "You compared with the plan by the rule. Compare the best plan with the best plan.",
            ),
            Mistake(
                lambda: _best(BUDGET + MORE).net_gain - _best(BUDGET).net_gain + MORE,
                "That is before the further offer is paid for.",
            ),
        ),
        look_again="The best plan for each of the two budgets; then the difference.",
    ),
    Question(
        name="segmentation.offers.6",
        kind=Number("yuan", within=1.0),
        answer=lambda: _example_plan(EXAMPLE_UPLIFT).net_gain,
        mistakes=(
            Mistake(
                lambda: (
                    _example_plan(EXAMPLE_UPLIFT).net_gain + _example_plan(EXAMPLE_UPLIFT).spent
                ),
                "That is before the offers are paid for: net_gain of the plan, not gain.",
            ),
            Mistake(
                lambda: _example_plan(EXAMPLE_UPLIFT, "gain_as_counted").net_gain,
                "That plan was made from the shares as counted. The best of many look better than "
                "they are: take the column gain.",
            ),
            Mistake(
                lambda: segmentation.best_score_first(
                    _example_gains(EXAMPLE_UPLIFT), EXAMPLE_COST, EXAMPLE_BUDGET, contacts=6
                )["net_gain"].sum(),
                "Some customers get several offers in this plan. One each is the limit.",
            ),
        ),
        look_again="offer_gains with the uplift, then assign_offers with cost and budget.",
    ),
    Question(
        name="segmentation.offers.7",
        kind=Number("yuan", within=1.0),
        answer=lambda: _valued_at(EXAMPLE_UPLIFT / 2),
        mistakes=(
            Mistake(
                lambda: _example_plan(EXAMPLE_UPLIFT).net_gain / 2,
                "Half the uplift does not halve the cost, which is paid all the same.",
            ),
            Mistake(
                lambda: _example_plan(EXAMPLE_UPLIFT / 2).net_gain,
                "That is the best plan for the smaller uplift. You have made the other one, before "
                "you knew: what does that bring?",
            ),
            Mistake(
                lambda: _valued_at(EXAMPLE_UPLIFT / 2) + _example_plan(EXAMPLE_UPLIFT).spent,
                "That is before the offers are paid for.",
            ),
            Mistake(
                lambda: _valued_at_mean_chances(EXAMPLE_UPLIFT / 2),
                "You worked with the mean chance. Few cases leave it open, and an offer adds less "
                "to a chance far from one half: take the gain of offer_gains.",
            ),
        ),
        look_again="The same customers and offers, with the gains at the smaller uplift.",
    ),
)

QUESTIONS: tuple[Question, ...] = (*DECILES, *VALUE_MATRIX, *OFFERS)
