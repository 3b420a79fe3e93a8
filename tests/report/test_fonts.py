import pytest

from crmlib.report import fonts


@pytest.fixture
def glyphs():
    return fonts.Glyphs()


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "naïve café",
        "Ελλάδα τ β",
        "−5 ≤ x ≤ 5",
        "☺ ✓ →",
        "שלום",
        "مرحبا",
        "a\nb",
        "a\u200bb",
    ],
)
def test_what_the_fonts_have_stays_as_it_is(glyphs, text):
    assert glyphs.printable(text) == text
    assert glyphs.missing() == []


@pytest.mark.skipif(fonts.chinese_font() is None, reason="no Chinese font on this machine")
def test_chinese_needs_the_chinese_font_and_english_does_not(glyphs):
    assert glyphs.printable("customers") == "customers"
    assert not glyphs.needs_chinese
    assert glyphs.printable("客户") == "客户"
    assert glyphs.needs_chinese


def test_without_a_chinese_font_chinese_is_named(glyphs, monkeypatch):
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)
    assert glyphs.printable("客") == "[U+5BA2]"
    assert glyphs.missing() == ["U+5BA2 客"]


def test_a_glyph_no_font_has_is_shown_by_its_code_point_and_named_once(glyphs):
    assert glyphs.printable("a🧿b🧿") == "a[U+1F9FF]b[U+1F9FF]"
    assert glyphs.missing() == ["U+1F9FF 🧿"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x00", "[U+0000]"),
        ("\x1b[31m", "[U+001B][31m"),
        ("\ud800", "[U+D800]"),
        ("\ufffe", "[U+FFFE]"),
        ("\u202e123", "[U+202E]123"),
        ("a\tb", "a    b"),
        ("a\r\nb\rc", "a\nb\nc"),
    ],
)
def test_controls_are_shown_and_are_not_missing_glyphs(glyphs, text, shown):
    assert glyphs.printable(text) == shown
    assert glyphs.missing() == []


def test_charts_use_the_typeface_of_the_text():
    from matplotlib.font_manager import findfont

    families = fonts.use_in_charts()
    assert families[0] == "Open Sans"
    assert families[-1] == "DejaVu Sans"
    found = findfont("Open Sans", fallback_to_default=False)
    assert str(found) in {str(path) for path in fonts.text_fonts()}


def test_the_packaged_chinese_font_is_the_simplified_face():
    pytest.importorskip("noto_cjk_sans_otc")
    from fontTools.ttLib import TTFont

    font = fonts._packaged_chinese_font()
    with TTFont(font.path, fontNumber=font.face, lazy=True) as face:
        assert face["name"].getDebugName(1) == font.family == "Noto Sans CJK SC"
