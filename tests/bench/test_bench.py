import numpy as np
import pytest
from rich.console import Console

from splitwire.bench import measure, report, tensors, works
from splitwire.kernels import _ideal

SMALL = {"small": (6, 8, 8), "more": (7, 9, 9)}


@pytest.fixture(scope="module")
def figures():
    return list(measure.measure(SMALL, rounds=1, without=["torch.compile", "numba"], turn_ns=1000))


def test_every_kernel_is_measured_at_every_size(figures):
    assert len(figures) == len(works.KINDS) * len(SMALL)
    for figure in figures:
        assert {"splitwire", "ideal", "numpy"} <= set(figure.seconds)
        assert min(figure.seconds.values()) > 0
        assert "torch.compile" not in figure.seconds


def test_the_table_has_a_row_for_each_figure(figures):
    console = Console(width=200, record=True)
    console.print(report.table(figures))
    text = console.export_text()
    assert all(kind.name in text for kind in works.KINDS)
    assert report.markdown(figures).count("\n") == len(figures) + 2


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_roofline_is_drawn(figures, tmp_path, suffix):
    path = tmp_path / f"roofline.{suffix}"
    report.draw_roofline(figures, path)
    assert path.stat().st_size > 1000


@pytest.mark.parametrize("reads, writes", [(4, 1), (1, 4), (4, 4), (8, 3), (5, 8)])
@pytest.mark.parametrize("stream", [False, True])
def test_the_ideal_writes_all_that_it_should(reads, writes, stream):
    source = tensors.aligned((reads * 640,), np.uint8)
    source[:] = 3
    out = tensors.aligned((writes * 640,), np.uint8)
    _ideal.move(source, out, reads, writes, stream)
    assert (out == 3).all()


def test_the_ideal_refuses_what_does_not_fit():
    source, out = tensors.aligned((1280,), np.uint8), works.aligned((640,), np.uint8)
    with pytest.raises(ValueError, match="aligned"):
        _ideal.move(source[:640], np.ones(1000, np.uint8)[1:], 4, 4, True)
    with pytest.raises(ValueError, match="no loop"):
        _ideal.move(source, out, 7, 1, False)
