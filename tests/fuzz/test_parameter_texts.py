"""Any text, cell or file of parameters: values of the declared types, or one of our own errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.errors import InputError
from crmlib.report.parameters import (
    GivenValues,
    ParameterType,
    convert_text,
    read_cell,
    read_file,
    resolve,
)
from tests.fuzz.trying import PARAMETER, PIECE, TEXTS, VALUES, as_toml, fits, fuzz, tried
from tests.schedules.made_notebooks import write_notebooks

KINDS = [ParameterType(kind) for kind in ("int", "float", "str", "bool", "none")]
CHOICES = ParameterType("literal", ("a", 1, None, True))


def types_of(inner):
    several = st.lists(inner, min_size=1, max_size=3)
    return (
        st.builds(lambda item: ParameterType("list", (item,)), inner)
        | st.builds(lambda item: ParameterType("dict", (item,)), inner)
        | st.builds(lambda members: ParameterType("union", tuple(members)), several)
    )


TYPES = st.recursive(st.sampled_from([*KINDS, CHOICES]), types_of, max_leaves=4)
JSON = st.sampled_from(["true", "none", "[1,", "]", "a=1,", '{"a":', "}", '"\\ud800"', "\udcff"])
LINES = st.builds(
    "{}: {} = {}".format,
    st.sampled_from("ab"),
    st.sampled_from(["int", "list[str]", "x.y", "dict[str, int] | None", "Literal['a', -1]"]),
    st.sampled_from(["1", "['a']", "None", "f(1)", "{1: 2, **x}", "{[]: 1}", "-" * 3000 + "1"]),
)
FILES = (
    st.binary()
    | st.lists(PIECE).map(lambda pieces: "".join(pieces).encode())
    | st.dictionaries(PARAMETER, VALUES, max_size=4).map(
        lambda table: "\n".join(f"{key} = {as_toml(table[key])}" for key in table).encode()
    )
)


@pytest.fixture(scope="module")
def parameters(tmp_path_factory):
    notebooks = write_notebooks(tmp_path_factory.mktemp("notebooks"))
    return notebooks["segmentation/value"].parameters


@fuzz(80)
@given(text=st.text() | st.lists(PIECE | JSON, max_size=6).map("".join), declared=TYPES)
def test_any_typed_text_is_a_value_of_the_declared_type_or_refused(text, declared):
    value, fault = tried(convert_text, text, declared, errors=ValueError)
    assert fault or fits(value, declared)


@fuzz(40)
@given(source=st.text() | st.lists(LINES | PIECE, max_size=4).map("\n".join))
def test_any_cell_of_parameters(source):
    declared, fault = tried(read_cell, source, "clp/x", errors=InputError)
    if declared is None:
        assert all(line.startswith("clp/x: ") for line in fault.split("\n"))
    else:
        assert all(fits(parameter.default, parameter.type) for parameter in declared)


@fuzz(40)
@given(content=FILES)
def test_any_file_of_parameters(tmp_path_factory, parameters, content):
    path = tmp_path_factory.getbasetemp() / "parameters.toml"
    path.write_bytes(content)
    given_values, fault = tried(read_file, path, ["segmentation/value"], errors=InputError)
    assert fault or check_resolved(parameters, given_values) is not None


@fuzz(20)
@given(typed=st.dictionaries(PARAMETER, TEXTS, max_size=4))
def test_any_options_of_the_command_line(parameters, typed):
    values = check_resolved(parameters, GivenValues(typed=typed))
    assert not values or values.keys() == typed.keys()


def check_resolved(parameters, given_values):
    """Resolved values, which have the declared types; none when they are refused in words."""
    name = "segmentation/value"
    values, fault = tried(resolve, {name: parameters}, given_values, errors=InputError)
    if values is None:
        assert fault
        return {}
    types = {parameter.name: parameter.type for parameter in parameters}
    assert all(fits(value, types[key]) for key, value in values[name].items())
    return values[name]
