"""The network that a bundle was exported from, loaded again."""

from splitwire.bundle.manifest import Manifest
from splitwire.errors import BundleError
from splitwire.models.load import load_model
from splitwire.models.split import Split, split
from splitwire.userfile import is_userfile


def original(said: Manifest, weights: str | None = None, network: str | None = None) -> Split:
    """The split that a manifest tells of.

    Args:
        said: the manifest.
        weights: a file of them, where they are neither pretrained nor untrained.
        network: what `load_model` takes; needed where the manifest names a user's file, which no
            manifest has run.

    Raises:
        BundleError: the network at hand has other weights than the one that was exported.
        ModelError: it cannot be had.
    """
    if network is None and is_userfile(said.network):
        raise BundleError(
            f"the bundle was exported from {said.network}, a file of its author's: if you trust "
            f"it, name it (--model {said.network})"
        )
    model = load_model(network or said.network, weights or ("pretrained" if said.trained else None))
    if model.digest != said.digest:
        raise BundleError(
            f"{model.name} with weights {model.weights.origin} is another network ({model.digest}) "
            f"than the one that was exported ({said.digest}, weights {said.weights}): name its "
            "file of weights (--weights PATH)"
        )
    return split(model, said.split)
