"""Weights: where a network's come from, reading them from a file, and what is refused of them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from splitwire.errors import ModelError

State = dict[str, torch.Tensor]

_WRAPPERS = ("module.", "model.", "net.", "network.", "_orig_mod.")


@dataclass(frozen=True)
class Weights:
    """Where weights come from.

    Attributes:
        origin: in words.
        trained: False where they are known to be untrained, so that no rate or accuracy means
            anything; what a user's own factory or file holds is taken for trained.
    """

    origin: str
    trained: bool = True


GIVEN = Weights("as the network was given")
UNTRAINED = Weights("none: untrained", trained=False)


def fill(name: str, network: nn.Module, path: Path) -> Weights:
    """Load the state dict in `path` into `network`.

    Raises:
        ModelError: in one line, why it cannot be read or does not fit.
    """
    own = network.state_dict()
    state = _stripped(_read(path), set(own))
    faults = [f"{key} is missing" for key in own if key not in state]
    faults += [f"{key} is not the network's" for key in state if key not in own]
    faults += [
        f"{key} is {tuple(state[key].shape)}, not {tuple(value.shape)}"
        for key, value in own.items()
        if key in state and state[key].shape != value.shape
    ]
    if faults:
        more = f" and {len(faults) - 1} more" if faults[1:] else ""
        raise ModelError(
            f"the weights in {path} do not fit {name}: {faults[0]}{more}; give the network's own"
        )
    network.load_state_dict(state)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Weights(f"the file {path}, SHA-256 {digest[:16]}")


def check_numbers(name: str, network: nn.Module) -> None:
    """Refuse weights that are no numbers: every output would be NaN, or depend on no picture.

    A buffer may hold infinities, as a mask of attention does; NaN may stand nowhere.

    Raises:
        ModelError: naming the first tensor, and how much of it is none.
    """
    parameters = dict(network.named_parameters())
    for key, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        sound = value.isfinite() if key in parameters else ~value.isnan()
        if missing := int(sound.numel() - sound.sum()):
            kind = "NaN or infinite" if key in parameters else "NaN"
            raise ModelError(
                f"the weights of {name} are damaged: {missing:,} of {value.numel():,} numbers of "
                f"{key} are {kind}: give others (weights=PATH, --weights PATH)"
            )


def _read(path: Path) -> State:
    if not path.is_file():
        raise ModelError(
            f"there is no weights file {path}: give another path, or 'none' for untrained ones"
        )
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelError(
            f"{path} cannot be read as a state dict of tensors (.pt, .pth or .safetensors; "
            f"{type(error).__name__}): save it anew, torch.save(network.state_dict(), PATH)"
        ) from error
    # Training scripts keep the state dict beside the optimiser's, under one of these names.
    for key in ("state_dict", "model_state_dict", "model", "net"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(map(torch.is_tensor, state.values())):
        raise ModelError(
            f"{path} holds {type(state).__name__}, not a state dict of tensors: save it anew, "
            "torch.save(network.state_dict(), PATH)"
        )
    return state


def _stripped(state: State, own: set[str]) -> State:
    """The weights without what wrappers put before their names, where that makes them the own.

    DistributedDataParallel, torch.compile and Lightning do; Lightning's may also hold the weights
    of a loss beside the network's, which are left out.
    """
    if own <= state.keys():
        return state
    for prefix in _WRAPPERS:
        inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if inner and own <= (found := _stripped(inner, own)).keys():
            return found
    return state
