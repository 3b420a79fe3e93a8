"""How often methods name the true first driver.

Oracles: populations in which the answer is known beforehand, the simulation that `drivers`
reports, formulas worked out by hand.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.satisfaction import simulation
from crmlib.satisfaction.simulation import (
    RUNS,
    cross_products,
    drawn_moments,
    named,
    named_first,
    named_first_in,
    non_negative_coefficients,
    share_of,
)
from crmlib.satisfaction.simulation_plots import plot_named_first

mpl.use("Agg")

NEED_RANK = {"ols", "lmg", "johnson"}


def blocks(n_items, n_blocks, within, between):
    """Correlations of items in blocks."""
    block = np.arange(n_items) * n_blocks // n_items
    correlation = np.where(block[:, None] == block, within, between).astype(float)
    np.fill_diagonal(correlation, 1)
    return correlation


def by_run(table):
    return {(row.method, row.rule): row.named_first_share for row in table.itertuples(index=False)}


def sheet(n=120, p=4, seed=1):
    """Answers to items, the second of which counts for most."""
    random = np.random.default_rng(seed)
    liking = random.standard_normal((n, p)) + random.standard_normal((n, 1))
    overall = liking.mean(axis=1) + 0.5 * liking[:, 1] + 0.5 * random.standard_normal(n)
    values = np.clip(np.rint(6 + 1.4 * np.column_stack([liking, overall])), 1, 10)
    return pd.DataFrame(values, columns=[*names(p), "overall"])


def names(p):
    return [f"i{j}" for j in range(p)]


def quick(data, p=4, **options):
    return named_first(data, names(p), "overall", **{"samples": 100, "seed": 1} | options)


# -- Populations with a known answer ----------------------------------------------------------


@pytest.mark.parametrize("p", [4, 12])
def test_an_item_that_alone_matters_is_named_by_all(p):
    # Items are uncorrelated. Kaiser's rule keeps some half of the directions, by chance, and may
    # drop the item; all others keep what foretells the score.
    table = named_first_in(
        np.eye(p), np.eye(p)[1:2], r_squared=0.5, respondents=250, samples=300, seed=1
    )
    assert len(table) == len(RUNS)
    for (method, rule), share in by_run(table).items():
        assert share > (0.75 if rule == "kaiser" else 0.99), method


def test_items_that_are_alike_are_named_equally_often():
    # The true first by a hair, each in turn, in the same samples: every sample names one of four.
    # Standard error of a share of 400 samples 0.022; four of them.
    tables = [
        named_first_in(
            blocks(4, 1, 0.5, 0.5),
            1 + 1e-9 * np.eye(4)[[j]],
            r_squared=0.4,
            respondents=150,
            samples=400,
            seed=3,
        )
        for j in range(4)
    ]
    shares = np.array([table["named_first_share"] for table in tables])
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    assert (np.abs(shares - tables[0]["chance"].to_numpy()) < 0.09).all()


def test_truths_are_taken_in_turn():
    # One item alone matters, another in every sample: whoever looked at the wrong one is at 1/3.
    table = named_first_in(
        np.eye(3), np.eye(3), r_squared=0.5, respondents=200, samples=150, seed=1
    )
    assert (table.loc[table["rule"] != "kaiser", "named_first_share"] > 0.99).all()


def test_the_simulation_that_drivers_reports():
    # There answers are rounded to whole numbers with a standard deviation of 1.8, which adds 1/12
    # to their variance. Correlations, coefficients and R² of what is seen follow from that.
    # Standard errors: 0.02 of what is reported, from 500 samples, and 0.014 here; three of both.
    liking = blocks(12, 3, 0.85, 0.3)
    weights = np.array([0.4, 0.2, 0.1, 0.05, 0.2, 0.1, 0.05, 0.0, 0.1, 0.05, 0.0, 0.0])
    blur = 1 / 12 / 1.8**2
    seen = liking + blur * np.eye(12)
    coefficients = np.linalg.solve(seen, liking @ weights)
    overall_variance = weights @ liking @ weights / 0.6 * (1 + blur)
    table = named_first_in(
        seen / (1 + blur),
        coefficients[None],
        r_squared=coefficients @ seen @ coefficients / overall_variance,
        respondents=200,
        samples=1000,
        seed=1,
    )
    share = by_run(table)
    assert share["johnson", ""] == pytest.approx(0.73, abs=0.07)
    assert share["ols", ""] == pytest.approx(0.66, abs=0.07)
    for rule in ("85% of variance", "kaiser", "cv"):
        assert share["pcr", rule] == pytest.approx(0.275, abs=0.07)


# -- By hand ----------------------------------------------------------------------------------


def test_samples_have_the_correlations_and_the_r_squared_asked_for():
    # 4,000 × 200 rows: errors of correlations below 0.002.
    between, truth = blocks(4, 2, 0.7, 0.2), np.array([2.0, 1.0, 0.0, 1.0])
    moments = drawn_moments(
        between, np.tile(truth, (4000, 1)), r_squared=0.3, respondents=200, seed=1
    )
    whole = moments.covariance.mean(axis=0)
    deviation = np.sqrt(np.diag(whole))
    found = whole / np.outer(deviation, deviation)
    explained = truth @ between @ truth
    expected = between @ truth / np.sqrt(explained / 0.3)
    np.testing.assert_allclose(found[:-1, :-1], between, atol=0.006)
    np.testing.assert_allclose(found[:-1, -1], expected, atol=0.006)
    coefficients = np.linalg.solve(found[:-1, :-1], found[:-1, -1])
    assert coefficients @ found[:-1, -1] == pytest.approx(0.3, abs=0.006)


def test_cross_products_by_fold_are_those_of_numpy():
    values = np.random.default_rng(1).normal(size=(2, 23, 3))
    products = cross_products(values)
    assert products.shape == (2, 10, 4, 4)
    for b in range(2):
        for fold in range(10):
            rows = np.column_stack([np.ones(23), values[b]])[np.arange(23) % 10 == fold]
            np.testing.assert_allclose(products[b, fold], rows.T @ rows)


def test_moments_are_those_of_the_rows_in_the_folds():
    moments = drawn_moments(np.eye(2), np.ones((3, 2)), r_squared=0.5, respondents=37, seed=1)
    products = moments.folds.sum(axis=1)
    assert (products[:, 0, 0] == 37).all()
    np.testing.assert_allclose(moments.mean, products[:, 0, 1:] / 37)
    spread = products[:, 1:, 1:] / 37 - np.einsum("bi,bj->bij", moments.mean, moments.mean)
    np.testing.assert_allclose(moments.covariance, spread)


def test_how_many_are_drawn_at_a_time_changes_nothing(monkeypatch):
    options = {"r_squared": 0.4, "respondents": 60, "samples": 100, "seed": 1}
    at_once = named_first_in(blocks(4, 2, 0.6, 0.2), np.ones((1, 4)), **options)
    monkeypatch.setattr(simulation, "CELLS", 1000)
    in_parts = named_first_in(blocks(4, 2, 0.6, 0.2), np.ones((1, 4)), **options)
    pd.testing.assert_frame_equal(at_once, in_parts)


def test_coefficients_not_below_zero_are_the_best_of_these():
    # No coefficient can be moved, within what is allowed, without a larger squared error.
    correlation = blocks(5, 1, 0.6, 0.6)
    correlation[:-1, -1] = correlation[-1, :-1] = [0.7, 0.6, 0.3, 0.5]
    found = non_negative_coefficients(correlation)
    slope = correlation[:-1, -1] - correlation[:-1, :-1] @ found
    assert (np.linalg.solve(correlation[:-1, :-1], correlation[:-1, -1]) < 0).any()
    assert (found >= 0).all()
    np.testing.assert_allclose(slope[found > 0], 0, atol=1e-12)
    assert (slope[found == 0] < 0).all()


def test_coefficients_are_those_of_least_squares_where_these_are_positive():
    correlation = blocks(4, 1, 0.3, 0.3)
    correlation[:-1, -1] = correlation[-1, :-1] = [0.5, 0.4, 0.4]
    expected = np.linalg.solve(correlation[:-1, :-1], correlation[:-1, -1])
    np.testing.assert_allclose(non_negative_coefficients(correlation), expected)


def test_who_is_named_by_hand():
    values = np.array([[3.0, 1, 1], [2, 2, 1], [1, 1, 1], [1, 2, 0], [np.nan, 1, 0]])
    first = np.array([0, 0, 2, 0, 1])
    np.testing.assert_allclose(named(values, first), [1, 1 / 2, 1 / 3, 0, np.nan])
    # Largest of negative importances; rounding does not decide.
    np.testing.assert_allclose(named(np.array([[-1.0, -1 - 1e-15, -2]]), np.array([1])), [1 / 2])


def test_shares_and_intervals_by_hand():
    found = share_of(np.repeat([1.0, 0.0], [30, 70]))
    z = 1.959963984540054
    middle, half = (0.3 + z**2 / 200), z * np.sqrt(0.3 * 0.7 / 100 + z**2 / 40000)
    assert found["named_first_share"] == 0.3
    assert found["standard_error"] == pytest.approx(np.sqrt(0.21 / 100))
    assert found["low"] == pytest.approx((middle - half) / (1 + z**2 / 100))
    assert found["high"] == pytest.approx((middle + half) / (1 + z**2 / 100))


def test_a_share_needs_nineteen_of_twenty_samples():
    credit = np.ones(100)
    credit[:5] = np.nan
    assert share_of(credit)["named_first_share"] == 1
    credit[5] = np.nan
    assert all(np.isnan(value) for value in share_of(credit).values())


# -- From answers -----------------------------------------------------------------------------


def test_the_population_is_that_of_the_answers():
    # Weighted correlations by NumPy; as many respondents as Kish says.
    data = sheet().assign(weight=[1.0, 2.0, 3.0] * 40)
    columns, weight = [*names(4), "overall"], data["weight"].to_numpy()
    covariance = np.cov(data[columns].to_numpy().T, aweights=weight)
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    estimated = non_negative_coefficients(correlation)
    settings = {
        "r_squared": estimated @ correlation[:-1, :-1] @ estimated,
        "respondents": round(weight.sum() ** 2 / (weight**2).sum()),
        "samples": 100,
        "seed": 1,
    }
    table = quick(data, weights="weight")
    expected = {
        "as estimated": estimated[None],
        "one stands out": np.ones((4, 4)) + np.eye(4),
    }
    assert list(dict.fromkeys(table["truth"])) == list(expected)
    for truth, coefficients in expected.items():
        rows = table[table["truth"] == truth].reset_index(drop=True)
        by_hand = named_first_in(correlation[:-1, :-1], coefficients, **settings)
        pd.testing.assert_frame_equal(rows[by_hand.columns], by_hand)
    assert (table.loc[table["truth"] == "as estimated", "first"] == "i1").all()
    assert settings["respondents"] < 120


def test_the_same_seed_gives_the_same_numbers():
    pd.testing.assert_frame_equal(quick(sheet()), quick(sheet()))


def test_respondents_with_gaps():
    data = sheet()
    gaps = data.mask(np.random.default_rng(5).random(data.shape) < 0.05)
    dropped = quick(gaps.dropna())
    pd.testing.assert_frame_equal(quick(gaps, missing="complete"), dropped)
    assert not quick(gaps).equals(dropped)
    assert quick(gaps)["named_first_share"].notna().all()


def test_more_than_twelve_items_go_without_lmg():
    assert "lmg" in set(quick(sheet(p=12), p=12)["method"])
    table = quick(sheet(p=13), p=13)
    assert list(table["method"]) == [method for method, _, _ in RUNS if method != "lmg"] * 2


@pytest.mark.parametrize("n", [120, 10])
def test_methods_that_cannot_be_computed_are_missing(n):
    # The same item twice; more items than people.
    data = sheet(n=n, p=12)
    data["i3"] = data["i2"] if n == 120 else data["i3"]
    table = quick(data, p=12)
    known = table["named_first_share"].notna()
    assert (known == ~table["method"].isin(NEED_RANK)).all()


def test_where_nothing_goes_with_a_higher_overall_score():
    data = sheet()
    data["overall"] = 11 - data["overall"]
    table = quick(data)
    assert table[["first", "named_first_share", "low", "high"]].isna().all(axis=None)


def test_a_single_item_is_always_first():
    table = quick(sheet(), p=1)
    assert (table["named_first_share"] == 1).all()
    assert (table["chance"] == 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 10}, "samples=10: take at least 100"),
        ({"missing": "drop"}, 'missing="drop": write'),
        ({"scale": (1, 5)}, "outside the scale from 1 to 5"),
        ({"weights": "none"}, 'no column "none"'),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        quick(sheet(), **options)


def test_the_overall_score_does_not_explain_itself():
    with pytest.raises(InputError, match="among the items"):
        named_first(sheet(), ["i0", "overall"], "overall", seed=1)


# -- The chart --------------------------------------------------------------------------------


def test_the_chart_shows_every_share():
    table = quick(sheet())
    table.loc[0, ["named_first_share", "low", "high"]] = np.nan
    figure, ax = plt.subplots(figsize=(6.7, 3.2))
    try:
        assert plot_named_first(table, ax=ax) is ax
        figure.canvas.draw()
        dots = {line.get_label(): line.get_xdata() for line in ax.lines}
        for truth, rows in table.groupby("truth"):
            np.testing.assert_array_equal(dots[truth], rows["named_first_share"])
        np.testing.assert_allclose(dots["chance"], 0.25)
        assert [label.get_text() for label in ax.get_yticklabels()][:2] == [
            "pcr, 85% of variance",
            "pcr, kaiser",
        ]
    finally:
        plt.close(figure)
