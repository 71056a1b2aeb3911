"""Experiments on clips: frames in order, each coded with those before."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import Plan

import splitwire as sw
from splitwire.data.moving import MovingPhoto
from splitwire.data.photos import find_photos
from splitwire.errors import DataError, ExperimentError
from splitwire.eval.delta_rates import bd_rates
from splitwire.eval.duels import ALL, Side, cheapest, duels
from splitwire.eval.experiment import load_experiment
from splitwire.eval.headline import headline
from splitwire.eval.results import Estimate
from splitwire.eval.run import Run
from splitwire.eval.samples import SAMPLES, Sample, read_run
from splitwire.eval.summary import Summary
from splitwire.report.page import write_report

CODECS = ("h264:qp=4+16+28+40,preset=ultrafast", "jpeg:quality=20+50+80+95")
PICTURES = ("film:qp=10+20+30+40,preset=ultrafast", "picture:format=jpeg,quality=10+50+90")
FRAMES = 8


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of small frames."""
    root = tmp_path_factory.mktemp("clips")
    for at, motion in ((1, "pan"), (3, "zoom")):
        made = MovingPhoto(find_photos("samples")[at], motion)  # type: ignore[arg-type]
        (root / motion).mkdir()
        for number, frame in enumerate(made.frames()):
            if number < FRAMES:
                frame.resize((48, 48)).save(root / motion / f"{number:03}.png")
    return root


@pytest.fixture(scope="module")
def plan(tiny: Plan, clips: Path) -> Plan:
    def plan(**changes: Any) -> sw.Experiment:
        usual: dict[str, Any] = {"codecs": CODECS, "pictures": PICTURES, "limit": None}
        return tiny(**{"sequence": True, "data": str(clips), **usual, **changes})

    return plan


@pytest.fixture(scope="module")
def run(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run."""
    out = tmp_path_factory.mktemp("run")
    found = Run(plan(), out)
    samples = list(found)
    assert len(samples) == found.total == 2 * FRAMES * (1 + 1 + 4 + 4 + 4 + 3)
    assert not [sample.error for sample in samples if sample.error]
    return out


def of(samples: list[Sample], clip: str, codec: str) -> list[Sample]:
    return [sample for sample in samples if (sample.clip, sample.codec) == (clip, codec)]


def told(samples: list[Sample]) -> list[tuple[Any, ...]]:
    """What does not depend on the clock."""
    return [(s.key, s.bytes, s.divergence, s.intra, s.frame, s.at, s.prediction) for s in samples]


def test_frames_are_in_order_and_say_which_stand_alone(run: Path) -> None:
    _, samples = read_run(run)
    h264 = of(samples, "pan", "h264:qp=16,preset=ultrafast")
    assert [sample.frame for sample in h264] == list(range(1, FRAMES + 1))
    assert [sample.at for sample in h264] == pytest.approx([n / 25 for n in range(FRAMES)])
    assert [sample.intra for sample in h264] == [True, *[False] * (FRAMES - 1)]
    assert all(sample.intra for sample in of(samples, "zoom", "jpeg:quality=50"))
    assert all(sample.intra is None for sample in of(samples, "zoom", ""))  # nothing is sent


def test_samples_are_those_of_a_pair_run_by_hand(run: Path, plan: Plan, clips: Path) -> None:
    experiment = plan()
    model = sw.load_model(experiment.model)
    split = sw.split(model, experiment.splits[0])
    codec = sw.codec("h264:qp=16,preset=ultrafast")
    encoder, decoder = codec.encoder(), codec.decoder()
    expected = []
    for path in sorted((clips / "zoom").iterdir()):
        x = torch.from_numpy(model.preprocess.picture(Image.open(path)))[None]
        with torch.inference_mode():
            (feature,) = split.edge(x)
            stream = encoder.encode(feature[0].numpy())
            output = split.cloud(torch.from_numpy(decoder.decode(stream))[None])
            p, q = (logits[0].double().log_softmax(0) for logits in (model(x), output))
        expected.append((len(stream), float((p.exp() * (p - q)).sum())))
    _, samples = read_run(run)
    found = [(s.bytes, s.divergence) for s in of(samples, "zoom", codec.spec)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)


def test_an_interrupted_clip_is_coded_again_and_nothing_is_measured_twice(
    run: Path, plan: Plan, tmp_path: Path
) -> None:
    lines = (run / SAMPLES).read_text().splitlines(keepends=True)
    whole = [line for line in lines if '"kind": "time"' not in line]
    for kept in (1 + 5 * FRAMES + 3, len(whole) - 2):  # within a choice of each clip
        out = tmp_path / str(kept)
        out.mkdir()
        (out / SAMPLES).write_text("".join(whole[:kept]) + whole[kept][:9])
        rest = list(Run(plan(), out))
        assert len(rest) == len(whole) - kept
        assert told(read_run(out)[1]) == told(read_run(run)[1])


def test_cold_start_stands_apart_from_steady_state(run: Path) -> None:
    summary = Summary.open(run)
    _, samples = read_run(run)
    codec = "h264:qp=16,preset=ultrafast"
    (result,) = (r for r in summary.results if r.codec == codec)
    sizes = np.array([[s.bytes for s in of(samples, clip, codec)] for clip in ("pan", "zoom")])
    assert result.cold and result.steady
    assert result.cold.bytes == pytest.approx(sizes[:, 0].mean())
    assert result.steady.bytes == pytest.approx(sizes[:, 1:].mean())
    assert result.bytes == pytest.approx(sizes.mean())
    assert (result.clips, result.samples, result.failed) == (2, 2 * FRAMES, 0)
    assert result.intra == pytest.approx(1 / FRAMES)
    assert result.divergence.low < result.divergence.mean < result.divergence.high


def test_rates_have_intervals_over_stretches(run: Path) -> None:
    rates = bd_rates(Summary.open(run), "jpeg")
    delta = rates["2", "h264:preset=ultrafast"]
    assert delta.percent is not None
    assert delta.low < delta.percent < delta.high


def test_features_stand_beside_the_video_itself(run: Path) -> None:
    summary = Summary.open(run)
    found = duels(summary)
    assert {(duel.clip, duel.split) for duel in found} == {(c, "2") for c in ("pan", "zoom", ALL)}
    whole = [duel for duel in found if duel.clip == ALL]
    assert [duel.divergence for duel in whole] == pytest.approx([0.02, 0.05, 0.1])
    for duel in found:
        assert duel.video.curve.partition(":")[0] in ("film", "picture")
        assert duel.features.curve.partition(":")[0] in ("h264", "jpeg")
        assert not math.isnan(duel.percent)


def test_the_cheapest_is_between_points_and_never_below_the_coarsest(run: Path) -> None:
    made = {}
    for name, points in {"a": ((100, 0.2), (400, 0.01)), "b": ((150, 0.03), (9000, 0.001))}.items():
        (some, *_) = (r for r in Summary.open(run).results if r.codec == "jpeg:quality=20")
        made[name] = [replace(some, bytes=b, divergence=Estimate(far)) for b, far in points]
    assert cheapest(made, 0.2) == Side("a", pytest.approx(100))
    assert cheapest(made, 0.05) == Side("b", pytest.approx(150))  # "b" holds it at its coarsest
    middle = 10 ** ((math.log10(100) + math.log10(400)) / 2)
    far = 10 ** ((math.log10(0.2) + math.log10(0.01)) / 2)
    assert cheapest({"a": made["a"]}, far) == Side("a", pytest.approx(middle))
    assert cheapest(made, 0.0001).curve == ""


def test_the_headline_is_reported_on_other_stretches(run: Path) -> None:
    found = headline(Summary.open(run))
    assert found and found.others
    assert 0 < found.chosen.samples < 2 * FRAMES


def test_the_report_shows_time_and_who_wins(run: Path) -> None:
    page = write_report(run, "jpeg").read_text(encoding="utf-8")
    for words in (
        "Along time",
        "Features or the video itself",
        f"2 clips, {2 * FRAMES} frames",
        "bytes a frame",
        "stretches of clips drawn again",
        "cloud only, H264 4:2:0",
    ):
        assert words in page
    assert "over photos" not in page


def test_stride_length_and_rate_choose_the_frames(plan: Plan, tmp_path: Path) -> None:
    few = plan(codecs=("jpeg",), pictures=(), stride=3, length=3, frame_rate=30.0, limit=1)
    samples = [s for s in Run(few, tmp_path) if s.codec == "jpeg"]
    assert [sample.at for sample in samples] == pytest.approx([0, 0.1, 0.2])
    assert {sample.clip for sample in samples} == {"pan"}
    head, _ = read_run(tmp_path)
    assert head.evaluation.startswith("1 clip, 3 frames at 10 a second")


def test_frames_that_were_calibrated_on_are_refused(
    plan: Plan, clips: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="pan-000001 is a picture of both"):
        Run(plan(calibration=str(clips / "pan")), tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"stride": 2}, "--sequence"), ({"sequence": True, "views": 2}, "one view")],
)
def test_what_goes_with_clips_alone_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError, match=said):
        load_experiment(None, **changes)


def test_the_packaged_experiment_on_clips_sends_the_video_itself() -> None:
    experiment = load_experiment(None, sequence=True)
    assert experiment.data == "moving"
    names = [coding.codec for coding in experiment.cloud_only()]
    for form, chroma in (("hevc", "444"), ("hevc", ""), ("h264", "444"), ("av1", "")):
        assert any(f"format={form}" in name and chroma in name for name in names)
