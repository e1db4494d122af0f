"""The config file of a domain: one YAML file, every key known, every problem reported at once.

A key's type and range stand beside its default in tasks/settings; `ratchet init` writes the commented version.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from tasks.errors import ConfigError, raise_collected
from tasks.files import sha256_of
from tasks.records.skills import WITH_RETRIEVAL
from tasks.settings.benchmark import BenchmarkSettings
from tasks.settings.compute import ComputeSettings, sharing_problem
from tasks.settings.curation import CurateSettings
from tasks.settings.evaluation import EvaluateSettings, PromoteSettings
from tasks.settings.feedback import EndUserSettings, HumanFeedbackSettings
from tasks.settings.judging import JudgeSettings, JudgeTrustSettings, ReferenceJudgeSettings
from tasks.settings.licences import LicenceSettings
from tasks.settings.models import CollectSettings, GenerationSettings, ModelSettings
from tasks.settings.monitoring import MonitorSettings
from tasks.settings.prices import PriceSettings
from tasks.settings.retrieval import RetrievalSettings
from tasks.settings.section import Name, Section
from tasks.settings.serve import ServeSettings
from tasks.settings.skills import SkillSettings
from tasks.settings.training import TrainSettings
from tasks.settings.writing import WriterSettings


def _check_question_files(value: Any) -> Any:
    """The value, when it is one path or a list of different ones; a union's own errors would name each of its types."""
    paths = value if isinstance(value, list | tuple) else [value]
    if not paths or not all(isinstance(path, str) and path for path in paths):
        raise ValueError(f"questions: {value!r} is not accepted; it should be a JSONL file, or a list of such files")
    if repeated := [path for path in paths if paths.count(path) > 1]:
        raise ValueError(f"questions: {repeated[0]!r} is named twice; name each file once")
    return value


QuestionFiles = Annotated[str | tuple[str, ...], BeforeValidator(_check_question_files)]


class Config(Section):
    """A whole config file.

    Attributes:
        root: the folder of the file; every relative path in it starts there.
    """

    name: Name = Field(description="lower-case letters, digits, - and _; names the registered model, too")
    documents: tuple[str, ...] = Field(default=(), description="globs of .txt .md .rst .html .pdf files")
    questions: QuestionFiles = Field(description="a JSONL file, one question a line; or a list of such files")
    system_prompt: str = "Answer the question in one or two short sentences."
    test_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(default=0.2, description="share of families held out")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    mlflow_tracking_uri: str | None = Field(default=None, description="None: mlflow.db below RATCHET_HOME")
    model: ModelSettings = ModelSettings()
    generation: GenerationSettings = GenerationSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    writer: WriterSettings | None = Field(default=None, description="the LLM that writes for retrieval; None: none")
    collect: CollectSettings = CollectSettings()
    reference_judge: ReferenceJudgeSettings = ReferenceJudgeSettings()
    judges: tuple[JudgeSettings, ...] = Field(default=(), description="LLM judges; each has a vote of its own")
    judge_trust: JudgeTrustSettings = JudgeTrustSettings()
    human_feedback: HumanFeedbackSettings = HumanFeedbackSettings()
    end_users: EndUserSettings = EndUserSettings()
    curate: CurateSettings = CurateSettings()
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    skills: tuple[SkillSettings, ...] = Field(default=(), description="what a challenger must not be worse on")
    promote: PromoteSettings = PromoteSettings()
    licences: LicenceSettings = LicenceSettings()
    benchmark: BenchmarkSettings = BenchmarkSettings()
    prices: PriceSettings = PriceSettings()
    serve: ServeSettings = ServeSettings()
    monitor: MonitorSettings = MonitorSettings()
    compute: ComputeSettings = ComputeSettings()
    root: Path = Field(exclude=True, description="set by load_config, never by the file")

    @model_validator(mode="after")
    def _judges_have_names_of_their_own(self) -> "Config":
        names = [judge.name for judge in self.judges]
        if taken := sorted({name for name in names if names.count(name) > 1 or name == "reference"}):
            raise ValueError(f"judges: the name {taken[0]!r} is taken; give each judge one of its own")
        return self

    @model_validator(mode="after")
    def _skills_have_names_of_their_own(self) -> "Config":
        names = [skill.name for skill in self.skills]
        if taken := sorted({name for name in names if names.count(name) > 1 or name == WITH_RETRIEVAL}):
            raise ValueError(f"skills: the name {taken[0]!r} is taken; give each skill one of its own")
        return self

    @model_validator(mode="after")
    def _workers_can_share_a_step(self) -> "Config":
        if (problem := sharing_problem(self.train, self.compute.workers)) is not None:
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _someone_writes_what_is_to_be_written(self) -> "Config":
        wanted = self.retrieval.written_stages
        if wanted and self.writer is None:
            raise ValueError(
                f"retrieval.{wanted[0]}: an LLM writes it, and `writer` is null; set `writer: {{url: embedded}}` or an "
                "endpoint, or switch it off"
            )
        return self

    @property
    def question_files(self) -> tuple[Path, ...]:
        """The files of questions, in the order of the config."""
        named = (self.questions,) if isinstance(self.questions, str) else self.questions
        return tuple(self.root / name for name in named)

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
    if item["type"] == "value_error":
        return f"{item['ctx']['error']!s}."
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
        if part.isdigit():  # the place in a list of sections
            continue
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
