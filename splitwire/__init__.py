"""Splitwire: build and score codecs for the feature tensors of split neural networks.

The names below are the public interface. They are imported when first used, so that
`import splitwire` costs milliseconds and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splitwire.codecs.base import Codec, decode
    from splitwire.codecs.profile import Profile
    from splitwire.codecs.registry import codec, register_codec
    from splitwire.errors import (
        BitstreamError,
        CodecError,
        DataError,
        ExperimentError,
        ModelError,
        ProfileError,
        SplitwireError,
    )
    from splitwire.models.load import Model, load_model
    from splitwire.models.split import CutPoint, Split, cut_points, split

__version__ = "0.1.0"

_HOME = {
    "Codec": "codecs.base",
    "decode": "codecs.base",
    "Profile": "codecs.profile",
    "codec": "codecs.registry",
    "register_codec": "codecs.registry",
    "Model": "models.load",
    "load_model": "models.load",
    "CutPoint": "models.split",
    "Split": "models.split",
    "cut_points": "models.split",
    "split": "models.split",
    "SplitwireError": "errors",
    "BitstreamError": "errors",
    "CodecError": "errors",
    "DataError": "errors",
    "ExperimentError": "errors",
    "ModelError": "errors",
    "ProfileError": "errors",
}

__all__ = [*sorted(_HOME), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'splitwire' has no attribute {name!r}")
    value = getattr(import_module(f"splitwire.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
