"""PSNR and SSIM beside scikit-image's, and what a judge says."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from small_runs import NETS

import splitwire as sw
from splitwire.attack.judge import Judge, compare
from splitwire.attack.scores import decibels, psnr, ssim
from splitwire.errors import ModelError

Picture = NDArray[np.float32]


def noisy(picture: Picture, size: float) -> Picture:
    noise = np.random.default_rng(0).normal(0, size, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.float32)


@pytest.mark.parametrize("size", [2.0, 20.0, 80.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_both_are_those_of_scikit_image(picture: Picture, size: float, channels: int) -> None:
    whole = picture[:channels]
    seen = noisy(whole, size)
    other = structural_similarity(whole, seen, channel_axis=0, data_range=255)
    (ours,) = ssim(torch.from_numpy(whole)[None], torch.from_numpy(seen)[None])
    assert float(ours) == pytest.approx(other, abs=2e-4)
    assert psnr(whole, seen) == pytest.approx(peak_signal_noise_ratio(whole, seen, data_range=255))


def test_the_same_picture_is_as_near_as_can_be(picture: Picture) -> None:
    both = torch.from_numpy(picture)[None]
    assert float(ssim(both, both)[0]) == pytest.approx(1)
    assert psnr(picture, picture) == 100
    assert decibels(255**2) == 0
    tiny = both[:, :, :3, :4]  # smaller than a window
    assert float(ssim(tiny, tiny)[0]) == pytest.approx(1)


def test_a_judge_sees_less_the_more_noise(lite0: sw.Model, picture: Picture) -> None:
    judge = Judge(lite0)
    original = judge.look(picture)
    assert [len(x.shape) for x in original] == [4] * 5 + [2]  # 112 to 7 positions wide; logits
    far = [compare(original, judge.look(noisy(picture, size))) for size in (0, 10, 40, 120)]
    distances = [one["distance"] for one in far]
    assert distances == sorted(distances) and distances[0] < 1e-6 < distances[1]
    assert far[0]["top1"] == far[0]["top5"] == 1
    assert compare(original, judge.look(np.zeros_like(picture)))["top1"] == 0


def test_a_judge_takes_pictures_of_another_size(lite0: sw.Model, picture: Picture) -> None:
    judge = Judge(lite0)
    smaller = np.ascontiguousarray(picture[:, ::2, ::2])
    assert judge.look(smaller)[-1].shape == (1, 1000)


def test_no_judge_but_a_classifier(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("nets") / "net.py"
    file.write_text(NETS)
    with pytest.raises(ModelError, match="no classifier"):
        Judge(sw.load_model(f"{file}:dense"))
