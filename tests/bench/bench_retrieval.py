"""Figures of retrieval: an index of 100,000 chunks, what changes to it cost, how long a question takes, and how often
hybrid search finds the right document where words alone or meanings alone do not.

The 100,000 documents are made from the docstrings of Python's standard library: their sentences, drawn from a seed and
put together to about 60 words, one chunk each. Their vectors are random ones of MiniLM's size, since a model would need
an hour for them and the time of a search does not depend on what vectors say. Quality is measured with the real model,
on the demo's own documents and questions. Every measurement runs in a process of its own, so that its peak of resident
memory is its own. Times of a question leave out the time in which the question itself is embedded.

    python tests/bench/bench_retrieval.py [DOCUMENTS]
"""

import hashlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")

DOCUMENTS = 100_000
MORE = 100
WORDS = 60
DIMENSIONS = 384
QUESTIONS = 300
METHODS: dict[str, dict[str, Any]] = {
    "bm25": {"dense": False},
    "dense": {"bm25": False},
    "hybrid": {},
    "hybrid, rrf": {"fusion": "rrf"},
}


def main() -> None:
    """Prints the figures, and the same as one JSON object in the last line."""
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    with tempfile.TemporaryDirectory(prefix="ratchet-bench.") as name:
        figures: dict[str, Any] = {
            "documents": documents,
            "build": run(name, "build", documents),
            "again": run(name, "build", documents),
            "add": run(name, "build", documents + MORE),
            "remove": run(name, "build", documents),
            "search": run(name, "search", documents + MORE),
            "bm25_scores": run(name, "bm25_scores", documents),
            "long_text": run(name, "long_text"),
            "quality": run(name, "quality"),
        }
    show(figures)
    print(json.dumps(figures))


def show(figures: dict[str, Any]) -> None:
    """Prints the figures for people."""
    for name in ("build", "again", "add", "remove", "long_text"):
        figure = figures[name]
        took = f"{figure['seconds']:7.2f} s, {figure['computing_s']:7.2f} s of them computing"
        print(f"{name:12} {took}, {figure['peak_resident_mb']:6.0f} MB resident at most")
    print(f"open         {figures['search']['open_s']:7.2f} s, every byte checked")
    for name in METHODS:
        figure = figures["search"][name]
        print(f"{name:12} {figure['p50_ms']:7.2f} ms p50, {figure['p95_ms']:7.2f} ms p95 a question")
    scores = figures["bm25_scores"]
    print(f"BM25 scores from kept counts {scores['kept_s']:.2f} s, counted by bm25s {scores['bm25s_s']:.2f} s")
    for name in METHODS:
        figure = figures["quality"][name]
        print(f"{name:12} MRR@10 {figure['mrr']:.4f}, right document first {figure['first']:.3f}")


def run(folder: str, step: str, *arguments: object) -> dict[str, Any]:
    """What the step prints, run in a process of its own."""
    command = [sys.executable, __file__, "--step", step, folder, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def step(name: str, folder: Path, *arguments: str) -> None:
    """One measurement, in this process; prints its figures as JSON."""
    steps: dict[str, Callable[..., dict[str, Any]]] = {
        "build": build,
        "search": search,
        "bm25_scores": bm25_scores,
        "long_text": long_text,
        "quality": quality,
    }
    figures = steps[name](folder, *map(int, arguments))
    figures["peak_resident_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


def build(folder: Path, documents: int) -> dict[str, Any]:
    """The index of the first so many documents, on what is there."""
    from tasks.home import Home
    from tasks.retrieval.index import build_index

    made = corpus(documents)
    started, computing = time.perf_counter(), time.process_time()
    ref = build_index(make_config(folder), Home(folder), made, random_vectors)
    return {**since(started, computing), "chunks": ref.chunks}


def search(folder: Path, documents: int) -> dict[str, Any]:
    """Opening the index, and each method's time for one question after the other."""
    from tasks.home import Home
    from tasks.retrieval.index import build_index, open_index
    from tasks.retrieval.retrieve import retrieve

    config, home = make_config(folder), Home(folder)
    ref = build_index(config, home, corpus(documents), random_vectors)
    started = time.perf_counter()
    index = open_index(config, home, ref, random_vectors)
    figures: dict[str, Any] = {"open_s": time.perf_counter() - started, "layers": len(index.layers)}
    asked = real_questions()
    for name, settings in METHODS.items():
        chosen = make_config(folder, **settings)
        for question in asked[:10]:
            retrieve(chosen, index, [question], random_vectors)
        figures[name] = times(
            lambda question, chosen=chosen: retrieve(chosen, index, [question], random_vectors), asked
        )
    return figures


def times(answer: Callable[[str], object], asked: Sequence[str]) -> dict[str, float]:
    """Median and 95th percentile of the milliseconds a question takes, those for a vector of it taken off."""
    taken, embedding = [], []
    for question in asked:
        started = time.perf_counter()
        answer(question)
        taken.append(1000 * (time.perf_counter() - started))
        started = time.perf_counter()
        random_vectors([question])
        embedding.append(1000 * (time.perf_counter() - started))
    off = statistics.median(embedding)
    return {"p50_ms": statistics.median(taken) - off, "p95_ms": statistics.quantiles(taken, n=20)[-1] - off}


def bm25_scores(folder: Path, documents: int) -> dict[str, Any]:
    """BM25's scores from counts that were kept, and bm25s' own index of the same terms; none of both counts words."""
    import bm25s
    import numpy as np

    from tasks.retrieval.bm25 import count_terms, score_terms
    from tasks.retrieval.terms import search_terms

    texts = [document.text for document in corpus(documents)]
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
    from tasks.records import Document
    from tasks.retrieval.chunking import iterate_chunks
    from tasks.settings.retrieval import ChunkSettings

    paragraphs: list[str] = []
    characters = 0
    for each in iterate_corpus():
        paragraphs.append(each)
        characters += len(each)
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


def random_vectors(texts: Sequence[str]) -> Any:
    """Random unit vectors, the same for the same texts."""
    import numpy as np

    seed = int.from_bytes(hashlib.sha256("\n".join(texts).encode()).digest()[:8], "big")
    vectors = np.random.default_rng(seed).standard_normal((len(texts), DIMENSIONS), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def corpus(documents: int) -> list[Any]:
    """The first so many documents; a larger number keeps the smaller one's."""
    from tasks.records import Document

    texts = iterate_corpus()
    return [Document.model_construct(id=f"{n:06}.txt", text=next(texts)) for n in range(documents)]


def iterate_corpus() -> Iterator[str]:
    """Texts of about 60 words from sentences of docstrings, without end."""
    from tasks.domain.stdlib_docstrings import find_entries
    from tasks.retrieval.spans import split_sentences

    entries = find_entries()
    sentences = [" ".join(each.split()) for entry in entries for each in split_sentences(entry.docstring)]
    sentences = [sentence for sentence in dict.fromkeys(sentences) if 3 <= len(sentence.split()) <= 40]
    rng = random.Random(0)
    number = 0
    while True:
        number += 1
        words = [f"{rng.choice(entries).name} {number}."]
        while sum(len(each.split()) for each in words) < WORDS:
            words.append(rng.choice(sentences))
        yield " ".join(words)


def real_questions() -> list[str]:
    from tasks.domain.stdlib_docstrings import find_entries

    entries = find_entries()
    return [f"What does `{each.name}` do in Python?" for each in random.Random(1).sample(entries, QUESTIONS)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        step(sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
    else:
        main()
