"""What a bundle says of itself: `manifest.json`. It may come from anywhere, so nothing is believed.

Names of files are plain names in the folder; sizes and digests are those of the files, shapes those
of the networks in them. What is not said here, nothing reads.
"""

import json
from dataclasses import asdict
from math import prod
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from splitwire.bundle.steps import Steps
from splitwire.bundle.structure import filled
from splitwire.errors import BundleError

FORMAT = 1
MANIFEST, EDGE, CLOUD = "manifest.json", "edge.onnx", "cloud.onnx"
LARGEST = 4 << 20  # bytes of a manifest
LARGEST_FILE = 1 << 31  # bytes: what Protobuf, and so ONNX, can hold
_MOST_NUMBERS = 1 << 28  # of a tensor

Text = Annotated[str, Field(max_length=1024)]
Name = Annotated[str, Field(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z")]
Side = Annotated[int, Field(ge=1, le=_MOST_NUMBERS)]
Shape = Annotated[tuple[Side, ...], Field(max_length=8)]
Count = Annotated[int, Field(ge=0, le=1 << 62)]
Kind = Annotated[str, Field(pattern=r"\A(float16|float32|float64|u?int(8|16|32|64)|bool)\z")]

_STRICT = ConfigDict(extra="forbid", strict=True)


@checked(frozen=True, config=_STRICT)
class File:
    """A file of the bundle: its size in bytes, and its SHA-256 in hexadecimal."""

    size: Annotated[int, Field(ge=0, le=LARGEST_FILE)]
    sha256: Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]


@checked(frozen=True, config=_STRICT)
class Tensor:
    """A tensor that a half takes or gives.

    Attributes:
        name: in the ONNX files.
        shape: with the batch of 1 that every frame has.
        dtype: as NumPy calls it.
        layout: "NCHW" for four dimensions, otherwise "row-major".
        profile: of what crosses, the file of its codec's profile, if it has one.
    """

    name: Text
    shape: Shape
    dtype: Kind
    layout: Text
    profile: Name | None = None

    def __post_init__(self) -> None:
        if prod(self.shape) > _MOST_NUMBERS:
            raise ValueError(f"a tensor of {prod(self.shape):,} numbers")

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


Tensors = Annotated[tuple[Tensor, ...], Field(min_length=1, max_length=512)]


@checked(frozen=True, config=_STRICT)
class Manifest:
    """All that is said of a bundle.

    Attributes:
        network: its name, as `load_model` takes it.
        digest: that tells it and its weights from any other.
        weights: where they come from, in words; trained: False where they are known not to be.
        split: the cut point.
        codec: the spec, without a profile.
        task: the name of what the output means.
        labels: names of classes or points, in order.
        strides: of a detector's cells.
        preprocess: in exact steps; see steps.py.
        input, crossings, outputs: the tensors of both halves.
        macs: multiply-accumulates of the first half and of the second, for a picture.
        output: the structure that the output's tensors stand in; see structure.py.
        batch: whether the halves take any number of frames at once, or one.
        precision: of the first half's arithmetic, "float32" or "int8".
        files: by name.
        versions: of what made it, by name.
        format: of this manifest.
    """

    network: Text
    digest: Annotated[str, Field(pattern=r"\A[0-9a-f]{16}\z")]
    weights: Text
    trained: bool
    split: Text
    codec: Text
    task: Text
    labels: Annotated[tuple[Text, ...], Field(max_length=1 << 16)]
    strides: Annotated[tuple[Side, ...], Field(max_length=16)]
    preprocess: Annotated[Steps, Field(max_length=16)]
    input: Tensor
    crossings: Tensors
    outputs: Tensors
    macs: tuple[Count, Count]
    output: Any
    batch: Annotated[str, Field(pattern=r"\A(free|one)\z")]
    precision: Annotated[str, Field(pattern=r"\A(float32|int8)\z")]
    files: Annotated[dict[Name, File], Field(max_length=600)]
    versions: Annotated[dict[Text, Text], Field(max_length=32)]
    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)] = FORMAT

    def __post_init__(self) -> None:
        needed = {EDGE, CLOUD, *(c.profile for c in self.crossings if c.profile)}
        if self.files.keys() != needed:
            raise ValueError(f"files {sorted(self.files)}, where {sorted(needed)} are needed")
        filled(self.output, self.outputs)

    def text(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The manifest in the bytes of a file.

        Raises:
            BundleError: they hold none, or one of another version.
        """
        if len(data) > LARGEST:
            raise BundleError(f"a manifest of {len(data):,} bytes: {LARGEST:,} at most")
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise BundleError("a manifest is a JSON object")
        if said.get("format") != FORMAT:
            raise BundleError(
                f"a manifest of format {FORMAT} expected, not {str(said.get('format'))[:20]!r}: "
                "export the network again with this version"
            )
        try:
            return TypeAdapter(cls).validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))[:80]
            raise BundleError(
                f"the manifest's {where or 'entries'}: {first['msg'][:200]}"
            ) from None
