"""Where codecs are found by name: the built-in ones, and those of other distributions.

A distribution adds codecs by an entry point in the group `splitwire.codecs` that names the class
or its module; a script adds one with `@splitwire.register_codec`.
"""

import re
import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

from splitwire.codecs import bitstream, parameter
from splitwire.codecs.base import Codec, Tensor, check_alone
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile
from splitwire.codecs.spec import Spec
from splitwire.errors import BitstreamError, CodecError, MissingPackageError, did_you_mean
from splitwire.extras import explained

BUILTIN = (
    *("raw", "rans", "ecsq", "ftc", "learned"),
    *("png", "jpeg", "h264", "hevc", "av1"),
    *("picture", "film", "compressai"),
)
ENTRY_POINTS = "splitwire.codecs"

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_registered: dict[str, type[Codec]] = {}

C = TypeVar("C", bound=Codec)


@dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(parameter.parameter,)
)
def register_codec(cls: type[C]) -> type[C]:
    """Class decorator: make the class a frozen dataclass and its codec known by its `name`.

    Raises:
        CodecError: the name is missing, malformed, or taken by another class; a method is missing;
            a field is no `splitwire.parameter`.
    """
    if hasattr(cls, "state_dict"):
        raise CodecError(
            f"{cls.__qualname__} is a network itself: a codec is a frozen dataclass, so let it "
            "hold the network, `net = ...` in the class without a type"
        )
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CodecError(
            f"{cls.__qualname__}.name must be 1 to 32 lower-case letters, digits and hyphens, "
            f"not {name!r}"
        )
    if name in BUILTIN:
        _load(name)  # whose the name is, loaded or not
    taken = _registered.get(name)
    if taken is not None and (taken.__module__, taken.__qualname__) != (
        cls.__module__,
        cls.__qualname__,
    ):
        raise CodecError(
            f"the name {name!r} is taken by {taken.__module__}.{taken.__qualname__}; "
            f"registered: {', '.join(sorted(_registered))}"
        )
    if "__dataclass_params__" not in vars(cls):  # not yet made: a second time would lose the fields
        cls = dataclass(frozen=True, kw_only=True, repr=False)(cls)
    if missing := getattr(cls, "__abstractmethods__", None):
        raise CodecError(f"the codec {name!r} lacks {', '.join(sorted(missing))}")
    for field in cls.parameters():
        parameter.check_declared(name, field)
    _registered[name] = cls
    return cls


def codec(spec: str, /, *, profile: Profile | str | Path | None = None, **parameters: Any) -> Codec:
    """The codec that a spec describes.

    Args:
        spec: `NAME[:key=value,...]`, as in "jpeg:quality=50"; `profile=PATH` loads a profile.
        profile: a profile, or the path of one.
        parameters: the same as in the spec, as values: `codec("jpeg", quality=50)`.

    Raises:
        CodecError: unknown name or parameter, or a value outside its limits.
        ProfileError: the profile cannot be read, or is another codec's.
        MissingPackageError: the codec takes a package that is not installed.
    """
    parsed = Spec.parse(spec)
    settings = dict(parsed.settings)
    if any(word != "".join(word.split()) for word in (parsed.name, *settings)):
        raise CodecError(f"{spec!r} has spaces in it: write NAME:key=value,key=value")
    cls = codec_class(parsed.name)
    for key in parameters.keys() & settings.keys():
        raise CodecError(f"{spec!r} gives {key}, and so does the call")
    profile = settings.pop("profile", profile)
    if isinstance(profile, str | Path):
        if not issubclass(cls, CalibratedCodec):
            raise CodecError(f"{cls.name} takes no profile: there is nothing that it learns")
        profile = cls.read_profile(profile)
    return cls.of(settings, profile, **parameters)


def decode(stream: bytes, profile: Profile | None = None) -> Tensor:
    """The float32 tensor of any stream of a registered codec.

    Args:
        stream: what a codec's `encode` returned.
        profile: the one it was coded with, where it was coded with one.

    Raises:
        BitstreamError: the bytes are damaged, name a codec that is not registered, or build on
            another stream.
        ProfileError: the profile is missing, or not the one that the stream names.
        MissingPackageError: the codec takes a package that is not installed.
    """
    header, payload = bitstream.read(stream)
    check_alone(header)
    try:
        cls = codec_class(Spec.parse(header.spec).name)
    except CodecError as error:
        raise BitstreamError(f"the stream names no codec known here: {error}") from error
    return cls.writer(header, profile).decode_payload(header, payload)


def codec_class(name: str) -> type[Codec]:
    """The class registered under a name.

    Raises:
        CodecError: there is none; the message lists what there is.
        MissingPackageError: it takes a package that is not installed.
    """
    if name in BUILTIN:
        _load(name)  # alone: some bring FFmpeg, which takes memory
    else:
        _load_all()
    if name not in _registered:
        hint = did_you_mean(name, _registered)
        raise CodecError(f"unknown codec {name!r}{hint}; there are: {', '.join(codec_names())}")
    return _registered[name]


def codec_names() -> list[str]:
    """The names of all codecs that can code here, built-in first, in a fixed order."""
    missing = missing_codecs()
    _load_all()
    built_in = [name for name in BUILTIN if name not in missing]
    return [*built_in, *sorted(set(_registered) - set(BUILTIN))]


@cache
def missing_codecs() -> dict[str, str]:
    """The built-in codecs that take a package which is not installed, and what each lacks."""
    missing = {}
    for name in BUILTIN:
        try:
            _load(name)
        except MissingPackageError as error:
            missing[name] = str(error)
    return missing


def _load(name: str) -> None:
    try:
        import_module(f"splitwire.codecs.{name}")
    except ModuleNotFoundError as error:
        if (said := explained(error)) is error:
            raise
        raise MissingPackageError(f"the codec {name}: {said}", name=error.name) from error


@cache
def _load_all() -> None:
    missing_codecs()
    for point in entry_points(group=ENTRY_POINTS):
        try:
            loaded = point.load()
            if isinstance(loaded, type) and issubclass(loaded, Codec):
                register_codec(loaded)
        except Exception as error:
            # One broken add-on must not take the built-in codecs away.
            warnings.warn(f"the codec {point.name!r} ({point.value}): {error}", stacklevel=3)
