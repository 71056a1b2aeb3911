"""Training that goes on where it stopped: all that it needs, in one file that holds no code."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from splitwire.disk import write_whole
from splitwire.errors import TrainingError

Parts = dict[str, nn.Module | torch.optim.Optimizer]  # what has a state, by name


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where training stands.

    Attributes:
        path: the file.
        about: what is trained, on what and how; a file of another training is refused.
    """

    path: Path
    about: dict[str, str]

    def save(self, parts: Parts, step: int, history: list[dict[str, Any]]) -> None:
        """Write it in one go: a kill or a full disk leaves the one before.

        Raises:
            StorageError: it cannot be written.
        """
        state = {name: part.state_dict() for name, part in parts.items()}
        written = io.BytesIO()  # torch's own writer does not say why it failed
        torch.save({"about": self.about, "step": step, "history": history, **state}, written)
        write_whole(self.path, written.getvalue())

    def load(self, parts: Parts) -> tuple[int, list[dict[str, Any]]]:
        """Fill the parts; the step to go on from and the history, 0 and none without a file.

        Raises:
            TrainingError: the file is damaged, or of another training.
        """
        if not self.path.exists():
            return 0, []
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            about, step, history = (state[key] for key in ("about", "step", "history"))
        except Exception as error:  # damaged files make torch raise errors of a dozen kinds
            raise TrainingError(f"{self.path} is no checkpoint: delete it") from error
        keys = self.about.keys() | about.keys()
        if different := sorted(key for key in keys if about.get(key) != self.about.get(key)):
            raise TrainingError(
                f"{self.path} holds another training (other {', '.join(different)}): "
                "give another folder, or delete it"
            )
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return step, history
