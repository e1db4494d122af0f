"""What passed every check and waits for a person: approved or rejected once, carried out whatever is killed."""

import getpass
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from integration.registry.decided_world import NO_BETTER, Deciding
from integration.registry.registry_state import Killer, aliases, tags_of

from flows import champion as champion_commands
from flows.inspection import due_round
from tasks.errors import HomeError, RatchetError
from tasks.home import lock
from tasks.records import PromotionDecision
from tasks.registry import mlflow_registry as registry
from tasks.registry.approval import finish, settle, waiting_decisions
from tasks.rounds import read_decisions, read_last


@pytest.fixture
def waiting(deciding: Deciding) -> Deciding:
    """A first round whose challenger, version 2, waits for approval."""
    asking = deciding.with_approval()
    decision = asking.round(1)
    assert decision.waits and not decision.promoted
    return asking


def say(world: Deciding, number: int | None = 2, *, approved: bool = True, by: str = "ann") -> PromotionDecision:
    return settle(world.config, world.home, number, approved=approved, by=by, reason="read it", through="command")


def recorded(world: Deciding, number: int = 1) -> PromotionDecision:
    decision = read_last(world.home.round("demo", number), "promote", PromotionDecision)
    assert decision is not None
    return decision


def card(world: Deciding, version: int = 2) -> str:
    return registry.read_entry(world.config, world.home, version).description


def refusal(world: Deciding, *arguments: Any, **options: Any) -> str:
    with pytest.raises(RatchetError) as caught:
        say(world, *arguments, **options)
    (problem,) = caught.value.problems
    return problem


def test_what_waits_is_registered_and_described_and_the_champion_stays(waiting: Deciding):
    assert aliases(waiting.config, waiting.home) == {"champion": 1, "challenger": 2}
    assert [each.challenger.version for each in waiting_decisions(waiting.home, "demo")] == [2]
    assert "Waiting for approval: version 1 is the champion until a person approves." in card(waiting)


def test_an_approval_promotes_and_is_in_record_card_tags_and_report(waiting: Deciding):
    decision = say(waiting)
    assert decision == recorded(waiting)
    assert decision.promoted and decision.champion.version == 2 and not decision.waits
    assert decision.approval is not None
    assert (decision.approval.by, decision.approval.reason, decision.approval.carried_out) == ("ann", "read it", True)
    assert aliases(waiting.config, waiting.home) == {"champion": 2, "previous": 1}
    assert tags_of(waiting.config, waiting.home, 2)["ratchet.approval"].endswith(" approved by ann: read it")
    assert "Approved by ann with `ratchet approve` on " in card(waiting)
    report = json.loads((waiting.home.round("demo", 1) / "report" / "report.json").read_text())
    assert report["decision"]["approval"]["by"] == "ann"


def test_the_commands_say_what_came_of_it_and_record_whose_process_it_was(waiting: Deciding):
    result, lines = champion_commands.approve(waiting.config, None, approved=True, by=None, reason="")
    name = getpass.getuser()
    assert lines == [f"Promoted: version 2 is the champion, in place of version 1, approved by {name}"]
    assert result["approval"]["by"] == name and result["promoted"]
    result, lines = champion_commands.roll_back(waiting.config, reason="too wordy")
    assert lines == ["Version 1 of demo is the champion again; version 2 no longer is."]
    rolled_back = registry.read_entry(waiting.config, waiting.home, 2).rolled_back
    assert rolled_back is not None and rolled_back.endswith(f" to 1 by {name}: too wordy")
    _, lines = champion_commands.roll_back(waiting.config, to=1)
    assert lines == ["Version 1 of demo is the champion already."]


def test_a_rejection_leaves_the_champion_and_is_recorded(waiting: Deciding):
    decision = say(waiting, approved=False)
    assert not decision.promoted and not decision.waits and decision == recorded(waiting)
    assert aliases(waiting.config, waiting.home) == {"champion": 1}
    assert registry.read_entry(waiting.config, waiting.home, 2).rejected
    assert "Rejected by ann with `ratchet approve` on " in card(waiting)


def test_without_a_number_the_one_that_waits_is_meant(waiting: Deciding):
    assert refusal(waiting, 9) == (
        f"No round in {waiting.home.root} has decided about version 9 of 'demo': `ratchet history` lists the versions, "
        "`ratchet status` what waits for approval."
    )
    assert say(waiting, None).challenger.version == 2
    assert refusal(waiting, None) == "No version of 'demo' waits for approval: `ratchet history` lists the versions."


@pytest.mark.parametrize("approved", [True, False])
def test_what_was_said_first_holds_and_who_comes_second_is_told(waiting: Deciding, approved: bool):
    said = say(waiting, approved=approved)
    verb = "Approved" if approved else "Rejected"
    for problem in (refusal(waiting, approved=second, by="bob") for second in (True, False)):
        assert problem.startswith(f"Version 2 of 'demo' does not wait for approval: {verb} by ann with `ratchet app")
        assert "; that is final: " in problem
    assert recorded(waiting) == said


def test_of_two_at_the_same_time_one_wins_and_the_other_is_told(waiting: Deciding):
    said: list[PromotionDecision] = []
    told: list[RatchetError] = []
    start = threading.Barrier(2)

    def one(by: str, approved: bool) -> None:
        start.wait()
        try:
            said.append(say(waiting, approved=approved, by=by))
        except RatchetError as error:
            told.append(error)

    both = [threading.Thread(target=one, args=(by, by == "ann")) for by in ("ann", "bob")]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(said) == len(told) == 1
    assert recorded(waiting) == said[0]
    assert aliases(waiting.config, waiting.home)["champion"] == (2 if said[0].promoted else 1)


def test_a_form_waits_for_a_round_to_end_and_a_command_is_told_of_it(waiting: Deciding):
    done = threading.Event()

    def fill_in() -> None:
        settle(waiting.config, waiting.home, 2, approved=True, by="ann", through="form")
        done.set()

    thread = threading.Thread(target=fill_in)
    with lock(waiting.home, "a round of demo"):
        thread.start()
        with pytest.raises(HomeError, match=r"is in use by process \d+ \(a round of demo\)"):
            say(waiting, by="bob")
        assert not done.is_set()
    thread.join()
    assert recorded(waiting).approval is not None and waiting.champion() == 2


def test_what_failed_its_certificate_cannot_be_approved(deciding: Deciding):
    asking = deciding.with_approval()
    assert not asking.round(1, NO_BETTER).waits
    assert refusal(asking) == (
        "Version 2 of 'demo' does not wait for approval: its certificate failed (better_than_champion), which nobody "
        "can overrule; `ratchet why 2` says more."
    )
    assert asking.champion() == 1


def test_what_was_promoted_without_asking_needs_no_approval(deciding: Deciding):
    deciding.round(1)
    assert refusal(deciding) == (
        "Version 2 of 'demo' does not wait for approval: it was promoted without one; `ratchet why 2` says more."
    )


def test_a_name_or_reason_that_cannot_be_recorded_is_refused(waiting: Deciding):
    for by, reason in ((" ", ""), ("x" * 201, ""), ("ann", "x" * 2001)):
        with pytest.raises(RatchetError, match="is not accepted"):
            settle(waiting.config, waiting.home, 2, approved=True, by=by, reason=reason, through="command")
    assert recorded(waiting).waits


def test_other_rounds_run_meanwhile_and_the_first_to_be_approved_makes_the_others_void(waiting: Deciding):
    waiting.round(2)
    assert refusal(waiting, None) == "Several versions of 'demo' wait for approval (2, 3): name one of them."
    say(waiting, 3)
    assert waiting.champion() == 3
    assert refusal(waiting, 2) == (
        "Version 2 cannot be approved any more. The challenger was compared with version 1, but the champion is now "
        "version 3: run the next round to compare with that one."
    )
    assert refusal(waiting, None) == (
        "No version of 'demo' waits for approval; 1 waited until the champion moved: `ratchet history` lists the "
        "versions."
    )
    assert waiting.champion() == 3 and recorded(waiting).waits


def test_a_rejected_or_waiting_round_leaves_the_next_ones_level_as_any_other(waiting: Deciding):
    say(waiting, approved=False)
    second = waiting.round(2)
    assert second.evidence.superiority.earlier == (True,)


@pytest.mark.parametrize("approved", [True, False])
def test_a_kill_between_any_two_writes_to_the_registry_is_made_good_by_the_next_command(
    waiting: Deciding, monkeypatch: pytest.MonkeyPatch, approved: bool
):
    killer = Killer(monkeypatch)
    killer.left, kills = 0, 0
    while True:
        try:
            if kills == 0:
                say(waiting, approved=approved)
            else:
                finish(waiting.config, waiting.home)
        except KeyboardInterrupt:
            kills += 1
            killer.left = kills
            assert recorded(waiting).approval is not None
        else:
            break
    decision = recorded(waiting)
    assert decision.approval is not None and decision.approval.carried_out
    assert decision.promoted is approved
    wanted = {"champion": 2, "previous": 1} if approved else {"champion": 1}
    assert aliases(waiting.config, waiting.home) == wanted
    assert kills >= (4 if approved else 2)
    killer.left = None
    assert "does not wait for approval" in refusal(waiting, by="bob")


def test_ratchet_round_carries_out_what_a_kill_interrupted_whether_or_not_a_round_is_due(
    waiting: Deciding, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    killer = Killer(monkeypatch)
    killer.left = 0
    with pytest.raises(KeyboardInterrupt):
        say(waiting)
    killer.left = None
    assert waiting.champion() == 1
    question = {"question": "What?", "answer": "That.", "split": "test"}
    (tmp_path / "questions.jsonl").write_text(json.dumps(question))
    (tmp_path / "ratchet.yaml").write_text("name: demo\nquestions: questions.jsonl\n")
    assert not due_round(tmp_path / "ratchet.yaml", 1)[0]
    assert waiting.champion() == 2 and recorded(waiting).promoted


def test_a_kill_before_anything_is_written_leaves_it_waiting(waiting: Deciding, monkeypatch: pytest.MonkeyPatch):
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tasks.registry.approval.revise_stage", killed)
        say(waiting)
    assert recorded(waiting).waits and waiting.champion() == 1
    assert say(waiting).promoted


def test_an_approval_that_a_kill_interrupted_is_not_carried_out_once_another_is_champion(
    waiting: Deciding, monkeypatch: pytest.MonkeyPatch
):
    waiting.round(2)
    killer = Killer(monkeypatch)
    killer.left = 0
    with pytest.raises(KeyboardInterrupt):
        say(waiting, 2)
    killer.left = None
    third = read_decisions(waiting.home, "demo")[1].challenger
    registry.promote(waiting.config, waiting.home, third)  # by hand, in MLflow
    finish(waiting.config, waiting.home)
    decision = recorded(waiting)
    assert not decision.promoted and decision.approval is not None and decision.approval.carried_out
    assert waiting.champion() == 3


def test_a_version_that_was_rolled_back_is_not_promoted_again_by_its_round(deciding: Deciding):
    report = deciding.evaluate(1, 0.3)
    assert deciding.promote(report).promoted  # and killed before the decision was written down
    registry.rollback(deciding.config, deciding.home, by="ann", reason="too wordy")
    again = deciding.promote(report)
    assert not again.promoted and deciding.champion() == 1
    (failed,) = [check for check in again.certificate.checks if not check.passed]
    assert failed.name == "not_taken_back"
    assert failed.sentence.startswith("Version 2 was rolled back (20")
    assert failed.sentence.endswith(" to 1 by ann: too wordy): it is not promoted again; run the next round.")
    registry.rollback(deciding.config, deciding.home, to=2)
    assert deciding.promote(report).promoted


def test_a_version_that_was_rejected_is_not_promoted_by_its_round_either(waiting: Deciding, deciding: Deciding):
    say(waiting, approved=False)
    report = waiting.evaluate(1, 0.3)
    again = Deciding(deciding.config, deciding.home, deciding.base, deciding.train).promote(report)
    assert [check.name for check in again.certificate.checks if not check.passed] == ["not_taken_back"]
    assert deciding.champion() == 1
