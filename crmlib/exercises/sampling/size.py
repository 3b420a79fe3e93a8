"""Questions on the size of a sample: interviews, invitations and what they cost."""

import math

from scipy import stats

from crmlib import sampling
from crmlib.exercises.kinds import Number, Share
from crmlib.exercises.questions import Mistake, Question
from crmlib.sampling.sizes import mean_size, wald_size

# Customers in the frame, interviews wanted, and what answers and arrives.
CUSTOMERS = 2400
COMPLETES, RESPONSE_RATE, REACHABLE = 350, 0.30, 0.95
PER_INTERVIEW = 45.0

# Whole interviews are wanted: near enough to tell the answer from the one not rounded up.
ROUNDED_UP = 0.3


def _z(confidence: float = 0.95, sides: int = 2) -> float:
    return float(stats.norm.ppf(1 - (1 - confidence) / sides))


def _share_size(margin: float = 0.04, p: float = 0.5, z: float | None = None) -> float:
    return float(wald_size(margin, p, _z() if z is None else z))


def _average_size(z: float | None = None) -> float:
    return float(mean_size(35, 600, _z(0.90) if z is None else z))


def _invited(rate: float) -> int:
    return sampling.invitations_needed(COMPLETES, rate)


def _cost(margin: float, p: float = 0.3) -> float:
    return PER_INTERVIEW * sampling.size_for_proportion(margin, p).n


def _margin(z: float | None = None, fixed: float = 6000, population: float = CUSTOMERS) -> float:
    n = (30000 - fixed) / 48
    return (_z() if z is None else z) * math.sqrt(0.25 / n * (1 - n / population))


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="sampling.size.1",
        kind=Number("interviews", within=ROUNDED_UP),
        answer=lambda: sampling.size_for_proportion(0.04).n,
        mistakes=(
            Mistake(
                lambda: _share_size(),
                "Nobody gives a part of an interview, and a smaller sample misses the margin: "
                "which way must this be rounded?",
            ),
            Mistake(
                lambda: math.ceil(_share_size(z=_z(sides=1))),
                "That z leaves all of the risk on one side. The interval reaches to both sides, "
                "so each side gets half of the risk.",
            ),
            Mistake(
                lambda: math.ceil(_z() ** 2 * 0.5 / 0.04**2),
                "p (1 − p) is the variance of an answer yes or no. You have put its root, the "
                "standard deviation, or p alone in its place.",
            ),
            Mistake(
                lambda: math.ceil(_share_size(margin=4)),
                "A margin in per cent and a share as a fraction do not go together: write both "
                "as fractions.",
            ),
        ),
        look_again="z² p (1 − p) / e², two-sided z, the least favourable p; then round.",
    ),
    Question(
        name="sampling.size.2",
        kind=Number("interviews", within=0.35),
        answer=lambda: sampling.size_for_proportion(0.04, population=CUSTOMERS).n,
        mistakes=(
            Mistake(
                lambda: sampling.size_for_proportion(0.04).n,
                "That is the size for a population without end. Here a good part of all customers "
                "is asked: the finite population correction is missing.",
            ),
            Mistake(
                lambda: _share_size() / (1 + (_share_size() - 1) / CUSTOMERS),
                "The correction is right. Round up at the end: there are whole interviews only.",
            ),
            Mistake(
                lambda: math.ceil(_share_size() * (1 - _share_size() / CUSTOMERS)),
                "The factor 1 − n / N belongs to the variance of a sample whose n is known. Solve "
                "for n instead, by dividing n₀ by 1 + (n₀ − 1) / N.",
            ),
        ),
        look_again="Divide n₀ by 1 + (n₀ − 1) / N, with n₀ from the question before.",
    ),
    Question(
        name="sampling.size.3",
        kind=Number("interviews", within=ROUNDED_UP),
        answer=lambda: sampling.size_for_mean(35, 600, confidence=0.90).n,
        mistakes=(
            Mistake(
                lambda: math.ceil(_average_size(_z(0.90, sides=1))),
                "That z leaves all of the risk on one side. The interval reaches to both sides.",
            ),
            Mistake(
                lambda: math.ceil(_average_size(_z())),
                "Look at the confidence asked for: this z belongs to another one.",
            ),
            Mistake(
                lambda: math.ceil(_z(0.90) ** 2 * 600 / 35**2),
                "The standard deviation stands where the variance belongs: it is squared, as z "
                "and the margin are.",
            ),
            Mistake(
                lambda: _average_size(),
                "The formula is right. Nobody gives a part of an interview: which way must this "
                "be rounded?",
            ),
        ),
        look_again="(z S / e)², all three squared; the two-sided z of the confidence asked for.",
    ),
    Question(
        name="sampling.size.4",
        kind=Number("invitations", within=ROUNDED_UP),
        answer=lambda: _invited(RESPONSE_RATE * REACHABLE),
        mistakes=(
            Mistake(
                lambda: COMPLETES * RESPONSE_RATE * REACHABLE,
                "So many would answer if you invited only as many as you need. Turn it round: "
                "what number of invitations, times the rates, gives the interviews?",
            ),
            Mistake(
                lambda: _invited(RESPONSE_RATE),
                "Some invitations never arrive, and the response rate counts only those that do.",
            ),
            Mistake(
                lambda: math.ceil(COMPLETES * (2 - RESPONSE_RATE * REACHABLE)),
                "You have added the share that will not answer. Those added do not all answer "
                "either: divide by the rate.",
            ),
            Mistake(
                lambda: COMPLETES / (RESPONSE_RATE * REACHABLE),
                "The division is right. Round up: a part of an invitation cannot be sent.",
            ),
        ),
        look_again="Which share of the invitations ends in an interview? Divide by it.",
    ),
    Question(
        name="sampling.size.5",
        kind=Number("yuan", within=20),
        answer=lambda: _cost(0.025) - _cost(0.05),
        mistakes=(
            Mistake(
                lambda: _cost(0.05),
                "That is what twice the interviews would add. The margin is squared in the "
                "formula: work out the size for each margin.",
            ),
            Mistake(
                lambda: _cost(0.025),
                "That is the whole cost of the finer survey. Asked is what it costs more than "
                "the coarser one.",
            ),
            Mistake(
                lambda: _cost(0.025, p=0.5) - _cost(0.05, p=0.5),
                "That takes the least favourable share. Here last year's share is known: use it.",
            ),
            Mistake(
                lambda: _cost(0.05) - _cost(0.10),
                "You have doubled the margin in place of halving it: that is what a coarser "
                "survey would save.",
            ),
        ),
        look_again="Two sample sizes, rounded up, with p as given; then the difference in money.",
    ),
    Question(
        name="sampling.size.6",
        kind=Share("all customers", within=0.0003),
        answer=lambda: _margin(),
        mistakes=(
            Mistake(
                lambda: _margin(population=math.inf),
                "A good part of all customers is asked: the finite population correction is "
                "missing.",
            ),
            Mistake(
                lambda: _margin(z=1),
                "That is the standard error. The margin is z times as wide.",
            ),
            Mistake(
                lambda: _margin(fixed=0),
                "The whole budget went into interviews. Part of it is spent before the first one.",
            ),
            Mistake(
                lambda: _margin(z=_z(sides=1)),
                "That z leaves all of the risk on one side. A margin reaches to both sides.",
            ),
        ),
        look_again="First the interviews the money buys, then z √(p (1 − p) / n · (1 − n / N)).",
    ),
    Question(
        name="sampling.size.7",
        kind=Number("invitations", within=ROUNDED_UP),
        answer=lambda: sampling.invitations_needed(
            COMPLETES, RESPONSE_RATE, reachable=REACHABLE, assurance=0.9
        ),
        mistakes=(
            Mistake(
                lambda: _invited(RESPONSE_RATE * REACHABLE),
                "That brings enough on average, so too few about every second time. Say with "
                "which probability it shall be enough: assurance=.",
            ),
            Mistake(
                lambda: sampling.invitations_needed(COMPLETES, RESPONSE_RATE, assurance=0.9),
                "Some invitations never arrive: reachable=.",
            ),
            Mistake(
                lambda: _invited(RESPONSE_RATE * REACHABLE * 0.9),
                "The assurance is not one more share that is lost: dividing by it invites too "
                "many. It is the probability of getting enough: assurance=.",
            ),
        ),
        look_again="sampling.invitations_needed takes response_rate, reachable and assurance.",
    ),
)
