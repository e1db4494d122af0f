"""The embedded Argilla as one of the services: brought up, shown, repaired and taken down with the others."""

import json
from collections.abc import Callable
from pathlib import Path

import psutil

from tasks.deployments import Schedules
from tasks.embedded_argilla.layout import layout_of
from tasks.embedded_argilla.state import read_state as read_argilla_state
from tasks.home import Home
from tasks.services.lifecycle import bring_up, look, take_down


def test_argilla_is_up_and_down_with_the_others(
    home: Home, config: Path, scripts: dict[str, str], argilla_home: Callable[..., Path]
) -> None:
    argilla_home(home.root)
    settings = {**json.loads(config.read_text()), "human_feedback": {"argilla": "embedded"}}
    config.write_text(json.dumps(settings), encoding="utf-8")

    without = bring_up(home, config, Schedules(), argilla=False)
    assert (without.services[2].state, without.services[2].detail) == ("off", "not asked for")

    done = bring_up(home, config, Schedules())
    assert done.started == ("argilla",)
    assert done.services[2].state == "running"
    assert (done.services[2].url or "").startswith("http://127.0.0.1:69")  # 6900, or the next that is free
    assert "sign in as" in done.page.read_text(encoding="utf-8")

    worker = read_argilla_state(layout_of(home)).processes["worker"]
    psutil.Process(worker.pid).kill()
    assert {each.service: each.state for each in look(home)}["argilla"] == "failing"
    repaired = bring_up(home, config, Schedules(), argilla=False)  # it is one of them by now
    assert repaired.repaired[0].startswith("argilla: worker: ") and repaired.services[2].state == "running"

    assert take_down(home) == ["watcher", "mlflow", "prefect", "argilla"]
    assert read_argilla_state(layout_of(home)).processes == {}
    assert bring_up(home, config, Schedules(), argilla=False).services[2].state == "off"
