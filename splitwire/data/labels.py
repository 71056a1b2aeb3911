"""The class that each picture of a folder of folders is of, by the name of the folder it lies in.

A tree that tells no classes is refused: labels that nobody meant give an accuracy that nobody can
see to be wrong.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from splitwire.errors import DataError

_WNID = re.compile(r"n\d{8}")
_PARTS = frozenset(("train", "training", "val", "valid", "validation", "test", "eval"))


def labels(root: Path, pictures: Sequence[Path]) -> list[int | None]:
    """The class index of each picture below `root`; None for one that lies in `root` itself.

    A folder that holds pictures is a class: its index where all the names are numbers, ImageNet's
    where they are WordNet ids (n01440764), otherwise its place in sorted order.

    Args:
        root: the folder of folders.
        pictures: paths below it, relative to it.

    Raises:
        DataError: the folders are no classes, so that no label would be true.
    """
    folders = sorted({path.parent for path in pictures if len(path.parts) > 1})
    index = _index(root, folders)
    return [index[path.parent.name] if len(path.parts) > 1 else None for path in pictures]


def _index(root: Path, folders: Sequence[Path]) -> dict[str, int]:
    """The class index of each folder, by its name."""
    places: dict[str, Path] = {}
    for folder in folders:
        for part in folder.parts:
            if part.lower() in _PARTS:
                why = f"{part} is a part of a data set, not a class"
                raise _no_classes(root, why, root / folder.parts[0])
        if len(folder.parts) != len(folders[0].parts):
            why = f"{folder} lies deeper, or less deep, than {folders[0]}"
            raise _no_classes(root, why, root / folder)
        if folder.name in places:
            why = f"{folder.name} lies in {places[folder.name]} and in {folder.parent}"
            raise _no_classes(root, why, root / folder)
        places[folder.name] = folder.parent
    return _numbered(root, folders, sorted(places))


def _numbered(root: Path, folders: Sequence[Path], names: Sequence[str]) -> dict[str, int]:
    if _all_or_none(root, "numbers", names, [name for name in names if name.isdecimal()]):
        return {name: int(name) for name in names}
    if _all_or_none(root, "WordNet ids", names, list(filter(_WNID.fullmatch, names))):
        return _imagenet(root, names)
    if len(names) == 1:
        raise _no_classes(root, f"{names[0]} would be its only class", root / folders[0])
    return {name: i for i, name in enumerate(names)}


def _all_or_none(root: Path, kind: str, names: Sequence[str], fitting: Sequence[str]) -> bool:
    """Whether the names are all of a kind; refused where only some are."""
    if fitting and len(fitting) < len(names):
        odd = next(name for name in names if name not in fitting)
        raise DataError(
            f"the folders in {root} are called by {kind} ({fitting[0]}), and {odd} is not: no "
            "class can be told from its name; take it out"
        )
    return bool(fitting)


def _imagenet(root: Path, wnids: Iterable[str]) -> dict[str, int]:
    from timm.data.imagenet_info import ImageNetInfo

    index = {wnid: i for i, wnid in enumerate(ImageNetInfo().label_names())}  # type: ignore[no-untyped-call]
    for wnid in wnids:
        if wnid not in index:
            raise DataError(
                f"{root / wnid}: {wnid} is none of ImageNet-1k's classes: take it out of the folder"
            )
    return {wnid: index[wnid] for wnid in wnids}


def _no_classes(root: Path, why: str, instead: Path) -> DataError:
    return DataError(
        f"the folders in {root} are no classes ({why}), so its pictures would have false labels: "
        f"give the folder of classes or of pictures itself, as {instead} may be"
    )
