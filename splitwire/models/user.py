"""A network from a user's own file: `path/to/file.py:factory`."""

from torch import nn

from splitwire.errors import ModelError
from splitwire.models.inputs import Inputs
from splitwire.models.messages import reason
from splitwire.models.normalised import Network
from splitwire.models.preprocess import IMAGENET, Preprocess
from splitwire.userfile import load


def from_file(name: str) -> Network:
    """Run the file and call its factory; ImageNet's preprocessing if the factory names none.

    Raises `ModelError` when the file or the factory is missing, fails, or gives something else.
    """
    make = load(name, ModelError)
    if not callable(make):
        raise ModelError(f"{name} is no function that makes a network")
    try:
        made = make()
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
    except Exception as error:
        raise ModelError(
            f"{name} failed: {type(error).__name__}: {reason(error)}: it is called without "
            "arguments, and gives a network"
        ) from error
    network, preprocess = made if isinstance(made, tuple) and len(made) == 2 else (made, IMAGENET)
    if not isinstance(network, nn.Module) or not isinstance(preprocess, Preprocess | Inputs):
        raise ModelError(
            f"{name} gave {type(made).__name__}: a factory gives a torch.nn.Module, "
            "or a pair of it and a splitwire.models.preprocess.Preprocess, or of several inputs a "
            "splitwire.models.inputs.Inputs"
        )
    return network, preprocess
