"""train: SFT, then DPO or KTO, with parameters, curves, snapshot, environment and system metrics in MLflow."""

from prefect import flow

from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.models.hardware import choose_hardware
from tasks.records import Adapter, ModelVersion, Snapshot
from tasks.registry.fetching import download_adapter
from tasks.training.context_rows import plan_contexts
from tasks.training.mlflow_runs import finish_run, start_run, watch_run
from tasks.training.replay import plan_replay
from tasks.training.train import RowPlans, train_adapter

fetch_start = network_task(download_adapter, "fetch the adapter to start from")
find_contexts = plain_task(plan_contexts, "find the rows' passages")
rehearse = plain_task(plan_replay, "choose what is repeated")
open_run = network_task(start_run, "open the MLflow run")
fit = plain_task(train_adapter, "SFT, then DPO or KTO")
close_run = network_task(finish_run, "close the MLflow run")


@flow(name="train", validate_parameters=False)
def train(context: RoundContext, snapshot: Snapshot, start: ModelVersion) -> Adapter:
    """The challenger's adapter, from the snapshot and the version to start from, most often the champion."""
    config, home, opened = context.config, context.home, context.opened
    start_folder = fetch_start(config, home, start)
    hardware = choose_hardware(config.model)
    contexts = find_contexts(config, home, opened.domain, start.base, snapshot, hardware, context.work_folder)
    replay = rehearse(config, home, opened, snapshot)
    run = open_run(config, home, opened, start, snapshot, RowPlans(contexts, replay), context.key, context.work_folder)
    with watch_run(config, home, run):
        adapter = fit(config, home, start, start_folder, snapshot, opened.number, hardware, run)
    close_run(config, home, run, adapter)
    return adapter
