"""What the grid of tokens brings to `ftc`: `python benchmarks/tokens.py vit PHOTOS WEIGHTS`.

At blocks of a transformer that vit.py trained, on the photos that it knows: `ftc` is calibrated
on crops of every second one, with the grid of tokens and with all of them in a row, and both are
measured on two views of each of the others, beside general codecs clipped in several ways. It
prints Bjøntegaard delta rates against tokens in a row, with the 95 % interval over photos.
"""

import argparse
from pathlib import Path
from unittest.mock import patch

import splitwire as sw
from splitwire.calibrate.learn import Learning, watch
from splitwire.codecs.profile import Profile
from splitwire.data.holding import hold_out
from splitwire.data.photos import Photo, crops, load_photos
from splitwire.eval.curves import bytes_at, curves
from splitwire.eval.delta_rates import bd_rates
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run
from splitwire.eval.summary import Summary
from splitwire.tasks.registry import load_task

NETWORKS = Path(__file__).parent / "vit.py"
PHOTOS = 200
CROPS, HELD, VIEWS = 400, 100, 2
QUALITIES = "quality=34+42+50+58+66"
CLIPS = ("3sd", "5sd", "minmax")
PEERS = [
    *(f"rans:bits=2+3+4+5+6,clip={clip}" for clip in CLIPS),
    *(f"jpeg:quality=10+30+60+85+95,clip={clip}" for clip in CLIPS),
    *(f"h264:qp=8+20+28+36+44,clip={clip},preset=veryslow,filters=false" for clip in CLIPS),
]
NATS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network", choices=("vit", "averaging"))
    parser.add_argument("photos")
    parser.add_argument("weights")
    parser.add_argument("--splits", nargs="+", default=["blocks.1"])
    parser.add_argument("--out", type=Path, default=Path("runs/tokens"))
    given = parser.parse_args()
    photos = load_photos(given.photos, PHOTOS, labelled=False)
    for name, some in (("known", photos[::2]), ("others", photos[1::2])):
        (given.out / name).mkdir(parents=True, exist_ok=True)
        for photo in some:
            if not (given.out / name / photo.path.name).exists():
                (given.out / name / photo.path.name).symlink_to(photo.path.resolve())
    network = f"{NETWORKS}:{given.network}", given.weights
    for split in given.splits:
        profiles = learn(network, split, photos[::2], given.out)
        print(f"\n## {split}\n\n{measure(network, split, profiles, given.out)}", flush=True)


def learn(network: tuple[str, str], split: str, photos: list[Photo], out: Path) -> dict[str, Path]:
    """The profiles of tokens on their grid, and in a row."""
    files = {name: out / f"{split}-{name}.profile" for name in ("grid", "row")}
    if all(file.exists() for file in files.values()):
        return files
    model = sw.load_model(*network)
    cut, task = sw.split(model, split), load_task("classification", model)
    known, held = hold_out(photos, one_in=5)
    seen = list(watch(cut, crops(known, model.preprocess, CROPS, 0), task))
    tried = list(watch(cut, crops(held, model.preprocess, HELD, 0)))
    learn_one(cut, task, seen, tried).save(files["grid"])
    with patch("splitwire.codecs.ftc.tokens.first_of", lambda shape: None):
        learn_one(cut, task, seen, tried).save(files["row"])
    return files


def learn_one(cut: sw.Split, task: sw.Task, seen: list, tried: list) -> Profile:
    learning = Learning(sw.codec("ftc"), cut, task)
    for crop in seen:
        learning.add(crop)
    (codec,) = learning.codecs(tried)
    assert codec.profile is not None
    return codec.profile


def measure(network: tuple[str, str], split: str, profiles: dict[str, Path], out: Path) -> str:
    ours = [f"ftc:profile={file},{QUALITIES}" for file in profiles.values()]
    plan = load_experiment(
        model=network[0],
        weights=network[1],
        splits=[split],
        codecs=[*ours, *PEERS],
        pictures=[],
        data=str(out / "others"),
        calibration=str(out / "known"),
        views=VIEWS,
    )
    for _ in Run(plan, out / split):
        pass
    summary = Summary.open(out / split)
    row = f"ftc:profile={profiles['row']}"
    found = {name: points for (_, name), points in curves(summary.results).items()}
    deltas = {name: delta for (_, name), delta in bd_rates(summary, row).items()}
    lines = [f"| codec | bytes against tokens in a row | bytes at {NATS} nats |", "|---|---|---|"]
    for name, points in found.items():
        delta, size = deltas.get(name), bytes_at(points, NATS)
        said = "–"
        if delta is not None and delta.percent is not None:
            said = f"{delta.percent:+.1f} % ({delta.low:+.1f} to {delta.high:+.1f})"
        lines.append(f"| `{name.replace(f'{out}/{split}-', '')}` | {said} | {size:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
