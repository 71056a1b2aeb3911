"""Specs as readers want them: what a curve sweeps spelt out, what is always so left out."""

from collections.abc import Iterable, Mapping

from splitwire.codecs.parameter import format_value
from splitwire.codecs.registry import codec
from splitwire.codecs.spec import Spec
from splitwire.errors import SplitwireError

PICTURES = ("picture", "film")
"""Codecs of the picture itself, which go by its format."""


def picture_format(spec: Spec) -> str:
    """The format of a picture or a film in words: "JPEG", "HEVC 4:4:4"."""
    form = spec.get("format") or {"picture": "picture", "film": "h264"}[spec.name]
    if spec.name == "picture":
        return form.upper()
    return f"{form.upper()} {':'.join(spec.get('chroma') or '420')}"


def spell_out(codings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """For each codec's spec, the same with the parameter that its curve sweeps.

    A spec leaves defaults out, so that of JPEG's qualities 20, 50 and 80 one is plain "jpeg": as a
    row of a table that says too little. A codec that is not installed keeps the spec that it has.

    Args:
        codings: pairs of a codec's spec and its curve.
    """
    keys: dict[str, dict[str, None]] = {}
    for spec, curve in sorted(codings):
        found = keys.setdefault(curve, {})
        given = (*Spec.parse(curve).settings, *Spec.parse(spec).settings)
        found.update(dict.fromkeys(key for key, _ in given))
    return {spec: _with_defaults(spec, list(keys[curve])) for spec, curve in codings}


def stands_for(codings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The codecs of which there is one sweep, with settings of its own, and that curve.

    Such a codec may go by its name: "hevc" for "hevc:clip=5sd,preset=slow". Pictures go by format.

    Args:
        codings: as in `spell_out`.
    """
    families: dict[str, dict[str, set[str]]] = {}
    for spec, curve in codings:
        name = curve.partition(":")[0]
        families.setdefault(name, {}).setdefault(curve, set()).add(spec)
    found = {}
    for name, members in families.items():
        (curve, specs), *others = members.items()
        if name not in (*PICTURES, curve) and not others and len(specs) > 1 and "*" not in curve:
            found[name] = curve
    return found


def shorten(spec: str, whole: Mapping[str, str]) -> str:
    """A spec without the settings of its codec's curve; see `stands_for`."""
    parsed = Spec.parse(spec)
    if parsed.name not in whole:
        return spec
    same = Spec.parse(whole[parsed.name]).settings
    return str(Spec(parsed.name, tuple(s for s in parsed.settings if s not in same)))


def _with_defaults(text: str, keys: list[str]) -> str:
    spec = Spec.parse(text)
    missing = [key for key in keys if spec.get(key) is None]
    if not missing:
        return text
    try:
        made = codec(text)
        defaults = {key: format_value(getattr(made, key)) for key in missing}
    except (SplitwireError, AttributeError):
        return text
    settings = defaults | dict(spec.settings)
    return str(Spec(spec.name, tuple((key, settings[key]) for key in keys)))
