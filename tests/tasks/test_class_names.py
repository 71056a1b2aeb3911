from typing import Any

import torch
from torch import nn

import splitwire as sw
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess
from splitwire.tasks.classification import class_names


class Classes(nn.Module):
    """Logits, with what is no tensor beside them."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.head = nn.Linear(48, count)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        return {"logits": self.head(x.flatten(1)), "step": 3, "aux": None, "kind": "logits"}


def made(count: int) -> sw.Model:
    return assemble("made", Classes(count), Preprocess(4, 4, (0.0,) * 3, (1.0,) * 3, "box"))


def test_a_thousand_classes_are_imagenets_whatever_stands_beside_them() -> None:
    names = class_names(made(1000))
    assert (len(names), names[0], names[999]) == (1000, "tench", "toilet tissue")


def test_classes_that_nobody_knows_have_no_names() -> None:
    assert class_names(made(10)) == []
