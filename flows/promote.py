"""promote: register the challenger, check that it is what was evaluated, and let the gate decide."""

from prefect import flow

from flows.artifacts import publish_decision
from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.evaluation.fitness import inspect_challenger
from tasks.evaluation.judged_preference import read_preference
from tasks.evaluation.round_report import write_round_report
from tasks.evaluation.round_skills import log_skills, measure_skills
from tasks.evaluation.round_superiority import prove_superiority
from tasks.exporting.export import export_challenger
from tasks.notifications import notify_decision
from tasks.records import ArmReport, ChallengerFindings, PromotionDecision
from tasks.registry.promotion import compare_logits, decide_and_promote, register_challenger

register = network_task(register_challenger, "register the challenger")
compare = network_task(compare_logits, "reload the challenger and compare logits")
prove = plain_task(prove_superiority, "test whether the challenger is better")
remember = plain_task(measure_skills, "test whether the challenger has forgotten")
log_ledger = network_task(log_skills, "log what was forgotten")
consult = plain_task(read_preference, "read the judges' win rates")
inspect = plain_task(inspect_challenger, "look for leaks, and at what serving takes")
export = network_task(export_challenger, "export the challenger, and answer with each form")
decide = network_task(decide_and_promote, "decide and move the champion")
write = plain_task(write_round_report, "write the report")
tell = plain_task(notify_decision, "notify people")


@flow(name="promote", validate_parameters=False)
def promote(context: RoundContext, report: ArmReport) -> PromotionDecision:
    """The decision with its certificate; the champion has moved when it says so."""
    config, home, opened = context.config, context.home, context.opened
    challenger = register(config, home, report)
    max_logit_difference = compare(config, home, opened.domain, challenger)
    superiority = prove(config, home, report)
    findings = ChallengerFindings(
        skills=remember(config, home, opened, report),
        judged=consult(config, home, report),
        fitness=inspect(config, home, opened, report),
        forms=export(config, home, opened.domain, challenger),
    )
    log_ledger(config, home, report, findings.skills)
    decision = decide(config, home, report, superiority, challenger, max_logit_difference, findings)
    path = write(config, home, opened, report, decision)
    publish_decision(decision, path)
    tell(config, decision)
    return decision
