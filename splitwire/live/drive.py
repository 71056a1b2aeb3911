"""Driving an edge: from a source of pictures, over a real or a slowed link, to records."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from splitwire.calibrate.packaged import with_shipped_profile
from splitwire.codecs.base import Tensor
from splitwire.codecs.registry import codec
from splitwire.data.photos import load_photos
from splitwire.data.video import frames, is_video
from splitwire.errors import DataError, ExperimentError, RemoteError
from splitwire.eval.deployment import Deployment
from splitwire.eval.devices import Device
from splitwire.eval.plan import worthwhile
from splitwire.eval.results import summarise
from splitwire.eval.samples import read_run
from splitwire.eval.totals import Total, total
from splitwire.live.adapt import Adaptive
from splitwire.live.connection import Address, Uplink
from splitwire.live.edge import Edge, Record, Setting
from splitwire.live.recording import Pictures
from splitwire.live.relay import Relay
from splitwire.models.load import Model
from splitwire.models.split import split
from splitwire.report.findings import choices
from splitwire.runner.link import Trace

IDLE_SECONDS = 0.25  # without a packet, after which an adaptive edge probes the link

ALL, FEW = 1_000_000, 5  # classes in an answer: divergence takes all
UNLIMITED = 1e9  # bytes a second

Choices = Sequence[tuple[Setting, Total | None]]


@dataclass(frozen=True)
class Slowed:
    """A link made slow on purpose: its rate over time, and its round trip (s)."""

    trace: Trace
    rtt: float


@dataclass(frozen=True)
class Drive:
    """How an edge is to run.

    Attributes:
        address: of the cloud.
        choices: settings; those to choose among carry the total time that a run measured.
        deadline: seconds that a frame may take.
        in_flight: frames under way at once.
        slowness: how many times slower than this machine to be.
        slowed: what the link is to be made into, if anything.
    """

    address: Address
    choices: Choices
    deadline: float
    in_flight: int
    slowness: float = 1.0
    slowed: Slowed | None = None

    async def run(
        self,
        pictures: Iterable[tuple[str, Tensor]],
        begun: Callable[[Uplink], None] = lambda uplink: None,
    ) -> AsyncIterator[Record]:
        """The record of each picture; `begun` is called when the link is up and was measured.

        Raises:
            RemoteError: the cloud is not there or refuses; later losses are only fallen back from.
        """
        async with self._uplink() as uplink:
            begun(uplink)
            edge = Edge(uplink, self._chooser(uplink), self.deadline, self.in_flight, self.slowness)
            try:
                async for record in edge.run(pictures):
                    yield record
            finally:
                edge.close()

    @asynccontextmanager
    async def _uplink(self) -> AsyncIterator[Uplink]:
        address, relay = self.address, None
        if self.slowed:
            relay = Relay(address.target, self.slowed.trace, self.slowed.rtt)
            address = replace(address, via=await relay.open())
        hellos = [hello for setting, _ in self.choices if (hello := setting.hello)]
        uplink = Uplink(address, hellos)
        tasks: list[asyncio.Task[None]] = []
        try:
            await uplink.open()
            await uplink.probe()
            tasks.append(asyncio.create_task(uplink.keep()))
            if len(self.choices) > 1:
                tasks.append(asyncio.create_task(_probe_when_idle(uplink)))
            yield uplink
        finally:
            for task in tasks:
                task.cancel()
            await uplink.close()
            if relay:
                await relay.close()

    def _chooser(self, uplink: Uplink) -> Callable[[], Setting]:
        known = [(setting, known) for setting, known in self.choices if known is not None]
        if known:
            return Adaptive(known, uplink.bandwidth)
        only = self.choices[0][0]
        return lambda: only


async def _probe_when_idle(uplink: Uplink) -> None:
    """Measure a link that carries no packets, or nobody would know when to use it again."""
    while True:
        before = uplink.heard
        await asyncio.sleep(IDLE_SECONDS)
        if uplink.heard == before and uplink.up:
            await uplink.probe()


def setting(model: Model, at: str, spec: str, top: int) -> Setting:
    """One way to run frames.

    Raises:
        SplitwireError: there is no such cut point or codec, the codec lacks its profile, or was
            trained with another cloud.
    """
    halves = split(model, at)
    if spec == "none":
        return Setting(halves, spec, (), top)
    made = with_shipped_profile(codec(spec), model.name, model.digest, at)
    if made.profile is not None:
        Deployment(model, model).check({made.profile.digest: made.profile.about})
    return Setting(halves, spec, [made] * len(halves.crossings), top)


def settings_of_run(
    run: Path, model: Model, max_divergence: float, slowness: float, top: int
) -> list[tuple[Setting, Total | None]]:
    """The choices of a run that keep the fidelity and are the fastest at some rate.

    Raises:
        ExperimentError: the run is of another network, or nothing in it keeps the fidelity.
    """
    head, samples = read_run(run)
    if (head.get("model") or {}).get("deployed") != model.digest:
        raise ExperimentError(f"{run} is a run of another network than {model.name}")
    found = choices(head, summarise(samples), max_divergence)
    totals = [total(one.result, slowness, 1.0) for one in found]
    kept = {stretch.total.result.codec + stretch.total.result.split: stretch.total
            for stretch in worthwhile(totals)}  # fmt: skip
    if not kept:
        raise ExperimentError(
            f"nothing in {run} keeps {max_divergence} nats: allow more --max-divergence"
        )
    return [(setting(model, t.result.split, t.result.codec, top), t) for t in kept.values()]


def slowed(rate: float | None, trace: Path | None, rtt: float) -> Slowed | None:
    """The link that was asked for; None where it is to stay as it is.

    Raises:
        DataError: a rate and a trace, or a trace that is none.
    """
    if rate is not None and trace is not None:
        raise DataError("a link is slowed by --rate or by --trace, not by both")
    if trace is not None:
        return Slowed(Trace.read(trace), rtt)
    if rate is not None or rtt:
        return Slowed(Trace.constant(UNLIMITED if rate is None else rate), rtt)
    return None


def slowness(device: Device) -> float:
    """How many times slower than this machine to be, to stand for a device.

    Raises:
        DataError: the device is the faster one.
    """
    if device.factor < 1:
        raise DataError(
            f"{device.name} is {1 / device.factor:.1f} times faster than this machine, "
            "which can only stand for slower ones"
        )
    return device.factor


def pictures(
    model: Model, source: str, count: int
) -> tuple[Pictures | None, Iterator[tuple[str, Tensor]]]:
    """The photos of a source, if it has any, and its frames; `count` is for photos alone.

    Raises:
        DataError: it is no source.
    """
    if is_video(source):
        how = model.preprocess
        return None, ((name, how.picture(image)) for name, image in frames(source))
    photos = Pictures(model, load_photos(source, count))
    return photos, photos.frames(count)


def link_as_measured(uplink: Uplink, slowed: Slowed | None, trace: Path | None) -> dict[str, Any]:
    """The link as a run's head has it: as it was set, or else as it was measured at the start."""
    if slowed is None:
        rate = uplink.bandwidth.rate
        if rate is None:
            raise RemoteError("the link went down before it was measured")
        return {"rate": rate, "rtt": uplink.bandwidth.rtt}
    if trace is not None:
        return {"trace": str(trace), "rtt": slowed.rtt}
    return {"rate": slowed.trace.rates[0], "rtt": slowed.rtt}
