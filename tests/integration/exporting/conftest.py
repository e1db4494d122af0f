"""A version of the tiny model with a random adapter, as a round leaves it, and exporting it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from example_models import adapter
from tiny_model import write_random_adapter

from tasks.config import Config
from tasks.exporting.export import export_and_compare
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.records import FormParity, ModelVersion
from tasks.settings.models import GenerationSettings, ModelSettings
from tasks.training.adapters import keep_adapter

QUESTIONS = ("What does `itertools.chain` do?", "How many are 1024 and 7?", "Was ist «größer»?", "日本語 🙂?")
NEW_TOKENS = 8


@dataclass(frozen=True)
class World:
    """A home with one version whose adapter is there; `export` gives the verdicts, by form."""

    config: Config
    home: Home
    version: ModelVersion
    folder: Path

    def export(self, *forms: Any, **options: Any) -> dict[str, FormParity]:
        verdicts = export_and_compare(
            self.config, self.home, self.version, forms, QUESTIONS, options.pop("folder", self.folder), **options
        )
        return {verdict.form: verdict for verdict in verdicts}


@pytest.fixture
def make_world(tiny_model: Path, tmp_path: Path, ratchet_home: Path) -> Callable[..., World]:
    """Makes the world; `change` may alter the base's folder first, other arguments change the config."""

    def make(change: Callable[[Path], None] = lambda folder: None, **settings: Any) -> World:
        change(tiny_model)
        ratchet_home.mkdir()
        home = Home(ratchet_home)
        model = {
            "base": str(tiny_model),
            "device": "cpu",
            "dtype": "float32",
            "threads": 1,
            **settings.pop("model", {}),
        }
        config = Config(
            name="demo",
            questions="questions.jsonl",
            model=ModelSettings(**model),
            generation=GenerationSettings(max_new_tokens=NEW_TOKENS),
            root=tmp_path,
            **settings,
        )
        base = resolve_base(config.model, home)
        write_random_adapter(tiny_model, tmp_path / "adapter", 1)
        trained = adapter(sha256=keep_adapter(home, tmp_path / "adapter"), base=base)
        version = ModelVersion(name="demo", version=2, base=base, adapter=trained)
        return World(config, home, version, tmp_path / "out")

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
