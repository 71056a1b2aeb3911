"""A choice: one way to run frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal

from typing_extensions import TypeVar

from splitwire.codecs.base import Codec
from splitwire.codecs.predictive import PredictiveCodec
from splitwire.runner.halves import Halves

if TYPE_CHECKING:  # which loads torch, that an edge with a bundle does without
    from splitwire.models.load import Model
    from splitwire.models.split import Split

Way = Literal["edge only", "cloud only", "shared"]

EDGE_ONLY: Way = "edge only"
CLOUD_ONLY: Way = "cloud only"
SHARED: Way = "shared"

Key = tuple[Way, str, str]
"""What tells a choice from others in samples and plans: its way, cut point and codec."""


H = TypeVar("H", bound=Halves, covariant=True, default="Split")


@dataclass(frozen=True, eq=False)
class Choice(Generic[H]):
    """Where a network runs, and with what is coded what crosses.

    Attributes:
        way: all on the edge, all in the cloud, or the network in two halves.
        split: the network in its halves; where all runs at one end, the other half does nothing.
        codecs: one for each crossing tensor; none where nothing is sent.
        codec: their spec, as users write it; empty where nothing is sent.
    """

    way: Way
    split: H
    codecs: tuple[Codec, ...] = ()
    codec: str = ""

    @classmethod
    def edge_only(cls, model: "Model") -> "Choice":
        """Everything on the edge: nothing is coded, nothing is sent."""
        from splitwire.models.split import split

        return Choice(EDGE_ONLY, split(model, "output"))

    @classmethod
    def cloud_only(cls, whole: "Split", codec: Codec, spec: str) -> "Choice":
        """Everything in the cloud: the picture itself is sent to a network cut at "input"."""
        return Choice(CLOUD_ONLY, whole, (codec,), spec)

    @classmethod
    def shared(cls, halves: "Split", codecs: Sequence[Codec], spec: str) -> "Choice":
        """The first half on the edge, the second in the cloud."""
        return Choice(SHARED, halves, tuple(codecs), spec)

    @property
    def at(self) -> str:
        """The cut point; empty where the network is not cut."""
        return self.split.at if self.way == SHARED else ""

    @property
    def key(self) -> Key:
        """What tells it from others of the same network."""
        return (self.way, self.at, self.codec)

    @property
    def elements(self) -> int:
        """The numbers that cross."""
        return sum(crossing.elements for crossing in self.split.crossings) if self.codecs else 0

    @property
    def predicts(self) -> bool:
        """Whether what is sent may build on what was sent before."""
        return any(isinstance(codec, PredictiveCodec) for codec in self.codecs)

    def __str__(self) -> str:
        return label(*self.key)


AnyChoice = Choice[Halves]
"""One whose halves may be run by anything."""


def label(way: Way, at: str, codec: str) -> str:
    """A choice in words: "jpeg:quality=50 at blocks.3", "edge only"."""
    if way == EDGE_ONLY:
        return way
    return f"{codec} at {at}" if way == SHARED else f"{way}, {codec}"
