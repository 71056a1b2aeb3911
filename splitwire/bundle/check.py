"""A bundle beside torch: how far its halves are from the network that they were exported from.

    torch:   edge ─▶ encode ─▶ decode ─▶ cloud
    bundle:  edge ─▶ encode ─▶ decode ─▶ cloud

Rounding differs, so a feature may come to lie on the other side of a quantiser's step: streams of
the two are nearly the same, and what one wrote the other decodes. What has to agree is the output
where nothing is coded, and the output for one and the same stream.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitwire.bundle.opened import Bundle
from splitwire.codecs.base import Codec
from splitwire.models.arrays import array
from splitwire.models.split import Split
from splitwire.runner.halves import Halves
from splitwire.runner.local import decode, decode_arrays, encode
from splitwire.tasks.base import Output, Task, tensors

OUTPUTS, DIVERGENCE = 1e-3, 1e-4
"""The most that an output may differ, and the most that it may diverge (in the task's unit)."""

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Differences:
    """What one picture shows, the bundle beside torch.

    Attributes:
        features: the largest difference of a number that crosses.
        outputs: the largest difference of a number of the output, nothing coded.
        divergence: of the bundle's output from torch's, nothing coded.
        decoded: the largest difference of a number of the output, both second halves on the
            bundle's stream.
        bytes, torch_bytes: of the packet that each makes.
        same: whether the two packets are the same.
        coded: the divergence of the bundle's output through the codec from torch's uncoded one;
            torch_coded: the same where torch's halves code.
    """

    features: float
    outputs: float
    divergence: float
    decoded: float
    bytes: int
    torch_bytes: int
    same: bool
    coded: float
    torch_coded: float


@dataclass(frozen=True)
class Verdict:
    """What all pictures show: the worst of each, and means where they say more."""

    pictures: Sequence[Differences]
    precision: str

    @property
    def faults(self) -> list[str]:
        """What is out of bounds, in words."""
        found = {
            "outputs for one stream": (max(p.decoded for p in self.pictures), OUTPUTS),
        }
        if self.precision == "float32":  # another arithmetic's loss is told, and not a fault
            found |= {
                "outputs": (max(p.outputs for p in self.pictures), OUTPUTS),
                "divergence": (max(p.divergence for p in self.pictures), DIVERGENCE),
            }
        return [
            f"{name} differ by {worst:.3g}, more than {bound:g}"
            for name, (worst, bound) in found.items()
            if not worst <= bound
        ]


def check(bundle: Bundle, cut: Split, task: Task, pictures: Iterable[Picture]) -> Verdict:
    """Compare a bundle with the network that it was made of, picture by picture.

    Raises:
        BitstreamError: what one of the two wrote the other does not decode.
        TaskError: an output is none of the task's.
    """
    found = [_differences(bundle, cut, task, x) for x in pictures]
    return Verdict(found, bundle.manifest.precision)


def _differences(bundle: Bundle, cut: Split, task: Task, x: Picture) -> Differences:
    ours, theirs = bundle.halves.start(x), cut.start(x)
    reference = task.checked(cut.finish(theirs))
    output = _as_torch(cut, bundle.halves.finish(ours))
    packets = [encode(features, bundle.codecs) for features in (ours, theirs)]
    decoded = [decode(packet, bundle.codecs, cut.crossings) for packet in packets]
    here = _as_torch(cut, bundle.halves.finish(_arrays(packets[0], bundle.codecs, cut)))
    _arrays(packets[1], bundle.codecs, cut)
    there, coded = (task.checked(cut.finish(tensors)) for tensors in decoded)
    return Differences(
        features=_apart(ours, theirs),
        outputs=_apart(tensors(output), tensors(reference)),
        divergence=task.divergence(reference, output),
        decoded=_apart(tensors(here), tensors(there)),
        bytes=len(packets[0]),
        torch_bytes=len(packets[1]),
        same=packets[0] == packets[1],
        coded=task.divergence(reference, here),
        torch_coded=task.divergence(reference, coded),
    )


def _arrays(packet: bytes, codecs: Sequence[Codec], halves: Halves) -> list[NDArray[np.float32]]:
    return decode_arrays(packet, codecs, [crossing.shape for crossing in halves.crossings])


def _as_torch(cut: Split, output: Output) -> Output:
    """An output of arrays as one of tensors, of which every task knows the divergence."""
    return cut.model.structured(np.ascontiguousarray(part) for part in tensors(output))


def _apart(ours: Sequence[object], theirs: Sequence[object]) -> float:
    """The largest absolute difference of two rows of tensors; infinite where it is no number."""
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        far = np.abs(array(one).astype(np.float64) - array(other).astype(np.float64))
        worst = max(worst, float(np.nan_to_num(far, nan=np.inf).max(initial=0.0)))
    return worst
