"""Questions taken from what a text says, without a language model.

    named       a name of code or a signature at the head of a text, and the sentence after it; English only
    definition  "X is a …", in the languages of `phrasings`
    statement   "X returns …" and its like; English only
    meaning     a term set off from its explanation: "**X**: …", "`x` - …", in the languages of `phrasings`
    asked       a heading or a paragraph that is a question, and what follows it; any language

The answer is always a stretch of the text itself, on one line. In a language without phrasings a text gives the
questions that it asks itself, and no others.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from tasks.records import Chunk
from tasks.retrieval.headings import find_headings
from tasks.retrieval.spans import Span, sentences, trimmed
from tasks.synthetic_questions.drafts import Draft, on_one_line
from tasks.synthetic_questions.phrasings import ENGLISH_VERBS, PHRASINGS, Phrasing, words_of
from tasks.words import split_words

MIN_ANSWER_WORDS = 4
MAX_ANSWER_WORDS = 60

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n")
_ASKED = re.compile(r"(?:\*\*)?(?:Q(?:uestion)?\s?[:.]\s*)?(?P<question>[^\n]+[?？؟])(?:\*\*)?")
_ANSWER_MARK = re.compile(r"A(?:nswer)?\s?[:.]\s+")
_NAME = re.compile(
    r"(?:(?:async )?def |class |function |method )?`{0,2}(?P<name>[A-Za-z_]\w*(?:(?:\.|::|#)[A-Za-z_]\w*)*)"
    r"(?P<call>\([^\n]*\))?`{0,2}(?:\s*->[^\n]*)?:?"
)
_TERM = re.compile(
    r"(?:[-*+•]\s+)?(?:\*\*(?P<bold>[^*\n]{2,60}?)\*\*|(?P<ticks>`{1,2})(?P<code>[^`\n]{2,60})(?P=ticks))"
    r"\s*(?::|–|—|-{1,2}(?=\s))\s*(?P<meaning>\S.*)",
    re.DOTALL,
)
_TERM_WITH_COLON = re.compile(r"(?:[-*+•]\s+)?\*\*(?P<bold>[^*\n]{2,60}?)[:：]\*\*\s*(?P<meaning>\S.*)", re.DOTALL)
_NEXT_ITEM = re.compile(r"\n(?=\s*[-*+•]\s)|\n(?=\*\*)")
_NO_PROSE = re.compile(r">>>|\.\.\.\s|^\s*[-*+•|#>$]|^\s*\d+[.)]\s|\||::$|\{|\}|https?://")
# Bold words that announce, and are explained by nothing.
_ANNOUNCING = words_of(
    "attention caution danger deprecated example examples hint important info note notes see also tip todo usage "
    "warning hinweis achtung beispiel exemple remarque nota ejemplo advertencia"
)
_ARTICLES = ("A ", "An ", "The ")
_POINTS_ELSEWHERE = re.compile(r"\b(?:this|these|those|above|below|former|latter|following)\b", re.IGNORECASE)
# A summary says what its name stands for without naming it: it is no sentence about something else.
_STATEMENT = re.compile(
    r"(?:The|An?|This|These|It|There)\b(?: \S+){0,4} (?:is|are|was|were|has|have|can|will|must|may)\b"
)
_CALLED = re.compile(r"Called (?:after|at|before|each|every|if|on|once|when|whenever)\b")
# A subject with one of these is half a sentence: "The value that the function".
_NEVER_WITHIN = words_of(
    "- above also always are be been below can could did do does either following former had has have here if "
    "implies is it just latter may merely might must now only other previous same shall should simply such that "
    "then there these they this usually was were when where whether which while who whose will would"
)


class Block(NamedTuple):
    """A heading, or a paragraph: text between headings and blank lines."""

    start: int
    end: int
    title: str  # a heading's; empty for a paragraph


def draft_from_templates(text: str, chunk: Chunk, language: str | None) -> list[Draft]:
    """What the templates find in a chunk, in the order of the text.

    Args:
        text: of the chunk's whole document.
        language: an ISO 639 code; None, or one without phrasings: only `asked` is tried.
    """
    blocks = list(find_blocks(chunk.document_id, text, chunk.start, chunk.end))
    drafts = [*_asked(text, chunk, blocks)]
    phrasing = PHRASINGS.get(language or "")
    if phrasing is not None:
        if language == "en":
            drafts += _named(text, chunk, blocks)
        about = _name_at_the_head(text, chunk) if language == "en" else None
        for block in blocks:
            if not block.title:
                drafts += _meanings(text, chunk, block, phrasing)
                drafts += _defined(text, chunk, block, phrasing, about)
    # Two templates may find the same: "`x`: …" in a paragraph of its own.
    first = {(draft.start, draft.question): draft for draft in reversed(drafts)}
    return sorted(first.values(), key=lambda draft: (draft.start, draft.end, draft.question))


def find_blocks(document_id: str, text: str, start: int, end: int) -> Iterator[Block]:
    """The headings and paragraphs of a stretch of text."""
    at = start
    for heading in find_headings(document_id, text[start:end]):
        yield from _paragraphs(text, at, start + heading.start)
        at = start + heading.end
        yield Block(start + heading.start, at, heading.title)
    yield from _paragraphs(text, at, end)


def _paragraphs(text: str, start: int, end: int) -> Iterator[Block]:
    at = start
    for match in [*_BLANK_LINES.finditer(text, start, end), None]:
        stop = match.start() if match else end
        span = trimmed(text, at, stop)
        if span[0] < span[1]:
            yield Block(*span, "")
        at = match.end() if match else end


def _asked(text: str, chunk: Chunk, blocks: list[Block]) -> Iterator[Draft]:
    for block, following in pairwise(blocks):
        if following.title:
            continue
        found = _ASKED.fullmatch(block.title or text[block.start : block.end])
        if found is None or len(split_words(found["question"])) < 3:
            continue
        mark = _ANSWER_MARK.match(text, following.start, following.end)
        span = _opening(text, mark.end() if mark else following.start, following.end)
        yield from _draft(text, chunk, found["question"].strip(), span, "asked")


def _named(text: str, chunk: Chunk, blocks: list[Block]) -> Iterator[Draft]:
    stem = _stem(chunk)
    for block, following in pairwise(blocks):
        name = _code_name(block.title or text[block.start : block.end], stem)
        if name is None or following.title:
            continue
        # A signature may stand between the name and what is said of it.
        if _code_name(text[following.start : following.end], stem) is not None:
            continue
        span = _first_sentence(text, following)
        said = on_one_line(text[slice(*span)])
        if said[:1].isupper() and not _STATEMENT.match(said) and not _NO_PROSE.search(text[slice(*span)]):
            yield from _draft(text, chunk, _ask_about(name, said), span, "named")


def _ask_about(name: str, said: str) -> str:
    if _CALLED.match(said):
        return f"When is `{name}` called?"
    acts = said.split(maxsplit=1)[0].casefold() in {*ENGLISH_VERBS, *ENGLISH_VERBS.values()}
    is_class = re.fullmatch(r"(?:.*[.:#])?[A-Z][a-zA-Z0-9]*[a-z][a-zA-Z0-9]*", name) is not None
    is_thing = said.startswith(_ARTICLES) or (is_class and not acts)
    return f"What is `{name}`?" if is_thing else f"What does `{name}` do?"


def _code_name(line: str, stem: str) -> str | None:
    """The name in a line that is nothing but a name or a signature; None when it may be an ordinary word."""
    found = _NAME.fullmatch(line.strip())
    if found is None:
        return None
    name = found["name"]
    looks_like_code = found["call"] is not None or re.search(r"[._`#]|::|[a-z][A-Z]", line.strip(". ")) is not None
    return name if looks_like_code or name.rpartition(".")[2] == stem else None


def _meanings(text: str, chunk: Chunk, block: Block, phrasing: Phrasing) -> Iterator[Draft]:
    at = block.start
    for stop in [*(match.start() for match in _NEXT_ITEM.finditer(text, block.start, block.end)), block.end]:
        start, end = trimmed(text, at, stop)
        found = _TERM.match(text, start, end) or _TERM_WITH_COLON.match(text, start, end)
        if found is not None:
            groups = found.groupdict()
            term = groups["bold"] or f"`{groups['code']}`"
            if not _ANNOUNCING & set(split_words(term)):
                span = _opening(text, found.start("meaning"), end)
                shown = term if term.startswith("`") else f"“{term}”"
                yield from _draft(text, chunk, phrasing.meaning.format(shown), span, "meaning")
        at = stop


def _name_at_the_head(text: str, chunk: Chunk) -> str | None:
    """The name of code that the chunk's section, or its document, is about."""
    first_line = text.lstrip().partition("\n")[0]
    stem = _stem(chunk)
    titles = (_code_name(title, stem) for title in (*reversed(chunk.heading), first_line))
    return next((name for name in titles if name is not None), None)


def _stem(chunk: Chunk) -> str:
    """The name that the document's file gives away; pages of prose are named after all sorts of things."""
    path = PurePosixPath(chunk.document_id)
    return "" if path.suffix.lower() in (".md", ".html", ".pdf") else path.stem.rpartition(".")[2]


def _defined(text: str, chunk: Chunk, block: Block, phrasing: Phrasing, about: str | None) -> Iterator[Draft]:
    for start, end in sentences(text, block.start, block.end):
        if _NO_PROSE.search(text[start:end]) or _POINTS_ELSEWHERE.search(text[start:end]):
            continue
        sentence = on_one_line(text[start:end])
        for kind in phrasing.definitions:
            found = kind.pattern.fullmatch(sentence)
            if found is not None and _may_be_asked_about(found["subject"], phrasing):
                question = kind.ask(found["subject"], found["verb"])
                # What a parameter is depends on whose it is.
                if about is not None and about.rpartition(".")[2] not in found["subject"]:
                    question = f"{question.removesuffix('?')} in `{about}`?"
                yield from _draft(text, chunk, question, (start, end), kind.name)
                break


def _may_be_asked_about(subject: str, phrasing: Phrasing) -> bool:
    words = [word.strip("`'*") for word in subject.casefold().split()]
    is_clause = len(words) > 1 and words[0].endswith("ing")  # "Passing a name", "Using flags"
    is_half = is_clause or words[-1] in ("and", "or")  # "Encodes and" of "Encodes and returns"
    return words[0] not in phrasing.never_first and not is_half and not _NEVER_WITHIN & set(words)


def _first_sentence(text: str, block: Block) -> Span:
    return next(sentences(text, block.start, block.end), (block.start, block.end))


def _opening(text: str, start: int, end: int) -> Span:
    """Whole sentences from the start, as many as an answer has room for."""
    stop = start
    for _, sentence_end in sentences(text, start, end):
        if len(split_words(text[start:sentence_end])) > MAX_ANSWER_WORDS:
            break
        stop = sentence_end
    return start, stop


def _draft(text: str, chunk: Chunk, question: str, span: Span, template: str) -> Iterator[Draft]:
    """The draft, when its answer has the right length: a single word explains nothing."""
    answer = on_one_line(text[slice(*span)])
    if MIN_ANSWER_WORDS <= len(split_words(answer)) <= MAX_ANSWER_WORDS:
        yield Draft(
            question=question,
            answer=answer,
            document_id=chunk.document_id,
            start=span[0],
            end=span[1],
            writer=f"template {template}",
        )
