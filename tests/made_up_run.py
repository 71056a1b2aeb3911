"""A made-up run with the figures of a real one: the same numbers every time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splitwire.eval.devices import Device
from splitwire.eval.experiment import LinkPlan, load_experiment
from splitwire.eval.head import Head, Network, Point
from splitwire.eval.machine import Hardware
from splitwire.eval.samples import Sample, head_line, sample_line
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, Key

SHAPES = {"blocks.2": (40, 28, 28), "blocks.3": (80, 14, 14), "blocks.5": (192, 7, 7)}
SHARES = {"blocks.2": 0.35, "blocks.3": 0.52, "blocks.5": 0.93}

# spec, curve, bits an element, divergence at blocks.3, encode and decode in milliseconds
CODECS: list[tuple[str, str, float, float, float, float]] = [
    ("raw:dtype=float32", "raw:dtype=float32", 32.0, 1e-13, 0.02, 0.02),
    *[(f"raw:bits={b}", "raw", b, k, 0.05, 0.03) for b, k in ((2, 0.9), (4, 0.051), (8, 0.003))],
    ("png", "png", 7.1, 0.003, 0.9, 0.3),
    *[
        (f"jpeg:quality={q}", "jpeg", b, k, 0.25, 0.2)
        for q, b, k in ((20, 1.31, 0.157), (50, 2.36, 0.039), (80, 3.84, 0.009))
    ],
    *[
        (f"h264:qp={q}", "h264", b, k, 2.5, 0.8)
        for q, b, k in ((16, 6.6, 0.0035), (24, 4.9, 0.007), (32, 3.4, 0.024), (40, 1.8, 0.12))
    ],
    *[
        (f"hevc:qp={q}", "hevc", b, k, 7.5, 1.4)
        for q, b, k in ((20, 6.3, 0.0034), (28, 5.02, 0.005), (36, 3.51, 0.019), (44, 1.7, 0.1))
    ],
    *[
        (f"av1:qp={q}", "av1", b, k, 14.0, 1.9)
        for q, b, k in ((20, 5.1, 0.0037), (35, 3.6, 0.011), (50, 2.0, 0.06))
    ],
]
PICTURES = [
    ("picture:format=png", "picture:format=png", 102_000, 0.0),
    *[
        (f"picture:format=jpeg,quality={q}", "picture:format=jpeg", b, k)
        for q, b, k in (
            (50, 6096, 0.187),
            (75, 9300, 0.102),
            (90, 14225, 0.053),
            (95, 20149, 0.024),
        )
    ],
]
LINKS = (LinkPlan("3 MB/s", rate=3e6, rtt=0.005), LinkPlan("LTE", rate=6e5, rtt=0.04))


def head(photos: int) -> Head:
    """The head that `splitwire eval` would have written."""
    return Head(
        experiment=load_experiment(
            splits=list(SHAPES),
            codecs=["raw:bits=2+4+8", "jpeg:quality=20+50+80"],
            links=[vars(link) for link in LINKS],
        ),
        versions={"splitwire": "0.1.0", "torch": "2.6.0", "numpy": "2.1.0"},
        hardware=Hardware("Example CPU at 2 GHz", cores=2, threads=1, memory=8 << 30),
        started="2025-01-02T03:04:05+00:00",
        model=Network("lite0", "0123456789abcdef", "0123456789abcdef", 385_000_000, 150_528, DEPTH),
        edge=Device("phone-2019", "a phone of 2019", 8.0),
        cloud=Device("server-2019", "its server", 1.0),
        evaluation=f"{photos} photos of ImageNet classes",
        calibration="",
    )


def cut_points() -> tuple[Point, ...]:
    """Forty of them, of which some are those that are split at."""
    depths = np.linspace(0, 1, 40)
    elements = 3 * 224 * 224 * (2.6 * np.exp(-3.6 * depths) + 0.02)
    pairs = zip(elements, depths**1.2, strict=True)
    points = [Point(f"node_{i}", f"node_{i}", int(e), float(s)) for i, (e, s) in enumerate(pairs)]
    for name, shape in SHAPES.items():
        near = min(range(40), key=lambda i, name=name: abs(points[i].share - SHARES[name]))
        points[near] = replace(points[near], name=name, elements=int(np.prod(shape)))
    return tuple(points)


DEPTH = cut_points()


def samples(photos: int, views: int, labelled: bool, seed: int = 0) -> Iterator[Sample]:
    """Samples in the order of a run: picture by picture, baselines first."""
    rng = np.random.default_rng(seed)
    for photo in range(photos):
        hard = float(rng.lognormal(0, 0.8))
        for view in range(views):
            classes = rng.permutation(1000)[:5].tolist()
            truth = (classes[0] if rng.random() < 0.75 else classes[3]) if labelled else None
            seen = Seen(rng, f"photo_{photo:02}.png", view, classes, truth)
            yield seen.sample((EDGE_ONLY, "", ""), "", 0, 0, 0.0, (20, 0, 0, 0))
            for spec, curve, size, far in PICTURES:
                ends = (0, 4.0 if "png" in spec else 0.6, 0.9, 20)
                rate = size * rng.lognormal(0, 0.2)
                key: Key = (CLOUD_ONLY, "", spec)
                yield seen.sample(key, curve, 3 * 224 * 224, rate, far * hard, ends)
            for split, shape in SHAPES.items():
                tough = {"blocks.2": 0.9, "blocks.3": 1.0, "blocks.5": 0.6}[split] * hard
                for spec, curve, bits, far, encode, decode in CODECS:
                    crossing = int(np.prod(shape))
                    ends = (20 * SHARES[split], encode, decode, 20 * (1 - SHARES[split]))
                    rate = crossing * bits / 8 * (1 if curve == "raw" else rng.lognormal(0, 0.1))
                    key = (SHARED, split, spec)
                    yield seen.sample(key, curve, crossing, rate + 22, far * tough, ends)


class Seen:
    """One view of a photo, of which the network says five classes."""

    def __init__(
        self,
        rng: np.random.Generator,
        photo: str,
        view: int,
        classes: list[int],
        truth: int | None,
    ) -> None:
        self.rng, self.photo, self.view = rng, photo, view
        self.classes, self.truth = classes, truth

    def sample(
        self,
        key: Key,
        curve: str,
        elements: int,
        size: float,
        far: float,
        milliseconds: tuple[float, float, float, float],
    ) -> Sample:
        """What became of it through one choice."""
        far *= float(self.rng.lognormal(0, 0.3))
        swapped = self.rng.random() < 0.4 * min(1.0, far**0.5) if far > 1e-6 else False
        best, second, *rest = self.classes
        said = [second, best, *rest] if swapped else self.classes
        metrics = {"agree": float(said[0] == best)}
        if self.truth is not None:
            metrics |= {"top1": float(said[0] == self.truth), "top5": 1.0}
        times = [float(t * self.rng.lognormal(0, 0.06)) / 1e3 for t in milliseconds]
        return Sample(
            self.photo,
            self.view,
            *key,
            curve=curve,
            elements=elements,
            bytes=round(size),
            divergence=far,
            metrics=metrics,
            prediction={"classes": said, "probabilities": [0.6, 0.2, 0.1, 0.05, 0.01]},
            **dict(zip(("edge", "encode", "decode", "cloud"), times, strict=True)),
            link={link.name: link.rtt + size / link.rate for link in LINKS if link.rate and size},
        )


def features(shape: tuple[int, int, int]) -> np.ndarray:
    """A smooth, lopsided tensor, float32."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(shape)
    for axis in (1, 2):
        x = x + np.roll(x, 1, axis) + np.roll(x, 2, axis)
    x = x * rng.lognormal(-1, 0.5, (shape[0], 1, 1)) + rng.normal(0, 0.6, (shape[0], 1, 1))
    return np.where(x > 0, x, 0.6 * x).astype(np.float32)


def picture() -> Image.Image:
    """As a network takes one."""
    coarse = np.random.default_rng(2).integers(0, 255, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((224, 224), Image.Resampling.BICUBIC)


MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Write a run folder: `make_run(photos=, views=, labelled=, keep=, spoil=)`.

    `keep` says which samples stay; `spoil` which become failures.
    """

    def make(
        photos: int = 20,
        views: int = 1,
        labelled: bool = True,
        keep: Callable[[Sample], bool] = lambda sample: True,
        spoil: Callable[[Sample], bool] = lambda sample: False,
    ) -> Path:
        return write_run(tmp_path / "run", photos, views, labelled, keep, spoil)

    return make


def write_run(
    run: Path,
    photos: int,
    views: int,
    labelled: bool,
    keep: Callable[[Sample], bool],
    spoil: Callable[[Sample], bool],
) -> Path:
    """The same, anywhere."""
    (run / "features").mkdir(parents=True)
    lines = [head_line(head(photos))]
    for sample in filter(keep, samples(photos, views, labelled)):
        if spoil(sample):
            sample = Sample(
                sample.photo,
                sample.view,
                *sample.choice,
                sample.curve,
                error="CodecError: the encoder refused a frame of 14 × 14",
            )
        lines.append(sample_line(sample))
    (run / "samples.jsonl").write_text("".join(lines), encoding="utf-8")
    for split, shape in SHAPES.items():
        np.save(run / "features" / f"{split}.npy", features(shape))
    picture().save(run / "picture.png")
    return run
