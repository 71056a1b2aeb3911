"""Gathers photos for calibration and training: `python tools/gather_photos.py FOLDER`.

They are those of photos.tsv, from packages of Debian's archive (bookworm, main), and those that
come with scikit-image. `apt-get download` fetches the packages (460 MB); nothing is installed.
None of them is among the 20 photos that `splitwire eval` scores on. Cut-outs, which come last, are
put before the photos there are. Licences, as the packages say:

    gcompris-qt-data               CC-BY, CC-BY-SA, public domain or GPL-3+, picture by picture
    lomiri-wallpapers-16.04/20.04  CC-BY, CC-BY-SA, CC0
    mate-backgrounds               GPL-2+, CC-BY-SA-4.0
    plasma-workspace-wallpapers    GPL-2+
    opencv-doc                     Apache-2.0, BSD
    palapeli-data                  GPL-2+, CC0, GFDL
    tuxpaint-stamps-default        GPL-2+
"""

import argparse
import csv
import io
import struct
import subprocess
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image, ImageOps

from splitwire.data.photos import load_photos

LIST = Path(__file__).parent / "photos.tsv"
RESOURCES = "usr/share/gcompris-qt/rcc"  # where the files of gcompris-qt-data lie packed
SHORT_SIDE = 720  # pixels that a photo keeps at most
CUT_OUTS = "tuxpaint-stamps-default"
MARGIN = 1.3  # of the square about a cut-out
FOLDER, ZLIB = 2, 1  # flags of Qt's resource format


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    wanted = defaultdict(list)
    with LIST.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            wanted[row["package"]].append(row["file"])
    for package, files in wanted.items():
        with tempfile.TemporaryDirectory() as place:
            found = dict(unpack(package, Path(place)))
            for name in files:
                picture = ImageOps.exif_transpose(Image.open(io.BytesIO(found[name])))
                if package == CUT_OUTS:
                    number = zlib.crc32(name.encode())
                    picture = before_photo(picture.convert("RGBA"), folder, number)
                keep(picture, folder / called(package, name))
        print(f"{package}: {len(files)} photos", flush=True)
    for photo in load_photos("scikit-image"):
        keep(photo.open(), folder / f"scikit-image__{photo.path.stem}.jpg")


def unpack(package: str, place: Path) -> Iterator[tuple[str, bytes]]:
    """The path and the bytes of each file of a package, and of each one packed in its resources."""
    subprocess.run(["apt-get", "download", "-qq", package], cwd=place, check=True)
    (archive,) = place.glob("*.deb")
    subprocess.run(["dpkg", "-x", archive.name, "."], cwd=place, check=True)
    for path in (p for p in place.rglob("*") if p.is_file() and p != archive):
        yield path.relative_to(place).as_posix(), path.read_bytes()
    for path in place.glob(f"{RESOURCES}/*.rcc"):
        yield from resources(path.read_bytes(), PurePosixPath(path.stem))


def resources(data: bytes, root: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    """The files of one of Qt's binary resource files, plain or deflated."""
    version, tree, start, names = struct.unpack_from(">4I", data, 4)
    size = 14 if version < 2 else 22  # of a node

    def walk(number: int, above: PurePosixPath) -> Iterator[tuple[str, bytes]]:
        at = tree + number * size
        name, flags, first, second = struct.unpack_from(">IHII", data, at)
        length = struct.unpack_from(">H", data, names + name)[0]
        title = data[names + name + 6 :][: 2 * length].decode("utf-16-be")
        path = above / title if number else above
        if flags & FOLDER:
            for child in range(second, second + first):
                yield from walk(child, path)
        else:
            place = start + second
            (count,) = struct.unpack_from(">I", data, place)
            packed = data[place + 4 : place + 4 + count]
            yield str(path), zlib.decompress(packed[4:]) if flags & ZLIB else packed

    return walk(0, root)


def called(package: str, name: str) -> str:
    path = PurePosixPath(name)
    return f"{package}__{'-'.join(path.with_suffix('').parts[-4:])}.jpg"


def before_photo(cut_out: Image.Image, folder: Path, number: int) -> Image.Image:
    """A square of one of the folder's photos, with a cut-out in its middle."""
    photos = [path for path in sorted(folder.iterdir()) if not path.name.startswith(CUT_OUTS)]
    side = round(max(cut_out.size) * MARGIN)
    with Image.open(photos[number % len(photos)]) as photo:
        square = ImageOps.fit(photo, (side, side), Image.Resampling.LANCZOS)
    square.paste(cut_out, ((side - cut_out.width) // 2, (side - cut_out.height) // 2), cut_out)
    return square


def keep(picture: Image.Image, path: Path) -> None:
    factor = min(1, SHORT_SIDE / min(picture.size))
    size = (round(picture.width * factor), round(picture.height * factor))
    small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.save(path, quality=95)


if __name__ == "__main__":
    main()
