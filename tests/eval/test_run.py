"""Runs of lite0 on two of the sample photos: what they write, and how they go on."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL import features as pillow_features
from small_runs import Plan

import splitwire as sw
from splitwire.codecs import registry
from splitwire.codecs.base import Tensor
from splitwire.data.photos import load_photos
from splitwire.errors import DataError, ModelError, TaskError
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run
from splitwire.eval.samples import SAMPLES, Sample, Time, read_run, rows
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED
from splitwire.runner.local import COMPUTED


def by_codec(samples: list[Sample]) -> dict[str, Sample]:
    return {sample.codec: sample for sample in samples}


def test_every_photo_goes_through_the_baselines_and_every_codec(whole: Path) -> None:
    head, samples = read_run(whole)
    assert Counter(s.choice for s in samples) == {
        (EDGE_ONLY, "", ""): 2,
        (CLOUD_ONLY, "", "picture:format=png"): 2,
        (CLOUD_ONLY, "", "picture:format=jpeg"): 2,
        (SHARED, "blocks.3", "raw:dtype=float32"): 2,
        (SHARED, "blocks.3", "raw:bits=8"): 2,
        (SHARED, "blocks.3", "raw:bits=4"): 2,
        (SHARED, "blocks.3", "jpeg"): 2,
    }
    assert not any(s.error for s in samples)
    assert head.experiment.limit == 2 and head.edge.name == head.cloud.name == "this"
    assert head.model.picture == 3 * 224 * 224
    assert head.model.points[0].name == "input" and head.model.points[-1].name == "output"
    assert head.evaluation.startswith("2 pictures (2 labelled)")


def test_what_is_sent_whole_comes_to_no_divergence_at_all(whole: Path) -> None:
    _, samples = read_run(whole)
    for sample in samples:
        if sample.codec in ("", "picture:format=png", "raw:dtype=float32"):
            assert sample.divergence == pytest.approx(0, abs=1e-9)  # rounding of a batch
            assert sample.metrics["agree"] == 1.0
        else:
            assert sample.divergence is not None
            assert 0 < sample.divergence < 1


def test_eight_bits_at_blocks_3_cost_a_byte_an_element_and_diverge_by_less_than_a_hundredth(
    whole: Path,
) -> None:
    _, samples = read_run(whole)
    eight = [sample for sample in samples if sample.codec == "raw:bits=8"]
    for sample in eight:
        assert sample.elements == 15_680
        assert 15_680 < sample.bytes <= 15_680 + 24 + 8
        assert sample.divergence is not None
        assert sample.divergence < 0.01


def test_stages_are_timed_and_links_follow_from_the_bytes(whole: Path) -> None:
    _, samples = read_run(whole)
    times = [row for row in rows(whole) if isinstance(row, Time)]
    assert len(times) == len({(t.photo, t.choice) for t in times}) == 14
    for time in times:
        if time.way == EDGE_ONLY:
            assert time.edge is not None and time.edge > 0
            assert time.encode == time.decode == time.cloud == 0
        else:
            assert all(getattr(time, stage) > 0 for stage in COMPUTED)
    for sample in samples:
        if sample.way == EDGE_ONLY:
            assert (sample.bytes, sample.elements, sample.link) == (0, 0, {})
        else:
            assert sample.link["slow"] == pytest.approx(0.01 + sample.bytes / 1e5)


def test_a_link_that_loses_takes_longer_and_loses_no_packet(whole: Path) -> None:
    _, samples = read_run(whole)
    waits = [s.link["lossy"] - s.bytes / 1e5 for s in samples if s.bytes]
    assert min(waits) > -1e-9 and max(waits) > 0.01


def test_the_first_picture_s_features_are_kept_for_the_report(whole: Path) -> None:
    assert np.load(whole / "features" / "blocks.3.npy").shape == (80, 14, 14)
    with Image.open(whole / "picture.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (224, 224))


def test_samples_carry_what_the_task_says(whole: Path) -> None:
    sample = read_run(whole)[1][0]
    assert list(sample.metrics) == ["agree", "top1", "top5"]
    assert sample.prediction["names"][0] == "bull mastiff"
    assert len(sample.prediction["classes"]) == len(sample.prediction["probabilities"]) == 5


def test_a_run_opens_in_pandas_as_it_is(whole: Path) -> None:
    frame = pd.read_json(whole / SAMPLES, lines=True)
    samples = frame[frame.kind == "sample"]
    assert len(samples) == 14
    assert samples.groupby("codec").bytes.mean()["raw:bits=8"] > 15_680


def test_calibrating_on_the_pictures_of_the_evaluation_is_refused(
    tiny: Plan, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="a picture of both calibration and evaluation"):
        Run(tiny(calibration="samples"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_picture_format_that_is_not_there_is_left_out(
    tiny: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pillow_features, "check", lambda name: name != "avif")
    pictures = ["picture:format=jpeg,quality=50+90", "picture:format=avif,quality=50+90"]
    run = Run(tiny(pictures=pictures), tmp_path / "run")
    assert run.missing == {"picture:format=avif": "AVIF in Pillow"}
    assert {curve for curve in run.curves.values() if "picture" in curve} == {"picture:format=jpeg"}


def test_a_cut_point_that_there_is_not_is_refused(plan: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no cut point 'block\.3' .did you mean .*blocks\.3"):
        Run(load_experiment(plan, splits=["block.3"]), tmp_path / "run")


@pytest.fixture
def picky() -> Iterator[None]:
    """A codec, registered for a test, that fails for one picture and one way of decoding."""

    @sw.register_codec
    class Picky(sw.Codec):
        """Fails where the first number is not one that it has seen first."""

        name: ClassVar[str] = "picky"
        fails: str = sw.parameter("encode", "which half fails", choices=("encode", "decode"))
        first: ClassVar[list[float]] = []

        def _encode(self, x: Tensor) -> bytes:
            self.first[:] = self.first or [float(x.flat[0])]
            if self.fails == "encode" and x.flat[0] != self.first[0]:
                raise ZeroDivisionError("not that one")
            return x.tobytes()

        def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
            x = np.frombuffer(payload, np.float32).reshape(shape).copy()
            return x if x.flat[0] == self.first[0] else x * np.float32(np.nan)

    yield
    del registry._registered["picky"]


@pytest.mark.usefixtures("picky")
def test_a_codec_that_fails_on_a_picture_is_a_row_that_says_so(tiny: Plan, tmp_path: Path) -> None:
    run = Run(tiny(limit=2, codecs=("picky:fails=encode+decode", "png")), tmp_path)
    samples = [sample for sample in run if sample.split == "2"]
    assert len(samples) == 8
    errors = {(s.photo, s.codec): s.error for s in samples if s.error}
    second = load_photos("samples", 2)[1].name
    assert errors == {
        (second, "picky:fails=encode"): "ZeroDivisionError: not that one",
        (second, "picky:fails=decode"): "TaskError: the network's output holds NaN",
    }
    failed = next(s for s in samples if s.error)
    assert (failed.bytes, failed.divergence, failed.prediction) == (0, None, {})
    assert read_run(tmp_path)[1][-1] == samples[-1]


def test_codecs_that_need_a_profile_learn_it_from_the_calibration_pictures(
    tiny: Plan, tmp_path: Path
) -> None:
    run = Run(tiny(codecs=("raw:clip=profile,bits=8+6", "png")), tmp_path)
    eight, six = (choice.codecs[0] for choice in run.curves if "profile" in choice.codec)
    assert eight.profile is not None
    assert eight.profile == six.profile
    samples = by_codec(list(run))
    assert samples["raw:clip=profile,bits=8"].error is None
    assert samples["raw:clip=profile,bits=8"].divergence == pytest.approx(0, abs=0.05)
    head, _ = read_run(tmp_path)
    assert "scikit-image" in head.calibration
    (learnt,) = head.profiles.values()
    assert learnt and (learnt.split, learnt.data, learnt.crops) == ("2", ("scikit-image",), 200)


def test_several_crossing_tensors_travel_in_one_packet(
    lite0: sw.Model, tiny: Plan, tmp_path: Path
) -> None:
    point = next(p for p in sw.cut_points(lite0) if len(p.crossings) > 1)
    codecs = ("raw:bits=8", "raw:clip=profile,bits=8")
    plan = tiny(model="lite0", splits=(point.name,), codecs=codecs)
    samples = by_codec(list(Run(plan, tmp_path)))
    for spec in codecs:
        assert samples[spec].error is None
        assert samples[spec].elements == point.elements
        assert point.elements < samples[spec].bytes < point.elements + 40 * len(point.crossings)
        assert sum(samples[spec].streams) < samples[spec].bytes
        assert min(np.subtract(samples[spec].streams, [c.elements for c in point.crossings])) > 0
    assert samples["raw:dtype=float32"].divergence == pytest.approx(0, abs=1e-9)
    page = sw.write_report(tmp_path).read_text(encoding="utf-8")
    assert " + ".join(f"{n:,}" for n in samples["raw:bits=8"].streams) in page


def test_what_is_named_twice_is_measured_once(tiny: Plan, tmp_path: Path) -> None:
    once = {"pictures": ("picture:format=png",), "codecs": ("picture:format=png", "png")}
    run = Run(tiny(splits=("2", "input", "2"), **once), tmp_path)
    samples = list(run)
    assert len(samples) == run.total
    assert max(Counter(sample.key for sample in samples).values()) == 1
    refused = next(s for s in samples if s.split == "2" and s.curve.startswith("picture"))
    assert refused.error is not None
    assert refused.error.startswith("CodecError: picture cannot code a tensor of shape (8, 7, 7)")


def test_views_of_a_photo_are_samples_of_their_own(tiny: Plan, tmp_path: Path) -> None:
    samples = list(Run(tiny(views=3), tmp_path))
    assert [s.view for s in samples if s.way == EDGE_ONLY] == [0, 1, 2]
    assert len({s.photo for s in samples}) == 1


def test_an_unlabelled_folder_is_scored_on_fidelity_alone(tiny: Plan, tmp_path: Path) -> None:
    photo = load_photos("samples", 1)[0]
    photo.open().save(tmp_path / "mine.png")
    samples = list(Run(tiny(data=str(tmp_path)), tmp_path / "run"))
    assert {s.photo for s in samples} == {"mine.png"}
    assert all(s.metrics == {"agree": 1.0} for s in samples)


def test_a_network_that_is_no_classifier_is_refused(tiny: Plan, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"1×classes, and not Tensor 1×2×15×15: name the task that"):
        list(Run(tiny("dense", splits=("output",)), tmp_path / "run"))


def test_a_label_beyond_the_network_s_classes_is_refused_before_the_run(
    tiny: Plan, tmp_path: Path
) -> None:
    for name in ("3", "1500"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.new("RGB", (40, 40)).save(tmp_path / "data" / name / "a.png")
    with pytest.raises(DataError, match=r"data/1500: the label .* index 1,500, .* 10 classes"):
        Run(tiny(data=str(tmp_path / "data"), limit=None), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_network_that_is_no_classifier_is_refused_before_the_run(
    tiny: Plan, tmp_path: Path
) -> None:
    with pytest.raises(TaskError, match="as a regressor does: name the task that fits"):
        Run(tiny("single"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_packaged_photos_have_no_labels_for_a_network_of_other_classes(
    tiny: Plan, tmp_path: Path
) -> None:
    (sample, *_) = [s for s in Run(tiny(), tmp_path / "run") if s.way == EDGE_ONLY]
    assert "top1" not in sample.metrics and sample.metrics["agree"] == 1
    assert "1 pictures (0 labelled)" in read_run(tmp_path / "run")[0].evaluation
