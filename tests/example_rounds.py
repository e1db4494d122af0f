"""Records of a round for tests: what it began with, and what its second stage left."""

from example_models import BASE

from tasks.records import Domain, FileRef, ModelVersion, Snapshot
from tasks.rounds import Round

CHAMPION = ModelVersion(name="tiny", version=1, base=BASE)
EMPTY = FileRef(sha256="e" * 64, rows=0)
DOMAIN = Domain(name="tiny", questions=EMPTY, documents=EMPTY, train_questions=4, test_questions=2, shared_families=0)
SNAPSHOT = Snapshot(
    sha256="5" * 64, demonstrations=EMPTY, preference_pairs=EMPTY, rated_answers=EMPTY, parents=(), dropped={}
)
OPENED = Round(number=1, domain=DOMAIN, champion=CHAMPION)
