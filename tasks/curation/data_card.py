"""The data card: what became of the judgements, which filter left out what, with examples of it.

It is about all rows of a snapshot, whatever batches they came in: the same judgements give the same card.
"""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl
from pydantic import Field

from tasks.curation.pipeline import Filter
from tasks.curation.tallies import JUDGEMENTS, PROPOSED, REPLACED
from tasks.records import Count, Record, Share

EXAMPLES = 3
_CUT = 160

_KINDS = {"demonstration": "demonstrations", "pair": "preference pairs", "rated": "rated answers"}
_REPLACED = {
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "card": "card numbers",
    "iban": "account numbers (IBAN)",
    "ip": "public IP addresses",
    "key": "keys and passwords",
}


class Example(Record):
    """A row that a filter left out; long texts are cut."""

    reason: str
    question: str
    completion: str
    rejected: str | None
    detail: str | None


class FilterCard(Record):
    """What a filter left out."""

    name: str
    looks_at: str
    removed: dict[str, dict[str, Count]] = Field(description="rows by reason, and by kind")
    examples: tuple[Example, ...]

    @property
    def rows(self) -> int:
        """All rows that it left out."""
        return sum(sum(kinds.values()) for kinds in self.removed.values())


class DataCard(Record):
    """What became of the judgements, and of the rows that they gave."""

    judgements: dict[str, Count] = Field(description="judgements and answers that gave no row, by reason")
    rows_in: dict[str, dict[str, Count]] = Field(description="rows before any filter, by kind and origin")
    replaced: dict[str, dict[str, Count]] = Field(
        description="texts of those rows in which personal data or keys were replaced, by what and by kind of row; a "
        "text that several rows have counts in each, and one with two kinds of data under both"
    )
    filters: tuple[FilterCard, ...] = Field(description="in their order")
    rows_out: dict[str, dict[str, Count]] = Field(description="rows of the snapshot, by kind and origin")
    chosen_longer: Share | None = Field(
        description="share of its pairs whose chosen answer is the longer one, equal lengths by half; None without any"
    )


def make_card(filters: Sequence[Filter], tallies: pl.DataFrame, rows: pl.DataFrame, removed: pl.DataFrame) -> DataCard:
    """The card.

    Args:
        tallies: TALLIES of all questions, and of the rows that filters of the dataset left out.
        rows: `kind`, `origin` and `longer` (sign of the difference in length) of the rows of the snapshot.
        removed: rows for examples: for each filter and reason at least the first few by key, with their texts.
    """
    counted = tallies.group_by("step", "kind", "reason").agg(pl.col("count").sum()).sort("step", "kind", "reason")
    return DataCard(
        judgements=dict(counted.filter(pl.col("step") == JUDGEMENTS).select("reason", "count").iter_rows()),
        rows_in=_nested(counted.filter(pl.col("step") == PROPOSED).select("kind", "reason", "count")),
        replaced=_nested(counted.filter(pl.col("step") == REPLACED).select("reason", "kind", "count")),
        filters=tuple(
            FilterCard(
                name=each.name,
                looks_at=each.looks_at,
                removed=_nested(counted.filter(pl.col("step") == each.name).select("reason", "kind", "count")),
                examples=tuple(_examples(removed.filter(pl.col("filter") == each.name))),
            )
            for each in filters
        ),
        rows_out=_nested(rows.group_by("kind", "origin").agg(pl.len()).sort("kind", "origin")),
        chosen_longer=_chosen_longer(rows),
    )


def questions_for_examples(filters: Iterable[Filter], tallies: pl.DataFrame) -> list[str]:
    """Some questions of which these filters left rows out: enough for examples of each reason."""
    names = [each.name for each in filters]
    left_out = tallies.filter(pl.col("step").is_in(names) & (pl.col("count") > 0))
    few = left_out.group_by("step", "reason").agg(pl.col("question_id").bottom_k_by("place", EXAMPLES))
    return sorted(set(few["question_id"].explode(empty_as_null=False)))


def render(card: DataCard) -> str:
    """The card in Markdown."""
    lines = ["# Data card", "", "| rows | " + " | ".join(_KINDS.values()) + " |", "|---|" + "---:|" * len(_KINDS)]
    lines.append(_row("proposed", {kind: sum(card.rows_in.get(kind, {}).values()) for kind in _KINDS}))
    for each in card.filters:
        for reason, kinds in each.removed.items():
            lines.append(_row(f"{each.name}: {_spoken(reason)}", {kind: -kinds.get(kind, 0) for kind in _KINDS}))
    lines.append(_row("**in the snapshot**", {kind: sum(card.rows_out.get(kind, {}).values()) for kind in _KINDS}))
    if card.replaced:
        lines += ["", "## Replaced in the texts of proposed rows", ""]
        lines += ["| texts with | " + " | ".join(_KINDS.values()) + " |", "|---|" + "---:|" * len(_KINDS)]
        lines += [
            _row(_REPLACED[what], {kind: of.get(kind, 0) for kind in _KINDS}) for what, of in card.replaced.items()
        ]
    if card.chosen_longer is not None:
        lines += ["", f"The chosen answer is the longer one in {card.chosen_longer:.1%} of the pairs."]
    lines += ["", "## Who they come from", "", "| kind | origin | proposed | in the snapshot |", "|---|---|---:|---:|"]
    for kind, origins in card.rows_in.items():
        for origin, count in origins.items():
            kept = card.rows_out.get(kind, {}).get(origin, 0)
            lines.append(f"| {_KINDS[kind]} | {_escaped(origin)} | {count} | {kept} |")
    silent = {reason: count for reason, count in card.judgements.items() if count}
    if silent:
        lines += ["", "## Judgements and answers that gave no row", "", "| reason | count |", "|---|---:|"]
        lines += [f"| {_spoken(reason)} | {count} |" for reason, count in silent.items()]
    for each in card.filters:
        if each.examples:
            lines += ["", f"## Left out by: {each.name}", ""]
            lines += [_example(example) for example in each.examples]
    return "\n".join(lines) + "\n"


def _row(name: str, counts: Mapping[str, int]) -> str:
    return f"| {name} | " + " | ".join(str(counts[kind]) for kind in _KINDS) + " |"


def _example(example: Example) -> str:
    texts = [example.question, example.completion, *([example.rejected] if example.rejected is not None else [])]
    shown = " / ".join(f"“{_escaped(text)}”" for text in texts)
    detail = f" ({_escaped(example.detail)})" if example.detail else ""
    return f"- {_spoken(example.reason)}: {shown}{detail}"


def _spoken(reason: str) -> str:
    return reason.replace("_", " ")


def _escaped(text: str) -> str:
    """The text on one line, with nothing that Markdown or HTML would take for its own."""
    special = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#!"})
    return " ".join(text.split()).translate(special)


def _nested(counts: pl.DataFrame) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for outer, inner, count in counts.iter_rows():
        nested.setdefault(outer, {})[inner] = count
    return nested


def _examples(removed: pl.DataFrame) -> Iterable[Example]:
    first = removed.sort("reason", "place", "key").group_by("reason", maintain_order=True).head(EXAMPLES)
    for row in first.iter_rows(named=True):
        texts = {name: _cut(row[name]) for name in ("question", "completion", "rejected", "detail")}
        yield Example.model_validate({"reason": row["reason"], **texts})


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _CUT else f"{text[: _CUT - 1]}…"


def _chosen_longer(rows: pl.DataFrame) -> float | None:
    signs = rows.filter(pl.col("kind") == "pair")["longer"]
    return (int(signs.cast(pl.Int64).sum()) / len(signs) + 1) / 2 if len(signs) else None
