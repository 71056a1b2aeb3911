"""Profiles that come with the package for other networks than the default one."""

import numpy as np
import pytest

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.data.photos import load_photos
from splitwire.live.offers import codecs_by_split
from splitwire.runner.local import decode, encode
from splitwire.tasks.registry import load_task


@pytest.mark.parametrize(
    ("name", "at", "tensors"),
    [
        ("movenet", "backbone.stage2", 1),
        ("nanodet", "backbone.stage2", 1),
        ("nanodet", "neck", 3),
        ("selfie", "stage3", 4),
    ],
)
def test_a_packaged_profile_is_small_found_offered_and_codes(
    name: str, at: str, tensors: int
) -> None:
    """Each crossing tensor has its own."""
    model = sw.load_model(name)
    task = load_task(None, model)
    halves, store = sw.split(model, at), ProfileStore()
    codecs = store.codecs(halves, sw.codec("ftc:quality=50"), task.name)
    assert "ftc" in codecs_by_split(model, store, task.name)[at]
    profiles = [codec.profile for codec in codecs if codec.profile]
    assert len({profile.digest for profile in profiles}) == tensors
    for profile in profiles:
        assert profile.path is not None and profile.path.stat().st_size < 1_000_000
        assert profile.learnt is not None and "scikit-image" in profile.learnt.data
        assert not any("/tmp" in word or word.startswith("/") for word in profile.learnt.data)
    photo = load_photos("samples", limit=1)[0]
    features = halves.start(model.preprocess.picture(photo.open(), view=0))
    packet = encode(features, codecs)
    assert len(packet) < sum(crossing.elements for crossing in halves.crossings)  # of 8 bits
    output = halves.finish(decode(packet, codecs, halves.crossings))
    lost = task.divergence(halves.finish(features), output)
    assert 0 < lost < 10 * task.fidelity
    nothing = halves.finish(halves.start(np.zeros(model.input_shape[1:], np.float32)))
    assert lost < task.divergence(halves.finish(features), nothing)
