"""What the arms say to the test questions: same prompt template, decoding and questions, with or without passages."""

from collections.abc import Sequence
from pathlib import Path

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers, answer_prompts
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.evaluation.benchmark.retrieved import Retrieved
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.models.prompting import build_messages
from tasks.records import ADAPTER_ARMS, RETRIEVAL_ARMS, Message, Question


def answer_as_arms(
    config: Config,
    home: Home,
    benchmark: Benchmark,
    adapter_folder: Path | None,
    questions: Sequence[Question],
    retrieved: Retrieved | None,
    hardware: Hardware,
) -> dict[str, ArmAnswers]:
    """Each arm's answers, in the order of the benchmark's arms; latencies are those of the model alone.

    Args:
        adapter_folder: the adapter of ft and rag_ft; None where neither is an arm.
        retrieved: the passages of rag and rag_ft; None where neither is an arm.

    Raises:
        ModelError: when a model cannot be loaded, or a prompt is too long even without passages.
    """
    version = benchmark.version
    arms: dict[str, ArmAnswers] = {}
    for arm in benchmark.arms:
        adapted = version if arm in ADAPTER_ARMS else None
        weights_sha256 = adapted.weights_sha256 if adapted else benchmark.base.sha256
        prompts = build_prompts(config, questions, retrieved if arm in RETRIEVAL_ARMS else None)
        generations = answer_prompts(
            config,
            home,
            arm,
            benchmark.base,
            adapter_folder if adapted else None,
            weights_sha256,
            prompts,
            hardware,
        )
        arms[arm] = ArmAnswers(
            weights_sha256=weights_sha256,
            version=adapted.version if adapted else None,
            generations=tuple(generations),
        )
    return arms


def build_prompts(
    config: Config, questions: Sequence[Question], retrieved: Retrieved | None
) -> list[tuple[Message, ...]]:
    """The prompt of each question, with the passages that were retrieved for it, if any were."""
    contexts = [context.texts for context in retrieved.contexts] if retrieved else [()] * len(questions)
    return [
        build_messages(config.system_prompt, question.question, texts)
        for question, texts in zip(questions, contexts, strict=True)
    ]
