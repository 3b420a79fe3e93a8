"""Numbers of components by rule. Oracles: R pls on the shared survey, and `drivers`."""

import json

import numpy as np
import pandas as pd
import pytest

from crmlib.satisfaction.answers import answers_of
from crmlib.satisfaction.choice import choose_components, importances, path_of
from crmlib.satisfaction.component_choice import component_choice
from crmlib.satisfaction.drivers import drivers
from crmlib.satisfaction.moments import resampled_moments
from tests.conftest import ROOT
from tests.satisfaction.test_drivers import drawn, population

ITEMS = [f"q{i}" for i in range(1, 13)]


def test_eigenvalues_and_rules_are_those_of_r(shared):
    survey = pd.read_csv(shared / "data" / "satisfaction_survey.csv")
    expected = json.loads((shared / "reference" / "satisfaction.json").read_text())
    expected = expected["survey_pcr_scaled"]
    found = component_choice(survey, ITEMS, "overall", seed=1)
    np.testing.assert_allclose(
        found.table["eigenvalue"][1:], expected["eigenvalues_of_R"], atol=1e-8
    )
    np.testing.assert_allclose(
        100 * found.table["variance_share"][1:], expected["cum_explvar_X_pct"], atol=1e-8
    )
    assert found.rules["kaiser"] == expected["kaiser_k"]
    assert found.rules["85% of variance"] == expected["cum85_k"]
    assert found.rules["cv"] == expected["selectNcomp_onesigma"]
    # 10 parts instead of as many as people: near R's leave-one-out, not equal to it
    np.testing.assert_allclose(
        np.sqrt(found.table["mean_squared_error"]), expected["RMSEP_CV_0_to_nc"], rtol=0.04
    )


def test_cross_validation_chooses_as_drivers_do_with_the_same_seed():
    responses = pd.read_csv(ROOT / "data" / "responses.csv")
    items = [f"q{i:02}" for i in range(1, 13)]
    now = responses[responses["date"] >= "2025-11"]
    found = component_choice(now, items, "overall", seed=7)
    usual = drivers(now, items, "overall", methods=["pcr"], replicates=100, seed=7)
    assert found.rules["cv"] == usual.methods["choice"].item()


def test_a_cut_between_alike_components_is_noted():
    """Four independent items have eigenvalues alike: any cut between them is chance."""
    random = np.random.default_rng(2)
    table = pd.DataFrame(random.integers(1, 11, (300, 4)), columns=list("abcd"))
    table["overall"] = table.mean(axis=1).round()
    found = component_choice(table, list("abcd"), "overall", seed=1)
    kept = sorted(k for k in set(found.rules.values()) if k < 4)
    assert len(found.notes) == len(kept) >= 1
    assert found.notes[0].startswith(f"Components {kept[0]} and {kept[0] + 1} have nearly the same")


@pytest.mark.parametrize("missing", ["em", "impute"])
def test_missing_answers_do_not_cost_people(shared, missing):
    survey = pd.read_csv(shared / "data" / "satisfaction_survey_missing.csv")
    found = component_choice(survey, ITEMS, "overall", missing=missing, seed=1)
    whole = pd.read_csv(shared / "data" / "satisfaction_survey.csv")
    complete = component_choice(whole, ITEMS, "overall", seed=1)
    # 96 of 2,400 cells are missing: the eigenvalues of the whole table are nearly found again
    np.testing.assert_allclose(
        found.table["eigenvalue"][1:], complete.table["eigenvalue"][1:], rtol=0.12
    )


def test_the_choice_in_the_sample_does_not_hang_on_the_seed():
    weights = np.array([0.4, 0.2, 0.1, 0.05, 0.2, 0.1, 0.05, 0.0, 0.1, 0.05, 0.0, 0.0])
    sheet = drawn(1, 200, population(12, 3, 0.6, 0.3), weights, seed=1)[0]
    answers = answers_of(pd.DataFrame(sheet, columns=[*ITEMS, "overall"]), ITEMS, "overall")
    by_one_split, chosen = set(), set()
    path = path_of("pcr", 12)
    for seed in range(8):
        moments = resampled_moments(answers, 100, seed, folds=10)
        once = choose_components("cv", moments.correlation[:1], moments.folds[:1], path)
        by_one_split.add(int(once[0][0]))
        chosen.add(float(importances(moments, "pcr").choice[0]))
    assert len(by_one_split) > 1  # or the test could not fail
    assert len(chosen) == 1
