"""A cloud that wants a token, and bounds what its clients may do."""

from urllib.error import HTTPError

import numpy as np
import pytest
from deployment import agree, ask, dial, fetch, start_cloud
from websockets.exceptions import InvalidStatus

import splitwire as sw
from splitwire.codecs.profile import Profile
from splitwire.live.protocol import PATH, Answer, Refusal

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """A cloud that wants a token, takes two clients, and has profiles."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    (folder / "profiles").mkdir()
    codec = sw.codec("raw:clip=profile").calibrate([np.ones((4, 15, 15), np.float32)])
    assert codec.profile
    codec.profile.save(folder / "profiles" / "raw.profile")
    cloud = start_cloud(
        folder, "--port", "0", "--token-file", "token", "--profiles", "profiles", "--clients", "2"
    )
    yield cloud.event("listening")["address"], cloud, codec.profile
    cloud.stop()


@pytest.mark.parametrize("token", [None, "wrong", TOKEN[:-1], TOKEN + "0"])
def test_without_the_token_nothing_is_done(guarded, token: str | None) -> None:  # type: ignore[no-untyped-def]
    address, cloud, _ = guarded
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with pytest.raises(InvalidStatus) as refused:
        dial(address, additional_headers=headers)
    assert refused.value.response.status_code == 401
    assert cloud.event("refused", path=PATH)["reason"] == ("wrong token" if token else "no token")
    with pytest.raises(HTTPError, match="401"):
        fetch(address + "/metrics", headers)
    said = fetch(address + "/metrics", bearer())
    assert "splitwire_clients 0.0" in said
    assert "splitwire_packet_bytes_total{" not in said
    assert "outcome=" not in said


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def test_a_page_of_another_origin_is_refused(guarded) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidStatus) as refused:
        dial(guarded[0], additional_headers=bearer(), origin="https://evil.example")
    assert refused.value.response.status_code == 403


def test_clients_are_bounded(guarded) -> None:  # type: ignore[no-untyped-def]
    address, cloud, _ = guarded
    with dial(address, additional_headers=bearer()), dial(address, additional_headers=bearer()):
        with pytest.raises(InvalidStatus) as refused:
            dial(address, additional_headers=bearer())
        assert refused.value.response.status_code == 503
    cloud.event("refused", reason="too many clients")


def test_a_profile_is_found_by_its_digest(guarded) -> None:  # type: ignore[no-untyped-def]
    address, _, profile = guarded
    assert isinstance(profile, Profile)
    codec = sw.codec("raw:clip=profile", profile=profile)
    sent = codec.encode(np.ones((4, 15, 15), np.float32))
    with dial(address, additional_headers=bearer()) as socket:
        agree(socket, codec="raw:clip=profile", profiles=(profile.digest,))
        assert isinstance(ask(socket, sent), Answer)
        agree(socket, codec="raw:clip=profile")
        reply = ask(socket, sent, agreement=1)
    assert isinstance(reply, Refusal)
    assert profile.digest in reply.reason
