"""What a user's own file holds: `path/to/file.py:NAME`, for networks, tasks and metrics."""

import importlib.util
import sys
from pathlib import Path

from splitwire.errors import SplitwireError, did_you_mean


def is_userfile(name: str) -> bool:
    """Whether a name means something in a file, and nothing that is registered."""
    return ".py:" in name


def load(name: str, error: type[SplitwireError]) -> object:
    """What `path/to/file.py:NAME` names, after the file was run.

    Args:
        name: the path, a colon, and a name that the file defines.
        error: raised when the file is missing or fails, or does not define that name.
    """
    path, _, attribute = name.rpartition(":")
    if not path:
        raise error(f"{name!r} names no file: give the path of your own, as FILE.py:NAME")
    module = _run(Path(path), error)
    if not hasattr(module, attribute):
        names = [name for name in vars(module) if not name.startswith("_")]
        hint = did_you_mean(attribute, names) or "; name what it defines"
        raise error(f"{path} defines no {attribute!r}{hint}")
    return getattr(module, attribute)


def _run(path: Path, kind: type[SplitwireError]) -> object:
    if not path.is_file():
        raise kind(f"there is no file {path}: give the path of your own, as FILE.py:NAME")
    spec = importlib.util.spec_from_file_location(f"splitwire_user_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # a name that ends in .py has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise kind(f"{path} failed: {type(error).__name__}: {first[:160]}: mend it") from error
    return module
