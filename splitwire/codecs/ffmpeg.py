"""FFmpeg's video encoders and decoders in-process, through PyAV, for frames of one size.

Grey 0–255 is flagged full range: at the default, limited range, clipping would put a floor under
the error that no quality removes.
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from splitwire.codecs.mosaic import Frame
from splitwire.errors import BitstreamError, CodecError

_NEUTRAL = 128  # of colour differences
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
        pixel_format: what it takes: "gray", "yuv420p" or "yuv444p".
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

    def encode(self, *planes: Frame, last: bool = False) -> bytes:
        """The packet of the next frame.

        Args:
            planes: luma, smaller than the size by a missing edge at most; then both planes of
                colour, which stay neutral where they are missing.
            last: whether no frame follows.

        Raises:
            CodecError: FFmpeg refuses the frame or holds it back.
        """
        try:
            with _scheduling_kept():
                packets = self._context.encode(self._picture(planes))
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

    def _picture(self, planes: Sequence[Frame]) -> av.VideoFrame:
        height, width = self._size
        picture = av.VideoFrame(width, height, self._format)
        for plane, samples in zip_longest(picture.planes, planes):
            whole = _samples(plane)
            if samples is None:
                whole[:] = _NEUTRAL
            elif samples.shape == whole.shape:
                whole[:] = samples
            else:
                missing = [(0, n - m) for n, m in zip(whole.shape, samples.shape, strict=True)]
                whole[:] = np.pad(samples, missing, mode="edge")
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
        """The luma of the next packet's frame.

        Raises:
            BitstreamError: the packet is damaged, holds no frame or several, or another size.
        """
        return _samples(self._frame(packet, last).planes[0])

    def decode_colour(self, packet: bytes, pixel_format: str) -> tuple[Frame, Frame, Frame]:
        """The three planes of the next packet's frame.

        Raises:
            BitstreamError: as `decode`, or the frame is of another pixel format.
        """
        frame = self._frame(packet)
        if frame.format.name.replace("yuvj", "yuv") != pixel_format:  # j: of full range
            raise BitstreamError(f"damaged video payload: a frame of {frame.format.name}")
        luma, cb, cr = map(_samples, frame.planes)
        return luma, cb, cr

    def _frame(self, packet: bytes, last: bool = False) -> av.VideoFrame:
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
        frame: av.VideoFrame = frames[0]
        return frame


def _samples(plane: Any) -> Frame:
    """The samples of a plane, where they lie."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    samples: Frame = rows[: plane.height, : plane.width]
    return samples


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
