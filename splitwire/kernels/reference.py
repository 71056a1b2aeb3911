"""The NumPy twin of every kernel: the same names, signatures, errors and, to the bit, results.

Written to be read and believed, not to be fast. What each function takes, gives and raises is
told by the docstring of its compiled twin in `splitwire.kernels`.
"""

from collections.abc import Sequence
from math import inf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments, ranges
from splitwire.kernels.arguments import Codes, Features, frame_shape
from splitwire.kernels.reference_coefficients import (
    coefficient_contexts,
    coefficients_decode,
    coefficients_encode,
)
from splitwire.kernels.reference_ecsq import ecsq_quantize
from splitwire.kernels.reference_laplace import laplace_range
from splitwire.kernels.reference_motion import motion_move, motion_search
from splitwire.kernels.reference_range import (
    range_decode,
    range_encode,
    unary_decode,
    unary_encode,
)
from splitwire.kernels.reference_rans import (
    pack_frequencies,
    rans_decode,
    rans_decode_streams,
    rans_encode,
    rans_encode_streams,
    rans_frequencies,
    unpack_frequencies,
)
from splitwire.kernels.reference_rans8 import rans8_decode, rans8_encode, rans8_suits
from splitwire.kernels.reference_residuals import residuals_decode, residuals_encode
from splitwire.kernels.reference_trellis import trellis_quantize, trellis_quantizers

__all__ = [
    "coefficient_contexts",
    "coefficients_decode",
    "coefficients_encode",
    "dequantize",
    "dequantize_untile",
    "ecsq_quantize",
    "frame_shape",
    "histogram",
    "laplace_range",
    "moments",
    "motion_move",
    "motion_search",
    "pack_bits",
    "pack_frequencies",
    "quantize",
    "quantize_tile",
    "range_decode",
    "range_encode",
    "rans8_decode",
    "rans8_encode",
    "rans8_suits",
    "rans_decode",
    "rans_decode_streams",
    "rans_encode",
    "rans_encode_streams",
    "rans_frequencies",
    "residuals_decode",
    "residuals_encode",
    "tile",
    "trellis_quantize",
    "trellis_quantizers",
    "unary_decode",
    "unary_encode",
    "unpack_bits",
    "unpack_frequencies",
    "untile",
]

_EMPTY_PLACE = 128
_BLOCK = 8192
_LANES = 32
_CANCELLATION = 1024.0


def quantize(
    x: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    bits: int = 8,
    out: Codes | None = None,
) -> Codes:
    """Clip `x` to [lo, hi] and round it to codes of `bits` bits."""
    x = arguments.features(x)
    top = np.float32(arguments.top_code(bits))
    offset, scale = _along_first_axis(ranges.quantizer(lo, hi, bits, len(x)), x.ndim)
    result = arguments.output(out, x.shape, arguments.UINT8, x)
    with np.errstate(all="ignore"):
        steps = np.rint((x - offset) * scale)
        # fmax, unlike maximum, prefers the number to the NaN.
        result[...] = np.fmin(np.fmax(steps, np.float32(0)), top)
    return result


def dequantize(
    q: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    bits: int = 8,
    out: Features | None = None,
) -> Features:
    """Map codes back to values: lo + q * float32((hi - lo) / (2**bits - 1))."""
    q = arguments.codes(q)
    offset, step = _along_first_axis(ranges.dequantizer(lo, hi, bits, len(q)), q.ndim)
    result = arguments.output(out, q.shape, arguments.FLOAT32, q)
    with np.errstate(all="ignore"):
        result[...] = offset + q.astype(np.float32) * step
    return result


def tile(q: npt.ArrayLike, block: int = 1, out: Codes | None = None) -> Codes:
    """Lay the channels of `q` out on a grid, as one grey picture."""
    q = arguments.channel_maps(arguments.codes(q), "q")
    frame = arguments.output(out, frame_shape(q.shape, block), arguments.UINT8, q)
    channels, height, width = q.shape
    rows, columns = arguments.grid(channels, height, width)
    places = np.full((rows * columns, height, width), _EMPTY_PLACE, np.uint8)
    places[:channels] = q
    grid = places.reshape(rows, columns, height, width).swapaxes(1, 2)
    mosaic = grid.reshape(rows * height, columns * width)
    below, right = frame.shape[0] - mosaic.shape[0], frame.shape[1] - mosaic.shape[1]
    frame[...] = np.pad(mosaic, ((0, below), (0, right)), mode="edge")
    return frame


def untile(frame: npt.ArrayLike, shape: Sequence[int], out: Codes | None = None) -> Codes:
    """Take the channels of a tensor of `shape` (C, H, W) back out of its mosaic."""
    frame, sizes = arguments.mosaic_frame(frame, shape)
    result = arguments.output(out, sizes, arguments.UINT8, frame)
    channels, height, width = sizes
    rows, columns = arguments.grid(channels, height, width)
    grid = frame[: rows * height, : columns * width].reshape(rows, height, columns, width)
    result[...] = grid.swapaxes(1, 2).reshape(rows * columns, height, width)[:channels]
    return result


def quantize_tile(
    x: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    bits: int = 8,
    block: int = 1,
    out: Codes | None = None,
) -> Codes:
    """`tile(quantize(x, lo, hi, bits), block)`."""
    x = arguments.channel_maps(arguments.features(x), "x")
    codes = quantize(x, lo, hi, bits)
    frame = arguments.output(out, frame_shape(x.shape, block), arguments.UINT8, x)
    return tile(codes, block, frame)


def dequantize_untile(
    frame: npt.ArrayLike,
    shape: Sequence[int],
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    bits: int = 8,
    out: Features | None = None,
) -> Features:
    """`dequantize(untile(frame, shape), lo, hi, bits)`."""
    frame, sizes = arguments.mosaic_frame(frame, shape)
    ranges.dequantizer(lo, hi, bits, sizes[0])  # refused before anything is allocated
    result = arguments.output(out, sizes, arguments.FLOAT32, frame)
    return dequantize(untile(frame, sizes), lo, hi, bits, result)


def moments(x: npt.ArrayLike) -> tuple[float, float, float, float]:
    """Minimum, maximum, mean and population deviation of `x`, as Python floats.

    The order of summation is part of the result. The values are taken in blocks of 8192. A block
    with values that are not finite is closed up over them. Its mean and its sum of squares about
    the mean come from `_shifted_sums` with shift 0; if that loses ten bits or more to
    cancellation, they are summed again about the mean. Blocks are merged from first to last, by
    the update of Chan, Golub and LeVeque (1979).
    """
    values = arguments.features(x).reshape(-1)
    low, high, count, mean, square = inf, -inf, 0, 0.0, 0.0
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        block = block[np.isfinite(block)]
        if not block.size:
            continue
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        block_mean, block_square = _about_mean(block)
        count += block.size
        share = block.size / count
        delta = block_mean - mean
        mean += delta * share
        square += block_square + delta * delta * ((count - block.size) * share)
    if not count:
        arguments.refuse_non_finite()
    # Adding 0.0 makes one zero of -0.0 and 0.0.
    return low + 0.0, high + 0.0, mean + 0.0, sqrt(square / count)


def histogram(q: npt.ArrayLike, bits: int = 8) -> npt.NDArray[np.int64]:
    """How often each code occurs in `q`."""
    top = arguments.top_code(bits)
    q = _codes_up_to(top, q)
    return np.bincount(q.reshape(-1), minlength=top + 1).astype(np.int64)


def pack_bits(q: npt.ArrayLike, bits: int) -> Codes:
    """Pack codes of `bits` bits, most significant bit first, the last byte filled with zeros."""
    q = _codes_up_to(arguments.top_code(bits), q)
    return np.packbits(np.unpackbits(q.reshape(-1, 1), axis=1)[:, 8 - bits :])


def unpack_bits(buffer: Any, bits: int, size: int) -> Codes:
    """Take `size` codes of `bits` bits out of what `pack_bits` made of them."""
    packed = arguments.packed_bytes(buffer, bits, size)
    bits, size = int(bits), int(size)  # a NumPy integer would overflow in their product
    stream = np.unpackbits(packed)[: size * bits].reshape(size, bits)
    padded = np.zeros((size, 8), np.uint8)
    padded[:, 8 - bits :] = stream
    return np.packbits(padded, axis=1).reshape(-1)


def _along_first_axis(affine: ranges.Affine, rank: int) -> list[Features]:
    """Offset and factor as float32 arrays that broadcast over a tensor of `rank` axes."""
    return [np.asarray(part, np.float32).reshape(-1, *[1] * (rank - 1)) for part in affine]


def _codes_up_to(top: int, q: npt.ArrayLike) -> Codes:
    codes = arguments.codes(q)
    if codes.max() > top:
        arguments.refuse_codes(codes, top)
    return codes


def _about_mean(block: Features) -> tuple[float, float]:
    """Mean of a block and its sum of squares about that mean."""
    total, square = _shifted_sums(block, 0.0)
    mean = total / block.size
    about_mean = square - total * mean
    if about_mean * _CANCELLATION < square:
        total, square = _shifted_sums(block, mean)
        about_mean = square - total * (total / block.size)
        mean += total / block.size
    return mean, max(about_mean, 0.0)


def _shifted_sums(block: Features, shift: float) -> tuple[float, float]:
    """Sums of d and d * d for d = value - shift: lane l takes l, l + 32, ...; halves are folded."""
    rows = -(-block.size // _LANES)
    offsets = np.zeros((1 + rows, _LANES))  # the first row of zeros is where the sums start
    offsets.reshape(-1)[_LANES : _LANES + block.size] = block.astype(np.float64) - shift
    # accumulate, unlike sum, is defined to add one row after another.
    lanes = np.add.accumulate(np.stack([offsets, offsets * offsets], axis=1))[-1]
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return float(lanes[0, 0]), float(lanes[1, 0])
