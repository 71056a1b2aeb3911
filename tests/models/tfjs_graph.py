"""An interpreter of TensorFlow.js graphs in NumPy, to hold our modules to what was published.

It runs a graph node by node, as its JSON says, and knows nothing of our modules but the names of
their weights, which it reads through the table that tools/convert_tfjs.py wrote.
"""

import base64
import gzip
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from splitwire.models.shipped import WEIGHTS

GRAPHS = Path(__file__).with_name("tfjs")

Node = dict[str, Any]
Array = Any


@cache
def read(name: str) -> tuple[list[Node], dict[str, Array]]:
    """The nodes of a network's graph, and its constants, weights among them."""
    whole = json.loads(gzip.decompress((GRAPHS / f"{name}.json.gz").read_bytes()))
    ours = safetensors.numpy.load_file(WEIGHTS / f"{name}.safetensors")
    constants = {}
    for constant, place in whole["weights"].items():
        value = ours[place["key"]][:, ::-1] if place["bgr"] else ours[place["key"]]
        constants[constant] = value.transpose(np.argsort(place["axes"])).astype(np.float32)
    for constant, said in whole["constants"].items():
        value = np.array(said["values"], said["dtype"]).reshape(said["shape"])
        constants[constant] = value.astype(np.float32) if value.dtype == np.float16 else value
    return whole["nodes"], constants


def run(name: str, x: Array, exact: tuple[float, ...] = ()) -> dict[str, Array]:
    """Every node's output for an input, by its name.

    `exact` are numbers that the graph was written with, and that its float16 rounds: constants that
    are one of them, rounded, are it again.
    """
    nodes, constants = read(name)
    values: dict[str, Any] = {}
    for node in nodes:
        if node["op"] == "Const":
            values[node["name"]] = unrounded(constants[node["name"]], exact)
        elif node["op"] == "Placeholder":
            values[node["name"]] = x
        else:
            inputs = [value(values, source) for source in node["input"]]
            values[node["name"]] = OPS[node["op"]](node.get("attr", {}), *inputs)
    return values


def unrounded(constant: Array, exact: tuple[float, ...]) -> Array:
    for number in exact:
        if (constant == np.float16(number)).all():
            return np.full_like(constant, number)
    return constant


def value(values: dict[str, Any], source: str) -> Array:
    """What "NAME" or, of a node with several outputs, "NAME:INDEX" means."""
    name, _, index = source.partition(":")
    found = values[name]
    return found[int(index or 0)] if isinstance(found, list) else found


def text(attr: Any) -> str:
    return base64.b64decode(attr["s"]).decode()


def numbers(attr: Any) -> list[int]:
    return [int(i) for i in attr["list"]["i"]]


def framed(attr: Any, x: Array, size: tuple[int, int], stride: int) -> Array:
    """With the zeros around it that the node's padding, VALID or SAME, asks for."""
    if text(attr["padding"]) == "VALID":
        return x
    wanted = [
        max((-(-n // stride) - 1) * stride + k - n, 0)
        for n, k in zip(x.shape[1:3], size, strict=True)
    ]
    return np.pad(x, [(0, 0), *((n // 2, n - n // 2) for n in wanted), (0, 0)])


def taps(x: Array, size: tuple[int, int], stride: int) -> Any:
    """For each place of a window, what all windows see there, (N, H, W, C)."""
    high, wide = ((n - k) // stride + 1 for n, k in zip(x.shape[1:3], size, strict=True))
    for i, j in np.ndindex(size):
        rows = slice(i, i + (high - 1) * stride + 1, stride)
        yield (i, j), x[:, rows, j : j + (wide - 1) * stride + 1 : stride]


def convolution(product: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    def run(attr: Any, x: Array, kernel: Array, bias: Array | None = None) -> Array:
        stride, size = numbers(attr["strides"])[1], kernel.shape[:2]
        seen = taps(framed(attr, x, size, stride), size, stride)
        made = sum(product(tap, kernel[at]) for at, tap in seen)
        return made if bias is None else fused(attr, made + bias)

    return run


def transposed(attr: Any, size: Array, kernel: Array, x: Array) -> Array:
    """Each number becomes a window of its own: the stride is the window's side."""
    stride, (high, wide, made, _) = numbers(attr["strides"])[1], kernel.shape
    assert stride == high == wide
    grown = np.einsum("nhwc,ijoc->nhiwjo", x, kernel)
    assert list(size) == [len(x), x.shape[1] * high, x.shape[2] * wide, made]
    return grown.reshape(size)


def fused(attr: Any, x: Array) -> Array:
    for step in (base64.b64decode(s).decode() for s in attr["fused_ops"]["list"]["s"]):
        x = {"BiasAdd": lambda x: x, "Relu": relu, "Relu6": relu6}[step](x)
    return x


def pooling(reduce: Callable[[Array], Array]) -> Callable[..., Array]:
    def run(attr: Any, x: Array) -> Array:
        stride, size = numbers(attr["strides"])[1], tuple(numbers(attr["ksize"])[1:3])
        assert text(attr["padding"]) == "VALID"
        return reduce(np.stack([tap for _, tap in taps(x, size, stride)]))

    return run


def resize(attr: Any, x: Array, size: Array) -> Array:
    """Bilinear, without smoothing, the centres of pixels at their halves."""
    assert attr["half_pixel_centers"]["b"] and not attr["align_corners"]["b"]
    for axis, made in zip((1, 2), size, strict=True):
        count = x.shape[axis]
        at = np.maximum((np.arange(made) + 0.5) * count / made - 0.5, 0)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, count - 1)
        part = (at - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(4)])
        x = x.take(low, axis) * (1 - part) + x.take(high, axis) * part
    return x


def sparse_to_dense(attr: Any, where: Array, size: Array, given: Array, default: Array) -> Array:
    made = np.full(size, default)
    made[tuple(where.T)] = given
    return made


def split(attr: Any, x: Array, sizes: Array, axis: Array) -> list[Array]:
    return np.split(x, np.cumsum(sizes)[:-1], int(axis))


def gather(attr: Any, x: Array, indices: Array) -> Array:
    return x[tuple(np.moveaxis(indices, -1, 0))]


def unpack(attr: Any, x: Array) -> list[Array]:
    return list(np.moveaxis(x, int(attr["axis"]["i"]), 0))


def squeeze(attr: Any, x: Array) -> Array:
    return x.squeeze(tuple(numbers(attr["squeeze_dims"])))


def cast(attr: Any, x: Array) -> Array:
    return x.astype({"DT_FLOAT": np.float32, "DT_INT32": np.int32}[attr["DstT"]["type"]])


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


def add(attr: Any, *terms: Array) -> Array:
    made = terms[0]
    for term in terms[1:]:
        made = made + term
    return made


DENSE = convolution(lambda x, kernel: np.tensordot(x, kernel, 1))
DEPTHWISE = convolution(lambda x, kernel: x * kernel[:, 0])

OPS: dict[str, Callable[..., Any]] = {
    "_FusedConv2D": DENSE,
    "Add": add,
    "AddN": add,
    "AddV2": add,
    "ArgMax": lambda attr, x, axis: x.argmax(int(axis)).astype(np.int32),
    "AvgPool": pooling(lambda taps: taps.mean(0)),
    "Cast": cast,
    "ConcatV2": lambda attr, *given: np.concatenate(given[:-1], int(given[-1])),
    "Conv2D": DENSE,
    "Conv2DBackpropInput": transposed,
    "DepthwiseConv2dNative": DEPTHWISE,
    "ExpandDims": lambda attr, x, axis: np.expand_dims(x, int(axis)),
    "FloorDiv": lambda attr, x, y: x // y,
    "FusedDepthwiseConv2dNative": DEPTHWISE,
    "GatherNd": gather,
    "Identity": lambda attr, x: x,
    "LeakyRelu": lambda attr, x: np.where(x > 0, x, np.float32(attr["alpha"]["f"]) * x),
    "MaxPool": pooling(lambda taps: taps.max(0)),
    "Mul": lambda attr, x, y: x * y,
    "Pack": lambda attr, *given: np.stack(given, int(attr["axis"]["i"])),
    "Pad": lambda attr, x, widths: np.pad(x, widths),
    "PadV2": lambda attr, x, widths, fill: np.pad(x, widths, constant_values=fill),
    "RealDiv": lambda attr, x, y: x / y,
    "Relu": lambda attr, x: relu(x),
    "Relu6": lambda attr, x: relu6(x),
    "Reshape": lambda attr, x, shape: x.reshape(shape),
    "ResizeBilinear": resize,
    "Sigmoid": lambda attr, x: (1 + np.tanh(x / 2)) / 2,
    "SparseToDense": sparse_to_dense,
    "SplitV": split,
    "Sqrt": lambda attr, x: np.sqrt(x),
    "SquaredDifference": lambda attr, x, y: (x - y) ** 2,
    "Squeeze": squeeze,
    "Sub": lambda attr, x, y: x - y,
    "Transpose": lambda attr, x, axes: x.transpose(axes),
    "Unpack": unpack,
}
