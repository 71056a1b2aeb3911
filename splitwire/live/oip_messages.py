"""The messages of the Open Inference Protocol's gRPC service, as it numbers them.

There is no generated code to keep, and the definition reads as a table. The messages live in a pool
of their own, beside whatever else has registered the same names.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PACKAGE, SERVICE = "inference", "inference.GRPCInferenceService"

# Every message with its fields in order of their numbers; `*` repeats, `map` goes from a string.
_MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready",
    "ModelReadyRequest": "string name, string version",
    "ModelReadyResponse": "bool ready",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name, string version, *string extensions",
    "TensorMetadata": "string name, string datatype, *int64 shape",
    "ModelMetadataRequest": "string name, string version",
    "ModelMetadataResponse": "string name, *string versions, string platform, "
    "*TensorMetadata inputs, *TensorMetadata outputs, map.string properties",
    # One of them is set.
    "InferParameter": "bool bool_param, int64 int64_param, string string_param, "
    "double double_param, uint64 uint64_param",
    "InferTensorContents": "*bool bool_contents, *int32 int_contents, *int64 int64_contents, "
    "*uint32 uint_contents, *uint64 uint64_contents, *float fp32_contents, "
    "*double fp64_contents, *bytes bytes_contents",
    "InferTensor": "string name, string datatype, *int64 shape, map.InferParameter parameters, "
    "InferTensorContents contents",
    "InferRequestedOutputTensor": "string name, map.InferParameter parameters",
    "ModelInferRequest": "string model_name, string model_version, string id, "
    "map.InferParameter parameters, *InferTensor inputs, *InferRequestedOutputTensor outputs, "
    "*bytes raw_input_contents",
    "ModelInferResponse": "string model_name, string model_version, string id, "
    "map.InferParameter parameters, *InferTensor outputs, *bytes raw_output_contents",
}


def _messages() -> dict[str, Any]:
    """The class of each message, by name."""
    file = FileDescriptorProto(name="inference.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name == "InferParameter":
            message.oneof_decl.add(name="parameter_choice")
        for number, text in enumerate(filter(None, fields.split(", ")), 1):
            _add(message, number, *text.split())
    pool = DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"{PACKAGE}.{name}") for name in _MESSAGES}
    return {name: GetMessageClass(descriptor) for name, descriptor in found.items()}


def _add(message: DescriptorProto, number: int, kind: str, name: str) -> None:
    """Add a field to a message."""
    field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if kind.startswith("map."):
        entry = "".join(word.title() for word in name.split("_")) + "Entry"
        pair = message.nested_type.add(name=entry)
        pair.options.map_entry = True
        _add(pair, 1, "string", "key")
        _add(pair, 2, kind.removeprefix("map."), "value")
        kind = f"*{message.name}.{entry}"
    if kind.startswith("*"):
        field.label = FieldDescriptorProto.LABEL_REPEATED
        kind = kind.removeprefix("*")
    if kind[0].isupper():
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{kind}"
    else:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    if message.name == "InferParameter":
        field.oneof_index = 0


MESSAGES = _messages()
