"""The curve and present values against the three worked cases of the course.

Oracles: the course's own intermediate figures (P(24) = 17.80; profits 9.75 to -0.25), plain sums
written out, and finite differences for the derivatives.
"""

import json

import numpy as np
import pytest

from crmlib import clp
from crmlib.clp.life_cycle import PARAMETERS, life_cycle_jacobian
from crmlib.errors import InputError

# Recomputed outside this package: (end of month, start of month) at 1.25 % a month.
CASE_A = (810.7403194714102, 820.8745734648028)
CASE_B = (420.0987669403722, 425.35000152712684)
CASE_C = (25.592602041699912, 25.91250956722116)


def case_a():
    months = np.arange(19, 79)
    return clp.life_cycle_curve(months, h1=0.025, v=3.40, g1=24, N=2.20)


def case_b():
    months = np.arange(15, 75)
    return clp.life_cycle_curve(months, h1=0, v=6.80, g1=12, N=3.20)


def case_c():
    months = np.arange(37, 42)
    return clp.life_cycle_curve(months, h1=0, v=12.00, g2=34, h2=0.25)


@pytest.mark.parametrize(
    ("profits", "expected"), [(case_a, CASE_A), (case_b, CASE_B), (case_c, CASE_C)]
)
def test_worked_cases_under_both_discount_timings(profits, expected):
    values = [clp.present_value(profits(), 0.0125, when) for when in ("end", "start")]
    assert values == pytest.approx(expected, rel=1e-12)


def test_reference_file_says_the_same(shared):
    reference = json.loads((shared / "reference" / "clp.json").read_text())
    for case, expected in {"1": CASE_A, "2": CASE_B, "3": CASE_C}.items():
        values = reference[f"course_case_{case}"]
        assert (values["clp_end_of_month"], values["clp_start_of_month"]) == expected


def test_case_a_turns_at_17_80_and_slows():
    assert clp.life_cycle_curve(24, h1=0.025, v=3.40, g1=24, N=2.20) == pytest.approx(17.80)
    assert clp.life_cycle_curve(25, h1=0.025, v=3.40, g1=24, N=2.20) == pytest.approx(
        17.80 + 2.20 * (1 - np.exp(-1))
    )


def test_case_c_month_41_is_slightly_negative():
    assert case_c() == pytest.approx([9.75, 8.0, 5.75, 3.0, -0.25])


def test_textbook_slow_growth_is_over_within_five_periods_and_tau_stretches_it():
    curve = {"h1": 0.0, "v": 0.0, "g1": 10, "N": 1.0}
    assert clp.life_cycle_curve(15, **curve) > 0.99
    assert clp.life_cycle_curve(15, tau=5, **curve) == pytest.approx(1 - np.exp(-1))


def test_parts_of_the_curve_meet_at_the_turning_points():
    curve = {"h1": 0.3, "v": 5.0, "g1": 8.0, "N": 4.0, "tau": 2.0, "g2": 15.0, "h2": 0.4}
    for turn in (8.0, 15.0):
        before, after = clp.life_cycle_curve([turn - 1e-9, turn + 1e-9], **curve)
        assert before == pytest.approx(after, abs=1e-6)


def test_arguments_broadcast_over_customers():
    curve = clp.life_cycle_curve(np.arange(1, 4), h1=[[1.0], [2.0]], v=[[0.0], [1.0]])
    assert curve.tolist() == [[1, 4, 9], [3, 9, 19]]


@pytest.mark.parametrize("turns", [(8.0, 15.0), (8.0, np.inf), (np.inf, np.inf), (np.inf, 15.0)])
def test_jacobian_equals_finite_differences(turns):
    g1, g2 = turns
    values = dict(zip(PARAMETERS, (5.0, 0.3, 4.0, 0.4, g1, g2), strict=True))
    t = np.array([3.0, 7.5, 9.5, 14.5, 16.5, 20.5])  # off the turning points, where it is smooth
    arrays = {name: np.array([value]) for name, value in values.items() if name != "v"}
    jacobian = life_cycle_jacobian(t, tau=np.array([2.0]), **arrays)[0]
    for column, name in enumerate(PARAMETERS):
        if np.isinf(values[name]):
            assert not jacobian[:, column].any()
            continue
        step = 1e-6
        up, down = ({**values, name: values[name] + s} for s in (step, -step))
        slope = clp.life_cycle_curve(t, tau=2.0, **up) - clp.life_cycle_curve(t, tau=2.0, **down)
        assert jacobian[:, column] == pytest.approx(slope / (2 * step), abs=1e-6)


def test_present_value_of_equal_profits_is_the_annuity_formula():
    rate, periods = 0.02, 40
    annuity = (1 - 1.02**-periods) / rate
    assert clp.present_value(np.ones(periods), rate) == pytest.approx(annuity)
    assert clp.present_value(np.ones(periods), rate, "start") == pytest.approx(annuity * 1.02)
    assert clp.present_value(np.ones((3, periods)), rate) == pytest.approx([annuity] * 3)
    assert clp.present_value([5.0, 7.0], 0.0) == 12.0


@pytest.mark.parametrize(
    ("rate", "when", "words"),
    [
        (1.25, "end", "Did you mean 0.0125"),
        (-1.0, "end", "not a discount rate"),
        (float("nan"), "end", "not a discount rate"),
        (0.01, "middle", '"end" or "start"'),
    ],
)
def test_rates_and_timings_that_make_no_sense_are_refused(rate, when, words):
    with pytest.raises(InputError, match=words):
        clp.present_value([1.0], rate, when)
