"""What `splitwire serve-ray` deploys: a TOML file, or the same as an application's arguments."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass as checked

from splitwire.calibrate.store import ProfileStore
from splitwire.errors import RemoteError
from splitwire.live.access import Access, check_exposure
from splitwire.live.handshake import fault
from splitwire.live.hosts import Hosts
from splitwire.live.library import Library
from splitwire.live.limits import Limits
from splitwire.live.serve import check_certificate
from splitwire.live.tokens import TokenFile
from splitwire.models.load import load_model
from splitwire.tasks.registry import tasks

_STRICT = ConfigDict(extra="forbid")


@checked(frozen=True, config=_STRICT)
class Halves:
    """The replicas that run the networks' second halves.

    Attributes:
        replicas: how many at least.
        most: up to how many, where that is more: as many as the queue asks for.
        target: frames in hand of a replica, above which another is started.
        cpus: cores of each.
        gpus: of each; a part of one is shared.
        batch: frames of one split that run together at most.
    """

    replicas: PositiveInt = 1
    most: PositiveInt = 1
    target: PositiveFloat = 4.0
    cpus: NonNegativeFloat = 1.0
    gpus: NonNegativeFloat = 0.0
    batch: PositiveInt = 8


@checked(frozen=True, config=_STRICT)
class Deployment:
    """A cloud on Ray Serve; what is called as an option of `splitwire cloud` is that.

    Attributes:
        doors: processes that speak with clients and decode, one a node at the same port, or
            several of one node that share it.
        door_cpus: cores of each.
        halves: what they send decoded frames to.
        revision: any number; another one replaces every process, one after another.
    """

    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("lite0",)
    weights: str = "pretrained"
    task: tuple[str, ...] = ()
    profiles: tuple[Path, ...] = ()
    codecs: tuple[str, ...] | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 7070
    grpc_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    hostname: tuple[str, ...] = ()
    token_file: Path | None = None
    open_to_all: bool = False
    certificate: Path | None = None
    key: Path | None = None
    clients: PositiveInt = 64
    max_message: Annotated[int, Field(ge=1024)] = 16 << 20
    queue: PositiveInt = 64
    threads: PositiveInt = 1
    doors: PositiveInt = 1
    door_cpus: NonNegativeFloat = 1.0
    halves: Halves = Field(default_factory=Halves)
    revision: int = 0

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """The deployment that a table of values describes.

        Raises:
            RemoteError: a value is none of its field's, or a field is unknown.
        """
        try:
            return TypeAdapter(cls).validate_python(values)
        except ValidationError as error:
            raise RemoteError(f"serve-ray: {fault(error)}") from None

    def values(self) -> dict[str, Any]:
        """The table again, of what JSON has words for."""
        found: dict[str, Any] = TypeAdapter(type(self)).dump_python(self, mode="json")
        return found

    def library(self) -> Library:
        """Its networks, loaded."""
        weights = None if self.weights == "none" else self.weights
        models = [load_model(name, weights) for name in self.models]
        for model in models:
            _ = model.graph, model.digest
        return Library(models, ProfileStore(*self.profiles), tasks(self.task), self.codecs)

    def access(self) -> Access:
        """Who may speak to it.

        Raises:
            RemoteError: it would listen to everyone unasked, or with half a certificate.
        """
        tokens = TokenFile(self.token_file) if self.token_file else None
        check_exposure(self.host, tokens is not None, self.open_to_all)
        check_certificate(self.certificate, self.key)
        return Access(tokens, Hosts.of(self.host, self.hostname))

    @property
    def limits(self) -> Limits:
        """What a door takes on."""
        return Limits(self.clients, self.max_message, self.queue)


def read_deployment(path: Path) -> Deployment:
    """The deployment that a file describes.

    Raises:
        RemoteError: it cannot be read, or describes none.
    """
    try:
        return Deployment.of(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RemoteError(f"cannot read {path}: {error}") from error
