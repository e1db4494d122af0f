"""What users do with the champion: ask it, and take it back."""

from typing import Any

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import find_home, lock
from tasks.registry import mlflow_registry as registry


def roll_back(config: Config) -> tuple[dict[str, Any], list[str]]:
    """Moves the champion back to the version it took over from.

    Raises:
        RatchetError: when it took over from none, or a round is running.
    """
    home = find_home()
    with lock(home, f"a rollback of {config.name}"):
        before, after = registry.rollback(config, home)
    line = f"Version {after.version} of {config.name} is the champion again; version {before.version} no longer is."
    return {"champion_before": before.version, "champion": after.version}, [line]


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
