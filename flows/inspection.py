"""What the command line shows of a domain: each function returns a JSON object and the same as lines of text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.lineage import feedback_behind_version
from flows.people import end_users_so_far, labels_so_far
from flows.printing import align
from flows.production import last_look_in_short
from tasks.config import Config, load_config
from tasks.domain.doctor import Examination, examine
from tasks.domain.questions import read_questions
from tasks.errors import ConfigError, RatchetError
from tasks.evaluation.report_text import format_interval
from tasks.evaluation.report_win_rates import win_rate_lines
from tasks.evaluation.round_win_rates import read_win_rates
from tasks.feedback import log
from tasks.gate.outcome import describe_approval, describe_outcome
from tasks.home import Home, find_home, lock
from tasks.planning import plan_round
from tasks.records import Adapter, ArmReport, FeedbackBatch, PromotionDecision, Snapshot
from tasks.rounds import Round, finished_stages, read_decisions, read_last, read_rounds

Shown = tuple[dict[str, Any], list[str]]


def examine_domain(config_path: Path) -> tuple[Examination, list[str]]:
    """The doctor's findings, with lengths counted by the model's own tokenizer.

    Raises:
        RatchetError: when the config, or the model it names, cannot be used.
    """
    from tasks.models.base_model import resolve_base
    from tasks.models.loading import load_tokenizer

    config = load_config(config_path)
    tokenizer = load_tokenizer(resolve_base(config.model, find_home()))
    found = examine(config, lambda text: len(tokenizer(text)["input_ids"]))
    counts = [
        ["questions", str(found.questions)],
        ["  train", str(found.train_questions)],
        ["  test, with an answer", str(found.test_questions)],
        ["  without an answer", str(found.answers_missing)],
        ["  synthetic, train", str(found.synthetic_train_questions)],
        ["  synthetic, test", str(found.synthetic_test_questions)],
        ["families", str(found.families)],
        ["  in both splits", str(found.shared_families)],
        ["documents", str(found.documents)],
        ["  skipped", str(found.documents_skipped)],
    ]
    lines = [f"Domain {config.name}", *align(counts), ""]
    for finding in found.findings:
        lines.append(f"{finding.severity}: {finding.sentence}")
        if finding.examples:
            lines.append(f"  for example {', '.join(finding.examples)}")
    lines.append("A round can run." if found.passed else "No round can run until the errors are mended.")
    return found, lines


def due_round(config_path: Path, rounds: int | None, wait_for_labels: int = 0) -> tuple[bool, str]:
    """Whether a round is due, and why or why not; people's new labels are fetched when all else is as it was.

    An approval that a kill interrupted is carried out first.

    Raises:
        RatchetError: when a new round is due and could not even begin, or Argilla cannot be asked for labels.
    """
    config, home = load_config(config_path), find_home()
    if wait_for_labels and config.human_feedback.argilla is None:
        raise ConfigError("human_feedback.argilla is null, so there are no labels to wait for: set it, or do not wait.")
    if any(each.approval and not each.approval.carried_out for each in read_decisions(home, config.name)):
        from tasks.registry.approval import finish

        with lock(home, f"carrying out an approval in {config.name}"):
            finish(config, home)
    plan = plan_round(config, home, rounds)
    if not plan.due and rounds is None and config.human_feedback.argilla is not None:
        from tasks.feedback.pulling import pull_labels

        if pull_labels(config, home).new:
            plan = plan_round(config, home, rounds)
    if plan.due and plan.unfinished is None:
        read_questions(config.question_files, config.test_share)
    return plan.due, plan.why


def round_summary(config_path: Path) -> Shown:
    """What the domain's last round reached: its records, or its table of arms and its decision."""
    config, home = load_config(config_path), find_home()
    opened = _last_round(home, config)
    if opened is None:
        raise RatchetError(f"{config.name} has had no round yet: run `ratchet round {config_path}`.")
    folder = home.round(config.name, opened.number)
    report, decision = read_last(folder, "evaluate", ArmReport), read_last(folder, "promote", PromotionDecision)
    stages = finished_stages(home, opened)
    result: dict[str, Any] = {"domain": config.name, "round": opened.number, "stages": stages}
    lines = [f"Round {opened.number} of {config.name}: {', '.join(stages) or 'nothing'} done"]
    if (batch := read_last(folder, "collect", FeedbackBatch)) is not None:
        result["feedback"] = batch.preferences
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in batch.preferences.items())
        lines.append(f"  feedback: {batch.candidates.rows} candidates to {batch.questions} questions: {outcomes}")
    if (snapshot := read_last(folder, "curate", Snapshot)) is not None:
        result["snapshot"] = snapshot.model_dump(mode="json")
        lines.append(
            f"  snapshot {snapshot.sha256[:12]}: {snapshot.demonstrations.rows} demonstrations, "
            f"{snapshot.preference_pairs.rows} preference pairs, {snapshot.rated_answers.rows} rated answers"
        )
    if report is not None:
        path = folder / "report" / "report.html"
        result |= {"report": str(path), "arms": {arm: r.model_dump(mode="json") for arm, r in report.arms.items()}}
        found = read_win_rates(folder)
        result["win_rates"] = found.model_dump(mode="json")["rates"] if found else None
        rates = win_rate_lines(found, report.head_to_head)
        lines += ["", *_arms_table(report), "", *rates, *([""] if rates else []), f"report: {path}"]
    if decision is not None:
        result["decision"] = decision.model_dump(mode="json")
        lines += ["", *_decision_lines(decision), "", *_next_commands(config_path, decision)]
    return result, lines


def domain_status(config: Config, config_path: Path) -> Shown:
    """The rounds so far, the feedback so far, and whether a round is due."""
    home = find_home()
    rows, rounds = [["round", "stages done", "champion at start", "outcome"]], []
    decisions = {decision.round: decision for decision in read_decisions(home, config.name)}
    for opened, end in read_rounds(home, config.name):
        stages = finished_stages(home, opened)
        decision = decisions.get(opened.number)
        outcome = describe_outcome(decision) if decision else "unfinished"
        rows.append([str(opened.number), f"{len(stages)} of 5", f"version {opened.champion.version}", outcome])
        rounds.append({"round": opened.number, "stages": stages, "finished": end is not None, "outcome": outcome})
    plan = plan_round(config, home, None)
    feedback = log.count(home, config.name)
    next_step = f"`ratchet round {config_path}` would run round {plan.number}" if plan.due else "nothing to do"
    labels, table = labels_so_far(config, home)
    users, thumbs = end_users_so_far(config, home)
    waiting, waiting_lines = _what_waits(config, home, [each for each in decisions.values() if each.waits])
    looked, look_line = last_look_in_short(home, config.name)
    lines = [f"Domain {config.name}, {feedback} judgements", *align(rows), *table, *thumbs, *look_line, *waiting_lines]
    result = {"domain": config.name, "feedback": feedback, "rounds": rounds, "waiting": waiting}
    result |= {"due": plan.due, "why": plan.why, **labels, **users, **looked}
    return result, [*lines, f"{next_step}: {plan.why}"]


def _what_waits(
    config: Config, home: Home, waiting: Sequence[PromotionDecision]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The decisions that wait for a person, and those that waited until they were void."""
    if not waiting:
        return [], []
    from tasks.gate.canary import describe_pairs
    from tasks.registry.approval import check_champion
    from tasks.registry.canary import read_canary

    found, lines = [], []
    for decision in waiting:
        check, number = check_champion(config, home, decision), decision.challenger.version
        met = read_canary(config, home, decision) if check.passed else None
        told = {"version": number, "round": decision.round, "void": not check.passed, "why": check.sentence}
        found.append({**told, "canary": met.model_dump(mode="json") if met else None})
        if check.passed:
            users = f", with {describe_pairs(met)}" if met else ""
            how = f"`ratchet approve {number}`, with --reject to reject it"
            lines.append(f"version {number} waits for approval{users}: {how}")
        else:
            lines.append(f"version {number} waited for approval, which is void. {check.sentence}")
    return found, lines


def version_history(config: Config) -> Shown:
    """The registered versions, oldest first."""
    from tasks.registry.mlflow_registry import list_versions

    entries = list_versions(config, find_home())
    rows = [["version", "aliases", "round", "registered", "took over from", "approval", "rolled back"]]
    for entry in entries:
        adapter = entry.version.adapter
        rows.append(
            [
                str(entry.version.version),
                ", ".join(entry.aliases) or "-",
                str(adapter.round) if adapter else "base model",
                entry.registered_at.strftime("%Y-%m-%d %H:%M"),
                f"version {entry.previous_champion}" if entry.previous_champion else "-",
                entry.approval or "-",
                entry.rolled_back or "-",
            ]
        )
    lines = align(rows) if entries else [f"{config.name} has no versions yet: run a round."]
    return {"domain": config.name, "versions": [entry.model_dump(mode="json") for entry in entries]}, lines


def explain_version(config: Config, number: int) -> Shown:
    """The decision about a version, and the same made again; what it was trained on, and the feedback behind it.

    Raises:
        RatchetError: when there is no such version, or its round's records are not in this home.
    """
    from tasks.registry.mlflow_registry import read_version
    from tasks.registry.replaying import describe_replay, replay_decision

    home = find_home()
    version = read_version(config, home, number)
    if version.adapter is None:
        sentence = f"Version {number} is the base model {version.base.id}: the first champion, compared with none."
        nothing = {"decision": None, "replay": None, "feedback": None}
        return {"version": version.model_dump(mode="json"), **nothing}, [sentence]
    decision = read_last(home.round(config.name, version.adapter.round), "promote", PromotionDecision)
    if decision is None or decision.challenger.version != number:
        raise RatchetError(
            f"The records of round {version.adapter.round}, which trained version {number}, are not in {home.root}: "
            "read the model card in MLflow, or set RATCHET_HOME to the home that ran the round."
        )
    adapter, replayed = version.adapter, replay_decision(config, home, decision)
    lines = [
        *_decision_lines(decision),
        *describe_replay(replayed),
        "",
        f"Trained in round {adapter.round} on snapshot {adapter.snapshot_sha256[:12]}: {adapter.demonstrations} "
        f"demonstrations, {_preferences(adapter)}; reference {adapter.dpo_reference[:20]}",
        *_contexts(adapter),
        f"MLflow run {adapter.mlflow_run_id}",
    ]
    behind, behind_lines = feedback_behind_version(config, home, version)
    result = {"version": version.model_dump(mode="json"), "decision": decision.model_dump(mode="json")}
    replay = {**replayed.model_dump(mode="json"), "same": replayed.same}
    return {**result, "replay": replay, "feedback": behind}, [*lines, "", *behind_lines]


def _contexts(adapter: Adapter) -> list[str]:
    contexts = adapter.contexts
    return [f"Rows {contexts.describe()}; index {contexts.index_sha256[:12]}"] if contexts else []


def _preferences(adapter: Adapter) -> str:
    if adapter.rated_answers:
        return f"{adapter.rated_answers} single answers (KTO)"
    return f"{adapter.preference_pairs} preference pairs"


def _last_round(home: Home, config: Config) -> Round | None:
    rounds = [opened for opened, _ in read_rounds(home, config.name)]
    return rounds[-1] if rounds else None


def _arms_table(report: ArmReport) -> list[str]:
    metrics = list(next(iter(report.arms.values())).metrics)
    rows: list[Sequence[str]] = [["arm", *metrics, "s/answer p50"]]
    for arm, result in report.arms.items():
        means = [format_interval(summary.mean, summary.ci95) for summary in result.metrics.values()]
        rows.append([arm, *means, f"{result.latency_s.p50:.2f}"])
    return [f"{report.questions} unseen test questions, means with 95 % intervals", *align(rows)]


def _decision_lines(decision: PromotionDecision) -> list[str]:
    marks = [f"  {'ok  ' if check.passed else 'FAIL'} {check.sentence}" for check in decision.certificate.checks]
    said = [f"  {describe_approval(decision.approval)}"] if decision.approval else []
    outcome = describe_outcome(decision)
    return [f"{outcome[0].upper()}{outcome[1:]}", *marks, *said]


def _next_commands(config_path: Path, decision: PromotionDecision) -> list[str]:
    approve = [f"  ratchet approve {decision.challenger.version} --config {config_path}"] if decision.waits else []
    return [
        "Try next:",
        *approve,
        f'  ratchet ask --config {config_path} "…"',
        f"  ratchet why {decision.challenger.version} --config {config_path}",
        f"  ratchet round {config_path} --rounds {decision.round + 1}",
    ]
