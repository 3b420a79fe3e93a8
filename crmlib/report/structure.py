"""Changing the texts of a notebook or a record, so that it stays one.

A secret can be a word that every notebook holds, such as the name of a database that is called
"outputs". That the word stands where the format has it says nothing of the secret.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import Any

from crmlib.passwords import HIDDEN

NOTEBOOK_KEYS = """
    cells cell_type source outputs output_type metadata data text name execution_count id
    attachments nbformat nbformat_minor ename evalue traceback tags kernelspec display_name
    language language_info codemirror_mode file_extension mimetype nbconvert_exporter
    pygments_lexer version width height papermill
    text/plain text/html text/markdown text/latex image/svg+xml image/png image/jpeg image/gif
    application/json application/vnd.crmlib.block+json
    application/vnd.jupyter.widget-view+json
"""
BLOCK_KEYS = """
    kind id caption svg texts headings align rows note text detail name content inputs
    read_beside seed period format alt
"""
RECORD_KEYS = """
    report title place labels state exit_code message started finished seconds as_of run_id basis
    parameters parameters_given inputs read_beside pseudonymised seed period versions platform
    git_commit git_dirty warnings attachments files sequence failing_since failing_as_of
    pages pdf_sha256 missing_glyphs schedule job case folder attempts time text cell
    source kind rows first_date last_date missing_cells set_aside sha256 python crmlib
"""
KEYS = frozenset((NOTEBOOK_KEYS + BLOCK_KEYS + RECORD_KEYS).split())

# Words of the formats, by the key behind which they stand.
WORDS: Mapping[str, frozenset[str]] = {
    key: frozenset(words.split())
    for key, words in {
        "cell_type": "code markdown raw",
        "output_type": "stream display_data execute_result error",
        "name": "stdout stderr python python3",
        "language": "python",
        "tags": "parameters injected-parameters summary screen-only",
        "kind": "figure table finding attachment run_record caption",
        "align": "left right center",
        "state": "good unchanged failed held stopped",
    }.items()
}
NO_WORDS: frozenset[str] = frozenset()
DRAWINGS = {"svg", "image/svg+xml"}
NAMES_OF_STYLES = re.compile(r"((?:^|;)\s*[a-z-]+\s*:)")
XML_NAMES = {"": "http://www.w3.org/2000/svg", "xlink": "http://www.w3.org/1999/xlink"}


def replaced(value: Any, change: Callable[[str], str]) -> Any:
    """Return data with every text changed, but for the words that its format is made of.

    Parameters
    ----------
    value : object
        A notebook, a record, or a part of one: dictionaries, lists, texts, numbers. Anything
        else becomes text.
    change : callable
        Text to text.

    Returns
    -------
    object
        New data, in which dictionaries and lists are of the classes they had.
    """
    return _replaced(value, change, NO_WORDS)


def _replaced(value: Any, change: Callable[[str], str], words: frozenset[str]) -> Any:
    if isinstance(value, dict):
        # A notebook's parts are dictionaries of a class of their own, and must stay so.
        return type(value)(_items(value, change))
    if isinstance(value, list | tuple):
        return type(value)(_replaced(item, change, words) for item in value)
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if text in words else change(text)


def _items(value: dict[Any, Any], change: Callable[[str], str]) -> dict[str, Any]:
    items: dict[str, Any] = {}
    for key, item in value.items():
        name = key if key in KEYS else change(str(key))
        while name in items:
            name += HIDDEN  # two keys that differed in what is hidden stay two
        if key in DRAWINGS and isinstance(item, str):
            items[name] = _drawing(item, change)
        elif key == "id" and "cell_type" in value and isinstance(item, str):
            items[name] = change(item).replace(HIDDEN, "-")  # of letters, digits, - and _
        else:
            items[name] = _replaced(item, change, WORDS.get(str(key), NO_WORDS))
    return items


def _drawing(svg: str, change: Callable[[str], str]) -> str:
    """Change the texts of an SVG and leave its elements, attributes and styles what they are."""
    if change(svg) == svg:
        return svg
    try:
        root = ET.fromstring(svg)
    except ET.ParseError:
        return change(svg)
    for prefix, address in XML_NAMES.items():
        ET.register_namespace(prefix, address)
    for element in root.iter():
        element.text = change(element.text) if element.text else element.text
        element.tail = change(element.tail) if element.tail else element.tail
        for name, text in element.attrib.items():
            parts = NAMES_OF_STYLES.split(text) if name == "style" else [text]
            # Every second part is the name of a style.
            parts[::2] = [change(part) for part in parts[::2]]
            element.set(name, "".join(parts))
    return ET.tostring(root, encoding="unicode")
