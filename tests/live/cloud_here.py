"""A cloud in this process, whose inside tests may look into."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from time import sleep

import uvicorn
from starlette.applications import Starlette

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.live.cloud import Cloud
from splitwire.live.library import Library
from splitwire.live.limits import Limits
from splitwire.live.pages import about, pages


@contextmanager
def cloud_here(
    *models: sw.Model, limits: Limits | None = None, profiles: ProfileStore | None = None
) -> Iterator[tuple[Cloud, str]]:
    """A cloud that holds some networks, with its page, and its address."""
    library = Library(models, profiles or ProfileStore())
    cloud = Cloud(library, limits=limits or Limits())
    with served(cloud.app(pages(cloud.access, about(library)))) as address:
        yield cloud, address


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The address of an application that is served on loopback."""
    config = uvicorn.Config(
        app,
        port=0,
        log_config=None,
        ws="websockets-sansio",
        ws_max_size=1 << 25,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        sleep(0.005)
        assert thread.is_alive()
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join(30)
