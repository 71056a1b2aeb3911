"""The folder of a bundle: its manifest, and files that are what the manifest says."""

import hashlib
from pathlib import Path

from splitwire.bundle.manifest import LARGEST, MANIFEST, Manifest
from splitwire.errors import BundleError


class Folder:
    """A bundle's folder, opened.

    Args:
        path: of the folder.

    Raises:
        BundleError: there is no bundle there, or its manifest is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with (path / MANIFEST).open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise BundleError(
                f"{path} holds no bundle ({error.strerror}): give the folder that "
                "`splitwire export` wrote"
            ) from error
        try:
            self.manifest = Manifest.read(data)
        except BundleError as error:
            raise BundleError(f"{path / MANIFEST}: {error}") from None

    def read(self, name: str) -> bytes:
        """The bytes of one of its files.

        Raises:
            BundleError: it is missing, lies elsewhere, or is not the one that was exported.
        """
        path, said = self.path / name, self.manifest.files[name]
        try:
            if path.is_symlink() or not path.is_file():
                raise BundleError(f"{path} is no file of the bundle")
            with path.open("rb") as file:
                data = file.read(said.size + 1)
        except OSError as error:
            raise BundleError(f"cannot read {path}: {error.strerror}") from error
        if len(data) != said.size or hashlib.sha256(data).hexdigest() != said.sha256:
            raise BundleError(
                f"{path} is not the file that was exported: its size or its SHA-256 is another "
                "than the manifest's; copy the bundle again"
            )
        return data
