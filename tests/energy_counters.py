"""Energy counters as the kernel lays them out."""

from pathlib import Path

from tasks.files import write_atomically


def write_counter(root: Path, folder: str, name: str, energy_uj: int, range_uj: int = 1_000_000) -> None:
    """A counter below the root, made or set anew; a reader never sees half a number, as with the kernel's."""
    path = root / folder
    path.mkdir(parents=True, exist_ok=True)
    for file, value in (("name", name), ("energy_uj", energy_uj), ("max_energy_range_uj", range_uj)):
        write_atomically(path / file, f"{value}\n".encode())
