"""The profiles that come with the package: for splits of the default network, by their weights."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile
from splitwire.errors import ProfileError

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


def with_shipped_profile(codec: Codec, model: str, digest: str, split: str) -> Codec:
    """The codec with the packaged profile, where it needs one.

    Raises:
        ProfileError: it needs one and there is none.
    """
    if not isinstance(codec, CalibratedCodec) or not codec.needs_profile:
        return codec
    shared = codec.shares_profile
    profile = shipped_profile(codec.name, model, digest, split) if shared else None
    if profile is None:
        command = "train" if codec.trained else "calibrate"
        raise ProfileError(
            f"{codec.spec} has no packaged profile for {model} at {split}: "
            f"make one with `splitwire {command}` and add profile=PATH to its spec"
        )
    return replace(codec, profile=profile)


def shipped_profiles() -> dict[str, Profile]:
    """Every packaged profile, by digest."""
    profiles = map(Profile.load, sorted(_FOLDER.glob("*/*.profile")))
    return {profile.digest: profile for profile in profiles}


def shipped_path(codec: str, model: str, split: str) -> Path:
    """Where such a profile stands, or would."""
    return _FOLDER / quote(model, safe="") / f"{quote(split, safe='')}-{codec}.profile"
