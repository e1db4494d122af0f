"""What nobody needs any longer is deleted: old indexes that no record names, and the layers of no index.

Kept are the newest indexes, those that a round, an adapter or a benchmark names, and with them their layers. A deleted
index can be built again from its documents.
"""

import json
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from tasks.home import Home
from tasks.progress import say
from tasks.retrieval.folders import MANIFEST

# Indexes that are kept whether anything names them or not: of each domain and each setting that is being tried.
KEPT = 8

_SHA256 = re.compile(rb"[0-9a-f]{64}")


def remove_old_indexes(home: Home, folder: Path) -> int:
    """Deletes the indexes in the folder but the newest KEPT and those that a record of the home names; how many is
    said and returned.

    An index is as new as the last build that gave it. Only for the one who holds the lock of the folder.
    """
    by_age = sorted(folder.glob(f"*/{MANIFEST}"), key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    old = {path.parent.name for path in by_age[:-KEPT]}
    removed = old - _named(home, old) if old else set()
    for name in sorted(removed):
        # The manifest goes first: what is left of an index without one is no index.
        (folder / name / MANIFEST).unlink()
        shutil.rmtree(folder / name)
    if removed:
        say(f"index: {len(removed)} old indexes that nothing names were deleted")
    return len(removed)


def remove_unused_layers(folder: Path) -> list[str]:
    """Deletes the layers that no index in the folder names, and returns the names of those that are left.

    None is deleted when an index cannot be read. Only for the one who holds the lock of the folder.
    """
    layers = [path.parent for path in folder.glob(f"layers/*/*/{MANIFEST}")]
    try:
        manifests = [json.loads(path.read_bytes()) for path in folder.glob(f"*/{MANIFEST}")]
        used = {name for manifest in manifests for name in manifest["layers"]}
    except (ValueError, KeyError, TypeError):
        return [path.name for path in layers]
    for path in layers:
        if path.name not in used:
            shutil.rmtree(path)
    return [path.name for path in layers if path.name in used]


def _named(home: Home, names: Collection[str]) -> set[str]:
    """Those of the names that stand in a record of a round, an adapter or a benchmark."""
    return {name for path in _records(home) for name in _names_in(path) if name in names}


def _records(home: Home) -> Iterator[Path]:
    for part in (home.root / "rounds", home.root / "benchmarks", home.adapters):
        yield from part.rglob("*.json")


def _names_in(path: Path) -> set[str]:
    return {found.decode() for found in _SHA256.findall(path.read_bytes())}
