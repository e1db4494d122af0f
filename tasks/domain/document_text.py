"""The plain text of a document's bytes, by file type.

Each reader takes the file's bytes and returns text with "\\n" line ends, or raises DomainError with one
reason that continues "<id> was skipped: ".
"""

import io
import logging
import re
import warnings
from collections.abc import Callable

from tasks.errors import DomainError

_DROPPED_ELEMENTS = ("script", "style", "noscript", "template", "svg", "iframe")
_BLOCK_ELEMENTS = (
    "address article aside blockquote body caption dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 "
    "h6 head header hr li main nav ol option p pre section summary table title tr ul"
)


def text_of(suffix: str, data: bytes) -> str:
    """The text of a file with this suffix (".md", in any case).

    Raises:
        DomainError: when the suffix is not supported, or the bytes hold no text that can be read.
    """
    reader = READERS.get(suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise DomainError(f"its type ({suffix or 'no suffix'}) is not one of {known}; convert it, or narrow the glob.")
    text = reader(data)
    if not text.strip():
        raise DomainError("it is empty; write its text, or remove the file.")
    return text


def plain_text(data: bytes) -> str:
    """The text of UTF-8 bytes, without a byte order mark.

    Raises:
        DomainError: for bytes that are not UTF-8, and for NUL bytes, which no text has.
    """
    nul = data.find(b"\0")
    if nul >= 0 and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DomainError(f"it is binary (NUL at byte {nul}); remove the file, or narrow the glob.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DomainError(f"it is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def html_text(data: bytes) -> str:
    """The visible text of an HTML page: a line for each block, inline markup joined, scripts and styles left out."""
    from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, ParserRejectedMarkup, XMLParsedAsHTMLWarning
    from bs4.element import NavigableString

    with warnings.catch_warnings():
        # XHTML is HTML enough to take its text, and a page may be nothing but a URL.
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        try:
            page = BeautifulSoup(plain_text(data), "html.parser")
        except ParserRejectedMarkup as error:
            reason = _one_line(str(error).rpartition(":")[2])
            raise DomainError(f"it is not readable HTML ({reason}); repair it.") from error
    for element in page.find_all(_DROPPED_ELEMENTS):
        element.decompose()
    preformatted = {id(string) for element in page.find_all("pre") for string in element.find_all(string=True)}
    for string in list(page.find_all(string=True)):
        # Exactly NavigableString: its subclasses are comments, doctypes and the like.
        if type(string) is NavigableString and id(string) not in preformatted:
            string.replace_with(re.sub(r"\s+", " ", string))
    for element in page.find_all("br"):
        element.replace_with("\n")
    for element in page.find_all(("td", "th")):
        element.append(" ")
    for element in page.find_all(_BLOCK_ELEMENTS.split()):
        element.insert(0, "\n")
        element.append("\n")
    return _tidy(re.sub(r"(?<=\n) (?=\S)", "", page.get_text()))


def pdf_text(data: bytes) -> str:
    """The text layer of a PDF, pages apart by a blank line."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    # pypdf logs what it repairs; the one sentence about a file that stays unreadable is enough.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        text = "\n\n".join(page.extract_text().strip() for page in reader.pages)
    except (DependencyError, FileNotDecryptedError) as error:
        raise DomainError("it is an encrypted PDF; save it without a password.") from error
    except Exception as error:  # a malformed PDF can raise anything; the sentence keeps its name and text
        raise DomainError(
            f"it is not a readable PDF ({type(error).__name__}: {_one_line(str(error))}); repair it."
        ) from error
    if not text.strip():
        raise DomainError("it is a PDF without text, perhaps scanned; run text recognition (OCR) on it.")
    # Broken character maps yield halves of surrogate pairs, which UTF-8 cannot hold.
    return _tidy(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


READERS: dict[str, Callable[[bytes], str]] = {
    ".txt": plain_text,
    ".md": plain_text,
    ".rst": plain_text,
    ".html": html_text,
    ".pdf": pdf_text,
}


def _tidy(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def _one_line(message: str) -> str:
    return " ".join(message.split())[:80] or "no details"
