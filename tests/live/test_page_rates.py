"""The demonstration's slider, plots and monitor: what is found by hand, and how it is told."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import DESK, PHONE, WAIT, seen, status
from cloud_here import cloud_here, served
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.eval.radio import Radio
from splitwire.eval.results import summarise
from splitwire.eval.samples import Sample
from splitwire.eval.totals import Total, envelope, merge
from splitwire.live.address import Address
from splitwire.live.demo import Demo
from splitwire.live.library import Library
from splitwire.live.pages import pages, sample
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, Way

TEXTS = "all => all.map((one) => one.textContent)"

# milliseconds of each way without the link, and its bytes
LINES = [
    {"way": "edge only", "fixed": 160, "bytes": 0, "there": 0},
    {"way": "cloud only", "fixed": 30, "bytes": 20_000, "there": 25},
    {"way": "shared", "fixed": 60, "bytes": 4_500, "there": 10},
]


@pytest.fixture(scope="module")
def demo(lite0: sw.Model) -> Iterator[str]:
    """The demonstration of the default network, in this process."""
    store = ProfileStore()
    with cloud_here(lite0) as (_, cloud):
        demo = Demo(Library([lite0], store), Address(cloud), store)
        shown = pages(demo.access, demo.about(), sample=sample())
        routes = [WebSocketRoute("/edge", demo.serve), Route("/metrics", demo.metrics), *shown]
        with served(Starlette(routes=routes)) as address:
            yield address


@pytest.fixture
def opened(page: Any, demo: str) -> Any:
    page.goto(demo)
    status(page, "Frame 1 answered by the cloud")
    return page


def slide(page: Any, share: float) -> None:
    """Let go of the slider at a share of its way."""
    page.locator("#rate").evaluate(
        """(slider, share) => {
            slider.value = String(Math.round(share * Number(slider.max)));
            slider.dispatchEvent(new Event("input"));
            slider.dispatchEvent(new Event("change"));
        }""",
        share,
    )


def test_it_says_what_is_seen_and_which_way_wins_where(opened: Any) -> None:
    said = opened.locator("#found").inner_text()
    assert re.match(r"The split network sees \w+.* Splitting sends [\d.]+ kB where the", said)
    assert re.search(r"The fastest way is .*(edge only|splitting|cloud only) .*\.$", said)
    parts = opened.locator("#band .part").count()
    assert opened.locator("#band .break-even").count() == parts - 1
    marks = opened.locator("#band .break-even b").all_inner_texts()
    assert all(mark in said for mark in marks)


def test_the_slider_finds_each_way_in_its_place(opened: Any) -> None:
    slide(opened, 0)
    seen(opened, 2)
    fastest = opened.locator("#strip tr.fastest th")
    assert fastest.inner_text() == "edge only (fastest)"  # whatever the machine: nothing is sent
    assert opened.locator("#at").inner_text() == "10 kB/s"
    assert "edge only is the fastest" in opened.locator("#rate").get_attribute("aria-valuetext")
    totals = opened.locator("#strip tbody td:nth-child(2)").all_inner_texts()
    slide(opened, 1)
    seen(opened, 3)
    assert opened.locator("#at").inner_text() == "100 MB/s"
    assert opened.locator("#strip tbody td:nth-child(2)").all_inner_texts()[1:] != totals[1:]


def test_a_rate_is_shown_before_a_frame_has_run_at_it(opened: Any) -> None:
    before = opened.locator("#strip").inner_text()
    opened.locator("#rate").evaluate("""(slider) => {
        slider.value = "0";
        slider.dispatchEvent(new Event("input"));
    }""")
    assert opened.locator("#strip").inner_text() != before
    assert opened.locator("#picture").get_attribute("data-frame") == "1"


def test_the_table_has_divergence_and_energy_beside_bytes(opened: Any) -> None:
    heads = opened.locator("#strip th[scope=col]").all_inner_texts()
    assert heads == ["way", "total", "upload", "radio", "divergence", "prediction"]
    rows = {row.split("\t")[0].split(" (")[0]: row.split("\t") for row in
            opened.locator("#strip tbody tr").all_inner_texts()}  # fmt: skip
    assert rows["edge only"][2:5] == ["0 B", "0 mJ", "0"]
    for way in ("cloud only", "shared"):
        assert float(rows[way][3].split()[0]) > 0 and float(rows[way][4]) > 0
    assert "Divergence in nats" in opened.locator("#c-strip").inner_text()


def test_break_even_is_where_the_report_has_it(opened: Any) -> None:
    def result(way: Way) -> Total:
        (found,) = summarise([Sample("a", 0, way, divergence=0.0)])
        line = next(line for line in LINES if line["way"] == way)
        return Total(found, line["fixed"] / 1e3, line["bytes"])

    found = opened.evaluate(
        "async (lines) => (await import('/ways.js')).stretches(lines, 1e4, 1e8)", LINES
    )
    expected = merge(envelope([result(way) for way in (EDGE_ONLY, CLOUD_ONLY, SHARED)]))
    assert [one["way"] for one in found] == [way for way, _, _ in expected]
    ends = [(one["from"], one["to"]) for one in found]
    assert ends == [pytest.approx((low, high)) for _, low, high in expected]


def test_energy_is_what_a_plan_has(opened: Any) -> None:
    told = {"answer": 250, **vars(Radio.load("wifi"))}
    for line in LINES:
        for rate in (5e4, 4.5e5, 1e7):
            found = opened.evaluate(
                "async (all) => (await import('/ways.js')).energy(...all)",
                [told, line, rate],
            )
            joules = Radio.load("wifi").joules(line["bytes"], rate, line["there"] / 1e3, 1.0)
            assert found == pytest.approx(1e3 * joules.total)


def test_each_bar_tells_its_setting_and_changes_are_marked(opened: Any) -> None:
    assert opened.locator("#times .changed").count() == 0
    opened.get_by_label("Codec").select_option("raw")
    seen(opened, 2)
    assert opened.locator("#times .change").count() == opened.locator("#bytes .change").count() == 1
    titles = opened.locator("#bytes .frame title").evaluate_all(TEXTS)
    assert titles[0].startswith("Frame 1, lite0 at blocks.3, ftc:quality=45, ")
    assert titles[1].startswith("Frame 2, lite0 at blocks.3, raw:bits=4, ")
    opened.locator("#bytes .frame").first.click()  # as a finger does
    assert opened.locator("#c-bytes").inner_text() == titles[0]


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_words_in_plots_are_never_squashed(opened: Any, screen: dict[str, int]) -> None:
    opened.set_viewport_size(screen)
    opened.evaluate("new Promise(requestAnimationFrame)")
    for plot in opened.locator("figure svg").all():
        box = plot.bounding_box()
        _, _, width, height = map(float, plot.get_attribute("viewBox").split())
        assert (width, height) == pytest.approx((box["width"], box["height"]), abs=1)
        assert plot.get_attribute("preserveAspectRatio") is None
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_an_outlier_does_not_flatten_the_others(opened: Any) -> None:
    heights = opened.evaluate("""async () => {
        const { bars, size } = await import("/plots.js");
        const svg = document.getElementById("bytes");
        const frames = [10, 11, 12, 900, 11, 10, 12, 11].map((value) => (
            { parts: [["edge", value]], setting: "", words: String(value) }));
        bars(svg, frames, size);
        const tall = [...svg.querySelectorAll(".stage")].map((bar) => bar.height.baseVal.value);
        return [tall, svg.querySelectorAll(".cut").length, svg.clientHeight];
    }""")
    tall, cut, height = heights
    assert cut == 1 and max(tall) == tall[3] < height
    assert min(tall) > 0.3 * height


def test_choices_that_follow_each_other_fast_are_one(opened: Any) -> None:
    opened.evaluate("""() => {
        const codec = document.getElementById("codec");
        for (const name of ["jpeg", "hevc", "rans", "av1", "raw"]) {
            codec.value = name;
            codec.dispatchEvent(new Event("change"));
        }
    }""")
    seen(opened, 2)
    opened.get_by_role("button", name="Run again").click()
    seen(opened, 3)  # nothing was run in between
    titles = opened.locator("#times .frame title").evaluate_all(TEXTS)
    used = [title.split(", ")[2] for title in titles]
    assert used == ["ftc:quality=45", "raw:bits=4", "raw:bits=4"]


FAKE = """() => {
    const film = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const context = film.getContext("2d");
    let turn = 0;
    setInterval(() => {
        context.fillStyle = `hsl(${(turn += 20) % 360} 80% 50%)`;
        context.fillRect(0, 0, 320, 240);
    }, 30);
    navigator.mediaDevices.getUserMedia = async () => film.captureStream(30);
}"""


def test_a_camera_is_pipelined_and_says_nothing_at_each_frame(opened: Any) -> None:
    from playwright.sync_api import expect

    live = "all => all.map(one => one.getAttribute('aria-live'))"
    assert set(opened.locator("#status, #found").evaluate_all(live)) <= {"polite", None}
    assert opened.locator("#classes").get_attribute("aria-live") is None
    opened.evaluate(FAKE)
    opened.evaluate("""() => {
        const send = WebSocket.prototype.send;
        let under = 0;
        window.most = 0;
        WebSocket.prototype.send = function (message) {
            if (message instanceof Blob) {
                window.most = Math.max(window.most, ++under);
                this.addEventListener("message", () => { under -= 1; }, { once: true });
            }
            return send.call(this, message);
        };
    }""")
    opened.get_by_role("button", name="Camera").click()
    expect(opened.locator("#c-seen")).to_have_text(re.compile(r"Frame (1\d|[2-9]\d)"), timeout=WAIT)
    assert opened.locator("#status, #found").evaluate_all(live) == ["off", "off"]
    assert opened.evaluate("window.most") > 1
    opened.get_by_role("button", name="Camera").click()
    expect(opened.locator("#camera")).to_have_attribute("aria-pressed", "false", timeout=WAIT)
    assert opened.locator("#status, #found").evaluate_all(live) == ["polite", "polite"]


def test_the_monitor_shows_the_cloud(opened: Any) -> None:
    from playwright.sync_api import expect

    monitor = opened.locator("#monitor")
    expect(monitor).to_contain_text("clients1queue0 frames", timeout=WAIT)
    expect(monitor).to_contain_text(re.compile(r"batches[\d.]+ frames on average"), timeout=WAIT)
    expect(monitor).to_contain_text(re.compile(r"memory\d+(\.\d)? [MG]B"), timeout=WAIT)
    opened.route("**/metrics", lambda route: route.fulfill(body=""))
    expect(monitor).to_have_text("clouddoes not answer", timeout=WAIT)
