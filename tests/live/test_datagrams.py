"""Frames as datagrams: on loopback, and through a relay that loses some."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from datagram_cloud import FTC, Here, chosen, datagram_cloud
from datagram_relay import DatagramRelay
from deployment import start_cloud
from driving import drive, outcomes, pictures, shared
from driving import run as run_all

import splitwire as sw
from splitwire.calibrate.store import VARIABLE
from splitwire.cli.frame_line import frame_line
from splitwire.codecs.packets.loss import GilbertElliott, Independent
from splitwire.errors import RemoteError
from splitwire.live.drive import Drive
from splitwire.live.losses import Losses
from splitwire.live.packing import DATAGRAM, packing
from splitwire.live.record import Record
from splitwire.live.slowing import Slowed
from splitwire.runner.link import Trace
from splitwire.runner.local import as_array
from splitwire.tasks.classification import Classification


def run(drive: Drive, frames: int, wait: float = 0.0) -> list[Record]:
    async def all_records() -> list[Record]:
        return [record async for record in drive.run(pictures(frames, wait))]

    return asyncio.run(all_records())


def target(here: Here) -> tuple[str, int]:
    where = urlsplit(here.quic)
    return str(where.hostname), int(where.port or 0)


def lossy(
    here: Here,
    channel: GilbertElliott,
    frames: int,
    watch: Callable[[DatagramRelay, Counter[str]], bool] = lambda relay, ends: False,
) -> list[Record]:
    """The records of frames, at most 100 a second, through a relay.

    watch: called with how many ended how, before each; says whether it is enough.
    """
    records: list[Record] = []
    ends: Counter[str] = Counter()

    async def main() -> None:
        relay = DatagramRelay(target(here), channel)
        host, port = await relay.open()
        drive = here.drive(f"quic://{host}:{port}", deadline=0.5)
        async for record in drive.run(pictures(frames, 0.01, lambda: watch(relay, ends))):
            records.append(record)
            ends[record.outcome] += 1
        relay.close()

    asyncio.run(main())
    assert sorted(int(record.name) for record in records) == list(range(len(records)))
    assert {record.outcome for record in records} <= {"answered", "fell back"}
    return records


def test_frames_are_answered_as_their_packets_tell_them(here: Here, small: sw.Model) -> None:
    records = run(here.drive(), 30)
    assert outcomes({r.name: r for r in records}) == {"answered": 30}
    halves = here.choice.split
    whole = [record for record in records if record.arrived == len(record.packets) > 1]
    assert len(whole) > 20  # a packet may be late where the machine is busy
    for record in whole:
        assert record.bytes == sum(map(len, record.packets))
        assert all(len(packet) <= DATAGRAM for packet in record.packets)
        found = torch.from_numpy(packing(here.choice).assemble(record.packets))[None]
        assert torch.allclose(record.output, halves.finish([found]), atol=1e-4)
    said, count = frame_line(whole[0], Classification()), len(whole[0].packets)
    assert f"{count} of {count} packets" in said


def test_a_cloud_counts_packets(here: Here) -> None:
    run(here.drive(), 2)
    text = here.cloud.metrics.text().decode()
    assert 'splitwire_frame_packets_total{fate="in time"}' in text
    assert "splitwire_late_packets_total" in text


@pytest.mark.parametrize("channel", [Independent(0.1), GilbertElliott(0.1, 3)], ids=str)
def test_what_is_lost_makes_frames_coarser_and_no_frame_is_lost(
    here: Here, channel: GilbertElliott
) -> None:
    records = lossy(here, channel, 80)
    answered = [record for record in records if record.outcome == "answered"]
    assert len(answered) > 40
    arrived = [(record.arrived or 0) / len(record.packets) for record in answered]
    assert 0.5 < np.mean(arrived) < 1
    assert all(torch.isfinite(record.output).all() for record in answered)


def test_a_link_that_loses_much_is_protected_more(here: Here) -> None:
    _, picture = next(pictures(1))
    feature = as_array(here.choice.split.start(picture)[0])
    sizes = [
        sum(map(len, packing(here.choice, loss).packets(feature))) for loss in (0.005, 0.05, 0.2)
    ]
    assert sizes == sorted(sizes)
    assert sizes[2] > 1.2 * sizes[0]


def test_frames_fall_back_while_the_link_is_cut_and_are_answered_once_it_is_mended(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: Counter[str] = Counter()

    def watch(relay: DatagramRelay, ends: Counter[str]) -> bool:
        if not before and ends["answered"] >= 5:
            relay.cut = True
            before.update(ends)
            monkeypatch.setattr("splitwire.live.address.OPEN_SECONDS", 2.0)
        if ends["fell back"] >= before["fell back"] + 3:
            relay.cut = False
        return ends["answered"] > 30

    assert len(lossy(here, Independent(0.0), 3000, watch)) < 3000


def test_a_cloud_that_nobody_trusts_or_that_is_not_there_is_one_clear_error(here: Here) -> None:
    with pytest.raises(RemoteError, match=r"no connection to quic://.*certificate"):
        run(here.drive(authority=None), 1)
    with pytest.raises(RemoteError, match=r"no port: quic://HOST:PORT is expected"):
        run(here.drive("quic://127.0.0.1"), 1)


def test_what_does_not_go_as_datagrams_is_said(here: Here, small: sw.Model) -> None:
    with pytest.raises(RemoteError, match=r"raw:.* at 1 has no packets for datagrams: .*https://"):
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


def test_a_cloud_that_died_and_is_begun_again_costs_no_frame(small: sw.Model, learnt: Path) -> None:
    """It says no goodbye, and knows nothing of those that it had served."""

    async def main(stack: ExitStack) -> list[Record]:
        first = stack.enter_context(ExitStack())
        here = first.enter_context(datagram_cloud(small, learnt))
        relay = DatagramRelay(target(here), Independent(0.0))
        host, port = await relay.open()
        loop, records = asyncio.get_running_loop(), list[Record]()
        drive = here.drive(f"quic://{host}:{port}", deadline=0.3, in_flight=2)
        beginning: asyncio.Task[None] | None = None

        def answered() -> int:
            return sum(record.outcome == "answered" for record in records)

        async def begin_again() -> None:
            await loop.run_in_executor(None, first.close)
            again = datagram_cloud(small, learnt)
            relay.target = target(await loop.run_in_executor(None, stack.enter_context, again))
            relay.cut = False

        async for record in drive.run(pictures(2000, 0.02, enough=lambda: answered() >= 20)):
            records.append(record)
            if beginning is None and answered() == 5:
                relay.cut, beginning = True, asyncio.create_task(begin_again())
        assert beginning is not None
        await beginning
        relay.close()
        return records

    with ExitStack() as stack:
        records = asyncio.run(main(stack))
    assert set(outcomes({r.name: r for r in records})) == {"answered", "fell back"}
    assert "no answer before the deadline" in {record.reason for record in records}


@pytest.mark.full
def test_a_cloud_that_was_killed_is_found_again(
    small: sw.Model, net: Path, learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(learnt))
    tls = ("--certificate", str(learnt / "cert.pem"), "--key", str(learnt / "key.pem"))
    first = start_cloud(net, "--port", "0", "--quic", "0", *tls)
    quic = first.event("listening for datagrams")["address"]
    clouds, answered = [first], 0

    def watch(record: Record) -> None:
        nonlocal answered
        answered += record.outcome == "answered"
        if answered == 5 and len(clouds) == 1:
            first.process.kill()
            port = str(urlsplit(quic).port)
            clouds.append(start_cloud(net, "--port", "0", "--quic", port, *tls))

    way = drive(
        small,
        quic,
        authority=learnt / "cert.pem",
        choices=[chosen(small, learnt)],
        deadline=0.5,
        in_flight=2,
    )
    source = pictures(5000, 0.02, enough=lambda: answered >= 10)
    assert outcomes(run_all(way, source, watch))["fell back"] >= 1
    assert clouds[1].stop() == 0
