"""A made-up run with the figures of a real one: the same numbers every time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from splitwire.eval.samples import Sample, head_line, sample_line

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
LINKS = [{"name": "3 MB/s", "rate": 3e6, "rtt": 0.005}, {"name": "LTE", "rate": 6e5, "rtt": 0.04}]


def head(photos: int) -> dict[str, Any]:
    """The head that `splitwire eval` would have written."""
    depths = np.linspace(0, 1, 40)
    elements = 3 * 224 * 224 * (2.6 * np.exp(-3.6 * depths) + 0.02)
    points = [
        {"name": f"node_{i}", "node": f"node_{i}", "elements": int(e), "share": float(s)}
        for i, (e, s) in enumerate(zip(elements, depths**1.2, strict=True))
    ]
    for name, shape in SHAPES.items():
        near = min(points, key=lambda point: abs(point["share"] - SHARES[name]))
        near.update(name=name, elements=int(np.prod(shape)))
    return {
        "experiment": {
            "model": "lite0",
            "data": "samples",
            "splits": list(SHAPES),
            "codecs": ["raw:bits=2+4+8", "jpeg:quality=20+50+80"],
            "views": 1,
            "limit": None,
            "seed": 0,
            "links": LINKS,
            "edge": "phone-2019",
            "cloud": "server-2019",
        },
        "versions": {"splitwire": "0.1.0", "torch": "2.6.0", "numpy": "2.1.0"},
        "hardware": {"cpu": "Example CPU at 2 GHz", "cores": 2, "memory": 8 << 30},
        "started": "2025-01-02T03:04:05+00:00",
        "model": {
            "name": "lite0",
            "digest": "0123456789abcdef",
            "macs": 385_000_000,
            "picture_bytes": 150_528,
            "points": points,
        },
        "devices": {
            "edge": {"name": "phone-2019", "factor": 8.0, "about": "a phone of 2019"},
            "cloud": {"name": "server-2019", "factor": 1.0, "about": "its server"},
        },
        "data": {"evaluation": f"{photos} photos of ImageNet classes", "calibration": None},
    }


def samples(photos: int, views: int, labelled: bool, seed: int = 0) -> Iterator[Sample]:
    """Samples in the order of a run: picture by picture, baselines first."""
    rng = np.random.default_rng(seed)
    for photo in range(photos):
        hard = float(rng.lognormal(0, 0.8))
        for view in range(views):
            classes = rng.permutation(1000)[:5].tolist()
            label = (classes[0] if rng.random() < 0.75 else classes[3]) if labelled else None
            seen = {"photo": f"photo_{photo:02}.png", "view": view, "label": label}
            yield _sample(rng, seen, classes, "output", "none", "none", 0, 0, 0.0, (20, 0, 0, 0))
            for spec, curve, size, far in PICTURES:
                crossing = 3 * 224 * 224
                ends = (0, 4.0 if "png" in spec else 0.6, 0.9, 20)
                rate = size * rng.lognormal(0, 0.2)
                far = far * hard
                yield _sample(rng, seen, classes, "input", spec, curve, crossing, rate, far, ends)
            for split, shape in SHAPES.items():
                tough = {"blocks.2": 0.9, "blocks.3": 1.0, "blocks.5": 0.6}[split] * hard
                for spec, curve, bits, far, encode, decode in CODECS:
                    crossing = int(np.prod(shape))
                    ends = (20 * SHARES[split], encode, decode, 20 * (1 - SHARES[split]))
                    rate = crossing * bits / 8 * (1 if curve == "raw" else rng.lognormal(0, 0.1))
                    far_here = far * tough
                    yield _sample(
                        rng, seen, classes, split, spec, curve, crossing, rate + 22, far_here, ends
                    )


def _sample(
    rng: np.random.Generator,
    seen: dict[str, Any],
    classes: list[int],
    split: str,
    codec: str,
    curve: str,
    elements: int,
    size: float,
    far: float,
    milliseconds: tuple[float, float, float, float],
) -> Sample:
    far *= float(rng.lognormal(0, 0.3))
    swapped = rng.random() < 0.4 * min(1.0, far**0.5) if far > 1e-6 else False
    times = [float(t * rng.lognormal(0, 0.06)) / 1e3 for t in milliseconds]
    return Sample(
        **seen,
        split=split,
        codec=codec,
        curve=curve,
        elements=elements,
        bytes=round(size),
        divergence=far,
        prediction=[classes[1], classes[0], *classes[2:]] if swapped else classes,
        reference=classes,
        **dict(zip(("edge", "encode", "decode", "cloud"), times, strict=True)),
        link={
            link["name"]: link["rtt"] + size / link["rate"] for link in LINKS if split != "output"
        },
    )


def features(shape: tuple[int, int, int]) -> np.ndarray:
    """A smooth, lopsided tensor, float32."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(shape)
    for axis in (1, 2):
        x = x + np.roll(x, 1, axis) + np.roll(x, 2, axis)
    x = x * rng.lognormal(-1, 0.5, (shape[0], 1, 1)) + rng.normal(0, 0.6, (shape[0], 1, 1))
    return np.where(x > 0, x, 0.6 * x).astype(np.float32)


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
                sample.split,
                sample.codec,
                sample.curve,
                sample.label,
                error="CodecError: the encoder refused a frame of 14 × 14",
            )
        lines.append(sample_line(sample))
    (run / "samples.jsonl").write_text("".join(lines), encoding="utf-8")
    for split, shape in SHAPES.items():
        np.save(run / "features" / f"{split}.npy", features(shape))
    return run
