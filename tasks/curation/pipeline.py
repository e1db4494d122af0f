"""From what was said to what is taught: the order in which curation does things.

    events ─ resolve ─► judgements ─ propose ─► rows ─ filters, one after the other ─► rows that are trained on

A filter says how far it looks, and so what must be looked at again when something new is said:

    row       at each row alone
    question  at all rows of a question's text, so that questions which ask the same are one
    dataset   at all rows; it is given the columns that it names, and is run again whenever anything has changed

Filters that look at rows or questions come first, in their order, and then those that look at the dataset.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl

from tasks.curation.demonstrations import REASONS as DEMONSTRATION_REASONS
from tasks.curation.demonstrations import drop_duplicate_demonstrations, propose_demonstrations
from tasks.curation.filters import caps, length_balance, made_equal, near_duplicates
from tasks.curation.filters.damaged import drop_damaged
from tasks.curation.filters.decontamination import Embed, drop_contaminated
from tasks.curation.filters.degenerate import drop_degenerate
from tasks.curation.filters.language import drop_other_languages
from tasks.curation.filters.noise import drop_noisy
from tasks.curation.filters.personal_data import scrub_personal_data
from tasks.curation.filters.screening import Screened
from tasks.curation.preference_pairs import (
    REASONS as PAIR_REASONS,
)
from tasks.curation.preference_pairs import (
    drop_blank,
    drop_contradictory_pairs,
    drop_duplicate_pairs,
    drop_identical_pairs,
    propose_pairs,
)
from tasks.curation.rated_answers import REASONS as RATING_REASONS
from tasks.curation.rated_answers import drop_repeated_ratings, propose_rated_answers
from tasks.curation.resolution import REASONS as RESOLUTION_REASONS
from tasks.curation.resolution import resolve_judgements
from tasks.curation.tallies import TALLIES, tally_proposed, tally_removed, tally_replaced
from tasks.files import sha256_of
from tasks.settings.curation import AnnotatorSettings, CurateSettings, DecontaminationSettings

# Counted in every snapshot, also where there are none.
REASONS = (
    "judgements_duplicate",
    "judgements_retracted",
    *RESOLUTION_REASONS,
    *DEMONSTRATION_REASONS,
    *PAIR_REASONS,
    *RATING_REASONS,
)


@dataclass(frozen=True)
class Filter:
    """One step of curation.

    Attributes:
        name: as the data card shows it.
        looks_at: how far it looks.
        apply: from ROWS to those that stay and those that go.
        reads: the columns it is given, if it looks at the dataset.
        parameters: all that its outcome depends on besides the rows, as JSON values: with others it is run again.
    """

    name: str
    looks_at: Literal["row", "question", "dataset"]
    apply: Callable[[pl.DataFrame], Screened]
    reads: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pipeline:
    """All that decides which rows judgements become.

    Attributes:
        weights: what a source's word weighs, 0 to 1, by source or what stands before its colon; 1 for others.
    """

    filters: tuple[Filter, ...]
    weights: Mapping[str, float]
    reference_pairs: bool
    annotators: AnnotatorSettings

    @property
    def local(self) -> tuple[Filter, ...]:
        """The filters that look at rows or questions."""
        return tuple(each for each in self.filters if each.looks_at != "dataset")

    @property
    def dataset(self) -> tuple[Filter, ...]:
        """The filters that look at the dataset."""
        return tuple(each for each in self.filters if each.looks_at == "dataset")


@dataclass(frozen=True)
class Built:
    """What some questions give.

    Attributes:
        rows: ROWS that passed the filters that look at rows or questions.
        removed: rows that did not, with `asked` (the question before any filter), `reason`, `detail` and `filter`.
        tallies: TALLIES of what was proposed and replaced, and of all that was left out, the removed rows among it.
    """

    rows: pl.DataFrame
    removed: pl.DataFrame
    tallies: pl.DataFrame


def curation_pipeline(
    settings: CurateSettings,
    weights: Mapping[str, float] | None = None,
    *,
    test_questions: pl.DataFrame | None = None,
    embed: Embed | None = None,
    cache: Path | None = None,
) -> Pipeline:
    """The steps of curation with these settings.

    Args:
        weights: what judges' words weigh, by source; those of `settings` go before them.
        test_questions: QUESTIONS that must not be learned from; None: there are none.
        embed: from texts to their vectors; None: questions are not compared by meaning.
        cache: a folder for what filters keep of texts they have seen; None: they keep nothing.
    """
    weighed = {**(weights or {}), **settings.weights}
    filters = (
        _scrubbing(settings, cache),
        Filter("source weights", "row", partial(caps.apply_weights, weights=weighed), parameters={"weights": weighed}),
        Filter("blank", "row", drop_blank),
        Filter("identical", "row", drop_identical_pairs),
        Filter(
            "label noise",
            "row",
            partial(drop_noisy, max_noise=settings.max_noise),
            parameters={"max_noise": settings.max_noise, "weights": weighed},
        ),
        Filter("damaged text", "row", drop_damaged),
        Filter(
            "degenerate answers",
            "row",
            partial(drop_degenerate, max_words=settings.max_words, drop_refusals=settings.drop_refusals),
            parameters={"max_words": settings.max_words, "drop_refusals": settings.drop_refusals},
        ),
        Filter(
            "other languages",
            "row",
            partial(drop_other_languages, languages=settings.languages),
            parameters={"languages": list(settings.languages)},
        ),
        _decontamination(settings.decontamination, test_questions, embed),
        Filter("duplicate demonstrations", "question", drop_duplicate_demonstrations),
        Filter("repeated ratings", "question", drop_repeated_ratings),
        Filter("duplicate pairs", "question", drop_duplicate_pairs),
        Filter("contradictions", "question", drop_contradictory_pairs),
        Filter(
            "pairs per question",
            "question",
            partial(caps.cap_per_prompt, limit=settings.pairs_per_question),
            parameters={"limit": settings.pairs_per_question},
        ),
        Filter("made equal", "dataset", made_equal.drop_made_equal, reads=made_equal.READS)
        if settings.scrub_personal_data
        else None,
        _near_duplicates(settings.near_duplicates, cache),
        Filter(
            "share of an annotator",
            "dataset",
            partial(
                caps.cap_annotators, max_share=settings.annotators.max_share, at_least=settings.annotators.min_rows
            ),
            reads=caps.READS_ANNOTATOR,
            parameters=settings.annotators.model_dump(include={"max_share", "min_rows"}),
        ),
        Filter("length balance", "dataset", length_balance.balance_length, reads=length_balance.READS)
        if settings.balance_length
        else None,
    )
    chosen = tuple(each for each in filters if each is not None)
    return Pipeline(chosen, weighed, settings.reference_pairs, settings.annotators)


def _scrubbing(settings: CurateSettings, cache: Path | None) -> Filter | None:
    """Personal data and keys replaced; no row is left out by it."""
    if not settings.scrub_personal_data:
        return None
    regions = settings.phone_regions
    rules = cache / "key_rules" if cache else None

    def scrub(rows: pl.DataFrame) -> Screened:
        scrubbed, replaced = scrub_personal_data(rows, phone_regions=regions, rule_cache=rules)
        nothing = rows.clear().with_columns(reason=pl.lit(None, pl.String), detail=pl.lit(None, pl.String))
        return Screened(scrubbed, nothing, tally_replaced(rows, replaced))

    return Filter("personal data", "row", scrub, parameters={"phone_regions": list(regions)})


def _decontamination(
    settings: DecontaminationSettings, test_questions: pl.DataFrame | None, embed: Embed | None
) -> Filter | None:
    if test_questions is None or test_questions.is_empty():
        return None
    tests = test_questions.select("id", "question", "answer").sort("id")
    return Filter(
        "test set",
        "row",
        partial(
            drop_contaminated,
            test_questions=tests,
            ngram=settings.ngram,
            similarity=settings.similarity,
            embed=embed,
        ),
        parameters={
            **settings.model_dump(),
            "embedded": embed is not None,
            "test_questions": sha256_of([list(row) for row in tests.iter_rows()]),
        },
    )


def _near_duplicates(threshold: float | None, cache: Path | None) -> Filter | None:
    if threshold is None:
        return None
    signatures = cache / "near_duplicates" / "signatures.parquet" if cache else None
    return Filter(
        "near-duplicates",
        "dataset",
        partial(near_duplicates.drop_near_duplicates, threshold=threshold, signatures=signatures),
        reads=near_duplicates.READS,
        parameters={"threshold": threshold},
    )


def build_rows(pipeline: Pipeline, questions: pl.DataFrame, candidates: pl.DataFrame, events: pl.DataFrame) -> Built:
    """What these questions give, by the filters that look at rows or questions; the order of no frame changes it.

    Any division of the questions gives the same, as long as those with the same text stay together.

    Args:
        questions: QUESTIONS.
        candidates: CANDIDATES of these questions, each id once.
        events: EVENTS that stand, one row for each id; those of unknown questions are counted only.
    """
    resolved = resolve_judgements(events.filter(_compares()), pipeline.weights)
    proposals = [
        propose_demonstrations(questions, resolved.judgements),
        propose_pairs(questions, candidates, resolved.judgements, reference_pairs=pipeline.reference_pairs),
        propose_rated_answers(questions, candidates, events),
    ]
    rows = pl.concat([each.rows for each in proposals])
    screened = apply_filters(pipeline.local, rows.with_columns(asked="question"))
    tallies = [resolved.dropped, *(each.dropped for each in proposals), tally_proposed(rows)]
    tallies += [tally_removed(screened.removed), *([] if screened.replaced is None else [screened.replaced])]
    return Built(screened.kept.drop("asked"), screened.removed, pl.concat([TALLIES.to_frame(), *tallies]))


def apply_filters(filters: Sequence[Filter], rows: pl.DataFrame) -> Screened:
    """The rows that pass all filters, and those that do not, each with the `filter` that left it out."""
    removed, replaced = [], [TALLIES.to_frame()]
    for each in filters:
        screened = _as_asked(each.apply, rows) if each.looks_at == "question" else each.apply(rows)
        removed.append(screened.removed.with_columns(filter=pl.lit(each.name)))
        if screened.replaced is not None:
            replaced.append(screened.replaced)
        rows = screened.kept
    nothing = rows.clear().with_columns(
        reason=pl.lit(None, pl.String), detail=pl.lit(None, pl.String), filter=pl.lit(None, pl.String)
    )
    return Screened(rows, pl.concat([nothing, *removed]), pl.concat(replaced))


def _as_asked(apply: Callable[[pl.DataFrame], Screened], rows: pl.DataFrame) -> Screened:
    """What a filter does when it sees the questions as they were asked.

    Scrubbing can make the texts of two questions one; whether they are then looked at together would depend on which
    questions came in the same batch.
    """
    turned, back = {"question": "taught", "asked": "question"}, {"question": "asked", "taught": "question"}
    screened = apply(rows.rename(turned))
    return Screened(screened.kept.rename(back), screened.removed.rename(back))


def _compares() -> pl.Expr:
    """Whether a judgement says something besides a thumb on a single answer."""
    return pl.col("rating").is_null() | pl.col("correction").is_not_null()
