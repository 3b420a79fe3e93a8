"""Customer lifetime profit (CLP): from transactions to what customers are worth, and how sure."""

from crmlib.clp.backtest import Backtest, backtest, forecast
from crmlib.clp.base import CustomerBase, customer_base
from crmlib.clp.below_zero import (
    above_usual_summary,
    below_zero,
    cost_choices,
    reason_summary,
    usual_service,
)
from crmlib.clp.berger_nasr import (
    berger_nasr_case1,
    berger_nasr_case2a,
    berger_nasr_case2b,
    berger_nasr_case3,
    berger_nasr_case4,
)
from crmlib.clp.beta_geo import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlib.clp.beta_geo_beta_binomial import BetaGeoBetaBinomial, opportunity_summary
from crmlib.clp.churn import (
    ValueAtRisk,
    break_even_retention,
    churn_loss,
    churn_loss_of_group,
    retained_value,
    value_at_risk,
    value_concentration,
)
from crmlib.clp.costs import ActivityCosts, activity_costs
from crmlib.clp.customer_events import CustomerEvents, customer_events
from crmlib.clp.customer_profit import CustomerProfit, customer_profit, profit_steps, whale_curve
from crmlib.clp.customer_value import customer_value
from crmlib.clp.discounting import present_value
from crmlib.clp.dwyer import (
    DwyerRetention,
    RetentionRates,
    dwyer_retention,
    retained_shares,
    retention_rates,
)
from crmlib.clp.early_warning import EarlyWarning, WarningCheck, early_warning, warning_check
from crmlib.clp.fitting import LifeCycleFit, fit_life_cycle
from crmlib.clp.forecast import Forecast, outcome_check
from crmlib.clp.gamma_gamma import GammaGamma
from crmlib.clp.history import ProfitHistory, periods_in, profit_history, rate_per_period
from crmlib.clp.holdout import HoldoutCheck, allow_for_losses, holdout_check
from crmlib.clp.indirect import IndirectValue, WordOfMouth, indirect_value, word_of_mouth
from crmlib.clp.life_cycle import life_cycle_curve
from crmlib.clp.margins import CredibleMargins, credible_margin
from crmlib.clp.methods import METHODS
from crmlib.clp.migration import (
    DwyerMigration,
    RecencyProbabilities,
    buying_probabilities,
    dwyer_migration,
    recency_probabilities,
)
from crmlib.clp.pareto_nbd import ParetoNBD
from crmlib.clp.purchases import PurchaseSummary, purchase_summary
from crmlib.clp.retention_gain import (
    churn_losses,
    new_customer_value,
    retention_check,
    retention_gain,
    retention_sensitivity,
    silence_check,
    spent_on,
    value_curve,
)
from crmlib.clp.shifted_beta_geometric import ShiftedBetaGeometric, fit_by_cohort
from crmlib.clp.simple_rules import SIMPLE_RULES
from crmlib.clp.stage_features import StageFeatures, stage_features
from crmlib.clp.stages import (
    PATTERNS,
    STAGES,
    life_cycle_pattern,
    life_cycle_stage,
    pattern_summary,
    stage_summary,
)
from crmlib.clp.stake import (
    RETENTION_MODELS,
    CustomersAtStake,
    customer_values,
    customers_at_stake,
    models_determined,
    outlook,
)
from crmlib.clp.value import LifetimeProfit, lifetime_profit
from crmlib.transaction_rows import repeated_rows

__all__ = [
    "METHODS",
    "PATTERNS",
    "RETENTION_MODELS",
    "SIMPLE_RULES",
    "STAGES",
    "ActivityCosts",
    "Backtest",
    "BetaGeoBetaBinomial",
    "BetaGeoNBD",
    "CredibleMargins",
    "CustomerBase",
    "CustomerEvents",
    "CustomerProfit",
    "CustomersAtStake",
    "DwyerMigration",
    "DwyerRetention",
    "EarlyWarning",
    "Forecast",
    "GammaGamma",
    "HoldoutCheck",
    "IndirectValue",
    "LifeCycleFit",
    "LifetimeProfit",
    "ModifiedBetaGeoNBD",
    "ParetoNBD",
    "ProfitHistory",
    "PurchaseSummary",
    "RecencyProbabilities",
    "RetentionRates",
    "ShiftedBetaGeometric",
    "StageFeatures",
    "ValueAtRisk",
    "WarningCheck",
    "WordOfMouth",
    "above_usual_summary",
    "activity_costs",
    "allow_for_losses",
    "backtest",
    "below_zero",
    "berger_nasr_case1",
    "berger_nasr_case2a",
    "berger_nasr_case2b",
    "berger_nasr_case3",
    "berger_nasr_case4",
    "break_even_retention",
    "buying_probabilities",
    "churn_loss",
    "churn_loss_of_group",
    "churn_losses",
    "cost_choices",
    "credible_margin",
    "customer_base",
    "customer_events",
    "customer_profit",
    "customer_value",
    "customer_values",
    "customers_at_stake",
    "dwyer_migration",
    "dwyer_retention",
    "early_warning",
    "fit_by_cohort",
    "fit_life_cycle",
    "forecast",
    "holdout_check",
    "indirect_value",
    "life_cycle_curve",
    "life_cycle_pattern",
    "life_cycle_stage",
    "lifetime_profit",
    "models_determined",
    "new_customer_value",
    "opportunity_summary",
    "outcome_check",
    "outlook",
    "pattern_summary",
    "periods_in",
    "present_value",
    "profit_history",
    "profit_steps",
    "purchase_summary",
    "rate_per_period",
    "reason_summary",
    "recency_probabilities",
    "repeated_rows",
    "retained_shares",
    "retained_value",
    "retention_check",
    "retention_gain",
    "retention_rates",
    "retention_sensitivity",
    "silence_check",
    "spent_on",
    "stage_features",
    "stage_summary",
    "usual_service",
    "value_at_risk",
    "value_concentration",
    "value_curve",
    "warning_check",
    "whale_curve",
    "word_of_mouth",
]
