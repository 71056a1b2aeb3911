"""Pieces of error messages that loading and cutting share."""

from collections.abc import Iterable
from difflib import get_close_matches


def near(name: str, names: Iterable[str]) -> str:
    """Names close to `name`, as the end of a sentence: `; near: a, b, c`, or nothing."""
    close = get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f"; near: {', '.join(close)}" if close else ""


def reason(error: BaseException) -> str:
    """The first line of what `error` says (its type if it says nothing), at most 160 characters."""
    lines = str(error).strip().splitlines() or [""]
    return lines[0][:160] or type(error).__name__
