"""Writing a bundle: both halves of a split network as ONNX, profiles, and the manifest.

model ─▶ split ─▶ edge.onnx │ cloud.onnx │ 0.profile … │ manifest.json
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx
from torch.utils import _pytree as pytree

from splitwire.bundle.manifest import CLOUD, EDGE, LARGEST_FILE, MANIFEST, File, Manifest, Tensor
from splitwire.bundle.onnx_half import free_half, half_of_one
from splitwire.bundle.steps import steps_of
from splitwire.bundle.structure import Slot, as_json
from splitwire.codecs.base import Codec
from splitwire.disk import write_whole, writing
from splitwire.errors import BundleError
from splitwire.models.exactness import noise
from splitwire.models.load import Model
from splitwire.models.split import Cloud, Split
from splitwire.tasks.base import Task
from splitwire.tasks.classification import Classification, class_names

_VERSIONS = ("splitwire", "torch", "onnx", "onnxscript", "onnxruntime")
_PICTURE = "picture"

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Exported:
    """The halves as ONNX models, and whether they take any number of frames."""

    edge: bytes
    cloud: bytes
    free: bool


def write_bundle(
    folder: Path,
    cut: Split,
    codecs: Sequence[Codec],
    spec: str,
    task: Task,
    calibration: Sequence[Picture] = (),
) -> Manifest:
    """Write all that a deployment needs.

    Args:
        folder: made if it is not there; the files of a bundle in it are written anew.
        cut: the network in its halves.
        codecs: one for each crossing tensor, with their profiles.
        spec: theirs, as users write it, without a profile.
        task: what the network's output means.
        calibration: pictures (3, H, W) by which the first half becomes int8; without, float32.

    Raises:
        BundleError: a half has an operation that ONNX has not, or too many weights for one file.
        ModelError: the network's output has a structure that no manifest tells.
        StorageError: the folder cannot be written to.
    """
    output, halves = _structure(cut.model), export(cut)
    _begin(folder)
    crossings = tuple(map(_profiled, [folder] * len(codecs), _named(cut)[1], codecs))
    write_whole(folder / EDGE, _quantised(halves.edge, calibration))
    write_whole(folder / CLOUD, halves.cloud)
    files = (EDGE, CLOUD, *filter(None, (crossing.profile for crossing in crossings)))
    manifest = Manifest(
        **_about(cut, task),
        codec=spec,
        crossings=crossings,
        output=output,
        batch="free" if halves.free else "one",
        precision="int8" if calibration else "float32",
        files={name: _file(folder / name) for name in files},
    )
    write_whole(folder / MANIFEST, manifest.text().encode())
    return manifest


def _begin(folder: Path) -> None:
    """Make the folder, or make sure that until all is written no bundle is in it."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)


def _quantised(half: bytes, calibration: Sequence[Picture]) -> bytes:
    if not calibration:
        return half
    from splitwire.bundle.int8 import in_eight_bits  # a second to load

    return in_eight_bits(half, calibration)


def _profiled(folder: Path, crossing: Tensor, codec: Codec) -> Tensor:
    """A crossing tensor with its codec's profile, which is written."""
    if codec.profile is None:
        return crossing
    name = f"{crossing.name}.profile"
    codec.profile.save(folder / name)
    return replace(crossing, profile=name)


def _about(cut: Split, task: Task) -> dict[str, Any]:
    """The entries of a manifest that tell of the network."""
    model, ((taken,), _, given) = cut.model, _named(cut)
    return {
        "network": model.name,
        "digest": model.digest,
        "weights": model.weights.origin,
        "trained": model.weights.trained,
        "split": cut.at,
        "task": task.name,
        "labels": _labels(model, task),
        "strides": model.strides,
        "preprocess": steps_of(model.preprocess),
        "input": taken,
        "outputs": tuple(given),
        "macs": (cut.edge_macs, cut.cloud_macs),
        "versions": {name: version(name) for name in _VERSIONS},
    }


def export(cut: Split) -> Exported:
    """Both halves as ONNX models; for any number of frames where both allow it.

    Raises:
        BundleError: one has an operation that ONNX has not, or too many weights for one file.
    """
    assert isinstance(cut.edge, fx.GraphModule) and isinstance(cut.cloud, Cloud)
    taken, crossings, given = ([t.name for t in tensors] for tensors in _named(cut))
    bodies = ((cut.edge, (taken, crossings)), (cut.cloud.body, (crossings, given)))
    pictures = [noise(cut.model.input_shape) * share for share in (1.0, 0.5, 0.25)]
    for body, _ in bodies:
        check_size(body)
    with torch.inference_mode():
        frames = [[[x] for x in pictures], [list(cut.edge(x)) for x in pictures]]
    free = [free_half(body, f, names) for (body, names), f in zip(bodies, frames, strict=True)]
    if free[0] is not None and free[1] is not None:
        return Exported(free[0], free[1], True)
    try:
        edge, cloud = (
            half_of_one(body, f[0], names) for (body, names), f in zip(bodies, frames, strict=True)
        )
    except BundleError as error:
        raise BundleError(f"{cut.model.name} at {cut.at}: {error}") from error
    return Exported(edge, cloud, False)


def check_size(half: torch.nn.Module) -> None:
    """Refuse a half that is too large for one ONNX file, which is a message of Protobuf.

    Raises:
        BundleError: saying how large it is, and what to do.
    """
    size = sum(weights.nbytes for weights in half.state_dict().values())
    if size >= LARGEST_FILE:
        raise BundleError(
            f"a half of {size:,} bytes of weights: an ONNX file holds less than {LARGEST_FILE:,}, "
            "so cut the network elsewhere, or take a smaller one"
        )


def _named(cut: Split) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """The picture, what crosses, and the output's tensors, as both halves call them."""
    picture = _tensor(_PICTURE, cut.model.input_shape, torch.float32)
    crossings = [
        _tensor(f"crossing_{at}", crossing.shape, crossing.dtype)
        for at, crossing in enumerate(cut.crossings)
    ]
    outputs = [node.meta["val"] for node in cut.model.graph.outputs]
    given = [_tensor(f"output_{at}", tuple(v.shape), v.dtype) for at, v in enumerate(outputs)]
    return [picture], crossings, given


def _tensor(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    layout = "NCHW" if len(shape) == 4 else "row-major"
    return Tensor(name, shape, str(dtype).removeprefix("torch."), layout)


def _structure(model: Model) -> Any:
    """The output's structure, with a slot for each tensor."""
    graph, slots = model.graph, iter(range(len(model.output_shapes)))
    leaves = [Slot(next(slots)) if isinstance(n, fx.Node) else n for n in graph.results]
    return as_json(pytree.tree_unflatten(leaves, graph.structure))


def _labels(model: Model, task: Task) -> tuple[str, ...]:
    known = class_names(model) if isinstance(task, Classification) else model.classes
    return tuple(known)


def _file(path: Path) -> File:
    data = path.read_bytes()
    return File(len(data), hashlib.sha256(data).hexdigest())
