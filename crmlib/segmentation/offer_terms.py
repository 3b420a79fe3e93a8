"""What offers cost and what may be spent on them, and what is taken where it is not given."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlib.columns import listed
from crmlib.errors import InputError
from crmlib.segmentation.offer_value import check_uplift

USUAL_COST = 0.02
"""Cost of an offer, as a part of the profit of a purchase, where none is given."""

ONE_IN = 5
"""One customer in so many can get an offer, where no budget is given."""


@dataclass(frozen=True)
class OfferTerms:
    """What offers cost and what may be spent.

    Attributes
    ----------
    costs : mapping of str to float
        Of one offer to one customer, by the name of the offer.
    budget : float
    typical_cost : float
        Of offers that have no cost of their own.
    assumed : tuple of str
        What was not given and is taken, in words.
    """

    costs: Mapping[str, float]
    budget: float
    typical_cost: float
    assumed: tuple[str, ...]

    def least_budget(self, minimum: Mapping[str, int]) -> float:
        """What filling minimum volumes costs."""
        return sum(number * self.costs[name] for name, number in minimum.items())


def offer_terms(
    gains: pd.DataFrame,
    *,
    offer_cost: float | None,
    offer_costs: Mapping[str, float],
    budget: float | None,
    unit: str = "customer",
    money: str = "money",
) -> OfferTerms:
    """Costs and budget as given, and where they are not, in proportion to what is at stake.

    Parameters
    ----------
    gains : DataFrame
        From `offer_gains`.
    offer_cost : float or None
        Of one offer; 2 % of the mean profit of a purchase when not given.
    offer_costs : mapping of str to float
        Of offers that cost something else.
    budget : float or None
        Enough for one customer in five when not given.
    unit, money : str
        For the words.

    Returns
    -------
    OfferTerms

    Raises
    ------
    InputError
        offer_costs names an offer that does not exist, or a cost is below 0.
    """
    offers = sorted(gains["offer"].astype(str).unique())
    unknown = [name for name in offer_costs if name not in offers]
    if unknown:
        raise InputError(
            f"offer_costs names {listed(unknown)}, which is no offer; the offers are "
            f"{listed(offers, shown=40)}."
        )
    wrong = [name for name, cost in offer_costs.items() if not cost >= 0]
    if wrong:
        raise InputError(f"offer_costs of {listed(wrong)} must be 0 or more.")
    assumed = []
    typical = offer_cost
    if typical is None:
        typical = two_digits(USUAL_COST * max(float(gains["margin"].mean()), 0.0))
        assumed.append(f"an offer costs {typical:g} {money} ({USUAL_COST:.0%} of a purchase)")
    customers = gains["customer_id"].nunique()
    if budget is None:
        budget = typical * max(customers // ONE_IN, 1)
        assumed.append(f"a budget of {budget:,.5g} {money} (for one {unit} in {ONE_IN})")
    costs = {name: float(offer_costs.get(name, typical)) for name in offers}
    return OfferTerms(costs, float(budget), float(typical), tuple(assumed))


def two_digits(number: float) -> float:
    """Round to two digits."""
    return float(f"{number:.2g}") if np.isfinite(number) else 0.0


def check_terms(
    *,
    uplift: float,
    offer_cost: float | None,
    budget: float | None,
    contacts: int,
    within_days: int,
    item_margin: float | None,
) -> None:
    """Refuse terms of a plan that cannot be, before anything long is computed.

    Raises
    ------
    InputError
    """
    check_uplift(uplift)
    for name, value in (("offer_cost", offer_cost), ("budget", budget)):
        if value is not None and not value >= 0:
            raise InputError(f"{name}={value:g} must be 0 or more.")
    if contacts < 1:
        raise InputError(
            f"contacts={contacts} leaves no offer to make. It is how many offers a customer gets "
            "at most: 1 or more."
        )
    if within_days < 1:
        raise InputError(f"within_days={within_days}: look ahead 1 day or more.")
    if item_margin is not None and not item_margin > 0:
        raise InputError(f"item_margin={item_margin:g} must be above 0.")
