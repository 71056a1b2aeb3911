"""Deploying on Ray Serve until told to stop, and again when told that something has changed."""

import logging
import signal
from dataclasses import replace
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

import ray
from ray import serve

from splitwire.errors import RemoteError
from splitwire.live.logs import event, logging_to_stderr
from splitwire.live.ray_config import read_deployment
from splitwire.live.ray_serve import application

NAME = "splitwire"


def run(config: Path) -> None:
    """Deploy what a file describes; at SIGHUP again, replica by replica; at SIGTERM take it down.

    Raises:
        RemoteError: the file describes no deployment.
    """
    signals: SimpleQueue[int] = SimpleQueue()

    def heard(number: int, frame: FrameType | None) -> None:
        signals.put(number)

    with logging_to_stderr():
        ray.init(log_to_driver=True)
        serve.start(proxy_location="Disabled")
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, heard)  # after Ray has set its own
        _serve(config, signals)


def _serve(config: Path, signals: SimpleQueue[int]) -> None:
    told = read_deployment(config)
    for revision in count():
        revised = replace(told, revision=told.revision + revision)
        serve.run(application(revised.values()), name=NAME, route_prefix=None)
        event("serving", host=told.host, port=told.port, revision=revised.revision)
        if signals.get() != signal.SIGHUP:
            break
        try:
            told = read_deployment(config)
        except RemoteError as error:  # what runs goes on as it is
            event("configuration not read", logging.ERROR, reason=str(error))
    event("draining")
    serve.delete(NAME)
    ray.shutdown()
