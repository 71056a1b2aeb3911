"""The first half in eight bits: weights for each channel, activations for each tensor.

Ranges are those that activations take on calibration pictures (static quantisation, B. Jacob et
al., arXiv:1712.05877), by ONNX Runtime's own tool. What that costs is a loss of its own, apart from
the codec's: `splitwire check` tells both.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

Picture = NDArray[np.float32]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Gives pictures one after another, as the tool asks for them."""

    def __init__(self, name: str, pictures: Sequence[Picture]) -> None:
        self._feeds: Iterator[dict[str, Any]] = iter([{name: x[None]} for x in pictures])

    def get_next(self) -> dict[str, Any] | None:
        """The next picture; None after the last."""
        return next(self._feeds, None)


def in_eight_bits(half: bytes, pictures: Sequence[Picture]) -> bytes:
    """A half as an ONNX model whose convolutions and products are of int8.

    Args:
        half: the ONNX model in float32, which takes one picture.
        pictures: to calibrate on, float32 (3, H, W), 0 to 255.
    """
    model = onnx.load_from_string(half)
    with TemporaryDirectory() as folder:
        plain, made = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(model, str(plain), skip_symbolic_shape=True)
        quantize_static(
            str(plain),
            str(made),
            _Reader(model.graph.input[0].name, pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return made.read_bytes()
