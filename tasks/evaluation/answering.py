"""What each arm says to the test questions, generated once per model and kept."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from tasks.config import Config
from tasks.files import canonical_json, read_rows, sha256_of, write_atomically, write_rows
from tasks.home import Home
from tasks.models.engines import load_answerer
from tasks.models.generation import Generation
from tasks.models.hardware import Hardware
from tasks.models.prompting import build_messages
from tasks.progress import say, track
from tasks.records import Adapter, BaseModelRef, FileRef, Message, ModelVersion, Question, Record, Sha256
from tasks.roi.energy import measure_energy


class ArmAnswers(Record):
    """One arm with its answers, in the order of the test questions."""

    weights_sha256: Sha256
    version: int | None
    generations: tuple[Generation, ...]


class KeptAnswers(FileRef):
    """Answers that were generated once, rows of Generation."""

    energy_j: float | None = Field(default=None, ge=0.0, description="joules of the machine meanwhile; None: not read")


def answer_arms(
    config: Config,
    home: Home,
    champion: ModelVersion,
    champion_folder: Path | None,
    adapter: Adapter,
    questions: Sequence[Question],
    hardware: Hardware,
) -> dict[str, ArmAnswers]:
    """The answers of base, champion and challenger, in this order.

    Raises:
        ModelError: when a model cannot be loaded or a prompt is too long.
    """
    base = champion.base
    prompts = [build_messages(config.system_prompt, question.question) for question in questions]
    arms: dict[str, tuple[Path | None, str, int | None]] = {
        "base": (None, base.sha256, None),
        "champion": (champion_folder, champion.weights_sha256, champion.version),
        "challenger": (home.adapters / adapter.sha256, adapter.sha256, None),
    }
    return {
        arm: ArmAnswers(
            weights_sha256=weights_sha256,
            version=version,
            generations=tuple(
                read_rows(
                    home.objects,
                    keep_answers(config, home, arm, base, folder, weights_sha256, prompts, hardware),
                    Generation,
                )
            ),
        )
        for arm, (folder, weights_sha256, version) in arms.items()
    }


def keep_answers(
    config: Config,
    home: Home,
    arm: str,
    base: BaseModelRef,
    adapter_folder: Path | None,
    weights_sha256: str,
    prompts: Sequence[tuple[Message, ...]],
    hardware: Hardware,
) -> KeptAnswers:
    """The arm's greedy answer to each prompt, in their order, in `home.objects`, and what that took.

    The same weights, prompts and decoding give the same answers, so they are generated once and kept below
    `home.answers` under the hash of all three; the next round's champion costs nothing.

    Raises:
        ModelError: when the model cannot be loaded or a prompt is too long.
    """
    key = sha256_of(
        {
            "base": base.sha256,
            "weights": weights_sha256,
            "prompts": [[message.model_dump() for message in prompt] for prompt in prompts],
            "generation": config.generation.model_dump(),
            "hardware": [hardware.device, hardware.dtype],
        }
    )
    note = home.answers / f"{key}.json"
    if note.exists():
        say(f"evaluate: {arm} answered these {len(prompts)} questions before")
        return KeptAnswers.model_validate_json(note.read_bytes())
    answer = load_answerer(config, home, base, adapter_folder, hardware)
    with track(f"evaluate: {arm} answers", len(prompts)) as advance, measure_energy() as joules_so_far:
        generations = answer(prompts, advance=advance)
        energy_j = joules_so_far()
    kept = KeptAnswers(**write_rows(home.objects, generations).model_dump(), energy_j=energy_j)
    write_atomically(note, canonical_json(kept).encode())
    return kept
