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
from crmlib.satisfaction.loyalty_findings import levels_sentence, loyalty_findings
from crmlib.satisfaction.loyalty_types import RULES, TYPES, LoyaltyTypes

NOTHING = pd.DataFrame({"reason": [], "rows": []})
PAIR = {"segment": "South", "other": "North"}
NO_PAIRS = pd.DataFrame(columns=[*PAIR, "p_holm"])


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
        differences=NO_PAIRS,
        alpha=0.8,
        alpha_low=0.7,
        alpha_high=0.9,
        respondents=pd.DataFrame(),
        left_out=NOTHING,
        notes=notes,
    )


def levels():
    names = ["very dissatisfied", "dissatisfied", "neither", "satisfied", "very satisfied"]
    table = pd.DataFrame({"level": names, "share": [0.02, 0.03, 0.38, 0.40, 0.17], "n": 236})
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


def change(low=-4.4, high=-1.6, middle=-3.0, overlap=100, panel=()):
    """A fall of the score from 66 to 63; 10 of those in both waves rose, 30 fell.

    Panel: mean before of those in both waves, change, and its interval.
    """
    moves = np.zeros((5, 5), dtype=int)
    moves[2, 3], moves[4, 3], moves[3, 1], moves[3, 3] = 10, 25, 5, 60
    score = {"before": 66.0, "after": 63.0, "change": middle, "low": low, "high": high}
    score |= {"smallest_detectable_change": 2.04, "n_before": 1200, "n_after": 900}
    upper = {"level": UPPER, "before": 0.65, "after": 0.6, "change": -0.05}
    return LevelChange(
        score=pd.DataFrame([score]),
        levels=pd.DataFrame([upper | {"low": -0.09, "high": -0.012}]),
        panel=pd.DataFrame(
            [[100, *panel]] if panel else [], columns=["n", "before", "change", "low", "high"]
        ),
        moves=pd.DataFrame(moves),
        overlap=overlap,
        notes=(),
    )


USUAL = {
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
        "“price tolerance” (42, 40 to 44)."
    )
    assert "(90% interval)" in sentences(confidence=0.9)[0].text


def test_without_anything_else_only_the_index_is_told():
    (only,) = loyalty_findings(index(), words=Words({"referral": "speaks for us"}, "clients"))
    assert only.detail == (
        "From the answers of 1,240 clients. Strongest is “speaks for us” (63, 60 to 66), weakest "
        "“price tolerance” (42, 40 to 44)."
    )


def test_the_highest_levels_of_satisfaction_are_told_with_n():
    assert levels_sentence(levels(), Words(who="clients")) == (
        "Very satisfied are 17% (15% to 19%), satisfied 40% (38% to 42%) of 236 clients."
    )


@pytest.mark.parametrize(
    ("p_holm", "words"),
    [
        ([0.01], "South (60, 55 to 65) and North (45, 40 to 50) differ beyond chance"),
        ([0.01, 0.02, 0.6], "differ beyond chance; likewise 1 other pair (3 comparisons)."),
        ([0.3], "No difference between segments can be shown (1 comparison)."),
        ([np.nan], ""),
        ([], ""),
    ],
)
def test_segments_differ_by_tests_that_allow_for_their_number(p_holm, words):
    whole = index()
    segments = pd.DataFrame({"segment": ["North", "South"], "index": [45, 60], "n": 50})
    whole.table.insert(0, "segment", "all")
    segments = segments.assign(low=[40, 55], high=[50, 65])
    table = pd.concat([whole.table, segments], ignore_index=True)
    pairs = pd.DataFrame([PAIR | {"p_holm": p} for p in p_holm], columns=NO_PAIRS.columns)
    changed = dataclasses.replace(whole, table=table, differences=pairs)
    detail = loyalty_findings(changed)[0].detail.partition("40 to 44).")[2].strip()
    assert words in detail if words else not detail


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
    moved = pd.DataFrame({"strict": [0.4, 0.3], "wide": [0.61, 0.1]}, ["premium value", "price"])
    second = sentences(by_limits=moved)[1]
    assert second.text.startswith("Most frequent kind: premium value")
    assert second.detail.endswith(
        "With other limits of what counts as high and low premium value comes to 40% to 61%."
    )
    assert "limits" not in sentences(by_limits=moved[["wide"]])[1].detail


def test_a_kind_that_other_limits_put_behind_is_not_called_the_most_frequent():
    moved = pd.DataFrame(
        {"strict": [0.08, 0.0, 0.09, 0.83], "wide": [0.6, 0.0, 0.2, 0.2]},
        ["premium value", "latent", "price", "unclear"],
    )
    second = sentences(by_limits=moved)[1]
    assert second.text == (
        "Which kind is most frequent depends on what counts as “high”: premium value 8% to 60% "
        "and price 9% to 20%."
    )
    assert second.detail.startswith(
        "From 200 customers. With the limits chosen premium value (attached and buying again), "
        "50% (45% to 55%), comes first."
    )
    empty = moved.assign(strict=[0.0, 0.0, 0.0, 1.0])
    assert sentences(by_limits=empty)[1].text.startswith("Most frequent kind: premium value")


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
    assert sentences(designed=True)[2].detail.startswith(
        "From 240 answers, without weights, strata or clusters. "
    )


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
    assert last.text == "Satisfaction fell (66.0 to 63.0 of 100 points; −3.0, −4.4 to −1.6)."
    assert last.detail == (
        "From 1,200 and 900 answers; a change of less than 2.0 points would easily go unseen. "
        "Satisfied or better: 65% before, 60% after (change in points −5, −9 to −1). Of the 100 "
        "customers who answered both times 10 moved up a level or more and 30 down."
    )
    rose = sentences(change=change(1.0, 5.0, 3.0), followed="trust in us")[4]
    assert rose.text == "Trust in us rose (66.0 to 63.0 of 100 points; +3.0, +1.0 to +5.0)."


def test_the_questions_followed_are_named():
    single = sentences(columns=["overall"])[4].detail
    assert "answers to “overall” alone, not the index of satisfaction/index;" in single
    several = sentences(columns=["l1", "l2"], words=Words({"l1": "will buy"}))[4].detail
    assert "From 1,200 and 900 answers (mean of “will buy” and “l2”);" in several


def test_a_change_within_chance_or_without_interval_is_none():
    none = sentences(change=change(-4.0, 1.0, overlap=0))[4]
    assert none.text == (
        "Satisfaction: no change can be shown (66.0 to 63.0 of 100 points; −3.0, −4.0 to +1.0)."
    )
    assert "both times" not in none.detail
    unknown = sentences(change=change(np.nan, np.nan))[4]
    assert unknown.text.startswith("Whether satisfaction changed cannot be said (66.0 to 63.0")


@pytest.mark.parametrize("panel", [(67.0, -2.0, -3.5, -0.5), (67.0, -2.0, -4.5, 0.5)])
def test_those_in_both_waves_do_not_contradict_a_fall_of_all(panel):
    agreed = sentences(change=change(panel=panel))[4]
    assert agreed.text == "Satisfaction fell (66.0 to 63.0 of 100 points; −3.0, −4.4 to −1.6)."
    ends = f"−2.0, {panel[2]:.1f} to {panel[3]:+.1f}".replace("-", "−")
    assert agreed.detail.endswith(f"30 down; their mean changed by {ends}.")


@pytest.mark.parametrize(
    ("whole", "panel", "text", "reason"),
    [
        (
            (-4.0, 1.0, -1.5),
            (68.0, -2.4, -4.2, -0.6),
            "Satisfaction of all: no change can be shown (66.0 to 63.0 of 100 points; −1.5, −4.0 "
            "to +1.0); but the 100 who answered both times fell by 2.4 points (−4.2 to −0.6).",
            "All may have fallen as much; if not, others who came and went made up for it, or high "
            "answers fell back by chance (regression to the mean).",
        ),
        (
            (-2.0, 1.0, -0.5),
            (60.0, 2.4, 0.6, 4.2),
            "Satisfaction of all: no change can be shown (66.0 to 63.0 of 100 points; −0.5, −2.0 "
            "to +1.0); but the 100 who answered both times rose by 2.4 points (+0.6 to +4.2).",
            "Others who came and went made up for it, or low answers came back up by chance "
            "(regression to the mean).",
        ),
        (
            (-4.4, -1.6, -3.0),
            (67.0, 2.4, 0.6, 4.2),
            "Satisfaction of all fell (66.0 to 63.0 of 100 points; −3.0, −4.4 to −1.6); but the "
            "100 who answered both times rose by 2.4 points (+0.6 to +4.2).",
            "Others who came and went made up for it.",
        ),
    ],
)
def test_where_those_in_both_waves_and_all_disagree_both_are_headlined(whole, panel, text, reason):
    last = sentences(change=change(*whole, panel=panel))[4]
    assert last.text == text
    assert last.detail.endswith(f"10 moved up a level or more and 30 down. {reason}")
