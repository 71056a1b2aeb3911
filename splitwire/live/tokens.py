"""The tokens that let a client speak: a file of them, one a line, read again when it changes."""

import hmac
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from splitwire.errors import RemoteError
from splitwire.live.logs import event

_SHORTEST = 16  # characters
_MOST = 10_000


def read_tokens(path: Path) -> tuple[str, ...]:
    """The tokens that a file holds, one a line.

    Raises:
        RemoteError: the file cannot be read, holds none, or one that is easy to guess.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RemoteError(f"cannot read the token in {path}: {error}") from error
    tokens = tuple(filter(None, map(str.strip, lines)))
    if not 1 <= len(tokens) <= _MOST or not all(map(_is_token, tokens)):
        raise RemoteError(
            f"{path} must hold a token a line, each of {_SHORTEST} letters, digits or -._~ at "
            "least: make one with `openssl rand -hex 32`"
        )
    return tokens


def read_token(path: Path | None) -> str | None:
    """The one that an edge shows: the first of a file's; None where there is no file.

    Raises:
        RemoteError: as `read_tokens`.
    """
    return None if path is None else read_tokens(path)[0]


def is_among(shown: str, tokens: Iterable[str]) -> bool:
    """Whether a token is one of those; all are compared, so that time does not tell which."""
    # Bytes, as compare_digest takes no text beyond ASCII; constant in time for equal lengths.
    given = shown.encode(errors="replace")
    return sum(hmac.compare_digest(given, token.encode()) for token in tokens) > 0


class TokenFile:
    """The tokens of a file as it is now.

    A change that leaves no good file behind is logged, and the tokens from before stay: half a file
    must not open a cloud to everyone, nor shut all out.

    Raises:
        RemoteError: as `read_tokens`, when it is opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens = read_tokens(path)
        self._stamp = self._stamped()

    def __iter__(self) -> Iterator[str]:
        """The tokens, read anew where the file has changed."""
        stamp = self._stamped()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._tokens = read_tokens(self._path)
                event("tokens read", file=str(self._path), tokens=len(self._tokens))
            except RemoteError as error:
                event("tokens not read", logging.ERROR, reason=str(error))
        return iter(self._tokens)

    def _stamped(self) -> tuple[int, ...]:
        try:
            about = self._path.stat()
        except OSError:
            return ()
        return about.st_mtime_ns, about.st_size, about.st_ino


def _is_token(word: str) -> bool:
    return len(word) >= _SHORTEST and all(c.isalnum() or c in "-._~" for c in word)
