"""A folder with everything that a new user can get wrong: test_mistakes.py makes the mistakes."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import splitwire as sw

NETS = """
import torch
from torch import nn
from splitwire.models.preprocess import Preprocess

HOW = Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")

def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Flatten(), nn.Linear(4 * 15 * 15, 10)), HOW

def state():
    return small()[0].state_dict()

def broken():
    raise RuntimeError("no such layer")

def wants(sizes):
    return small()

def grey():
    return nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.Flatten(), nn.Linear(4 * 15 * 15, 10)), HOW

def regressor():
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Flatten(), nn.Linear(4 * 15 * 15, 1)), HOW

def maps():
    return nn.Conv2d(3, 2, 3, 2), HOW

class Two(nn.Module):
    def forward(self, image, depth):
        return image.flatten(1)[:, :10] + depth.flatten(1)[:, :10]

def two():
    return Two(), HOW

class Chosen(nn.Module):
    def forward(self, x):
        return x[x > 0]

def chosen():
    return Chosen(), HOW

class Branching(nn.Module):
    def forward(self, x):
        return x.flatten(1) if x.sum() > 0 else -x.flatten(1)

def branching():
    return Branching(), HOW

class Random(nn.Module):
    def forward(self, x):
        return (x + torch.rand(x.shape)).flatten(1)

def random():
    return Random(), HOW

def metric(reference, output):
    return 1.0
"""


PAIRS = """
from torch import nn
from splitwire.models.inputs import Inputs

class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 5)

    def forward(self, left, right):
        return self.head(left - right)

def pair():
    return Pair(), Inputs({"left": (8,), "right": (8,)})

def misnamed():
    return Pair(), Inputs({"left": (8,), "write": (8,)})

def bare():
    return Pair(), Inputs({"left": 8, "right": 8})
"""

FILES = {
    "unknown.toml": "modle = 'lite0'",
    "typed.toml": "views = 'two'",
    "broken.toml": "views = = 2",
    "headed.toml": "[experiment]\nmodel = 'lite0'",
    "link.toml": "[links]\nname = 'slow'\nrate = 1e5",
    "one.toml": "codecs = 'jpeg:quality=50'",
    "numbered.toml": "model = ['lite0', 3]",
    "quick.toml": "edge = 'this'\ncloud = 'this'",
}

CLASSES = {
    "parts": ("train", "val"),
    "beyond": ("0", "99"),
    "mixed": ("n01440764", "cats"),
    "nested": ("all/cat", "all/dog"),
    "classes": ("cat", "dog"),
}


def lay(folder: Path) -> Path:
    """Fill the folder."""
    x = np.random.default_rng(0).normal(size=(8, 14, 14)).astype(np.float32)
    _tensors(folder, x)
    _streams(folder, x)
    _pictures(folder)
    _networks(folder)
    _pairs(folder)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "empty").mkdir()
    return folder


def _tensors(folder: Path, x: np.ndarray) -> None:
    np.save(folder / "x.npy", x)
    np.save(folder / "whole.npy", np.arange(12).reshape(3, 4))
    np.save(folder / "nan.npy", x * np.nan)
    np.save(folder / "none.npy", x[:0])
    np.savez(folder / "two.npz", a=x, b=x)
    torch.save({"a": torch.ones(3), "b": torch.ones(3)}, folder / "two.pt")
    (folder / "notes.txt").write_text("1.0 2.0", encoding="utf-8")


def _pairs(folder: Path) -> None:
    """Tensors by name: as they should be, and with something wrong."""
    one = np.ones(8, np.float32)
    wrong = {"pairs": one, "shapes": one[:3], "words": np.array(["a"] * 8), "nans": one * np.nan}
    for name, right in wrong.items():
        (folder / name).mkdir()
        np.savez(folder / name / "a.npz", left=one, right=right)
    np.savez(folder / "pairs" / "b.npz", left=one, right=-one)
    np.savez(folder / "hollow.npz")
    (folder / "pair.py").write_text(PAIRS, encoding="utf-8")
    (folder / "clips").mkdir()
    (folder / "clips" / "a.mp4").write_bytes(b"no film")


def _streams(folder: Path, x: np.ndarray) -> None:
    stream = sw.codec("jpeg").encode(x)
    (folder / "x.sw").write_bytes(stream)
    (folder / "cut.sw").write_bytes(stream[:-9])
    made = [sw.codec("raw:clip=profile").calibrate([x * scale]) for scale in (1, 2)]
    for name, codec in zip(("one", "other"), made, strict=True):
        assert codec.profile is not None
        codec.profile.save(folder / f"{name}.profile")
    (folder / "p.sw").write_bytes(made[0].encode(x))


def _pictures(folder: Path) -> None:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    for name, classes in CLASSES.items():
        for inner in classes:
            (folder / name / inner).mkdir(parents=True)
            (folder / name / inner / "a.png").write_bytes(file.getvalue())
    (folder / "photos").mkdir()
    (folder / "photos" / "a.png").write_bytes(file.getvalue())
    (folder / "fakes").mkdir()
    (folder / "fakes" / "cat.jpg").write_text("no cat", encoding="utf-8")
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("no cat", encoding="utf-8")


def _networks(folder: Path) -> None:
    (folder / "net.py").write_text(NETS, encoding="utf-8")
    (folder / "typo.py").write_text("def small(:", encoding="utf-8")
    torch.save({"weight": torch.ones(2)}, folder / "other.pt")
    torch.save(torch.nn.Linear(2, 2), folder / "module.pt")
    (folder / "broken.pt").write_bytes(b"no weights")
