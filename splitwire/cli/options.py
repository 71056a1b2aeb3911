"""Options that several commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # which loads torch
    from splitwire.models.load import Model

PORTS = 65_535
"""The highest port."""
WEIGHTS = "A file of weights, or 'none' for untrained ones."
DEVICE = "Where the network runs: cpu, cuda, cuda:1, mps or auto."
NETWORK = "lite0, timm:NAME, torchvision:NAME or FILE.py:FACTORY."

ModelName = Annotated[str, typer.Argument(help=NETWORK)]
CutPoint = Annotated[str, typer.Argument(help="The cut point; see `splitwire splits`.")]
Weights = Annotated[str, typer.Option(help=WEIGHTS)]
TaskName = Annotated[
    str | None,
    typer.Option(
        help="What the network's output means, where it does not say: classification, detection, "
        "segmentation, keypoints, embedding, or FILE.py:CLASS."
    ),
]
Models = Annotated[
    list[str], typer.Option("--model", help="A network, as for `splits`; may be repeated.")
]
MaxDivergence = Annotated[
    float | None,
    typer.Option(
        min=0, help="Divergence (the task's unit) that a choice may cost; the task has a default."
    ),
]
Run = Annotated[Path, typer.Argument(help="The folder that `splitwire eval` wrote.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Profiles = Annotated[
    list[Path] | None,
    typer.Option(help="A folder of codec profiles to search too; may be given several times."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="A file that holds the bearer token.", envvar="SPLITWIRE_TOKEN_FILE"),
]


def default_models() -> list[str]:
    """The networks of a command that was told none."""
    return ["lite0"]


@dataclass
class Network:
    """The network of a live command."""

    model: Annotated[str, typer.Option(help="As for `splits`.")] = "lite0"
    weights: Weights = "pretrained"
    task: TaskName = None
    accelerator: Annotated[str, typer.Option(help=DEVICE)] = "cpu"


def load(name: str, weights: str, device: str = "cpu") -> "Model":
    """A network, with what the first client would otherwise wait for."""
    from splitwire.models.device import Device
    from splitwire.models.load import load_model

    model = load_model(name, None if weights == "none" else weights).on(Device.find(device))
    _ = model.graph, model.digest
    return model


def need_live() -> None:
    """Say in one line what to install for a cloud.

    Raises:
        MissingPackageError: a package of the extra `live` is missing.
    """
    need("starlette", "uvicorn", "websockets", "prometheus_client")


def need(*modules: str) -> None:
    """Say in one line what to install, rather than fail in the middle of something.

    Raises:
        MissingPackageError: one of them is missing.
    """
    from importlib.util import find_spec

    from splitwire.extras import explained

    for name in modules:
        if find_spec(name) is None:
            raise explained(ModuleNotFoundError(f"no {name}", name=name))
