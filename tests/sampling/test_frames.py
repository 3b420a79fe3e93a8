"""The sampling frame.

Oracle: small frames whose faults are counted by hand, and frames with faults put in by a program
that keeps the count.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.sampling.frames import check_frame

FRAME = pd.DataFrame(
    [
        # id, contact, opted out, account, revenue, segment
        ("A1", "anna@lake.com", "no", "K1", 100.0, "shop"),
        ("A2", "bo@lake.com", "no", "K1", 50.0, "shop"),
        ("A3", " Anna@LAKE.com", "no", "K2", 40.0, "shop"),
        ("A4", "", "no", "K3", 30.0, "school"),
        ("A5", "n/a", "no", "K4", 20.0, "school"),
        ("A6", "0571-8765 4321", "no", "K5", 10.0, "shop"),
        ("A7", "(0571) 87654321", "no", "K6", 5.0, "shop"),
        ("A8", "carl@lake", "no", "K7", 60.0, "shop"),
        ("A9", "dora@lake.com", "yes", "K8", 70.0, "shop"),
        ("A9", "dora2@lake.com", "no", "K9", 15.0, "shop"),
        ("B1", "DORA@lake.com", "no", None, -5.0, "school"),
        (None, "eve@lake.com", None, None, np.nan, None),
    ],
    columns=["customer_id", "email", "opt_out", "account", "revenue", "segment"],
)
COLUMNS = {
    "id": "customer_id",
    "contact": "email",
    "opted_out": "opt_out",
    "account": "account",
    "size": "revenue",
    "strata": "segment",
}


def good_frame(rows=60):
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "mail": [f"person{i}@firm.com" for i in range(rows)],
            "out": np.zeros(rows, dtype=bool),
            "firm": [f"F{i}" for i in range(rows)],
            "sales": np.full(rows, 10.0),
            "type": np.where(np.arange(rows) < rows / 2, "shop", "school"),
        }
    )


GOOD = {
    "id": "id",
    "contact": "mail",
    "opted_out": "out",
    "account": "firm",
    "size": "sales",
    "strata": "type",
}


@pytest.fixture(scope="module")
def found():
    return check_frame(FRAME, minimum_stratum=3, **COLUMNS)


# Row numbers counted by hand from the table above.
BY_HAND = {
    "no id": [12],
    "id repeated": [9, 10],
    "no contact": [4, 5],
    "contact malformed": [8],
    "contact repeated": [1, 3, 6, 7, 9, 11],
    "opted out": [9],
    "opted out in another row": [10, 11],
    "opt-out not recorded": [12],
    "several contacts an account": [1, 2],
    "size missing or negative": [11, 12],
    "no stratum": [12],
    "small stratum": [4, 5, 11],
    "cannot be invited": [4, 5, 8, 9, 10, 11, 12],
}
REVENUE = [100, 50, 40, 30, 20, 10, 5, 60, 70, 15, 0, 0]  # negative and missing as 0: 400 in all


@pytest.mark.parametrize("check", BY_HAND)
def test_each_check_finds_its_rows(found, check):
    assert sorted(found.lists[check].index) == BY_HAND[check]
    row = found.checks.set_index("check").loc[check]
    rows = BY_HAND[check]
    assert row["rows"] == len(rows)
    assert row["share"] == pytest.approx(len(rows) / 12)
    assert row["share_of_revenue"] == pytest.approx(sum(REVENUE[r - 1] for r in rows) / 400)


def test_severity_and_what_to_do(found):
    severity = found.checks.set_index("check")["severity"]
    stops = {
        "no id",
        "id repeated",
        "opted out",
        "opted out in another row",
        "no stratum",
    }
    assert set(severity[severity == "stop"].index) == stops
    assert set(severity[severity == "look"].index) == set(BY_HAND) - stops
    assert found.checks["check"].tolist() == list(BY_HAND)
    to_do = found.checks.set_index("check")["what_to_do"]
    assert "Fewer than 3 can be invited in school" in to_do["small stratum"]


def test_usable_rows_strata_and_coverage(found):
    assert found.usable[found.usable].index.tolist() == [0, 1, 2, 5, 6]
    assert found.revenue_coverage == pytest.approx(205 / 400)
    assert found.strata.to_dict("list") == {
        "stratum": ["school", "shop"],
        "rows": [3, 8],
        "usable": [0, 5],
        "share_usable": [0, 5 / 8],
        "share_of_revenue": [50 / 400, 350 / 400],
    }


def test_rows_that_belong_together_stand_together(found):
    frame = pd.DataFrame({"id": [1, 2, 3, 4], "to": ["b@x.com", "a@x.com", "B@x.com", "a@x.com"]})
    together = check_frame(frame, id="id", contact="to").lists["contact repeated"]
    assert together.index.tolist() == [1, 3, 2, 4]
    assert found.lists["contact repeated"].columns.tolist() == ["customer_id", "email"]
    assert found.lists["several contacts an account"]["account"].tolist() == ["K1", "K1"]


def test_a_good_frame_is_called_good():
    result = check_frame(good_frame(), **GOOD)
    assert result.checks["severity"].eq("good").all()
    assert result.checks["rows"].sum() == 0
    assert result.checks["what_to_do"].eq("Nothing to do.").all()
    assert result.lists == {}
    assert result.usable.all()
    assert result.revenue_coverage == 1


def test_the_frame_is_never_changed():
    before = FRAME.copy(deep=True)
    check_frame(FRAME, **COLUMNS)
    pd.testing.assert_frame_equal(FRAME, before)


def test_faults_put_in_are_counted_whatever_the_index_and_order():
    random = np.random.default_rng(5)
    frame = good_frame(5000)
    rows = random.permutation(5000)
    frame.loc[rows[:40], "mail"] = None
    frame.loc[rows[40:70], "mail"] = "write to Anna"
    frame.loc[rows[70:95], "out"] = True
    copies = rows[100:115]
    frame.loc[copies, "id"] = frame.loc[rows[200:215], "id"].to_numpy()
    result = check_frame(
        frame.sample(frac=1, random_state=1).set_index("type"), **GOOD | {"strata": None}
    )
    counts = result.checks.set_index("check")["rows"]
    assert counts["no contact"] == 40
    assert counts["contact malformed"] == 30
    assert counts["contact repeated"] == 30  # the malformed ones, all alike
    assert counts["opted out"] == 25
    assert counts["id repeated"] == 30
    assert counts["cannot be invited"] == 40 + 30 + 25 + 15
    assert (~result.usable).sum() == 110
    assert result.usable.index.tolist()[:1] in (["shop"], ["school"])


@pytest.mark.parametrize(
    ("contact", "good"),
    [
        ("anna@lake.com", True),
        ("anna.b+c@mail.lake.co.uk", True),
        ("李雷@例子.中国", True),
        (" anna@lake.com ", True),
        ("anna@lake", False),
        ("anna@@lake.com", False),
        ("anna@lake..com", False),
        ("anna b@lake.com", False),
        ("anna@lake.com, bo@lake.com", False),
        ("+86 571 8765-4321", True),
        ("(0571) 8765 4321", True),
        ("13800138000", True),
        ("12345", False),
        ("1234567890123456", False),
        ("ask at reception", False),
    ],
)
def test_what_counts_as_a_contact(contact, good):
    frame = pd.DataFrame({"id": [1, 2], "to": [contact, "other@lake.com"]})
    result = check_frame(frame, id="id", contact="to")
    assert result.usable.tolist() == [good, True]


@pytest.mark.parametrize("nothing", ["", "  ", None, "N/A", "none", "-", "Unknown"])
def test_what_counts_as_no_contact(nothing):
    frame = pd.DataFrame({"id": [1, 2, 3], "to": [nothing, nothing, "other@lake.com"]})
    counts = check_frame(frame, id="id", contact="to").checks.set_index("check")["rows"]
    assert counts["no contact"] == 2
    assert counts["contact malformed"] == 0
    assert counts["contact repeated"] == 0


def test_telephone_numbers_read_as_numbers():
    frame = pd.DataFrame({"id": [1, 2, 3], "phone": [13800138000.0, np.nan, 13800138000.0]})
    counts = check_frame(frame, id="id", contact="phone").checks.set_index("check")["rows"]
    assert counts["no contact"] == 1
    assert counts["contact malformed"] == 0
    assert counts["contact repeated"] == 2


@pytest.mark.parametrize(
    ("column", "out"),
    [
        ([True, False, False], [True, False, False]),
        ([1, 0, 0], [True, False, False]),
        ([1.0, np.nan, 0.0], [True, False, False]),
        (["Yes", "no", ""], [True, False, False]),
        (["x", None, None], [True, False, False]),
        (pd.array([True, pd.NA, False], dtype="boolean"), [True, False, False]),
        (pd.to_datetime(["2025-03-01", None, None]), [True, False, False]),
    ],
)
def test_opt_outs_are_read_however_they_are_written(column, out):
    frame = pd.DataFrame({"id": [1, 2, 3], "out": column})
    assert (~check_frame(frame, id="id", opted_out="out").usable).tolist() == out


def test_silence_is_only_noticed_where_others_have_spoken():
    def silent(column):
        frame = pd.DataFrame({"id": [1, 2, 3], "out": column})
        checks = check_frame(frame, id="id", opted_out="out").checks.set_index("check")
        return checks.loc["opt-out not recorded", "rows"]

    assert silent(["yes", None, "no"]) == 1
    assert silent(["x", None, None]) == 0


@pytest.mark.parametrize(
    ("lost", "severity"), [(0, "good"), (3, "good"), (4, "look"), (31, "stop")]
)
def test_how_much_may_be_out_of_reach(lost, severity):
    frame = good_frame()
    frame.loc[: lost - 1, "mail"] = None
    row = check_frame(frame, **GOOD).checks.set_index("check").loc["cannot be invited"]
    assert (row["rows"], row["severity"]) == (lost, severity)
    # by revenue, not by rows: the lost ones now bring nothing
    frame.loc[: lost - 1, "sales"] = 0.0
    row = check_frame(frame, **GOOD).checks.set_index("check").loc["cannot be invited"]
    assert (row["share_of_revenue"], row["severity"]) == (0, "good")


def test_only_the_columns_given_are_checked():
    result = check_frame(good_frame(), id="id")
    assert result.checks["check"].tolist() == ["no id", "id repeated", "cannot be invited"]
    assert result.checks["share_of_revenue"].isna().all()
    assert np.isnan(result.revenue_coverage)
    assert result.strata.empty


def test_no_revenue_at_all_is_judged_by_rows():
    frame = good_frame().assign(sales=0.0)
    frame.loc[:3, "mail"] = None
    row = check_frame(frame, **GOOD).checks.set_index("check").loc["cannot be invited"]
    assert row["severity"] == "look"
    assert np.isnan(row["share_of_revenue"])


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda f: f.iloc[:0], {}, "The frame is empty"),
        (lambda f: f.drop(columns="mail"), {}, "no column mail. Its columns are id, out"),
        (lambda f: pd.concat([f, f[["mail"]]], axis=1), {}, "more than one column mail"),
        (lambda f: f.assign(sales="much"), {}, "sales of the frame, the size, is not numeric"),
        (lambda f: f.assign(sales=np.inf), {}, "infinite"),
        (lambda f: f.assign(out="perhaps"), {}, "out of the frame .* holds perhaps"),
        (lambda f: f, {"minimum_stratum": 0}, "minimum_stratum=0"),
        (lambda f: f, {"minimum_stratum": 2.5}, "minimum_stratum=2.5"),
        (lambda f: f.to_dict(), {}, "must be a table"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(change, options, words):
    with pytest.raises(InputError, match=words):
        check_frame(change(good_frame()), **GOOD, **options)


def test_of_rows_with_one_id_the_first_that_can_be_reached_is_kept():
    frame = pd.DataFrame({"id": [1, 1, 1], "to": [None, "anna@lake.com", "bo@lake.com"]})
    assert check_frame(frame, id="id", contact="to").usable.tolist() == [False, True, False]
