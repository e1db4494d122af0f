"""Writing a version in each of the forms that consumers take."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config import Config
from tasks.errors import ExportError
from tasks.exporting import modelfile as ollama
from tasks.exporting import vllm
from tasks.exporting.gguf_file import tokenizer_json, write_gguf
from tasks.exporting.gguf_tensors import architecture_of
from tasks.exporting.gguf_tokenizer import describe_tokenizer
from tasks.exporting.weights import count_parameters, merged_model
from tasks.models.generation import end_tokens
from tasks.models.hardware import choose_hardware
from tasks.models.loading import load_tokenizer
from tasks.records import GgufType, ModelVersion
from tasks.registry.logging_models import hub_reference, with_system_prompt
from tasks.settings.evaluation import Form

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FORMS: tuple[Form, ...] = ("merged", "adapter", "gguf")
_BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "f32": 4.0, "f16": 2.0, "q8_0": 34 / 32}
_BESIDE_WEIGHTS = 32_000_000  # bytes of tokenizer and configs, generously


@dataclass(frozen=True)
class Source:
    """What an export is made of.

    Attributes:
        adapter_folder: the adapter's files, as they were evaluated; None: the base as it is.
        gguf_type: format of the numbers in GGUF.
    """

    config: Config
    version: ModelVersion
    adapter_folder: Path | None
    gguf_type: GgufType

    @property
    def system_prompt(self) -> str:
        """The prompt for conversations that bring none; empty: there is none."""
        return self.config.system_prompt if self.config.system_prompt.strip() else ""

    def numbers(self, form: Form) -> str:
        """The format of the form's weights."""
        if form == "gguf":
            return self.gguf_type
        return choose_hardware(self.config.model).dtype if form == "merged" else "as trained"

    @property
    def gguf_name(self) -> str:
        """The GGUF file's name."""
        return f"{self.config.name}-v{self.version.version}-{self.gguf_type.upper()}.gguf"


def require_possible(source: Source, form: Form) -> None:
    """Returns when the version can be had in this form, as far as can be told without loading weights.

    Raises:
        ExportError: when it cannot, and why.
    """
    if form == "adapter":
        if source.adapter_folder is None:
            raise ExportError(
                f"Version {source.version.version} is the base model and has no adapter: leave out adapter."
            )
        vllm.served_rank(_adapter_config(source.adapter_folder))
    if form == "gguf":
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(source.version.base.path)
        architecture_of(config)
        describe_tokenizer(tokenizer_json(load_tokenizer(source.version.base)), int(config.vocab_size))


def bytes_needed(source: Source, form: Form) -> int:
    """About how many bytes the form will take on disk."""
    if form == "adapter":
        assert source.adapter_folder is not None
        return _BESIDE_WEIGHTS + (source.adapter_folder / "adapter_model.safetensors").stat().st_size
    return _BESIDE_WEIGHTS + int(count_parameters(source.version.base) * _BYTES[source.numbers(form)])


def write_form(source: Source, form: Form, folder: Path) -> tuple[str, ...]:
    """Writes the form into the empty folder; returns what it lacks, and why, a sentence each.

    Raises:
        ModelError: when base or adapter cannot be loaded.
        ExportError: when the version cannot be had in this form.
        OSError: when the disk is full or not writable; safetensors raises errors of its own.
    """
    return {"merged": _write_merged, "adapter": _write_adapter, "gguf": _write_gguf}[form](source, folder)


def _write_merged(source: Source, folder: Path) -> tuple[str, ...]:
    """For `AutoModelForCausalLM.from_pretrained`, and all that reads what transformers writes."""
    merged_model(source.config, source.version.base, source.adapter_folder).save_pretrained(folder)
    _tokenizer(source).save_pretrained(folder)
    return ()


def _write_adapter(source: Source, folder: Path) -> tuple[str, ...]:
    """For vLLM's `--lora-modules`, and for PEFT."""
    assert source.adapter_folder is not None
    config, version = source.config, source.version
    described = _adapter_config(source.adapter_folder)
    hub = hub_reference(version.base)
    described["base_model_name_or_path"] = version.base.id
    described["revision"] = hub[1] if hub else None
    (folder / "adapter_config.json").write_text(json.dumps(described, indent=2, sort_keys=True), encoding="utf-8")
    shutil.copyfile(source.adapter_folder / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    _tokenizer(source).save_pretrained(folder)
    command = vllm.serve_command(hub, config.name, vllm.served_rank(described), config.generation.max_new_tokens)
    text = vllm.readme(
        config.name, version.version, version.base.id, version.base.sha256, command, on_hub=hub is not None
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
    return ()


def _write_gguf(source: Source, folder: Path) -> tuple[str, ...]:
    """For llama.cpp and Ollama."""
    config, version = source.config, source.version
    tokenizer = _tokenizer(source)
    model = merged_model(config, version.base, source.adapter_folder)
    name = f"{config.name} version {version.version}"
    write_gguf(folder / source.gguf_name, name, model, tokenizer, str(tokenizer.chat_template), source.gguf_type)
    return _write_modelfile(source, folder, model)


def _write_modelfile(source: Source, folder: Path, model: Any) -> tuple[str, ...]:
    tokenizer = load_tokenizer(source.version.base)
    texts = ollama.take_apart(
        lambda messages: str(tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False))
    )
    ends = [str(tokenizer.convert_ids_to_tokens(token)) for token in end_tokens(model, tokenizer)]
    problem = ollama.why_no_modelfile(texts, source.system_prompt, ends)
    if texts is None or problem is not None:
        return (str(problem),)
    generation = source.config.generation
    context_tokens = min(
        generation.max_prompt_tokens + generation.max_new_tokens, int(model.config.max_position_embeddings)
    )
    text = ollama.modelfile(
        source.gguf_name, texts, source.system_prompt, generation.max_new_tokens, context_tokens, ends
    )
    (folder / "Modelfile").write_text(text, encoding="utf-8")
    return ()


def _tokenizer(source: Source) -> "PreTrainedTokenizerBase":
    """The base's tokenizer, whose chat template has the domain's prompt for conversations that bring none."""
    tokenizer = load_tokenizer(source.version.base)
    tokenizer.chat_template = with_system_prompt(str(tokenizer.chat_template), source.system_prompt)
    return tokenizer


def _adapter_config(folder: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    return described
