"""Loading models and tokenizers, always from a local folder, always in evaluation mode."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ModelError, first_line
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# For models that bring no chat template of their own: plain text, turns marked by words. The prompt ends without
# the space, which tokenizers join to the answer's first word.
PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'user' %}{{ 'Question: ' + message['content'] + '\\n' }}"
    "{% else %}{{ 'Answer: ' + message['content'] + eos_token + '\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Answer:' }}{% endif %}"
)


def load_tokenizer(base: BaseModelRef) -> "PreTrainedTokenizerBase":
    """The base's tokenizer: padding on the left, a pad token, and a chat template (plain where it has none).

    Raises:
        ModelError: when the folder holds no tokenizer that transformers can load.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base.path, padding_side="left")
    except Exception as error:  # a broken tokenizer.json raises KeyError, TypeError or a bare Exception
        raise ModelError(_cannot_load(base, "tokenizer", error)) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_TEMPLATE
    return tokenizer


def load_model(base: BaseModelRef, adapter_folder: Path | None, hardware: Hardware, *, trainable: bool = False) -> Any:
    """The base as a causal LM, or a PeftModel on it when there is an adapter; frozen unless `trainable`.

    Raises:
        ModelError: when base or adapter cannot be loaded.
    """
    from peft import PeftModel
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        # Weights in pickles could run anything; transformers would take them where there are no others.
        model, info = AutoModelForCausalLM.from_pretrained(
            base.path, dtype=hardware.torch_dtype, use_safetensors=True, output_loading_info=True
        )
        if missing := sorted(info["missing_keys"]):  # transformers would go on with random weights
            raise ValueError(f"{len(missing)} of its weights are missing, {missing[0]} among them")
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(_cannot_load(base, "model", error)) from error
    if adapter_folder is not None:
        try:
            if not (adapter_folder / "adapter_model.safetensors").is_file():  # PEFT would ask the hub for it
                raise ValueError("it has no adapter_model.safetensors")
            model = PeftModel.from_pretrained(model, str(adapter_folder), is_trainable=trainable)
            _check_adapter(model, adapter_folder)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"The adapter in {adapter_folder} does not load on {base.id} ({first_line(error)}): "
                "restore the folder, or run the round again."
            ) from error
    model.to(hardware.device)
    return model.train() if trainable else model.eval()


def _check_adapter(model: Any, folder: Path) -> None:
    """Refuses an adapter that fits in part: PEFT would only warn, and leave the rest of it untrained or unused."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    wanted = set(get_peft_model_state_dict(model, save_embedding_layers=False))
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        found = set(file.keys())
    if wanted != found:
        raise ValueError(f"{len(wanted - found)} of its weights are missing, {len(found - wanted)} fit nowhere")


def _cannot_load(base: BaseModelRef, what: str, error: Exception) -> str:
    return (
        f"model.base: the {what} of {base.id!r} does not load from {base.path} ({first_line(error)}); "
        "name a causal language model in transformers' format."
    )
