"""The config file of a domain: one YAML file, every key known, every problem reported at once.

A key's type and range stand beside its default below; `ratchet init` writes the commented version.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from tasks.errors import ConfigError, raise_collected
from tasks.files import sha256_of

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Metric = Literal["semantic_similarity", "rouge_l", "rouge_l_recall", "token_overlap_recall"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class Section(BaseModel):
    """A part of the config: frozen, and it refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelSettings(Section):
    """The base model and where it runs."""

    base: str = Field(default="smollm2-135m-instruct", min_length=1, description="embedded name, hub id or path")
    revision: str | None = Field(default=None, description="git revision of a hub id")
    embeddings: str = Field(default="all-minilm-l6-v2", min_length=1, description="embedded name, hub id or path")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto: cuda, then mps, then cpu")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto: bfloat16 on GPUs that have it, float32 on CPU"
    )
    threads: Annotated[int, Field(ge=0)] = Field(default=0, description="CPU threads; 0: all cores")


class GenerationSettings(Section):
    """How every arm answers. Evaluation decodes greedily; collect samples with its own temperature."""

    max_new_tokens: Positive = 64
    batch_size: Positive = Field(default=32, description="prompts decoded together")
    max_prompt_tokens: Positive = Field(default=1024, description="a longer prompt is an error, never cut")


class CollectSettings(Section):
    """Sampling candidates from the champion."""

    questions: Positive = Field(default=100, description="train questions sampled each round")
    candidates: Annotated[int, Field(ge=2, le=16)] = Field(default=4, description="candidates per question")
    temperature: Annotated[float, Field(gt=0.0, le=2.0)] = 0.8
    top_k: Positive = Field(default=50, description="draw among this many likeliest tokens")


class ReferenceJudgeSettings(Section):
    """The reference judge: scores a candidate by its likeness to the reference answer, 0 to 1."""

    margin: Fraction = Field(default=0.05, description="scores closer than this are a tie")
    both_bad_below: Fraction = Field(default=0.2, description="when both score below this, both are bad")


class HumanFeedbackSettings(Section):
    """Asking people, through Argilla."""

    argilla: Annotated[str, StringConstraints(pattern=r"^(embedded|https?://.+)$")] | None = Field(
        default=None, description="None: people are not asked; embedded: `ratchet argilla up`; or a server's URL"
    )
    api_key_secret: str | None = Field(
        default=None, description="a Prefect Secret block with the API key; None: the variable ARGILLA_API_KEY"
    )
    workspace: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=200)] = "ratchet"
    labels: Positive = Field(default=50, description="labels asked of people each round")
    audit_share: Fraction = Field(
        default=0.2, description="share of the records drawn at random, which two people answer unaided"
    )
    guidelines: str | None = Field(default=None, description="a markdown file in place of the built-in guidelines")
    round_after: Positive = Field(default=50, description="new labels after which `ratchet watch` starts a round")


class CurateSettings(Section):
    """From feedback to a dataset."""

    pairs_per_question: Positive = Field(default=2, description="pairs kept per question, most confident first")
    reference_pairs: bool = Field(default=True, description="also pair each reference answer with the worst candidate")


class LoraSettings(Section):
    """The adapter's shape (Hu et al. 2021)."""

    r: Positive = 16
    alpha: Positive = 32
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    target_modules: str | tuple[str, ...] = Field(default="all-linear", description="module names, or all-linear")


class SftSettings(Section):
    """Supervised fine-tuning on demonstrations."""

    epochs: Annotated[float, Field(gt=0.0)] = 2.0
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 5e-4
    batch_size: Positive = 8
    gradient_accumulation: Positive = 1
    warmup_share: Fraction = 0.1


class DpoSettings(Section):
    """Direct preference optimisation on pairs (Rafailov et al. 2023)."""

    epochs: Annotated[float, Field(gt=0.0)] = 1.0
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 2e-5
    batch_size: Positive = Field(default=2, description="pairs; each is two rows in memory")
    gradient_accumulation: Positive = 2
    warmup_share: Fraction = 0.1
    beta: Annotated[float, Field(gt=0.0)] = Field(default=0.1, description="pull towards the reference policy")
    sft_weight: Annotated[float, Field(ge=0.0)] = Field(
        default=1.0, description="weight of the likelihood of the chosen answer beside the DPO loss"
    )
    min_pairs: Positive = Field(default=8, description="with fewer pairs DPO is left out, and the round says so")


class TrainSettings(Section):
    """SFT, then DPO."""

    lora: LoraSettings = LoraSettings()
    sft: SftSettings = SftSettings()
    dpo: DpoSettings = DpoSettings()
    max_length: Positive = Field(default=1024, description="tokens of prompt and completion; longer rows are refused")
    gradient_checkpointing: bool = Field(default=False, description="slower, but large models fit")
    checkpoint_steps: Positive = Field(default=10, description="a killed run loses at most this many steps")


class EvaluateSettings(Section):
    """The frozen test set and its intervals."""

    max_questions: Positive = Field(default=200, description="test questions used, in the order of their hash")
    bootstrap_resamples: Annotated[int, Field(ge=1000)] = 10_000


class PromoteSettings(Section):
    """The gate."""

    primary_metric: Metric = "rouge_l"
    min_test_questions: Positive = Field(default=30, description="below this there is no verdict and no promotion")


class Config(Section):
    """A whole config file.

    Attributes:
        root: the folder of the file; every relative path in it starts there.
    """

    name: Name = Field(description="lower-case letters, digits, - and _; names the registered model, too")
    documents: tuple[str, ...] = Field(default=(), description="globs of .txt .md .rst .html .pdf files")
    questions: str = Field(min_length=1, description="a JSONL file, one question a line")
    system_prompt: str = "Answer the question in one or two short sentences."
    test_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(default=0.2, description="share of families held out")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    mlflow_tracking_uri: str | None = Field(default=None, description="None: mlflow.db below RATCHET_HOME")
    model: ModelSettings = ModelSettings()
    generation: GenerationSettings = GenerationSettings()
    collect: CollectSettings = CollectSettings()
    reference_judge: ReferenceJudgeSettings = ReferenceJudgeSettings()
    human_feedback: HumanFeedbackSettings = HumanFeedbackSettings()
    curate: CurateSettings = CurateSettings()
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    promote: PromoteSettings = PromoteSettings()
    root: Path = Field(exclude=True, description="set by load_config, never by the file")

    @property
    def sha256(self) -> str:
        """The hash of everything the file says; the folder it lies in is left out."""
        return sha256_of(self)


def load_config(path: Path) -> Config:
    """The config in a YAML file.

    Raises:
        ConfigError: with every problem of the file, each naming the key, the value and the remedy.
    """
    settings = _read_yaml(path)
    problems = [f"{path}: root: unknown key (value {settings['root']!r}); remove it."] if "root" in settings else []
    try:
        config = Config.model_validate({**settings, "root": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError(*problems, *(f"{path}: {problem}" for problem in _describe(error))) from error
    raise_collected(ConfigError, problems)
    return config.model_copy(update={"model": _anchor(config.model, config.root)})


def _anchor(model: ModelSettings, root: Path) -> ModelSettings:
    """The settings with model folders that are named relative to the config's folder as absolute paths."""
    named = {"base": model.base, "embeddings": model.embeddings}
    folders = {key: root / name for key, name in named.items() if not Path(name).is_absolute()}
    return model.model_copy(update={key: str(folder) for key, folder in folders.items() if folder.is_dir()})


def _read_yaml(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if path.is_dir():
        raise ConfigError(f"{path} is a folder: name the config file in it, for example {path / 'ratchet.yaml'}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist: write one with `ratchet init {path.parent}`.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    try:
        settings = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError) as error:  # ValueError: 2026-99-99 looks like a date and is none
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{path} is not valid YAML{where} ({problem.splitlines()[0]}): correct that line.") from error
    if not isinstance(settings, dict):
        found = "nothing" if settings is None else type(settings).__name__
        raise ConfigError(f"{path} holds {found}, not keys and values: see `ratchet init --help`.")
    return {str(key): value for key, value in settings.items()}


def _describe(error: ValidationError) -> list[str]:
    """One sentence a problem: the key, what is wrong with which value, the remedy."""
    return [_describe_one(item) for item in error.errors(include_url=False)]


def _describe_one(item: Mapping[str, Any]) -> str:
    location = _location(item["loc"])
    key, value = ".".join(location), item["input"]
    if item["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        close = difflib.get_close_matches(location[-1], known, n=1)
        remedy = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}."
        return f"{key}: unknown key (value {value!r}); {remedy}"
    if item["type"] == "missing":
        return f"{key}: missing; {_field_description(location)}."
    if item["type"] == "string_pattern_mismatch":
        return f"{key}: {value!r} is not accepted; {_field_description(location).removeprefix('add it: ')}."
    # pydantic's sentences begin "Input should be" or "String should have"; two of them speak of Python, not YAML.
    wanted = {"model_type": "hold keys and values, or be left out", "tuple_type": "be a list"}
    message = wanted.get(item["type"]) or item["msg"].partition(" should ")[2] or item["msg"]
    return f"{key}: {value!r} is not accepted; it should {message}."


def _location(parts: Sequence[str | int]) -> list[str]:
    """The keys that lead to the value in the file, without the types of a union, which pydantic appends."""
    names = [str(part) for part in parts]
    return [
        name
        for depth, name in enumerate(names)
        if isinstance(parts[depth], int) or _section_at(names[:depth]) is not None
    ]


def _section_at(location: list[str]) -> type[BaseModel] | None:
    section: type[BaseModel] | None = Config
    for part in location:
        if section is None or part not in section.model_fields:
            return None
        annotation = section.model_fields[part].annotation
        choices = [annotation, *get_args(annotation)]
        section = next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)
    return section


def _known_keys(location: list[str]) -> list[str]:
    section = _section_at(location)
    return sorted(set(section.model_fields) - {"root"}) if section else []


def _field_description(location: list[str]) -> str:
    section = _section_at(location[:-1])
    field = section.model_fields.get(location[-1]) if section else None
    return f"add it: {field.description}" if field and field.description else "add it"
