"""How an edge and a cloud agree: hello and welcome, text messages in JSON."""

import json
from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from splitwire.errors import RemoteError
from splitwire.live.protocol import REASON_CHARACTERS, TEXT_BYTES
from splitwire.live.shown import shown

VERSION = 3


MAX_AGREEMENTS = 64  # of one connection
_LARGEST_MESSAGE = 1 << 32  # bytes: beyond what anyone takes

# The most that a field may hold: names may be paths, digests are hexadecimal.
Name = Annotated[str, Field(max_length=1024)]
Digest = Annotated[str, Field(max_length=64)]
Digests = Annotated[tuple[Digest, ...], Field(max_length=512)]
# A W3C trace parent, or none.
Parent = Annotated[str, Field(pattern=r"\A(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?\z")]
Shape = Annotated[list[Annotated[int, Field(ge=1, lt=1 << 32)]], Field(max_length=8)]


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Hello:
    """What an edge asks for.

    Attributes:
        model: a network that the cloud holds.
        split: where it is cut.
        codec: the spec, without a profile.
        task: by which the cloud makes a prediction of an output.
        digest: of the network; empty where the edge holds none, as a browser that sends pictures.
        profiles: digests of the codecs' profiles, one a crossing tensor; none where none is used.
        whole: whether answers are to hold the whole output, and not the prediction.
        trace: the parent of the frames' traces; see traces.py. It is sent where there is one.
        hello: version of the protocol.
    """

    model: Name
    split: Name
    codec: Name
    task: Name = "classification"
    digest: Digest = ""
    profiles: Digests = ()
    whole: bool = False
    trace: Parent = ""
    hello: int = VERSION

    def text(self) -> str:
        """The message."""
        said = asdict(self)
        if not self.trace:
            del said["trace"]
        return json.dumps(said)

    @classmethod
    def read(cls, text: str) -> Self:
        """The hello in a message.

        Raises:
            RemoteError: it is none, or of another version.
        """
        said = _object(text)
        if said.get("hello") != VERSION:
            raise RemoteError(
                f"a hello of version {VERSION} expected, not {shown(said.get('hello'), 20)!r}"
            )
        try:
            return TypeAdapter(cls).validate_python(said)
        except ValidationError as error:
            raise RemoteError(f"hello: {fault(error)}") from None


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Welcome:
    """What the cloud agrees to.

    Attributes:
        agreement: the number that frames under it carry.
        digest: of the network.
        tensors: shapes that cross, without the batch.
        in_flight: frames that the cloud reads ahead of their answers.
        max_message: bytes that a message on this connection may have from now on.
        welcome: version of the protocol.
    """

    agreement: Annotated[int, Field(ge=0, lt=MAX_AGREEMENTS)]
    digest: Digest
    tensors: Annotated[list[Shape], Field(max_length=512)]
    in_flight: Annotated[int, Field(ge=1, le=1 << 16)]
    max_message: Annotated[int, Field(ge=1, le=_LARGEST_MESSAGE)]
    welcome: Annotated[int, Field(ge=VERSION, le=VERSION)] = VERSION

    def text(self) -> str:
        """The message."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """The welcome in a message.

        Raises:
            RemoteError: the cloud refused, or said something else.
        """
        said = _object(text)
        if "refused" in said:
            reason = shown(said["refused"], REASON_CHARACTERS)
            raise RemoteError(f"the cloud refused: {reason}")
        try:
            return TypeAdapter(cls).validate_python(said)
        except ValidationError as error:
            raise RemoteError(
                f"the cloud said no welcome of version {VERSION}: {fault(error)}"
            ) from None


def check_welcome(welcome: Welcome, hello: Hello, tensors: list[list[int]]) -> None:
    """Refuse a welcome to something else than was asked for.

    Args:
        welcome: of a cloud that may be any.
        hello: what was asked for.
        tensors: shapes that cross there, without the batch.

    Raises:
        RemoteError: it is to another network, or another cut.
    """
    if hello.digest not in ("", welcome.digest):
        raise RemoteError(
            f"the cloud welcomes to another network ({shown(welcome.digest, 16)}) than "
            f"{hello.model} ({hello.digest})"
        )
    if welcome.tensors != tensors:
        raise RemoteError(
            f"the cloud welcomes to tensors of {shown(welcome.tensors, 80)}, where {tensors} cross "
            f"at {hello.split}"
        )


def refused(reason: str) -> str:
    """The text message that refuses a hello."""
    return json.dumps({"refused": shown(reason, REASON_CHARACTERS)})


def fault(error: ValidationError) -> str:
    """The first thing that is wrong with a message, in a line."""
    first = error.errors()[0]
    where = shown(".".join(map(str, first["loc"])), 80)
    said = shown(first["msg"])
    return f"{where}: {said}" if where else said


def _object(text: str) -> dict[str, Any]:
    if len(text) > TEXT_BYTES:
        raise RemoteError(f"a text of {len(text)} characters: {TEXT_BYTES} at most")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RemoteError("a JSON object expected")
    return said
