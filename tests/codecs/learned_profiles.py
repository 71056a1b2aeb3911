"""Small profiles of `learned`, one for each core, with networks of random integers."""

import numpy as np
from streams import features

import splitwire as sw
from splitwire import kernels
from splitwire.codecs.learned.integer_network import GATED, RESIDUAL, SUM
from splitwire.codecs.learned.latent_tables import REACH

SHAPE = (6, 9, 7)
LATENTS = (4, 5, 4)
SIDE = (2, 3, 2)

Arrays = dict[str, np.ndarray]


def layer(
    outputs: int, inputs: int, size: int = 3, form: tuple[int, int, int] = (1, 0, 1), seed: int = 0
) -> Arrays:
    random = np.random.default_rng(seed)
    return {
        "weight": random.integers(-127, 128, (outputs, inputs, size, size), np.int8),
        "bias": random.integers(-(2**20), 2**20, outputs, np.int32),
        "scale": np.full(outputs, 2.0**-10, np.float32),
        "form": np.array(form, np.int32),
    }


def network(name: str, mean: int, branches: list[list[Arrays]], adding: int = SUM) -> Arrays:
    arrays: Arrays = {
        f"{name}.mean": np.zeros(mean, np.float32),
        f"{name}.units": np.array([1e-3, 1e-4], np.float32),
        f"{name}.residual": np.array([adding], np.uint8),
    }
    for b, layers in enumerate(branches):
        for n, parts in enumerate(layers):
            arrays |= {f"{name}.{b}.{n}.{key}": array for key, array in parts.items()}
    return arrays


def residual(name: str) -> Arrays:
    """One branch at full size, one that halves it and comes back larger by a row and a column."""
    fine = [layer(5, 7, form=(1, 1, 1)), layer(6, 5, seed=1)]
    coarse = [layer(5, 7, form=(2, 1, 1), seed=2), layer(24, 5, 1, form=(1, 0, 2), seed=3)]
    return network(name, 6, [fine, coarse], RESIDUAL)


def around_transform() -> Arrays:
    start = sw.codec("learned").calibrate([features(*SHAPE, seed=i) for i in range(4)]).profile
    assert start is not None
    return dict(start.arrays) | residual("analysis") | residual("synthesis")


def around_tables() -> Arrays:
    random = np.random.default_rng(0)
    counts = random.integers(0, 2**14, (LATENTS[0], 2 * 40 + 1), np.int32)
    return {
        "shape": np.array(SHAPE, np.int32),
        "latents": np.array(LATENTS, np.int32),
        "cumulative": counts.cumsum(1, dtype=np.int32),
        **network("analysis", 6, [[layer(4, 7, form=(2, 0, 1))]]),
        **network("synthesis", 4, [[layer(24, 5, form=(1, 0, 2))]]),
    }


def around_gates() -> Arrays:
    """As `train` writes them: 16 bits a count, and a second branch that shrinks with the step."""
    arrays = around_tables()
    small = [layer(4, 7, form=(2, 1, 1), seed=4)], [layer(24, 5, form=(1, 0, 2), seed=5)]
    return arrays | {
        "cumulative": (arrays["cumulative"] >> 6).astype(np.uint16),
        **network("analysis", 6, [[layer(4, 7, form=(2, 0, 1))], small[0]], GATED),
        **network("synthesis", 4, [[layer(24, 5, form=(1, 0, 2))], small[1]], GATED),
    }


def around_hyperprior() -> Arrays:
    ladder = [
        kernels.rans_frequencies(
            1 + (1e6 * np.exp(-(np.arange(-REACH, REACH + 1) ** 2) / s)).astype(int)
        )
        for s in (0.1, 1.0, 10.0, 100.0)
    ]
    counts = np.arange(2 * 30 + 1, dtype=np.int32)
    return around_tables() | {
        "side": np.array(SIDE, np.int32),
        "cumulative": np.stack([counts, counts**2]),
        "ladder": np.stack(ladder),
        "middle": np.array([1], np.int32),
        **network("hyper_analysis", 4, [[layer(2, 5, form=(2, 0, 1))]]),
        **network("hyper_synthesis", 2, [[layer(16, 3, form=(1, 0, 2))]]),
    }


CORES = {
    "transform": around_transform,
    "factorised": around_tables,
    "gated": around_gates,
    "hyperprior": around_hyperprior,
}
