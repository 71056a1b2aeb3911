"""Where the profiles of a run come from: the package, its folder, or calibration now.

What is learnt is kept in the run's folder, so that a run that goes on codes with the same profiles
and calibrates nothing again.
"""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from splitwire.calibrate.calibrator import Calibrator, numbered, save_profiles, settings
from splitwire.calibrate.packaged import shipped_profile
from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.profile import Profile
from splitwire.models.split import Split


class ProfileStore:
    """The profiles of a run: those in its folder, those of the package, and those made now."""

    def __init__(self, folder: Path, calibrator: Calibrator) -> None:
        self.folder, self._calibrator = folder, calibrator

    def codecs(self, cut: Split, codec: Codec) -> list[Codec]:
        """The codec for each tensor that crosses, with a profile where it needs one.

        None if its profiles come of training, and the package holds no such profile.
        """
        if not isinstance(codec, CalibratedCodec) or not codec.needs_profile:
            return [codec] * len(cut.crossings)
        profiles = self._packaged(cut, codec)
        if not profiles and codec.trained:
            return []
        profiles = profiles or self._kept(cut, codec)
        if profiles:
            return [replace(codec, profile=profile) for profile in profiles]
        return self._learnt(cut, codec)

    def _packaged(self, cut: Split, codec: CalibratedCodec) -> list[Profile]:
        """The package's, where they were learnt on what would be taken here, or on more."""
        if not codec.shares_profile or len(cut.crossings) != 1:
            return []
        model = cut.model
        profile = shipped_profile(codec.name, model.name, model.digest, cut.at)
        learnt_on = profile.about["data"].split(", ") if profile else []
        taken = codec.trained or self._calibrator.data in learnt_on
        return [profile] if profile and taken else []

    def _kept(self, cut: Split, codec: CalibratedCodec) -> list[Profile]:
        """The run's own, if they are all there and were learnt on the same."""
        paths = self._paths(cut, codec)
        if not all(path.is_file() for path in paths):
            return []
        profiles = [Profile.load(path) for path in paths]
        wanted = [self._calibrator.about(cut, codec, i) for i in range(len(paths))]
        return profiles if [dict(p.about) for p in profiles] == wanted else []

    def _learnt(self, cut: Split, codec: CalibratedCodec) -> list[Codec]:
        made = self._calibrator.calibrate(cut, codec)
        self.folder.mkdir(parents=True, exist_ok=True)
        save_profiles(made, self._paths(cut, codec))
        return made

    def _paths(self, cut: Split, codec: CalibratedCodec) -> list[Path]:
        name = quote(f"{cut.at}-{settings(codec)}", safe=" ,=")
        return numbered(self.folder / f"{name}.profile", len(cut.crossings))
