"""improve: one round after the other, from feedback to a promotion that has to be earned."""

from pathlib import Path

from prefect import flow

from flows.approval import ask_for_approval, take_answers
from flows.collect import collect
from flows.curate import curate
from flows.environment import prepare_environment
from flows.evaluate import evaluate
from flows.failed_runs import tell_of_failure
from flows.promote import promote
from flows.stages import RoundContext, RoundPaused, run_stage
from flows.train import train
from tasks.config import load_config
from tasks.feedback.withdrawals import withdrawn
from tasks.home import find_home, lock
from tasks.lineage.starting import training_start
from tasks.models.hardware import choose_hardware, use_threads
from tasks.planning import close_round, open_round, plan_round, remember_config
from tasks.records import Adapter, ArmReport, FeedbackBatch, PromotionDecision, Snapshot, Stage
from tasks.registry.approval import finish


@flow(name="improve", on_failure=[tell_of_failure])
def improve(config_path: str, rounds: int | None = None, until: Stage = "promote", wait_for_labels: int = 0) -> None:
    """Runs rounds of a domain until none is due, or the decision of one waits for a person.

    Args:
        config_path: the domain's config file.
        rounds: how many rounds the domain should have finished in all; None: one, if there is anything new.
        until: the stage to stop after; the round stays open, and the next call goes on with it.
        wait_for_labels: how many labels people must have given in a round before it learns from them.

    Raises:
        RatchetError: when a stage cannot do its work; the round stays open at that stage.
    """
    config, home = load_config(Path(config_path)), find_home()
    prepare_environment(home)  # a deployment runs the flow in a process of its own, without the command line
    take_answers(config, home)
    with lock(home, f"a round of {config.name}"):
        finish(config, home)
        remember_config(home, Path(config_path))
        use_threads(choose_hardware(config.model))
        while (plan := plan_round(config, home, rounds)).due:
            opened = open_round(config, home, plan)
            context = RoundContext(config, home, opened, until, wait_for_labels=wait_for_labels)
            try:
                decision = run_round(context)
            except RoundPaused:
                return
            close_round(config, home, context.opened)
            if decision.waits:
                break
    if until == "promote":
        ask_for_approval(config, home)


def run_round(context: RoundContext) -> PromotionDecision:
    """One round, or what is left of it."""
    batch = run_stage("collect", FeedbackBatch, collect, context)
    left_out = withdrawn(context.home, context.opened.domain.name)
    snapshot = run_stage("curate", Snapshot, curate, context, batch, left_out)
    start = training_start(context.config, context.home, context.opened.champion)
    adapter = run_stage("train", Adapter, train, context, snapshot, start)
    report = run_stage("evaluate", ArmReport, evaluate, context, adapter)
    return run_stage("promote", PromotionDecision, promote, context, report)
