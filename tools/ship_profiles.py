"""Makes the profiles of ftc that come with the package: `python tools/ship_profiles.py FOLDER`.

To be run again whenever what `ftc` learns, or how, has changed. FOLDER holds the photos that
gather_photos.py gathers; 2,400 crops are taken of them, or 200 where maps are large, seed 0; of
one network alone with `--model NAME`. Another processor may round otherwise and give another
digest; what matters is that a package holds one profile for its encoders and decoders alike. With
`--label` nothing is learnt: profiles that there are, trained ones too, are told the
fingerprints of the photos, and stay as they are.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import splitwire
from splitwire.calibrate.calibrator import Calibrator, save_profiles
from splitwire.calibrate.store import SUFFIX
from splitwire.codecs.ftc import Ftc
from splitwire.codecs.profile import Profile
from splitwire.data.fingerprint import fingerprints
from splitwire.data.photos import load_photos
from splitwire.models.load import load_model
from splitwire.models.split import split
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task

DATA = ("scikit-image", "Debian packages (tools/photos.tsv)")
SHIPPED = {  # cuts and crops of each network
    "lite0": (("blocks.2", "blocks.3", "blocks.5"), 2400),
    "nanodet": (("neck", "backbone.stage2"), 200),
    "selfie": (("stage3",), 200),
    "movenet": (("backbone.stage2",), 200),
}
FOLDER = Path(splitwire.__file__).parent / "profiles"
LARGEST = 1_000_000  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", choices=SHIPPED, help="those of one network alone")
    parser.add_argument("--label", action="store_true")
    given = parser.parse_args()
    if given.label:
        label(given.folder)
        return
    for name in [given.model] if given.model else SHIPPED:
        ship(given.folder, name)


def ship(folder: Path, name: str) -> None:
    splits, crops = SHIPPED[name]
    limit_threads(1)
    model, photos = load_model(name), load_photos(str(folder), labelled=False)
    calibrator = Calibrator(photos, str(folder), load_task(None, model), count=crops)
    for at in splits:
        path = FOLDER / name / f"{at}-ftc{SUFFIX}"
        path.parent.mkdir(parents=True, exist_ok=True)
        made = calibrator.calibrate(split(model, at), Ftc())
        for learnt in save_profiles(made, path):
            assert learnt.path is not None
            name_data(learnt).save(learnt.path)
            size = learnt.path.stat().st_size
            assert size < LARGEST, f"{learnt.path} has {size:,} bytes"
            print(f"{name}/{learnt.path.name}: {size:,} bytes, digest {learnt.digest}", flush=True)


def label(folder: Path) -> None:
    photos = load_photos(str(folder))
    for path in sorted(FOLDER.rglob(f"*{SUFFIX}")):
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
