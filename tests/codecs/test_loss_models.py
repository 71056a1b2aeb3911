"""Losses come as often and in runs as long as a model says, and counts are told exactly."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from splitwire.codecs.packets.loss import GilbertElliott, Independent, LossModel, LossTrace
from splitwire.errors import DataError

LONG = 400_000


def runs(lost: np.ndarray) -> np.ndarray:
    """Lengths of the runs of losses."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], lost.astype(int), [0]))))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize(("loss", "burst"), list(product((0.01, 0.1, 0.3), (1, 2, 7))))
def test_bursts_are_as_frequent_and_long_as_asked(loss: float, burst: float) -> None:
    lost = GilbertElliott(loss, burst).lost(LONG, np.random.default_rng(0))
    lengths = runs(lost)
    assert abs(lost.mean() - loss) < 6 * np.sqrt(loss * 2 * burst / LONG)
    assert abs(lengths.mean() - burst) <= 6 * burst / np.sqrt(len(lengths)) * (burst > 1)


def test_independent_losses_know_nothing_of_each_other() -> None:
    lost = Independent(0.2).lost(LONG, np.random.default_rng(1))
    assert abs(lost.mean() - 0.2) < 0.005
    assert abs(lost[1:][lost[:-1]].mean() - 0.2) < 0.01


def test_a_short_stretch_loses_as_often_from_its_first_packet_on() -> None:
    random, model = np.random.default_rng(2), GilbertElliott(0.2, 5)
    drawn = np.array([model.lost(4, random) for _ in range(20_000)])
    assert np.all(abs(drawn.mean(0) - 0.2) < 0.015)


@pytest.mark.parametrize(
    "model",
    [
        GilbertElliott(0.1, 3),
        GilbertElliott(0.3, 1),
        Independent(0.05),
        LossTrace(np.array([0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0], bool)),
    ],
    ids=str,
)
def test_counts_that_arrive_are_as_likely_as_they_are_drawn(model: LossModel) -> None:
    random = np.random.default_rng(3)
    drawn = [int((~model.lost(9, random)).sum()) for _ in range(20_000)]
    told = model.arrivals(9)
    assert told.sum() == pytest.approx(1)
    assert np.all(abs(np.bincount(drawn, minlength=10) / 20_000 - told) < 0.015)


def test_independent_counts_are_binomial() -> None:
    assert Independent(0.25).arrivals(2) == pytest.approx([0.0625, 0.375, 0.5625])


def test_one_seed_draws_the_same_losses() -> None:
    model = GilbertElliott(0.3, 2)
    first, second = (model.lost(50, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, second)


def test_nothing_is_lost_where_nothing_is_lost() -> None:
    model = GilbertElliott(0.0, 1.0)
    assert not model.lost(100, np.random.default_rng(0)).any()
    assert model.arrivals(3) == pytest.approx([0, 0, 0, 1])


@pytest.mark.parametrize(("loss", "burst"), [(-0.1, 1), (1, 1), (0.5, 0.5), (0.9, 2)])
def test_impossible_channels_are_refused(loss: float, burst: float) -> None:
    with pytest.raises(DataError, match="a channel loses"):
        GilbertElliott(loss, burst)


def test_a_trace_goes_round(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    file.write_text("# seen on a train\n0\n1\n\n1\n0\n")
    trace = LossTrace.read(file)
    assert list(trace.seen) == [False, True, True, False]
    random = np.random.default_rng(0)
    assert {int(trace.lost(4, random).sum()) for _ in range(20)} == {2}
    assert trace.arrivals(4) == pytest.approx([0, 0, 1, 0, 0])


@pytest.mark.parametrize(("text", "said"), [("0\n2\n", "line 2"), ("# none\n", "holds no packet")])
def test_what_is_no_trace_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "trace"
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        LossTrace.read(file)
    with pytest.raises(DataError, match="cannot read"):
        LossTrace.read(tmp_path / "nowhere")
