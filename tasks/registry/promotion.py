"""The promote stage: registering the challenger, comparing it with what was evaluated, and deciding."""

from tasks.config import Config
from tasks.domain.loading import frozen_test_set
from tasks.files import sha256_of
from tasks.gate.certificate import decide
from tasks.gate.figures import finite
from tasks.gate.improvement import require_comparison
from tasks.home import Home
from tasks.models.generation import encode_prompts
from tasks.models.hardware import choose_hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.models.prompting import build_messages
from tasks.progress import say
from tasks.records import (
    ArmReport,
    ChallengerFindings,
    Domain,
    GateEvidence,
    ModelVersion,
    PromotionDecision,
    SuperiorityTest,
)
from tasks.registry import mlflow_registry as registry
from tasks.registry.comparing import logits_of, reload_and_compare
from tasks.registry.connection import tracking_uri
from tasks.registry.model_card import model_card
from tasks.snapshots import read_snapshot

LOGIT_PROMPTS = 4


def register_challenger(config: Config, home: Home, report: ArmReport) -> ModelVersion:
    """The challenger as a registered version with the alias `challenger`; registering it again changes nothing."""
    adapter = report.challenger
    version = registry.register_adapter(config, home, adapter, home.adapters / adapter.sha256, tags={})
    registry.set_challenger(config, home, version)
    say(f"promote: the challenger is version {version.version} of {version.name}")
    return version


def compare_logits(config: Config, home: Home, domain: Domain, challenger: ModelVersion) -> float:
    """The largest gap between the logits of the adapter that was evaluated and of the registered version.

    Raises:
        ModelError: when the version cannot be loaded, or its logits have another shape.
    """
    assert challenger.adapter is not None
    hardware = choose_hardware(config.model)
    questions = frozen_test_set(home, domain, LOGIT_PROMPTS)
    prompts = [build_messages(config.system_prompt, question.question) for question in questions]
    tokenizer = load_tokenizer(challenger.base)
    token_ids = encode_prompts(tokenizer, prompts, config.generation.max_prompt_tokens)
    evaluated = load_model(challenger.base, home.adapters / challenger.adapter.sha256, hardware)
    expected = logits_of(evaluated, token_ids)
    return reload_and_compare(config, home, challenger, expected, token_ids)


def decide_and_promote(
    config: Config,
    home: Home,
    report: ArmReport,
    superiority: SuperiorityTest,
    challenger: ModelVersion,
    max_logit_difference: float,
    findings: ChallengerFindings,
) -> PromotionDecision:
    """The gate's decision, carried out: `champion` moves only when every check passed.

    Where promotions are to be approved it does not move: the decision waits for a person (`tasks.registry.approval`).
    Done again after a kill it decides the same: a champion that is the challenger already was moved by the
    attempt that was killed, unless a person has taken it back since.
    """
    current = registry.read_alias(config, home, registry.CHAMPION_ALIAS)
    evidence = GateEvidence(
        questions=report.questions,
        comparison=require_comparison(report, superiority.metric),
        superiority=superiority,
        max_logit_difference=finite(max_logit_difference),
        compared_with=report.champion.version,
        champion_now=current.version if current else None,
        challenger=challenger.version,
        taken_back=_taken_back(config, home, challenger, current),
        resamples=config.evaluate.bootstrap_resamples,
        seed=config.seed,
        **dict(findings),
    )
    certificate = decide(evidence, config.promote)
    # A champion that is the challenger already was moved under settings that asked nobody.
    moved = evidence.champion_now == challenger.version
    moves = certificate.passed and (moved or config.promote.approval == "auto")
    if moves:
        registry.promote(config, home, challenger)
    decision = PromotionDecision(
        round=report.round,
        promoted=moves,
        challenger=challenger,
        champion_before=report.champion,
        champion=challenger if moves else current or report.champion,
        evidence=evidence,
        settings=config.promote,
        certificate=certificate,
        report_sha256=sha256_of(report),
    )
    write_model_card(config, home, report, decision)
    return decision


def write_model_card(config: Config, home: Home, report: ArmReport, decision: PromotionDecision) -> None:
    """Makes the challenger's model card its description in the registry.

    Args:
        report: the evaluation that the decision rests on.
    """
    snapshot = read_snapshot(home.snapshots, report.challenger.snapshot_sha256)
    uri = tracking_uri(config, home)
    challenger = decision.challenger
    licences = decision.evidence.fitness.licences if decision.evidence.fitness else None
    card = model_card(
        challenger,
        config,
        tracking_uri=uri,
        base_licence=licences.base if licences else None,
        data_licence=licences.data if licences else None,
        snapshot=snapshot,
        report=report,
        decision=decision,
    )
    registry.describe_version(config, home, challenger, card)


def _taken_back(config: Config, home: Home, challenger: ModelVersion, champion: ModelVersion | None) -> str | None:
    """What a person did to the challenger when it was put before them earlier, if it is not the champion again."""
    entry = registry.read_entry(config, home, challenger.version)
    if champion is not None and champion.version == challenger.version:
        return None
    if entry.rolled_back is not None:
        return f"rolled back ({entry.rolled_back})"
    return f"rejected ({entry.approval})" if entry.rejected else None
