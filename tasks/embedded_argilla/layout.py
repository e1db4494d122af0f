"""Where the embedded Argilla keeps what: one folder below RATCHET_HOME."""

from dataclasses import dataclass
from pathlib import Path

from tasks.home import Home

# The scripts and pins below are run by, and installed into, an environment of their own.
SCRIPTS = Path(__file__).parent / "server"
CONSTRAINTS = SCRIPTS / "constraints.txt"


@dataclass(frozen=True)
class Layout:
    """The files of the embedded Argilla."""

    root: Path

    @property
    def environment(self) -> Path:
        """The virtual environment that argilla-server needs for itself."""
        return self.root / "venv"

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def data(self) -> Path:
        """The working folder of all services: database, search index, queue and socket."""
        return self.root / "data"

    @property
    def database(self) -> Path:
        return self.data / "argilla.db"

    @property
    def search_index(self) -> Path:
        return self.data / "search.db"

    @property
    def rebuilding(self) -> Path:
        """There while the search index is being rebuilt: an index beside it is not whole."""
        return self.data / "search.rebuilding"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def temporary(self) -> Path:
        """The services' temporary files, deleted at each start of the server."""
        return self.root / "tmp"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials.json"

    @property
    def state(self) -> Path:
        """The port, and which processes run."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    def log(self, name: str) -> Path:
        """The log of a service, or of `install` and `prepare`."""
        return self.logs / f"{name}.log"


def layout_of(home: Home) -> Layout:
    """The embedded Argilla's files in this home; they need not exist yet."""
    return Layout(home.root / "argilla")
