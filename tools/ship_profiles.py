"""Makes the profiles that come with the package: `python tools/ship_profiles.py`.

To be run again whenever what `ftc` learns, or how, has changed. They are learnt as `splitwire eval`
would learn them by itself: on 200 crops of scikit-image's photos, seed 0, one thread of torch.
Another processor may round otherwise and give another digest; what matters is that a package holds
one profile for its encoders and decoders alike.
"""

from splitwire.codecs.shipped import shipped_path
from splitwire.eval.experiment import load_experiment
from splitwire.eval.profiles import write_profiles

LARGEST = 1_000_000  # bytes


def main() -> None:
    plan = load_experiment()
    for split in plan.splits:
        path = shipped_path("ftc", plan.model, split)
        path.parent.mkdir(parents=True, exist_ok=True)
        (profile,) = write_profiles(plan.model, split, plan.calibration, path, seed=plan.seed)
        size = path.stat().st_size
        assert size < LARGEST, f"{path} has {size:,} bytes"
        print(f"{path.parent.name}/{path.name}: {size:,} bytes, digest {profile.digest}")


if __name__ == "__main__":
    main()
