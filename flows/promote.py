"""promote: register the challenger, check that it is what was evaluated, and let the gate decide."""

from prefect import flow

from flows.artifacts import publish_decision
from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.evaluation.round_report import write_round_report
from tasks.evaluation.round_superiority import prove_superiority
from tasks.records import ArmReport, PromotionDecision
from tasks.registry.promotion import compare_logits, decide_and_promote, register_challenger

register = network_task(register_challenger, "register the challenger")
compare = network_task(compare_logits, "reload the challenger and compare logits")
prove = plain_task(prove_superiority, "test whether the challenger is better")
decide = network_task(decide_and_promote, "decide and move the champion")
write = plain_task(write_round_report, "write the report")


@flow(name="promote", validate_parameters=False)
def promote(context: RoundContext, report: ArmReport) -> PromotionDecision:
    """The decision with its certificate; the champion has moved when it says so."""
    config, home, opened = context.config, context.home, context.opened
    challenger = register(config, home, report)
    max_logit_difference = compare(config, home, opened.domain, challenger)
    superiority = prove(config, home, report)
    decision = decide(config, home, report, superiority, challenger, max_logit_difference)
    path = write(config, home, opened, report, decision)
    publish_decision(decision, path)
    return decision
