"""A link between two network namespaces with a rate, a delay and mishaps; needs root and TUN.

    namespace 1: 10.99.0.1 ── tun ── wire.c ── tun ── 10.99.0.2: namespace 2

`tc netem` does the same, where the kernel has it; this needs no module. Packets go through the
kernels' TCP on both sides, so what is lost is sent again, and what is slow fills real buffers.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NEAR, FAR = "10.99.0.1", "10.99.0.2"
MTU = 1500
COMPILER = shutil.which("cc") or shutil.which("gcc")
_TUNSETIFF, _TUN, _NO_PI = 0x400454CA, 0x0001, 0x1000


def tun(space: str, here: str, there: str) -> int:
    """A device in a namespace with an address; what is written to it arrives there."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", space.encode(), _TUN | _NO_PI))
    run("ip", "link", "set", space, "netns", space)
    run("ip", "-n", space, "link", "set", "lo", "up")
    run("ip", "-n", space, "addr", "add", here, "peer", there, "dev", space)
    run("ip", "-n", space, "link", "set", space, "mtu", str(MTU), "up")
    return device


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def link(
    name: str, rate: float, rtt: float, loss: float = 0.0, swap: float = 0.0, copy: float = 0.0
) -> Any:
    """Two namespaces, NAME1 and NAME2, and the link; yields the process that carries it.

    The rate (bytes a second) is of the way up, from NAME1 to NAME2; a packet is lost, overtaken by
    the next or delivered twice as often as is said.
    """
    spaces = (f"{name}1", f"{name}2")
    for space in spaces:
        subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
        run("ip", "netns", "add", space)
    ends = [tun(*about) for about in zip(spaces, (NEAR, FAR), (FAR, NEAR), strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "wire"
        run(str(COMPILER), "-O2", "-o", str(program), str(Path(__file__).with_name("wire.c")))
        command = [program, *map(str, (*ends, rate, rtt / 2, loss, swap, copy))]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, pass_fds=ends)
        try:
            yield process
        finally:
            process.stdin.close()  # type: ignore[union-attr]
            process.wait(10)
            for end in ends:
                os.close(end)
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
    if COMPILER is None:
        return "there is no C compiler"
    if subprocess.run(["ip", "netns"], check=False, capture_output=True).returncode:
        return "iproute2 is not installed, or may make no namespaces"
    return None
