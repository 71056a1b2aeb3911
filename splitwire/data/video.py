"""Live pictures: the frames of a video file, or of a camera, of which only the newest counts."""

from collections.abc import Iterator
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from PIL import Image

from splitwire.errors import DataError
from splitwire.extras import explained

CAMERA = "/dev/video"
VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".y4m")


def is_video(source: str) -> bool:
    """Whether a source is a video file or a camera, rather than a folder of pictures."""
    return source.startswith(CAMERA) or Path(source).is_file()


def is_video_file(source: str) -> bool:
    """Whether a source is the file of a video, by its suffix."""
    return Path(source).suffix.lower() in VIDEO_SUFFIXES and Path(source).is_file()


def pyav() -> Any:
    """PyAV, which takes disk and memory that an edge with photos can do without.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        raise explained(error) from error
    return av


def frames(source: str) -> Iterator[tuple[str, Image.Image]]:
    """Name and picture of each frame.

    Args:
        source: a video file, whose every frame is given once; or a V4L2 camera (/dev/video0), of
            which each call gives the newest frame, whatever was missed since the last.

    Raises:
        DataError: it cannot be opened or decoded.
        MissingPackageError: PyAV is not installed.
    """
    pyav()  # rather now than in a thread
    camera = source.startswith(CAMERA)
    decoded = video_frames(source, "v4l2" if camera else None)
    return newest(decoded) if camera else decoded


def video_frames(source: str, form: str | None = None) -> Iterator[tuple[str, Image.Image]]:
    """Every frame in order; `form` is FFmpeg's name of the input device or container."""
    av = pyav()
    try:
        with av.open(source, format=form) as container:
            for number, frame in enumerate(container.decode(video=0)):
                image: Image.Image = frame.to_image()
                yield f"{Path(source).name}-{number:06}", image
    except (av.FFmpegError, OSError, IndexError) as error:
        raise DataError(f"cannot read pictures from {source}: {error}") from error


def newest(decoded: Iterator[tuple[str, Image.Image]]) -> Iterator[tuple[str, Image.Image]]:
    """The latest of what a thread reads all the time, so that nothing old waits in a buffer."""
    news = Condition()
    seen: list[Any] = []  # the newest frame; then, at the end, None or the error

    def read() -> None:
        last: Exception | None = None
        try:
            for frame in decoded:
                with news:
                    seen[:] = [frame]
                    news.notify()
        except DataError as error:
            last = error
        with news:
            seen.append(last)
            news.notify()

    Thread(target=read, daemon=True).start()
    while True:
        with news:
            news.wait_for(lambda: seen)
            taken = seen.pop(0)
        if isinstance(taken, Exception):
            raise taken
        if taken is None:
            return
        yield taken
