"""FFmpeg's video encoders and decoders in-process, through PyAV, for grey frames of one size.

Grey 0–255 is flagged full range: at the default, limited range, clipping would put a floor under
the error that no quality removes.
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from splitwire.codecs.mosaic import Frame
from splitwire.errors import BitstreamError, CodecError

LARGEST_BLOCK = 64  # coding tree unit of HEVC, superblock of AV1 at these sizes


def has_decoder(name: str) -> bool:
    """Whether the FFmpeg that is installed has a decoder of that name."""
    try:
        av.Codec(name, "r")
    except (av.FFmpegError, ValueError):
        return False
    return True


class FrameEncoder:
    """One of FFmpeg's encoders.

    Args:
        name: FFmpeg's name of it.
        size: height and width of the frames.
        pixel_format: what it takes: "gray", or "yuv420p", whose colour planes stay neutral.
        options: of the encoder.
    """

    def __init__(
        self, name: str, size: tuple[int, int], pixel_format: str, options: Mapping[str, str]
    ) -> None:
        self._name, self._size, self._format = name, size, pixel_format
        context: Any = av.CodecContext.create(name, "w")
        context.height, context.width = size
        context.pix_fmt = pixel_format
        context.color_range = ColorRange.JPEG
        context.time_base = Fraction(1, 25)
        context.framerate = Fraction(25, 1)
        context.thread_count = 1
        context.options = dict(options)
        self._context = context
        self._count = 0

    def encode(self, frame: Frame, last: bool = False) -> bytes:
        """The packet of the next frame, which is smaller than the size by its missing edge at most.

        Raises:
            CodecError: FFmpeg refuses the frame or holds it back.
        """
        try:
            with _scheduling_kept():
                packets = self._context.encode(self._picture(frame))
                if last:
                    packets += self._context.encode(None)
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(
                f"{self._name} cannot code a frame of {self._size}: {error}"
            ) from error
        data = b"".join(bytes(packet) for packet in packets)
        if not data:
            raise CodecError(f"{self._name} held a frame back")
        return data

    def _picture(self, frame: Frame) -> av.VideoFrame:
        height, width = self._size
        if frame.shape != self._size:
            missing = ((0, height - frame.shape[0]), (0, width - frame.shape[1]))
            frame = np.pad(frame, missing, mode="edge")
        if self._format == "yuv420p":
            frame = np.concatenate((frame, np.full((height // 2, width), 128, np.uint8)))
        picture = av.VideoFrame.from_ndarray(frame, format=self._format)
        picture.color_range = ColorRange.JPEG
        picture.pts = self._count
        self._count += 1
        return picture


class FrameDecoder:
    """One of FFmpeg's decoders, for frames of one size and no others.

    Args:
        name: FFmpeg's name of it.
        size: height and width of the frames.
    """

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        self._size = size
        context: Any = av.CodecContext.create(name, "r")
        context.thread_count = 1
        # A frame larger than expected is refused before it is allocated (FFmpeg counts whole blocks
        # of 64), and what is damaged is not concealed.
        most = math.prod(-(-n // LARGEST_BLOCK) * LARGEST_BLOCK for n in size)
        context.options = {"max_pixels": str(most), "err_detect": "explode"}
        context.flags |= av.codec.context.Flags.low_delay
        self._context = context

    def decode(self, packet: bytes, last: bool = False) -> Frame:
        """The frame of the next packet.

        Raises:
            BitstreamError: the packet is damaged, holds no frame or several, or another size.
        """
        try:
            frames = self._context.decode(av.Packet(packet))
            if last:
                frames += self._context.decode(None)
        except (av.FFmpegError, ValueError, EOFError) as error:
            raise BitstreamError(f"damaged video payload: {error}") from error
        if len(frames) != 1 or frames[0].is_corrupt:
            raise BitstreamError("damaged video payload: no single whole frame")
        if (frames[0].height, frames[0].width) != self._size:
            raise BitstreamError("damaged video payload: a frame of another size")
        if frames[0].format.components[0].bits != 8:
            raise BitstreamError("damaged video payload: samples of another depth")
        plane = frames[0].planes[0]
        height, width = self._size
        return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, :width]


@contextmanager
def _scheduling_kept() -> Iterator[None]:
    """Give back the way that threads are scheduled, once the encoder has run.

    SVT-AV1 run by root makes its threads real-time, and the one that calls it for good: it and all
    processes that it starts afterwards then stop every other on that core, and their times lie.
    """
    if not hasattr(os, "sched_getscheduler"):  # Linux alone
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != before[0]:
            for thread in Path("/proc/self/task").iterdir():
                with suppress(ProcessLookupError):  # it ended meanwhile
                    os.sched_setscheduler(int(thread.name), *before)
