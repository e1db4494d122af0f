"""The model card of a version, in Markdown: what it is, what it was trained and tested on, and its limits. Pure."""

from tasks.config import Config
from tasks.gate.outcome import describe_approval
from tasks.records import (
    Adapter,
    ArmReport,
    BaseModelRef,
    MetricSummary,
    ModelVersion,
    PairedDifference,
    PromotionDecision,
    Snapshot,
)
from tasks.registry.connection import without_password

PARENTS_SHOWN = 5


def model_card(
    version: ModelVersion,
    config: Config,
    *,
    tracking_uri: str,
    base_licence: str | None = None,
    data_licence: str | None = None,
    snapshot: Snapshot | None = None,
    report: ArmReport | None = None,
    decision: PromotionDecision | None = None,
) -> str:
    """The card, with a section for each thing that is known.

    Args:
        tracking_uri: as a consumer sets it; a password in it is left out.
        base_licence: the base model's licence, when somebody looked it up.
        data_licence: that of the domain's documents and questions, when somebody stated it.
        snapshot: the dataset the adapter was trained on.
        report: the evaluation of this version as the challenger.
        decision: what the gate decided on that report.
    """
    sections = [
        f"# {version.name}, version {version.version}\n\n{_summary(version, config)}",
        _base(version.base, base_licence),
    ]
    if version.adapter is not None:
        if snapshot is not None:
            sections.append(_data(snapshot, data_licence))
        sections.append(_training(version.adapter, config, report))
    if report is not None:
        sections.append(_evaluation(report))
    if decision is not None:
        sections.append(_decision(decision))
    sections += [_usage(version, tracking_uri), _limits(config, report)]
    return "\n\n".join(sections) + "\n"


def _summary(version: ModelVersion, config: Config) -> str:
    if version.adapter is None:
        return f"The base model as it is: the first champion of the domain `{config.name}`."
    return (
        f"A LoRA adapter that answers questions about the domain `{config.name}`, trained in round "
        f"{version.adapter.round}. Weights: sha256 `{version.adapter.sha256}`."
    )


def _base(base: BaseModelRef, licence: str | None) -> str:
    known = licence or "not recorded; see the base model's own card"
    return f"## Base model\n\n`{base.id}`, sha256 `{base.sha256}`. Licence: {known}."


def _data(snapshot: Snapshot, licence: str | None) -> str:
    shown = ", ".join(f"`{parent[:12]}`" for parent in snapshot.parents[:PARENTS_SHOWN])
    more = len(snapshot.parents) - PARENTS_SHOWN
    dropped = ", ".join(f"{count} {reason}" for reason, count in snapshot.dropped.items() if count)
    return "\n".join(
        [
            "## Training data",
            "",
            f"Snapshot `{snapshot.sha256}`:",
            "",
            f"- {snapshot.demonstrations.rows} demonstrations, {snapshot.preference_pairs.rows} preference pairs, "
            f"{snapshot.rated_answers.rows} rated answers",
            f"- left out: {dropped or 'nothing'}",
            f"- built from {len(snapshot.parents)} files of questions and feedback: {shown or 'none'}"
            + (f" and {more} more" if more > 0 else ""),
            f"- licence: {licence or 'not stated'}",
        ]
    )


def _training(adapter: Adapter, config: Config, report: ArmReport | None) -> str:
    lora, sft = config.train.lora, config.train.sft
    rows = {
        "LoRA": f"r {lora.r}, alpha {lora.alpha}, dropout {lora.dropout}",
        "SFT": f"{adapter.demonstrations} demonstrations, {sft.epochs:g} epochs, learning rate {sft.learning_rate:g}",
        **_preference_training(adapter, config),
        **({"replayed": adapter.replay.describe()} if adapter.replay else {}),
        "passages in the prompts": f"rows {adapter.contexts.describe()}" if adapter.contexts else "none",
        "started from": _origin(adapter, report),
        "tokens": f"{adapter.train_tokens:,}",
        "time": f"{adapter.train_s:.0f} s",
        "seed": str(config.seed),
        "MLflow run": f"`{adapter.mlflow_run_id}`",
    }
    return "## Training\n\n" + _table(("", ""), [[name, value] for name, value in rows.items()])


def _origin(adapter: Adapter, report: ArmReport | None) -> str:
    origin = adapter.parent_sha256 or "the base model"
    champion = report.champion.adapter if report is not None else None
    if champion is None or champion.sha256 == adapter.parent_sha256:
        return origin
    return f"{origin}, not from the champion, which had learned from feedback that was withdrawn, or may have"


def _preference_training(adapter: Adapter, config: Config) -> dict[str, str]:
    if adapter.rated_answers:
        kto = config.train.kto
        said = (
            f"{adapter.rated_answers} single answers, {kto.epochs:g} epochs, learning rate {kto.learning_rate:g}, "
            f"beta {kto.beta:g}"
        )
        return {"KTO": said, "KTO reference": adapter.dpo_reference}
    dpo = config.train.dpo
    said = (
        f"{adapter.preference_pairs} pairs, {dpo.epochs:g} epochs, learning rate {dpo.learning_rate:g}, "
        f"beta {dpo.beta:g}, SFT weight {dpo.sft_weight:g}"
    )
    name = config.train.preference.upper()
    return {name: said if adapter.preference_pairs else "left out", f"{name} reference": adapter.dpo_reference}


def _evaluation(report: ArmReport) -> str:
    metrics = sorted({metric for result in report.arms.values() for metric in result.metrics})
    means = [[metric, *(_mean(result.metrics.get(metric)) for result in report.arms.values())] for metric in metrics]
    against = [comparison for comparison in report.comparisons if comparison.arm == "challenger"]
    differences = [[c.metric, c.against, _difference(c), f"{c.wins} / {c.ties} / {c.losses}"] for c in against]
    return "\n\n".join(
        [
            "## Evaluation",
            f"{report.questions} unseen test questions (set `{report.test_set_sha256[:12]}`), round {report.round}; "
            f"the champion was version {report.champion.version}. Means with 95 % intervals:",
            _table(("metric", *report.arms), means),
            "This version minus the others, question by question:",
            _table(("metric", "against", "difference", "wins / ties / losses"), differences),
        ]
    )


def _decision(decision: PromotionDecision) -> str:
    if decision.promoted:
        verdict = f"Promoted: champion in place of version {decision.champion_before.version}."
    elif decision.waits:
        verdict = f"Waiting for approval: version {decision.champion.version} is the champion until a person approves."
    else:
        verdict = f"Not promoted: version {decision.champion.version} stays the champion."
    if decision.approval is not None:
        verdict += f" {describe_approval(decision.approval)}"
    reasons = "\n".join(
        f"- {'passed' if check.passed else 'FAILED'} `{check.name}`: {check.sentence}"
        for check in decision.certificate.checks
    )
    replay = (
        f"`ratchet why {decision.challenger.version}` decides again from the stored answers of round {decision.round} "
        "and says whether it comes to the same."
    )
    return f"## Decision\n\n{verdict}\n\n{reasons}\n\n{replay}"


def _usage(version: ModelVersion, tracking_uri: str) -> str:
    uri = f"models:/{version.name}/{version.version}"
    return f"""## How to load it

```python
import mlflow

mlflow.set_tracking_uri({without_password(tracking_uri)!r})
model = mlflow.pyfunc.load_model({uri!r})  # or models:/{version.name}@champion
system = model.metadata.metadata["ratchet.system_prompt"]  # as it was trained and tested
messages = [{{"role": "system", "content": system}}, {{"role": "user", "content": "..."}}]
print(model.predict({{"messages": messages}})[0]["choices"][0]["message"]["content"])
```

Its base is read from `{version.base.path}`, or from the hub if it came from there. Where that folder is elsewhere:
`mlflow.transformers.load_model({uri!r}, base_model_path=...)`."""


def _limits(config: Config, report: ArmReport | None) -> str:
    tested = (
        f"Tested on {report.questions} questions of the domain `{config.name}` and on nothing else"
        if report is not None
        else "Not tested by Ratchet as a challenger"
    )
    return (
        f"## Limits\n\n{tested}: expect nothing of it elsewhere. Its metrics measure likeness to reference "
        "answers, which is not the same as being right. What the base model does wrong, it may do wrong as well."
    )


def _mean(summary: MetricSummary | None) -> str:
    return "" if summary is None else f"{summary.mean:.3f} ({summary.ci95[0]:.3f} to {summary.ci95[1]:.3f})"


def _difference(comparison: PairedDifference) -> str:
    low, high = comparison.ci95
    return f"{comparison.difference:+.3f} ({low:+.3f} to {high:+.3f})"


def _table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
