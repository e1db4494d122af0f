"""The records that pass between stages: frozen, small, naming files by content hash.

    collect   Domain, ModelVersion              -> FeedbackBatch
    curate    FeedbackBatch + earlier ones      -> Snapshot
    train     Snapshot, ModelVersion            -> Adapter
    evaluate  Adapter, Domain (frozen test set) -> ArmReport
    promote   ArmReport                         -> PromotionDecision

Texts, weights and answers stay in files below RATCHET_HOME; a record holds their sha256.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0.0)]

Split = Literal["train", "test"]
Preference = Literal["a", "b", "tie", "both_bad"]
ARMS = ("base", "champion", "challenger")
STAGES: tuple["Stage", ...] = ("collect", "curate", "train", "evaluate", "promote")
Stage = Literal["collect", "curate", "train", "evaluate", "promote"]


class Record(BaseModel):
    """A frozen value; two records with equal fields are the same thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRef(Record):
    """A JSONL file named by its content."""

    sha256: Sha256 = Field(description="sha256 of the file's bytes; the file is `<sha256>.jsonl`")
    rows: Count = Field(description="number of lines, one JSON object each")


# --- the domain -------------------------------------------------------------------------------------


class Question(Record):
    """One question of a domain, with everything the user said about it."""

    id: str = Field(min_length=1, description="unique in the domain; the user's own, or derived from the text")
    question: str = Field(min_length=1, description="the text put to the model")
    answer: str | None = Field(default=None, description="the reference answer, when there is one")
    family: str = Field(min_length=1, description="questions that ask the same thing share it; the unit of splitting")
    split: Split = Field(description="train: may be learned from; test: only ever evaluated on")
    sources: tuple[str, ...] = Field(default=(), description="ids of the documents that hold the answer")
    metadata: dict[str, Any] = Field(default_factory=dict, description="the user's own keys, kept as they are")


class Document(Record):
    """One text of a domain."""

    id: str = Field(min_length=1, description="path relative to the config's folder, with forward slashes")
    text: str = Field(description="the plain text, decoded from UTF-8")


class Domain(Record):
    """A domain as it was when the round began."""

    name: str = Field(description="the config's `name`")
    questions: FileRef = Field(description="all questions, in file order")
    documents: FileRef = Field(description="all documents, sorted by id")
    train_questions: Count = Field(description="questions with split train")
    test_questions: Count = Field(description="questions with split test and an answer: the frozen test set")
    shared_families: Count = Field(description="families in both splits, possible only by explicit `split`s")


# --- models -----------------------------------------------------------------------------------------


class BaseModelRef(Record):
    """A base model: what the config calls it, where it was loaded from, and its hash."""

    id: str = Field(description="an embedded name, a hub id, or the name of the model's folder")
    path: str = Field(description="the folder or hub id that transformers loads")
    sha256: Sha256 = Field(description="hash of weights, config and tokenizer files (hub ids: of id and revision)")


class LossPoint(Record):
    """One point of a training curve."""

    phase: Literal["sft", "dpo"]
    step: Count = Field(description="optimizer step within the phase, from 1")
    loss: float


class Adapter(Record):
    """LoRA weights and where they came from."""

    sha256: Sha256 = Field(description="hash of adapter_config.json and adapter_model.safetensors; the folder's name")
    base: BaseModelRef = Field(description="the model the adapter belongs on")
    snapshot_sha256: Sha256 = Field(description="the dataset it was trained on")
    parent_sha256: Sha256 | None = Field(default=None, description="the champion's adapter it started from, if any")
    dpo_reference: str = Field(description="frozen policy of DPO: `sft:<sha256>` of the SFT adapter, or `none`")
    round: Annotated[int, Field(ge=1)] = Field(description="the round that trained it")
    demonstrations: Count = Field(description="SFT rows seen")
    preference_pairs: Count = Field(description="DPO rows seen; 0 when there were too few to train on")
    train_tokens: Count = Field(description="tokens in all batches of SFT and DPO, padding left out")
    train_s: Seconds = Field(description="wall-clock seconds in SFT and DPO")
    mlflow_run_id: str = Field(description="the MLflow run with parameters, curves and the snapshot")
    losses: FileRef = Field(description="rows of LossPoint: the training curves")


class ModelVersion(Record):
    """One version of the registered model."""

    name: str = Field(description="registered model name in MLflow")
    version: Annotated[int, Field(ge=1)] = Field(description="MLflow's version number; 1 is the base model itself")
    base: BaseModelRef
    adapter: Adapter | None = Field(default=None, description="None: the base model as it is")

    @property
    def weights_sha256(self) -> str:
        """The hash that tells two versions' behaviour apart: the adapter's, or the base's without one."""
        return self.adapter.sha256 if self.adapter else self.base.sha256


# --- feedback ---------------------------------------------------------------------------------------


class Candidate(Record):
    """One sampled answer."""

    id: Sha256 = Field(description="hash of question id, text, weights and sampling settings")
    question_id: str
    text: str = Field(description="the answer, special tokens removed, stripped")
    arm: str = Field(description="the way it was answered: base, rag, ft or rag_ft")
    weights_sha256: Sha256 = Field(description="adapter or base that wrote it")
    temperature: Annotated[float, Field(ge=0.0)]
    seed: int
    prompt_tokens: Count
    completion_tokens: Count
    latency_s: Seconds = Field(description="wall-clock seconds of the batch that held it")


class Comparison(Record):
    """Two candidates for one question, put to a judge or a person."""

    question: Question
    a: Candidate
    b: Candidate


class Feedback(Record):
    """One judgement on two candidates (or one, with a correction)."""

    id: Sha256 = Field(
        description="hash of source, annotator, question, candidates and request, so that a judgement counts once"
    )
    question_id: str
    candidate_a: Sha256
    candidate_b: Sha256
    preference: Preference = Field(description="a, b, tie (as good as each other) or both_bad")
    source: str = Field(
        description="who judged: `human`, `oracle` (a script in a person's place), `judge:<name>`, `end_user`"
    )
    annotator: str | None = Field(default=None, description="opaque id of the person, None for judges")
    confidence: Share = Field(default=1.0, description="how sure the source was, 0 to 1")
    correction: str | None = Field(default=None, description="a better answer, written by the source")
    reason: str | None = Field(default=None, description="the source's explanation")
    round: Annotated[int, Field(ge=1)] = Field(description="the round that asked")
    audit: bool = Field(default=False, description="asked on the audit slice: chosen at random, no suggestion shown")
    swap_inconsistent: bool = Field(
        default=False, description="a judge that changed its mind when a and b were swapped"
    )
    given_at: datetime | None = Field(
        default=None, description="when it was last edited, by the clock of the server that holds it; None for judges"
    )
    retracted: bool = Field(
        default=False, description="taken back by its author: counts no more, whatever else it says"
    )


class LabelDataset(Record):
    """A round's requests in Argilla; the audit slice has a dataset of its own, because two people answer it."""

    id: str = Field(min_length=1, description="Argilla's uuid of the dataset; names can repeat across workspaces")
    name: str
    workspace: str
    url: str = Field(description="the labelling page")
    audit: bool
    requests: FileRef = Field(description="rows of LabelRequest")


class FeedbackBatch(Record):
    """What one round collected."""

    round: Annotated[int, Field(ge=1)]
    model_version: ModelVersion = Field(description="the champion that was sampled")
    candidates: FileRef = Field(description="rows of Candidate")
    feedback: FileRef = Field(description="rows of Feedback: this batch's segment of the log")
    questions: Count = Field(description="train questions sampled")
    preferences: dict[str, Count] = Field(description="judgements by outcome: a, b, tie, both_bad")
    label_datasets: tuple[LabelDataset, ...] = Field(default=(), description="where people were asked, if they were")


# --- datasets ---------------------------------------------------------------------------------------


class Message(Record):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Demonstration(Record):
    """A prompt with a good completion, for SFT."""

    id: Sha256
    question_id: str
    family: str
    prompt: tuple[Message, ...]
    completion: str
    source: str = Field(description="`reference` or `correction:<feedback id>`")


class PreferencePair(Record):
    """A prompt with a chosen and a rejected completion, for DPO."""

    id: Sha256
    question_id: str
    family: str
    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    source: str = Field(
        description="`<feedback source>:<feedback id>`, `correction:<feedback id>` or `reference:<candidate id>`"
    )
    confidence: Share = Field(default=1.0, description="the judgement's confidence, 0 to 1")


class Snapshot(Record):
    """An immutable dataset named by its content."""

    sha256: Sha256 = Field(description="hash over both files; the folder's name")
    demonstrations: FileRef
    preference_pairs: FileRef
    parents: tuple[Sha256, ...] = Field(description="hashes of the questions and feedback it was built from, sorted")
    dropped: dict[str, Count] = Field(description="rows left out, by reason")


# --- evaluation and promotion -----------------------------------------------------------------------


class MetricSummary(Record):
    """A mean over the test questions."""

    mean: float
    ci95: tuple[float, float] = Field(description="95 % bootstrap interval of the mean")


class TokenCounts(Record):
    prompt: Count
    completion: Count


class Latency(Record):
    p50: Seconds
    p95: Seconds


class ArmResult(Record):
    """How one arm did on the test set."""

    weights_sha256: Sha256
    version: int | None = Field(description="registry version when it had one")
    metrics: dict[str, MetricSummary] = Field(description="by metric name, each in [-1, 1] or [0, 1]")
    tokens: TokenCounts = Field(description="totals over the test set")
    latency_s: Latency = Field(description="seconds per answer, batched")


class PairedDifference(Record):
    """One arm minus another on the same questions."""

    arm: str
    against: str
    metric: str
    difference: float = Field(description="mean of the per-question differences")
    ci95: tuple[float, float] = Field(description="95 % paired bootstrap interval of that mean")
    wins: Count
    ties: Count
    losses: Count


class ArmReport(Record):
    """All arms on the frozen test set."""

    domain: str
    round: Annotated[int, Field(ge=1)]
    questions: Count = Field(description="test questions answered by every arm")
    test_set_sha256: Sha256 = Field(description="hash of the test questions' ids, texts and answers")
    arms: dict[str, ArmResult] = Field(description="base, champion and challenger, in this order")

    @field_validator("arms")
    @classmethod
    def _in_order(cls, arms: dict[str, ArmResult]) -> dict[str, ArmResult]:
        # Canonical JSON sorts its keys, and tables should still begin with the base.
        return {name: arms[name] for name in sorted(arms, key=lambda name: (*ARMS, name).index(name))}

    comparisons: tuple[PairedDifference, ...]
    challenger: Adapter
    champion: ModelVersion
    answers: FileRef = Field(description="rows of AnswerRow: what every arm said")

    def comparison(self, metric: str, against: str = "champion") -> PairedDifference | None:
        """The challenger compared with another arm on one metric, where the report has it."""
        pairs = (c for c in self.comparisons if (c.arm, c.against, c.metric) == ("challenger", against, metric))
        return next(pairs, None)


class AnswerRow(Record):
    """One line of answers.jsonl."""

    question_id: str
    arm: str
    question: str
    reference: str
    answer: str
    contexts: tuple[str, ...] = ()
    metrics: dict[str, float] = Field(default_factory=dict)


class Check(Record):
    """One named reason for or against a promotion."""

    name: str
    passed: bool
    sentence: str = Field(description="what was found, with the figures")
    evidence: dict[str, Any] = Field(description="the numbers the sentence rests on")


class Certificate(Record):
    """The machine-checkable reasons for a decision; it promotes when every check passed."""

    checks: tuple[Check, ...] = Field(min_length=1)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


class PromotionDecision(Record):
    """What the gate decided, and what the registry did."""

    round: Annotated[int, Field(ge=1)]
    promoted: bool
    challenger: ModelVersion
    champion_before: ModelVersion
    champion: ModelVersion = Field(description="the champion from now on")
    certificate: Certificate
    max_logit_difference: float = Field(description="largest |logit| gap between evaluated and reloaded model")
