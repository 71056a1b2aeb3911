"""Small vision transformers, trained here: `python benchmarks/vit.py vit PHOTOS vit.safetensors`.

No weights of a trained transformer come with a package, so this makes some: 8×8 patches of 64×64
pixels, which tell what photo of a folder a random crop is from (half of its short side or more,
mirrored or not, as calibration crops are, and of varied brightness and contrast). `vit` reads its
output from a class token, `averaging` has none and takes the mean of the patches. Then
`splitwire eval --model benchmarks/vit.py:vit --weights vit.safetensors` takes it.
"""

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from splitwire.data.photos import load_photos
from splitwire.models.preprocess import Preprocess

SIDE = 64
PHOTOS = 200
DIM, DEPTH, HEADS = 72, 4, 4
KEPT = 128  # pixels that a photo's short side is scaled to
BATCH, RATE = 64, 1.5e-3


def vit() -> tuple[nn.Module, Preprocess]:
    return transformer()


def averaging() -> tuple[nn.Module, Preprocess]:
    return transformer(class_token=False, global_pool="avg")


def transformer(**changes: Any) -> tuple[nn.Module, Preprocess]:
    network = VisionTransformer(
        img_size=SIDE,
        patch_size=8,
        embed_dim=DIM,
        depth=DEPTH,
        num_heads=HEADS,
        mlp_ratio=3,
        num_classes=PHOTOS,
        **changes,
    )
    grey = (127.5,) * 3
    return network, Preprocess(SIDE, SIDE, grey, (64.0,) * 3, "bilinear")


def train(name: str, folder: str, seconds: float) -> nn.Module:
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    network, preprocess = {"vit": vit, "averaging": averaging}[name]()
    photos = [small(photo.open()) for photo in load_photos(folder, PHOTOS, labelled=False)]
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.05)
    began, step, right = time.monotonic(), 0, 0.0
    while (done := (time.monotonic() - began) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / 200, 0.5 + 0.5 * math.cos(math.pi * done))
        labels = random.integers(0, len(photos), BATCH)
        crops = np.stack([crop(photos[label], random) for label in labels])
        outputs = network((torch.from_numpy(crops) - preprocess.mean[0]) / preprocess.std[0])
        wanted = torch.from_numpy(labels)
        loss = nn.functional.cross_entropy(outputs, wanted, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right += 0.02 * (float((outputs.argmax(1) == wanted).float().mean()) - right)
        step += 1
        if step % 200 == 0:
            print(f"{step} steps, {done:.0%} of the time: {right:.1%} right", flush=True)
    return network.eval()


def small(photo: Image.Image) -> NDArray[np.uint8]:
    factor = KEPT / min(photo.size)
    return np.asarray(photo.resize([max(KEPT, round(factor * n)) for n in photo.size]))


def crop(photo: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.float32]:
    """A random crop, float32 (3, SIDE, SIDE), 0 to 255."""
    side = round(KEPT * random.uniform(0.5, 1))
    top, left = (int(random.integers(0, n - side + 1)) for n in photo.shape[:2])
    cut = Image.fromarray(photo[top : top + side, left : left + side])
    pixels = np.asarray(cut.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
    pixels = pixels[:, :: random.choice((-1, 1))].transpose(2, 0, 1)
    changed = 127.5 + (pixels - 127.5) * random.uniform(0.8, 1.2) + random.uniform(-16, 16)
    return np.ascontiguousarray(changed.clip(0, 255), np.float32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network", choices=("vit", "averaging"))
    parser.add_argument("photos")
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    save_file(train(given.network, given.photos, 60 * given.minutes).state_dict(), given.out)
