"""sc2-benchmark's codecs of features beside ours, on the same features: `python benchmarks/sc2.py`.

    pip install -e ".[samples]" sc2bench==0.1.1

which brings NumPy below 2. sc2bench (Matsubara et al., TMLR 2023) codes a tensor as pictures of
three channels each, through Pillow: its `PILTensorModule`, here with JPEG and WebP as in its
configurations. Of each picture it subtracts the least number and then divides by the largest, so
that features have to be zero or more, as behind a ReLU: those of a linear bottleneck wrap. Hence
two rows of each: as they are, and with the least number of the whole tensor subtracted before and
added after. Its bytes hold the pickled ranges, as it counts them.

All is measured on the second half of the network after it, on the default experiment's photos.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torchvision.datasets  # noqa: F401 - sc2bench expects it to be there
from sc2bench.transforms.codec import PILTensorModule

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.data.photos import load_photos
from splitwire.tasks.registry import load_task

OURS = (
    "jpeg:quality=50,clip=4sd",
    "jpeg:quality=90,clip=4sd",
    "rans:bits=4,clip=5sd",
    "ftc:quality=50",
)

Coding = Callable[[torch.Tensor], tuple[torch.Tensor, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", nargs="+", default=["blocks.3", "blocks.5"])
    given = parser.parse_args()
    model = sw.load_model("lite0")
    task, photos = load_task("classification", model), load_photos("samples")
    print("| split | codec | bytes | nats | agree |\n|---|---|--:|--:|--:|")
    for at in given.splits:
        split = sw.split(model, at)
        features = [split.start(model.preprocess.picture(photo.open()))[0] for photo in photos]
        for name, code in codings(split):
            rows = []
            for x in features:
                decoded, size = code(x[0])
                reference, output = split.finish([x]).numpy(), split.finish([decoded[None]]).numpy()
                agree = int(reference.argmax()) == int(output.argmax())
                rows.append((size, task.divergence(reference, output), agree))
            size, nats, agree = np.mean(rows, axis=0)
            print(f"| `{at}` | {name} | {size:,.0f} | {nats:.3g} | {agree:.0%} |", flush=True)


def codings(split: sw.Split) -> Iterator[tuple[str, Coding]]:
    """Every codec by its name."""
    for spec in OURS:
        (codec,) = ProfileStore().codecs(split, sw.codec(spec), "classification")
        yield f"`{spec}`", ours(codec)
    for form in ("JPEG", "WEBP"):
        for quality in (50, 90):
            module = PILTensorModule(returns_file_size=True, format=form, quality=quality)
            yield f"sc2bench {form} {quality}", module
            yield f"sc2bench {form} {quality}, shifted", shifted(module)


def ours(codec: sw.Codec) -> Coding:
    def code(x: torch.Tensor) -> tuple[torch.Tensor, int]:
        stream = codec.encode(x.numpy())
        return torch.from_numpy(codec.decode(stream)), len(stream)

    return code


def shifted(module: Coding) -> Coding:
    """Of features that are not negative."""

    def code(x: torch.Tensor) -> tuple[torch.Tensor, int]:
        decoded, size = module(x - x.min())
        return decoded + x.min(), size

    return code


if __name__ == "__main__":
    main()
