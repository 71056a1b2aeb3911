"""A network from a user's own file: `path/to/file.py:factory`."""

import importlib.util
import sys
from pathlib import Path

from torch import nn

from splitwire.errors import ModelError
from splitwire.models.messages import reason
from splitwire.models.preprocess import IMAGENET, Network, Preprocess


def from_file(name: str) -> Network:
    """Run the file and call its factory; ImageNet's preprocessing if the factory names none.

    Raises `ModelError` when the file or the factory is missing, fails, or gives something else.
    """
    path, _, factory = name.rpartition(":")
    make = getattr(_run_file(Path(path)), factory, None)
    if not callable(make):
        raise ModelError(f"{path} has no function {factory!r} that makes a network")
    try:
        made = make()
    except Exception as error:
        raise ModelError(f"{name} failed: {type(error).__name__}: {reason(error)}") from error
    network, preprocess = made if isinstance(made, tuple) and len(made) == 2 else (made, IMAGENET)
    if not isinstance(network, nn.Module) or not isinstance(preprocess, Preprocess):
        raise ModelError(
            f"{name} gave {type(made).__name__}: a factory gives a torch.nn.Module, "
            "or a pair of it and a splitwire.models.preprocess.Preprocess"
        )
    return network, preprocess


def _run_file(path: Path) -> object:
    if not path.is_file():
        raise ModelError(f"there is no file {path} to take a network from")
    spec = importlib.util.spec_from_file_location(f"splitwire_user_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # a name that ends in .py has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(f"{path} failed: {type(error).__name__}: {reason(error)}") from error
    return module
