"""Which questions a round asks, and the candidates that the champion gives for them."""

from collections.abc import Sequence
from pathlib import Path

from tasks.config import Config
from tasks.feedback.candidate_contexts import contexts_of_arms
from tasks.files import sha256_of
from tasks.home import Home
from tasks.models.citations import split_citations
from tasks.models.engines import load_answerer
from tasks.models.generation import Decoding, Generation
from tasks.models.hardware import Hardware
from tasks.models.loading import load_tokenizer
from tasks.models.prompting import build_messages
from tasks.progress import track
from tasks.records import Candidate, Question
from tasks.rounds import Round

_RETRIEVING = {"base": "rag", "ft": "rag_ft"}  # what an arm is with passages in its prompt


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
    home: Home,
    opened: Round,
    adapter_folder: Path | None,
    questions: Sequence[Question],
    hardware: Hardware,
) -> list[Candidate]:
    """`config.collect.candidates` answers of the round's champion per question, in the order of the questions.

    A question's candidates take turns in the arms of `config.collect.arms`. Without documents, which is said, all are
    closed-book. Citations at the end of an answer are left out: people and judges do not see what they point to.

    Raises:
        ModelError: when a model cannot be loaded, or a prompt is too long even without passages.
        IntegrityError: when the documents or their index were altered.
    """
    settings, champion = config.collect, opened.champion
    tokenizer = load_tokenizer(champion.base)
    contexts = contexts_of_arms(config, home, opened.domain, questions, tokenizer, hardware)
    asked = [
        (question, contexts[number % len(contexts)].get(question.id, ()))
        for question in questions
        for number in range(settings.candidates)
    ]
    prompts = [build_messages(config.system_prompt, question.question, texts) for question, texts in asked]
    answer = load_answerer(config, home, champion.base, adapter_folder, hardware)
    # A seed per round: a round that meets a question again should not draw the same answers again.
    seed = int(sha256_of({"seed": config.seed, "round": opened.number})[:8], 16)
    decoding = Decoding(temperature=settings.temperature, top_k=settings.top_k, seed=seed)
    with track("collect: candidates", len(prompts)) as advance:
        generations = answer(prompts, decoding, advance)
    if config.train.contexts is not None and config.train.contexts.citations:
        generations = [each.model_copy(update={"text": split_citations(each.text)[0]}) for each in generations]
    arm = "ft" if champion.adapter else "base"
    return [
        make_candidate(
            question,
            generation,
            champion.weights_sha256,
            _RETRIEVING[arm] if texts else arm,
            decoding.model_copy(update={"seed": seed + index}),
            texts,
        )
        for index, ((question, texts), generation) in enumerate(zip(asked, generations, strict=True))
    ]


def make_candidate(
    question: Question,
    generation: Generation,
    weights_sha256: str,
    arm: str,
    decoding: Decoding,
    contexts: tuple[str, ...] = (),
) -> Candidate:
    """The answer that these weights gave to the question in this arm, named by a hash of all but its costs.

    Args:
        contexts: the passages in its prompt, in their order.
    """
    identity: dict[str, object] = {
        "question": question.id,
        "text": generation.text,
        "weights": weights_sha256,
        "arm": arm,
        "temperature": decoding.temperature,
        "seed": decoding.seed,
        **({"contexts": contexts} if contexts else {}),
    }
    return Candidate(
        id=sha256_of(identity),
        question_id=question.id,
        text=generation.text,
        arm=arm,
        weights_sha256=weights_sha256,
        temperature=decoding.temperature,
        seed=decoding.seed,
        prompt_tokens=generation.prompt_tokens,
        completion_tokens=generation.completion_tokens,
        latency_s=generation.latency_s,
        contexts=contexts,
    )
