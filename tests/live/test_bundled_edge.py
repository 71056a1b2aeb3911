"""An edge that runs a bundle: where torch cannot be imported, beside a cloud that has it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from bundling import COMMAND, bundled, copied
from driving import outcomes, pictures, run
from PIL import Image
from without_torch import without_torch

import splitwire as sw
from splitwire.bundle.opened import Bundle, one_network
from splitwire.data.photos import load_photos
from splitwire.errors import BundleError
from splitwire.live.address import Address
from splitwire.live.drive import Drive
from splitwire.live.expected import expectations
from splitwire.live.record import Record
from splitwire.live.slowing import Slowed
from splitwire.runner.choice import EDGE_ONLY
from splitwire.runner.link import Trace
from splitwire.tasks.classification import Classification


@pytest.fixture(scope="module")
def folders(small: sw.Model, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of a bundle that sends much, and of one that sends little."""
    root = tmp_path_factory.mktemp("bundles")
    much = bundled(small, root / "much", "raw:dtype=float32")
    return [much, copied(much, root / "little", codec="raw:bits=2")]


def right(model: sw.Model, records: dict[str, Record]) -> bool:
    """Whether all predictions are the whole network's."""
    task = Classification.of(model)
    for name, x in pictures(len(records)):
        with torch.inference_mode():
            expected = task.predict(model(torch.from_numpy(x)[None]))
        said = records[name].prediction
        if said["classes"] != expected["classes"]:
            return False
        if said["probabilities"] != pytest.approx(expected["probabilities"], rel=1e-3):
            return False
    return True


def drive(address: str, *bundles: Bundle, **options: object) -> Drive:
    how = {"deadline": 30.0, "in_flight": 4, **options}
    task = Classification.of(bundles[0].halves.model)
    choices = [bundle.shared for bundle in bundles]
    return Drive(Address(address), task, choices, **how)  # type: ignore[arg-type]


def test_the_command_runs_where_there_is_no_torch(
    address: str, folders: list[Path], small: sw.Model, tmp_path: Path
) -> None:
    photos, random = tmp_path / "photos", np.random.default_rng(0)
    photos.mkdir()
    for name in ("a", "b", "c"):
        pixels = random.integers(0, 256, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).resize((48, 40)).save(photos / f"{name}.png")
    edge = ("edge", "--bundle", str(folders[0]), "--connect", address)
    done = without_torch(COMMAND, *edge, "--source", str(photos), "--frames", "6")
    assert done.returncode == 0, done.stderr
    assert "6 answered" in done.stdout
    task = Classification.of(small)
    for photo in load_photos(str(photos)):
        with torch.inference_mode():
            x = torch.from_numpy(small.preprocess.picture(photo.open()))[None]
            best = task.lines(task.predict(small(x)))[0]
        assert done.stdout.count(best) >= 2, (best, done.stdout)


def test_what_only_video_needs_is_asked_for_in_a_line(
    address: str, folders: list[Path], tmp_path: Path
) -> None:
    """Of a bundle whose codec is a video codec, and of an edge that is fed a video."""
    coded = copied(folders[0], tmp_path / "coded", codec="h264:qp=20")
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(8))
    for bundle, source in ((coded, "samples"), (folders[0], str(film))):
        words = ("edge", "--bundle", str(bundle), "--connect", address, "--source", source)
        done = without_torch(COMMAND, *words)
        assert done.returncode == 1
        said = done.stderr.removeprefix("splitwire: ").removeprefix("the codec h264: ")
        assert said == 'av is not installed; run: pip install "splitwire[video]"\n'


def test_every_frame_is_answered_as_the_whole_network_would(
    address: str, folders: list[Path], small: sw.Model
) -> None:
    records = run(drive(address, Bundle(folders[0])), pictures(20))
    assert outcomes(records) == {"answered": 20}
    assert right(small, records)
    for record in records.values():
        assert list(record.seconds) == ["edge", "encode", "link", "decode", "cloud"]


def test_a_whole_answer_is_an_output_of_arrays(
    address: str, folders: list[Path], small: sw.Model
) -> None:
    records = run(drive(address, Bundle(folders[0]), whole=True), pictures(3))
    for name, x in pictures(3):
        with torch.inference_mode():
            expected = small(torch.from_numpy(x)[None]).numpy()
        assert isinstance(records[name].output, np.ndarray)
        np.testing.assert_allclose(records[name].output, expected, atol=1e-4)


def test_a_frame_that_comes_too_late_is_finished_by_the_bundles_own_second_half(
    address: str, folders: list[Path], small: sw.Model
) -> None:
    slow = Slowed(Trace.constant(10e3), 0.0)  # 4 kB take 0.4 s
    records = run(drive(address, Bundle(folders[0]), deadline=0.1, slowed=slow), pictures(5))
    assert outcomes(records) == {"fell back": 5}
    assert right(small, records)


def test_of_several_bundles_the_one_that_fits_the_link_is_chosen(
    address: str, folders: list[Path], small: sw.Model
) -> None:
    """On a link on which the larger packet would take a second."""
    bundles = [Bundle(folder) for folder in folders]
    choices = [bundle.shared for bundle in bundles]

    tried, source = expectations(choices, pictures(4))
    assert [round(seen.bytes, -2) for seen in tried.values()] == [3600, 300]
    slowed = Slowed(Trace.constant(3600.0), 0.0)
    records = run(drive(address, *bundles, totals=tried, slowed=slowed, in_flight=1), source)
    assert records["3"].choice.codec == "raw:bits=2"


def test_what_is_expected_of_a_choice_follows_what_frames_show(folders: list[Path]) -> None:
    bundle = Bundle(folders[0])
    tried, source = expectations([bundle.shared, bundle.edge_only], pictures(2))
    assert [name for name, _ in source] == ["0", "1"]
    shared, alone = tried.values()
    assert (alone.bytes, alone.choice.way) == (0.0, EDGE_ONLY)
    assert alone.seconds(1.0) == alone.fixed == alone.here > 0
    before = shared.there
    times = {"edge": 1.0, "encode": 1.0, "link": 9.0, "decode": 2.0, "cloud": 3.0}
    record = Record(1, 0.0, "", bundle.shared, "answered", None, bytes(100), times, 16.0)
    shared.learn(record)
    alone.learn(record)
    assert shared.there == pytest.approx(0.8 * before + 0.2 * 5.0)
    assert shared.here > 0.4 > alone.here


@pytest.mark.parametrize("change", [{"digest": "0" * 16}, {"task": "embedding"}])
def test_bundles_of_different_networks_are_refused(
    folders: list[Path], tmp_path: Path, change: dict[str, str]
) -> None:
    other = copied(folders[0], tmp_path / "other", **change)
    with pytest.raises(BundleError, match="different networks or tasks"):
        one_network([Bundle(folders[0]), Bundle(other)])


def test_a_folder_without_a_bundle_is_one_line(tmp_path: Path) -> None:
    edge = ("edge", "--connect", "http://127.0.0.1:9", "--bundle", str(tmp_path))
    done = without_torch(COMMAND, *edge)
    assert (done.returncode, done.stdout) == (1, "")
    assert "holds no bundle" in done.stderr
    assert done.stderr.count("\n") == 1
