"""One picture file of a data set, or one of tensors, with what is known of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.data.pictures import rgb, upright_size
from splitwire.data.tensors import load_tensors
from splitwire.data.truth import Annotation
from splitwire.errors import DataError
from splitwire.models.inputs import Inputs
from splitwire.models.preprocess import Preprocess

TENSORS = ".npz"
"""The suffix of files that hold what a network of several inputs takes."""


@dataclass(frozen=True)
class Photo:
    """One picture file, or one of the tensors that a network of several inputs takes, by name.

    Attributes:
        name: its path within the data set.
        path: where it is.
        label: index of its class, what is annotated on it, or None where nobody said.
    """

    name: str
    path: Path
    label: int | Annotation | None = None

    def load(self) -> Image.Image | dict[str, NDArray[Any]]:
        """The picture as `open` gives it, or the tensors by name: what preprocessing takes.

        Raises:
            DataError: the file is neither, or a damaged one.
        """
        return load_tensors(self.path) if self.path.suffix == TENSORS else self.open()

    def taken(self, how: Preprocess | Inputs, view: int = 0) -> NDArray[np.float32]:
        """What a network takes of one view of it, float32; see `Preprocess` and `Inputs`.

        Raises:
            DataError: naming the file, which cannot be read or is not of the kind that it takes.
        """
        opened = self.load()
        try:
            return how.picture(opened, view)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error

    def open(self) -> Image.Image:
        """The picture upright, in RGB; see pictures.py.

        Raises:
            DataError: the file is no picture, or a damaged one.
        """
        with self._opened() as picture:
            return rgb(picture)

    def check(self) -> None:
        """Look at the file's header now, rather than fail an hour into a sweep.

        Raises:
            DataError: the file is no picture.
        """
        if self.path.suffix == TENSORS:
            load_tensors(self.path)
            return
        with (
            self._opened() as picture
        ):  # of one that is not annotated no more than the head is read
            size = upright_size(picture) if isinstance(self.label, Annotation) else (0, 0)
        if isinstance(self.label, Annotation):
            self.label.check(size)

    def truth(self, preprocess: Preprocess | Inputs, view: int = 0) -> Any:
        """What is true of one view of it, for metrics: its class, or what is annotated there."""
        said = self.label
        if isinstance(said, Annotation) and isinstance(preprocess, Preprocess):
            return said.seen(preprocess, view)
        return said

    @contextmanager
    def _opened(self) -> Iterator[Image.Image]:
        try:
            with Image.open(self.path) as picture:
                yield picture
        except Exception as error:  # damaged files make Pillow raise errors of a dozen kinds
            said = str(error).removesuffix(f" {str(self.path)!r}")
            raise DataError(
                f"{self.path} is no picture that can be read ({said}): take it out, or save it anew"
            ) from error
