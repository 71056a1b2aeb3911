"""The parts of an attack by themselves: the linear decoder, baselines, the second attack."""

import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import conv2d, pixel_unshuffle

import splitwire as sw
from splitwire.attack.baselines import Nearest, jpeg_of, mean_picture
from splitwire.attack.decoder import Decoder, Watched
from splitwire.attack.inversion import invert, train
from splitwire.attack.linear import Linear
from splitwire.attack.optimisation import optimise, roughness
from splitwire.attack.scores import psnr

Picture = NDArray[np.float32]


def test_the_linear_decoder_finds_what_is_linear() -> None:
    torch.manual_seed(0)
    pictures = torch.randn(20, 3, 24, 24)
    mixed = torch.linalg.qr(torch.randn(12, 12)).Q[:, :, None, None]
    features = conv2d(pixel_unshuffle(pictures, 2), mixed)
    decoder = Linear(12, 3, 2)
    pairs = zip(features.split(4), pictures.split(4), strict=True)
    decoder.fit(pairs, torch.Generator().manual_seed(0))
    assert float((decoder(features) - pictures).abs().max()) < 1e-3


def watched(count: int = 24) -> Watched:
    """Smooth pictures, and features that are 4×4 means of them, thrice."""
    random, pictures = np.random.default_rng(0), []
    for _ in range(count):
        coarse = Image.fromarray(random.integers(0, 255, (5, 5, 3), np.uint8))
        pictures.append(np.asarray(coarse.resize((48, 48), Image.Resampling.BICUBIC)))
    shown = np.stack(pictures).transpose(0, 3, 1, 2)
    means = shown.reshape(count, 3, 12, 4, 12, 4).mean((3, 5))
    return Watched(np.tile(means, (1, 16, 1, 1)).astype(np.float16), np.ascontiguousarray(shown))


def test_training_improves_on_the_linear_decoder_and_repeats() -> None:
    known = watched()
    found = []
    for steps in (0, 25, 25):
        decoder = Decoder((48, 12, 12), (3, 48, 48), seed=1)
        decoder.fit(known, 0)
        train(decoder, known, steps, 0)
        found.append([invert(decoder, x.astype(np.float32)) for x in known.features])
    errors = [np.mean([psnr(*pair) for pair in zip(known.pictures, f, strict=True)]) for f in found]
    assert 25 < errors[0] < errors[1]
    np.testing.assert_array_equal(found[1], found[2])
    assert all(x.min() >= 0 and x.max() <= 255 for x in found[1])


def test_the_nearest_picture_is_the_same_where_he_has_it() -> None:
    known = watched()
    nearest = Nearest(known)
    for at in (0, 7, 23):
        found = nearest.find(known.features[at].astype(np.float32) + 1)
        np.testing.assert_array_equal(found, known.pictures[at])
    assert mean_picture(known.pictures).shape == (3, 48, 48)


@pytest.mark.parametrize("most", [800, 3000, 20_000])
def test_a_jpeg_has_no_more_bytes_and_the_best_of_its_settings(picture: Picture, most: int) -> None:
    seen = jpeg_of(picture, most)
    assert seen is not None and seen.shape == picture.shape
    whole = Image.fromarray(picture.transpose(1, 2, 0).astype(np.uint8))
    for quality in (1, 10, 50, 90):
        coded = io.BytesIO()
        whole.save(coded, "jpeg", quality=quality, optimize=True)
        if coded.tell() <= most:
            plain = np.asarray(Image.open(coded), np.float32).transpose(2, 0, 1)
            assert psnr(picture, seen) >= psnr(picture, plain) - 1e-9


def test_there_is_no_jpeg_of_a_hundred_bytes(picture: Picture) -> None:
    assert jpeg_of(picture, 100) is None


def test_moving_pixels_brings_features_nearer(lite0: sw.Model, picture: Picture) -> None:
    cut = sw.split(lite0, "blocks.0")
    decoded = cut.start(picture)[0][0].numpy()
    start = np.full_like(picture, 127)
    variance = np.full(len(decoded), 1e-4, np.float32)
    scale = roughness(picture[None].astype(np.uint8))
    found = optimise(cut, decoded, variance, scale, start, 40)
    assert psnr(picture, found) > psnr(picture, start) + 1

    def apart(x: Picture) -> float:
        return float(np.mean((cut.start(x)[0][0].numpy() - decoded) ** 2))

    assert apart(found) < 0.5 * apart(start)
    np.testing.assert_array_equal(optimise(cut, decoded, variance, scale, start, 0), start)
