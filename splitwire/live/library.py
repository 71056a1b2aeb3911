"""What the cloud holds: its networks, their halves in a bounded cache, and codec profiles."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from splitwire.calibrate.packaged import shipped_profiles
from splitwire.codecs.base import Codec
from splitwire.codecs.profile import Profile
from splitwire.codecs.registry import codec_class
from splitwire.codecs.spec import Spec
from splitwire.errors import ProfileError, RemoteError, SplitwireError
from splitwire.live.protocol import Hello
from splitwire.models.load import Model
from splitwire.models.split import Split, split

MAX_SPLITS = 16


@dataclass(frozen=True, eq=False)
class Agreement:
    """What the frames under one agreement are decoded and finished with."""

    split: Split
    codecs: Sequence[Codec]
    classes: int
    top: int


class Library:
    """The networks of a cloud, and what its clients agree on with it.

    Args:
        models: those that clients may ask for; the first is the page's.
        profiles: of codecs, by their digests.
    """

    def __init__(self, models: Sequence[Model], profiles: Mapping[str, Profile]) -> None:
        self.models = {model.name: model for model in models}
        self._profiles = profiles
        self._splits: OrderedDict[tuple[str, str], Split] = OrderedDict()
        self._lock = Lock()

    def agree(self, hello: Hello) -> Agreement:
        """What a hello asks for; takes as long as cutting a network, so call it in a thread.

        Raises:
            RemoteError: this cloud does not have it, or has another.
        """
        model = self.models.get(hello.model)
        if model is None:
            raise RemoteError(f"no model {hello.model[:80]!r} here; there are: {self._names()}")
        if hello.digest not in ("", model.digest):
            raise RemoteError(
                f"{model.name} has other weights at the edge ({hello.digest[:16]}) than here "
                f"({model.digest})"
            )
        try:
            classes = class_count(model)
            halves = self.split(model, hello.split)
            codecs = self._codecs(hello, len(halves.crossings))
        except RemoteError:
            raise
        except SplitwireError as error:
            raise RemoteError(str(error)) from error
        return Agreement(halves, codecs, classes, min(hello.top, classes))

    def split(self, model: Model, at: str) -> Split:
        """The halves of a network, from the cache where they are in it."""
        with self._lock:  # the graph is traced on first use: once is enough
            key = (model.name, at)
            if key in self._splits:
                self._splits.move_to_end(key)
            else:
                self._splits[key] = split(model, at)
            if len(self._splits) > MAX_SPLITS:
                self._splits.popitem(last=False)
            return self._splits[key]

    def _codecs(self, hello: Hello, tensors: int) -> list[Codec]:
        spec = Spec.parse(hello.codec)
        cls, settings = codec_class(spec.name), dict(spec.settings)
        if "profile" in settings:  # a path of this machine is nothing for a client to name
            raise RemoteError("a codec's profile is agreed by its digest, not by a path")
        if not hello.profiles:
            return [cls.of(settings)] * tensors
        if len(hello.profiles) != tensors:
            raise RemoteError(f"{len(hello.profiles)} profiles for {tensors} crossing tensors")
        return [cls.of(settings, self._profile(digest)) for digest in hello.profiles]

    def _profile(self, digest: str) -> Profile:
        if digest not in self._profiles:
            raise RemoteError(f"no profile {digest[:32]!r} here: put its file in --profiles")
        return self._profiles[digest]

    def _names(self) -> str:
        return ", ".join(self.models)


def class_count(model: Model) -> int:
    """How many logits the network gives.

    Raises:
        RemoteError: it is no classifier.
    """
    shapes = [tuple(node.meta["val"].shape) for node in model.graph.results if node is not None]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][0] != 1:
        raise RemoteError(f"{model.name} gives no row of logits: only classifiers run live")
    return int(shapes[0][1])


def read_profiles(folder: Path | None) -> dict[str, Profile]:
    """The package's profiles and those in a folder, by their digests.

    Raises:
        ProfileError: there is no such folder, or a file in it is no profile.
    """
    if folder is None:
        return shipped_profiles()
    if not folder.is_dir():
        raise ProfileError(f"{folder} is no folder of profiles")
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return shipped_profiles() | {profile.digest: profile for profile in map(Profile.load, files)}
