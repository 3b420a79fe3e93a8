"""Coverage-guided fuzzing of the reader of text files: `make fuzz`.

    python tests/fuzz/csv_reader_atheris.py [-max_total_time=60] [other options of libFuzzer]

atheris [1]_ changes the bytes of good files so that ever more of the reader's branches are taken.
Whatever comes back must be an error of our own, or as many rows as the file has lines.

References
----------
.. [1] Google, atheris: a coverage-guided Python fuzzing engine, https://github.com/google/atheris
"""

import itertools
import re
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["crmlib.tables"]):
    from crmlib.tables import encodings, text_files

from crmlib.errors import InputError
from crmlib.tables import engine

LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
SECONDS = 60
WHOLE_EVERY = 200
SEEDS = [
    b"customer_id,date,amount\nC1,2024-01-31,12.50\nC2,2024-02-29,-7\n",
    b'id;text\r\n1;"a;b"\r\n\r\n2;"say ""no"""\r\n',
    b"\xef\xbb\xbfa\tb\n1\t2\n\n",
    "a|b\nü|ß\n".encode("utf-16"),
    "客户,金额\n王,5\n".encode("gb18030"),
    b"a  b\n1  2\n",
]


def check(content: bytes, path: Path, is_whole: bool) -> None:
    """Read bytes as a text file.

    Parameters
    ----------
    content : bytes
        Of the file.
    path : pathlib.Path
        Where to put it.
    is_whole : bool
        Read it to the end with DuckDB, which takes fifty times as long as cutting it into rows.

    Raises
    ------
    AssertionError
        The reader has lost a row, or made one up.
    """
    path.write_bytes(content)
    try:
        rows = rows_read(path) if is_whole else rows_cut(path)
    except InputError:
        return
    lines = len(LINE.findall(content.removeprefix(encodings.UTF_8_MARK)))
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return  # lines of UTF-16 are not to be counted in bytes
    assert rows == lines or (b'"' in content and rows < lines), (rows, lines, content)


def rows_read(path: Path) -> int:
    """All rows of a file, with its header and those that are left out."""
    source = text_files.open_text(path, "file.csv")
    return engine.n_rows(source.table) + len(source.left_out) + 1


def rows_cut(path: Path) -> int:
    """The same, as they are cut before DuckDB has them."""
    found = encodings.look_at_bytes(path, "file.csv")
    sample = text_files._sample(path, found.encoding, "file.csv")
    delimiter = text_files._delimiter(sample, "file.csv")
    header = next(row for row in text_files.records(sample, delimiter) if not row.is_blank)
    copy, width = text_files._Copy(), len(header.cells)
    try:
        with path.open(encoding=found.encoding, newline="") as file:
            records = text_files.records(file, delimiter, width)
            kept = list(text_files._rows_to_copy(records, width, header.row, copy))
    except UnicodeError as error:
        raise text_files._not_decoded("file.csv", found.encoding) from error
    return len(kept) + len(copy.left_out) + 1


def main() -> None:
    """Fuzz until the time is over; libFuzzer's exit code tells whether anything was found."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(SEEDS):
            (corpus / str(number)).write_bytes(seed)
        path = Path(folder) / "file.csv"
        numbers = itertools.count()

        def one_input(content: bytes) -> None:
            check(content, path, is_whole=next(numbers) % WHOLE_EVERY == 0)

        limits = [f"-max_total_time={SECONDS}", "-max_len=400", "-rss_limit_mb=4096"]
        arguments = [
            sys.argv[0],
            *limits,
            f"-artifact_prefix={tempfile.gettempdir()}/",
            *sys.argv[1:],
        ]
        atheris.Setup([*arguments, str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
