"""What serves each general codec best: `python benchmarks/peers.py --out runs/peers`.

`ftc` and `learned` are only as good as the peers they are measured against. So each of these has
its clip rule, preset and in-loop filters tried here, at the default experiment's splits (or those
of --model and --splits) and on calibration pictures, never on those that it evaluates:
scikit-image's nine in 3 views each, or with `--data photos --limit 40 --views 1` some of those that
tools/gather_photos.py gathers.
`eval/default.toml` takes the variant with the least mean of its delta rates over the splits; where
two are within a point on the 40 pictures, the faster, or the better on the nine. It prints, a row a
variant:

    rate    its Bjøntegaard delta rate against the codec as it is by default, with the 95 % interval
            over photos; see eval/delta_rates.py
    bytes   at the task's fidelity (of classification, 0.05 nats)
    ms      to encode one tensor, p50 over pictures and qualities, on this machine

An interrupted benchmark goes on where it stopped. The order of channels in the mosaic is not among
the variants: none that was tried (by mean, deviation, correlation or distance, learnt on 40
pictures and measured on 20) saved more than 1.2 % of the bytes of any of the four.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rate import kind, said
from rich.progress import track

from splitwire.eval.curves import bytes_at, curves
from splitwire.eval.delta_rates import Delta, bd_rates
from splitwire.eval.experiment import Experiment, load_experiment
from splitwire.eval.results import Result
from splitwire.eval.run import Run
from splitwire.eval.summary import Summary

CLIPS = ("clip=4sd", "clip=5sd", "clip=minmax")
SLOW = {"h264": "preset=veryslow", "hevc": "preset=veryslow", "av1": "preset=4"}
SLOWEST = {"h264": "preset=placebo", "hevc": "preset=placebo", "av1": "preset=2"}
OFF = "filters=false"
SWEEPS = {
    "raw": "bits=2+3+4+8",
    "rans": "bits=2+3+4+5+6",
    "png": "bits=3+4+6+8",
    "jpeg": "quality=10+20+50+80+95",
    "h264": "qp=10+24+32+38+44",
    "hevc": "qp=10+24+32+38+44",
    "av1": "qp=16+32+44+54+63",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/peers"))
    parser.add_argument("--data", help="a folder of calibration pictures; scikit-image's, if none")
    parser.add_argument("--limit", type=int, help="take that many of them")
    parser.add_argument("--views", type=int, default=3)
    parser.add_argument("--model", default="lite0")
    parser.add_argument("--splits", nargs="+", help="those of the default experiment, if none")
    parser.add_argument("--codecs", nargs="+", choices=SWEEPS, default=list(SWEEPS))
    given = parser.parse_args()
    for name in given.codecs:
        changes = {key: value for key, value in vars(given).items() if key not in ("out", "codecs")}
        run = Run(plan(name, **changes), given.out / name)
        for _ in track(run, name, total=run.total - len(run.done), transient=True):
            pass
        print("\n".join(report(Summary.open(given.out / name), name)), flush=True)


def variants(name: str) -> Iterator[str]:
    """The settings of a codec that are tried, beside its quality; the default first."""
    yield ""
    if name not in SLOW:
        yield from CLIPS
        return
    yield CLIPS[0]
    yield f"{CLIPS[0]},{SLOW[name]}"
    yield from (f"{clip},{SLOW[name]},{OFF}" for clip in CLIPS)
    yield f"{CLIPS[0]},{SLOWEST[name]},{OFF}"


def plan(name: str, data: str | None = None, **changes: object) -> Experiment:
    """Every variant of one codec on calibration pictures."""
    codecs = [f"{name}:{SWEEPS[name]}{',' * bool(also)}{also}" for also in variants(name)]
    usual = load_experiment()
    # The two sets change places. None of these codecs is calibrated: nothing is learnt of `data`.
    sets = {"data": data or usual.calibration, "calibration": usual.data}
    return load_experiment(codecs=codecs, pictures=[], **sets, **changes)


def report(summary: Summary, name: str) -> Iterator[str]:
    """A row a variant."""
    found, splits = curves(summary.results), summary.head.experiment.splits
    rates = bd_rates(summary, name)
    yield f"\n| {name} | " + " | ".join(f"{at}: rate | bytes | ms" for at in splits) + " | mean |"
    yield "|---" * (3 * len(splits) + 2) + "|"
    for curve in dict.fromkeys(curve for at, curve in found if at and kind(curve) == name):
        here = [rates.get((at, curve), Delta(0.0)) for at in splits]
        cells = [
            f"{shown(rate)} | {said(bytes_at(found[at, curve], summary.fidelity), ',.0f')} | "
            f"{encode_ms(found[at, curve]):.1f}"
            for at, rate in zip(splits, here, strict=True)
        ]
        mean = np.mean([np.nan if rate.percent is None else rate.percent for rate in here])
        yield f"| {curve} | {' | '.join(cells)} | {said(float(mean), '+.1f')} % |"


def shown(rate: Delta) -> str:
    """A rate with its interval, or why there is none."""
    if rate.percent is None:
        return rate.reason
    return f"{rate.percent:+.1f} % ({said(rate.low, '+.1f')} to {said(rate.high, '+.1f')})"


def encode_ms(points: Sequence[Result]) -> float:
    """Milliseconds to encode, over the settings of a curve."""
    return 1e3 * float(np.mean([point.times["encode"].p50 for point in points]))


if __name__ == "__main__":
    main()
