"""What users do with the champion: ask it, approve what is to succeed it, and take it back."""

import getpass
from typing import Any

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.gate.outcome import describe_outcome
from tasks.home import find_home, lock
from tasks.registry import mlflow_registry as registry


def approve(
    config: Config, number: int | None, *, approved: bool, by: str | None, reason: str
) -> tuple[dict[str, Any], list[str]]:
    """Approves or rejects a version whose decision waits for a person, and carries that out.

    Args:
        number: the version; None: the one that waits.
        by: who says so; None: whose process this is.

    Raises:
        RatchetError: when it does not wait, another version is the champion by now, or a round is running.
    """
    from tasks.registry.approval import settle

    decision = settle(config, find_home(), number, approved=approved, by=_person(by), reason=reason, through="command")
    outcome = describe_outcome(decision)
    return decision.model_dump(mode="json"), [f"{outcome[0].upper()}{outcome[1:]}"]


def roll_back(
    config: Config, *, to: int | None = None, by: str | None = None, reason: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """Moves the champion back to the version it took over from, or to another that was the champion.

    Args:
        to: that other; None: the one it took over from.
        by: who wants it; None: whose process this is.
        reason: why.

    Raises:
        RatchetError: when there is no such version, or a round is running.
    """
    from tasks.registry.approval import finish

    home = find_home()
    with lock(home, f"a rollback of {config.name}"):
        finish(config, home)
        before, after = registry.rollback(config, home, to=to, by=_person(by), reason=reason)
    line = f"Version {after.version} of {config.name} is the champion again; version {before.version} no longer is."
    if before == after:
        line = f"Version {after.version} of {config.name} is the champion already."
    return {"champion_before": before.version, "champion": after.version}, [line]


def _person(by: str | None) -> str:
    try:
        return by or getpass.getuser()
    except (KeyError, OSError) as error:
        raise RatchetError("This process's user has no name: say who you are with --by NAME.") from error


def ask_champion(config: Config, question: str) -> tuple[dict[str, Any], list[str]]:
    """The champion's greedy answer, with its token counts and latency.

    Raises:
        RatchetError: when the domain has no champion yet, or it cannot be loaded.
    """
    from tasks.models.generation import generate
    from tasks.models.hardware import choose_hardware, use_threads
    from tasks.models.loading import load_model, load_tokenizer
    from tasks.models.prompting import build_messages
    from tasks.registry.fetching import download_adapter

    home = find_home()
    champion = registry.read_alias(config, home, registry.CHAMPION_ALIAS)
    if champion is None:
        raise RatchetError(f"{config.name} has no champion yet: run `ratchet round`, which begins with one.")
    hardware = choose_hardware(config.model)
    use_threads(hardware)
    model = load_model(champion.base, download_adapter(config, home, champion), hardware)
    prompt = build_messages(config.system_prompt, question)
    (answer,) = generate(model, load_tokenizer(champion.base), [prompt], config.generation)
    return {"version": champion.version, **answer.model_dump(mode="json")}, [answer.text]
