"""The errors that Splitwire raises on purpose: one base class, one child a subject.

Each message is one line that names what was wrong, what was expected and what to do. The command
line prints it and nothing else; a traceback there is a bug of ours.
"""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The nearest of `names`, as a part of a sentence: " (did you mean 'ftc'?)", or nothing."""
    known = {known.lower(): known for known in names}
    near = get_close_matches(name.lower(), known, n=1)
    return f" (did you mean {known[near[0]]!r}?)" if near else ""


class SplitwireError(Exception):
    """Base of every error below; catch this to catch them all."""


class CodecError(SplitwireError):
    """An unknown codec, a parameter out of its range, or a tensor that a codec cannot take."""


class BitstreamError(SplitwireError):
    """Bytes that are not a stream, or no longer the stream that an encoder wrote."""


class UnknownBaseError(BitstreamError):
    """A sound stream that builds on another, which was not decoded or is no longer remembered."""


class ProfileError(SplitwireError):
    """A profile that is missing, damaged, or not the one that a stream was coded with."""


class ModelError(SplitwireError):
    """An unknown model, weights that are missing or do not fit, or an unknown cut point."""


class TaskError(SplitwireError):
    """An unknown task or metric, or an output that is not what a task expects."""


class DataError(SplitwireError):
    """A data set that is missing or empty, or a file that is not what it should be."""


class ExperimentError(SplitwireError):
    """An experiment description with a wrong key or value, or a run that does not belong to it."""


class RemoteError(SplitwireError):
    """An edge and a cloud, or a cluster, that cannot be reached, trusted or agreed with."""


class StorageError(SplitwireError):
    """A file or a folder that cannot be written, or that another process is writing to."""


class TrainingError(SplitwireError):
    """Training cannot begin, go on, or be exported."""


class BundleError(SplitwireError):
    """A bundle that is damaged, is not what its manifest says, or cannot be made or run."""


class MissingPackageError(SplitwireError, ImportError):
    """A package that is not installed; the message says which extra brings it."""
