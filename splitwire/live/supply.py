"""Where an edge's frames come from: photos again and again, a video file, or a camera."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import cycle, islice

import numpy as np

from splitwire.codecs.base import Tensor
from splitwire.data.photos import Photo, find_photos
from splitwire.data.video import frames, is_video
from splitwire.errors import DataError
from splitwire.models.inputs import Inputs
from splitwire.models.preprocess import Preprocess

_PREPARED = 64  # that are held ready

Taken = tuple[str, Tensor | DataError]
"""A frame's name, and its pixels, float32 (3, H, W), or why there are none."""


class Pictures:
    """The photos of a folder as a network takes them, again and again.

    Args:
        how: the network wants its pictures.
        photos: in the order of frames.
    """

    def __init__(self, how: Preprocess | Inputs, photos: Sequence[Photo]) -> None:
        self.photos = {photo.name: photo for photo in photos}
        self._prepare = lru_cache(_PREPARED)(
            lambda name: self.photos[name].taken(how).astype(how.held)
        )

    def __iter__(self) -> Iterator[Taken]:
        return self.frames(len(self.photos))

    def frames(self, count: int) -> Iterator[Taken]:
        """That many frames, from the beginning again after the last photo."""
        return ((name, self._taken(name)) for name in islice(cycle(self.photos), count))

    def _taken(self, name: str) -> Tensor | DataError:
        try:
            return self._prepare(name).astype(np.float32)
        except DataError as error:
            return error


def supply(
    how: Preprocess | Inputs, source: str, count: int
) -> tuple[Pictures | None, Iterator[Taken]]:
    """The photos of a source, if it has any, and its frames; `count` is for photos alone.

    Raises:
        DataError: it is no source.
    """
    if is_video(source):
        return None, ((name, how.picture(image)) for name, image in frames(source))
    photos = Pictures(how, find_photos(source, count))
    return photos, photos.frames(count)
