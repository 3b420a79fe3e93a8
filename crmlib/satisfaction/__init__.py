"""Customer satisfaction: responses, reliability, drivers, index and priorities."""

from crmlib.satisfaction.component_choice import ComponentChoice, component_choice
from crmlib.satisfaction.drivers import Drivers, drivers
from crmlib.satisfaction.index import SatisfactionIndex, satisfaction_index
from crmlib.satisfaction.kano import Kano, kano
from crmlib.satisfaction.level_change import LevelChange, level_change
from crmlib.satisfaction.loyalty import (
    Determinants,
    LoyaltyIndex,
    determinants,
    expectation_gap,
    loyalty_index,
    satisfaction_levels,
)
from crmlib.satisfaction.loyalty_types import LoyaltyTypes, loyalty_types
from crmlib.satisfaction.nonresponse import nonresponse
from crmlib.satisfaction.path_model import PathModel, path_model
from crmlib.satisfaction.path_presets import ACSI, ECSI, SCSB
from crmlib.satisfaction.priorities import Priorities, importance_performance
from crmlib.satisfaction.regression import PrincipalComponentRegression, WeakGapWarning
from crmlib.satisfaction.reliability import Reliability, reliability, reverse
from crmlib.satisfaction.scores import nps, top_box
from crmlib.satisfaction.simulation import named_first
from crmlib.satisfaction.waves import WaveChange, wave_change

__all__ = [
    "ACSI",
    "ECSI",
    "SCSB",
    "ComponentChoice",
    "Determinants",
    "Drivers",
    "Kano",
    "LevelChange",
    "LoyaltyIndex",
    "LoyaltyTypes",
    "PathModel",
    "PrincipalComponentRegression",
    "Priorities",
    "Reliability",
    "SatisfactionIndex",
    "WaveChange",
    "WeakGapWarning",
    "component_choice",
    "determinants",
    "drivers",
    "expectation_gap",
    "importance_performance",
    "kano",
    "level_change",
    "loyalty_index",
    "loyalty_types",
    "named_first",
    "nonresponse",
    "nps",
    "path_model",
    "reliability",
    "reverse",
    "satisfaction_index",
    "satisfaction_levels",
    "top_box",
    "wave_change",
]
