"""Whole reports with the key of pseudonyms set: no file of theirs says who a customer is.

Oracle: the ids, names and contacts of the example company, searched for in all that a run leaves.
"""

import base64
import json
import re

import openpyxl
import pandas as pd
import pypdfium2
import pytest

from crmlib.tables.companions import example_folder

from .test_notebooks import ENVIRONMENT, command

pytestmark = pytest.mark.slow

KEY = "the-key-of-all-the-pseudonyms"
ID = re.compile(r"\b[CK][0-9]{4}\b|k[0-9]{4}@")
PSEUDONYM = re.compile(r"\b[0-9a-f]{16}\b")
BLOCK = "application/vnd.crmlib.block+json"


def text_of(path):
    if path.suffix == ".pdf":
        document = pypdfium2.PdfDocument(path)
        text = " ".join(page.get_textpage().get_text_range() for page in document)
        document.close()
        return text
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        return " ".join(str(c) for sheet in book for row in sheet.values for c in row)
    if path.suffix == ".png":
        return ""
    text = path.read_text(encoding="utf-8")
    return text_of_notebook(json.loads(text)) if path.suffix == ".ipynb" else text


def text_of_notebook(notebook):
    """All outputs, files that go along with them included, but for the bytes of pictures."""
    words = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            block = data.get(BLOCK, {})
            if block.get("kind") == "attachment" and block["name"].endswith(".csv"):
                words.append(base64.b64decode(block["content"]).decode("utf-8-sig"))
            if block.get("kind") != "attachment":
                words += [str(data[kind]) for kind in data if not kind.startswith("image/")]
            words.append(str(output.get("text", "")))
    return " ".join(words)


@pytest.mark.parametrize("report", ["segmentation/value", "sampling/design"])
def test_no_file_says_who_a_customer_is(tmp_path, monkeypatch, report):
    monkeypatch.setitem(ENVIRONMENT, "CRMLIB_PSEUDONYM_KEY", KEY)
    done = command("crmlib", "report", report, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    names = pd.read_csv(example_folder() / "customers.csv")["name"]
    paths = [path for path in (tmp_path / report).iterdir() if path.is_file()]
    texts = {path.name: " ".join(text_of(path).split()) for path in paths}
    assert set(texts) >= {"report.pdf", "notebook.ipynb", "run.json"}
    assert any(name.endswith(".csv") for name in texts)
    for name, text in texts.items():
        assert ID.findall(text) == [], name
        assert [customer for customer in names if customer in text] == [], name
        assert KEY not in text
    assert json.loads((tmp_path / report / "run.json").read_text())["pseudonymised"] is True
    lists = [text for name, text in texts.items() if name.endswith(".csv")]
    assert all(len(set(PSEUDONYM.findall(text))) > 100 for text in lists)
