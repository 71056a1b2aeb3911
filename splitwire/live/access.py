"""Who may speak to the cloud: the host asked for, the page's origin, the token."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from splitwire.errors import RemoteError
from splitwire.live.hosts import Hosts, is_loopback
from splitwire.live.tokens import is_among

BEARER = "bearer."
"""A browser cannot set headers on a WebSocket: it offers `bearer.TOKEN` as a subprotocol."""

SUBPROTOCOL = "splitwire"


@dataclass(frozen=True)
class Access:
    """What a request must show.

    Attributes:
        tokens: those that let a client speak; without any everyone may.
        hosts: the names that a request may ask for; any where it is None.
    """

    tokens: Iterable[str] | None = None
    hosts: Hosts | None = None

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Why a request is refused, in words; None where it is not.

        Args:
            headers: of the request, by lower-case name.
        """
        host, origin = headers.get("host"), headers.get("origin")
        if self.hosts is not None and host not in self.hosts:
            return "another host is asked for: name it with --hostname"
        if origin is not None and _netloc(origin) != host:
            return "the page comes from another origin"
        if self.tokens is None:
            return None
        token = _shown(headers)
        if token is None:
            return "no token"
        return None if is_among(token, self.tokens) else "wrong token"


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # as of a bracket without its other
        return None


def _shown(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    offered = (word.strip() for word in headers.get("sec-websocket-protocol", "").split(","))
    return next((w.removeprefix(BEARER) for w in offered if w.startswith(BEARER)), None)


def check_exposure(host: str, guarded: bool, open_to_all: bool) -> None:
    """Refuse to listen beyond this machine with no token, unless told so in words.

    Raises:
        RemoteError: the address is reachable from elsewhere and nothing guards it.
    """
    if not guarded and not is_loopback(host) and not open_to_all:
        raise RemoteError(
            f"{host} can be reached from other machines and there is no token: "
            "give --token-file, or say --open-to-all"
        )
