"""Which arms are compared, and what gives a benchmark another name."""

from pathlib import Path

import pytest

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.evaluation.benchmark.plan import open_benchmark, parse_arms, report_folder
from tasks.home import Home

QUESTIONS = (
    '{"question": "One?", "answer": "1", "split": "test"}\n{"question": "Two?", "answer": "2", "split": "train"}\n'
)


@pytest.fixture
def config(tmp_path: Path, tiny_model: Path) -> Config:
    (tmp_path / "questions.jsonl").write_text(QUESTIONS, encoding="utf-8")
    (tmp_path / "one.txt").write_text("One is 1.", encoding="utf-8")
    return Config.model_validate(
        {
            "name": "tiny",
            "questions": "questions.jsonl",
            "documents": ["*.txt"],
            "model": {"base": str(tiny_model)},
            "root": tmp_path,
        }
    )


@pytest.mark.parametrize(
    ("text", "arms"),
    [
        ("base,rag,ft,rag_ft", ("base", "rag", "ft", "rag_ft")),
        ("rag_ft,base", ("base", "rag_ft")),
        (" rag , base ,", ("base", "rag")),
        ("ft", ("ft",)),
    ],
)
def test_arms_come_in_the_order_of_reports(text: str, arms: tuple[str, ...]) -> None:
    assert parse_arms(text) == arms


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("base,raft", "'raft' is no arm; choose from base, rag, ft, rag_ft"),
        ("RAG", "'RAG' is no arm; choose from base, rag, ft, rag_ft"),
        ("base,rag,base", "'base' is named twice; name each arm once"),
        ("", "name at least one arm of base, rag, ft, rag_ft"),
        (",", "name at least one arm of base, rag, ft, rag_ft"),
    ],
)
def test_what_is_no_list_of_arms_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_arms(text)
    assert str(caught.value) == problem


def test_the_same_domain_model_and_settings_are_the_same_benchmark(config: Config, home: Home) -> None:
    first, again = (open_benchmark(config, home, ("base", "rag")) for _ in range(2))

    assert first == again
    assert first.version is None and first.retrieves
    assert report_folder(home, first) == home.root / "benchmarks" / "tiny" / first.key[:16]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"system_prompt": "Be brief."},
        {"retrieval": {"passages": 3}},
        {"generation": {"max_new_tokens": 3}},
        {"evaluate": {"max_questions": 1}},
        {"promote": {"primary_metric": "rouge_l_recall"}},
        {"benchmark": {"correct_from": 0.4}},
        {"prices": {"queries_per_day": 3}},
    ],
)
def test_a_setting_that_its_figures_rest_on_makes_another_benchmark(
    config: Config, home: Home, change: dict[str, object]
) -> None:
    other = Config.model_validate(
        {**config.model_dump(), "root": config.root, **change, "model": config.model.model_dump()}
    )

    assert open_benchmark(other, home, ("base",)).key != open_benchmark(config, home, ("base",)).key


def test_other_arms_questions_or_documents_make_another_benchmark(config: Config, home: Home) -> None:
    keys = [open_benchmark(config, home, ("base",)).key, open_benchmark(config, home, ("base", "rag")).key]
    (config.root / "two.txt").write_text("Two is 2.", encoding="utf-8")
    keys.append(open_benchmark(config, home, ("base",)).key)
    (config.root / "questions.jsonl").write_text(QUESTIONS.replace("One?", "Uno?"), encoding="utf-8")
    keys.append(open_benchmark(config, home, ("base",)).key)

    assert len(set(keys)) == 4


def test_what_a_round_alone_reads_leaves_it_the_same(config: Config, home: Home) -> None:
    other = config.model_copy(update={"train": config.train.model_copy(update={"checkpoint_steps": 3})})

    assert open_benchmark(other, home, ("base",)).key == open_benchmark(config, home, ("base",)).key


def test_arms_that_retrieve_need_documents(config: Config, home: Home) -> None:
    bare = config.model_copy(update={"documents": ()})

    assert open_benchmark(bare, home, ("base",)).arms == ("base",)
    with pytest.raises(ConfigError) as caught:
        open_benchmark(bare, home, ("base", "rag", "rag_ft"))
    assert str(caught.value) == (
        "documents: there are none for rag and rag_ft to retrieve from; name some, or compare the other arms with "
        "`--arms base,ft`."
    )
