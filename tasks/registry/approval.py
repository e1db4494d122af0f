"""What a person says of a challenger that passed every check, where `promote.approval` is `approve`.

The round is over by then: its decision waits, the challenger keeps its alias, labels come in and other rounds run.
A decision that waits is void as soon as another version is the champion, for it was compared with the one before.

    settle          writes what was said into the round's record, an approval only when users' thumbs allow it where
                    `promote.canary_pairs` asks for them: from here on it holds, and nobody else can say more
    carry_out       moves the champion, or takes the alias `challenger` off what was rejected; tags the version, writes
                    model card and report, marks the record
    finish          carries out what a kill between the two left undone; every command that changes the champion begins
                    with it
"""

from datetime import UTC, datetime
from typing import Literal

from pydantic import ValidationError

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.evaluation.round_report import renew_report
from tasks.gate.identity import same_champion
from tasks.gate.outcome import describe_approval
from tasks.home import Home, lock
from tasks.progress import say
from tasks.records import Approval, ArmReport, Check, PromotionDecision
from tasks.registry import mlflow_registry as registry
from tasks.registry import version_tags
from tasks.registry.canary import ask_users, objections
from tasks.registry.promotion import write_model_card
from tasks.rounds import read_decisions, read_last, read_rounds, revise_stage


def settle(
    config: Config,
    home: Home,
    number: int | None,
    *,
    approved: bool,
    by: str,
    reason: str = "",
    through: Literal["command", "form"],
) -> PromotionDecision:
    """Approves or rejects what waits, and carries it out; of two at the same time one does, and the other is told.

    Args:
        number: the version; None: the one that waits.
        by: who says so.
        through: where. A form waits for a round that is running, so that what was filled in is not lost.

    Raises:
        HomeError: when a round is running, and this is a command.
        RatchetError: when nothing, or no one thing, waits; when the version's certificate failed, somebody was
            quicker, another version is the champion by now, or users' thumbs are too few or too bad. What waits
            goes on waiting then.
    """
    with lock(home, f"an approval in {config.name}", wait=through == "form"):
        finish(config, home)
        decision = find_waiting(config, home, number)
        if approved:
            _refuse_when_void(config, home, decision)
            decision = _met_by_users(config, home, decision)
        approval = _approval(approved, by, reason, through)
        said = decision.model_copy(update={"approval": approval})
        revise_stage(home.round(config.name, decision.round), "promote", said)
        return carry_out(config, home, said)


def finish(config: Config, home: Home) -> None:
    """Carries out every approval and rejection that was written down and not carried out; needs the home's lock."""
    for decision in read_decisions(home, config.name):
        if decision.approval is not None and not decision.approval.carried_out:
            say(f"carrying out what {decision.approval.by} said of version {decision.challenger.version}")
            carry_out(config, home, decision)


def carry_out(config: Config, home: Home, decision: PromotionDecision) -> PromotionDecision:
    """The decision after what a person said of it was done; doing it again changes nothing."""
    approval = decision.approval
    assert approval is not None
    check = check_champion(config, home, decision)
    if approval.approved and check.passed:
        registry.promote(config, home, decision.challenger)
        decision = decision.model_copy(update={"promoted": True, "champion": decision.challenger})
    if not approval.approved:
        registry.unset_challenger(config, home, decision.challenger)
    done = decision.model_copy(update={"approval": approval.model_copy(update={"carried_out": True})})
    registry.note_approval(config, home, decision.challenger, version_tags.describe_approval(approval))
    folder = home.round(config.name, decision.round)
    report = read_last(folder, "evaluate", ArmReport)
    opened = next(each for each, _ in read_rounds(home, config.name) if each.number == decision.round)
    if report is not None:
        write_model_card(config, home, report, done)
        renew_report(config, home, opened, report, done)
    # Last: until then, all of this is done again.
    revise_stage(folder, "promote", done)
    return done


def check_champion(config: Config, home: Home, decision: PromotionDecision) -> Check:
    """Whether the champion is still the one that the challenger was compared with; if not, the decision is void."""
    champion = registry.read_alias(config, home, registry.CHAMPION_ALIAS)
    evidence = decision.evidence
    return same_champion(evidence.compared_with, champion.version if champion else None, evidence.challenger)


def waiting_decisions(home: Home, domain: str) -> list[PromotionDecision]:
    """The decisions that wait for a person, oldest first; some may be void by now (`check_champion`)."""
    return [decision for decision in read_decisions(home, domain) if decision.waits]


def find_waiting(config: Config, home: Home, number: int | None) -> PromotionDecision:
    """The decision about the version, which must wait for a person; without a number, the one that can be approved.

    Raises:
        RatchetError: when it does not wait, with the reason, or when not exactly one does.
    """
    if number is None:
        return _only_one(config, home)
    decision = read_decision(config, home, number)
    if not decision.waits:
        raise RatchetError(f"Version {number} of {config.name!r} does not wait for approval: {_why_not(decision)}")
    return decision


def read_decision(config: Config, home: Home, number: int) -> PromotionDecision:
    """What the gate decided about the version.

    Raises:
        RatchetError: when no round in this home has decided about it.
    """
    decisions = read_decisions(home, config.name)
    decision = next((each for each in decisions if each.challenger.version == number), None)
    if decision is None:
        raise RatchetError(
            f"No round in {home.root} has decided about version {number} of {config.name!r}: `ratchet history` lists "
            "the versions, `ratchet status` what waits for approval."
        )
    return decision


def _only_one(config: Config, home: Home) -> PromotionDecision:
    waiting = waiting_decisions(home, config.name)
    valid = [decision for decision in waiting if check_champion(config, home, decision).passed]
    if len(valid) == 1:
        return valid[0]
    if valid:
        numbers = ", ".join(str(decision.challenger.version) for decision in valid)
        raise RatchetError(f"Several versions of {config.name!r} wait for approval ({numbers}): name one of them.")
    void = f"; {len(waiting)} waited until the champion moved" if waiting else ""
    raise RatchetError(f"No version of {config.name!r} waits for approval{void}: `ratchet history` lists the versions.")


def _why_not(decision: PromotionDecision) -> str:
    number = decision.challenger.version
    failed = ", ".join(check.name for check in decision.certificate.checks if not check.passed)
    if failed:
        return f"its certificate failed ({failed}), which nobody can overrule; `ratchet why {number}` says more."
    if decision.approval is None:
        return f"it was promoted without one; `ratchet why {number}` says more."
    again = f"`ratchet rollback --to {number}` makes it champion again" if decision.promoted else "run the next round"
    return f"{describe_approval(decision.approval)[:-1]}; that is final: {again}."


def _refuse_when_void(config: Config, home: Home, decision: PromotionDecision) -> None:
    check = check_champion(config, home, decision)
    if not check.passed:
        raise RatchetError(f"Version {decision.challenger.version} cannot be approved any more. {check.sentence}")


def _met_by_users(config: Config, home: Home, decision: PromotionDecision) -> PromotionDecision:
    """The decision with users' thumbs in it where they are needed."""
    met = ask_users(config, home, decision)
    if not met.certificate.passed:
        raise RatchetError(f"Version {decision.challenger.version} cannot be approved yet. {objections(met)}")
    return met


def _approval(approved: bool, by: str, reason: str, through: Literal["command", "form"]) -> Approval:
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        return Approval(approved=approved, by=by, at=now, reason=reason, through=through)
    except ValidationError as error:
        field, message = error.errors()[0]["loc"][0], error.errors()[0]["msg"]
        raise RatchetError(
            f"{field} is not accepted ({message.lower()}): give a name, and at most 2000 characters."
        ) from error
