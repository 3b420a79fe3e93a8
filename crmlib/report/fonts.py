"""Which fonts reports and charts use, and which characters none of them can print."""

import functools
import importlib.util
import unicodedata
from dataclasses import dataclass
from pathlib import Path

TEXT_FAMILY = "Open Sans"
SYMBOL_FAMILY = "DejaVu Sans"  # comes with matplotlib: Greek, arrows, Hebrew, Arabic, some emoji

# Simplified Chinese first: a shared character is drawn in its Chinese form.
CHINESE_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Heiti SC",
    "SimHei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)

# They turn the reading order of what follows: a name could turn the numbers behind it.
DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# Joiners, variation selectors and the like: fonts need no glyph for what is not drawn.
UNDRAWN_RANGES = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2060, 0x2064),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xE0000, 0xE0FFF),
)


@dataclass(frozen=True)
class Font:
    """One face of a font file."""

    family: str
    path: Path
    face: int = 0

    def characters(self) -> frozenset[int]:
        """Return the code points that the face has a glyph for."""
        return _characters(self.path, self.face)


@functools.cache
def _characters(path: Path, face: int) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    is_collection = path.suffix.lower() in {".ttc", ".otc"}
    font = TTFont(path, fontNumber=face if is_collection else -1, lazy=True)
    try:
        return frozenset(font.getBestCmap() or ())
    finally:
        font.close()


def text_fonts() -> list[Path]:
    """Return the files of the text typeface in all its weights."""
    return sorted((_package_folder("ttf_opensans") / "ttf").glob("*.ttf"))


@functools.cache
def text_font() -> Font:
    """Return the typeface of text and charts."""
    return Font(TEXT_FAMILY, _package_folder("ttf_opensans") / "ttf" / "OpenSans-Regular.ttf")


@functools.cache
def symbol_font() -> Font:
    """Return the font for what the text typeface does not have."""
    folder = _package_folder("matplotlib") / "mpl-data" / "fonts" / "ttf"
    return Font(SYMBOL_FAMILY, folder / "DejaVuSans.ttf")


@functools.cache
def chinese_font() -> Font | None:
    """Return a Chinese font: the system's, else that of ``crmlib[chinese]``, else None."""
    return _system_chinese_font() or _packaged_chinese_font()


def _system_chinese_font() -> Font | None:
    from matplotlib.font_manager import fontManager

    packaged = _packaged_chinese_font()
    found = {
        entry.name: Font(entry.name, Path(entry.fname), entry.index)
        for entry in fontManager.ttflist
        if entry.name in CHINESE_FAMILIES
        and entry.style == "normal"
        and entry.weight in (400, "normal", "regular")
        and (packaged is None or Path(entry.fname) != packaged.path)
        and Path(entry.fname).exists()
    }
    return next((found[family] for family in CHINESE_FAMILIES if family in found), None)


def _packaged_chinese_font() -> Font | None:
    try:
        path = _package_folder("noto_cjk_sans_otc") / "NotoSansCJK-Regular.ttc"
    except ModuleNotFoundError:
        return None
    simplified_chinese = 2  # the collection holds the faces JP, KR, SC, TC, HK in this order
    return Font("Noto Sans CJK SC", path, simplified_chinese)


def _package_folder(package: str) -> Path:
    # Found without importing: matplotlib alone would cost a third of a second.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the package {package} is not installed")
    return Path(spec.origin).parent


def use_in_charts() -> list[str]:
    """Make the fonts known to matplotlib and return their families, first choice first."""
    from matplotlib.font_manager import fontManager

    chinese = chinese_font()
    known = {entry.fname for entry in fontManager.ttflist}
    for path in [*text_fonts(), *([chinese.path] if chinese else [])]:
        if str(path) not in known:
            fontManager.addfont(path)
    return [TEXT_FAMILY, *([chinese.family] if chinese else []), SYMBOL_FAMILY]


class Glyphs:
    """Replaces what no font can print by its code point and remembers what it replaced."""

    def __init__(self) -> None:
        self._printable: dict[str, str] = {"\t": "    ", "\n": "\n"}
        self._missing: set[str] = set()
        self.needs_chinese = False

    def printable(self, text: str) -> str:
        r"""Return the text as it can be printed.

        A character without a glyph, a control character or a half of a broken
        surrogate pair becomes its code point in brackets, ``[U+1F9FF]``. Line ends
        become ``\n`` and tabs four spaces.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text.translate({ord(character): self._replace(character) for character in set(text)})

    def missing(self) -> list[str]:
        """Return the characters that no font has, as ``U+1F9FF 🧿``, in order of code point."""
        return [f"{_code_point(character)} {character}" for character in sorted(self._missing)]

    def _replace(self, character: str) -> str:
        if character not in self._printable:
            self._printable[character] = self._look_up(character)
        return self._printable[character]

    def _look_up(self, character: str) -> str:
        if _is_control(character):
            return f"[{_code_point(character)}]"
        if _is_undrawn(character) or self._has_glyph(character):
            return character
        self._missing.add(character)
        return f"[{_code_point(character)}]"

    def _has_glyph(self, character: str) -> bool:
        if any(ord(character) in font.characters() for font in (text_font(), symbol_font())):
            return True
        chinese = chinese_font()
        if chinese is None or ord(character) not in chinese.characters():
            return False
        self.needs_chinese = True
        return True


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _is_control(character: str) -> bool:
    is_noncharacter = (ord(character) & 0xFFFE) == 0xFFFE
    category = unicodedata.category(character)
    return category in {"Cc", "Cs"} or is_noncharacter or character in DIRECTION_CONTROLS


def _is_undrawn(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in UNDRAWN_RANGES)
