"""The event loop that an edge runs on."""

import asyncio
from collections.abc import Coroutine
from selectors import SelectSelector
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], emulated: bool) -> T:
    """What a coroutine returns, run on the loop that fits.

    Args:
        main: what to run.
        emulated: whether the link is. Then the loop is one whose timers tell microseconds: epoll's
            are whole milliseconds late, and uvloop's clock stands still for one. On a real link it
            is uvloop where that is installed, since it takes less time for each frame.
    """
    with asyncio.Runner(loop_factory=_exact if emulated else _fast()) as runner:
        return runner.run(main)


def _exact() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(SelectSelector())


def _fast() -> Any:
    try:
        import uvloop
    except ImportError:  # as on Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop
