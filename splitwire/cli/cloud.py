"""`splitwire cloud`: serve the second half of networks."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from splitwire.cli.options import (
    DEVICE,
    PORTS,
    Models,
    Profiles,
    Weights,
    default_models,
    load,
    need,
    need_live,
)
from splitwire.cli.phones import Phones

if TYPE_CHECKING:  # which loads torch
    from splitwire.live.access import Access
    from splitwire.live.cloud import Cloud
    from splitwire.live.library import Library
    from splitwire.live.phone import Phone

_ADDRESS, _LIMITS = "Address and access", "Limits"


@dataclass
class Held:
    """What the cloud holds."""

    models: Models = field(default_factory=default_models)
    weights: Weights = "pretrained"
    device: Annotated[str, typer.Option(help=DEVICE)] = "cpu"
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="A task beside those that are installed, FILE.py:CLASS; may be repeated."
        ),
    ] = None
    profiles: Profiles = None
    codecs: Annotated[
        list[str] | None,
        typer.Option(help="A codec to accept, by name; may be repeated. All without it."),
    ] = None

    def library(self, *folders: Path) -> "Library":
        """All of it, loaded; with profiles of further folders."""
        from splitwire.calibrate.store import ProfileStore
        from splitwire.live.library import Library
        from splitwire.tasks.registry import tasks

        store, known = ProfileStore(*self.profiles or (), *folders), tasks(self.task or ())
        models = [load(name, self.weights, self.device) for name in self.models]
        return Library(models, store, known, self.codecs)


@dataclass
class Listening:
    """Where it listens, and to whom."""

    host: Annotated[
        str, typer.Option(help="The address to listen on.", rich_help_panel=_ADDRESS)
    ] = "127.0.0.1"
    port: Annotated[
        int,
        typer.Option(min=0, max=PORTS, help="0: any that is free.", rich_help_panel=_ADDRESS),
    ] = 7070
    grpc_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=PORTS,
            help="For the Open Inference Protocol over gRPC; 0: any that is free.",
            rich_help_panel=_ADDRESS,
        ),
    ] = None
    quic: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=PORTS,
            help="A port of UDP, for frames that come as datagrams; 0: any that is free.",
            rich_help_panel=_ADDRESS,
        ),
    ] = None
    hostname: Annotated[
        list[str] | None,
        typer.Option(
            help="A name that it is asked for by, beside its address; may be repeated.",
            rich_help_panel=_ADDRESS,
        ),
    ] = None
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="Bearer tokens, one a line; read again when it changes.",
            envvar="SPLITWIRE_TOKEN_FILE",
            rich_help_panel=_ADDRESS,
        ),
    ] = None
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

    @contextmanager
    def certified(self) -> Iterator[tuple[Path, Path]]:
        """The certificate and its key: those that it was given, or of its own making."""
        from splitwire.live.self_signed import self_signed

        if self.certificate is not None and self.key is not None:
            yield self.certificate, self.key
            return
        with TemporaryDirectory(prefix="splitwire-") as folder:
            names = dict.fromkeys((self.host, "127.0.0.1", "localhost", *(self.hostname or ())))
            yield self_signed(Path(folder), names)

    def access(self) -> "Access":
        """Who may speak to it."""
        from splitwire.live.access import Access, check_exposure
        from splitwire.live.hosts import Hosts
        from splitwire.live.tokens import TokenFile

        tokens = TokenFile(self.token_file) if self.token_file else None
        check_exposure(self.host, tokens is not None, self.open_to_all)
        return Access(tokens, Hosts.of(self.host, self.hostname or ()))


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


def cloud(held: Held, phones: Phones, listening: Listening, bounds: Bounds) -> None:
    """Serve the second half of networks to edges, and a page to try them on."""
    need_live()
    from splitwire.live.logs import logging_to_stderr
    from splitwire.live.serve import check_certificate
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_threads

    limit_threads(bounds.threads)
    keep_memory()
    if listening.grpc_port is not None:
        need("grpc", "google.protobuf")
    if listening.quic is not None:
        need("aioquic")
    access = listening.access()
    check_certificate(listening.certificate, listening.key)
    with logging_to_stderr():
        library = held.library(*phones.folders)
        _serve(library, phones.phone(library), access, listening, bounds)


def _serve(
    library: "Library",
    phone: "Phone | None",
    access: "Access",
    listening: Listening,
    bounds: Bounds,
) -> None:
    from splitwire.live.cloud import Cloud
    from splitwire.live.limits import Limits
    from splitwire.live.oip_rest import Rest
    from splitwire.live.pages import about, pages
    from splitwire.live.serve import server as listen

    limits = Limits(bounds.clients, bounds.max_message, seconds=bounds.message_seconds)
    server = Cloud(library, access, limits)
    tls = (listening.certificate, listening.key)
    routes = [*pages(access, about(library), phone), *Rest(server).routes()]
    app = server.app(routes, partial(_beside, server, listening))
    listen(server, app, listening.host, listening.port, *tls).run()


@asynccontextmanager
async def _beside(cloud: "Cloud", listening: Listening) -> AsyncIterator[None]:
    """What else listens, of that which was asked for."""
    async with AsyncExitStack() as stack:
        if listening.grpc_port is not None:
            from splitwire.live.oip_grpc import grpc_server

            where = (listening.host, listening.grpc_port, listening.certificate, listening.key)
            await stack.enter_async_context(grpc_server(cloud, *where))
        if listening.quic is not None:
            from splitwire.live.quic_cloud import quic_door

            pair = stack.enter_context(listening.certified())
            where = (listening.host, listening.quic, *pair)
            await stack.enter_async_context(quic_door(cloud, *where))
        yield
