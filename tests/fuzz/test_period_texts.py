"""Any text with periods, any duration: filled in, or one of our own errors."""

from datetime import date, timedelta

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from crmlib.errors import InputError
from crmlib.schedules import periods
from crmlib.schedules.units import read_duration, read_size
from tests.fuzz.trying import PIECE, fuzz, tried

AS_OF = st.dates()
NAMES = st.sampled_from([f"{{{name}}}" for name in periods.NAMES])
FREQUENCIES = {"last_week": "W-SUN", "last_month": "M", "last_quarter": "Q", "last_year": "Y"}
AMOUNTS = st.from_regex(r"\s?[0-9]{1,15}(\.[0-9]{1,12})?\s?(s|sec|min|h|days?|MB|GiB)")


@fuzz(50)
@given(text=st.lists(PIECE | NAMES, max_size=8).map("".join), as_of=AS_OF)
def test_any_text_is_filled_in_or_refused(text, as_of):
    filled, fault = tried(periods.expand, text, as_of, {"region": "north"}, errors=InputError)
    if filled is None:
        assert fault
    else:
        assert ("{" in filled) <= ("{{" in text or "${" in text)


@fuzz(40)
@given(text=st.lists(PIECE, max_size=8).map("".join), as_of=AS_OF)
def test_braces_written_twice_are_braces(text, as_of):
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert periods.expand(doubled, as_of, {}) == text


@fuzz(60)
@given(as_of=st.dates(date(1700, 1, 1), date(2200, 1, 1)))
def test_periods_are_those_of_pandas(as_of):
    for period, frequency in FREQUENCIES.items():
        expected = pd.Period(as_of, frequency) - 1
        start, end, _ = periods.last_period(period, as_of)
        assert (start, end) == (expected.start_time.date(), expected.end_time.date())


@fuzz(60)
@given(as_of=AS_OF.filter(lambda day: day.year > 2), days=st.integers(0, 400))
def test_periods_end_before_the_date_and_never_go_back(as_of, days):
    for period in periods.PERIODS:
        start, end, name = periods.last_period(period, as_of)
        assert start <= end < as_of
        # On the day after its end it is the last one already.
        assert periods.last_period(period, end + timedelta(days=1)) == (start, end, name)
        if as_of < date.max - timedelta(days=days):
            later = periods.last_period(period, as_of + timedelta(days=days))
            assert (later[0], later[2]) >= (start, name)


@fuzz(30)
@given(text=st.text(max_size=20) | AMOUNTS)
def test_any_duration_and_size(text):
    for reader, least in ((read_duration, timedelta(0)), (read_size, 0)):
        amount, fault = tried(reader, text, errors=InputError)
        assert repr(text) in fault if amount is None else amount >= least
