"""The sentences of page one on loyalty.

Oracle: the sentence a reader should get for small results written out here.
"""

import numpy as np
import pandas as pd

from crmlib.satisfaction.loyalty import MODERATION, Determinants, LoyaltyIndex
from crmlib.satisfaction.loyalty_findings import loyalty_findings
from crmlib.satisfaction.loyalty_types import RULES, TYPES, LoyaltyTypes

NOTHING = pd.DataFrame({"reason": [], "rows": []})


def index(low=40.0, high=44.0, notes=()):
    """An index of 55; price tolerance scores 42, referral 63."""
    return LoyaltyIndex(
        table=pd.DataFrame({"n": [1240], "index": [55.4], "low": [53.2], "high": [57.5]}),
        items=pd.DataFrame(
            {
                "item": ["referral", "price_tolerance"],
                "score": [63.0, 42.0],
                "low": [60.0, low],
                "high": [66.0, high],
            }
        ),
        alpha=0.8,
        alpha_low=0.7,
        alpha_high=0.9,
        respondents=pd.DataFrame(),
        left_out=NOTHING,
        notes=notes,
    )


def levels():
    return pd.DataFrame({"share": [0.02, 0.03, 0.38, 0.40, 0.17]})


def types(**shares):
    """Types with their shares, each known to 5 points; the rest is unclear."""
    share = pd.Series(0.0, TYPES)
    share[[name.replace("_", " ") for name in shares]] = list(shares.values())
    share["unclear"] = 1 - share.sum()
    summary = pd.DataFrame(
        {
            "type": TYPES,
            "customers": (share * 200).round().astype(int).to_numpy(),
            "n": 200,
            "share": share.to_numpy(),
            "low": (share - 0.05).to_numpy(),
            "high": (share + 0.05).to_numpy(),
        }
    )
    return LoyaltyTypes(pd.DataFrame(), summary, RULES, ("A note.",))


def found(product=-0.15, direct=0.01, indirect=0.22, satisfaction=0.45, value=0.01):
    def table(column, names, coefficients):
        rows = pd.DataFrame({column: names, "coefficient": coefficients})
        return rows.assign(low=rows["coefficient"] - 0.1, high=rows["coefficient"] + 0.1)

    return Determinants(
        constructs=pd.DataFrame(),
        effects=table(
            "effect", ["value", "satisfaction", MODERATION], [value, satisfaction, product]
        ),
        mediation=table("effect", ["total", "direct", "indirect"], [0.2, direct, indirect]),
        slopes=table("switching_cost", ["low", "average", "high"], [0.65, 0.45, 0.25]),
        r_squared=0.4,
        n=240,
        left_out=NOTHING,
        notes=(),
    )


def gaps(*verdicts):
    table = pd.DataFrame(
        {"item": ["delivery", "service", "range"], "gap": [-1.5, -0.1, 0.8], "verdict": verdicts}
    )
    return table.assign(low=table["gap"] - 0.3, high=table["gap"] + 0.3)


USUAL = {
    "index": index(),
    "levels": levels(),
    "types": types(premium_value=0.5, price=0.2),
    "found": found(),
    "gaps": gaps("falls short", "undecided", "exceeds"),
}


def sentences(**changed):
    return loyalty_findings(**USUAL | changed)


def test_the_index_has_its_interval_n_and_extremes():
    first = sentences()[0]
    assert first.text == (
        "Loyalty stands at 55 of 100 points: likely between 53 and 58 (95% interval)."
    )
    assert first.detail == (
        "From 1,240 answers. Strongest is referral (63, 60 to 66), weakest price tolerance (42, 40 "
        "to 44). 57% say they are satisfied or very satisfied, 5% dissatisfied."
    )
    assert "(90% interval)" in sentences(confidence=0.9)[0].text


def test_intentions_within_noise_are_not_ranked_and_notes_are_passed_on():
    first = sentences(index=index(high=61.0, notes=("The questions differ.",)))[0]
    assert "Strongest" not in first.detail
    assert first.detail.endswith("The questions differ.")


def test_the_most_frequent_kind_is_named_only_when_it_is_ahead():
    clear = sentences()[1]
    assert clear.text == (
        "The most frequent kind of loyalty is premium value (attached and buying again) with 50% "
        "(45% to 55%)."
    )
    assert clear.detail == (
        "From 200 customers. The others: price 20%; each share can be some points off. 30% are "
        "unclear. A note."
    )
    close = sentences(types=types(premium_value=0.3, price=0.25, latent=0.1))[1]
    assert close.text.startswith("No kind of loyalty is clearly ahead; premium value")
    assert "and price (looking for the lowest price) with 25% (20% to 30%) lead." in close.text
    assert "The others: latent 10%;" in close.detail


def test_types_that_mostly_fit_no_rule_are_not_told():
    unclear = sentences(types=types(latent=0.3))[1]
    assert unclear.text == (
        "Of what kind the loyalty is cannot be said for most customers: 70% of them fit no rule."
    )


def test_effects_are_told_with_their_intervals():
    third = sentences()[2]
    assert third.text == (
        "Loyalty goes with satisfaction (+0.45, +0.35 to +0.55), in points for a point more."
    )
    assert third.detail == (
        "From 240 answers. No effect of its own can be seen of value. Satisfaction counts for less "
        "where switching is costly: +0.25 there against +0.65 where it is cheap. Value acts "
        "through satisfaction (+0.22, +0.12 to +0.32); beside that no effect of value can be seen. "
        "These are associations in one survey, which do not prove a cause."
    )


def test_effects_that_cannot_be_told_are_said_to_be_so():
    nothing = sentences(found=found(satisfaction=0.05, product=0.02, indirect=0.03))[2]
    assert nothing.text == "None of the things asked about can be told to go with loyalty."
    assert "Whether switching costs change what satisfaction does cannot be said." in nothing.detail
    assert "Whether value acts through satisfaction cannot be said." in nothing.detail
    partly = sentences(found=found(direct=-0.3, product=0.3, value=-0.6))[2]
    assert partly.text.startswith("Loyalty goes with value (−0.60, −0.70 to −0.50) and satisf")
    assert "Satisfaction counts for more where switching is costly" in partly.detail
    assert "beside that value has an effect of −0.30, −0.40 to −0.20." in partly.detail


def test_gaps_are_told_by_their_verdict():
    last = sentences()[3]
    assert last.text == (
        "Experience falls short of expectation in delivery (−1.50, −1.80 to −1.20), in points."
    )
    assert last.detail.startswith(
        "Better than expected: range (+0.80, +0.50 to +1.10). Too close to tell: service."
    )
    none = sentences(gaps=gaps("undecided", "too few", "undecided").assign(gap=np.nan))[3]
    assert none.text == "Nothing asked about clearly falls short of what was expected."
    assert "Too close to tell: delivery and range. Too few answers: service." in none.detail
