"""The curate stage: from questions, candidates and feedback to an immutable dataset."""

from collections.abc import Sequence

from tasks.config import Config
from tasks.curation.demonstrations import build_demonstrations
from tasks.curation.leakage import assert_no_test_families
from tasks.curation.preference_pairs import build_preference_pairs
from tasks.curation.resolution import resolve_judgements
from tasks.errors import DomainError
from tasks.feedback.log import one_per_id
from tasks.home import Home
from tasks.records import Candidate, Feedback, Question, Snapshot
from tasks.snapshots import write_snapshot


def curate(
    home: Home,
    domain_name: str,
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    feedback: Sequence[Feedback],
    config: Config,
    parents: Sequence[str],
) -> Snapshot:
    """Builds demonstrations and preference pairs, checks them for leaks and writes them as a snapshot.

    The same rows in any order and any batches give the same snapshot, on any machine.

    Args:
        candidates: every candidate the feedback speaks of, of this round and earlier ones.
        parents: sha256 of the questions and feedback given here, for the manifest.

    Raises:
        DomainError: when there is nothing to train on.
        IntegrityError: when a row would train on the test set, or the snapshot exists but was altered.
        HomeError: when the disk is full or not writable.
    """
    last_words = one_per_id(feedback)
    standing = [row for row in last_words if not row.retracted]
    judgements, outranked = resolve_judgements(standing)
    demonstrations, dropped = build_demonstrations(questions, judgements, config.system_prompt)
    pairs, dropped_pairs = build_preference_pairs(
        questions, candidates, judgements, system_prompt=config.system_prompt, settings=config.curate
    )
    dropped = {
        **dropped,
        **outranked,
        **dropped_pairs,
        "judgements_duplicate": len(feedback) - len(last_words),
        "judgements_retracted": len(last_words) - len(standing),
    }
    if not demonstrations and not pairs:
        raise DomainError(
            f"Domain {domain_name} has nothing to train on ({_describe(dropped)}): "
            "give train questions an `answer`, or collect feedback on them first."
        )
    assert_no_test_families(questions, demonstrations, pairs)
    return write_snapshot(home.snapshots, demonstrations, pairs, parents=parents, dropped=dropped)


def _describe(dropped: dict[str, int]) -> str:
    reasons = [f"{reason.replace('_', ' ')}: {rows}" for reason, rows in sorted(dropped.items()) if rows]
    return f"left out {', '.join(reasons)}" if reasons else "no answers, no feedback"
