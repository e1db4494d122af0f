"""The plain text of a document's bytes, by file type, and what the file says about itself.

Each reader takes the file's bytes and returns text with "\\n" line ends, or raises DomainError with one
reason that continues "<id> was skipped: ".
"""

import io
import logging
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from tasks.domain.front_matter import split_front_matter
from tasks.errors import DomainError
from tasks.retrieval.headings import find_headings

_DROPPED_ELEMENTS = ("script", "style", "noscript", "template", "svg", "iframe")
_BLOCK_ELEMENTS = (
    "address article aside blockquote body caption dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 "
    "h6 head header hr li main nav ol option p pre section summary table title tr ul"
)
# A title stands at the beginning; a long text is not searched to its end for one.
_TITLE_WITHIN = 65_536


class Parsed(NamedTuple):
    """A file as it was read.

    Attributes:
        text: its plain text.
        metadata: its `title`, where it has one, and all that its front matter says.
        problem: what was left as text though it looks like metadata; continues "<id>: ".
    """

    text: str
    metadata: dict[str, Any]
    problem: str | None = None


def parse_file(suffix: str, data: bytes) -> Parsed:
    """The text and metadata of a file with this suffix (".md", in any case).

    Raises:
        DomainError: when the suffix is not supported, or the bytes hold no text that can be read.
    """
    reader = READERS.get(suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise DomainError(f"its type ({suffix or 'no suffix'}) is not one of {known}; convert it, or narrow the glob.")
    parsed = reader(data)
    if not parsed.text.strip():
        raise DomainError("it is empty; write its text, or remove the file.")
    return parsed


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


def read_markdown(data: bytes) -> Parsed:
    """The text after the front matter, under the title that this or the first heading gives."""
    said, text, problem = split_front_matter(plain_text(data))
    return Parsed(text, {**_first_heading(".md", text), **said}, problem and f"its front matter {problem}")


def read_restructured(data: bytes) -> Parsed:
    """The text, under the title that its first heading gives."""
    text = plain_text(data)
    return Parsed(text, _first_heading(".rst", text))


def read_html(data: bytes) -> Parsed:
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
    title = page.title.get_text() if page.title is not None else None
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
    return Parsed(_tidy(re.sub(r"(?<=\n) (?=\S)", "", page.get_text())), _titled(title))


def read_pdf(data: bytes) -> Parsed:
    """The text layer of a PDF, pages apart by a blank line, under the title that the file names."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    # pypdf logs what it repairs; the one sentence about a file that stays unreadable is enough.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        text = "\n\n".join(page.extract_text().strip() for page in reader.pages)
        title = reader.metadata.title if reader.metadata is not None else None
    except (DependencyError, FileNotDecryptedError) as error:
        raise DomainError("it is an encrypted PDF; save it without a password.") from error
    except Exception as error:  # a malformed PDF can raise anything; the sentence keeps its name and text
        raise DomainError(
            f"it is not a readable PDF ({type(error).__name__}: {_one_line(str(error))}); repair it."
        ) from error
    if not text.strip():
        raise DomainError("it is a PDF without text, perhaps scanned; run text recognition (OCR) on it.")
    return Parsed(_tidy(_storable(text)), _titled(title if isinstance(title, str) else None))


READERS: dict[str, Callable[[bytes], Parsed]] = {
    ".txt": lambda data: Parsed(plain_text(data), {}),
    ".md": read_markdown,
    ".rst": read_restructured,
    ".html": read_html,
    ".pdf": read_pdf,
}


def _first_heading(name: str, text: str) -> dict[str, str]:
    heading = next(find_headings(name, text[:_TITLE_WITHIN]), None)
    return _titled(heading.title if heading else None)


def _titled(title: str | None) -> dict[str, str]:
    words = " ".join(_storable(title or "").split())
    return {"title": words} if words else {}


def _storable(text: str) -> str:
    # Broken character maps yield halves of surrogate pairs, which UTF-8 cannot hold.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _tidy(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def _one_line(message: str) -> str:
    return " ".join(message.split())[:80] or "no details"
