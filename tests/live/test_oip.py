"""The Open Inference Protocol: a public client, unchanged, against a cloud as a user runs it."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
import tritonclient.grpc
import tritonclient.http
from deployment import CloudProcess, start_cloud
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

import splitwire as sw
from splitwire.live.answers import write_prediction
from splitwire.runner.local import encode
from splitwire.tasks.registry import tasks

TOKEN = "a-token-of-these-tests"
BEARER = {"authorization": f"Bearer {TOKEN}"}
MODELS = ("net.py:small", "net.py:branches", "net.py:negative_is_nan")
BOTH = pytest.mark.parametrize("kind", [tritonclient.http, tritonclient.grpc], ids=["http", "grpc"])


@pytest.fixture(scope="module")
def cloud(net: Path) -> Iterator[CloudProcess]:
    (net / "token").write_text(TOKEN, encoding="ascii")
    options = ("--port", "0", "--grpc-port", "0", "--token-file", "token")
    started = start_cloud(net, *options, "--max-message", "100000", models=MODELS)
    grpc = started.event("listening for gRPC")["address"]
    http = started.event("listening")["address"].removeprefix("http://")
    started.at = {tritonclient.http: http, tritonclient.grpc: grpc}  # type: ignore[attr-defined]
    yield started
    assert started.stop() == 0


def client(cloud: Any, kind: Any) -> Any:
    return kind.InferenceServerClient(cloud.at[kind])


def given(kind: Any, packet: bytes, shape: tuple[int, ...] = (1,), name: str = "packet") -> Any:
    """An input as the client makes it."""
    made = kind.InferInput(name, list(shape), "BYTES")
    elements = np.empty(shape, dtype=object)
    elements[...] = packet
    made.set_data_from_numpy(elements)
    return made


def infer(cloud: Any, kind: Any, packet: bytes, model: str = MODELS[0], **more: Any) -> Any:
    options = {"headers": dict(BEARER), "parameters": {"split": "1"}, **more}
    inputs = options.pop("inputs", None) or [given(kind, packet)]
    return client(cloud, kind).infer(model, inputs, **options)


def at(model: sw.Model, split: str, picture: NDArray[np.float32], spec: str) -> bytes:
    """The packet of a picture's features."""
    halves = sw.split(model, split)
    with torch.inference_mode():
        features = halves.edge(torch.from_numpy(picture)[None])
    return encode(features, [sw.codec(spec)] * len(features))


@pytest.fixture(scope="module")
def packet(small: sw.Model, small_picture: NDArray[np.float32]) -> bytes:
    return at(small, "1", small_picture, "raw:dtype=float32")


def refused(*arguments: Any, **options: Any) -> tuple[str, str]:
    """The status and the words with which a request is refused."""
    with pytest.raises(InferenceServerException) as caught:
        infer(*arguments, **options)
    return str(caught.value.status()), str(caught.value.message())


@BOTH
def test_it_says_what_it_holds(cloud: Any, kind: Any, small: sw.Model) -> None:
    asked = client(cloud, kind)
    assert asked.is_server_live()
    assert asked.is_server_ready()
    assert asked.is_model_ready(MODELS[0], headers=BEARER)
    assert asked.is_model_ready(MODELS[0], small.digest, headers=BEARER)
    json_too = {} if kind is tritonclient.http else {"as_json": True}
    server = asked.get_server_metadata(headers=BEARER, **json_too)
    assert (server["name"], server["version"]) == ("splitwire", sw.__version__)
    about = asked.get_model_metadata(MODELS[0], headers=BEARER, **json_too)
    assert about["versions"] == [small.digest]
    assert [each["name"] for each in about["inputs"]] == ["packet"]
    assert [each["name"] for each in about["outputs"]] == ["output", "prediction"]
    if kind is tritonclient.http:  # its messages for gRPC have no such field
        assert about["properties"]["splits"].split(",") == [p.name for p in sw.cut_points(small)]
        assert "jpeg" in about["properties"]["codecs"].split(",")
        assert about["properties"]["task"] == "classification"


@BOTH
def test_predictions_are_those_of_the_whole_network(
    cloud: Any, kind: Any, small: sw.Model, small_picture: NDArray[np.float32], packet: bytes
) -> None:
    with torch.inference_mode():
        whole = small(torch.from_numpy(small_picture)[None])
    reply = infer(cloud, kind, packet, request_id="seven")
    np.testing.assert_array_equal(reply.as_numpy("output"), whole.numpy())
    task = tasks()["classification"].of(small)
    (told,) = reply.as_numpy("prediction")
    assert told == write_prediction(task, whole)
    head = reply.get_response()
    assert (head["id"] if kind is tritonclient.http else head.id) == "seven"


@BOTH
def test_several_crossing_tensors_are_one_packet(
    cloud: Any, kind: Any, net: Path, small_picture: NDArray[np.float32]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(net)
        model = sw.load_model("net.py:branches")
    points = [p.name for p in sw.cut_points(model) if len(p.crossings) == 2]
    sent = at(model, points[0], small_picture, "raw:dtype=float32")
    wanted = kind.InferRequestedOutput("output")
    options = {"parameters": {"split": points[0]}, "outputs": [wanted]}
    reply = infer(cloud, kind, sent, MODELS[1], **options)
    with torch.inference_mode():
        whole = model(torch.from_numpy(small_picture)[None])
    np.testing.assert_array_equal(reply.as_numpy("output"), whole.numpy())
    assert reply.as_numpy("prediction") is None


@BOTH
def test_what_is_malformed_gets_the_protocol_s_errors(
    cloud: Any, kind: Any, packet: bytes, small: sw.Model
) -> None:
    def of(**options: Any) -> tuple[str, str]:
        return refused(cloud, kind, packet, **options)

    invalid, unknown = (
        ("400", "404")
        if kind is tritonclient.http
        else ("StatusCode.INVALID_ARGUMENT", "StatusCode.NOT_FOUND")
    )
    assert of(model="resnet") == (
        unknown,
        f"no model 'resnet' here; there are: {', '.join(MODELS)}",
    )
    status, said = of(model_version="2")
    assert (status, said) == (
        unknown,
        f"no version '2' of {MODELS[0]} here; there is: {small.digest}",
    )
    numbers = kind.InferInput("packet", [1], "FP32")
    numbers.set_data_from_numpy(np.zeros(1, np.float32))
    assert of(inputs=[numbers]) == (invalid, "packet: BYTES expected, not FP32")
    for inputs, words in (
        ([given(kind, packet, name="picture")], "one input named 'packet' expected, not picture"),
        ([given(kind, packet)] * 2, "one input named 'packet' expected, not packet, packet"),
        ([given(kind, packet, (2,))], "packet: one element expected, of shape [1], not [2]"),
        ([given(kind, packet, (1, 1))], "packet: one element expected, of shape [1], not [1, 1]"),
        ([given(kind, packet[:-1])], "damaged stream: its CRC-32 does not match its bytes"),
        ([given(kind, b"")], "no stream"),
    ):
        status, said = of(inputs=inputs)
        assert status == invalid
        assert words in said or "not a Splitwire stream" in said, said
    for told, words in (
        ({}, "the parameter 'split' must name a cut point"),
        ({"split": "2"}, "a tensor of shape"),
        ({"split": "nowhere"}, "no cut point 'nowhere'"),
        ({"split": "1", "task": "steering"}, "no task 'steering' here"),
        ({"split": "1", "codec": "jpeg"}, "no parameter 'codec'"),
    ):
        status, said = of(parameters=told)
        assert (status, words in said) == (invalid, True), said
    wanted = [kind.InferRequestedOutput("logits")]
    assert of(outputs=wanted) == (invalid, "no output 'logits'; there are: output, prediction")


@BOTH
def test_a_packet_that_is_too_long_or_yields_nothing_is_refused(
    cloud: Any, kind: Any, packet: bytes
) -> None:
    http = kind is tritonclient.http
    longer = packet + bytes(50_000)  # than any of this cut, but not than the cloud takes
    assert "damaged" in refused(cloud, kind, longer)[1]
    status, said = refused(cloud, kind, packet + bytes(200_000))
    assert status == ("413" if http else "StatusCode.RESOURCE_EXHAUSTED"), said
    bad = sw.codec("raw:dtype=float32").encode(np.zeros((3, 32, 32)))
    status, said = refused(cloud, kind, bad, MODELS[2], parameters={"split": "input"})
    assert status == ("500" if http else "StatusCode.INTERNAL")
    assert "NaN" in said


@BOTH
def test_a_packet_that_builds_on_another_is_refused(
    cloud: Any, kind: Any, small: sw.Model, small_picture: NDArray[np.float32]
) -> None:
    halves = sw.split(small, "1")
    coder = sw.codec("h264").encoder()
    with torch.inference_mode():
        features = halves.edge(torch.from_numpy(small_picture)[None])
    first, second = (encode(features, [coder]) for _ in range(2))
    assert infer(cloud, kind, first).as_numpy("output").shape == (1, 10)
    status, said = refused(cloud, kind, second)
    assert status == ("409" if kind is tritonclient.http else "StatusCode.FAILED_PRECONDITION")
    assert "send one that stands alone" in said


@BOTH
@pytest.mark.parametrize("shown", [{}, {"authorization": "Bearer another-token-than-that"}])
def test_nothing_is_told_without_the_token(
    cloud: Any, kind: Any, packet: bytes, shown: dict[str, str]
) -> None:
    reason = "wrong token" if shown else "no token"
    expected = "401" if kind is tritonclient.http else "StatusCode.UNAUTHENTICATED"
    assert refused(cloud, kind, packet, headers=dict(shown)) == (expected, reason)
    with pytest.raises(InferenceServerException, match=reason):
        client(cloud, kind).get_model_metadata(MODELS[0], headers=shown)


def post(cloud: Any, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """What plain HTTP says of a body."""
    from http.client import HTTPConnection

    connection = HTTPConnection(cloud.at[tritonclient.http])
    path = f"/v2/models/{MODELS[0]}/infer"
    connection.request("POST", path, body, {**BEARER, **headers})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def request(packet: bytes, **changes: Any) -> tuple[bytes, dict[str, str]]:
    """A binary request, and its headers, with changes to what it says of its input."""
    size = {"binary_data_size": len(packet) + 4}
    about = {"name": "packet", "datatype": "BYTES", "shape": [1], "parameters": size, **changes}
    head = json.dumps({"inputs": [about], "parameters": {"split": "1"}}).encode()
    element = len(packet).to_bytes(4, "little") + packet
    return head + element, {"Inference-Header-Content-Length": str(len(head))}


def test_json_alone_takes_base64(cloud: Any, packet: bytes) -> None:
    coded = b64encode(packet).decode()
    told = {
        "name": "packet",
        "datatype": "BYTES",
        "shape": [1],
        "data": [coded],
    }
    status, said = post(
        cloud, json.dumps({"inputs": [told], "parameters": {"split": "1"}}).encode()
    )
    assert status == 200
    assert [each["name"] for each in said["outputs"]] == ["output", "prediction"]
    assert len(said["outputs"][0]["data"]) == 10
    told["data"] = ["no base64!"]
    status, said = post(cloud, json.dumps({"inputs": [told]}).encode())
    assert (status, "base64" in said["error"]) == (400, True)


def test_a_header_that_lies_is_found_out(cloud: Any, packet: bytes) -> None:
    body, right = request(packet)
    name = next(iter(right))
    assert post(cloud, body, **right)[0] == 200
    for lie in ("-1", "nine", "", str(len(body) + 1), "9" * 30, "٣"):
        shown = lie.encode().decode("latin-1")
        status, said = post(cloud, body, **{name: shown})
        assert (status, "inference-header-content-length" in said["error"]) == (400, True), lie
    assert post(cloud, body, **{name: "10"}) == (400, {"error": "a JSON object expected"})
    assert post(cloud, body) == (400, {"error": "a JSON object expected"})


def test_sizes_that_lie_are_found_out(cloud: Any, packet: bytes) -> None:
    whole = len(packet) + 4
    for size in (-1, whole + 1, 2**70, "9", True, 1.5):
        body, headers = request(packet, parameters={"binary_data_size": size})
        status, said = post(cloud, body, **headers)
        assert (status, "binary_data_size" in said["error"]) == (400, True), said
    body, headers = request(packet, parameters={"binary_data_size": whole - 1})
    assert post(cloud, body, **headers) == (400, {"error": "1 bytes that belong to no input"})
    for size in (0, 3):
        body, headers = request(packet, parameters={"binary_data_size": size})
        status, said = post(cloud, body[: int(*headers.values()) + size], **headers)
        assert (status, said["error"]) == (400, f"packet: {size} bytes hold no element")
    body, headers = request(packet)
    wrong = bytearray(body)
    wrong[int(*headers.values())] ^= 1
    status, said = post(cloud, bytes(wrong), **headers)
    assert (status, "by its length" in said["error"]) == (400, True)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"inputs": 3}', b"[" * 50_000, b'{"inputs": [{"name": 1}]}']
)
def test_what_is_no_request_is_refused(cloud: Any, body: bytes) -> None:
    status, said = post(cloud, body)
    assert status == 400
    assert said["error"]


def test_a_compressed_request_is_refused(cloud: Any, packet: bytes) -> None:
    options = {"request_compression_algorithm": "gzip"}
    status, said = refused(cloud, tritonclient.http, packet, **options)
    assert (status, said) == ("415", "a packet is coded already: send it uncompressed")


def call(cloud: Any, **request: Any) -> Any:
    """What gRPC says of a request, made of its messages."""
    from splitwire.live.oip_messages import MESSAGES, SERVICE

    with grpc.insecure_channel(cloud.at[tritonclient.grpc]) as channel:
        ask = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=MESSAGES["ModelInferRequest"].SerializeToString,
            response_deserializer=MESSAGES["ModelInferResponse"].FromString,
        )
        split = {"split": MESSAGES["InferParameter"](string_param="1")}
        told = MESSAGES["ModelInferRequest"](model_name=MODELS[0], parameters=split, **request)
        return ask(told, metadata=tuple(BEARER.items()))


def test_contents_of_grpc_come_in_either_form_and_never_in_both(cloud: Any, packet: bytes) -> None:
    about = {"name": "packet", "datatype": "BYTES", "shape": [1]}
    inside = {**about, "contents": {"bytes_contents": [packet]}}
    raw = len(packet).to_bytes(4, "little") + packet
    told = call(cloud, inputs=[inside])
    assert len(told.outputs[0].contents.fp32_contents) == 10
    assert not told.raw_output_contents
    told = call(cloud, inputs=[about], raw_input_contents=[raw])
    assert len(told.raw_output_contents[0]) == 40
    assert not told.outputs[0].HasField("contents")
    for inputs, contents, words in (
        ([inside], [raw], "1 raw contents for 1 inputs"),
        ([about], [raw, raw], "2 raw contents for 1 inputs"),
        ([about], [], "0 bytes hold no element"),
        ([about], [packet], "by its length"),
        ([about], [raw[:3]], "3 bytes hold no element"),
        ([], [], "one input named 'packet' expected, not none"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call(cloud, inputs=inputs, raw_input_contents=contents)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert words in caught.value.details()
