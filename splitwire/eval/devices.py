"""Devices that times measured here are scaled to, so that a sweep on a desk speaks of a phone.

One factor a device: the time that a reference network takes there over the time it takes here.
That is a coarse model (depthwise layers scale unlike dense ones): put the device's own times in a
file, or measure on the device itself, before a decision hangs on it.
"""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import inf
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from splitwire.errors import DataError, did_you_mean
from splitwire.eval.rapl import Counters, watts_at_work

if TYPE_CHECKING:  # which loads torch, that a recording edge may be without
    from splitwire.models.device import Device as Processor

_WARM_UP, _TIMED = 3, 10
_WORK = "torchvision:resnet18"  # by which power is measured


@dataclass(frozen=True)
class Device:
    """A device and how its times follow from this machine's.

    Attributes:
        name: what experiments call it.
        about: what it is.
        factor: its time for a piece of work over this machine's.
        watts: of its processor at work, over rest; None where nobody knows.
    """

    name: str
    about: str
    factor: float
    watts: float | None = None


def load_device(name: str, here: "Processor | None" = None) -> Device:
    """A device by its name, its reference network timed here if it has one.

    Args:
        name: one of eval/devices.toml ("phone-2019", "server-2019", "raspberry-pi-4", "this"),
            `FILE.toml:NAME`, or `RUN:NAME`, which is that device as a run before had it, with the
            same factor.
        here: what times are measured on; None for this machine's processor.

    Raises:
        DataError: there is no such device, or its description lacks a figure.
        ModelError: its reference network cannot be had.
    """
    path, _, key = name.rpartition(":")
    if path and Path(path).is_dir():
        return _stored(Path(path), key, name)
    known = _read(Path(path)) if path else tomllib.loads(_packaged())
    if key not in known:
        hint = did_you_mean(key, known)
        raise DataError(f"unknown device {key!r}{hint}; there are: {', '.join(known)}")
    entry = known[key]
    figures = {k for k in ("factor", "seconds") if _is_positive(entry, k)}
    if "factor" in figures:
        factor = float(entry["factor"])
    elif "seconds" in figures and "reference" in entry:
        factor = float(entry["seconds"]) / _seconds_here(str(entry["reference"]), here)
    else:
        raise DataError(
            f"the device {key!r} needs a positive factor, or a reference and its positive seconds"
        )
    return Device(name, str(entry.get("about", key)), factor, _watts(entry, key, here))


def drift(device: Device, here: "Processor | None" = None) -> float | None:
    """The time that a device's reference takes here now, over what it took when it was loaded.

    None of a device whose factor does not hang on one.
    """
    _seconds_here.cache_clear()
    if not Path(device.name.rpartition(":")[0]).is_file() and ":" in device.name:
        return None
    factor = load_device(device.name, here).factor
    return None if factor == device.factor else device.factor / factor


def _stored(run: Path, key: str, name: str) -> Device:
    """A device with the factor that a run had it with."""
    try:
        with (run / "samples.jsonl").open(encoding="utf-8") as file:
            head = json.loads(file.readline())
        found = {row["name"]: row for row in (head["edge"], head["cloud"])}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{run} holds no run to take a device's factor of: {error}") from error
    short = {known.rpartition(":")[2]: row for known, row in found.items()}
    if key not in short or not _is_positive(short[key], "factor"):
        raise DataError(f"the run {run} has no device {key!r}; it has: {', '.join(short)}")
    row = short[key]
    about = f"{row['about']}, as {run} had it"
    return Device(name, about, float(row["factor"]), row.get("watts"))


def _watts(entry: dict[str, Any], key: str, here: "Processor | None") -> float | None:
    """What the description says of a device's power, or this machine's counters."""
    said = entry.get("watts")
    if said == "rapl":
        return _watts_here(here)
    if said is None or _is_positive(entry, "watts"):
        return said
    raise DataError(f'the device {key!r} takes a positive number of watts, or "rapl", not {said!r}')


def _is_positive(entry: Any, key: str) -> bool:
    figure = entry.get(key) if isinstance(entry, dict) else None
    return isinstance(figure, int | float) and 0 < figure < inf


def _packaged() -> str:
    return (files("splitwire.eval") / "devices.toml").read_text(encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"cannot read the devices of {path}: {error}") from error


@cache
def _watts_here(here: "Processor | None") -> float | None:
    """What this machine's processor takes for a network; None where it does not tell."""
    if here is not None and here.name != "cpu":
        return None
    try:
        counters = Counters()
    except OSError:
        return None
    found = watts_at_work(counters, _reference(_WORK, here))
    return found if found > 0 else None  # others made the rest no rest


@cache  # devices of one reference must stand in their own proportion, not in that of two timings
def _seconds_here(reference: str, here: "Processor | None") -> float:
    """Median time of a whole network on this machine."""
    run, times = _reference(reference, here), []
    for _ in range(_WARM_UP + _TIMED):
        begin = perf_counter()
        run()
        times.append(perf_counter() - begin)
    return median(times[_WARM_UP:])


def _reference(name: str, here: "Processor | None") -> Callable[[], object]:
    """Runs a whole network once; its weights do not matter."""
    import torch

    from splitwire.models.load import load_model

    model = load_model(name, weights=None)
    model = model if here is None else model.on(here)
    x = torch.zeros(model.input_shape)

    def run() -> object:
        with torch.inference_mode():
            return model(x)

    return run
