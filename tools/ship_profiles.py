"""Makes the profiles of ftc that come with the package: `python tools/ship_profiles.py FOLDER`.

To be run again whenever what `ftc` learns, or how, has changed. FOLDER holds the photos that
gather_photos.py gathers; 2,400 crops are taken, seed 0. Another processor may round otherwise and
give another digest; what matters is that a package holds one profile for its encoders and decoders
alike. With `--label` nothing is learnt: profiles that there are, trained ones too, are told the
fingerprints of the photos, and stay as they are.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import splitwire
from splitwire.calibrate.calibrator import Plan, write_profiles
from splitwire.codecs.profile import Profile
from splitwire.data.fingerprint import fingerprints
from splitwire.data.photos import load_photos
from splitwire.eval.experiment import load_experiment

DATA = ("scikit-image", "Debian packages (tools/photos.tsv)")
CROPS = 2400
LARGEST = 1_000_000  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--label", action="store_true")
    given = parser.parse_args()
    (label if given.label else ship)(given.folder)


def ship(folder: Path) -> None:
    plan = load_experiment()
    for split in plan.splits:
        path = Path(splitwire.__file__).parent / "profiles" / plan.model / f"{split}-ftc.profile"
        path.parent.mkdir(parents=True, exist_ok=True)
        learning = Plan(plan.model, split, str(folder), crops=CROPS, seed=plan.seed)
        (learnt,) = write_profiles(learning, path)
        name_data(learnt).save(path)
        size = path.stat().st_size
        assert size < LARGEST, f"{path} has {size:,} bytes"
        print(f"{path.parent.name}/{path.name}: {size:,} bytes, digest {learnt.digest}")


def label(folder: Path) -> None:
    photos = load_photos(str(folder))
    for path in sorted((Path(splitwire.__file__).parent / "profiles").rglob("*.profile")):
        profile = Profile.load(path)
        assert profile.learnt is not None and profile.learnt.data == DATA
        told = replace(profile.learnt, pictures=fingerprints(photos))
        saved = replace(profile, learnt=told).save(path)
        print(f"{path.parent.name}/{path.name}: {len(told.pictures)} pictures of {saved.digest}")


def name_data(profile: Profile) -> Profile:
    """The profile with the name of its pictures, not the folder where they happened to lie."""
    assert profile.learnt is not None
    return replace(profile, learnt=replace(profile.learnt, data=DATA))


if __name__ == "__main__":
    main()
