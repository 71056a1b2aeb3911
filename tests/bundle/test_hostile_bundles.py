"""A bundle may come from anywhere: what its manifest says is compared with what is there."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from splitwire.bundle.manifest import LARGEST, Manifest
from splitwire.bundle.opened import Bundle
from splitwire.bundle.structure import filled
from splitwire.errors import BundleError

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def changed(folder: Path, change: Change) -> None:
    path = folder / "manifest.json"
    said = json.loads(path.read_bytes())
    change(said)
    path.write_text(json.dumps(said), encoding="utf-8")


def replaced(folder: Path, name: str, data: bytes) -> None:
    """Another file in the place of one, of which the manifest knows."""
    (folder / name).write_bytes(data)
    entry = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    changed(folder, lambda said: said["files"].update({name: entry}))


def put(*way: Any) -> Change:
    """Sets the entry at a path of keys to the last of them."""
    *keys, last, value = way

    def change(said: Any) -> None:
        for key in keys:
            said = said[key]
        said[last] = value

    return change


ELSEWHERE = {"size": 4, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("format", 2), "export the network again"),
        (put("crossings", 0, "shape", [1, 4, 15, 16]), "edge.onnx gives"),
        (put("crossings", 0, "shape", [1, 1 << 20, 1 << 20]), "numbers"),
        (put("crossings", 0, "dtype", "float64"), "edge.onnx gives"),
        (put("crossings", 0, "dtype", "object"), "pattern"),
        (put("crossings", []), "crossings"),
        (put("input", "shape", [1, 3, 32, 33]), "edge.onnx takes"),
        (put("outputs", 0, "shape", [1, 11]), "cloud.onnx gives"),
        (put("output", {"tensor": 1}), "nothing that fits"),
        (put("output", {"tuple": []}), "each of 1 tensors once"),
        (put("output", {"call": "os.system"}), "nothing that fits"),
        (put("crossings", 0, "profile", "../../secret"), "profile"),
        (put("crossings", 0, "profile", "x.profile"), "files"),
        (put("files", "../edge.onnx", ELSEWHERE), "files"),
        (put("files", "more.onnx", ELSEWHERE), "files"),
        (put("files", "edge.onnx", "size", 1), "not the file that was exported"),
        (put("files", "edge.onnx", "sha256", "0" * 64), "not the file that was exported"),
        (put("codec", "raw:bits=8,profile=/etc/passwd"), "profile"),
        (put("codec", "ftc"), "no profile"),
        (put("codec", "raw:bits=99"), "bits"),
        (put("codec", "no-such"), "unknown codec"),
        (put("digest", "x"), "digest"),
        (put("labels", [1]), "labels"),
        (put("more", 1), "more"),
        (put("batch", "one"), "edge.onnx takes"),
    ],
)
def test_what_is_not_so_is_refused(copied: Path, change: Change, words: str) -> None:
    changed(copied, change)
    with pytest.raises(BundleError, match=words):
        Bundle(copied)


@pytest.mark.parametrize(
    "change",
    [
        put("preprocess", 1, "filter", "none such"),
        put("preprocess", 2, "sides", [1 << 20, 1 << 20]),
        put("preprocess", 2, "sides", ["32", 32]),
        put("preprocess", 4, "std", [0.0, 1.0, 1.0]),
        put("preprocess", 0, "step", "bgr"),
        put("preprocess", []),
    ],
)
def test_preprocessing_that_nobody_knows_is_refused(copied: Path, change: Change) -> None:
    changed(copied, change)
    with pytest.raises(BundleError, match="preprocessing"):
        _ = Bundle(copied).halves.model.preprocess


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "{}", "nonsense", '{"format": 1}'])
def test_what_is_no_manifest_is_refused(copied: Path, text: str) -> None:
    (copied / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError, match="manifest"):
        Bundle(copied)


def test_a_manifest_without_end_is_not_read() -> None:
    with pytest.raises(BundleError, match="at most"):
        Manifest.read(b" " * (LARGEST + 1))


def test_a_structure_without_end_is_refused() -> None:
    deep: Any = {"tensor": 0}
    for _ in range(100):
        deep = {"list": [deep]}
    with pytest.raises(BundleError, match="structure"):
        filled(deep, [0])


def test_a_folder_that_holds_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="splitwire export"):
        Bundle(tmp_path)


def test_a_link_to_another_place_is_no_file_of_the_bundle(copied: Path, tmp_path: Path) -> None:
    shutil.move(copied / "edge.onnx", tmp_path / "outside")
    (copied / "edge.onnx").symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match="no file of the bundle"):
        Bundle(copied)


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"not onnx" * 100])
def test_what_onnx_runtime_does_not_take_is_one_line(copied: Path, data: bytes) -> None:
    replaced(copied, "edge.onnx", data)
    with pytest.raises(BundleError, match="does not take"):
        Bundle(copied)


@pytest.mark.parametrize("where", ["../weights.bin", "/etc/hostname", "weights.bin"])
def test_weights_outside_of_the_file_are_not_read(
    copied: Path, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX may name other files for its weights: of them no digest would be known."""
    for place in (copied, tmp_path):
        (place / "weights.bin").write_bytes(bytes(4 * 900 * 4))
    monkeypatch.chdir(copied)
    shape = [1, 4, 15, 15]
    weights = helper.make_tensor("weights", TensorProto.FLOAT, shape, bytes(3600), raw=True)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", where), ("offset", "0"), ("length", "3600")):
        weights.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["weights"], ["crossing_0"])],
        "half",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("crossing_0", TensorProto.FLOAT, ["n", 4, 15, 15])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    assert isinstance(model, onnx.ModelProto)
    replaced(copied, "edge.onnx", model.SerializeToString())
    with pytest.raises(BundleError, match=r"does not take|outside"):
        Bundle(copied)
