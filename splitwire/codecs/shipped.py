"""The profiles that come with the package: for splits of the default network, by their weights."""

from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from splitwire.codecs.profile import Profile

_FOLDER = Path(str(files("splitwire"))) / "profiles"


def shipped_profile(codec: str, model: str, digest: str, split: str) -> Profile | None:
    """The packaged profile of a codec for one split of a network, or None.

    Args:
        codec: its name.
        model: the network's name.
        digest: that of the network and its weights (`Model.digest`); a profile learnt on others
            is not given.
        split: where it is cut, as `splitwire.split` takes it.
    """
    path = shipped_path(codec, model, split)
    if not path.is_file():
        return None
    profile = Profile.load(path)
    return profile if profile.about.get("weights") == digest else None


def shipped_path(codec: str, model: str, split: str) -> Path:
    """Where such a profile stands, or would."""
    return _FOLDER / quote(model, safe="") / f"{quote(split, safe='')}-{codec}.profile"
