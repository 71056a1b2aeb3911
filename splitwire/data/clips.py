"""Clips, for codecs that predict over time: video files, folders of frames, moving photos."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image

from splitwire.data.moving import MOVING, MOVING_RATE, moving_photos
from splitwire.data.photos import Photo
from splitwire.data.pictures import suffixes
from splitwire.data.video import VIDEO_SUFFIXES, pyav, video_frames
from splitwire.errors import DataError

FOLDER_RATE = 25.0
"""Frames a second of a folder of pictures, which does not say."""


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames in order.

    Attributes:
        name: its path within the data set.
        rate: frames a second.
        read: gives every frame, in RGB, from the first.
    """

    name: str
    rate: float
    read: Callable[[], Iterator[Image.Image]]

    def frames(self, stride: int = 1, length: int | None = None) -> Iterator[Image.Image]:
        """Every so many-th frame, at most so many of them.

        Raises:
            DataError: it cannot be read.
        """
        stop = None if length is None else stride * (length - 1) + 1
        return islice(self.read(), 0, stop, stride)


def load_clips(data: str) -> list[Clip]:
    """The clips of a data set, sorted by name.

    Args:
        data: "moving", which is packaged; a video file; or a folder of video files, of frames, or
            of folders of frames. Frames go in the order of their names.

    Raises:
        DataError: there is nothing of that, or a file is no video.
    """
    path = Path(data)
    if data == MOVING:
        return [Clip(made.name, MOVING_RATE, made.frames) for made in moving_photos()]
    if path.is_file():
        return [_video(path, path.name)]
    if not path.is_dir():
        raise DataError(f"{data} is no clip: give {MOVING!r}, a video file, or a folder of frames")
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
    folders = [path, *sorted(p for p in path.iterdir() if p.is_dir())]
    clips = [_video(p, p.name) for p in files] or [
        _folder(folder, pictures) for folder in folders if (pictures := _pictures(folder))
    ]
    if not clips:
        raise DataError(f"{data} holds no clip: no video file, and no folder of frames")
    return clips


def _video(path: Path, name: str) -> Clip:
    av = pyav()
    try:
        with av.open(str(path)) as container:
            rate = container.streams.video[0].average_rate
    except (av.FFmpegError, OSError, IndexError) as error:
        raise DataError(f"{path} is no video that can be read: {error}") from error

    def read() -> Iterator[Image.Image]:
        return (picture for _, picture in video_frames(str(path)))

    return Clip(name, float(rate or FOLDER_RATE), read)


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes() and p.is_file())


def _folder(folder: Path, pictures: list[Path]) -> Clip:
    def read() -> Iterator[Image.Image]:
        return (Photo(path.name, path).open() for path in pictures)

    return Clip(folder.name, FOLDER_RATE, read)
