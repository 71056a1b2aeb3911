"""The machine and the packages that a run is measured with."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from splitwire.models.device import CPU, Device

_PACKAGES = ("splitwire", "torch", "torchvision", "timm", "numpy", "pillow", "av")


@dataclass(frozen=True)
class Hardware:
    """A machine: its processor, the cores that may be used, torch's threads, and bytes of memory.

    `accelerator` is what networks ran on, where that was not the processor.

    What is not known is 0 or empty.
    """

    cpu: str
    cores: int
    threads: int
    memory: int
    accelerator: str = ""


def versions() -> dict[str, str]:
    """The versions of what takes part, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def hardware(device: Device = CPU) -> Hardware:
    """This machine, with networks on one of its devices."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    memory = pages and pages * os.sysconf("SC_PAGE_SIZE")
    return Hardware(_cpu(), found or 0, torch.get_num_threads(), memory, device.about)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
