"""Links from one document to another, as Markdown, reStructuredText and wikis write them."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

import regex

_INLINE = regex.compile(r"(?<!!)\[(?P<text>[^\]\n]+)\]\(\s*<?(?P<target>[^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_PATTERNS = (
    _INLINE,
    regex.compile(r"\[\[(?P<target>[^\]|#\n]+)(?:#[^\]|\n]*)?(?:\|(?P<text>[^\]\n]+))?\]\]"),
    regex.compile(r"^[ ]{0,3}\[[^\]\n]+\]:[ \t]+<?(?P<target>[^\s>]+)", regex.MULTILINE),
    regex.compile(r":(?:doc|ref):`(?:[^`<\n]+<)?(?P<target>[^`<>\n]+)>?`"),
    regex.compile(r"`[^`<\n]+<(?P<target>[^`>\s]+)>`_"),
    regex.compile(r"<a\s[^>]*?href\s*=\s*[\"'](?P<target>[^\"']+)[\"']", regex.IGNORECASE),
)
_ELSEWHERE = regex.compile(r"[a-z][a-z0-9+.-]*:|//|#", regex.IGNORECASE)


def find_targets(text: str) -> list[str]:
    """What the text links to within the domain, as it is written there without `#fragment`, each once, in order."""
    targets = (match["target"].strip() for pattern in _PATTERNS for match in pattern.finditer(text))
    local = (target.split("#")[0].split("?")[0] for target in targets if not _ELSEWHERE.match(target))
    return list(dict.fromkeys(target for target in local if target))


def without_targets(text: str) -> str:
    """The text with inline links replaced by the words that carry them."""
    return _INLINE.sub(lambda match: str(match["text"]), text)


def target_names(document_ids: Iterable[str], duplicates: Mapping[str, str]) -> dict[str, str]:
    """The document that each name stands for: its id, its id without suffix, and the last part of that.

    Of names that two documents could have, the whole id comes first, then the document that comes first.

    Args:
        duplicates: other documents, each with the one of the same text that stands for it.
    """
    found = {**{each: each for each in document_ids}, **duplicates}
    for document_id, meant in list(found.items()):
        for name in _short_names(document_id):
            found.setdefault(name, meant)
    return found


def resolve(target: str, document_id: str, names: Mapping[str, str]) -> str | None:
    """The document that a link in `document_id` leads to; None when the domain has none of that name.

    Args:
        names: of `target_names`.
    """
    path = unquote(target)
    relative = posixpath.normpath(posixpath.join(posixpath.dirname(document_id), path))
    from_root = posixpath.normpath(path.lstrip("/"))
    for name in (relative, from_root, posixpath.splitext(relative)[0], path, path.replace(" ", "-").lower()):
        if name in names:
            return names[name]
    return None


def _short_names(document_id: str) -> Iterator[str]:
    stem = posixpath.splitext(document_id)[0]
    last = posixpath.basename(stem)
    yield from (stem, last, last.lower())
