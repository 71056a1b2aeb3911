"""Small networks with what makes cutting hard, for `load_model` by file and for import by tests."""

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from splitwire.models.preprocess import Preprocess

SMALL = Preprocess(16, 20, (127.0,) * 3, (128.0,) * 3, "bilinear")


class Hard(nn.Module):
    """In-place work on kept features and on slices, tuples, reuse of the input, constants.

    Its output is a tree that also holds a number, a None and a tensor that no picture changes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.body = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.tail = nn.Linear(4, 5)
        self.output = nn.Linear(5, 5)
        self.register_buffer("grid", torch.arange(4.0), persistent=False)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        kept = self.stem(x)
        y = F.relu(self.relu(self.body(kept)))  # a node `relu`, and a module of that name
        y = y + kept.clamp_(0.1)
        p, q = y.chunk(2, 1)
        a, b, c, _ = q.split(1, 1)
        a.add_(b)
        q[:, 0] *= 2
        self.relu(p)
        bias = (self.grid.cos() * torch.linspace(0, 1, 4)).view(1, 4, 1, 1)
        with torch.no_grad():
            fixed = self.body(y)[:, :4]
        z = p * bias + q + c + fixed + x.mean() + torch.tensor([1.0, 2, 3, 4]).view(1, 4, 1, 1)
        rows = z.transpose(1, 3).flatten(1, 2).transpose(1, 2).softmax(2)
        logits = self.output(self.tail(rows.mean(2)))
        return {"logits": logits, "rest": (rows, z.amax(1), None, 3), "grid": self.grid * 2}


class Heads(nn.Module):
    """A dict of two tensors, the second of them ready long before the first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, stride=2), nn.ReLU(), nn.Flatten())
        self.scores = nn.Linear(392, 5)
        self.boxes = nn.Conv2d(8, 4, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        kept = self.stem(x)
        boxes = self.boxes(kept).sigmoid()
        return {"scores": self.scores(self.body(kept)), "boxes": boxes}


class Found(NamedTuple):
    """What `Wide` finds in a picture."""

    place: torch.Tensor
    kind: str


class Wide(nn.Module):
    """Takes pictures that are not square, and gives a tree that holds one tensor several times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2)
        self.gates = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> tuple[Any, ...]:
        kept = self.stem(x)
        above, below = (kept * self.gates(kept).sigmoid()).chunk(2, 1)
        best, where = above.flatten(2).max(2)
        found = [Found(where, "above"), Found(below[:, 0], "below")]
        return 2, {"maps": [above, below], "best": best}, found, None, above


class Counting(nn.Module):
    """Changes its own state as it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("runs", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return x * self.runs


class Random(nn.Module):
    """Adds noise, and never the same."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return (y + torch.rand(y.shape)).mean((2, 3))


class Undecided(nn.Module):
    """Drops out, even in evaluation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x.flatten(1), training=True)


class Encoder(nn.Module):
    """A transformer, which PyTorch runs through a fused kernel where it is whole."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, 4)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.encoder(self.stem(x).flatten(2).transpose(1, 2))
        out: torch.Tensor = self.head(y.mean(1))
        return out


class Branching(nn.Module):
    """Does different things for different pictures, which no graph can hold."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.exp() if x.sum() > 0 else x.sin()


def hard() -> tuple[nn.Module, Preprocess]:
    return Hard(), SMALL


def heads() -> tuple[nn.Module, Preprocess]:
    return Heads(), SMALL


def wide() -> tuple[nn.Module, Preprocess]:
    return Wide(), replace(SMALL, crop=(16, 28))


def counting() -> tuple[nn.Module, Preprocess]:
    return Counting(), SMALL


def random() -> tuple[nn.Module, Preprocess]:
    return Random(), SMALL


def undecided() -> tuple[nn.Module, Preprocess]:
    return Undecided(), SMALL


def encoder() -> tuple[nn.Module, Preprocess]:
    return Encoder(), SMALL


def branching() -> tuple[nn.Module, Preprocess]:
    return Branching(), SMALL


def plain() -> tuple[nn.Module, Preprocess]:
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 2), nn.Identity()), SMALL


class Deaf(nn.Module):
    """Does not listen to the picture."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones(2)


def deaf() -> tuple[nn.Module, Preprocess]:
    return Deaf(), SMALL
