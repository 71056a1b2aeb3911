from dataclasses import replace

import pytest

from splitwire.eval.headline import headline
from splitwire.eval.results import summarise
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.eval.totals import Total
from splitwire.report.findings import on_bytes, on_live, on_time
from splitwire.report.live_plots import along_the_clock, by_fate
from splitwire.report.live_section import along_the_clock as along_the_clock_section
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, Way


def total(way: Way, fixed: float, size: float) -> Total:
    (result,) = summarise([Sample("a", 0, way, divergence=0.01)])
    return Total(result, fixed, size)


def said_of(summary: Summary, max_divergence: float = 0.05) -> str:
    asked = replace(summary.scoring, fidelity=max_divergence)
    (sentence,) = on_bytes(replace(summary, scoring=asked))
    return sentence


def test_it_says_which_way_is_the_fastest() -> None:
    edge, split = total(EDGE_ONLY, 0.16, 0), total(SHARED, 0.06, 4_500)
    assert on_time([edge, split, total(CLOUD_ONLY, 0.03, 20_000)]) == [
        "The fastest way is edge only below 45 kB/s; splitting from 45 kB/s to 517 kB/s; "
        "cloud only above 517 kB/s."
    ]


def test_it_says_where_splitting_loses() -> None:
    edge, split = total(EDGE_ONLY, 0.02, 0), total(SHARED, 0.06, 4_500)
    said = on_time([edge, split, total(CLOUD_ONLY, 0.01, 20_000)])
    assert "Splitting loses: at none of these upload rates is it the fastest way." in said
    assert "Against edge only alone, splitting always loses." in said
    assert "Against cloud only alone, splitting wins below 310 kB/s." in said
    assert on_time([split]) == [] and on_time([]) == []


def test_the_fewest_bytes_at_the_fidelity(make_run) -> None:
    summary = Summary.open(make_run(photos=8))
    assert said_of(summary, 0.5).startswith("Within 0.5 nats of the uncompressed network, ")
    assert said_of(summary).startswith("No codec is shown to stay within 0.05 nats of the ")
    assert "comes closest" in said_of(summary, 1e-20)
    assert "nothing to compare" in said_of(replace(summary, results=[]))


def test_a_picture_is_called_what_it_is_coded_with(make_run) -> None:
    def other(sample: Sample) -> Sample:
        coded = sample.way == CLOUD_ONLY
        return replace(sample, codec="compressai:profile=q3.tar") if coded else sample

    opened = Summary.open(make_run(photos=8, keep=lambda sample: "jpeg" not in sample.codec))
    summary = replace(opened, samples=[other(sample) for sample in opened.samples])
    said = said_of(replace(summary, results=summarise(summary.samples)), 0.5)
    assert "of the picture itself as compressai:profile=q3.tar" in said


def test_a_headline_says_how_sure_it_is(make_run) -> None:
    summary = Summary.open(make_run(photos=9))
    assert "over 4 photos that it was not chosen on" in said_of(summary)
    assert "is not established" not in said_of(summary, 10)
    few = replace(summary, samples=[s for s in summary.samples if s.photo < "photo_03"])
    assert "(95 % interval" in said_of(few) and "chosen on the same photos)" in said_of(few)
    far = [replace(s, divergence=5.0 * (s.photo == "photo_07.png")) for s in summary.samples]
    assert "No codec is shown to stay within 1 nats" in said_of(replace(summary, samples=far), 1)


def test_what_the_photos_do_not_show_is_no_headline(make_run) -> None:
    run = make_run(photos=9, keep=lambda sample: sample.split in ("", "blocks.3"))
    summary = Summary.open(run)

    def as_large(sample: Sample, scale: float) -> Sample:
        picture = sample.way == CLOUD_ONLY
        return replace(sample, bytes=round(sample.bytes * scale)) if picture else sample

    def of(scale: float) -> Summary:
        samples = [as_large(sample, scale) for sample in summary.samples]
        return replace(summary, samples=samples, results=summarise(samples))

    cheapest = headline(replace(summary, scoring=replace(summary.scoring, fidelity=1)))
    assert cheapest and cheapest.picture and cheapest.saved and cheapest.saved.high < 0
    even = 1 / (1 + cheapest.saved.mean / 100)  # at which both need the same
    assert "% below the" in said_of(summary, 1)
    assert "no difference from the" in said_of(of(1 / even), 1)
    assert "Splitting loses here" in said_of(of(0.5 / even), 1)


def test_codecs_that_the_photos_do_not_tell_apart_are_named(make_run) -> None:
    summary = Summary.open(make_run(photos=9, keep=lambda s: s.split in ("", "blocks.3")))
    twins = [
        replace(s, codec=s.codec.replace("jpeg", "twin"), curve="twin")
        for s in summary.samples
        if s.curve == "jpeg"
    ]
    samples = [*summary.samples, *twins]
    said = said_of(replace(summary, samples=samples, results=summarise(samples)), 1)
    assert "These photos do not tell twin:" in said and "twin" not in said_of(summary, 1)


def live_frames() -> list[Sample]:
    """A frame of every fate, and the baseline, which was not run live."""
    unread = Sample("e", 0, SHARED, "2", "png", outcome="refused", frame=5, at=5.4, total=0.0)
    shared = Sample("a", 0, SHARED, "2", "png", bytes=900, edge=0.01, cloud=0.02)
    return [
        Sample("a", 0, EDGE_ONLY, edge=0.03),
        replace(shared, link={"live": 0.03}, outcome="answered", frame=1, at=5.0, total=0.07),
        Sample("b", 0, EDGE_ONLY, edge=0.05, outcome="local", frame=2, at=5.1, total=0.05),
        replace(shared, outcome="fell back", frame=3, at=5.2, total=0.06, fallback="link down"),
        replace(shared, outcome="refused", frame=4, at=5.3, total=0.01, error="CodecError: no"),
        replace(unread, error="DataError: no picture"),
    ]


def test_live_frames_in_a_sentence() -> None:
    assert on_live(live_frames()) == [
        "5 frames ran live: 1 answered by the cloud, 1 run on the edge by choice, 1 fallen back "
        "(link down), 2 refused. From picture to prediction: p50 60 ms, p95 69 ms, of "
        "which p50 10 ms beyond the stages."
    ]
    assert on_live(live_frames()[:1]) == []
    pieces = replace(live_frames()[1], packets=6, arrived=5)
    whole = replace(pieces, packets=4, arrived=4)
    (said,) = on_live([pieces, whole])
    assert "2 answered by the cloud, answered from packets of which 10.0% did not" in said


def test_frames_that_fell_back_or_could_not_be_read_are_in_no_row() -> None:
    edge, shared = summarise(live_frames())
    assert (edge.way, edge.samples, edge.times["edge"].p50) == (EDGE_ONLY, 2, 0.04)
    assert (shared.way, shared.samples, shared.failed, shared.bytes) == (SHARED, 1, 1, 900)


def test_every_frame_has_a_mark_of_its_fate() -> None:
    frames = live_frames()[1:]
    groups = by_fate(frames)
    assert [len(group) for group in groups.values()] == [1, 1, 1, 2]
    times, sizes = along_the_clock(frames).axes
    assert [list(line.get_ydata()) for line in times.lines] == [[0.07], [0.05], [0.06]]
    assert [list(line.get_ydata()) for line in sizes.lines] == [[900], [], [900], [900, 0]]
    assert list(sizes.lines[3].get_xdata()) == pytest.approx([0.3, 0.4])
    section = along_the_clock_section(frames)
    assert [words for _, words in section.legend] == [
        "answered: shared (1)",
        "on the edge by choice (1)",
        "fallen back to the edge (1)",
        "refused (2)",
    ]
