"""What `splitwire cloud` gives to phones that open its page."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitwire.errors import RemoteError

if TYPE_CHECKING:  # which loads torch
    from splitwire.live.library import Library
    from splitwire.live.phone import Phone

_PHONES = "Phones that open the page"


@dataclass
class Phones:
    """What makes edges of them."""

    bundle: Annotated[
        Path | None,
        typer.Option(
            help="A folder of `splitwire export`, of which they run the first half.",
            rich_help_panel=_PHONES,
        ),
    ] = None
    modules: Annotated[
        Path | None,
        typer.Option(
            help="What runs it there: the node_modules of `npm install splitwire`.",
            rich_help_panel=_PHONES,
        ),
    ] = None

    def __post_init__(self) -> None:
        if (self.bundle is None) != (self.modules is None):
            raise RemoteError("a page for phones needs both --bundle and --modules")

    @property
    def folders(self) -> list[Path]:
        """Where the bundle's profiles are."""
        return [] if self.bundle is None else [self.bundle]

    def phone(self, library: "Library") -> "Phone | None":
        """What they take, if there is a bundle for them; its files are checked here."""
        if self.bundle is None or self.modules is None:
            return None
        from splitwire.bundle.folder import Folder
        from splitwire.bundle.manifest import MANIFEST
        from splitwire.codecs.profile import Profile
        from splitwire.live.handshake import Hello
        from splitwire.live.phone import Phone

        folder = Folder(self.bundle)
        said = folder.manifest
        for name in said.files:
            folder.read(name)
        profiles = [crossing.profile for crossing in said.crossings if crossing.profile]
        digests = tuple(Profile.load(folder.path / name).digest for name in profiles)
        hello = Hello(said.network, said.split, said.codec, said.task, said.digest, digests)
        return Phone(hello, folder.path, [MANIFEST, *said.files], self.modules, library)
