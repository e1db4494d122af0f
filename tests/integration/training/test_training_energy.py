"""The energy of training: what the counters gained meanwhile, and no figure where they cannot be read."""

from pathlib import Path

import pytest
from energy_counters import write_counter
from integration.training.phase_results import RunPhase

from tasks.roi import energy
from tasks.settings.training import TrainSettings
from tasks.training import phases
from tasks.training.phases import PhaseResult, energy_of


def result(energy_j: float | None) -> PhaseResult:
    return PhaseResult(
        adapter_sha256="a" * 64, rows=1, overlong=0, train_tokens=1, train_s=1.0, energy_j=energy_j, losses=()
    )


def test_what_the_counters_gain_during_a_phase_is_its_energy(
    tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase, monkeypatch: pytest.MonkeyPatch
) -> None:
    powercap = tmp_path / "powercap"
    write_counter(powercap, "intel-rapl:0", "package-0", 0, 1_000_000_000)
    monkeypatch.setattr(energy, "POWERCAP", powercap)
    seconds = phases.PhaseCallback.train_s

    def spend(callback: phases.PhaseCallback) -> float:  # read once training is over
        write_counter(powercap, "intel-rapl:0", "package-0", 7_000_000, 1_000_000_000)
        measured: float = seconds.fget(callback)  # type: ignore[attr-defined]
        return measured

    monkeypatch.setattr(phases.PhaseCallback, "train_s", property(spend))

    assert run_phase_of("sft", tmp_path / "sft", settings).energy_j == 7.0


@pytest.mark.parametrize(
    ("read", "total"), [([2.0, 3.0], 5.0), ([2.0], 2.0), ([2.0, None], None), ([None], None), ([], 0.0)]
)
def test_all_phases_together_have_a_figure_only_when_each_has(read: list[float | None], total: float | None) -> None:
    assert energy_of(map(result, read)) == total
