"""The heat map shows the table it is given: frames, numbers and what cannot be judged."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.segmentation.cube_plots import plot_cube_deviations


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def deviations(columns: int) -> SimpleNamespace:
    cells = pd.MultiIndex.from_product([["North", "South"], [f"m{i:02}" for i in range(columns)]])
    table = cells.set_names(["row", "column"]).to_frame(index=False)
    table["ratio"], table["deviation"] = 1.0, "as expected"
    table.loc[0, ["ratio", "deviation"]] = [1.5, "above"]
    table.loc[1, ["ratio", "deviation"]] = [0.2, "cannot say"]
    return SimpleNamespace(table=table, rows="region", columns="product_line", by="revenue")


def test_flagged_cells_have_a_frame_and_unjudged_ones_no_number(ax):
    assert plot_cube_deviations(deviations(3), ax=ax) is ax
    assert len(ax.patches) == 1
    assert ax.patches[0].get_xy() == (-0.46, -0.46)
    assert [text.get_text() for text in ax.texts] == ["+50%", "+0%", "+0%", "+0%", "+0%"]
    shown = ax.images[0].get_array()
    assert np.ma.getmaskarray(np.ma.masked_invalid(shown)).sum() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Product line", "Region")


def test_many_columns_are_named_in_part_and_carry_no_numbers(ax):
    plot_cube_deviations(deviations(36), ax=ax)
    assert not ax.texts
    assert len(ax.get_xticks()) == 12
