"""What an attack is to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """What to attack.

    Attributes:
        model, weights: as `load_model` takes them; weights "none" are untrained ones.
        splits: cut points.
        codecs: specs; each starts from the decoder of the one before, at the same split.
        data: a folder of the eavesdropper's own pictures.
        on: pictures to attack, "samples" or a folder.
        judge, judge_weights: the classifier that looks at reconstructions, and its weights; the
            attacked network itself, if empty.
        crops: of their own pictures, to learn from.
        steps: of training, in batches of eight.
        optimise: steps of the second attack; none, if 0.
        seed: of crops, order and weights.
        profiles: folders of codec profiles to search too.
    """

    model: str
    splits: tuple[str, ...]
    codecs: tuple[str, ...]
    data: str
    on: str = "samples"
    weights: str = "pretrained"
    judge: str = ""
    judge_weights: str = "pretrained"
    crops: int = 400
    steps: int = 250
    optimise: int = 20
    seed: int = 0
    profiles: Sequence[Path] = ()
