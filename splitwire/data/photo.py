"""One picture file of a data set, with what is known of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from splitwire.data.pictures import rgb, upright_size
from splitwire.data.truth import Annotation
from splitwire.errors import DataError
from splitwire.models.preprocess import Preprocess


@dataclass(frozen=True)
class Photo:
    """One picture file.

    Attributes:
        name: its path within the data set.
        path: where it is.
        label: index of its class, what is annotated on it, or None where nobody said.
    """

    name: str
    path: Path
    label: int | Annotation | None = None

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
        with (
            self._opened() as picture
        ):  # of one that is not annotated no more than the head is read
            size = upright_size(picture) if isinstance(self.label, Annotation) else (0, 0)
        if isinstance(self.label, Annotation):
            self.label.check(size)

    def truth(self, preprocess: Preprocess, view: int = 0) -> Any:
        """What is true of one view of it, for metrics: its class, or what is annotated there."""
        said = self.label
        return said.seen(preprocess, view) if isinstance(said, Annotation) else said

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
