"""The demonstration's own cloud: what dies is started again, where it was."""

from pathlib import Path
from queue import Queue
from time import monotonic, sleep

import pytest
from deployment import PATIENCE

from splitwire.errors import RemoteError
from splitwire.live.cloud_process import CloudProcess
from splitwire.live.metrics import Metrics, resident


def test_a_cloud_that_died_is_there_again_at_its_address(
    net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    said: Queue[str] = Queue()
    cloud = CloudProcess("--model", "net.py:small", said=said.put)
    with cloud as address:
        assert address.fetch("/healthz") == b"alive\n"
        first = cloud.process
        first.kill()
        assert said.get(timeout=PATIENCE) == "the cloud died with status -9, and is started again"
        end = monotonic() + PATIENCE
        while True:
            try:
                assert address.fetch("/healthz") == b"alive\n"
                break
            except RemoteError:
                assert monotonic() < end
                sleep(0.2)
        assert cloud.process.pid != first.pid
    assert cloud.process.wait(PATIENCE) == 0
    with pytest.raises(RemoteError, match="no connection to"):
        address.fetch("/healthz")


def test_a_cloud_that_cannot_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with (
        pytest.raises(RemoteError, match=r"the cloud did not start: .*no file .*gone\.py"),
        CloudProcess("--model", str(tmp_path / "gone.py:net")),
    ):
        pass


def test_a_cloud_counts_its_memory() -> None:
    assert 1e7 < resident() < 1e12
    assert b"splitwire_resident_bytes" in Metrics().text()
