"""Each exported form is loaded as its consumers load it, and answers beside the evaluated model.

Every form gets the questions alone, as a consumer sends them: its own chat template has to add the domain's prompt, and
its tokenizer has to give the tokens that the evaluated model read. The tolerances were measured with SmolLM2-135M and a
random adapter of rank 16, then set to about twice of what was seen, or more:

- adapter: the same arithmetic in the same order, so the same logits: seen 0, allowed 0.001.
- merged: W + BA is rounded once in the format of the weights. float32: all logits, seen 0.0001, allowed 0.001. Half
  formats keep so few bits that a logit near 20 moves in steps of 0.125 (bfloat16) or 0.016 (float16), and each layer
  adds its own; so there the five likeliest tokens at every step count: seen 0.75 and 0.08, allowed 2
  and 0.25.
- gguf: llama.cpp keeps keys and values in float16, whatever the file holds. Log-probabilities of the five likeliest
  tokens at each of 16 steps: f32 seen 0.016, f16 seen 0.028, both allowed 0.1; q8_0 has 8 bits a weight: seen 0.55,
  allowed 1. Beside a model that was evaluated in a half format at least what merged is allowed there, for it is that
  model's own arithmetic that is rough.
"""

import importlib.util
from collections.abc import Sequence
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ConfigError, ModelError
from tasks.exporting.forms import Source
from tasks.exporting.llama_server import answer_with_llama
from tasks.exporting.same_answers import Answered, Expected, broken_form, judge_form
from tasks.home import Home
from tasks.models.generation import encode_prompts
from tasks.models.hardware import choose_hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.models.prompting import build_messages
from tasks.records import BaseModelRef, FormParity
from tasks.registry.comparing import largest_difference, logits_of
from tasks.settings.evaluation import Form

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

LIKELIEST = 5  # tokens a step
LOGIT_TOLERANCES = {"float32": 1e-3, "float16": 0.25, "bfloat16": 2.0}
LOG_PROBABILITY_TOLERANCES = {"f32": 0.1, "f16": 0.1, "q8_0": 1.0}


def answer_as_evaluated(source: Source, questions: Sequence[str]) -> list[Expected]:
    """The evaluated model's prompts, greedy answers and logits, one question at a time.

    Raises:
        ModelError: when the model cannot be loaded, or a prompt is longer than the config allows.
    """
    config, base = source.config, source.version.base
    tokenizer = load_tokenizer(base)
    prompts = [build_messages(config.system_prompt, question) for question in questions]
    encoded = encode_prompts(tokenizer, prompts, config.generation.max_prompt_tokens)
    model = load_model(base, source.adapter_folder, choose_hardware(config.model))
    answers = [_greedy(model, tokenizer, ids, config.generation.max_new_tokens) for ids in encoded]
    return [
        Expected(ids, answer, 0.0, question, _answer_logits(model, ids, answer).numpy())
        for question, ids, answer in zip(questions, encoded, answers, strict=True)
    ]


def compare_form(source: Source, form: Form, folder: Path, home: Home, expected: Sequence[Expected]) -> FormParity:
    """What loading the form and answering with it shows; a form that does not load has failed.

    Raises:
        UnreachableError: when llama.cpp's server ended in the middle of it.
        ConfigError: when xllamacpp is not installed.
    """
    numbers, tolerance, library = source.numbers(form), tolerance_of(source, form), _LIBRARIES[form]
    loaded_with = f"{library} {installed(_DISTRIBUTIONS[form])}"
    try:
        if form == "gguf":
            found = answer_with_llama(folder / source.gguf_name, home, expected, source.config.generation)
        else:
            found = _answer_with_transformers(source, form, folder, expected)
    except ModelError as error:
        # Said of the form wherever it lies: the verdict is kept, and the folder is not.
        why = str(error).replace(str(folder), form).replace(str(home.root), "RATCHET_HOME")
        return broken_form(form, numbers, loaded_with, len(expected), tolerance, f"{form} does not load: {why}")
    return judge_form(form, numbers, loaded_with, expected, found, tolerance)


def tolerance_of(source: Source, form: Form) -> float:
    """The largest gap in a logit (GGUF: log-probability) that the form is allowed."""
    evaluated = LOGIT_TOLERANCES[choose_hardware(source.config.model).dtype]
    if form == "gguf":
        return max(LOG_PROBABILITY_TOLERANCES[source.gguf_type], evaluated)
    return evaluated if form == "merged" else LOGIT_TOLERANCES["float32"]


def require_comparable(form: Form) -> None:
    """Returns when what loads the form is installed.

    Raises:
        ConfigError: when it is not, and what to install.
    """
    if form == "gguf" and (missing := [name for name in ("gguf", "xllamacpp") if not importlib.util.find_spec(name)]):
        raise ConfigError(
            f"Exporting gguf needs {' and '.join(missing)}: `pip install {' '.join(missing)}`, or leave out gguf."
        )


_LIBRARIES: dict[Form, str] = {"merged": "transformers", "adapter": "PEFT", "gguf": "llama.cpp, xllamacpp"}
_DISTRIBUTIONS: dict[Form, str] = {"merged": "transformers", "adapter": "peft", "gguf": "xllamacpp"}


def _answer_with_transformers(source: Source, form: Form, folder: Path, expected: Sequence[Expected]) -> list[Answered]:
    """Loaded from its folder alone (an adapter: on the base), with the tokenizer that lies there."""
    here = BaseModelRef(id=form, path=str(folder), sha256=source.version.base.sha256)
    hardware = choose_hardware(source.config.model)
    model = load_model(here, None, hardware) if form == "merged" else load_model(source.version.base, folder, hardware)
    tokenizer = load_tokenizer(here)
    prompts = encode_prompts(tokenizer, [build_messages("", each.question) for each in expected])
    limit = None if form == "merged" else source.config.generation.max_new_tokens
    compared = None if hardware.dtype == "float32" else LIKELIEST
    return [
        Answered(ids, _greedy(model, tokenizer, ids, limit), _logit_gap(model, each, compared))
        for ids, each in zip(prompts, expected, strict=True)
    ]


def _logit_gap(model: Any, expected: Expected, likeliest: int | None) -> float:
    """The largest gap between logits at the steps of the answer; None: of all tokens, not of the likeliest alone."""
    import torch

    own, found = torch.from_numpy(expected.logits), _answer_logits(model, expected.prompt_ids, expected.token_ids)
    if likeliest is not None:
        columns = own.topk(min(likeliest, own.shape[-1]), dim=-1).indices  # (answer tokens, likeliest)
        own, found = own.gather(-1, columns), found.gather(-1, columns)
    return largest_difference([own], [found])


def _greedy(
    model: Any, tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int], max_new_tokens: int | None
) -> list[int]:
    """The answer's tokens; with None the model's own generation config says how, and how long."""
    import torch

    prompt = torch.tensor([list(ids)], device=model.device)
    options: dict[str, Any] = {"pad_token_id": tokenizer.pad_token_id}
    if max_new_tokens is not None:
        options |= {"max_new_tokens": max_new_tokens, "do_sample": False}
        options |= {"temperature": None, "top_p": None, "top_k": None}
    with torch.inference_mode():
        output = model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt), **options)
    answer: list[int] = output[0, prompt.shape[1] :].tolist()
    return answer


def _answer_logits(model: Any, prompt_ids: Sequence[int], answer_ids: Sequence[int]) -> "torch.Tensor":
    """What each token of the answer is chosen by, (answer tokens, vocabulary), float32 on the CPU."""
    logits = logits_of(model, [[*prompt_ids, *answer_ids]])[0]
    return logits[len(prompt_ids) - 1 : -1].clone()  # the prompt's own are let go
