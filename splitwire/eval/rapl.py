"""The power of this machine's processors, by their own energy counters, where it has such.

Intel's and AMD's processors count the energy of each package (RAPL, "running average power limit");
Linux shows the counts under /sys/class/powercap, to root alone since version 5.10. They count all
that the processor does: measure while nothing else runs.
"""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep

_ZONES = Path("/sys/class/powercap")
_SECONDS = 1.0  # of rest, and then of work


class Counters:
    """The energy counters of the processors.

    Args:
        zones: the folder of the packages' and other zones.

    Raises:
        OSError: there are none, or they may not be read.
    """

    def __init__(self, zones: Path = _ZONES) -> None:
        found = [zone for zone in sorted(zones.glob("*-rapl:*")) if _is_package(zone)]
        if not found:
            raise FileNotFoundError(f"no package of a processor is counted in {zones}")
        self._ranges = {zone: int((zone / "max_energy_range_uj").read_text()) for zone in found}
        self._before = self._now()

    def joules(self) -> float:
        """What all packages took since this was asked before; each count begins anew at its end."""
        before, self._before = self._before, self._now()
        return 1e-6 * sum((self._before[z] - before[z]) % (self._ranges[z] + 1) for z in before)

    def _now(self) -> dict[Path, int]:
        return {zone: int((zone / "energy_uj").read_text()) for zone in self._ranges}


def watts_at_work(counters: Counters, work: Callable[[], object]) -> float:
    """What work takes over rest, done again and again for a second."""
    begin = perf_counter()
    counters.joules()
    sleep(_SECONDS)
    rest = counters.joules() / (perf_counter() - begin)
    begin = perf_counter()
    while perf_counter() - begin < _SECONDS:
        work()
    return counters.joules() / (perf_counter() - begin) - rest


def _is_package(zone: Path) -> bool:
    """Whether a zone is a whole package: not a part of one, and not the platform around it."""
    try:
        return (zone / "name").read_text().startswith("package")
    except OSError:
        return False
