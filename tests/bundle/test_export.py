"""What a bundle's halves compute is what torch computes, whatever stands in the network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_bundle import exported
from torch import nn

import splitwire as sw
from splitwire.bundle.check import check
from splitwire.bundle.export import check_size, write_bundle
from splitwire.bundle.opened import Bundle
from splitwire.errors import BundleError, ModelError
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess
from splitwire.tasks.classification import Classification
from splitwire.tasks.embedding import Embedding

HOW = Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")


def noise(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (3, 32, 32)).astype(np.float32)


def test_a_bundle_is_within_its_bounds_of_torch(bundle: Bundle, small: sw.Model) -> None:
    cut = sw.split(small, "1")
    verdict = check(bundle, cut, Classification.of(small), map(noise, range(5)))
    assert verdict.faults == []
    assert all(abs(p.bytes - p.torch_bytes) <= 8 for p in verdict.pictures)


def test_another_networks_bundle_is_out_of_bounds(bundle: Bundle, small: sw.Model) -> None:
    other = assemble("small", nn.Sequential(*small.network, nn.Softmax(1)), HOW)
    verdict = check(bundle, sw.split(other, "1"), Classification.of(other), [noise()])
    assert len(verdict.faults) == 3


def test_both_halves_take_any_number_of_frames(bundle: Bundle) -> None:
    assert bundle.manifest.batch == "free"
    x = np.stack(list(map(noise, range(3))))
    features = bundle.halves._edge.run(None, {"picture": x})
    logits = bundle.halves._cloud.run(None, {"crossing_0": features[0]})[0]
    for at in range(3):
        alone = bundle.halves.finish(bundle.halves.start(x[at]))
        np.testing.assert_allclose(logits[at : at + 1], alone, atol=1e-5)


def test_a_half_that_no_onnx_file_can_hold_is_refused() -> None:
    layer = nn.Linear(1 << 15, 1 << 14, bias=False, device="meta")  # 2 GiB that nobody allocates
    with pytest.raises(
        BundleError, match="2,147,483,648 bytes of weights: an ONNX file holds less"
    ):
        check_size(layer)
    check_size(nn.Linear(1 << 15, (1 << 14) - 1, bias=False, device="meta"))


class Mixed(nn.Module):
    """A mean over all there is, frames included, and a structure with what is no tensor in it."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 5, 4), nn.Linear(4, 6)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        x = self.body(x)
        seen = (x - x.mean()).mean((2, 3))
        return {"logits": [self.head(seen)], "aux": None, "more": (seen, 3, "words")}


def test_a_network_that_mixes_frames_takes_one_and_keeps_its_structure(tmp_path: Path) -> None:
    model = assemble("mixed", Mixed(), HOW)
    cut = sw.split(model, "body")
    spec = "raw:dtype=float32"
    write_bundle(tmp_path, cut, [sw.codec(spec)], spec, Embedding.of(model))
    bundle = Bundle(tmp_path)
    assert bundle.manifest.batch == "one"
    output, expected = (
        bundle.halves.finish(bundle.halves.start(noise())),
        cut.finish(cut.start(noise())),
    )
    assert (output["aux"], output["more"][1:]) == (None, (3, "words"))
    np.testing.assert_allclose(output["logits"][0], expected["logits"][0], atol=1e-5)
    np.testing.assert_allclose(output["more"][0], expected["more"][0], atol=1e-5)
    task = Embedding.of(bundle.halves.model)
    assert task.predict(output)["vector"] == pytest.approx(
        Embedding.of(model).predict(expected)["vector"], abs=1e-4
    )


@pytest.mark.parametrize("at", ["input", "output"])
def test_all_may_run_on_one_side(tmp_path: Path, small: sw.Model, at: str) -> None:
    exported(tmp_path, small, at, "raw:dtype=float32")
    halves = Bundle(tmp_path).halves
    expected = small(torch.from_numpy(noise())[None])
    np.testing.assert_allclose(halves.finish(halves.start(noise())), expected, atol=1e-5)


class Odd(nn.Module):
    """An output of a kind that no manifest tells."""

    def forward(self, x: torch.Tensor) -> dict[int, torch.Tensor]:
        return {1: x.mean((2, 3))}


def test_a_structure_that_json_has_not_is_refused(tmp_path: Path) -> None:
    cut = sw.split(assemble("odd", Odd(), HOW), "output")
    with pytest.raises(ModelError, match="gives dict too"):
        write_bundle(tmp_path, cut, [sw.codec("raw")], "raw", Embedding())
    assert not (tmp_path / "manifest.json").exists()


def test_what_a_bundle_says_of_the_network_is_what_the_network_says(
    bundle: Bundle, small: sw.Model
) -> None:
    said = bundle.halves.model
    assert (said.name, said.digest, said.input_shape) == (small.name, small.digest, (1, 3, 32, 32))
    assert said.output_shapes == small.output_shapes == ((1, 10),)
    assert said.preprocess.size == small.preprocess.size
    assert bundle.halves.shapes == sw.split(small, "1").shapes


def test_a_first_half_in_eight_bits_tells_its_own_loss(tmp_path: Path, small: sw.Model) -> None:
    cut, task, spec = sw.split(small, "2"), Classification.of(small), "raw:dtype=float32"
    pictures = list(map(noise, range(8)))
    write_bundle(tmp_path, cut, [sw.codec(spec)], spec, task, pictures)
    bundle = Bundle(tmp_path)
    assert bundle.manifest.precision == "int8"
    verdict = check(bundle, cut, task, map(noise, range(8, 11)))
    assert verdict.faults == []  # the second half is as it was, and the loss no fault
    for seen in verdict.pictures:
        assert 1e-3 < seen.features < 0.2
        assert 0 < seen.divergence < 0.01
        assert seen.torch_coded < 1e-8 < seen.coded == pytest.approx(seen.divergence, rel=1e-3)
