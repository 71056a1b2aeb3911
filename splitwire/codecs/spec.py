"""How a codec is written down: `NAME[:key=value,...]`, as in "jpeg:quality=50".

Where several are meant, "+" stands between the values of one parameter: "jpeg:quality=20+50" sweeps
`quality`, and its two codecs are points of one curve.
"""

import os
from dataclasses import dataclass

from splitwire.errors import CodecError


@dataclass(frozen=True)
class Spec:
    """A name and settings in their order, all as text. What they mean is the codec's to say.

    Attributes:
        name: of the codec.
        settings: pairs of a key and a value; each key once.
    """

    name: str
    settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Spec":
        """The spec that `str` wrote.

        Raises:
            CodecError: a word that is no key=value, or a key given twice.
        """
        name, _, rest = text.partition(":")
        settings: dict[str, str] = {}
        for word in filter(None, rest.split(",")):
            key, equals, value = word.partition("=")
            if not equals:
                raise CodecError(
                    f"{text!r}: {word!r} is no key=value, as quality=50 is (of several values: "
                    "quality=20+50)"
                )
            if key in settings:
                raise CodecError(f"{text!r} gives {key} twice")
            settings[key] = value
        return cls(name, tuple(settings.items()))

    def __str__(self) -> str:
        words = ",".join(f"{key}={value}" for key, value in self.settings)
        return f"{self.name}:{words}" if words else self.name

    def get(self, key: str) -> str | None:
        """The value of a key; None where it gives none."""
        return dict(self.settings).get(key)

    def alternatives(self) -> list["Spec"]:
        """One spec for each value of the parameter that it sweeps; itself where it sweeps none.

        Raises:
            CodecError: it sweeps two parameters.
        """
        swept = self.swept
        if swept is None:
            return [self]
        values = dict(self.settings)
        return [
            Spec(self.name, tuple((values | {swept: value}).items()))
            for value in values[swept].split("+")
        ]

    @property
    def curve(self) -> str:
        """The spec without the parameter that it sweeps.

        Raises:
            CodecError: it sweeps two parameters.
        """
        swept = self.swept
        return str(Spec(self.name, tuple(s for s in self.settings if s[0] != swept)))

    @property
    def swept(self) -> str | None:
        """The key of the parameter that it sweeps, if it sweeps one.

        Raises:
            CodecError: it sweeps two parameters.
        """
        # Files may have a "+" in their names. Not Path.exists, which trips over a sweep that is
        # longer than names of files may be.
        keys = [k for k, value in self.settings if "+" in value and not os.path.exists(value)]  # noqa: PTH110
        if len(keys) > 1:
            raise CodecError(
                f"{str(self)!r} sweeps {' and '.join(keys)}: one a curve, so write two specs"
            )
        return keys[0] if keys else None
