"""Asking a person in Prefect's UI: a run of a deployment is suspended with a form, and goes on when it is filled in.

Suspended, not paused: no process has to stay, so the form outlives a restart of the worker, the machine and the
server. The run that goes on begins from the start, where it finds the answer; the ledger knows what was done before.
"""

from typing import TYPE_CHECKING

from prefect import get_client, suspend_flow_run
from prefect.context import FlowRunContext
from prefect.input import RunInput
from pydantic import Field

from flows.artifacts import publish_decision
from flows.retries import network_task
from tasks.config import Config
from tasks.gate.outcome import describe_request
from tasks.home import Home
from tasks.progress import say
from tasks.records import PersonName, Reason
from tasks.registry.approval import check_champion, read_decision, settle, waiting_decisions
from tasks.registry.canary import ask_users, objections

if TYPE_CHECKING:
    from uuid import UUID

_KEY = "approval-"

carry_out = network_task(settle, "carry out what was said in the form")


class ApprovalForm(RunInput):
    """What the form asks for."""

    approve: bool = Field(description="yes: it becomes the champion; no: it is rejected, and that is final")
    name: PersonName = Field(description="who says so")
    reason: Reason = Field(default="", description="why")


def take_answers(config: Config, home: Home) -> None:
    """Carries out what was said in the forms of this run, if it is one that was suspended and goes on.

    Raises:
        RatchetError: when somebody was quicker with `ratchet approve`, or another version is the champion by now.
    """
    deployed = _deployed_run()
    for key in sorted(_asked(deployed[0])) if deployed is not None else ():
        decision = read_decision(config, home, int(key.removeprefix(_KEY)))
        if decision.approval is not None and decision.approval.through == "form":
            continue  # taken before this run was suspended again
        form = suspend_flow_run(wait_for_input=ApprovalForm, key=key)  # has been, and returns what was filled in
        number = decision.challenger.version
        settled = carry_out(
            config, home, number, approved=form.approve, by=form.name, reason=form.reason, through="form"
        )
        publish_decision(settled, home.round(config.name, settled.round) / "report" / "report.html")


def ask_for_approval(config: Config, home: Home) -> None:
    """Suspends this run with a form about what waits for approval.

    Returns where nothing waits that could be approved, where users have still to meet it (`promote.canary_pairs`),
    where the form of another run asks already, and outside a deployment, which alone could start the run again:
    `ratchet approve` is there for that.
    """
    deployed = _deployed_run()
    if deployed is None:
        return
    waiting = waiting_decisions(home, config.name)
    if not waiting or not check_champion(config, home, waiting[-1]).passed:
        return
    asked = ask_users(config, home, waiting[-1])
    number = asked.challenger.version
    if not asked.certificate.passed:
        say(f"version {number} cannot be approved yet. {objections(asked)}")
        return
    key = f"{_KEY}{number}"
    if key not in _open_forms(deployed[1]):
        form = ApprovalForm.with_initial_data(description=describe_request(asked))
        suspend_flow_run(wait_for_input=form, key=key)


def _deployed_run() -> "tuple[UUID, UUID] | None":
    """The ids of the run that this process is and of its deployment, when it is one of a deployment."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return (run.id, run.deployment_id) if run is not None and run.deployment_id is not None else None


def _asked(run_id: "UUID") -> set[str]:
    """The forms with which the run was suspended."""
    with get_client(sync_client=True) as client:
        policy = client.read_flow_run(run_id).empirical_policy
    return {key for key in policy.pause_keys or () if key.startswith(_KEY)}


def _open_forms(deployment_id: "UUID") -> set[str | None]:
    """The forms that runs of the deployment are suspended with."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    suspended = filters.FlowRunFilterStateType(any_=[StateType.PAUSED])
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment_id])),
            flow_run_filter=filters.FlowRunFilter(state=filters.FlowRunFilterState(type=suspended)),
        )
    return {run.state.state_details.pause_key for run in runs if run.state is not None}
