"""The Kano map: what is drawn is what the table holds, and labels keep clear of one another."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from crmlib.satisfaction.kano import kano
from crmlib.satisfaction.kano_plots import QUADRANTS, plot_kano

mpl.use("Agg")

CELLS = {"A": (1, 3), "O": (1, 5), "M": (2, 5), "I": (3, 3), "R": (5, 1), "Q": (1, 1)}


@pytest.fixture
def ax():
    figure, ax = plt.subplots(figsize=(6.7, 4.4), layout="constrained")
    yield ax
    plt.close(figure)


def found(shares, seed=1, n=200):
    """Table of features whose answers have these shares of A, O, M, I, R, Q."""
    random = np.random.default_rng(seed)
    columns, pairs = {}, {}
    for name, share in shares.items():
        letters = random.choice(list("AOMIRQ"), n, p=share)
        cells = np.array([CELLS[letter] for letter in letters])
        columns |= {f"{name} +": cells[:, 0], f"{name} -": cells[:, 1]}
        pairs[name] = (f"{name} +", f"{name} -")
    return kano(pd.DataFrame(columns), pairs).table


FOUR = {
    "Parcel tracking": [0.6, 0.1, 0.1, 0.2, 0, 0],
    "Complete delivery": [0.05, 0.15, 0.7, 0.1, 0, 0],
    "Advice": [0.35, 0.35, 0.1, 0.2, 0, 0],
    "Sales calls": [0.1, 0.05, 0.05, 0.1, 0.7, 0],
}


def dots(ax):
    """Places of the dots by their entry in the legend."""
    return {
        line.get_label(): np.column_stack(line.get_data())
        for line in ax.lines
        if line.get_marker() == "o"
    }


def labels(ax):
    return [text for text in ax.texts if text.get_text() not in QUADRANTS]


def boxes(texts):
    return [Text.get_window_extent(text) for text in texts]


def overlapping(some):
    return [(a, b) for i, a in enumerate(some) for b in some[i + 1 :] if a.padded(-0.1).overlaps(b)]


def test_dots_and_intervals_are_those_of_the_table(ax):
    table = found(FOUR)
    assert plot_kano(table, ax=ax) is ax
    drawn = dots(ax)
    assert list(drawn) == ["category decided", "category undecided", "rather without it"]
    places = table[["worse", "better"]].to_numpy()
    assert drawn["category decided"] == pytest.approx(places[:2])
    assert drawn["category undecided"] == pytest.approx(places[[2]])
    assert drawn["rather without it"] == pytest.approx(places[[3]])
    lines = [line for part in ax.collections for line in part.get_segments()]
    across = {tuple(np.sort(line[:, 0]).round(9)) for line in lines if np.ptp(line[:, 0])}
    upward = {tuple(np.sort(line[:, 1]).round(9)) for line in lines if np.ptp(line[:, 1])}
    for spans, name in ((across, "worse"), (upward, "better")):
        ends = table[[f"{name}_low", f"{name}_high"]].to_numpy().round(9)
        assert spans == {tuple(pair) for pair in ends}


def test_the_map_has_its_quarters_and_axes(ax):
    plot_kano(found(FOUR), ax=ax)
    left, right = ax.get_xlim()
    assert left > 0 > -1 > right  # nothing to lose on the left
    places = {text.get_text(): text.xy for text in ax.texts if text.get_text() in QUADRANTS}
    assert places == {
        "Attractive": (0, 1),
        "One-dimensional": (1, 1),
        "Indifferent": (0, 0),
        "Must-be": (1, 0),
    }
    assert "0 to −1" in ax.get_xlabel()
    assert "0 to 1" in ax.get_ylabel()


def test_hollow_dots_are_undecided(ax):
    plot_kano(found(FOUR), ax=ax)
    faces = {line.get_label(): line.get_markerfacecolor() for line in ax.lines}
    assert faces["category undecided"] == "white"
    assert faces["category decided"] != faces["rather without it"] != "white"


@pytest.mark.parametrize("seed", range(4))
def test_labels_keep_clear(ax, seed):
    random = np.random.default_rng(seed)
    names = [f"Feature of length {'x' * (i % 5)}{i}" for i in range(14)]
    shares = {name: [*random.dirichlet([1.5] * 4), 0, 0] for name in names}
    plot_kano(found(shares, seed), ax=ax)
    ax.figure.draw_without_rendering()
    assert sorted(text.get_text() for text in labels(ax)) == sorted(names)
    texts = boxes(ax.texts)
    assert not overlapping(texts)
    inside = ax.get_window_extent()
    for box in texts:
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1
        assert inside.y0 <= box.y0 < box.y1 <= inside.y1
    points = np.vstack([ax.transData.transform(part) for part in dots(ax).values()])
    assert not [point for point in points for box in texts if box.contains(*point)]


def test_the_test_of_labels_would_see_an_overlap(ax):
    plot_kano(found(FOUR), ax=ax)
    first, second = labels(ax)[:2]
    second.xy, second.xyann = first.xy, first.xyann
    ax.figure.draw_without_rendering()
    assert overlapping(boxes(ax.texts))


def test_features_without_coefficients_are_named(ax):
    table = found(FOUR | {"Nobody knows": [0, 0, 0, 0, 1, 0]})
    plot_kano(table, ax=ax)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend[-1] == "too few answers: Nobody knows"
    assert "Nobody knows" not in [text.get_text() for text in labels(ax)]


def test_a_map_without_any_feature(ax):
    plot_kano(found({"Nobody knows": [0, 0, 0, 0, 1, 0]}), ax=ax)
    assert not labels(ax)
    assert not dots(ax)


def test_it_draws_on_the_current_axes():
    figure, ax = plt.subplots()
    assert plot_kano(found(FOUR)) is ax
    plt.close(figure)
