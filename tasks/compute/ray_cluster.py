"""The Ray cluster that work goes to: a running one, or one of this machine for as long as this process lives.

Ray takes the machine's own address where it is told loopback's, and then listens on every network; here it listens on
loopback alone, which is looked at after the start, and asks for a token that is made for the cluster. Its sessions lie
below the home, unless the path is too long for a socket.
"""

import atexit
import importlib.util
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.errors import ComputeError, first_line
from tasks.home import Home
from tasks.models.hardware import available_cores
from tasks.settings.compute import ComputeSettings

LOOPBACK = "127.0.0.1"
_LONGEST_FOLDER = 40  # characters; Ray appends up to 64, and a socket's path has 107
_STORE_BYTES = 128 << 20
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a task without a GPU may see what there is
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
}


def reach_cluster(compute: ComputeSettings, home: Home) -> Any:
    """The module `ray`, connected to the cluster of the settings; connecting again costs nothing.

    Raises:
        ComputeError: when Ray is not installed, or the cluster cannot be reached or started.
    """
    if importlib.util.find_spec("ray") is None:
        raise ComputeError(
            "compute.engine: 'ray' needs Ray, which is not installed: `pip install 'ratchet-llm[ray]'`, or use another."
        )
    os.environ.update(_QUIET)
    import ray

    if ray.is_initialized():
        return ray
    try:
        if compute.ray_address is not None:
            ray.init(address=compute.ray_address, log_to_driver=False, logging_level="ERROR")
        else:
            _start_here(ray, compute, home)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        where = f"at {compute.ray_address}" if compute.ray_address else "on this machine"
        raise ComputeError(
            f"compute.ray_address: no Ray cluster {where} ({first_line(error)}); see that it runs, or name another."
        ) from error
    return ray


def _start_here(ray: Any, compute: ComputeSettings, home: Home) -> None:
    # For the cluster's processes, which inherit it, and for Ray in this one, which has read its settings already.
    os.environ.update({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)})
    _read_environment_again()
    atexit.register(leave_cluster)
    with _loopback_as_it_is():
        context = ray.init(
            num_cpus=max(compute.workers, compute.shards, available_cores()),
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=_STORE_BYTES,
            _node_ip_address=LOOPBACK,
            _temp_dir=str(_folder(home)),
        )
    if (found := context.address_info["node_ip_address"]) != LOOPBACK:
        leave_cluster()
        raise ComputeError(
            f"Ray listens at {found} and not on loopback: install the version of deploy/constraints.txt."
        )


def leave_cluster() -> None:
    """Disconnects, and ends a cluster that this process started; the next work starts another."""
    import ray

    if ray.is_initialized():
        ray.shutdown()
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        os.environ.pop(name, None)
    _read_environment_again()


def _read_environment_again() -> None:
    """Has Ray take up how it is to authenticate; it reads that once, when it is imported."""
    from ray._raylet import AuthenticationTokenLoader, Config

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _folder(home: Home) -> Path:
    """Where Ray keeps its sessions and sockets."""
    folder = home.root / "ray"
    if len(str(folder)) > _LONGEST_FOLDER:
        folder = Path(tempfile.mkdtemp(prefix="ratchet-ray-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def _loopback_as_it_is() -> Iterator[None]:
    """Keeps Ray from putting the machine's own address in place of loopback's; there is no setting for it."""
    from ray._private import services

    before = services.resolve_ip_for_localhost
    services.resolve_ip_for_localhost = lambda host: host
    try:
        yield
    finally:
        services.resolve_ip_for_localhost = before
