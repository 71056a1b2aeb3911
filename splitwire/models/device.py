"""Where a network runs, and with what numbers: the one place that knows of accelerators.

What goes into a network is put on its device, and what comes out is brought back: outside of the
two, all tensors are the host's. On the processor both do nothing, so that there everything is to
the bit what it is without them. Bringing back waits for the device, so that a clock that is read
then has seen all of the work.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree as pytree

from splitwire.errors import ModelError
from splitwire.models.described import Precision

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Device:
    """A device, and the precision that halves of networks run in there; made by `find`.

    Attributes:
        name: as torch has it: "cpu", "cuda:0", "mps".
        precision: "float32", or what torch's autocast takes where that is safe.
    """

    name: str = "cpu"
    precision: Precision = "float32"

    @classmethod
    def find(cls, name: str = "cpu", precision: Precision = "float32") -> "Device":
        """The device called "cpu", "cuda", "cuda:1" or "mps"; "auto": an accelerator if any.

        Raises:
            ModelError: it is not there; the message says what is.
        """
        there = available()
        wanted = {"auto": there[-1], "cuda": "cuda:0"}.get(name, name)
        if wanted not in there:
            raise ModelError(f"no device {name!r} here; there are: auto, {', '.join(there)}")
        if wanted.startswith("cuda"):  # or float32 would mean 10 bits of mantissa
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        return cls(wanted, precision)

    @property
    def about(self) -> str:
        """What it is, for the report; empty for the processor, of which a run tells anyway."""
        return torch.cuda.get_device_name(self.name) if self.name.startswith("cuda") else (
            "" if self.name == "cpu" else self.name
        )  # fmt: skip

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of the host's on the device: once, from pinned memory where there is CUDA."""
        if self.name == "cpu":
            return tensor
        if self.name.startswith("cuda"):
            return tensor.pin_memory().to(self.name, non_blocking=True)
        return tensor.to(self.name)

    def bring(self, output: Any) -> Any:
        """An output (any structure of tensors) on the host, in float32 if precision was reduced."""
        if self.name == "cpu" and self.precision == "float32":
            return output
        return pytree.tree_map_only(torch.Tensor, self._brought, output)

    def running(self) -> AbstractContextManager[Any]:
        """What halves of networks run in."""
        if self.precision == "float32":
            return nullcontext()
        kind = torch.device(self.name).type
        return torch.autocast(kind, _TYPES[self.precision])

    def _brought(self, tensor: torch.Tensor) -> torch.Tensor:
        reduced = self.precision != "float32" and tensor.dtype in _TYPES.values()
        return (tensor.float() if reduced else tensor).cpu()


CPU = Device()


def available() -> list[str]:
    """The devices of this machine, the first accelerator last."""
    cards = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return ["cpu", *cards[::-1], *(["mps"] if torch.backends.mps.is_available() else [])]
