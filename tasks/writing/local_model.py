"""Texts from the config's base model, in this process."""

from collections import Counter
from collections.abc import Callable, Sequence

from tasks.config import Config
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.models.generation import encode_prompts, generate
from tasks.models.hardware import Hardware, use_threads
from tasks.models.loading import load_model, load_tokenizer
from tasks.settings.models import GenerationSettings
from tasks.writing.prompts import Prompt, Unwritten

Generate = Callable[[Sequence[Prompt], Callable[[Prompt, str], None]], Counter[Unwritten]]


def generate_all(config: Config, home: Home, hardware: Hardware) -> Generate:
    """Loads `model.base`; returns a function that gives each text to `keep`, and returns how many are not there.

    Prompts longer than `generation.max_prompt_tokens` are left out, and counted.

    Raises:
        ModelError: when the model cannot be loaded.
    """
    assert config.writer is not None
    base = resolve_base(config.model, home)
    tokenizer = load_tokenizer(base)
    use_threads(hardware)
    model = load_model(base, None, hardware)
    size, longest = config.generation.batch_size, config.generation.max_prompt_tokens
    settings = GenerationSettings(max_new_tokens=config.writer.max_tokens, batch_size=size, max_prompt_tokens=longest)

    def write(prompts: Sequence[Prompt], keep: Callable[[Prompt, str], None]) -> Counter[Unwritten]:
        lengths = [len(ids) for ids in encode_prompts(tokenizer, [each.messages for each in prompts])]
        # Like lengths together; and a batch at a time, so that a killed process loses no more than one.
        fitting = sorted((length, at) for at, length in enumerate(lengths) if length <= longest)
        unwritten: Counter[Unwritten] = Counter()
        if len(fitting) < len(prompts):
            unwritten["too_long"] = len(prompts) - len(fitting)
        for start in range(0, len(fitting), size):
            batch = [prompts[at] for _, at in fitting[start : start + size]]
            for prompt, made in zip(
                batch, generate(model, tokenizer, [each.messages for each in batch], settings), strict=True
            ):
                if made.text:
                    keep(prompt, made.text)
                else:
                    unwritten["empty_reply"] += 1
        return unwritten

    return write
