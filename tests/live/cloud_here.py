"""A cloud in this process, whose inside tests may look into."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from time import sleep

import uvicorn

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.live.cloud import Cloud
from splitwire.live.library import Library
from splitwire.live.limits import Limits


@contextmanager
def cloud_here(*models: sw.Model, limits: Limits | None = None) -> Iterator[tuple[Cloud, str]]:
    """A cloud that holds some networks, and its address."""
    cloud = Cloud(Library(models, ProfileStore()), limits=limits or Limits())
    config = uvicorn.Config(
        cloud.app(),
        port=0,
        log_config=None,
        ws="websockets-sansio",
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
    yield cloud, f"http://{host}:{port}"
    server.should_exit = True
    thread.join(30)
