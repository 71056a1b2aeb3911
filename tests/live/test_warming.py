"""First runs that outlast a frame's deadline: they are over before one counts."""

from threading import Lock
from time import sleep
from typing import Any, ClassVar

import pytest
from cloud_here import cloud_here
from driving import drive, outcomes, pictures, run, shared
from residual import Residual, registered

import splitwire as sw
from splitwire.codecs.base import Tensor

COLD, DEADLINE = 4.0, 3.0  # seconds
_left = {"encode": 0, "decode": 0}  # how often each is slow
_counting = Lock()


class Cold(Residual):
    """One that is slow at first, as if it had tables to make."""

    name: ClassVar[str] = "cold"

    def _encode_next(self, x: Tensor, past: Tensor | None) -> tuple[bytes, Any] | None:
        _make_tables("encode")
        return super()._encode_next(x, past)

    def _decode_next(
        self, payload: memoryview, shape: tuple[int, ...], past: Tensor | None
    ) -> tuple[Tensor, Any]:
        _make_tables("decode")
        return super()._decode_next(payload, shape, past)


def _make_tables(of: str) -> None:
    with _counting:
        slow, _left[of] = _left[of] > 0, max(_left[of] - 1, 0)
    sleep(COLD * slow)


def test_a_cloud_and_an_edge_that_are_slow_at_first_keep_the_first_deadline(
    small: sw.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are in this process, so that each is slow once for either side."""
    monkeypatch.setitem(_left, "encode", 2)
    monkeypatch.setitem(_left, "decode", 2)
    with registered(Residual, Cold), cloud_here(small) as (_, address):
        choice = shared(small, spec="cold")
        records = run(drive(small, address, choices=[choice], deadline=DEADLINE), pictures(3))
    assert outcomes(records) == {"answered": 3}
    assert _left == {"encode": 0, "decode": 0}
