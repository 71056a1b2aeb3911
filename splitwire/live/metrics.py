"""What a cloud counts, for Prometheus to collect."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from splitwire.live import logs
from splitwire.live.inference import Inference
from splitwire.live.library import Agreement
from splitwire.live.protocol import FrameError
from splitwire.runner.packet import is_intra

_WHAT = ("model", "split", "codec")  # by name: without its settings, which are anyone's
_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def resident() -> float:
    """Bytes of memory of this process; the most that it had, where /proc does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return float(pages * os.sysconf("SC_PAGE_SIZE"))
    except OSError:  # not Linux
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


class Metrics:
    """Counters, gauges and histograms of one cloud."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self.frames = Counter(
            "splitwire_frames", "Frames by what became of them.", ["outcome"], registry=own
        )
        self.unheard = Counter(
            "splitwire_unheard_replies", "Replies whose client had gone.", registry=own
        )
        self.bytes = Counter(
            "splitwire_packet_bytes", "Bytes of packets that arrived.", _WHAT, registry=own
        )
        self.packets = Counter(
            "splitwire_answered_packets",
            "Packets of answered frames: intra, or inter where they build on others.",
            ["kind", *_WHAT],
            registry=own,
        )
        away = "Clients turned away, by reason."
        self.refused = Counter("splitwire_refused_clients", away, ["why"], registry=own)
        self.clients = Gauge("splitwire_clients", "Connected clients.", registry=own)
        waiting = "Frames being decoded or waiting."
        self.waiting = Gauge("splitwire_waiting_frames", waiting, registry=own)
        self.pasts = Gauge(
            "splitwire_past_bytes", "Remembered of what streams build on, as counted.", registry=own
        )
        memory = Gauge("splitwire_resident_bytes", "Memory of the process.", registry=own)
        memory.set_function(resident)
        lines = "Log lines that nobody read in time."
        dropped = Gauge("splitwire_dropped_log_lines", lines, registry=own)
        dropped.set_function(lambda: logs.dropped)
        self.seconds = Histogram(
            "splitwire_stage_seconds",
            "Time of a frame, by stage.",
            ["stage"],
            buckets=_BUCKETS,
            registry=own,
        )
        sizes, what = (1, 2, 4, 8, 16, 32), "Frames in the batch that an answered frame ran in."
        self.batches = Histogram("splitwire_batch_frames", what, buckets=sizes, registry=own)
        self._count_datagrams(own)

    def _count_datagrams(self, own: CollectorRegistry) -> None:
        fates = "Packets of frames in several: there in time, or missing when the frame was closed."
        self.pieces = Counter("splitwire_frame_packets", fates, ["fate"], registry=own)
        late = "Packets that came when their frame was closed."
        self.late = Counter("splitwire_late_packets", late, registry=own)

    def count(
        self,
        agreement: Agreement | None,
        packet: bytes,
        result: Inference | FrameError,
        held: float,
        pieces: Sequence[bytes] = (),
    ) -> None:
        """A frame that was answered or refused.

        Args:
            agreement: that it was sent under, where there is one.
            packet: what came whole.
            pieces: what came of it in several packets instead.
            result: what came of it.
            held: seconds from its arrival to its answer.
        """
        what = ("", "", "")
        if agreement is not None:
            choice = agreement.choice
            what = (choice.split.model.name, choice.split.at, choice.codecs[0].name)
        self.bytes.labels(*what).inc(len(packet) + sum(map(len, pieces)))
        if isinstance(result, FrameError):
            self.frames.labels(result.code.name.lower()).inc()
            return
        self.frames.labels("answered").inc()
        intra = bool(pieces) or is_intra(packet)
        self.packets.labels("intra" if intra else "inter", *what).inc()
        self.batches.observe(result.batch)
        stages = {"queue": result.queue, "decode": result.decode, "cloud": result.cloud}
        for stage, seconds in {**stages, "held": held}.items():
            self.seconds.labels(stage).observe(seconds)

    def text(self) -> bytes:
        """All of them in Prometheus' format."""
        return generate_latest(self._registry)
