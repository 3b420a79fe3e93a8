"""Columns as numbers: the message names what is no number, not what happens to come first."""

import pandas as pd
import pytest

from crmlib.columns import numbers_of
from crmlib.errors import InputError


def test_the_first_cell_that_is_no_number_is_shown_with_its_row():
    data = pd.DataFrame({"q": ["7", "8.0", "good", None, "bad"]}, index=[11, 12, 13, 14, 15])
    with pytest.raises(InputError) as caught:
        numbers_of(data, "q", "answers")
    assert str(caught.value) == (
        "Column \"q\" must hold answers, which are numbers; it holds str, such as 'good'; rows "
        "13, 15."
    )


def test_numbers_written_as_text_are_refused_too():
    with pytest.raises(InputError, match=r"which are numbers; it holds str\.$"):
        numbers_of(pd.DataFrame({"q": ["7", "8"]}), "q", "answers")
