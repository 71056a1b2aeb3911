"""An engine whose frames are decoded here, and finished elsewhere.

What a sequence builds on stays where its connection is; what goes elsewhere are decoded tensors,
which any replica can finish, and another one again if the first is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from splitwire.live.batching import Engine
from splitwire.live.inference import Inference, Job
from splitwire.live.protocol import Code, FrameError


class RemoteEngine(Engine):
    """Decodes frames as an `Engine` does, and has each finished by a call.

    Args:
        finish: what comes of a decoded frame; it is given up when the frame's time ends.
        queue, budget, pasts: as an `Engine` has them.
    """

    def __init__(
        self,
        finish: Callable[[Job], Awaitable[Inference | FrameError]],
        queue: int,
        budget: int,
        pasts: int,
    ) -> None:
        super().__init__(queue, budget, pasts)
        self._finish = finish
        self._away: set[asyncio.Task[None]] = set()

    def _run(self) -> None:
        """Send the next frame away."""
        with self._listing:
            batch = self._take(monotonic())
        for job in batch:
            self._loop.call_soon_threadsafe(self._send, job)

    def _send(self, job: Job) -> None:
        task = self._loop.create_task(self._finished(job))
        self._away.add(task)
        task.add_done_callback(self._away.discard)

    async def _finished(self, job: Job) -> None:
        left = max(0.0, job.expires - monotonic())
        try:
            result = await asyncio.wait_for(self._finish(job), left)
        except TimeoutError:
            result = FrameError(Code.LATE, "no time left to run it")
        except Exception as error:  # of any kind: still no other frame's
            said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            result = FrameError(Code.NO_PREDICTION, said)
        self._ended(job, result)
