"""Path diagrams: they say what the tables hold, and nothing lies on anything else."""

from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Annotation, Text

from crmlib.report.charts import use_style
from crmlib.satisfaction.path_model import path_model
from crmlib.satisfaction.path_plots import BOX, PAGE, clutter, cross, layered, overlap, plot_paths
from crmlib.satisfaction.path_presets import ACSI, ECSI, SCSB

mpl.use("Agg")


def simulated(constructs, paths, n=300):
    """A model whose constructs follow the paths, three items each; renamed ones keep the order."""
    random = np.random.default_rng(1)
    scores = {}
    for construct in constructs:
        before = [scores[start] for start, end in paths if end == construct and start in scores]
        score = 0.5 * np.sum(before, axis=0) + random.normal(size=n)
        scores[construct] = score / score.std()
    data = pd.DataFrame(
        {
            f"{name}{k}": np.clip(6 + 1.2 * score + 0.7 * random.normal(size=n), 1, 10)
            for name, score in scores.items()
            for k in range(3)
        }
    )
    blocks = {name: [f"{name}{k}" for k in range(3)] for name in constructs}
    return path_model(data, blocks, paths, replicates=100, seed=1)


STAR = [(start, "hub") for start in ("one", "two", "three", "four")] + [
    ("hub", "five"),
    ("hub", "six"),
]
MODELS = {
    "SCSB": lambda: simulated(SCSB.constructs, SCSB.paths),
    "ACSI": lambda: simulated(ACSI.constructs, ACSI.paths),
    "ECSI": lambda: simulated(ECSI.constructs, ECSI.paths),
    "star": lambda: simulated(["one", "two", "three", "four", "hub", "five", "six"], STAR),
    "triangle": lambda: simulated(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")]),
}


@pytest.fixture(scope="module", params=MODELS)
def drawn(request):
    model = MODELS[request.param]()
    with mpl.rc_context():
        use_style()
        figure, ax = plt.subplots(figsize=PAGE)
        assert plot_paths(model, ax=ax) is ax
        figure.draw_without_rendering()
        yield model, ax
        plt.close(figure)


def boxes(ax):
    return [child for child in ax.get_children() if isinstance(child, AnnotationBbox)]


def extents(artist):
    return np.array(artist.get_window_extent().extents)


def coefficients(ax):
    return [text for text in ax.texts if isinstance(text, Annotation) and text.get_text()]


def arrows(ax):
    return [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None)]


def words(ax):
    return "\n".join(text.get_text() for text in ax.findobj(Text))


def test_every_number_is_that_of_the_tables(drawn):
    model, ax = drawn
    assert len(boxes(ax)) == len(model.constructs)
    text = words(ax)
    for _, row in model.constructs.iterrows():
        assert row["construct"].capitalize() in text
        assert f"{row['index']:.1f} ({row['low']:.1f} to {row['high']:.1f})" in text
    for value in model.r_squared["r_squared"]:
        assert f"R² {value:.2f}" in text
    labels = [label.get_text() for label in coefficients(ax)]
    expected = [
        f"{row['coefficient']:.2f}\n{row['low']:.2f} to {row['high']:.2f}".replace("-", "−")
        for _, row in model.paths.iterrows()
    ]
    assert labels == expected


def test_labels_and_boxes_lie_on_nothing(drawn):
    _, ax = drawn
    frames = [extents(box.patch) for box in boxes(ax)]
    frames += [extents(label) for label in coefficients(ax)]
    for one, other in combinations(frames, 2):
        assert overlap(one, other) == 0
    page = extents(ax.figure)
    for frame in frames:
        assert (frame[:2] >= page[:2]).all()
        assert (frame[2:] <= page[2:]).all()


def test_no_arrow_runs_through_a_box_or_another_label(drawn):
    model, ax = drawn
    label_frames = [extents(label) for label in coefficients(ax)]
    box_frames = {
        name: extents(box.patch)
        for name, box in zip(model.constructs["construct"], boxes(ax), strict=True)
    }
    for k, (arrow, (_, path)) in enumerate(zip(arrows(ax), model.paths.iterrows(), strict=True)):
        corners = arrow.get_transform().transform_path(arrow.get_path()).vertices
        line = np.linspace(corners[0], corners[1], 200)
        inside = [
            name
            for name, frame in box_frames.items()
            if name not in (path["from"], path["to"]) and any_inside(line, frame)
        ]
        assert inside == []
        crossed = [j for j, frame in enumerate(label_frames) if j != k and any_inside(line, frame)]
        assert crossed == []
        assert any_inside(line, label_frames[k])  # its own label is on it


def any_inside(points, frame):
    return bool(((points > frame[:2]) & (points < frame[2:])).all(axis=1).any())


def test_arrows_that_may_be_nothing_are_grey_and_dashed():
    model = simulated(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    paths = model.paths.assign(
        coefficient=[0.5, 0.2, 0.3], low=[0.4, -0.1, np.nan], high=[0.6, 0.5, np.nan]
    )
    object.__setattr__(model, "paths", paths)
    _, ax = plt.subplots(figsize=PAGE)
    plot_paths(model, ax=ax)
    solid, dashed, unknown = (patch for patch in arrows(ax) if isinstance(patch, FancyArrowPatch))
    assert solid.get_linestyle() == "-"
    assert dashed.get_linestyle() == unknown.get_linestyle() != "-"
    assert solid.get_edgecolor() != dashed.get_edgecolor() == unknown.get_edgecolor()
    assert solid.get_linewidth() > dashed.get_linewidth()
    assert [label.get_text() for label in coefficients(ax)] == [
        "0.50\n0.40 to 0.60",
        "0.20\n−0.10 to 0.50",
        "0.30",
    ]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["interval clears zero", "cannot say: may be zero"]
    plt.close()


def test_names_can_be_given():
    model = simulated(["a", "b"], [("a", "b")])
    _, ax = plt.subplots(figsize=PAGE)
    plot_paths(model, labels={"a": "Perceived quality"}, ax=ax)
    assert "Perceived quality" in words(ax)
    assert ax.get_legend() is None  # nothing is dashed
    plt.close()


def test_causes_are_left_of_effects():
    pairs = np.array([(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)])
    places = layered(4, pairs)
    assert (places[pairs[:, 0], 0] < places[pairs[:, 1], 0]).all()
    assert np.array_equal(places, layered(4, pairs))  # the same every time


def test_clutter_is_what_makes_a_diagram_hard_to_read():
    pairs = np.array([(0, 2), (1, 3)])
    apart = np.array([(0.1, 0.1), (0.1, 0.9), (0.9, 0.1), (0.9, 0.9)])
    crossed = apart[[0, 1, 3, 2]]
    assert clutter(apart, pairs) == 0
    assert clutter(crossed, pairs) == 1
    assert cross(crossed, pairs[0], pairs[1])
    assert not cross(apart, pairs[0], pairs[1])
    touching = apart + np.array([(0, 0), (0, -0.8 + 0.5 * BOX[1] / PAGE[1]), (0, 0), (0, 0)])
    assert clutter(touching, pairs) > 10
    through = np.vstack([apart, (0.5, 0.1)])
    assert clutter(through, pairs) == 10
