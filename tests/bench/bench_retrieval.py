"""Figures of retrieval: an index of 100,000 chunks, what changes to it cost, how long a question takes and what is
found, beside LlamaIndex on the same texts, vectors and machine; and with the real embedding model how often hybrid
search finds the right document where words alone or meanings alone do not.

The texts, vectors and questions are those of retrieval_corpus.py. Both sides are asked in one process, question by
question in turn, so that a busy machine slows both, and return ten documents; the time in which the question itself is
embedded is left out, and `computing` is the part in which the process had a core. `recall` is the share of questions
whose document is among the ten; `exact` is the share of the ten that comparing all vectors finds. LlamaIndex is there
with `pip install 'ratchet-llm[bench]'`; without it there is nothing to compare with, which is said. LanceDB is there
with `ratchet-llm[lancedb]`.

    python tests/bench/bench_retrieval.py [DOCUMENTS]
"""

import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asked_in_turn import FOUND, exact_search, measure
from steps import main_or_step, run_step

os.environ.setdefault("OMP_NUM_THREADS", "2")

DOCUMENTS = 100_000
MORE = 100
QUESTIONS = 300
CANDIDATES = 50
METHODS: dict[str, dict[str, Any]] = {
    "bm25": {"dense": False},
    "dense": {"bm25": False},
    "hybrid": {},
    "hybrid, rrf": {"fusion": "rrf"},
}
GRAPH: dict[str, dict[str, Any]] = {"hybrid + graph": {"graph": {}}}
LANCE: dict[str, dict[str, Any]] = {
    "dense, LanceDB": {"bm25": False, "store": {"kind": "lancedb"}},
    "dense, LanceDB approximate": {
        "bm25": False,
        "store": {"kind": "lancedb", "uri": "approximate", "approximate_from": 10_000},
    },
}
# Our method, and LlamaIndex's that it is compared with.
COMPARED = {
    "bm25": "bm25",
    "dense": "dense",
    "hybrid": "hybrid",
    "hybrid, rrf": "hybrid",
    "hybrid + graph": "hybrid",
}


def main() -> None:
    """Prints the figures, and the same as one JSON object in the last line."""
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    with tempfile.TemporaryDirectory(prefix="ratchet-bench.") as name:
        figures: dict[str, Any] = {
            "documents": documents,
            "build": run_step(name, "build", documents),
            "again": run_step(name, "build", documents),
            "add": run_step(name, "build", documents + MORE),
            "remove": run_step(name, "build", documents),
            "graph": run_step(name, "graph", documents),
            "search": run_step(name, "search", documents),
            "bm25_scores": run_step(name, "bm25_scores", documents),
            "long_text": run_step(name, "long_text"),
            "quality": run_step(name, "quality"),
        }
    show(figures)
    print(json.dumps(figures))


def show(figures: dict[str, Any]) -> None:
    """Prints the figures for people."""
    for name in ("build", "again", "add", "remove", "graph", "long_text"):
        figure = figures[name]
        took = f"{figure['seconds']:7.2f} s, {figure['computing_s']:7.2f} s of them computing"
        print(f"{name:28} {took}, {figure['peak_resident_mb']:6.0f} MB resident at most")
    search = figures["search"]
    print(f"{'open':28} {search['open_s']:7.2f} s, every byte checked")
    show_side("ratchet", search["ours"])
    if search["llama_index"] is None:
        print("LlamaIndex is not installed (pip install 'ratchet-llm[bench]'): nothing to compare with")
    else:
        built = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in search["llama_index_build_s"].items())
        print(f"LlamaIndex is built anew for each change: {built}")
        show_side("LlamaIndex", search["llama_index"])
        for name, other in COMPARED.items():
            ours, theirs = search["ours"][name], search["llama_index"][other]
            ratios = [theirs[key] / ours[key] for key in ("p50_ms", "p95_ms", "p50_computing_ms", "p95_computing_ms")]
            fast = "{:.2f} and {:.2f} times as fast at p50 and p95, {:.2f} and {:.2f} computing".format(*ratios)
            print(f"{name:28} {fast}, recall {ours['recall']:.3f} against {theirs['recall']:.3f}")
    scores = figures["bm25_scores"]
    print(f"BM25 scores from kept counts {scores['kept_s']:.2f} s, counted by bm25s {scores['bm25s_s']:.2f} s")
    for name in METHODS:
        figure = figures["quality"][name]
        print(f"{name:28} MRR@10 {figure['mrr']:.4f}, right document first {figure['first']:.3f}")


def show_side(side: str, figures: Mapping[str, Mapping[str, float]]) -> None:
    """Prints one side's times and what it finds."""
    for name, figure in figures.items():
        exact = f", exact {figure['exact']:.4f}" if "exact" in figure else ""
        took = f"{figure['p50_ms']:8.2f} ms p50, {figure['p95_ms']:8.2f} ms p95 a question"
        took += f" ({figure['p50_computing_ms']:.2f} and {figure['p95_computing_ms']:.2f} computing)"
        print(f"{f'{side}, {name}':40} {took}, recall {figure['recall']:.3f}{exact}")


def build(folder: Path, documents: int) -> dict[str, Any]:
    """The index of the first so many documents, on what is there."""
    return build_with(folder, documents, {})


def graph(folder: Path, documents: int) -> dict[str, Any]:
    """The same with a graph, on the layers that are there."""
    return build_with(folder, documents, GRAPH["hybrid + graph"])


def build_with(folder: Path, documents: int, settings: dict[str, Any]) -> dict[str, Any]:
    from retrieval_corpus import Embedder, make_corpus

    from tasks.home import Home
    from tasks.retrieval.index import build_index

    made, embed = make_corpus(documents), Embedder()
    embed.look_up([document.text for document in made])
    started, computing = time.perf_counter(), time.process_time()
    ref = build_index(make_config(folder, **settings), Home(folder), made, embed)
    return {**since(started, computing), "chunks": ref.chunks}


def search(folder: Path, documents: int) -> dict[str, Any]:
    """Opening the index, and each method of both sides, asked in turn."""
    from retrieval_corpus import Embedder, make_corpus, make_questions

    from tasks.home import Home
    from tasks.retrieval.index import build_index, open_index

    made, embed = make_corpus(documents), Embedder()
    vectors = embed.look_up([document.text for document in made])
    asked = make_questions(documents, QUESTIONS)
    embed.look_up([each.question for each in asked])
    nearest = {each.question: exact_search(vectors, embed([each.question])[0]) for each in asked}
    started = time.perf_counter()
    config, home = make_config(folder), Home(folder)
    open_index(config, home, build_index(config, home, made, embed), embed)
    open_s = time.perf_counter() - started
    methods = {**METHODS, **GRAPH, **(LANCE if importlib.util.find_spec("lancedb") else {})}
    ours = {name: asking(folder, made, embed, settings) for name, settings in methods.items()}
    theirs, built = llama_index(made, vectors, embed)
    answers = {
        **{("ours", name): ask for name, ask in ours.items()},
        **{("theirs", n): ask for n, ask in theirs.items()},
    }
    figures = measure(answers, asked, nearest)
    return {
        "open_s": open_s,
        "ours": {name: figures["ours", name] for name in ours},
        "llama_index": {name: figures["theirs", name] for name in theirs} if theirs else None,
        "llama_index_build_s": built,
    }


def asking(folder: Path, made: Sequence[Any], embed: Any, settings: dict[str, Any]) -> Callable[[str], list[str]]:
    """From a question to the documents that Ratchet finds with these settings."""
    from tasks.home import Home
    from tasks.retrieval.index import build_index, open_index
    from tasks.retrieval.retrieve import retrieve

    config = make_config(folder, passages=FOUND, candidates=CANDIDATES, **{"graph": None, **settings})
    # Words are searched in the index that has vectors, too: one index serves all methods.
    whole = config.model_copy(update={"retrieval": config.retrieval.model_copy(update={"dense": True})})
    index = open_index(whole, Home(folder), build_index(whole, Home(folder), made, embed), embed)

    def ask(question: str) -> list[str]:
        (passages,) = retrieve(config, index, [question], embed if config.retrieval.dense else None)
        return [passage.document_id for passage in passages]

    return ask


def llama_index(
    made: Sequence[Any], vectors: Any, embed: Any
) -> tuple[dict[str, Callable[[str], list[str]]], dict[str, float]]:
    """LlamaIndex's methods, and what each took to be built; none where it is not installed."""
    if importlib.util.find_spec("llama_index") is None:
        return {}, {}
    from llama_index_side import build_llama_index

    methods, built = build_llama_index(made, vectors, FOUND, CANDIDATES)
    return {name: lambda question, ask=ask: ask(question, embed([question])[0]) for name, ask in methods.items()}, built


def bm25_scores(folder: Path, documents: int) -> dict[str, Any]:
    """BM25's scores from counts that were kept, and bm25s' own index of the same terms; none of both counts words."""
    import bm25s
    import numpy as np
    from retrieval_corpus import make_corpus

    from tasks.retrieval.bm25 import count_terms, score_terms
    from tasks.retrieval.terms import search_terms

    texts = [document.text for document in make_corpus(documents)]
    counts = count_terms(texts)
    started = time.perf_counter()
    score_terms([(counts, np.ones(len(texts), dtype=bool))])
    kept_s = time.perf_counter() - started
    tokens = [search_terms(text) for text in texts]
    started = time.perf_counter()
    bm25s.BM25(method="lucene").index(tokens, show_progress=False)
    return {"kept_s": kept_s, "bm25s_s": time.perf_counter() - started}


def long_text(folder: Path) -> dict[str, Any]:
    """Cutting one text of 50 MB."""
    from retrieval_corpus import iterate_texts

    from tasks.records import Document
    from tasks.retrieval.chunking import iterate_chunks
    from tasks.settings.retrieval import ChunkSettings

    paragraphs: list[str] = []
    characters = 0
    for each in iterate_texts():
        paragraphs.append(" ".join(each))
        characters += len(paragraphs[-1])
        if characters > 50_000_000:
            break
    document = Document(id="long.md", text="\n\n".join(paragraphs))
    started, computing = time.perf_counter(), time.process_time()
    chunks = sum(1 for _ in iterate_chunks(document, ChunkSettings()))
    return {**since(started, computing), "chunks": chunks, "characters": len(document.text)}


def since(started: float, computing: float) -> dict[str, float]:
    """Seconds that have gone by, and those in which this process computed: what a busy machine takes is the rest."""
    return {"seconds": time.perf_counter() - started, "computing_s": time.process_time() - computing}


def quality(folder: Path) -> dict[str, Any]:
    """Each method with the real model on all documents and questions of the demo."""
    from tasks.domain.stdlib_docstrings import find_entries
    from tasks.home import Home
    from tasks.models.embeddings import load_embedder
    from tasks.records import Document
    from tasks.retrieval.index import build_index, open_index
    from tasks.retrieval.retrieve import retrieve

    entries = find_entries()
    documents = [Document(id=each.document_id, text=f"{each.name}\n\n{each.docstring}\n") for each in entries]
    config, home = make_config(folder), Home(folder / "quality")
    embed = load_embedder(config.model.embeddings, home, "cpu")
    ref = build_index(config, home, documents, embed)
    index = open_index(config, home, ref, embed)
    asked = [f"What does `{each.name}` do in Python?" for each in entries]
    vectors = embed(asked)
    figures: dict[str, Any] = {"documents": len(documents), "chunks": ref.chunks}
    for name, settings in METHODS.items():
        chosen = make_config(folder, passages=20, near_duplicates=None, **settings)
        found = retrieve(chosen, index, asked, lambda texts: vectors)
        ranks = []
        for passages, each in zip(found, entries, strict=True):
            names = list(dict.fromkeys(passage.document_id for passage in passages))[:10]
            ranks.append(1 / (names.index(each.document_id) + 1) if each.document_id in names else 0.0)
        figures[name] = {"mrr": statistics.mean(ranks), "first": sum(rank == 1 for rank in ranks) / len(ranks)}
    return figures


def make_config(folder: Path, **settings: Any) -> Any:
    from tasks.config import Config

    given = {"name": "d", "questions": "q.jsonl", "root": folder, "retrieval": settings}
    return Config.model_validate(given)


if __name__ == "__main__":
    steps = (build, graph, search, bm25_scores, long_text, quality)
    main_or_step(main, {step.__name__: step for step in steps})
