"""From feedback to a dataset: what is cleaned, left out, weighed and capped."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tasks.settings.section import Fraction, Positive, Section

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class DecontaminationSettings(Section):
    """What in the training data is too near to a test question or its answer."""

    ngram: Positive = Field(default=13, description="words; a run of this many shared with the test set is a leak")
    similarity: Fraction | None = Field(
        default=0.97, description="cosine of question embeddings from which two are the same; None: not compared"
    )


class AnnotatorSettings(Section):
    """What one person may do to the model."""

    max_share: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.5, description="share of people's rows that one annotator may make up, where there are several"
    )
    min_rows: Annotated[int, Field(ge=0)] = Field(
        default=100, description="rows of a kind that one annotator keeps whatever their share"
    )
    min_comparisons: Positive = Field(
        default=10, description="comparisons shared with others, before an annotator is judged by them"
    )
    min_agreement: Fraction = Field(
        default=0.35, description="share of those on which others agree; with less, an annotator is not heard"
    )


class CurateSettings(Section):
    """From feedback to a dataset."""

    pairs_per_question: Positive = Field(default=2, description="pairs kept per question, most confident first")
    reference_pairs: bool = Field(default=True, description="also pair each reference answer with the worst candidate")
    weights: dict[str, Fraction] = Field(
        default={"end_user": 0.5}, description="share of a source's rows that is kept, by source; others count in full"
    )
    near_duplicates: Annotated[float, Field(gt=0.0, le=1.0)] | None = Field(
        default=0.9, description="Jaccard similarity from which two rows are one; None: only equal rows are"
    )
    decontamination: DecontaminationSettings = DecontaminationSettings()
    max_words: Positive = Field(default=2000, description="words of an answer; longer ones are left out")
    languages: tuple[Language, ...] = Field(
        default=(), description="ISO 639 codes that answers may be in; none given: any"
    )
    drop_refusals: bool = Field(default=True, description="leave out chosen answers that refuse")
    scrub_personal_data: bool = Field(
        default=True, description="replace e-mail and IP addresses, phone, card and account numbers, and keys"
    )
    phone_regions: tuple[Region, ...] = Field(
        default=("US", "GB", "DE", "FR"), description="ISO 3166 codes of countries whose local phone numbers are found"
    )
    max_noise: Fraction = Field(
        default=0.5, description="share of the voices on a pair that may contradict it, weighted, before it is left out"
    )
    balance_length: bool = Field(
        default=False, description="leave out pairs until the chosen answer is the longer one in half of them"
    )
    annotators: AnnotatorSettings = AnnotatorSettings()
