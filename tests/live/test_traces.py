"""Traces: what edge and cloud send to a collector, which is a server of this test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from deployment import start_cloud

from splitwire.errors import RemoteError
from splitwire.live.handshake import Hello
from splitwire.live.traces import asked_for, session

pytest.importorskip("opentelemetry.sdk", reason="needs the extra otel")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

FRAMES = 6


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    """The address of a collector, and the spans that it has."""
    spans: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()


def test_a_frame_is_one_trace_over_edge_and_cloud(
    net: Path, collector: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, spans = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    cloud = start_cloud(net, "--port", "0")
    listening = cloud.event("listening")["address"]
    edge = ["--split", "1", "--codec", "raw:dtype=float32", "--frames", str(FRAMES)]
    command = [sys.executable, "-m", "splitwire", "edge", "--connect", listening, *edge]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    model = ["--model", "net.py:small"]
    subprocess.run([*command, *model], cwd=net, env=environment, check=True)
    assert cloud.stop() == 0
    traces: dict[bytes, list[Any]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    whole = [trace for trace in traces.values() if len(trace) > 1]
    assert len(whole) == FRAMES
    for trace in whole:
        by_name = {span.name: span for span in trace}
        assert by_name.keys() == {
            *("frame", "edge", "encode", "link"),
            *("cloud frame", "queue", "decode", "cloud"),
        }
        first, there = by_name["frame"], by_name["cloud frame"]
        assert not first.parent_span_id
        assert there.parent_span_id == first.span_id
        for name in ("edge", "encode", "link"):
            assert by_name[name].parent_span_id == first.span_id
        for name in ("queue", "decode", "cloud"):
            assert by_name[name].parent_span_id == there.span_id
            assert by_name[name].end_time_unix_nano <= there.end_time_unix_nano + 1_000_000


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_traces_are_sent_where_the_environment_asks(told: dict[str, str], wanted: bool) -> None:
    assert asked_for(told) == wanted


def test_a_hello_carries_a_parent_and_nothing_else() -> None:
    parent = session()
    assert Hello.read(Hello("a", "b", "c", trace=parent).text()).trace == parent
    assert "trace" not in Hello("a", "b", "c").text()
    for wrong in ("00-1-2-01", parent + "\n", parent.upper() + "x", "x" * 55):
        text = Hello("a", "b", "c", trace=parent).text().replace(parent, wrong.replace("\n", "\\n"))
        with pytest.raises(RemoteError, match="hello: trace"):
            Hello.read(text)
