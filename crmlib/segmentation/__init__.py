"""Segmentation: who is worth what, what customers do, and what to offer whom."""

from crmlib.segmentation.assignment_rules import AssignmentRules, assignment_rules
from crmlib.segmentation.basket_rules import BasketRules, basket_rules, fitting_items
from crmlib.segmentation.behaviour_features import BehaviourFeatures, behaviour_features
from crmlib.segmentation.churn_warning import (
    ChurnWarning,
    check_warning,
    churn_warning,
    warning_days,
)
from crmlib.segmentation.complaints_silence import complaints_silence
from crmlib.segmentation.concentration import gini, gini_interval, lorenz_curve, share_of_best
from crmlib.segmentation.cube import Cube, cube, drill_down, roll_up
from crmlib.segmentation.cube_deviations import CubeDeviations, cube_deviations
from crmlib.segmentation.customer_totals import CustomerTotals, customer_totals
from crmlib.segmentation.deciles import Deciles, PurchaseDeciles, deciles, purchase_deciles
from crmlib.segmentation.delivered_value import DeliveredValue, delivered_value
from crmlib.segmentation.offer_checks import chance_check, held_out_rules, split_check
from crmlib.segmentation.offer_pairs import basket_pairs, own_pairs, with_due_items
from crmlib.segmentation.offer_terms import OfferTerms, check_terms, offer_terms
from crmlib.segmentation.offer_value import (
    best_score_first,
    extra_purchases,
    offer_gains,
    one_offer_to_largest,
    pays_from,
    plan_values,
    shrunken_shares,
)
from crmlib.segmentation.offers import OfferLimits, OfferPlan, assign_offers, budget_curve
from crmlib.segmentation.profitable_classes import ProfitableClasses, profitable_classes
from crmlib.segmentation.relationship_type import (
    RelationshipType,
    line_margins,
    relationship_type,
    relationship_types,
)
from crmlib.segmentation.relationships import Relationships, relationship_or_transaction
from crmlib.segmentation.repairs import repairs, value_cause
from crmlib.segmentation.rfm import (
    RfmScores,
    RuleDifferences,
    rfm,
    rfm_of_totals,
    rfm_scores,
    rule_differences,
)
from crmlib.segmentation.rfm_over_time import rfm_over_time
from crmlib.segmentation.rfm_segments import RFM_BEST_FIRST, rfm_segment_summary
from crmlib.segmentation.rhythm import buying_rhythm
from crmlib.segmentation.segment_criteria import SegmentCriteria, segment_criteria
from crmlib.segmentation.segment_migration import SegmentMigration, segment_migration
from crmlib.segmentation.segment_profiles import segment_profiles
from crmlib.segmentation.segments import Segmentation, segment
from crmlib.segmentation.sequence_rules import SequenceRules, next_items, sequence_rules
from crmlib.segmentation.service_record import service_record
from crmlib.segmentation.tiers import Idic, Tiers, below_zero_check, idic, tiers
from crmlib.segmentation.value_check import ValueCheck, class_outlook, value_check, with_below_zero
from crmlib.segmentation.value_matrix import ValueMatrix, value_matrix

__all__ = [
    "RFM_BEST_FIRST",
    "AssignmentRules",
    "BasketRules",
    "BehaviourFeatures",
    "ChurnWarning",
    "Cube",
    "CubeDeviations",
    "CustomerTotals",
    "Deciles",
    "DeliveredValue",
    "Idic",
    "OfferLimits",
    "OfferPlan",
    "OfferTerms",
    "ProfitableClasses",
    "PurchaseDeciles",
    "RelationshipType",
    "Relationships",
    "RfmScores",
    "RuleDifferences",
    "SegmentCriteria",
    "SegmentMigration",
    "Segmentation",
    "SequenceRules",
    "Tiers",
    "ValueCheck",
    "ValueMatrix",
    "assign_offers",
    "assignment_rules",
    "basket_pairs",
    "basket_rules",
    "behaviour_features",
    "below_zero_check",
    "best_score_first",
    "budget_curve",
    "buying_rhythm",
    "chance_check",
    "check_terms",
    "check_warning",
    "churn_warning",
    "class_outlook",
    "complaints_silence",
    "cube",
    "cube_deviations",
    "customer_totals",
    "deciles",
    "delivered_value",
    "drill_down",
    "extra_purchases",
    "fitting_items",
    "gini",
    "gini_interval",
    "held_out_rules",
    "idic",
    "line_margins",
    "lorenz_curve",
    "next_items",
    "offer_gains",
    "offer_terms",
    "one_offer_to_largest",
    "own_pairs",
    "pays_from",
    "plan_values",
    "profitable_classes",
    "purchase_deciles",
    "relationship_or_transaction",
    "relationship_type",
    "relationship_types",
    "repairs",
    "rfm",
    "rfm_of_totals",
    "rfm_over_time",
    "rfm_scores",
    "rfm_segment_summary",
    "roll_up",
    "rule_differences",
    "segment",
    "segment_criteria",
    "segment_migration",
    "segment_profiles",
    "sequence_rules",
    "service_record",
    "share_of_best",
    "shrunken_shares",
    "split_check",
    "tiers",
    "value_cause",
    "value_check",
    "value_matrix",
    "warning_days",
    "with_below_zero",
    "with_due_items",
]
