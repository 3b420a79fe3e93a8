"""The glossary: well formed, of terms that are used, and in step with the lessons.

Chinese after `；` in the table is another name of the same; lessons use the first.
"""

import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

import nbformat
import pytest

from tests.exercises.coursework import ROOT, read

NOTEBOOKS = ROOT / "notebooks"
TABLE = ROOT / "data" / "glossary.csv"
SUBJECTS = ("general", "sampling", "satisfaction", "clp", "segmentation")
LESSONS = sorted(path for subject in SUBJECTS[1:] for path in (NOTEBOOKS / subject).glob("*.ipynb"))
CHINESE = "\u4e00-\u9fff"
BRACKETS = re.compile(rf"\(([^()]*[{CHINESE}][^()]*)\)")
LEAST = 6  # terms with their Chinese in a lesson

with TABLE.open(encoding="utf-8", newline="") as file:
    HEADER, *LINES = list(csv.reader(file))
ROWS = [dict(zip(HEADER, line, strict=False)) for line in LINES]


def lesson_name(path: Path) -> str:
    return path.relative_to(NOTEBOOKS).with_suffix("").as_posix()


@cache
def notebook(name: str) -> nbformat.NotebookNode:
    return read(NOTEBOOKS / f"{name}.ipynb")


def plain(text: str) -> str:
    """The text in small letters without marks of emphasis, code and formulas."""
    return re.sub(r"\s+", " ", re.sub(r"[*`$]", "", text)).lower()


def forms(term: str) -> list[str]:
    """The term and its usual plurals, in small letters."""
    term = term.lower()
    return [term, f"{term}s", f"{term}es", re.sub("y$", "ies", term)]


def prose(name: str) -> str:
    """What stands in the markdown cells of a notebook, without its headings and references."""
    cells = [c.source for c in notebook(name).cells if c.cell_type == "markdown"]
    text = "\n\n".join(cells).partition("\n## References")[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def in_brackets(name: str) -> list[tuple[str, str, str]]:
    """Chinese in brackets in a notebook: the text before, the whole bracket, each Chinese name."""
    text = prose(name)
    return [
        (plain(text[: found.start()]).rstrip(), found[1], piece.strip())
        for found in BRACKETS.finditer(text)
        for piece in re.split("[,:;]", found[1])
        if re.search(f"[{CHINESE}]", piece)
    ]


def has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def explained(before: str, bracket: str, chinese: str) -> bool:
    """Whether the glossary has the Chinese beside the same English, before it or in its bracket."""
    return any(
        re.search(rf"(?<!\w){re.escape(form)}$", before) or has_word(plain(bracket), form)
        for row in ROWS
        if row["chinese"].split("；")[0] == chinese
        for form in forms(row["term"])
    )


# ----------------------------------------------------------------- the table


def test_the_file_is_utf8_with_five_cells_in_every_line_and_none_empty():
    assert b"\r" not in TABLE.read_bytes()
    assert TABLE.read_bytes().endswith(b"\n")
    assert HEADER == ["term", "chinese", "meaning", "subject", "notebook"]
    for line in LINES:
        assert len(line) == len(HEADER), line
        assert all(cell and cell == cell.strip() and "\n" not in cell for cell in line), line


def test_there_are_enough_terms_of_every_subject_and_no_term_is_there_twice():
    assert len(ROWS) >= 110
    subjects = Counter(row["subject"] for row in ROWS)
    assert set(subjects) == set(SUBJECTS)
    assert min(subjects.values()) >= 15
    terms = Counter(row["term"].lower() for row in ROWS)
    assert [term for term, times in terms.items() if times > 1] == []


def test_the_order_is_by_subject():
    places = [SUBJECTS.index(row["subject"]) for row in ROWS]
    assert places == sorted(places)


def test_chinese_is_chinese_and_the_rest_is_english():
    for row in ROWS:
        for name in row["chinese"].split("；"):
            assert re.search(f"[{CHINESE}]", name), row
            rest = re.sub(rf"[{CHINESE}、—/\-]|\b[A-Z]{{2,5}}\b ?", "", name)
            assert rest == "", row  # nothing but abbreviations
        assert re.fullmatch(r"[\x20-\x7e]+", row["term"] + row["meaning"]), row


def test_meanings_are_one_short_line():
    for row in ROWS:
        assert 10 <= len(row["meaning"]) <= 100, row
        assert not row["meaning"].endswith("."), row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["term"])
def test_the_term_is_used_in_the_notebook_that_is_named(row):
    text = plain(" ".join(cell.source for cell in notebook(row["notebook"]).cells))
    assert any(has_word(text, form) for form in forms(row["term"]))


@pytest.mark.parametrize(
    ("term", "chinese"),
    # From the issue and the course.
    [
        ("customer lifetime profit", "客户全生命周期利润"),
        ("exploration", "考察期"),
        ("formation", "形成期"),
        ("stability", "稳定期"),
        ("decline", "退化期"),
        ("principal component regression", "主成分回归法"),
        ("activity-based costing", "作业成本法"),
        ("sampling frame", "抽样框"),
        ("value matrix", "客户价值矩阵"),
    ],
)
def test_terms_of_the_course_have_its_chinese(term, chinese):
    [row] = [row for row in ROWS if row["term"] == term]
    assert row["chinese"].split("；")[0] == chinese


# ----------------------------------------------------------------- the lessons


def test_there_are_thirteen_lessons():
    assert len(LESSONS) == 13


@pytest.mark.parametrize("name", [*map(lesson_name, LESSONS), "start_here"])
def test_chinese_in_a_lesson_is_that_of_the_glossary_beside_the_same_english(name):
    unknown = [found for found in in_brackets(name) if not explained(*found)]
    assert [(before[-40:], bracket, chinese) for before, bracket, chinese in unknown] == []


@pytest.mark.parametrize("name", [*map(lesson_name, LESSONS)])
def test_a_lesson_gives_the_chinese_of_its_terms_once_each(name):
    given = Counter(
        (chinese, before.rsplit(" ", 1)[-1]) for before, _, chinese in in_brackets(name)
    )
    assert len(given) >= LEAST
    assert [term for term, times in given.items() if times > 1] == []


def test_a_wrong_pair_would_be_found():
    assert explained("the frame is a sampling frame", "抽样框", "抽样框")
    assert explained("what is left out", "nonresponse, 无应答", "无应答")
    assert not explained("the frame is a sampling frame", "分层抽样", "分层抽样")
    assert not explained("unreliability", "信度", "信度")
    assert not explained("the design weight", "设计权重", "设计权重")  # not the first name


# ----------------------------------------------------------------- the notebook


def test_start_here_leads_to_the_glossary():
    assert "](coursework/glossary.ipynb)" in prose("start_here")


def test_looking_up_finds_a_term_by_either_language(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the table is found from any folder
    code = [
        cell.source
        for cell in notebook("coursework/glossary").cells
        if "def look_up" in cell.source
    ]
    opening = next(c.source for c in notebook("coursework/glossary").cells if c.cell_type == "code")
    names: dict = {}
    exec("\n".join([opening, *code]), names)
    assert "客户全生命周期利润" in set(names["look_up"]("Customer lifetime")["chinese"])
    assert {"churn", "early warning"} <= set(names["look_up"]("流失")["term"])
    assert names["look_up"]("no such word").empty
    assert len(names["look_up"]("(")) == 0  # a word, no pattern
