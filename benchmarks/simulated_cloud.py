"""A cloud on Ray Serve as a simulation: edges, doors, replicas, and what a frame waits for.

    edge ─ half the way ─▶ door (a core) ─▶ the emptier of two replicas ─▶ batch ─▶ edge

As the real one: a door takes one frame after the other and turns away what exceeds its queue; Ray
sends a frame to the one of two replicas, drawn at random, that has fewer in hand; a replica takes
what waits as its next batch, which it runs in parts of the sizes that are the fastest a frame, and
answers when all of them are done; a frame whose time is over is dropped before its batch. On one
machine, doors and replicas wait for its cores.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

import numpy as np

_TURN = 2 / 9  # of the hand-overs from thread to thread on a way, those between two batches


@dataclass(frozen=True)
class Times:
    """What was measured, in seconds.

    Attributes:
        door: of a door's core, a frame.
        way: there and back, beside all else: each as likely as another.
        batches: of a batch in a replica, by its size.
        replica: of a replica's core, a frame, beside its batch, which runs on.
        delays: that a batch is kept waiting on a busy machine, each as likely as another.
    """

    door: float
    way: tuple[float, ...]
    batches: dict[int, float]
    replica: float = 0.0
    delays: tuple[float, ...] = (0.0,)

    def batch(self, frames: int) -> float:
        """Seconds until all frames that a replica took are done."""
        total = 0.0
        while frames:
            sizes = [size for size in self.batches if size <= frames]
            size = min(sizes, key=lambda n: self.batches[n] / n)
            total, frames = total + self.batches[size], frames - size
        return total


@dataclass(frozen=True)
class Fleet:
    """Who sends, and who answers.

    Attributes:
        edges: each has one frame under way.
        replicas: of the halves.
        doors: that the edges are dealt to.
        rate: frames a second of each edge; None: one as soon as the last is answered.
        batch: frames that a replica takes at most.
        queue: frames that a door holds at most.
        deadline: seconds after which an edge falls back.
        cores: that doors and replicas share for all but batches; None: each has its own.
    """

    edges: int
    replicas: int
    doors: int = 1
    rate: float | None = None
    batch: int = 8
    queue: int = 256
    deadline: float = 30.0
    cores: int | None = None


@dataclass(frozen=True)
class Found:
    """What came of it: answered frames a second, their times (s), and the part not answered."""

    rate: float
    seconds: np.ndarray
    lost: float


@dataclass
class Cloud:
    """A simulation under way; events are (time, number, what, edge or replica)."""

    times: Times
    fleet: Fleet
    random: Random
    events: list[tuple[float, int, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        fleet = self.fleet
        self.count = 0
        self.free = [0.0] * fleet.doors
        self.cores = [0.0] * (fleet.cores or 0)  # when each is free again
        self.inside = [0] * fleet.doors
        self.waiting = [deque[int]() for _ in range(fleet.replicas)]
        self.running: list[list[int]] = [[] for _ in range(fleet.replicas)]
        self.sent = [0.0] * fleet.edges  # when each edge's frame left

    def put(self, at: float, what: str, who: int) -> None:
        self.count += 1
        heappush(self.events, (at, self.count, what, who))

    def run(self, seconds: float) -> Iterator[tuple[str, float, float]]:
        """What becomes of each frame: its fate, when, and how long it took."""
        period = 1 / self.fleet.rate if self.fleet.rate else 0.01
        for edge in range(self.fleet.edges):
            self.put(self.random.random() * period, "send", edge)
        while self.events and self.events[0][0] < seconds:
            now, _, what, who = heappop(self.events)
            if what in ("answered", "lost"):
                yield what, now, now - self.sent[who]
                self.again(now, who)
            else:
                getattr(self, what)(now, who)

    def again(self, now: float, edge: int) -> None:
        """The edge's next frame: at its next turn, or at once where it has none."""
        if self.fleet.rate is None:
            self.put(now, "send", edge)
            return
        period = 1 / self.fleet.rate
        late = (now - self.sent[edge]) // period
        self.put(self.sent[edge] + (late + 1) * period, "send", edge)

    def half_way(self) -> float:
        return self.random.choice(self.times.way) / 2

    def send(self, now: float, edge: int) -> None:
        self.sent[edge] = now
        self.put(now + self.half_way(), "arrive", edge)

    def arrive(self, now: float, edge: int) -> None:
        door = edge % self.fleet.doors
        if self.inside[door] >= self.fleet.queue:
            self.put(now + self.half_way(), "lost", edge)
            return
        self.inside[door] += 1
        self.free[door] = self.worked(max(now, self.free[door]), self.times.door)
        self.put(self.worked(self.free[door], self.times.replica), "route", edge)

    def worked(self, now: float, seconds: float) -> float:
        """When a core has done that: the next that is free, where they are shared."""
        begin = max(now, heappop(self.cores)) if self.cores else now
        if self.fleet.cores:
            heappush(self.cores, begin + seconds)
        return begin + seconds

    def route(self, now: float, edge: int) -> None:
        replicas = range(self.fleet.replicas)
        drawn = self.random.sample(replicas, min(2, len(replicas)))
        replica = min(drawn, key=lambda r: len(self.waiting[r]) + len(self.running[r]))
        self.waiting[replica].append(edge)
        if not self.running[replica]:
            self.start(now, replica)

    def start(self, now: float, replica: int) -> None:
        """Take the next batch, without frames whose time is over."""
        waiting, batch = self.waiting[replica], self.running[replica]
        while waiting and len(batch) < self.fleet.batch:
            edge = waiting.popleft()
            if now - self.sent[edge] < self.fleet.deadline:
                batch.append(edge)
            else:
                self.leave(now, edge, "lost")
        if batch:
            delay = self.random.choice(self.times.delays)
            delay += _TURN * self.random.choice(self.times.way)
            self.put(now + self.times.batch(len(batch)) + delay, "done", replica)

    def done(self, now: float, replica: int) -> None:
        for edge in self.running[replica]:
            self.leave(now, edge, "answered")
        self.running[replica] = []
        self.start(now, replica)

    def leave(self, now: float, edge: int, fate: str) -> None:
        self.inside[edge % self.fleet.doors] -= 1
        heard = now + self.half_way()
        late = heard - self.sent[edge] > self.fleet.deadline
        self.put(heard, "lost" if late else fate, edge)


def simulate(times: Times, fleet: Fleet, seconds: float, warm: float, seed: int = 0) -> Found:
    """So many seconds of a fleet at work, after those in which it warms up."""
    fates, took = Counter[str](), []
    for fate, at, lasted in Cloud(times, fleet, Random(seed)).run(warm + seconds):
        if at >= warm:
            fates[fate] += 1
            if fate == "answered":
                took.append(lasted)
    return Found(fates["answered"] / seconds, np.array(took), fates["lost"] / max(1, fates.total()))
