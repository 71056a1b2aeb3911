"""Making profiles: codecs calibrated at the cuts of a network, on the same crops."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from splitwire.calibrate import learn
from splitwire.calibrate.learn import HELD, Learning, Seen, Trial, more_bytes
from splitwire.calibrate.stopping import stopping
from splitwire.calibrate.store import SUFFIX, settings
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile, Provenance
from splitwire.codecs.registry import codec
from splitwire.data.fingerprint import fingerprints
from splitwire.data.holding import hold_out
from splitwire.data.photos import Photo, cropped, crops, load_photos
from splitwire.errors import CodecError, ProfileError, StorageError
from splitwire.models.device import Device
from splitwire.models.load import load_model
from splitwire.models.split import Split, split
from splitwire.runner.threads import limit_threads
from splitwire.tasks.base import Task
from splitwire.tasks.registry import load_task

ONE_IN = 5  # originals is held out
_FEW = 500  # crops are kept from one cut to the next: opening photos takes longer than the network

T = TypeVar("T")


class Track(Protocol):
    """Gives the items of a sequence and shows how far it is, as `rich.progress.track` does."""

    def __call__(self, sequence: Iterable[T], *, total: int, description: str) -> Iterable[T]:
        """The items, one after another."""


def silent(sequence: Iterable[T], *, total: int, description: str) -> Iterable[T]:
    """Shows nothing."""
    return sequence


class Calibrator:
    """Calibrates codecs at one cut after another, on the same crops.

    A codec that promises a loss keeps it on photos that it did not learn from: one in five is held
    out.

    Args:
        photos: the calibration pictures.
        data: what the data set is called.
        task: that of the network.
        seed: of the crops, and of the labels that gradients are taken of.
        count: how many crops.
        track: shows how far it is.
        tell: also find out what held-out pictures cost, and what half of the photos would have
            taught; profiles say it. Ctrl-C then ends the crops, and the profile is of those so far.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        data: str,
        task: Task,
        seed: int = 0,
        count: int = learn.CROPS,
        track: Track = silent,
        tell: bool = False,
    ) -> None:
        self.photos, self.data, self.seed, self.count = photos, data, seed, count
        self.task, self._track, self._tell = task, track, tell
        self._kept: dict[tuple[tuple[Photo, ...], int], list[NDArray[Any]]] = {}

    def calibrate(self, cut: Split, codec: CalibratedCodec) -> list[Codec]:
        """The codec with a profile for each tensor that crosses; the profiles say what of.

        Raises:
            CodecError: the codec cannot learn from what crosses there.
            TaskError: it needs gradients, and the network's output is not of the task.
        """
        photos, aside, held = list(self.photos), list[Photo](), list[Seen]()
        if codec.expected_loss:
            photos, aside = hold_out(photos, ONE_IN)
            held = list(self._watch(cut, "held out", aside or photos, min(HELD, self.count)))
        whole, half = (Learning(codec, cut, self.task) for _ in range(2))
        telling = self._tell and len(photos) > 1 and bool(codec.settings)
        shown = self._watch(cut, "calibrating", photos, self.count, codec.uses_gradients)
        with stopping() if self._tell else nullcontext(lambda: False) as stopped:
            for i, seen in enumerate(shown):
                whole.add(seen)
                if telling and i % len(photos) < len(photos) / 2:  # crops take the photos in turn
                    half.add(seen)
                if stopped():  # what was learnt is worth something
                    self.count = i + 1
                    break
        told = self._provenance(cut, codec, photos, aside)
        less = half.trials(half.codecs(held), held) if telling else []
        del half  # a gigabyte, perhaps
        made = whole.codecs(held)
        if self._tell:
            told = self._measured(told, whole.trials(made, held), less)
        return [_told(one, replace(told, crossing=i)) for i, one in enumerate(made)]

    def learns(self, learnt: Provenance) -> bool:
        """Whether a profile was learnt on what this one learns of, or on more."""
        if learnt.data == (self.data,):
            return (learnt.crops, learnt.seed) == (self.count, self.seed)
        return self.data in learnt.data

    def _provenance(
        self, cut: Split, codec: CalibratedCodec, photos: Sequence[Photo], aside: Sequence[Photo]
    ) -> Provenance:
        seen = [*cropped(photos, self.count, self.seed), *cropped(aside, HELD, self.seed)]
        return Provenance(
            cut.model.name,
            cut.model.digest,
            cut.at,
            settings(codec),
            data=(self.data,),
            crops=self.count,
            seed=self.seed,
            task=self.task.name,
            photos=len(photos),
            held_out=len(aside),
            pictures=fingerprints(seen),
        )

    def _measured(
        self, learnt: Provenance, trials: Sequence[Trial], less: Sequence[Trial]
    ) -> Provenance:
        """What a profile was learnt on, with what held-out pictures cost."""
        unit = self.task.unit
        said = tuple(
            f"{t.setting}: {t.divergence:.3g} {unit} at {t.bytes:.0f} bytes" for t in trials
        )
        half = more_bytes(less, trials, self.task.fidelity) if less else 0.0
        return replace(learnt, measured=said, half=round(half, 3))

    def _watch(
        self, cut: Split, why: str, photos: Sequence[Photo], count: int, gradients: bool = False
    ) -> Iterable[Seen]:
        """What crops of photos show there."""
        shown = learn.watch(
            cut, self._crops(cut, photos, count), self.task if gradients else None, self.seed
        )
        return self._track(shown, total=count, description=f"{cut.at}: {why}")

    def _crops(self, cut: Split, photos: Sequence[Photo], count: int) -> Iterator[Tensor]:
        """Random crops, float32 (3, H, W), or tensors; the same again from memory, if few."""
        key = (tuple(photos), count)
        if key in self._kept:
            yield from (pixels.astype(np.float32) for pixels in self._kept[key])
            return
        made: list[NDArray[Any]] = []
        how = cut.model.preprocess
        for crop in crops(photos, how, count, self.seed):
            if count <= _FEW:
                made.append(crop.astype(how.held))
            yield crop
        if made:
            self._kept[key] = made


@dataclass(frozen=True)
class Plan:
    """What `splitwire calibrate` is to learn.

    Attributes:
        model: as `load_model` takes it.
        split: the cut point.
        data: "scikit-image", or a folder of pictures.
        codec: the spec of one that needs a profile.
        task: of the network, as `load_task` takes it; None for the one that it is for.
        crops: how many random crops to learn from.
        weights: as `load_model` takes them, or "none" for untrained ones.
        seed: of the crops, and of the labels drawn.
        device: where the network runs; see `Device.find`.
    """

    model: str
    split: str
    data: str = "scikit-image"
    codec: str = "ftc"
    task: str | None = None
    crops: int = learn.CROPS
    weights: str = "pretrained"
    seed: int = 0
    device: str = "cpu"


def write_profiles(plan: Plan, out: Path, track: Track = silent) -> list[Profile]:
    """Calibrate a codec for one split of a network, and write the profile of each crossing tensor.

    Args:
        plan: what to learn.
        out: the file; `numbered` where several tensors cross.
        track: shows how far it is.

    Raises:
        CodecError: the codec learns nothing, has a profile already, or cannot learn there.
        SplitwireError: a model, cut point or data set that cannot be had, or no such folder.
    """
    made = codec(plan.codec)
    if not isinstance(made, CalibratedCodec) or not made.needs_profile:
        raise CodecError(f"{plan.codec} needs no profile: name a codec that does, such as ftc")
    if not out.parent.is_dir():
        raise ProfileError(
            f"cannot write the profile {out}: there is no folder {out.parent}; make it first"
        )
    if not os.access(out.parent, os.W_OK):  # rather now than when all is learnt
        raise StorageError(f"cannot write {out}: nothing may be written to {out.parent}")
    photos = load_photos(plan.data, labelled=False)
    limit_threads(1)  # as in a run: one repeats best
    device = Device.find(plan.device)
    model = load_model(plan.model, None if plan.weights == "none" else plan.weights).on(device)
    task = load_task(plan.task, model)
    calibrator = Calibrator(photos, plan.data, task, plan.seed, plan.crops, track, tell=True)
    return save_profiles(calibrator.calibrate(split(model, plan.split), made), out)


def save_profiles(codecs: Sequence[Codec], out: Path) -> list[Profile]:
    """Write the profile of each codec to a file; several as `x.0.profile`, `x.1.profile`."""
    paths = [out]
    if len(codecs) > 1:
        paths = [out.with_name(f"{out.stem}.{i}{out.suffix or SUFFIX}") for i in range(len(codecs))]
    pairs = zip(codecs, paths, strict=True)
    return [made.profile.save(path) for made, path in pairs if made.profile is not None]


def _told(codec: Codec, learnt: Provenance) -> Codec:
    if codec.profile is None:
        raise ProfileError(f"{codec.spec} learns nothing from calibration")
    return replace(codec, profile=replace(codec.profile, learnt=learnt))
