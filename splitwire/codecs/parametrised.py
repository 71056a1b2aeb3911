"""What tells one codec of a class from another: its parameters and its profile, and their spec."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Self

from splitwire.codecs import parameter
from splitwire.codecs.profile import Profile
from splitwire.codecs.spec import Spec
from splitwire.errors import CodecError, ProfileError


@dataclass(frozen=True, kw_only=True, repr=False)
class Parametrised:
    """A codec as far as it can be written down.

    Attributes:
        name: what specs and streams call it: lower-case letters, digits and hyphens.
        profile: what it learnt from calibration features, if anything.
    """

    name: ClassVar[str]
    profile: Profile | None = None

    @classmethod
    def parameters(cls) -> list[Field[Any]]:
        """The fields that are parameters: all but the profile."""
        return [f for f in fields(cls) if f.name != "profile"]

    @classmethod
    def of(
        cls, settings: Mapping[str, str], profile: Profile | None = None, /, **parameters: Any
    ) -> Self:
        """The codec of this class with parameters as a spec spells them, or as values.

        Raises:
            CodecError: a parameter that it does not have, or a value outside its limits.
            ProfileError: the profile is another codec's.
        """
        known = {f.name: f for f in cls.parameters()}
        for key in sorted({*settings, *parameters} - known.keys()):
            has = ", ".join(known) or "none"
            raise CodecError(f"{cls.name} has no parameter {key!r}; it has: {has}")
        spelt = {key: parameter.parse(cls.name, known[key], settings[key]) for key in settings}
        return cls(profile=profile, **spelt, **parameters)

    @property
    def spec(self) -> str:
        """The string that makes this codec again: "jpeg:quality=80"."""
        settings = self._settings(self._changed())
        if self.profile is not None and self.profile.path is not None:
            settings = (*settings, ("profile", str(self.profile.path)))
        return str(Spec(self.name, settings))

    @property
    def travelling_spec(self) -> str:
        """The part of the spec that decoding depends on, as it stands in every stream."""
        needed = [f for f in self._changed() if f.metadata["decoding"]]
        return str(Spec(self.name, self._settings(needed)))

    def __post_init__(self) -> None:
        for f in self.parameters():
            parameter.check(self.name, f, getattr(self, f.name))
        if self.profile is not None and self.profile.codec != self.name:
            raise ProfileError(
                f"the profile {self.profile.digest} belongs to {self.profile.codec}, "
                f"not to {self.name}"
            )

    def __repr__(self) -> str:
        return f"codec({self.spec!r})"

    def _changed(self) -> list[Field[Any]]:
        return [f for f in self.parameters() if getattr(self, f.name) != f.default]

    def _settings(self, parameters: list[Field[Any]]) -> tuple[tuple[str, str], ...]:
        return tuple((f.name, parameter.format_value(getattr(self, f.name))) for f in parameters)
