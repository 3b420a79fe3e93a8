"""Every method of forecasting profit, each from a customer base to a forecast in one form."""

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from crmlib.clp.base import CustomerBase
from crmlib.clp.beta_geo import BetaGeoNBD
from crmlib.clp.customer_value import customer_value
from crmlib.clp.discounting import Array, When, discount_factors
from crmlib.clp.dwyer_forecasts import dwyer_migration_forecast, dwyer_retention_forecast
from crmlib.clp.fitting import LifeCycleFit, fit_life_cycle
from crmlib.clp.forecast import Forecast, assemble
from crmlib.clp.gamma_gamma import GammaGamma
from crmlib.clp.history import periods_in
from crmlib.clp.holdout import allow_for_losses, holdout_check
from crmlib.clp.pareto_nbd import ParetoNBD
from crmlib.clp.simple_rules import SIMPLE_RULES, own_average_if_active
from crmlib.clp.value import LifetimeProfit
from crmlib.errors import InputError

Method = Callable[..., Forecast]
"""From a customer base and the keywords periods, rate, when, confidence and seed."""

REPLICATES = 300
"""Predictive draws of the models of purchases."""

NEGLIGIBLE = 0.05
"""Share of the sum that may come without an interval before the sum has none either."""


def life_cycle_forecast(
    base: CustomerBase,
    *,
    periods: int,
    rate: float,
    when: When = "end",
    confidence: float = 0.95,
    seed: int = 0,
) -> Forecast:
    """Forecast by each customer's life-cycle curve, allowing for the losses seen in the base.

    The retention is that of `holdout_check` on the last half year of the base, at most a third of
    it. Customers without a curve go on with their own average if they were active lately.
    """
    fit = fit_life_cycle(base.history)
    if (fit.customers["curve"] == "not enough history").all():
        raise InputError("No customer has enough history for a life-cycle curve.")
    held_out = max(1, min(periods_in(0.5, base.period), base.periods // 3))
    check = holdout_check(base.history, held_out, confidence=confidence)
    value = allow_for_losses(
        fit, check, rate=rate, periods=periods, when=when, confidence=confidence
    )
    rest = level_with_error(base, discount_factors(rate, periods, when), confidence)
    own = value.customers.rename(columns={"lifetime_profit": "profit"})
    columns = ["profit", "low", "high", "basis"]
    unknown = own["profit"].isna()
    table = own[columns].where(~unknown, rest[columns])
    return assemble(
        base,
        "life-cycle curves",
        table,
        periods=periods,
        rate=rate,
        when=when,
        confidence=confidence,
        total=total_with_rest(value, rest[unknown], table["profit"].sum()),
        notes=life_cycle_notes(fit, rest[unknown], check.retention["estimate"].item()),
    )


def level_with_error(base: CustomerBase, discount: Array, confidence: float) -> pd.DataFrame:
    """Own averages of customers active lately, with intervals from how their periods vary.

    With n periods of variance s^2 the error of the sum to come has the variance
    ``s^2 (sum(d^2) + sum(d)^2 / n)``, d the discount factors. It is missing where n is 1, and for
    customers that were not active, who may come back.
    """
    level, basis = own_average_if_active(base)
    periods = base.history.table.groupby("customer_id")["profit"]
    n, variance = periods.size().to_numpy(), periods.var().to_numpy()
    error = np.sqrt(variance * ((discount**2).sum() + discount.sum() ** 2 / n))
    error[basis == "not active lately"] = np.nan
    half = stats.t.ppf(0.5 + confidence / 2, np.maximum(n - 1, 1)) * error
    profit = level * discount.sum()
    return pd.DataFrame(
        {
            "profit": profit,
            "low": profit - half,
            "high": profit + half,
            "error": error,
            "basis": basis,
        }
    )


def total_with_rest(value: LifetimeProfit, rest: pd.DataFrame, total: float) -> tuple[float, float]:
    """Interval of the sum of customers with a curve and of the rest; they vary on their own.

    There is none where customers without an interval bring too much of the sum.
    """
    without = rest.loc[rest["error"].isna(), "profit"].sum()
    if abs(without) > NEGLIGIBLE * abs(total):
        return np.nan, np.nan
    curves = value.total.iloc[0].fillna(0.0)  # missing where no customer has a value
    half = stats.norm.ppf(0.5 + value.confidence / 2) * np.sqrt((rest["error"] ** 2).sum())
    below, above = (
        np.hypot(curves["lifetime_profit"] - curves[end], half) for end in ("low", "high")
    )
    return float(total - below), float(total + above)


def life_cycle_notes(fit: LifeCycleFit, rest: pd.DataFrame, retention: float) -> list[str]:
    """How many customers have a curve, and what was taken off for losses."""
    everyone = len(fit.customers)
    return [
        f"{everyone - len(rest):,} of {everyone:,} customers have a life-cycle curve or have left; "
        "the others go on with their own average if they bought lately.",
        f"Profit is taken to shrink to {retention:.1%} from {fit.period} to {fit.period} beyond "
        "what the curves say."
        if np.isfinite(retention)
        else "What losses to allow for could not be seen in this base: none are.",
    ]


def purchase_model_forecast(
    name: str,
    model: type[BetaGeoNBD] | type[ParetoNBD],
    base: CustomerBase,
    *,
    periods: int,
    rate: float,
    when: When = "end",
    confidence: float = 0.95,
    seed: int,
) -> Forecast:
    """Forecast of a model of purchases with Gamma-Gamma spend and credible margins.

    Customers of whom only refunds are known bring nothing.
    """
    purchases = model().fit(base.summary)
    spend = GammaGamma().fit(base.summary)
    made = customer_value(
        purchases,
        spend,
        base.summary,
        period=base.period,
        periods=periods,
        rate=rate,
        when=when,
        replicates=REPLICATES,
        confidence=confidence,
        seed=seed,
    )
    customers = made.customers.set_index("customer_id").reindex(base.customers)
    never = customers["basis"].isna()
    customers.loc[never, ["profit", "low", "high"]] = 0.0
    customers["basis"] = customers["basis"].fillna("no purchase")
    customers.index.name = "customer_id"
    return dataclasses.replace(
        made,
        customers=customers.reset_index(),
        total=made.total.assign(customers=len(customers)),
        method=name,
        notes=[*made.notes, *spend.notes_],
    )


METHODS: dict[str, Method] = {
    "life-cycle curves": life_cycle_forecast,
    "Dwyer retention": dwyer_retention_forecast,
    "Dwyer migration": dwyer_migration_forecast,
    **{
        name: partial(purchase_model_forecast, name, model)
        for name, model in {
            "BG/NBD + Gamma-Gamma": BetaGeoNBD,
            "Pareto/NBD + Gamma-Gamma": ParetoNBD,
        }.items()
    },
    **SIMPLE_RULES,
}
"""Every method by the name a reader sees."""
