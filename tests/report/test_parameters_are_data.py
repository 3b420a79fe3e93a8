"""A parameter is data whatever it holds: it never becomes code, and arrives as it was given.

Oracle: the value itself, compared by the SHA-256 of its JSON; a file that no attack may make.
"""

import ast
import hashlib
import json
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.translators import PythonTranslator

from crmlib.report.jobs import Job
from crmlib.report.notebooks import find_notebooks
from crmlib.report.run import run_report

MAKE_A_FILE = "__import__('pathlib').Path('attacked').touch()"
ATTACKS = {
    "double quotes": f'"; {MAKE_A_FILE} #',
    "single quotes": f"'; {MAKE_A_FILE} #",
    "triple quotes": f'"""\n{MAKE_A_FILE}\n"""',
    "triple single quotes": f"'''\n{MAKE_A_FILE}\n'''",
    "line end": f"x\n{MAKE_A_FILE}",
    "other line ends": f"x\r{MAKE_A_FILE}\x0b{MAKE_A_FILE}\x0c\x85\u2028{MAKE_A_FILE}\u2029",
    "backslash": "x\\",
    "backslash and quote": f'\\"; {MAKE_A_FILE} #',
    "backslashes": "\\\\\\n\\x41\\u0041\\N{BULLET}",
    "call": MAKE_A_FILE,
    "format": "{MAKE_A_FILE!r} {0} %(x)s %s ${HOME}",
    "magic": "%run attacked.py",
    "shell": "!touch attacked",
    "shell in lines": "\n!touch attacked\n%%bash\ntouch attacked",
    "question": "?print",
    "null": "a\0b",
    "direction": "\u202eabc\u200b\ufeff",
    "emoji": "🧿🏳️‍🌈",
    "none": "None",
    "not a number": "nan",
    "empty": "",
}
READ = """\
import hashlib, json
def digest(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
print(json.dumps({"text": digest(text), "names": digest(names), "items": digest(items)}))
print(type(number).__name__, number, flag)
"""
DECLARED = """\
text: str = ""
names: dict[str, str] = {}
items: list[str] = []
number: float = 0.0
flag: bool | None = None
"""


def digest(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def arrived(workbook, **values):
    """Run a notebook with these values; what its cells say of them."""
    job = Job(find_notebooks(workbook.folder / "notebooks")["clp/x"], values, workbook.reports)
    result = run_report(job, Event())
    assert result.exit_code == 0, result.message
    notebook = json.loads((workbook.reports / "clp/x/notebook.ipynb").read_text())
    printed = [output["text"] for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(text) for text in printed).splitlines()


def test_every_attack_arrives_as_the_text_it_is(workbook, plain_pdf):
    workbook.add("clp/x", READ, parameters=DECLARED)
    values = {
        "text": "".join(ATTACKS.values()),
        "names": {attack: attack for attack in ATTACKS.values()},
        "items": list(ATTACKS.values()),
        "number": 1e308,
        "flag": False,
    }
    digests, others = arrived(workbook, **values)
    assert json.loads(digests) == {key: digest(values[key]) for key in ("text", "names", "items")}
    assert others == "float 1e+308 False"
    assert not list(workbook.folder.rglob("attacked"))
    assert workbook.record("clp/x")["parameters"] == values


@pytest.mark.parametrize(
    "option", ["text=a\udce9b", 'items=["\\ud83d"]', "names=\udce9=1", "names=a=\udce9"]
)
def test_half_a_sign_is_refused(workbook, option):
    workbook.add("clp/x", READ, parameters=DECLARED)
    result = workbook.run("-p", option)
    assert result.exit_code == 2
    assert "not text in UTF-8" in result.stderr
    assert not workbook.reports.exists()


def test_half_a_sign_that_a_cell_prints_breaks_nothing(workbook, plain_pdf):
    workbook.add("clp/x", "print('a\\udce9b')\nraise ValueError('a\\udce9b')")
    assert workbook.run().exit_code == 1
    assert "ValueError: a" in workbook.record("clp/x", failed=True)["message"]


@pytest.mark.slow
def test_ten_megabytes_arrive(workbook, plain_pdf):
    workbook.add("clp/x", READ, parameters=DECLARED)
    text = ("x" * 99 + '"\n\\' + "'''") * 100_000
    digests, _ = arrived(workbook, text=text)
    assert json.loads(digests)["text"] == digest(text)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@given(values)
def test_what_is_written_into_the_cell_is_the_value(value):
    """The line papermill writes is an assignment of a literal, and nothing else."""
    code = PythonTranslator.codify({"given": value}, comment="Parameters")
    (statement,) = ast.parse(code).body
    assert isinstance(statement, ast.Assign)
    assert ast.literal_eval(statement.value) == value
    assert all(line.startswith(("#", "given = ")) or not line for line in code.split("\n"))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_no_name_becomes_code(workbook, attack):
    """Names of parameters are those of the notebook, and no others."""
    workbook.add("clp/x", "print(1)", parameters="text: str = ''")
    result = workbook.run("-p", f"{attack}=1")
    assert result.exit_code == 2
    assert "Traceback" not in result.output + result.stderr
    assert not list(workbook.folder.rglob("attacked"))
    assert not workbook.reports.exists()
