"""The examples and tables in the two README files, taken out so that tests can try them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from crmlib import cli

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "reports/README.md")
FENCE = re.compile(r"^```(?P<language>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_COMMENT = re.compile(r"#\s*(?P<name>[\w./@-]+\.\w+)\b")
END_OF_COMMAND = {">", ">>", "|", "||", "&&", ";", "&"}


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """The file that the block's first comment says it is."""
        comment = next((line for line in self.text.splitlines()[:2] if line.startswith("# ")), "")
        found = FILE_COMMENT.match(comment)
        return found["name"] if found else ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """Every fenced block of the documents, or those of some languages."""
    return [
        Block(document, text.count("\n", 0, match.start()) + 1, match["language"], match["text"])
        for document in DOCUMENTS
        for text in [text_of(document)]
        for match in FENCE.finditer(text)
        if not languages or match["language"] in languages
    ]


def block_named(name: str) -> Block:
    """The one block that is the file of this name."""
    [found] = [block for block in blocks() if block.name == name]
    return found


def secrets_of(block: Block) -> set[str]:
    """Names of the environment variables that a schedule needs."""
    keys = {"CRMLIB_PSEUDONYM_KEY"} if "pseudonyms = true" in block.text else set()
    return keys | set(re.findall(r"\$\{(\w+)\}", block.text))


def section(document: str, heading: str) -> str:
    """Text from a heading to the next one of any rank, comments of its blocks included."""
    below = text_of(document).split(f"# {heading}\n", 1)[1]
    return re.split(r"^#{2,} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def table_below(document: str, heading: str) -> list[dict[str, str]]:
    """First table below a heading: a dictionary a row, by the titles of the columns."""
    below = text_of(document).split(f"# {heading}\n", 1)[1]
    lines = re.search(r"^\|.*\n(?:\|.*\n)+", below, re.MULTILINE)[0].splitlines()
    titles, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(titles, row, strict=True)) for row in rows]


def code_in(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def commands_in(text: str) -> list[list[str]]:
    """Arguments of every `crmlib` command in a shell text, a crontab, a unit or a workflow."""
    whole = text.replace("\\\n", " ")
    return [_arguments(found) for found in re.findall(r"\bcrmlib ([a-z].*)", whole)]


def _arguments(line: str) -> list[str]:
    plain = re.sub(r"\s+# .*|\d>&\d", "", line)
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    found = []
    for token in lexer:
        if token in END_OF_COMMAND:
            break
        found.append(token)
    return found


def fault_of(arguments: list[str]) -> str:
    """What the command line says against its arguments; nothing is run."""
    name, *rest = arguments
    if name not in cli.main.commands:
        return f"there is no command {name}"
    try:
        cli.main.commands[name].make_context(name, rest)
    except click.UsageError as error:
        return error.format_message()
    return ""
