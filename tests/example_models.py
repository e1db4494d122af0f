"""Small records of models for tests: a base, an adapter on it, and one arm compared with another."""

from typing import Any

from tasks.records import Adapter, BaseModelRef, FileRef, PairedDifference

BASE = BaseModelRef(id="tiny", path="/models/tiny", sha256="b" * 64)


def adapter(**changes: Any) -> Adapter:
    """An adapter of the first round, trained on demonstrations alone, but for the changes."""
    fields: dict[str, Any] = {
        "sha256": "a" * 64,
        "base": BASE,
        "snapshot_sha256": "c" * 64,
        "dpo_reference": "none",
        "round": 1,
        "demonstrations": 10,
        "preference_pairs": 0,
        "train_tokens": 100,
        "train_s": 1.0,
        "mlflow_run_id": "run",
        "losses": FileRef(sha256="5" * 64, rows=30),
    }
    return Adapter(**fields | changes)


def paired_difference(**changes: Any) -> PairedDifference:
    """A challenger better than the champion by more than chance, but for the changes."""
    fields: dict[str, Any] = {
        "arm": "challenger",
        "against": "champion",
        "metric": "rouge_l",
        "difference": 0.05,
        "ci95": (0.02, 0.08),
        "wins": 20,
        "ties": 15,
        "losses": 5,
    }
    return PairedDifference(**fields | changes)
