"""A cloud in a process of its own, for the demonstration."""

import json
import subprocess
import sys
from collections import deque
from threading import Thread

from splitwire.errors import RemoteError
from splitwire.live.address import Address


class CloudProcess:
    """A cloud in a process of its own, on loopback; as a context, its address.

    Args:
        options: of `splitwire cloud`.
    """

    def __init__(self, *options: str) -> None:
        self._command = [sys.executable, "-m", "splitwire", "cloud", "--port", "0", *options]

    def __enter__(self) -> Address:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            said = json.loads(line) if line.startswith("{") else {"event": line}
            if said["event"] == "listening":
                # What it logs from here on is read, or its pipe would fill and stop it.
                Thread(target=deque, args=(self._process.stderr, 0), daemon=True).start()
                return Address(said["address"])
        raise RemoteError(f"the cloud did not start: {said['event']}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
