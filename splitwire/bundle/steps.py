"""Preprocessing in exact steps, as a manifest writes them for whoever reads it in any language.

1. `rgb`: decode the photo, in RGB; or `grey`, for a network of one channel: (299 R + 587 G + 114 B)
   / 1000 of that, rounded as Pillow's mode "L" is.
2. `scale`: by the filter named, as Pillow's `resize` does it, which widens the filter where it
   shrinks. With `sides`: to that height and width. With `cover` (h, w) and `enlarge` (a, b): for a
   photo H×W, with (s, S) = (h, H) where H / h ≤ W / w and else (w, W), its height becomes
   ⌊a·s·H / (b·S)⌋ and its width ⌊a·s·W / (b·S)⌋, in whole numbers.
3. `crop`: the middle, of that height and width; left and top are half of what is over, rounded to
   the even one.
4. `float32`: values 0 to 255 as they are, channels first: (3, h, w) or (1, h, w).

The last, `normalise`, is the beginning of the first half, and nothing is left to do for it.
"""

from typing import Any

from splitwire.errors import BundleError, ModelError
from splitwire.models.inputs import Inputs
from splitwire.models.preprocess import Preprocess

Steps = list[dict[str, Any]]


def steps_of(how: Preprocess | Inputs) -> Steps:
    """The steps of a preprocessing.

    Raises:
        BundleError: the network takes tensors by name.
    """
    if isinstance(how, Inputs):
        raise BundleError(f"a bundle's network takes pictures, and this one tensors by name: {how}")
    size = list(how.size)
    scale: dict[str, Any] = {"step": "scale", "filter": how.interpolation.lower()}
    if how.resize is None:
        scale |= {"sides": size}
    else:
        scale |= {"cover": size, "enlarge": [how.resize, min(size)]}
    inside = {"mean": list(how.mean), "std": list(how.std)}
    return [
        {"step": "rgb" if how.channels == 3 else "grey"},
        scale,
        {"step": "crop", "sides": size},
        {"step": "float32", "layout": "CHW"},
        {"step": "normalise", "in": "edge.onnx", **inside},
    ]


def preprocess_of(steps: Steps) -> Preprocess:
    """The preprocessing that steps say.

    Raises:
        BundleError: they are not those of any.
    """
    try:
        _, scale, crop, _, inside = steps
        height, width = map(_whole, crop["sides"])
        resize = None if "sides" in scale else _whole(scale["enlarge"][0])
        mean, std = (tuple(map(float, inside[key])) for key in ("mean", "std"))
        how = Preprocess((height, width), resize, mean, std, str(scale["filter"]))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ModelError) as error:
        raise BundleError(f"the manifest's preprocessing is none: {error}") from None
    if steps_of(how) != steps:
        raise BundleError("the manifest's preprocessing has steps that this version does not know")
    return how


def _whole(number: Any) -> int:
    if type(number) is not int or not 0 < number <= 1 << 14:
        raise ValueError(f"{number!r} is no side of a picture")
    return number
