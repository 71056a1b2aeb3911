"""Which packets a network loses: one by one, in bursts, or as a trace says.

Gilbert's channel is good or bad, and loses what is sent while it is bad (E. N. Gilbert, "Capacity
of a burst-noise channel", 1960; in the form of DFTS2, arXiv:2112.00794). With p the share that is
lost and b the mean length of a burst,

    P(bad → good) = 1 / b        P(good → bad) = P(bad → good) · p / (1 − p)

With b = 1 two packets are never lost in a row; losses that know nothing of each other have
b = 1 / (1 − p).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from splitwire.errors import DataError

Floats = NDArray[np.float64]
Lost = NDArray[np.bool_]


class LossModel(Protocol):
    """What becomes of packets that are sent one after another."""

    def lost(self, count: int, random: np.random.Generator) -> Lost:
        """Whether each of `count` packets is lost, (count,); a stretch from anywhere in time."""

    def arrivals(self, count: int) -> Floats:
        """The probability that so many of `count` packets arrive: (count + 1,), from 0 on."""


@dataclass(frozen=True)
class GilbertElliott:
    """Losses in bursts.

    Attributes:
        loss: share of packets lost, at least 0 and less than 1.
        burst: mean length of a run of losses, at least 1, and at least loss / (1 - loss).

    Raises:
        DataError: no channel is like that.
    """

    loss: float
    burst: float

    def __post_init__(self) -> None:
        if not (0 <= self.loss < 1 <= self.burst and self.worsens <= 1):
            raise DataError(
                f"a channel loses a share of 0 to 1, in bursts of at least 1 and loss / (1 - loss) "
                f"packets, not {self.loss} in bursts of {self.burst}"
            )

    @property
    def worsens(self) -> float:
        """P(good → bad)."""
        return self.loss / (1 - self.loss) / self.burst

    def lost(self, count: int, random: np.random.Generator) -> Lost:
        """A stretch that begins in either state, as likely as they are."""
        drawn = random.random(count)
        made = np.empty(count, np.bool_)
        bad = bool(count) and drawn[0] < self.loss
        for at in range(count):
            if at:
                bad = drawn[at] < (1 - 1 / self.burst if bad else self.worsens)
            made[at] = bad
        return made

    def arrivals(self, count: int) -> Floats:
        """Exactly, by the two states' chances of each count."""
        good, bad = np.zeros((2, count + 1))
        good[:2] = (0, 1 - self.loss) if count else (1,)
        bad[0] = self.loss if count else 0
        for _ in range(count - 1):
            stays = good * (1 - self.worsens) + bad / self.burst
            bad = good * self.worsens + bad * (1 - 1 / self.burst)
            good = np.concatenate(([0.0], stays[:-1]))
        return np.asarray(good + bad)


@dataclass(frozen=True)
class Independent(GilbertElliott):
    """Losses that know nothing of each other."""

    burst: float = 1.0

    def __init__(self, loss: float) -> None:
        object.__setattr__(self, "loss", loss)
        object.__setattr__(self, "burst", 1 / (1 - loss) if 0 <= loss < 1 else 1.0)
        self.__post_init__()


@dataclass(frozen=True, eq=False)
class LossTrace:
    """What a network lost, again from anywhere in it; after its end comes its beginning.

    Attributes:
        seen: whether each packet was lost, (n,), not empty.
    """

    seen: Lost

    @classmethod
    def read(cls, path: str | Path) -> "LossTrace":
        """A file of lines 0 (arrived) and 1 (lost); empty lines and those after # are skipped.

        Raises:
            DataError: the file cannot be read, holds another line, or none.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot read the trace {path}: {error}") from error
        told = [(at, line.strip()) for at, line in enumerate(lines, 1)]
        told = [(at, line) for at, line in told if line and not line.startswith("#")]
        for at, line in told:
            if line not in ("0", "1"):
                raise DataError(
                    f"{path}, line {at}: 0 (arrived) or 1 (lost) expected, not {line!r}"
                )
        if not told:
            raise DataError(f"{path} holds no packet: a line 0 or 1 for each is expected")
        return cls(np.array([line == "1" for _, line in told]))

    def lost(self, count: int, random: np.random.Generator) -> Lost:
        """A stretch of the trace."""
        start = int(random.integers(len(self.seen)))
        return np.asarray(self.seen[(start + np.arange(count)) % len(self.seen)])

    def arrivals(self, count: int) -> Floats:
        """As often as in the stretches of the trace."""
        round_ = np.concatenate((self.seen, np.resize(self.seen, count)))
        sums = np.concatenate(([0], np.cumsum(~round_)))
        found = sums[count : count + len(self.seen)] - sums[: len(self.seen)]
        return np.asarray(np.bincount(found, minlength=count + 1) / len(self.seen))
