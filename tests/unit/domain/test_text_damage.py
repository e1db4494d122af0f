import pytest

from tasks.domain.text_damage import SIGNS, damage

WRONG_ENCODING, REPLACEMENT, CONTROL = SIGNS


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize(
    "text", ["café", "Zürich", "naïve £5", "I don’t", "“quoted”", "a – b", "Привет", "Ελλάδα", "你好世界", "🦀 crab"]
)
def test_text_read_with_the_wrong_encoding_is_noticed(text: str, encoding: str) -> None:
    garbled = text.encode("utf-8").decode(encoding, errors="replace")
    assert damage(garbled)


@pytest.mark.parametrize(
    "text",
    [
        "café Zürich naïve £5 don’t “quoted” a – b…",
        "PÂTÉ, VOILÀ…, CAFÉ”, MAÇÃ…, „MENÜ“, «café»…, 20 °C, ±2 µm, ½",
        "Привет, «мир»… Ελλάδα 你好世界 مرحبا 🦀",
        "Việt Nam, Ørsted, Þórr, Łódź, İstanbul, ñ",
        "tabs\tand\nlines\r\nand\fpages",
    ],
)
def test_sound_text_in_any_language_is_left_alone(text: str) -> None:
    assert damage(text) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lost \ufffd letter", {REPLACEMENT: "\ufffd"}),
        ("a\x00b\x1b", {CONTROL: "\x00"}),
        ("cafÃ© and more Ã¼", {WRONG_ENCODING: "Ã©"}),
        ("Ã© \ufffd \x07", {WRONG_ENCODING: "Ã©", REPLACEMENT: "\ufffd", CONTROL: "\x07"}),
    ],
)
def test_each_kind_is_told_by_its_first_occurrence(text: str, expected: dict[str, str]) -> None:
    assert damage(text) == expected
