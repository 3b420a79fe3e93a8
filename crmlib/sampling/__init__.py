"""Survey sampling: frame, design, sample, weights and estimates."""

from crmlib.sampling.allocation import Allocation, allocate
from crmlib.sampling.comparison import Costs, compare_designs
from crmlib.sampling.designs import Cluster, Pps, SimpleRandom, Stratified, Systematic, TwoStage
from crmlib.sampling.differences import segment_differences
from crmlib.sampling.drawing import DrawnSample, draw, verify
from crmlib.sampling.estimation import estimate
from crmlib.sampling.frames import FrameCheck, check_frame
from crmlib.sampling.samples import SurveySample
from crmlib.sampling.sizes import (
    SampleSize,
    invitations_needed,
    size_for_difference,
    size_for_mean,
    size_for_nps,
    size_for_proportion,
)
from crmlib.sampling.weighting import calibrate, nonresponse_cells, poststratify, rake, trim

__all__ = [
    "Allocation",
    "Cluster",
    "Costs",
    "DrawnSample",
    "FrameCheck",
    "Pps",
    "SampleSize",
    "SimpleRandom",
    "Stratified",
    "SurveySample",
    "Systematic",
    "TwoStage",
    "allocate",
    "calibrate",
    "check_frame",
    "compare_designs",
    "draw",
    "estimate",
    "invitations_needed",
    "nonresponse_cells",
    "poststratify",
    "rake",
    "segment_differences",
    "size_for_difference",
    "size_for_mean",
    "size_for_nps",
    "size_for_proportion",
    "trim",
    "verify",
]
