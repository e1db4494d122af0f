"""Energy that processors and memory used, from the kernel's RAPL counters, where they can be read.

    /sys/class/powercap/intel-rapl:0/{name, energy_uj, max_energy_range_uj}      a package (AMD's, too)
    /sys/class/powercap/intel-rapl:0:1/...                                       a part of it: core, uncore, dram

Packages and memory are added up; cores lie within their package, and `psys` holds everything, so neither is counted.
Since Linux 5.10 only root may read the counters, and virtual machines and containers seldom have any: then there is no
figure, and nobody invents one. Graphics cards are not counted.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")

# A counter wraps after some 260 kJ: about ten minutes of a busy server.
_READ_EVERY_S = 30.0


@dataclass(frozen=True)
class Counter:
    """One counter of the kernel.

    Attributes:
        energy_uj: microjoules since some time.
        range_uj: where it starts again at 0.
    """

    energy_uj: int
    range_uj: int


def read_counters(root: Path | None = None) -> dict[str, Counter] | None:
    """The counters of packages and memory by folder name; None where there are none, or they may not be read.

    Args:
        root: the kernel's folder of counters; None: POWERCAP.
    """
    root = POWERCAP if root is None else root
    counters: dict[str, Counter] = {}
    try:
        for folder in sorted(root.glob("intel-rapl:*")):
            name = (folder / "name").read_text(encoding="ascii").strip()
            if name.startswith("package") or name == "dram":
                values = ((folder / file).read_text(encoding="ascii") for file in ("energy_uj", "max_energy_range_uj"))
                counters[folder.name] = Counter(*(int(value) for value in values))
    except (OSError, ValueError):
        return None
    return counters or None


def energy_between_j(before: Mapping[str, Counter], after: Mapping[str, Counter]) -> float:
    """Joules between two readings less than a wrap apart; a counter that started again at 0 in between is allowed for.

    Raises:
        ValueError: when the readings are not of the same counters.
    """
    if before.keys() != after.keys():
        raise ValueError(f"readings of different counters: {sorted(before)} and {sorted(after)}")
    microjoules = 0
    for name, start in before.items():
        used = after[name].energy_uj - start.energy_uj
        microjoules += used if used >= 0 else used + start.range_uj
    return microjoules / 1e6


@contextmanager
def measure_energy(
    root: Path | None = None, read_every_s: float = _READ_EVERY_S
) -> Iterator[Callable[[], float | None]]:
    """Counts the machine's energy within the block; the function it gives returns joules so far, None if not readable.

    A thread reads the counters now and then, so that none wraps twice unseen. All that runs on the machine counts.
    """
    readings = [read_counters(root)]
    joules: list[float | None] = [None if readings[0] is None else 0.0]
    lock, done = threading.Lock(), threading.Event()

    def advance() -> float | None:
        with lock:
            before, after = readings[0], read_counters(root)
            if joules[0] is None or before is None or after is None or before.keys() != after.keys():
                joules[0] = None
            else:
                joules[0] += energy_between_j(before, after)
                readings[0] = after
            return joules[0]

    def watch() -> None:
        while not done.wait(read_every_s) and advance() is not None:
            pass

    watcher = threading.Thread(target=watch, name="energy", daemon=True)
    watcher.start()
    try:
        yield advance
    finally:
        done.set()
        watcher.join()
