"""Near-duplicate removal at scale: seconds, memory, and how many planted near-duplicates are found.

    python tests/bench/bench_near_duplicates.py [rows]

The rows are like the demo's: its questions and answers, lengthened by other answers of its own, one in five a
near-duplicate of another (a letter, a word or a full stop changed).
"""

import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

THRESHOLD = 0.9
PLANTED_SHARE = 0.2
NEW_ROWS = 1_000


def main() -> None:
    """Prints the figures, and the same as one JSON object in the last line."""
    from tasks.curation.filters.near_duplicates import drop_near_duplicates

    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    everything = planted_rows(size + NEW_ROWS)
    rows = everything.head(size)
    print(f"{size} rows of {rows['completion'].str.len_chars().mean():.0f} characters on average")
    first_s, screened = timed(drop_near_duplicates, rows, THRESHOLD)
    with tempfile.TemporaryDirectory(prefix="ratchet-bench.") as folder:
        kept = Path(folder) / "signatures.parquet"
        writing_s, _ = timed(drop_near_duplicates, rows, THRESHOLD, kept)
        size_mb = kept.stat().st_size / 1e6
        adding_s, _ = timed(drop_near_duplicates, everything, THRESHOLD, kept)
    pairs = similar_pairs(rows)
    stayed = set(screened.kept["key"])
    missed = sum(one in stayed and other in stayed for one, other in pairs)
    figures: dict[str, Any] = {
        "rows": size,
        "seconds": round(first_s, 1),
        "seconds_writing_signatures": round(writing_s, 1),
        f"seconds_with_{NEW_ROWS}_more": round(adding_s, 1),
        "signatures_mb": round(size_mb, 1),
        "peak_resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "removed": screened.removed.height,
        "planted_pairs_as_similar": len(pairs),
        "recall": round(1 - missed / len(pairs), 5),
    }
    for name, value in figures.items():
        print(f"{name.replace('_', ' ')}: {value}")
    print(json.dumps(figures))


def timed(function: Any, *arguments: Any) -> tuple[float, Any]:
    """How long a call took, and what it gave."""
    started = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - started, result


def planted_rows(count: int) -> pl.DataFrame:
    """Demonstrations with their `original`: the key of the row of which each is a near-duplicate, or null."""
    from tasks.domain.stdlib_docstrings import find_entries

    chance = random.Random(0)
    entries = find_entries()
    rows: list[dict[str, Any]] = []
    for number in range(count):
        if rows and chance.random() < PLANTED_SHARE:
            source = chance.choice(rows)
            row = {**source, "original": source["key"], "completion": altered(source["completion"], chance)}
        else:
            subject, *others = chance.sample(entries, 4)
            answer = " ".join(entry.summary for entry in (subject, *others))
            row = {"question": f"What does `{subject.name}` do in Python?", "completion": answer, "original": None}
        rows.append({**row, "key": f"{number:08d}"})
    return pl.DataFrame(rows).with_columns(
        kind=pl.lit("demonstration"),
        rejected=pl.lit(None, pl.String),
        desirable=pl.lit(None, pl.Boolean),
        origin=pl.lit("reference"),
        confidence=1.0,
    )


def altered(text: str, chance: random.Random) -> str:
    """The text with one of the changes of a careless copy."""
    words = text.split(" ")
    at = chance.randrange(len(words))
    change = chance.randrange(4)
    if change == 0:
        return text.upper() if chance.random() < 0.1 else text.rstrip(".")
    if change == 1:
        del words[at]
    elif change == 2:
        words[at] = chance.choice(words)
    else:
        words[at] = words[at][::-1]
    return " ".join(words)


def similar_pairs(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """The planted near-duplicates with their originals that are in fact as similar as the threshold."""
    from tasks.curation.filters.near_duplicates import row_text, similarity

    texts = rows.select("key", "original", text=row_text())
    pairs = texts.join(texts, left_on="original", right_on="key", suffix="_of_original")
    return [
        (key, original)
        for key, original, text, text_of_original in pairs.select(
            "key", "original", "text", "text_of_original"
        ).iter_rows()
        if similarity(text, text_of_original) >= THRESHOLD
    ]


if __name__ == "__main__":
    main()
