from pathlib import Path
from time import perf_counter

import pytest
from small_runs import Plan

from splitwire.errors import DataError, ModelError
from splitwire.eval.devices import Device, drift, load_device
from splitwire.eval.run import Run
from splitwire.eval.samples import read_run
from splitwire.eval.summary import Summary
from splitwire.report.measured import measured


def written(folder: Path, text: str) -> str:
    file = folder / "devices.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_this_machine_is_as_measured() -> None:
    assert load_device("this").factor == 1.0


def test_the_demonstration_s_phone_takes_eight_times_as_long_as_its_server() -> None:
    phone, server = load_device("phone-2019"), load_device("server-2019")
    assert phone.factor > server.factor > 0
    assert phone.factor / server.factor == pytest.approx(8)


def test_a_file_may_describe_devices_of_its_own(tmp_path: Path) -> None:
    file = written(tmp_path, '[board]\nabout = "a small board"\nfactor = 12\n[plain]\nfactor = 2.5')
    assert load_device(f"{file}:board") == Device(f"{file}:board", "a small board", 12.0)
    assert load_device(f"{file}:plain").about == "plain"
    assert load_device(f"{file}:board").factor == 12.0


def test_a_reference_is_timed_here(tmp_path: Path) -> None:
    reference = "torchvision:squeezenet1_1"
    file = written(tmp_path, f'[board]\nreference = "{reference}"\nseconds = 3.0')
    begin = perf_counter()
    factor = load_device(f"{file}:board").factor
    assert 3.0 / factor < (perf_counter() - begin) / 5  # half of ten took no less


def test_an_unknown_device_is_told_from_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown device 'fone'; there are: phone-2019, "):
        load_device("fone")
    with pytest.raises(DataError, match="unknown device 'this'; there are: board"):
        load_device(f"{written(tmp_path, '[board]')}:this")


@pytest.mark.parametrize(
    "text",
    [
        "[x]",
        "x = 3",
        "[x]\nfactor = 0",
        "[x]\nfactor = -1",
        "[x]\nfactor = nan",
        "[x]\nfactor = 'fast'",
        "[x]\nseconds = 1",
        "[x]\nreference = 'lite0'\nseconds = 0",
    ],
)
def test_a_device_without_a_positive_figure_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="the device 'x' needs a positive factor, or"):
        load_device(f"{written(tmp_path, text)}:x")


def test_a_reference_network_that_there_is_not_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "[x]\nreference = 'lite99'\nseconds = 1")
    with pytest.raises(ModelError, match="lite99"):
        load_device(f"{file}:x")


def test_a_file_that_is_missing_or_wrong_is_refused(tmp_path: Path) -> None:
    for path in (str(tmp_path / "missing.toml"), written(tmp_path, "[x")):
        with pytest.raises(DataError, match="cannot read the devices of"):
            load_device(f"{path}:x")


def test_a_run_times_its_reference_again_and_says_how_the_machine_drifted(
    tiny: Plan, tmp_path: Path
) -> None:
    file = written(tmp_path, "[board]\nreference = 'torchvision:squeezenet1_1'\nseconds = 3.0")
    plan, out = tiny(edge=f"{file}:board"), tmp_path / "run"
    run = Run(plan, out)
    assert list(run) and run.drift is not None and run.drift > 0
    assert Summary.open(out).drift == run.drift
    head, samples = read_run(out)
    assert len(samples) == 2
    said = dict(measured(Summary.open(out)))
    assert said["drift"] == f"the reference took × {run.drift:.2f} as long after the run"
    again = Run(plan, out)
    assert list(again) == [] and again.drift is None
    slower = Device(head.edge.name, head.edge.about, 100 * head.edge.factor)
    quick, slow = drift(head.edge), drift(slower)
    assert quick is not None and slow is not None
    assert slow > 10 * quick  # 100 times, but for what a busy machine does to two clocks


def test_a_factor_that_a_run_had_can_be_had_again(tiny: Plan, tmp_path: Path) -> None:
    file = written(tmp_path, "[board]\nreference = 'torchvision:squeezenet1_1'\nseconds = 3.0")
    out = tmp_path / "run"
    assert list(Run(tiny(edge=f"{file}:board"), out))
    factor = read_run(out)[0].edge.factor
    stored = load_device(f"{out}:board")
    assert stored.factor == factor and f"as {out} had it" in stored.about
    assert drift(stored) is None
    with pytest.raises(DataError, match="has no device 'fone'; it has: board, this"):
        load_device(f"{out}:fone")
    with pytest.raises(DataError, match="holds no run to take a device's factor of"):
        load_device(f"{tmp_path}:board")


def test_a_device_of_a_plain_factor_does_not_drift(tiny: Plan, tmp_path: Path) -> None:
    run = Run(tiny(), tmp_path / "run")
    assert list(run) and run.drift is None and Summary.open(tmp_path / "run").drift is None


def test_power_is_what_a_device_says_or_nobody_knows(tmp_path: Path) -> None:
    assert load_device("raspberry-pi-4").watts == 4.31
    assert load_device("phone-2019").watts is None
    file = written(tmp_path, "[x]\nfactor = 1\nwatts = 2.5\n[y]\nfactor = 1\nwatts = -2")
    assert load_device(f"{file}:x").watts == 2.5
    with pytest.raises(DataError, match="'y' takes a positive number of watts, or"):
        load_device(f"{file}:y")


def test_a_run_keeps_its_edge_s_power(tiny: Plan, tmp_path: Path) -> None:
    file = written(tmp_path, "[board]\nfactor = 2\nwatts = 3.0")
    run = Run(tiny(edge=f"{file}:board", codecs=("raw:bits=8",)), tmp_path / "run")
    assert len(list(run)) == 3
    assert read_run(tmp_path / "run")[0].edge.watts == 3.0
    assert load_device(f"{tmp_path / 'run'}:board").watts == 3.0
