"""An edge in this process, a cloud in another: whatever happens, every frame ends once."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import torch
from deployment import CloudProcess, start_cloud
from driving import drive, outcomes, pictures, run, shared

import splitwire as sw
from splitwire.errors import RemoteError
from splitwire.live.drive import Drive
from splitwire.live.record import Record
from splitwire.live.slowing import Slowed
from splitwire.runner.choice import Choice
from splitwire.runner.link import Trace
from splitwire.tasks.classification import Classification

OPENSSL = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
    "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
    "-keyout key.pem -out cert.pem"
)


def right(model: sw.Model, records: dict[str, Record]) -> bool:
    """Whether all outputs are the whole network's; from a batch their last bits may differ."""
    for name, x in pictures(len(records)):
        with torch.inference_mode():
            expected = model(torch.from_numpy(x)[None])
        if not torch.allclose(records[name].output, expected, atol=1e-4):
            return False
    return True


def test_every_frame_is_answered_as_the_whole_network_would(address: str, small: sw.Model) -> None:
    records = run(drive(small, address), pictures(50))
    assert outcomes(records) == {"answered": 50}
    assert right(small, records)
    for record in records.values():
        assert record.bytes > 4 * 4 * 15 * 15
        assert list(record.seconds) == ["edge", "encode", "link", "decode", "cloud"]
        assert record.total >= max(record.seconds.values())
        assert record.prediction == Classification().predict(record.output)


def test_an_answer_that_is_no_whole_output_holds_the_prediction(
    address: str, small: sw.Model
) -> None:
    records = run(drive(small, address, whole=False), pictures(20))
    assert outcomes(records) == {"answered": 20}
    for name, x in pictures(20):
        assert records[name].output is None
        with torch.inference_mode():
            expected = Classification().predict(small(torch.from_numpy(x)[None]))
        assert records[name].prediction == {
            "classes": expected["classes"],
            "probabilities": pytest.approx(expected["probabilities"], rel=1e-4),
        }


def test_a_cloud_that_is_killed_and_comes_back_costs_no_frame(
    tmp_path: Path, small: sw.Model
) -> None:
    clouds = [start_cloud(tmp_path, "--port", "0")]
    address = clouds[0].event("listening")["address"]
    port = address.rpartition(":")[2]
    seen: list[str] = []

    def watch(record: Record) -> None:
        seen.append(record.outcome)
        if len(seen) == 20:
            clouds[0].process.kill()
            clouds.append(start_cloud(tmp_path, "--port", port))

    def back() -> bool:
        return "fell back" in seen and seen[-20:] == ["answered"] * 20

    records = run(drive(small, address), pictures(10_000, 0.01, back), watch)
    assert right(small, records)
    assert set(outcomes(records)) == {"answered", "fell back"}
    assert back(), "the edge never came back to the cloud"
    clouds[1].stop()


def test_a_link_that_is_cut_for_a_while_costs_no_frame(address: str, small: sw.Model) -> None:
    cut = Slowed(Trace((0.5, 1.0, 60.0), (3e6, 0.0, 3e6)), 0.002)
    records = run(drive(small, address, deadline=0.4, slowed=cut), pictures(150, 0.02))
    assert right(small, records)
    found = outcomes(records)
    assert found["fell back"] >= 1
    assert found["answered"] >= 1
    assert [*records.values()][-1].outcome == "answered"


def test_a_deadline_that_cannot_be_met_falls_back(address: str, small: sw.Model) -> None:
    slow = Slowed(Trace.constant(10e3), 0.0)  # 4 kB take 0.4 s
    records = run(drive(small, address, deadline=0.1, slowed=slow), pictures(5))
    assert outcomes(records) == {"fell back": 5}
    assert right(small, records)


def test_a_deadline_that_has_passed_before_anything_is_sent_falls_back(
    address: str, small: sw.Model
) -> None:
    """On a device so slow that the cloud would have answered twice over."""
    records = run(drive(small, address, deadline=0.05, slowness=1000.0), pictures(1))
    (record,) = records.values()
    assert record.seconds["edge"] > 0.05
    assert (record.outcome, record.reason) == ("fell back", "no answer before the deadline")


def test_a_frame_that_no_network_predicts_is_refused_with_the_reason(
    address: str, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net)
    model = sw.load_model("net.py:negative_is_nan")
    records = run(drive(model, address, choices=[shared(model, "input")]), pictures(3))
    assert outcomes(records) == {"refused": 3}
    assert all(record.reason == "the network's output holds NaN" for record in records.values())


def test_features_that_are_no_numbers_cost_one_record_each(
    address: str, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net)
    model = sw.load_model("net.py:negative_is_nan")
    bright = np.full((3, 32, 32), 255, np.float32)
    (_, first), (_, second) = pictures(2)
    frames = [("a", first), ("b", bright), ("c", second)]
    records = run(drive(model, address, choices=[shared(model, "1")]), iter(frames))
    assert outcomes(records) == {"refused": 2, "answered": 1}
    assert records["b"].outcome == "answered"
    assert "are NaN or infinite" in str(records["a"].reason)


def test_choices_change_under_way_and_no_frame_is_lost(
    address: str, small: sw.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = [shared(small), shared(small, "3", "raw"), Choice.edge_only(small)]
    turn = cycle(choices)
    monkeypatch.setattr(Drive, "_chooser", lambda self, uplink: lambda: next(turn))
    records = run(drive(small, address, choices=choices), pictures(60))
    assert outcomes(records) == {"answered": 40, "local": 20}
    assert {record.choice for record in records.values()} == set(choices)


def test_two_specs_that_mean_the_same_are_agreed_once(address: str, small: sw.Model) -> None:
    choices = [shared(small, "1", spec) for spec in ("raw", "raw:bits=8")]
    assert outcomes(run(drive(small, address, choices=choices), pictures(3))) == {"answered": 3}


def test_nobody_there_is_one_clear_error(small: sw.Model) -> None:
    with pytest.raises(RemoteError, match=r"no connection to http://127\.0\.0\.1:9"):
        run(drive(small, "http://127.0.0.1:9"), pictures(1))


def test_another_network_is_refused_in_the_handshake(address: str, small: sw.Model) -> None:
    with pytest.raises(RemoteError, match="no model 'other' here"):
        run(drive(replace(small, name="other"), address), pictures(1))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, CloudProcess]]:
    """A cloud behind TLS and a token, and the folder of its certificate."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "token").write_text("0123456789abcdef", encoding="utf-8")
    made = subprocess.run(OPENSSL.split(), cwd=folder, capture_output=True, check=False)
    if made.returncode:
        pytest.skip("openssl makes no certificate here")
    tls = ("--certificate", "cert.pem", "--key", "key.pem")
    cloud = start_cloud(folder, "--port", "0", "--token-file", "token", *tls)
    yield cloud.event("listening")["address"], folder, cloud
    cloud.stop()


def test_over_tls_with_the_token_frames_are_answered(
    guarded: tuple[str, Path, CloudProcess], small: sw.Model
) -> None:
    address, folder, _ = guarded
    assert address.startswith("https://")
    way = drive(small, address, token="0123456789abcdef", authority=folder / "cert.pem")
    assert outcomes(run(way, pictures(10))) == {"answered": 10}


@pytest.mark.parametrize("token", [None, "0123456789abcdeg"])
def test_over_tls_without_the_token_the_edge_is_turned_away(
    guarded: tuple[str, Path, CloudProcess], small: sw.Model, token: str | None
) -> None:
    address, folder, cloud = guarded
    with pytest.raises(RemoteError, match=r"refused: (no|wrong) token \(401\)"):
        run(drive(small, address, token=token, authority=folder / "cert.pem"), pictures(1))
    cloud.event("refused", reason="wrong token" if token else "no token")


def test_plain_text_against_tls_is_refused_and_logged(
    guarded: tuple[str, Path, CloudProcess], small: sw.Model
) -> None:
    address, _, cloud = guarded
    plain = address.replace("https", "http")
    with pytest.raises(RemoteError, match="no connection to http://"):
        run(drive(small, plain, token="0123456789abcdef"), pictures(1))
    assert "plain text" in cloud.event("refused")["reason"]


def test_a_certificate_of_nobody_known_is_not_trusted(
    guarded: tuple[str, Path, CloudProcess], small: sw.Model
) -> None:
    with pytest.raises(RemoteError, match="certificate verify failed"):
        run(drive(small, guarded[0], token="0123456789abcdef"), pictures(1))
