"""Writing so that no kill and no full disk leaves half a file, and no two processes one folder.

What cannot be written is a `StorageError` that names the path and the system's reason.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakValueDictionary

from splitwire.errors import StorageError

try:
    import fcntl
except ImportError:  # Windows, where nothing keeps a second process out
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Makes what the system says of a file an error that names it."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if isinstance(error, FileNotFoundError) and not path.parent.exists():
            why = f"there is no folder {path.parent}; make it first"
        if isinstance(error, FileExistsError):  # where a folder was to be made
            why = "it is a file; name a folder"
        raise StorageError(f"cannot write {path}: {why}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one go: whatever happens, it holds what it held before, or all of `data`.

    Raises:
        StorageError: it cannot be written.
    """
    with writing(path):
        target = path.resolve()  # of a link, what it leads to is written
        fresh = target.with_name(f"{target.name}.new")
        if target.exists() and not target.is_file():  # such as /dev/null, which stays what it is
            target.write_bytes(data)
            return
        try:
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # or a power cut could leave the new name of no bytes
            fresh.replace(target)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            raise


class Lines:
    """A file that grows line by line; a last line that a kill cut short is dropped at opening.

    Args:
        path: of the file; made if it is not there.

    Raises:
        StorageError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("ab", buffering=0)
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)

    def add(self, line: str) -> None:
        """Write a line, given with its end.

        Raises:
            StorageError: it cannot be written, or the file is no longer where it was.
        """
        data = memoryview(line.encode())
        with writing(self._path):
            while data:
                data = data[self._file.write(data) :]
            if not os.path.samestat(self._path.stat(), os.fstat(self._file.fileno())):
                raise StorageError(f"cannot write {self._path}: another file took its place")

    def close(self) -> None:
        """Add no more."""
        self._file.close()


class Lock:
    """A folder that no other process writes to while this is alive; made by `lock`."""

    def __init__(self, file: int) -> None:
        self._file = file

    def __del__(self) -> None:
        os.close(self._file)


_held: "WeakValueDictionary[tuple[int, int], Lock]" = WeakValueDictionary()


def lock(folder: Path) -> Lock:
    """Keep other processes out of a folder, for as long as what this gives is alive.

    The system lets go of it when the process ends, however it does. Within a process it is one and
    the same: what failed there may be begun again, whoever still looks at the error.

    Args:
        folder: made if it is not there.

    Raises:
        StorageError: it cannot be written to, or another process does so already.
    """
    if folder.is_file():
        raise StorageError(f"cannot write to {folder}, which is a file: name a folder")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        key = (os.fstat(file).st_dev, os.fstat(file).st_ino)
        made = Lock(file)
        if key in _held:
            return _held[key]
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode()
            raise StorageError(
                f"cannot write to {folder}: process {holder} is writing to it; "
                "wait for its end, or name another folder"
            ) from None
        os.truncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        return _held.setdefault(key, made)
