"""Plans of ten offers: the dual beside HiGHS on 2,000 customers, and for 100,000."""

from collections.abc import Callable

import numpy as np

from crmlib.segmentation.offer_dual import best_prices, solve_by_dual
from crmlib.segmentation.offer_programme import OfferProgramme, Solution, solve_exactly
from tests.benchmarks.timing import median_seconds

OFFERS = 10


def generate_programme(customers: int, contacts: int) -> OfferProgramme:
    """Customers who differ in what offers bring, offers in what they cost; limited volumes."""
    random = np.random.default_rng(1)
    size = (customers, OFFERS)
    gain = random.gamma(1.0, 200, (customers, 1)) * random.beta(1, 8, size)
    cost = np.broadcast_to(random.uniform(2, 15, OFFERS), size).copy()
    minimum, maximum = np.zeros(OFFERS), np.full(OFFERS, np.inf)
    minimum[:3], maximum[3:6] = customers // 50, customers // 40
    ones = np.ones(customers, dtype=np.int64)
    budget = 0.3 * customers * float(cost.mean())
    return OfferProgramme(gain - cost, cost, ones, contacts, budget, minimum, maximum)


def run() -> None:
    """Print the rows of this benchmark."""
    print(f"Offers under a budget, contact limits and volumes; {OFFERS} offers")
    for customers, contacts in ((2_000, 1), (2_000, 2), (100_000, 1), (100_000, 3)):
        programme = generate_programme(customers, contacts)
        dual, seconds = timed(lambda case: solve_by_dual(case, best_prices(case)), programme)
        name = f"{customers:,} customers, at most {contacts} each"
        print(f"  {name:36s} dual  {seconds:7.2f} s   gap {100 * dual.gap:.5f} %")
        if customers <= 2_000:
            exact, seconds = timed(solve_exactly, programme)
            short = 100 * (1 - dual.value / exact.value)
            print(f"  {'':36s} HiGHS {seconds:7.2f} s   the dual's plan is {short:.5f} % below it")


def timed(
    solve: Callable[[OfferProgramme], Solution | None], programme: OfferProgramme
) -> tuple[Solution, float]:
    """Solution of a programme, and the seconds it took."""
    found: list[Solution | None] = []
    seconds = median_seconds(lambda: found.append(solve(programme)), runs=1)
    assert found[0] is not None
    return found[0], seconds
