"""Traces of frames by OpenTelemetry: one a frame, over edge and cloud, a span for each stage.

    frame (edge) ─┬─ edge, encode, link
                  └─ frame (cloud) ── queue, decode, cloud

The hello carries a W3C trace parent. The trace of the frame with the id N is the one whose last 32
bits are N, and its first span has the parent's id: so both ends know it, with no byte more a frame.
Spans are made of the times that are measured anyway, once a frame has ended, and lie end to end.

They are sent by OTLP where the environment asks for it in the standard's words
(`OTEL_EXPORTER_OTLP_ENDPOINT` and those beside it), and not otherwise.
"""

import os
from collections.abc import Mapping
from functools import cache
from secrets import token_hex
from time import time
from typing import TYPE_CHECKING, Any

from splitwire.live.protocol import FrameError

if TYPE_CHECKING:  # which loads torch
    from splitwire.live.inference import Inference
    from splitwire.live.record import Record

_NUMBER = 32  # bits of a frame's id
_FLUSH_MILLISECONDS = 5000  # that a collector has to take the last spans
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def asked_for(environment: Mapping[str, str]) -> bool:
    """Whether an environment wants traces."""
    told = environment.get("OTEL_TRACES_EXPORTER", "")
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or told == "none":
        return False
    return told == "otlp" or any(map(environment.get, _ENDPOINTS))


@cache
def traces() -> "Traces | None":
    """What sends the traces of this process, if it is to.

    Raises:
        ModuleNotFoundError: it is to, and the extra `otel` is not installed.
    """
    return Traces() if asked_for(os.environ) else None


def session() -> str:
    """A trace parent for all frames of a connection."""
    return f"00-{token_hex(16)}-{token_hex(8)}-01"


class Traces:
    """Sends spans; used by the loop alone."""

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        os.environ.setdefault("OTEL_SERVICE_NAME", "splitwire")
        self._ids = _ids()
        self._provider = TracerProvider(id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("splitwire")

    def edge(self, parent: str, record: "Record") -> None:
        """A frame that ended at an edge.

        Args:
            parent: of the connection.
            record: of the frame; one that the cloud did not answer has a trace of its own.
        """
        about = {"outcome": record.outcome, "picture": record.name, "bytes": record.bytes}
        if record.id:
            self._ids.next = _frame(parent, record.id)
        stages = {name: record.seconds.get(name, 0.0) for name in ("edge", "encode")}
        away = sum(record.seconds.get(name, 0.0) for name in ("link", "decode", "cloud"))
        self._send("frame", None, record.at, record.total, {**stages, "link": away}, about)

    def cloud(
        self, parent: str, number: int, result: "Inference | FrameError", held: float
    ) -> None:
        """A frame that a cloud answered or refused.

        Args:
            parent: of the connection.
            number: the frame's id.
            result: what came of it.
            held: seconds from its arrival to its answer.
        """
        stages, about = {}, {"frame": number, "outcome": "answered"}
        if isinstance(result, FrameError):
            about |= {"outcome": result.code.name.lower(), "reason": str(result)}
        else:
            stages = {"queue": result.queue, "decode": result.decode, "cloud": result.cloud}
            about["batch"] = result.batch
        self._send("cloud frame", _frame(parent, number), time() - held, held, stages, about)

    def flush(self) -> None:
        """Send what waits."""
        self._provider.force_flush(_FLUSH_MILLISECONDS)

    def _send(
        self,
        name: str,
        within: tuple[int, int] | None,
        at: float,
        seconds: float,
        stages: Mapping[str, float],
        about: Mapping[str, Any],
    ) -> None:
        """A span and those of its stages; times in seconds, `at` in Unix time."""
        from opentelemetry import trace

        attributes = {f"splitwire.{key}": value for key, value in about.items()}
        above = None if within is None else trace.SpanContext(*within, True, trace.TraceFlags(1))
        context = above and trace.set_span_in_context(trace.NonRecordingSpan(above))
        begin = round(1e9 * at)
        span = self._tracer.start_span(name, context, attributes=attributes, start_time=begin)
        self._ids.next = None
        inside = trace.set_span_in_context(span)
        for stage, took in stages.items():
            if took > 0:
                part = self._tracer.start_span(stage, inside, start_time=begin)
                begin += round(1e9 * took)
                part.end(begin)
        span.end(round(1e9 * (at + seconds)))


def _frame(parent: str, number: int) -> tuple[int, int]:
    """The ids of a frame's trace and of its first span."""
    _, trace, span, _ = parent.split("-")
    return int(trace, 16) >> _NUMBER << _NUMBER | number, int(span, 16)


def _ids() -> Any:
    """Random ids, but for a span whose own were said before."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        next: tuple[int, int] | None = None

        def generate_trace_id(self) -> int:
            """Of a span without a parent."""
            return self.next[0] if self.next else super().generate_trace_id()

        def generate_span_id(self) -> int:
            """Of any span."""
            return self.next[1] if self.next else super().generate_span_id()

    return Ids()
