"""Questions on deciles: what the best customers bring, and how unequal customers are."""

import functools

import numpy as np
import pandas as pd

from crmlib import segmentation, tables
from crmlib.columns import Array
from crmlib.exercises.kinds import Choice, Number, Several, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.exercises.segmentation.given import last_year, transactions
from crmlib.segmentation.concentration import Estimate

# What is given in the notebook.

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
def _customers() -> pd.DataFrame:
    """All its customers, with what they brought in 2025."""
    known = tables.read("data/customers.csv", kind="customers").frame
    return known.merge(last_year(), on="customer_id", how="left")


def _ends(estimate: Estimate) -> tuple[float, float]:
    return estimate.low, estimate.high


def _of_lines() -> tuple[float, float]:
    lines = transactions().query("date >= '2025-01-01'")
    return _ends(segmentation.share_of_best(lines["amount"] - lines["cost"]))


def _verdict_on_public_offices() -> str:
    offices = _customers().query("customer_type == 'public office' and orders > 0")
    found = segmentation.share_of_best(offices["profit"])
    return "not refused" if found.low <= 0.8 <= found.high else "refused"


QUESTIONS: tuple[Question, ...] = (
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
        answer=lambda: _ends(segmentation.share_of_best(last_year()["profit"])),
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
                lambda: _ends(segmentation.share_of_best(last_year()["revenue"])),
                "That is the share of the sales. Asked is the profit.",
            ),
            Mistake(
                lambda: _ends(segmentation.gini_interval(last_year()["profit"])),
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
