"""The sentences of page one on loyalty.

Oracle: the sentence a reader should get for small results written out here.
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from crmlib.satisfaction.index_findings import Words
from crmlib.satisfaction.level_change import UPPER, LevelChange
from crmlib.satisfaction.loyalty import EMPTY_SLOPES, MODERATION, Determinants, LoyaltyIndex
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
    names = ["very dissatisfied", "dissatisfied", "neither", "satisfied", "very satisfied"]
    table = pd.DataFrame({"level": names, "share": [0.02, 0.03, 0.38, 0.40, 0.17]})
    return table.assign(low=table["share"] - 0.02, high=table["share"] + 0.02)


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
    ).assign(n=[90, 80, 85])
    return table.assign(low=table["gap"] - 0.3, high=table["gap"] + 0.3)


def change(low=-4.4, high=-1.6, middle=-3.0, overlap=100):
    """A fall of the score from 66 to 63; 10 of those in both waves rose, 30 fell."""
    moves = np.zeros((5, 5), dtype=int)
    moves[2, 3], moves[4, 3], moves[3, 1], moves[3, 3] = 10, 25, 5, 60
    score = {"before": 66.0, "after": 63.0, "change": middle, "low": low, "high": high}
    score |= {"smallest_detectable_change": 2.04, "n_before": 1200, "n_after": 900}
    upper = {"level": UPPER, "before": 0.65, "after": 0.6, "change": -0.05}
    return LevelChange(
        score=pd.DataFrame([score]),
        levels=pd.DataFrame([upper | {"low": -0.09, "high": -0.012}]),
        moves=pd.DataFrame(moves),
        overlap=overlap,
        notes=(),
    )


USUAL = {
    "levels": levels(),
    "types": types(premium_value=0.5, price=0.2),
    "found": found(),
    "gaps": gaps("falls short", "undecided", "exceeds"),
    "change": change(),
}


def sentences(**changed):
    return loyalty_findings(**{"index": index()} | USUAL | changed)


def test_the_index_has_its_interval_n_and_extremes():
    first = sentences()[0]
    assert first.text == (
        "Loyalty stands at 55 of 100 points: likely between 53 and 58 (95% interval)."
    )
    assert first.detail == (
        "From the answers of 1,240 customers. Strongest is “referral” (63, 60 to 66), weakest "
        "“price tolerance” (42, 40 to 44). Very satisfied are 17% (15% to 19%), satisfied 40% "
        "(38% to 42%)."
    )
    assert "(90% interval)" in sentences(confidence=0.9)[0].text


def test_without_anything_else_only_the_index_is_told():
    (only,) = loyalty_findings(index(), words=Words({"referral": "speaks for us"}, "clients"))
    assert only.detail == (
        "From the answers of 1,240 clients. Strongest is “speaks for us” (63, 60 to 66), weakest "
        "“price tolerance” (42, 40 to 44)."
    )


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        ([40, 55], [50, 65], "South (60, 55 to 65) is more loyal than North (45, 40 to 50)."),
        ([40, 48], [50, 72], "Differences between segments can be chance."),
        ([40, np.nan], [50, np.nan], ""),
    ],
)
def test_segments_differ_where_their_intervals_do_not_touch(low, high, words):
    whole = index()
    segments = pd.DataFrame(
        {"segment": ["North", "South"], "index": [45, 60], "low": low, "high": high, "n": 50}
    )
    whole.table.insert(0, "segment", "all")
    table = pd.concat([whole.table, segments], ignore_index=True)
    detail = loyalty_findings(dataclasses.replace(whole, table=table))[0].detail
    assert detail.partition("40 to 44).")[2].strip() == words


def test_an_index_without_interval_is_said_to_be_so():
    whole = index()
    whole.table.loc[0, ["low", "high"]] = np.nan
    assert loyalty_findings(whole)[0].text == (
        "Loyalty stands at 55 of 100 points, but how far that can be trusted cannot be said."
    )


def test_intentions_within_noise_are_not_ranked_and_notes_are_passed_on():
    first = sentences(index=index(high=61.0, notes=("The questions differ.",)))[0]
    assert "Strongest" not in first.detail
    assert first.detail.endswith("The questions differ.")


def test_the_most_frequent_kind_is_named_only_when_it_is_ahead():
    clear = sentences()[1]
    assert clear.text == (
        "Most frequent kind: premium value (attached and buying again), 50% (45% to 55%)."
    )
    assert clear.detail == (
        "From 200 customers. The others (intervals in the chart): price 20%. 30% (25% to 35%) are "
        "unclear: no rule fits them."
    )
    close = sentences(types=types(premium_value=0.3, price=0.25, latent=0.1))[1]
    assert close.text == (
        "No kind is clearly ahead: premium value (attached and buying again), 30% (25% to 35%); "
        "price (looking for the lowest price), 25% (20% to 30%)."
    )
    assert "chart): latent 10%." in close.detail


def test_what_other_limits_would_make_of_the_first_kind_is_said():
    moved = pd.DataFrame({"strict": [0.08, 0.3], "wide": [0.61, 0.1]}, ["premium value", "price"])
    assert sentences(by_limits=moved)[1].detail.endswith(
        "With other limits of what counts as high and low premium value comes to 8% to 61%."
    )
    assert "limits" not in sentences(by_limits=moved[["wide"]])[1].detail


def test_types_that_mostly_fit_no_rule_are_not_told():
    unclear = sentences(types=types(latent=0.3))[1]
    assert unclear.text == (
        "Of what kind the loyalty is cannot be said for most customers: 70% (65% to 75%) of them "
        "fit no rule."
    )


def test_effects_are_told_with_their_intervals():
    third = sentences()[2]
    assert third.text == (
        "Loyalty goes with satisfaction (+0.45, +0.35 to +0.55): points of loyalty for a point "
        "more."
    )
    assert third.detail == (
        "From 240 answers. No effect of its own can be seen of value. Satisfaction counts for less "
        "where switching is costly (+0.25, +0.15 to +0.35) than where it is cheap (+0.65, +0.55 to "
        "+0.75). Value acts "
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


def test_without_switching_costs_there_is_no_word_on_them():
    alone = dataclasses.replace(found(), slopes=EMPTY_SLOPES)
    assert "switching" not in sentences(found=alone)[2].detail


def test_that_effects_know_no_weights_is_said_where_there_are_any():
    assert sentences(weighted=True)[2].detail.startswith("From 240 answers, unweighted. ")


def test_gaps_are_told_by_their_verdict():
    last = sentences()[3]
    assert last.text == ("Experience falls short in delivery (−1.50 points, −1.80 to −1.20).")
    assert last.detail.startswith(
        "From 80 to 90 answers. Better than expected: range (+0.80 points, +0.50 to +1.10). Too "
        "close to tell: service (−0.10 points, −0.40 to +0.20)."
    )
    none = sentences(gaps=gaps("undecided", "too few", "undecided").assign(n=80))[3]
    assert none.text == "Nothing asked about clearly falls short of what was expected."
    assert none.detail.startswith("From 80 answers. Too close to tell: delivery (")
    assert "Too few answers: service." in none.detail


def test_a_change_is_told_with_its_interval_and_who_moved():
    last = sentences()[4]
    assert last.text == "Satisfaction fell, 66 to 63 of 100 points (−3.0, −4.4 to −1.6)."
    assert last.detail == (
        "From 1,200 and 900 answers; a change of less than 2.0 points would easily go unseen. "
        "Satisfied or better: 65% before, 60% after (change in points −5, −9 to −1). Of the 100 "
        "customers who answered both times 10 moved up a level or more and 30 down, more than "
        "chance explains."
    )
    rose = sentences(change=change(1.0, 5.0, 3.0), followed="trust in us")[4]
    assert rose.text == "Trust in us rose, 66 to 63 of 100 points (+3.0, +1.0 to +5.0)."


def test_a_change_within_chance_or_without_interval_is_none():
    none = sentences(change=change(-4.0, 1.0, overlap=0))[4]
    assert none.text == (
        "Satisfaction: no change beyond chance, 66 to 63 of 100 points (−3.0, −4.0 to +1.0)."
    )
    assert "both times" not in none.detail
    unknown = sentences(change=change(np.nan, np.nan))[4]
    assert unknown.text.startswith("Whether satisfaction changed cannot be said: 66 to 63")
