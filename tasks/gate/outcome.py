"""What became of a challenger, in words. Pure."""

from tasks.records import Approval, PromotionDecision


def describe_outcome(decision: PromotionDecision) -> str:
    """Half a sentence: promoted, waiting for a person, rejected by one, or not promoted."""
    challenger, before, now = decision.challenger.version, decision.champion_before.version, decision.champion.version
    approval = decision.approval
    if decision.promoted:
        by = f", approved by {approval.by}" if approval else ""
        return f"promoted: version {challenger} is the champion, in place of version {before}{by}"
    if decision.waits:
        return (
            f"waiting for approval: version {challenger} passed every check; version {now} is the champion until then"
        )
    said = ""
    if approval is not None:
        said = f", approved by {approval.by} too late" if approval.approved else f", rejected by {approval.by}"
        if approval.approved and not approval.carried_out:
            said = f", approved by {approval.by}, which the next command carries out"
    return f"not promoted: version {now} stays the champion; the challenger is version {challenger}{said}"


def title_outcome(decision: PromotionDecision) -> str:
    """The same in a word or two, for a title."""
    if decision.waits:
        return "Waiting for approval"
    return "Promoted" if decision.promoted else "Not promoted"


def list_checks(decision: PromotionDecision) -> list[str]:
    """The certificate as a list in Markdown, a line for each check."""
    return [
        f"- **{check.name}** {'passed' if check.passed else 'FAILED'}: {check.sentence}"
        for check in decision.certificate.checks
    ]


def describe_request(decision: PromotionDecision) -> str:
    """What a person has to know who approves or rejects, in Markdown: the effect, its interval, and the checks."""
    found, challenger, champion = decision.evidence.comparison, decision.challenger, decision.champion_before
    low, high = found.ci95
    return "\n".join(
        [
            f"# Shall version {challenger.version} of {challenger.name} become the champion?",
            "",
            f"{found.metric} {found.difference:+.4f} against version {champion.version}, the champion (95 % interval "
            f"{low:+.4f} to {high:+.4f}; {found.wins} wins, {found.ties} ties, {found.losses} losses on "
            f"{decision.evidence.questions} test questions). It passed every check:",
            "",
            *list_checks(decision),
            "",
            "What is said here is final. The model card and the report of round "
            f"{decision.round} say more, and so does `ratchet why {challenger.version}`.",
        ]
    )


def describe_approval(approval: Approval) -> str:
    """A sentence: who approved or rejected it, when, how and why."""
    verb = "Approved" if approval.approved else "Rejected"
    how = "in Prefect's form" if approval.through == "form" else "with `ratchet approve`"
    why = f": {' '.join(approval.reason.split())}" if approval.reason.strip() else ", without a reason"
    return f"{verb} by {approval.by} {how} on {approval.at:%Y-%m-%d at %H:%M} UTC{why}."
