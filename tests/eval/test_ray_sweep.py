"""The fidelity pass on a cluster of two nodes, of which one dies, or whoever began it does."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from small_runs import NETS, Plan

from splitwire.errors import DataError, ExperimentError, RemoteError
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run
from splitwire.eval.samples import SAMPLES
from splitwire.eval.work import Work
from splitwire.runner.pool import Processes

pytest.importorskip("ray", reason="needs the extra ray")

from ray_nodes import Nodes, two_nodes

from splitwire.runner.ray_pool import RayPool

Rows = list[dict[str, Any]]

PLAN = """
model = "nets.py:small"
splits = ["2"]
codecs = ["raw:bits=4+8"]
pictures = []
links = []
limit = 8
timed = 1
edge = "this"
cloud = "this"
"""
LONG = """
views = 10
codecs = ["raw:bits=1+2+3+4+5+6+7+8", "h264:qp=20+24+28+32"]
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with two_nodes() as started:
        yield started


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to run in."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "nets.py").write_text(NETS, encoding="utf-8")
    (folder / "plan.toml").write_text(PLAN, encoding="utf-8")
    long = PLAN.replace('codecs = ["raw:bits=4+8"]\n', LONG).replace("limit = 8", "limit = 20")
    (folder / "long.toml").write_text(long, encoding="utf-8")
    return folder


@pytest.fixture
def local(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Rows]:
    """Does an experiment in two processes, without Ray."""
    monkeypatch.chdir(desk)

    def rows(plan: str) -> Rows:
        out = desk / f"local-{plan}"
        for _ in Run(load_experiment(Path(plan)), out, pool=Processes(2)):
            pass
        return samples(out)

    return rows


def begin(desk: Path, nodes: Nodes, plan: str, out: str) -> "subprocess.Popen[bytes]":
    """`splitwire eval` on the cluster."""
    command = [sys.executable, "-m", "splitwire", "eval", plan, "--out", out]
    command += ["--ray", nodes.address]
    return subprocess.Popen(command, cwd=desk, env=nodes.environment, stdout=subprocess.DEVNULL)


def samples(run: Path) -> Rows:
    """The rows of a run's samples, in their order."""
    lines = (run / SAMPLES).read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == "sample"]


def half_way(run: Path, total: int) -> bytes:
    """What a run's file holds when about half of its samples are there."""
    path, end, held = run / SAMPLES, monotonic() + 120, b""
    while held.count(b"\n") < total // 2:
        assert monotonic() < end
        sleep(0.02)
        held = path.read_bytes() if path.exists() else b""
    assert held.count(b"\n") < total
    return held[: held.rfind(b"\n") + 1]


def test_two_nodes_write_what_two_processes_write(
    desk: Path, nodes: Nodes, local: Callable[[str], Rows]
) -> None:
    run = begin(desk, nodes, "plan.toml", "ray")
    expected = local("plan.toml")
    assert run.wait(120) == 0
    assert samples(desk / "ray") == expected  # to the bit, and in one order


def test_what_is_wrong_with_a_node_or_an_address_is_said(tiny: Plan, tmp_path: Path) -> None:
    run = Run(tiny(), tmp_path)
    work = Work.of(run.experiment, run.pictures, run.curves, run._deployment)
    with pytest.raises(ExperimentError, match="other weights of the network"):
        replace(work, digests=("0", "0")).open()
    with pytest.raises(ExperimentError, match="other versions of torch"):
        replace(work, versions=work.versions | {"torch": "0.1"}).open()
    run.pictures.photos = [replace(run.pictures.photos[0], path=tmp_path / "elsewhere.jpg")]
    with pytest.raises(DataError, match=r"has no .*elsewhere\.jpg"):
        work.open()
    with pytest.raises(RemoteError, match=r"no cluster of Ray at 127\.0\.0\.1:9: "):
        RayPool("127.0.0.1:9")


@pytest.mark.full
def test_a_pool_that_found_nothing_to_do_is_in_nobodys_way() -> None:
    """As where the first of several networks was all measured before."""
    import ray

    assert RayPool() and RayPool().workers > 0
    ray.shutdown()


@pytest.mark.full
def test_whoever_began_it_dies_and_it_goes_on(
    desk: Path, nodes: Nodes, local: Callable[[str], Rows]
) -> None:
    expected = local("long.toml")
    run = begin(desk, nodes, "long.toml", "killed")
    before = half_way(desk / "killed", len(expected))
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait(10) == -signal.SIGKILL
    assert begin(desk, nodes, "long.toml", "killed").wait(300) == 0
    assert (desk / "killed" / SAMPLES).read_bytes().startswith(before)
    found = samples(desk / "killed")
    pairs = zip(sorted(found, key=which), sorted(expected, key=which), strict=True)
    for one, other in pairs:  # a unit that is begun again has other batches, which round otherwise
        assert which(one) == which(other) and one["bytes"] == other["bytes"]
        assert one["divergence"] == pytest.approx(other["divergence"], abs=1e-5)


@pytest.mark.full
def test_a_node_dies_and_nothing_is_lost(
    desk: Path, nodes: Nodes, local: Callable[[str], Rows]
) -> None:
    expected = local("long.toml")
    run = begin(desk, nodes, "long.toml", "node")
    half_way(desk / "node", len(expected))
    nodes.lose()
    assert run.wait(300) == 0
    assert samples(desk / "node") == expected


def which(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a sample is of."""
    return tuple(row[name] for name in ("photo", "view", "way", "split", "codec"))
