"""Whether a challenger is fit to serve, and whether judges prefer it: what the gate goes by."""

from pydantic import Field

from tasks.records.base import Count, Record, Seconds
from tasks.records.win_rates import JudgedWinRate


class JudgeStanding(Record):
    """Whether a judge has earned its trust."""

    trusted: bool
    kappa: float | None = Field(description="Cohen's kappa with people, -1 to 1; None: not known")
    why: str = Field(description="one sentence, with the figures")


class JudgedPreference(Record):
    """What judges say of challenger and champion, corrected by people's labels."""

    rates: dict[str, JudgedWinRate] = Field(description="by judge; uncorrected ones are no evidence")
    standings: dict[str, JudgeStanding] = Field(description="of the same judges")
    fewest_labels: Count = Field(description="labels below which a corrected win rate is no evidence")


class Leak(Record):
    """An answer that says what it must not; the text itself is not repeated here."""

    question_id: str = Field(description="what was asked")
    skill: str | None = Field(default=None, description="the skill it was asked for; None: the frozen test set")
    said: str = Field(description="`key`, `secret of this process`, or the id of the test question that it repeats")


class PeakMemory(Record):
    """The memory of a process that does nothing but load the model and answer one batch, at its highest."""

    resident_bytes: Count = Field(description="main memory, the interpreter and its libraries included")
    device_bytes: Count | None = Field(description="GPU memory reserved by torch; None: it ran without one")
    prompts: Count = Field(description="prompts in the batch, the longest ones")


class Licences(Record):
    """Under which licences the model's parts came; None: not stated."""

    base: str | None = Field(description="the base model's")
    base_from: str | None = Field(description="where that is stated")
    data: str | None = Field(description="the domain's documents and questions'; as the config says")


class Fitness(Record):
    """What was found of the challenger as a thing to be served."""

    answers: Count = Field(description="answers looked through")
    secrets: tuple[Leak, ...] = Field(description="keys and secrets in answers")
    test_questions: tuple[Leak, ...] = Field(description="other test questions, word by word, in answers")
    latency_s: Seconds = Field(description="95th percentile of the seconds per answer, in batches")
    memory: PeakMemory | None = Field(description="None: there is no budget, so it was not measured")
    licences: Licences
