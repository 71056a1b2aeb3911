"""The page in a browser without a screen: what tests of it share."""

import re
import shutil
from typing import Any

from deployment import PATIENCE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT = 1000 * PATIENCE
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def status(page: Any, pattern: str) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#status")).to_have_text(re.compile(pattern), timeout=WAIT)


def seen(page: Any, frame: int) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#c-seen")).to_have_text(f"Frame {frame}", timeout=WAIT)
