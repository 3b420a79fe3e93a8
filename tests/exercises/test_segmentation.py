"""Answers on segmentation against figures that were found another way."""

import itertools
import json
import statistics
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlib.exercises.questions import Question
from crmlib.exercises.segmentation import QUESTIONS, deciles, offers, value_matrix
from crmlib.segmentation import extra_purchases, shrunken_shares

ROOT = Path(__file__).resolve().parents[2]
DATA, FOLDER = ROOT / "data", ROOT / "notebooks" / "coursework" / "segmentation"
EVERY = {question.name: question for question in QUESTIONS}


def question(name: str) -> Question:
    return EVERY[f"segmentation.{name}"]


def answer(name: str):
    asked = question(name)
    return asked.kind.read(asked.answer())


def mistakes(name: str) -> list:
    asked = question(name)
    return [asked.kind.read(mistake.gives()) for mistake in asked.mistakes]


def solution(topic: str) -> nbformat.NotebookNode:
    return nbformat.read(next(FOLDER.glob(f"*_{topic}_solution.ipynb")), as_version=4)


def given(topic: str, *names: str) -> dict:
    """What a notebook gives under these names, without what students are to answer."""
    found: dict = {"np": np, "pd": pd}
    for cell in solution(topic).cells:
        sets = [name for name in names if f"{name} = " in cell.source and name not in found]
        if sets and cell.cell_type == "code" and "### BEGIN" not in cell.source:
            exec(cell.source, found)
    return {name: found[name] for name in names}


# Pencil and paper: E 860, B 420, G 240, I 180, D 120, J 80, A 60, F 40, C and H 0; together 2,000.
BY_HAND = [
    ("deciles.1", (860 / 2000, 1280 / 2000, 1520 / 2000)),
    ("deciles.2", 4),  # 860 + 420 + 240 = 1,520 is less than 1,600; with 180 it is 1,700
    # -5·40 - 3·60 - 1·80 + 1·120 + 3·180 + 5·240 + 7·420 + 9·860 = 12,080, over 10 · 9 · 200
    ("deciles.3", 12080 / 18000),
    # 1,273,728.95 + 420,919.55 of 2,500,315.63 dollars; the third decile makes it 77.95 %
    ("deciles.4", 1694648.50 / 2500315.63),
    ("deciles.5", 4),
    ("value_matrix.1", (1, 2, 1, 2)),  # E; C and F; D; A and B
    ("value_matrix.2", 4),  # all but C (8 to 19) and E (1 to 12)
    ("offers.1", (90, 110, 80, -10, 30)),
    # odds of 4 become 6, a chance of 6 / 7: of 300 yuan the gain from 0.8 to 6 / 7 is 17.14
    ("offers.2", 300 * 6 / 7 - 300 * 0.8 - 20),
    ("offers.3", 55 + 110 + 40 + 25),  # C toner, B printer, A toner, E toner
    ("offers.4", 255),  # A and B printer, C toner
    ("offers.5", 25),  # E toner as well
]


@pytest.mark.parametrize(("name", "wanted"), BY_HAND)
def test_pencil_and_paper(name: str, wanted) -> None:
    assert answer(name) == pytest.approx(wanted, rel=1e-9)


def test_every_question_is_tried_here_and_asked_in_its_notebook() -> None:
    tried = {name for name, _ in BY_HAND}
    tried |= {f"value_matrix.{n}" for n in (3, 4, 5, 6, 7)}
    tried |= {f"deciles.{n}" for n in (6, 7)} | {f"offers.{n}" for n in (6, 7)}
    assert {f"segmentation.{name}" for name in tried} == set(EVERY)
    for topic in ("deciles", "value_matrix", "offers"):
        text = json.dumps(solution(topic).cells)
        of_topic = [name for name in EVERY if name.split(".")[1] == topic]
        assert all(text.count(f'check(\\"{name}\\"') == 2 for name in of_topic)


def test_the_gini_coefficient_is_the_mean_difference_over_all_pairs() -> None:
    totals = [sum(amounts) for amounts in deciles.PURCHASES.values()]
    pairs = [abs(one - other) for one, other in itertools.combinations(totals, 2)]
    assert answer("deciles.3") == pytest.approx(statistics.fmean(pairs) / (2 * 200))
    by_n_squared = sum(pairs) * 2 / (2 * 10 * 10 * 200)
    assert mistakes("deciles.3")[0] == pytest.approx(by_n_squared)


def test_mistakes_by_hand() -> None:
    # Tenths of 8 buyers: 0.8 of 860; 860 and 0.6 of 420; with 0.4 of 420 the rest, and so on.
    of_buyers = (688 / 2000, 1112 / 2000, 1376 / 2000)
    # Tenths of 13 purchases: 400, 260, 220, 200 (three of 1.3 are 3.9).
    of_rows = (478 / 2000, (660 + 0.6 * 220) / 2000, (880 + 0.9 * 200) / 2000)
    assert mistakes("deciles.1") == [
        (0, 0, pytest.approx(0.02)),
        pytest.approx((0.43, 0.21, 0.12)),
        pytest.approx(of_buyers),
        pytest.approx(of_rows),
    ]
    assert mistakes("value_matrix.1") == [(1, 1, 2, 2), (1, 1, 1, 3), (0, 3, 1, 2), (2, 1, 1, 2)]
    assert mistakes("offers.1")[0] == pytest.approx((510, 590, 470, 110, 270))
    assert mistakes("offers.3") == pytest.approx([255, 230 + 110, 205])
    assert mistakes("offers.4") == pytest.approx([230, 255 + 120, 310])
    assert mistakes("offers.5") == pytest.approx([42.5, 50, 45])


def test_sales_of_cdnow_by_decile(shared: Path) -> None:
    """The ten numbers in the notebook, counted anew line by line, in cents."""
    cents: dict[str, int] = {}
    for line in (shared / "data" / "cdnow_master.txt").read_text().splitlines():
        if line.split()[:1] and line.split()[0].isdigit():
            customer, _, _, dollars = line.split()
            cents[customer] = cents.get(customer, 0) + round(100 * float(dollars))
    assert len(cents) == 23570
    best_first = sorted(cents.values(), reverse=True)
    sums = [sum(best_first[k : k + 2357]) / 100 for k in range(0, 23570, 2357)]
    assert sums == list(deciles.CDNOW_DECILES)
    ties = sum(best_first[k - 1] == best_first[k] for k in range(2357, 23570, 2357))
    assert ties == 5


def test_notebooks_give_what_the_questions_are_worked_out_from() -> None:
    first = given("deciles", "purchases", "cdnow")
    of_each = {name: tuple(amounts) for name, amounts in first["purchases"].items()}
    assert of_each == deciles.PURCHASES
    assert tuple(first["cdnow"]) == deciles.CDNOW_DECILES
    six = given("value_matrix", "six")["six"]
    pd.testing.assert_frame_equal(six, value_matrix.SIX, check_dtype=False)
    third = given("offers", "chance", "price", "margin", "cost")
    pd.testing.assert_frame_equal(third["chance"], offers.EXTRA, check_names=False)
    assert third["price"] == offers.PRICE
    assert third["margin"] == offers.MARGIN
    assert third["cost"] == offers.OFFER_COST


def of_2025() -> pd.DataFrame:
    """Profit of every customer who bought in 2025, with no help of ours but the file."""
    lines = pd.read_csv(DATA / "transactions.csv")
    lines = lines[lines["date"].between("2025-01-01", "2025-12-31")]
    profit = (lines["amount"] - lines["cost"]).groupby(lines["customer_id"]).sum().round(2)
    kinds = pd.read_csv(DATA / "customers.csv").set_index("customer_id")["customer_type"]
    return pd.DataFrame({"profit": profit, "kind": kinds.reindex(profit.index)})


def bootstrapped(money: pd.Series) -> tuple[float, float]:
    """Ends of 95 % of the share of the best fifth, by drawing customers again and again."""
    random = np.random.default_rng(1)
    best, values = len(money) / 5, np.sort(money.to_numpy())
    drawn = np.sort(random.choice(values, size=(4000, len(values))), axis=1)[:, ::-1]
    whole, part = int(best), best - int(best)
    top = drawn[:, :whole].sum(axis=1) + part * drawn[:, whole]
    ends = np.quantile(top / drawn.sum(axis=1), [0.025, 0.975])
    return float(ends[0]), float(ends[1])


def test_interval_of_the_best_fifth() -> None:
    money = of_2025()["profit"]
    assert len(money) == 451
    assert answer("deciles.6") == pytest.approx((0.6711, 0.7517), abs=0.0005)
    assert answer("deciles.6") == pytest.approx(bootstrapped(money), abs=0.012)


def test_public_offices_are_too_few_to_refuse_the_claim() -> None:
    table = of_2025()
    offices = table.loc[table["kind"] == "public office", "profit"]
    assert len(offices) == 40
    low, high = bootstrapped(offices)
    best = offices.sort_values(ascending=False)
    assert best[:8].sum() / best.sum() == pytest.approx(0.697, abs=0.001)
    assert low < 0.8 < high
    assert answer("deciles.7") == "not refused"


# Φ from tables of the normal distribution, at six customers' distances from the line in units of s.
OF_TABLES = {"A": 0.9984, "B": 0.9874, "C": 0.8802, "D": 0.9955, "E": 0.9292, "F": 1.0}


def test_chances_of_six_customers() -> None:
    chances = [statistics.NormalDist().cdf(1.96 * away) for away in
               (6 / 4, 8 / 7, 3 / 5, 4 / 3, 6 / 8, 1 / 0.5)]  # fmt: skip
    assert chances == pytest.approx(list(OF_TABLES.values()), abs=0.0001)
    assert answer("value_matrix.3") == pytest.approx(OF_TABLES["C"], abs=0.0001)
    assert answer("value_matrix.4") == pytest.approx(6 - sum(chances), abs=0.0001)


def test_knowing_is_worth_the_smaller_of_two_regrets() -> None:
    """Attention left out where it pays, or paid where it does not: 6 p or 4 (1 − p)."""
    assert answer("value_matrix.5") == pytest.approx(4 * (1 - 0.8802), abs=0.0003)
    for chance in np.linspace(0, 1, 21):
        wanted = min(6 * chance, 4 * (1 - chance))
        assert value_matrix._worth_knowing(float(chance)) == pytest.approx(wanted, abs=1e-12)


def test_unsure_customers_of_the_example() -> None:
    """From forecast and interval alone; by curves of the shipped versions 86 and 58."""
    customers = value_matrix._example_matrix()
    low, high = customers["low"].to_numpy(), customers["high"].to_numpy()
    assert len(customers) == 500
    above = customers["potential"].to_numpy() > 25000
    unsure = np.where(above, low <= 25000, high > 25000) & ~np.isnan(low)
    assert answer("value_matrix.6") == unsure.sum() == pytest.approx(86, abs=1)
    # Worth 0.5 where 6 p and 4 (1 - p) are: from a twelfth to seven eighths.
    between = customers["high_probability"].between(1 / 12, 7 / 8).sum()
    assert answer("value_matrix.7") == between == pytest.approx(58, abs=1)


def test_best_plans_for_five_customers_by_trying_all() -> None:
    net = offers.EXTRA.to_numpy() * [300, 1000] - [20, 50]
    cost = (20, 50)

    def best(budget: float) -> float:
        plans = itertools.product((None, 0, 1), repeat=5)
        return max(
            sum(net[i, o] for i, o in enumerate(plan) if o is not None)
            for plan in plans
            if sum(cost[o] for o in plan if o is not None) <= budget
        )

    assert answer("offers.4") == pytest.approx(best(120))
    assert answer("offers.5") == pytest.approx(best(140) - best(120))
    assert mistakes("offers.4")[2] == pytest.approx(best(1000))


def test_plan_of_the_example() -> None:
    """All offers cost the same and one is the limit: the best is the 50 largest, one a customer."""
    gains = offers._example_gains(0.3)
    largest = gains.sort_values("gain").groupby("customer_id").tail(1).nlargest(50, "gain")
    assert answer("offers.6") == pytest.approx(largest["gain"].sum() - 3000)
    assert answer("offers.6") == pytest.approx(9609.36, abs=0.01)
    half = offers._example_gains(0.15).loc[largest.index]
    assert answer("offers.7") == pytest.approx(half["gain"].sum() - 3000)
    assert answer("offers.7") == pytest.approx(3729.91, abs=0.01)
    margin = largest["margin"].to_numpy()
    integrated = [extra_over_beta(row, 0.15) for row in largest.index]
    assert answer("offers.7") == pytest.approx(margin @ integrated - 3000, rel=0.005)
    at_means = extra_purchases(largest["chance"], 0.15)
    assert mistakes("offers.7")[3] == pytest.approx(margin @ at_means - 3000)


def extra_over_beta(row: int, uplift: float) -> float:
    """Purchases because of an offer, integrated over the density of the chance."""
    chances = offers._chances()
    alike = chances[chances["kind"] == chances.loc[row, "kind"]]
    counts = alike["events"].to_numpy(), alike["trials"].to_numpy()
    alpha, beta = (ends[alike.index.get_loc(row)] for ends in shrunken_shares(*counts))
    chance = (np.arange(20000) + 0.5) / 20000
    density = chance ** (alpha - 1) * (1 - chance) ** (beta - 1)
    odds = (1 + uplift) * chance / (1 - chance)
    return float(np.average(odds / (1 + odds) - chance, weights=density))
