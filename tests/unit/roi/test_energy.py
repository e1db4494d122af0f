"""Energy from counters laid out as the kernel lays them out: summed, wrapped, or not there."""

import time
from pathlib import Path

import pytest
from energy_counters import write_counter

from tasks.roi.energy import Counter, energy_between_j, measure_energy, read_counters


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    root = tmp_path / "powercap"
    write_counter(root, "intel-rapl:0", "package-0", 100)
    write_counter(root, "intel-rapl:0:0", "core", 60)
    write_counter(root, "intel-rapl:0:1", "dram", 30)
    write_counter(root, "intel-rapl:1", "package-1", 200)
    write_counter(root, "intel-rapl:2", "psys", 900)
    return root


def test_packages_and_memory_are_read_and_what_lies_within_or_around_them_is_not(powercap: Path) -> None:
    counters = read_counters(powercap)
    assert counters is not None
    assert {name: counter.energy_uj for name, counter in counters.items()} == {
        "intel-rapl:0": 100,
        "intel-rapl:0:1": 30,
        "intel-rapl:1": 200,
    }


def test_a_machine_without_counters_has_no_figure(tmp_path: Path) -> None:
    assert read_counters(tmp_path / "none") is None
    with measure_energy(tmp_path / "none") as joules_so_far:
        assert joules_so_far() is None


@pytest.mark.parametrize("content", [b"", b"many\n", b"\xff"])
def test_a_counter_that_cannot_be_read_gives_no_figure(powercap: Path, content: bytes) -> None:
    (powercap / "intel-rapl:1" / "energy_uj").write_bytes(content)
    assert read_counters(powercap) is None


def test_a_counter_that_is_gone_gives_no_figure(powercap: Path) -> None:
    (powercap / "intel-rapl:1" / "energy_uj").unlink()
    assert read_counters(powercap) is None


def test_joules_are_summed_over_counters_and_a_wrap_is_allowed_for() -> None:
    before = {"a": Counter(900_000, 1_000_000), "b": Counter(0, 1_000_000)}
    after = {"a": Counter(100_000, 1_000_000), "b": Counter(500_000, 1_000_000)}
    assert energy_between_j(before, after) == pytest.approx(0.2 + 0.5)


def test_readings_of_different_counters_are_refused() -> None:
    with pytest.raises(ValueError, match=r"readings of different counters: \['a'\] and \['b'\]"):
        energy_between_j({"a": Counter(0, 1)}, {"b": Counter(0, 1)})


def test_a_counter_that_wraps_twice_is_followed_by_the_thread(powercap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []

    def counted(root: Path) -> dict[str, Counter] | None:
        counters = read_counters(root)
        reads.append(root)
        return counters

    monkeypatch.setattr("tasks.roi.energy.read_counters", counted)
    with measure_energy(powercap, read_every_s=0.005) as joules_so_far:
        # From 100: 0.5999 J, then three times 0.6 J; the counter passes 1 J twice.
        for energy_uj in (600_000, 200_000, 800_000, 400_000):
            write_counter(powercap, "intel-rapl:0", "package-0", energy_uj)
            wait_for(reads, len(reads) + 2)  # the next may have begun before the counter moved
        assert joules_so_far() == pytest.approx(0.5999 + 3 * 0.6)


def wait_for(reads: list[Path], number: int) -> None:
    deadline = time.monotonic() + 30
    while len(reads) < number:
        assert time.monotonic() < deadline, "the counters are not read"
        time.sleep(0.002)


def test_a_counter_lost_on_the_way_gives_no_figure(powercap: Path) -> None:
    with measure_energy(powercap, read_every_s=60.0) as joules_so_far:
        assert joules_so_far() == 0.0
        (powercap / "intel-rapl:1" / "energy_uj").unlink()
        assert joules_so_far() is None
        write_counter(powercap, "intel-rapl:1", "package-1", 300)
        assert joules_so_far() is None
