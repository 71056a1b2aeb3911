"""What Python makes of the same inputs, for the tests in JavaScript.

python reference.py write FOLDER   streams, pictures, and a bundle with the packets of its edge
python reference.py read FOLDER    decode the streams that JavaScript wrote there
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/core")]

from cases import Case, case  # noqa: E402

import splitwire as sw  # noqa: E402
from splitwire.bundle.opened import Bundle  # noqa: E402
from splitwire.bundle.steps import steps_of  # noqa: E402
from splitwire.data.photos import load_photos  # noqa: E402
from splitwire.models.preprocess import Preprocess  # noqa: E402
from splitwire.runner.local import encode  # noqa: E402

GOLDEN = ROOT / "tests/golden"
CODED = ("raw", "rans", "ecsq", "ftc")
WHITE = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
CASES, PHOTOS = 80, 4


def write(folder: Path) -> None:
    """All references; index.json lists them."""
    (folder / "made").mkdir(parents=True)
    if not (folder / "bundle").exists():
        words = ("lite0", "blocks.3", "--codec", "ftc:quality=50", "-o", str(folder / "bundle"))
        subprocess.run([sys.executable, "-m", "splitwire", "export", *words], check=True)
    index = {
        "golden": [golden(folder, path) for path in sorted(GOLDEN.glob("*.sw")) if coded(path)],
        "cases": [coding(folder, seed) for seed in range(CASES)],
        "pictures": list(pictures(folder)),
        "photos": list(photos(folder)),
    }
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def coded(path: Path) -> bool:
    """Whether a golden stream is one that the C core decodes."""
    return path.stem.split("-")[0] in CODED and not {"sequence", "tokens"} & set(
        path.stem.split("-")
    )


def golden(folder: Path, path: Path) -> dict[str, Any]:
    """A golden stream, the numbers that it decodes to, and its profile."""
    (folder / path.name).write_bytes(path.read_bytes())
    np.load(path.with_suffix(".npy")).astype("<f4").tofile(folder / f"{path.stem}.f32")
    name, own = path.stem.split("-")[0], GOLDEN / f"{path.stem.split('-')[0]}.safetensors"
    needs = name == "ftc" or path.stem == "raw-profile"
    if needs:
        (folder / own.name).write_bytes(own.read_bytes())
    return {"name": path.stem, "profile": own.name if needs else None}


def coding(folder: Path, seed: int) -> dict[str, Any]:
    """A random tensor and the stream that its codec makes of it."""
    one, name = case(seed), f"case-{seed}"
    stream = one.python.encode(one.x)
    (folder / f"{name}.sw").write_bytes(stream)
    one.x.tofile(folder / f"{name}.x")
    sw.codec(one.spec, profile=one.profile).decode(stream).tofile(folder / f"{name}.f32")
    if one.profile is not None:
        one.profile.save(folder / f"{name}.profile")
    profile = None if one.profile is None else f"{name}.profile"
    return {"name": name, "spec": one.spec, "shape": one.x.shape, "profile": profile}


def pictures(folder: Path) -> Iterator[dict[str, Any]]:
    """Noise of several sizes through every filter: what rounding there is shows."""
    rng = np.random.default_rng(17)
    filters = ("box", "bilinear", "hamming", "bicubic", "lanczos")
    sizes = ((31, 200), (640, 480), (225, 224), (100, 101), (57, 333))
    for at, (name, (width, height)) in enumerate((f, s) for f in filters for s in sizes):
        photo = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
        crop, resize = [(224, 256), ((96, 160), None), ((50, 64), 57)][at % 3]
        how = Preprocess(crop, resize, interpolation=name, **WHITE)
        yield picture(folder, f"picture-{at}", photo, how)


def picture(folder: Path, name: str, photo: Image.Image, how: Preprocess) -> dict[str, Any]:
    """A photo, and the picture that a network takes of it."""
    (folder / f"{name}.rgba").write_bytes(photo.convert("RGBA").tobytes())
    how.picture(photo).tofile(folder / f"{name}.f32")
    width, height = photo.size
    return {"name": name, "width": width, "height": height, "steps": steps_of(how)}


def photos(folder: Path) -> Iterator[dict[str, Any]]:
    """What an edge in Python makes of photos: features, packet, and the network's word on them."""
    bundle = Bundle(folder / "bundle")
    for at, item in enumerate(load_photos("samples")[:PHOTOS]):
        photo = Image.open(item.path).convert("RGB")
        said = picture(folder, f"photo-{at}", photo, bundle.halves.model.preprocess)
        features = bundle.halves.start(bundle.halves.model.preprocess.picture(photo))
        features[0].tofile(folder / f"photo-{at}.features")
        (folder / f"photo-{at}.sw").write_bytes(encode(features, bundle.codecs))
        yield said | {"best": int(bundle.halves.finish(features).argmax())}


def read(folder: Path) -> None:
    """Decode what JavaScript wrote; what it decoded of it itself has to be the same."""
    for path in sorted((folder / "made").glob("*.sw")):
        found = coder(path.stem, folder).decode(path.read_bytes())
        wanted = np.fromfile(path.with_suffix(".f32"), np.float32)
        assert found.ravel().tobytes() == wanted.tobytes(), path.stem


def coder(name: str, folder: Path) -> sw.Codec:
    """What decodes a stream of that name."""
    if name.startswith("photo"):
        return Bundle(folder / "bundle").codecs[0]
    one: Case = case(int(name.removeprefix("case-")))
    return one.python


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
