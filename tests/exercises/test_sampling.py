"""Answers of the exercises on sampling, against arithmetic written out and R's survey package."""

import csv
import math
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from statistics import fmean, variance

import pandas as pd
import pytest

from crmlib import sampling, tables
from crmlib.exercises.sampling import QUESTIONS

DATA = Path(__file__).resolve().parents[2] / "data"
BY_NAME = {question.name.removeprefix("sampling."): question for question in QUESTIONS}

# What each question's answer is, and how it comes about.
ANSWERS = {
    # 1.96² · 0.25 / 0.04² = 0.9604 / 0.0016 = 600.25
    "size.1": 601,
    # 2400 · 600.25 / (2400 + 599.25) = 480.3
    "size.2": 481,
    # (1.645 · 600 / 35)² = 28.2² = 795.24
    "size.3": 796,
    # 350 / 0.285 = 1228.07
    "size.4": 1229,
    # 3.8416 · 0.21 = 0.806736; over 0.0025 it is 322.7, over 0.000625 it is 1290.8
    "size.5": (1291 - 323) * 45,
    # 500 interviews; 0.25 / 500 = 0.0005; 1900 / 2400 of it; the root; times 1.96
    "size.6": 0.038994,
    # the smallest m with P(binomial(m, 0.3) >= 350) >= 0.9, over 0.95: see the test below
    "size.7": 1299,
    "stratified.1": (16, 48, 96),
    # N S = 16, 24, 24 thousand: a quarter, three eighths, three eighths of 160
    "stratified.2": (40, 60, 60),
    # 0.1 · 30 + 0.3 · 14 + 0.6 · 4 = 3 + 4.2 + 2.4
    "stratified.3": 9.6,
    # s² = 24, 10, 3.2; 0.01 · 0.6 · 6 + 0.09 · 5/6 · 2 + 0.36 · 0.9 · 3.2/6 = 0.3588
    "stratified.4": 0.59900,
    # 122, 125 and 253 customers; Neyman leaves two classes at the minimum of 20
    "stratified.5": (122 / 60, 125 / 20, 253 / 20),
    # 500 - 5 · 2.0333 + 5 · 12.65
    "stratified.6": 553.0833,
    # by plain Python from the file: see the test below
    "stratified.7": (87364.21, 10819.62),
    "clusters.1": 2.5,
    "clusters.2": 208,
    # squares about the mean of 70: 890 between (5 · 178), 244 within; √(0.9 · 1134/19 / 20)
    "clusters.3": 1.63884,
    # area means 60, 75, 68, 77 about 70: 178 / 3; √(0.9 · 178/3 / 4) = √13.35
    "clusters.4": 3.65377,
    # data/truth/contacts.csv, where the program that drew the scores wrote it down
    "clusters.5": 0.1604,
    # 264 / 3.1, 192 / 2.1, 120 / 1.5
    "clusters.6": (85.1613, 91.4286, 80.0),
    # R survey 4.1-1: svymean(~api00, deff=TRUE) on apiclus1 with fpc
    "clusters.7": 9.34586945059,
}


def test_every_question_has_an_answer_here():
    assert list(BY_NAME) == list(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_answer(name):
    kind = BY_NAME[name].kind
    worked_out = kind.read(BY_NAME[name].answer())
    assert kind.same(worked_out, kind.read(ANSWERS[name]))
    assert worked_out == pytest.approx(ANSWERS[name], rel=1e-3)


@pytest.mark.parametrize("name", ANSWERS)
def test_mistakes_differ_from_the_answer_and_from_each_other(name):
    kind, mistakes = BY_NAME[name].kind, BY_NAME[name].mistakes
    assert 2 <= len(mistakes) <= 4
    values = [kind.read(ANSWERS[name]), *(kind.read(mistake.gives()) for mistake in mistakes)]
    for i, one in enumerate(values):
        for other in values[i + 1 :]:
            assert not kind.same(one, other)
            assert not kind.same(other, one)


@pytest.mark.parametrize(
    ("name", "by_table"),
    [
        ("size.1", math.ceil(1.96**2 * 0.25 / 0.04**2)),
        ("size.2", math.ceil(600.25 / (1 + 600.25 / 2400))),  # without the 1 of N - 1
        ("size.2", math.ceil(601 / (1 + 600 / 2400))),  # rounded twice
        ("size.3", math.ceil((1.645 * 600 / 35) ** 2)),
        ("size.5", 45 * (0.806736 / 0.000625 - 0.806736 / 0.0025)),  # not rounded
        ("size.6", 1.96 * math.sqrt(0.0005 * 1900 / 2399)),  # Cochran's N - 1
    ],
)
def test_other_right_ways_are_right_too(name, by_table):
    question = BY_NAME[name]
    assert question.kind.same(by_table, question.kind.read(question.answer()))


def test_assured_invitations_by_exact_binomial_sums():
    def too_few(arrived):  # P(fewer than 350 answers)
        terms = (math.comb(arrived, k) * 3**k * 7 ** (arrived - k) for k in range(350))
        return Fraction(sum(terms), 10**arrived)

    arrived = next(m for m in range(1167, 1400) if too_few(m) <= Fraction(1, 10))
    assert math.ceil(Fraction(arrived) / Fraction(95, 100)) == ANSWERS["size.7"]


def revenue_of(year):
    paid = defaultdict(float)
    with (DATA / "transactions.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["date"].startswith(year):
                paid[row["customer_id"]] += float(row["amount"])
    return paid


def class_of(revenue):
    if revenue <= 10_000:
        return "small"
    return "medium" if revenue <= 50_000 else "large"


def test_estimate_from_the_drawn_customers_by_plain_python():
    earlier, later = revenue_of("2024"), revenue_of("2025")
    frame = tables.read(DATA / "customers.csv", kind="customers").frame
    ids = frame["customer_id"].tolist()
    classes = [class_of(earlier[i]) for i in ids]
    population = {name: classes.count(name) for name in ("large", "medium", "small")}
    assert population == {"large": 122, "medium": 125, "small": 253}
    design = sampling.Stratified("class", {"large": 60, "medium": 20, "small": 20})
    small_frame = pd.DataFrame({"customer_id": ids, "class": classes})
    units = sampling.draw(small_frame, design, 8, id="customer_id").units
    mean = error = 0.0
    for name, size in population.items():
        answers = [later[i] for i in units.loc[units["class"] == name, "customer_id"]]
        mean += size / 500 * fmean(answers)
        error += (size / 500) ** 2 * variance(answers) * (1 / len(answers) - 1 / size)
    assert [mean, math.sqrt(error)] == pytest.approx(ANSWERS["stratified.7"], rel=1e-6)


def test_neyman_leaves_the_lesser_classes_at_the_minimum():
    # customers times standard deviation of 2024's revenue, rounded to thousands
    products = {"large": 122 * 186_614, "medium": 125 * 10_322, "small": 253 * 2_215}
    shares = {name: 100 * value / sum(products.values()) for name, value in products.items()}
    assert shares["medium"] < 20
    assert shares["small"] < 20


def test_likeness_of_contacts_is_the_one_put_into_the_example():
    with (DATA / "truth" / "contacts.csv").open(encoding="utf-8") as file:
        truth = next(csv.DictReader(file))
    answer = BY_NAME["clusters.5"].answer()
    assert answer == pytest.approx(float(truth["area_correlation"]), abs=1e-4)


def test_design_effect_of_the_schools_is_that_of_r(shared):
    schools = pd.read_csv(shared / "data" / "apiclus1.csv")
    assert len(schools) == 183
    assert schools["api00"].mean() == pytest.approx(644.17, abs=0.005)
    assert variance(schools["api00"].tolist()) == pytest.approx(11_182.82, abs=0.005)
    # R survey 4.1-1: svymean(~api00, deff="replace"), the mistake without the correction
    assert BY_NAME["clusters.7"].mistakes[0].gives() == pytest.approx(9.06974836245, rel=1e-4)
    survey = sampling.SurveySample(schools, "pw", clusters=("dnum",), population=("fpc",))
    row = sampling.estimate(survey, "api00").iloc[0]
    assert row["standard_error"] == pytest.approx(23.542, abs=0.0005)
    assert row["design_effect"] == pytest.approx(BY_NAME["clusters.7"].answer(), rel=1e-4)
