"""Chunkers: places are exact, nothing is lost, and pieces are as long as the settings say."""

import time
from itertools import pairwise
from typing import Any, get_args

import pytest
import sentencex
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.records import Chunk, Document
from tasks.retrieval.chunking import chunk_document, matched_text
from tasks.retrieval.spans import count_words, split_sentences, word_places
from tasks.settings.retrieval import ChunkSettings

KINDS = get_args(ChunkSettings.model_fields["kind"].annotation)

_SIGNS = [
    *"ab. \n\t#=-!?\"'()[]1*`~|。！？」।॥؟é😀中ก",
    "\r",
    "\x00",
    "\x85",
    "\u00a0",
    "\u200b",
    "\u2028",
    "\u3000",
    "\ufeff",
]
_WORDS = [
    "# A\n",
    "B\n===\n",
    "\n\n",
    "Dr. ",
    "e.g. ",
    "word ",
    "हिन्दी ",
    "日本語",
    "x" * 70,
    "-" * 70,
    "```\n",
    "* item\n",
]
texts = st.lists(st.sampled_from(_SIGNS + _WORDS) | st.characters(exclude_categories=["Cs"]), max_size=60).map("".join)
settings = st.builds(
    lambda kind, words, overlap, window: ChunkSettings(
        kind=kind, words=words, overlap=min(overlap, words - 1), window_sentences=window
    ),
    st.sampled_from(KINDS),
    st.integers(1, 12),
    st.integers(0, 11),
    st.integers(0, 3),
)


def cut(text: str, name: str = "a.md", **told: Any) -> list[Chunk]:
    return chunk_document(Document(id=name, text=text), ChunkSettings(**{"overlap": 0, **told}))


@given(texts, settings, st.sampled_from(["a.md", "a.rst", "a.txt"]))
@example("B\x85.\r", ChunkSettings(kind="sentence"), "a.txt")
def test_places_are_exact_and_nothing_but_space_is_lost(text: str, told: ChunkSettings, name: str) -> None:
    chunks = chunk_document(Document(id=name, text=text), told)
    held: set[int] = set()
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end] == chunk.text.strip() != ""
        assert 0 <= chunk.window_start <= chunk.start < chunk.end <= chunk.window_end <= len(text)
        held |= set(range(chunk.start, chunk.end))
    assert {at for at, character in enumerate(text) if not character.isspace()} <= held
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    assert [chunk.start for chunk in chunks] == sorted(chunk.start for chunk in chunks)
    assert Chunk.model_validate(chunks[0].model_dump()) == chunks[0] if chunks else not text.strip()


@given(texts, settings, st.sampled_from(["a.md", "a.rst"]))
def test_no_piece_has_more_words_than_the_settings_allow(text: str, told: ChunkSettings, name: str) -> None:
    for chunk in chunk_document(Document(id=name, text=text), told):
        assert count_words(text, chunk.start, chunk.end) <= told.words


@given(texts)
def test_sentences_put_together_are_the_paragraph(text: str) -> None:
    assert "".join(split_sentences(text)) == text


@given(texts)
def test_words_are_at_most_64_characters_apart(text: str) -> None:
    places = list(word_places(text, 0, len(text)))
    assert all(0 < len(text[before:after].rstrip()) <= 64 for before, after in pairwise(places))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith came at 3.14 p.m. sharp. He left.", ["Dr. Smith came at 3.14 p.m. sharp. ", "He left."]),
        ("See e.g. os.path.join. It joins.", ["See e.g. os.path.join. ", "It joins."]),
        ("यह पहला वाक्य है। यह दूसरा है।", ["यह पहला वाक्य है। ", "यह दूसरा है।"]),
        ("你好。世界！", ["你好。", "世界！"]),
        ("هل هذا سؤال؟ نعم.", ["هل هذا سؤال؟ ", "نعم."]),
        ("", []),
    ],
)
def test_sentences_end_where_readers_of_the_script_say(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_a_paragraph_that_the_library_cannot_split_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = sentencex.segment
    monkeypatch.setattr(sentencex, "segment", lambda language, text: segment(language, "B\x85."))  # it panics at this
    assert split_sentences("One. Two.") == ["One. Two."]


def test_runs_of_words_share_the_overlap() -> None:
    chunks = cut("one two three four five six seven", kind="fixed", words=3, overlap=1)
    assert [chunk.text for chunk in chunks] == ["one two three", "three four five", "five six seven"]


def test_signs_stay_with_the_word_that_they_belong_to() -> None:
    chunks = cut('one (two) "three" f(four)', kind="fixed", words=2)
    assert [chunk.text for chunk in chunks] == ["one (two)", '"three" f(', "four)"]


def test_whole_sentences_are_put_together_and_shared() -> None:
    text = "A b. C d. E f. G h."
    assert [chunk.text for chunk in cut(text, kind="sentence", words=4)] == ["A b. C d.", "E f. G h."]
    shared = cut(text, kind="sentence", words=4, overlap=2)
    assert [chunk.text for chunk in shared] == ["A b. C d.", "C d. E f.", "E f. G h."]


def test_a_sentence_window_matches_one_sentence_and_returns_its_neighbours() -> None:
    text = "One. Two. Three. Four. Five."
    chunks = cut(text, kind="sentence_window", window_sentences=1)
    assert [chunk.text for chunk in chunks] == ["One.", "Two.", "Three.", "Four.", "Five."]
    windows = [text[chunk.window_start : chunk.window_end] for chunk in chunks]
    assert windows == ["One. Two.", "One. Two. Three.", "Two. Three. Four.", "Three. Four. Five.", "Four. Five."]


def test_sections_are_cut_apart_and_carry_their_path() -> None:
    chunks = cut("before\n\n# A\n\none\n\n## B\n\ntwo\n\n# C\n\nthree\n", kind="headings")
    assert [(chunk.text, chunk.heading) for chunk in chunks] == [
        ("before", ()),
        ("# A\n\none", ("A",)),
        ("## B\n\ntwo", ("A", "B")),
        ("# C\n\nthree", ("C",)),
    ]


def test_titles_that_a_chunk_does_not_hold_are_matched_with_it() -> None:
    first, second = cut("# Cats\n\n## Food\n\nMice are best. Fish will do.", kind="headings", words=7)
    assert (matched_text(first), matched_text(second)) == (first.text, "Cats > Food\nFish will do.")


def test_a_long_text_takes_time_and_memory_in_proportion() -> None:
    def seconds(repeats: int) -> float:
        text = ("The quick brown fox (a mammal) jumps. " * 20 + "\n\n") * repeats
        started = time.process_time()
        assert len(cut(text, kind="headings")) >= repeats
        return time.process_time() - started

    seconds(10)
    assert seconds(800) < 8 * 3 * max(0.01, seconds(100))


@pytest.mark.parametrize(
    "text",
    ["x" * 200_000, "-" * 200_000, " " * 200_000 + "x", "# " + " " * 200_000 + "x", "\n" * 200_000, "中" * 100_000],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_without_structure_is_cut_in_time(text: str, kind: str) -> None:
    started = time.process_time()
    chunks = cut(text, kind=kind)
    assert all(len("".join(chunk.text.split())) <= 120 * 64 for chunk in chunks)
    assert time.process_time() - started < 5
