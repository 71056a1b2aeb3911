"""The page's phone mode: a bundle for the device that opens the page, and what runs it there.

What npm installed (`npm install splitwire`) and the bundle lie under addresses that hold their
digests, so that a browser keeps them for good. The bundle takes the cloud's token as frames do.
"""

import gzip
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from splitwire.errors import RemoteError
from splitwire.live.access import Access
from splitwire.live.handshake import Hello
from splitwire.live.library import Library

_SPLITWIRE, _RUNTIME = "splitwire/", "onnxruntime-web/dist/"
_OURS = (
    *("bundle", "connection", "core", "edge", "half", "index", "local", "packet", "preprocess"),
    "runtime",
)
MODULES = (
    *(f"{_SPLITWIRE}{name}.js" for name in _OURS),
    f"{_SPLITWIRE}splitwire.wasm",
    f"{_RUNTIME}ort.wasm.bundle.min.mjs",
    f"{_RUNTIME}ort-wasm-simd-threaded.wasm",
)
"""What the page takes of the folder that npm installed to."""

_SCRIPT, _WASM = "text/javascript; charset=utf-8", "application/wasm"
_BYTES = "application/octet-stream"
_KEPT = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=31536000, immutable",
}


class Phone:
    """A bundle and the modules that run it, as a cloud's page takes them.

    Args:
        hello: what the device will say; tried here.
        folder: of the bundle.
        names: of its files, the manifest among them.
        modules: the `node_modules` that `npm install splitwire` made.
        library: the cloud's networks and profiles.

    Raises:
        RemoteError: the modules are missing, or the cloud does not hold what the bundle is of.
    """

    def __init__(
        self, hello: Hello, folder: Path, names: Sequence[str], modules: Path, library: Library
    ) -> None:
        library.agree(hello)
        self._files = {name: folder / name for name in names}
        self._modules = {name: _module(modules, name) for name in MODULES}
        self._packed = {name: gzip.compress(data, 6) for name, data in self._modules.items()}
        self._at = f"bundle/{_digest(path.read_bytes() for path in self._files.values())}/"
        self._run = f"modules/{_digest(self._modules.values())}/"
        said = {"model": hello.model, "split": hello.split, "codec": hello.codec}
        self.about = {**said, "bundle": self._at, "modules": self._run}
        """What the page has to know: whose half it is, and where all lies."""

    def routes(self, access: Access) -> list[BaseRoute]:
        """Where the page finds it.

        Args:
            access: who may have the bundle; the modules are anyone's.
        """

        async def module(request: Request) -> Response:
            name = request.path_params["name"]
            if name not in self._modules:
                return PlainTextResponse("no such module\n", 404)
            packed = "gzip" in request.headers.get("accept-encoding", "")
            kind = _WASM if name.endswith(".wasm") else _SCRIPT
            headers = {**_KEPT, "Vary": "Accept-Encoding"}
            if packed:
                headers["Content-Encoding"] = "gzip"
            data = (self._packed if packed else self._modules)[name]
            return Response(data, media_type=kind, headers=headers)

        async def part(request: Request) -> Response:
            if reason := access.refusal(request.headers):
                return PlainTextResponse(reason + "\n", 401 if "token" in reason else 403)
            name = request.path_params["name"]
            if name not in self._files:
                return PlainTextResponse("no such file\n", 404)
            return FileResponse(self._files[name], media_type=_BYTES, headers=_KEPT)

        return [
            Route(f"/{self._run}{{name:path}}", module),
            Route(f"/{self._at}{{name}}", part),
        ]


def _module(modules: Path, name: str) -> bytes:
    try:
        return (modules / name).read_bytes()
    except OSError as error:
        raise RemoteError(
            f"cannot read {modules / name}: {error.strerror}; give --modules the node_modules that "
            "`npm install splitwire` made"
        ) from error


def _digest(files: Iterable[bytes]) -> str:
    """Tells these files from any others."""
    parts = (hashlib.sha256(data).digest() for data in files)
    return hashlib.sha256(b"".join(parts)).hexdigest()[:32]
