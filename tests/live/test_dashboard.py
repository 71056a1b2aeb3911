"""The dashboard in docs/ asks for nothing but what a cloud tells."""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from splitwire.live.metrics import Metrics

BOARD = Path(__file__).parents[2] / "docs" / "grafana" / "splitwire.json"


def test_every_metric_and_label_of_the_dashboard_is_one_of_the_cloud_s() -> None:
    metrics = Metrics()
    metrics.frames.labels("answered").inc()
    metrics.packets.labels("intra", "lite0", "blocks.3", "jpeg").inc()
    metrics.bytes.labels("lite0", "blocks.3", "jpeg").inc(9)
    metrics.refused.labels("no token").inc()
    metrics.seconds.labels("queue").observe(0.01)
    metrics.batches.observe(2)
    metrics.pieces.labels("arrived").inc()
    told: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            told.setdefault(sample.name, set()).update(sample.labels)
    panels = json.loads(BOARD.read_text(encoding="utf-8"))["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    named = {name for text in asked for name in re.findall(r"splitwire_\w+", text)}
    assert named <= told.keys()
    for text in asked:
        (labels,) = re.findall(r"by \((.*?)\)", text)[:1] or [""]
        for name in re.findall(r"splitwire_\w+", text):
            assert {label for label in labels.split(", ") if label} <= told[name], text
    shown = {name for name in told if not name.endswith(("_created", "_bucket", "_count", "_sum"))}
    assert shown <= named
