"""Splitwire: build and score codecs for the feature tensors of split neural networks.

The public names stand in `__init__.pyi`. They are imported when first used, so that
`import splitwire` costs milliseconds and loads no torch.
"""

from typing import Any

import lazy_loader

from splitwire.extras import explained

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        raise explained(error) from error
