"""What an LLM writes for other stages: queries, questions about passages, triples. Each text is written once, ever.

    written/<writer>.journal    the texts of one writer, below RATCHET_HOME

A text that an endpoint, for whatever reason, does not give is empty: who asked goes on without it. How many those
were, and why, is said.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

from tasks.config import Config
from tasks.files import sha256_of, sha256_of_file
from tasks.home import Home
from tasks.journal import Journal, open_journal
from tasks.llm.api_key import ApiKey, find_api_key
from tasks.llm.endpoint import Endpoint
from tasks.llm.local_server import find_gguf, serve_gguf
from tasks.llm.trying import FIRST_WAIT_S
from tasks.models.base_model import resolve_base
from tasks.models.hardware import Hardware
from tasks.progress import listed, say, track
from tasks.records import Message
from tasks.settings.writing import WriterSettings
from tasks.writing.asking import Standing, ask_all
from tasks.writing.local_model import generate_all
from tasks.writing.prompts import Prompt, Unwritten

# Prompts of chat messages to texts, one each, in their order; a text that could not be had is empty.
Write = Callable[[Sequence[tuple[Message, ...]]], list[str]]

WRITTEN_FOLDER = "written"
_SHOWN_FROM = 20  # texts to write, from which on progress is shown

_Backend = Callable[[Sequence[Prompt], Callable[[Prompt, str], None]], Counter[Unwritten]]


@contextmanager
def load_writer(
    config: Config, home: Home, hardware: Hardware, first_wait_s: float = FIRST_WAIT_S
) -> Iterator[Write | None]:
    """The writer of the config while the block runs; None when there is none.

    The model is loaded, or the embedded server started, when the first text has to be written that is not kept yet.

    Args:
        hardware: what a `local` writer runs on.
        first_wait_s: the wait after a first failed try.

    Raises:
        ConfigError: when its key cannot be read, or there is no such file.
        ModelError: when its model cannot be loaded.
        HomeError: when what is written cannot be kept.
        EndpointError: in the block, when the endpoint refuses to answer at all: the key, the model, the certificate.
    """
    settings, name = config.writer, identify_writer(config, home)
    if settings is None or name is None:
        yield None
        return
    with ExitStack() as stack:
        journal = stack.enter_context(open_journal(home.root / WRITTEN_FOLDER / f"{name}.journal"))
        kept: dict[str, str] = {entry["key"]: entry["text"] for entry in journal.entries}
        if journal.damaged:
            say(f"writer {name}: {journal.damaged} kept texts were damaged, and are written again")
        backend: list[_Backend] = []

        def write(prompts: Sequence[tuple[Message, ...]]) -> list[str]:
            keys = [_key(prompt) for prompt in prompts]
            missing = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in kept}
            if missing:
                if not backend:
                    backend.append(_start(config, settings, home, hardware, first_wait_s, stack))
                _write_missing(name, missing, journal, kept, backend[0])
            return [kept.get(key, "") for key in keys]

        yield write


def identify_writer(config: Config, home: Home) -> str | None:
    """`<model>@<12 hex digits>`: who writes, and with what settings; None when the config has no writer.

    Of a writer that runs here it is the hash of its weights that counts; of an endpoint no more than the model's name
    is known.

    Raises:
        ConfigError, ModelError: when a model that is to run here is not there.
    """
    settings = config.writer
    if settings is None:
        return None
    if settings.url == "local":
        base = resolve_base(config.model, home)
        name, weights = base.id, base.sha256
    elif settings.url == "embedded":
        path = find_gguf(settings.model)
        name, weights = path.stem, sha256_of_file(path)
    else:
        name, weights = settings.model, settings.model
    digest = sha256_of({"model": weights, "max_tokens": settings.max_tokens, "temperature": 0})[:12]
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name.rpartition("/")[2])
    return f"{safe[:60]}@{digest}"


def _key(prompt: tuple[Message, ...]) -> str:
    return sha256_of([message.model_dump() for message in prompt])


def _write_missing(
    name: str, missing: dict[str, tuple[Message, ...]], journal: Journal, kept: dict[str, str], backend: _Backend
) -> None:
    prompts = [Prompt(key, messages) for key, messages in missing.items()]
    shown = track(f"writer {name}", len(prompts)) if len(prompts) >= _SHOWN_FROM else nullcontext(lambda steps: None)
    with shown as advance:

        def keep(prompt: Prompt, text: str) -> None:
            journal.append({"key": prompt.key, "text": text})
            kept[prompt.key] = text
            advance(1)

        unwritten = backend(prompts, keep)
    if unwritten:
        reasons = listed({str(reason): count for reason, count in unwritten.items()})
        say(f"writer {name}: {unwritten.total()} of {len(prompts)} texts were not written: {reasons}")


def _start(
    config: Config, settings: WriterSettings, home: Home, hardware: Hardware, first_wait_s: float, stack: ExitStack
) -> _Backend:
    if settings.url == "local":
        return generate_all(config, home, hardware)
    embedded = settings.url == "embedded"
    url = stack.enter_context(serve_gguf(settings.model, home)) if embedded else settings.url
    key = ApiKey() if embedded else find_api_key(settings, "writer")
    endpoint = Endpoint("writer", url, settings.model, key, settings.timeout_s, settings.max_tokens)
    standing = Standing()
    return lambda prompts, keep: ask_all(endpoint, settings, prompts, keep, standing, first_wait_s)
