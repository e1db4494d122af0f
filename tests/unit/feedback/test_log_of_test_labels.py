"""Labels on test answers lie apart: whoever reads what may be learned from never meets them."""

from pathlib import Path

import pytest
from example_records import judgement

from tasks.curation.incremental.digests import log_sha256
from tasks.feedback import log
from tasks.feedback.new_labels import read_new_labels
from tasks.feedback.withdrawals import withdraw, withdrawn
from tasks.home import Home
from tasks.lineage.judgements import read_judgements

TRAIN = judgement(by="human", annotator="ann", name="train")
TEST = [judgement(by="human", annotator=who, name="test") for who in ("ann", "bob")]


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    home = Home(ratchet_home)
    log.append(home, "d", [TRAIN])
    return home


def test_nothing_that_reads_the_domains_log_sees_them(home: Home) -> None:
    def seen() -> tuple[object, ...]:
        return log.segments(home, "d"), log_sha256(home, "d"), log.count(home, "d"), read_new_labels(home, "d")

    before = seen()
    log.append(home, log.for_tests("d"), TEST)
    assert seen() == before
    assert log.read(home, "d") == [TRAIN]
    assert read_judgements(home, "d")["id"].to_list() == [TRAIN.id]
    assert log.read(home, log.for_tests("d")) == sorted(TEST, key=lambda row: row.id)


def test_who_withdraws_from_the_domain_is_left_out_of_them_too(home: Home) -> None:
    log.append(home, log.for_tests("d"), TEST)
    withdraw(home, "d", annotator="ann")
    assert log.read(home, log.for_tests("d"), left_out=withdrawn(home, "d")) == [TEST[1]]
