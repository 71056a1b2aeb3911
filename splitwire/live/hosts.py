"""The names under which a server may be asked for.

A page of a stranger can have its own name resolve to this machine (DNS rebinding), and its scripts
then count as ours. The request still says the stranger's name: so a name has to be one of ours.
Addresses in numbers are no names that anybody could have resolve elsewhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

# With what may stand behind it; `fullmatch` leaves no room for a line's end.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class Hosts:
    """The hosts that requests may name.

    Attributes:
        bound: the address that the server listens on.
        names: further ones that lead to it.
    """

    bound: str
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, bound: str, names: Iterable[str] = ()) -> "Hosts":
        """Of names in any case."""
        return cls(bound.strip("[]").lower(), frozenset(name.lower() for name in names))

    def __contains__(self, header: str | None) -> bool:
        """Whether what a request says in its `Host` is one of them, with or without a port."""
        match = _HOST.fullmatch(header or "")
        if match is None:
            return False
        host = (match[1] or match[2]).lower()
        if host == self.bound or host in self.names:
            return True
        everywhere = _is_unspecified(self.bound)
        if everywhere or is_loopback(self.bound):
            return is_loopback(host) or (everywhere and _is_address(host))
        return False


def is_loopback(host: str) -> bool:
    """Whether an address never leaves this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def spelt(client: tuple[str, int] | None) -> str:
    """The address and the port of a client, as logs name it."""
    if client is None:
        return "?"
    host, port = client
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_unspecified(host: str) -> bool:
    return _is_address(host) and ip_address(host).is_unspecified


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
