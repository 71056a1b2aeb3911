"""A cloud in a process of its own, for the demonstration."""

import json
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from threading import Event, Thread

from splitwire.errors import RemoteError
from splitwire.live.address import Address

AGAIN = 1.0
"""Seconds before a cloud that died is started again."""


class CloudProcess:
    """A cloud in a process of its own, on loopback; as a context, its address.

    One that dies is started again, at the same address.

    Args:
        options: of `splitwire cloud`.
        said: told in a sentence when it died.
    """

    def __init__(self, *options: str, said: Callable[[str], None] = lambda words: None) -> None:
        self._command = [sys.executable, "-m", "splitwire", "cloud", *options]
        self._said, self._leaving = said, Event()

    def __enter__(self) -> Address:
        address = self._start(0)
        Thread(target=self._watch, args=(address.target[1],), daemon=True).start()
        return address

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self.process.terminate()
        self.process.wait()

    def _start(self, port: int) -> Address:
        """Start it, and wait until it listens."""
        command = [*self._command, "--port", str(port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        if self._leaving.is_set():  # meanwhile
            self.process.terminate()
        assert self.process.stderr is not None
        last = ""
        for line in self.process.stderr:
            said = json.loads(line) if line.startswith("{") else {"event": line}
            if said["event"] == "listening":
                # What it logs from here on is read, or its pipe would fill and stop it.
                Thread(target=deque, args=(self.process.stderr, 0), daemon=True).start()
                return Address(said["address"])
            last = said["event"]
        raise RemoteError(f"the cloud did not start: {last}")

    def _watch(self, port: int) -> None:
        """Start it again whenever it dies, until it is to be left."""
        while True:
            status = self.process.wait()
            if self._leaving.wait(AGAIN):
                return
            self._said(f"the cloud died with status {status}, and is started again")
            try:
                self._start(port)
            except RemoteError as error:
                self._said(str(error))
