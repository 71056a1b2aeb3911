"""Reading and writing the files that a command was given."""

from pathlib import Path

from splitwire.disk import write_whole
from splitwire.errors import DataError


def read(path: Path) -> bytes:
    """What a file holds.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def write(path: Path, data: bytes) -> None:
    """Write a file.

    Raises:
        StorageError: it cannot be written.
    """
    write_whole(path, data)
