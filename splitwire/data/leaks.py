"""Pictures that were learnt from and are to be measured on: found by what they show."""

from collections.abc import Mapping, Sequence

from splitwire.data.fingerprint import fingerprints, shared
from splitwire.data.photos import Photo
from splitwire.errors import DataError


def check_disjoint(calibration: Sequence[Photo], evaluation: Mapping[str, str]) -> None:
    """Refuse to measure on what was calibrated on: the figures would flatter.

    Args:
        calibration: the pictures to learn from.
        evaluation: the fingerprints of those to measure on, by name.

    Raises:
        DataError: naming two files of the same picture, or a file that is damaged.
    """
    names = list(evaluation)
    for seen, asked in shared(fingerprints(calibration), list(evaluation.values())):
        raise DataError(
            f"{names[asked]} is a picture of both calibration and evaluation "
            f"({calibration[seen].path}): give the experiment another `calibration` or `data`"
        )


def without(photos: Sequence[Photo], others: Sequence[Photo]) -> list[Photo]:
    """The photos that show none of the others.

    Raises:
        DataError: a file is damaged.
    """
    known = {at for _, at in shared(fingerprints(others), fingerprints(photos))}
    return [photo for at, photo in enumerate(photos) if at not in known]
