import io
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.document_text import READERS, parse_file, read_html
from tasks.errors import DomainError


def pdf(*pages: str, password: str | None = None, title: str | None = None) -> bytes:
    """A PDF with one line of text a page, in the built-in font Helvetica."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    for text in pages:
        page = writer.add_blank_page(width=300, height=300)
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode("latin-1"))
        names = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica", "/Encoding": "/WinAnsiEncoding"}
        font = DictionaryObject({NameObject(key): NameObject(value) for key, value in names.items()})
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        page[NameObject("/Contents")] = writer._add_object(content)
    if title is not None:
        writer.add_metadata({"/Title": title})
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".txt", ".md", ".rst", ".MD"])
def test_text_files_keep_their_text_but_for_byte_order_mark_and_line_ends(suffix: str) -> None:
    assert parse_file(suffix, "\ufeffZürich\r\n什么\rend \u2028".encode()).text == "Zürich\n什么\nend \u2028"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One <b>bold</b>\n word.</p><p>Two</p>", "One bold word.\n\nTwo\n"),
        ("<html><head><title>T</title><style>p{}</style><script>x()</script></head><body>B</body></html>", "T\n\nB\n"),
        ("a<br>b<!-- no --><noscript>no</noscript>", "a\nb\n"),
        ("<ul>\n <li>one</li>\n <li>two &amp; more</li>\n</ul>", "one\n\ntwo & more\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\n\nc\n"),
        ("<pre>def f():\n    return 1</pre>", "def f():\n    return 1\n"),
        ('<?xml version="1.0"?><!DOCTYPE html><html><p>x&nbsp;y</p></html>', "x y\n"),
        ("<p>unclosed <i>markup", "unclosed markup\n"),
        ("https://example.org/page", "https://example.org/page\n"),
        ("notes.txt", "notes.txt\n"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_html_becomes_the_text_a_reader_sees(html: str, text: str) -> None:
    assert read_html(html.encode()).text == text


def test_html_nested_without_end_is_still_read() -> None:
    assert read_html(b"<div>" * 2_000 + b"deep").text == "deep\n"


def test_pdf_pages_are_joined_by_a_blank_line() -> None:
    assert parse_file(".pdf", pdf("First page.", "Caf\xe9.")).text == "First page.\n\nCafé.\n"


def test_the_title_of_a_pdf_is_the_one_that_it_names() -> None:
    assert parse_file(".pdf", pdf("Text.", title=" On  cats\n")).metadata == {"title": "On cats"}
    assert parse_file(".pdf", pdf("Text.", title=" ")).metadata == {}
    assert parse_file(".pdf", pdf("Text.")).metadata == {}


@pytest.mark.parametrize(
    ("suffix", "data", "problem"),
    [
        (".txt", b"caf\xe9", "it is not UTF-8 (byte 3); save it as UTF-8."),
        (".html", b"<p>caf\xe9", "it is not UTF-8 (byte 6); save it as UTF-8."),
        (".txt", "UTF-16".encode("utf-16"), "it is not UTF-8 (byte 0); save it as UTF-8."),
        (".md", b"ab\0c", "it is binary (NUL at byte 2); remove the file, or narrow the glob."),
        (".txt", b"", "it is empty; write its text, or remove the file."),
        (".txt", b"\xef\xbb\xbf\n\t", "it is empty; write its text, or remove the file."),
        (".html", b"<script>x()</script>", "it is empty; write its text, or remove the file."),
        (
            ".docx",
            b"PK",
            "its type (.docx) is not one of .txt, .md, .rst, .html, .pdf; convert it, or narrow the glob.",
        ),
        (
            "",
            b"x",
            "its type (no suffix) is not one of .txt, .md, .rst, .html, .pdf; convert it, or narrow the glob.",
        ),
        (".pdf", pdf(""), "it is a PDF without text, perhaps scanned; run text recognition (OCR) on it."),
        (".pdf", pdf("Secret", password="x"), "it is an encrypted PDF; save it without a password."),
    ],
)
def test_bytes_without_text_are_refused_with_the_reason(suffix: str, data: bytes, problem: str) -> None:
    with pytest.raises(DomainError) as caught:
        parse_file(suffix, data)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize("data", [b"", b"not a pdf", b"%PDF-1.7\nbroken", pdf("Cut off.")[:200]])
def test_a_pdf_that_cannot_be_parsed_is_refused_with_the_parser_s_words(data: bytes) -> None:
    with pytest.raises(DomainError, match=r"^it is not a readable PDF \(\w+: .+\); repair it\.$"):
        parse_file(".pdf", data)


def test_html_that_the_parser_rejects_is_refused_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def reject(parser: HTMLParser, data: str) -> None:
        raise AssertionError("expected name token at '<![<'")

    # Which markup it rejects differs between Pythons.
    monkeypatch.setattr(HTMLParser, "feed", reject)
    with pytest.raises(DomainError) as caught:
        parse_file(".html", b"<p>a</p><![<")
    assert caught.value.problems == ("it is not readable HTML (expected name token at '<![<'); repair it.",)


def check_text_or_one_reason(suffix: str, data: bytes) -> None:
    try:
        parse_file(suffix, data).text.encode("utf-8")
    except DomainError as error:
        (problem,) = error.problems
        assert "\n" not in problem


MARKUP = "< > </ ! -- <![ CDATA[ ]] <? DOCTYPE & # ; x 9 p pre script br = ' / &#xD800;"


@given(st.lists(st.sampled_from(MARKUP.split())))
def test_any_markup_gives_storable_text_or_one_reason(pieces: list[str]) -> None:
    check_text_or_one_reason(".html", "".join(pieces).encode())


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300))
def test_any_bytes_give_storable_text_or_one_reason(suffix: str, data: bytes) -> None:
    check_text_or_one_reason(suffix, data)


@given(st.integers(0, 800), st.binary(min_size=1, max_size=8))
def test_a_damaged_pdf_gives_storable_text_or_one_reason(start: int, damage: bytes) -> None:
    sound = pdf("Some text.")
    check_text_or_one_reason(".pdf", sound[:start] + damage + sound[start + len(damage) :])
