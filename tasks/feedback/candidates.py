"""Which questions a round asks, and the candidates that the champion gives for them."""

from collections.abc import Sequence
from pathlib import Path

from tasks.config import Config
from tasks.files import sha256_of
from tasks.models.generation import Decoding, Generation, generate
from tasks.models.hardware import Hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.models.prompting import build_messages
from tasks.progress import track
from tasks.records import Candidate, ModelVersion, Question


def choose_questions(train_questions: Sequence[Question], count: int, round_number: int) -> list[Question]:
    """The round's questions: the next `count` in the order of their ids' hashes, starting over at the end.

    Each round goes on where the one before stopped, so that all questions get their turn.
    """
    ordered = sorted(train_questions, key=lambda question: sha256_of(question.id))
    if not ordered:
        return []
    start = (round_number - 1) * count % len(ordered)
    return (ordered[start:] + ordered[:start])[:count]


def sample_candidates(
    config: Config,
    champion: ModelVersion,
    adapter_folder: Path | None,
    questions: Sequence[Question],
    hardware: Hardware,
    round_number: int,
) -> list[Candidate]:
    """`config.collect.candidates` answers per question, in the order of the questions.

    Raises:
        ModelError: when the champion cannot be loaded or a prompt is too long.
    """
    settings = config.collect
    tokenizer = load_tokenizer(champion.base)
    model = load_model(champion.base, adapter_folder, hardware)
    asked = [question for question in questions for _ in range(settings.candidates)]
    prompts = [build_messages(config.system_prompt, question.question) for question in asked]
    # A seed per round: a round that meets a question again should not draw the same answers again.
    seed = int(sha256_of({"seed": config.seed, "round": round_number})[:8], 16)
    decoding = Decoding(temperature=settings.temperature, top_k=settings.top_k, seed=seed)
    with track("collect: candidates", len(prompts)) as advance:
        generations = generate(model, tokenizer, prompts, config.generation, decoding, advance)
    arm = "ft" if champion.adapter else "base"
    return [
        _candidate(question, generation, champion, arm, decoding, seed + index)
        for index, (question, generation) in enumerate(zip(asked, generations, strict=True))
    ]


def _candidate(
    question: Question, generation: Generation, champion: ModelVersion, arm: str, decoding: Decoding, seed: int
) -> Candidate:
    identity = {
        "question": question.id,
        "text": generation.text,
        "weights": champion.weights_sha256,
        "arm": arm,
        "temperature": decoding.temperature,
        "seed": seed,
    }
    return Candidate(
        id=sha256_of(identity),
        question_id=question.id,
        text=generation.text,
        arm=arm,
        weights_sha256=champion.weights_sha256,
        temperature=decoding.temperature,
        seed=seed,
        prompt_tokens=generation.prompt_tokens,
        completion_tokens=generation.completion_tokens,
        latency_s=generation.latency_s,
    )
