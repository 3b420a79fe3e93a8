"""The parameters cell and the values given for it."""

import pytest

from crmlib.errors import InputError
from crmlib.report import parameters
from crmlib.report.parameters import GivenValues, convert_text, read_cell, resolve


def declared(line):
    return read_cell(line, "clp/x")[0]


def test_reads_name_type_default_and_help_of_every_line():
    cell = (
        "# how the report is made\n"
        'source: str = "data/a#b = c.csv"  # the table, with a "=" in it\n'
        "\n"
        "horizon: int | None = None  # months\n"
        'when: Literal["end", "start"] = "end"\n'
        "shares: dict[str, float] = {\n"
        '    "a": 1,\n'
        "}  # over several lines\n"
        "cuts: list[int] = [-1, 2]\n"
    )
    found = [(p.name, p.annotation, p.default, p.help) for p in read_cell(cell, "clp/x")]
    assert found == [
        ("source", "str", "data/a#b = c.csv", 'the table, with a "=" in it'),
        ("horizon", "int | None", None, "months"),
        ("when", 'Literal["end", "start"]', "end", ""),
        ("shares", "dict[str, float]", {"a": 1.0}, "over several lines"),
        ("cuts", "list[int]", [-1, 2], ""),
    ]


@pytest.mark.parametrize("cell", ["", "\n\n", "# only a remark\n"])
def test_a_cell_may_be_empty(cell):
    assert read_cell(cell, "clp/x") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rate = 0.1", "`rate = 0.1` should be written as `name: type = value  # help`"),
        ("rate: float", "should be written as"),
        ("import os", "`import os` should be written as"),
        ("rate: float = 1 / 3", "`1 / 3` is not a literal"),
        ("rate: float = len('ab')", "`len('ab')` is not a literal"),
        ("when: date = 1", "the type `date` is not one of int, float"),
        ("cuts: list = [1]", "the type `list` is not one of"),
        ("cuts: dict[int, str] = {}", "the type `dict[int, str]` is not one of"),
        ('rate: int = "one"', "'one' is not a whole number"),
        ("rate: int = True", "True is not a whole number"),
        ('when: Literal["a", "b"] = "c"', "'c' is not one of a, b"),
        ("x: int = 1; x: int = 2", "x is declared twice"),
        ("x: int = ", "is not Python"),
        ("x: int = {[]: 1}", "`{[]: 1}` is not a literal"),
    ],
)
def test_a_line_of_another_form_is_named(line, message):
    with pytest.raises(InputError) as error:
        read_cell(f"first: int = 1\n{line}", "clp/x")
    assert message in str(error.value)
    assert "clp/x: line 2 of the parameters cell" in str(error.value)


@pytest.mark.parametrize(
    "line", ["x: int = \0", pytest.param("x: int = " + "-" * 3000 + "1", id="deep")]
)
def test_a_cell_that_is_no_python_at_all_is_refused(line):
    with pytest.raises(InputError, match=r"clp/x: .*the parameters cell is not Python"):
        read_cell(line, "clp/x")


def test_all_faults_of_a_cell_are_told_at_once():
    with pytest.raises(InputError) as error:
        read_cell("a = 1\nb: int = 2\nc: int = 'x'", "clp/x")
    assert "line 1" in str(error.value)
    assert "line 3" in str(error.value)


@pytest.mark.parametrize(
    ("line", "text", "value"),
    [
        ('x: str = ""', "007", "007"),
        ('x: str = ""', " 'quoted' ", " 'quoted' "),
        ("x: str | None = None", "none", None),
        ("x: str | None = None", "5", "5"),
        ("x: int = 0", "007", 7),
        ("x: int = 0", "-3", -3),
        ("x: int | None = 0", "none", None),
        ("x: int | None = 0", "12", 12),
        ("x: int | str = 0", "12", 12),
        ("x: int | str = 0", "all", "all"),
        ("x: float = 0", "1e-3", 0.001),
        ("x: float = 0", "2", 2.0),
        ("x: float = 0", ".5", 0.5),
        ("x: bool = False", "Yes", True),
        ("x: bool = True", "false", False),
        ("x: list[str] = []", "a, b,c", ["a", "b", "c"]),
        ("x: list[str] = []", '["a,b", "c"]', ["a,b", "c"]),
        ("x: list[int] = []", "1,2", [1, 2]),
        ("x: list[int] = [1]", "", []),
        ("x: list[list[int]] = []", "[[1], [2, 3]]", [[1], [2, 3]]),
        ("x: dict[str, float] = {}", "a=1,b=2e1", {"a": 1.0, "b": 20.0}),
        ("x: dict[str, str] = {}", '{"a": "1=1"}', {"a": "1=1"}),
        ("x: dict[str, str] = {}", "a=b=c", {"a": "b=c"}),
        ('x: Literal["end", "start"] = "end"', "start", "start"),
        ("x: Literal[1, 12] = 1", "12", 12),
        ('x: Literal["a", None] = "a"', "none", None),
    ],
)
def test_typed_text_becomes_a_value_of_the_declared_type(line, text, value):
    converted = convert_text(text, declared(line).type)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [
        ("x: int = 0", "1.5", "'1.5' is not a whole number"),
        ("x: int = 0", "1_000", "whole number"),
        ("x: int = 0", "none", "whole number"),
        ("x: int | None = 0", "many", "'many' is not a whole number or none"),
        ("x: float = 0", "nan", "'nan' is not a number"),
        pytest.param("x: list[int] = []", "[" * 99_999, "is not JSON", id="deep"),
        pytest.param("x: list[int] = []", f"[{'9' * 5000}]", "is not JSON", id="digits"),
        ("x: str = ''", "\udcff", "is not text in UTF-8"),
        ("x: list[str] = []", '["\\ud800"]', "is not text in UTF-8"),
        ("x: dict[str, int] = {}", '{"\\ud800": 1}', "is not text in UTF-8"),
        ("x: float = 0", "1e999", "inf is not a number"),
        ("x: float = 0", "1,5", "'1,5' is not a number"),
        ("x: bool = True", "1", "'1' is not true or false"),
        ("x: list[int] = []", "1,x", "'x' is not a whole number"),
        ("x: list[int] = []", "[1, 2", "is not JSON"),
        ("x: list[float] = []", "[NaN]", "nan is not a number"),
        ("x: dict[str, int] = {}", "a", "'a' is not names with values"),
        ('x: Literal["end", "start"] = "end"', "middle", "'middle' is not one of end, start"),
    ],
)
def test_typed_text_of_the_wrong_type_is_refused(line, text, expected):
    with pytest.raises(ValueError, match="is not") as error:
        convert_text(text, declared(line).type)
    assert expected in str(error.value)


def test_every_wrong_value_and_name_is_told_at_once_with_help_and_nearest_name():
    cell = read_cell("rate: float = 0.1  # a month\nmonths: int = 3", "clp/x")
    given = GivenValues({"rate": "high", "month": "4", "colour": "red"})
    with pytest.raises(InputError) as error:
        resolve({"clp/x": cell}, given)
    assert str(error.value).splitlines() == [
        "clp/x has no parameter month; did you mean months?",
        "clp/x has no parameter colour; there are: rate, months",
        "clp/x: rate: 'high' is not a number (a month)",
    ]


def test_with_several_reports_a_value_goes_to_those_that_have_the_parameter():
    first = read_cell("rate: float = 0.1\nseed: int = 1", "clp/first")
    second = read_cell("seed: str = ''", "clp/second")
    given = GivenValues({"rate": "0.2", "seed": "007"})
    assert resolve({"clp/first": first, "clp/second": second}, given) == {
        "clp/first": {"rate": 0.2, "seed": 7},
        "clp/second": {"seed": "007"},
    }
    with pytest.raises(InputError, match="no chosen report has a parameter speed; did you mean se"):
        resolve({"clp/first": first, "clp/second": second}, GivenValues({"speed": "1"}))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_has_general_values_and_values_of_one_report(tmp_path):
    path = write(
        tmp_path / "p.toml",
        'rate = 1\nweights = {a = 2}\n["clp/x"]\nrate = 0.5\n["clp/other"]\nmonths = 3\n',
    )
    given = parameters.read_file(path, ["clp/x", "clp/other"])
    cell = read_cell("rate: float = 0\nweights: dict[str, int] = {}", "clp/x")
    assert resolve({"clp/x": cell}, given) == {"clp/x": {"rate": 0.5, "weights": {"a": 2}}}
    given = GivenValues({"rate": "0.7"}, given.general, given.of_report)
    assert resolve({"clp/x": cell}, given)["clp/x"]["rate"] == 0.7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate = ", "is not TOML"),
        ('["clp/y"]\nrate = 1', 'there is no report for the table ["clp/y"]; did you mean clp/x?'),
        ("rate = '0.1'", "clp/x: rate: '0.1' is not a number"),
        ("rate = nan", "nan is not a number"),
        ("rate = true", "True is not a number"),
        ("rate = 2026-01-01", "is not a number"),
        ('["clp/x"]\nrat = 1', "clp/x has no parameter rat; did you mean rate?"),
        ("[rat]\na = 1", "clp/x has no parameter rat; did you mean rate?"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path, text, message):
    path = write(tmp_path / "p.toml", text)
    cell = read_cell("rate: float = 0", "clp/x")
    with pytest.raises(InputError) as error:
        resolve({"clp/x": cell}, parameters.read_file(path, ["clp/x"]))
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: cannot be read: No such file"):
        parameters.read_file(tmp_path / "none.toml", [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["rate"], "-p rate: write it as -p name=value"),
        (["=1"], "-p =1: write it as -p name=value"),
        (["a=1", "a=2"], "-p a: given twice, as '1' and as '2'"),
    ],
)
def test_options_of_another_form_are_named(options, message):
    with pytest.raises(InputError) as error:
        parameters.split_options(options)
    assert str(error.value) == message


def test_an_option_is_split_at_its_first_sign():
    assert parameters.split_options(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
