"""Reading and writing the files that a command was given."""

from pathlib import Path

from splitwire.disk import write_whole
from splitwire.errors import DataError, did_you_mean


def read(path: Path) -> bytes:
    """What a file holds.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        around = path.parent.glob("*") if not path.exists() else ()
        hint = did_you_mean(path.name, [p.name for p in around]) or "; name a file that is there"
        raise DataError(f"cannot read {path}: {error.strerror}{hint}") from error


def write(path: Path, data: bytes) -> None:
    """Write a file.

    Raises:
        StorageError: it cannot be written.
    """
    write_whole(path, data)
