"""`splitwire serve-ray`: the cloud on Ray Serve."""

from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.options import need, need_live


def serve_ray(
    config: Annotated[Path, typer.Argument(help="A TOML file: see docs/deploying.md.")],
) -> None:
    """Serve the second half of networks on Ray Serve; at SIGHUP, read CONFIG again and roll over.

    It joins the cluster that RAY_ADDRESS names, or starts one on this machine.
    """
    need_live()
    need("ray")
    from splitwire.live.ray_config import read_deployment
    from splitwire.live.ray_run import run

    read_deployment(config).access()  # what is wrong with it shows before anything is started
    run(config)
