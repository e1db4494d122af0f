"""An index that is there already: documents that did not change cost no more than reading it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tasks.errors import IntegrityError
from tasks.records import IndexRef
from tasks.retrieval.folders import MANIFEST, read_manifest
from tasks.retrieval.index_manifest import REMEDY, IndexManifest

DOCUMENTS = "documents.jsonl"


def find_unchanged(folder: Path, origin: Mapping[str, object], documents: bytes) -> IndexRef | None:
    """The intact index in the folder that was made of just this; None when there is none.

    Args:
        origin: what its manifest says of layers and settings.
        documents: its DOCUMENTS.
    """
    sha256 = hashlib.sha256(documents).hexdigest()
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        try:
            manifest = IndexManifest.model_validate_json(path.read_bytes())
            same = manifest.files.get(DOCUMENTS) == sha256
            if same and all(getattr(manifest, key) == value for key, value in origin.items()):
                manifest = read_manifest(path.parent, IndexManifest, REMEDY)
                named = set(IndexRef.model_fields) - {"sha256"}
                return IndexRef(sha256=path.parent.name, **manifest.model_dump(include=named))
        except (ValueError, IntegrityError):
            continue  # it is damaged, and written anew when it is the one
    return None
