"""The train stage on rows with passages: a domain of small documents, and everything that the stage works with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from example_snapshots import write_snapshot

from tasks.config import Config
from tasks.files import read_rows, sha256_of, write_rows
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.models.prompting import build_messages
from tasks.records import (
    Adapter,
    BaseModelRef,
    ContextPlan,
    Demonstration,
    Document,
    Domain,
    ModelVersion,
    PreferencePair,
    Question,
    RowContext,
    Snapshot,
)
from tasks.settings.training import ContextSettings, TrainSettings
from tasks.training.context_rows import plan_contexts
from tasks.training.train import RowPlans, TrainingRun, train_adapter

NAMES = ("chain", "sort", "zip", "map", "len", "sum", "min", "max")


def ask(name: str) -> str:
    return f"What does {name} do?"


def question(name: str, sources: tuple[str, ...]) -> Question:
    return Question(id=name, question=ask(name), answer=f"It {name}s.", family=name, split="train", sources=sources)


class Stage:
    """A domain of small documents, one for each of `NAMES`, and everything that the stage works with."""

    def __init__(self, home: Home, base: BaseModelRef, settings: TrainSettings, folder: Path) -> None:
        self.home, self.base, self.folder = home, base, folder / "work"
        retrieval = {"dense": False, "passages": 2}
        self.config = Config.model_validate(
            {
                "name": "demo",
                "questions": "q.jsonl",
                "root": folder,
                "retrieval": retrieval,
                "train": settings.model_dump(),
            }
        )
        self.questions = [question(name, (f"{name}.txt",)) for name in NAMES]
        self.texts = {f"{name}.txt": f"{name} is a function. What {name} does to a list." for name in NAMES}
        self.hardware = Hardware("cpu", "float32", 1)

    def set(self, **changes: Any) -> None:
        """Changes settings of `train.contexts`."""
        contexts = (self.config.train.contexts or ContextSettings()).model_copy(update=changes)
        train = self.config.train.model_copy(update={"contexts": contexts})
        self.config = self.config.model_copy(update={"train": train})

    def retrieve(self, **changes: Any) -> None:
        """Changes settings of `retrieval`."""
        retrieval = self.config.retrieval.model_copy(update=changes)
        self.config = self.config.model_copy(update={"retrieval": retrieval})

    def demonstrations(self) -> list[Demonstration]:
        return [
            Demonstration(
                id=sha256_of(each.id),
                question_id=each.id,
                family=each.family,
                prompt=build_messages("Be brief.", each.question),
                completion=each.answer or "",
                source="reference",
            )
            for each in self.questions
        ]

    def pairs(self) -> list[PreferencePair]:
        return [
            PreferencePair(
                id=sha256_of([row.id, "pair"]),
                question_id=row.question_id,
                family=row.family,
                prompt=row.prompt,
                chosen=row.completion,
                rejected="No.",
                source="judge:reference:x",
            )
            for row in self.demonstrations()
        ]

    def domain(self) -> Domain:
        documents = [Document(id=name, text=text) for name, text in sorted(self.texts.items())]
        return Domain(
            name="demo",
            questions=write_rows(self.home.objects, self.questions),
            documents=write_rows(self.home.objects, documents),
            train_questions=len(self.questions),
            test_questions=0,
            shared_families=0,
        )

    def snapshot(self, pairs: Sequence[PreferencePair] = ()) -> Snapshot:
        return write_snapshot(self.home.snapshots, self.demonstrations(), pairs, parents=[], dropped={})

    def plan(self, pairs: Sequence[PreferencePair] = ()) -> ContextPlan | None:
        snapshot = self.snapshot(pairs)
        return plan_contexts(self.config, self.home, self.domain(), self.base, snapshot, self.hardware, self.folder)

    def rows(self, pairs: Sequence[PreferencePair] = ()) -> dict[str, RowContext]:
        """What each row is given, by the row's id."""
        plan = self.plan(pairs)
        assert plan is not None
        return {row.row: row for row in read_rows(self.home.objects, plan.rows, RowContext)}

    def train(self, pairs: Sequence[PreferencePair] = ()) -> Adapter:
        run = TrainingRun(self.folder, "run", lambda phase, step, metrics: None, RowPlans(self.plan(pairs)))
        start = ModelVersion(name="demo", version=1, base=self.base)
        return train_adapter(self.config, self.home, start, None, self.snapshot(pairs), 1, self.hardware, run)
