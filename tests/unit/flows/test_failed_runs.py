"""What people are told of failed runs and of decisions; of a failure not why, for that may name what is secret."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from example_decisions import promotion_decision
from example_models import BASE

from flows.failed_runs import tell_of_failure
from tasks import notifications
from tasks.config import load_config
from tasks.notifications import Notified, notify_decision
from tasks.records import ModelVersion

WHY = "the password is hunter2"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    messages: list[tuple[Any, ...]] = []

    def note(*message: Any) -> Notified:
        messages.append(message)
        return Notified()

    monkeypatch.setattr(notifications, "notify", note)
    return messages


def failed(folder: Path, deployment: str | None) -> Any:
    path = folder / "ratchet.yaml"
    path.write_text("name: d\nquestions: q.jsonl\nmonitor: {notify: [slack-webhook/on-call], notify_timeout_s: 3}\n")
    return SimpleNamespace(deployment_id=deployment, parameters={"config_path": str(path)})


def test_people_are_told_of_a_deployments_run_and_not_why(sent: list[tuple[Any, ...]], tmp_path: Path) -> None:
    tell_of_failure(None, failed(tmp_path, "id"), SimpleNamespace(message=WHY))

    ((blocks, subject, body, timeout_s),) = sent
    assert (blocks, subject, timeout_s) == (("slack-webhook/on-call",), "Ratchet: d: a run failed", 3.0)
    assert "Prefect's run and its log say why" in body
    assert WHY not in body


def test_whoever_runs_a_command_sees_it_fail_and_nobody_else_is_told(
    sent: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    tell_of_failure(None, failed(tmp_path, None), SimpleNamespace(message=WHY))

    assert sent == []


def test_a_decision_is_told_with_the_checks_that_it_passed(sent: list[tuple[Any, ...]], tmp_path: Path) -> None:
    challenger, champion = (ModelVersion(name="d", version=version, base=BASE) for version in (2, 1))
    config = load_config(Path(failed(tmp_path, None).parameters["config_path"]))

    notify_decision(config, promotion_decision(challenger, champion))

    ((_, subject, body, _),) = sent
    assert subject == "Ratchet: d: promoted"
    assert body.startswith("promoted: version 2 is the champion, in place of version 1\n\n- **")
