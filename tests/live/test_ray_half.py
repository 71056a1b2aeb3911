"""What a replica makes of frames, without a cluster: batches of a split, and refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import splitwire as sw
from splitwire.live.answers import read_output
from splitwire.live.handshake import Hello
from splitwire.live.protocol import Code

pytest.importorskip("ray", reason="needs the extra ray")

from splitwire.live.ray_serve import Half

MODELS = ["net.py:small", "net.py:negative_is_nan"]


def test_frames_of_several_splits_each_get_their_own_answer(
    net: Path, small: sw.Model, small_picture: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net)
    pictures = [torch.from_numpy(small_picture[None] + step) for step in range(6)]
    with torch.inference_mode():
        wholes = [small(picture) for picture in pictures]
        first, second = (
            [[x.numpy() for x in sw.split(small, at).edge(picture)] for picture in pictures]
            for at in ("1", "3")
        )
    hellos = [Hello(MODELS[0], at, "raw:dtype=float32", whole=True).text() for at in ("1", "3")]
    bad = Hello(MODELS[1], "input", "raw:dtype=float32").text()

    half = Half({"models": MODELS, "codecs": ["jpeg"]})  # which no decoded tensor asks for
    pairs = zip(first, second, strict=True)
    sent = [(hello, x) for pair in pairs for hello, x in zip(hellos, pair, strict=True)]
    sent.append((bad, [np.zeros((1, 3, 32, 32), np.float32)]))
    taken = [(half._agree(hello), arrays) for hello, arrays in sent]
    for _ in range(4):  # until every size was tried
        *replies, refused = half._run(taken)
    for number, reply in enumerate(replies):
        assert len(reply) == 3, reply
        output = read_output(reply[0], small)
        torch.testing.assert_close(output, wholes[number // 2], rtol=1e-4, atol=1e-4)
    assert refused[0] == Code.NO_PREDICTION
    sizes = {reply[2] for reply in replies if len(reply) == 3}
    assert sizes <= {1, 2, 4}  # of six of each split
    assert json.dumps(refused)
