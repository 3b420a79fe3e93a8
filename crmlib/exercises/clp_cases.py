"""Questions of the exercises on life-cycle curves, Dwyer's subscribers and migration."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from crmlib import clp
from crmlib.clp.discounting import Array, When
from crmlib.exercises.kinds import Number, Several, Share
from crmlib.exercises.questions import Mistake, Question

# The three cases of the course: yuan, months since the first purchase, the rate a month.
RATE = 0.0125
CASE_A = {"h1": 0.025, "v": 3.40, "g1": 24, "N": 2.20}
CASE_B = {"h1": 0.0, "v": 6.80, "g1": 12, "N": 3.20}
CASE_C = {"h1": 0.0, "v": 12.00, "g2": 34, "h2": 0.25}
MONTHS_A, MONTHS_B, MONTHS_C = np.arange(19, 79), np.arange(15, 75), np.arange(37, 42)

YUAN = Number("yuan", within=0.005)
YUAN_TO_A_TENTH = Number("yuan", within=0.05)
YUAN_OF_FIVE_YEARS = Number("yuan")  # sixty months, rounded to the yuan or not


def _profits_a(tau: float = 1.0) -> Array:
    return clp.life_cycle_curve(MONTHS_A, **CASE_A, tau=tau)


def _profits_b() -> Array:
    return clp.life_cycle_curve(MONTHS_B, **CASE_B)


def _profits_c(months: ArrayLike = MONTHS_C) -> Array:
    return clp.life_cycle_curve(months, **CASE_C)


def _worth(profits: Array, rate: float = RATE, when: When = "end") -> float:
    return float(clp.present_value(profits, rate, when))


def _growing_a(months: ArrayLike) -> Array:
    """Formation of case (a), as if it went on beyond the turn."""
    return clp.life_cycle_curve(months, h1=CASE_A["h1"], v=CASE_A["v"])


def _at_the_turn() -> float:
    return float(_growing_a(CASE_A["g1"]))


def _both(when: When, factor: float = 1.0) -> list[float]:
    """Cases (a) and (b) together."""
    return [factor * _worth(profits, when=when) for profits in (_profits_a(), _profits_b())]


def _with_and_without(rate: float = RATE, when: When = "end") -> list[float]:
    """Case (c) with its last month, and without."""
    return [_worth(_profits_c(months), rate, when) for months in (MONTHS_C, MONTHS_C[:-1])]


CASES = (
    Question(
        name="clp.cases.1",
        kind=YUAN,
        answer=_at_the_turn,
        mistakes=(
            Mistake(
                lambda: CASE_A["h1"] * CASE_A["g1"] + CASE_A["v"],
                "The month is to be squared before it is multiplied by h₁.",
            ),
            Mistake(
                lambda: (CASE_A["h1"] * CASE_A["g1"]) ** 2 + CASE_A["v"],
                "That squares the product. Only the month is squared; h₁ is not.",
            ),
            Mistake(
                lambda: _at_the_turn() - CASE_A["v"],
                "That is what was gained since the start. The customer began with v: add it.",
            ),
            Mistake(
                lambda: _at_the_turn() + CASE_A["N"],
                "That is the limit after the turn. At the turn nothing of N is gained yet.",
            ),
        ),
        look_again="The turn is still formation: put its month into P₁.",
    ),
    Question(
        name="clp.cases.2",
        kind=Several(Number("yuan", within=0.02), ("month 25", "month 26")),
        answer=lambda: clp.life_cycle_curve([25, 26], **CASE_A),
        mistakes=(
            Mistake(
                lambda: _growing_a([25, 26]),
                "That goes on with formation. After the turn P₂ holds.",
            ),
            Mistake(
                lambda: _at_the_turn() + CASE_A["N"] * np.exp([-1.0, -2.0]),
                "The part of N that is gained grows with time. What you added shrinks: it is what "
                "is still missing.",
            ),
            Mistake(
                lambda: _at_the_turn() + CASE_A["N"] * -np.expm1([-25.0, -26.0]),
                "Slow growth begins at the turn: the exponent counts months since the turn, not "
                "since the first purchase.",
            ),
            Mistake(
                lambda: CASE_A["N"] * -np.expm1([-1.0, -2.0]),
                "That is what is gained after the turn. It comes on top of the profit at the turn.",
            ),
        ),
        look_again="P₂ is the profit at the turn and a share of N. Work out that share first.",
    ),
    Question(
        name="clp.cases.3",
        kind=YUAN_OF_FIVE_YEARS,
        answer=lambda: _worth(_profits_a()),
        mistakes=(
            Mistake(
                lambda: _worth(_profits_a(), when="start"),
                "That counts profit at the start of each month. It is asked at the end: the first "
                "month ahead is discounted once.",
            ),
            Mistake(
                lambda: _worth(_profits_a(), rate=0),
                "That is the plain sum. Money that comes later is worth less: discount it.",
            ),
            Mistake(
                lambda: float(_profits_a() @ (1 + RATE) ** -MONTHS_A),
                "That discounts back to the first purchase. Today is the month before the first "
                "one that is counted: the exponent is one for that month.",
            ),
            Mistake(
                lambda: _worth(_growing_a(MONTHS_A)),
                "That lets formation go on for all the months. Use P₂ after the turn.",
            ),
        ),
        look_again="Work out the profit of each month first, then what each is worth today. "
        "Both the first and the last month named are counted.",
    ),
    Question(
        name="clp.cases.4",
        kind=Number("yuan", within=0.12),
        answer=lambda: _worth(_profits_b()),
        mistakes=(
            Mistake(
                lambda: _worth(_profits_b(), when="start"),
                "That counts profit at the start of each month. It is asked at the end.",
            ),
            Mistake(
                lambda: _worth(CASE_B["v"] + CASE_B["N"] * -np.expm1(-np.arange(1.0, 61))),
                "That starts slow growth with the first month you count. It started at the turn, "
                "so some of N is gained already.",
            ),
            Mistake(
                lambda: _worth(np.full(60, CASE_B["v"] + CASE_B["N"])),
                "That takes all of N as gained from the first month on. Near the turn some is "
                "missing still.",
            ),
            Mistake(
                lambda: _worth(np.full(60, CASE_B["v"])),
                "That stays at the profit of the turn. Add what is gained of N since.",
            ),
        ),
        look_again="P₁ at the turn is given, so no h₁ is needed: only P₂ is left.",
    ),
    Question(
        name="clp.cases.5",
        kind=Several(YUAN_OF_FIVE_YEARS, ("case a", "case b")),
        answer=lambda: _both("start"),
        mistakes=(
            Mistake(
                lambda: _both("end"),
                "Those are the values at the end of the month. Every payment now comes a month "
                "sooner.",
            ),
            Mistake(
                lambda: _both("end", 1 / (1 + RATE)),
                "That moves the money a month away. Money that comes sooner is worth more today.",
            ),
            Mistake(
                lambda: _both("end", (1 + RATE) ** 60),
                "That moves every payment by all the months looked ahead. Each comes only one "
                "month sooner.",
            ),
            Mistake(
                lambda: _both("end", 1 + 12 * RATE),
                "That moves every payment by a year. The rate is per month, and so is the move.",
            ),
        ),
        look_again="In every term of the sum the exponent is smaller by one: take that out as a "
        "factor.",
    ),
    Question(
        name="clp.cases.6",
        kind=Several(YUAN, tuple(f"month {month}" for month in MONTHS_C)),
        answer=_profits_c,
        mistakes=(
            Mistake(
                lambda: CASE_C["v"] - CASE_C["h2"] * np.arange(1, 6) ** 2.0,
                "That begins the decline with the first month you count. Count months since g₂.",
            ),
            Mistake(
                lambda: _profits_c(MONTHS_C - 1),
                "That is one month behind: at g₂ itself the time since g₂ is zero.",
            ),
            Mistake(
                lambda: CASE_C["v"] - CASE_C["h2"] * (MONTHS_C - CASE_C["g2"]),
                "That falls by the same amount every month. The time since g₂ is squared.",
            ),
            Mistake(
                lambda: np.maximum(_profits_c(), 0.0),
                "One of these was cut off at zero. Give what the formula says; what to do with "
                "it is decided later.",
            ),
        ),
        look_again="For each month: time since g₂, squared, times h₂; taken from u.",
    ),
    Question(
        name="clp.cases.7",
        kind=Several(YUAN, ("with the last month", "without the last month")),
        answer=_with_and_without,
        mistakes=(
            Mistake(
                lambda: _with_and_without(when="start"),
                "Those are the values with profit at the start of each month. It is asked at the "
                "end.",
            ),
            Mistake(
                lambda: _with_and_without(rate=0),
                "Those are the plain sums: discount each month.",
            ),
            Mistake(
                lambda: [_worth(_profits_c()), _worth(_profits_c()) - float(_profits_c()[-1])],
                "To leave a month out is to leave out what it is worth today, not what it brings "
                "then.",
            ),
            Mistake(
                lambda: [_worth(_profits_c())] * 2,
                "Both are with the last month. Sum the other months alone as well.",
            ),
        ),
        look_again="The first of the months is discounted once, the next twice, and so on.",
    ),
)


def _gained(since_the_turn: ArrayLike, tau: float = 1.0) -> Array:
    """Share of N that is gained."""
    return clp.life_cycle_curve(since_the_turn, h1=0, v=0, g1=0, N=1, tau=tau)


def _weeks_until(share: float, quarter: float = 13.0) -> list[float]:
    """Weeks until a share of N is gained with τ of one week, and of one quarter."""
    periods = -np.log(1 - share)
    return [float(periods), float(periods * quarter)]


def _late_bloomer(tau: float) -> Array:
    """A customer that has most of its growth still to come, as the notebook has it."""
    return clp.life_cycle_curve(np.arange(25, 85), h1=0, v=5.00, g1=24, N=15.00, tau=tau)


def _lower_by(of: int = 0, rate: float = RATE) -> list[float]:
    """By what share τ = 12 lowers the value of two customers; `of` 1 takes it of the lower."""
    shares = []
    for profits in (_profits_a, _late_bloomer):
        values = [_worth(profits(tau), rate) for tau in (1.0, 12.0)]
        shares.append((values[0] - values[1]) / values[of])
    return shares


def _slower(rate: float = RATE, when: When = "end") -> list[float]:
    """Case (a) with τ = 3 and 12."""
    return [_worth(_profits_a(tau), rate, when) for tau in (3.0, 12.0)]


TAU = (
    Question(
        name="clp.tau.1",
        kind=Several(Share("N", within=0.005), ("after one period", "after five periods")),
        answer=lambda: _gained([1, 5]),
        mistakes=(
            Mistake(
                lambda: 1 - 0.5 ** np.array([1, 5]),
                "That halves the gap in every period. The gap shrinks by the factor e, not by two.",
            ),
            Mistake(
                lambda: _gained([0, 4]),
                "That is one period short: count the periods that have passed since the turn.",
            ),
            Mistake(
                lambda: _gained([2, 6]),
                "That is one period too many: at the turn itself nothing has passed yet.",
            ),
            Mistake(
                lambda: [1 / 5, 1.0],
                "That is a straight line. Slow growth takes large steps first, then smaller ones.",
            ),
        ),
        look_again="The share gained is what stands in the brackets of P₂.",
    ),
    Question(
        name="clp.tau.2",
        kind=Share("N", within=0.005),
        answer=lambda: float(_gained(3, tau=3)),
        mistakes=(
            Mistake(
                lambda: float(_gained(3)),
                "That leaves τ out, as the textbook does. Divide the time since the turn by τ.",
            ),
            Mistake(
                lambda: float(_gained(3, tau=1 / 3)),
                "That multiplies by τ. A larger τ means slower growth: divide.",
            ),
            Mistake(
                lambda: 0.5,
                "τ is no half-life: after τ periods more than a half is gained.",
            ),
            Mistake(
                lambda: float(_gained(3)) / 3,
                "That divides the whole share by τ. Only the time in the exponent is divided.",
            ),
        ),
        look_again="Work out the exponent first: time since the turn, divided by τ.",
    ),
    Question(
        name="clp.tau.3",
        kind=Several(Number("weeks", within=0.15), ("periods are weeks", "periods are quarters")),
        answer=lambda: _weeks_until(0.99),
        mistakes=(
            Mistake(
                lambda: _weeks_until(0.99, quarter=1),
                "The second is in quarters. It is asked in weeks.",
            ),
            Mistake(
                lambda: _weeks_until(0.99, quarter=3),
                "The second is in months. It is asked in weeks.",
            ),
            Mistake(
                lambda: _weeks_until(0.99, quarter=12),
                "Months are longer than four weeks: use the weeks of a quarter that are given.",
            ),
            Mistake(
                lambda: [5.0, 65.0],
                "That is the rule of thumb. Solve for the time: the share still missing is the "
                "exponential, so its natural logarithm is minus the time.",
            ),
        ),
        look_again="What is still missing is one minus the share. Set it equal to the exponential "
        "and take the natural logarithm.",
    ),
    Question(
        name="clp.tau.4",
        kind=Several(Number("periods", within=0.1), ("in weeks", "in quarters")),
        answer=lambda: [6 * 52 / 12, 6 / 3],
        mistakes=(
            Mistake(
                lambda: [6.0, 6.0],
                "The customer's pace is the same, the unit is another. Half a year is not the "
                "same number of weeks, of months and of quarters.",
            ),
            Mistake(
                lambda: [6 * 12 / 52, 6 * 3.0],
                "The other way round: shorter periods, more of them.",
            ),
            Mistake(
                lambda: [6 * 4.0, 6 / 3],
                "A month is longer than four weeks: a year has fifty-two.",
            ),
            Mistake(
                lambda: [1.0, 1.0],
                "That is the textbook's, whatever a period is. Here the pace is known.",
            ),
        ),
        look_again="τ is a length of time. Write that length in each of the two units.",
    ),
    Question(
        name="clp.tau.5",
        kind=Several(YUAN_OF_FIVE_YEARS, ("τ = 3", "τ = 12")),
        answer=_slower,
        mistakes=(
            Mistake(
                lambda: _slower(when="start"),
                "Those are the values with profit at the start of each month. It is asked at the "
                "end.",
            ),
            Mistake(
                lambda: [_worth(_profits_a(1 / tau)) for tau in (3.0, 12.0)],
                "That multiplies the time by τ, so growth became quicker. Divide.",
            ),
            Mistake(
                lambda: [_worth(_profits_a())] * 2,
                "Both are with τ left at the textbook's. Give tau to the curve.",
            ),
            Mistake(
                lambda: _slower(rate=0),
                "Those are the plain sums: discount each month.",
            ),
        ),
        look_again="Everything is as in case (a) of the first exercise, but for τ.",
    ),
    Question(
        name="clp.tau.6",
        kind=Several(Share("the value with τ = 1", within=0.002), ("case a", "late bloomer")),
        answer=_lower_by,
        mistakes=(
            Mistake(
                lambda: _lower_by(of=1),
                "That is a share of the lower value. It is asked as a share of the value with the "
                "textbook's τ.",
            ),
            Mistake(
                lambda: _lower_by(rate=0),
                "Those are shares of plain sums: discount each month.",
            ),
        ),
        look_again="For each customer: the value with each τ, their difference, divided by the "
        "value with the textbook's τ.",
    ),
)

# Dwyer's subscribers: yuan and years. Winning one costs 10 beside the 20 that serving one costs.
SUBSCRIBERS, RENEWALS = 1_000, (0.7, 0.8)
FEE, SERVING, WINNING = 50, 20, 10
YEARLY_RATE, YEARS = 0.10, 4


def _subscribers(
    start: float = SUBSCRIBERS,
    retention: float | Sequence[float] = RENEWALS,
    cost: float | Sequence[float] = (SERVING + WINNING, SERVING),
    rate: float = YEARLY_RATE,
    when: When = "end",
) -> clp.DwyerRetention:
    return clp.dwyer_retention(start, retention, FEE, cost, rate, years=YEARS, when=when)


def _a_year_early() -> clp.DwyerRetention:
    """Retention applied in the first year already."""
    return _subscribers(SUBSCRIBERS * RENEWALS[0], RENEWALS[1])


def _each(group: clp.DwyerRetention) -> float:
    """Value of each of the subscribers at the start."""
    return group.value / SUBSCRIBERS


def _by_year(group: clp.DwyerRetention, column: str, first: int = 1) -> Array:
    return group.table[column].to_numpy(dtype=float)[first - 1 :]


def _in_two_years(group: clp.DwyerRetention) -> float:
    """Share of the value that the first two years bring."""
    return float(_by_year(group, "cumulative")[1]) / group.value


def _better_renewal(when: When = "end") -> float:
    """What five points more of first renewals are worth, each."""
    better = (RENEWALS[0] + 0.05, RENEWALS[1])
    return _each(_subscribers(retention=better, when=when)) - _each(_subscribers(when=when))


DWYER = (
    Question(
        name="clp.dwyer.1",
        kind=Several(Number("subscribers", within=0.5), ("year 2", "year 3", "year 4")),
        answer=lambda: _by_year(_subscribers(), "customers", first=2),
        mistakes=(
            Mistake(
                lambda: _by_year(_a_year_early(), "customers", first=2),
                "That applies retention a year early: all subscribers are there in their first "
                "year, and the first renewal decides who is there in the next.",
            ),
            Mistake(
                lambda: _by_year(_subscribers(retention=RENEWALS[0]), "customers", first=2),
                "That uses the first renewal rate every year. Who has renewed once renews more "
                "readily: the rate rises.",
            ),
            Mistake(
                lambda: _by_year(_subscribers(retention=RENEWALS[1]), "customers", first=2),
                "That uses the later renewal rate every year. The first renewal is the hardest.",
            ),
            Mistake(
                lambda: SUBSCRIBERS * (RENEWALS[0] - (1 - RENEWALS[1]) * np.arange(3)),
                "That takes the same number away each year. The rate is of those still there, not "
                "of those at the start.",
            ),
        ),
        look_again="Each year is the year before times the share of it that renewed.",
    ),
    Question(
        name="clp.dwyer.2",
        kind=Several(
            Number("yuan", within=0.5), tuple(f"year {year}" for year in range(1, YEARS + 1))
        ),
        answer=lambda: _by_year(_subscribers(), "profit"),
        mistakes=(
            Mistake(
                lambda: _by_year(_subscribers(cost=SERVING), "profit"),
                "What it cost to win them is missing. It falls in the first year.",
            ),
            Mistake(
                lambda: _by_year(_subscribers(cost=SERVING + WINNING), "profit"),
                "That charges the cost of winning every year. A subscriber is won once.",
            ),
            Mistake(
                lambda: _by_year(_a_year_early(), "profit"),
                "That applies retention a year early, and charges the cost of winning for those "
                "only who stay. All pay, and all cost, in the first year.",
            ),
            Mistake(
                lambda: _by_year(_subscribers(), "revenue"),
                "That is revenue. Take off what it costs to win and to serve them.",
            ),
        ),
        look_again="For each year: subscribers times (fee less what one costs in that year).",
    ),
    Question(
        name="clp.dwyer.3",
        kind=YUAN_TO_A_TENTH,
        answer=lambda: _each(_subscribers()),
        mistakes=(
            Mistake(
                lambda: _each(_subscribers(when="start")),
                "That counts money at the start of each year. It is asked at the end: the first "
                "year is discounted as well.",
            ),
            Mistake(
                lambda: _each(_a_year_early()),
                "That applies retention a year early: in the first year all of them are there.",
            ),
            Mistake(
                lambda: _each(_subscribers(retention=RENEWALS[0])),
                "That uses the first renewal rate every year. It rises after the first renewal.",
            ),
            Mistake(
                lambda: _each(_subscribers(cost=SERVING)),
                "What it cost to win them is missing.",
            ),
        ),
        look_again="Discount the profit of each year, add up, and divide by the subscribers that "
        "were won.",
    ),
    Question(
        name="clp.dwyer.4",
        kind=YUAN_TO_A_TENTH,
        answer=lambda: _each(_subscribers(when="start")),
        mistakes=(
            Mistake(
                lambda: _each(_subscribers()),
                "That is the value with money at the end of each year.",
            ),
            Mistake(
                lambda: _each(_subscribers()) / (1 + YEARLY_RATE),
                "That moves the money a year away. Paid in advance it comes sooner.",
            ),
            Mistake(
                lambda: _each(_subscribers(rate=0)),
                "That does not discount at all. Only the first year needs none.",
            ),
            Mistake(
                lambda: _subscribers(when="start").value,
                "That is all of them together. It is asked for each of those at the start.",
            ),
        ),
        look_again="Every exponent is smaller by one than with money at the end of the year.",
    ),
    Question(
        name="clp.dwyer.5",
        kind=Share("the value"),
        answer=lambda: _in_two_years(_subscribers()),
        mistakes=(
            Mistake(
                lambda: _in_two_years(_subscribers(rate=0)),
                "That is the share of the plain profit. It is asked of the value: discount first.",
            ),
            Mistake(
                lambda: float(_by_year(_subscribers(), "cumulative")[0]) / _subscribers().value,
                "That is the first year alone. Add the one after it.",
            ),
            Mistake(
                lambda: _in_two_years(_subscribers(cost=SERVING)),
                "What it cost to win them is missing: it makes the first year worth less.",
            ),
            Mistake(
                lambda: _in_two_years(_a_year_early()),
                "That applies retention a year early: all of them are there in the first year.",
            ),
        ),
        look_again="Present value of the first two years, divided by that of all years.",
    ),
    Question(
        name="clp.dwyer.6",
        kind=YUAN,
        answer=_better_renewal,
        mistakes=(
            Mistake(
                lambda: _better_renewal("start"),
                "That counts money at the start of each year. It is asked at the end.",
            ),
            Mistake(
                lambda: _each(_subscribers()) * 0.05 / RENEWALS[0],
                "That makes every year larger. The first year is over before anybody renews.",
            ),
            Mistake(
                lambda: 0.05 * (FEE - SERVING) / (1 + YEARLY_RATE) ** 2,
                "That counts the year after the renewal alone. Of those kept, most stay longer.",
            ),
            Mistake(
                lambda: (
                    _each(_subscribers(retention=[r + 0.05 for r in RENEWALS]))
                    - _each(_subscribers())
                ),
                "That raises every renewal rate. Only the first one is raised.",
            ),
        ),
        look_again="Value with the better first renewal, less value without; each per subscriber "
        "at the start.",
    ),
)

# Pfeifer and Carraway's customers: yuan and seasons.
BUYS = np.array([0.30, 0.20, 0.15, 0.05])
BRINGS, CATALOGUE, DEAR_CATALOGUE, SEASON_RATE = 40, 4, 5.50, 0.20


def _buyers(
    probabilities: ArrayLike = BUYS,
    cost: float = CATALOGUE,
    rate: float = SEASON_RATE,
    contribution: float = BRINGS,
) -> clp.DwyerMigration:
    """1,000 customers that have just bought, four seasons ahead."""
    return clp.dwyer_migration(probabilities, contribution, cost, rate, horizon=4, start=[1_000])


def _bought_in(seasons: Sequence[int], group: Callable[[], clp.DwyerMigration] = _buyers) -> Array:
    return group().cohort["buyers"].to_numpy(dtype=float)[list(seasons)]


def _standing_after(seasons: int) -> Array:
    """How many of the 1,000 are of each recency after so many seasons."""
    moved = np.linalg.matrix_power(_buyers().transition.to_numpy(dtype=float), seasons)
    return np.asarray(1_000 * moved[0], dtype=float)


def _in_four_seasons(group: clp.DwyerMigration) -> float:
    return float(group.cohort["cumulative"].iloc[-1]) / 1_000


def _never_dropped() -> clp.DwyerMigration:
    """As if silence had no effect: everybody buys with the probability of those who just did."""
    return _buyers(np.full(4, BUYS[0]))


def _mailed_on_order() -> float:
    """Value over four seasons when only those who have just bought are thought to cost."""
    profit = (BRINGS - CATALOGUE) * _bought_in(range(5))
    return float(clp.present_value(profit, SEASON_RATE, "start")) / 1_000


def _one_mailing_back(cost: float = DEAR_CATALOGUE) -> float:
    """Share of the mailed that must buy when only the next purchase counts."""
    return cost * (1 + SEASON_RATE) / BRINGS


def _worth_mailing() -> int:
    return _buyers(cost=DEAR_CATALOGUE).cut_off


MIGRATION = (
    Question(
        name="clp.migration.1",
        kind=Number("customers", within=0.5),
        answer=lambda: float(_bought_in([2])[0]),
        mistakes=(
            Mistake(
                lambda: 1_000 * BUYS[0] ** 2,
                "That follows only those who bought both times. Some who skipped a season return.",
            ),
            Mistake(
                lambda: 1_000 * (1 - BUYS[0]) * BUYS[1],
                "That follows only those who skipped the season. Add those who bought in both.",
            ),
            Mistake(
                lambda: 1_000 * BUYS[0],
                "That takes silence to have no effect. Who skipped a season buys less readily.",
            ),
            Mistake(
                lambda: 1_000 * BUYS[1],
                "That takes all of them to have skipped the season between. Some bought in it.",
            ),
        ),
        look_again="Two branches of the tree end in a purchase in this season: add them.",
    ),
    Question(
        name="clp.migration.2",
        kind=Several(Number("customers", within=0.5), ("recency 1", "recency 2", "recency 3")),
        answer=lambda: _standing_after(2)[:3],
        mistakes=(
            Mistake(
                lambda: [*_bought_in([2, 1]), 1_000 - _bought_in([2, 1]).sum()],
                "The second counts all who bought a season ago, also those who have bought since. "
                "Count each customer by its last purchase only.",
            ),
            Mistake(
                lambda: _standing_after(1)[:3],
                "That is a season too early.",
            ),
            Mistake(
                lambda: _standing_after(3)[:3],
                "That is a season too late.",
            ),
        ),
        look_again="Every end of the tree has one recency: the time since its last purchase. "
        "All together are the thousand.",
    ),
    Question(
        name="clp.migration.3",
        kind=Several(Number("customers", within=0.5), ("season 3", "season 4")),
        answer=lambda: _bought_in([3, 4]),
        mistakes=(
            Mistake(
                lambda: 1_000 * BUYS[0] ** np.array([3, 4]),
                "That takes who skips a season to be lost for good, as a subscriber is. Here they "
                "return.",
            ),
            Mistake(
                lambda: _bought_in([3, 4], _never_dropped),
                "That takes silence to have no effect. Use the probability of each recency.",
            ),
            Mistake(
                lambda: _bought_in([3, 4], lambda: _buyers(BUYS[:3])),
                "Those of the last recency were forgotten: seldom as they buy, they are many.",
            ),
            Mistake(
                lambda: _bought_in([2, 3]),
                "That is a season too early: the purchase of today is in season zero.",
            ),
        ),
        look_again="Customers of each recency, times the probability of that recency, added up; "
        "then move everybody on to the next recency, buyers to the first.",
    ),
    Question(
        name="clp.migration.4",
        kind=YUAN_TO_A_TENTH,
        answer=lambda: _in_four_seasons(_buyers()),
        mistakes=(
            Mistake(
                lambda: _in_four_seasons(_buyers(cost=0)),
                "The catalogues are missing.",
            ),
            Mistake(
                _mailed_on_order,
                "That charges a catalogue for each order. One is sent to everybody who was not "
                "dropped, whether an order follows or not.",
            ),
            Mistake(
                lambda: _in_four_seasons(_buyers()) / (1 + SEASON_RATE),
                "That discounts the season of today as well. Season zero counts in full.",
            ),
            Mistake(
                lambda: _buyers().value[0],
                "That is the value for ever. It is asked up to a season: another column, or the "
                "last row of the cohort.",
            ),
        ),
        look_again="For each season: buyers times what an order brings, less catalogues sent. In "
        "the last season those of the end of the tree were dropped and get none.",
    ),
    Question(
        name="clp.migration.5",
        kind=Several(
            YUAN_TO_A_TENTH,
            tuple(f"recency {recency}" for recency in range(1, 5)),
        ),
        answer=lambda: _buyers().value[:4],
        mistakes=(
            Mistake(
                lambda: _buyers(rate=0).value[:4],
                "That does not discount: P is to be divided by one plus the rate.",
            ),
            Mistake(
                lambda: _buyers(cost=0).value[:4],
                "The catalogues are missing in R.",
            ),
            Mistake(
                lambda: _buyers().table["to_come"].to_numpy(),
                "That leaves out the order of today. R of the first recency holds it.",
            ),
            Mistake(
                lambda: _buyers().table["value_over_horizon"].to_numpy(),
                "That stops after some seasons. It is asked for ever.",
            ),
        ),
        look_again="Look at P: each row is a recency; who buys goes to the first column, who does "
        "not goes one to the right, and the last row stays where it is.",
    ),
    Question(
        name="clp.migration.6",
        kind=Share("those mailed"),
        answer=_one_mailing_back,
        mistakes=(
            Mistake(
                lambda: DEAR_CATALOGUE / BRINGS,
                "The catalogue is paid now, the order comes a season later: discount the order.",
            ),
            Mistake(
                lambda: DEAR_CATALOGUE / BRINGS / (1 + SEASON_RATE),
                "Discounting makes the order worth less, so more of them must buy, not fewer.",
            ),
            Mistake(
                lambda: _one_mailing_back(CATALOGUE),
                "That is with the old catalogue. The new one is dearer.",
            ),
            Mistake(
                lambda: DEAR_CATALOGUE / (BRINGS - DEAR_CATALOGUE),
                "The catalogue is paid for all who are mailed, not only for those who buy; and "
                "the order comes a season later.",
            ),
        ),
        look_again="Cost of one catalogue on one side; probability times the discounted order on "
        "the other.",
    ),
    Question(
        name="clp.migration.7",
        kind=Number("seasons, the recency", within=0),
        answer=_worth_mailing,
        mistakes=(
            Mistake(
                lambda: int((_one_mailing_back() < BUYS).sum()),
                "That counts the next order alone, or takes everybody to be mailed afterwards. "
                "Who orders is of the first recency again and orders more; and who does not need "
                "not be mailed again.",
            ),
            Mistake(
                lambda: _worth_mailing() + 1,
                "That is one that does not pay any more, or mailing everybody. It is asked for "
                "the last one that pays.",
            ),
        ),
        look_again="Try each: mail up to this recency and no further, and see what a customer who "
        "has just bought is worth then. The best is the answer.",
    ),
)


QUESTIONS: tuple[Question, ...] = (*CASES, *TAU, *DWYER, *MIGRATION)
