"""An index on disk: what it holds, what the next one costs, and which indexes are refused."""

import os
from pathlib import Path

import pytest
from example_documents import ANIMALS, WordModel, document, make_config

from tasks.errors import ConfigError, IntegrityError, ModelError
from tasks.home import Home
from tasks.records import Document, IndexRef
from tasks.retrieval import bm25
from tasks.retrieval.chunking import chunk_document, matched_text
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.retrieve import retrieve
from tasks.retrieval.vectors import probe

CONFIG = make_config(passages=1)
QUESTIONS = ["Where does the cat sleep?", "What barks at strangers?", "Who swims in the pond?", "A nest of twigs"]
ANSWERS = ["cat.md", "dog.md", "fish.md", "bird.txt"]


def found(home: Home, ref: IndexRef, questions: list[str] = QUESTIONS) -> list[list[str]]:
    index = open_index(CONFIG, home, ref, WordModel())
    return [[each.document_id for each in passages] for passages in retrieve(CONFIG, index, questions, WordModel())]


def build(home: Home, documents: list[Document]) -> tuple[IndexRef, list[str]]:
    """The index, and the texts that were embedded for it."""
    model = WordModel()
    ref = build_index(CONFIG, home, documents, model)
    return ref, model.asked[1:]


def layers(home: Home) -> list[Path]:
    return sorted((home.root / "indexes" / "layers").glob("*/*/"))


def test_an_index_holds_the_chunks_and_finds_them(home: Home, model: WordModel) -> None:
    ref = build_index(CONFIG, home, ANIMALS, model)
    index = open_index(CONFIG, home, ref, model)

    expected = [chunk for each in ANIMALS for chunk in chunk_document(each, CONFIG.retrieval.chunks)]
    assert sorted(index.chunks(), key=lambda chunk: chunk.id) == sorted(expected, key=lambda chunk: chunk.id)
    assert (ref.documents, ref.chunks, ref.embedding_model) == (4, len(expected), "all-minilm-l6-v2")
    assert found(home, ref) == [[answer] for answer in ANSWERS]


def test_a_passage_is_the_window_at_its_place_in_any_script(home: Home, model: WordModel) -> None:
    text = "Ёлка — дерево. 東京は日本の首都です。 यह एक वाक्य है। 😀 The end."
    config = make_config(chunks={"kind": "sentence_window", "window_sentences": 1}, passages=1)
    ref = build_index(config, home, [document("ä/ж.txt", "Vorwort."), document("b.txt", text)], model)
    index = open_index(config, home, ref, model)

    ((passage,),) = retrieve(config, index, ["東京 首都"], model)

    assert passage.document_id == "b.txt"
    assert passage.text == text[passage.start : passage.end] == "Ёлка — дерево. 東京は日本の首都です。 यह एक वाक्य है।"
    assert passage.chunk_id == f"b.txt:{text.index('東京')}-{text.index('。') + 1}"
    for chunk in index.chunks():
        assert chunk.document_id != "b.txt" or chunk.text == text[chunk.start : chunk.end]


def test_the_same_documents_give_the_same_index_and_embed_nothing_twice(home: Home) -> None:
    first, embedded = build(home, ANIMALS)
    assert len(embedded) == first.chunks
    folders = {path: path.stat().st_ino for path in (home.root / "indexes").rglob("*")}
    assert build(home, ANIMALS) == (first, [])
    # Others may be reading: nothing is replaced.
    assert {path: path.stat().st_ino for path in (home.root / "indexes").rglob("*")} == folders


def test_documents_that_did_not_change_cost_no_scores(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = build(home, ANIMALS)
    counted = []
    score_terms = bm25.score_terms
    monkeypatch.setattr(bm25, "score_terms", lambda parts: counted.append(len(parts)) or score_terms(parts))
    assert build(home, ANIMALS)[0] == first
    assert counted == []
    changed = [ANIMALS[0].model_copy(update={"metadata": {"kind": "pet"}}), *ANIMALS[1:]]
    assert build(home, changed)[0] != first
    assert build(home, ANIMALS[1:])[0] != first
    assert counted == [1, 1]


def test_a_document_that_is_added_changed_or_removed_costs_only_itself(home: Home) -> None:
    first, _ = build(home, ANIMALS)
    horse = document("horse.md", "# Horses\n\nThe horse runs over the green meadow.\n")

    added, embedded = build(home, [*ANIMALS, horse])
    assert embedded == [matched_text(chunk) for chunk in chunk_document(horse, CONFIG.retrieval.chunks)]
    assert found(home, added, ["meadow horse"]) == [["horse.md"]]

    changed = horse.model_copy(update={"text": horse.text.replace("green", "yellow")})
    ref, embedded = build(home, [*ANIMALS, changed])
    assert embedded == [matched_text(chunk) for chunk in chunk_document(changed, CONFIG.retrieval.chunks)]
    assert (ref.documents, ref.chunks) == (added.documents, added.chunks)
    index = open_index(CONFIG, home, ref, None)
    assert [chunk.text for chunk in index.chunks() if "green" in chunk.text] == []

    removed, embedded = build(home, ANIMALS)
    assert embedded == []
    assert (removed.documents, removed.chunks) == (first.documents, first.chunks)
    assert found(home, removed) == [[answer] for answer in ANSWERS]
    assert "horse.md" not in {each for (each,) in found(home, removed, ["meadow horse"])}

    renamed = [each.model_copy(update={"id": f"new/{each.id}"}) for each in ANIMALS]
    ref, embedded = build(home, renamed)
    assert embedded == []
    assert found(home, ref) == [[f"new/{answer}"] for answer in ANSWERS]
    # An index is never changed by a later one.
    assert found(home, first) == [[answer] for answer in ANSWERS]


def test_of_a_changed_document_only_the_chunks_that_are_new_are_embedded(home: Home) -> None:
    sections = [f"# Section {n}\n\nIt speaks of topic {n}.\n\n" for n in range(30)]
    build(home, [document("a.md", "".join(sections))])
    sections[7] = "# Section 7\n\nIt speaks of something else.\n\n"
    _, embedded = build(home, [document("a.md", "".join(sections))])
    assert embedded == [sections[7].strip()]


def test_an_index_built_in_steps_finds_what_one_built_at_once_finds(home: Home, tmp_path: Path) -> None:
    documents = [document(f"{n}.txt", f"Text number {n} is about word{n % 7} and word{n % 5}.\n") for n in range(60)]
    for end in range(5, 61, 5):
        stepwise, _ = build(home, documents[end % 3 : end])
    stepwise, _ = build(home, documents)
    at_once, _ = build(Home(tmp_path / "other"), documents)

    questions = [f"word{a} word{b} number {a * b}" for a in range(7) for b in range(5)]
    wide = make_config(passages=10)

    def everything(home: Home, ref: IndexRef) -> list[dict[str, float]]:
        index = open_index(wide, home, ref, WordModel())
        rankings = retrieve(wide, index, questions, WordModel())
        return [{each.chunk_id: round(each.score, 3) for each in passages} for passages in rankings]

    assert len(layers(home)) > 1
    for one, other in zip(everything(home, stepwise), everything(Home(tmp_path / "other"), at_once), strict=True):
        # Of equals others may be chosen, so what is compared is scores.
        assert sorted(one.values()) == sorted(other.values())
        assert all(other.get(chunk, score) == score for chunk, score in one.items())


def test_many_small_additions_leave_few_layers_in_use(home: Home) -> None:
    documents = [document(f"{n}.txt", f"Text number {n}.") for n in range(80)]
    build(home, documents[:60])
    for end in range(61, 81):
        ref, embedded = build(home, documents[:end])
        assert len(embedded) == 1
    assert len(open_index(CONFIG, home, ref, None).layers) <= 10


def test_a_layer_of_which_little_is_left_is_no_longer_searched(home: Home) -> None:
    documents = [document(f"{n}.txt", f"Text number {n}.") for n in range(20)]
    build(home, documents)
    ref, embedded = build(home, documents[:6])
    assert embedded == []
    assert [len(layer.chunks) for layer in open_index(CONFIG, home, ref, None).layers] == [6]


def test_documents_with_the_same_text_are_indexed_once_and_those_without_text_counted(home: Home) -> None:
    documents = [
        *ANIMALS,
        document("copy.md", ANIMALS[0].text),
        document("empty.md", ""),
        document("spaces.md", " \n\n\t"),
        document("spaces-too.md", " \n\n\t"),
    ]
    ref, _ = build(home, documents)
    index = open_index(CONFIG, home, ref, None)
    assert (ref.documents, ref.duplicate_documents, ref.empty_documents) == (4, 1, 3)
    assert index.duplicates["copy.md"] == "cat.md"
    assert len(list(index.chunks())) == ref.chunks


@pytest.mark.parametrize("documents", [[], [document("empty.md", " \n")]])
def test_an_index_of_nothing_finds_nothing(home: Home, documents: list[Document]) -> None:
    ref, _ = build(home, documents)
    assert (ref.documents, ref.chunks) == (0, 0)
    assert found(home, ref, ["anything"]) == [[]]


def test_without_embeddings_no_model_is_needed_until_they_are_switched_on(home: Home, model: WordModel) -> None:
    sparse = make_config(dense=False, passages=1)
    ref = build_index(sparse, home, ANIMALS, None)
    index = open_index(sparse, home, ref, None)
    assert ref.embedding_model is None
    assert [[each.document_id for each in some] for some in retrieve(sparse, index, QUESTIONS, None)] == [
        [answer] for answer in ANSWERS
    ]
    with pytest.raises(ConfigError) as refused:
        open_index(CONFIG, home, ref, model)
    assert str(refused.value) == (
        "model.embeddings: the index was built without embeddings, the config says 'all-minilm-l6-v2'; "
        "build the index again, or set it back."
    )
    with pytest.raises(ConfigError, match=r"retrieval\.dense: it needs an embedding model, and none was given"):
        build_index(CONFIG, home, ANIMALS, None)


def test_an_index_of_another_chunker_or_embedding_model_is_refused(home: Home, model: WordModel) -> None:
    ref = build_index(CONFIG, home, ANIMALS, model)
    with pytest.raises(ConfigError) as refused:
        open_index(make_config(chunks={"kind": "fixed"}), home, ref, model)
    assert str(refused.value) == (
        "retrieval.chunks: the index was built with kind headings, words 120, overlap 20, window_sentences 2, "
        "hypothetical_questions 0, the config says kind fixed, words 120, overlap 20, window_sentences 2, "
        "hypothetical_questions 0; build the index again, or set them back."
    )
    other = CONFIG.model_copy(update={"model": CONFIG.model.model_copy(update={"embeddings": "other"})})
    with pytest.raises(ConfigError) as refused:
        open_index(other, home, ref, model)
    assert str(refused.value) == (
        "model.embeddings: the index was built by 'all-minilm-l6-v2', the config says 'other'; "
        "build the index again, or set it back."
    )


def test_other_weights_under_the_same_name_are_refused_and_embed_anew(home: Home, model: WordModel) -> None:
    ref = build_index(CONFIG, home, ANIMALS, model)
    trained_on = WordModel(seed=1)
    with pytest.raises(ConfigError) as refused:
        open_index(CONFIG, home, ref, trained_on)
    assert str(refused.value) == (
        "model.embeddings: 'all-minilm-l6-v2' gives other vectors than when the index was built, so its weights have "
        "changed; build the index again, or put them back."
    )
    again = build_index(CONFIG, home, ANIMALS, trained_on)
    assert again != ref
    assert len(trained_on.asked) == 2 + ref.chunks  # twice the probe
    open_index(CONFIG, home, again, trained_on)
    open_index(CONFIG, home, ref, model)


@pytest.mark.parametrize(("shape", "value"), [((4, 3), 1.0), ((1, 64), 1.0), ((4, 64), float("nan"))])
def test_a_model_that_gives_no_vectors_is_refused(
    home: Home, model: WordModel, shape: tuple[int, int], value: float
) -> None:
    import numpy as np

    def embed(texts: object) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
        return probe(model)[None] if len(model.asked) == 0 else np.full(shape, value, dtype=np.float32)

    with pytest.raises(ModelError, match=r"model.embeddings: the model gave vectors of shape .* name another model\."):
        build_index(CONFIG, home, ANIMALS, embed)
    assert layers(home) == []


@pytest.mark.parametrize("part", ["texts.bin", "chunks.npy", "vectors.npy", "manifest.json", "terms.npy"])
@pytest.mark.parametrize("damage", ["alter", "cut", "delete"])
def test_a_damaged_layer_is_found_and_made_again(home: Home, model: WordModel, part: str, damage: str) -> None:
    ref = build_index(CONFIG, home, ANIMALS, model)
    (layer,) = layers(home)
    damage_file(layer / part, damage)

    with pytest.raises(IntegrityError) as caught:
        open_index(CONFIG, home, ref, model)
    assert str(caught.value).startswith(str(layer / part))
    assert str(caught.value).endswith(": build the index again.")

    assert found(home, build_index(CONFIG, home, ANIMALS, model)) == [[answer] for answer in ANSWERS]


@pytest.mark.parametrize("part", ["documents.jsonl", "bm25_scores.npy", "vocabulary.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["alter", "cut", "delete"])
def test_a_damaged_index_is_found_and_made_again_without_embedding(home: Home, part: str, damage: str) -> None:
    ref, _ = build(home, ANIMALS)
    damage_file(home.root / "indexes" / ref.sha256 / part, damage)

    with pytest.raises(IntegrityError, match="build the index again"):
        open_index(CONFIG, home, ref, None)

    assert build(home, ANIMALS) == (ref, [])
    assert found(home, ref) == [[answer] for answer in ANSWERS]


def damage_file(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "delete":
        path.unlink()
    elif how == "cut":
        os.truncate(path, len(data) // 2)
    else:
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def test_an_index_that_is_not_there_is_named_with_the_remedy(home: Home, model: WordModel) -> None:
    ref = build_index(CONFIG, home, ANIMALS, model).model_copy(update={"sha256": "a" * 64})
    with pytest.raises(IntegrityError) as caught:
        open_index(CONFIG, home, ref, model)
    path = home.root / "indexes" / ("a" * 64) / "manifest.json"
    assert str(caught.value) == f"{path} is missing: build the index again."
