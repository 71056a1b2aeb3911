"""Reading energy counters, in a folder as Linux shows them: no machine of these tests has any."""

from pathlib import Path

import pytest

from splitwire.eval.rapl import Counters, watts_at_work

RANGE = 262_143_328_850  # microjoules, of a real processor


def zone(root: Path, name: str, what: str, microjoules: int) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{what}\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder


def test_packages_are_added_and_their_parts_are_not(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", RANGE - 500_000)
    core = zone(tmp_path, "intel-rapl:0:0", "core", 0)
    platform = zone(tmp_path, "intel-rapl:2", "psys", 0)
    (tmp_path / "dtpm").mkdir()
    counters = Counters(tmp_path)
    assert counters.joules() == 0
    (first / "energy_uj").write_text("3500000\n")
    (second / "energy_uj").write_text("499999\n")  # which has begun anew
    for other in (core, platform):
        (other / "energy_uj").write_text("9000000\n")
    assert counters.joules() == pytest.approx(2.5 + 1.0)
    assert counters.joules() == 0


def test_work_is_told_from_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece of work is counted as 0.2 J, and rest as nothing."""
    monkeypatch.setattr("splitwire.eval.rapl._SECONDS", 0.05)
    counted, done = zone(tmp_path, "intel-rapl:0", "package-0", 0), []

    def work() -> None:
        done.append(0.2)
        (counted / "energy_uj").write_text(f"{round(1e6 * sum(done))}\n")

    watts = watts_at_work(Counters(tmp_path), work)
    assert 0 < watts <= sum(done) / 0.05
    assert len(done) > 1


def test_a_machine_without_counters_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no package of a processor is counted"):
        Counters(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()  # as where only root may read it
    with pytest.raises(OSError):
        Counters(tmp_path)
