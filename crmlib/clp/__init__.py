"""Customer lifetime profit (CLP): transactions to profit histories, life cycles and value."""

from crmlib.clp.discounting import present_value
from crmlib.clp.fitting import LifeCycleFit, fit_life_cycle
from crmlib.clp.history import ProfitHistory, periods_in, profit_history, rate_per_period
from crmlib.clp.holdout import HoldoutCheck, allow_for_losses, holdout_check
from crmlib.clp.life_cycle import life_cycle_curve
from crmlib.clp.stages import PATTERNS, STAGES, life_cycle_pattern, life_cycle_stage, stage_summary
from crmlib.clp.value import LifetimeProfit, lifetime_profit

__all__ = [
    "PATTERNS",
    "STAGES",
    "HoldoutCheck",
    "LifeCycleFit",
    "LifetimeProfit",
    "ProfitHistory",
    "allow_for_losses",
    "fit_life_cycle",
    "holdout_check",
    "life_cycle_curve",
    "life_cycle_pattern",
    "life_cycle_stage",
    "lifetime_profit",
    "periods_in",
    "present_value",
    "profit_history",
    "rate_per_period",
    "stage_summary",
]
