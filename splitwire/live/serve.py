"""Listening: a cloud's application on an address, with TLS, until it is told to stop."""

import asyncio
import logging
import ssl
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from splitwire.errors import RemoteError
from splitwire.live.cloud import Cloud
from splitwire.live.logs import event
from splitwire.live.patience import Messages, Requests

_HEADER_BYTES = 16 << 10
_PING_SECONDS = 20.0  # a client that leaves a ping unanswered for as long again is gone


class Server(uvicorn.Server):
    """A server that answers what it has in hand before it stops."""

    def __init__(self, config: uvicorn.Config, cloud: Cloud) -> None:
        super().__init__(config)
        self._cloud = cloud
        self._stopping: asyncio.Task[None] | None = None

    async def serve(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Listen, say where, and go on until a signal comes."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_log_failure)
        await super().serve(sockets)  # type: ignore[arg-type]

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Listen, and say where: a port of 0 is any that is free."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            scheme = "https" if self.config.is_ssl else "http"
            host = f"[{host}]" if ":" in host else host
            event("listening", address=f"{scheme}://{host}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; stop at once at the second."""
        if self._stopping is not None:
            self.should_exit = True
            return
        self._loop.call_soon_threadsafe(self._stop)

    def leave(self) -> None:
        """Drain as at a signal, from another thread; who comes now finds nobody listening."""

        def leave() -> None:
            for listening in self.servers:
                listening.close()
            self._stop()

        self._loop.call_soon_threadsafe(leave)

    def _stop(self) -> None:
        self._stopping = self._loop.create_task(self._drain())

    async def _drain(self) -> None:
        await self._cloud.drain()
        self.should_exit = True


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Refuse TLS with what is no certificate and its key, before anything is loaded.

    Raises:
        RemoteError: one of the two is missing, or they cannot be used.
    """
    if (certificate is None) != (key is None):
        raise RemoteError("TLS needs both --certificate and --key")
    if certificate is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise RemoteError(f"cannot use {certificate} with {key}: {error}") from error


def server(
    cloud: Cloud,
    app: Starlette,
    host: str,
    port: int,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Server:
    """What listens, once it is run, until SIGTERM or SIGINT; `check_certificate` first.

    Its `run` raises OSError where the address cannot be had.
    """

    def patient(protocol: type) -> Any:
        return partial(protocol, seconds=cloud.limits.seconds)

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        http=patient(Requests),
        ws=patient(Messages),
        ws_max_size=cloud.limits.message,
        ws_per_message_deflate=False,  # packets are coded already
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        timeout_graceful_shutdown=2,
    )
    config.load()
    if config.ssl:
        config.ssl.sslobject_class = _Handshake
    return Server(config, cloud)


class _Handshake(ssl.SSLObject):
    """A handshake that says when it fails, which asyncio keeps to itself."""

    def do_handshake(self) -> None:
        """As ever, but logged."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            plain = error.reason in ("HTTP_REQUEST", "WRONG_VERSION_NUMBER")
            event("refused", logging.WARNING, reason="plain text" if plain else str(error.reason))
            raise


def _log_failure(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    event(str(context.get("message")), logging.ERROR, error=f"{type(error).__name__}: {error}")
