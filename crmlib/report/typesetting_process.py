"""Typst in a process of its own: what makes it abort ends one report, not the others as well.

It is started as a script as soon as a report is to be rendered, waits for a line of JSON on
standard input, and answers with one.
"""

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import typst
from PIL import Image

PAGE_ONE = """\
#set page(width: 210mm, height: 297mm, margin: 0pt)
#image("report.pdf", page: 1, width: 100%)
"""
DOTS_PER_INCH = 110  # 909 pixels across: the text of page one can be read
COLOURS = 64  # a third of the bytes, and nothing to be seen of it


def main() -> None:
    """Do one piece of work, within the limits it comes with."""
    work = json.loads(sys.stdin.readline() or "null")
    if work is None:
        return  # the report came to nothing before it could be set
    limit(work["seconds"], work["memory"])
    os.chdir(work["folder"])  # Typst's complaints name files as seen from here
    answer: dict[str, Any] = {}
    try:
        answer["pages"] = typeset(Path(work["folder"]), work["families"], work["font_folders"])
    except typst.TypstError as error:
        answer["error"] = str(error.diagnostic)
    except OSError as error:
        answer["errno"] = error.errno
    print(json.dumps(answer), flush=True)


def limit(seconds: int, memory: int) -> None:
    """Have the system end this process when it takes more, even if nobody waits for it."""
    if sys.platform != "win32":
        import resource

        signal.alarm(seconds)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def typeset(folder: Path, families: list[str], font_folders: list[str]) -> int:
    """Set `main.typ` into `report.pdf`, draw its page one into `page-one.png`, count pages."""
    # System fonts are left out: a report looks the same wherever these fonts are.
    fonts = typst.Fonts(include_system_fonts=False, font_paths=font_folders)
    compiler = typst.Compiler(
        folder / "main.typ",
        root=folder,
        font_paths=fonts,
        sys_inputs={"fonts": json.dumps(families)},
    )
    (folder / "report.pdf").write_bytes(one_file(compiler.compile(format="pdf")))
    pages = int(json.loads(compiler.query("<pages>", field="value", one=True)))
    (folder / "page-one.typ").write_text(PAGE_ONE, encoding="utf-8")
    # Typst would draw all pages of the report; of the finished PDF it draws the first alone.
    drawer = typst.Compiler(folder / "page-one.typ", root=folder, font_paths=fonts)
    drawn = one_file(drawer.compile(format="png", ppi=DOTS_PER_INCH))
    (folder / "page-one.png").write_bytes(with_few_colours(drawn))
    return pages


def one_file(made: Any) -> bytes:
    """Return what Typst made of a document that is one file."""
    assert isinstance(made, bytes)
    return made


def with_few_colours(png: bytes) -> bytes:
    """Return a PNG with a palette instead of three bytes for every dot."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        # Of the methods that are fast, the one that leaves white paper white.
        method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
        picture.convert("RGB").quantize(COLOURS, method, dither=dither).save(small, "PNG")
    return small.getvalue()


if __name__ == "__main__":
    main()
