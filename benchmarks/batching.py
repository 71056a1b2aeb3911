"""What a batch of eight costs beside eight frames alone, and beside what torch itself makes of it.

    python benchmarks/batching.py [--rounds 7]

On one thread, in CPU time, each the least of several rounds in turn. "torch" is the same part of
the network run on a tensor of eight by hand-written modules, where there are any: the whole
network. A ratio below one is gained; where torch gains nothing, neither can a batch here, and the
cloud then runs frames one by one. The last column is how far outputs are from those alone, as a
part of the largest.
"""

import argparse
from collections.abc import Callable
from time import process_time

import torch

import splitwire as sw
from splitwire.models.batch import Batched
from splitwire.runner.threads import limit_threads

FRAMES = 8
PLACES = (
    ("torchvision:alexnet", "input"),
    ("torchvision:alexnet", "features"),
    ("torchvision:vgg11", "features"),
    ("torchvision:resnet18", "input"),
    ("torchvision:resnet18", "layer3"),
    ("lite0", "blocks.3"),
    ("timm:vit_tiny_patch16_224", "blocks.3"),
)


def least(works: list[Callable[[], object]], rounds: int) -> list[float]:
    """Seconds of the processor that each piece of work takes at least."""
    found = [float("inf")] * len(works)
    for _ in range(rounds + 1):
        for at, work in enumerate(works):
            begin = process_time()
            work()
            found[at] = min(found[at], process_time() - begin)
    return found


def ratios(name: str, at: str, rounds: int) -> str:
    model = sw.load_model(name, None)
    split = sw.split(model, at)
    batched = Batched(split.edge, split.cloud, model.input_shape)
    draw = torch.Generator().manual_seed(1)
    pictures = [255 * torch.rand(model.input_shape, generator=draw) for _ in range(FRAMES)]
    frames, whole = [split.edge(x) for x in pictures], torch.cat(pictures)
    works: list[Callable[[], object]] = [
        lambda: [split.cloud(*frame) for frame in frames],
        lambda: batched(frames),
        lambda: [model.module(x) for x in pictures],
        lambda: model.module(whole),
    ]
    alone, together, torch_alone, torch_together = least(works, rounds)
    off = max(
        float((a - b).abs().max() / a.abs().max())
        for a, b in zip((split.cloud(*frame) for frame in frames), batched(frames), strict=True)
    )
    how = "as it is" if batched.direct else "vmap"
    here, there = together / alone, torch_together / torch_alone
    return f"{name:28} {at:10} {how:9} {here:6.2f} {there:6.2f} {off:9.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    limit_threads(1)
    print(f"{'network':28} {'cut':10} {'graph':9} {'batch':>6} {'torch':>6} {'error':>9}")
    with torch.inference_mode():
        for name, at in PLACES:
            print(ratios(name, at, asked.rounds), flush=True)


if __name__ == "__main__":
    main()
