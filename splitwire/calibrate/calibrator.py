"""Making profiles: codecs calibrated at the cuts of a network, on the same crops."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from splitwire.calibrate import learn as calibrate
from splitwire.calibrate.learn import Seen
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile
from splitwire.codecs.registry import codec
from splitwire.data.photos import Photo, crops, load_photos
from splitwire.errors import CodecError, ProfileError
from splitwire.models.load import load_model
from splitwire.models.split import Split, split
from splitwire.runner.threads import limit_threads

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

    Args:
        photos: the calibration pictures.
        data: what the data set is called.
        seed: of the crops, and of the labels that gradients are taken of.
        count: how many crops.
        track: shows how far it is.
    """

    def __init__(
        self, photos: Sequence[Photo], data: str, seed: int, count: int, track: Track = silent
    ) -> None:
        self.photos, self.data, self.seed, self.count = photos, data, seed, count
        self._track = track
        self._crops: list[Tensor] = []
        self._seen: tuple[Split | None, bool, list[Seen]] = (None, False, [])

    def calibrate(self, cut: Split, codec: CalibratedCodec) -> list[Codec]:
        """The codec with a profile for each tensor that crosses; the profiles say what of.

        Raises:
            CodecError: the codec cannot learn from what crosses there.
            ExperimentError: it needs gradients of a network that is no classifier.
        """
        made = calibrate.calibrate(codec, cut, self._watch(cut, codec.uses_gradients))
        return [_told(one, self.about(cut, codec, i)) for i, one in enumerate(made)]

    def about(self, cut: Split, codec: CalibratedCodec, crossing: int) -> dict[str, str]:
        """What stands in a profile that it makes."""
        return {
            "model": cut.model.name,
            "weights": cut.model.digest,
            "split": cut.at,
            "crossing": str(crossing),
            "settings": settings(codec),
            "data": self.data,
            "crops": str(self.count),
            "seed": str(self.seed),
        }

    def _watch(self, cut: Split, gradients: bool) -> list[Seen]:
        """What the crops show there; kept until another cut is asked for."""
        known, had, seen = self._seen
        if known is not cut or gradients > had:
            if not self._crops:
                how = cut.model.preprocess
                self._crops = list(crops(self.photos, how, self.count, self.seed))
            shown = calibrate.watch(cut, self._crops, self.seed, gradients)
            said = f"{cut.at}: calibrating"
            seen = list(self._track(shown, total=self.count, description=said))
            self._seen = cut, gradients, seen
        return seen


def write_profiles(
    model: str,
    at: str,
    data: str,
    out: Path,
    *,
    spec: str = "ftc",
    crops: int = calibrate.CROPS,
    weights: str = "pretrained",
    seed: int = 0,
    track: Track = silent,
) -> list[Profile]:
    """Calibrate a codec for one split of a network, and write the profile of each crossing tensor.

    Args:
        model: as `load_model` takes it.
        at: the cut point.
        data: "scikit-image", or a folder of pictures.
        out: the file; `numbered` where several tensors cross.
        spec: the codec.
        crops: how many random crops to learn from.
        weights: as `load_model` takes them, or "none" for untrained ones.
        seed: of the crops, and of the labels drawn.
        track: shows how far it is.

    Raises:
        CodecError: the codec learns nothing, has a profile already, or cannot learn there.
        SplitwireError: a model, cut point or data set that cannot be had, or no such folder.
    """
    made = codec(spec)
    if not isinstance(made, CalibratedCodec) or not made.needs_profile:
        raise CodecError(f"{spec} needs no profile: name a codec that does, such as ftc")
    if not out.parent.is_dir():
        raise ProfileError(f"cannot write the profile {out}: there is no folder {out.parent}")
    photos = load_photos(data)
    limit_threads(1)  # as in a run: one repeats best
    cut = split(load_model(model, None if weights == "none" else weights), at)
    ready = Calibrator(photos, data, seed, crops, track).calibrate(cut, made)
    return save_profiles(ready, numbered(out, len(ready)))


def numbered(path: Path, count: int) -> list[Path]:
    """`x.profile`; where there are several, `x.0.profile`, `x.1.profile` and so on."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}.{i}{path.suffix}") for i in range(count)]


def save_profiles(codecs: Sequence[Codec], paths: Sequence[Path]) -> list[Profile]:
    """Write the profile of each codec."""
    pairs = zip(codecs, paths, strict=True)
    return [made.profile.save(path) for made, path in pairs if made.profile is not None]


def settings(codec: CalibratedCodec) -> str:
    """What of a codec its profile depends on."""
    return codec.name if codec.shares_profile else codec.spec


def _told(codec: Codec, about: dict[str, str]) -> Codec:
    if codec.profile is None:
        raise ProfileError(f"{codec.spec} learns nothing from calibration")
    return replace(codec, profile=replace(codec.profile, about=about))
