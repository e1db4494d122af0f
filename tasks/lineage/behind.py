"""The feedback behind a version: what its own training rows come from, and those of the versions it descends from."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from tasks.errors import IntegrityError
from tasks.feedback.withdrawals import Withdrawn
from tasks.home import Home
from tasks.lineage.citations import read_citations
from tasks.lineage.judgements import withdrawn_ids
from tasks.records import Adapter, Count, ModelVersion, Record, Sha256

if TYPE_CHECKING:
    import polars as pl

NOT_IN_LOG = "not in the log"


class FeedbackShare(Record):
    """How much of the feedback behind a version one annotator gave, or one judge."""

    source: str = Field(description="as in Feedback, or `not in the log`")
    annotator: str | None = Field(description="opaque id of the person; None for judges")
    own: Count = Field(description="judgements behind rows of the version's own snapshot")
    inherited: Count = Field(description="judgements behind rows of the snapshots before it, and of no own row")


class FeedbackBehind(Record):
    """The feedback behind a version."""

    own: tuple[Sha256, ...] = Field(description="ids of judgements behind rows of its own snapshot, sorted")
    inherited: tuple[Sha256, ...] = Field(description="ids behind rows of snapshots it descends from only, sorted")
    shares: tuple[FeedbackShare, ...] = Field(description="by source and annotator; most first")
    withdrawn: tuple[Sha256, ...] = Field(description="those of all these that are withdrawn by now, sorted")
    unknown: tuple[str, ...] = Field(description="what of its descent cannot be read; a sentence each")


def feedback_behind(
    home: Home,
    version: ModelVersion,
    adapters: Iterable[Adapter],
    judgements: "pl.DataFrame",
    left_out: Withdrawn,
) -> FeedbackBehind:
    """The judgements that the version learned from, itself or by descent; none for the base model.

    Args:
        adapters: all that are known, to find those the version descends from.
        judgements: as `read_judgements` gives them.
        left_out: what is withdrawn by now.
    """
    line, unknown = line_of(version, adapters)
    cited: list[set[str]] = []
    for adapter in line:
        try:
            cited.append(set(read_citations(home, adapter.snapshot_sha256)["feedback_id"].to_list()))
        except IntegrityError as error:
            cited.append(set())
            unknown.append(str(error))
    own = cited[0] if cited else set()
    inherited = set().union(*cited[1:]) - own
    return FeedbackBehind(
        own=tuple(sorted(own)),
        inherited=tuple(sorted(inherited)),
        shares=_shares(own, inherited, judgements),
        withdrawn=tuple(sorted((own | inherited) & withdrawn_ids(judgements, left_out))),
        unknown=tuple(unknown),
    )


def line_of(version: ModelVersion, adapters: Iterable[Adapter]) -> tuple[list[Adapter], list[str]]:
    """The version's adapter and those it descends from, nearest first, and a sentence where the line breaks off."""
    by_sha256 = {each.sha256: each for each in adapters}
    line: list[Adapter] = []
    adapter = version.adapter
    while adapter is not None and adapter not in line:
        line.append(adapter)
        parent = adapter.parent_sha256
        if parent is not None and parent not in by_sha256:
            return line, [
                f"The record of the adapter {parent[:12]}, from which it descends, is in no round or version."
            ]
        adapter = by_sha256[parent] if parent is not None else None
    return line, []


def _shares(own: set[str], inherited: set[str], judgements: "pl.DataFrame") -> tuple[FeedbackShare, ...]:
    import polars as pl

    cited = pl.DataFrame(
        {"id": [*own, *inherited], "own": [True] * len(own) + [False] * len(inherited)},
        schema={"id": pl.String, "own": pl.Boolean},
    )
    whose = judgements.select("id", "source", "annotator").unique("id")
    counted = (
        cited.join(whose, on="id", how="left")
        .with_columns(pl.col("source").fill_null(NOT_IN_LOG))
        .group_by("source", "annotator")
        .agg(own=pl.col("own").sum(), inherited=(~pl.col("own")).sum())
        .sort(pl.col("own") + pl.col("inherited"), "source", "annotator", descending=[True, False, False])
    )
    return tuple(FeedbackShare.model_validate(row) for row in counted.iter_rows(named=True))
