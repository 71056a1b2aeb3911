"""The arithmetic of feature coding: quantise, tile, measure, pack and entropy-code, compiled.

Every function takes and gives NumPy arrays, has a twin of the same name and signature in
`splitwire.kernels.reference` (plain NumPy), and agrees with it to the bit on every input. The
arithmetic is fixed, in float32 and without fused multiply-add:

    code  = clip(rint((x - lo) * float32(top / (hi - lo))), 0, top)        top = 2**bits - 1
    value = lo + code * float32((hi - lo) / top)

A mosaic (`tile`) lays the channels of a (C, H, W) tensor out on a grid, as a grey picture that an
image or video codec takes.

The entropy coders are integers throughout: static rANS for symbols (`rans_*`, and
`pack_frequencies` for its tables; `rans8_*` for 256 levels, table and all), and an adaptive binary
range coder (`range_*`, `unary_*`), which compiled codecs inline by
`from splitwire.kernels._range cimport ...`.

The hot loops are compiled for several instruction sets, of which the best that the processor has is
taken: `isa` names it. SPLITWIRE_ISA=baseline, avx2 or avx512 chooses another when the package is
imported. Results are the same in all.
"""

from splitwire.kernels import _isa
from splitwire.kernels._bitpack import pack_bits, unpack_bits
from splitwire.kernels._coefficients import (
    coefficient_contexts,
    coefficients_decode,
    coefficients_encode,
)
from splitwire.kernels._ecsq import ecsq_quantize
from splitwire.kernels._laplace import laplace_range
from splitwire.kernels._motion import motion_move, motion_search
from splitwire.kernels._quantize import dequantize, dequantize_untile, quantize, quantize_tile
from splitwire.kernels._range import range_decode, range_encode, unary_decode, unary_encode
from splitwire.kernels._rans import (
    pack_frequencies,
    rans_decode,
    rans_decode_streams,
    rans_encode,
    rans_encode_streams,
    rans_frequencies,
    unpack_frequencies,
)
from splitwire.kernels._rans8 import rans8_decode, rans8_encode, rans8_suits
from splitwire.kernels._residuals import residuals_decode, residuals_encode
from splitwire.kernels._statistics import histogram, moments
from splitwire.kernels._tile import tile, untile
from splitwire.kernels._trellis import trellis_quantize, trellis_quantizers
from splitwire.kernels.arguments import frame_shape

isa = _isa.name()

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
