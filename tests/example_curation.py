"""A small world curated once and again: what came of it, and what would have, had curation begun anew."""

import json
import tempfile
from pathlib import Path

from example_domain import World
from example_records import candidate, judgement, question

from tasks.config import Config
from tasks.curation.curate import curate
from tasks.errors import DomainError
from tasks.feedback import log
from tasks.feedback.withdrawals import NOTHING, Withdrawn
from tasks.files import write_rows
from tasks.home import Home
from tasks.snapshots import read_manifest, read_snapshot

CONFIG = Config.model_validate(
    {
        "name": "d",
        "questions": "q.jsonl",
        "root": Path("/"),
        "curate": {"weights": {}, "annotators": {"max_share": 0.7, "min_comparisons": 2, "min_agreement": 0.9}},
    }
)


def result(home: Home, world: World, config: Config = CONFIG, withdrawn: Withdrawn = NOTHING) -> dict[str, object]:
    """All that a snapshot says: its shards, what was left out, and the data card; or why there is none."""
    asked, sampled = write_rows(home.objects, world.questions), write_rows(home.objects, world.candidates)
    known = set(home.snapshots.glob("*"))
    try:
        snapshot = curate(home, "d", [asked], [sampled], config, withdrawn=withdrawn)
    except DomainError as error:
        return {"error": str(error)}
    _, shards = read_manifest(home.snapshots, snapshot.sha256)
    assert read_snapshot(home.snapshots, snapshot.sha256) == snapshot
    rows = {"name": snapshot.sha256, "shards": shards}
    if home.snapshots / snapshot.sha256 in known:  # as it was first written, whatever else was left out now
        return rows
    manifest = json.loads((home.snapshots / snapshot.sha256 / "manifest.json").read_text())
    return {**rows, "dropped": snapshot.dropped, "card": manifest["card"]}


def from_scratch(
    home: Home, world: World, config: Config = CONFIG, withdrawn: Withdrawn = NOTHING
) -> dict[str, object]:
    """The same in a home that has curated nothing yet."""
    with tempfile.TemporaryDirectory() as folder:
        other = Home(Path(folder))
        for name in ("objects", "feedback"):
            (home.root / name).mkdir(parents=True, exist_ok=True)
            (other.root / name).symlink_to(home.root / name)
        return result(other, world, config, withdrawn)


def grown(home: Home) -> World:
    """A world in the home's log, curated once, and then some more said."""
    world = World(
        [question(f"q{n}") for n in range(6)], [candidate(text, f"q{n}") for n in range(6) for text in "xy"], []
    )
    log.append(home, "d", [judgement(name=f"q{n}") for n in range(6)])
    result(home, world)
    log.append(home, "d", [judgement("y", "x", by="judge:j", name="q3"), judgement(annotator="ann", name="q4")])
    return world
