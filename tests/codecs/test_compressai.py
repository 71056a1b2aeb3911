"""CompressAI's picture codecs as they come in checkpoints, here of small networks."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import splitwire as sw
from splitwire import testing
from splitwire.errors import BitstreamError, CodecError, ProfileError

models = pytest.importorskip("compressai.models", reason="needs the extra `learned`")
KINDS = ["FactorizedPrior", "ScaleHyperprior", "MeanScaleHyperprior"]


def checkpoint(kind: str, path: Path, picture: np.ndarray | None = None) -> Any:
    """A small model, its weights at `path`; its priors fit the picture's latents."""
    torch.manual_seed(0)
    model = getattr(models, kind)(8, 12)
    if picture is not None:
        with torch.no_grad():
            x, last = torch.from_numpy(picture)[None] / 255, model.g_a[-1]
            last.weight *= 2.5 / model.g_a(x).std((0, 2, 3))[:, None, None, None]
            last.bias -= model.g_a(x).mean((0, 2, 3))
            if kind != "FactorizedPrior":
                model.h_s[4].bias[:12] = 3
        seen = (model.g_a(x) if kind == "FactorizedPrior" else model.h_a(model.g_a(x))).detach()
        prior = model.entropy_bottleneck
        optimizer = torch.optim.Adam(prior.parameters(), 0.03)
        for _ in range(200):
            loss = -prior(seen)[1].log2().mean() + prior.loss()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, path)
    model.update(force=True)
    return model.eval()


@pytest.fixture
def picture() -> np.ndarray:
    coarse = torch.rand(1, 3, 24, 28, generator=torch.Generator().manual_seed(1)) * 255
    large = torch.nn.functional.interpolate(coarse, (256, 310), mode="bicubic")
    return large[0].clip(0, 255).numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_it_codes_as_compressai_does(kind: str, tmp_path: Path, picture: np.ndarray) -> None:
    path = tmp_path / "weights.pth.tar"
    model = checkpoint(kind, path, picture)
    codec = sw.codec(f"compressai:profile={path}")
    stream = codec.encode(picture)
    with torch.no_grad():
        padded = np.pad(picture, ((0, 0), (0, 0), (0, 10)), mode="edge")
        made = model.compress(torch.from_numpy(padded)[None] / 255)
        theirs = model.decompress(made["strings"], made["shape"])["x_hat"][0].numpy() * 255
    length = sum(len(one) for (one,) in made["strings"])
    assert length > 800
    header = len(codec.wrap(b"", picture.shape))
    assert len(stream) - header == pytest.approx(length, rel=0.02)
    np.testing.assert_allclose(codec.decode(stream), theirs[..., :310], atol=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_it_passes_the_shared_checks(kind: str, tmp_path: Path) -> None:
    checkpoint(kind, tmp_path / "weights.pth")
    codec = sw.codec(f"compressai:profile={tmp_path / 'weights.pth'}")
    x = testing.tensors(codec)[0]
    testing.check_identity(codec)
    testing.check_refusals(codec)
    testing.check_sequence(codec, [x, x * np.float32(1.01), x])
    # All but that it decodes to what is like its input: nobody trained these.
    for check in (
        *(testing.check_payload, testing.check_parameters, testing.check_round_trip),
        *(testing.check_input, testing.check_damage, testing.check_bombs),
    ):
        check(codec, x)


def test_the_zoo_s_old_names_are_known(tmp_path: Path, picture: np.ndarray) -> None:
    """Those of what the zoo serves, made before CompressAI renamed its parameters."""
    checkpoint("ScaleHyperprior", tmp_path / "new.pth")
    state = torch.load(tmp_path / "new.pth", weights_only=True)["state_dict"]
    named = re.compile(r"^entropy_bottleneck\.(?=biases|matrices|factors)")
    old = {named.sub("entropy_bottleneck._", key): value for key, value in state.items()}
    assert set(old) != set(state)
    torch.save(old, tmp_path / "old.pth")
    streams = [
        sw.codec(f"compressai:profile={tmp_path / name}").encode(picture)
        for name in ("new.pth", "old.pth")
    ]
    payloads = [bytes(sw.codecs.bitstream.read(stream)[1]) for stream in streams]
    assert payloads[0] == payloads[1]


def test_no_checkpoint_of_such_a_model_is_refused(tmp_path: Path, picture: np.ndarray) -> None:
    with pytest.raises(ProfileError, match="needs a profile"):
        sw.codec("compressai").encode(picture)
    with pytest.raises(CodecError, match="trained, not calibrated: name a checkpoint"):
        sw.codec("compressai").calibrate([picture])
    path = tmp_path / "other.pth"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ProfileError, match="cannot read the checkpoint"):
        sw.codec(f"compressai:profile={path}")
    torch.save({"conv.weight": torch.zeros(2)}, path)
    with pytest.raises(ProfileError, match="none of its models"):
        sw.codec(f"compressai:profile={path}")
    torch.save(models.JointAutoregressiveHierarchicalPriors(8, 12).state_dict(), path)
    with pytest.raises(ProfileError, match="none of its models"):
        sw.codec(f"compressai:profile={path}")


def test_a_hyperprior_is_never_given_an_empty_stream(tmp_path: Path, picture: np.ndarray) -> None:
    checkpoint("ScaleHyperprior", tmp_path / "w.pth")
    codec = sw.codec(f"compressai:profile={tmp_path / 'w.pth'}")
    header, _ = sw.codecs.bitstream.read(codec.encode(picture))
    for payload in (b"", b"\0\0", b"\x05\0\0"):
        with pytest.raises(BitstreamError):
            codec.decode(sw.codecs.bitstream.write(header, payload))
