"""Trainings that know nothing of each other, as units for a pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from splitwire.codecs.profile import Profile
from splitwire.train.run import Plan, Training


@dataclass(frozen=True)
class Trainings:
    """Trains one plan after another, each in its folder, where it goes on if it was interrupted.

    Attributes:
        device: as `Device.find` takes it.
    """

    device: str

    def open(self) -> Self:
        """There is nothing to load that plans would share."""
        return self

    def run(self, unit: tuple[Plan, Path]) -> Iterator[Profile]:
        """The profile that a plan ends in."""
        plan, folder = unit
        yield Training(plan, folder, device=self.device).run(_quiet)


def _quiet(line: dict[str, Any]) -> None:
    """The folder's history has it."""
