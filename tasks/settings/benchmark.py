"""What `ratchet benchmark` takes for right, and how far down it looks for a question's source."""

from pydantic import Field

from tasks.settings.section import Fraction, Positive, Section


class BenchmarkSettings(Section):
    """The benchmark of the four arms."""

    correct_from: Fraction = Field(
        default=0.5, description="score in promote.primary_metric from which an answer counts as correct"
    )
    retrieval_depth: Positive = Field(default=10, description="documents looked through for a question's source")
