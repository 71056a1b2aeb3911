"""What the cloud says on stderr: lines of JSON and nothing else, and never in a frame's way."""

import json
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from deployment import PATIENCE, CloudProcess, agree, ask, dial, fetch, start_cloud
from websockets.exceptions import ConnectionClosed

import splitwire as sw
from splitwire.live.logs import JsonLines, Writer
from splitwire.live.protocol import Answer, Refusal

ALL = """
import logging, os, sys, threading, time, warnings
from splitwire.live.logs import event, logging_to_stderr

class Odd:
    def __str__(self):
        raise ValueError

with logging_to_stderr():
    event("mine", address="x\\ny", count=3)
    warnings.warn("a warning of a library")
    logging.getLogger("uvicorn.error").error("from uvicorn\\nin two lines")
    logging.getLogger("another").error("from %s", "another")
    os.write(2, b"a library of C\\nin two lines\\n")
    time.sleep(0.2)
    event("odd", thing=Odd())
    thread = threading.Thread(target=lambda: 1 / 0, name="worker")
    thread.start()
    thread.join()
    raise RuntimeError("nobody caught it")
"""


def test_every_line_is_json_whoever_says_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALL], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 1
    said = [json.loads(line) for line in done.stderr.splitlines()]
    events = [entry["event"] for entry in said]
    assert events[0] == "mine"
    assert "a warning of a library" in events[1]
    assert events[2:4] == ["from uvicorn\nin two lines", "from another"]
    assert [entry.get("text") for entry in said[4:6]] == ["a library of C", "in two lines"]
    assert events[4:] == ["stderr", "stderr", "uncaught", "failed"]
    assert said[0]["address"] == "x\\ny"
    assert (said[-2]["error"], said[-2]["thread"]) == (
        "ZeroDivisionError: division by zero",
        "worker",
    )
    assert "RuntimeError: nobody caught it" in said[-1]["trace"]


def test_a_long_text_of_a_peer_is_cut_and_escaped() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, "refused", None, None)
    record.about = {"reason": "\x1b[31m" * 1000}
    said = json.loads(JsonLines().format(record))
    assert said["reason"].isprintable()
    assert len(said["reason"]) <= 501


def test_what_does_not_fit_is_dropped_counted_and_said() -> None:
    read, write = os.pipe()
    writer = Writer(write)
    text = "x" * 400
    sent = 3000
    for number in range(sent):
        writer.emit(logging.LogRecord("a", logging.INFO, "", 0, f"{number} {text}", None, None))
    lines: list[dict[str, Any]] = []

    def drain() -> None:
        with os.fdopen(read, encoding="utf-8") as file:
            lines.extend(json.loads(line) for line in file)

    thread = Thread(target=drain)
    thread.start()
    while not writer._lines.empty():
        sleep(0.01)
    writer.emit(logging.LogRecord("a", logging.INFO, "", 0, "one more, which says it", None, None))
    sent += 1
    writer.close()
    os.close(write)
    thread.join(PATIENCE)
    dropped = [entry["count"] for entry in lines if entry["event"] == "log lines dropped"]
    assert 0 < sum(dropped) < sent
    assert len(lines) - len(dropped) + sum(dropped) == sent


def test_the_handlers_of_others_come_back() -> None:
    from splitwire.live.logs import logging_to_stderr

    before = (logging.getLogger().handlers, sys.excepthook, warnings.showwarning)
    with logging_to_stderr():
        assert logging.getLogger().handlers != before[0]
    assert (logging.getLogger().handlers, sys.excepthook, warnings.showwarning) == before


def test_a_cloud_whose_stderr_nobody_reads_goes_on_answering(net: Path) -> None:
    command = [sys.executable, "-m", "splitwire", "cloud", "--model", "net.py:small", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, cwd=net, env=environment, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stderr is not None
    address = json.loads(process.stderr.readline())["address"]  # and nothing after it
    good = sw.codec("raw:dtype=float32").encode(np.ones((4, 15, 15), np.float32))
    try:
        with dial(address) as socket:
            agree(socket)
            for number in range(2500):  # each of them a line of 200 bytes
                assert isinstance(ask(socket, b"damaged", number), Refusal)
            assert isinstance(ask(socket, good, 1), Answer)
        said = fetch(address + "/metrics").splitlines()
        dropped = next(line for line in said if line.startswith("splitwire_dropped_log_lines "))
        assert float(dropped.split()[1]) > 0
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_a_flood_of_all_that_is_wrong_leaves_json_alone(net: Path) -> None:
    cloud = start_cloud(net, "--port", "0", models=["net.py:small", "net.py:negative_is_nan"])
    address = cloud.event("listening")["address"]
    random = np.random.default_rng(0)
    x = np.ones((4, 15, 15), np.float32)
    codecs = ["h264", "hevc", "av1", "jpeg", "png", "rans", "raw:dtype=float32"]
    with dial(address) as socket:
        for agreement, spec in enumerate(codecs):
            agree(socket, codec=spec)
            stream = bytearray(sw.codec(spec).encode(x))
            for number in range(4):
                spoilt = bytearray(stream)
                spoilt[random.integers(20, len(stream) - 4)] ^= 255
                ask(socket, with_right_crc(spoilt), number, agreement)
        for size in range(2, 9):
            for number in range(size):
                socket.send(frame(agreement, number, bytes(stream)))
            for _ in range(size):
                socket.recv(PATIENCE)
        socket.send(b"\x09")
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE)
    assert cloud.stop() == 0
    check_lines(cloud)


def frame(agreement: int, number: int, packet: bytes) -> bytes:
    from splitwire.live.protocol import Frame

    return Frame(agreement, number, PATIENCE, packet).message()


def with_right_crc(stream: bytearray) -> bytes:
    import zlib

    return bytes(stream[:-4]) + zlib.crc32(stream[:-4]).to_bytes(4, "little")


def check_lines(cloud: CloudProcess) -> None:
    """Every line that a cloud has said, it having ended, is an object of JSON."""
    end = monotonic() + 1
    count = 0
    while monotonic() < end or not cloud.lines.empty():
        if cloud.lines.empty():
            sleep(0.05)
            continue
        assert "event" in json.loads(cloud.lines.get())
        count += 1
    assert count > 10
