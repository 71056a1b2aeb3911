"""Which class of the network each folder of a data set stands for, in words.

Folders that are no numbers and no WordNet ids count in sorted order: whether the network counts so
too, only a reader can tell.
"""

from collections.abc import Sequence

from splitwire.data.photo import Photo
from splitwire.data.photos import is_sample

_TOLD = 8  # classes that are named


def mapping(photos: Sequence[Photo], names: Sequence[str]) -> str:
    """The folders and the classes that their pictures were taken to be of; empty without labels.

    Args:
        photos: of the data set.
        names: of the network's classes, in order; empty where nobody knows them.
    """
    found = {
        photo.path.parent.name: photo.label
        for photo in photos
        if isinstance(photo.label, int) and not is_sample(photo)
    }
    said = [
        f"{folder} is class {label}" + (f" ({names[label]})" if label < len(names) else "")
        for folder, label in sorted(found.items(), key=lambda item: item[1])
    ]
    more = f" and {len(said) - _TOLD} more" if len(said) > _TOLD else ""
    return ", ".join(said[:_TOLD]) + more
