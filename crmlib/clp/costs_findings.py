"""What a manager should know of the cost of serving customers: page one of the costs report."""

from collections.abc import Mapping

import pandas as pd

from crmlib.clp.below_zero import (
    BELOW_COST,
    NO_PURCHASE,
    NOTHING_TO_COMPARE,
    SMALL_PURCHASES,
    above_usual_summary,
    reason_summary,
)
from crmlib.clp.costs import ActivityCosts
from crmlib.clp.customer_profit import CustomerProfit, whale_curve
from crmlib.clp.indirect import IndirectValue
from crmlib.clp.repeated_findings import repeated_finding, worth_of_copies
from crmlib.findings import Finding, amount, counted, listed

BEST_SHARE = 0.2
NAMED = 5
SHARES_SAY_LITTLE = 3.0
"""Times the total that the best bring, above which money is told instead of shares."""


def costs_findings(
    profit: CustomerProfit,
    costs: ActivityCosts,
    why: pd.DataFrame,
    choices: pd.DataFrame,
    *,
    money: str,
    names: Mapping[str, str] | None = None,
    indirect: IndirectValue | None = None,
    margin_rate: float | None = None,
    repeated: pd.DataFrame | None = None,
) -> list[Finding]:
    """Findings of the costs report: what customers earn, who costs more than they bring, and why.

    Parameters
    ----------
    profit : CustomerProfit
    costs : ActivityCosts
        The costs `profit` was made with.
    why : DataFrame
        From `below_zero`.
    choices : DataFrame
        From `cost_choices`.
    money : str
        Unit of money, for the sentences.
    names : mapping of customer_id to name, optional
        What customers are called; without one, by their id.
    indirect : IndirectValue, optional
        Of the same customers, with the profits of `profit`.
    margin_rate : float, optional
        What `profit` was made with, where not with costs.
    repeated : DataFrame, optional
        From `repeated_rows`, of the purchases.

    Returns
    -------
    list of Finding
        At most six.
    """
    found = [
        profit_finding(profit, costs, money, margin_rate),
        whale_finding(profit, why, money, {} if names is None else names),
    ]
    if len(why):
        found.append(reason_finding(why, profit, money))
    found.append(capacity_finding(costs, money))
    found.append(choices_finding(choices, profit, money, indirect))
    if repeated is not None and len(repeated):
        found.append(repeated_finding(len(repeated), worth_of_copies(repeated), money))
    return found


def profit_finding(
    profit: CustomerProfit, costs: ActivityCosts, money: str, margin_rate: float | None
) -> Finding:
    """What customers earn after the cost of serving them, and what that must still pay."""
    total, ledger = profit.total.iloc[0], costs.reconciliation.iloc[-1]
    scale = total["gross_profit"]
    serve, earned = amount(total["cost_to_serve"], scale), amount(total["profit"], scale)
    customers = int(total["customers"])
    their, they_earn = ("its", "it earns") if customers == 1 else ("their", "they earn")
    text = (
        f"Serving {counted(customers, 'customer')} cost {serve} of {their} "
        f"{amount(scale, scale)} {money} gross profit: {earned} is what {they_earn}."
    )
    if scale < 0:
        text = (
            f"{counted(customers, 'customer')} bought for {amount(-scale, scale)} {money} less "
            f"than the goods cost; serving cost {serve} more: {amount(-total['profit'], scale)} "
            "is lost."
        )
    gross = "the amount less the cost of goods"
    if margin_rate is not None:
        gross = f"{100 * margin_rate:.3g}% of the amount"
    rest = total["profit"] - ledger["unused_capacity"] - ledger["not_traceable"]
    detail = (
        f"Gross profit is {gross}. The customers must still pay "
        f"{amount(ledger['not_traceable'], scale)} of costs that no activity causes and "
        f"{amount(ledger['unused_capacity'], scale)} of capacity that was not used; "
        f"{amount(rest, scale)} is left. {reconciled_words(costs, money)}"
    )
    return Finding(text, " ".join([detail, *profit.notes(money)]))


def reconciled_words(costs: ActivityCosts, money: str) -> str:
    """Whether what was assigned and what was not add up to the ledger, and what has no cost."""
    last = costs.reconciliation.iloc[-1]
    words = (
        f"Every cent of the ledger's {last['ledger']:,.2f} {money} is accounted for"
        f"{'' if last['difference'] == 0 else f' but {last.difference:,.2f}'}."
    )
    if len(costs.unpriced):
        kinds = listed(sorted(set(costs.unpriced["activity"].astype(str))))
        words += (
            f" The ledger has no cost for {counted(int(costs.unpriced['rows'].sum()), 'row')} of "
            f"activities ({kinds}), so customers look better than they are."
        )
    return words


def whale_finding(
    profit: CustomerProfit, why: pd.DataFrame, money: str, names: Mapping[str, str]
) -> Finding:
    """Who brings the profit, and how many cost more than they bring."""
    curve = whale_curve(profit.table)
    n, total = len(curve), curve["cumulative_profit"].iloc[-1]
    best = max(1, round(BEST_SHARE * n))
    brought = curve["cumulative_profit"].iloc[best - 1]
    best_bring = f"the {best:,} customers who earn most bring"
    if best == 1:
        best_bring = "the customer who earns most brings"
    if brought < 0:  # nobody earns
        best_bring = f"even the best {best:,} lose" if best > 1 else "even the best loses"
    if n == 1:
        most = "It is the only one." if len(why) else ""
    elif 0 < brought <= SHARES_SAY_LITTLE * total:
        most = f"Of all profit {best_bring} {brought / total:.0%}."
    else:
        all_bring = f"{'bring' if total >= 0 else 'lose'} {amount(abs(total), total)} {money}"
        most = f"All customers together {all_bring}; {best_bring} {amount(abs(brought), brought)}."
    if why.empty:
        return Finding("No customer costs more than it brings.", most)
    loss = -why["profit"].sum()
    verb = "costs more than it brings" if len(why) == 1 else "cost more than they bring"
    text = f"{len(why):,} of {counted(n, 'customer')} {verb}: {amount(loss, loss)} {money} in all."
    worst = [str(names.get(customer, customer)) for customer in why["customer_id"].head(NAMED)]
    return Finding(
        text,
        f"{new_words(why, profit)}{most} The largest losses: {listed(worst)}. The whole list is in "
        "the section on customers below zero.",
    )


def new_words(why: pd.DataFrame, profit: CustomerProfit) -> str:
    """How many of those below zero never bought, or began in the last year."""
    never = int(why["first_purchase"].isna().sum())
    if never == len(why):
        return "None of these has ever bought. " if never > 1 else "It has never bought. "
    words = f"Of these {never:,} never bought. " if never else ""
    year_ago = profit.last_day - pd.DateOffset(years=1)
    if profit.table["first_purchase"].min() > year_ago:
        return words
    new = int((why["first_purchase"] > year_ago).sum())
    if not new:
        who = "The others" if never else "All of these"
        return f"{words}{who} first bought more than a year ago. "
    began = f"{new:,} first bought within the last year: for them a loss may be a beginning. "
    return f"Of these {never:,} never bought, {began}" if never else f"Of these {began}"


def reason_finding(why: pd.DataFrame, profit: CustomerProfit, money: str) -> Finding:
    """The reason that most of those below zero share, and what is above usual."""
    summary = reason_summary(why).sort_values(
        ["customers", "loss"], ascending=False, ignore_index=True
    )
    first = summary.iloc[0]
    share = f"{first['customers']:,} of {len(why):,} customers below zero"
    below = first["median_revenue_per_purchase"], first["median_break_even_revenue"]
    sentences = {
        SMALL_PURCHASES: (
            f"{share} would not pay even with usual work and margin: their purchases are small, "
            f"usually {amount(below[0], below[0])} {money}; as they are served, "
            f"{amount(below[1], below[1])} would pay."
        ),
        BELOW_COST: f"Goods sold below cost are why {share} do not pay.",
        NO_PURCHASE: f"No purchase at all is why {share} do not pay.",
        NOTHING_TO_COMPARE: (
            "Why customers do not pay cannot be said: none earns, so none shows what is usual."
        ),
    }
    beyond = f"{str(first['reason']).capitalize()} beyond what is usual is why {share} do not pay."
    text = sentences.get(first["reason"], beyond)
    if first["reason"] == "low margin":
        text = f"Low margins are why {share} do not pay."
    return Finding(text, f"{above_usual_words(why, money)}{usual_words(profit)}")


def above_usual_words(why: pd.DataFrame, money: str) -> str:
    """What is worse than usual most, with what it costs."""
    above = above_usual_summary(why)
    if above.empty:
        return ""
    first = above.iloc[0]
    enough = int(first["alone_enough"])
    who = f"{enough:,} of these" if enough else "none of these"
    return (
        f"Most costly beyond what is usual: {first['above_usual']}, at "
        f"{counted(int(first['customers']), 'customer')}, "
        f"{amount(first['cost'], first['cost'])} {money} in all; without it {who} would be above "
        "zero. "
    )


def usual_words(profit: CustomerProfit) -> str:
    """Where what is usual comes from."""
    earning = ((profit.table["profit"] >= 0) & (profit.table["purchases"] > 0)).sum()
    if not earning:
        return ""
    return f"Usual is the median of the {counted(int(earning), 'customer')} who earn."


def capacity_finding(costs: ActivityCosts, money: str) -> Finding:
    """How much of what the activities cost was not used, and where."""
    units = costs.unit_costs
    known = units[units["capacity"].notna() | (units["used"] == 0)]
    if known.empty:
        return Finding(
            "Whether capacity lay idle cannot be said: the ledger has no volumes.",
            "So customers are charged for idle hours too; their costs are too high by that part.",
        )
    unused, cost = known["unused_cost"].sum(), known["cost"].sum()
    by_activity = known.groupby("activity")["unused_cost"].sum().sort_values(ascending=False)
    if not unused:
        return Finding(
            "No paid capacity lay idle in the activities with a known volume.",
            f"Volumes are known of {listed(sorted(map(str, by_activity.index)))}.",
        )
    largest = by_activity.index[0]
    return Finding(
        f"Of what the activities cost, {unused / cost:.0%} paid for capacity that was not used: "
        f"{amount(unused, unused)} {money}.",
        f"Most of it is {largest} ({amount(by_activity.iloc[0], unused)}). No customer is charged "
        "with it: it is for management to fill or to give up.",
    )


def choices_finding(
    choices: pd.DataFrame, profit: CustomerProfit, money: str, indirect: IndirectValue | None
) -> Finding:
    """How many are below zero under other choices; and what referrals change."""
    by_choice = choices.set_index("choice")["below_zero"]
    low, high = by_choice["unit costs 10% lower"], by_choice["unit costs 10% higher"]
    reported = by_choice["as reported"]
    if low == high:
        text = (
            f"With unit costs 10% lower or higher {counted(int(reported), 'customer')} "
            f"{'is' if reported == 1 else 'are'} below zero, as reported."
        )
    else:
        text = (
            f"How many are below zero hangs on the unit costs: {low:,} with costs 10% lower, "
            f"{high:,} with 10% higher."
        )
    charged = by_choice["unused capacity charged to those who use the activity"]
    detail = f"With idle capacity charged to customers it would be {charged:,}."
    if indirect is not None:
        detail += f" {referral_words(indirect, profit, money)}"
    return Finding(text, detail)


def referral_words(indirect: IndirectValue, profit: CustomerProfit, money: str) -> str:
    """What crediting referrals changes for those below zero."""
    own = profit.table.set_index("customer_id")["profit"]
    credited = indirect.customers.set_index("customer_id")
    below = credited.loc[own.index[own < 0]]
    sent = below[below["referred"] > 0]
    share = indirect.assumptions["value"].iloc[0]
    if sent.empty:
        return "None of those below zero sent another customer."
    raised = int((sent["profit"] + sent["indirect_benefit"] >= 0).sum())
    if not raised:
        rises = "none of them rises above zero"
    else:
        rises = f"{raised:,} of them {'rises' if raised == 1 else 'rise'} above zero"
    return (
        f"{counted(len(sent), 'customer')} of those below zero sent others: credited with {share} "
        f"of what these earn (an assumption), {rises}."
    )
