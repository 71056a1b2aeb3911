"""Latents beyond what a table has symbols for."""

import numpy as np

from splitwire.codecs.learned.latent_tables import REACH, decode_steps, encode_steps, table_of


def test_what_a_table_has_no_symbol_for_becomes_the_nearest_that_it_has() -> None:
    weights = np.zeros((2, 2 * REACH + 1), np.int64)
    weights[0, REACH - 2 : REACH + 4] = 1, 5, 9, 5, 3, 1
    weights[1, REACH - 5 : REACH + 1] = 2, 2, 3, 4, 5, 6
    tables = np.stack([table_of(row) for row in weights])
    steps = np.array([[-9.0, -2.0, 0.4, 3.0, 9.0], [-90.0, -5.2, 0.0, 0.6, 1.0]])
    stream = encode_steps(steps, tables, np.arange(2))
    decoded = decode_steps(memoryview(stream), tables, np.arange(2), steps.shape)
    assert decoded.tolist() == [[-2, -2, 0, 3, 3], [-5, -5, 0, 0, 0]]


def test_what_hardly_ever_comes_has_no_symbol_at_the_ends_alone() -> None:
    weights = np.zeros(2 * REACH + 1, np.int64)
    weights[REACH - 3 : REACH + 4] = 1, 10_000, 0, 10_000, 1, 10_000, 1
    table = table_of(weights)
    assert np.flatnonzero(table).tolist() == [REACH + i for i in (-2, -1, 0, 1, 2)]
    nothing = table_of(np.zeros(2 * REACH + 1, np.int64))
    assert nothing.argmax() == REACH
