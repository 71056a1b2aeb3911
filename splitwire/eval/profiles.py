"""The profiles of a run: found in the store, or else learnt now and kept in the run's folder.

A run that goes on therefore codes with the same profiles and learns nothing again, and whatever
opens the run later (the report, a plan, a live edge) finds them there.
"""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from splitwire.calibrate.calibrator import Calibrator, save_profiles
from splitwire.calibrate.store import SUFFIX, ProfileStore, settings
from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile, Provenance
from splitwire.disk import writing
from splitwire.models.split import Split

PROFILES = "profiles"


def run_store(run: Path, *folders: Path) -> ProfileStore:
    """The store of a run: its own folder first, then others."""
    own = run / PROFILES
    return ProfileStore(*([own] if own.is_dir() else []), *folders)


class RunProfiles:
    """Gives codecs their profiles, and calibrates where there is none.

    Args:
        run: the run's folder; its profiles are made a folder of their own.
        calibrator: learns what is missing.

    Raises:
        StorageError: the folder cannot be written.
    """

    def __init__(self, run: Path, calibrator: Calibrator) -> None:
        self._folder, self._calibrator = run / PROFILES, calibrator
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._store = run_store(run)
        self._learnt: dict[tuple[str, str], list[Codec]] = {}  # the store reads its folders once

    def codecs(self, cut: Split, codec: Codec) -> list[Codec]:
        """The codec for each tensor that crosses, with a profile where it needs one.

        None at all if its profiles come of training and there is none.
        """
        if not isinstance(codec, CalibratedCodec) or not codec.needs_profile:
            return [codec] * len(cut.crossings)
        found = [self._find(cut, codec, i) for i in range(len(cut.crossings))]
        profiles = [profile for profile in found if profile is not None]
        if len(profiles) == len(found):
            return [replace(codec, profile=profile) for profile in profiles]
        return [] if codec.trained else self._learn(cut, codec)

    def _find(self, cut: Split, codec: CalibratedCodec, crossing: int) -> Profile | None:
        """Where it was learnt on what would be taken here, or on more."""

        def fits(learnt: Provenance) -> bool:
            return learnt.trained or self._calibrator.learns(learnt)

        return self._store.find(
            cut.model.digest, cut.at, codec, self._calibrator.task.name, crossing, fits
        )

    def _learn(self, cut: Split, codec: CalibratedCodec) -> list[Codec]:
        key = cut.at, settings(codec)
        if key not in self._learnt:
            made = self._learnt[key] = self._calibrator.calibrate(cut, codec)
            name = quote("-".join(key), safe=" ,=")
            save_profiles(made, self._folder / f"{name}{SUFFIX}")
        return [replace(codec, profile=one.profile) for one in self._learnt[key]]
