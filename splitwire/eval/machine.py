"""The machine and the packages that a run is measured with."""

import os
import platform
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("splitwire", "torch", "torchvision", "timm", "numpy", "pillow", "av", "onnxruntime")


@dataclass(frozen=True)
class Hardware:
    """A machine: its processor, the cores that may be used, torch's threads, and bytes of memory.

    What is not known is 0 or empty; where no torch is loaded there is one thread. `accelerator` is
    what networks ran on, where that was not the processor.
    """

    cpu: str
    cores: int
    threads: int
    memory: int
    accelerator: str = ""


def versions() -> dict[str, str]:
    """The versions of what takes part and is installed, by name."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def hardware(accelerator: str = "") -> Hardware:
    """This machine, with networks on one of its accelerators or none."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    memory = pages and pages * os.sysconf("SC_PAGE_SIZE")
    torch = sys.modules.get("torch")  # an edge with a bundle has none
    threads = torch.get_num_threads() if torch else 1
    return Hardware(_cpu(), found or 0, threads, memory, accelerator)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
