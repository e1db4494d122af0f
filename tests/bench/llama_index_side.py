"""LlamaIndex on the same texts and vectors: its BM25Retriever, which has bm25s beneath; its default store of vectors,
and FAISS's exact one, which its documentation names for more of them; and its fusion of both by reciprocal ranks."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# From a question and its vector to the documents, best first.
Ask = Callable[[str, NDArray[np.float32]], list[str]]


def build_llama_index(
    documents: Sequence[Any], vectors: NDArray[np.float32], found: int, candidates: int
) -> tuple[dict[str, Ask], dict[str, float]]:
    """How each method is asked, and the seconds that each took to be built.

    Args:
        found: documents returned.
        candidates: what each of the two methods proposes to the fusion.
    """
    import faiss
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.embeddings import MockEmbedding
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.core.schema import QueryBundle, TextNode
    from llama_index.retrievers.bm25 import BM25Retriever
    from llama_index.vector_stores.faiss import FaissVectorStore

    model = MockEmbedding(vectors.shape[1])  # every text and question brings its vector
    seconds: dict[str, float] = {}

    def nodes() -> list[Any]:
        return [
            TextNode(id_=document.id, text=document.text, embedding=vector.tolist())
            for document, vector in zip(documents, vectors, strict=True)
        ]

    def timed(name: str, build: Callable[[list[Any]], Any]) -> Any:
        made = nodes()
        started = time.perf_counter()
        built = build(made)
        seconds[name] = time.perf_counter() - started
        return built

    store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(vectors.shape[1]))
    context = StorageContext.from_defaults(vector_store=store)
    words = timed("bm25", lambda made: BM25Retriever.from_defaults(nodes=made, similarity_top_k=found))
    exact = timed("faiss", lambda made: VectorStoreIndex(made, storage_context=context, embed_model=model))
    plain = timed("simple", lambda made: VectorStoreIndex(made, embed_model=model))
    more_words = BM25Retriever(existing_bm25=words.bm25, similarity_top_k=candidates)
    more_words.corpus = words.corpus
    fused = QueryFusionRetriever(
        [exact.as_retriever(similarity_top_k=candidates), more_words],
        similarity_top_k=found,
        num_queries=1,
        mode="reciprocal_rerank",
        use_async=False,
        llm=MockLLM(),
    )
    retrievers = {
        "bm25": words,
        "dense": exact.as_retriever(similarity_top_k=found),
        "dense, default store": plain.as_retriever(similarity_top_k=found),
        "hybrid": fused,
    }

    def asking(retriever: Any) -> Ask:
        def ask(question: str, vector: NDArray[np.float32]) -> list[str]:
            bundle = QueryBundle(question, embedding=vector.tolist())
            return [each.node.node_id for each in retriever.retrieve(bundle)]

        return ask

    return {name: asking(retriever) for name, retriever in retrievers.items()}, seconds
