"""The one place where profiles are found: by network, split, codec, task and crossing tensor.

    a run's folder ─▶ folders that were named ─▶ $SPLITWIRE_PROFILES ─▶ the package's own

The first that holds one wins. A file is known by what it says that it was learnt on, whatever its
name is and in whichever sub-folder it lies.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile, Provenance, read_label
from splitwire.errors import ProfileError

if TYPE_CHECKING:  # which loads torch
    from splitwire.models.split import Split

SUFFIX = ".profile"
VARIABLE = "SPLITWIRE_PROFILES"
_PACKAGED = Path(str(files("splitwire"))) / "profiles"

Place = tuple[str, str, str, int]


def any_profile(learnt: Provenance) -> bool:
    """Takes whatever was learnt on the same network and split."""
    return True


class ProfileStore:
    """Profiles of some folders, of the user's and of the package.

    Args:
        folders: searched before all others, in this order. They are read at the first question,
            and then each is kept in mind.

    Raises:
        ProfileError: one of them is no folder.
    """

    def __init__(self, *folders: Path) -> None:
        named = os.environ.get(VARIABLE, "").split(os.pathsep)
        self._users = [Path(folder) for folder in named if folder]
        self._folders = [*folders, *self._users]
        for folder in self._folders:
            if not folder.is_dir():
                raise ProfileError(f"{folder} is no folder of profiles")

    def find(
        self,
        network: str,
        split: str,
        codec: CalibratedCodec,
        task: str,
        crossing: int = 0,
        fits: Callable[[Provenance], bool] = any_profile,
    ) -> Profile | None:
        """The profile of a codec for one crossing tensor, or None.

        Args:
            network: digest of the network and its weights (`Model.digest`).
            split: where it is cut, as `splitwire.split` takes it.
            codec: one that needs a profile; its parameters matter where its profiles depend on
                them.
            task: of the network, by name; it matters to what learns of the task's gradients.
            crossing: which of the tensors that cross.
            fits: what else a profile must have been learnt on; those in the folders of
                $SPLITWIRE_PROFILES are the user's word, and taken as they are.

        Raises:
            ProfileError: a file in one of the folders is damaged.
        """
        place = (network, split, settings(codec), crossing)
        known = self._places.get(place, ())
        for_task = [
            (path, learnt)
            for path, learnt in known
            if learnt.task == task or not codec.uses_gradients
        ]
        paths = (path for path, learnt in for_task if fits(learnt) or self._is_users(path))
        return next(map(Profile.load, paths), None)

    def codecs(self, cut: "Split", codec: Codec, task: str) -> list[Codec]:
        """A codec for each tensor that crosses at a cut, each with its profile where it needs one.

        The task is that of the network, by name.

        Raises:
            ProfileError: a profile is missing; the message says how to make it.
        """
        if not isinstance(codec, CalibratedCodec) or not codec.needs_profile:
            return [codec] * len(cut.crossings)
        made: list[Codec] = []
        for crossing in range(len(cut.crossings)):
            profile = self.find(cut.model.digest, cut.at, codec, task, crossing)
            if profile is None:
                command = "train" if codec.trained else "calibrate"
                raise ProfileError(
                    f"no profile of {codec.spec} for {cut.model.name} at {cut.at} and the task "
                    f"{task}: make one with "
                    f"`splitwire {command} {cut.model.name} {cut.at}` and name its folder "
                    f"(--profiles, or {VARIABLE})"
                )
            made.append(replace(codec, profile=profile))
        return made

    def by_digest(self, digest: str) -> Profile | None:
        """The profile of that digest, or None."""
        path = self._digests.get(digest)
        return None if path is None else Profile.load(path)

    @cached_property
    def _labels(self) -> list[tuple[Path, str, Provenance | None]]:
        return [(path, *read_label(path)) for path in self._paths()]

    @cached_property
    def _places(self) -> dict[Place, list[tuple[Path, Provenance]]]:
        found: dict[Place, list[tuple[Path, Provenance]]] = {}
        for path, _, learnt in self._labels:
            if learnt is not None:
                place = (learnt.weights, learnt.split, learnt.settings, learnt.crossing)
                found.setdefault(place, []).append((path, learnt))
        return found

    @cached_property
    def _digests(self) -> dict[str, Path]:
        return {digest: path for path, digest, _ in reversed(self._labels)}

    def _is_users(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._users)

    def _paths(self) -> Iterator[Path]:
        for folder in [*self._folders, _PACKAGED]:
            yield from sorted(folder.rglob(f"*{SUFFIX}"))


def settings(codec: CalibratedCodec) -> str:
    """What of a codec its profile depends on."""
    return codec.name if codec.shares_profile else replace(codec, profile=None).spec
