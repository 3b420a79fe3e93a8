"""What a good run does: parameters as data, a clean kernel, the record, equal bytes."""

import hashlib
import json
import sys

import nbformat

from crmlib.report import execution

HOSTILE = [
    'it\'s "quoted"',
    'ends with a quote"',
    "'''\"\"\"",
    "back\\slash\\",
    '\\"; raise SystemExit #',
    "two\nlines\r\n\ttab",
    "{braces} {0} %s $x `y`",
    "__import__('os').abort()",
    "\x00\x1b[31m\u2028",
    "数据 é 🙂 \N{COMBINING ACUTE ACCENT}",
    "\\N{BULLET} \\x41 \\u0041",
    "",
    " none ",
]


def test_parameter_values_arrive_unchanged_whatever_they_hold(workbook, plain_pdf):
    names = [f"s{number}" for number in range(len(HOSTILE))]
    workbook.add(
        "clp/x",
        "import json\n"
        f"values = [{', '.join(names)}]\n"
        "with open('got.json', 'w') as file:\n"
        "    json.dump([values, texts, pairs, number], file)",
        parameters="".join(f'{name}: str = "?"\n' for name in names)
        + "texts: list[str | None] = []\npairs: dict[str, str] = {}\nnumber: int | None = 1",
    )
    pairs = {text: text for text in HOSTILE}
    options = [
        *(f"-p{name}={value}" for name, value in zip(names, HOSTILE, strict=True)),
        "-ptexts=" + json.dumps([*HOSTILE, None]),
        "-ppairs=" + json.dumps(pairs),
        "-pnumber=none",
    ]
    result = workbook.run("clp/x", *options)
    assert result.exit_code == 0, result.output
    with open("got.json", encoding="utf-8") as file:
        assert json.load(file) == [HOSTILE, [*HOSTILE, None], pairs, None]


def test_leading_zeros_stay_where_the_parameter_is_text(workbook, plain_pdf):
    workbook.add("clp/x", "print(repr(code), repr(n))", parameters='code: str = ""\nn: int = 1')
    workbook.run("clp/x", "-p", "code=007", "-p", "n=007")
    assert "'007' 7" in (workbook.reports / "clp/x/report.pdf").read_text()
    assert workbook.record("clp/x")["parameters"] == {"code": "007", "n": 7}


def test_the_record_of_a_good_run(workbook, plain_pdf):
    block = {"kind": "run_record", "inputs": [{"sha256": "ab"}], "seed": 7, "period": ["a", "b"]}
    workbook.add(
        "clp/x",
        "import sys\nprint('\\x1b[31mcareful\\x1b[0m', file=sys.stderr)",
        "from IPython.display import display\n"
        f"display({{{execution.BLOCK_TYPE!r}: {block!r}}}, raw=True)",
        parameters="rate: float = 0.1\nmonths: int | None = 3",
    )
    result = workbook.run("clp/x", "-p", "rate=2")
    assert result.exit_code == 0, result.output
    assert result.stdout.split()[0] == "clp/x"
    assert result.stdout.split()[-1] == "reports/clp/x/report.pdf"
    record = workbook.record("clp/x")
    assert record["state"] == "good"
    assert record["exit_code"] == 0
    assert record["title"] == "The report clp/x"
    assert record["parameters"] == {"rate": 2.0, "months": 3}
    assert record["parameters_given"] == ["rate"]
    assert record["inputs"] == [{"sha256": "ab"}]
    assert (record["seed"], record["period"]) == (7, ["a", "b"])
    assert record["warnings"] == [{"cell": 4, "text": "careful\n"}]
    assert {"python", "crmlib", "numpy", "pandas", "duckdb", "ibis", "typst", "pandoc"} <= set(
        record["versions"]
    )
    assert record["started"] <= record["finished"]
    assert {path.name for path in (workbook.reports / "clp/x").iterdir()} == {
        "notebook.ipynb",
        "page-one.png",
        "report.pdf",
        "run.json",
    }
    executed = nbformat.read(workbook.reports / "clp/x/notebook.ipynb", as_version=4)
    assert [cell.execution_count for cell in executed.cells[1:]] == [1, 2, 3, 4]
    assert workbook.left_behind() == []


def test_equal_inputs_give_equal_bytes_and_others_another_run_id(workbook, plain_pdf):
    # The order of a set of texts changes from process to process unless hashing is fixed.
    notebook = workbook.add(
        "clp/x", "print({str(n) for n in range(50)})", parameters="seed: int = 1"
    )
    seen = []
    for options in ([], [], ["-p", "seed=2"]):
        workbook.run("clp/x", *options)
        pdf = (workbook.reports / "clp/x/report.pdf").read_bytes()
        seen.append((pdf, workbook.record("clp/x")["run_id"]))
    assert seen[0] == seen[1]
    assert seen[2][1] != seen[0][1]
    assert str(notebook.parent) not in seen[0][0].decode()


def test_the_real_pdf_is_the_same_to_the_byte(workbook):
    workbook.add(
        "clp/x",
        "import matplotlib.pyplot as plt\nfrom crmlib.report import blocks",
        "blocks.finding('There are three.')",
        "fig, ax = plt.subplots()\nax.plot([1, 3, 2])\nblocks.figure(fig, 'A line', id='fig-a')",
        "blocks.run_record(seed=1)",
    )
    seen = []
    for _ in range(2):
        result = workbook.run("clp/x")
        assert result.exit_code == 0, result.output
        seen.append((workbook.reports / "clp/x/report.pdf").read_bytes())
    assert seen[0][:5] == b"%PDF-"
    assert seen[0] == seen[1]
    record = workbook.record("clp/x")
    assert record["pages"] >= 1
    assert record["missing_glyphs"] == []
    assert record["pdf_sha256"] == hashlib.sha256(seen[0]).hexdigest()


def test_the_kernel_has_the_callers_folder_but_not_their_start_up_files(
    workbook, plain_pdf, monkeypatch
):
    startup = workbook.folder / "home/.ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("planted = True")
    monkeypatch.setenv("HOME", str(workbook.folder / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(workbook.folder / "home/.ipython"))
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    workbook.add(
        "clp/x",
        "import os, sys\nprint(os.getcwd(), sys.executable, 'planted' in globals())",
        "print(os.environ['MPLBACKEND'])",
    )
    assert workbook.run("clp/x").exit_code == 0
    shown = (workbook.reports / "clp/x/report.pdf").read_text()
    assert f"{workbook.folder} {sys.executable} False" in shown
    assert "TkAgg" not in shown


def test_the_kernel_listens_on_sockets_in_a_private_folder(workbook, plain_pdf):
    workbook.add(
        "clp/x",
        "import json, os\nfrom ipykernel.connect import get_connection_file\n"
        "path = get_connection_file()\nfolder = os.path.dirname(path)\n"
        "print(json.load(open(path))['transport'], oct(os.stat(folder).st_mode)[-3:])",
        "print(os.path.dirname(folder), sorted(os.listdir(folder)))",
    )
    assert workbook.run("clp/x").exit_code == 0
    shown = (workbook.reports / "clp/x/report.pdf").read_text()
    assert "ipc 700" in shown
    assert str(workbook.sockets) in shown
    assert "k-1" in shown


def test_several_at_once_each_with_its_own_kernel(workbook, plain_pdf):
    for letter in "abcd":
        workbook.add(
            f"clp/{letter}",
            "import os, time\nopen(f'{os.getpid()}.begun', 'w').close()\ntime.sleep(0.5)",
            "import glob\nprint(letter, len(glob.glob('*.begun')))",
            parameters="letter: str = '?'",
        )
    values = "".join(f'["clp/{letter}"]\nletter = "{letter}"\n' for letter in "abcd")
    (workbook.folder / "p.toml").write_text(values)
    result = workbook.run("--jobs", "2", "-f", "p.toml")
    assert result.exit_code == 0, result.output
    lines = [line.split()[0] for line in result.stdout.splitlines()]
    assert lines == ["clp/a", "clp/b", "clp/c", "clp/d"]
    for letter in "abcd":
        assert f"{letter} " in (workbook.reports / f"clp/{letter}/report.pdf").read_text()
    # Each process left a mark: four kernels; and the first saw the second's beside its own.
    assert len(list(workbook.folder.glob("*.begun"))) == 4
    assert "a 1" not in (workbook.reports / "clp/a/report.pdf").read_text()
    assert workbook.left_behind() == []


def test_a_value_that_only_some_reports_take_is_said_so(workbook, plain_pdf):
    workbook.add("clp/a", "print(rate)", parameters="rate: float = 0.5")
    workbook.add("clp/b", "print('no rate')")
    result = workbook.run("-p", "rate=0.25")
    assert result.exit_code == 0
    assert "-p rate is for clp/a only" in result.stderr
    assert "0.25" in (workbook.reports / "clp/a/report.pdf").read_text()


def test_papermill_says_nothing_on_the_terminal(workbook, plain_pdf):
    # papermill's own inspection does not know this type and would warn.
    workbook.add("clp/x", "print(n)", parameters="n: int | None = 1")
    result = workbook.run("clp/x", "-p", "n=2")
    assert result.exit_code == 0
    assert result.stderr == ""
