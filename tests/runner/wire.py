"""A link between two network namespaces with a rate, a delay and a loss; needs root and TUN.

    namespace 1: 10.99.0.1 ── tun ── this process ── tun ── 10.99.0.2: namespace 2

`tc netem` does the same, where the kernel has it; this needs no module. Packets go through the
kernels' TCP on both sides, so what is lost is sent again, and what is slow fills real buffers.

    python wire.py NAME RATE RTT LOSS     until stdin ends; a line `cut` or `mend` on it does so
"""

import fcntl
import os
import random
import selectors
import struct
import subprocess
import sys
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

NEAR, FAR = "10.99.0.1", "10.99.0.2"
MTU = 1500
_QUEUE_SECONDS = 0.25  # of sending that the bottleneck's buffer holds; what comes on top is dropped
_TUNSETIFF, _TUN, _NO_PI = 0x400454CA, 0x0001, 0x1000


@dataclass
class Direction:
    """One way: packets leave at the rate, and arrive half a round trip later."""

    to: int
    rate: float
    delay: float
    loss: float
    free: float = 0.0
    way: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, packet: bytes, now: float) -> None:
        begin = max(now, self.free)
        if begin - now > _QUEUE_SECONDS or random.random() < self.loss:
            return
        self.free = begin + len(packet) / self.rate
        self.way.append((self.free + self.delay, packet))

    def deliver(self, now: float) -> None:
        while self.way and self.way[0][0] <= now:
            with suppress(BlockingIOError):
                os.write(self.to, self.way.popleft()[1])


def tun(space: str, here: str, there: str) -> int:
    """A device in a namespace with an address; what is written to it arrives there."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    name = f"{space}"
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", name.encode(), _TUN | _NO_PI))
    run("ip", "link", "set", name, "netns", space)
    run("ip", "-n", space, "link", "set", "lo", "up")
    run("ip", "-n", space, "addr", "add", here, "peer", there, "dev", name)
    run("ip", "-n", space, "link", "set", name, "mtu", str(MTU), "up")
    return device


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def carry(name: str, rate: float, rtt: float, loss: float) -> None:
    """Carry packets until stdin ends; the rate (bytes a second) is of the way up, 1 to 2."""
    near, far = (tun(f"{name}{n}", *ends) for n, ends in ((1, (NEAR, FAR)), (2, (FAR, NEAR))))
    ways = {near: Direction(far, rate, rtt / 2, loss), far: Direction(near, 1e9, rtt / 2, loss)}
    selector = selectors.SelectSelector()  # its clock ticks in microseconds, epoll's does not
    for device in (near, far, sys.stdin.fileno()):
        selector.register(device, selectors.EVENT_READ)
    print("up", flush=True)
    whole = True
    while True:
        due = min((way.way[0][0] for way in ways.values() if way.way), default=monotonic() + 1)
        for key, _ in selector.select(max(0.0, due - monotonic())):
            if key.fd == sys.stdin.fileno():
                said = sys.stdin.readline().strip()
                if not said:
                    return
                whole = said == "mend"
                continue
            with suppress(BlockingIOError):
                packet = os.read(key.fd, 65536)
                if whole:
                    ways[key.fd].take(packet, monotonic())
        for way in ways.values():
            way.deliver(monotonic())


@contextmanager
def link(name: str, rate: float, rtt: float, loss: float = 0.0) -> Any:
    """Two namespaces, NAME1 and NAME2, and the link; yields the process that carries it."""
    spaces = (f"{name}1", f"{name}2")
    for space in spaces:
        subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
        run("ip", "netns", "add", space)
    arguments = [sys.executable, __file__, name, str(rate), str(rtt), str(loss)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(arguments, **pipes)  # type: ignore[call-overload]
    try:
        assert process.stdout.readline() == "up\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(10)
        for space in spaces:
            run("ip", "netns", "del", space)


def tell(process: Any, what: str) -> None:
    """Cut the link, or mend it."""
    process.stdin.write(what + "\n")
    process.stdin.flush()


def missing() -> str | None:
    """What keeps links from being made here; None where nothing does."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    if subprocess.run(["ip", "netns"], check=False, capture_output=True).returncode:
        return "iproute2 is not installed, or may make no namespaces"
    return None


if __name__ == "__main__":
    carry(sys.argv[1], *map(float, sys.argv[2:5]))
