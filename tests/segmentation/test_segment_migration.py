"""Moves between segments, against hand counts, scipy's Fisher test and Newcombe's paper."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.segmentation.segment_migration import (
    GONE,
    NEW,
    more_than_earlier,
    segment_migration,
    share_difference,
)

RANKS = ["gold", "silver", "lead"]


def customers(**segments: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(segments), "segment": list(segments.values())})


def moved(numbers: dict[tuple[str, str], int], money: float = 100.0):
    """Tables before and after with so many customers of each move."""
    rows = [pair for pair, number in numbers.items() for _ in range(number)]
    ids = [f"c{i:04}" for i in range(len(rows))]
    old, new = (
        pd.DataFrame({"customer_id": ids, "segment": names}) for names in zip(*rows, strict=True)
    )
    worth = {"gold": 3 * money, "silver": money, "lead": money / 10}
    return old.assign(money=old["segment"].map(worth)), new


def test_moves_are_counted_by_hand():
    before = customers(a="gold", b="gold", c="silver", d="lead").assign(money=[5.0, 7, 2, -1])
    after = customers(a="gold", b="lead", c="gold", e="silver")
    found = segment_migration(before, after, best_first=RANKS, money="money")
    table = found.table.set_index(["from_segment", "to_segment"])
    some = table[table["customers"] > 0]
    assert some["customers"].to_dict() == {
        ("gold", "gold"): 1,
        ("gold", "lead"): 1,
        ("silver", "gold"): 1,
        ("lead", GONE): 1,
        (NEW, "silver"): 1,
    }
    assert some["direction"].tolist() == ["same", "down", "up", "gone", "new"]
    assert some["money"].tolist() == [5, 7, 2, -1, 0]
    assert some["share"].tolist() == [0.5, 0.5, 1, 1, 1]
    segments = found.segments.set_index("segment")
    assert segments.loc["gold", ["before", "after", "stayed", "money"]].tolist() == [2, 2, 0.5, 12]
    assert found.alarms[["from_segment", "to_segment", "money"]].to_numpy().tolist() == [
        ["gold", "lead", 7]
    ]
    assert found.alarms["unusual"].isna().all()


def test_shares_add_up_and_lie_in_their_interval():
    random = np.random.default_rng(1)
    names = np.array(RANKS)
    before, after = (
        pd.DataFrame({"customer_id": np.arange(lo, lo + 300), "segment": random.choice(names, 300)})
        for lo in (0, 40)
    )
    found = segment_migration(before, after, best_first=RANKS).table
    assert found["customers"].sum() == 340
    assert np.allclose(found.groupby("from_segment")["share"].sum(), 1)
    assert (found["low"] <= found["share"]).all()
    assert (found["share"] <= found["high"]).all()
    assert found.loc[found["to_segment"] == GONE, "customers"].sum() == 40


def test_alarms_are_of_the_valuable_the_most_money_first():
    old, new = moved(
        {
            ("gold", "gold"): 30,
            ("gold", "silver"): 10,
            ("gold", "lead"): 12,
            ("silver", "lead"): 40,
            ("silver", "gold"): 5,
            ("lead", "lead"): 20,
        }
    )
    alarms = segment_migration(old, new, best_first=RANKS, money="money").alarms
    # Silver brings 100, and all customers 195 on average.
    assert alarms[["from_segment", "to_segment"]].to_numpy().tolist() == [
        ["gold", "lead"],
        ["gold", "silver"],
    ]
    assert alarms["money"].tolist() == [3600, 3000]
    by_rank = segment_migration(old, new, best_first=RANKS)
    assert set(by_rank.alarms["from_segment"]) == {"gold", "silver"}


def test_a_move_more_frequent_than_before_is_unusual_and_the_usual_one_is_not():
    earlier = segment_migration(
        *moved({("gold", "gold"): 170, ("gold", "silver"): 20, ("gold", "lead"): 10}),
        best_first=RANKS,
    )
    now = segment_migration(
        *moved({("gold", "gold"): 130, ("gold", "silver"): 21, ("gold", "lead"): 49}),
        best_first=RANKS,
        earlier=earlier,
    )
    alarms = now.alarms.set_index("to_segment")
    assert alarms["unusual"].to_dict() == {"lead": True, "silver": False}
    assert alarms.loc["lead", "difference"] == pytest.approx(0.195)
    assert alarms.loc["lead", "difference_low"] > 0 > alarms.loc["silver", "difference_low"]


@pytest.mark.slow
def test_hardly_ever_does_an_alarm_sound_when_nothing_has_changed():
    random = np.random.default_rng(2)
    shares = [0.7, 0.1, 0.1, 0.1]
    rang = []
    for _ in range(100):
        tables = []
        for _ in range(2):
            to = random.multinomial(80, shares)
            names = [("gold", "gold"), ("gold", "silver"), ("gold", "lead"), ("silver", "lead")]
            tables.append(moved(dict(zip(names, to.tolist(), strict=True))))
        earlier = segment_migration(*tables[0], best_first=RANKS)
        now = segment_migration(*tables[1], best_first=RANKS, earlier=earlier)
        rang.append(bool(now.alarms["unusual"].any()))
    # 5 of 100 would be the 5 % that are allowed; Fisher's test is careful.
    assert sum(rang) <= 5


def test_the_p_value_is_that_of_fisher():
    for table in ([[7, 13], [2, 20]], [[0, 5], [3, 4]], [[5, 0], [1, 9]]):
        (a, b), (c, d) = table
        wanted = stats.fisher_exact(table, alternative="greater").pvalue
        ours = more_than_earlier(*(np.array([float(v)]) for v in (a, a + b, c, c + d)))
        assert ours[0] == pytest.approx(wanted)


def test_the_interval_of_the_difference_is_that_of_newcombe():
    # Table II of Newcombe (1998), method 10: 56/70 - 48/80 and 9/10 - 3/10.
    for numbers, wanted in (
        ((56, 70, 48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.6, 0.1705, 0.8090)),
    ):
        ours = share_difference(*(np.array([float(v)]) for v in numbers), 1.959964)
        assert [round(float(v[0]), 4) for v in ours] == list(wanted)


def test_numbers_serve_as_segments():
    before = pd.DataFrame({"customer_id": ["a", "b"], "segment": [1, 2]})
    after = pd.DataFrame({"customer_id": ["a", "b"], "segment": [2, 2]})
    found = segment_migration(before, after, best_first=[1, 2])
    assert found.alarms[["from_segment", "to_segment"]].to_numpy().tolist() == [[1, 2]]


def test_segments_that_bring_the_same_are_not_valuable():
    """The mean of three times 0.07 is not that of ten times 0.07, in the last digit."""
    before = pd.DataFrame({"customer_id": range(13), "segment": ["gold"] * 3 + ["lead"] * 10})
    for cents in range(1, 60):
        worth = before.assign(money=cents / 100)
        found = segment_migration(worth, before, best_first=RANKS, money="money").segments
        assert not found["valuable"].any()
    worth = before.assign(money=[7.01] * 3 + [7.0] * 10)
    found = segment_migration(worth, before, best_first=RANKS, money="money").segments
    assert found["valuable"].tolist() == [True, False, False]


def test_customers_written_otherwise_are_refused_and_others_are_gone():
    before = pd.DataFrame({"customer_id": [1, 2], "segment": "gold"})
    texts = before.assign(customer_id=["1", "2"])
    for old, new in (
        (before, texts),
        (texts, before),
        (before, before.assign(customer_id="A1")[:1]),
    ):
        with pytest.raises(InputError, match="Write customers alike, as numbers or as text"):
            segment_migration(old, new, best_first=RANKS)
    # 1 and 1.0 are the same customer.
    same = segment_migration(before, before.assign(customer_id=[1.0, 2.0]), best_first=RANKS)
    assert same.segments["stayed"].iloc[0] == 1
    # Where everybody buys once, nobody of then is a customer now: that is so, and not a fault.
    once = segment_migration(before, before.assign(customer_id=[3, 4]), best_first=RANKS)
    assert once.alarms["to_segment"].tolist() == [GONE]


@pytest.mark.parametrize("money", [None, "money"])
def test_nobody_moves_where_there_is_nobody(money):
    some = customers(a="gold").assign(money=1.0)
    for old, new in ((some[:0], some), (some, some[:0])):
        with pytest.raises(InputError, match="Nobody is in one of the tables"):
            segment_migration(old, new, best_first=RANKS, money=money)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"best_first": ["gold"]}, "it lacks silver, lead"),
        ({}, {"best_first": ["gold", "gold"]}, "names a segment twice"),
        ({}, {"confidence": 95}, "confidence=95 is not between 0 and 1"),
        ({}, {"false_discovery": 0.0}, "false_discovery=0 is not between"),
        ({}, {"money": "profit"}, 'no column "profit"'),
        ({"customer_id": "a"}, {}, "Customer a is in a table more than once"),
        ({"segment": None}, {}, '"segment" is empty in rows 0, 1, 2'),
        ({"segment": NEW}, {}, "which means something else here"),
        ({"money": np.nan}, {"money": "money"}, "no finite number in rows 0, 1, 2"),
    ],
)
def test_faults_are_told(change, options, words):
    before = customers(a="gold", b="silver", c="lead").assign(**change)
    options = {"best_first": RANKS} | options
    with pytest.raises(InputError, match=words):
        segment_migration(before, customers(a="gold"), **options)
