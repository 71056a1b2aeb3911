"""Clips: video files, folders of frames, moving photos."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from splitwire.data.clips import load_clips
from splitwire.data.moving import MovingPhoto
from splitwire.data.photos import find_photos
from splitwire.errors import DataError


def film(path: Path, frames: int = 7, rate: int = 30) -> Path:
    """A clip whose frames get lighter, 20 grey levels each."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(rate))
        stream.width, stream.height, stream.bit_rate = 64, 48, 2_000_000
        for at in range(frames):
            grey = np.full((48, 64, 3), 40 + 20 * at, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode())
    return path


def levels(frames: list[Image.Image]) -> list[int]:
    return [round((float(np.asarray(frame).mean()) - 40) / 20) for frame in frames]


def test_a_video_file_is_a_clip_of_its_rate(tmp_path: Path) -> None:
    (clip,) = load_clips(str(film(tmp_path / "a.mp4")))
    assert (clip.name, clip.rate) == ("a.mp4", 30)
    assert levels(list(clip.frames())) == list(range(7))
    assert levels(list(clip.frames(stride=3))) == [0, 3, 6]
    assert levels(list(clip.frames(stride=2, length=2))) == [0, 2]
    assert levels(list(clip.frames(length=100))) == list(range(7))


def test_a_folder_is_clips_or_a_clip_or_folders_of_frames(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for name in ("b.mp4", "a.mkv"):
        film(tmp_path / "films" / name)
    assert [clip.name for clip in load_clips(str(tmp_path / "films"))] == ["a.mkv", "b.mp4"]
    for folder in ("all/x", "all/y"):
        (tmp_path / folder).mkdir(parents=True)
        for at in (2, 0, 1):
            picture = Image.new("RGB", (8, 8), (40 + 20 * at,) * 3)
            picture.save(tmp_path / folder / f"{at:03}.png")
    clips = load_clips(str(tmp_path / "all"))
    assert [clip.name for clip in clips] == ["x", "y"]
    (one,) = load_clips(str(tmp_path / "all" / "x"))
    for clip in (*clips, one):
        assert levels(list(clip.frames())) == [0, 1, 2]


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    for data, said in (
        (tmp_path, "holds no clip"),
        (tmp_path / "none", "is no clip"),
        (tmp_path / "notes.txt", "is no video"),
    ):
        with pytest.raises(DataError, match=said):
            load_clips(str(data))


def test_moving_photos_repeat_to_the_bit_and_move() -> None:
    first, again = (
        [np.asarray(frame) for frame in load_clips("moving")[1].frames(stride=10, length=3)]
        for _ in range(2)
    )
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert np.abs(first[0].astype(int) - first[1]).mean() > 10


@pytest.mark.parametrize("motion", ["pan", "zoom", "still"])
def test_a_window_stays_within_the_photo(motion: str) -> None:
    made = MovingPhoto(find_photos("samples")[0], motion)  # type: ignore[arg-type]
    boxes = [made._window(at, 640, 480) for at in range(240)]
    assert all(0 <= left < right <= 640 for left, _, right, _ in boxes)
    assert all(0 <= top < bottom <= 480 for _, top, _, bottom in boxes)
    assert (len(set(boxes)) == 1) == (motion == "still")
