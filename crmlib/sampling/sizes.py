"""Sample sizes: how many answers a question needs, and how many invitations those need."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from crmlib.errors import InputError

Array = NDArray[np.float64]
Pair = tuple[float, float]

LARGEST_PLAN = 10**9
"""Invitations beyond which a plan is refused."""


@dataclass(frozen=True)
class SampleSize:
    """A sample size and the way to it.

    Attributes
    ----------
    n : int
        Completed answers needed, rounded up.
    invitations : int
        Invitations expected to bring them, rounded up from the last line of ``steps``.
    steps : DataFrame
        step ("simple random sample", "design effect", "finite population", "invitations"), how
        (what was done), n (not rounded).
    """

    n: int
    invitations: int
    steps: pd.DataFrame


@dataclass(frozen=True)
class TwoSampleSize(SampleSize):
    """Sizes of two samples that are compared; those of `SampleSize` belong to the first.

    Attributes
    ----------
    n_second, invitations_second : int
        The same for the second sample; ``steps`` has a column n_second.
    """

    n_second: int
    invitations_second: int


def mean_size(margin: ArrayLike, sd: ArrayLike, z: float) -> Array:
    """Answers for a mean to within a margin: ``(z sd / margin)^2``, infinite population."""
    return np.square(z * np.asarray(sd, dtype=float) / np.asarray(margin, dtype=float))


def wald_size(margin: ArrayLike, p: ArrayLike, z: float) -> Array:
    """Answers for a Wald interval of half-width margin: ``z^2 p (1 - p) / margin^2``."""
    p = np.asarray(p, dtype=float)
    return mean_size(margin, np.sqrt(p * (1 - p)), z)


def wilson_size(margin: ArrayLike, p: ArrayLike, z: float) -> Array:
    """Answers for a Wilson interval of half-width margin, margin below 1/2.

    ``(z / e)^2 (v - 2 e^2 + sqrt(e^2 - v (4 e^2 - v))) / 2`` with ``v = p (1 - p)``: the half-width
    ``z sqrt(v / n + z^2 / (4 n^2)) / (1 + z^2 / n)`` solved for n.
    """
    e, p = np.asarray(margin, dtype=float), np.asarray(p, dtype=float)
    v = p * (1 - p)
    root = np.sqrt(e**2 - v * (4 * e**2 - v))
    return np.square(z / e) * (v - 2 * e**2 + root) / 2


def fleiss_size(margin: ArrayLike, p: ArrayLike, z: float) -> Array:
    """Answers for a Wald interval with continuity correction of half-width margin.

    ``n0 / 4 (1 + sqrt(1 + 2 / (n0 e)))^2`` with the Wald size n0: the half-width
    ``z sqrt(p (1 - p) / n) + 1 / (2 n)`` solved for n.
    """
    n0 = wald_size(margin, p, z)
    return n0 / 4 * np.square(1 + np.sqrt(1 + 2 / (n0 * np.asarray(margin, dtype=float))))


def nps_size(margin: ArrayLike, promoters: ArrayLike, detractors: ArrayLike, z: float) -> Array:
    """Answers for a net promoter score to within a margin in points, infinite population.

    The score is 100 times the mean of +1, 0 and -1, whose variance is ``p + d - (p - d)^2``.
    """
    p, d = np.asarray(promoters, dtype=float), np.asarray(detractors, dtype=float)
    return mean_size(margin, 100 * np.sqrt(p + d - (p - d) ** 2), z)


def size_for_mean(
    margin: float,
    sd: float,
    *,
    confidence: float = 0.95,
    population: int | None = None,
    design_effect: float = 1.0,
    response_rate: float = 1.0,
) -> SampleSize:
    """Answers needed for a mean that is right to within a margin.

    n0 = ``(z sd / margin)^2``; n1 = ``n0 * design_effect``; n = ``n1 / (1 + n1 / population)``;
    invitations = ``n / response_rate``. Rounded up once, at the end.

    Parameters
    ----------
    margin : float
        Half-width of the confidence interval, in the unit of the answers.
    sd : float
        Standard deviation of the answers, same unit (divisor population - 1).
    confidence : float
        Level of the interval, a fraction. z is the normal quantile: for n below about 30 the t
        interval will be wider than the margin.
    population : int, optional
        Customers in the frame; without it the population is taken as infinite.
    design_effect : float
        Variance of the design over that of a simple random sample of the same size.
    response_rate : float
        Share of the invited who answer, a fraction.

    Returns
    -------
    SampleSize

    Raises
    ------
    InputError
        When an argument cannot be used, or more invitations are needed than there are customers.

    Notes
    -----
    Source: Cochran (1977), Sampling Techniques, sections 4.4 to 4.7. Checked against PracTools
    1.7.5 (``nContMoe``, ``nCont``).
    """
    check_above_zero("margin", margin)
    check_above_zero("sd", sd)
    n0 = float(mean_size(margin, sd, normal_quantile(confidence)))
    return steps_to_size(n0, design_effect, population, response_rate, in_population=0)


def size_for_proportion(
    margin: float,
    p: float = 0.5,
    *,
    method: Literal["wald", "wilson", "fleiss"] = "wald",
    confidence: float = 0.95,
    population: int | None = None,
    design_effect: float = 1.0,
    response_rate: float = 1.0,
) -> SampleSize:
    """Answers needed for a share that is right to within a margin.

    n0 by ``method``; n1 = ``n0 * design_effect``; n = ``n1 / (1 + (n1 - 1) / population)``;
    invitations = ``n / response_rate``. Rounded up once, at the end.

    Parameters
    ----------
    margin : float
        Half-width of the confidence interval, a fraction: 0.05 for 5 percentage points.
    p : float
        Share expected, a fraction; 0.5 is the worst case.
    method : {"wald", "wilson", "fleiss"}
        Interval that will be reported: `wald_size`, `wilson_size` (right for shares near 0 or
        1) or `fleiss_size` (with continuity correction, the largest).
    confidence, population, design_effect, response_rate
        As in `size_for_mean`.

    Returns
    -------
    SampleSize

    Raises
    ------
    InputError
        When an argument cannot be used, or more invitations are needed than there are customers.

    Notes
    -----
    The finite population step is exact for the Wald size only and customary for the others.
    Sources: Cochran (1977), sections 4.2 to 4.4; Wilson (1927), JASA 22, 209-212; Fleiss, Levin
    and Paik (2003), Statistical Methods for Rates and Proportions, chapter 2. Checked against
    PracTools 1.7.5 (``nPropMoe``, ``nProp``, ``nWilson``).
    """
    check_share("margin", margin)
    check_share("p", p)
    if margin >= 0.5:
        raise InputError(f"margin={margin:g} says nothing about a share: write one below 0.5.")
    sizes: dict[str, Callable[..., Array]] = {
        "wald": wald_size,
        "wilson": wilson_size,
        "fleiss": fleiss_size,
    }
    if method not in sizes:
        raise InputError(f'method="{method}": write "wald", "wilson" or "fleiss".')
    n0 = float(sizes[method](margin, p, normal_quantile(confidence)))
    return steps_to_size(n0, design_effect, population, response_rate, in_population=1)


def size_for_nps(
    margin: float,
    promoters: float,
    detractors: float,
    *,
    confidence: float = 0.95,
    population: int | None = None,
    design_effect: float = 1.0,
    response_rate: float = 1.0,
) -> SampleSize:
    """Answers needed for a net promoter score that is right to within a margin.

    n0 = ``(100 z / margin)^2 (p + d - (p - d)^2)``; further as for a share.

    Parameters
    ----------
    margin : float
        Half-width of the confidence interval in points of the score, which runs from -100 to
        100: 5 for a score of 30 plus or minus 5.
    promoters, detractors : float
        Shares expected, fractions; both 0.5 is the worst case.
    confidence, population, design_effect, response_rate
        As in `size_for_mean`.

    Returns
    -------
    SampleSize

    Raises
    ------
    InputError
        When an argument cannot be used, or more invitations are needed than there are customers.

    Notes
    -----
    Checked against the variance of the answers +1, 0 and -1 written out. Source of the variance:
    Rocks (2016), Interval estimation for the net promoter score, The American Statistician 70,
    365-372.
    """
    check_above_zero("margin", margin)
    if margin < 0.5:
        raise InputError(
            f"margin={margin:g} is less than half a point of a score that runs from -100 to 100. "
            f"Did you mean {100 * margin:g} points?"
        )
    if margin >= 100:
        raise InputError(f"margin={margin:g} says nothing about a score from -100 to 100.")
    check_share("promoters", promoters, zero=True, one=True)
    check_share("detractors", detractors, zero=True, one=True)
    if promoters + detractors > 1 + 1e-12:
        raise InputError(
            f"promoters={promoters:g} and detractors={detractors:g} make more than everybody: "
            "together they are at most 1."
        )
    n0 = float(nps_size(margin, promoters, detractors, normal_quantile(confidence)))
    if n0 == 0:
        raise InputError(
            f"promoters={promoters:g} and detractors={detractors:g} mean that all answer alike. "
            "Give the shares you expect; promoters=0.5, detractors=0.5 is the worst case."
        )
    return steps_to_size(n0, design_effect, population, response_rate, in_population=1)


def size_for_difference(
    difference: float | None = None,
    *,
    sd: float | Pair | None = None,
    p: Pair | None = None,
    power: float = 0.8,
    sides: Literal[1, 2] = 2,
    ratio: float = 1.0,
    overlap: float = 0.0,
    correlation: float = 0.0,
    confidence: float = 0.95,
    population: int | Pair | None = None,
    design_effect: float = 1.0,
    response_rate: float = 1.0,
) -> TwoSampleSize:
    """Answers needed to notice a difference between two groups or two waves.

    Give ``difference`` and ``sd`` for two means, or ``p`` for two shares. With n first and
    ``ratio * n`` second answers the variance of the difference is ``A / n``,

        A = s1^2 + s2^2 / ratio - 2 (overlap / ratio) correlation s1 s2,

    and n0 = ``A (z_confidence + z_power)^2 / difference^2``; then design effect, finite
    population, response. Rounded up once, at the end.

    Parameters
    ----------
    difference : float
        Difference of the means that should be noticed, in the unit of the answers. Its sign does
        not matter.
    sd : float or (float, float)
        Standard deviation of the answers, of both or of the first and the second.
    p : (float, float)
        First and second share, fractions.
    power : float
        Probability of noticing the difference when it is there, a fraction.
    sides : {2, 1}
        Two-sided test, or one-sided.
    ratio : float
        Size of the second sample over that of the first.
    overlap : float
        Share of the first sample's respondents who answer in the second too, at most ``ratio``.
    correlation : float
        Of the two answers of those who answer both times.
    confidence : float
        1 less the probability of seeing a difference where there is none.
    population : int or (int, int), optional
        Customers that both waves are drawn from; or the sizes of two groups without common
        members.
    design_effect, response_rate
        As in `size_for_mean`, the same in both samples.

    Returns
    -------
    TwoSampleSize

    Raises
    ------
    InputError
        When an argument cannot be used, or more answers or invitations are needed than there are
        customers.

    Notes
    -----
    For net promoter scores give ``sd = 100 sqrt(p + d - (p - d)^2)``. The shares' variances are
    not pooled. With a finite population n solves
    ``A / n - (s1^2 + s2^2 - 2 correlation s1 s2) / N = difference^2 / (z_confidence + z_power)^2``
    (two groups: ``s1^2 / N1 + s2^2 / N2``), the variance of two overlapping simple random samples
    of one population (Tam 1984, The American Statistician 38, 288-289); the shares' variances
    are then multiplied by ``N / (N - 1)``. Source: Valliant, Dever and Kreuter (2018), Practical
    Tools for Designing and Weighting Survey Samples, chapter 4. Checked against PracTools 1.7.5
    (``nProp2sam``, whose ``pxy`` is ``p1 p2 + correlation s1 s2`` and ``g`` is ``overlap``) and
    statsmodels (``NormalIndPower``).
    """
    gap, s1, s2 = difference_and_spread(difference, sd, p)
    check_share("power", power)
    check_above_zero("ratio", ratio)
    check_overlap(overlap, correlation, ratio, p)
    if sides not in (1, 2):
        raise InputError(f"sides={sides}: write 2 for a two-sided test or 1 for a one-sided one.")
    if power < 0.5:
        raise InputError(f"power={power:g}: a test that misses more than it finds has no size.")
    quantile = normal_quantile(confidence, sides) + stats.norm.ppf(power)
    aim = (gap / quantile) ** 2
    check_above_zero("design_effect", design_effect)
    first, second = populations(population, overlap)
    # A share's variance in a population of N has the divisor N - 1 in the formulas for
    # drawing without replacement.
    c1, c2 = (1 / (1 - 1 / N) if p else 1.0 for N in (first, second))
    common = correlation * s1 * s2

    def spread(a: float, b: float) -> float:
        return a * s1**2 + b * s2**2 / ratio - 2 * overlap / ratio * common * math.sqrt(a * b)

    paired = isinstance(population, Sequence)
    saved = c1 * s1**2 / first + c2 * s2**2 / second
    saved -= 0.0 if paired else 2 * c1 * common / first
    n0 = spread(1, 1) / aim
    finite = spread(c1, c2) / (aim / design_effect + saved)
    check_room(finite, ratio, overlap, first, second, one_population=not paired)
    n = np.array([n0, n0 * design_effect, finite])
    sizes = with_invitations(n, design_effect, population, response_rate, first)
    other = with_invitations(ratio * n, design_effect, population, response_rate, second)
    return TwoSampleSize(
        n=sizes.n,
        invitations=sizes.invitations,
        steps=sizes.steps.assign(n_second=other.steps["n"]),
        n_second=other.n,
        invitations_second=other.invitations,
    )


def invitations_needed(
    completes: int,
    response_rate: float | None = None,
    *,
    answered: int | None = None,
    asked: int | None = None,
    reachable: float = 1.0,
    assurance: float | None = None,
) -> int:
    """Smallest number of invitations that brings enough completed answers.

    Without ``assurance``: ``completes / (rate * reachable)`` rounded up, which brings enough on
    average, and so too few about every second time. With it: the smallest number that brings
    enough with at least that probability, by `probability_of_completes`.

    Parameters
    ----------
    completes : int
        Completed answers wanted.
    response_rate : float, optional
        Share of those reached who answer, known; a fraction. Or else:
    answered, asked : int, optional
        The rate was learned from this many: ``answered`` of ``asked`` that were reached.
    reachable : float
        Share of the invitations that arrive, known; a fraction.
    assurance : float, optional
        Probability of getting enough, a fraction.

    Returns
    -------
    int

    Raises
    ------
    InputError
        When an argument cannot be used or no number of invitations is enough.
    """
    check_whole("completes", completes)
    check_share("reachable", reachable, one=True)
    rate = known_or_learned(response_rate, answered, asked)
    if assurance is None:
        mean = rate if isinstance(rate, float) else rate[0] / sum(rate)
        return whole(completes / (mean * reachable))
    check_share("assurance", assurance)
    low, high = completes - 1, completes
    while enough_answers(high, completes, rate) < assurance:
        low, high = high, 2 * high
        if high > LARGEST_PLAN:
            raise InputError(
                f"An assurance of {assurance:g} takes more than {LARGEST_PLAN:,} invitations. "
                "Learn the response rate from more contacts first, or ask for less assurance."
            )
    while high - low > 1:
        middle = (low + high) // 2
        if enough_answers(middle, completes, rate) < assurance:
            low = middle
        else:
            high = middle
    return whole(high / reachable)


def probability_of_completes(
    invitations: int,
    completes: int,
    response_rate: float | None = None,
    *,
    answered: int | None = None,
    asked: int | None = None,
    reachable: float = 1.0,
) -> float:
    """Probability that invitations bring at least so many completed answers.

    Of the invitations ``m = floor(reachable * invitations)`` arrive. With a known rate the
    answers are binomial. With a learned one the rate has the distribution
    Beta(answered, asked - answered), whose mean is the rate seen, and the answers are
    beta-binomial.

    Parameters
    ----------
    invitations, completes : int
    response_rate, answered, asked, reachable
        As in `invitations_needed`.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When an argument cannot be used.

    Notes
    -----
    Beta(answered, asked - answered) is what the prior with density ``1 / (r (1 - r))`` becomes.
    It asks for slightly more invitations than the priors of Jeffreys, Beta(1/2, 1/2), and
    Laplace, Beta(1, 1): for 323 completes with 90 % assurance, 97 % reachable and 35 answers of
    100, it takes 1,159 against 1,153 and 1,146. Checked by adding up the probabilities in exact
    fractions.
    """
    check_whole("invitations", invitations)
    check_whole("completes", completes)
    check_share("reachable", reachable, one=True)
    arrived = math.floor(reachable * invitations * (1 + 1e-12))
    return enough_answers(arrived, completes, known_or_learned(response_rate, answered, asked))


def enough_answers(arrived: int, completes: int, rate: float | tuple[int, int]) -> float:
    """Probability of at least so many answers from the invitations that arrived."""
    if isinstance(rate, float):
        return float(stats.binom.sf(completes - 1, arrived, rate))
    return float(stats.betabinom.sf(completes - 1, arrived, *rate))


def known_or_learned(
    response_rate: float | None, answered: int | None, asked: int | None
) -> float | tuple[int, int]:
    """Give the known response rate, or how many answered and did not.

    Refuses counts that nothing can be learned from.
    """
    if response_rate is not None:
        if answered is not None or asked is not None:
            raise InputError("Give either response_rate or answered and asked, not both.")
        check_rate("response_rate", response_rate)
        return float(response_rate)
    if answered is None or asked is None:
        raise InputError("Give response_rate, or both answered and asked.")
    check_whole("asked", asked)
    check_whole("answered", answered, least=0)
    if answered > asked:
        raise InputError(f"answered={answered:,} is more than asked={asked:,}.")
    if answered == 0:
        raise InputError(
            f"None of {asked:,} asked has answered: no number of invitations can be promised to "
            "be enough. Ask more first, or give a response_rate you trust."
        )
    if answered == asked:
        raise InputError(
            f"All {asked:,} asked have answered, so nothing is learned about those who do not. "
            "Ask more first, or give a response_rate you trust."
        )
    return answered, asked - answered


def steps_to_size(
    n0: float,
    design_effect: float,
    population: int | None,
    response_rate: float,
    *,
    in_population: int,
) -> SampleSize:
    """From n0 through design effect, finite population and response to whole numbers.

    ``in_population`` is 1 for shares, whose ``p (1 - p)`` is the variance with divisor N, and 0
    for a standard deviation with divisor N - 1.
    """
    check_above_zero("design_effect", design_effect)
    n1 = n0 * design_effect
    N = math.inf if population is None else check_whole("population", population)
    n = n1 / (1 + (n1 - in_population) / N)
    return with_invitations(
        np.array([n0, n1, n]), design_effect, population, response_rate, limit=N
    )


def with_invitations(
    n: Array, design_effect: float, population: Any, response_rate: float, limit: float
) -> SampleSize:
    """Add the invitations, write down the steps and round up."""
    check_rate("response_rate", response_rate)
    completes, invitations = whole(n[-1]), whole(n[-1] / response_rate)
    if invitations > limit:
        raise InputError(
            f"{completes:,} answers take {invitations:,} invitations at a response rate of "
            f"{response_rate:.4g}, but the population is {limit:,.0f}: at most about "
            f"{limit * response_rate:,.0f} will answer. Accept a wider margin, or raise the "
            "response rate by reminders."
        )
    sizes = population if isinstance(population, Sequence) else (population,)
    people = "infinite" if population is None else " and ".join(f"{N:,.0f}" for N in sizes)
    steps = pd.DataFrame(
        {
            "step": ["simple random sample", "design effect", "finite population", "invitations"],
            "how": [
                "margin or difference, confidence",
                f"times {design_effect:g}",
                f"population {people}",
                f"divided by response rate {response_rate:g}",
            ],
            "n": [*n, n[-1] / response_rate],
        }
    )
    return SampleSize(n=completes, invitations=invitations, steps=steps)


def difference_and_spread(
    difference: float | None, sd: float | Pair | None, p: Pair | None
) -> tuple[float, float, float]:
    """Size of the difference and the standard deviation of each sample's answers."""
    if (p is None) == (difference is None and sd is None):
        raise InputError("Give either difference and sd (two means) or p=(first, second) (shares).")
    if p is not None:
        first, second = pair("p", p)
        check_share("p", first)
        check_share("p", second)
        if first == second:
            raise InputError(f"p={p}: there is no difference to notice between equal shares.")
        s1, s2 = (math.sqrt(q * (1 - q)) for q in (first, second))
        return abs(second - first), s1, s2
    if difference is None or sd is None:
        raise InputError("Two means need both difference and sd.")
    check_number("difference", difference)
    if difference == 0:
        raise InputError("difference=0: no number of answers shows that there is none.")
    s1, s2 = pair("sd", sd) if isinstance(sd, Sequence) else (sd, sd)
    check_above_zero("sd", s1)
    check_above_zero("sd", s2)
    return abs(difference), s1, s2


def check_overlap(overlap: float, correlation: float, ratio: float, p: Pair | None) -> None:
    """Refuse an overlap or a correlation that two samples cannot have."""
    check_share("overlap", overlap, zero=True, one=True)
    if overlap > ratio:
        raise InputError(
            f"overlap={overlap:g} of the first sample's respondents do not fit into a second "
            f"sample of {ratio:g} times its size."
        )
    check_number("correlation", correlation)
    if not -1 < correlation < 1:
        raise InputError(f"correlation={correlation:g}: write a number between -1 and 1.")
    if p is None:
        return
    first, second = p
    spread = math.sqrt(first * (1 - first) * second * (1 - second))
    least = (max(0.0, first + second - 1) - first * second) / spread
    most = (min(first, second) - first * second) / spread
    if not least - 1e-12 <= correlation <= most + 1e-12:
        raise InputError(
            f"correlation={correlation:g}: yes-or-no answers with shares {first:g} and {second:g} "
            f"correlate between {least:.3f} and {most:.3f} only."
        )


def populations(population: int | Pair | None, overlap: float) -> tuple[float, float]:
    """Sizes of the populations that the first and the second sample come from."""
    if population is None:
        return math.inf, math.inf
    if not isinstance(population, Sequence):
        N = check_whole("population", population, least=2)
        return N, N
    first, second = (check_whole("population", N, least=2) for N in pair("population", population))
    if overlap > 0:
        raise InputError(
            "Two groups with their own population have no common respondents: set overlap=0, or "
            "give one population that both waves are drawn from."
        )
    return first, second


def check_room(
    n: float, ratio: float, overlap: float, first: float, second: float, *, one_population: bool
) -> None:
    """Refuse two samples that do not fit into their population."""
    if n > first or ratio * n > second:
        raise InputError(
            f"The samples need {whole(n):,} and {whole(ratio * n):,} answers, more than the "
            f"population of {first:,.0f} or {second:,.0f} has. Accept a larger difference, or a "
            "ratio nearer to 1."
        )
    together = n * (1 + ratio - overlap)
    if one_population and together > first:
        raise InputError(
            f"Waves of {whole(n):,} and {whole(ratio * n):,} with an overlap of {overlap:g} need "
            f"{whole(together):,} different customers; the population is {first:,.0f}. Raise the "
            "overlap, or accept a larger difference."
        )


def normal_quantile(confidence: float, sides: int = 2) -> float:
    """Standard normal quantile of a confidence level."""
    check_share("confidence", confidence)
    return float(stats.norm.ppf(1 - (1 - confidence) / sides))


def whole(value: float) -> int:
    """Round up, but not for the last digits that floating point left over; at least 1."""
    return max(1, math.ceil(value * (1 - 1e-12)))


def pair(name: str, values: Any) -> tuple[float, float]:
    """Two values, or an error that says so."""
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != 2:
        raise InputError(f"{name}={values!r}: write two values, ({name} first, {name} second).")
    return values[0], values[1]


def check_number(name: str, value: Any) -> None:
    """Refuse what is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InputError(f"{name}={value!r} is not a number: write one.")


def check_above_zero(name: str, value: Any) -> None:
    """Refuse zero and negative numbers."""
    check_number(name, value)
    if value <= 0:
        raise InputError(f"{name}={value:g}: write a number above 0.")


def check_share(name: str, value: Any, *, zero: bool = False, one: bool = False) -> None:
    """Refuse what is not a fraction, asking whether a percentage was meant."""
    check_number(name, value)
    if 0 < value < 1 or (zero and value == 0) or (one and value == 1):
        return
    if 1 <= value < 100:
        raise InputError(
            f"{name}={value:g}: did you mean {value / 100:g}, that is {value:g} %? Shares are "
            "written as fractions."
        )
    raise InputError(f"{name}={value:g}: write a fraction between 0 and 1, such as 0.2.")


def check_rate(name: str, value: Any) -> None:
    """Refuse a response rate that is not one, zero above all."""
    check_number(name, value)
    if value == 0:
        raise InputError(f"{name}=0: when nobody answers, no number of invitations is enough.")
    check_share(name, value, one=True)


def check_whole(name: str, value: Any, least: int = 1) -> int:
    """Refuse what is not a count."""
    check_number(name, value)
    if value != int(value) or value < least:
        raise InputError(f"{name}={value}: write a whole number, {least} or more.")
    return int(value)
