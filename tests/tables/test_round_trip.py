"""Any table written in any dialect reads back equal, or is refused because it is ambiguous."""

import csv
import datetime
import io

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crmlib import tables
from crmlib.errors import InputError

WORDS = st.text(alphabet="aB1 ,;|\t\"'é王€-.\n", max_size=8).map(lambda text: text.strip())
ROWS = st.lists(
    st.tuples(
        WORDS.filter(bool),
        st.dates(datetime.date(1990, 1, 1), datetime.date(2030, 12, 31)),
        st.integers(-(10**9), 10**9) | st.integers(-2000, 2000),
        st.none() | WORDS.filter(bool),
    ),
    min_size=1,
    max_size=6,
)
DATE_FORMS = ["%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%Y年%m月%d日"]
# decimal mark, group mark
NUMBER_FORMS = [(".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (",", "\u00a0")]


def as_number(hundredths, decimals, decimal, group):
    """Write a whole number of hundredths; without decimals as the whole number it is."""
    whole, part = divmod(abs(hundredths), 100) if decimals else (abs(hundredths), 0)
    text = f"{whole:,}".replace(",", group)
    text += f"{decimal}{part:02d}" if decimals else ""
    return f"-{text}" if hundredths < 0 else text


def is_doubtful_date(dates, form):
    """No day is beyond 12, and in some date swapping day and month gives another."""
    swaps = form in ("%d.%m.%Y", "%m/%d/%Y")
    return swaps and max(d.day for d in dates) <= 12 and any(d.day != d.month for d in dates)


def is_doubtful_number(values, decimals, group):
    """The one group mark of some number could be its decimal mark, and none has two."""
    sizes = [abs(value) for value in values]
    return not decimals and group in (",", ".") and 1000 <= max(sizes) < 10**6


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=ROWS,
    delimiter=st.sampled_from(",;\t|"),
    date_form=st.sampled_from(DATE_FORMS),
    number_form=st.sampled_from(NUMBER_FORMS),
    decimals=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_round_trip(
    tmp_path, rows, delimiter, date_form, number_form, decimals, encoding, line_end, quoting
):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(["customer_id", "date", "amount", "product_line"])
    for customer, date, value, line in rows:
        number = as_number(value, decimals, *number_form)
        writer.writerow([customer, date.strftime(date_form), number, line])
    path = tmp_path / "table.csv"
    path.write_bytes(buffer.getvalue().encode(encoding))
    customers, dates, values, lines = map(list, zip(*rows, strict=True))
    try:
        table = tables.read(path, "transactions")
    except InputError as error:
        doubts = str(error).count("can be read two ways")
        assert doubts == is_doubtful_date(dates, date_form) + is_doubtful_number(
            values, decimals, number_form[1]
        )
        assert doubts > 0
        return
    assert not is_doubtful_date(dates, date_form)
    assert not is_doubtful_number(values, decimals, number_form[1])
    expected = pd.DataFrame(
        {
            "customer_id": customers,
            "date": pd.to_datetime(dates),
            "amount": [value / 100 if decimals else float(value) for value in values],
            "product_line": pd.Series(lines, dtype="str"),
        }
    )
    assert_frame_equal(table.frame, expected, check_dtype=False)
