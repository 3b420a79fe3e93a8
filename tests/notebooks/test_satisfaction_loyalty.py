"""What the loyalty report says, on the example company and on surveys of other shape.

Oracles: NumPy, SciPy and statsmodels on the answers themselves; the truth behind the study; R
survey 4.1-1 for a weighted mean; the library's own results nowhere.
"""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from crmlib import tables
from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

# One process, so that the report is run once for all tests here.
pytestmark = pytest.mark.xdist_group("satisfaction_loyalty")

INTENTIONS = ["repurchase", "cross_buying", "referral", "price_tolerance"]
BARE = {
    "questions": "none",
    "value": "",
    "satisfied": "",
    "switching_cost": "",
    "trust": "",
    "types": "none",
    "gaps": "",
    "overall": "none",
    "waves": "none",
    "customers": "none",
    "segment": "none",
}


def report(folder, **given):
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = command("crmlib", "report", "satisfaction/loyalty", *options, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return pages(folder / "satisfaction" / "loyalty" / "report.pdf")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    return report(folder), folder / "satisfaction" / "loyalty"


@pytest.fixture(scope="module")
def study():
    return tables.read("data/study.csv", kind="responses").frame


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv("data/truth/study_customers.csv").set_index("customer_id")


def minus(number, decimals):
    return f"{number:+.{decimals}f}".replace("-", "−")


def test_page_one_tells_the_index_and_its_interval(example, study):
    one = example[0][0]
    score = 100 * (study[INTENTIONS].mean(axis=1) - 1) / 9
    low, high = stats.t.interval(0.95, len(score) - 1, score.mean(), stats.sem(score))
    assert (
        f"Loyalty stands at {score.mean():.0f} of 100 points: likely between {low:.0f} and "
        f"{high:.0f} (95% interval)."
    ) in one
    assert f"From the answers of {len(study)} customers." in one
    answered = study["satisfaction1"].dropna()
    assert "Very satisfied" not in one
    assert f"Very satisfied are {(answered >= 9).mean():.0%} (" in " ".join(example[0])
    assert "Figure 1" in one


def test_segments_are_compared_by_tests_that_allow_for_their_number(example, study):
    company = tables.read("data/customers.csv", kind="customers").frame
    rows = study.merge(company[["customer_id", "customer_type"]], on="customer_id")
    score = 100 * (rows[INTENTIONS].mean(axis=1) - 1) / 9
    groups = [score[rows["customer_type"] == name] for name in rows["customer_type"].unique()]
    tests = [stats.ttest_ind(a, b, equal_var=False).pvalue for a, b in combinations(groups, 2)]
    assert multipletests(tests, method="holm")[1].min() > 0.2
    assert (
        f"No difference between segments can be shown ({len(tests)} comparisons)."
        in (example[0][0])
    )


def test_kinds_are_told_and_most_who_get_one_get_the_true_one(example, truth):
    pdf, folder = example
    listed = pd.read_csv(folder / "loyalty_types.csv")
    assert list(listed.columns) == ["customer_id", "type"]  # nothing else about anybody
    kinds = listed.set_index("customer_id")["type"]
    shares = kinds.value_counts(normalize=True)
    first = shares.drop("unclear").idxmax()
    # with 3 and 8 for low and high few are left, and another kind comes first
    asked = tables.read("data/study.csv", kind="responses").frame
    strict = {"price": ((asked["attachment"] <= 3) & (asked["low_price"] >= 8)).mean()}
    strict[first] = ((asked["attachment"] >= 8) & (asked["repurchase"] >= 8)).mean()
    assert first == "premium value"
    assert strict["price"] > strict[first]
    assert "Which kind is most frequent depends on what counts as “high”: premium value " in pdf[0]
    assert f"premium value {strict[first]:.0%} to " in pdf[0]
    assert f"{first} (attached and buying again), {shares[first]:.0%}" in pdf[0]
    assert f"{shares['unclear']:.0%} (" in pdf[0]
    told = kinds[kinds != "unclear"]
    assert (told == truth.loc[told.index, "loyalty_type"]).mean() > 0.9


def test_determinants_are_those_of_regressions_and_show_the_truth(example, study):
    one, everything = example[0][0], " ".join(example[0])
    mean = {
        name: study.filter(regex=rf"^{name}\d$").mean(axis=1)
        for name in ("value", "satisfaction", "switching_cost", "trust")
    }
    scores = pd.DataFrame(mean)
    scores = scores - scores.mean()
    scores["product"] = scores["satisfaction"] * scores["switching_cost"]
    loyalty = study[INTENTIONS].mean(axis=1)
    fit = sm.OLS(loyalty, sm.add_constant(scores)).fit()
    for name in ("satisfaction", "trust", "switching_cost"):
        low, high = fit.conf_int().loc[name]
        said = f"{minus(fit.params[name], 2)}, {minus(low, 2)} to {minus(high, 2)}"
        assert f"{name.replace('_', ' ')} ({said})" in one
    # in truth value acts through satisfaction only, which counts for less where leaving is hard
    assert "No effect of its own can be seen of value." in one
    assert "Satisfaction counts for less where switching is costly" in one
    assert "Value acts through satisfaction" in one
    through = sm.OLS(loyalty, sm.add_constant(scores[["value", "satisfaction"]])).fit().params
    first = sm.OLS(scores["satisfaction"], sm.add_constant(scores["value"])).fit().params["value"]
    assert f"indirect, a · b {first * through['satisfaction']:.4f}" in everything
    total = sm.OLS(loyalty, sm.add_constant(scores["value"])).fit().params["value"]
    assert f"total, c {total:.4f}" in everything
    spread = mean["switching_cost"].std()
    for name, sign in (("low", -1), ("high", 1)):
        slope = fit.params["satisfaction"] + sign * fit.params["product"] * spread
        assert f"{name} {mean['switching_cost'].mean() + sign * spread:.4f} {slope:.4f}" in (
            everything
        )


def test_delivery_falls_short_as_it_does_in_truth(example, study):
    one = example[0][0]
    gap = (study["quality2"] - study["expectation2"]).dropna()
    low, high = stats.t.interval(0.95, len(gap) - 1, gap.mean(), stats.sem(gap))
    assert (
        f"Experience falls short in reliability of delivery ({minus(gap.mean(), 2)} points, "
        f"{minus(low, 2)} to {minus(high, 2)})."
    ) in one
    assert "Too close to tell: product quality" in one


def test_the_change_between_waves_counts_who_answered_both_times(example):
    one = example[0][0]
    answers = tables.read("data/responses.csv", kind="responses").frame
    waves = [
        answers[answers["date"].dt.strftime("%Y-%m") == wave].set_index("customer_id")["overall"]
        for wave in ("2024-11", "2025-11")
    ]
    before, after = (100 * (wave.mean() - 1) / 9 for wave in waves)
    assert "Overall satisfaction of all: no change can be shown" in one
    assert f"({before:.1f} to {after:.1f} of 100 points; {minus(after - before, 1)}, " in one
    assert "to “overall” alone, not the index of satisfaction/index" in one
    assert f"From {len(waves[0])} and {len(waves[1])} answers" in one
    both = waves[0].index.intersection(waves[1].index)
    paired = stats.ttest_rel(*(100 / 9 * wave[both] for wave in waves[::-1]))
    low, high = paired.confidence_interval()
    change = 100 / 9 * (waves[1][both] - waves[0][both]).mean()
    assert (
        f"but the {len(both)} who answered both times fell by {-change:.1f} points "
        f"({minus(low, 1)} to {minus(high, 1)})."
    ) in one
    steps = np.ceil(waves[1][both] / 2) - np.ceil(waves[0][both] / 2)
    assert (
        f"Of the {len(both)} customers who answered both times {(steps > 0).sum()} moved up a "
        f"level or more and {(steps < 0).sum()} down"
    ) in one


def test_the_report_shows_its_rules_and_inputs(example):
    pdf, folder = example
    everything = " ".join(pdf)
    assert "premium value 7 or more 7 or more" in everything
    record = json.loads((folder / "run.json").read_text())
    assert len(record["inputs"]) == 5
    assert record["missing_glyphs"] == []
    assert record["warnings"] == []


@pytest.mark.slow
def test_a_weighted_survey_without_anything_else_is_estimated_as_by_r(shared, tmp_path):
    known = json.loads((shared / "reference" / "satisfaction.json").read_text())["survey_weighted"]
    at = known["mean_names"].index("q1")
    mean, error = (100 / 9 * known[name][at] for name in ("mean", "se"))
    mean -= 100 / 9
    source = shared / "data" / "satisfaction_survey_weighted.csv"
    design = {"weight": "weight", "stratum": "stratum"}
    pdf = report(tmp_path, responses=source, **BARE | design | {"loyalty": "q1"})
    assert f"Loyalty stands at {mean:.0f} of 100 points" in pdf[0]
    row = next(text for text in " ".join(pdf).split("all 200 ")[1:])
    assert row.split()[1:3] == [f"{mean:.1f}", f"{error:.1f}"]
    assert "Most frequent" not in pdf[0]


@pytest.mark.slow
def test_an_own_file_may_hold_both_waves_and_fewer_determinants(shared, tmp_path):
    """The mobile survey as the second of two waves, of which everybody fell by a point."""
    now = pd.read_csv(shared / "data" / "ecsi_mobile.csv")
    now.insert(0, "customer_id", [f"M{i}" for i in range(len(now))])
    items = ["CUSL1", "CUSL3"]
    then = now.assign(**{item: (now[item] + 1).clip(upper=10) for item in items})
    file = tmp_path / "two.csv"
    pd.concat([now.assign(date="2025-03-01"), then.assign(date="2024-03-01")]).to_csv(
        file, index=False
    )
    given = {"responses": file, "wave": "2025", "waves": file, "before": "2024", "after": "2025"}
    given |= {"loyalty": "CUSL1,CUSL3", "followed": "CUSL1,CUSL3", "wave_questions": "none"}
    given |= {"value": "PERV1,PERV2", "satisfied": "CUSA1,CUSA2,CUSA3", "score": "loyalty"}
    one = report(tmp_path, **BARE | given)[0]
    change = 100 / 9 * (now[items].mean(axis=1) - then[items].mean(axis=1))
    low, high = stats.t.interval(0.95, 249, change.mean(), stats.sem(change))
    assert "Loyalty fell (" in one
    assert f"; {minus(change.mean(), 1)}, {minus(low, 1)} to {minus(high, 1)})" in one
    assert "Of the 250 customers who answered both times 0 moved up" in one
    scores = pd.DataFrame({"value": now[["PERV1", "PERV2"]].mean(axis=1)})
    scores["satisfaction"] = now[["CUSA1", "CUSA2", "CUSA3"]].mean(axis=1)
    fit = sm.OLS(now[items].mean(axis=1), sm.add_constant(scores)).fit()
    assert f"satisfaction ({minus(fit.params['satisfaction'], 2)}, " in one
    assert "switching" not in one


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("responses=nowhere.csv", "nowhere.csv"),
        ("responses={text}", 'Column "referral" must hold answers'),
        ("responses={few}", "at least 30 are needed"),
        ("loyalty=joy", '"joy" is neither a column of the answers nor a block'),
        ("loyalty=", "name the columns with the intentions"),
        ("trust=loyalty", "it would explain itself"),
        ("types=color=red", 'no question "color"'),
        ("high=3", "low must be below high"),
        ("highest=5", "outside the scale from 1 to 5"),
        ("gaps=expectation1", "give two names with a star"),
        ("overall=joy", 'no column "joy"'),
        ("wave=2031", "no answers of wave 2031"),
        ("before=2019", "no answer is dated 2019"),
        ("waves={strangers}", "nobody in it is in data/study.csv"),
        ("segment=continent", 'no column "continent"'),
        ("replicates=5", "take at least 100"),
    ],
)
def test_bad_values_end_with_a_sentence_and_exit_code_2(given, words, tmp_path, study):
    files = {name: tmp_path / f"{name}.csv" for name in ("text", "few", "strangers")}
    study.assign(referral="good").to_csv(files["text"], index=False)
    study.head(20).to_csv(files["few"], index=False)
    study.assign(customer_id="X" + study["customer_id"]).to_csv(files["strangers"], index=False)
    chosen = ("-p", given.format(**files))
    done = command("crmlib", "report", "satisfaction/loyalty", *chosen, "--out", str(tmp_path))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "satisfaction").exists()
