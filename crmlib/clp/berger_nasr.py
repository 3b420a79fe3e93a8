"""Lifetime value in one formula: the cases of Berger and Nasr (1998).

All are for customers that are lost for good when they do not come back: cases 1 and 2 with the
same contribution at every sale, cases 3 and 4 with a profit that grows over the life of the
customer. The fifth, of customers that return, is `crmlib.clp.dwyer_migration`, which counts its
buyers by recency as Berger and Nasr do.

References
----------
Berger, P. D. and Nasr, N. I. (1998). Customer lifetime value: marketing models and applications.
Journal of Interactive Marketing 12(1), 17-30.
"""

import numpy as np
from scipy.integrate import quad

from crmlib.clp.discounting import Array, check_rate, check_share
from crmlib.clp.life_cycle import life_cycle_curve
from crmlib.errors import InputError


def berger_nasr_case1(
    contribution: float, promotion: float, retention: float, rate: float, *, years: int
) -> float:
    """Value of a customer that buys once a year, at constant contribution.

    ``CLV = GC sum over i = 0 ... n of r^i / (1 + d)^i
    - M sum over i = 1 ... n of r^(i - 1) / (1 + d)^(i - 0.5)``

    Parameters
    ----------
    contribution : float
        GC, gross contribution of a yearly sale, the first one today; money.
    promotion : float
        M, cost of promotion per customer and year, paid in the middle of each year by those that
        bought at its beginning; money.
    retention : float
        r, share that buys again a year later.
    rate : float
        d, discount rate per year, a fraction.
    years : int
        n, years to look ahead.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When a number is not of its kind.

    Notes
    -----
    Checked against the article's example: 260, 50, 0.75, 0.2 and 10 years give 568.78.
    """
    return value_by_cycles(contribution, promotion, retention, rate, years, 1.0)


def berger_nasr_case2a(
    contribution: float,
    promotion: float,
    retention: float,
    rate: float,
    *,
    years: int,
    years_between_sales: int,
) -> float:
    """Value of a customer that buys every few years, such as a car.

    Case 1 counted in cycles of q years, promotion in the middle of each:
    ``CLV = GC sum over i = 0 ... n/q of r^i / (1 + d)^(i q)
    - M sum over i = 1 ... n/q of r^(i - 1) / (1 + d)^((i - 0.5) q)``

    Parameters
    ----------
    contribution, promotion : float
        Of a sale and of the cycle after it, in money.
    retention : float
        Share that buys again a cycle later. From a yearly retention: its q-th power.
    rate : float
        Discount rate per year, a fraction.
    years, years_between_sales : int
        n and q; n is a multiple of q.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When a number is not of its kind.
    """
    if years_between_sales < 1 or years % years_between_sales:
        raise InputError(
            f"years={years} is not a whole number of cycles of {years_between_sales} years."
        )
    cycles = years // years_between_sales
    return value_by_cycles(
        contribution, promotion, retention, rate, cycles, float(years_between_sales)
    )


def berger_nasr_case2b(
    contribution: float,
    promotion: float,
    retention: float,
    rate: float,
    *,
    years: int,
    sales_per_year: int,
) -> float:
    """Value of a customer that buys several times a year.

    Case 1 counted in cycles of 1/p of a year, promotion in the middle of each:
    ``CLV = GC sum over i = 0 ... pn of r^i / (1 + d)^(i / p)
    - M sum over i = 1 ... pn of r^(i - 1) / (1 + d)^((i - 0.5) / p)``

    Parameters
    ----------
    contribution, promotion : float
        Of a sale and of the cycle after it, in money.
    retention : float
        Share that buys again a cycle later. From a yearly retention: its p-th root.
    rate : float
        Discount rate per year, a fraction.
    years, sales_per_year : int
        n and p.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When a number is not of its kind.
    """
    if sales_per_year < 1:
        raise InputError(f"sales_per_year={sales_per_year}: write 1 or more.")
    return value_by_cycles(
        contribution, promotion, retention, rate, years * sales_per_year, 1 / sales_per_year
    )


def berger_nasr_case3(
    *, h: float, v: float, g: float, N: float, retention: float, rate: float, years: int
) -> float:
    """Value of a customer whose yearly profit grows, first ever faster, then towards a limit.

    ``CLV = sum over t = 0 ... n of profit(t) r^t / (1 + d)^t`` with ``profit(t) = h t^2 + v`` up
    to year g and ``h g^2 + v + N (1 - e^-(t - g))`` after it. This is the course's life-cycle
    curve (`life_cycle_curve`) without its decline, with one retention for all years.

    Parameters
    ----------
    h : float
        Growth of the profit up to year g, money per year squared.
    v : float
        Profit today, in money.
    g : float
        Year of the turning point.
    N : float
        Profit still to be gained after it, money per year.
    retention : float
        r, share kept from year to year.
    rate : float
        d, discount rate per year, a fraction.
    years : int
        n, years to look ahead.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When a number is not of its kind.
    """
    check_arguments(retention, rate, years, h=h, v=v, g=g, N=N)
    t = np.arange(0.0, years + 1)
    profit = life_cycle_curve(t, h1=h, v=v, g1=g, N=N)
    return float(profit @ kept_and_discounted(t, retention, rate))


def berger_nasr_case4(
    *, h: float, v: float, g: float, N: float, retention: float, rate: float, years: int
) -> float:
    """Value of a customer whose profit flows all the time, at the growing rate of case 3.

    ``CLV = integral from 0 to n of profit(t) (r / (1 + d))^t dt``, done numerically on either
    side of the turning point.

    Parameters
    ----------
    h, v, g, N, retention, rate, years
        As in `berger_nasr_case3`, profit being money per year at every moment.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When a number is not of its kind.
    """
    check_arguments(retention, rate, years, h=h, v=v, g=g, N=N)

    def flow(t: float) -> float:
        profit = life_cycle_curve(t, h1=h, v=v, g1=g, N=N)
        return float(profit * kept_and_discounted(t, retention, rate))

    turn = min(max(g, 0.0), float(years))
    return float(quad(flow, 0.0, turn)[0] + quad(flow, turn, years)[0])


def value_by_cycles(
    contribution: float, promotion: float, retention: float, rate: float, cycles: int, length: float
) -> float:
    """Sales at the ends of cycles so many years long, promotion in the middle of each."""
    check_arguments(retention, rate, cycles, contribution=contribution, promotion=promotion)
    i = np.arange(cycles + 1)
    sales = retention**i / (1 + rate) ** (i * length)
    promotions = retention ** i[:-1] / (1 + rate) ** ((i[1:] - 0.5) * length)
    return float(contribution * sales.sum() - promotion * promotions.sum())


def kept_and_discounted(t: float | Array, retention: float, rate: float) -> float | Array:
    """``r^t / (1 + d)^t``."""
    return (retention / (1 + rate)) ** t


def check_arguments(retention: float, rate: float, years: int, **money: float) -> None:
    """Refuse per cent for fractions, and what is not a number."""
    check_share(retention, "retention")
    check_rate(rate)
    if years < 1:
        raise InputError(f"years={years}: look ahead at least one year.")
    wrong = [name for name, value in money.items() if not np.isfinite(value)]
    if wrong:
        raise InputError(f"{', '.join(wrong)}: give a number.")
