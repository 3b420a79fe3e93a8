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


def model(paths=PATHS, effects=EFFECTS, index=INDEX, htmt=CLEAR, alpha=0.8, scaled=True):
    names = [name for name, _ in index]
    values = np.array([value for _, value in index])
    return PathModel(
        paths=path_rows(paths, "coefficient"),
        r_squared=pd.DataFrame(
            {"construct": names[1:], "r_squared": [0.251, 0.4][: len(names) - 1]}
        ),
        constructs=pd.DataFrame(
            {"construct": names, "index": values, "low": values - 2, "high": values + 2}
        ).assign(alpha=alpha),
        outer=pd.DataFrame(),
        htmt=pd.DataFrame(htmt, columns=["construct", "other", "ratio", "low", "high"]),
        total_effects=path_rows(effects, "effect"),
        scheme="centroid",
        scaled=scaled,
        n=250,
        n_effective=250.0,
        iterations=7,
        resamples=2000,
        left_out=EMPTY,
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
        "The satisfaction index of the 250 customers is 66.0 of 100: likely between 64.0 and 68.0 "
        "(95% interval)."
    )
    assert first.detail == (
        "By the ECSI model, answers standardised; 65.2 to 66.3 by 2 other ways tried. Lowest of "
        "all: word of mouth 50.0 (48.0 to 52.0)."
    )


def test_the_scaling_the_level_and_who_was_asked_are_told():
    first = findings(
        model(scaled=False), "own", words=Words(who="guests"), confidence=0.9, others={}
    )[0]
    assert "index of the 250 guests" in first.text
    assert "(90% interval)" in first.text
    assert first.detail.startswith("By the model given, answers not standardised. Lowest")


def test_without_satisfaction_the_index_is_that_of_the_target():
    small = model(
        paths=PATHS[1:2], effects=EFFECTS[1:2], index=[("image", 70.0), ("word_of_mouth", 50.0)]
    )
    found = findings(small)
    assert found[0].text.startswith("The word of mouth index of the 250 customers is 50.0")
    assert found[2].text == "The model explains 25% of word of mouth (R²)."


def test_an_index_without_interval_is_not_trusted():
    bare = model()
    object.__setattr__(bare, "constructs", without_intervals(bare.constructs))
    object.__setattr__(bare, "paths", without_intervals(bare.paths))
    object.__setattr__(bare, "total_effects", without_intervals(bare.total_effects))
    first, second, third = findings(bare)
    assert first.text.endswith("is 66.0 of 100, but how far it can be trusted cannot be said.")
    assert first.detail.endswith("word of mouth 50.0.")
    assert second.text == "What word of mouth hangs on cannot be said."
    assert third.detail.startswith("Which of its paths are there cannot be said.")


def test_one_cause_leads_where_no_other_interval_reaches_its_own():
    second = findings()[1]
    assert second.text == "Word of mouth hangs most on satisfaction."
    assert second.detail == (
        "Standard deviations of word of mouth gained with one of each, straight and through "
        "others: satisfaction 0.60 (0.50 to 0.70); image 0.35 (0.20 to 0.49)."
    )


def test_causes_whose_intervals_overlap_are_not_ranked():
    close = [EFFECTS[2], ("image", "word_of_mouth", 0.55, 0.45, 0.65)]
    assert findings(model(effects=close))[1].text == (
        "Word of mouth hangs most on satisfaction and image; which comes first cannot be said."
    )


def test_effects_that_may_be_none_and_such_below_zero_are_told_apart():
    mixed = [
        EFFECTS[2],
        ("image", "word_of_mouth", 0.1, -0.1, 0.3),
        ("price", "word_of_mouth", -0.3, -0.5, -0.1),
    ]
    detail = findings(model(effects=mixed))[1].detail
    assert detail.endswith(
        "satisfaction 0.60 (0.50 to 0.70). Cannot be told from none: image. Lowers it: price."
    )


def test_what_is_explained_and_which_paths_cannot_be_shown():
    third = findings()[2]
    assert third.text == "The model explains 25% of satisfaction and 40% of word of mouth (R²)."
    assert third.detail == (
        "1 of its 3 paths cannot be told from none: image to word of mouth. Answers of a construct "
        "go together, and constructs differ."
    )
    every = findings(model(paths=PATHS[::2]))[2]
    assert every.detail.startswith("All 2 paths differ from none by more than chance explains.")


def test_weak_blocks_and_constructs_that_may_be_one_are_named():
    mixed = [*CLEAR, ("satisfaction", "word_of_mouth", 0.85, 0.75, 0.95), ("a", "b", *[np.nan] * 3)]
    weak = findings(model(alpha=[0.69, 0.7, np.nan], htmt=mixed))[2].detail
    assert weak.endswith(
        "Answers that hardly go together (alpha below 0.7): image. May be one and the same (HTMT): "
        "satisfaction and word of mouth."
    )
    many = [("a", str(k), 0.95, 0.9, 1.0) for k in range(4)]
    assert findings(model(htmt=CLEAR + many))[2].detail.endswith(
        "4 of 6 pairs of constructs may be one and the same (HTMT)."
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
        "Satisfaction to lose without it, of 1: Parking 0.50 (0.40 to 0.60); f3 0.50 (0.40 to "
        "0.60); f7 0.50 (0.40 to 0.60). To win with it: f2 0.70 (0.60 to 0.80); f3 0.70 (0.60 to "
        "0.80). No difference to most: f4. Rather without: f5. Cannot be placed: f6."
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
