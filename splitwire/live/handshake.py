"""How an edge and a cloud agree: hello and welcome, text messages in JSON."""

import json
from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from splitwire.errors import RemoteError

VERSION = 2


MAX_AGREEMENTS = 64  # of one connection


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
        hello: version of the protocol.
    """

    model: str
    split: str
    codec: str
    task: str = "classification"
    digest: str = ""
    profiles: tuple[str, ...] = ()
    whole: bool = False
    hello: int = VERSION

    def text(self) -> str:
        """The message."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """The hello in a message.

        Raises:
            RemoteError: it is none, or of another version.
        """
        said = _object(text)
        if said.get("hello") != VERSION:
            raise RemoteError(
                f"a hello of version {VERSION} expected, not {str(said.get('hello'))[:20]!r}"
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
        max_message: bytes.
        welcome: version of the protocol.
    """

    agreement: Annotated[int, Field(ge=0, lt=256)]
    digest: str
    tensors: list[list[int]]
    in_flight: int
    max_message: int
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
            raise RemoteError(f"the cloud refused: {said['refused']}")
        try:
            return TypeAdapter(cls).validate_python(said)
        except ValidationError as error:
            raise RemoteError(
                f"the cloud said no welcome of version {VERSION}: {fault(error)}"
            ) from None


def refused(reason: str) -> str:
    """The text message that refuses a hello."""
    return json.dumps({"refused": reason})


def fault(error: ValidationError) -> str:
    """The first thing that is wrong with a message, in a line."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RemoteError("a JSON object expected")
    return said
