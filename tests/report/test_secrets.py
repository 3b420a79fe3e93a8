"""Passwords of database addresses stay out of everything that a run leaves.

Oracle: the bytes of every file the run wrote, searched for the password.
"""

import pytest

from crmlib.report.secrets import hide_passwords

PASSWORD = "s3cr@t-geheim"
ADDRESS = f"postgresql://crm:{PASSWORD}@localhost:5432/shop#orders"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"see {ADDRESS}.", "see postgresql://crm:…@localhost:5432/shop#orders."),
        ("postgresql://crm@localhost/shop", "postgresql://crm@localhost/shop"),
        ("https://example.com/a:b", "https://example.com/a:b"),
        ("write to ada@example.com: thanks", "write to ada@example.com: thanks"),
        ('{"source": "mysql://a:b@c/d"}', '{"source": "mysql://a:…@c/d"}'),
    ],
)
def test_only_the_password_of_an_address_is_hidden(text, expected):
    assert hide_passwords(text) == expected


@pytest.mark.parametrize("ending", ["print(source)", "print(source)\nraise ValueError(source)"])
def test_no_file_of_a_run_holds_the_password(workbook, ending):
    workbook.add("clp/secret", ending, parameters='source: str = "x"')
    result = workbook.run("-p", f"source={ADDRESS}")
    written = [path for path in workbook.reports.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"notebook.ipynb", "run.json"}
    for path in written:
        assert PASSWORD.encode() not in path.read_bytes(), path.name
    assert PASSWORD not in result.output
    assert PASSWORD not in result.stderr
    notebook = next(path for path in written if path.name == "notebook.ipynb")
    assert "postgresql://crm:…@localhost" in notebook.read_text(encoding="utf-8")
