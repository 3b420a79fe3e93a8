"""The sentences of page one.

Oracle: the sentence a reader should get for small results written out here.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.satisfaction.index_findings import Words
from crmlib.satisfaction.kano import Kano
from crmlib.satisfaction.models_findings import models_findings
from crmlib.satisfaction.path_model import PathModel

EMPTY = pd.DataFrame({"reason": [], "rows": []})

# from, to, coefficient, low, high
PATHS = [
    ("image", "satisfaction", 0.5, 0.4, 0.6),
    ("image", "word_of_mouth", 0.05, -0.1, 0.2),
    ("satisfaction", "word_of_mouth", 0.6, 0.5, 0.7),
]
EFFECTS = [
    ("image", "satisfaction", 0.5, 0.4, 0.6),
    ("image", "word_of_mouth", 0.35, 0.2, 0.49),
    ("satisfaction", "word_of_mouth", 0.6, 0.5, 0.7),
]
INDEX = [("image", 70.0), ("satisfaction", 66.0), ("word_of_mouth", 50.04)]
CLEAR = [("image", "satisfaction", 0.4, 0.3, 0.5), ("image", "word_of_mouth", 0.3, 0.2, 0.4)]
TARGET = "word_of_mouth"


def path_rows(rows, value):
    return pd.DataFrame(rows, columns=["from", "to", value, "low", "high"])


def model(paths=PATHS, effects=EFFECTS, index=INDEX, htmt=CLEAR, alpha=0.8, left_out=EMPTY):
    names = [name for name, _ in index]
    values = np.array([value for _, value in index])
    return PathModel(
        paths=path_rows(paths, "coefficient"),
        r_squared=pd.DataFrame(
            {"construct": names[1:], "r_squared": [0.251, 0.4][: len(names) - 1]}
        ),
        constructs=pd.DataFrame(
            {"construct": names, "index": values, "low": values - 2, "high": values + 2}
        ).assign(alpha=alpha, items=3),
        outer=pd.DataFrame(),
        htmt=pd.DataFrame(htmt, columns=["construct", "other", "ratio", "low", "high"]),
        total_effects=path_rows(effects, "effect"),
        scheme="centroid",
        scaled=True,
        n=250,
        n_effective=250.0,
        iterations=7,
        resamples=2000,
        left_out=left_out,
        notes=(),
    )


def without_intervals(table):
    return table.assign(low=np.nan, high=np.nan)


def findings(found=None, name="ECSI", target=TARGET, **more):
    return models_findings(found or model(), name, target=target, **more)


def test_the_index_is_told_with_its_interval_and_what_other_ways_give():
    others = {
        "SCSB": model(index=[("satisfaction", 65.24), ("word_of_mouth", 50.0)]),
        "ACSI": model(index=[("satisfaction", 66.3), ("word_of_mouth", 50.0)]),
    }
    first = findings(others=others)[0]
    assert first.text == (
        "Satisfaction of 250 customers by 3 general questions (ECSI) is 66.0 of 100, likely "
        "between 64.0 and 68.0 (95% interval)."
    )
    assert first.detail == (
        "65.2 to 66.3 by 2 other ways to compute it. Of the 3 subjects word of mouth scores "
        "lowest: 50.0 (48.0 to 52.0). Not comparable with the index of satisfaction/index: other "
        "questions."
    )


def test_the_level_and_who_was_asked_are_told():
    first = findings(name="own", words=Words(who="guests"), confidence=0.9, others={})[0]
    assert first.text.startswith("Satisfaction of 250 guests by 3 questions (own model) is 66.0")
    assert "(90% interval)" in first.text
    assert first.detail.startswith("Of the 3 subjects")


def test_who_was_set_aside_is_told():
    gone = pd.DataFrame({"reason": ["no answer at all", "weight of zero"], "rows": [7, 1]})
    assert findings(model(left_out=gone))[0].detail.endswith(
        " Set aside, of 258: 7 with no answer at all and 1 with weight of zero."
    )


def test_other_ways_with_one_result_are_no_range():
    assert findings(others={"ACSI": model()})[0].detail.startswith("66.0 by 1 other way to")


def test_the_lowest_is_not_named_where_intervals_overlap():
    close = model(index=[("image", 70.0), ("satisfaction", 54.0), ("word_of_mouth", 50.04)])
    assert (
        "Which of the 3 subjects scores lowest cannot be said: word of mouth 50.0 (48.0 to 52.0), "
        "then satisfaction. Not comparable"
    ) in findings(close)[0].detail


def test_without_satisfaction_the_index_is_that_of_the_target():
    small = model(
        paths=PATHS[1:2], effects=EFFECTS[1:2], index=[("image", 70.0), ("word_of_mouth", 50.0)]
    )
    found = findings(small)
    assert found[0].text.startswith(
        "Word of mouth of 250 customers by 3 general questions (ECSI) is 50.0"
    )
    assert found[2].text == "The model explains 25% of the differences in word of mouth."


def test_an_index_without_interval_is_not_trusted():
    bare = model()
    object.__setattr__(bare, "constructs", without_intervals(bare.constructs))
    object.__setattr__(bare, "paths", without_intervals(bare.paths))
    object.__setattr__(bare, "total_effects", without_intervals(bare.total_effects))
    first, second, third = findings(bare)
    assert first.text.endswith("is 66.0 of 100, but how far it can be trusted cannot be said.")
    assert first.detail.startswith("Which of the 3 subjects scores lowest cannot be said: word of")
    assert second.text == "What word of mouth goes with cannot be said."
    assert third.detail.startswith("Which of its arrows stand for something cannot be said.")


def test_one_cause_leads_where_no_other_interval_reaches_its_own():
    second = findings()[1]
    assert second.text == "Word of mouth goes most with satisfaction."
    assert second.detail == (
        "Where satisfaction is higher by a typical difference between customers, word of mouth is "
        "higher by 0.60 of one (0.50 to 0.70); image 0.35 (0.20 to 0.49). This is what goes "
        "together: no promise of what a change would bring."
    )


def test_causes_whose_intervals_overlap_are_not_ranked():
    close = [EFFECTS[2], ("image", "word_of_mouth", 0.55, 0.45, 0.65)]
    assert findings(model(effects=close))[1].text == (
        "Word of mouth goes most with satisfaction and image; which comes first cannot be said."
    )


def test_effects_that_may_be_none_and_such_below_zero_are_told_apart():
    mixed = [
        EFFECTS[2],
        ("image", "word_of_mouth", 0.1, -0.1, 0.3),
        ("price", "word_of_mouth", -0.3, -0.5, -0.1),
    ]
    detail = findings(model(effects=mixed))[1].detail
    assert (
        "higher by 0.60 of one (0.50 to 0.70). It may have nothing to do with image. It is lower "
        "with more price. This"
    ) in detail


def test_what_is_explained_and_which_paths_cannot_be_shown():
    third = findings()[2]
    assert third.text == (
        "The model explains 25% of the differences in satisfaction and 40% in word of mouth."
    )
    assert third.detail == (
        "1 of its 3 arrows perhaps stands for nothing (dashed): image to word of mouth. Questions "
        "on a subject go together, and subjects differ."
    )
    every = findings(model(paths=PATHS[::2]))[2]
    assert every.detail.startswith("Every arrow stands for more than chance explains.")


def test_weak_blocks_and_constructs_that_may_be_one_are_named():
    mixed = [*CLEAR, ("satisfaction", "word_of_mouth", 0.85, 0.75, 0.95), ("a", "b", *[np.nan] * 3)]
    weak = findings(model(alpha=[0.69, 0.7, np.nan], htmt=mixed))[2].detail
    assert weak.endswith(
        "Questions that hardly go together (alpha below 0.7): image. May be one and the same "
        "subject (HTMT): satisfaction and word of mouth."
    )
    many = [("a", str(k), 0.95, 0.9, 1.0) for k in range(4)]
    assert findings(model(htmt=CLEAR + many))[2].detail.endswith(
        "4 of 6 pairs of subjects may be one and the same (HTMT)."
    )


def test_single_questions_cannot_show_whether_they_are_sound():
    single = [("image", "satisfaction", *[np.nan] * 3)]
    assert findings(model(alpha=np.nan, htmt=single))[2].detail.endswith(
        "Too few questions a subject to say whether they go together and subjects differ."
    )


def kano(*decisions):
    rows = [
        (f"f{k}", decision, 0.7, 0.6, 0.8, -0.5, -0.6, -0.4)
        for k, decision in enumerate(decisions, 1)
    ]
    columns = ["better", "better_low", "better_high", "worse", "worse_low", "worse_high"]
    return Kano(pd.DataFrame(rows, columns=["feature", "decision", *columns]), pd.DataFrame(), ())


def test_features_are_sorted_by_what_was_decided():
    given = kano(
        "must-be", "attractive", "one-dimensional", "indifferent", "reverse", "undecided", "must-be"
    )
    fourth = findings(kano=given, words=Words(labels={"f1": "Parking"}))[3]
    assert fourth.text == "Taken for granted: Parking and f7; more is better: f3; delights: f2."
    assert fourth.detail == (
        "Dissatisfied without it: Parking 50% (40% to 60%); f3 50% (40% to 60%); f7 50% (40% to "
        "60%). Pleased with it: f2 70% (60% to 80%); f3 70% (60% to 80%). Makes no difference to "
        "most: f4. Rather without: f5. Cannot be placed: f6."
    )


def test_no_feature_need_matter():
    found = findings(kano=kano("undecided", "too few"))[3]
    assert found.text == "No feature can be said to matter to most."
    assert found.detail == "Cannot be placed: f1. Too few answers: f2."


def score(value, low, high):
    shares = {"n": 234, "promoters": 0.264, "passives": 0.356, "detractors": 0.38}
    return pd.DataFrame([{"segment": "all", "nps": value, "low": low, "high": high} | shares])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((-11.6, -21.5, -1.3), "is −12 (−22 to −1): detractors outnumber promoters."),
        ((30.2, 20.4, 40.0), "is 30 (20 to 40): promoters outnumber detractors."),
        (
            (3.0, -5, 11),
            "is 3 (−5 to 11): which of promoters and detractors are more cannot be said.",
        ),
    ],
)
def test_the_net_promoter_score_is_told_with_its_sign_if_it_has_one(given, text):
    last = findings(nps=score(*given))[-1]
    assert last.text == f"The net promoter score {text}"
    assert last.detail == (
        "Of 234 customers who answered, 26% are promoters (9 or 10) and 38% detractors (0 to 6)."
    )


def test_there_are_three_findings_and_one_each_for_kano_and_score():
    assert len(findings()) == 3
    assert len(findings(kano=kano("must-be"), nps=score(3, -5, 11))) == 5


def test_a_score_without_an_interval_decides_nothing():
    """All who answered in one cluster: the score is known, how far to trust it is not."""
    last = findings(nps=score(-12, np.nan, np.nan))[-1]
    assert last.text == ("The net promoter score is −12; how far it can be trusted cannot be said.")
    unknown = score(np.nan, np.nan, np.nan).assign(note="too few")
    assert findings(nps=unknown)[-1].text == (
        "The net promoter score cannot be said from these answers."
    )
