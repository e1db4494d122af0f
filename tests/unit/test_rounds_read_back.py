"""What the rounds have collected and asked is read back in their order, whichever stages a round left out."""

from example_models import adapter
from example_rounds import CHAMPION, EMPTY

from tasks.home import Home
from tasks.records import (
    ArmReport,
    FeedbackBatch,
    HeadToHead,
    LabelDataset,
)
from tasks.rounds import read_batches, read_label_datasets, write_stage


def make_batch(number: int, *datasets: LabelDataset) -> FeedbackBatch:
    return FeedbackBatch(
        round=number,
        model_version=CHAMPION,
        candidates=EMPTY,
        feedback=EMPTY,
        questions=2,
        preferences={},
        label_datasets=datasets,
    )


def make_dataset(name: str) -> LabelDataset:
    return LabelDataset(id=name, name=name, workspace="w", url="http://argilla.example", audit=False, requests=EMPTY)


def make_report(number: int, datasets: tuple[LabelDataset, ...] | None) -> ArmReport:
    compared = None
    if datasets is not None:
        compared = HeadToHead(comparisons=EMPTY, equal=0, verdicts=EMPTY, label_datasets=datasets)
    return ArmReport(
        domain="tiny",
        round=number,
        questions=0,
        test_set_sha256="c" * 64,
        arms={},
        comparisons=(),
        challenger=adapter(round=number),
        champion=CHAMPION,
        answers=EMPTY,
        head_to_head=compared,
    )


def test_batches_come_oldest_first_and_can_stop_before_a_round(home: Home) -> None:
    for number in (1, 2, 4):  # the third collected nothing
        write_stage(home.round("tiny", number), "collect", "k", make_batch(number))

    assert [batch.round for batch in read_batches(home, "tiny")] == [1, 2, 4]
    assert [batch.round for batch in read_batches(home, "tiny", before=4)] == [1, 2]
    assert read_batches(home, "tiny", before=1) == read_batches(home, "other") == []


def test_what_people_were_asked_comes_oldest_first_and_apart_for_test_answers(home: Home) -> None:
    datasets = [make_dataset(name) for name in ("1", "2", "2 audit", "3", "1 test", "3 test")]
    for number, asked in ((1, datasets[:1]), (2, datasets[1:3]), (3, datasets[3:4]), (4, [])):
        write_stage(home.round("tiny", number), "collect", "k", make_batch(number, *asked))
    # The second round's challenger was the champion, and nothing was put before people of the fourth's.
    for number, on_tests in ((1, tuple(datasets[4:5])), (2, None), (3, tuple(datasets[5:])), (4, ())):
        write_stage(home.round("tiny", number), "evaluate", "k", make_report(number, on_tests))

    assert read_label_datasets(home, "tiny") == (datasets[:4], datasets[4:])
    assert read_label_datasets(home, "other") == ([], [])
