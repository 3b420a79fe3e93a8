"""Customers whose serving costs more than they bring: why, and how firm that is."""

from typing import Any

import numpy as np
import pandas as pd

from crmlib.clp.costs import ActivityCosts
from crmlib.clp.customer_profit import CustomerProfit
from crmlib.columns import Array

NOTHING_TO_COMPARE = "no customer earns, so there is nothing to compare with"
BELOW_COST = "sold below cost"
LOW_MARGIN = "low margin"
SMALL_PURCHASES = "purchases too small"
NO_PURCHASE = "served without buying"
MATERIAL = 0.2
"""Share of a customer's loss from which what is worse than usual is named."""


def below_zero(profit: CustomerProfit, costs: ActivityCosts) -> pd.DataFrame:
    """Customers whose serving costs more than they bring, and why.

    Parameters
    ----------
    profit : CustomerProfit
    costs : ActivityCosts
        The costs `profit` was made with.

    Returns
    -------
    DataFrame
        The highest loss first: customer_id, first_purchase, purchases, revenue, gross_profit,
        cost_to_serve, profit, margin; largest_activity, largest_cost; revenue_per_purchase,
        break_even_revenue (revenue per purchase at which its margin would pay for its work; NaN
        where the margin is not above 0); reason; above_usual (what else is worse than usual and
        worth a fifth of the loss or more; empty where nothing is) and gain (money, had that, or
        the reason itself where it is margin or an activity, been as usual); explanation.

    Notes
    -----
    What is usual is the median of the customers who bought and have a profit of 0 or more. A
    customer's margin, and its work per purchase of each activity, are set to what is usual where
    they are worse. Where all of that together would not bring the customer to zero, its purchases
    are too small for usual work at a usual margin, and that is the reason; otherwise it is what
    gains most. Customers who bought nothing, and whose goods were sold below cost, need no
    comparison. This is arithmetic on averages: it says where to look, not what was the cause.
    """
    usual = usual_service(profit, costs)
    found = profit.table[profit.table["profit"] < 0].drop(columns="share")
    found = found.sort_values(["profit", "customer_id"], ignore_index=True)
    quantity, unit_cost = use_per_customer(found["customer_id"], costs)
    cost = quantity * unit_cost
    names = np.array(use_names(costs), dtype=object)
    purchases = found["purchases"].to_numpy(dtype=float)
    found["largest_activity"] = names[cost.argmax(axis=1)]
    found["largest_cost"] = cost.max(axis=1, initial=0.0)
    found["revenue_per_purchase"] = found["revenue"] / found["purchases"].where(purchases > 0)
    earned = (found["gross_profit"] / found["revenue_per_purchase"]).where(
        (found["gross_profit"] > 0) & (found["revenue"] > 0)
    )
    found["break_even_revenue"] = found["cost_to_serve"] / earned
    more_work = (quantity - purchases[:, None] * usual["use"].to_numpy()) * unit_cost
    less_margin = (usual["margin"].iloc[0] - found["margin"]) * found["revenue"]
    gains = np.fmax(np.column_stack([less_margin, more_work]), 0.0)
    per_purchase = quantity / np.where(purchases > 0, purchases, np.nan)[:, None]
    return found.join(reasons(found, usual, gains, per_purchase))


def use_names(costs: ActivityCosts) -> list[str]:
    """Activities that were done for customers."""
    return sorted(set(costs.customers["activity"]))


def use_per_customer(customers: pd.Series, costs: ActivityCosts) -> tuple[Array, Array]:
    """Quantity, and cost a unit over all years, of each customer and activity."""
    wide = costs.customers.pivot_table(
        index="customer_id", columns="activity", values=["quantity", "cost"], aggfunc="sum"
    )
    wide = wide.reindex(index=pd.Index(customers)).fillna(0.0)
    quantity, cost = (wide[name][use_names(costs)].to_numpy() for name in ("quantity", "cost"))
    return quantity, cost / np.where(quantity > 0, quantity, 1.0)


def usual_service(profit: CustomerProfit, costs: ActivityCosts) -> pd.DataFrame:
    """What the customers who earn usually get and pay.

    Returns
    -------
    DataFrame
        Index activity; use (median quantity a purchase), customers (with a profit of 0 or more
        and a purchase) and margin (their median, in every row). NaN where there are none.
    """
    earning = profit.table[(profit.table["profit"] >= 0) & (profit.table["purchases"] > 0)]
    quantity, _ = use_per_customer(earning["customer_id"], costs)
    each = pd.DataFrame(quantity, columns=pd.Index(use_names(costs), name="activity"))
    each = each.div(earning["purchases"].to_numpy(), axis=0)
    return pd.DataFrame(
        {"use": each.median(), "customers": len(earning), "margin": earning["margin"].median()}
    )


def reasons(
    found: pd.DataFrame, usual: pd.DataFrame, gains: Array, per_purchase: Array
) -> pd.DataFrame:
    """Reason of each customer below zero, what else is above usual, and the sentence."""
    loss = -found["profit"].to_numpy()
    names = np.array([LOW_MARGIN, *usual.index], dtype=object)
    largest = gains.argmax(axis=1)
    gain = gains.max(axis=1, initial=0.0)
    bought = found["purchases"].to_numpy() > 0
    below_cost = bought & (found["gross_profit"].to_numpy() <= 0)
    alone = bought & ~below_cost & (not usual["customers"].iloc[0])
    small = bought & ~below_cost & ~alone & (gains.sum(axis=1) < loss)
    which = [~bought, below_cost, alone, small]
    given = [NO_PURCHASE, BELOW_COST, NOTHING_TO_COMPARE, SMALL_PURCHASES]
    reason = np.select(which, np.array(given, dtype=object)[:, None], names[largest])
    tells = (gain >= MATERIAL * loss) & ~alone & bought
    above = np.where(small & tells, names[largest], "")
    told = small | ~np.logical_or.reduce(which)
    rows = zip(found.itertuples(index=False), reason, largest, tells & told, strict=True)
    sentences = [
        explanation(row, why, usual, place, per_purchase[i], gain[i] if tell else np.nan)
        for i, (row, why, place, tell) in enumerate(rows)
    ]
    return pd.DataFrame(
        {
            "reason": reason,
            "above_usual": above,
            "gain": np.where(tells & told, gain, np.nan),
            "explanation": sentences,
        }
    )


def explanation(
    row: Any, reason: str, usual: pd.DataFrame, largest: int, use: Array, gain: float
) -> str:
    """Say why one customer is below zero, with its numbers beside the usual ones."""
    if reason == NO_PURCHASE:
        return f"Bought nothing; serving it cost {row.cost_to_serve:,.0f}."
    if reason == BELOW_COST:
        return f"Its goods cost {-row.gross_profit:,.0f} more than it paid for them."
    sentences = []
    if reason in (SMALL_PURCHASES, NOTHING_TO_COMPARE):
        sentences.append(
            f"A purchase is worth {row.revenue_per_purchase:,.0f}; at its margin of "
            f"{row.margin:.0%} its work pays from {row.break_even_revenue:,.0f}."
        )
    if np.isnan(gain):
        return " ".join(sentences)
    if largest == 0:
        compared = f"Margin {row.margin:.1%}, usual {usual['margin'].iloc[0]:.1%}"
    else:
        name, amount = usual.index[largest - 1], usual["use"].iloc[largest - 1]
        compared = (
            f"{str(name).capitalize()}: {use[largest - 1]:.2f} a purchase, usual {amount:.2f}"
        )
    part = ", more than" if gain >= -row.profit else " of"
    sentences.append(
        f"{compared}; the difference costs {gain:,.0f}{part} the {-row.profit:,.0f} lost."
    )
    return " ".join(sentences)


def reason_summary(why: pd.DataFrame) -> pd.DataFrame:
    """Customers and loss by reason, the largest loss first.

    Parameters
    ----------
    why : DataFrame
        From `below_zero`.

    Returns
    -------
    DataFrame
        reason, customers, loss, median_revenue_per_purchase, median_break_even_revenue.
    """
    grouped = why.assign(loss=-why["profit"]).groupby("reason", as_index=False)
    summary = grouped.agg(
        customers=("customer_id", "size"),
        loss=("loss", "sum"),
        median_revenue_per_purchase=("revenue_per_purchase", "median"),
        median_break_even_revenue=("break_even_revenue", "median"),
    )
    return summary.sort_values(["loss", "reason"], ascending=[False, True], ignore_index=True)


def above_usual_summary(why: pd.DataFrame) -> pd.DataFrame:
    """What is worse than usual at customers below zero, as the reason or beside it.

    Parameters
    ----------
    why : DataFrame
        From `below_zero`.

    Returns
    -------
    DataFrame
        above_usual (an activity, or a low margin), customers, cost (of what is above usual),
        alone_enough (customers who would be at zero or above had it been as usual). The most
        costly first.
    """
    named = why.dropna(subset="gain")
    what = named["above_usual"].where(named["above_usual"] != "", named["reason"])
    named = named.assign(above_usual=what, enough=named["gain"] >= -named["profit"])
    summary = named.groupby("above_usual", as_index=False).agg(
        customers=("customer_id", "size"), cost=("gain", "sum"), alone_enough=("enough", "sum")
    )
    return summary.sort_values(["cost", "above_usual"], ascending=[False, True], ignore_index=True)


def cost_choices(
    profit: CustomerProfit, costs: ActivityCosts, at_use: ActivityCosts
) -> pd.DataFrame:
    """How many customers are below zero under other choices that could as well have been made.

    Parameters
    ----------
    profit : CustomerProfit
    costs : ActivityCosts
        The costs `profit` was made with.
    at_use : ActivityCosts
        The same without capacities, so that unused capacity is charged to customers.

    Returns
    -------
    DataFrame
        choice, below_zero (customers), loss (their sum), of_these_reported (customers below zero
        here and as reported), profit (of all customers).
    """
    table = profit.table.set_index("customer_id")
    serve, gross = table["cost_to_serve"], table["gross_profit"]
    by_use = at_use.cost_to_serve.reindex(table.index, fill_value=0.0)
    untraced = costs.not_traceable["cost"].sum()
    sold = table["revenue"].clip(lower=0.0)
    choices = {
        "as reported": serve,
        "unit costs 10% lower": 0.9 * serve,
        "unit costs 10% higher": 1.1 * serve,
        "unused capacity charged to those who use the activity": by_use,
    }
    if untraced and sold.sum() > 0:
        choices |= {
            "costs without an activity shared by revenue": serve + untraced * sold / sold.sum(),
            "costs without an activity shared equally": serve + untraced / len(serve),
        }
    reported = table["profit"] < 0
    rows = []
    for choice, cost in choices.items():
        left = (gross - cost).round(6)
        below = left < 0
        rows.append((choice, below.sum(), -left[below].sum(), (below & reported).sum(), left.sum()))
    return pd.DataFrame(
        rows, columns=["choice", "below_zero", "loss", "of_these_reported", "profit"]
    )
