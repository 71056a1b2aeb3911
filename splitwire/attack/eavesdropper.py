"""An eavesdropper at one split and codec: what they know, and make of what they hear.

They know the network, the codec with its profile, and pictures of their own; they hear packets.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from splitwire.attack import bound
from splitwire.attack.baselines import Nearest, jpeg_of, mean_picture
from splitwire.attack.decoder import Decoder, Watched
from splitwire.attack.inversion import invert, train
from splitwire.attack.optimisation import optimise, roughness
from splitwire.calibrate.calibrator import Track
from splitwire.codecs.base import Codec, Tensor
from splitwire.disk import write_whole
from splitwire.errors import ModelError
from splitwire.models.split import Split
from splitwire.runner.local import decode, encode


class Eavesdropper:
    """Attacks one split through one codec.

    Args:
        cut: the network in its halves; see `check_cut`.
        codec: with its profile.
        pictures: their own, uint8 (N, channels, H, W).
        features: of these, float32 (N, C, H, W), as they cross.
        seed: of the decoder's weights and training.
        track: shows how far it is.

    Raises:
        CodecError: the codec cannot take what crosses.
    """

    def __init__(
        self,
        cut: Split,
        codec: Codec,
        pictures: NDArray[np.uint8],
        features: NDArray[np.float32],
        seed: int,
        track: Track,
    ) -> None:
        self._cut, self._codec, self._seed, self._track = cut, codec, seed, track
        heard = track(features, total=len(features), description=f"{cut.at}: listening")
        decoded, errors = [], []
        for x in heard:
            y, _ = self.hear(x)
            decoded.append(y.astype(np.float16))
            errors.append(np.mean((x - y) ** 2, (1, 2)))
        self._watched = Watched(np.stack(decoded), pictures)
        self._variance = np.mean(errors, 0)  # of the codec's noise in each channel
        self._roughness, self._mean = roughness(pictures), mean_picture(pictures)
        self._nearest = Nearest(self._watched)
        self.decoder = Decoder(features.shape[1:], pictures.shape[1:], seed)

    def hear(self, features: Tensor) -> tuple[Tensor, int]:
        """What is decoded of features (C, H, W), and the bytes of the packet."""
        packet = encode([torch.from_numpy(features)[None]], [self._codec])
        (decoded,) = decode(packet, [self._codec], self._cut.crossings)
        found: Tensor = decoded[0].numpy()
        return found, len(packet)

    def learn(self, path: Path, before: Path | None, steps: int) -> None:
        """Train the decoder, or read it where it was trained already.

        Args:
            path: where it is kept.
            before: a decoder of the same split, which training starts from.
            steps: of training.
        """
        if path.exists():
            self.decoder.load_state_dict(safetensors.torch.load_file(path))
            return
        if before is not None:
            self.decoder.load_state_dict(safetensors.torch.load_file(before))
        self.decoder.fit(self._watched, self._seed)
        name = f"{self._cut.at}: training"
        train(self.decoder, self._watched, steps, self._seed, self._track, name)
        write_whole(path, safetensors.torch.save(self.decoder.state_dict()))

    def attack(self, picture: Tensor, steps: int) -> tuple[dict[str, Tensor], int, float]:
        """What they make of one picture.

        Args:
            picture: (channels, H, W), 0 to 255, that was sent.
            steps: of the second attack; 0 leaves it out.

        Returns:
            A picture for each attack and baseline by name, the bytes of the packet, and the bound.
        """
        decoded, size = self.hear(self._cut.start(picture)[0][0].numpy())
        seen = {"inversion": invert(self.decoder, decoded)}
        if steps:
            told = (self._variance, self._roughness, seen["inversion"], steps)
            seen["optimisation"] = optimise(self._cut, decoded, *told)
        seen |= {"nearest": self._nearest.find(decoded), "mean": self._mean}
        if (jpeg := jpeg_of(picture, size)) is not None:
            seen["jpeg"] = jpeg
        return seen, size, bound.least_error(self._cut, picture, self._variance)


def check_cut(cut: Split) -> None:
    """Refuse a cut whose features no decoder here takes.

    Raises:
        ModelError: more than one tensor crosses there, or one of another rank than three.
    """
    if len(cut.crossings) != 1 or len(cut.crossings[0].shape) != 4:
        raise ModelError(
            f"{cut.model.name} sends no single map C×H×W at {cut.at}: attack another cut"
        )


def features_of(cut: Split, pictures: NDArray[np.uint8], track: Track) -> NDArray[np.float32]:
    """What crosses for pictures (N, channels, H, W): float32 (N, C, H, W)."""
    shown: Sequence[NDArray[np.uint8]] = list(pictures)
    seen = track(shown, total=len(shown), description=f"{cut.at}: edge half")
    return np.stack([cut.start(x.astype(np.float32))[0][0].numpy() for x in seen])
