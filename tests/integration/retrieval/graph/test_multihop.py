"""The made-up world of tests/data/multihop: each question needs two documents, and its words lead to the first."""

from collections.abc import Sequence
from pathlib import Path

from tasks.config import Config, load_config
from tasks.domain.loading import load_domain, read_split
from tasks.files import read_rows
from tasks.home import Home
from tasks.models.embeddings import load_embedder
from tasks.records import Document, Question
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.opened import Index
from tasks.retrieval.retrieve import retrieve
from tasks.retrieval.vectors import Embed
from tasks.settings.retrieval import RetrievalSettings

DOMAIN = Path(__file__).parents[3] / "data" / "multihop" / "ratchet.yaml"
PASSAGES = (2, 3, 5)


def both_found(config: Config, index: Index, questions: Sequence[Question], embed: Embed) -> dict[int, int]:
    """By k, of how many questions both documents are among the first k passages."""
    asked = [question.question for question in questions]
    found = [[passage.document_id for passage in each] for each in retrieve(config, index, asked, embed)]
    return {
        k: sum(set(question.sources) <= set(ids[:k]) for question, ids in zip(questions, found, strict=True))
        for k in PASSAGES
    }


def with_retrieval(config: Config, **settings: object) -> Config:
    given = {**config.retrieval.model_dump(), "passages": max(PASSAGES), **settings}
    return config.model_copy(update={"retrieval": RetrievalSettings.model_validate(given)})


def test_the_graph_finds_both_documents_more_often_than_words_and_meanings(tmp_path: Path) -> None:
    home, config = Home(tmp_path / "home"), load_config(DOMAIN)
    domain = load_domain(config, home)
    documents = read_rows(home.objects, domain.documents, Document)
    questions = read_split(home, domain, "test")
    assert (len(documents), len(questions)) == (20, 15)
    assert all(len(set(question.sources) & {each.id for each in documents}) == 2 for question in questions)
    embed = load_embedder("all-minilm-l6-v2", home, "cpu")
    chosen = with_retrieval(config, graph={})
    index = open_index(chosen, home, build_index(chosen, home, documents, embed), embed)

    for fusion in ("weighted", "rrf"):
        hybrid = both_found(with_retrieval(config, fusion=fusion), index, questions, embed)
        graph = both_found(with_retrieval(config, fusion=fusion, graph={}), index, questions, embed)
        figures = f"{fusion}: both documents of 15 questions among the first k: hybrid {hybrid}, with the graph {graph}"
        print(figures)
        assert all(graph[k] > hybrid[k] for k in PASSAGES), figures
        assert graph[5] >= hybrid[5] + 2, figures


def test_no_question_names_its_second_document(tmp_path: Path) -> None:
    """Its title is not in the question, though that of the first one may be."""
    home, config = Home(tmp_path / "home"), load_config(DOMAIN)
    texts = {path.name: path.read_text(encoding="utf-8") for path in (DOMAIN.parent / "documents").glob("*.md")}
    for question in read_split(home, load_domain(config, home), "test"):
        title = texts[Path(question.sources[1]).name].partition("\n")[0].removeprefix("# ").removeprefix("The ")
        assert title.lower() not in question.question.lower()
