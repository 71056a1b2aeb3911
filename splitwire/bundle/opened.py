"""Opening a bundle: its halves, its task and its codecs, ready for an edge."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from splitwire.bundle.folder import Folder
from splitwire.bundle.halves import OnnxHalves
from splitwire.bundle.network import Network
from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile
from splitwire.codecs.registry import codec
from splitwire.codecs.spec import Spec
from splitwire.errors import BundleError, MissingPackageError, SplitwireError
from splitwire.runner.choice import EDGE_ONLY, SHARED, AnyChoice, Choice
from splitwire.runner.memory import return_memory


class Bundle:
    """What a folder that `splitwire export` wrote holds.

    Args:
        path: of the folder.
        threads: that a half may compute with.

    Attributes:
        manifest: what it says of itself.
        halves: both halves of the network.
        shared: the choice that it was made for.

    Raises:
        BundleError: it is damaged, or not what its manifest says.
        MissingPackageError: ONNX Runtime is not installed, or a package of its codec's.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        folder = Folder(path)
        self.manifest = folder.manifest
        self.halves = OnnxHalves(folder, threads)
        self.codecs = _codecs(folder)
        return_memory()  # opening takes more than what is then held
        self.shared: AnyChoice = Choice(SHARED, self.halves, self.codecs, self.manifest.codec)

    @property
    def edge_only(self) -> AnyChoice:
        """Both halves here: nothing is coded, nothing is sent."""
        return Choice(EDGE_ONLY, self.halves)


def one_network(bundles: Sequence[Bundle]) -> Network:
    """The network of several bundles.

    Raises:
        BundleError: they are of different ones, or of different tasks.
    """
    first, *others = bundles
    for other in others:
        if (other.manifest.digest, other.manifest.task) != (
            first.manifest.digest,
            first.manifest.task,
        ):
            raise BundleError(
                f"the bundles are of different networks or tasks: {first.manifest.network} "
                f"({first.manifest.digest}, {first.manifest.task}) and {other.manifest.network} "
                f"({other.manifest.digest}, {other.manifest.task})"
            )
    return first.halves.model


def _codecs(folder: Folder) -> tuple[Codec, ...]:
    """A codec for each crossing tensor, each with its profile where it needs one."""
    said = folder.manifest
    try:
        if Spec.parse(said.codec).get("profile") is not None:
            raise BundleError("a bundle's codec names its profile's file by the crossing tensor")
        made = codec(said.codec)
        return tuple(_profiled(folder, made, crossing.profile) for crossing in said.crossings)
    except (BundleError, MissingPackageError):
        raise
    except SplitwireError as error:
        raise BundleError(f"{folder.path}: {error}") from error


def _profiled(folder: Folder, made: Codec, profile: str | None) -> Codec:
    if profile is None:
        if isinstance(made, CalibratedCodec) and made.needs_profile:
            raise BundleError(f"{folder.path} holds no profile for {made.spec}")
        return made
    folder.read(profile)
    return replace(made, profile=Profile.load(folder.path / profile))
