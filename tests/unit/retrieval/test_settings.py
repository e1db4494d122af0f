"""Settings of retrieval that cannot be: each is refused with the key, the value and the remedy."""

from pathlib import Path

import pytest

from tasks.config import load_config
from tasks.errors import ConfigError

CASES = [
    (
        "{chunks: {words: 20, overlap: 20}}",
        "retrieval.chunks.overlap: 20 is not below `words` (20); lower it, or raise `words`.",
    ),
    ("{bm25: false, dense: false}", "retrieval: `bm25` and `dense` are both off; switch one on."),
    ("{passages: 9, candidates: 5}", "retrieval.candidates: 5 is below `passages` (9); raise it."),
    (
        "{dense: false, relevance_weight: 0.5}",
        "retrieval.relevance_weight: it needs embeddings; switch `dense` on, or set it to null.",
    ),
    (
        "{dense: false, min_similarity: 0.3}",
        "retrieval.min_similarity: it needs embeddings; switch `dense` on, or set it to null.",
    ),
    (
        "{chunks: {kind: pages}}",
        "retrieval.chunks.kind: 'pages' is not accepted; it should be 'fixed', "
        "'sentence', 'sentence_window' or 'headings'.",
    ),
    ("{fusion: max}", "retrieval.fusion: 'max' is not accepted; it should be 'rrf' or 'weighted'."),
    ("{passages: 0}", "retrieval.passages: 0 is not accepted; it should be greater than or equal to 1."),
    (
        "{store: {uri: vectors}}",
        "retrieval.store.uri: it needs kind lancedb; set the kind, or set it to null.",
    ),
    (
        "{store: {approximate_from: 1000}}",
        "retrieval.store.approximate_from: it needs kind lancedb; set the kind, or set it to null.",
    ),
    ("{store: {kind: disk}}", "retrieval.store.kind: 'disk' is not accepted; it should be 'files' or 'lancedb'."),
    *(
        (
            f"{{where: {{tags: {value}}}}}",
            f"retrieval.where.tags: {shown} is not accepted; it should be text, a number, true, false, or a list of "
            "them.",
        )
        for value, shown in (
            ("null", "None"),
            ("[]", "[]"),
            ("[[a]]", "[['a']]"),
            ("{a: 1}", "{'a': 1}"),
            (".nan", "nan"),
        )
    ),
    (
        "{hyde: true}",
        "retrieval.hyde: an LLM writes it, and `writer` is null; set `writer: {url: embedded}` or an endpoint, or "
        "switch it off.",
    ),
    (
        "{chunks: {hypothetical_questions: 3}}",
        "retrieval.chunks.hypothetical_questions: an LLM writes it, and `writer` is null; set `writer: {url: "
        "embedded}` or an endpoint, or switch it off.",
    ),
    (
        "{hyde: true, dense: false}",
        "retrieval.hyde: it needs embeddings; switch `dense` on, or set it to false.",
    ),
    ("{graph: {damping: 1}}", "retrieval.graph.damping: 1 is not accepted; it should be less than 1."),
    (
        "{graph: {max_entity_share: 0}}",
        "retrieval.graph.max_entity_share: 0 is not accepted; it should be greater than 0.",
    ),
    (
        "{graph: {extractor: writer}}",
        "retrieval.graph.extractor: an LLM writes it, and `writer` is null; set `writer: {url: embedded}` or an "
        "endpoint, or switch it off.",
    ),
    ("{bm52: true}", "retrieval.bm52: unknown key (value True); did you mean `bm25`?"),
]


@pytest.mark.parametrize(("text", "problem"), CASES)
def test_a_wrong_setting_is_named_with_its_remedy(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "ratchet.yaml"
    path.write_text(f"name: demo\nquestions: q.jsonl\nretrieval: {text}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems == (f"{path}: {problem}",)


def test_what_is_wanted_of_documents_keeps_its_type_and_dates_are_text(tmp_path: Path) -> None:
    path = tmp_path / "ratchet.yaml"
    path.write_text("name: d\nquestions: q.jsonl\nretrieval: {where: {a: 2026-01-31, b: [1, true, '1'], c: x}}\n")
    where = load_config(path).retrieval.where
    assert where == {"a": "2026-01-31", "b": (1, True, "1"), "c": "x"}
    assert [type(value) for value in where["b"]] == [int, bool, str]
