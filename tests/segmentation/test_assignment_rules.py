"""Rules a person can read.

Oracles: segments made by a rule, which must come back; scikit-learn's tree and its accuracy on
customers held out; segments by lot, which no rule can tell.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

from crmlib.errors import InputError
from crmlib.segmentation.assignment_rules import assignment_rules, rounded_threshold, rule_of

FEATURES = ["order_value", "discounted_share"]


def made(n=600, seed=1):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"order_value": random.uniform(0, 10_000, n), "discounted_share": random.random(n)}
    )
    bargain = table["discounted_share"] > 0.4
    large = np.where(table["order_value"] > 5000, "large", "small")
    return table.assign(segment=np.where(bargain, "bargain hunter", large))


def test_the_rule_that_made_the_segments_comes_back_in_words():
    found = assignment_rules(made(), "segment", FEATURES, max_depth=2)
    assert found.rules["when"].tolist() == [
        "discounted at most 40% and order value at most 5,000",
        "discounted at most 40% and order value above 5,000",
        "discounted above 40%",
    ]
    assert found.rules["segment"].tolist() == ["small", "large", "bargain hunter"]
    assert found.accuracy.loc[0, "right_share"] > 0.98
    assert (found.rules["right_share"] == 1).all()
    assert found.assign(made(seed=2)).eq(made(seed=2)["segment"]).mean() > 0.98


def test_accuracy_is_that_of_customers_held_out():
    customers = made()
    random = np.random.default_rng(5)
    customers["segment"] = np.where(
        random.random(600) < 0.3, random.permutation(customers["segment"]), customers["segment"]
    )
    found = assignment_rules(customers, "segment", FEATURES, max_depth=3)
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=6, random_state=0)
    folds = StratifiedKFold(10, shuffle=True, random_state=1)
    theirs = cross_val_score(tree, customers[FEATURES], customers["segment"], cv=folds).mean()
    row = found.accuracy.iloc[0]
    assert row["right_share"] == pytest.approx(theirs, abs=0.02)
    assert row["low_share"] < theirs < row["high_share"]
    baseline = customers["segment"].value_counts(normalize=True).iloc[0]
    assert found.accuracy.loc[1, "right_share"] == pytest.approx(baseline)


def test_segments_by_lot_cannot_be_told():
    customers = made()
    customers["segment"] = np.random.default_rng(3).choice(["a", "b", "c"], 600)
    found = assignment_rules(customers, "segment", FEATURES)
    # In sample the tree looks better than the largest segment; on others it does not.
    assert found.accuracy.loc[0, "right_share"] < found.accuracy.loc[1, "high_share"]


def test_every_customer_meets_one_rule_and_counts_add_up():
    customers = made()
    found = assignment_rules(customers, "segment", FEATURES)
    values = customers[FEATURES].to_numpy()
    assert (rule_of(found.bounds, values) >= 0).all()
    single = [(rule_of((path,), values) == 0).astype(int) for path in found.bounds]
    assert (np.sum(single, axis=0) == 1).all()
    assert found.rules["customers"].sum() == 600
    assert found.by_segment["customers"].sum() == 600
    again = found.assign(customers)
    hits = (again == customers["segment"]).groupby(again).sum()
    assert hits.to_dict() == (
        (found.rules["customers"] * found.rules["right_share"])
        .groupby(found.rules["segment"])
        .sum()
        .round()
        .astype(int)
        .to_dict()
    )


def test_constant_features_and_tiny_segments():
    customers = made().assign(order_value=1.0, discounted_share=0.0)
    customers["segment"] = ["rare"] * 2 + ["common"] * 598
    found = assignment_rules(customers, "segment", FEATURES)
    assert found.rules["when"].tolist() == ["all"]
    assert found.rules["segment"].tolist() == ["common"]
    rare = found.by_segment.set_index("segment").loc["rare"]
    assert rare["found_share"] == 0
    assert np.isnan(rare["right_share"])


def test_thresholds_are_rounded_where_it_does_not_matter():
    assert rounded_threshold(np.array([1000.0, 3000.0]), 1871.3) == 2000
    assert rounded_threshold(np.array([1861.0, 1880.0]), 1871.3) == 1870
    close = np.array([1_000_001.2, 1_000_002.1])
    assert 1_000_001.2 <= rounded_threshold(close, 1_000_001.7) < 1_000_002.1
    assert rounded_threshold(np.array([1.0, 1.0, 2.0, 7.0]), 1.5) == 1
    assert rounded_threshold(np.arange(100_000.0), 54_321.5) == 54_300


@pytest.mark.parametrize(
    "numbered",
    [
        lambda code: 1e9 + 10 * code,
        lambda code: 1e12 + code,
        lambda code: 1e-50 * code,
        lambda code: 1e40 * code,
        lambda code: 20250131 + code,
        lambda code: 0.1 + code * 1e-16,
    ],
)
def test_numbers_of_any_size_are_told_apart(numbered):
    """scikit-learn's tree keeps seven digits, from 1e-45 to 3e38."""
    code = np.resize([0, 1], 200)
    customers = pd.DataFrame({"segment": code, "x": numbered(code)})
    found = assignment_rules(customers, "segment", ["x"])
    assert found.accuracy.loc[0, "right_share"] == 1
    assert (found.rules["right_share"] == 1).all()
    assert (found.assign(customers) == code).all()
    words = found.rules["when"].str.rsplit(" ", n=1).str[1].str.replace(",", "").astype(float)
    assert (words == found.bounds[0][0][2]).all()


def test_rules_are_those_of_the_tree_in_plain_numbers():
    """Ranks do not change where the tree cuts, only how it is told."""
    random = np.random.default_rng(3)
    customers = made().assign(segment=random.choice(["a", "b", "c"], 600))
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=6, random_state=0)
    theirs = tree.fit(customers[FEATURES].to_numpy(), customers["segment"])
    same = assignment_rules(customers, "segment", FEATURES).assign(customers)
    assert (same == theirs.predict(customers[FEATURES].to_numpy())).mean() > 0.99


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        ({"segment": "all"}, {}, "one segment only"),
        ({}, {"max_depth": 0}, "max_depth=0"),
        ({}, {"max_depth": 9}, "max_depth=9"),
        ({}, {"features": []}, "at least one feature"),
        ({}, {"confidence": 95}, "Did you mean 0.95"),
        ({"segment": range(600)}, {}, "600 segments for 600 customers"),
        ({}, {"features": ["height"]}, 'no column "height"'),
        ({"order_value": np.nan}, {}, "values are missing"),
    ],
)
def test_bad_input_ends_with_a_sentence(change, given, words):
    options = {"features": FEATURES} | given
    with pytest.raises(InputError, match=words):
        assignment_rules(made().assign(**change), "segment", **options)


def test_few_customers_are_too_few():
    with pytest.raises(InputError, match="19 customers are too few"):
        assignment_rules(made().head(19), "segment", FEATURES)
