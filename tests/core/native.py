"""The C core through a shared library that is built on the spot."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.profile import Profile

ROOT = Path(__file__).parents[2]
INCLUDES = [f"-I{ROOT / folder}" for folder in ("include", "core", "splitwire/kernels")]
FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", *INCLUDES]
SOURCE = ROOT / "core/splitwire.c"
DECODE, ENCODE = 0, 1


class CoreError(Exception):
    """What the core returned, if not SW_OK; `code` is the number."""

    def __init__(self, code: int) -> None:
        super().__init__(library().sw_error(code).decode())
        self.code = code


class Arena(ctypes.Structure):
    _fields_ = (("memory", ctypes.c_void_p), ("size", ctypes.c_size_t), ("used", ctypes.c_size_t))


class Info(ctypes.Structure):
    _fields_ = (
        ("spec", ctypes.c_char * 256),
        ("rank", ctypes.c_int),
        ("shape", ctypes.c_uint32 * 8),
        ("elements", ctypes.c_size_t),
        ("has_digest", ctypes.c_int),
        ("digest", ctypes.c_uint8 * 8),
    )


def compiler() -> str:
    """The C compiler; without one these tests fail rather than pass unseen."""
    found = shutil.which("cc") or shutil.which("gcc")
    assert found, "the tests of the C core need a C compiler"
    return found


@lru_cache(1)
def built() -> Path:
    path = Path(mkdtemp()) / "libsplitwire.so"
    flags = [*FLAGS, "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"]
    subprocess.run([compiler(), *flags, SOURCE, "-o", path], check=True, timeout=300)
    return path


@lru_cache(1)
def library() -> ctypes.CDLL:
    made = ctypes.CDLL(str(built()))
    made.sw_error.restype = ctypes.c_char_p
    for name in ("sw_room", "sw_most_bytes", "sw_profile_room"):
        getattr(made, name).restype = ctypes.c_size_t
    return made


def check(code: int) -> None:
    if code:
        raise CoreError(code)


def arena_of(size: int) -> tuple[Arena, object]:
    memory = np.empty(size, np.uint8)
    return Arena(memory.ctypes.data, size, 0), memory


class Core:
    """The core with one profile, or with none."""

    def __init__(self, profile: Path | Profile | None = None, use: int = ENCODE) -> None:
        self.profile, self.held = ctypes.c_void_p(), None
        if isinstance(profile, Profile):
            path = Path(mkdtemp()) / "profile.safetensors"
            profile.save(path)
            profile = path
        if profile is not None:
            self.open(profile.read_bytes(), use)

    def open(self, file: bytes, use: int = ENCODE, room: int | None = None) -> None:
        size = ctypes.c_size_t(len(file))
        if room is None:
            room = library().sw_profile_room(file, size, use)
        arena, self.held = arena_of(room or 1)
        check(
            library().sw_profile_open(
                ctypes.byref(arena), file, size, use, ctypes.byref(self.profile)
            )
        )

    def encode(self, spec: str, x: NDArray[np.float32], room: int | None = None) -> bytes:
        encode, stream, length = self.encoding(spec, x, room)
        check(encode())
        return stream.raw[: length.value]

    def encoding(
        self, spec: str, x: NDArray[np.float32], room: int | None = None
    ) -> tuple[Callable[[], int], Any, Any]:
        """What encodes, and where the stream and its length then are."""
        x = np.ascontiguousarray(x, np.float32)
        arena, memory = arena_of(library().sw_room(ctypes.c_size_t(x.size)))
        most = library().sw_most_bytes(ctypes.c_size_t(x.size)) if room is None else room
        stream, length = ctypes.create_string_buffer(most), ctypes.c_size_t()
        given = (
            ctypes.byref(arena), spec.encode(), self.profile, ctypes.c_void_p(x.ctypes.data),
            x.ndim, (ctypes.c_uint32 * x.ndim)(*x.shape), stream, ctypes.c_size_t(most),
            ctypes.byref(length),
        )  # fmt: skip
        return _Call(library().sw_encode, given, (x, memory, self)), stream, length

    def decode(self, stream: bytes) -> NDArray[np.float32]:
        decode, y = self.decoding(stream)
        check(decode())
        return y

    def decoding(self, stream: bytes) -> tuple[Callable[[], int], NDArray[np.float32]]:
        """What decodes, and where the numbers then are."""
        info = info_of(stream)
        y = np.empty(tuple(info.shape[: info.rank]), np.float32)
        arena, memory = arena_of(library().sw_room(ctypes.c_size_t(y.size)))
        given = (
            ctypes.byref(arena), self.profile, stream, ctypes.c_size_t(len(stream)),
            ctypes.c_void_p(y.ctypes.data), ctypes.c_size_t(y.size),
        )  # fmt: skip
        return _Call(library().sw_decode, given, (y, memory, self)), y


@dataclass
class _Call:
    """A call that can be made again, with all that it points to."""

    function: Any
    given: tuple[Any, ...]
    held: tuple[Any, ...]

    def __call__(self) -> int:
        return int(self.function(*self.given))


def info_of(stream: bytes) -> Info:
    info = Info()
    check(library().sw_stream_info(stream, ctypes.c_size_t(len(stream)), ctypes.byref(info)))
    return info
