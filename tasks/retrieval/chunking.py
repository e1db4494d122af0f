"""From a document to the pieces that are matched against questions.

Every character that is no white space is in a piece. The work and the memory grow with the text's length alone.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from tasks.records import Chunk, Document
from tasks.retrieval.headings import find_sections
from tasks.retrieval.spans import Span, packed, runs_of_words, short_sentences
from tasks.settings.retrieval import ChunkSettings

_Piece = tuple[Span, Span, tuple[str, ...]]  # the chunk, its window, its heading


def chunk_document(document: Document, settings: ChunkSettings) -> list[Chunk]:
    """The document's chunks, in order; none when it has no text."""
    return list(iterate_chunks(document, settings))


def iterate_chunks(document: Document, settings: ChunkSettings) -> Iterator[Chunk]:
    """The same, one at a time."""
    for (start, end), (window_start, window_end), heading in _CUTTERS[settings.kind](document, settings):
        yield Chunk.model_construct(
            id=f"{document.id}:{start}-{end}",
            document_id=document.id,
            start=start,
            end=end,
            text=document.text[start:end],
            window_start=window_start,
            window_end=window_end,
            heading=heading,
        )


def matched_text(chunk: Chunk) -> str:
    """What of a chunk is matched: its text, after those of its section titles that it does not hold."""
    titles = [title for title in chunk.heading if title not in chunk.text]
    return "\n".join([" > ".join(titles), chunk.text]) if titles else chunk.text


def _cut_fixed(document: Document, settings: ChunkSettings) -> Iterator[_Piece]:
    text = document.text
    for span in runs_of_words(text, 0, len(text), settings.words, settings.overlap):
        yield span, span, ()


def _cut_sentences(document: Document, settings: ChunkSettings) -> Iterator[_Piece]:
    for span in _packed_sentences(document.text, 0, len(document.text), settings):
        yield span, span, ()


def _cut_sections(document: Document, settings: ChunkSettings) -> Iterator[_Piece]:
    for section in find_sections(document.id, document.text):
        for span in _packed_sentences(document.text, section.start, section.end, settings):
            yield span, span, section.path


def _cut_sentence_windows(document: Document, settings: ChunkSettings) -> Iterator[_Piece]:
    text = document.text
    counted = short_sentences(text, 0, len(text), settings.words, settings.overlap)
    for span, window in _with_windows((span for span, _ in counted), settings.window_sentences):
        yield span, window, ()


def _with_windows(spans: Iterable[Span], reach: int) -> Iterator[tuple[Span, Span]]:
    """Each span with the stretch from `reach` spans before it to as many after it."""
    near: deque[Span] = deque()  # spans before the next one to go, it, and those after it
    before = 0
    for span in spans:
        near.append(span)
        if len(near) - before > reach:
            yield near[before], (near[0][0], near[-1][1])
            before += 1
            if before > reach:
                near.popleft()
                before -= 1
    while before < len(near):
        yield near[before], (near[max(0, before - reach)][0], near[-1][1])
        before += 1


def _packed_sentences(text: str, start: int, end: int, settings: ChunkSettings) -> Iterator[Span]:
    counted = short_sentences(text, start, end, settings.words, settings.overlap)
    return packed(counted, settings.words, settings.overlap)


_CUTTERS: dict[str, Callable[[Document, ChunkSettings], Iterator[_Piece]]] = {
    "fixed": _cut_fixed,
    "sentence": _cut_sentences,
    "sentence_window": _cut_sentence_windows,
    "headings": _cut_sections,
}
