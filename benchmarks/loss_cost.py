"""What packets cost where nothing is lost: `python benchmarks/loss_cost.py`.

Bytes of the packaged photos at lite0's splits, plain `ftc` against packets of a layer each.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np

import splitwire as sw
from splitwire.codecs.ftc import Ftc
from splitwire.codecs.packets.ftc import FtcPackets
from splitwire.codecs.profile import Profile
from splitwire.data.photos import load_photos
from splitwire.models.split import split
from splitwire.runner.threads import limit_threads


def main() -> None:
    """A row a split and quality."""
    limit_threads(1)
    model = sw.load_model("lite0")
    pictures = [model.preprocess.picture(photo.open(), 0) for photo in load_photos("samples")]
    print(
        "| split | quality | plain | packets | bytes in packets | more |\n|---|--:|--:|--:|--:|--:|"
    )
    for at in ("blocks.2", "blocks.3", "blocks.5"):
        halves = split(model, at)
        profile = Path(str(files("splitwire"))) / "profiles" / "lite0" / f"{at}-ftc.profile"
        crossing = [halves.start(x.astype(np.float32))[0][0].numpy() for x in pictures]
        for quality in (40, 50, 60, 74):
            codec = Ftc(profile=Profile.load(profile), quality=quality)
            plain = np.mean([len(codec.encode(x)) for x in crossing])
            sent = [FtcPackets(codec, x.shape).packets(x) for x in crossing]
            size = np.mean([sum(map(len, packets)) for packets in sent])
            count, more = np.mean([len(packets) for packets in sent]), 100 * (size / plain - 1)
            print(
                f"| {at} | {quality} | {plain:,.0f} | {count:.1f} | {size:,.0f} | {more:+.1f} % |"
            )


if __name__ == "__main__":
    main()
