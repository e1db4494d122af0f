"""Search among the documents that are wanted: by words, by embeddings and by the graph, from config or by call."""

from pathlib import Path
from typing import Any

import pytest
from example_documents import WordModel, make_config

from tasks.home import Home
from tasks.records import Document
from tasks.retrieval import filtering
from tasks.retrieval.filtering import restrict
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.opened import Index
from tasks.retrieval.retrieve import retrieve


def animal(name: str, text: str, **metadata: Any) -> Document:
    folder, _, _ = name.rpartition("/")
    return Document(id=name, text=text, metadata={"folder": folder, "format": name[-2:], **metadata})


DOCUMENTS = [
    animal("a/cat.md", "The cat sleeps on the warm mat.", tags=["pet", "indoors"], year=2024),
    animal("a/dog.md", "The dog sleeps in front of the old house.", tags=["pet"], year=2025),
    animal("b/cat.md", "The cat sleeps on the warm mat.", tags=["copy"], year=2020),
    animal("b/wolf.rs", "The wolf sleeps in the deep wood.", flag=True),
]
QUESTION = "Who sleeps on the warm mat?"


def index_of(home: Home, documents: list[Document] = DOCUMENTS, **settings: Any) -> Index:
    config, model = make_config(passages=4, **settings), WordModel()
    return open_index(config, home, build_index(config, home, documents, model), model)


def found(index: Index, where: Any = None, **settings: Any) -> list[str]:
    (passages,) = retrieve(make_config(passages=4, **settings), index, [QUESTION], WordModel(), where=where)
    return sorted(passage.document_id for passage in passages)


METHODS = [{"bm25": False}, {"dense": False}, {}]


@pytest.mark.parametrize("methods", METHODS)
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, ["a/cat.md", "a/dog.md", "b/wolf.rs"]),
        ({"folder": "a"}, ["a/cat.md", "a/dog.md"]),
        ({"format": "rs"}, ["b/wolf.rs"]),
        ({"year": [2024, 2025]}, ["a/cat.md", "a/dog.md"]),
        ({"tags": "pet", "year": 2025}, ["a/dog.md"]),
        ({"tags": ["indoors", "copy"], "folder": "a"}, ["a/cat.md"]),
        # The document whose text another one has is found by its own name.
        ({"folder": "b"}, ["b/cat.md", "b/wolf.rs"]),
        ({"flag": True}, ["b/wolf.rs"]),
        ({"flag": 1}, []),
        ({"year": "2024"}, []),
        ({"author": "me"}, []),
    ],
)
def test_only_what_is_wanted_is_found_by_config_as_by_call(
    home: Home, methods: dict[str, bool], where: dict[str, Any], expected: list[str]
) -> None:
    assert found(index_of(home), where, **methods) == expected
    assert found(index_of(home, where=where), **methods) == expected


def test_a_filter_of_the_call_narrows_that_of_the_config(home: Home) -> None:
    index = index_of(home, where={"folder": "a"})
    assert found(index, {"tags": "pet"}) == ["a/cat.md", "a/dog.md"]
    assert found(index, {"year": 2024}) == ["a/cat.md"]
    assert found(index, {"folder": "b"}) == []


def test_the_view_names_counts_and_tells_of_its_documents_alone(home: Home) -> None:
    index = index_of(home)
    view = restrict(index, {"folder": "b"})
    assert sorted(view.names.values()) == ["b/cat.md", "b/wolf.rs"]
    assert {chunk.document_id for chunk in view.chunks()} == {"b/cat.md", "b/wolf.rs"}
    assert view.metadata["b/wolf.rs"] == {"folder": "b", "format": "rs", "flag": True}
    assert (index.duplicates, view.duplicates) == ({"b/cat.md": "a/cat.md"}, {})
    assert found(index) == ["a/cat.md", "a/dog.md", "b/wolf.rs"]


def test_a_better_match_that_is_not_wanted_leaves_no_gap(home: Home) -> None:
    many = [animal(f"x/{n}.md", f"The cat sleeps on the warm mat, {n}.") for n in range(60)]
    index = index_of(home, [*many, *DOCUMENTS[1:]], candidates=4)
    for methods in METHODS:
        assert found(index, {"folder": "a"}, candidates=4, **methods) == ["a/dog.md"]


def test_values_that_no_document_has_are_said_once(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    index = index_of(home)
    capsys.readouterr()
    for _ in range(3):
        found(index, {"tags": ["pet", "wild"], "author": "me"})
    assert capsys.readouterr().err.splitlines() == [
        'retrieval.where: no document has tags "wild"',
        'retrieval.where: no document has author "me"; none has that key',
    ]


def test_views_are_kept_up_to_a_number(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering, "_VIEWS_KEPT", 2)
    index = index_of(home)
    first = restrict(index, {"year": 2024})
    assert restrict(index, {"year": 2024}) is first
    restrict(index, {"year": 2025})
    restrict(index, {"year": 2020})
    assert len(index.views) == 2
    assert restrict(index, {"year": 2024}) is not first


def test_metadata_that_change_are_found_and_nothing_is_embedded_again(home: Home, tmp_path: Path) -> None:
    before = index_of(home)
    changed = [each.model_copy(update={"metadata": {"folder": "c"}}) for each in DOCUMENTS]
    model = WordModel()
    ref = build_index(make_config(), home, changed, model)
    assert len(model.asked) == 1  # the probe
    assert ref.sha256 != before.ref.sha256
    assert found(open_index(make_config(), home, ref, model), {"folder": "c"}) == ["a/cat.md", "a/dog.md", "b/wolf.rs"]
    assert found(before, {"folder": "c"}) == []
