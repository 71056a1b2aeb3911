"""Sequences live: what is lost costs a frame and some bytes, and no answer is of another tensor."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from cloud_here import cloud_here
from deployment import fetch, start_cloud
from driving import Picture, drive, outcomes, run, shared
from films import film, kinds, right
from residual import Far, Residual, registered

import splitwire as sw
from splitwire.live.cloud import Cloud
from splitwire.live.drive import Drive
from splitwire.live.limits import Limits
from splitwire.live.record import Record
from splitwire.live.slowing import Slowed
from splitwire.runner.choice import Choice
from splitwire.runner.link import Trace

H264 = "h264:qp=20,preset=ultrafast,clip=minmax"
SPECS = [H264, "hevc:qp=20,preset=ultrafast", "av1:qp=30,preset=12", "far"]


@pytest.fixture(autouse=True, scope="module")
def far() -> Iterator[None]:
    """A codec whose decoder keeps four streams, and so is told which were decoded."""
    with registered(Residual, Far):
        yield


@pytest.fixture(scope="module")
def here(small: sw.Model) -> Iterator[tuple[Cloud, str]]:
    with cloud_here(small) as cloud:
        yield cloud


@pytest.mark.parametrize("spec", SPECS)
def test_frames_build_on_those_before_and_all_are_answered_right(
    here: tuple[Cloud, str], small: sw.Model, spec: str
) -> None:
    records = run(drive(small, here[1], choices=[shared(small, "1", spec)]), film(30))
    assert outcomes(records) == {"answered": 30}
    assert right(records)
    alone, following = ([r.bytes for r in records.values() if r.intra is i] for i in (True, False))
    assert len(following) >= 20
    assert np.mean(following) < 0.7 * np.mean(alone)
    if spec != "far":
        assert kinds(records) == "I" + 29 * "p"


def test_a_frame_stands_alone_as_often_as_is_asked_for(
    here: tuple[Cloud, str], small: sw.Model
) -> None:
    way = drive(small, here[1], choices=[shared(small, "1", H264)], keyframes=5)
    records = run(way, film(12))
    assert kinds(records) == "IppppIppppIp"
    assert right(records)


def test_each_tensor_that_crosses_has_a_sequence_of_its_own(
    net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net)
    model = sw.load_model("net.py:branches")
    halves = sw.split(model, "right")
    assert len(halves.crossings) == 2
    choice = Choice.shared(halves, [sw.codec(H264)] * 2, H264)
    with cloud_here(model) as (_, address):
        records = run(drive(model, address, choices=[choice]), film(10))
    assert outcomes(records) == {"answered": 10}
    assert kinds(records) == "I" + 9 * "p"
    assert right(records)


@pytest.mark.parametrize("spec", [H264, "far"])
def test_a_connection_that_is_lost_costs_frames_and_no_wrong_answer(
    here: tuple[Cloud, str], small: sw.Model, spec: str
) -> None:
    cloud, address = here
    seen: Counter[str] = Counter()

    def watch(record: Record) -> None:
        seen[record.outcome] += 1
        if record.number in (10, 20):
            for client in list(cloud._clients):
                asyncio.run_coroutine_threadsafe(client.leave(), client._loop)

    def until_back() -> Iterator[tuple[str, Picture]]:
        for name, x in film(5000, 0.005):
            if seen["answered"] > 60:
                return
            yield name, x

    records = run(drive(small, address, choices=[shared(small, "1", spec)]), until_back(), watch)
    assert set(outcomes(records)) == {"answered", "fell back"}
    assert right(records)


@pytest.mark.full
def test_a_cloud_that_is_killed_and_another_in_its_place_cost_no_wrong_answer(
    tmp_path: Path, small: sw.Model
) -> None:
    clouds = [start_cloud(tmp_path, "--port", "0")]
    address = clouds[0].event("listening")["address"]
    seen: Counter[str] = Counter()

    def watch(record: Record) -> None:
        seen[record.outcome] += 1
        if seen["answered"] == 20 and len(clouds) == 1:
            clouds[0].process.kill()
            clouds.append(start_cloud(tmp_path, "--port", address.rpartition(":")[2]))

    def until_back() -> Iterator[tuple[str, Picture]]:
        for name, x in film(5000, 0.01):
            if seen["answered"] > 60:
                return
            yield name, x

    way = drive(small, address, choices=[shared(small, "1", H264)])
    records = run(way, until_back(), watch)
    clouds[1].stop()
    assert set(outcomes(records)) == {"answered", "fell back"}
    assert right(records)


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("spec", [H264, "far"])
def test_a_past_that_the_cloud_forgot_is_refused_as_stale_and_sent_anew(
    here: tuple[Cloud, str], small: sw.Model, spec: str, in_flight: int
) -> None:
    cloud, address = here

    def watch(record: Record) -> None:
        if record.number == 10:
            for client in list(cloud._clients):
                cloud.engine.forget(client)

    way = drive(small, address, choices=[shared(small, "1", spec)], in_flight=in_flight)
    before = _refused(cloud, "stale")
    records = run(way, film(30, 0.005), watch)
    lost = [record for record in records.values() if record.outcome == "fell back"]
    assert 1 <= len(lost) <= in_flight  # those under way when the first refusal came
    assert {r.reason for r in lost} == {"the cloud has not got what the frame builds on"}
    after = records[str(max(r.number for r in lost))]  # names count from 0, numbers from 1
    assert after.intra
    assert after.outcome == "answered"
    assert right(records)
    assert _refused(cloud, "stale") == before + len(lost)
    assert 'kind="inter"' in fetch(address + "/metrics")


def _refused(cloud: Cloud, why: str) -> float:
    return float(cloud.metrics.frames.labels(why)._value.get())


@pytest.mark.parametrize("spec", [H264, "far"])
def test_frames_that_the_cloud_refuses_cost_no_wrong_answer(
    here: tuple[Cloud, str], small: sw.Model, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    cloud, address = here
    turn, full = count(), cloud.engine._full
    monkeypatch.setattr(
        cloud.engine, "_full", lambda job: "no room" if next(turn) % 7 == 3 else full(job)
    )
    before = _refused(cloud, "stale")
    records = run(drive(small, address, choices=[shared(small, "1", spec)], in_flight=3), film(60))
    assert right(records)
    found = outcomes(records)
    assert set(found) == {"answered", "fell back"}
    if spec == "far":  # it builds on nothing but what it knows to be there
        assert _refused(cloud, "stale") == before
        assert found["fell back"] in (8, 9)
    assert kinds(records).count("p") > 15


@pytest.mark.parametrize("spec", [H264, "far"])
def test_frames_that_are_late_are_built_on_all_the_same(
    here: tuple[Cloud, str], small: sw.Model, spec: str
) -> None:
    cut = Slowed(Trace((0.3, 0.5, 60.0), (3e6, 0.0, 3e6)), 0.002)
    choices = [shared(small, "1", spec)]
    way = drive(small, here[1], choices=choices, deadline=0.2, slowed=cut)
    records = run(way, film(60, 0.02))
    found = outcomes(records)
    assert found["fell back"] >= 1
    assert [*records.values()][-1].outcome == "answered"
    assert right(records)


def test_another_choice_begins_a_sequence(
    here: tuple[Cloud, str], small: sw.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = [shared(small, "1", H264), shared(small, "3", "hevc"), Choice.edge_only(small)]
    turn = count()
    monkeypatch.setattr(
        Drive, "_chooser", lambda self, uplink: lambda: choices[next(turn) // 4 % 3]
    )
    records = run(drive(small, here[1], choices=choices), film(36))
    assert outcomes(records) == {"answered": 24, "local": 12}
    assert kinds(records) == 3 * "IpppIppp----"
    assert {record.choice for record in records.values()} == set(choices)
    assert right_after_each_switch(records)


def right_after_each_switch(records: dict[str, Record]) -> bool:
    """As `right`, which a decoder that begins anew at each switch has to give as well."""
    ordered = sorted(records.values(), key=lambda record: record.number)
    runs = [ordered[i : i + 4] for i in range(0, len(ordered), 4)]
    return all(right({record.name: record for record in run}) for run in runs)


def test_what_clients_past_may_take_is_bounded(small: sw.Model) -> None:
    limits = Limits(pasts=3 << 20)
    with cloud_here(small, limits=limits) as (cloud, address):
        stale = 0
        for _ in range(3):  # one after another: what a client has is forgotten when it goes
            records = run(drive(small, address, choices=[shared(small, "1", H264)]), film(5))
            stale += outcomes(records)["fell back"]
        assert stale == 0
        for _ in range(200):
            if not cloud.engine.pasts.held:
                break
            sleep(0.01)
        assert cloud.engine.pasts.held == 0
