"""The sentences of page one of the behaviour report.

Oracle: the sentence a reader should get for small results written out here.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from crmlib.segmentation.assignment_rules import AssignmentRules
from crmlib.segmentation.behaviour_findings import (
    kinds_finding,
    money_finding,
    moves_finding,
    rfm_finding,
    rules_finding,
    segment_names,
    use_findings,
    worth_finding,
)
from crmlib.segmentation.effect_sizes import Effect
from crmlib.segmentation.segment_criteria import SegmentCriteria
from crmlib.segmentation.segment_migration import SegmentMigration


def profiles(effects):
    """Of (segment, feature, mean, effect)."""
    return pd.DataFrame(effects, columns=["segment", "feature", "mean", "effect_size"])


def test_segments_are_named_by_what_they_are_most_of_all():
    names = segment_names(
        profiles(
            [
                ("1", "order_value", 50.0, 0.4),
                ("1", "discounted_share", 0.2, 0.1),
                ("2", "order_value", 90.0, 0.9),
                ("2", "discounted_share", 0.1, -0.95),
                ("3", "order_value", 10.0, -0.9),
                ("3", "discounted_share", 0.8, 0.5),
                ("4", "order_value", 40.0, 0.1),
                ("4", "discounted_share", 0.3, 0.0),
            ]
        )
    )
    assert names == {
        "1": "1: in between, order value rather high",
        "2": "2: least at a discount, largest orders",
        "3": "3: smallest orders, most at a discount",
        "4": "4: in between",
    }


def scored():
    """Ten customers; of two in Can't Lose Them one is behind its own rhythm."""
    names = ["Champions"] * 5 + ["Can't Lose Them"] * 2 + ["At Risk"] * 2 + ["Lost"]
    return pd.DataFrame(
        {
            "segment": names,
            "recency": [5, 5, 238, 300, 300, 138, 40, 26, 26, 400],
            "frequency": 3,
            "monetary": [14e4] * 5 + [1e5, 5e4, 5e4, 5e4, 5e4],
            "unusually_silent": [False] * 5 + [True] + [False] * 3 + [True],
        }
    )


def test_who_buys_and_who_is_to_be_called():
    said = rfm_finding(scored(), "yuan")
    assert said.text == (
        "Of 10 customers, 50% (with 70% of the revenue) buy more often and bought more recently "
        "than most of the others (half 238 days ago or more); 50% (with 30% of the "
        "revenue) bought longer ago than most, or little (half 40 days ago or more)."
    )
    assert "lately" not in said.text
    assert said.detail == (
        "To be spoken to first, silent for longer than their own rhythm explains: 1 of 2 in "
        "Can't Lose Them (half silent for 138 days or more), who brought 100,000 yuan of revenue. "
        "For the others it is ordinary."
    )
    assert "revenue" not in rfm_finding(scored().assign(monetary=0.0), "yuan").text
    ordinary = rfm_finding(scored().assign(unusually_silent=False), "yuan").detail
    assert "To be spoken to" not in ordinary
    assert "nobody is silent for longer than its own rhythm explains" in ordinary
    nobody = rfm_finding(scored().iloc[[0, 9]], "yuan")
    assert nobody.detail.startswith("Nobody who used to bring much")
    one = rfm_finding(scored().head(5), "yuan").text
    assert one.startswith("All 5 customers are in one named segment, “Champions”")


def test_kinds_or_none():
    choice = pd.DataFrame(
        {"k": [1, 4], "stability": [1.0, 0.85], "stability_low": [1, 0.65], "stability_high": 0.98}
    )
    four = kinds_finding(choice, 4, "By habits.", 0.92)
    assert four.text == "What customers do shows 4 kinds of customers."
    assert "to 0.85 (0.65 to 0.98); by another method to 0.92" in four.detail
    otherwise = kinds_finding(choice, 4, "By habits.", 0.38).text
    assert otherwise.startswith(
        "Customers can be cut into 4 groups by what they do, but another method cuts elsewhere "
        "(agreement 0.38 of 1): take them for ranges"
    )
    shaky = kinds_finding(choice.assign(stability_low=0.51), 4, "By habits.", 0.92).text
    assert "4 groups by what they do, but other samples of customers may cut elsewhere" in shaky
    none = kinds_finding(choice, 1, "By habits.", np.nan)
    assert "differ by degrees" in none.text
    assert "cut by rule, not found" in none.detail


def sizes():
    return pd.DataFrame(
        {
            "segment": ["large", "small"],
            "customers": [10, 90],
            "customers_share": [0.1, 0.9],
            "profit_share": [0.6, 0.4],
            "profit_share_low": [0.5, 0.3],
            "profit_share_high": [0.7, 0.5],
        }
    )


def test_who_brings_most_for_its_size():
    said = money_finding(sizes(), "profit in all").text
    assert said == (
        "“large” brings 60% of the profit in all (50% to 70%) with 10% of the 100 customers "
        "compared; “small” 40% with 90%."
    )
    alike = money_finding(sizes().assign(profit_share=[0.1, 0.9]), "profit in all").text
    assert alike == "Every segment brings of the profit in all what its number of customers would."
    unknown = sizes().assign(profit_share=np.nan, profit=[-5.0, 5.0])
    said = money_finding(unknown, "profit in all").text
    assert said.endswith("of the profit in all cannot be said: in all it is too near to zero.")
    loss = money_finding(unknown.assign(profit=[-5.0, 1.0]), "profit in all").text
    assert loss.endswith("in all it is a loss.")


def judged(rows):
    """Criteria with verdicts by segment, in the order of the five."""
    names = ("big enough", "relevant", "reachable", "different", "stable")
    verdicts = pd.DataFrame(
        [(s, c, v, "") for s, said in rows.items() for c, v in zip(names, said, strict=True)],
        columns=["segment", "criterion", "verdict", "reason"],
    )
    empty = pd.DataFrame()
    nothing = Effect(np.nan, np.nan, np.nan, np.nan)
    return SegmentCriteria(verdicts, empty, empty, empty, empty, empty, nothing, 0.95)


def test_which_segments_are_worth_a_treatment():
    found = judged(
        {
            "A": ["yes", "yes", "no", "yes", "yes"],
            "B": ["no", "yes", "yes", "yes", "cannot say"],
            "C": ["no", "yes", "no", "yes", "yes"],
        }
    )
    said = worth_finding(found)
    assert said.text == (
        "Of 3 segments, 1 is shown to be big enough, to differ in profit and habits, and to last: "
        "“A”."
    )
    assert said.detail == (
        "Big enough: no for 2; stable: not known for 1. Before the first purchase 1 segment can be "
        "told by what is known of customers."
    )
    staying = pd.DataFrame({"segment": ["A", "B", "C", "D"], "before": 3})
    gone = worth_finding(replace(found, staying=staying)).detail
    assert "Nobody is in “D” any more." in gone
    none = worth_finding(judged({"A": ["no", "no", "cannot say", "no", "no"]}))
    assert none.text.startswith("Of 1 segment, none is shown to be big enough")
    assert none.text.endswith("and to last.")
    assert "Before" not in none.detail


def rules(share=0.92, low=0.89, guess=0.39):
    table = pd.DataFrame(
        {
            "when": ["order value above 5", "order value at most 5"],
            "segment": ["large", "small"],
            "customers": [10, 90],
            "right_share": [1.0, 0.9],
            "low_share": [0.7, 0.85],
        }
    )
    accuracy = pd.DataFrame(
        {"right_share": [share, guess], "low_share": [low, 0.3], "high_share": [0.95, 0.5]}
    )
    return AssignmentRules(table, accuracy, pd.DataFrame(), ("order_value",), ((), ()), ("a", "b"))


def test_rules_are_held_against_the_guess():
    said = rules_finding(rules())
    assert said.text == (
        "A salesperson can tell the segment by 2 rules and is right for 92 of 100 customers (89 to "
        "95); always naming the largest would be for 39."
    )
    assert said.detail == "The surest: order value at most 5: “small”."
    assert rules_finding(rules(0.4, 0.35)).text.startswith("A few questions do not tell")


def test_one_group_is_a_finding():
    (said,) = use_findings(None, None, "profit in all")
    assert said.text.startswith("One group")


def migration(alarms):
    return SegmentMigration(pd.DataFrame(), alarms, pd.DataFrame(), 0.95, 0.05)


def alarm(unusual):
    return pd.DataFrame(
        {
            "from_segment": ["Champions", "Champions"],
            "to_segment": ["(gone)", "At Risk"],
            "customers": [9, 2],
            "from_customers": [112, 112],
            "low": [0.04, 0.0],
            "high": [0.15, 0.06],
            "money": [2e5, 1e5],
            "unusual": pd.array(unusual, dtype="boolean"),
        }
    )


def test_moves_are_told_with_what_is_usual():
    said = moves_finding(migration(alarm([True, False])), 365, "yuan")
    assert said.text == (
        "11 customers have moved down or away out of the valuable segments, the last 365 days "
        "against the 365 before; they had brought 300,000 yuan of revenue "
        "before."
    )
    assert said.detail == (
        "Most money: of 112 Champions, 9 bought nothing more (4% to 15%). 1 of 2 such moves is "
        "more frequent than a stretch earlier."
    )
    one = moves_finding(migration(alarm([True, False]).iloc[[1]]), 365, "yuan")
    assert one.text.startswith("2 customers have moved")
    assert "of 112 Champions, 2 are At Risk now" in one.detail
    unknown = moves_finding(migration(alarm([pd.NA, pd.NA])), 365, "yuan")
    assert "do not go back so far" in unknown.detail
    assert "No such move" in moves_finding(migration(alarm([False, False])), 365, "yuan").detail
    nobody = moves_finding(migration(alarm([True, True]).head(0)), 365, "yuan")
    assert nobody.text.startswith("Nobody moved down")
