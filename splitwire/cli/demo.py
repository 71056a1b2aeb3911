"""`splitwire demo`: cloud, edge and page on this machine."""

from dataclasses import dataclass, field
from typing import Annotated

import typer

from splitwire.cli.options import (
    PORTS,
    Models,
    Profiles,
    TaskName,
    Weights,
    default_models,
    load,
    need_live,
)
from splitwire.cli.terminal import warn
from splitwire.userfile import is_userfile


@dataclass
class Shown:
    """What to demonstrate."""

    models: Models = field(default_factory=default_models)
    weights: Weights = "pretrained"
    task: TaskName = None
    profiles: Profiles = None

    def options(self) -> list[str]:
        """The same, for a cloud."""
        words = [f"--weights={self.weights}", *(f"--model={name}" for name in self.models)]
        words += [f"--profiles={folder}" for folder in self.profiles or ()]
        return words + [f"--task={name}" for name in self.own]

    @property
    def own(self) -> list[str]:
        """The task, where it is not installed."""
        return [self.task] if self.task and is_userfile(self.task) else []


def demo(
    shown: Shown,
    port: Annotated[
        int, typer.Option(min=0, max=PORTS, help="Of the page; 0: any that is free.")
    ] = 7000,
    device: Annotated[
        str, typer.Option(help="What the edge is to be as slow as: see eval/devices.toml.")
    ] = "phone-2019",
) -> None:
    """Start a cloud, an edge and a page on this machine, to watch the three ways in a browser."""
    need_live()
    from splitwire.calibrate.store import ProfileStore
    from splitwire.errors import ModelError
    from splitwire.eval.devices import load_device
    from splitwire.live.cloud_process import CloudProcess
    from splitwire.live.demo import Demo
    from splitwire.live.library import Library
    from splitwire.live.slowing import slowness
    from splitwire.models.preprocess import Preprocess
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_threads
    from splitwire.tasks.registry import task_class, tasks

    limit_threads(1)
    keep_memory()
    edge, store = load_device(device), ProfileStore(*shown.profiles or ())
    networks = [load(name, shown.weights) for name in shown.models]
    for network in networks:
        if not isinstance(network.preprocess, Preprocess):
            raise ModelError(
                f"{network.name} takes tensors by name, and the page shows pictures: run it by "
                "`splitwire cloud` and `splitwire edge`"
            )
    slow = slowness(edge, warn)
    library = Library(networks, store, tasks(shown.own))
    task = task_class(shown.task).name if shown.task else None
    with CloudProcess(*shown.options(), said=warn) as address:
        page = Demo(library, address, store, task, slow)
        page.serve_forever(port, lambda url: print(f"Open {url}"))
