"""The page of all reports: what a reader finds on it, and that no data can take it over."""

import base64
import hashlib
import json
import re
import shutil
import sys
import threading
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crmlib.report import history, index_page
from crmlib.report.locks import publishing_lock, try_lock
from tests.report.made_runs import PNG, make_failure, make_run, moment

NOW = moment("2026-11-22T09:00")
VOID = {"meta", "img", "br"}


class Read(HTMLParser):
    """The page as a browser takes it apart: elements with attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text_of: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text_of.append((self.open[-1] if self.open else "", data))

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    @property
    def text(self) -> str:
        shown = [data for tag, data in self.text_of if tag not in ("style", "title")]
        return " ".join("".join(shown).split())

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for tag, attributes in self.elements if tag == "a"]

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def read(out: Path) -> Read:
    return Read((out / "index.html").read_text(encoding="utf-8"))


def target(out: Path, link: str) -> Path:
    """The file a browser opens that shows out/index.html."""
    parts = urlsplit(link)
    assert parts.scheme == parts.netloc == parts.query == parts.fragment == ""
    assert not parts.path.startswith("/")
    return out / unquote(parts.path)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "reports"


# ----------------------------------------------------------------- what a reader finds


def test_an_empty_folder_says_that_there_is_no_report(out):
    index_page.write_index(out)
    assert "No report has been made here yet" in read(out).text


def test_a_good_report_says_what_it_is_for_whom_it_was_made_and_opens_its_pdf(out):
    run = make_run(
        out,
        "segmentation/value",
        title="Value of customers",
        period=["2026-10-01", "2026-10-31"],
        as_of="2026-11-01",
        parameters={"region": "north", "rate": 0.1, "seed": 1},
        parameters_given=["rate", "region"],
        pages=9,
        attachments={"offers.csv": "…", "../../etc/passwd": "…"},
        files={"offers.csv": b"a,b"},
    )
    history.confirm(run)
    index_page.write_index(out)
    page = read(out)
    assert "1 report, good." in page.text
    for words in (
        "Segmentation Value of customers ✓ Good Open the report (PDF, 9 pages)",
        "Period 1 October 2026 to 31 October 2026",
        "Made for 1 November 2026",
        "nothing had changed",
        "With rate = 0.1 region = north Lists offers.csv",
    ):
        assert words.replace(" ", "") in page.text.replace(" ", ""), words
    assert "seed" not in page.text  # left at its default
    assert target(out, page.links[0]) == out / "segmentation/value/report.pdf"
    assert [target(out, link).name for link in page.links] == [
        "report.pdf",  # the picture
        "report.pdf",
        "offers.csv",
        "run.json",
    ]
    picture = next(attributes for tag, attributes in page.elements if tag == "img")
    assert target(out, picture["src"]).read_bytes() == PNG
    assert picture["alt"] == "Page one of Value of customers"
    assert picture["loading"] == "lazy"


def test_the_cases_of_a_job_are_told_apart(out):
    for case in ("north", "south"):
        labels = {"schedule": "monthly", "job": "value", "case": case}
        make_run(out, f"monthly/value-{case}", title="Value of customers", labels=labels)
    index_page.write_index(out)
    text = read(out).text
    assert "Monthly Value of customers: north" in text
    assert "Monthly Value of customers: south" in text


def test_a_report_that_readers_cannot_find_is_not_called_good(out):
    make_run(out)
    (out / "clp/forecast").unlink()
    index_page.write_index(out)
    page = read(out)
    assert "1 needs attention" in page.text
    assert "None is shown, though there are earlier ones." in page.text
    assert all(target(out, link).is_file() for link in page.links)


def test_what_is_no_picture_is_not_put_into_the_page(out):
    make_run(out, files={"page-one.png": b"<script>alert(1)</script>"})
    index_page.write_index(out)
    page = read(out)
    assert "img" not in [tag for tag, _ in page.elements]
    assert target(out, page.links[0]).name == "report.pdf"


def test_earlier_runs_open_the_reports_of_then(out):
    for month in (8, 9, 10):
        make_run(
            out,
            finished=f"2026-{month + 1:02}-02T02:15:00+00:00",
            period=[f"2026-{month:02}-01", f"2026-{month:02}-28"],
        )
    index_page.write_index(out)
    page = read(out)
    assert "Earlier reports (2)" in page.text
    earlier = [link for link in page.links if ".runs" in link]
    contents = [target(out, link).read_bytes() for link in earlier]
    assert contents == [
        b"%PDF of 2026-10-02T02:15:00+00:00",
        b"%PDF of 2026-09-02T02:15:00+00:00",
    ]
    order = [page.text.index(f"1 {month} 2026") for month in ("October", "September", "August")]
    assert order == sorted(order)
    assert target(out, page.links[0]).read_bytes() == b"%PDF of 2026-11-02T02:15:00+00:00"


def test_older_runs_are_listed_by_when_they_were_made(out):
    runs = [make_run(out, finished=f"2026-{month:02}-02T02:15:00+00:00") for month in range(1, 8)]
    (runs[0].folder / "report.pdf").unlink()
    runs[1].folder.rename(runs[1].folder.with_name("2026-of-its-own"))
    index_page.write_index(out)
    page = read(out)
    assert "Earlier reports (5)" in page.text  # one shown, one without a PDF
    earlier = [target(out, link) for link in page.links if ".runs" in link]
    assert all(path.is_file() for path in earlier)
    words = [*(f"2 {month} 2026, 02:15" for month in ("June", "May", "April", "March"))]
    places = [page.text.index(part) for part in [*words, "2026-of-its-own"]]
    assert places == sorted(places)


def test_it_reads_few_records_and_no_picture_whatever_there_is(out, monkeypatch):
    for day in range(1, 21):
        make_run(out, finished=f"2026-10-{day:02}T02:15:00+00:00")
    opened = []
    real = Path.open

    def watched(self, mode="r", *arguments, **options):
        opened.append(self.name)
        return real(self, mode, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", watched)
        text = index_page.page(out, NOW)
    assert opened.count("run.json") <= 2 + index_page.EARLIER  # and that of a failure
    assert opened.count("page-one.png") == 1  # its first bytes
    assert len(text) < 20_000
    assert "Earlier reports (19)" in Read(text).text


def test_a_moment_at_the_end_of_the_calendar_does_not_stop_the_page(out, monkeypatch):
    for time_zone in ("-11:00", "+00:00", "+11:00"):
        run = make_run(out, f"clp/x{time_zone[:3]}")
        record = history.read_json(run.folder / "run.json")
        record["finished"] = f"9999-12-31T23:59:59{time_zone}"
        history.write_json(run.folder / "run.json", record)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        page = index_page.page(out, NOW)
    time.tzset()
    assert "3 reports, all good." in Read(page).text


def test_failing_reports_come_first_with_plain_words_and_the_last_good_report(out):
    make_run(out, "clp/churn", title="Churn")
    make_run(out, "clp/forecast", title="Forecast", finished="2026-11-18T02:15:00+00:00")
    make_failure(
        out,
        "clp/forecast",
        exit_code=138,
        message="used more than the 2.0 GB it may",
        failing_since="2026-11-19T02:15:00+00:00",
        finished="2026-11-21T02:17:00+00:00",
    )
    index_page.write_index(out)
    page = read(out)
    assert "2 reports: 1 needs attention, 1 good." in page.text
    assert page.text.index("Forecast") < page.text.index("Churn")
    assert "✕ Failing since 19 November 2026, 02:15" in page.text
    assert "because it needed too much memory." in page.text
    assert "The message: used more than the 2.0 GB it may" in page.text
    assert "What is shown here is the last good report; it is not up to date." in page.text
    assert "Last tried on 21 November 2026".replace(" ", "") in page.text.replace(" ", "")
    assert target(out, page.links[0]) == out / "clp/forecast/report.pdf"
    names = [target(out, link).relative_to(out).as_posix() for link in page.links]
    assert "failed/clp/forecast/traceback.txt" in names
    assert "failed/clp/forecast/log.txt" not in names  # there is none
    index_page.write_index(out)  # and once it is good again
    shutil.rmtree(out / "failed")
    index_page.write_index(out)
    assert "2 reports, all good." in read(out).text


def test_a_report_that_was_never_good_links_to_no_pdf(out):
    make_failure(out, "clp/forecast", exit_code=2)
    index_page.write_index(out)
    page = read(out)
    assert "There is no good report of it yet." in page.text
    assert [target(out, link).name for link in page.links] == ["traceback.txt"]


def test_a_failure_whose_record_is_damaged_is_still_one(out):
    make_run(out)
    (make_failure(out) / "run.json").write_text('{"state": "fai')
    index_page.write_index(out)
    assert "✕ Failing It could not be made." in read(out).text


@pytest.mark.parametrize("lost", ["run.json", "report.pdf"])
def test_a_damaged_report_is_not_called_good(out, lost):
    run = make_run(out)
    (run.folder / lost).unlink()
    index_page.write_index(out)
    page = read(out)
    assert "✕ Damaged" in page.text
    assert "✓ Good" not in page.text
    assert all(target(out, link).exists() for link in page.links)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sets no time zone by variable")
@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "22 November 2026, 23:30 UTC"),
        ("Europe/Berlin", "23 November 2026, 00:30 UTC+01:00"),
        ("America/St_Johns", "22 November 2026, 20:00 UTC-03:30"),
    ],
)
def test_times_are_those_of_the_machine_and_say_of_which_zone(out, monkeypatch, zone, shown):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        page = index_page.page(out, moment("2026-11-22T23:30"))
    time.tzset()
    assert f"made on {shown}" in Read(page).text


# ----------------------------------------------------------------- data stays data


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
@pytest.mark.parametrize(
    "place",
    ["a b/c d", "x#y/z", "q?r=1/s&t", "50%25/%2e%2e", "客户/价值", "a:b/c", 'quote"d/<b>', "-/'"],
)
def test_every_link_leads_to_a_file_whatever_the_place_is_called(out, place):
    make_run(out, place)
    make_run(out, place, attachments={"list.csv": "…"}, files={"list.csv": b"1"})
    make_failure(out, place)
    index_page.write_index(out)
    links = read(out).links
    assert len(links) == 6  # picture, PDF, list, earlier run, run.json, traceback
    assert all(target(out, link).is_file() for link in links)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</title></style></p></dl></bdi><h1>",
    "<!-- ",
    "]]>&lt;&amp;&#60;",
    "javascript:alert(1)",
    "‮gnp.exe",
    "\ud800 half a character",
    "\0\x1b[31m\u2028",
]


@pytest.fixture(scope="module")
def one_of_each(tmp_path_factory):
    out = tmp_path_factory.mktemp("hostile") / "reports"
    runs = [make_run(out, finished=f"2026-11-2{day}T02:15:00+00:00") for day in (1, 2)]
    return out, [run.folder / "run.json" for run in runs], make_failure(out) / "run.json"


def page_with(one_of_each, text: str) -> Read:
    out, records, failure = one_of_each
    for path in (*records, failure):
        record = {
            "title": f"T{text}",
            "state": "good",
            "exit_code": 1,
            "message": f"M{text}",
            "period": [f"F{text}", f"L{text}"],
            "parameters": {f"N{text}": f"V{text}", "l": [text], "d": {text: text}},
            "parameters_given": [f"N{text}", "l", "d"],
            "attachments": {text: "…", "offers.csv": text},
            "pages": 3,
            "finished": "2026-11-21T02:15:00+00:00",
            "failing_since": "2026-11-21T02:15:00+00:00",
            "labels": {"case": f"C{text}"},
        }
        path.write_text(json.dumps(record), encoding="utf-8")
    return Read(index_page.page(out, NOW).encode("utf-8").decode("utf-8"))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=60) | st.lists(st.sampled_from(HOSTILE), min_size=1).map("".join))
@example(text="".join(HOSTILE))
def test_no_text_changes_what_the_page_is_made_of(one_of_each, text):
    harmless = page_with(one_of_each, "harmless")
    page = page_with(one_of_each, text)
    assert page.shape == harmless.shape
    assert page.links == harmless.links


def test_text_is_shown_as_it_is(one_of_each):
    page = page_with(one_of_each, "<b>&amp;</b> \N{GREEK SMALL LETTER ALPHA} 客户")
    assert "T<b>&amp;</b> α 客户" in page.text
    assert "M<b>&amp;</b> α 客户" in page.text
    assert "N<b>&amp;</b> α 客户 = V<b>&amp;</b> α 客户" in page.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
FIELDS = ["title", "state", "exit_code", "message", "period", "parameters", "parameters_given"]
FIELDS += ["attachments", "pages", "finished", "failing_since", "as_of", "labels", "inputs"]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(record=st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_a_record_that_makes_no_sense_does_not_stop_the_page(one_of_each, record):
    out, records, failure = one_of_each
    for path in (*records, failure):
        path.write_text(json.dumps(record), encoding="utf-8")
    Read(index_page.page(out, NOW))


def test_no_password_is_shown(out):
    address = "postgresql://crm:tomato-42@db/crm#orders"
    make_run(out, parameters={"source": address}, parameters_given=["source"], title=address)
    make_failure(out, message=f"cannot open {address}")
    index_page.write_index(out)
    assert "tomato-42" not in (out / "index.html").read_text(encoding="utf-8")
    assert read(out).text.count("postgresql://crm:…@db/crm#orders") == 3


def test_long_text_is_cut(out):
    make_run(out, title="long " * 1000)
    make_failure(out, message="word " * 10_000)
    index_page.write_index(out)
    assert len(read(out).text) < 2000


# ----------------------------------------------------------------- nothing runs, nothing is fetched


def test_the_page_needs_nothing_else_and_forbids_scripts(out):
    make_run(out)
    make_failure(out, "clp/other")
    index_page.write_index(out)
    page = read(out)
    tags = [tag for tag, _ in page.elements]
    policy = next(
        attributes["content"]
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "script-src" not in policy  # default-src holds for scripts
    assert "img-src 'self' file:" in policy  # what lies beside the page, and nothing else
    style = "".join(data for tag, data in page.text_of if tag == "style")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert tags.index("meta") < tags.index("style")
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(tags)
    assert not re.search(r"url\(|@import|https?:", style)
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert tag == "img" or "src" not in attributes
    assert (out / "index.html").read_text(encoding="utf-8").count("//") == 0


# ----------------------------------------------------------------- writing it


def test_readers_see_a_whole_page_at_every_moment(out):
    make_run(out)
    index_page.write_index(out)
    broken = []
    over = threading.Event()

    def look():
        while not over.is_set():
            text = (out / "index.html").read_text(encoding="utf-8")
            if not text.endswith("</html>\n"):
                broken.append(text)

    reader = threading.Thread(target=look)
    reader.start()
    writers = [
        threading.Thread(target=lambda: [index_page.write_index(out) for _ in range(20)])
        for _ in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    over.set()
    reader.join()
    assert broken == []
    assert [path.name for path in out.glob("*.half")] == []


def test_a_page_that_cannot_be_written_leaves_the_old_one(out, monkeypatch):
    index_page.write_index(out)
    before = (out / "index.html").read_bytes()
    make_run(out)

    def full(self, *arguments, **options):
        self.write_bytes(b"<!DOCTYPE html>")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            index_page.write_index(out)
    assert (out / "index.html").read_bytes() == before
    index_page.write_index(out)
    assert "1 report, good." in read(out).text


def test_it_can_be_written_while_reports_are_moved_but_not_by_two_at_once(out, monkeypatch):
    with publishing_lock(out):
        index_page.write_index(out)
    monkeypatch.setattr(index_page, "LONGEST_WAIT", 0.05)
    lock = try_lock(out / ".work/index.lock")
    with pytest.raises(TimeoutError):
        index_page.write_index(out)
    lock.close()
    index_page.write_index(out)


def test_a_link_in_the_place_of_the_page_is_replaced_and_not_followed(out, tmp_path):
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("mine")
    out.mkdir()
    (out / "index.html").symlink_to(elsewhere)
    index_page.write_index(out)
    assert elsewhere.read_text() == "mine"
    assert "Reports" in read(out).text


def test_the_time_it_was_made_is_now(out):
    index_page.write_index(out)
    shown = re.search(r"made on (\d+ \w+ \d{4}), (\d\d:\d\d)", read(out).text)
    made = datetime.strptime(" ".join(shown.groups()), "%d %B %Y %H:%M").astimezone()
    assert abs((datetime.now(UTC) - made).total_seconds()) < 120
