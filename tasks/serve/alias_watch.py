"""Looking after the registry's aliases: a version that becomes champion or challenger is loaded and swapped in.

The new model is loaded beside the old one, which goes on answering. One that cannot be loaded changes nothing, is told
once, and is tried again after a while: somebody may have restored its files.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.progress import say
from tasks.records import ModelVersion
from tasks.registry import mlflow_registry as registry
from tasks.serve.engine import Engine
from tasks.serve.versions import Loaded, Role, load, retrieves

RETRY_S = 30.0
_ALIASES: dict[Role, str] = {"champion": registry.CHAMPION_ALIAS, "challenger": registry.CHALLENGER_ALIAS}


@dataclass
class AliasWatch:
    """What the aliases are held against.

    Attributes:
        open_index: makes sure that the engine can search; called before a version that retrieves is swapped in.
        problems: why a role is not served as the registry says, by role; a sentence each.
    """

    config: Config
    home: Home
    hardware: Hardware
    engine: Engine
    open_index: Callable[[], None]
    problems: dict[Role, str] = field(default_factory=dict)
    _retry_at: dict[tuple[Role, int], float] = field(default_factory=dict)
    _told: dict[Role, str | int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that are served."""
        return ("champion", "challenger") if self.config.serve.canary_share > 0 else ("champion",)

    def load_first(self) -> Loaded:
        """Loads what the aliases name now.

        Raises:
            RatchetError: when there is no champion, or it cannot be loaded.
        """
        champion = registry.read_alias(self.config, self.home, registry.CHAMPION_ALIAS)
        if champion is None:
            raise RatchetError(f"{self.config.name} has no champion yet: run `ratchet round`, which begins with one.")
        loaded = self._load(champion)
        self.engine.swap("champion", loaded)
        self.look()
        return loaded

    def start(self) -> None:
        """Looks every `serve.alias_poll_s` seconds, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="serve-aliases", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops looking; a version that is being loaded is given a moment."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5.0)

    def look(self) -> None:
        """Holds each role against its alias once; never raises."""
        for role in self.roles:
            version = None
            try:
                version = registry.read_alias(self.config, self.home, _ALIASES[role])
                self._follow(role, version)
            except RatchetError as error:
                self._note(role, version, error.problems[0])
            except Exception as error:  # noqa: BLE001 - the old model goes on, whatever a library raises
                self._note(
                    role, version, f"The alias {_ALIASES[role]} cannot be followed ({error!r:.200}): see MLflow's log."
                )

    def _run(self) -> None:
        while not self._stop.wait(self.config.serve.alias_poll_s):
            self.look()

    def _follow(self, role: Role, version: ModelVersion | None) -> None:
        now = self.engine.loaded(role)
        if version is None:
            if role == "champion":
                raise RatchetError(
                    f"The alias {registry.CHAMPION_ALIAS} of {self.config.name} is gone: set it again in MLflow; "
                    f"version {now.version.version if now else '?'} goes on answering."
                )
            if now is not None:
                self.engine.swap(role, None)
                say(f"serve: there is no challenger any more; version {now.version.version} is taken out")
        elif now is None or now.version.version != version.version:
            if time.monotonic() < self._retry_at.get((role, version.version), 0.0):
                return
            self._retry_at[role, version.version] = time.monotonic() + RETRY_S
            self.engine.swap(role, self._load(version))
            say(f"serve: version {version.version} of {version.name} answers as {role}")
        self._retry_at = {key: at for key, at in self._retry_at.items() if key[0] != role}
        self._told.pop(role, None)
        if self.problems.pop(role, None):
            say(f"serve: the {role} is as the registry says again")

    def _load(self, version: ModelVersion) -> Loaded:
        for role in self.roles:
            other = self.engine.loaded(role)
            if other is not None and other.version.version == version.version:
                return other
        if retrieves(self.config.serve, version):
            self.open_index()
        return load(self.config, self.home, version, self.hardware)

    def _note(self, role: Role, version: ModelVersion | None, sentence: str) -> None:
        # Another try at the same version may say it in other words, such as the name of another temporary folder.
        about = sentence if version is None else version.version
        if self._told.get(role) != about:
            say(f"serve: {sentence}")
        self._told[role] = about
        self.problems[role] = sentence
