"""Where a cloud is, and how it is reached and trusted."""

import ssl
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from splitwire.errors import RemoteError
from splitwire.live.hosts import is_loopback
from splitwire.live.protocol import PATH
from splitwire.live.shown import shown

if TYPE_CHECKING:  # which takes aioquic
    from splitwire.live.quic_edge import QuicLine

OPEN_SECONDS = 5.0


_LARGEST_PAGE = 1 << 20  # bytes of a page that is fetched
_LARGEST_REPLY = 256 << 20  # bytes: a whole output may be a map of classes


@dataclass(frozen=True)
class Address:
    """Where a cloud is and how to show that one may speak to it.

    Attributes:
        url: http, https, ws or wss, or quic for frames by datagrams; no path.
        token: the bearer token, if it wants one.
        authority: a file of certificates to trust beside the system's, as of one's own making.
        via: host and port to connect to instead, such as a relay's.

    Raises:
        RemoteError: the URL is none, or would show the token to whoever listens.
    """

    url: str
    token: str | None = None
    authority: Path | None = None
    via: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https", "ws", "wss", "quic") or not parts.hostname:
            raise RemoteError(f"{self.url!r} is no address such as https://HOST:PORT")
        if self.datagrams and not parts.port:
            raise RemoteError(f"{self.url} names no port: quic://HOST:PORT is expected")
        if self.token and not self.secure and not is_loopback(parts.hostname):
            raise RemoteError(f"{self.url} would carry the token unencrypted: use https://")

    @property
    def secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return urlsplit(self.url).scheme in ("https", "wss", "quic")

    @property
    def datagrams(self) -> bool:
        """Whether frames go there as datagrams."""
        return urlsplit(self.url).scheme == "quic"

    @property
    def target(self) -> tuple[str, int]:
        """Its host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if self.secure else 80)

    async def open(self) -> "ClientConnection | QuicLine":
        """A connection.

        Raises:
            RemoteError: nobody is there, or it turns this edge away.
        """
        try:
            return await (self._dial() if self.datagrams else self._connect())
        except (OSError, WebSocketException, TimeoutError) as error:
            said = shown(str(error) or type(error).__name__)
            raise RemoteError(
                f"no connection to {self.url}: {said}; start `splitwire cloud` there, or give "
                "another address"
            ) from error

    async def _dial(self) -> "QuicLine":
        from splitwire.live.quic_edge import dial

        headers = {"Host": urlsplit(self.url).netloc, **self._headers}
        return await dial(self.target, headers, self.authority, _LARGEST_REPLY, OPEN_SECONDS)

    async def _connect(self) -> ClientConnection:
        scheme, netloc = "wss" if self.secure else "ws", urlsplit(self.url).netloc
        options: dict[str, Any] = {"ssl": self._tls()} if self.secure else {}
        if self.via:
            options |= {"host": self.via[0], "port": self.via[1]}
        try:
            return await connect(
                f"{scheme}://{netloc}{PATH}",
                additional_headers=self._headers,
                compression=None,
                proxy=None,
                open_timeout=OPEN_SECONDS,
                close_timeout=1,
                max_size=_LARGEST_REPLY,
                **options,
            )
        except InvalidStatus as error:
            said = shown(error.response.body[:1000].decode(errors="replace").strip())
            status = error.response.status_code
            raise RemoteError(f"{self.url} refused: {said or status} ({status})") from error

    def fetch(self, path: str) -> bytes:
        """What is at a path there.

        Raises:
            RemoteError: nobody is there, or it turns this edge away.
        """
        connect = HTTPSConnection if self.secure else HTTPConnection
        options: dict[str, Any] = {"context": self._tls()} if self.secure else {}
        there = connect(*self.target, timeout=OPEN_SECONDS, **options)
        try:
            there.request("GET", path, headers=self._headers)
            answer = there.getresponse()
            if answer.status != HTTPStatus.OK:
                raise RemoteError(f"{self.url}{path} refused ({answer.status})")
            return answer.read(_LARGEST_PAGE)
        except (OSError, HTTPException) as error:
            raise RemoteError(f"no connection to {self.url}: {error}") from error
        finally:
            there.close()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context()
            if self.authority:
                context.load_verify_locations(self.authority)
        except (OSError, ssl.SSLError) as error:
            raise RemoteError(f"cannot trust {self.authority}: {error}") from error
        return context
