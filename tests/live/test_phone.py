"""The page as an edge: its half of the network in the browser, beside the same edge in Python."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import CHROMIUM, PHONE, WAIT, status
from deployment import CloudProcess, fetch, start_cloud
from numpy.typing import NDArray
from PIL import Image

import splitwire as sw
from splitwire.bundle.export import write_bundle
from splitwire.bundle.opened import Bundle
from splitwire.calibrate.store import ProfileStore
from splitwire.data.photos import load_photos
from splitwire.runner.local import encode
from splitwire.tasks.classification import Classification

JS = Path(__file__).parents[2] / "js"
TOKEN = "0123456789abcdef"
PIXELS = """() => {
    const canvas = document.getElementById("picture");
    return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
}"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `npm install` would make of the package as it stands here."""
    if not (JS / "node_modules").is_dir() or not (JS / "splitwire.wasm").is_file():
        pytest.skip("the page's modules are not here: (cd js && npm ci && npm run build)")
    folder = tmp_path_factory.mktemp("npm")
    (folder / "splitwire").symlink_to(JS)
    (folder / "onnxruntime-web").symlink_to(JS / "node_modules/onnxruntime-web")
    return folder


@pytest.fixture(scope="module")
def bundle(lite0: sw.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, cut, spec = tmp_path_factory.mktemp("bundle"), sw.split(lite0, "blocks.3"), "ftc"
    codecs = ProfileStore().codecs(cut, sw.codec(spec), "classification")
    write_bundle(folder, cut, codecs, spec, Classification.of(lite0))
    return folder


@pytest.fixture(scope="module")
def opened(bundle: Path) -> Bundle:
    return Bundle(bundle)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo without loss, so that no two decoders see it differently."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.open(load_photos("samples")[3].path).convert("RGB").save(path)
    return path


class Deployment:
    """A cloud with a bundle, on a port of its own, that may go and come back."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        (folder / "token").write_text(TOKEN, encoding="utf-8")
        self._start = (folder, "--port", port, "--token-file", "token", *options)
        self.address = f"http://127.0.0.1:{port}"
        self.begin()

    def begin(self) -> None:
        self.process: CloudProcess = start_cloud(*self._start, models=["lite0", "net.py:small"])
        self.process.event("listening")

    def kill(self) -> None:
        self.process.process.kill()
        self.process.process.wait()


@pytest.fixture(scope="module")
def cloud(
    bundle: Path, modules: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    deployment = Deployment(
        tmp_path_factory.mktemp("cloud"), "--bundle", str(bundle), "--modules", str(modules)
    )
    yield deployment
    deployment.kill()


@pytest.fixture(scope="module")
def camera(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium with a camera that sees the photo, at the width of a phone."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    film = tmp_path_factory.mktemp("film") / "film.mjpeg"
    Image.open(photo).resize((640, 480)).save(film, "JPEG", quality=95)
    flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    flags.append(f"--use-file-for-fake-video-capture={film}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def phone(camera: Any, cloud: Deployment) -> Iterator[Any]:
    """The page, ready, with both halves of the network; it asks for nothing elsewhere."""
    context = camera.new_context(viewport=PHONE, is_mobile=True, has_touch=True)
    page, elsewhere = context.new_page(), []
    page.on("request", lambda r: elsewhere.append(r.url) if "127.0.0.1" not in r.url else None)
    page.goto(cloud.address)
    page.get_by_label("Token of this cloud").fill(TOKEN)
    page.get_by_role("button", name="Connect").click()
    status(page, "Ready")
    loaded(page, "runs both halves")
    yield page
    context.close()
    assert [url for url in elsewhere if url.startswith("http")] == []


def loaded(page: Any, pattern: str) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#loaded")).to_have_text(re.compile(pattern), timeout=WAIT)


def sent(page: Any) -> int:
    """Bytes of the latest frame."""
    found = re.search(r"\(([\d,]+) bytes\)", page.locator("#c-bytes").inner_text())
    assert found
    return int(found[1].replace(",", ""))


def best(page: Any) -> str:
    return str(page.locator("#classes li .name").first.inner_text())


def of_python(bundle: Bundle, x: NDArray[np.float32]) -> tuple[int, str]:
    """The bytes that an edge in Python sends of a picture, and what the network sees in it."""
    features = bundle.halves.start(x)
    logits = bundle.halves.finish(features)
    return len(encode(features, bundle.codecs)), bundle.manifest.labels[int(logits.argmax())]


def test_a_photo_is_seen_as_an_edge_in_python_sees_it(
    phone: Any, photo: Path, opened: Bundle
) -> None:
    phone.set_input_files("#file", str(photo))
    status(phone, "Frame 1 answered by the cloud")
    x = opened.halves.model.preprocess.picture(Image.open(photo))
    size, name = of_python(opened, x)
    assert abs(sent(phone) / size - 1) < 0.03
    assert best(phone) == name
    rows = phone.locator("#strip tbody th").all_inner_texts()
    assert [row.removesuffix(" (fastest)") for row in rows] == ["edge only", "cloud only", "shared"]
    pixels = np.reshape(phone.evaluate(PIXELS), (224, 224, 4))[..., :3]
    assert np.array_equal(pixels.transpose(2, 0, 1), x)
    phone.get_by_label("Send").select_option("the picture")
    status(phone, "Frame 2 answered by the cloud")
    assert sent(phone) > 3 * size
    assert best(phone) == name


def test_a_camera_goes_on_without_the_cloud_and_comes_back_to_it(
    phone: Any, cloud: Deployment, opened: Bundle
) -> None:
    phone.get_by_role("button", name="Camera").click()
    status(phone, r"Frame \d+ answered by the cloud")
    phone.get_by_role("button", name="Camera").click()
    phone.wait_for_timeout(1000)  # until the frame under way is shown
    x = np.reshape(phone.evaluate(PIXELS), (224, 224, 4))[..., :3].transpose(2, 0, 1)
    size, name = of_python(opened, np.ascontiguousarray(x, np.float32))
    assert abs(sent(phone) / size - 1) < 0.03
    assert best(phone) == name
    phone.get_by_role("button", name="Camera").click()
    cloud.kill()
    status(phone, r"Frame \d+ finished here: the cloud")
    assert best(phone) == name
    assert sent(phone) == 0
    cloud.begin()
    status(phone, r"Frame \d+ answered by the cloud")
    phone.get_by_role("button", name="Camera").click()


def test_what_was_loaded_is_kept(phone: Any) -> None:
    loaded(phone, r"Loaded \d+(\.\d+)? MB, kept for the next time")
    phone.reload()
    loaded(phone, r"Loaded [\d.]+ kB; [\d.]+ MB were kept from before.* runs both halves")


def test_another_network_has_its_pictures_sent(phone: Any, photo: Path) -> None:
    phone.get_by_label("Network").select_option("net.py:small")
    assert not phone.locator("#strip").is_visible()
    phone.set_input_files("#file", str(photo))
    status(phone, "Frame 1 answered by the cloud")


def test_the_bundle_takes_the_token(cloud: Deployment) -> None:
    import json
    from urllib.error import HTTPError

    right = {"Authorization": f"Bearer {TOKEN}"}
    about = json.loads(fetch(f"{cloud.address}/about", right))["phone"]
    manifest = f"{cloud.address}/{about['bundle']}manifest.json"
    assert json.loads(fetch(manifest, right))["network"] == "lite0"
    with pytest.raises(HTTPError, match="401"):
        fetch(manifest)
    for wrong in ("none.onnx", "..%2ftoken", "%2fetc%2fpasswd"):
        with pytest.raises(HTTPError, match="404"):
            fetch(f"{cloud.address}/{about['bundle']}{wrong}", right)


def test_what_makes_no_phone_is_said_at_the_start(
    bundle: Path, modules: Path, tmp_path: Path
) -> None:
    def said(*options: str) -> str:
        process = start_cloud(tmp_path, "--port", "0", *options, models=["net.py:small"])
        process.process.wait()
        return " ".join(iter_lines(process))

    assert "needs both --bundle and --modules" in said("--bundle", str(bundle))
    assert "no model 'lite0' here" in said("--bundle", str(bundle), "--modules", str(modules))


def iter_lines(process: CloudProcess) -> Iterator[str]:
    while not process.lines.empty():
        yield process.lines.get().strip()
