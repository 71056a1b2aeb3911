"""Who may speak to the cloud: the token, the page's origin, and where the cloud may listen."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from splitwire.errors import RemoteError

BEARER = "bearer."
"""A browser cannot set headers on a WebSocket: it offers `bearer.TOKEN` as a subprotocol."""

SUBPROTOCOL = "splitwire"
_SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Access:
    """What a request must show; with no token everyone may speak."""

    token: str | None = None

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Why a request is refused, in words; None where it is not.

        Args:
            headers: of the request, by lower-case name.
        """
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return "the page comes from another origin"
        if self.token is None:
            return None
        shown = _shown(headers)
        if shown is None:
            return "no token"
        # Bytes, as compare_digest takes no text beyond ASCII; constant in time for equal lengths.
        return None if hmac.compare_digest(shown.encode(), self.token.encode()) else "wrong token"


def _shown(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    offered = (word.strip() for word in headers.get("sec-websocket-protocol", "").split(","))
    return next((w.removeprefix(BEARER) for w in offered if w.startswith(BEARER)), None)


def read_token(path: Path | None) -> str | None:
    """The token that a file holds.

    Raises:
        RemoteError: the file cannot be read, or holds nothing that is hard to guess.
    """
    if path is None:
        return None
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RemoteError(f"cannot read the token in {path}: {error}") from error
    if len(token) < _SHORTEST_TOKEN or not all(c.isalnum() or c in "-._~" for c in token):
        raise RemoteError(
            f"{path} must hold {_SHORTEST_TOKEN} letters, digits or -._~ at least: "
            "make one with `openssl rand -hex 32`"
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether an address never leaves this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_exposure(host: str, token: str | None, open_to_all: bool) -> None:
    """Refuse to listen beyond this machine with no token, unless told so in words.

    Raises:
        RemoteError: the address is reachable from elsewhere and nothing guards it.
    """
    if token is None and not is_loopback(host) and not open_to_all:
        raise RemoteError(
            f"{host} can be reached from other machines and there is no token: "
            "give --token-file, or say --open-to-all"
        )
