"""Which extra of the package brings what: for the error where something is not installed."""

from splitwire.errors import MissingPackageError

_BROUGHT = {
    "video": ("av",),
    "torch": ("torch", "torchvision", "timm", "skimage", "matplotlib", "bjontegaard", "jinja2"),
    "edge": ("onnxruntime", "websockets"),
    "live": ("starlette", "uvicorn", "prometheus_client"),
    "otel": ("opentelemetry",),
    "ray": ("ray",),
    "oip": ("grpc", "google"),
    "quic": ("aioquic",),
    "export": ("onnx", "onnxscript"),
}


def explained(error: ModuleNotFoundError) -> ModuleNotFoundError | MissingPackageError:
    """What to raise where an import failed: which extra to install, where one brings the module."""
    name = (error.name or "").partition(".")[0]
    for extra, brought in _BROUGHT.items():
        if name in brought:
            return MissingPackageError(
                f'{name} is not installed; run: pip install "splitwire[{extra}]"', name=name
            )
    return error
