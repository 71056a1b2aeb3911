"""A picture of a page as a reader sees it: `python tools/picture.py PAGE OUT`.

PAGE is an address, or the file of a report. docs/figures.md has the command of each picture in the
documents. `pip install playwright`, and Chromium.
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("page")
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="1280x900", help="of the window: WIDTHxHEIGHT")
    parser.add_argument("--scale", type=float, default=1, help="pixels a pixel of the page")
    parser.add_argument("--picture", type=Path, help="to give the page to run")
    parser.add_argument("--set", nargs="+", default=[], help="choices of the page: ID=VALUE")
    parser.add_argument("--wait", type=float, default=1, help="seconds before it is taken")
    parser.add_argument("--whole", action="store_true", help="the page to its end")
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    at = Path(given.page)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": width, "height": height}, device_scale_factor=given.scale
        )
        page.goto(at.resolve().as_uri() if at.exists() else given.page)
        prepare(page, given)
        taken = page.screenshot(full_page=given.whole)
        browser.close()
    save(taken, given.out)


def prepare(page: Page, given: argparse.Namespace) -> None:
    """Makes the choices, runs the picture, waits."""
    for choice in given.set:
        name, _, value = choice.partition("=")
        page.locator(f"#{name}").select_option(value)
    if given.picture:
        page.locator("input[type=file]").first.set_input_files(given.picture)
    page.wait_for_timeout(1000 * given.wait)


def save(taken: bytes, out: Path) -> None:
    """Small: of at most 256 colours where the form has a palette."""
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    if out.suffix == ".png":
        picture = picture.quantize(256, dither=Image.Dither.NONE)
    picture.save(out, optimize=True)


if __name__ == "__main__":
    main()
