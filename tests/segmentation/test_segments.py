import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from crmlib.errors import InputError
from crmlib.segmentation.segments import SAMPLE, segment


def customers_of(columns) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    table.insert(0, "customer_id", [f"C{i:05}" for i in range(len(table))])
    return table


def three_kinds(n=300, apart=5.0, seed=1):
    """Customers of three kinds, money in logarithms, and their kind."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, 3, n)
    middles = np.array([[0.0, 0.0], [apart, 0.0], [0.0, apart]])
    table = middles[kind] + random.normal(size=(n, 2))
    return customers_of({"money": np.exp(table[:, 0] + 5), "visits": table[:, 1] + 20}), kind


NUMBERS = ["money", "visits"]


@pytest.fixture(scope="module", params=["kmeans", "mixture"])
def found(request):
    customers, kind = three_kinds()
    return (
        customers,
        kind,
        segment(customers, NUMBERS, k=range(2, 6), method=request.param, replicates=8, seed=1),
    )


def test_three_kinds_are_found(found):
    customers, kind, result = found
    assert result.k == 3
    assert adjusted_rand_score(kind, result.customers["segment"]) > 0.93
    assert result.choice["k"].tolist() == [1, 2, 3, 4, 5]
    assert result.choice.set_index("k").loc[3, "verdict"] == "supported"
    assert result.reason.startswith("3 segments, with a stability of ")
    assert result.customers["customer_id"].tolist() == customers["customer_id"].tolist()


def test_segments_are_numbered_by_size(found):
    sizes = found[2].customers["segment"].value_counts().sort_index()
    assert sizes.index.tolist() == ["1", "2", "3"]
    assert sizes.is_monotonic_decreasing


def test_only_a_mixture_knows_probabilities(found):
    _, _, result = found
    if result.method == "mixture":
        assert result.customers["probability"].between(1 / 3, 1).all()
    else:
        assert "probability" not in result.customers


def test_the_customers_themselves_are_predicted_as_found(found):
    customers, _, result = found
    pd.testing.assert_frame_equal(result.predict(customers), result.customers)
    half = customers.iloc[50:60]
    assert result.predict(half)["segment"].tolist() == result.customers["segment"][50:60].tolist()


def test_new_customers_who_cannot_be_compared_have_no_segment(found):
    new = pd.DataFrame(
        {"customer_id": ["A", "B", "C"], "money": [np.nan, 0.0, 150.0], "visits": [20.0, 20, 20]}
    )
    told = found[2].predict(new)
    assert told["segment"].isna().tolist() == [True, True, False]
    assert found[2].predict(new.iloc[:0]).empty


def test_profiles_are_in_the_units_given_and_transforms_are_told(found):
    customers, _, result = found
    money = result.profiles[result.profiles["feature"] == "money"].set_index("segment")
    own = customers["money"].groupby(result.customers["segment"]).mean()
    assert money["mean"].to_dict() == pytest.approx(own.to_dict())
    transforms = result.transforms.set_index("feature")["transform"]
    assert transforms.to_dict() == {"money": "log", "visits": "none"}


def test_the_same_seed_gives_the_same_segments():
    customers, _ = three_kinds(80)
    twice = [segment(customers, NUMBERS, k=[2, 3], replicates=3, seed=5) for _ in range(2)]
    pd.testing.assert_frame_equal(twice[0].choice, twice[1].choice)
    pd.testing.assert_frame_equal(twice[0].customers, twice[1].customers)


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_an_even_square_is_one_group(method):
    # Its four corners are the same in every sample: stability alone would take them for segments.
    random = np.random.default_rng(1)
    customers = customers_of({"a": random.uniform(size=500), "b": random.uniform(size=500)})
    result = segment(customers, ["a", "b"], k=[2, 3, 4], method=method, replicates=10, seed=1)
    assert result.k == 1
    assert set(result.customers["segment"]) == {"1"}
    assert result.choice.set_index("k").loc[4, "stability"] > 0.8
    assert result.reason.startswith("One group: no number of segments is supported")


def test_a_number_asked_for_is_given_and_what_speaks_against_it_said():
    random = np.random.default_rng(1)
    customers = customers_of({"a": random.normal(size=200), "b": random.normal(size=200)})
    result = segment(customers, ["a", "b"], k=4, replicates=5, seed=1)
    assert sorted(result.customers["segment"].unique()) == ["1", "2", "3", "4"]
    assert "4 segments were asked for; the rule does not support them" in result.reason
    one = segment(customers, ["a", "b"], k=1, replicates=2, seed=1)
    assert (one.k, one.reason) == (1, "One group was asked for.")


def test_missing_values_leave_a_customer_without_segment_and_are_told():
    customers, _ = three_kinds(100)
    customers.loc[[3, 7], "visits"] = np.nan
    result = segment(customers, NUMBERS, k=3, replicates=3, seed=1)
    assert np.flatnonzero(result.customers["segment"].isna()).tolist() == [3, 7]
    assert result.notes == ("2 customers of 100 lack a feature and are in no segment.",)


def answers_of(n=400, seed=2):
    """Customers of two kinds who answer six questions, and their kind."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, 2, n)
    yes = random.random((n, 6)) < np.where(kind == 1, 0.85, 0.15)[:, None]
    words = np.where(yes, "yes", "no")
    return customers_of({f"q{i}": words[:, i] for i in range(6)}), kind


QUESTIONS = [f"q{i}" for i in range(6)]


def test_latent_classes_of_answers():
    customers, kind = answers_of()
    result = segment(customers, QUESTIONS, k=[2, 3], method="latent_class", replicates=5, seed=1)
    assert result.k == 2
    assert adjusted_rand_score(kind, result.customers["segment"]) > 0.8
    yes = result.profiles.query("feature == 'q0' and level == 'yes'")["share"]
    assert sorted(yes) == pytest.approx([0.15, 0.85], abs=0.08)
    new = pd.DataFrame({"customer_id": ["A", "B"]} | {q: ["yes", "maybe"] for q in QUESTIONS})
    assert result.predict(new)["segment"].isna().tolist() == [False, True]


def test_answers_that_have_nothing_to_do_with_one_another_are_one_class():
    random = np.random.default_rng(3)
    customers = customers_of({q: random.choice(["yes", "no"], 400) for q in QUESTIONS})
    result = segment(customers, QUESTIONS, k=[2, 3], method="latent_class", replicates=5, seed=1)
    assert result.k == 1


def test_numbers_written_otherwise_are_the_same_category():
    customers, _ = answers_of(60)
    coded = customers.assign(**{q: (customers[q] == "yes").astype(int) for q in QUESTIONS})
    result = segment(coded, QUESTIONS, k=2, method="latent_class", replicates=3, seed=1)
    as_float = coded.astype(dict.fromkeys(QUESTIONS, float))
    pd.testing.assert_frame_equal(result.predict(as_float), result.customers)


def test_prototypes_of_numbers_and_categories():
    customers, kind = three_kinds(300, apart=4.0)
    random = np.random.default_rng(4)
    towns = np.array(["North", "South", "West"])
    strays = random.random(300) < 0.15
    customers["region"] = np.where(strays, random.choice(towns, 300), towns[kind])
    result = segment(
        customers, [*NUMBERS, "region"], k=[2, 3, 4], method="kprototypes", replicates=6, seed=1
    )
    assert result.k == 3
    assert adjusted_rand_score(kind, result.customers["segment"]) > 0.9
    assert result.choice["bic"].isna().all()


def test_the_number_is_decided_on_a_sample_of_many_customers():
    customers, kind = three_kinds(SAMPLE + 500)
    result = segment(customers, NUMBERS, k=[2, 3], replicates=2, seed=1)
    assert result.notes == (
        "The number of segments was decided on 2,000 customers drawn by chance from 2,500.",
    )
    assert adjusted_rand_score(kind, result.customers["segment"]) > 0.93


FAULTS = [
    ({"k": 9}, "only 6 customers that differ"),
    ({"k": range(2, 2)}, "write numbers of segments"),
    ({"k": [2, 2.5]}, "write numbers of segments"),
    ({"k": 0}, "write numbers of segments"),
    ({"k": 2.0}, "k=2.0: write numbers of segments"),
    ({"k": True}, "k=True: write numbers of segments"),
    ({"features": ["a", "near"]}, '"near" is 1 for every customer'),
    ({"features": ["a", "huge"]}, 'of column "huge" farthest from zero is 6e[+]200'),
    ({"features": ["a", "tiny"]}, 'of column "tiny" farthest from zero is 6e-200'),
    ({"replicates": 2.5}, "replicates=2.5: write a whole number"),
    ({"seed": None}, "seed=None: write a whole number"),
    ({"seed": -1}, "seed=-1: write a whole number"),
    ({"method": "ward"}, 'method="ward": write kmeans'),
    ({"features": []}, "features is empty"),
    ({"features": ["a", "a"]}, "names a twice"),
    ({"features": ["a", "customer_id"]}, "take it out of features"),
    ({"features": ["a", "none"]}, 'no column "none"'),
    ({"features": ["a", "same"]}, '"same" is 3 for every customer'),
    ({"features": ["a", "endless"]}, '"endless" is infinite in row 2'),
    ({"features": ["a", "word"]}, '"word" must hold what customers are compared by'),
    ({"features": ["empty"]}, "No customer has a value"),
    ({"features": ["a", "b"], "method": "kprototypes"}, 'write "kmeans" for numbers'),
    ({"features": ["word"], "method": "kprototypes"}, '"latent_class" for categories'),
    ({"features": ["word", "same"], "method": "latent_class"}, '"same" is 3 for every customer'),
    ({"replicates": 1}, "2 or more replicates"),
    ({"confidence": 95}, "between 0 and 1"),
    ({"customer": "repeated"}, "repeats a customer in row 1"),
    ({"customer": "gap"}, "is empty in row 0"),
]


@pytest.mark.parametrize(("changed", "message"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_faults_are_told(changed, message):
    customers = customers_of(
        {
            "a": [1.0, 2, 3, 4, 5, 7],
            "b": [2.0, 1, 4, 3, 6, 9],
            "same": 3,
            "near": [1.0, 1, 1, 1 + 1e-15, 1, 1],
            "huge": np.arange(1, 7) * 1e200,
            "tiny": np.arange(1, 7) * 1e-200,
            "endless": [1.0, 2, np.inf, 4, 5, 6],
            "word": list("xyxyxy"),
            "empty": np.nan,
            "repeated": ["A", "A", "B", "C", "D", "E"],
            "gap": [None, "A", "B", "C", "D", "E"],
        }
    )
    asked = {"features": ["a", "b"], "k": 2, "replicates": 2, "seed": 1} | changed
    with pytest.raises(InputError, match=message):
        segment(customers, asked.pop("features"), **asked)


def test_a_whole_number_of_numpy_is_a_single_number():
    customers, _ = three_kinds(60)
    assert segment(customers, NUMBERS, k=np.int64(2), replicates=2, seed=1).k == 2


@pytest.mark.parametrize("scale", [1e-40, 1e40])
def test_large_and_small_units_give_the_same_segments(scale):
    customers, _ = three_kinds(60)
    scaled = customers.assign(money=customers["money"] * scale)
    found = [segment(table, NUMBERS, k=3, replicates=2, seed=1) for table in (customers, scaled)]
    assert found[0].customers["segment"].tolist() == found[1].customers["segment"].tolist()
    new = pd.DataFrame({"customer_id": ["A", "B"], "money": 5.0, "visits": [1e300, np.inf]})
    assert found[1].predict(new)["segment"].isna().all()


def test_a_few_customers_are_one_group():
    customers = customers_of({"a": np.random.default_rng(1).normal(size=3)})
    result = segment(customers, ["a"], k=range(2, 4), method="mixture", replicates=3, seed=1)
    assert result.k == 1
    assert result.choice["verdict"].tolist() == ["one group", *["too few customers to say"] * 2]
    assert "nothing can be said: there must be 10 customers a segment" in result.reason
    assert '"a" has 3 different values only' in result.notes[0]


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_numbers_of_orders_are_no_segments(method):
    # Each number of orders by itself is a group that any sample shows.
    orders = np.random.default_rng(3).geometric(0.4, 300)
    customers = customers_of({"orders": orders})
    result = segment(customers, ["orders"], k=[2, 3, 4, 5], method=method, replicates=4, seed=1)
    assert result.k == 1
    asked = segment(customers, ["orders"], k=2, method=method, replicates=2, seed=1)
    found = asked.customers["segment"].groupby(orders).nunique()
    assert (found == 1).all()  # customers with as many orders are in the same segment


def test_numbers_of_orders_of_two_kinds_are_found():
    random = np.random.default_rng(4)
    kind = random.integers(0, 2, 200)
    customers = customers_of({"orders": np.where(kind == 1, random.poisson(40, 200), 2) + 1})
    customers["orders"] += random.integers(0, 4, 200)
    result = segment(customers, ["orders"], k=[2, 3], replicates=5, seed=1)
    assert result.k == 2
    assert adjusted_rand_score(kind, result.customers["segment"]) > 0.95


def test_a_value_that_many_share_is_told():
    random = np.random.default_rng(5)
    share = np.where(random.random(200) < 0.5, random.random(200), 0.0)
    customers = customers_of({"share": share, "a": random.normal(size=200)})
    notes = segment(customers, ["share", "a"], k=2, replicates=2, seed=1).notes
    assert [
        f'{(share == 0).sum()} of 200 customers have the same value of "share"' in note
        for note in notes
    ] == [True]


def test_one_customer_cannot_be_divided():
    with pytest.raises(InputError, match="is 1 for every customer"):
        segment(customers_of({"a": [1.0]}), ["a"], k=2)


def test_too_many_categories_are_told():
    customers = customers_of({"a": [str(i) for i in range(30)], "b": ["x", "y"] * 15})
    with pytest.raises(InputError, match="30 different values, too many"):
        segment(customers, ["a", "b"], k=2, method="latent_class")


def test_few_customers_and_ties_everywhere_give_no_warning():
    customers = customers_of({"a": [1.0, 1, 1, 2, 2, 9], "b": [1.0, 1, 2, 2, 2, 9]})
    for method in ("kmeans", "mixture"):
        result = segment(customers, ["a", "b"], k=[2, 3], method=method, replicates=3, seed=1)
        assert result.customers["segment"].notna().all()


SHAPELESS = (
    "normal",
    "long",
    "even",
    "money",
    "heavy tails",
    "counts",
    "recency, frequency, monetary",
)


def one_group(shape, n, random):
    """A cloud without segments."""
    if shape == "normal":
        return random.normal(size=(n, 3))
    if shape == "long":
        return random.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], n)
    if shape == "even":
        return random.uniform(size=(n, 3))
    if shape == "counts":
        return random.poisson(0.7, (n, 2))
    if shape == "recency, frequency, monetary":
        orders = random.geometric(0.4, n)
        money = orders * random.lognormal(3, 0.6, n)
        return np.column_stack([random.integers(0, 365, n), orders, money])
    if shape == "money":
        return np.exp(random.normal(size=(n, 3)))
    return random.standard_t(4, size=(n, 2))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_segments_are_seldom_found_where_there_are_none(method):
    false = 0
    for seed in range(2):
        for shape in SHAPELESS:
            values = one_group(shape, 250, np.random.default_rng([seed, 11]))
            customers = customers_of({f"f{i}": column for i, column in enumerate(values.T)})
            features = [name for name in customers if name != "customer_id"]
            result = segment(customers, features, k=[2, 3, 4], method=method, replicates=8, seed=1)
            false += result.k > 1
    assert false <= 1  # of 14


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_the_number_of_segments_is_found(method):
    right = 0
    for seed in range(3):
        customers, _ = three_kinds(300, apart=4.0, seed=seed + 20)
        result = segment(customers, NUMBERS, k=range(2, 6), method=method, replicates=8, seed=1)
        right += result.k == 3
    assert right == 3
