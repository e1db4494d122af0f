"""train: SFT, then DPO, with parameters, curves, snapshot, environment and system metrics in MLflow."""

from prefect import flow

from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.models.hardware import choose_hardware
from tasks.records import Adapter, Snapshot
from tasks.registry.fetching import download_adapter
from tasks.training.mlflow_runs import finish_run, start_run, watch_run
from tasks.training.train import train_adapter

fetch_champion = network_task(download_adapter, "fetch the champion's adapter")
open_run = network_task(start_run, "open the MLflow run")
fit = plain_task(train_adapter, "SFT, then DPO")
close_run = network_task(finish_run, "close the MLflow run")


@flow(name="train", validate_parameters=False)
def train(context: RoundContext, snapshot: Snapshot) -> Adapter:
    """The challenger's adapter, from the champion's and the snapshot."""
    config, home, opened = context.config, context.home, context.opened
    champion_folder = fetch_champion(config, home, opened.champion)
    run = open_run(config, home, opened, snapshot, context.key, context.work_folder)
    hardware = choose_hardware(config.model)
    with watch_run(config, home, run):
        adapter = fit(config, home, opened.champion, champion_folder, snapshot, opened.number, hardware, run)
    close_run(config, home, run, adapter)
    return adapter
