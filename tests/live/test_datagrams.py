"""Frames as datagrams: on loopback, and through a relay that loses some."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from datagram_cloud import FTC, Here, datagram_cloud, learn
from datagram_relay import DatagramRelay
from driving import outcomes, pictures, shared

import splitwire as sw
from splitwire.cli.frame_line import frame_line
from splitwire.codecs.packets.loss import GilbertElliott, Independent
from splitwire.errors import RemoteError
from splitwire.live.drive import Drive
from splitwire.live.losses import Losses
from splitwire.live.packing import DATAGRAM, packing
from splitwire.live.record import Record
from splitwire.live.self_signed import self_signed
from splitwire.live.slowing import Slowed
from splitwire.runner.link import Trace
from splitwire.tasks.classification import Classification


@pytest.fixture(scope="module")
def folder(small: sw.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("datagrams")
    learn(small, made)
    self_signed(made, ["127.0.0.1"])
    return made


@pytest.fixture(scope="module")
def here(small: sw.Model, folder: Path) -> Iterator[Here]:
    with datagram_cloud(small, folder) as opened:
        yield opened


def run(drive: Drive, frames: int, wait: float = 0.0) -> list[Record]:
    async def all_records() -> list[Record]:
        return [record async for record in drive.run(pictures(frames, wait))]

    return asyncio.run(all_records())


def lossy(
    here: Here, channel: GilbertElliott, frames: int, cuts: tuple[float, float] | None = None
) -> list[Record]:
    """The records of frames at 100 a second through a relay, cut from one second to another."""

    async def main() -> list[Record]:
        where = urlsplit(here.quic)
        relay = DatagramRelay((str(where.hostname), int(where.port or 0)), channel)
        host, port = await relay.open()
        drive = here.drive(f"quic://{host}:{port}", deadline=0.5)
        loop = asyncio.get_running_loop()
        for at, cut in zip(cuts or (), (True, False), strict=False):
            loop.call_later(at, setattr, relay, "cut", cut)
        records = [record async for record in drive.run(pictures(frames, 0.01))]
        relay.close()
        return records

    records = asyncio.run(main())
    assert sorted(int(record.name) for record in records) == list(range(frames))
    assert {record.outcome for record in records} <= {"answered", "fell back"}
    return records


def test_frames_are_answered_as_their_packets_tell_them(here: Here, small: sw.Model) -> None:
    records = run(here.drive(), 30)
    assert outcomes({r.name: r for r in records}) == {"answered": 30}
    halves = here.choice.split
    for record in records:
        assert record.arrived == len(record.packets) > 1
        assert record.bytes == sum(map(len, record.packets))
        assert all(len(packet) <= DATAGRAM for packet in record.packets)
        found = torch.from_numpy(packing(here.choice).assemble(record.packets))[None]
        assert torch.allclose(record.output, halves.finish([found]), atol=1e-4)
    said = frame_line(records[0], Classification())
    assert f"{len(records[0].packets)} of {len(records[0].packets)} packets" in said


def test_a_cloud_counts_packets(here: Here) -> None:
    run(here.drive(), 2)
    text = here.cloud.metrics.text().decode()
    assert 'splitwire_frame_packets_total{fate="in time"}' in text
    assert "splitwire_late_packets_total" in text


@pytest.mark.parametrize("channel", [Independent(0.1), GilbertElliott(0.1, 3)], ids=str)
def test_what_is_lost_makes_frames_coarser_and_no_frame_is_lost(
    here: Here, channel: GilbertElliott
) -> None:
    records = lossy(here, channel, 150)
    answered = [record for record in records if record.outcome == "answered"]
    assert len(answered) > 100
    arrived = [(record.arrived or 0) / len(record.packets) for record in answered]
    assert 0.7 < np.mean(arrived) < 1
    assert all(torch.isfinite(record.output).all() for record in answered)


def test_a_link_that_loses_much_is_protected_more(here: Here) -> None:
    some, many = lossy(here, Independent(0.0), 60), lossy(here, Independent(0.2), 60)
    sizes = [np.mean([r.bytes for r in records[-20:]]) for records in (some, many)]
    assert sizes[1] > 1.2 * sizes[0]


def test_frames_fall_back_while_the_link_is_cut_and_are_answered_once_it_is_mended(
    here: Here,
) -> None:
    records = lossy(here, Independent(0.0), 400, cuts=(0.5, 2.0))
    ends = [record.outcome for record in sorted(records, key=lambda record: record.number)]
    assert (ends[0], ends[-1]) == ("answered", "answered")
    assert "fell back" in ends


def test_a_cloud_that_nobody_trusts_or_that_is_not_there_is_one_clear_error(here: Here) -> None:
    with pytest.raises(RemoteError, match="no connection to quic://.*certificate"):
        run(here.drive(authority=None), 1)
    with pytest.raises(RemoteError, match=r"no port: quic://HOST:PORT is expected"):
        run(here.drive("quic://127.0.0.1"), 1)


def test_what_does_not_go_as_datagrams_is_said(here: Here, small: sw.Model) -> None:
    with pytest.raises(RemoteError, match="raw:.* at 1 has no packets for datagrams: .*https://"):
        run(here.drive(choices=[shared(small)]), 1)
    slowed = Slowed(Trace.constant(1e6), 0.01)
    with pytest.raises(RemoteError, match="slowed for streams"):
        run(here.drive(slowed=slowed), 1)


def test_the_share_of_losses_is_that_of_the_latest_frames() -> None:
    losses = Losses()
    for _ in range(300):
        losses.saw(10, 9)
    assert losses.share == pytest.approx(0.1, abs=0.01)
    for _ in range(500):
        losses.saw(10, 10)
    assert 0 < losses.share < 0.01


def test_the_codec_is_agreed_on_as_over_a_websocket(here: Here) -> None:
    assert here.choice.codec == FTC
    assert outcomes({r.name: r for r in run(here.drive(here.address), 5)}) == {"answered": 5}
