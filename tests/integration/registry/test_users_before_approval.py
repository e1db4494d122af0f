"""A waiting challenger meets users beside the champion: their thumbs allow its approval, or do not yet."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from integration.registry.decided_world import Deciding
from integration.registry.registry_state import aliases
from integration.serve.servers import Running, running, wait_for

from flows import approval
from flows import champion as champion_commands
from flows.inspection import domain_status, explain_version
from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.records import PromotionDecision
from tasks.registry import mlflow_registry as registry
from tasks.registry.approval import settle
from tasks.registry.connection import connect
from tasks.rounds import read_last
from tasks.settings.models import GenerationSettings
from tasks.settings.serve import ServeSettings

PAIRS = 6
_numbers = count()


@pytest.fixture
def waiting(deciding: Deciding) -> Deciding:
    """A first round whose challenger, version 2, waits until users have met it and a person has approved it."""
    changes: dict[str, Any] = {"approval": "approve", "canary_pairs": PAIRS, "canary_margin": 0.5}
    config = deciding.config.model_copy(update={"promote": deciding.config.promote.model_copy(update=changes)})
    asking = Deciding(config, deciding.home, deciding.base, deciding.train)
    assert asking.round(1).waits
    return asking


@pytest.fixture
def start(home: Home) -> Iterator[Callable[[Config], Running]]:
    """Starts servers that end with the test."""
    with ExitStack() as stack:
        yield lambda config: stack.enter_context(running(config, home))


def serving(config: Config) -> Config:
    """The config of a server that gives the challenger half of the requests."""
    serve = ServeSettings(canary_share=0.5, alias_poll_s=0.1)
    return config.model_copy(update={"serve": serve, "generation": GenerationSettings(max_new_tokens=2)})


def give_thumbs(server: Running, pairs: int, *, champion: str, challenger: str) -> list[dict[str, Any]]:
    """Has so many users ask each version something of their own, and rate it in turn; what was posted."""
    answers: dict[int, list[str]] = {1: [], 2: []}
    while min(map(len, answers.values())) < pairs:
        answer = server.ask(f"What is {next(_numbers)}?", max_tokens=1)
        answers[answer["ratchet"]["version"]].append(answer["id"])
    posted = []
    for ids in zip(answers[1][:pairs], answers[2][:pairs], strict=True):
        for name, thumb in zip(ids, (champion, challenger), strict=True):
            posted.append({"id": name, "thumb": thumb, "user": f"user {next(_numbers)}"})
            assert server.post(posted[-1], "/feedback").status_code == 200
    return posted


def refusal(world: Deciding) -> str:
    """Why version 2 cannot be approved; nothing changes."""
    path = world.home.round("demo", 1) / "promote.json"
    before = path.read_bytes()
    with pytest.raises(RatchetError) as caught:
        champion_commands.approve(world.config, 2, approved=True, by="ann", reason="")
    assert path.read_bytes() == before and aliases(world.config, world.home) == {"champion": 1, "challenger": 2}
    (problem,) = caught.value.problems
    return problem


def forms_asked_for(world: Deciding, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The forms that a run of a deployment would be suspended with now; each shows what users say."""
    suspended: list[str] = []

    def suspend(wait_for_input: type[approval.ApprovalForm], key: str) -> None:
        assert "**not_worse_to_users** passed: To users the challenger is proven to" in str(wait_for_input._description)
        suspended.append(f"suspended-{key}")

    with monkeypatch.context() as patch:
        patch.setattr(approval, "_deployed_run", lambda: (uuid4(), uuid4()))
        patch.setattr(approval, "_open_forms", lambda deployment_id: set())
        patch.setattr(approval, "suspend_flow_run", suspend)
        approval.ask_for_approval(world.config, world.home)
    return suspended


def test_without_a_thumb_there_is_no_approval_and_what_to_do_is_said(waiting: Deciding) -> None:
    assert refusal(waiting) == (
        "Version 2 cannot be approved yet. There are 0 of 6 pairs of users' thumbs (thumbs on version 2: 0, on version "
        "1: 0): run `ratchet serve` with serve.canary_share above 0, so that users meet both, and send their thumbs to "
        "POST /v1/feedback."
    )
    with connect(waiting.config, waiting.home) as client:
        assert client.get_experiment_by_name("demo-serve") is None


def test_a_rejection_needs_no_thumbs(waiting: Deciding) -> None:
    decision = settle(waiting.config, waiting.home, 2, approved=False, by="ann", through="command")
    assert decision.evidence.canary is None and not decision.waits
    assert aliases(waiting.config, waiting.home) == {"champion": 1}


def test_what_was_asked_of_users_at_the_decision_holds_whatever_the_config_says_by_now(waiting: Deciding) -> None:
    promote = waiting.config.promote.model_copy(update={"canary_pairs": None})
    config = waiting.config.model_copy(update={"promote": promote})
    with pytest.raises(RatchetError, match="There are 0 of 6 pairs"):
        settle(config, waiting.home, 2, approved=True, by="ann", through="command")


def test_too_few_thumbs_and_worse_ones_keep_it_waiting_and_enough_good_ones_let_it_through(
    waiting: Deciding, tmp_path: Path, start: Callable[[Config], Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(serving(waiting.config))
    wait_for(lambda: server.status()["challenger"] == 2)
    few = give_thumbs(server, 2, champion="up", challenger="up")
    assert refusal(waiting) == (
        "Version 2 cannot be approved yet. There are 2 of 6 pairs of users' thumbs (0 wins, 2 ties, 0 losses): go on "
        "serving both versions until there are more."
    )
    assert forms_asked_for(waiting, monkeypatch) == []
    (tmp_path / "questions.jsonl").write_text(
        '{"question": "What?", "answer": "That.", "split": "test"}\n'
        '{"question": "Who?", "answer": "They.", "split": "train"}\n'
    )
    status, lines = domain_status(waiting.config, tmp_path / "ratchet.yaml")
    assert status["waiting"][0]["canary"]["pairs"] == 2
    waits = "version 2 waits for approval, with 2 of 6 pairs of users' thumbs: `ratchet approve 2`, with --reject"
    assert f"{waits} to reject it" in lines

    give_thumbs(server, 5, champion="up", challenger="down")
    # A changed mind does not change a pair, nor does a second thumb on one's question.
    assert server.post({**few[0], "thumb": "down"}, "/feedback").status_code == 200
    assert refusal(waiting).startswith(
        "Version 2 cannot be approved yet. To users the challenger is worse than the champion: -0.7143 in the share of "
        "thumbs up (95 % interval -1.0000 to -0.4286; 0 wins, 2 ties, 5 losses in 7 pairs, 0 of them on one question)"
    )

    give_thumbs(server, 8, champion="down", challenger="up")
    compared = server.http.get(f"{server.url}/canary").json()
    assert forms_asked_for(waiting, monkeypatch) == ["suspended-approval-2"]
    champion_commands.approve(waiting.config, None, approved=True, by="ann", reason="")

    folder = waiting.home.round("demo", 1)
    decision = read_last(folder, "promote", PromotionDecision)
    assert decision is not None and decision.promoted
    assert aliases(waiting.config, waiting.home) == {"champion": 2, "previous": 1}
    found = decision.evidence.canary
    assert found is not None and found.held
    assert (found.pairs, found.needed, found.margin, found.level) == (15, PAIRS, 0.5, 0.05)
    assert (found.champion.up, found.champion.down, found.challenger.up, found.challenger.down) == (7, 8, 10, 5)
    shown = {name: value for name, value in compared.items() if name != "share"}
    assert shown.items() <= found.model_dump(mode="json").items()

    sentence = "To users the challenger is proven to lose less than 0.5: +0.2000 in the share of thumbs up"
    assert sentence in registry.read_entry(waiting.config, waiting.home, 2).description
    assert sentence in (folder / "report" / "report.html").read_text()
    checks = json.loads((folder / "report" / "report.json").read_text())["decision"]["certificate"]["checks"]
    assert checks[-1]["name"] == "not_worse_to_users" and checks[-1]["passed"]
    explained, lines = explain_version(waiting.config, 2)
    assert explained["replay"]["same"] and "canary" in explained["replay"]["kept"]
    assert any(line.startswith(f"  ok   {sentence}") for line in lines)
