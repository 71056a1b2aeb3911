"""The structure of a network's output in JSON: where its tensors stand among tuples and dicts.

(logits, {"aux": None})  ─▶  {"tuple": [{"tensor": 0}, {"dict": {"aux": {"value": null}}}]}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from splitwire.errors import BundleError, ModelError

_PLAIN = (bool, int, float, str, type(None))
_DEEPEST = 32


@dataclass(frozen=True)
class Slot:
    """The place of a tensor: which of the flat ones."""

    tensor: int


def as_json(output: Any) -> Any:
    """An output with slots for its tensors, in values that JSON has.

    Raises:
        ModelError: it holds something else.
    """
    if isinstance(output, Slot):
        return {"tensor": output.tensor}
    if isinstance(output, Mapping) and all(isinstance(key, str) for key in output):
        return {"dict": {key: as_json(value) for key, value in output.items()}}
    if isinstance(output, tuple | list):
        kind = "tuple" if isinstance(output, tuple) else "list"
        return {kind: [as_json(value) for value in output]}
    if isinstance(output, _PLAIN):
        return {"value": output}
    raise ModelError(
        f"a bundle's network gives tensors in tuples, lists and dicts of names, and this one gives "
        f"{type(output).__name__} too"
    )


def filled(said: Any, flat: Sequence[Any]) -> Any:
    """The output again, with its tensors.

    Raises:
        BundleError: what is said is no structure of so many tensors.
    """
    found: list[int] = []
    output = _filled(said, flat, found, 0)
    if sorted(found) != list(range(len(flat))):
        raise BundleError(f"the output's structure does not hold each of {len(flat)} tensors once")
    return output


def _filled(said: Any, flat: Sequence[Any], found: list[int], depth: int) -> Any:
    kind, value = _entry(said, depth)
    if kind == "tensor" and type(value) is int and 0 <= value < len(flat):
        found.append(value)
        return flat[value]
    if kind == "value" and isinstance(value, _PLAIN):
        return value
    if kind in ("tuple", "list") and isinstance(value, list):
        items = [_filled(item, flat, found, depth + 1) for item in value]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict" and isinstance(value, dict):
        return {key: _filled(item, flat, found, depth + 1) for key, item in value.items()}
    raise BundleError(f"the output's structure says {kind!r}, with nothing that fits")


def _entry(said: Any, depth: int) -> tuple[Any, Any]:
    if not isinstance(said, dict) or len(said) != 1 or depth > _DEEPEST:
        raise BundleError("the output's structure is none: see docs/bundles.md")
    ((kind, value),) = said.items()
    return kind, value
