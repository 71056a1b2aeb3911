import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import CHROMIUM, DESK
from datagram_cloud import Here, datagram_cloud, learn
from deployment import start_cloud, write_files
from numpy.typing import NDArray

import splitwire as sw
from splitwire.live.self_signed import self_signed


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small networks and a task."""
    folder = tmp_path_factory.mktemp("net")
    write_files(folder)
    return folder


@pytest.fixture(scope="session")
def small(net: Path) -> Iterator[sw.Model]:
    """The network that the cloud of these tests holds, under the same name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(net)
        yield sw.load_model("net.py:small")


@pytest.fixture(scope="session")
def small_picture() -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="session")
def address(net: Path) -> Iterator[str]:
    """A cloud on loopback that everyone may speak to."""
    cloud = start_cloud(net, "--port", "0", "--max-message", "100000", models=MODELS)
    yield cloud.event("listening")["address"]
    assert cloud.stop() == 0


@pytest.fixture(scope="session")
def learnt(small: sw.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a profile of `ftc` for the network, and a certificate."""
    made = tmp_path_factory.mktemp("datagrams")
    learn(small, made)
    self_signed(made, ["127.0.0.1"])
    return made


@pytest.fixture(scope="session")
def here(small: sw.Model, learnt: Path) -> Iterator[Here]:
    """A cloud in this process with a door for datagrams."""
    with datagram_cloud(small, learnt) as opened:
        yield opened


MODELS = [f"net.py:{name}" for name in ("small", "negative_is_nan", "no_classifier")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=root)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that fails its test on any error in its scripts, and on any request elsewhere."""
    opened = browser.new_page(viewport=DESK)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    opened.on(
        "request",
        lambda r: (
            None if "127.0.0.1" in r.url or not r.url.startswith("http") else faults.append(r.url)
        ),
    )
    yield opened
    opened.close()
    assert [fault for fault in faults if "401" not in fault] == []
