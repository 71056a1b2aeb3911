"""What the cloud holds: networks, their halves in a bounded cache, their tasks, and profiles."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from weakref import WeakSet

import torch

from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.base import Codec
from splitwire.codecs.packets.ftc import FtcPackets
from splitwire.codecs.predictive import PredictiveCodec
from splitwire.codecs.profile import Profile
from splitwire.codecs.registry import codec_class, codec_names
from splitwire.codecs.spec import Spec
from splitwire.errors import RemoteError, SplitwireError
from splitwire.live.answers import checked, write_output, write_prediction
from splitwire.live.handshake import Hello
from splitwire.live.packing import packing
from splitwire.live.shown import shown
from splitwire.live.warming import warm
from splitwire.models.load import Model
from splitwire.models.split import Split, split
from splitwire.runner import packet
from splitwire.runner.choice import Choice
from splitwire.runner.local import coded_shape
from splitwire.tasks.base import Output, Task
from splitwire.tasks.registry import BUILT_IN, tasks

MAX_SPLITS = 16


@dataclass(frozen=True, eq=False)
class Agreement:
    """What the frames under one agreement are decoded, finished and answered with.

    Attributes:
        choice: the halves, and a codec for each crossing tensor.
        task: what makes a prediction of an output.
        whole: whether answers hold the output itself.
    """

    choice: Choice
    task: Task
    whole: bool = False

    @cached_property
    def largest(self) -> int:
        """Bytes that no packet under it exceeds."""
        pairs = zip(self.choice.codecs, self.choice.split.crossings, strict=True)
        sizes = [codec.most_bytes(coded_shape(crossing.shape)) for codec, crossing in pairs]
        return packet.most_bytes(sizes)

    @cached_property
    def packing(self) -> FtcPackets | None:
        """What its frames are coded with where they go as datagrams; None where they cannot."""
        with suppress(RemoteError):
            return packing(self.choice)
        return None

    def assembled(self, packets: Sequence[bytes]) -> list[torch.Tensor]:
        """The tensors of a frame, as far as these of its packets tell them.

        Raises:
            BitstreamError: one is damaged, or they do not belong together.
        """
        assert self.packing is not None
        (crossing,) = self.choice.split.crossings
        found = self.packing.assemble(packets)
        return [torch.from_numpy(found).reshape(crossing.shape).to(crossing.dtype)]

    @cached_property
    def decoded(self) -> int:
        """Bytes of the tensors of a packet."""
        return sum(4 * crossing.elements for crossing in self.choice.split.crossings)

    @cached_property
    def past(self) -> int:
        """Bytes that a session may remember of packets under it, as they are counted.

        FFmpeg's decoders take up to 1 MiB and a byte an element for each frame that they refer to,
        of which a hostile stream has 16.
        """
        pairs = zip(self.choice.codecs, self.choice.split.crossings, strict=True)
        return sum(
            (1 << 20) + 16 * codec.kept * crossing.elements
            for codec, crossing in pairs
            if isinstance(codec, PredictiveCodec)
        )

    def answer(self, output: Output) -> bytes:
        """The body of an answer.

        Raises:
            TaskError: the output is none of the task's, or holds NaN.
        """
        if self.whole:
            return write_output(checked(self.task, output))
        return write_prediction(self.task, output)


class Library:
    """The networks of a cloud, and what its clients agree on with it.

    Args:
        models: those that clients may ask for; the first is the page's.
        profiles: of codecs.
        known: the tasks that clients may ask for, by name; the installed ones if not given.
        codecs: the names of those that clients may ask for; all if not given.

    Raises:
        CodecError: one of them is the name of no codec.
    """

    def __init__(
        self,
        models: Sequence[Model],
        profiles: ProfileStore,
        known: Mapping[str, type[Task]] | None = None,
        codecs: Collection[str] | None = None,
    ) -> None:
        self.models = {model.name: model for model in models}
        self._profiles = profiles
        self._known = tasks() if known is None else known
        self._allowed = None if codecs is None else {codec_class(name).name for name in codecs}
        self._tasks: dict[tuple[str, str], Task] = {}
        self._splits: OrderedDict[tuple[str, str], Split] = OrderedDict()
        self._lock, self._warm = Lock(), WeakSet[Split]()

    @property
    def codecs(self) -> list[str]:
        """The names of those that clients may ask for."""
        return sorted(codec_names() if self._allowed is None else self._allowed)

    def agree(self, hello: Hello) -> Agreement:
        """What a hello asks for; takes as long as cutting a network, so call it in a thread.

        Raises:
            RemoteError: this cloud does not have it, or has another.
        """
        model = self.models.get(hello.model)
        if model is None:
            raise RemoteError(
                f"no model {shown(hello.model, 80)!r} here; there are: {self._names()}"
            )
        if hello.digest not in ("", model.digest):
            raise RemoteError(
                f"{model.name} has other weights at the edge ({shown(hello.digest, 16)}) than here "
                f"({model.digest})"
            )
        try:
            task = self.task(model, hello.task)
            halves = self.split(model, hello.split)
            codecs = self._codecs(hello, len(halves.crossings))
        except RemoteError:
            raise
        except SplitwireError as error:
            raise RemoteError(str(error)) from error
        choice = Choice.shared(halves, codecs, hello.codec)
        if halves not in self._warm:  # once a cut, so that hellos alone cost a cloud little
            warm(choice)
            self._warm.add(halves)
        return Agreement(choice, task, hello.whole)

    def task(self, model: Model, name: str) -> Task:
        """The task of that name, if the network's output is one of its kind.

        Raises:
            RemoteError: there is no such task here, or the output is of another kind.
        """
        if name not in self._known:
            raise RemoteError(
                f"no task {shown(name, 80)!r} here; there are: {', '.join(self._known)}"
            )
        with self._lock:
            key = (model.name, name)
            if key not in self._tasks:
                self._tasks[key] = _fitting(self._known[name], model)
            return self._tasks[key]

    def page_task(self, model: Model) -> str | None:
        """The task of a network where nobody names one: the first that fits.

        Those of users come first, the last of them before the others; then the built-in ones, of
        which `embedding` fits nearly anything and is the last.
        """
        own = [name for name, kind in self._known.items() if kind not in BUILT_IN]
        built_in = [name for name, kind in self._known.items() if kind in BUILT_IN]
        for name in [*reversed(own), *built_in]:
            with suppress(RemoteError):
                self.task(model, name)
                return name
        return None

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
        spec = without_files(hello.codec)
        if self._allowed is not None and spec.name not in self._allowed:
            raise RemoteError(
                f"the codec {shown(spec.name, 40)!r} is not accepted here; there are: "
                f"{', '.join(sorted(self._allowed))}"
            )
        cls, settings = codec_class(spec.name), dict(spec.settings)
        if hello.profiles and len(hello.profiles) != tensors:
            raise RemoteError(f"{len(hello.profiles)} profiles for {tensors} crossing tensors")
        profiles = map(self._profile, hello.profiles) if hello.profiles else [None] * tensors
        made: list[Codec] = [cls.of(settings, profile) for profile in profiles]
        for missing in filter(None, (codec.missing for codec in made)):
            raise RemoteError(f"the codec {spec.name} cannot be run here, for want of {missing}")
        return made

    def _profile(self, digest: str) -> Profile:
        profile = self._profiles.by_digest(digest)
        if profile is None:
            raise RemoteError(f"no profile {shown(digest, 32)!r} here: put its file in --profiles")
        return profile

    def _names(self) -> str:
        return ", ".join(self.models)


def without_files(codec: str) -> Spec:
    """The spec of a codec as a peer may give it: a path of this machine is nothing for it to name.

    Raises:
        CodecError: the text is no spec.
        RemoteError: it names a profile's file.
    """
    spec = Spec.parse(codec)
    if spec.get("profile") is not None:
        raise RemoteError("a codec's profile is agreed by its digest, not by a path")
    return spec


def _fitting(kind: type[Task], model: Model) -> Task:
    """A task for a network, once it has taken what the network gives for a black picture."""
    try:
        task = kind.of(model)
        with torch.inference_mode():
            task.check(model(torch.zeros(model.input_shape)))
    except Exception as error:  # of any kind: the task may be a user's own
        said = error if isinstance(error, SplitwireError) else f"{type(error).__name__}: {error}"
        raise RemoteError(f"the task {kind.name} does not fit {model.name}: {said}") from error
    return task
