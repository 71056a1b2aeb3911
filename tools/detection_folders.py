"""Two folders of gathered photos for NanoDet: one to evaluate on, one to calibrate on.

    python tools/gather_photos.py photos
    python tools/detection_folders.py photos folders
    splitwire eval experiments/nanodet-neck.toml

To evaluate on are 80 photos, drawn at random, in each of which the uncompressed network finds
something. None is a cut-out put before another photo, and none is of those on which the detector's
divergence was tuned (one in five, as calibration holds them out). To calibrate on are all others,
but for cut-outs before one of the 80.
"""

import argparse
import csv
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from gather_photos import CUT_OUTS, LIST, called

import splitwire as sw
from splitwire.calibrate.calibrator import ONE_IN
from splitwire.data.holding import hold_out
from splitwire.data.photos import Photo, load_photos
from splitwire.tasks.registry import load_task

COUNT, SEED = 80, 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    told = parser.parse_args()
    photos = load_photos(str(told.photos), labelled=False)
    evaluated = set(show_something(hold_out(photos, ONE_IN)[0]))
    names, behind = {photo.name for photo in evaluated}, backgrounds(photos)
    for photo in photos:
        if behind.get(photo.name) in names:
            continue
        name = "evaluated" if photo in evaluated else "learnt"
        (told.out / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(photo.path, told.out / name)


def show_something(photos: list[Photo]) -> Iterator[Photo]:
    """The first of them, in a random order, in which NanoDet finds something."""
    model = sw.load_model("nanodet")
    task = load_task(None, model)
    found = 0
    for at in np.random.default_rng(SEED).permutation(len(photos)):
        if photos[at].name.startswith(CUT_OUTS):
            continue
        x = torch.from_numpy(model.preprocess.picture(photos[at].open(), view=0))[None]
        with torch.no_grad():
            objects = task.predict(task.checked(model.module(x)))["objects"]
        if objects:
            yield photos[at]
            found += 1
        if found == COUNT:
            return


def backgrounds(photos: list[Photo]) -> dict[str, str]:
    """The name of the photo that each cut-out was put before, by that of the cut-out."""
    others = sorted(p.name for p in photos if not p.name.startswith((CUT_OUTS, "scikit-image")))
    with LIST.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        names = [row["file"] for row in rows if row["package"] == CUT_OUTS]
    return {called(CUT_OUTS, n): others[zlib.crc32(n.encode()) % len(others)] for n in names}


if __name__ == "__main__":
    main()
