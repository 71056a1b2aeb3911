"""ResNet-34 that nobody trained, but whose output tells pictures apart.

    splitwire map benchmarks/untrained.py:resnet34 --weights none --data PHOTOS --out resnet34.svg
    python benchmarks/map.py resnet34.map --weights none --out resnet34-coded.jsonl

The logits of random weights are nearly those of any other picture, so that whatever crosses may be
left out. Here the last layer is shifted and scaled until they deviate by 3 from picture to picture.
"""

import numpy as np
import torch
from torchvision.models import ResNet
from torchvision.models import resnet34 as untrained

from splitwire.data.photos import load_photos
from splitwire.models.preprocess import IMAGENET, Preprocess

SPREAD = 3.0  # of the logits of a class over the packaged photos: their standard deviation


def resnet34() -> tuple[ResNet, Preprocess]:
    """The network, and how it takes a picture."""
    network = untrained(weights=None).eval()
    pictures = [IMAGENET.picture(photo.open()) for photo in load_photos("samples", labelled=False)]
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (IMAGENET.mean, IMAGENET.std))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the weights are to be the same bits, however many there are
    with torch.no_grad():
        logits = network((torch.from_numpy(np.stack(pictures)) - mean) / deviation)
        centred = logits - logits.mean(0)
        scale = SPREAD / centred.std()
        network.fc.bias.sub_(logits.mean(0)).mul_(scale)
        network.fc.weight.mul_(scale)
    torch.set_num_threads(threads)
    return network, IMAGENET
