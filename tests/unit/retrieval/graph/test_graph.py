"""Joining what chunks mention: who becomes an entity, what is tied to what, and which chunks a walk then finds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tasks.retrieval.fusion import Hit
from tasks.retrieval.graph.building import extract_statistically
from tasks.retrieval.graph.graph import Graph, Part, join_mentions, read_graph, write_graph
from tasks.retrieval.graph.mentions import ChunkText, Extracted, entries_of, mentions_of_chunks
from tasks.retrieval.graph.phrases import Kind
from tasks.retrieval.graph.search import entities_in, rank_by_graph


def part_of(chunks: Sequence[Extracted], first: int = 0, live: Sequence[bool] | None = None) -> Part:
    """A layer of documents with a chunk each, the first of which has this place."""
    mentions = mentions_of_chunks((), chunks)
    counting = np.array(live if live is not None else [True] * len(chunks), dtype=bool)
    return Part(mentions, counting, np.where(counting, first + np.arange(len(chunks)), -1))


def chunk(
    names: Sequence[str] = (), targets: Sequence[str] = (), relations: Sequence[tuple[str, str]] = ()
) -> Extracted:
    return Extracted(dict.fromkeys(names, Kind.NAME), targets, relations)


def join(*parts: Part, share: float = 1.0) -> Graph:
    count = sum(len(part.live) for part in parts)
    return join_mentions(parts, [f"{n}.md" for n in range(count)], {}, share)


def neighbours(graph: Graph, node: int) -> set[int]:
    return set(graph.links.neighbours[graph.links.starts[node] : graph.links.starts[node + 1]].tolist())


def find(graph: Graph, question: str, found: Sequence[int], live: Sequence[bool] | None = None) -> list[int]:
    counting = np.array(live if live is not None else [True] * graph.positions)
    hits = [Hit(position, 1.0) for position in found]
    return [hit.position for hit in rank_by_graph(graph, [question], hits, lambda at: counting[at], 0.5, 10)]


def test_an_entity_is_in_two_chunks_or_a_title() -> None:
    titled = Extracted({"mill": Kind.TITLE, "once": Kind.NAME}, ())
    graph = join(part_of([titled, chunk(["twice"]), chunk(["twice", "alone"])]))
    assert set(graph.entities) == {"mill", "twice"}
    assert neighbours(graph, graph.entities["twice"]) == {1, 2}


def test_what_stands_at_the_beginning_of_sentences_alone_is_no_entity() -> None:
    initial = Extracted({"rope": Kind.INITIAL}, ())
    assert join(part_of([initial, initial])).entities == {}
    graph = join(part_of([initial, initial, chunk(["rope"])]))
    assert neighbours(graph, graph.entities["rope"]) == {0, 1, 2}


def test_what_too_many_chunks_mention_is_left_out_but_never_for_ten() -> None:
    chunks = [chunk(["all"]) for _ in range(30)] + [chunk(["ten"]) for _ in range(10)]
    assert set(join(part_of(chunks), share=0.5).entities) == {"ten"}
    assert set(join(part_of(chunks), share=0.01).entities) == {"ten"}
    assert set(join(part_of(chunks), share=0.75).entities) == {"all", "ten"}


def test_layers_are_joined_and_what_does_not_count_is_not_there() -> None:
    first = part_of([chunk(["mill", "fen"]), chunk(["fen"])], live=[True, False])
    graph = join(first, part_of([chunk(["mill"])], first=2))
    assert set(graph.entities) == {"mill"}
    assert neighbours(graph, graph.entities["mill"]) == {0, 2}
    assert neighbours(graph, 1) == set()


def test_a_link_ties_a_chunk_to_the_document_it_leads_to() -> None:
    graph = join(part_of([chunk(targets=["1.md"]), chunk(), chunk(targets=["2.md", "nowhere.md"])]))
    (document,) = neighbours(graph, 0)
    assert neighbours(graph, document) == {0, 1}
    assert neighbours(graph, 2) == set()  # it links to itself, and to nothing that is there
    assert find(graph, "?", [0])[0] == 1


def test_entities_that_are_related_are_tied() -> None:
    related = chunk(["mill", "miller"], relations=[("mill", "miller")])
    graph = join(part_of([related, chunk(["mill"]), chunk(["miller"])]))
    assert graph.entities["miller"] in neighbours(graph, graph.entities["mill"])


def test_the_shares_of_each_node_add_up_to_one_and_rare_entities_tie_more() -> None:
    graph = join(part_of([chunk(["rare", "often"]), chunk(["rare"]), *[chunk(["often"])] * 8]))
    starts, shares = graph.links.starts, graph.links.shares
    for node in range(len(starts) - 1):
        assert shares[starts[node] : starts[node + 1]].sum() == pytest.approx(1.0)
    to = dict(zip(graph.links.neighbours[: starts[1]].tolist(), shares[: starts[1]].tolist(), strict=True))
    assert to[graph.entities["rare"]] > to[graph.entities["often"]]


def test_a_walk_finds_the_second_document_by_what_the_first_one_names() -> None:
    graph = join(part_of([chunk(["lamp", "orrin"]), chunk(["orrin"]), chunk(["lamp"]), chunk(["fen"]), chunk(["fen"])]))
    assert set(find(graph, "who?", [0])[:2]) == {1, 2}
    assert set(find(graph, "who is Orrin?", [])) == {0, 1, 2}
    assert find(graph, "who is Orrin?", [0]).index(1) < find(graph, "who is Orrin?", [0]).index(2)
    assert set(find(graph, "who is Orrin?", [0], live=[True, False, True, True, True])) == {0, 2}


def test_nothing_to_start_from_finds_nothing() -> None:
    graph = join(part_of([chunk(["mill"]), chunk(["mill"])]))
    assert find(graph, "xyzzy", []) == []
    assert find(join(), "mill", []) == []
    assert find(join(part_of([chunk(), chunk()])), "mill", [1]) == []


def test_a_question_names_the_longest_entities_in_it() -> None:
    titles = [Extracted({key: Kind.TITLE}, ()) for key in ("old mill", "mill", "old mill bridge", "東京", "fen")]
    graph = join(part_of(titles))

    def named(question: str) -> list[str]:
        by_node = {node: key for key, node in graph.entities.items()}
        return [by_node[node] for node in entities_in(graph, question)]

    assert named("Where is the Old Mill's wheel, and the mill?") == ["old mill", "mill"]
    assert named("the old mill bridge") == ["old mill bridge"]
    assert named("東京の人口?") == ["東京"]
    assert named("") == []


def test_a_written_graph_is_read_as_it_was(tmp_path: Path) -> None:
    graph = join(
        part_of(extract_statistically([ChunkText("By Orrin and [x](1.md).", ()), ChunkText("For Orrin.", ())]))
    )
    write_graph(tmp_path, graph)
    read = read_graph(tmp_path, graph.positions)
    assert read.entities == graph.entities
    assert read.positions == graph.positions
    for one, other in zip(read.links, graph.links, strict=True):
        np.testing.assert_array_equal(one, other)


def test_entries_are_those_of_each_row() -> None:
    entries = entries_of([["a", "b"], [], ["b"]])
    assert [[entries.names[place] for place in entries.places[entries.of(row)]] for row in range(3)] == [
        ["a", "b"],
        [],
        ["b"],
    ]
