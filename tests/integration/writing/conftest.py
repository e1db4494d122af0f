"""A writer at a scripted endpoint, which waits little between tries."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from example_documents import make_config
from scripted_endpoint import ScriptedEndpoint

from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.settings.writing import WriterSettings
from tasks.writing.writer import Write, load_writer


@pytest.fixture
def make_writer(ratchet_home: Path) -> Callable[..., AbstractContextManager[Write]]:
    """Opens the writer at a scripted endpoint; settings by keyword."""

    @contextmanager
    def make(endpoint: ScriptedEndpoint, **settings: Any) -> Iterator[Write]:
        impatient = {"timeout_s": 20.0, "retries": 2, "concurrency": 4, "model": "m", **settings}
        writer = WriterSettings.model_validate({"url": endpoint.url, **impatient})
        config = make_config().model_copy(update={"writer": writer})
        with load_writer(config, Home(ratchet_home), Hardware("cpu", "float32", 1), first_wait_s=0.01) as write:
            assert write is not None
            yield write

    return make
