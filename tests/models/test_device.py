"""Where networks run: what is there, what is not, and that the host sees no difference."""

import pytest
import torch

import splitwire as sw
from splitwire.errors import ModelError
from splitwire.models.device import CPU, Device, available


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ModelError, match=r"no device 'cuda:99' here; there are: auto, cpu"):
        Device.find("cuda:99")


def test_auto_is_an_accelerator_where_there_is_one() -> None:
    assert Device.find("auto").name == available()[-1]
    assert Device.find("cpu") == CPU


def test_on_the_processor_nothing_is_moved_or_changed() -> None:
    x = torch.rand(3)
    assert CPU.put(x) is x and CPU.bring(x) is x


def test_halves_in_reduced_precision_come_near_the_network_and_give_float32(
    lite0: sw.Model,
) -> None:
    cut = sw.split(lite0.on(Device.find("cpu", "bf16")), "blocks.3")
    picture = torch.full((3, 224, 224), 127.0)
    features = cut.start(picture.numpy())
    output, whole = cut.finish(features), lite0(picture[None])
    assert features[0].dtype == output.dtype == torch.float32
    assert 0 < float((output - whole).abs().max()) < 0.2 * float(whole.abs().max())
