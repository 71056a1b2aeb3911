"""The C core as WebAssembly, in wasmtime."""

import struct
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from subprocess import run
from sys import executable
from tempfile import mkdtemp

import numpy as np
import wasmtime
from native import ENCODE, ROOT, CoreError, info_of
from numpy.typing import NDArray

from splitwire.codecs.profile import Profile

PAGE = 1 << 16


@lru_cache(1)
def module() -> Path:
    """The module, built on the spot."""
    path = Path(mkdtemp()) / "splitwire.wasm"
    run([executable, ROOT / "tools/build_wasm.py", path], check=True, timeout=600)
    return path


class WasmCore:
    """The core with one profile, or with none, in a memory of its own."""

    def __init__(self, profile: Profile | None = None) -> None:
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        compiled = wasmtime.Module.from_file(engine, str(module()))
        self.exports = wasmtime.Linker(engine).instantiate(self.store, compiled).exports(self.store)
        self.memory = self.exports["memory"]
        self.at = self.exports["__heap_base"].value(self.store)
        self.profile = 0 if profile is None else self._open(profile)
        self.free = self.at

    def call(self, name: str, *arguments: int) -> int:
        return int(self.exports[name](self.store, *arguments)) & 0xFFFFFFFF

    def encode(self, spec: str, x: NDArray[np.float32]) -> bytes:
        encode, stream, length = self.encoding(spec, x)
        self._check(encode())
        return self._read(stream, self._number(length))

    def encoding(self, spec: str, x: NDArray[np.float32]) -> tuple[Callable[[], int], int, int]:
        """What encodes, and where the stream and its length then are."""
        self.at = self.free
        arena, most = self._arena(self.call("sw_room", x.size)), self.call("sw_most_bytes", x.size)
        shape = self._put(struct.pack(f"<{x.ndim}I", *x.shape))
        stream, length = self._take(most), self._take(4)
        given = arena, self._put(spec.encode() + b"\0"), self.profile, self._put(x.tobytes())
        given += x.ndim, shape, stream, most, length
        return (lambda: self.call("sw_encode", *given)), stream, length

    def decode(self, stream: bytes) -> NDArray[np.float32]:
        decode, at = self.decoding(stream)
        self._check(decode())
        info = info_of(stream)
        numbers = np.frombuffer(self._read(at, 4 * info.elements), np.float32)
        return numbers.reshape(info.shape[: info.rank])

    def decoding(self, stream: bytes) -> tuple[Callable[[], int], int]:
        """What decodes, and where the numbers then are."""
        self.at = self.free
        elements = info_of(stream).elements
        arena, y = self._arena(self.call("sw_room", elements)), self._take(4 * elements)
        given = arena, self.profile, self._put(stream), len(stream), y, elements
        return (lambda: self.call("sw_decode", *given)), y

    def _open(self, profile: Profile) -> int:
        path = Path(mkdtemp()) / "profile.safetensors"
        profile.save(path)
        file = path.read_bytes()
        there, made = self._put(file), self._take(4)
        arena = self._arena(self.call("sw_profile_room", there, len(file), ENCODE))
        self._check(self.call("sw_profile_open", arena, there, len(file), ENCODE, made))
        return self._number(made)

    def _take(self, count: int) -> int:
        at = (self.at + 15) // 16 * 16
        self.at = at + count
        missing = self.at - self.memory.data_len(self.store)
        if missing > 0:
            self.memory.grow(self.store, -(-missing // PAGE))
        return at

    def _put(self, data: bytes) -> int:
        at = self._take(len(data))
        self.memory.write(self.store, data, at)
        return at

    def _arena(self, room: int) -> int:
        return self._put(struct.pack("<III", self._take(room), room, 0))

    def _read(self, at: int, count: int) -> bytes:
        return bytes(self.memory.read(self.store, at, at + count))

    def _number(self, at: int) -> int:
        return int(struct.unpack("<I", self._read(at, 4))[0])

    def _check(self, code: int) -> None:
        if code:
            raise CoreError(code)
