"""`splitwire cloud`: serve the second half of networks."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitwire.cli.options import (
    Models,
    Profiles,
    TokenFile,
    Weights,
    default_models,
    load,
    need_live,
)

if TYPE_CHECKING:  # which loads torch
    from splitwire.live.library import Library

_ADDRESS, _LIMITS = "Address and access", "Limits"


@dataclass
class Held:
    """What the cloud holds."""

    models: Models = field(default_factory=default_models)
    weights: Weights = "pretrained"
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="A task beside those that are installed, FILE.py:CLASS; may be repeated."
        ),
    ] = None
    profiles: Profiles = None

    def library(self) -> "Library":
        """All of it, loaded."""
        from splitwire.calibrate.store import ProfileStore
        from splitwire.live.library import Library
        from splitwire.tasks.registry import tasks

        store, known = ProfileStore(*self.profiles or ()), tasks(self.task or ())
        return Library([load(name, self.weights) for name in self.models], store, known)


@dataclass
class Listening:
    """Where it listens, and to whom."""

    host: Annotated[
        str, typer.Option(help="The address to listen on.", rich_help_panel=_ADDRESS)
    ] = "127.0.0.1"
    port: Annotated[int, typer.Option(help="0: any that is free.", rich_help_panel=_ADDRESS)] = 7070
    token_file: TokenFile = None
    open_to_all: Annotated[
        bool,
        typer.Option(
            "--open-to-all",
            help="Listen beyond this machine without a token.",
            rich_help_panel=_ADDRESS,
        ),
    ] = False
    certificate: Annotated[
        Path | None, typer.Option(help="TLS: the chain, as PEM.", rich_help_panel=_ADDRESS)
    ] = None
    key: Annotated[
        Path | None, typer.Option(help="TLS: the private key, as PEM.", rich_help_panel=_ADDRESS)
    ] = None


@dataclass
class Bounds:
    """What it takes on."""

    clients: Annotated[
        int, typer.Option(help="Clients at once.", min=1, rich_help_panel=_LIMITS)
    ] = 64
    max_message: Annotated[
        int, typer.Option(help="Bytes of one message.", min=1024, rich_help_panel=_LIMITS)
    ] = 16 << 20
    message_seconds: Annotated[
        float,
        typer.Option(
            help="From a message's first byte to its last.", min=0.1, rich_help_panel=_LIMITS
        ),
    ] = 30.0
    threads: Annotated[
        int, typer.Option(help="Of torch, for each batch.", min=1, rich_help_panel=_LIMITS)
    ] = 1


def cloud(held: Held, listening: Listening, bounds: Bounds) -> None:
    """Serve the second half of networks to edges, and a page to try them on."""
    need_live()
    from splitwire.live.access import Access, check_exposure, read_token
    from splitwire.live.cloud import Cloud, Limits
    from splitwire.live.logs import begin_logging
    from splitwire.live.pages import pages, picture_sizes
    from splitwire.live.serve import check_certificate, serve
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_threads

    limit_threads(bounds.threads)
    keep_memory()
    token = read_token(listening.token_file)
    check_exposure(listening.host, token, listening.open_to_all)
    check_certificate(listening.certificate, listening.key)
    library = held.library()
    begin_logging()
    access = Access(token)
    limits = Limits(bounds.clients, bounds.max_message, seconds=bounds.message_seconds)
    server = Cloud(library, access, limits)
    models = list(library.models.values())
    tasks = {model.name: library.page_task(model) for model in models}
    about = {"sizes": picture_sizes(models), "tasks": tasks}
    app = server.app(pages(access, about))
    serve(server, app, listening.host, listening.port, listening.certificate, listening.key)
