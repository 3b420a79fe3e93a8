"""The page that lists every report of a folder: what it is, how it stands, where to click.

It holds no script and needs nothing but the folder it lies in, so that it can be opened from a
shared drive or put on a web server. Everything that comes from notebooks, parameters or messages
is text, never markup; what might slip through would still not run, for the page's
Content-Security-Policy [1]_ forbids it.

It is written after every run, while others wait: so it is made without opening pictures, and of
older runs it knows their folders' names only.

References
----------
.. [1] W3C, Content Security Policy Level 3, https://www.w3.org/TR/CSP3/
"""

import base64
import hashlib
import html
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crmlib.report import exit_codes, history
from crmlib.report.attachments import FILE_NAME
from crmlib.report.locks import WORK, try_lock
from crmlib.report.rendering import MONTHS, period_text, prose_title, subject
from crmlib.report.secrets import hide_passwords

PAGE = "index.html"
PAGE_ONE = "page-one.png"
PNG_START = b"\x89PNG\r\n\x1a\n"
LONGEST_VALUE = 200  # signs of a parameter's value
LONGEST_MESSAGE = 600
EARLIER = 3  # runs beside the one that is shown whose records are read
LONGEST_WAIT = 30.0  # seconds for others that write the page at this moment

# For the reader of reports, not for whoever mends them: that one follows the links.
WHAT_WENT_WRONG = {
    exit_codes.CELL_FAILED: "A calculation of the report stopped with an error.",
    exit_codes.BAD_INPUT: "The data or the settings cannot be used as they are.",
    exit_codes.RENDERING_FAILED: "The numbers were worked out, but the pages could not be set.",
    exit_codes.WRITING_FAILED: "The disk is full, or the reports' folder cannot be written to.",
    exit_codes.TIMED_OUT: "It took longer than it may and was stopped.",
    exit_codes.KERNEL_DIED: "The system ended it, most often because it needed too much memory.",
}

# Blue and vermilion are told apart by colour-blind readers (Okabe and Ito 2008); in black and
# white the failing ones still have a filled sign, a thick edge and other words.
STYLE = """
:root { --good: #00588a; --failing: #a83c00; --quiet: #595959; --line: #d0d0d0; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1.5rem 1rem 3rem; color: #1a1a1a;
  background: #fff; line-height: 1.45; overflow-wrap: anywhere;
  font-family: "Open Sans", "Noto Sans", system-ui, "Segoe UI", "Noto Sans CJK SC",
    "PingFang SC", "Microsoft YaHei", sans-serif; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 0 0 .4rem; font-size: 1.2rem; line-height: 1.3; }
p { margin: .3rem 0; }
a { color: var(--good); }
a:focus-visible, summary:focus-visible { outline: 3px solid #1a1a1a; outline-offset: 2px; }
.quiet { color: var(--quiet); font-size: .875rem; }
main { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.25rem;
  margin-top: 1.25rem; }
article { display: grid; grid-template-columns: 9rem minmax(0, 1fr); gap: .25rem 1.25rem;
  align-content: start; padding: 1rem; border: 1px solid var(--line);
  border-left: .6rem solid var(--line); }
article.failing { grid-column: 1 / -1; border: 2px solid var(--failing);
  border-left-width: .6rem; }
.picture { display: block; }
.picture img { display: block; width: 100%; border: 1px solid var(--line); }
.none { display: grid; place-content: center; min-height: 9rem; margin: 0; padding: .75rem;
  border: 1px dashed var(--quiet); text-align: center; }
.state { display: inline-block; padding: .05rem .6rem; border: 2px solid var(--good);
  border-radius: 1rem; color: var(--good); font-weight: 600; font-size: .875rem; }
.failing .state { border-color: var(--failing); background: var(--failing); color: #fff;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.open { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem .9rem;
  margin: .5rem 0; font-size: .9375rem; }
dt { color: var(--quiet); }
dd { margin: 0; }
ul { margin: .3rem 0; padding-left: 1.2rem; font-size: .9375rem; }
summary { cursor: pointer; font-size: .9375rem; }
@media (max-width: 62rem) {
  main { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 34rem) {
  article { grid-template-columns: minmax(0, 1fr); }
  .picture { width: 9rem; margin-bottom: .5rem; }
  .none { min-height: 4rem; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: .4rem; }
}
@media print {
  @page { margin: 15mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  main { display: block; }
  article { grid-template-columns: 7rem minmax(0, 1fr); margin-bottom: 1rem;
    break-inside: avoid; }
  details:not([open]) { display: none; }
  a { color: inherit; }
}
"""


def write_index(out: Path) -> None:
    """Write `out/index.html` anew from what is in the folder of reports.

    Readers get the whole old or the whole new page. Of several runs that end at the same time
    the last one to write has seen the others' reports.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports.

    Raises
    ------
    OSError
        The page cannot be written: the disk is full, or the folder is read-only.
    """
    (out / WORK).mkdir(parents=True, exist_ok=True)
    with _alone(out):
        half = out / WORK / "index.half"
        half.write_text(page(out, datetime.now(UTC)), encoding="utf-8", newline="\n")
        half.replace(out / PAGE)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Wait until nobody else writes the page: none that knows less may come last."""
    # A lock of its own: whoever calls this may well hold that of publishing.
    until = time.monotonic() + LONGEST_WAIT
    while (lock := try_lock(out / WORK / "index.lock")) is None:
        if time.monotonic() > until:
            raise TimeoutError(f"another process has been writing {out / PAGE} for too long")
        time.sleep(0.02)
    try:
        yield
    finally:
        lock.close()


def page(out: Path, made: datetime) -> str:
    """Return the page's HTML.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports.
    made : datetime.datetime
        When the page is made; shown in this machine's time zone.

    Returns
    -------
    str
        A whole HTML document: failing reports first, then the others, each in the order of
        their places.
    """
    entries = [_Entry.of(out, place) for place in history.places(out)]
    entries.sort(key=lambda entry: not entry.is_failing)  # keeps the order of the places
    allowed = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (
        # Of a page that is a file, browsers do not agree on what lies beside it.
        f"default-src 'none'; img-src 'self' file:; style-src 'sha256-{allowed}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Reports</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            f"<header>\n<h1>Reports</h1>\n<p>{_counted(entries)}</p>",
            f'<p class="quiet">This page was made on {_moment(made)}.</p>\n</header>\n<main>',
            *(_article(entry) for entry in entries),
            "</main>\n</body>\n</html>\n",
        ]
    )


@dataclass(frozen=True)
class _Entry:
    """One place of the page."""

    out: Path
    place: str
    shown: history.Run | None
    earlier: list[history.Run]
    older: list[Path]
    failure: dict[str, Any]
    has_failed: bool

    @classmethod
    def of(cls, out: Path, place: str) -> "_Entry":
        seen = history.glance_at(out, place, EARLIER)
        earlier = [run for run in seen.earlier if run.record.get("state") == "good"]
        # A failure whose record is damaged is one all the same.
        has_failed = (out / history.FAILED / place).is_dir()
        failure = history.failure_of(out, place)
        return cls(out, place, seen.shown, earlier, seen.older, failure, has_failed)

    @property
    def record(self) -> dict[str, Any]:
        """Of the run that is shown; of the failure where there never was a good one."""
        return self.shown.record if self.shown and self.shown.record else self.failure

    @property
    def is_damaged(self) -> bool:
        return self.shown is not None and not (
            self.shown.record and (self.out / self.place / "report.pdf").is_file()
        )

    @property
    def is_failing(self) -> bool:
        return self.has_failed or self.is_damaged or self.shown is None

    @property
    def title(self) -> str:
        title = self.record.get("title")
        title = title if isinstance(title, str) and title.strip() else prose_title(self.place)
        labels = self.record.get("labels")
        case = labels.get("case") if isinstance(labels, dict) else ""
        return f"{title}: {case}" if case else title


# ----------------------------------------------------------------- parts of the page


def _counted(entries: list[_Entry]) -> str:
    if not entries:
        return "No report has been made here yet; <code>crmlib report</code> makes them."
    failing = sum(entry.is_failing for entry in entries)
    reports = f"{len(entries)} report{'s' if len(entries) > 1 else ''}"
    if not failing:
        return f"{reports}, all good." if len(entries) > 1 else f"{reports}, good."
    need = "needs" if failing == 1 else "need"
    return f"{reports}: {failing} {need} attention, {len(entries) - failing} good."


def _article(entry: _Entry) -> str:
    parts = [
        f'<article class="{"failing" if entry.is_failing else "good"}">',
        f"<div>{_picture(entry)}</div>\n<div>",
        f'<p class="quiet">{_text(subject(entry.place))}</p>',
        f"<h2>{_text(entry.title)}</h2>",
        _trouble(entry) if entry.is_failing else _good(entry),
        _facts(entry),
        _others(entry),
        f'<p class="quiet">{_text(entry.place)}{_technical(entry)}</p>',
        "</div>\n</article>",
    ]
    return "\n".join(part for part in parts if part)


def _picture(entry: _Entry) -> str:
    if not _has_pdf(entry):
        return '<p class="none quiet">no report yet</p>'
    inner = "<span class='none'>open the report</span>"
    if _is_png(entry.out / entry.place / PAGE_ONE):
        # By way of the report's link, which a new report replaces together with everything else.
        source = _link(entry.place, PAGE_ONE)
        alt = f"Page one of {_text(entry.title, bare=True)}"
        inner = f'<img loading="lazy" src="{source}" alt="{alt}">'
    return f'<a class="picture" href="{_link(entry.place, "report.pdf")}">{inner}</a>'


def _is_png(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(PNG_START)) == PNG_START
    except OSError:
        return False


def _has_pdf(entry: _Entry) -> bool:
    return entry.shown is not None and (entry.out / entry.place / "report.pdf").is_file()


def _good(entry: _Entry) -> str:
    return f'<p><span class="state">✓ Good</span></p>\n{_open(entry, "Open the report")}'


def _open(entry: _Entry, words: str) -> str:
    pages = entry.record.get("pages")
    size = f", {pages} page{'s' if pages > 1 else ''}" if isinstance(pages, int) else ""
    return (
        f'<p class="open"><a href="{_link(entry.place, "report.pdf")}">{words} (PDF{size})</a></p>'
    )


def _trouble(entry: _Entry) -> str:
    lines = [f'<p><span class="state">✕ {_text(_since(entry))}</span></p>']
    if entry.has_failed:
        code, message = entry.failure.get("exit_code"), entry.failure.get("message")
        words = WHAT_WENT_WRONG.get(code) if isinstance(code, int) else None
        lines.append(f"<p>{words or 'It could not be made.'}</p>")
        if message:
            lines.append(f"<p>The message: {_text(message, LONGEST_MESSAGE)}</p>")
    elif entry.is_damaged:
        lines.append("<p>Files of this report are missing or cannot be read. Make it again.</p>")
    if not _has_pdf(entry) and (entry.earlier or entry.older):
        lines.append("<p>None is shown, though there are earlier ones. Make it again.</p>")
    elif not _has_pdf(entry):
        lines.append("<p>There is no good report of it yet.</p>")
    elif entry.is_damaged:
        lines.append(_open(entry, "Open what is there"))
    else:
        lines.append("<p>What is shown here is the last good report; it is not up to date.</p>")
        lines.append(_open(entry, "Open the last good report"))
    return "\n".join(lines)


def _since(entry: _Entry) -> str:
    since = history.moment_of(entry.failure.get("failing_since"))
    if since:
        return f"Failing since {_moment(since)}"
    return "Failing" if entry.has_failed else "Damaged"


def _facts(entry: _Entry) -> str:
    record = entry.record
    facts: list[tuple[str, str]] = []
    if tried := history.moment_of(entry.failure.get("finished")):
        facts.append(("Last tried on", _moment(tried)))
    if period := period_text(_period(record)):
        facts.append(("Period", _text(period)))
    if entry.shown and entry.shown.as_of:
        facts.append(("Made for", _text(_day(entry.shown.as_of))))
    if entry.shown and entry.shown.finished:
        facts.append(("Made on", _moment(entry.shown.finished)))
    if entry.shown and entry.shown.confirmed:
        facts.append(("Looked at again", f"{_moment(entry.shown.confirmed)}; nothing had changed"))
    if lines := _parameters(record):
        facts.append(("With", "<br>".join(lines)))
    facts += _lists(entry)
    return "<dl>" + "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in facts) + "</dl>"


def _parameters(record: Mapping[str, Any]) -> list[str]:
    values, given = record.get("parameters"), record.get("parameters_given")
    if not isinstance(values, dict) or not isinstance(given, list):
        return []
    return [f"{_text(name)} = {_text(values[name])}" for name in map(str, given) if name in values]


def _lists(entry: _Entry) -> list[tuple[str, str]]:
    names = entry.record.get("attachments")
    if not isinstance(names, dict) or entry.shown is None:
        return []
    links = [
        f'<a href="{_link(entry.place, name)}">{_text(name)}</a>'
        for name in names
        if FILE_NAME.fullmatch(name)
    ]
    return [("Lists", ", ".join(links))] if links else []


def _others(entry: _Entry) -> str:
    named = [(run.folder, _run_name(run)) for run in entry.earlier]
    named += [(folder, _folder_name(folder)) for folder in entry.older]
    lines = []
    for folder, name in named:
        if not os.path.isfile(folder / "report.pdf"):
            continue  # damaged: there is nothing to open
        where = folder.relative_to(entry.out).as_posix()
        lines.append(f'<li><a href="{_link(where, "report.pdf")}">{_text(name)}</a></li>')
    if not lines:
        return ""
    return (
        f"<details>\n<summary>Earlier reports ({len(lines)})</summary>\n<ul>\n"
        + "\n".join(lines)
        + "\n</ul>\n</details>"
    )


def _run_name(run: history.Run) -> str:
    made_for = period_text(_period(run.record)) or (_day(run.as_of) if run.as_of else "")
    made = f"made on {_moment(run.finished)}" if run.finished else ""
    return ", ".join(part for part in (made_for, made) if part) or run.folder.name


def _folder_name(folder: Path) -> str:
    """Return what the name of a run's folder tells: when the run was started."""
    try:
        started = datetime.strptime(folder.name.partition("-")[0], "%Y%m%dT%H%M%SZ")
    except ValueError:
        return folder.name
    return f"made on {_moment(started.replace(tzinfo=UTC))}"


def _technical(entry: _Entry) -> str:
    links = []
    if entry.shown and entry.shown.record:
        links.append((_link(entry.place, "run.json"), "how it was made"))
    if entry.has_failed:
        failed = f"{history.FAILED}/{entry.place}"
        links += [(_link(failed, name), words)
                  for name, words in (("traceback.txt", "the whole error"), ("log.txt", "log"))
                  if (entry.out / failed / name).is_file()]  # fmt: skip
    return "".join(f' · <a href="{address}">{words}</a>' for address, words in links)


# ----------------------------------------------------------------- data as text


def _text(value: Any, longest: int = LONGEST_VALUE, *, bare: bool = False) -> str:
    """Return data as HTML text that is neither markup nor changes what stands around it."""
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    plain = hide_passwords(plain)
    # Control signs mean nothing in HTML, and half a character cannot be written.
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())
    if len(plain) > longest:
        plain = plain[: longest - 1] + "…"
    escaped = html.escape(plain)
    # bdi: text written from right to left must not turn its neighbours round.
    return escaped if bare else f"<bdi>{escaped}</bdi>"


def _link(*parts: str) -> str:
    """Return a relative address, with all signs quoted that mean something in one."""
    return quote(os.fsencode("/".join(parts)), safe="/")


def _period(record: Mapping[str, Any]) -> list[Any] | None:
    period = record.get("period")
    return period if isinstance(period, list) and len(period) == 2 else None


def _day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _moment(moment: datetime) -> str:
    """Return day and time in this machine's zone, and what zone that is."""
    local = history.local(moment)
    offset = local.strftime("%z")
    zone = "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{_day(local.date())}, {local:%H:%M} {zone}"
