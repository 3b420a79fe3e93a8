"""Charts of life cycles: a result table in, a matplotlib Axes out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator, StrMethodFormatter

from crmlib.clp.fitting import LifeCycleFit
from crmlib.clp.history import ProfitHistory
from crmlib.clp.holdout import HoldoutCheck
from crmlib.findings import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "0.45"


def plot_stages(summary: pd.DataFrame, *, money: str = "money", ax: "Axes | None" = None) -> "Axes":
    """Lifetime profit of each stage as bars with their intervals, customers counted beside.

    Parameters
    ----------
    summary : DataFrame
        From `stage_summary`.
    money : str
        Unit of the money axis, such as "yuan".
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    rows = summary.iloc[::-1]
    place = np.arange(len(rows))
    profit = rows["lifetime_profit"].fillna(0.0)
    half = (rows["high"] - rows["lifetime_profit"]).fillna(0.0)
    ax.barh(place, profit, height=0.62)
    ax.errorbar(profit, place, xerr=half, fmt="none", ecolor="0.15", elinewidth=1.2, capsize=3)
    ends = (profit + half).clip(lower=0.0)
    for y, end, (_, row) in zip(place, ends, rows.iterrows(), strict=True):
        ax.annotate(
            bar_label(row), (end, y), xytext=(6, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(place, [str(stage).capitalize() for stage in rows["stage"]])
    ax.set_xlabel(f"Lifetime profit still to come ({money})")
    ax.xaxis.set_major_formatter(FuncFormatter(short_money))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.set_xlim(min(0.0, float((profit - half).min())), max(float(ends.max()), 1.0) * 1.3)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    return ax


def short_money(amount: float, _: object = None) -> str:
    """Write an amount on an axis: 2.5 million, 40,000, 0.3."""
    if abs(amount) >= 1e6:
        return f"{amount / 1e6:,.4g} million".replace("-", "−")
    return f"{amount:,.6g}".replace("-", "−")


def bar_label(row: pd.Series) -> str:
    """How many customers a bar stands for, and how many of them have no value."""
    customers = "1 customer" if row["customers"] == 1 else f"{row['customers']:,} customers"
    if row["without_value"] == row["customers"]:
        return f"{customers}, no value"
    if row["without_value"]:
        return f"{customers}, {row['without_value']:,} without value"
    return customers


def plot_life_cycle(
    history: ProfitHistory,
    fit: LifeCycleFit,
    customer_id: object,
    *,
    ahead: int = 12,
    money: str = "money",
    ax: "Axes | None" = None,
) -> "Axes":
    """One customer: profits, fitted curve, turning points and what the curve expects next.

    Parameters
    ----------
    history : ProfitHistory
    fit : LifeCycleFit
    customer_id : object
        The customer to show.
    ahead : int
        Periods to continue the curve.
    money : str
        Unit of the profit axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    mine = history.table[history.table["customer_id"] == customer_id]
    row = fit.customers[fit.customers["customer_id"] == customer_id].iloc[0]
    curve = fit.curve([customer_id], int(row["life"]) + ahead)
    past, future = curve[curve["t"] <= row["life"]], curve[curve["t"] >= row["life"]]
    if np.isfinite(row["g2"]):  # a decline ends where profit reaches zero
        future = future[(future["profit"] > 0).cummin()]
    (line,) = ax.plot(past["t"], past["profit"])
    ax.plot(future["t"], future["profit"], color=line.get_color(), linestyle="--")
    ax.fill_between(
        future["t"], future["low"], future["high"], color=line.get_color(), alpha=0.15, linewidth=0
    )
    ax.plot(mine["t"], mine["profit"], "o", color=QUIET, markersize=2.5)
    for name, label in {"g1": "g₁", "g2": "g₂"}.items():
        if np.isfinite(row[name]):
            ax.axvline(row[name], color=QUIET, linewidth=0.8, linestyle=":")
            ax.annotate(
                label,
                (row[name], 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(2, -9),
                textcoords="offset points",
                color=QUIET,
            )
    ax.axhline(0.0, color=QUIET, linewidth=0.6)
    ax.set_xlabel(f"{history.period.capitalize()}s since the first purchase")
    ax.set_ylabel(f"Profit a {history.period} ({money})")
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_title(f"{customer_id}: {row['curve']}")
    return ax


def typical_customers(fit: LifeCycleFit, at_most: int = 4) -> list[object]:
    """Choose customers to show: of each kind of curve, the best fitted of the longest lived."""
    fitted = fit.customers[fit.customers["curve"] != "not enough history"]
    best = fitted.sort_values(["life", "r_squared"], ascending=False).drop_duplicates("curve")
    return list(best["customer_id"].head(at_most))


def plot_curves(
    curves: Mapping[str, pd.Series], *, money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """Several life-cycle curves by name, each a Series of profit indexed by period.

    Parameters
    ----------
    curves : mapping of str to Series
    money : str
        Unit of the profit axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    for name, curve in curves.items():
        ax.plot(curve.index, curve, label=name)
    ax.set_xlabel("Months since the first purchase")
    ax.set_ylabel(f"Profit a month ({money})")
    ax.legend()
    return ax


def plot_holdout(
    check: HoldoutCheck, *, period: str = "period", money: str = "money", ax: "Axes | None" = None
) -> "Axes":
    """Forecast against what came, one pair of bars per stage at the time of the forecast.

    Parameters
    ----------
    check : HoldoutCheck
    period, money : str
        Unit of time, and of the money axis.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = np.arange(len(check.stages))
    ax.bar(place - 0.2, check.stages["forecast"], width=0.38, label="forecast")
    ax.bar(place + 0.2, check.stages["actual"], width=0.38, label="what came")
    names = [
        f"{str(stage).capitalize()}\n({customers:,})"
        for stage, customers in zip(check.stages["stage"], check.stages["customers"], strict=True)
    ]
    ax.set_xticks(place, names)
    ax.yaxis.set_major_formatter(FuncFormatter(short_money))
    ax.set_ylabel(f"Profit of the last {counted(check.periods, period)} ({money})")
    ax.legend()
    return ax
