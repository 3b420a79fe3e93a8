"""The cases of Berger and Nasr.

Oracles: the article's example, geometric series in closed form, sums and integrals written out,
and Dwyer's models, which count the same customers.
"""

import json

import numpy as np
import pytest

from crmlib import clp
from crmlib.clp.berger_nasr import (
    berger_nasr_case1,
    berger_nasr_case2a,
    berger_nasr_case2b,
    berger_nasr_case3,
    berger_nasr_case4,
)
from crmlib.clp.dwyer import dwyer_retention
from crmlib.clp.migration import dwyer_migration
from crmlib.errors import InputError

GROWTH = {"h": 2.0, "v": 50.0, "g": 5.0, "N": 30.0}


def test_the_published_example(shared):
    given = json.loads((shared / "reference" / "clp.json").read_text())["berger_nasr_case1"]
    value = berger_nasr_case1(
        given["gross_contribution"],
        given["promotion_cost_mid_year"],
        given["retention"],
        given["discount"],
        years=given["years"],
    )
    assert round(value, 2) == given["clv"]


def test_case_1_is_the_retention_model_with_promotion_half_a_year_later():
    sales = dwyer_retention(1, 0.75, 260, 0, 0.2, years=11, when="start").value
    promotions = dwyer_retention(1, 0.75, 50, 0, 0.2, years=10, when="start").value / 1.2**0.5
    assert berger_nasr_case1(260, 50, 0.75, 0.2, years=10) == pytest.approx(sales - promotions)


def test_longer_and_shorter_cycles_are_geometric_series():
    # Cycles of q years: a sale is worth x = r / (1 + d)^q of the one before.
    def series(contribution, promotion, retention, factor, cycles):
        x = retention * factor
        sales = (1 - x ** (cycles + 1)) / (1 - x)
        return contribution * sales - promotion * factor**0.5 * (1 - x**cycles) / (1 - x)

    case2a = berger_nasr_case2a(1_000, 95, 0.3, 0.2, years=12, years_between_sales=3)
    assert case2a == pytest.approx(series(1_000, 95, 0.3, 1.2**-3, 4))
    case2b = berger_nasr_case2b(125, 25, 0.8, 0.2, years=4, sales_per_year=2)
    assert case2b == pytest.approx(series(125, 25, 0.8, 1.2**-0.5, 8))


def test_one_sale_a_year_is_case_1_either_way():
    case1 = berger_nasr_case1(260, 50, 0.75, 0.2, years=10)
    same = {"years": 10}
    assert berger_nasr_case2a(260, 50, 0.75, 0.2, **same, years_between_sales=1) == case1
    assert berger_nasr_case2b(260, 50, 0.75, 0.2, **same, sales_per_year=1) == case1


def test_case_3_is_its_sum_written_out():
    expected = 0.0
    for t in range(9):
        profit = 2 * t**2 + 50 if t <= 5 else 2 * 25 + 50 + 30 * (1 - np.exp(-(t - 5)))
        expected += profit * 0.9**t / 1.2**t
    value = berger_nasr_case3(**GROWTH, retention=0.9, rate=0.2, years=8)
    assert value == pytest.approx(expected)


def test_case_3_without_losses_is_the_course_value_of_a_growing_customer():
    # The course's case 1: months 19 to 78 of a customer on P1 up to month 24.
    curve = {"h1": 0.025, "v": 3.40, "g1": 24.0, "N": 2.20}
    whole = {"h": 0.025, "v": 3.40, "g": 24.0, "N": 2.20, "retention": 1.0, "rate": 0.0125}
    later = berger_nasr_case3(**whole, years=78) - berger_nasr_case3(**whole, years=18)
    profits = clp.life_cycle_curve(np.arange(19, 79), **curve)
    assert later * 1.0125**18 == pytest.approx(clp.present_value(profits, 0.0125))


@pytest.mark.parametrize("g", [0.0, 2.5, 20.0])
def test_case_4_is_the_limit_of_fine_sums(g):
    years, steps = 6, 60_000
    t = (np.arange(steps) + 0.5) * years / steps
    profit = clp.life_cycle_curve(t, h1=2.0, v=50.0, g1=g, N=30.0)
    expected = (profit * (0.9 / 1.2) ** t).mean() * years
    value = berger_nasr_case4(**GROWTH | {"g": g}, retention=0.9, rate=0.2, years=years)
    assert value == pytest.approx(expected, rel=1e-8)


def test_the_migration_model_counts_buyers_as_case_5_does():
    # C_i = sum over j of C_(i-j) p_j product over k < j of (1 - p_k): who last bought j ago.
    p = [0.3, 0.2, 0.15, 0.05]
    buyers = [1_000.0]
    for i in range(1, 9):
        buyers.append(
            sum(
                buyers[i - j] * p[j - 1] * np.prod([1 - p[k] for k in range(j - 1)])
                for j in range(1, min(i, 4) + 1)
            )
        )
    cohort = dwyer_migration(p, 40, 4, 0.1, horizon=8, start=[1_000]).cohort
    assert cohort["buyers"].tolist() == pytest.approx(buyers)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"retention": 75}, r"retention=75 means 7500%. Did you mean 0\.75"),
        ({"rate": 1.25}, r"rate=1\.25 means 125% per period. Did you mean 0\.0125"),
        ({"years": 0}, "at least one year"),
        ({"contribution": np.nan}, "contribution: give a number"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed, words):
    given = {"contribution": 260, "promotion": 50, "retention": 0.75, "rate": 0.2, "years": 10}
    with pytest.raises(InputError, match=words):
        berger_nasr_case1(**given | changed)


def test_cycles_must_fit_the_years():
    with pytest.raises(InputError, match="years=10 is not a whole number of cycles of 3 years"):
        berger_nasr_case2a(1, 0, 0.5, 0.1, years=10, years_between_sales=3)
    with pytest.raises(InputError, match="sales_per_year=0"):
        berger_nasr_case2b(1, 0, 0.5, 0.1, years=10, sales_per_year=0)
    with pytest.raises(InputError, match="Did you mean"):
        berger_nasr_case4(**GROWTH, retention=90, rate=0.1, years=5)
