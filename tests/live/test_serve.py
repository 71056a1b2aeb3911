import asyncio
import logging

import pytest

from splitwire.live.serve import _log_failure


def test_what_nobody_waits_for_is_logged_when_it_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(_log_failure)
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(0.01)

    with caplog.at_level(logging.ERROR, "splitwire"):
        asyncio.run(main())
    (entry,) = caplog.records
    assert "ZeroDivisionError" in entry.about["error"]  # type: ignore[attr-defined]
