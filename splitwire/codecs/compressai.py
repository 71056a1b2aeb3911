"""`compressai`: CompressAI's learned picture codecs, a baseline that sends the picture itself.

Networks, tables and the way through them are CompressAI's; its entropy coder, which trusts what it
decodes, is replaced by ours. The networks compute in floating point, so that a stream should be
decoded on the machine that encoded it: good for measuring, not for sending.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.base import Tensor
from splitwire.codecs.bitstream import read_varint, write_varint
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile
from splitwire.codecs.registry import register_codec
from splitwire.errors import BitstreamError, CodecError, ProfileError

_MULTIPLE = 64  # of the sides that the networks take
_REACH = 511  # a symbol is at most that far from zero
_RARE = 4  # of 65536: what is rarer gets no place in a table


@register_codec
class CompressAI(CalibratedCodec):
    """A picture codec of CompressAI's zoo: factorised prior, scale or mean-scale hyperprior.

    (J. Ballé et al., ICLR 2018; D. Minnen, J. Ballé and G. Toderici, NeurIPS 2018.) It codes 3×H×W
    of numbers 0 to 255, which is what crosses at the split point `input`. `profile=PATH` names a
    checkpoint, as the zoo downloads it or CompressAI's training writes it. Models with an
    autoregressive prior are refused: those decode latent by latent.
    """

    name: ClassVar[str] = "compressai"
    trained: ClassVar[bool] = True

    @classmethod
    def read_profile(cls, path: str | Path) -> Profile:
        """The arrays of a checkpoint.

        Raises:
            ProfileError: it cannot be read, is of no such model, or CompressAI is not installed.
        """
        import torch

        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
            arrays = {name: tensor.numpy() for name, tensor in state.items()}
        except Exception as error:  # whatever torch stumbles over
            raise ProfileError(f"cannot read the checkpoint {path}: {error}") from error
        profile = Profile(cls.name, arrays, Path(path))
        _model(profile)  # fails here, or never
        return profile

    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> Self:
        """Nothing that it can do.

        Raises:
            CodecError: always.
        """
        raise CodecError("compressai is trained, not calibrated: name a checkpoint, profile=PATH")

    @property
    def missing(self) -> str:
        """CompressAI, where it is not installed."""
        return "" if find_spec("compressai") else "CompressAI"

    @property
    def needs_profile(self) -> bool:
        """Whether it was given no checkpoint."""
        return self.profile is None

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Three colour planes of at most 16,384 samples a side."""
        return len(shape) == 3 and shape[0] == 3 and max(shape) <= 1 << 14

    def _encode(self, x: Tensor) -> bytes:
        import torch

        assert self.profile is not None
        height, width = x.shape[1:]
        more = ((0, 0), (0, -height % _MULTIPLE), (0, -width % _MULTIPLE))
        picture = np.pad(x.clip(0, 255) / np.float32(255), more, mode="edge")
        with torch.inference_mode():
            made = _model(self.profile).compress(torch.from_numpy(picture)[None])
        streams = [stream for (stream,) in made["strings"]]
        return b"".join(write_varint(len(stream)) + stream for stream in streams)

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        import torch

        if self.profile is None:
            raise BitstreamError("damaged compressai stream: it names no checkpoint")
        model, at, streams = _model(self.profile), 0, []
        for _ in range(2 if hasattr(model, "h_a") else 1):
            length, at = read_varint(payload, at)
            streams.append([bytes(payload[at : at + length])])
            at += length
        sides = [-(-side // _MULTIPLE) * _MULTIPLE for side in shape[1:]]
        coarsest = [side // model.downsampling_factor for side in sides]
        with torch.inference_mode():
            picture = model.decompress(streams, coarsest)["x_hat"][0].numpy()
        cropped = picture[:, : shape[1], : shape[2]] * np.float32(255)
        return np.ascontiguousarray(cropped)


class _Coder:
    """Our rANS in the place of CompressAI's: the same two calls, and ValueError for damage."""

    def encode_with_indexes(
        self,
        symbols: Sequence[int],
        indexes: Sequence[int],
        cdfs: Sequence[Sequence[int]],
        lengths: Sequence[int],
        offsets: Sequence[int],
    ) -> bytes:
        """The stream of symbols, each by the table that its index names."""
        tables, rows = _tables(cdfs, lengths, offsets), np.asarray(indexes)
        low, high = (tables > 0).argmax(1), 2 * _REACH - (tables[:, ::-1] > 0).argmax(1)
        places = (np.asarray(symbols) + _REACH).clip(low[rows], high[rows]).astype(np.uint16)
        return kernels.rans_encode(places[:, None], tables, rows).tobytes()

    def decode_with_indexes(
        self,
        stream: bytes,
        indexes: Sequence[int],
        cdfs: Sequence[Sequence[int]],
        lengths: Sequence[int],
        offsets: Sequence[int],
    ) -> list[int]:
        """The symbols again."""
        tables, rows = _tables(cdfs, lengths, offsets), np.asarray(indexes)
        places = kernels.rans_decode(stream, tables, (len(rows), 1), rows)[:, 0]
        symbols: list[int] = (places.astype(np.int64) - _REACH).tolist()
        return symbols


def _tables(
    cdfs: Sequence[Sequence[int]], lengths: Sequence[int], offsets: Sequence[int]
) -> NDArray[np.uint16]:
    """CompressAI's tables as our coder takes them, without their symbol for all that is further."""
    weights = np.zeros((len(cdfs), 2 * _REACH + 1), np.int64)
    for row, cdf, length, offset in zip(weights, cdfs, lengths, offsets, strict=True):
        counts = np.diff(cdf[: length - 1])
        places = np.arange(len(counts)) + offset + _REACH
        kept = (places >= 0) & (places < len(row)) & (counts >= _RARE)
        row[places[kept]] = counts[kept]
    return np.stack([kernels.rans_frequencies(row) for row in weights])


@lru_cache(maxsize=8)
def _model(profile: Profile) -> Any:
    """The network of a checkpoint.

    Raises:
        ProfileError: it is of no model that this codec takes, or CompressAI is not installed.
    """
    try:
        from compressai.models import FactorizedPrior, MeanScaleHyperprior, ScaleHyperprior
        from compressai.zoo import load_state_dict
    except ImportError as error:
        raise ProfileError(
            'this codec runs CompressAI\'s networks: pip install "splitwire[learned]"'
        ) from error
    import torch

    arrays = profile.arrays.items()
    state = load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays})
    kind = FactorizedPrior
    if "h_s.4.weight" in state:
        told, latents = len(state["h_s.4.weight"]), len(state["g_a.6.weight"])
        kind = MeanScaleHyperprior if told == 2 * latents else ScaleHyperprior
    try:
        model = kind.from_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise ProfileError(f"{profile.path} is none of its models: {error}") from error
    model.eval()
    model.update(force=True)  # tables of the weights, whatever the file has of them
    for part in model.modules():
        if hasattr(part, "entropy_coder"):
            part.entropy_coder = _Coder()
    return model
