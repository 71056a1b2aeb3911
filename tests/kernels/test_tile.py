import numpy as np
import pytest

from splitwire.kernels import reference

SHAPES = [
    (1, 1, 1),
    (1, 5, 3),
    (2, 3, 4),
    (3, 1, 1),
    (5, 7, 2),
    (6, 2, 9),
    (7, 4, 15),
    (8, 3, 16),
    (12, 2, 33),
    (80, 14, 14),
    (3, 2, 5000),
    (2, 5000, 3),
]


def codes(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def features(shape, seed=0):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


def test_the_grid_by_hand(kernels):
    q = np.arange(5, dtype=np.uint8).reshape(5, 1, 1)
    assert kernels.tile(q).tolist() == [[0, 1, 2], [3, 4, 128]]
    padded = [[0, 1, 2, 2], [3, 4, 128, 128], [3, 4, 128, 128], [3, 4, 128, 128]]
    assert kernels.tile(q, 4).tolist() == padded


@pytest.mark.parametrize("shape, block, expected", [
    ((80, 14, 14), 1, (8 * 14, 10 * 14)),
    ((80, 14, 14), 16, (112, 144)),
    ((512, 7, 7), 8, (160, 168)),
    ((1, 3, 5), 8, (8, 8)),
    (np.array([2, 3, 4]), np.int64(1), (3, 8)),
    ((384, 1, 197), 1, (192, 2 * 197)),
    ((40, 100, 1), 1, (100, 40)),
])  # fmt: skip
def test_frame_shape(kernels, shape, block, expected):
    assert kernels.frame_shape(shape, block) == expected


@pytest.mark.parametrize("block", [1, 2, 8, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_channels_stand_where_the_grid_says(kernels, shape, block):
    q = codes(shape)
    frame = kernels.tile(q, block)
    channels, height, width = shape
    columns = kernels.frame_shape(shape)[1] // width
    rows = -(-channels // columns)
    assert frame.dtype == np.uint8
    assert frame.shape == kernels.frame_shape(shape, block)
    for place in range(rows * columns):
        y, x = place // columns * height, place % columns * width
        cell = frame[y : y + height, x : x + width]
        assert np.array_equal(cell, q[place] if place < channels else np.full_like(q[0], 128))
    mosaic = frame[: rows * height, : columns * width]
    assert np.array_equal(frame[: rows * height, columns * width :], np.repeat(
        mosaic[:, -1:], frame.shape[1] - columns * width, axis=1))  # fmt: skip
    assert (frame[rows * height :] == frame[rows * height - 1]).all()


@pytest.mark.parametrize("block", [1, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_untile_undoes_tile(kernels, shape, block):
    q = codes(shape)
    assert np.array_equal(kernels.untile(kernels.tile(q, block), shape), q)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("bits", [1, 5, 8])
@pytest.mark.parametrize("shape", SHAPES)
def test_fused_is_the_two_in_turn(kernels, shape, bits, per_channel):
    x = features(shape)
    lo, hi = (x.min((1, 2)), x.max((1, 2))) if per_channel else (-3.0, 2.5)
    frame = kernels.tile(kernels.quantize(x, lo, hi, bits), 8)
    assert np.array_equal(kernels.quantize_tile(x, lo, hi, bits, 8), frame)
    values = kernels.dequantize(kernels.untile(frame, shape), lo, hi, bits)
    assert np.array_equal(kernels.dequantize_untile(frame, shape, lo, hi, bits), values)


FRAMES = {
    "wider rows": lambda f: np.pad(f, ((0, 3), (0, 5)))[: f.shape[0], : f.shape[1]],
    "larger": lambda f: np.pad(f, ((0, 3), (0, 5))),
    "fortran": np.asfortranarray,
    "bottom up": lambda f: f[::-1].copy()[::-1],
    "right to left": lambda f: f[:, ::-1].copy()[:, ::-1],
    "every other sample": lambda f: np.repeat(f, 2, axis=1)[:, ::2],
}


@pytest.mark.parametrize("view", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("shape", [(7, 4, 15), (4, 3, 1), (1, 1, 9)])
def test_any_layout_of_a_frame_is_accepted(kernels, view, shape):
    q = codes(shape)
    frame = view(kernels.tile(q))
    assert np.array_equal(kernels.untile(frame, shape), q)
    expected = kernels.dequantize(q, -1, 1)
    assert np.array_equal(kernels.dequantize_untile(frame, shape, -1, 1), expected)


def test_any_layout_of_a_tensor_is_accepted(kernels):
    q, x = codes((4, 5, 6)), features((4, 5, 6))
    for view in (lambda a: a.transpose(2, 0, 1), lambda a: a[::-1, ::2, ::-2]):
        assert np.array_equal(kernels.tile(view(q)), kernels.tile(view(q).copy()))
        fused = kernels.quantize_tile(view(x), -1, 1)
        assert np.array_equal(fused, kernels.quantize_tile(view(x).copy(), -1, 1))


def test_out_is_written_and_returned(kernels):
    q, x, shape = codes((5, 3, 4)), features((5, 3, 4)), (5, 3, 4)
    frame = np.empty(kernels.frame_shape(shape, 8), np.uint8)
    assert kernels.tile(q, 8, frame) is frame
    assert np.array_equal(frame, kernels.tile(q, 8))
    back = np.empty(shape, np.uint8)
    assert kernels.untile(frame, shape, back) is back
    assert np.array_equal(back, q)
    assert kernels.quantize_tile(x, -1, 1, 8, 8, frame) is frame
    assert np.array_equal(frame, kernels.quantize_tile(x, -1, 1, 8, 8))
    values = np.empty(shape, np.float32)
    assert kernels.dequantize_untile(frame, shape, -1, 1, out=values) is values
    assert np.array_equal(values, kernels.dequantize_untile(frame, shape, -1, 1))


def test_an_output_that_does_not_fit_is_refused(kernels):
    q, x, shape = codes((5, 3, 4)), features((5, 3, 4)), (5, 3, 4)
    frame = kernels.tile(q)
    small = np.empty((2, 2), np.uint8)
    with pytest.raises(ValueError, match="out"):
        kernels.tile(q, out=small)
    with pytest.raises(ValueError, match="out"):
        kernels.quantize_tile(x, 0, 1, out=small)
    with pytest.raises(ValueError, match="out"):
        kernels.untile(frame, shape, np.empty(shape, np.int8))
    with pytest.raises(ValueError, match="out"):
        kernels.dequantize_untile(frame, shape, 0, 1, out=np.empty(shape, np.float64))


@pytest.mark.parametrize("cut", [(slice(-1), slice(None)), (slice(None), slice(-1))])
def test_a_frame_too_small_is_refused(kernels, cut):
    frame = kernels.tile(codes((5, 3, 4)))[cut]
    with pytest.raises(ValueError, match="frame"):
        kernels.untile(frame, (5, 3, 4))
    with pytest.raises(ValueError, match="frame"):
        kernels.dequantize_untile(frame, (5, 3, 4), 0, 1)


def test_a_bomb_of_a_shape_allocates_nothing(kernels):
    frame = np.zeros((8, 8), np.uint8)
    for shape in [(2**40, 2**40, 2**40), (1, 1, 2**62), (2**62, 1, 1)]:
        with pytest.raises(ValueError, match="frame"):
            kernels.untile(frame, shape)
        with pytest.raises(ValueError, match="frame"):
            kernels.dequantize_untile(frame, shape, 0.0, 1.0)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2, 2), (2, 2, -1), (1, 2, 3, 4)])
def test_shapes_that_are_no_maps_are_refused(kernels, shape):
    frame = np.zeros((64, 64), np.uint8)
    for call in (
        lambda: kernels.frame_shape(shape),
        lambda: kernels.untile(frame, shape),
        lambda: kernels.dequantize_untile(frame, shape, 0, 1),
    ):
        with pytest.raises(ValueError, match="shape"):
            call()
    if min(shape, default=0) >= 0:
        with pytest.raises(ValueError, match="shape"):
            kernels.tile(np.zeros(shape, np.uint8))
        with pytest.raises(ValueError, match="shape"):
            kernels.quantize_tile(np.zeros(shape, np.float32), 0, 1)


def test_wrong_types_are_refused(kernels):
    with pytest.raises(TypeError, match="uint8"):
        kernels.tile(np.zeros((2, 2, 2), np.int8))
    with pytest.raises(TypeError, match="uint8"):
        kernels.untile(np.zeros((4, 4)), (1, 2, 2))
    with pytest.raises(TypeError, match="shape"):
        kernels.untile(np.zeros((4, 4), np.uint8), (1, 2, 2.5))
    with pytest.raises(TypeError, match="shape"):
        kernels.frame_shape(7)
    with pytest.raises(TypeError, match="block"):
        kernels.tile(np.zeros((2, 2, 2), np.uint8), 1.5)


@pytest.mark.parametrize("block", [0, -8])
def test_bad_blocks_are_refused(kernels, block):
    with pytest.raises(ValueError, match="block"):
        kernels.tile(np.zeros((2, 2, 2), np.uint8), block)
    with pytest.raises(ValueError, match="block"):
        kernels.quantize_tile(np.zeros((2, 2, 2), np.float32), 0, 1, block=block)


def test_a_row_longer_than_the_scratch_goes_through(kernels):
    shape = (2, 3, 4097)
    x = features(shape)
    frame = reference.quantize_tile(x, [-1, -2], [1, 2], 8, 16)
    assert np.array_equal(kernels.quantize_tile(x, [-1, -2], [1, 2], 8, 16), frame)
