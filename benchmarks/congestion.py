"""What congestion control does to datagrams where packets are lost that no queue lost.

    python benchmarks/congestion.py      as root, on Linux; 4 minutes

Groups of 6 datagrams of 463 bytes, 10 or 30 a second for 20 s, from one network namespace to
another over 50 ms there and back (tests/live/wire.py): how long those that arrived were on their
way, the queue of the sender included, and its window. By delay is what the live path does, Reno
and Cubic are aioquic's. Last a link of 60 kB/s, on which 30 groups a second do not fit.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from aioquic.asyncio.server import QuicServer
from aioquic.quic.connection import QuicConnection

sys.path.append(str(Path(__file__).parents[1] / "tests/live"))
import wire

from splitwire.live.congestion import NAME
from splitwire.live.quic import Wire, configuration
from splitwire.live.self_signed import self_signed

PORT, GROUP, SIZE, SECONDS = 7071, 6, 463, 20
FAST, SLOW, RTT = 2e6, 60e3, 0.05


class Counting(Wire):
    """Notes how long each datagram was on its way: one clock serves both namespaces."""

    def __init__(self, quic: QuicConnection, stream_handler: object = None) -> None:
        super().__init__(quic, 1 << 20, 30.0)
        self.ways: list[float] = []

    def piece_received(self, data: bytes) -> None:
        self.ways.append(1e-6 * (time.monotonic_ns() - int.from_bytes(data[:8], "big")))

    def ended(self, why: str) -> None:
        if self.ways:
            print(json.dumps(self.ways), flush=True)
        self.ways = []


async def far(folder: str) -> None:
    how = configuration(is_client=False)
    how.load_cert_chain(*self_signed(Path(folder), [wire.FAR]))
    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: QuicServer(configuration=how, create_protocol=Counting), local_addr=(wire.FAR, PORT)
    )
    print("listening", flush=True)
    await asyncio.sleep(3600)


async def near(folder: str, control: str, pace: str) -> None:
    how = configuration(is_client=True)
    how.congestion_control_algorithm, how.server_name = control, wire.FAR
    how.load_verify_locations(cadata=(Path(folder) / "cert.pem").read_bytes())
    _, line = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Counting(QuicConnection(configuration=how)), local_addr=("0.0.0.0", 0)
    )
    line.connect((wire.FAR, PORT))
    await line.wait_connected()
    windows, end = [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        for _ in range(GROUP):
            line.send_piece(time.monotonic_ns().to_bytes(8, "big") + bytes(SIZE - 8))
        line.transmit()
        windows.append(line._quic._loss.congestion_window)
        await asyncio.sleep(1 / float(pace))
    line.close()
    print(int(np.median(windows)))


def run(control: str, rate: float, loss: float, pace: int) -> None:
    inside = ["ip", "netns", "exec"]
    with TemporaryDirectory() as folder, wire.link("cc", rate, RTT, loss):
        command = [*inside, "cc2", sys.executable, __file__, "far", folder]
        receiver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert receiver.stdout is not None
        receiver.stdout.readline()
        command = [*inside, "cc1", sys.executable, __file__, "near", folder, control, str(pace)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        ways = np.percentile(json.loads(receiver.stdout.readline()), (50, 95)).round().astype(int)
        receiver.kill()
        receiver.wait()
    print(
        f"{control}, {rate / 1e3:.0f} kB/s, {loss:.0%} lost, {pace} a second: on the way p50, p95 "
        f"{ways} ms, window {int(done.stdout):,} bytes",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["far"]:
        asyncio.run(far(sys.argv[2]))
    elif sys.argv[1:2] == ["near"]:
        asyncio.run(near(*sys.argv[2:]))
    else:
        for control in ("reno", "cubic", NAME):
            for pace in (10, 30):
                run(control, FAST, 0.05, pace)
        run(NAME, SLOW, 0.0, 30)


if __name__ == "__main__":
    main()
