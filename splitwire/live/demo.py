"""The demonstration: the page's own edge, so that all three ways can be compared on one screen.

    browser ─ picture ─▶ edge (here, as slow as a phone) ─ slowed link ─▶ cloud (a process)

Over the WebSocket `/edge` the page sends its choices as JSON and pictures as files; for every
picture it gets a JSON object of what was measured.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from splitwire.calibrate.store import ProfileStore
from splitwire.errors import RemoteError
from splitwire.eval.radio import ANSWER, Radio
from splitwire.live import loops
from splitwire.live.access import Access
from splitwire.live.address import Address
from splitwire.live.choosing import open_choice, shared
from splitwire.live.drive import Drive
from splitwire.live.hosts import Hosts
from splitwire.live.library import Library, without_files
from splitwire.live.offers import CODECS, FASTEST, PICTURE, RTT, SLOWEST, START, codecs_by_split
from splitwire.live.pages import about, pages, sample
from splitwire.live.session import Selection, Session
from splitwire.live.shown import shown
from splitwire.live.slowing import Slowed
from splitwire.models.load import Model
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY
from splitwire.runner.link import Trace
from splitwire.tasks.registry import task_class

_DEADLINE, _RADIO = 30.0, "wifi"
_HOST = "127.0.0.1"
_LARGEST_PICTURE = 32 << 20  # bytes of a picture's file


@dataclass(frozen=True)
class Demo:
    """The page's server side.

    Args:
        library: the networks of the edge.
        address: of the cloud.
        store: of profiles.
        task: that of the networks, by name; None for the one that each is for.
        slowness: how many times slower than this machine the edge is to be.
        access: who may use it.
    """

    library: Library
    address: Address
    store: ProfileStore
    task: str | None = None
    slowness: float = 1.0
    access: Access = field(default_factory=lambda: Access(hosts=Hosts.of(_HOST)))

    def about(self) -> dict[str, Any]:
        """What there is to choose from."""
        return {
            **about(self.library),
            "splits": {
                name: codecs_by_split(model, self.store, self._task(model) or "")
                for name, model in self.library.models.items()
            },
            "codecs": {
                name: [f"{name}:{key}={value}" for value in values]
                for name, (key, values) in CODECS.items()
            },
            "rates": {"slowest": SLOWEST, "start": START, "fastest": FASTEST, "rtt": RTT},
            "radio": {"name": _RADIO, "answer": ANSWER, **asdict(Radio.load(_RADIO))},
            "units": {
                name: task_class(task).unit
                for name, model in self.library.models.items()
                if (task := self._task(model))
            },
            "slowness": self.slowness,
        }

    def serve_forever(self, port: int, said: Callable[[str], None]) -> None:
        """Serve the page on loopback until a signal; `said` is told its address."""
        shown = pages(self.access, self.about(), sample=sample())
        routes = [WebSocketRoute("/edge", self.serve), Route("/metrics", self.metrics), *shown]
        listening = socket.create_server((_HOST, port))
        said(f"http://{_HOST}:{listening.getsockname()[1]}")
        config = uvicorn.Config(
            Starlette(routes=routes),
            log_level="warning",
            ws="websockets-sansio",
            ws_max_size=_LARGEST_PICTURE,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        loops.run(_Server(config).serve([listening]), emulated=True)

    def drive(self, selection: Selection) -> Drive:
        """How the edge is to run: in any of the three ways."""
        model = self.library.models.get(selection.model)
        if model is None:
            raise RemoteError(f"no model {shown(selection.model, 80)!r} here")
        task = self._task(model)
        if task is None:
            raise RemoteError(f"no task that is installed fits {model.name}")
        cut, spec = self.library.split(model, selection.split), without_files(selection.codec)
        ways = [
            open_choice(model, shared(selection.split, str(spec)), self.store, task, cut),
            open_choice(model, (EDGE_ONLY, "", ""), self.store, task),
            open_choice(model, (CLOUD_ONLY, "", PICTURE), self.store, task),
        ]
        return Drive(
            self.address,
            self.library.task(model, task),
            ways,
            deadline=_DEADLINE,
            in_flight=1,
            slowness=self.slowness,
            slowed=Slowed(Trace.constant(selection.rate), RTT),
            whole=True,  # to say how far the output is from the uncompressed network's
        )

    def _task(self, model: Model) -> str | None:
        return self.task or self.library.page_task(model)

    async def metrics(self, request: Request) -> Response:
        """The cloud's own, for the page; 503 while it is not there."""
        if reason := self.access.refusal(request.headers):
            return PlainTextResponse(reason + "\n", 403)
        try:
            told = await asyncio.to_thread(self.address.fetch, "/metrics")
        except RemoteError:
            return PlainTextResponse("no cloud\n", 503)
        return Response(told, media_type="text/plain; version=0.0.4")

    async def serve(self, page: WebSocket) -> None:
        """One page."""
        if self.access.refusal(page.headers):
            await page.close()
            return
        await page.accept()
        session = Session(self.drive)
        try:
            await session.run(page)
        except WebSocketDisconnect:
            pass
        finally:
            await session.close()


class _Server(uvicorn.Server):
    """A server that only stops at a signal; raising it anew would leave the cloud behind."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True
