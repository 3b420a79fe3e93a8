"""Answers of the exercises on the three cases, τ, Dwyer's subscribers and migration.

Oracles: the course's own figures; values recomputed outside this package (reference/clp.json, of
the cases and of Pfeifer and Carraway's customers); Dwyer's subscribers in exact fractions; series
in closed form; every branch of the tree of a mail-order customer; every set of recencies to mail.
"""

import itertools
import math
from fractions import Fraction
from pathlib import Path

import pytest

from crmlib.exercises.clp import QUESTIONS

TOPICS = ("clp.cases", "clp.tau", "clp.dwyer", "clp.migration")
BY_NAME = {question.name: question for question in QUESTIONS if question.topic in TOPICS}
ORDERS = {1: 0.30, 2: 0.20, 3: 0.15, 4: 0.05}  # Pfeifer and Carraway (2000)
Q = 1 / 1.0125  # one yuan of next month, today


def answer(name):
    question = BY_NAME[name]
    return question.kind.read(question.answer())


def mistaken(name, word):
    """What the mistake leads to whose hint has a word."""
    question = BY_NAME[name]
    (mistake,) = (mistake for mistake in question.mistakes if word in mistake.hint)
    return question.kind.read(mistake.gives())


def annuity(factor, first, last):
    """Sum of the factor to the powers first to last, as a geometric series."""
    return (factor**first - factor ** (last + 1)) / (1 - factor)


def case_a(tau):
    """Case (a): six months of formation as they are, then the limit less a shrinking gap."""
    formation = sum((0.025 * t * t + 3.40) * Q ** (t - 18) for t in range(19, 25))
    gap = 2.20 * Q**6 * annuity(Q * math.exp(-1 / tau), 1, 54)
    return formation + 20.00 * annuity(Q, 7, 60) - gap


def late_bloomer(tau):
    return 20.00 * annuity(Q, 1, 60) - 15.00 * annuity(Q * math.exp(-1 / tau), 1, 60)


def test_the_cases_are_those_of_the_course():
    # P(24) = 17.80 and the months of case (c) are printed in the course; 0.632 and 0.865 are the
    # shares of 2.20 that its table of the exponential gives.
    assert answer("clp.cases.1") == pytest.approx(17.80)
    two_months = (17.80 + 2.20 * 0.6321206, 17.80 + 2.20 * 0.8646647)
    assert answer("clp.cases.2") == pytest.approx(two_months)
    assert answer("clp.cases.6") == pytest.approx((9.75, 8.00, 5.75, 3.00, -0.25))


def test_the_values_are_those_recomputed_outside_this_package():
    # course_case_1 to 3 of reference/clp.json: end and start of month.
    assert answer("clp.cases.3") == pytest.approx(810.7403194714102)
    assert mistaken("clp.cases.3", "at the start of each") == pytest.approx(820.8745734648028)
    assert answer("clp.cases.4") == pytest.approx(420.0987669403722)
    assert answer("clp.cases.5") == pytest.approx((820.8745734648028, 425.35000152712684))
    without = 9.75 * Q + 8.00 * Q**2 + 5.75 * Q**3 + 3.00 * Q**4
    assert answer("clp.cases.7") == pytest.approx((25.592602041699912, without))
    start = mistaken("clp.cases.7", "at the start of each")
    assert start == pytest.approx((25.91250956722116, without * 1.0125))


def test_the_start_is_the_end_a_month_sooner():
    ends = answer("clp.cases.3"), answer("clp.cases.4")
    assert answer("clp.cases.5") == pytest.approx(tuple(end * 1.0125 for end in ends), rel=1e-12)


def test_shares_gained_are_those_of_a_table_of_the_exponential():
    # e^-1 = 0.36788 and e^-5 = 0.00674.
    assert answer("clp.tau.1") == pytest.approx((0.63212, 0.99326), abs=5e-6)
    assert answer("clp.tau.2") == pytest.approx(0.63212, abs=5e-6)
    # ln 100 = 4.60517.
    assert answer("clp.tau.3") == pytest.approx((4.60517, 13 * 4.60517), abs=1e-4)
    assert answer("clp.tau.4") == (26.0, 2.0)


def test_values_at_other_paces_are_geometric_series():
    assert case_a(1) == pytest.approx(810.7403194714102)  # the closed form itself
    assert answer("clp.tau.5") == pytest.approx((case_a(3), case_a(12)))
    lower = tuple(1 - customer(12) / customer(1) for customer in (case_a, late_bloomer))
    assert answer("clp.tau.6") == pytest.approx(lower)


def subscribers(renewals=("7/10", "8/10", "8/10"), first_cost=30, exponent=1):
    """Dwyer's subscribers in exact fractions: who is there, profit, and what it is worth."""
    there = [Fraction(1000)]
    for renewal in renewals:
        there.append(there[-1] * Fraction(renewal))
    margins = (50 - first_cost, 30, 30, 30)
    profit = [people * margin for people, margin in zip(there, margins, strict=True)]
    worth = [p / Fraction("1.1") ** (k + exponent) for k, p in enumerate(profit)]
    return there, profit, worth


def test_the_subscribers_are_those_of_the_course():
    # 1,000, 700, 560, 448; 20,000, 21,000, 16,800, 13,440, as in tests/clp/test_dwyer.py.
    assert answer("clp.dwyer.1") == pytest.approx((700, 560, 448))
    assert answer("clp.dwyer.2") == pytest.approx((20_000, 21_000, 16_800, 13_440))
    value = 20_000 / 1.1 + 21_000 / 1.21 + 16_800 / 1.331 + 13_440 / 1.4641
    assert answer("clp.dwyer.3") == pytest.approx(value / 1_000)
    assert answer("clp.dwyer.4") == pytest.approx(float(sum(subscribers(exponent=0)[2])) / 1_000)


def test_two_years_and_the_letter_in_exact_fractions():
    for exponent in (0, 1):  # the share is the same under both timings
        worth = subscribers(exponent=exponent)[2]
        assert answer("clp.dwyer.5") == pytest.approx(float(sum(worth[:2]) / sum(worth)))
    # Five of a hundred more in every later year: five seventieths of what these years are worth.
    later = sum(subscribers()[2][1:])
    assert answer("clp.dwyer.6") == pytest.approx(float(later * Fraction(5, 70)) / 1_000)


def test_what_goes_wrong_with_subscribers():
    early = mistaken("clp.dwyer.1", "a year early")
    assert early == pytest.approx((1_000 * 0.7 * 0.8, 700 * 0.64, 700 * 0.512))
    same = subscribers(renewals=("7/10",) * 3)
    assert mistaken("clp.dwyer.1", "first renewal rate") == pytest.approx((700, 490, 343))
    assert mistaken("clp.dwyer.3", "first renewal rate") == pytest.approx(float(sum(same[2])) / 1e3)
    free = subscribers(first_cost=20)
    assert mistaken("clp.dwyer.3", "cost to win") == pytest.approx(float(sum(free[2])) / 1_000)


def lives(seasons):
    """Every branch of the tree: its probability, and the recency after each season (5: dropped)."""
    for orders in itertools.product((True, False), repeat=seasons):
        probability, recencies = 1.0, [1]
        for ordered in orders:
            chance = ORDERS.get(recencies[-1], 0.0)
            probability *= chance if ordered else 1 - chance
            recencies.append(1 if ordered else min(recencies[-1] + 1, 5))
        yield probability, recencies


def share_of_recency(recency, season):
    return sum(probability for probability, path in lives(season) if path[-1] == recency)


def test_the_tree_branch_by_branch():
    assert answer("clp.migration.1") == pytest.approx(1_000 * share_of_recency(1, 2))
    assert answer("clp.migration.1") == pytest.approx(90 + 140)  # by hand
    assert answer("clp.migration.2") == pytest.approx(
        tuple(1_000 * share_of_recency(recency, 2) for recency in (1, 2, 3))
    )
    assert answer("clp.migration.3") == pytest.approx(
        tuple(1_000 * share_of_recency(1, season) for season in (3, 4))
    )
    # Of 230, 210 and 560: 69 + 42 + 84; then 58.5 + 32.2 + 25.2 + 23.8.
    assert answer("clp.migration.3") == pytest.approx((195, 139.7))


def test_four_seasons_life_by_life():
    reward = {1: 36, 2: -4, 3: -4, 4: -4, 5: 0}
    value = sum(
        probability * sum(reward[recency] / 1.2**season for season, recency in enumerate(path))
        for probability, path in lives(4)
    )
    assert answer("clp.migration.4") == pytest.approx(value)


def test_the_value_for_ever_is_the_published_example():
    # migration_markov of reference/clp.json, to its digits; without discounting 64.25.
    assert answer("clp.migration.5") == pytest.approx((52.32, 5.554, 1.251, -1.82), abs=0.0005)
    undiscounted = mistaken("clp.migration.5", "does not discount")
    assert undiscounted[0] == pytest.approx(64.25, abs=0.006)


def value_of_mailing(recencies, cost):
    """What one who has just ordered is worth when these recencies are mailed, others never again.

    Follows the customer for 120 seasons, from the last one back.
    """
    to_come = dict.fromkeys(range(1, 6), 0.0)
    for _ in range(120):
        ordered = 40 + to_come[1]
        to_come = {
            recency: -cost + (chance * ordered + (1 - chance) * to_come[recency + 1]) / 1.2
            if recency in recencies
            else 0.0
            for recency, chance in ORDERS.items()
        } | {5: 0.0}
    return to_come[1]


def test_the_last_catalogue_that_pays_is_the_best_of_all_ways_to_mail():
    # 5.50 now for 40 / 1.2 a season later.
    assert answer("clp.migration.6") == pytest.approx(5.50 / (40 / 1.2))
    ways = [set(way) for n in range(5) for way in itertools.combinations(ORDERS, n)]
    best = max(ways, key=lambda way: value_of_mailing(way, 5.50))
    assert best == set(range(1, int(answer("clp.migration.7")) + 1))
    assert value_of_mailing(best, 5.50) > value_of_mailing({1, 2}, 5.50) + 0.1


def test_every_question_of_the_four_notebooks_is_answered_here():
    written = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in BY_NAME if f'answer("{name}")' not in written] == []
    assert len(BY_NAME) >= 20
