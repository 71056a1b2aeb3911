"""The halves of a bundle, run by ONNX Runtime: what `Split` is to torch."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from splitwire.bundle.folder import Folder
from splitwire.bundle.manifest import CLOUD, EDGE, Tensor
from splitwire.bundle.network import Network
from splitwire.errors import BundleError

_FLOATS = {"float": "float32", "double": "float64"}  # what NumPy calls them


class OnnxHalves:
    """A network cut in two, each half in an ONNX file.

    Args:
        folder: of the bundle.
        threads: that a half may compute with.

    Attributes:
        model: the network as the manifest describes it.
        at: the cut point.
        crossings: what crosses, in order.

    Raises:
        BundleError: a file is not what the manifest says, or ONNX Runtime does not take it.
    """

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        said = folder.manifest
        self.model, self.at, self.crossings = Network(said), said.split, said.crossings
        free = said.batch == "free"
        self._edge = _session(folder, EDGE, threads)
        _check(self._edge, EDGE, [said.input], said.crossings, free)
        self._cloud = _session(folder, CLOUD, threads)
        _check(self._cloud, CLOUD, said.crossings, said.outputs, free)

    @property
    def shapes(self) -> list[list[int]]:
        """What crosses, without the batch, as a handshake says it."""
        return [list(crossing.shape[1:]) for crossing in self.crossings]

    def start(self, picture: NDArray[np.float32]) -> list[NDArray[Any]]:
        """What crosses, of pixels float32 (3, H, W), 0 to 255."""
        return _run(self._edge, [picture[None]])

    def finish(self, features: Sequence[NDArray[Any]]) -> Any:
        """The network's output, of what crossed; decoded features may have lost their types."""
        pairs = zip(features, self.crossings, strict=True)
        typed = [array.astype(crossing.dtype, copy=False) for array, crossing in pairs]
        return self.model.structured(_run(self._cloud, typed))


def _run(
    session: onnxruntime.InferenceSession, arrays: Sequence[NDArray[Any]]
) -> list[NDArray[Any]]:
    names = [taken.name for taken in session.get_inputs()]
    found: list[NDArray[Any]] = session.run(None, dict(zip(names, arrays, strict=True)))
    return found


def _session(folder: Folder, name: str, threads: int) -> onnxruntime.InferenceSession:
    """A half, opened from a copy of its file.

    Of bytes ONNX Runtime would hold two copies beside what it makes of them, of a file one. And the
    copy is what was checked, alone in its folder, where no other file of weights can lie.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # what goes wrong is raised, and the rest is of no use to anyone
    with TemporaryDirectory(prefix="splitwire-") as alone:
        copy = Path(alone, name)
        copy.write_bytes(folder.read(name))
        try:
            return onnxruntime.InferenceSession(copy, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of its own kinds, a dozen of them
            said = " ".join(str(error).replace(alone, str(folder.path)).split())[:200]
            raise BundleError(f"ONNX Runtime does not take {folder.path / name}: {said}") from error


def _check(
    session: onnxruntime.InferenceSession,
    name: str,
    taken: Sequence[Tensor],
    given: Sequence[Tensor],
    free: bool,
) -> None:
    """Refuse a half whose tensors are not those of the manifest."""
    for what, nodes, said in (
        ("takes", session.get_inputs(), taken),
        ("gives", session.get_outputs(), given),
    ):
        found = [_signature(node.name, node.type, node.shape, free) for node in nodes]
        wanted = [_signature(t.name, t.dtype, t.shape, free) for t in said]
        if found != wanted:
            raise BundleError(
                f"{name} {what} {str(found)[:160]}, and its manifest says {str(wanted)[:160]}"
            )


def _signature(name: str, kind: str, shape: Sequence[Any], free: bool) -> tuple[Any, ...]:
    """What a tensor is, with the batch left out where it is free."""
    plain = kind.removeprefix("tensor(").removesuffix(")")
    return name, _FLOATS.get(plain, plain), tuple(shape[1:] if free else shape)
