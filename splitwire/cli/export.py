"""`splitwire export`: a split network with its codec as a bundle, which runs without torch."""

from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.options import CutPoint, ModelName, Profiles, TaskName, Weights, need


def export(
    model: ModelName,
    split: CutPoint,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")],
    codec: Annotated[str, typer.Option(help="NAME[:key=value,...].")] = "jpeg:quality=50",
    weights: Weights = "pretrained",
    task: TaskName = None,
    profiles: Profiles = None,
    int8: Annotated[
        int,
        typer.Option(
            min=0,
            help="Make the first half int8, by so many crops of --data, say 100; 0: leave it.",
        ),
    ] = 0,
    data: Annotated[
        str, typer.Option(help="A folder of pictures for that, or 'scikit-image'.")
    ] = "scikit-image",
) -> None:
    """Write a bundle: both halves as ONNX, the codec's profiles, and what a device has to know."""
    need("onnx", "onnxscript")
    from splitwire.bundle.export import write_bundle
    from splitwire.calibrate.store import ProfileStore
    from splitwire.codecs.registry import codec as codec_of
    from splitwire.data.photos import crops, load_photos
    from splitwire.models.load import load_model
    from splitwire.models.split import split as cut_at
    from splitwire.tasks.registry import load_task

    loaded = load_model(model, None if weights == "none" else weights)
    cut = cut_at(loaded, split)
    meant = load_task(task, loaded)
    made = ProfileStore(*profiles or ()).codecs(cut, codec_of(codec), meant.name)
    photos = load_photos(data, labelled=False) if int8 else []
    pictures = list(crops(photos, loaded.preprocess, int8, seed=0))
    manifest = write_bundle(out, cut, made, codec, meant, pictures)
    for name, file in manifest.files.items():
        print(f"{out / name}: {file.size:,} bytes")
    many = "any number of frames" if manifest.batch == "free" else "one frame"
    print(f"each half takes {many} at once; compare it with torch: splitwire check {out}")
