"""`raw`: the numbers themselves, or their codes packed to the bit. No entropy coding at all."""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.base import Tensor
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.layout import planes_shape
from splitwire.codecs.parameter import parameter
from splitwire.codecs.quantizing import QuantizingCodec
from splitwire.codecs.registry import register_codec
from splitwire.errors import BitstreamError, CodecError

_DTYPES = {"float32": "<f4", "float16": "<f2"}


@register_codec
class Raw(QuantizingCodec):
    """Uniformly quantised codes of 1 to 8 bits, or floating-point numbers as they are.

    Attributes:
        bits: bits a code.
        dtype: "float32" (exact) or "float16" instead of codes; numbers beyond float16 saturate.
    """

    name: ClassVar[str] = "raw"
    exact: ClassVar[bool] = True
    bits: int = parameter(8, "bits a code", low=1, high=8, decoding=True)
    dtype: str = parameter(
        "codes", "codes, or the numbers themselves", choices=("codes", *_DTYPES), decoding=True
    )

    @property
    def code_levels(self) -> int:
        """How many codes there are."""
        return 1 << self.bits

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dtype != "codes" and (self.bits != 8 or self.clip == "profile"):
            raise CodecError(f"raw: bits and clip belong to codes, not to dtype={self.dtype}")

    def most_error(self, x: Tensor) -> float:
        """Half a step of codes, or what is clipped; of float32 none."""
        if self.dtype == "float16":  # whose steps grow with the numbers
            return math.inf
        return 0.0 if self.dtype == "float32" else super().most_error(x)

    def most_bytes(self, shape: tuple[int, ...]) -> int:
        """The numbers or the codes, with the header and the clip ranges."""
        if self.dtype == "codes":
            ranges = super().most_bytes((1,)) + 8 * planes_shape(shape)[0]
            return ranges + -(-math.prod(shape) * self.bits // 8)
        return super().most_bytes((1,)) + np.dtype(_DTYPES[self.dtype]).itemsize * math.prod(shape)

    def _encode(self, x: Tensor) -> bytes:
        if self.dtype == "codes":
            return super()._encode(x)
        dtype = _DTYPES[self.dtype]
        if self.dtype == "float16":
            largest = float(np.finfo(np.float16).max)
            x = x.clip(-largest, largest)
        return x.astype(dtype).tobytes()

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        if self.dtype == "codes":
            return super()._decode(payload, shape)
        numbers = np.frombuffer(payload, dtype=_DTYPES[self.dtype])
        if numbers.size != np.prod(shape):
            raise BitstreamError(f"damaged raw payload: {numbers.size} numbers for shape {shape}")
        return numbers.astype(np.float32).reshape(shape)

    def _code(self, planes: Tensor, bounds: ClipRange) -> bytes:
        codes = kernels.quantize(planes, *bounds.pair, bits=self.bits)
        return kernels.pack_bits(codes, self.bits).tobytes()

    def _uncode(
        self, payload: memoryview, shape: tuple[int, int, int], bounds: ClipRange
    ) -> NDArray[np.float32]:
        codes = kernels.unpack_bits(payload, self.bits, int(np.prod(shape))).reshape(shape)
        return kernels.dequantize(codes, *bounds.pair, bits=self.bits)
