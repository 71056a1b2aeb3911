"""Take the pictures of docs/images: the demonstration's page at two widths, and a report's head.

    python tools/take_pictures.py page               # needs ".[live,samples,test]" and Chromium
    python tools/take_pictures.py report runs/default

The edge is eight times slower than this machine, which is the cloud: as the phone of the 2019
demonstration was beside its server. The page runs its own picture often enough that medians stand,
at an upload rate in the middle of those at which splitting is the fastest way, and fails where
there is none.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import expect, sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SCREENS = {"page": (1280, 900), "page-phone": (390, 844)}
FRAMES = 9  # of each setting, which is how many the page keeps
COLOURS = 256  # of a picture's palette: the files stay small
MIDDLE = """() => {
    const part = document.querySelector("#band .shared"), slider = document.getElementById("rate");
    if (!part) return false;
    const share = (parseFloat(part.style.left) + parseFloat(part.style.width) / 2) / 100;
    slider.value = String(Math.round(share * Number(slider.max)));
    for (const kind of ["input", "change"]) slider.dispatchEvent(new Event(kind));
    return true;
}"""


@contextmanager
def demonstration() -> Iterator[str]:
    """The address of one that runs meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        devices = Path(folder) / "devices.toml"
        devices.write_text("[phone]\nfactor = 8\n", encoding="utf-8")
        command = [sys.executable, "-u", "-m", "splitwire", "demo", "--port", "0"]
        command += ["--device", f"{devices}:phone"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
        process.terminate()
        process.wait()


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, without a screen."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


def run(page: Any, frames: int) -> None:
    """Run the picture again so many times."""
    for _ in range(frames):
        number = int(page.locator("#picture").get_attribute("data-frame"))
        page.get_by_role("button", name="Run again").click()
        expect(page.locator("#status")).to_have_text(
            re.compile(f"Frame {number + 1} "), timeout=60_000
        )


def take_page() -> None:
    """The page, where splitting pays."""
    with demonstration() as address, browser() as opened:
        for name, (width, height) in SCREENS.items():
            page = opened.new_page(viewport={"width": width, "height": height})
            page.goto(address)
            expect(page.locator("#status")).to_have_text(re.compile("Frame 1 "), timeout=90_000)
            run(page, FRAMES // 3)
            page.get_by_label("Codec").select_option("jpeg")
            number = FRAMES // 3 + 2
            expect(page.locator("#status")).to_have_text(
                re.compile(f"Frame {number} "), timeout=60_000
            )
            run(page, FRAMES)
            if not page.evaluate(MIDDLE):
                raise SystemExit("splitting pays at no rate: take it on a quieter machine")
            expect(page.locator("#picture")).to_have_attribute(
                "data-frame", str(number + FRAMES + 1), timeout=60_000
            )
            expect(page.locator("#monitor")).to_contain_text("memory")
            page.screenshot(path=IMAGES / f"{name}.png", full_page=True)
            page.close()


def take_report(folder: Path) -> None:
    """The head of a run's report."""
    with browser() as opened:
        page = opened.new_page(viewport={"width": 1280, "height": 960})
        page.goto((folder / "report.html").resolve().as_uri())
        page.screenshot(path=IMAGES / "report.png")


def main() -> None:
    """As the words of the command say."""
    if sys.argv[1:] == ["page"]:
        take_page()
    elif sys.argv[1:2] == ["report"]:
        take_report(Path(sys.argv[2]))
    else:
        raise SystemExit(__doc__)
    for name in (*SCREENS, "report"):
        if (path := IMAGES / f"{name}.png").exists():
            Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
