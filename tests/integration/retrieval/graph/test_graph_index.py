"""The graph of an index on disk: what is extracted when, what is kept, and which indexes are refused."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from example_documents import WordModel, document, make_config

from tasks.config import Config
from tasks.errors import ConfigError, IntegrityError
from tasks.home import Home
from tasks.records import Document, IndexRef, Message
from tasks.retrieval.graph import building
from tasks.retrieval.graph.mentions import ChunkText, Extracted
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.opened import Index
from tasks.retrieval.retrieve import retrieve

# So few candidates that words and meanings do not propose every document.
CONFIG = make_config(graph={}, passages=2, candidates=2)
WITHOUT = make_config(passages=2)
WORLD = [
    document("lamp.md", "# The Lamp\n\nThe lamp of the tower was built by Orrin Vasque.\n"),
    document("orrin.md", "# Orrin Vasque\n\nHe plays a flute made from bone.\n"),
    document("mill.md", "# The Mill\n\nAt the [old bridge](docs/bridge.md) stands a mill that grinds barley.\n"),
    document("docs/bridge.md", "# Heron Bridge\n\nGeese go first.\n"),
    document("fen.md", "# The Fen\n\nReeds are cut there in May.\n"),
]


@pytest.fixture
def extracted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The texts that are extracted from, while the test runs."""
    texts: list[str] = []
    real = building.extract_statistically

    def remembering(chunks: Sequence[ChunkText]) -> list[Extracted]:
        texts.extend(chunk.text for chunk in chunks)
        return real(chunks)

    monkeypatch.setattr(building, "extract_statistically", remembering)
    yield texts


def build(home: Home, documents: Sequence[Document]) -> IndexRef:
    return build_index(CONFIG, home, documents, WordModel())


def opened(home: Home, ref: IndexRef) -> Index:
    return open_index(CONFIG, home, ref, WordModel())


def found(index: Index, question: str) -> list[str]:
    (passages,) = retrieve(CONFIG, index, [question], WordModel())
    return [passage.document_id for passage in passages]


def test_what_names_and_links_lead_to_is_found(home: Home) -> None:
    index = opened(home, build(home, WORLD))
    assert found(index, "Who built the lamp of the tower?") == ["lamp.md", "orrin.md"]
    assert found(index, "Where is a mill that grinds barley?") == ["mill.md", "docs/bridge.md"]


def test_nothing_is_kept_without_a_graph_and_an_index_with_one_serves_both(home: Home) -> None:
    plain = build_index(WITHOUT, home, WORLD, WordModel())
    assert not (home.root / "indexes" / "mentions").exists()
    assert not list((home.root / "indexes" / plain.sha256).glob("graph*"))
    model = WordModel()
    ref = build_index(CONFIG, home, WORLD, model)
    assert len(model.asked) == 1, "switching the graph on embeds nothing but the probe"
    assert ref.sha256 != plain.sha256
    assert open_index(WITHOUT, home, ref, WordModel()).ref == ref


def test_a_document_that_is_added_changed_or_removed_costs_only_itself(home: Home, extracted: list[str]) -> None:
    first = build(home, WORLD)
    assert len(extracted) == len(WORLD)
    extracted.clear()

    assert build(home, WORLD) == first
    assert extracted == []

    flute = document("flute.md", "# The Bone Flute\n\nIt was stolen from Orrin Vasque by geese.\n")
    added = opened(home, build(home, [*WORLD, flute]))
    assert extracted == [flute.text.strip()]
    assert added.graph is not None
    assert "bone flute" not in added.graph.entities
    extracted.clear()

    changed = flute.model_copy(update={"text": flute.text.replace("geese", "the Miller of Heron Bridge")})
    build(home, [*WORLD, changed])
    assert extracted == [changed.text.strip()]
    extracted.clear()

    assert build(home, WORLD) == first
    renamed = opened(home, build(home, [each.model_copy(update={"id": f"new/{each.id}"}) for each in WORLD]))
    assert extracted == []
    assert found(renamed, "Where is a mill that grinds barley?") == ["new/mill.md", "new/docs/bridge.md"]


def test_many_small_additions_and_other_settings_extract_nothing_twice(home: Home, extracted: list[str]) -> None:
    documents = [document(f"{n}.txt", f"Text {n} speaks of Orrin and of Place{n % 3}.") for n in range(40)]
    for end in range(25, 41):
        ref = build(home, documents[:end])
    assert len(extracted) == len(set(extracted)) == 40
    at_once = build(Home(home.root / "other"), documents)
    one, other = (opened(*each).graph for each in ((home, ref), (Home(home.root / "other"), at_once)))
    assert one is not None
    assert other is not None
    assert set(one.entities) == set(other.entities)
    assert len(one.links.neighbours) == len(other.links.neighbours)
    extracted.clear()
    build_index(make_config(graph={"max_entity_share": 0.5}), home, documents, WordModel())
    build_index(make_config(graph={}, dense=False), home, documents, None)
    assert extracted == [], "layers without embeddings are others, but their texts are known"


def test_a_link_to_a_document_that_has_the_text_of_another_leads_to_that(home: Home) -> None:
    copy = document("docs/copy.md", WORLD[3].text)
    linking = document("inn.md", "# The Inn\n\nBeer is [sold at the bridge](docs/copy.md) by a one-eyed woman.\n")
    index = opened(home, build(home, [*WORLD[:2], *WORLD[3:], copy, linking]))
    assert set(found(index, "Who is the one-eyed woman with the beer?")) == {"inn.md", "docs/bridge.md"}


def test_a_filter_of_metadata_holds_for_the_graph(home: Home) -> None:
    tagged = [
        each.model_copy(update={"metadata": {"kind": "man" if "orrin" in each.id else "thing"}}) for each in WORLD
    ]
    index = opened(home, build(home, tagged))
    (passages,) = retrieve(CONFIG, index, ["Who built the lamp?"], WordModel(), where={"kind": "thing"})
    assert "lamp.md" in [passage.document_id for passage in passages]
    assert "orrin.md" not in [passage.document_id for passage in passages]


def test_an_index_without_a_graph_or_with_another_is_refused(home: Home) -> None:
    plain = build_index(WITHOUT, home, WORLD, WordModel())
    with pytest.raises(ConfigError, match=r"retrieval\.graph: the index was built without a graph, .*build the index"):
        open_index(CONFIG, home, plain, WordModel())
    other = build_index(make_config(graph={"max_entity_share": 0.5}), home, WORLD, WordModel())
    with pytest.raises(ConfigError, match=r"max_entity_share 0\.5, the config says .*max_entity_share 0\.01"):
        open_index(CONFIG, home, other, WordModel())
    index = open_index(WITHOUT, home, plain, WordModel())
    with pytest.raises(IntegrityError, match=f"The index {plain.sha256[:12]} has no graph: build one with"):
        retrieve(CONFIG, index, ["Who?"], WordModel())


def test_damaged_mentions_are_made_again_and_a_damaged_graph_is_refused(
    home: Home, extracted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ref = build(home, WORLD)
    (kinds,) = (home.root / "indexes" / "mentions").glob("*/*/kinds.npy")
    kinds.write_bytes(kinds.read_bytes()[:-1] + b"\x07")
    extracted.clear()
    assert build(home, WORLD) == ref
    assert len(extracted) == len(WORLD)
    assert "kinds.npy was altered or truncated: it is made again." in "".join(capsys.readouterr())

    shares = home.root / "indexes" / ref.sha256 / "graph_shares.npy"
    shares.write_bytes(shares.read_bytes()[:-1] + b"\x07")
    with pytest.raises(IntegrityError, match=r"graph_shares\.npy was altered or truncated: build the index again"):
        opened(home, ref)


def test_what_a_killed_build_left_half_written_is_removed(home: Home) -> None:
    ref = build(home, WORLD)
    (folder,) = (home.root / "indexes" / "mentions").glob("*/")
    (folder / ".half.tmp").mkdir()
    (folder / ".half.tmp" / "kinds.npy").write_bytes(b"x")
    assert build(home, WORLD) == ref
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_mentions_of_layers_that_are_gone_go_with_them(home: Home) -> None:
    build(home, WORLD)
    for number in range(3):
        build(home, [document(f"{number}.txt", f"Only Text{number} of Orrin."), WORLD[number]])
    for path in (home.root / "indexes").glob("*/manifest.json"):
        path.unlink()
    last = build(home, WORLD[:1])
    build(home, WORLD[:1])
    layers = {path.name for path in (home.root / "indexes" / "layers").glob("*/*/")}
    assert len(list((home.root / "indexes" / "mentions").glob("*/*/"))) == len(layers)
    assert opened(home, last).graph is not None


@pytest.mark.parametrize("documents", [[], [document("a.txt", "")], [document("a.txt", "it has no name at all.")]])
def test_a_domain_that_names_nothing_has_an_empty_graph(home: Home, documents: list[Document]) -> None:
    index = opened(home, build(home, documents))
    assert index.graph is not None
    assert index.graph.entities == {}
    assert [name for name in found(index, "name") if name] == [each.id for each in documents if each.text]


def test_an_llm_extracts_beside_the_statistics_and_is_asked_again_for_what_it_did_not_give(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    silent = {"fen"}

    def write(prompts: Sequence[tuple[Message, ...]]) -> list[str]:
        asked.extend(prompt[1].content for prompt in prompts)
        return [
            "" if any(name in prompt[1].content for name in silent) else "flute | made from | bone"
            for prompt in prompts
        ]

    retrieval, writer = {"graph": {"extractor": "writer"}}, {"url": "http://127.0.0.1:9/v1", "model": "m"}
    given = {"name": "d", "questions": "q.jsonl", "root": Path("/nowhere")}
    config = Config.model_validate({**given, "retrieval": retrieval, "writer": writer})
    documents = [
        document("a.txt", "her flute is of bone."),
        document("b.txt", "a comb of bone and a flute."),
        document("c.txt", "here is the fen."),
    ]
    ref = build_index(config, home, documents, WordModel(), write)
    index = open_index(config, home, ref, WordModel())
    assert index.graph is not None
    assert set(index.graph.entities) == {"flute", "bone"}
    assert len(asked) == 3
    assert "graph: of 3 chunks 1 got no triples" in "".join(capsys.readouterr())

    silent.clear()
    asked.clear()
    build_index(config, home, documents, WordModel(), write)
    assert asked == ["> here is the fen."]
    asked.clear()
    build_index(config, home, documents, WordModel(), write)
    assert asked == []

    with pytest.raises(ConfigError, match=r"retrieval\.graph\.extractor: an LLM extracts, and no writer was given"):
        build_index(config, home, documents, WordModel())
    with pytest.raises(ConfigError, match=r"retrieval\.graph: the index was built with extractor m@"):
        open_index(make_config(graph={}), home, ref, WordModel())


def test_the_index_is_the_same_wherever_the_home_is(home: Home, tmp_path: Path) -> None:
    assert build(home, WORLD) == build(Home(tmp_path / "elsewhere"), WORLD)
