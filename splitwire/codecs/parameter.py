"""The parameters of a codec: dataclass fields that know their limits and their text form."""

import re
from collections.abc import Sequence
from dataclasses import Field, field
from typing import Any

from splitwire.errors import CodecError

KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "ASCII text"}

# What a spec can carry as a value: ASCII without spaces, commas and equals signs.
_WORD = re.compile(r"[!-+\--<>-~]*")


def parameter(
    default: Any,
    about: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
    decoding: bool = False,
) -> Any:
    """A dataclass field for one parameter of a codec; its type is that of the default.

    Args:
        default: value where a spec names none: an int, float, bool or str.
        about: one line for `splitwire codecs`.
        low: smallest value allowed.
        high: largest value allowed.
        choices: the values allowed, for a string.
        decoding: whether a decoder needs it; such a parameter travels in the stream.
    """
    limits = {"low": low, "high": high, "choices": choices}
    return field(default=default, metadata={"about": about, "decoding": decoding, **limits})


def check_declared(codec: str, field: Field[Any]) -> None:
    """Refuse a field that is not declared by `parameter`, or whose default has no text form.

    Raises:
        CodecError: naming the field.
    """
    if hasattr(field.default, "state_dict"):
        raise CodecError(
            f"{codec}: {field.name} is a network, and no parameter of a codec: write it without a "
            f"type, `{field.name} = ...`, so that it belongs to the class"
        )
    if "decoding" not in field.metadata or type(field.default) not in KINDS:
        raise CodecError(
            f"{codec}: declare {field.name} by splitwire.parameter, with a default that is an "
            "int, float, bool or str"
        )


def parse(codec: str, field: Field[Any], text: str) -> Any:
    """The value that `text` spells, of the field's type.

    Raises:
        CodecError: the text does not spell one.
    """
    kind: Any = type(field.default)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        swept = "+" in text.lstrip("+")
        more = "; several values, with '+', are for `splitwire eval`" if swept else ""
        raise CodecError(f"{_wrong(codec, field, text)}{more}") from None


def check(codec: str, field: Field[Any], value: Any) -> None:
    """Refuse a value of another type or outside the limits.

    Raises:
        CodecError: naming the codec, the parameter, what was expected and what was given.
    """
    meta = field.metadata
    kind = type(field.default)
    typed = isinstance(value, (float, int) if kind is float else kind)
    if not typed or (kind is not bool and isinstance(value, bool)):
        raise _wrong(codec, field, value)
    if value != value or (kind is str and not _WORD.fullmatch(value)):  # NaN, or untellable
        raise _wrong(codec, field, value)
    below = meta["low"] is not None and value < meta["low"]
    above = meta["high"] is not None and value > meta["high"]
    if below or above or (meta["choices"] is not None and value not in meta["choices"]):
        raise _wrong(codec, field, value)


def format_value(value: Any) -> str:
    """The text that `parse` reads back."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def expectation(field: Field[Any]) -> str:
    """What a field takes, in words: "an integer from 1 to 100"."""
    meta = field.metadata
    if meta["choices"] is not None:
        return "one of " + ", ".join(repr(choice) for choice in meta["choices"])
    words = KINDS[type(field.default)]
    if meta["low"] is not None and meta["high"] is not None:
        return f"{words} from {meta['low']} to {meta['high']}"
    if meta["low"] is not None:
        return f"{words} of at least {meta['low']}"
    if meta["high"] is not None:
        return f"{words} of at most {meta['high']}"
    return words


def _wrong(codec: str, field: Field[Any], value: Any) -> CodecError:
    return CodecError(f"{codec}: {field.name} must be {expectation(field)}, not {value!r}")
