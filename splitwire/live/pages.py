"""The page: files with nothing to build and nothing to fetch, and what it asks the server for."""

from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from splitwire.data.photos import SAMPLES, load_photos
from splitwire.errors import SplitwireError
from splitwire.live.access import Access
from splitwire.live.library import Library
from splitwire.live.phone import Phone
from splitwire.models.preprocess import Preprocess

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/connection.js": ("connection.js", "text/javascript; charset=utf-8"),
    "/picture.js": ("picture.js", "text/javascript; charset=utf-8"),
    "/phone.js": ("phone.js", "text/javascript; charset=utf-8"),
    "/demo.js": ("demo.js", "text/javascript; charset=utf-8"),
    "/monitor.js": ("monitor.js", "text/javascript; charset=utf-8"),
    "/plots.js": ("plots.js", "text/javascript; charset=utf-8"),
    "/rates.js": ("rates.js", "text/javascript; charset=utf-8"),
    "/ways.js": ("ways.js", "text/javascript; charset=utf-8"),
    "/predictions.js": ("predictions.js", "text/javascript; charset=utf-8"),
}
_SAMPLE = 3  # of the photos: one that is told with confidence, coded or not
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "img-src 'self' data: blob:; media-src blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def pages(
    access: Access,
    about: dict[str, Any],
    phone: Phone | None = None,
    sample: bytes | None = None,
) -> list[BaseRoute]:
    """The routes of the page.

    Args:
        access: who may ask what there is to choose from; the files themselves tell nothing.
        about: what there is to choose from.
        phone: what makes an edge of a phone.
        sample: a picture's file, which the page begins with.
    """
    about = {**about, "sample": sample is not None}
    if phone is not None:
        about = {**about, "phone": phone.about}
    folder = files("splitwire.live") / "page"
    served = {at: ((folder / name).read_bytes(), kind) for at, (name, kind) in FILES.items()}

    async def file(request: Request) -> Response:
        body, kind = served[request.url.path]
        return Response(body, media_type=kind, headers=_HEADERS)

    async def described(request: Request) -> Response:
        if reason := access.refusal(request.headers):
            return JSONResponse({"refused": reason}, 401 if "token" in reason else 403)
        return JSONResponse(about, headers=_HEADERS)

    async def first(request: Request) -> Response:
        return Response(sample, media_type="image/jpeg", headers=_HEADERS)

    more = [] if phone is None else phone.routes(access)
    if sample is not None:
        more.append(Route("/sample.jpg", first))
    return [*(Route(at, file) for at in FILES), Route("/about", described), *more]


def sample() -> bytes | None:
    """The file of a photo to begin with, where some are installed (the extra `samples`)."""
    try:
        return load_photos(SAMPLES)[_SAMPLE].path.read_bytes()
    except SplitwireError:
        return None


def about(library: Library) -> dict[str, Any]:
    """What every page has to know of the networks, by name.

    Of those that take pictures: a page has no others. `sizes` are height and width of their
    pictures and what a photo is resized to, in pixels; `tasks` what they are for, None where no
    task fits.
    """
    sizes: dict[str, dict[str, int | None]] = {}
    tasks: dict[str, str | None] = {}
    for name, model in library.models.items():
        how = model.preprocess
        if isinstance(how, Preprocess):
            height, width = how.size
            sizes[name] = {"height": height, "width": width, "resize": how.resize}
            tasks[name] = library.page_task(model)
    return {"sizes": sizes, "tasks": tasks}
