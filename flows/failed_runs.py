"""What happens when a run of a deployment fails: people are told. Whoever runs a command sees it fail."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config import load_config
from tasks.notifications import notify_failure

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


def tell_of_failure(flow: Any, flow_run: "FlowRun", state: Any) -> None:
    """Prefect's hook for a flow whose parameter `config_path` names the domain.

    Raises:
        ConfigError: when it is the config that cannot be used, so that nobody is named in it; Prefect logs that.
    """
    if flow_run.deployment_id is not None:
        notify_failure(load_config(Path(str(flow_run.parameters["config_path"]))))
