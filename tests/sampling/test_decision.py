"""The sampling decision, its sentences and its charts.

Oracles: decision tables written out here whose answer is plain, theory for simple random
sampling, Monte Carlo for the variance with nonresponse, and the schools of the R package survey.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlib import sampling
from crmlib.errors import InputError
from crmlib.sampling import decision, design_plots
from crmlib.sampling.design_findings import design_findings

mpl.use("Agg")


def frame(n=1200, seed=3):
    random = np.random.default_rng(seed)
    last = random.normal(60, 10, n)
    return pd.DataFrame(
        {
            "unit_id": [f"u{i}" for i in range(n)],
            "last": last,
            "score": last + random.normal(0, 2, n),
            "kind": random.choice(["a", "b", "c"], n),
            "area": random.integers(0, 60, n),
        }
    )


def row(design, error, cost, naive=0.95, own=0.95, **more):
    return {
        "design": design,
        "n": 100,
        "cost": cost,
        "standard_error": error,
        "design_effect": error**2,
        "design_effect_error": 0.0,
        "reported_naive_width": 4.0,
        "reported_naive_coverage": naive,
        "reported_naive_coverage_error": 0.005,
        "reported_design_width": 3.9 * error,
        "reported_design_coverage": own,
        "reported_design_coverage_error": 0.005,
        "note": "",
    } | more


def test_the_cheapest_design_that_keeps_margin_and_word_is_taken():
    table = pd.DataFrame(
        [
            row("dear and precise", 0.5, 2000),
            row("cheap but wide", 2.0, 500),
            row("cheap but lying", 0.9, 500, naive=0.6, own=0.7),
            row("good", 0.8, 1000),
            row("as cheap, less precise", 0.95, 1000),
        ]
    )
    decided = decision.decide(table, margin=2.0, confidence=0.95, population=10_000)
    assert decided.chosen == "good"
    verdicts = decided.table.set_index("design")["verdict"]
    assert verdicts["good"] == "taken"
    assert verdicts["dear and precise"] == "costs 100% more"
    assert verdicts["cheap but wide"] == "misses the margin: ±3.92 instead of ±2"
    assert verdicts["cheap but lying"] == "its 95% interval is right in 70% of samples only"
    assert verdicts["as cheap, less precise"] == "less precise: ±1.86 against ±1.57"


@pytest.mark.parametrize(
    ("naive", "own", "expected"),
    [
        (0.95, 0.95, "own formula"),  # both keep their word: the narrower
        (1.0, 0.90, "simple random formula"),
        (0.5, 0.94, "own formula"),
        (0.5, 0.85, "neither"),
    ],
)
def test_the_formula_to_report_by_is_the_narrower_that_keeps_its_word(naive, own, expected):
    one = pd.Series(row("x", 0.5, 1, naive=naive, own=own))
    assert decision.report_by(one, 0.95) == expected


def test_no_design_that_will_do_is_an_error_that_says_how_far_off():
    table = pd.DataFrame([row("x", 2.0, 1)])
    with pytest.raises(InputError, match=r'margin of 1 .* "x", has 3.92'):
        decision.decide(table, margin=1.0, confidence=0.95, population=10_000)


def test_n_for_margin_of_a_simple_random_sample_is_the_size_formulas():
    people = frame()
    sd, n = people["score"].std(), 150
    error = sd * np.sqrt(1 / n - 1 / len(people))
    table = pd.DataFrame([row("srs", error, 1, n=n)]).assign(
        half_width=lambda d: d["standard_error"] * 1.959963984540054
    )
    needed = sampling.size_for_mean(1.0, sd, population=len(people)).n
    assert decision.n_for_margin(table, 1.0, len(people)).tolist() == [needed]


def test_candidates_have_the_same_number_of_interviews():
    people = frame()
    designs = decision.candidate_designs(
        people, 120, "score", stratum="kind", cluster="area", last_wave="last"
    )
    assert list(designs) == [
        decision.SIMPLE_RANDOM,
        decision.SYSTEMATIC,
        decision.PROPORTIONAL,
        decision.NEYMAN,
        decision.WHOLE_CLUSTERS,
        decision.TWO_STAGE,
    ]
    for design in designs.values():
        expected = design.inclusion_probabilities(people).sum()
        assert expected == pytest.approx(120, abs=12)  # clusters come whole
    assert list(decision.candidate_designs(people, 120, "score")) == [decision.SIMPLE_RANDOM]
    with pytest.raises(InputError, match="needs 1,200 units, and the frame has 1,200"):
        decision.candidate_designs(people, 1200, "score")


def test_variance_with_nonresponse_agrees_with_monte_carlo():
    people = frame()
    y = people.sort_values("last")["score"].to_numpy()
    N, invited, n, random = len(y), 300, 100, np.random.default_rng(5)

    def systematic(size):
        return y[((random.random() + np.arange(size)) * N / size).astype(int)]

    full = np.array([systematic(n).mean() for _ in range(4000)]).std()
    simple = y.std(ddof=1) * np.sqrt(1 / n - 1 / N)
    thinned = np.array(
        [random.choice(systematic(invited), n, replace=False).mean() for _ in range(4000)]
    ).std()
    found = decision.half_width_with_nonresponse(full, (full / simple) ** 2, n, invited, N)
    assert found == pytest.approx(thinned, rel=0.05)  # Monte Carlo: about 1.1 % each


def plan(people, margin=1.2, seed=1):
    check = sampling.check_frame(people, id="unit_id")
    size = sampling.size_for_mean(margin, people["score"].std(), population=len(people))
    options = {"stratum": "kind", "cluster": "area", "last_wave": "last"}
    designs = decision.candidate_designs(people, size.n, "score", **options)
    costs = sampling.Costs(per_interview=10, per_cluster=100, per_stratum=50)
    table = sampling.compare_designs(people, "score", designs, costs, seed=seed, id="unit_id")
    decided = decision.decide(table, margin, 0.95, len(people))
    invited = decision.candidate_designs(people, 2 * size.n, "score", **options)[decided.chosen]
    return decided, size, sampling.draw(people, invited, seed, id="unit_id"), check


def test_sorting_by_a_close_column_is_taken_and_its_gain_told_with_its_condition():
    decided, size, drawn, check = plan(frame())
    assert decided.chosen == decision.SYSTEMATIC
    found = design_findings(
        decided,
        size,
        drawn,
        check,
        purpose="the mean score",
        confidence=0.95,
        response_rate=0.5,
        unit="points",
        money="euros",
    )
    assert found[0].text.startswith(
        f"Invite {len(drawn.units)} by the method “systematic, sorted by last wave” to get {size.n}"
    )
    assert found[0].detail.startswith("Purpose: the mean score. Asked for: ±1.2 points.")
    assert "If everybody answers, the method is worth" in found[1].text
    assert "With 50% answering" in found[1].detail
    assert found[2].text == "5 other methods were tried and rejected."
    assert found[3].text == "1,200 of the 1,200 rows of the list can be drawn."


def test_charts_show_the_table():
    decided, size, _, _ = plan(frame())
    _, ax = plt.subplots()
    design_plots.plot_designs(decided, unit="points", money="euros", ax=ax)
    filled, hollow, *_ = ax.lines
    chosen = decided.table.set_index("design").loc[decided.chosen, "half_width"]
    assert filled.get_xdata().tolist() == [chosen]
    assert len(hollow.get_xdata()) == len(decided.table) - 1
    assert "points" in ax.get_xlabel()
    _, ax = plt.subplots()
    people = frame()
    design_plots.plot_size_against_precision(
        people["score"].std(), len(people), 1.2, unit="points", ax=ax
    )
    assert ax.lines[1].get_ydata().tolist() == [size.n]
    _, ax = plt.subplots()
    strata = decision.stratum_summary(people, "kind", "score")
    both = {m: sampling.allocate(strata, 90, method=m) for m in ("proportional", "equal")}
    design_plots.plot_allocations(both, ax=ax)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [*both["proportional"].table["n"], *both["equal"].table["n"]]
    plt.close("all")


def test_the_schools_show_what_the_formulas_hide(shared):
    schools = pd.read_csv(shared / "data" / "apipop.csv", dtype={"cds": str})
    designs = decision.candidate_designs(
        schools, 200, "api00", stratum="stype", cluster="dnum", last_wave="api99"
    )
    table = sampling.compare_designs(
        schools, "api00", designs, draws=4000, seed=1, id="cds"
    ).set_index("design")
    effect = table["design_effect"]
    assert effect[decision.PROPORTIONAL] == pytest.approx(1.0, abs=0.08)
    assert 1 / effect[decision.SYSTEMATIC] > 15
    assert table.loc[decision.SYSTEMATIC, "reported_naive_coverage"] > 0.999
    assert table.loc[decision.WHOLE_CLUSTERS, "reported_design_coverage"] < 0.9
    assert table.loc[decision.WHOLE_CLUSTERS, "reported_naive_coverage"] < 0.5
