from pathlib import Path

import pytest

from splitwire.errors import RemoteError
from splitwire.live.access import Access, check_exposure
from splitwire.live.address import Address
from splitwire.live.hosts import Hosts
from splitwire.live.tokens import TokenFile, read_token

TOKEN = "0123456789abcdef"
HOST = {"host": "cloud:7070"}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no token"),
        ({"authorization": "Bearer"}, "no token"),
        ({"authorization": f"Basic {TOKEN}"}, "no token"),
        ({"authorization": "Bearer 0123456789abcdee"}, "wrong token"),
        ({"authorization": f"Bearer {TOKEN}x"}, "wrong token"),
        ({"authorization": "Bearer Ω"}, "wrong token"),
        ({"sec-websocket-protocol": "splitwire, bearer.no"}, "wrong token"),
        ({"authorization": f"Bearer {TOKEN}", "origin": "https://evil"}, "another origin"),
        ({"authorization": f"Bearer {TOKEN}", "origin": "null"}, "another origin"),
        ({"authorization": f"Bearer {TOKEN}", "origin": "http://[::1"}, "another origin"),
        ({"authorization": f"Bearer {TOKEN}"}, None),
        ({"authorization": f"bearer {TOKEN}", "origin": "https://cloud:7070"}, None),
        ({"sec-websocket-protocol": f"splitwire, bearer.{TOKEN}"}, None),
    ],
)
def test_who_may_speak(headers: dict[str, str], reason: str | None) -> None:
    said = Access(["f" * 16, TOKEN]).refusal({**HOST, **headers})
    assert said is None if reason is None else reason in str(said)


def test_without_a_token_a_page_from_elsewhere_is_refused_all_the_same() -> None:
    assert Access().refusal(HOST) is None
    assert Access().refusal({**HOST, "origin": "https://evil"}) is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_this_machine_needs_no_token(host: str) -> None:
    check_exposure(host, guarded=False, open_to_all=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_other_machines_need_a_token_or_a_word(host: str) -> None:
    with pytest.raises(RemoteError, match=r"give --token-file, or say --open-to-all"):
        check_exposure(host, guarded=False, open_to_all=False)
    check_exposure(host, guarded=True, open_to_all=False)
    check_exposure(host, guarded=False, open_to_all=True)


def test_a_token_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n", encoding="utf-8")
    assert read_token(tmp_path / "token") == TOKEN
    assert read_token(None) is None


@pytest.mark.parametrize("held", ["", "short", "a b c d e f g h i j k l", "0123456789abcdef,"])
def test_a_file_that_holds_no_token_is_refused(tmp_path: Path, held: str) -> None:
    (tmp_path / "token").write_text(held, encoding="utf-8")
    with pytest.raises(RemoteError, match="openssl rand -hex 32"):
        read_token(tmp_path / "token")
    with pytest.raises(RemoteError, match="cannot read the token"):
        read_token(tmp_path / "missing")


def test_a_token_does_not_travel_unencrypted() -> None:
    Address("http://127.0.0.1:1", TOKEN)
    Address("https://example.org", TOKEN)
    with pytest.raises(RemoteError, match="unencrypted"):
        Address("http://example.org", TOKEN)


def test_tokens_are_read_again_when_the_file_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, second = tmp_path / "tokens", "f" * 16
    path.write_text(f"{TOKEN}\n\n{second}\n", encoding="utf-8")
    tokens = TokenFile(path)
    access = Access(tokens)

    def refusals() -> list[str | None]:
        shown = ({**HOST, "authorization": f"Bearer {token}"} for token in (TOKEN, second))
        return [access.refusal(headers) for headers in shown]

    assert refusals() == [None, None]
    path.write_text(second, encoding="utf-8")
    assert refusals() == ["wrong token", None]
    path.write_text("short", encoding="utf-8")  # half a file neither opens nor shuts
    assert refusals() == ["wrong token", None]
    assert [(r.message, r.levelname) for r in caplog.records[-1:]] == [("tokens not read", "ERROR")]
    path.unlink()
    assert refusals() == ["wrong token", None]
    path.write_text(TOKEN, encoding="utf-8")
    assert refusals() == [None, "wrong token"]


@pytest.mark.parametrize(
    ("bound", "taken", "refused"),
    [
        (
            "127.0.0.1",
            ["127.0.0.1", "127.0.0.1:7070", "localhost:7070", "LOCALHOST", "[::1]:1", "me.example"],
            ["evil.example", "evil.example:7070", "127.0.0.1.evil.example", "localhost.evil"],
        ),
        ("10.0.0.1", ["10.0.0.1:7443", "me.example:7443"], ["localhost", "10.0.0.2", "evil"]),
        ("0.0.0.0", ["10.0.0.2", "localhost", "[fe80::1]:7443", "me.example"], ["evil.example"]),
        ("::", ["[::1]", "10.0.0.2:1", "localhost"], ["evil.example", "::1"]),
        ("cloud.example", ["cloud.example:1", "Cloud.Example"], ["localhost", "127.0.0.1"]),
    ],
)
def test_only_the_names_of_a_server_may_be_asked_for(
    bound: str, taken: list[str], refused: list[str]
) -> None:
    access = Access(hosts=Hosts.of(bound, ["Me.example"]))
    for host in taken:
        assert access.refusal({"host": host}) is None, host
    odd = ["", "localhost\n", "me.example\n", "me.example:", "me.example:1\n", "a b", "[::1", "@"]
    for host in [*refused, *odd]:
        assert access.refusal({"host": host}) is not None, host
        assert access.refusal({"host": host, "origin": f"http://{host}"}) is not None, host
    assert access.refusal({}) is not None


@pytest.mark.parametrize("url", ["", "example.org", "ftp://example.org", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(RemoteError, match="no address"):
        Address(url)
