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
    ("{bm52: true}", "retrieval.bm52: unknown key (value True); did you mean `bm25`?"),
]


@pytest.mark.parametrize(("text", "problem"), CASES)
def test_a_wrong_setting_is_named_with_its_remedy(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "ratchet.yaml"
    path.write_text(f"name: demo\nquestions: q.jsonl\nretrieval: {text}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems == (f"{path}: {problem}",)
